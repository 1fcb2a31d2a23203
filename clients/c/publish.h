/* SPDX-License-Identifier: MPL-2.0
 *
 * The publish window: what was given to the session and is not answered yet, in order. Pure.
 *
 *     base_no                            base_no + sent            base_no + count
 *        | sent, no answer yet              | not sent (in this session) |
 *     ---+----------------------------------+----------------------------+-----> publish numbers
 *        ^ STORED moves it                  ^ publish_sent moves it      ^ publish_push moves it
 *
 * Publish numbers belong to a session (to one WELCOME) and start at 1: publish_welcome renumbers
 * everything and begins again at the front (go-back-N). A retry order does the same from the
 * first unanswered number on, after a time. Message ids never change, so the broker stores each
 * message once however often it is sent.
 *
 * Promises: entries are answered once each, in the order of publish_push; never more is offered
 * than the broker has granted (numbers and body bytes), except one entry when nothing is in
 * flight. An answer to what was not sent changes nothing. A number that is covered by an answer and
 * named by no exception, in this answer or an earlier one, is stored.
 * Leaves to others: frames, time (passed in), memory of the entries.
 */
#ifndef CLIENT_PUBLISH_H
#define CLIENT_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/c/outgoing.h"
#include "rt/clock.h"

struct publish {
    struct outgoing **slots; /* ring */
    size_t capacity;         /* a power of two */
    size_t head;             /* index of the first unanswered */
    size_t count;
    size_t sent; /* of these, from the front */
    uint64_t base_no;
    uint64_t upto_no;          /* granted: highest number that may be sent */
    uint64_t sent_bytes;       /* body bytes in flight */
    uint64_t bytes_max;        /* granted; 0: no limit known */
    struct mono_time retry_at; /* nothing is sent before this */
    bool is_open;              /* there is a session */
};

/* The bounds of one frame. */
struct publish_frame {
    uint32_t entries_max;
    uint32_t bytes_max;
};

/* What a STORED says, in plain terms. */
struct publish_run {
    uint64_t first_no;
    uint32_t count;
    uint64_t first_seq;
};

struct publish_exception {
    uint64_t no;
    uint32_t code;
    const char *text;
    uint64_t seq;
};

struct publish_answer {
    uint64_t upto_no;
    const struct publish_run *runs;
    size_t run_count;
    const struct publish_exception *exceptions;
    size_t exception_count;
    uint64_t publish_upto;
    uint32_t retry_code; /* 0: go on */
    uint32_t retry_after_ms;
};

typedef void publish_answered_fn(void *context, struct outgoing *outgoing, uint32_t code,
                                 uint64_t seq, const char *text);

bool publish_init(struct publish *publish, size_t capacity); /* rounded up; false: no memory */
void publish_fini(struct publish *publish); /* what is still inside is the caller's: publish_take */

/* False when full. */
bool publish_push(struct publish *publish, struct outgoing *outgoing);

static inline bool publish_is_full(const struct publish *publish)
{
    return publish->count == publish->capacity;
}

/* A session begins; everything unanswered gets new numbers and will be sent again. */
void publish_welcome(struct publish *publish, uint64_t publish_upto, uint64_t bytes_max);

/* The session is lost: nothing is sent until publish_welcome. */
void publish_lost(struct publish *publish);

/* How many entries the next frame may carry now (0: none), and the size of its protobuf part. */
size_t publish_next(const struct publish *publish, const struct publish_frame *frame,
                    struct mono_time now, size_t *ret_size);

/* Entry `index` of the next frame, and the number of the first one. */
struct outgoing *publish_entry(const struct publish *publish, size_t index);
uint64_t publish_next_no(const struct publish *publish);

/* The frame with `count` entries left. Answers how many of them had been sent before. */
size_t publish_sent(struct publish *publish, size_t count);

/* Calls `answered` for each entry that the answer covers; the entry is the callee's then. `seq` is
 * 0 where the answer does not say it. False: the answer is to what was not sent; nothing was
 * changed, the session should be ended. */
bool publish_stored(struct publish *publish, const struct publish_answer *answer,
                    struct mono_time now, publish_answered_fn *answered, void *context);

/* MONO_NEVER unless something waits only for time to pass. */
struct mono_time publish_due(const struct publish *publish);

/* Takes out the first entry, answered or not, for clearing up. NULL when empty. */
struct outgoing *publish_take(struct publish *publish);

#endif
