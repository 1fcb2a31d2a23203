/* SPDX-License-Identifier: MPL-2.0
 *
 * See peer_label.h.
 */
#include "peer_label.h"

#include <stdbool.h>
#include <string.h>

static const char lan_prefix[] = "lan:";

static struct peer_label whole(const char *text)
{
    return (struct peer_label){text, strlen(text)};
}

/* "lan:USER@HOST": the last @ divides, as a host has none. */
static bool split_lan(const char *name, struct peer_label *ret_user, struct peer_label *ret_host)
{
    size_t prefix = sizeof(lan_prefix) - 1;
    if (strncmp(name, lan_prefix, prefix) != 0)
        return false;
    const char *user = name + prefix, *at = strrchr(user, '@');
    *ret_user = (struct peer_label){user, at ? (size_t)(at - user) : strlen(user)};
    *ret_host = whole(at ? at + 1 : "");
    return true;
}

static void cut_fingerprint(struct peer_label *user, const char *fingerprint)
{
    size_t size = strlen(fingerprint);
    if (size == 0 || user->size < size + 1)
        return;
    const char *end = user->text + user->size - size;
    if (end[-1] == '-' && memcmp(end, fingerprint, size) == 0)
        user->size -= size + 1;
}

struct peer_label peer_label(const struct peer_names *names)
{
    struct peer_label user = whole(names->name), host = whole("");
    if (names->nickname[0])
        return whole(names->nickname);
    if (names->display_name[0])
        return whole(names->display_name);
    if (split_lan(names->name, &user, &host))
        cut_fingerprint(&user, names->fingerprint);
    if (user.size)
        return user;
    if (names->host_name[0])
        return whole(names->host_name);
    if (host.size)
        return host;
    return whole(names->ip[0] ? names->ip : names->name);
}
