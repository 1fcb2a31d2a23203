/* SPDX-License-Identifier: MPL-2.0
 *
 * See access.h.
 */
#include "access.h"

#include <string.h>

#define CONSUMER_MAIN "main"

static bool is_same_name(struct access_text one, struct access_text other)
{
    struct name_folded folded;
    return name_fold(one.data, one.size, &folded) == ERR_OK &&
           name_is(&folded, other.data, other.size);
}

enum err access_check(const struct access_who *who, enum access_purpose purpose,
                      enum scope_prefix kind, struct access_text scope_name, int64_t owner_id)
{
    if (kind != PREFIX_PEER)
        return ERR_OK;
    if (purpose == ACCESS_MANAGE && who->is_admin)
        return ERR_OK;
    bool is_own = owner_id != 0 ? owner_id == who->peer_id : is_same_name(scope_name, who->name);
    return is_own ? ERR_OK : ERR_NOT_ALLOWED;
}

enum err access_consumer_name(const struct access_who *who, enum scope_prefix kind,
                              struct access_text consumer, char ret_name[WIRE_NAME_BYTES_MAX + 1],
                              size_t *ret_size)
{
    if (consumer.size == 0 || kind == PREFIX_QUEUE)
        consumer = (struct access_text){CONSUMER_MAIN, strlen(CONSUMER_MAIN)};
    bool is_own = kind == PREFIX_ROOM || kind == PREFIX_TOPIC;
    size_t prefix = is_own ? who->name.size + 1 : 0;
    if (prefix + consumer.size > WIRE_NAME_BYTES_MAX ||
        (is_own && memchr(consumer.data, '/', consumer.size) != NULL))
        return ERR_BAD_NAME;
    if (is_own) {
        memcpy(ret_name, who->name.data, who->name.size);
        ret_name[who->name.size] = '/';
    }
    memcpy(ret_name + prefix, consumer.data, consumer.size);
    *ret_size = prefix + consumer.size;
    ret_name[*ret_size] = '\0';
    return ERR_OK;
}

bool access_is_own_consumer(const struct access_who *who, enum scope_prefix kind,
                            struct access_text stored_name)
{
    size_t prefix = who->name.size + 1;
    const char *name = stored_name.data;
    if (kind != PREFIX_ROOM)
        return true;
    return stored_name.size > prefix && memcmp(name, who->name.data, prefix - 1) == 0 &&
           name[prefix - 1] == '/' && memchr(name + prefix, '/', stored_name.size - prefix) == NULL;
}
