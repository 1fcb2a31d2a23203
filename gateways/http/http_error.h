/* SPDX-License-Identifier: MPL-2.0
 *
 * The one shape of a refusal: {"error": {"code", "name", "text", "retryable", "retry_after_ms"}}. Codes,
 * names, sentences and statuses of HTTP are those of the one table (rt/err.def, docs/ERRORS.md).
 */
#ifndef GATEWAYS_HTTP_HTTP_ERROR_H
#define GATEWAYS_HTTP_HTTP_ERROR_H

#include "gateways/http/http_json.h"

#define HTTP_RETRY_MS 1000u /* when nobody says how long */

/* `text` NULL: the sentence of the error. `retry_after_ms` 0: HTTP_RETRY_MS if it is worth it. Returns
 * the milliseconds that were written. */
uint32_t http_error_write(struct http_json *json, enum err err, const char *text,
                          uint32_t retry_after_ms);

#endif
