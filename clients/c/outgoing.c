/* SPDX-License-Identifier: MPL-2.0
 *
 * See outgoing.h. The three tags written by hand here are asserted against the generated
 * descriptors by the unit test, which also unpacks what this file writes.
 */
#include "clients/c/outgoing.h"
#include "clients/c/view.h"

#include <stdlib.h>
#include <string.h>

#include "broker.pb-c.h"
#include "proto/limits.h"

#define TAG_SEND_FIRST_NO 0x08 /* field 1, varint */
#define TAG_SEND_ENTRIES  0x12 /* field 2, length-delimited */
#define TAG_ENTRY_SCOPE   0x12 /* field 2, length-delimited */

static size_t varint_bytes(uint64_t value)
{
    size_t count = 1;
    while (value >= 0x80) {
        value >>= 7;
        count++;
    }
    return count;
}

static uint8_t *write_varint(uint64_t value, uint8_t *at)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static bool is_in_range(const struct roost_outgoing *message)
{
    return message->scope && (message->body || message->body_size == 0) &&
           message->body_size <= WIRE_BODY_BYTES_CAP && message->kind >= ROOST_KIND_TEXT &&
           message->kind <= ROOST_KIND_SYSTEM && message->header_count <= WIRE_HEADERS_MAX &&
           (message->headers || message->header_count == 0) &&
           message->key_size <= WIRE_KEY_BYTES_MAX &&
           message->correlation_id_size <= WIRE_CORRELATION_BYTES_MAX &&
           message->priority <= WIRE_PRIORITY_MAX && message->receipts <= WIRE_RECEIPTS_MASK;
}

static bool is_text_in_range(const char *text, size_t size_max)
{
    return !text || strnlen(text, size_max + 1) <= size_max;
}

static bool are_headers_in_range(const struct roost_outgoing *message)
{
    for (size_t i = 0; i < message->header_count; i++) {
        const struct roost_header *header = &message->headers[i];
        if (!header->name || header->name[0] == '\0' ||
            !is_text_in_range(header->name, WIRE_HEADER_NAME_BYTES_MAX) ||
            header->value_size > WIRE_HEADER_VALUE_BYTES_MAX)
            return false;
    }
    return true;
}

static void fill_entry(const struct roost_outgoing *message, const uint8_t *id,
                       Roost__V1__Entry *entry)
{
    entry->message_id = bytes_of(id, ROOST_ID_BYTES);
    entry->body = bytes_of(message->body, message->body_size);
    entry->kind = (Roost__V1__Kind)message->kind;
    entry->content_type = view_text(message->content_type);
    entry->key = bytes_of(message->key, message->key_size);
    entry->priority = message->priority;
    entry->reply_to = view_text(message->reply_to);
    entry->correlation_id = bytes_of(message->correlation_id, message->correlation_id_size);
    if (message->parent_id)
        entry->parent_id = bytes_of(message->parent_id, ROOST_ID_BYTES);
    entry->created_ms = message->created_ms;
    entry->not_before_ms = message->not_before_ms;
    entry->ttl_ms = message->ttl_ms;
    entry->receipts = message->receipts;
}

static void fill_headers(const struct roost_outgoing *message, Roost__V1__Header *headers,
                         Roost__V1__Header **pointers)
{
    for (size_t i = 0; i < message->header_count; i++) {
        roost__v1__header__init(&headers[i]);
        headers[i].name = view_text(message->headers[i].name);
        headers[i].value = bytes_of(message->headers[i].value, message->headers[i].value_size);
        pointers[i] = &headers[i];
    }
}

enum roost_error outgoing_new(const struct roost_outgoing *message, struct outgoing **ret)
{
    if (!is_in_range(message) || !are_headers_in_range(message) ||
        !is_text_in_range(message->content_type, WIRE_CONTENT_TYPE_BYTES_MAX) ||
        !is_text_in_range(message->reply_to, WIRE_SCOPE_BYTES_MAX))
        return ROOST_USAGE;
    size_t scope_size = strnlen(message->scope, WIRE_SCOPE_BYTES_MAX + 1);
    if (scope_size == 0 || scope_size > WIRE_SCOPE_BYTES_MAX)
        return ROOST_BAD_SCOPE;

    uint8_t id[ROOST_ID_BYTES];
    if (message->message_id)
        memcpy(id, message->message_id, sizeof(id));
    else
        roost_id_new(id);

    Roost__V1__Entry entry;
    Roost__V1__Header headers[WIRE_HEADERS_MAX];
    Roost__V1__Header *pointers[WIRE_HEADERS_MAX];
    roost__v1__entry__init(&entry);
    fill_entry(message, id, &entry);
    if (message->header_count) {
        fill_headers(message, headers, pointers);
        entry.headers = pointers;
        entry.n_headers = message->header_count;
    }

    size_t rest_size = roost__v1__entry__get_packed_size(&entry);
    struct outgoing *outgoing = malloc(sizeof(*outgoing) + scope_size + rest_size);
    if (!outgoing)
        return ROOST_NO_MEMORY;
    *outgoing = (struct outgoing){
        .context = message->context,
        .scope_size = (uint32_t)scope_size,
        .rest_size = (uint32_t)rest_size,
        .body_size = (uint32_t)message->body_size,
    };
    memcpy(outgoing->message_id, id, sizeof(id));
    memcpy(outgoing->bytes, message->scope, scope_size);
    (void)roost__v1__entry__pack(&entry, outgoing->bytes + scope_size); /* exactly rest_size */
    *ret = outgoing;
    return ROOST_OK;
}

/* Bytes of the scope field of this entry: 0 when it is that of the entry before. */
static size_t scope_field_bytes(const struct outgoing *outgoing, const struct outgoing *before)
{
    if (before && before->scope_size == outgoing->scope_size &&
        memcmp(before->bytes, outgoing->bytes, outgoing->scope_size) == 0)
        return 0;
    return 1 + varint_bytes(outgoing->scope_size) + outgoing->scope_size;
}

size_t outgoing_entry_bytes(const struct outgoing *outgoing, const struct outgoing *before)
{
    size_t size = scope_field_bytes(outgoing, before) + outgoing->rest_size;
    return 1 + varint_bytes(size) + size;
}

uint8_t *outgoing_write_entry(const struct outgoing *outgoing, const struct outgoing *before,
                              uint8_t *at)
{
    size_t scope_bytes = scope_field_bytes(outgoing, before);

    *at++ = TAG_SEND_ENTRIES;
    at = write_varint(scope_bytes + outgoing->rest_size, at);
    if (scope_bytes) {
        *at++ = TAG_ENTRY_SCOPE;
        at = write_varint(outgoing->scope_size, at);
        memcpy(at, outgoing->bytes, outgoing->scope_size);
        at += outgoing->scope_size;
    }
    memcpy(at, outgoing->bytes + outgoing->scope_size, outgoing->rest_size);
    return at + outgoing->rest_size;
}

size_t outgoing_first_no_bytes(uint64_t first_no)
{
    return 1 + varint_bytes(first_no);
}

uint8_t *outgoing_write_first_no(uint64_t first_no, uint8_t *at)
{
    *at++ = TAG_SEND_FIRST_NO;
    return write_varint(first_no, at);
}
