/* SPDX-License-Identifier: MPL-2.0
 *
 * What the handlers of REST ask the other actors, and what comes back.
 *
 * A request has at most one question open; its ticket is the context. A question is first packed and
 * checked as the frame a ZeroMQ client would have sent, so both mean and refuse the same. An answer that is
 * a refusal, and one that does not come, are told to the client here: what a handler passes is called only
 * when all went well. It then answers, or asks the next thing.
 */
#ifndef GATEWAYS_HTTP_HTTP_ASK_H
#define GATEWAYS_HTTP_HTTP_ASK_H

#include "gateways/http/http_caller.h"
#include "gateways/http/http_fields.h"
#include "gateways/http/http_internal.h"

void http_call(struct http_request *request, Roost__V1__Call *call, http_called *on_called);
void http_query(struct http_request *request, Roost__V1__Query *query, http_part *on_part,
                http_finished *on_finished);
/* One message. `on_stored` is called too when it had been stored before. */
void http_store(struct http_request *request, Roost__V1__Entry *entry, http_stored *on_stored);

/* {"items": [...], "next": cursor} of the rows that RESULT has in the field `list`. */
void http_list(struct http_request *request, Roost__V1__Query *query, const char *list);
/* The two ends of it, for lists that are made of more than one field. */
void http_begin_list(struct http_request *request);
http_finished http_finish_list;
/* The first of these rows as the answer; `missing`: there is none. */
void http_one(struct http_request *request, Roost__V1__Query *query, const char *list,
              enum err missing);

/* limit, cursor, newest_first, after_seq, before_seq, from_ms, to_ms of the request. False: wrong, answered. */
bool http_page(struct http_request *request, Roost__V1__Query *query);
/* A flag: true, false, 1, 0. False: wrong, answered. */
bool http_flag(struct http_request *request, const char *name, bool *ret);
/* Empty when it is not there. */
ProtobufCBinaryData http_parameter(const struct http_request *request, const char *name);

/* 204 when the call was done. */
http_called http_called_nothing;
/* {"count": n} */
http_called http_called_count;

/* Part `index` of the path that varies. */
static inline ProtobufCBinaryData http_variable(const struct http_request *request, size_t index)
{
    struct http_text text = request->match.variables[index];
    return bytes_of(text.data, text.size);
}

static inline ProtobufCBinaryData http_field(const struct http_request *request,
                                             enum http_field field)
{
    struct http_text text = request->fields->text[field];
    return bytes_of(text.data, text.size);
}

/* "room:NAME", in request->scope. False: the name is too long, answered. */
bool http_scope(struct http_request *request, enum scope_prefix prefix, ProtobufCBinaryData name,
                ProtobufCBinaryData *ret);
/* The id in the path. False: it is no UUID, answered. */
bool http_id(struct http_request *request, size_t variable, uint8_t ret[UUID_BYTES]);

actor_handler http_on_call_done, http_on_query_part, http_on_query_done, http_on_store_done;
/* No answer to a question with this ticket. */
void http_ask_no_answer(struct http_gateway *gateway, uint8_t kind, uint64_t ticket);
void http_ask_init(struct http_gateway *gateway);
void http_ask_fini(struct http_gateway *gateway);

#endif
