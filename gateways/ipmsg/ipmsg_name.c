/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_name.h.
 */
#include "gateways/ipmsg/ipmsg_name.h"

#include <string.h>

#include "proto/name.h"

#define PART_BYTES_MAX 64
#define PREFIX         "lan:"

static bool is_plain(uint8_t byte, bool is_ascii_only)
{
    bool is_shown = byte > ' ' && byte != 0x7f && byte != '@' && byte != '%';
    return is_shown && (byte < 0x80 || !is_ascii_only);
}

static enum err put_bytes(struct buf *out, const uint8_t *bytes, size_t size, bool is_ascii_only)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < size && !err; i++)
        err = is_plain(bytes[i], is_ascii_only) ? buf_append_byte(out, bytes[i])
                                                : buf_append_format(out, "%%%02x", bytes[i]);
    return err;
}

/* UTF-8, else the charset of the place, else byte by byte. */
static enum err put_part(struct buf *out, const uint8_t *bytes, size_t size,
                         enum ipmsg_charset site, bool is_ascii_only)
{
    struct buf text;
    size_t odd = 0;
    buf_init(&text, 4u * PART_BYTES_MAX);
    enum ipmsg_charset charset = ipmsg_is_utf8(bytes, size) ? IPMSG_CHARSET_UTF8 : site;
    if (size > PART_BYTES_MAX)
        size = ipmsg_cut_text(charset, bytes, size, PART_BYTES_MAX);
    enum err err = ipmsg_decode_text(charset, bytes, size, &text, &odd);
    bool is_read = !err && odd == 0 && !is_ascii_only;
    err = is_read ? put_bytes(out, buf_data(&text), buf_size(&text), false)
                  : put_bytes(out, bytes, size, true);
    buf_fini(&text);
    return err;
}

/* False: not a name that others accept. */
static bool make(struct buf *out, const struct ipmsg_packet *packet, enum ipmsg_charset site,
                 bool is_ascii_only)
{
    buf_clear(out);
    enum err err = buf_append_text(out, PREFIX);
    if (!err)
        err = put_part(out, packet->user, packet->user_size, site, is_ascii_only);
    if (!err)
        err = buf_append_byte(out, '@');
    if (!err)
        err = put_part(out, packet->host, packet->host_size, site, is_ascii_only);
    return !err && name_check(buf_data(out), buf_size(out), NULL) == ERR_OK;
}

enum err ipmsg_name_of(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                       char ret_name[WIRE_NAME_BYTES_MAX + 1], size_t *ret_size)
{
    struct buf name;
    buf_init(&name, WIRE_NAME_BYTES_MAX);
    bool is_there = packet->user_size > 0 || packet->host_size > 0;
    bool is_good =
        is_there && (make(&name, packet, site, false) || make(&name, packet, site, true));
    if (is_good) {
        *ret_size = buf_size(&name);
        memcpy(ret_name, buf_data(&name), *ret_size);
        ret_name[*ret_size] = '\0';
    }
    buf_fini(&name);
    return is_good ? ERR_OK : ERR_BAD_NAME;
}
