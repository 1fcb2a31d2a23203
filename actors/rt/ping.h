/* SPDX-License-Identifier: MPL-2.0
 *
 * Does an actor's loop go round? The question and the answer, in the runtime itself: no actor has a
 * handler for it, so none can forget to answer, and none can answer while it is stuck.
 *
 * The asker (the supervisor) notes when it asked and wakes the actor; the actor answers at the end
 * of the first turn that ends after that, in which it has looked at its mailbox and finished what it
 * had in hand. The time between is the ping time. While a question is open, no other is asked: how
 * long it has been open tells how long the actor has been stuck.
 *
 * A new life of the actor answers what its dead predecessor was asked.
 */
#ifndef RT_PING_H
#define RT_PING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rt/clock.h"

/* Zero bytes: never asked. Written by asker and actor, read by anyone. */
struct ping {
    _Atomic int64_t asked_ns;    /* the open question; 0: none */
    _Atomic int64_t answered_ns; /* the last answer; 0: none yet */
    _Atomic int64_t took_us;
};

/* Asker only. False: the last question is still open. */
bool ping_ask(struct ping *ping, struct mono_time now);
bool ping_is_open(const struct ping *ping);

/* Actor only, at the end of each turn. True: there was a question, and this was its answer. */
bool ping_answer(struct ping *ping, struct mono_time now);

/* What anyone may know. */
struct ping_report {
    int64_t took_us;         /* of the last answer; -1: never answered */
    int64_t answered_ago_ms; /* -1: never answered */
    int64_t open_ms;         /* how long the open question has been open; -1: none is */
};
struct ping_report ping_report(const struct ping *ping, struct mono_time now);

#endif
