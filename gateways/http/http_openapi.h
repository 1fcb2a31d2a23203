/* SPDX-License-Identifier: MPL-2.0
 *
 * The OpenAPI 3.0 document of the paths below /api/v1, made of the table the router goes by, the table of
 * fields, and the descriptors of the protocol. Nothing in it is written twice.
 */
#ifndef GATEWAYS_HTTP_HTTP_OPENAPI_H
#define GATEWAYS_HTTP_HTTP_OPENAPI_H

#include "gateways/http/http_json.h"

void http_openapi_write(struct http_json *json, const char *version);

#endif
