/* SPDX-License-Identifier: MPL-2.0
 *
 * A Delivery written by hand, byte for byte as protobuf-c writes it.
 *
 * What a delivered message costs was to a third protobuf-c, which looks at each of 22 fields three times
 * through their descriptors; here a field that is not set costs one comparison. The format is frozen
 * by protobuf itself. A test writes random messages both ways, and fails when the schema has a field
 * that is not known here.
 *
 * Leaves to others: where the entry stands in its frame (actors/history_fetch.c).
 */
#ifndef PROTO_WIRE_DELIVERY_H
#define PROTO_WIRE_DELIVERY_H

#include <stddef.h>
#include <stdint.h>

#include "broker.pb-c.h"

/* Bytes that wire_delivery_write writes. Any Delivery but what another schema put into it
 * (base.unknown_fields), which is left out. */
size_t wire_delivery_bytes(const Roost__V1__Delivery *delivery);

/* The message itself, without a tag or length in front. `to` has room for wire_delivery_bytes.
 * Returns the end. */
uint8_t *wire_delivery_write(const Roost__V1__Delivery *delivery, uint8_t *to);

/* A number as protobuf writes it (a varint), at most 10 bytes. Returns the end. */
uint8_t *wire_number_write(uint8_t *to, uint64_t value);

#endif
