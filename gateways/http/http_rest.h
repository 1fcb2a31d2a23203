/* SPDX-License-Identifier: MPL-2.0
 *
 * What the handlers of REST share.
 */
#ifndef GATEWAYS_HTTP_HTTP_REST_H
#define GATEWAYS_HTTP_HTTP_REST_H

#include "gateways/http/http_internal.h"

/* http_messages.c: the message that the fields describe, to this scope. */
void http_send(struct http_request *request, ProtobufCBinaryData scope);

#endif
