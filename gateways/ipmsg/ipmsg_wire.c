/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_wire.h.
 */
#include "gateways/ipmsg/ipmsg_wire.h"

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/name.h"
#include "proto/unicode.h"
#include "rt/check.h"

#define SENDS_AT_ONCE 4
#define GAP_MS        1000
#define KNOCK_MS      5000
#define KNOCK_MS_MAX  300000
#define KEY_DIGITS    16
#define IPTUX_VERSION "1_iptux"

/* --- Datagrams. */

static bool read_number(struct ipmsg_text text, uint64_t limit, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > 12)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret = value;
    return value <= limit;
}

static bool take_field(struct ipmsg_text *rest, struct ipmsg_text *ret)
{
    const uint8_t *colon = memchr(rest->data, ':', rest->size);
    if (!colon)
        return false;
    *ret = (struct ipmsg_text){rest->data, (size_t)(colon - rest->data)};
    *rest = (struct ipmsg_text){colon + 1, rest->size - ret->size - 1};
    return true;
}

enum err ipmsg_packet_parse(const void *bytes, size_t size, struct ipmsg_packet *ret)
{
    struct ipmsg_text rest = {bytes, size}, number, command;
    struct ipmsg_packet packet;
    uint64_t number_value, command_value;
    if (size == 0 || !take_field(&rest, &packet.version) || !take_field(&rest, &number) ||
        !take_field(&rest, &packet.user) || !take_field(&rest, &packet.host) ||
        !take_field(&rest, &command))
        return ERR_PROTOCOL;
    bool is_first_version = packet.version.size > 0 && packet.version.data[0] == '1' &&
                            (packet.version.size == 1 || !isdigit(packet.version.data[1]));
    if (!is_first_version || packet.user.size == 0 ||
        !read_number(number, UINT32_MAX, &number_value) ||
        !read_number(command, UINT32_MAX, &command_value))
        return ERR_PROTOCOL;
    packet.number = (uint32_t)number_value;
    packet.command = (uint32_t)command_value;
    packet.body = rest.data;
    packet.body_size = rest.size;
    *ret = packet;
    return ERR_OK;
}

struct ipmsg_text ipmsg_packet_text(const struct ipmsg_packet *packet)
{
    size_t size = packet->body_size ? strnlen((const char *)packet->body, packet->body_size) : 0;
    return (struct ipmsg_text){packet->body, size};
}

uint64_t ipmsg_packet_value(const struct ipmsg_packet *packet)
{
    uint64_t value = 0;
    return read_number(ipmsg_packet_text(packet), UINT32_MAX, &value) ? value : 0;
}

enum err ipmsg_packet_pack(struct buf *out, const char *user, const char *host, uint32_t number,
                           uint32_t command, const void *body, size_t size)
{
    buf_clear(out);
    enum err err = buf_append_format(out, "1:%u:%s:%s:%u:", number, user, host, command);
    if (!err)
        err = buf_append(out, body, size);
    if (!err)
        err = buf_append_byte(out, 0);
    return err ? ERR_FRAME_TOO_LARGE : ERR_OK;
}

/* --- Charsets. */

static const char *const iconv_names[] = {"UTF-8", "GB18030", "CP932"};

const char *ipmsg_charset_text(enum ipmsg_charset charset)
{
    static const char *const names[] = {"utf-8", "gb18030", "cp932", ""};
    return names[charset];
}

enum ipmsg_charset ipmsg_charset_read(const void *name, size_t size)
{
    static const struct {
        const char *name;
        enum ipmsg_charset charset;
    } known[] = {{"utf-8", IPMSG_IN_UTF8},      {"utf8", IPMSG_IN_UTF8},
                 {"gb18030", IPMSG_IN_GB18030}, {"gbk", IPMSG_IN_GB18030},
                 {"gb2312", IPMSG_IN_GB18030},  {"cp932", IPMSG_IN_CP932},
                 {"shift_jis", IPMSG_IN_CP932}, {"sjis", IPMSG_IN_CP932}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i].name) == size && strncasecmp(known[i].name, name, size) == 0)
            return known[i].charset;
    }
    return IPMSG_IN_UNKNOWN;
}

/* Converts what it can; each byte it cannot becomes `stand_in`. */
static enum err convert(struct buf *out, const char *to, const char *from, struct ipmsg_text text,
                        const char *stand_in, bool *ret_is_exact)
{
    iconv_t converter = iconv_open(to, from);
    char *in = (char *)(uintptr_t)text.data; /* only read */
    size_t left = text.size;
    enum err err = ERR_OK;
    *ret_is_exact = true;
    if (converter == (iconv_t)-1)
        return ERR_INTERNAL;
    while (left > 0 && !err) {
        char piece[4096], *end = piece;
        size_t room = sizeof(piece);
        size_t count = iconv(converter, &in, &left, &end, &room);
        bool is_stuck = count == (size_t)-1 && errno != E2BIG;
        err = buf_append(out, piece, sizeof(piece) - room);
        if (!is_stuck || err)
            continue;
        *ret_is_exact = false;
        err = buf_append_text(out, stand_in);
        in++;
        left--;
        while (from == iconv_names[IPMSG_IN_UTF8] && left > 0 && (*in & 0xc0) == 0x80) {
            in++; /* the rest of that character */
            left--;
        }
    }
    (void)iconv_close(converter); /* nothing to be done about it */
    return err;
}

enum err ipmsg_decode_text(struct buf *out, enum ipmsg_charset charset, const void *bytes,
                           size_t size, bool *ret_is_exact)
{
    const char *from = iconv_names[charset == IPMSG_IN_UNKNOWN ? IPMSG_IN_UTF8 : charset];
    bool is_exact = true;
    enum err err = ERR_OK;
    if (from == iconv_names[IPMSG_IN_UTF8] && unicode_is_valid(bytes, size))
        err = buf_append(out, bytes, size);
    else
        err = convert(out, iconv_names[IPMSG_IN_UTF8], from, (struct ipmsg_text){bytes, size},
                      "\xef\xbf\xbd", &is_exact);
    if (ret_is_exact)
        *ret_is_exact = is_exact;
    return err;
}

enum err ipmsg_encode_text(struct buf *out, enum ipmsg_charset charset, const void *bytes,
                           size_t size)
{
    bool is_exact;
    if (charset == IPMSG_IN_UTF8 || charset == IPMSG_IN_UNKNOWN)
        return buf_append(out, bytes, size);
    return convert(out, iconv_names[charset], iconv_names[IPMSG_IN_UTF8],
                   (struct ipmsg_text){bytes, size}, "?", &is_exact);
}

size_t ipmsg_cut(const void *utf8, size_t size, size_t limit)
{
    const uint8_t *bytes = utf8;
    if (size <= limit)
        return size;
    while (limit > 0 && (bytes[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}

/* --- Fields: names without control bytes, cut to their limit. */

static void put_field(char *ret, enum ipmsg_charset charset, struct ipmsg_text text)
{
    struct buf out;
    size_t size = 0;
    buf_init(&out, 65536);
    ret[0] = '\0';
    if (text.size > 4096)
        text.size = 4096;
    if (ipmsg_decode_text(&out, charset, text.data, text.size, NULL) == ERR_OK) {
        const uint8_t *bytes = buf_data(&out);
        size_t cut = ipmsg_cut(bytes, buf_size(&out), IPMSG_FIELD_BYTES);
        for (size_t i = 0; i < cut; i++) {
            if (bytes[i] >= ' ' && bytes[i] != 0x7f)
                ret[size++] = (char)bytes[i];
        }
        ret[size] = '\0';
    }
    if (name_check_text(ret, size, NULL) != ERR_OK) /* direction marks and the like */
        ret[0] = '\0';
    buf_fini(&out);
}

/* --- Who it is. */

/* UTF-8, else the charset of the place, else byte by byte: different names stay different. */
static void put_identity(struct buf *out, enum ipmsg_charset site, struct ipmsg_text text)
{
    struct buf decoded;
    bool is_exact = false;
    buf_init(&decoded, 4096);
    if (text.size > IPMSG_FIELD_BYTES)
        text.size = ipmsg_cut(text.data, text.size, IPMSG_FIELD_BYTES);
    enum ipmsg_charset charset = unicode_is_valid(text.data, text.size) ? IPMSG_IN_UTF8 : site;
    if (ipmsg_decode_text(&decoded, charset, text.data, text.size, &is_exact) != ERR_OK)
        is_exact = false;
    const uint8_t *bytes = is_exact ? buf_data(&decoded) : text.data;
    size_t size = is_exact ? buf_size(&decoded) : text.size;
    for (size_t i = 0; i < size; i++) {
        bool is_plain = bytes[i] > ' ' && bytes[i] != '@' && bytes[i] != '%' && bytes[i] != 0x7f &&
                        (is_exact || bytes[i] < 0x80);
        enum err err =
            is_plain ? buf_append_byte(out, bytes[i]) : buf_append_format(out, "%%%02x", bytes[i]);
        if (err)
            break; /* cut */
    }
    buf_fini(&decoded);
}

enum err ipmsg_identity(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                        char ret_name[WIRE_NAME_BYTES_MAX + 1], size_t *ret_size)
{
    struct buf name;
    buf_init(&name, WIRE_NAME_BYTES_MAX);
    enum err err = buf_append_text(&name, "lan:");
    put_identity(&name, site, packet->user);
    if (!err)
        err = buf_append_byte(&name, '@');
    put_identity(&name, site, packet->host);
    if (!err)
        err = name_check(buf_data(&name), buf_size(&name), NULL);
    if (!err) {
        *ret_size = buf_size(&name);
        memcpy(ret_name, buf_data(&name), *ret_size);
        ret_name[*ret_size] = '\0';
    }
    buf_fini(&name);
    return err ? ERR_BAD_NAME : ERR_OK;
}

static void read_fingerprint(struct ipmsg_text user, char ret[KEY_DIGITS + 1])
{
    ret[0] = '\0';
    if (user.size <= KEY_DIGITS || user.data[user.size - KEY_DIGITS - 1] != '-')
        return;
    for (size_t i = 0; i < KEY_DIGITS; i++) {
        uint8_t digit = user.data[user.size - KEY_DIGITS + i];
        if (!isxdigit(digit)) {
            ret[0] = '\0';
            return;
        }
        ret[i] = (char)tolower(digit);
    }
    ret[KEY_DIGITS] = '\0';
}

/* The next string of the body, which ends with NUL or with the body. */
static struct ipmsg_text next_string(struct ipmsg_text *rest)
{
    size_t size = rest->size ? strnlen((const char *)rest->data, rest->size) : 0;
    struct ipmsg_text string = {rest->data, size};
    size_t step = size < rest->size ? size + 1 : size;
    *rest = (struct ipmsg_text){rest->data + step, rest->size - step};
    return string;
}

static bool has_prefix(struct ipmsg_text text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

static struct ipmsg_text without(struct ipmsg_text text, size_t size)
{
    return (struct ipmsg_text){text.data + size, text.size - size};
}

/* "\nUN:user\nHN:host\nNN:nick\nGN:group": the same in UTF-8, which counts more. */
static void read_block(struct ipmsg_text block, struct ipmsg_about *ret)
{
    while (block.size > 0) {
        const uint8_t *end = memchr(block.data, '\n', block.size);
        size_t size = end ? (size_t)(end - block.data) : block.size;
        struct ipmsg_text line = {block.data, size};
        if (has_prefix(line, "HN:"))
            put_field(ret->host, IPMSG_IN_UTF8, without(line, 3));
        else if (has_prefix(line, "NN:"))
            put_field(ret->nickname, IPMSG_IN_UTF8, without(line, 3));
        else if (has_prefix(line, "GN:"))
            put_field(ret->group, IPMSG_IN_UTF8, without(line, 3));
        block = without(block, end ? size + 1 : size);
    }
}

void ipmsg_about_read(const struct ipmsg_packet *packet, enum ipmsg_charset site,
                      struct ipmsg_about *ret)
{
    struct ipmsg_text rest = {packet->body, packet->body_size};
    struct ipmsg_text nickname = next_string(&rest), group = next_string(&rest);
    struct ipmsg_text third = next_string(&rest), fourth = next_string(&rest);
    memset(ret, 0, sizeof(*ret)); /* the gaps too: it is compared as a whole */
    ret->is_known = true;
    ret->charset = IPMSG_IN_UNKNOWN;
    ret->capabilities = packet->command & ~0xffu;
    ret->is_iptux = has_prefix(packet->version, IPTUX_VERSION);
    if (ret->is_iptux)
        ret->charset = ipmsg_charset_read(fourth.data, fourth.size);
    enum ipmsg_charset charset = ret->charset;
    if (charset == IPMSG_IN_UNKNOWN)
        charset = packet->command & IPMSG_UTF8 ? IPMSG_IN_UTF8 : site;
    if (has_prefix(group, "\n")) /* no group, and not even an empty one */
        third = group;
    else
        put_field(ret->group, charset, group);
    put_field(ret->nickname, charset, nickname);
    put_field(ret->host, charset, packet->host);
    put_field(ret->version, IPMSG_IN_UTF8, packet->version);
    read_fingerprint(packet->user, ret->fingerprint);
    if (has_prefix(third, "\n"))
        read_block(without(third, 1), ret);
}

/* --- Sending again. */

int64_t ipmsg_send_next(struct ipmsg_schedule *schedule)
{
    int64_t delay_ms = KNOCK_MS;
    if (++schedule->sends < SENDS_AT_ONCE)
        return GAP_MS;
    for (unsigned i = SENDS_AT_ONCE; i < schedule->sends && delay_ms < KNOCK_MS_MAX; i++)
        delay_ms *= 2;
    return delay_ms < KNOCK_MS_MAX ? delay_ms : KNOCK_MS_MAX;
}

bool ipmsg_send_is_parked(const struct ipmsg_schedule *schedule)
{
    return schedule->sends >= SENDS_AT_ONCE;
}
