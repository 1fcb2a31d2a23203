/* SPDX-License-Identifier: MPL-2.0
 *
 * Takes the unknown fields off a message, all the way down. Nobody reads them, and protobuf-c keeps
 * some that it cannot read again once it has packed them (number 0, in two bytes).
 */
#ifndef TESTS_FUZZ_STRIP_H
#define TESTS_FUZZ_STRIP_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>
#include <string.h>

static inline void strip_unknown(ProtobufCMessage *message);

static inline void strip_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *bytes = (const char *)message;
    uint32_t chosen;
    size_t count = 1;
    void *member;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return;
    memcpy(&chosen, bytes + field->quantifier_offset, sizeof(chosen));
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && chosen != field->id)
        return;
    memcpy(&member, bytes + field->offset, sizeof(member));
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        if (member)
            strip_unknown(member);
        return;
    }
    memcpy(&count, bytes + field->quantifier_offset, sizeof(count));
    ProtobufCMessage **items = member;
    for (size_t i = 0; i < count; i++)
        strip_unknown(items[i]);
}

static inline void strip_unknown(ProtobufCMessage *message)
{
    message->n_unknown_fields = 0;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        strip_field(message, &message->descriptor->fields[i]);
}

#endif
