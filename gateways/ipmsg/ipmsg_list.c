/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_list.h.
 */
#include "gateways/ipmsg/ipmsg_list.h"

#include <stdio.h>

#include "gateways/ipmsg/ipmsg_packet.h"

#define BEL          0x07
#define EMPTY        0x08
#define HEAD_BYTES   12u /* "    0" BEL "    0" BEL */
#define NUMBER_BYTES 12u /* of 32 bits, and a NUL */

bool ipmsg_list_read_start(const uint8_t *body, size_t size, uint32_t *ret_start)
{
    uint32_t start = 0;
    if (size > 0 && !ipmsg_number_parse(body, size, &start))
        return false;
    if (start > IPMSG_LIST_INDEX_MAX)
        return false;
    *ret_start = start;
    return true;
}

static uint32_t swap_port(uint32_t port)
{
    return (port & 0xff) << 8 | (port >> 8 & 0xff);
}

static void write_head(const struct ipmsg_list_page *page, uint32_t next_start)
{
    char head[HEAD_BYTES + 1];
    (void)snprintf(head, sizeof(head), "%5u\a%5u\a", next_start,
                   page->count); /* five digits each */
    memcpy(page->buf->memory + page->buf->begin + page->begin, head, HEAD_BYTES);
}

enum err ipmsg_list_begin(struct ipmsg_list_page *page, struct buf *buf, size_t bytes_max)
{
    static const uint8_t blanks[HEAD_BYTES];
    *page = (struct ipmsg_list_page){.buf = buf, .begin = buf_size(buf), .bytes_max = bytes_max};
    if (bytes_max < HEAD_BYTES)
        return ERR_TOO_LARGE;
    enum err err = buf_append(buf, blanks, HEAD_BYTES);
    if (!err)
        write_head(page, 0);
    return err;
}

/* In no charset of the field is a control byte the second one of a character. */
static void put_text(uint8_t **at, struct ipmsg_bytes field)
{
    if (field.size == 0)
        *(*at)++ = EMPTY;
    for (size_t i = 0; i < field.size; i++) {
        uint8_t byte = field.data[i];
        *(*at)++ = byte < ' ' || byte == 0x7f ? '_' : byte;
    }
    *(*at)++ = BEL;
}

static void put_number(uint8_t **at, uint32_t number)
{
    char text[NUMBER_BYTES];
    int size = snprintf(text, sizeof(text), "%u", number);
    memcpy(*at, text, (size_t)size);
    *at += size;
    *(*at)++ = BEL;
}

enum err ipmsg_list_add(struct ipmsg_list_page *page, const struct ipmsg_host *host)
{
    const struct ipmsg_bytes *texts[] = {&host->user, &host->host, &host->address, &host->nickname,
                                         &host->group};
    size_t size = 2 * (size_t)NUMBER_BYTES;
    uint8_t *space, *at;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        size += texts[i]->size + 2; /* BEL, and the byte of an empty one */
    enum err err =
        page->count < IPMSG_LIST_INDEX_MAX ? buf_reserve(page->buf, size, &space) : ERR_TOO_LARGE;
    if (err)
        return err;
    at = space;
    put_text(&at, host->user);
    put_text(&at, host->host);
    put_number(&at, host->status);
    put_text(&at, host->address);
    put_number(&at, swap_port(host->port));
    put_text(&at, host->nickname);
    put_text(&at, host->group);
    size_t used = (size_t)(at - space);
    if (buf_size(page->buf) - page->begin + used > page->bytes_max)
        return ERR_TOO_LARGE;
    buf_commit(page->buf, used);
    page->count++;
    return ERR_OK;
}

enum err ipmsg_list_end(struct ipmsg_list_page *page, uint32_t next_start)
{
    bool is_fine = next_start <= IPMSG_LIST_INDEX_MAX;
    write_head(page, is_fine ? next_start : 0);
    return is_fine ? ERR_OK : ERR_TOO_MANY;
}
