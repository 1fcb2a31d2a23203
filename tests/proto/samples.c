/* SPDX-License-Identifier: MPL-2.0
 *
 * See samples.h.
 */
#include "samples.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "broker.pb-c.h"
#include "proto/wire.h"
#include "rt/arena.h"
#include "rt/check.h"

#define SAMPLES_BYTES_MAX (64u << 20) /* of all samples of one test program */
#define SAMPLE_TIME_MS    1790000000000ull

/* What a text field holds, by its name. Two values, for two members of a list. */
static const struct {
    const char *field;
    const char *values[2];
} texts[] = {
    {"peer", {"alice", "J\xc3\xbcrgen"}},
    {"sender", {"bob", "lan:carol@host"}},
    {"attached_peer", {"alice", "bob"}},
    {"scope", {"queue:resize", "peer:alice"}},
    {"reply_to", {"peer:bob", "peer:carol"}},
    {"consumer", {"main", "phone"}},
    {"credentials", {"correct horse", ""}},
    {"software", {"libroost 0.1.0", ""}},
    {"display_name", {"Alice \xe2\x98\x83", "Bob"}},
    {"nickname", {"Ali", "Bobby"}},
    {"name", {"tenant", "trace-id"}},
    {"after_name", {"alice", "bob"}},
    {"next_name", {"carol", "dave"}},
    {"value", {"blue", "4711"}},
    {"body", {"{\"width\": 640}", "hello"}},
    {"content_type", {"application/json", "text/plain; charset=utf-8"}},
    {"key", {"picture-17", "picture-18"}},
    {"correlation_id", {"c-1", "c-2"}},
    {"echo", {"tick", "tock"}},
    {"kind", {"zmq", "ipmsg"}},
    {"address", {"tcp://192.0.2.7:2425", "192.0.2.8"}},
    {"source", {"udp", "seed"}},
    {"event", {"stored", "settled"}},
    {"actor", {"persistence", "zmq-gateway"}},
    {"unit", {"messages", "bytes"}},
    {"reason", {"disk of the worker is full", "timeout"}},
    {"text", {"what happened", "what happened next"}},
    {"detail", {"attempt 3", "by bob"}},
    {"password", {"correct horse", "battery staple"}},
    {"token", {"roost_c2VjcmV0", "roost_b3RoZXI"}},
    {"topic", {"releases", "music"}},
    {"description", {"where we talk", "where they talk"}},
    {"creator", {"alice", "bob"}},
    {"inviter", {"alice", "bob"}},
    {"invitee", {"carol", "dave"}},
    {"emoji", {"\xf0\x9f\x91\x8d", "\xe2\x9c\x93"}},
    {"label", {"laptop", "phone"}},
    {"subject", {"alice", "@user"}},
    {"action", {"user-ban", "room-archive"}},
    {"target", {"mallory", "room:general"}},
    {"ban_reason", {"spam", "noise"}},
    {"host_name", {"pc-17", "pc-18"}},
    {"group", {"Sales", "\xe5\xbc\x80\xe5\x8f\x91"}},
    {"version_token", {"1_iptux 0.8.3", "1"}},
    {"charset", {"utf-8", "gb18030"}},
    {"fingerprint", {"0123456789abcdef", "fedcba9876543210"}},
    {"avatar", {"icon-1.png", "icon-2.png"}},
    {"groups", {"[\"Sales\"]", "[]"}},
    {"hash", {"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"}},
};

/* What a number is, where field id + 1000 would not do. */
static const struct {
    const char *field;
    uint64_t value;
} numbers[] = {
    {"version_min", 1},
    {"version_max", 1},
    {"version", 1},
    {"handle", 3},
    {"request_id", 7},
    {"first_no", 1},
    {"no", 2},
    {"count", 2},
    {"code", 5002},
    {"retry_code", 6002},
    {"type", 40},
    {"priority", 5},
    {"receipts", 7},
    {"limit", 50},
    {"offset", 10},
    {"lease_ms", 30000},
    {"heartbeat_ms", 5000},
    {"retry_after_ms", 1000},
    {"delay_ms", 1500},
    {"ttl_ms", 604800000},
    {"frame_bytes_max", WIRE_FRAME_BYTES_DEFAULT},
    {"body_bytes_max", WIRE_BODY_BYTES_DEFAULT},
    {"entries_max", WIRE_ENTRIES_MAX},
    {"publish_bytes", WIRE_PUBLISH_BYTES_MAX},
    {"publish_upto", WIRE_PUBLISH_NUMBERS_MAX},
    {"first_delivery_no", 41},
    {"last_delivery_no", 43},
    {"attempt", 2},
    {"retention_ms", 86400000},
    {"clear", 15},
    {"actions", 5},
    {"members", 12},
    {"failed", 1},
    {"latency_ms", 45},
    {"reliability_ppm", 756500},
};

/* Lives as long as the program, and is reachable to its end. */
static void *take(size_t size)
{
    static struct arena arena;

    if (!arena.limit_bytes)
        arena_init(&arena, SAMPLES_BYTES_MAX);
    void *memory = arena_alloc(&arena, size);
    CHECK(memory);
    return memory;
}

static char *copy_text(const char *text)
{
    char *copy = take(strlen(text) + 1);

    memcpy(copy, text, strlen(text));
    return copy;
}

static const char *sample_text(const char *field, unsigned variant)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(texts[i].field, field) == 0)
            return texts[i].values[variant & 1];
    return "text";
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static uint64_t sample_number(const ProtobufCFieldDescriptor *field, unsigned variant)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(numbers[i].field, field->name) == 0)
            return numbers[i].value;
    if (ends_with(field->name, "_ms"))
        return SAMPLE_TIME_MS + field->id + variant;
    return 1000u + field->id + variant;
}

static ProtobufCBinaryData sample_bytes(const char *field, unsigned variant)
{
    bool is_list = strcmp(field, "message_ids") == 0;
    bool is_id = ends_with(field, "_id") && strcmp(field, "correlation_id") != 0;
    uint8_t *data;

    if (!is_list && !is_id && strcmp(field, "resume_token") != 0) {
        const char *text = sample_text(field, variant);
        return (ProtobufCBinaryData){strlen(text), (uint8_t *)copy_text(text)};
    }
    size_t size = is_list ? 32 : 16;
    data = take(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(0x10 * (variant + 1) + i);
    data[6] = 0x70; /* version 7 */
    data[8] = 0x80;
    return (ProtobufCBinaryData){size, data};
}

static ProtobufCMessage *sample_variant(const ProtobufCMessageDescriptor *descriptor,
                                        unsigned variant);

/* Writes one value of the field's type to `at`; returns its size. */
static size_t put_value(const ProtobufCFieldDescriptor *field, unsigned variant, void *at)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        *(ProtobufCMessage **)at = sample_variant(field->descriptor, variant);
        return sizeof(ProtobufCMessage *);
    }
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        *(ProtobufCBinaryData *)at = sample_bytes(field->name, variant);
    else if (field->type == PROTOBUF_C_TYPE_STRING)
        *(char **)at = copy_text(sample_text(field->name, variant));
    else if (field->type == PROTOBUF_C_TYPE_BOOL)
        *(protobuf_c_boolean *)at = true;
    else if (field->type == PROTOBUF_C_TYPE_ENUM)
        *(int *)at = 1 + (int)(variant & 1);
    else if (field->type == PROTOBUF_C_TYPE_UINT32)
        *(uint32_t *)at = (uint32_t)sample_number(field, variant);
    else if (field->type == PROTOBUF_C_TYPE_UINT64)
        *(uint64_t *)at = sample_number(field, variant);
    else
        check_failed("a type of field that the public schema does not use", __FILE__, __LINE__);
    return 0;
}

static ProtobufCMessage *sample_variant(const ProtobufCMessageDescriptor *descriptor,
                                        unsigned variant)
{
    ProtobufCMessage *message = take(descriptor->sizeof_message);

    descriptor->message_init(message);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        void *at = (char *)message + field->offset;
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            (void)put_value(field, variant, at);
            continue;
        }
        CHECK(field->type == PROTOBUF_C_TYPE_MESSAGE);
        ProtobufCMessage **list = take(2 * sizeof(ProtobufCMessage *));
        (void)put_value(field, 0, &list[0]);
        (void)put_value(field, 1, &list[1]);
        *(ProtobufCMessage ***)at = list;
        *(size_t *)((char *)message + field->quantifier_offset) = 2;
    }
    return message;
}

ProtobufCMessage *sample_message(const ProtobufCMessageDescriptor *descriptor)
{
    return sample_variant(descriptor, 0);
}

static void print_bytes(FILE *file, const uint8_t *data, size_t size)
{
    (void)fputc('"', file);
    for (size_t i = 0; i < size; i++) {
        if (data[i] >= 0x20 && data[i] < 0x7f && data[i] != '"' && data[i] != '\\')
            (void)fputc(data[i], file);
        else
            (void)fprintf(file, "\\%03o", data[i]);
    }
    (void)fputs("\"\n", file);
}

static void print_value(FILE *file, const ProtobufCFieldDescriptor *field, const void *at,
                        int level)
{
    (void)fprintf(file, "%*s%s", 2 * level, "", field->name);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        (void)fputs(" {\n", file);
        sample_print(file, *(const ProtobufCMessage *const *)at, level + 1);
        (void)fprintf(file, "%*s}\n", 2 * level, "");
        return;
    }
    (void)fputs(": ", file);
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        const ProtobufCBinaryData *bytes = at;
        print_bytes(file, bytes->data, bytes->len);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)at;
        print_bytes(file, (const uint8_t *)text, strlen(text));
    } else if (field->type == PROTOBUF_C_TYPE_BOOL) {
        (void)fputs(*(const protobuf_c_boolean *)at ? "true\n" : "false\n", file);
    } else if (field->type == PROTOBUF_C_TYPE_ENUM) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)at);
        (void)fprintf(file, "%s\n", value ? value->name : "?");
    } else if (field->type == PROTOBUF_C_TYPE_UINT32) {
        (void)fprintf(file, "%u\n", *(const uint32_t *)at);
    } else {
        (void)fprintf(file, "%llu\n", (unsigned long long)*(const uint64_t *)at);
    }
}

void sample_print(FILE *file, const ProtobufCMessage *message, int level)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;

    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        const char *at = (const char *)message + field->offset;
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            print_value(file, field, at, level);
            continue;
        }
        size_t count = *(const size_t *)((const char *)message + field->quantifier_offset);
        ProtobufCMessage *const *list = *(ProtobufCMessage *const *const *)at;
        for (size_t k = 0; k < count; k++)
            print_value(file, field, &list[k], level);
    }
}

void sample_each_type(void (*visit)(uint32_t type, void *context), void *context)
{
    for (uint32_t type = 0; type < 256; type++)
        if (wire_type_descriptor(type))
            visit(type, context);
}
