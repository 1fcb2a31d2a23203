/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_entry.h.
 */
#include "gateways/ipmsg/ipmsg_entry.h"

#include <string.h>

#define DECODED_BYTES_MAX 4096

struct part {
    const uint8_t *data;
    size_t size;
};

/* --- Reading. */

static void read_name(enum ipmsg_charset charset, struct part part, char *ret_name)
{
    struct buf buf;
    buf_init(&buf, DECODED_BYTES_MAX);
    /* Too long: the beginning of it is there, and more than can be kept. */
    enum err err = ipmsg_decode_text(charset, part.data, part.size, &buf, NULL);
    bool is_there = !err || err == ERR_TOO_LARGE;
    (void)ipmsg_clean_name(buf_data(&buf), is_there ? buf_size(&buf) : 0, ret_name,
                           IPMSG_NAME_BYTES_MAX + 1);
    buf_fini(&buf);
}

/* The strings of an extension one after another. False: no more. */
static bool take_string(struct part *rest, struct part *ret)
{
    if (rest->size == 0)
        return false;
    const uint8_t *end = memchr(rest->data, 0, rest->size);
    *ret = (struct part){rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t taken = ret->size + (end ? 1 : 0);
    rest->data += taken;
    rest->size -= taken;
    return true;
}

static bool take_line(struct part *rest, struct part *ret)
{
    if (rest->size == 0)
        return false;
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    *ret = (struct part){rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t taken = ret->size + (end ? 1 : 0);
    rest->data += taken;
    rest->size -= taken;
    return true;
}

/* "UN:ana" and so on. */
static void read_copy(struct part lines, struct ipmsg_identity *ret)
{
    const struct {
        char key[4];
        char *name;
    } keys[] = {
        {"UN:", ret->user}, {"HN:", ret->host}, {"NN:", ret->nickname}, {"GN:", ret->group}};
    struct part line;
    while (take_line(&lines, &line)) {
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            struct part value = {line.data + 3, line.size - 3};
            if (line.size > 3 && memcmp(line.data, keys[i].key, 3) == 0)
                read_name(IPMSG_CHARSET_UTF8, value, keys[i].name);
        }
    }
}

static bool is_text(struct part part, const char *text)
{
    return part.size == strlen(text) && memcmp(part.data, text, part.size) == 0;
}

/* The group, iptux's icon and charset, the copy. */
static void read_extension(const struct ipmsg_packet *packet, struct ipmsg_identity *ret)
{
    struct part rest = {packet->extension, packet->extension_size}, string;
    for (unsigned i = 0; take_string(&rest, &string); i++) {
        bool is_copy = string.size > 0 && string.data[0] == '\n';
        if (is_copy)
            read_copy(string, ret);
        else if (i == 0)
            read_name(ret->charset, string, ret->group);
        else if (i == 2)
            ret->is_iptux |= is_text(string, "utf-8");
    }
}

static void read_fingerprint(struct ipmsg_identity *ret)
{
    size_t size = strlen(ret->user);
    if (size <= IPMSG_FINGERPRINT_CHARS + 1)
        return;
    const char *digits = ret->user + size - IPMSG_FINGERPRINT_CHARS;
    if (digits[-1] == '-' && strspn(digits, "0123456789abcdefABCDEF") == IPMSG_FINGERPRINT_CHARS)
        memcpy(ret->fingerprint, digits, IPMSG_FINGERPRINT_CHARS + 1);
}

/* iptux says nothing of its charset but sends UTF-8, which says itself. */
static enum ipmsg_charset guess_charset(const struct ipmsg_packet *packet, enum ipmsg_charset site)
{
    static const char iptux[] = "1_iptux";
    bool is_iptux = packet->version_size >= sizeof(iptux) - 1 &&
                    memcmp(packet->version, iptux, sizeof(iptux) - 1) == 0;
    return (packet->command & IPMSG_UTF8) || is_iptux ? IPMSG_CHARSET_UTF8 : site;
}

static bool is_entry(const struct ipmsg_packet *packet)
{
    uint32_t mode = IPMSG_MODE(packet->command);
    return mode == IPMSG_BR_ENTRY || mode == IPMSG_ANSENTRY || mode == IPMSG_BR_ABSENCE ||
           mode == IPMSG_BR_EXIT;
}

enum err ipmsg_entry_read(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                          struct ipmsg_identity *ret)
{
    *ret = (struct ipmsg_identity){.charset = guess_charset(packet, site)};
    ret->capabilities = packet->command & ~0xffu;
    read_name(ret->charset, (struct part){packet->user, packet->user_size}, ret->user);
    read_name(ret->charset, (struct part){packet->host, packet->host_size}, ret->host);
    read_name(IPMSG_CHARSET_UTF8, (struct part){packet->version, packet->version_size},
              ret->version);
    ret->is_iptux = strncmp(ret->version, "1_iptux", 7) == 0;
    if (is_entry(packet)) {
        ret->is_absent = packet->command & IPMSG_ABSENCE;
        read_name(ret->charset, (struct part){packet->body, packet->body_size}, ret->nickname);
        read_extension(packet, ret);
    }
    read_fingerprint(ret);
    return ret->user[0] || ret->host[0] ? ERR_OK : ERR_BAD_NAME;
}

/* --- Writing. */

static enum err append_copy(const struct ipmsg_own *own, struct buf *buf)
{
    return buf_append_format(buf, "\nUN:%s\nHN:%s\nNN:%s\nGN:%s", own->user, own->host,
                             own->nickname, own->group);
}

enum err ipmsg_entry_write(const struct ipmsg_own *own, enum ipmsg_charset charset, struct buf *buf)
{
    const char *words[] = {own->nickname, own->group};
    enum err err = ERR_OK;
    for (size_t i = 0; i < 2 && !err; i++) {
        err = ipmsg_encode_text(charset, (const uint8_t *)words[i], strlen(words[i]), buf, NULL);
        if (!err)
            err = buf_append_byte(buf, 0);
    }
    return err || charset == IPMSG_CHARSET_UTF8 ? err : append_copy(own, buf);
}
