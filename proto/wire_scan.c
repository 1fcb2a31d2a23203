/* SPDX-License-Identifier: MPL-2.0
 *
 * See wire_scan.h. Recursion is bounded by the depth of the schema, in which no type contains
 * itself, and by WIRE_SCAN_DEPTH_MAX besides.
 */
#include "proto/wire_scan.h"

#include <stdbool.h>

#include "broker.pb-c.h"
#include "proto/limits.h"
#include "proto/unicode.h"

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_64BIT = 1,
    WIRE_LENGTH = 2,
    WIRE_32BIT = 5,
};

#define TAG_BYTES_MAX     5
#define LENGTH_BYTES_MAX  5
#define VALUE_BYTES_MAX   10
#define BODY_FIELD        3u /* of Entry */
#define LEVELS_BELOW_SEND 1u

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

/* One field as it stands in the frame; `bytes` and `size` for WIRE_LENGTH only. */
struct field {
    uint32_t id;
    enum wire_type wire_type;
    uint64_t value;
    const uint8_t *bytes;
    size_t size;
};

/* What one message has shown so far. */
struct tally {
    const ProtobufCMessageDescriptor *descriptor;
    unsigned depth;
    uint32_t unknown;
    uint16_t counts[WIRE_SCAN_FIELDS_MAX];
};

static enum err refuse(struct wire_scan *scan, enum err err, const char *problem)
{
    scan->problem = problem;
    return err;
}

/* False: no end within `bytes_max` bytes or the message. */
static bool read_varint(struct cursor *cursor, unsigned bytes_max, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes_max && cursor->at < cursor->end; i++) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool skip(struct cursor *cursor, size_t size)
{
    if ((size_t)(cursor->end - cursor->at) < size)
        return false;
    cursor->at += size;
    return true;
}

static bool read_field(struct cursor *cursor, struct field *ret)
{
    uint64_t tag;

    if (!read_varint(cursor, TAG_BYTES_MAX, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
        return false;
    *ret = (struct field){.id = (uint32_t)(tag >> 3), .wire_type = (enum wire_type)(tag & 7)};
    switch (ret->wire_type) {
    case WIRE_VARINT:
        return read_varint(cursor, VALUE_BYTES_MAX, &ret->value);
    case WIRE_64BIT:
        return skip(cursor, 8);
    case WIRE_32BIT:
        return skip(cursor, 4);
    case WIRE_LENGTH:
        if (!read_varint(cursor, LENGTH_BYTES_MAX, &ret->value) || ret->value > INT32_MAX)
            return false;
        ret->size = (size_t)ret->value;
        ret->bytes = cursor->at;
        return skip(cursor, ret->size);
    default:
        return false; /* groups, and what never was */
    }
}

/* Ids of the schema run from 1 without gaps: the first look nearly always finds it. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *descriptor,
                                                  uint32_t id)
{
    if (id <= descriptor->n_fields && descriptor->fields[id - 1].id == id)
        return &descriptor->fields[id - 1];
    return protobuf_c_message_descriptor_get_field(descriptor, id);
}

/* The schema has only these kinds of field; anything else would be refused. */
static enum wire_type wire_type_of(ProtobufCType type)
{
    bool has_length = type == PROTOBUF_C_TYPE_BYTES || type == PROTOBUF_C_TYPE_STRING ||
                      type == PROTOBUF_C_TYPE_MESSAGE;

    return has_length ? WIRE_LENGTH : WIRE_VARINT;
}

static uint32_t repeats_max(const ProtobufCFieldDescriptor *descriptor)
{
    if (descriptor->label != PROTOBUF_C_LABEL_REPEATED)
        return 1;
    if (descriptor->descriptor == &roost__v1__header__descriptor)
        return WIRE_SCAN_HEADERS_MAX;
    return WIRE_SCAN_REPEATS_MAX;
}

static enum err scan_level(struct wire_scan *scan, const ProtobufCMessageDescriptor *descriptor,
                           struct cursor cursor, unsigned depth);

/* The numbers callers want to know of a frame without unpacking it. */
static void note_facts(struct wire_scan *scan, const struct tally *tally, const struct field *field)
{
    if (tally->depth == 0 && field->id == 1 && field->wire_type == WIRE_VARINT)
        scan->first_value = field->value;
    if (tally->descriptor != &roost__v1__entry__descriptor)
        return;
    if (field->id == BODY_FIELD && tally->depth == LEVELS_BELOW_SEND)
        scan->body_bytes += field->size;
}

static enum err scan_field(struct wire_scan *scan, struct tally *tally, const struct field *field)
{
    const ProtobufCFieldDescriptor *known = find_field(tally->descriptor, field->id);

    if (!known) {
        if (++tally->unknown > WIRE_SCAN_UNKNOWN_MAX)
            return refuse(scan, ERR_TOO_MANY, "too many unknown fields");
        return ERR_OK;
    }
    size_t index = (size_t)(known - tally->descriptor->fields);
    if (field->wire_type != wire_type_of(known->type) || index >= WIRE_SCAN_FIELDS_MAX)
        return refuse(scan, ERR_BAD_ENCODING, "a field has another wire type than in the schema");
    if (++tally->counts[index] > repeats_max(known)) {
        if (known->label != PROTOBUF_C_LABEL_REPEATED)
            return refuse(scan, ERR_BAD_ENCODING, "a singular field is there twice");
        if (known->descriptor == &roost__v1__entry__descriptor)
            return refuse(scan, ERR_TOO_MANY_ENTRIES, "send.entries: too many");
        return refuse(scan, ERR_TOO_MANY, "a list has too many members");
    }
    note_facts(scan, tally, field);
    if (known->type == PROTOBUF_C_TYPE_STRING && !unicode_is_valid(field->bytes, field->size))
        return refuse(scan, ERR_BAD_ENCODING, "a string is not UTF-8 or has a NUL");
    if (known->type == PROTOBUF_C_TYPE_MESSAGE)
        return scan_level(scan, known->descriptor,
                          (struct cursor){field->bytes, field->bytes + field->size},
                          tally->depth + 1);
    return ERR_OK;
}

static enum err scan_level(struct wire_scan *scan, const ProtobufCMessageDescriptor *descriptor,
                           struct cursor cursor, unsigned depth)
{
    struct tally tally = {.descriptor = descriptor, .depth = depth};
    struct field field;

    if (depth >= WIRE_SCAN_DEPTH_MAX)
        return refuse(scan, ERR_BAD_ENCODING, "too many levels of messages in messages");
    if (descriptor == &roost__v1__entry__descriptor)
        scan->entries++;
    while (cursor.at < cursor.end) {
        if (!read_field(&cursor, &field))
            return refuse(scan, ERR_BAD_ENCODING, "a field is cut off or malformed");
        enum err err = scan_field(scan, &tally, &field);
        if (err)
            return err;
    }
    return ERR_OK;
}

enum err wire_scan_message(struct wire_scan *scan, const ProtobufCMessageDescriptor *descriptor,
                           const uint8_t *bytes, size_t size)
{
    return scan_level(scan, descriptor, (struct cursor){bytes, bytes + size}, 0);
}
