/* SPDX-License-Identifier: MPL-2.0
 *
 * Who asks: sessions of the broker behind requests that know of none. See http_caller.c.
 */
#ifndef GATEWAYS_HTTP_HTTP_CALLER_H
#define GATEWAYS_HTTP_HTTP_CALLER_H

#include "gateways/gateway_call.h"
#include "gateways/http/http_internal.h"

struct http_caller {
    struct http_gateway *gateway;
    uint64_t session;
    int state;        /* of http_caller.c */
    bool is_asked;    /* LOGIN or SESSION_OPEN is under way */
    bool must_prove;  /* before its next request goes on */
    bool has_session; /* the registry was asked to open it */
    bool is_verified;
    uint32_t role;
    int64_t peer_id;
    int64_t token_id;
    int64_t expires_ms; /* of its token; 0: has none */
    uint8_t *key;
    size_t key_size;
    struct mono_time used, proved;
    unsigned holds;                      /* requests and streams */
    struct http_request *line;           /* those who wait until it is known */
    char address[HTTP_ADDRESS_TEXT_MAX]; /* of the one who proved it last */
    size_t name_size;
    char name[WIRE_NAME_BYTES_MAX];

    /* Publishing: numbers rise by one; after a refusal that may pass they begin again behind what was
     * stored, as soon as nothing is on its way. */
    uint64_t published_no, stored_no;
    uint32_t stores_open;
    bool is_rewound;
};

void http_callers_init(struct http_gateway *gateway);
void http_callers_fini(struct http_gateway *gateway);

/* Finds out who asks, then calls `when_admitted`, now or later, with request->caller set; or answers why
 * not. */
void http_caller_admit(struct http_request *request, http_handler *when_admitted);
void http_caller_hold(struct http_request *request, struct http_caller *caller);
/* At the end of the request. */
void http_caller_release(struct http_request *request);

/* For what lasts longer than a request: it is still who it was, nothing it proved has ended. */
bool http_caller_is_current(const struct http_caller *caller);
bool http_caller_is_admin(const struct http_caller *caller);
struct gateway_who http_caller_who(const struct http_caller *caller);
/* Its session cannot go on: the next request opens another. */
void http_caller_fail(struct http_caller *caller, enum err err);

/* True: the question was one of these. */
bool http_caller_no_answer(struct http_gateway *gateway, uint64_t context);
/* Closes who has been silent for long. */
void http_callers_sweep(struct http_gateway *gateway);
void http_callers_tell_seen(struct http_gateway *gateway);
actor_handler http_on_login_done, http_on_session_opened, http_on_account_changed;

/* http_sessions.c: the answer to a LOGIN that made a token. */
void http_session_made(struct http_gateway *gateway, uint64_t ticket,
                       const INTERNAL(LoginDone) * done);

#endif
