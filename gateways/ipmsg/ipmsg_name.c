/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_name.h.
 */
#include "gateways/ipmsg/ipmsg_name.h"

#include <sodium.h>
#include <string.h>

#include "proto/name.h"
#include "rt/check.h"

#define PART_BYTES_MAX  64  /* of USER or HOST that are read ... */
#define SHOWN_BYTES_MAX 100 /* ... and of what they become */
#define DIGEST_BYTES    10
#define PREFIX          "lan:"
#define CUT             "%~" /* nothing else becomes this: "%" itself is "%25" */

_Static_assert(sizeof(PREFIX) + 1 + 2 * (SHOWN_BYTES_MAX + sizeof(CUT) - 1 + 2 * DIGEST_BYTES) <=
                   WIRE_NAME_BYTES_MAX + 1,
               "what is cut always fits");

struct part {
    const uint8_t *data;
    size_t size;
};

static bool is_plain(uint8_t byte, bool is_ascii_only)
{
    bool is_shown = byte > ' ' && byte != 0x7f && byte != '@' && byte != '%';
    return is_shown && (byte < 0x80 || !is_ascii_only);
}

/* Bytes of the character (or the byte that is none) at the beginning. */
static size_t character(struct part text, bool is_ascii_only)
{
    size_t size = 1;
    if (is_ascii_only || text.data[0] < 0xc0)
        return 1;
    while (size < text.size && (text.data[size] & 0xc0u) == 0x80u)
        size++;
    return size;
}

/* Whole characters, as many as there is room for; *ret_rest is what is left. */
static enum err put_characters(struct buf *out, struct part text, bool is_ascii_only,
                               size_t *ret_rest)
{
    size_t begin = buf_size(out);
    enum err err = ERR_OK;
    while (text.size > 0 && !err) {
        size_t size = character(text, is_ascii_only), shown = 0;
        for (size_t i = 0; i < size; i++)
            shown += is_plain(text.data[i], is_ascii_only) ? 1 : 3;
        if (buf_size(out) - begin + shown > SHOWN_BYTES_MAX)
            break;
        for (size_t i = 0; i < size && !err; i++)
            err = is_plain(text.data[i], is_ascii_only)
                      ? buf_append_byte(out, text.data[i])
                      : buf_append_format(out, "%%%02x", text.data[i]);
        text.data += size;
        text.size -= size;
    }
    *ret_rest = text.size;
    return err;
}

/* Instead of what does not fit: a digest of all of it, so that it stays another name. */
static enum err put_digest(struct buf *out, struct part whole)
{
    uint8_t digest[crypto_generichash_BYTES_MIN];
    enum err err = buf_append_text(out, CUT);
    CHECK(crypto_generichash(digest, sizeof(digest), whole.data, whole.size, NULL, 0) == 0);
    for (size_t i = 0; i < DIGEST_BYTES && !err; i++)
        err = buf_append_format(out, "%02x", digest[i]);
    return err;
}

/* UTF-8, else the charset of the place, else byte by byte. */
static enum err put_part(struct buf *out, struct part whole, enum ipmsg_charset site,
                         bool is_ascii_only)
{
    struct buf text;
    size_t odd = 0, rest = 0;
    struct part part = whole;
    buf_init(&text, 4u * PART_BYTES_MAX);
    enum ipmsg_charset charset = ipmsg_is_utf8(whole.data, whole.size) ? IPMSG_CHARSET_UTF8 : site;
    if (part.size > PART_BYTES_MAX)
        part.size = ipmsg_cut_text(charset, part.data, part.size, PART_BYTES_MAX);
    enum err err = ipmsg_decode_text(charset, part.data, part.size, &text, &odd);
    bool is_read = !err && odd == 0 && !is_ascii_only;
    const struct part read = {buf_data(&text), buf_size(&text)};
    err = put_characters(out, is_read ? read : part, !is_read, &rest);
    if (!err && (rest > 0 || part.size < whole.size))
        err = put_digest(out, whole);
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
        err = put_part(out, (struct part){packet->user, packet->user_size}, site, is_ascii_only);
    if (!err)
        err = buf_append_byte(out, '@');
    if (!err)
        err = put_part(out, (struct part){packet->host, packet->host_size}, site, is_ascii_only);
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
