/* SPDX-License-Identifier: MPL-2.0
 *
 * The table of internal messages, and the rules both schemas keep so that unpacking stays bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/messages.h"
#include "proto/wire.h"
#include "proto/wire_scan.h"
#include "samples.h"

#define DEPTH_MAX 8 /* a recursive type would go deeper */

static void every_kind_has_its_row(void **state)
{
    (void)state;
    assert_null(message_types[MSG_NONE].descriptor);
    for (unsigned kind = 1; kind < MSG_COUNT; kind++) {
        const struct msg_type *type = &message_types[kind];
        assert_non_null(type->name);
        assert_non_null(type->descriptor);
        assert_string_equal(type->descriptor->package_name, "roost.internal");
        assert_string_equal(message_name(kind), type->name);
        for (unsigned other = 1; other < kind; other++)
            assert_string_not_equal(message_types[other].name, type->name);
    }
    assert_string_equal(message_name(MSG_COUNT), "?");
}

static unsigned depth_of(const ProtobufCMessageDescriptor *descriptor, unsigned level)
{
    unsigned deepest = level;

    if (level > DEPTH_MAX)
        return level;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        if (descriptor->fields[i].type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        unsigned depth = depth_of(descriptor->fields[i].descriptor, level + 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static void check_public_type(uint32_t type, void *context)
{
    const ProtobufCMessageDescriptor *descriptor = wire_type_descriptor(type);

    (void)context;
    assert_true(depth_of(descriptor, 0) < WIRE_SCAN_DEPTH_MAX);
}

/* The scan of proto/wire_scan.c relies on these. */
static void check_fields(const ProtobufCMessageDescriptor *descriptor)
{
    assert_true(descriptor->n_fields <= WIRE_SCAN_FIELDS_MAX);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        switch ((int)field->type) {
        case PROTOBUF_C_TYPE_MESSAGE:
            check_fields(field->descriptor);
            break;
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_BOOL:
        case PROTOBUF_C_TYPE_ENUM:
        case PROTOBUF_C_TYPE_BYTES:
        case PROTOBUF_C_TYPE_STRING:
            assert_true(field->label != PROTOBUF_C_LABEL_REPEATED);
            break;
        default:
            fail_msg("%s.%s has a type the scan does not know", descriptor->name, field->name);
        }
    }
}

static void check_public_fields(uint32_t type, void *context)
{
    (void)context;
    check_fields(wire_type_descriptor(type));
}

static void no_type_is_recursive(void **state)
{
    (void)state;
    sample_each_type(check_public_type, NULL);
    sample_each_type(check_public_fields, NULL);
    for (unsigned kind = 1; kind < MSG_COUNT; kind++)
        assert_true(depth_of(message_types[kind].descriptor, 0) < DEPTH_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_its_row),
        cmocka_unit_test(no_type_is_recursive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
