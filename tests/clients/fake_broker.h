/* SPDX-License-Identifier: MPL-2.0
 *
 * A broker for tests of the client library: speaks the protocol over a real ROUTER, keeps all in
 * memory, and misbehaves on order. One thread; the knobs are atomics, the rest is its own.
 *
 * It knows one consumer per scope (whoever attached last), delivers in order of storing, and
 * forgets leases and sessions when it is stopped, but not messages: stop and start is a restart.
 */
#ifndef TESTS_FAKE_BROKER_H
#define TESTS_FAKE_BROKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fake_knobs {
    _Atomic uint32_t refuse_every;  /* n: each n-th entry is refused for good, 0: none */
    _Atomic uint32_t retry_every;   /* n: each n-th SEND is answered by a retry order */
    _Atomic uint32_t is_silent;     /* answers no SEND, though it stores */
    _Atomic uint32_t loses_settles; /* SETTLE is not heard */
    _Atomic uint32_t forgets_once;  /* the next frame but HELLO is answered by NO_SESSION */
    _Atomic uint32_t heartbeat_ms;
    _Atomic uint32_t is_mute;       /* answers nothing at all */
    _Atomic uint32_t refuses_hello; /* with this code */
    _Atomic uint32_t takes_over;    /* the next turn says DETACH to all consumers */
    _Atomic uint32_t is_fast;       /* counts and answers SENDs without storing them */
};

struct fake_counts {
    _Atomic uint64_t hellos;
    _Atomic uint64_t stored; /* distinct messages */
    _Atomic uint64_t duplicates;
    _Atomic uint64_t disorder; /* numbers that did not rise by one, tickets out of order */
    _Atomic uint64_t delivered;
    _Atomic uint64_t settled; /* acked and gone */
    _Atomic uint64_t settle_frames;
    _Atomic uint64_t send_frames;
    _Atomic uint64_t over_credit;
    _Atomic uint64_t goodbyes;
};

struct fake_broker;

struct fake_broker *fake_broker_new(void);
void fake_broker_destroy(struct fake_broker **broker);

/* At the same port every time. The url lives as long as the broker. */
void fake_broker_start(struct fake_broker *broker);
void fake_broker_stop(struct fake_broker *broker);
const char *fake_broker_url(const struct fake_broker *broker);

struct fake_knobs *fake_broker_knobs(struct fake_broker *broker);
struct fake_counts *fake_broker_counts(struct fake_broker *broker);

/* Waits up to 10 s until *count is at least `value`. */
bool fake_broker_wait(_Atomic uint64_t *count, uint64_t value);

#endif
