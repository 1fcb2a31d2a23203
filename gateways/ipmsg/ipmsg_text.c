/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_text.h.
 */
#include "gateways/ipmsg/ipmsg_text.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "proto/name.h"
#include "rt/check.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define CHUNK_BYTES 4096

static const struct {
    const char *text;
    enum ipmsg_charset charset;
} names[] = {{"utf-8", IPMSG_CHARSET_UTF8},       {"gb18030", IPMSG_CHARSET_GB18030},
             {"cp932", IPMSG_CHARSET_CP932},      {"utf8", IPMSG_CHARSET_UTF8},
             {"gbk", IPMSG_CHARSET_GB18030},      {"gb2312", IPMSG_CHARSET_GB18030},
             {"cp936", IPMSG_CHARSET_GB18030},    {"shift_jis", IPMSG_CHARSET_CP932},
             {"shift-jis", IPMSG_CHARSET_CP932},  {"sjis", IPMSG_CHARSET_CP932},
             {"windows-31j", IPMSG_CHARSET_CP932}};

const char *ipmsg_charset_text(enum ipmsg_charset charset)
{
    CHECK(charset < IPMSG_CHARSET_COUNT);
    return names[charset].text;
}

bool ipmsg_charset_parse(const char *text, size_t size, enum ipmsg_charset *ret)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].text) == size && strncasecmp(names[i].text, text, size) == 0) {
            *ret = names[i].charset;
            return true;
        }
    }
    return false;
}

/* --- UTF-8: how long the character is that begins here; 0: none does. */

static size_t utf8_length(const uint8_t *bytes, size_t size)
{
    static const uint8_t lowest[] = {0, 0, 0x80, 0xa0, 0x90}; /* of the second byte: not overlong */
    if (bytes[0] < 0x80)
        return 1;
    size_t length = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    bool is_lead = bytes[0] == 0xe0 || bytes[0] == 0xf0;
    if (is_lead && bytes[1] < lowest[length])
        return 0;
    if ((bytes[0] == 0xed && bytes[1] > 0x9f) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
        return 0; /* surrogates; above U+10FFFF */
    return length;
}

bool ipmsg_is_utf8(const uint8_t *bytes, size_t size)
{
    size_t length = 1;
    for (size_t at = 0; at < size && length > 0; at += length)
        length = utf8_length(bytes + at, size - at);
    return length > 0;
}

static enum err clean_utf8(const uint8_t *bytes, size_t size, struct buf *buf, size_t *odd)
{
    enum err err = ERR_OK;
    size_t begin = 0;
    for (size_t at = 0; at < size && !err;) {
        size_t length = utf8_length(bytes + at, size - at);
        at += length ? length : 1;
        if (length > 0)
            continue;
        err = buf_append(buf, bytes + begin, at - 1 - begin);
        if (!err)
            err = buf_append_text(buf, REPLACEMENT);
        begin = at;
        (*odd)++;
    }
    return err || begin == size ? err : buf_append(buf, bytes + begin, size - begin);
}

/* --- Others, by the C library. */

/* What does not belong: one byte in, or one character of UTF-8 in. */
static size_t odd_length(bool is_decoding, const uint8_t *bytes, size_t size)
{
    size_t length = is_decoding ? 1 : utf8_length(bytes, size);
    return length ? length : 1;
}

static enum err convert(iconv_t conversion, bool is_decoding, const uint8_t *bytes, size_t size,
                        struct buf *buf, size_t *odd)
{
    char *in = (char *)(uintptr_t)bytes; /* iconv only reads it */
    enum err err = ERR_OK;
    while (size > 0 && !err) {
        uint8_t *space;
        err = buf_reserve(buf, CHUNK_BYTES < buf_room(buf) ? CHUNK_BYTES : buf_room(buf), &space);
        if (err)
            break;
        size_t room = CHUNK_BYTES < buf_room(buf) ? CHUNK_BYTES : buf_room(buf), left = room;
        char *out = (char *)space;
        size_t result = iconv(conversion, &in, &size, &out, &left);
        buf_commit(buf, room - left);
        if (result != (size_t)-1)
            break;
        if (errno == E2BIG) {
            err = room == left ? ERR_TOO_LARGE : ERR_OK;
            continue;
        }
        size_t length = odd_length(is_decoding, (const uint8_t *)in, size);
        in += length;
        size -= length;
        (*odd)++;
        err = buf_append_text(buf, is_decoding ? REPLACEMENT : "?");
    }
    return err;
}

static enum err convert_all(enum ipmsg_charset charset, bool is_decoding, const uint8_t *bytes,
                            size_t size, struct buf *buf, size_t *ret_odd)
{
    size_t odd = 0;
    enum err err;
    if (charset == IPMSG_CHARSET_UTF8) {
        err = clean_utf8(bytes, size, buf, &odd);
    } else {
        const char *other = ipmsg_charset_text(charset);
        iconv_t conversion = is_decoding ? iconv_open("utf-8", other) : iconv_open(other, "utf-8");
        if (conversion == (iconv_t)-1) {
            err = clean_utf8(bytes, size, buf, &odd); /* a C library without its tables */
        } else {
            err = convert(conversion, is_decoding, bytes, size, buf, &odd);
            (void)iconv_close(conversion); /* it was opened */
        }
    }
    if (ret_odd)
        *ret_odd = odd;
    return err;
}

enum err ipmsg_decode_text(enum ipmsg_charset charset, const uint8_t *bytes, size_t size,
                           struct buf *buf, size_t *ret_odd)
{
    return convert_all(charset, true, bytes, size, buf, ret_odd);
}

enum err ipmsg_encode_text(enum ipmsg_charset charset, const uint8_t *text, size_t size,
                           struct buf *buf, size_t *ret_odd)
{
    return convert_all(charset, false, text, size, buf, ret_odd);
}

/* --- Cutting. */

static size_t gb18030_length(const uint8_t *bytes, size_t size)
{
    if (bytes[0] < 0x81 || bytes[0] == 0xff || size < 2)
        return 1;
    bool is_four = bytes[1] >= '0' && bytes[1] <= '9';
    return is_four && size >= 4 ? 4 : 2;
}

static size_t cp932_length(const uint8_t *bytes, size_t size)
{
    bool is_lead = (bytes[0] >= 0x81 && bytes[0] <= 0x9f) || (bytes[0] >= 0xe0 && bytes[0] <= 0xfc);
    return is_lead && size >= 2 ? 2 : 1;
}

static size_t character_length(enum ipmsg_charset charset, const uint8_t *bytes, size_t size)
{
    if (charset == IPMSG_CHARSET_GB18030)
        return gb18030_length(bytes, size);
    if (charset == IPMSG_CHARSET_CP932)
        return cp932_length(bytes, size);
    size_t length = utf8_length(bytes, size);
    return length ? length : 1;
}

size_t ipmsg_cut_text(enum ipmsg_charset charset, const uint8_t *bytes, size_t size, size_t limit)
{
    size_t at = 0;
    while (at < size) {
        size_t length = character_length(charset, bytes + at, size - at);
        if (at + length > limit && at > 0)
            break;
        at += length;
    }
    return at;
}

/* --- Names. */

static bool is_shown(const uint8_t *character, size_t length)
{
    const char *problem;
    return name_check_text(character, length, &problem) == ERR_OK;
}

size_t ipmsg_clean_name(const uint8_t *text, size_t size, char *ret_name, size_t ret_size)
{
    size_t used = 0;
    CHECK(ret_size > 0);
    while (size > 0 && (text[0] == ' ' || text[0] == '\t')) {
        text++;
        size--;
    }
    for (size_t at = 0; at < size;) {
        size_t length = utf8_length(text + at, size - at);
        bool is_fine = length > 0 && is_shown(text + at, length);
        size_t wanted = is_fine ? length : 1;
        if (used + wanted >= ret_size)
            break;
        if (is_fine)
            memcpy(ret_name + used, text + at, length);
        else
            ret_name[used] = '_';
        used += wanted;
        at += length ? length : 1;
    }
    while (used > 0 && ret_name[used - 1] == ' ')
        used--;
    ret_name[used] = '\0';
    return used;
}
