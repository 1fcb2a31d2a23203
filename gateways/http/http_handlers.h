/* SPDX-License-Identifier: MPL-2.0
 *
 * The handlers of routes.def, one per row. What a handler is: http_internal.h.
 */
#ifndef GATEWAYS_HTTP_HTTP_HANDLERS_H
#define GATEWAYS_HTTP_HTTP_HANDLERS_H

#include "gateways/http/http_route.h"

#define ROUTE(method, path, handler, ...) http_handler handler;
#include "gateways/http/routes.def"
#undef ROUTE

#endif
