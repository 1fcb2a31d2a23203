/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_cursor.h. The bytes behind the text: 8 of seq, 4 of offset, the name.
 */
#include "gateways/http/http_cursor.h"

#include <sodium.h>
#include <string.h>

#define SEQ_BYTES    8u
#define OFFSET_BYTES 4u
#define HEAD_BYTES   (SEQ_BYTES + OFFSET_BYTES)
#define BYTES_MAX    (HEAD_BYTES + WIRE_NAME_BYTES_MAX)

_Static_assert(sodium_base64_ENCODED_LEN(BYTES_MAX, sodium_base64_VARIANT_URLSAFE_NO_PADDING) <=
                   HTTP_CURSOR_TEXT_MAX,
               "the longest cursor fits");

void http_cursor_write(const struct http_cursor *cursor, char ret_text[HTTP_CURSOR_TEXT_MAX])
{
    uint8_t bytes[BYTES_MAX];
    for (unsigned i = 0; i < SEQ_BYTES; i++)
        bytes[i] = (uint8_t)(cursor->seq >> 8 * i);
    for (unsigned i = 0; i < OFFSET_BYTES; i++)
        bytes[SEQ_BYTES + i] = (uint8_t)(cursor->offset >> 8 * i);
    memcpy(bytes + HEAD_BYTES, cursor->name, cursor->name_size);
    (void)sodium_bin2base64(ret_text, HTTP_CURSOR_TEXT_MAX, bytes, HEAD_BYTES + cursor->name_size,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

enum err http_cursor_read(struct http_text text, struct http_cursor *ret)
{
    uint8_t bytes[BYTES_MAX];
    size_t size;
    if (text.size == 0 ||
        sodium_base642bin(bytes, sizeof(bytes), text.data, text.size, NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size < HEAD_BYTES)
        return ERR_BAD_FIELD;
    *ret = (struct http_cursor){.name_size = size - HEAD_BYTES};
    for (unsigned i = 0; i < SEQ_BYTES; i++)
        ret->seq |= (uint64_t)bytes[i] << 8 * i;
    for (unsigned i = 0; i < OFFSET_BYTES; i++)
        ret->offset |= (uint32_t)bytes[SEQ_BYTES + i] << 8 * i;
    memcpy(ret->name, bytes + HEAD_BYTES, ret->name_size);
    return ret->seq > WIRE_NUMBER_MAX || ret->offset > WIRE_OFFSET_MAX ? ERR_BAD_FIELD : ERR_OK;
}
