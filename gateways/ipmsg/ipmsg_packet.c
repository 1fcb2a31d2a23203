/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_packet.h.
 */
#include "gateways/ipmsg/ipmsg_packet.h"

#include <string.h>

#define VERSION "1"

struct field {
    const uint8_t *data;
    size_t size;
};

/* The next field and its colon. */
static bool take_field(struct field *rest, struct field *ret)
{
    const uint8_t *colon = rest->size ? memchr(rest->data, ':', rest->size) : NULL;
    if (!colon)
        return false;
    *ret = (struct field){rest->data, (size_t)(colon - rest->data)};
    rest->size -= ret->size + 1;
    rest->data = colon + 1;
    return true;
}

/* False: no digits, or something else among them. Saturates. */
static bool read_decimal(struct field text, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    *ret = value;
    return text.size > 0;
}

/* Programs write what they like behind the number: "1_iptux 0.8.3", "1@name". */
static bool is_version_1(struct field text)
{
    return text.size > 0 && text.data[0] == '1' &&
           (text.size == 1 || text.data[1] < '0' || text.data[1] > '9');
}

static size_t cut(size_t size)
{
    return size < IPMSG_FIELD_BYTES_MAX ? size : IPMSG_FIELD_BYTES_MAX;
}

static bool read_head(struct field *rest, struct ipmsg_packet *ret)
{
    struct field version, number, user, host, command;
    uint64_t number_value = 0, command_value = 0;
    bool is_whole = take_field(rest, &version) && take_field(rest, &number) &&
                    take_field(rest, &user) && take_field(rest, &host) &&
                    take_field(rest, &command);
    if (!is_whole || !is_version_1(version) || !read_decimal(number, &number_value) ||
        !read_decimal(command, &command_value) || command_value > UINT32_MAX)
        return false;
    *ret = (struct ipmsg_packet){
        .version = version.data,
        .version_size = cut(version.size),
        .number = number_value < UINT32_MAX ? (uint32_t)number_value : UINT32_MAX,
        .is_number_large = number_value >= UINT32_MAX,
        .user = user.data,
        .user_size = user.size,
        .host = host.data,
        .host_size = host.size,
        .command = (uint32_t)command_value,
    };
    return !memchr(version.data, 0, version.size) && !memchr(host.data, 0, host.size) &&
           !memchr(user.data, 0, user.size);
}

enum err ipmsg_packet_parse(const void *datagram, size_t size, struct ipmsg_packet *ret)
{
    struct field rest = {datagram, size};
    if (size > IPMSG_PACKET_BYTES_MAX || !read_head(&rest, ret))
        return ERR_PROTOCOL;
    const uint8_t *end = rest.size ? memchr(rest.data, 0, rest.size) : NULL;
    ret->body = rest.data;
    ret->body_size = end ? (size_t)(end - rest.data) : rest.size;
    if (!end)
        return ERR_OK;
    ret->extension = end + 1;
    ret->extension_size = rest.size - ret->body_size - 1;
    while (ret->extension_size > 0 && ret->extension[ret->extension_size - 1] == 0)
        ret->extension_size--;
    return ERR_OK;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

bool ipmsg_number_parse(const uint8_t *text, size_t size, uint32_t *ret)
{
    uint64_t value = 0;
    while (size > 0 && is_blank(text[size - 1]))
        size--;
    while (size > 0 && is_blank(text[0])) {
        text++;
        size--;
    }
    if (!read_decimal((struct field){text, size}, &value) || value > UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static enum err append_name(struct buf *buf, const char *name)
{
    enum err err = ERR_OK;
    for (size_t i = 0; name[i] && i < IPMSG_FIELD_BYTES_MAX && !err; i++) {
        uint8_t byte = (uint8_t)name[i];
        err = buf_append_byte(buf, byte == ':' || byte < ' ' || byte == 0x7f ? '_' : byte);
    }
    return err ? err : buf_append_byte(buf, ':');
}

enum err ipmsg_packet_format(const struct ipmsg_said *said, struct buf *buf)
{
    enum err err = buf_append_format(buf, VERSION ":%u:", said->number);
    if (!err)
        err = append_name(buf, said->user);
    if (!err)
        err = append_name(buf, said->host);
    if (!err)
        err = buf_append_format(buf, "%u:", said->command);
    if (!err && said->body_size > 0)
        err = buf_append(buf, said->body, said->body_size);
    return err ? err : buf_append_byte(buf, 0); /* some programs show nothing without it */
}
