/* SPDX-License-Identifier: MPL-2.0
 *
 * The publish book of one session: which publish numbers may come, are on their way to disk, or
 * are answered. Pure arithmetic; no messages, no sockets.
 *
 *     answered_no          next_no - 1              answered_no + window = publish_upto
 *     |  on their way to disk  |  may be sent now            |
 *
 * Numbers rise by one (docs/decisions/0005: go back N). A SEND that does not fit is not taken, and
 * nothing behind it either, until the client sends again from next_no: the book is then `rewound`.
 * The client is told so once per rewind, in a STORED with a retry code, and only when no answer is
 * open any more. So an answer to something sent before the rewind is never mistaken for one to
 * something sent after it.
 *
 * Owns the numbers. Leaves to others: sending STORED (zmq_publish.c), and whether a message is a
 * duplicate (the persistence actor, by message id).
 */
#ifndef GATEWAYS_ZMQ_ZMQ_BOOK_H
#define GATEWAYS_ZMQ_ZMQ_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct zmq_book_limits {
    uint32_t window;    /* numbers sent and not yet answered */
    uint64_t bytes_max; /* body bytes sent and not yet answered; one frame always fits */
};

struct zmq_book {
    uint64_t next_no;     /* the number the next SEND begins with */
    uint64_t answered_no; /* every number up to it is answered */
    uint64_t bytes_open;  /* of frames taken and not yet answered */
    uint32_t frames_open;
    uint32_t epoch;      /* rises when frames taken before have become void */
    uint32_t retry_code; /* public error code still to be told; 0 = none */
    uint32_t retry_after_ms;
    bool is_rewound; /* numbers above next_no are ignored until next_no comes */
    bool is_failed;  /* an answer said retry: those behind it no longer count */
};

enum zmq_book_verdict {
    ZMQ_BOOK_TAKE,   /* it is in the book now: pass it on */
    ZMQ_BOOK_REPEAT, /* all of it was taken before: say STORED again */
    ZMQ_BOOK_IGNORE, /* behind a refusal the client is told of, or will be */
    ZMQ_BOOK_REFUSE, /* the book is rewound just now, see retry_code */
};

void zmq_book_init(struct zmq_book *book);

/* A SEND has come; count >= 1. */
enum zmq_book_verdict zmq_book_offer(struct zmq_book *book, const struct zmq_book_limits *limits,
                                     uint64_t first_no, uint32_t count, uint64_t bytes);

/* What ZMQ_BOOK_TAKE took last cannot be passed on: as if it had been refused with `code`. */
void zmq_book_give_back(struct zmq_book *book, uint32_t count, uint64_t bytes, uint32_t code,
                        uint32_t retry_after_ms);

/* Nothing more is taken: numbers from next_no on are refused with `code`. */
void zmq_book_refuse(struct zmq_book *book, uint32_t code, uint32_t retry_after_ms);

/* The answer to one frame. retry_code != 0: numbers above upto_no were not stored, and the frames
 * behind it are void. Returns false when the answer itself is void: its results are not shown. */
bool zmq_book_answer(struct zmq_book *book, uint64_t bytes, uint64_t upto_no, uint32_t retry_code,
                     uint32_t retry_after_ms);

/* A frame taken but never passed on is void (its epoch is over). */
void zmq_book_void(struct zmq_book *book, uint64_t bytes);

/* True once per rewind, when it is time to tell the client. */
bool zmq_book_take_retry(struct zmq_book *book, uint32_t *ret_code, uint32_t *ret_after_ms);

static inline uint64_t zmq_book_upto(const struct zmq_book *book,
                                     const struct zmq_book_limits *limits)
{
    return book->answered_no + limits->window;
}

#endif
