/* SPDX-License-Identifier: MPL-2.0
 *
 * What is written by hand is what protobuf-c writes: for messages whose fields are set at random, found
 * through the schema, so that a field that is added there and forgotten here is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire_delivery.h"
#include "samples.h"

#define ROUNDS    20000
#define BYTES_MAX 40000 /* a length of three bytes */

static uint8_t blob[BYTES_MAX];

/* Of all sizes, so that numbers of all lengths are met. */
static uint64_t any_number(void)
{
    uint64_t value = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
    return value >> rand() % 64;
}

static void set_number(const ProtobufCFieldDescriptor *field, void *at)
{
    uint64_t value = rand() % 3 ? any_number() : 0;
    if (field->type == PROTOBUF_C_TYPE_UINT64)
        memcpy(at, &value, sizeof(uint64_t));
    else if (field->type == PROTOBUF_C_TYPE_UINT32)
        memcpy(at, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
    else if (field->type == PROTOBUF_C_TYPE_ENUM) /* also one of a newer schema, or negative */
        memcpy(at, &(int32_t){(int32_t)value}, sizeof(int32_t));
    else if (field->type == PROTOBUF_C_TYPE_BOOL)
        memcpy(at, &(protobuf_c_boolean){rand() % 2}, sizeof(protobuf_c_boolean));
    else
        fail_msg("%s: of a type that this test and wire_delivery.c do not know", field->name);
}

/* Fields of the sample are kept, cleared or set. */
static void change(ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        void *at = (uint8_t *)message + field->offset;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t count = (size_t)rand() % 3; /* a sample has two */
            memcpy((uint8_t *)message + field->quantifier_offset, &count, sizeof count);
        } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
            size_t size = rand() % 3 ? (size_t)rand() % (rand() % 8 ? 300 : BYTES_MAX) : 0;
            memcpy(at, &(ProtobufCBinaryData){size, blob}, sizeof(ProtobufCBinaryData));
        } else {
            set_number(field, at);
        }
    }
}

static void check(const Roost__V1__Delivery *delivery)
{
    static uint8_t wanted[16 * BYTES_MAX], found[16 * BYTES_MAX];
    size_t size = roost__v1__delivery__pack(delivery, wanted);
    assert_int_equal(wire_delivery_bytes(delivery), size);
    assert_ptr_equal(wire_delivery_write(delivery, found), found + size);
    assert_memory_equal(found, wanted, size);
}

static void any_delivery_is_written_as_by_protobuf_c(void **state)
{
    (void)state;
    srand(20261121);
    for (size_t i = 0; i < sizeof blob; i++)
        blob[i] = (uint8_t)rand();
    Roost__V1__Delivery *sample =
        (Roost__V1__Delivery *)sample_message(&roost__v1__delivery__descriptor);
    check(sample);
    for (int i = 0; i < ROUNDS; i++) {
        Roost__V1__Delivery delivery = *sample;
        change(&delivery.base);
        check(&delivery);
    }
}

static void an_empty_one_is_empty(void **state)
{
    (void)state;
    Roost__V1__Delivery delivery = ROOST__V1__DELIVERY__INIT;
    check(&delivery);
    assert_int_equal(wire_delivery_bytes(&delivery), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_delivery_is_written_as_by_protobuf_c),
        cmocka_unit_test(an_empty_one_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
