/* SPDX-License-Identifier: MPL-2.0
 *
 * One entry of a SEND (wire_check_entry of proto/wire.h): every refusal here is the answer to one
 * publish number, never to the frame. Hot: ordered so that a usual entry (id, scope, body) passes
 * with one look at each field.
 */
#include "proto/name.h"
#include "proto/wire.h"

#include <stdbool.h>

struct verdict {
    enum err err;
    const char *problem;
};

#define FINE                  ((struct verdict){ERR_OK, NULL})
#define REFUSE(name, problem) ((struct verdict){ERR_##name, problem})

static bool is_id_or_nothing(const ProtobufCBinaryData *id)
{
    return id->len == 0 || id->len == WIRE_ID_BYTES;
}

static bool is_printable_ascii(const ProtobufCBinaryData *text, uint8_t lowest)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] < lowest || text->data[i] > 0x7e)
            return false;
    return true;
}

static struct verdict check_address(const Roost__V1__Entry *entry)
{
    struct scope_name scope;
    const char *problem;

    if (entry->message_id.len != WIRE_ID_BYTES)
        return entry->message_id.len == 0 ? REFUSE(MISSING_FIELD, "message_id: must not be empty")
                                          : REFUSE(BAD_FIELD, "message_id: must be 16 bytes");
    if (entry->scope.len == 0)
        return REFUSE(MISSING_FIELD, "scope: the first entry must name one");
    if (scope_parse(entry->scope.data, entry->scope.len, &scope, &problem))
        return (struct verdict){ERR_BAD_SCOPE, problem};
    if (entry->reply_to.len > 0 &&
        scope_parse(entry->reply_to.data, entry->reply_to.len, &scope, NULL))
        return REFUSE(BAD_SCOPE, "reply_to: must be a scope");
    return FINE;
}

static struct verdict check_headers(const Roost__V1__Entry *entry)
{
    if (entry->n_headers > WIRE_HEADERS_MAX)
        return REFUSE(TOO_MANY, "headers: at most 32");
    for (size_t i = 0; i < entry->n_headers; i++) {
        const Roost__V1__Header *header = entry->headers[i];
        if (header->name.len == 0 || header->name.len > WIRE_HEADER_NAME_BYTES_MAX)
            return REFUSE(BAD_FIELD, "headers.name: must be 1 to 127 bytes");
        if (!is_printable_ascii(&header->name, '!'))
            return REFUSE(BAD_FIELD, "headers.name: must be visible ASCII");
        if (header->value.len > WIRE_HEADER_VALUE_BYTES_MAX)
            return REFUSE(BAD_FIELD, "headers.value: at most 4096 bytes");
    }
    return FINE;
}

static struct verdict check_content(const Roost__V1__Entry *entry, const struct wire_limits *limits)
{
    if (entry->body.len > limits->body_bytes_max)
        return REFUSE(TOO_LARGE, "body: larger than body_bytes_max");
    if (entry->kind < 0 || entry->kind > ROOST__V1__KIND__REACTION)
        return REFUSE(BAD_FIELD, "kind: unknown");
    if (entry->kind == ROOST__V1__KIND__RECEIPT_KIND || entry->kind > ROOST__V1__KIND__CUSTOM)
        return REFUSE(BAD_FIELD, "kind: made by the broker only");
    if (entry->content_type.len > WIRE_CONTENT_TYPE_BYTES_MAX ||
        !is_printable_ascii(&entry->content_type, ' '))
        return REFUSE(BAD_FIELD, "content_type: must be at most 127 bytes of printable ASCII");
    if (entry->key.len > WIRE_KEY_BYTES_MAX)
        return REFUSE(BAD_FIELD, "key: at most 255 bytes");
    if (entry->priority > WIRE_PRIORITY_MAX)
        return REFUSE(BAD_FIELD, "priority: 0 to 9");
    if (entry->correlation_id.len > WIRE_CORRELATION_BYTES_MAX)
        return REFUSE(BAD_FIELD, "correlation_id: at most 64 bytes");
    if (!is_id_or_nothing(&entry->parent_id))
        return REFUSE(BAD_FIELD, "parent_id: must be 16 bytes");
    return FINE;
}

static struct verdict check_times(const Roost__V1__Entry *entry)
{
    if (entry->created_ms > WIRE_TIME_MS_MAX)
        return REFUSE(BAD_FIELD, "created_ms: beyond the year 9999");
    if (entry->not_before_ms > WIRE_TIME_MS_MAX)
        return REFUSE(BAD_FIELD, "not_before_ms: beyond the year 9999");
    if (entry->ttl_ms > WIRE_TTL_MS_MAX)
        return REFUSE(BAD_FIELD, "ttl_ms: at most 10 years");
    if (entry->receipts & ~WIRE_RECEIPTS_MASK)
        return REFUSE(BAD_FIELD, "receipts: unknown level");
    return FINE;
}

enum err wire_check_entry(const Roost__V1__Entry *entry, const struct wire_limits *limits,
                          const char **ret_problem)
{
    struct verdict verdict = check_address(entry);

    if (!verdict.err)
        verdict = check_content(entry, limits);
    if (!verdict.err)
        verdict = check_headers(entry);
    if (!verdict.err)
        verdict = check_times(entry);
    if (verdict.err && ret_problem)
        *ret_problem = verdict.problem;
    return verdict.err;
}
