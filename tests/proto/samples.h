/* SPDX-License-Identifier: MPL-2.0
 *
 * One sample of every public message, with every field set to a sensible value, made by walking
 * the schema: a field added to it is in the samples at once. Used for the golden files, the fuzz
 * corpora and the tests of proto/wire.c. Also the text form of a message (protobuf text format).
 */
#ifndef TESTS_PROTO_SAMPLES_H
#define TESTS_PROTO_SAMPLES_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdio.h>

/* A filled message; never freed (tests are short). Lists have two members that differ. */
ProtobufCMessage *sample_message(const ProtobufCMessageDescriptor *descriptor);

/* Fields in schema order, two blanks per level. Enums by name, bytes escaped. */
void sample_print(FILE *file, const ProtobufCMessage *message, int level);

/* The types of the public protocol: calls `visit` for each number that is one. */
void sample_each_type(void (*visit)(uint32_t type, void *context), void *context);

#endif
