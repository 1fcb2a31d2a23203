/* SPDX-License-Identifier: MPL-2.0
 *
 * Errors as values: one enum, one table (err.def). ERR_OK is 0.
 *
 * Rules: everything that can fail returns enum err and is MUST_USE; results leave through
 * parameters named ret_..., untouched on failure. SQLite, errno and ZeroMQ errors are mapped to
 * these at the layer that made the call, which also logs the original code once.
 */
#ifndef RT_ERR_H
#define RT_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))

enum err {
    ERR_OK = 0,
#define ERR(name, code, advice, status, sentence) ERR_##name,
#include "rt/err.def"
#undef ERR
    ERR_COUNT
};

/* Log and command-line name, for example "DISK_FULL". Never NULL. */
const char *err_name(enum err err);

/* Stable public integer, for example 6002; 0 for ERR_OK. */
uint32_t err_code(enum err err);

/* The error behind a public integer; ERR_INTERNAL when the integer is unknown, ERR_OK for 0. */
enum err err_from_code(uint32_t code);

/* True when the same request may succeed later. */
bool err_is_retryable(enum err err);

/* Status of HTTP, for example 404; 200 for ERR_OK. */
uint32_t err_http_status(enum err err);

/* One sentence for a person. Never NULL; lives for ever. */
const char *err_sentence(enum err err);

#endif
