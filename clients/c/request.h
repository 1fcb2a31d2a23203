/* SPDX-License-Identifier: MPL-2.0
 *
 * A question to the broker, or to the session's thread, and its answer.
 *
 * The asking thread makes it and waits at its latch. Whoever comes second (the answer, or the end
 * of patience) frees it: see latch_wait and latch_complete.
 */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "broker.pb-c.h"
#include "clients/c/consumer.h"
#include "clients/c/session.h"
#include "clients/c/wait.h"

#define REQUESTS_MAX           256
#define REQUEST_RESULTS_MAX    512u
#define REQUEST_TEXT_BYTES     256
#define PAGE_MEMORY_BYTES_MAX  (256u << 20)
#define REPLY_MEMORY_BYTES_MAX (4u << 20)

struct page_private {
    struct roost_page public;
    struct arena arena;
    Roost__V1__Result *results[REQUEST_RESULTS_MAX];
    size_t result_count;
};

struct reply_private {
    struct roost_reply public;
    struct arena arena;
};

struct request {
    struct latch latch;
    Roost__V1__Type type; /* TYPE_NONE: to the session's thread itself */
    uint64_t id;
    uint8_t *payload; /* protobuf, packed by the asking thread; sent again after a reconnect */
    size_t payload_size;
    bool is_sent; /* in this session */

    enum roost_error code;
    char text[REQUEST_TEXT_BYTES];
    uint64_t count;
    struct page_private *page;   /* of a query */
    struct reply_private *reply; /* of a call whose answer is wanted in full */
};

/* NULL: no memory. */
struct request *request_new(struct roost *roost, Roost__V1__Type type);
void request_free(struct request *request);

/* Packs `message` (which holds request->id) as what will be sent. False: no memory. */
bool request_pack(struct request *request, const ProtobufCMessage *message);

/* By the session's thread. `text` may be NULL. */
void request_complete(struct request *request, enum roost_error code, const char *text);

/* Waits for it. True: *request has its answer and is the caller's to free. False: no answer by the
 * deadline; the request is no longer the caller's. */
bool request_wait(struct request *request, struct mono_time deadline);

struct page_private *page_new(void);
void page_free(struct page_private *page);

struct reply_private *reply_new(void);
void reply_free(struct reply_private *reply);

/* By the session's thread. False: no memory. */
bool reply_fill(struct reply_private *reply, const Roost__V1__Reply *from);

/* Adds the results to the public lists, when all are there. False: no memory. */
bool page_finish(struct page_private *page);

/* Rows about people, from their protobuf (page_people.c). False: no memory. */
bool fill_room(struct page_private *page, const void *part, void *item);
bool fill_member(struct page_private *page, const void *part, void *item);
bool fill_invitation(struct page_private *page, const void *part, void *item);
bool fill_user(struct page_private *page, const void *part, void *item);
bool fill_token_session(struct page_private *page, const void *part, void *item);
bool fill_key(struct page_private *page, const void *part, void *item);
bool fill_audit(struct page_private *page, const void *part, void *item);
bool fill_acl_rule(struct page_private *page, const void *part, void *item);

#endif
