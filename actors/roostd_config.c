/* SPDX-License-Identifier: MPL-2.0
 *
 * See roostd_config.h.
 */
#include "roostd_config.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_gateway.h"
#include "gateways/ipmsg/lan_net.h"
#include "gateways/zmq/zmq_gateway.h"
#include "proto/name.h"

#define RELOAD  true
#define RESTART false

#define LAN_TEXT_BYTES_MAX 100

static const struct config_option options[] = {
#define BOOL(name, k, text, r, h)                                                                  \
    {.key = (k),                                                                                   \
     .type = CONFIG_BOOL,                                                                          \
     .offset = offsetof(struct roostd_config, name),                                               \
     .default_text = (text),                                                                       \
     .is_reloadable = (r),                                                                         \
     .help = (h)},
#define INT(name, k, text, lo, hi, u, r, h)                                                        \
    {.key = (k),                                                                                   \
     .type = CONFIG_INT,                                                                           \
     .offset = offsetof(struct roostd_config, name),                                               \
     .default_text = (text),                                                                       \
     .min = (lo),                                                                                  \
     .max = (hi),                                                                                  \
     .unit = (u),                                                                                  \
     .is_reloadable = (r),                                                                         \
     .help = (h)},
#define TEXT(name, k, text, r, h)                                                                  \
    {.key = (k),                                                                                   \
     .type = CONFIG_TEXT,                                                                          \
     .offset = offsetof(struct roostd_config, name),                                               \
     .default_text = (text),                                                                       \
     .is_reloadable = (r),                                                                         \
     .help = (h)},
#define CHOICE(name, k, text, c, r, h)                                                             \
    {.key = (k),                                                                                   \
     .type = CONFIG_CHOICE,                                                                        \
     .offset = offsetof(struct roostd_config, name),                                               \
     .default_text = (text),                                                                       \
     .choices = (c),                                                                               \
     .is_reloadable = (r),                                                                         \
     .help = (h)},
#define LIST(name, k, text, r, h)                                                                  \
    {.key = (k),                                                                                   \
     .type = CONFIG_LIST,                                                                          \
     .offset = offsetof(struct roostd_config, name),                                               \
     .default_text = (text),                                                                       \
     .is_reloadable = (r),                                                                         \
     .help = (h)},
#include "roostd_config.def"
#undef BOOL
#undef INT
#undef TEXT
#undef CHOICE
#undef LIST
};

const struct config_schema roostd_schema = {
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .struct_size = sizeof(struct roostd_config),
    .environment = "ROOST_",
};

/* --- Addresses */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_port(const char *text)
{
    if (strcmp(text, "*") == 0)
        return true;
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 5)
        return false;
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    return *end == 0 && port <= 65535;
}

/* "127.0.0.1", "127.x.y.z": four numbers, so that no host name can pass for one. */
static bool is_loopback_ipv4(const char *host, size_t size)
{
    unsigned parts = 0;
    size_t at = 0;
    if (size < 4 || memcmp(host, "127.", 4) != 0)
        return false;
    while (at < size) {
        size_t digits = 0;
        unsigned value = 0;
        for (; at < size && isdigit((unsigned char)host[at]) && digits < 4; at++, digits++)
            value = value * 10 + (unsigned)(host[at] - '0');
        parts++;
        if (digits == 0 || digits > 3 || value > 255 || parts > 4)
            return false;
        if (at < size && host[at++] != '.')
            return false;
        if (at == size && host[at - 1] == '.')
            return false;
    }
    return parts == 4;
}

static bool is_text(const char *text, size_t size, const char *wanted)
{
    return size == strlen(wanted) && memcmp(text, wanted, size) == 0;
}

static enum roostd_address tcp_kind(const char *rest)
{
    const char *colon = strrchr(rest, ':');
    if (!colon || colon == rest || !is_port(colon + 1) || strpbrk(rest, "/; \t"))
        return ADDRESS_WRONG;
    size_t size = (size_t)(colon - rest);
    if (is_loopback_ipv4(rest, size) || is_text(rest, size, "localhost") ||
        is_text(rest, size, "lo") || is_text(rest, size, "[::1]"))
        return ADDRESS_LOCAL;
    return ADDRESS_REMOTE;
}

bool roostd_address_is_curve(const char *address)
{
    return has_prefix(address, ZMQ_GATEWAY_CURVE);
}

bool roostd_has_curve(const struct roostd_config *config)
{
    for (size_t i = 0; i < config->zmq_listen.count; i++)
        if (roostd_address_is_curve(config->zmq_listen.items[i]))
            return true;
    return false;
}

enum roostd_address roostd_address_kind(const char *address)
{
    if (roostd_address_is_curve(address))
        return tcp_kind(address + strlen(ZMQ_GATEWAY_CURVE));
    if (has_prefix(address, "tcp://"))
        return tcp_kind(address + strlen("tcp://"));
    if (has_prefix(address, "ipc://"))
        return address[strlen("ipc://")] ? ADDRESS_LOCAL : ADDRESS_WRONG;
    return ADDRESS_WRONG;
}

bool roostd_is_local(const struct roostd_config *config)
{
    for (size_t i = 0; i < config->zmq_listen.count; i++)
        if (roostd_address_kind(config->zmq_listen.items[i]) != ADDRESS_LOCAL)
            return false;
    for (size_t i = 0; i < config->http_listen.count; i++)
        if (tcp_kind(config->http_listen.items[i]) != ADDRESS_LOCAL)
            return false;
    for (size_t i = 0; i < config->lair_listen.count; i++)
        if (tcp_kind(config->lair_listen.items[i]) != ADDRESS_LOCAL)
            return false;
    return true;
}

/* --- What ties several options together. The result of writing the sentence is not looked at: a
 *     sentence cut short is still one. */

static enum err check_listen(const struct roostd_config *config, bool is_insecure,
                             const char **ret_wrong)
{
    const struct config_list *listen = &config->zmq_listen;
    for (size_t i = 0; i < listen->count; i++) {
        *ret_wrong = listen->items[i];
        enum roostd_address kind = roostd_address_kind(listen->items[i]);
        if (kind == ADDRESS_WRONG || strlen(listen->items[i]) >= ZMQ_GATEWAY_ADDRESS_MAX)
            return ERR_CONFIG;
        if (kind == ADDRESS_REMOTE && !is_insecure && !roostd_address_is_curve(listen->items[i]))
            return ERR_UNSAFE_LISTENER;
    }
    return ERR_OK;
}

static bool is_lan_local(const struct roostd_config *config)
{
    struct lan_address address;
    for (size_t i = 0; i < config->ipmsg_listen.count; i++) {
        if (lan_address_parse(config->ipmsg_listen.items[i], &address) != ERR_OK ||
            !lan_address_is_local(address))
            return false;
    }
    return true;
}

bool roostd_is_private(const struct roostd_config *config)
{
    return roostd_is_local(config) && is_lan_local(config);
}

/* What is wrong with the options of the local network; NULL: nothing. */
static const char *lan_problem(const struct roostd_config *config, const char **ret_wrong)
{
    struct lan_address address;
    const struct config_list *listen = &config->ipmsg_listen, *seeds = &config->ipmsg_seeds;
    *ret_wrong = "ipmsg.listen";
    if (listen->count > LAN_LISTEN_MAX)
        return " may have at most 16 addresses";
    for (size_t i = 0; i < listen->count; i++) {
        *ret_wrong = listen->items[i];
        if (lan_address_parse(listen->items[i], &address) != ERR_OK)
            return " is no address for ipmsg.listen; write ADDRESS:PORT, as in 0.0.0.0:2425";
    }
    for (size_t i = 0; i < seeds->count; i++) {
        *ret_wrong = seeds->items[i];
        if (lan_address_parse(seeds->items[i], &address) != ERR_OK || address.port == 0)
            return " is no address for ipmsg.seeds; write ADDRESS or ADDRESS:PORT";
    }
    *ret_wrong = config->ipmsg_user;
    if (!lan_name_is_fit(config->ipmsg_user))
        return " is no ipmsg.user: 1 to 40 characters, no `:`, no `@`, and no key at its end";
    const char *shown[] = {config->ipmsg_nickname, config->ipmsg_group};
    for (size_t i = 0; i < 2; i++) {
        *ret_wrong = shown[i];
        if (strlen(shown[i]) > LAN_TEXT_BYTES_MAX ||
            name_check_text(shown[i], strlen(shown[i]), NULL) != ERR_OK)
            return " cannot be shown on the local network: at most 100 bytes of plain text";
    }
    return NULL;
}

/* What is wrong with the options of HTTP; NULL: nothing. */
static const char *http_problem(const struct roostd_config *config, bool is_insecure,
                                const char **ret_wrong, enum err *ret_err)
{
    const struct config_list *listen = &config->http_listen;
    bool is_tls = config->http_tls_certificate[0] && config->http_tls_key[0];
    *ret_err = ERR_CONFIG;
    *ret_wrong = "http.listen";
    if (listen->count > HTTP_GATEWAY_LISTEN_MAX)
        return " may have at most 8 addresses";
    for (size_t i = 0; i < listen->count; i++) {
        *ret_wrong = listen->items[i];
        enum roostd_address kind = tcp_kind(listen->items[i]);
        if (kind == ADDRESS_WRONG)
            return " is no address for http.listen; write ADDRESS:PORT, as in 127.0.0.1:7668";
        *ret_err = ERR_UNSAFE_LISTENER;
        if (kind == ADDRESS_REMOTE && !is_tls && !is_insecure)
            return " of http.listen can be reached from other machines, where tokens would travel "
                   "in the clear; set http.tls_certificate and http.tls_key, or say --insecure in "
                   "a closed laboratory";
        *ret_err = ERR_CONFIG;
    }
    *ret_wrong = config->http_tls_certificate[0] ? "http.tls_key" : "http.tls_certificate";
    if (!config->http_tls_certificate[0] != !config->http_tls_key[0])
        return " is missing: TLS needs both, the certificate and its key";
    *ret_wrong = "http.hosts";
    if (config->http_hosts.count > HTTP_GATEWAY_HOSTS_MAX)
        return " may have at most 16 names";
    return NULL;
}

/* What is wrong with the options of Lair Chat; NULL: nothing. */
static const char *lair_problem(const struct roostd_config *config, bool is_insecure,
                                const char **ret_wrong, enum err *ret_err)
{
    const struct config_list *listen = &config->lair_listen;
    bool is_tls = config->lair_tls_certificate[0] && config->lair_tls_key[0];
    *ret_err = ERR_CONFIG;
    *ret_wrong = config->lair_tls_certificate[0] ? "lair.tls_key" : "lair.tls_certificate";
    if (!config->lair_tls_certificate[0] != !config->lair_tls_key[0])
        return " is missing: TLS needs both, the certificate and its key";
    for (size_t i = 0; i < listen->count; i++) {
        *ret_wrong = listen->items[i];
        enum roostd_address kind = tcp_kind(listen->items[i]);
        if (kind == ADDRESS_WRONG)
            return " is no address for lair.listen; write ADDRESS:PORT, as in 127.0.0.1:8080";
        *ret_err = ERR_UNSAFE_LISTENER;
        if (kind == ADDRESS_REMOTE && !is_tls && !is_insecure)
            return " of lair.listen can be reached from other machines, where passwords would "
                   "travel "
                   "without anybody proving that he is the broker; set lair.tls_certificate and "
                   "lair.tls_key, or say --insecure in a closed laboratory";
        *ret_err = ERR_CONFIG;
    }
    return NULL;
}

/* "before'what'after" */
static enum err say(enum err code, struct buf *out, const char *before, const char *what,
                    const char *after)
{
    enum err err = buf_append_format(out, "%s'%s'%s", before, what, after);
    return err ? err : code;
}

enum err roostd_config_check(const struct roostd_config *config, bool is_insecure, struct buf *out)
{
    const char *wrong = "";
    if (config->zmq_listen.count == 0)
        return say(ERR_CONFIG, out, "", "zmq.listen", " needs at least one address");
    if (config->zmq_listen.count > ZMQ_GATEWAY_LISTEN_MAX)
        return say(ERR_CONFIG, out, "", "zmq.listen", " may have at most 16 addresses");
    enum err err = check_listen(config, is_insecure, &wrong);
    if (err == ERR_CONFIG)
        return say(
            err, out, "zmq.listen: ", wrong,
            " is no address; write curve://ADDRESS:PORT, tcp://ADDRESS:PORT (port * picks one) or "
            "ipc://PATH");
    if (err == ERR_UNSAFE_LISTENER)
        return say(
            err, out, "zmq.listen: ", wrong,
            " can be reached from other machines, where nobody would have to prove who he is and "
            "everything could be read; write curve:// instead of tcp:// (docs/OPERATIONS.md, "
            "\"Keys\"), listen on 127.0.0.1 or ipc://, or say --insecure in a closed laboratory");
    const char *problem = lan_problem(config, &wrong);
    if (problem)
        return say(ERR_CONFIG, out, "", wrong, problem);
    problem = http_problem(config, is_insecure, &wrong, &err);
    if (problem)
        return say(err, out, "", wrong, problem);
    if (roostd_has_curve(config) && config->security_server_key_file[0] == '\0')
        return say(ERR_CONFIG, out, "", "security.server_key_file",
                   " must name a file: a listener on curve:// needs the key of the broker");
    problem = lair_problem(config, is_insecure, &wrong, &err);
    if (problem)
        return say(err, out, "", wrong, problem);
    if (config->message_size_max_bytes > config->zmq_publish_total_max_bytes)
        return say(ERR_CONFIG, out, "", "zmq.publish_total_max_bytes",
                   " must hold at least one message of message.size_max_bytes");
    return ERR_OK;
}
