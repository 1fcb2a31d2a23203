/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_error.h.
 */
#include "gateways/http/http_error.h"

uint32_t http_error_write(struct http_json *json, enum err err, const char *text,
                          uint32_t retry_after_ms)
{
    if (retry_after_ms == 0 && err_is_retryable(err))
        retry_after_ms = HTTP_RETRY_MS;
    http_json_object(json, NULL);
    http_json_object(json, "error");
    http_json_number(json, "code", err_code(err));
    http_json_text(json, "name", err_name(err));
    http_json_text(json, "text", text && text[0] ? text : err_sentence(err));
    http_json_bool(json, "retryable", err_is_retryable(err));
    http_json_number(json, "retry_after_ms", retry_after_ms);
    http_json_object_end(json);
    http_json_object_end(json);
    return retry_after_ms;
}
