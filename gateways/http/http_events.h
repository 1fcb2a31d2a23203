/* SPDX-License-Identifier: MPL-2.0
 *
 * The last live events, so that a reader whose connection broke gets what it missed.
 *
 * Each event is written once, as it goes over the wire (id, event and data lines), whoever gets it and
 * keeps it for how long; under a number that rises by one: its id is BOOT.NUMBER, BOOT naming this run of the broker. Whoever comes back with
 * the id of the last event it has seen goes on behind it, if everything since is still there; if not
 * (another run, or too long ago) it is told so and begins anew.
 *
 * Bounded in events and bytes: the oldest make room. An event that is larger than all of it is passed
 * on and not kept. Pure but for its memory.
 */
#ifndef GATEWAYS_HTTP_HTTP_EVENTS_H
#define GATEWAYS_HTTP_HTTP_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateways/http/http_unread.h"
#include "rt/err.h"

#define HTTP_EVENT_ID_MAX    48u
#define HTTP_EVENT_BOOT_MAX  16u
#define HTTP_EVENT_FEEDS_MAX 16u /* scopes one reader may listen to */

/* Bits. */
enum http_topic {
    HTTP_TOPIC_SAMPLE = 1,
    HTTP_TOPIC_PRESENCE = 2,
    HTTP_TOPIC_LOG = 4,
    HTTP_TOPIC_ALARM = 8,
    HTTP_TOPIC_SCOPE = 16, /* of one feed: scope and caller */
};
/* 0: no such topic. Scopes ("scope:room:general") are not among them. */
unsigned http_topic_of(const char *name, size_t size);
const char *http_topic_event(enum http_topic topic); /* "sample" ... "message" */

struct http_event {
    uint64_t number;
    unsigned topic;           /* one bit */
    uint64_t feed;            /* of HTTP_TOPIC_SCOPE */
    struct http_piece *piece; /* as on the wire; NULL: a mark */
};

struct http_events;

/* `boot` names this run: letters and digits, cut at HTTP_EVENT_BOOT_MAX. NULL: no memory. */
struct http_events *http_events_new(const char *boot, size_t events_max, size_t bytes_max);
void http_events_destroy(struct http_events **events);

/* `data` is one line. The event is valid until the next call; ERR_BUSY: no memory for it. */
MUST_USE enum err http_events_add(struct http_events *events, unsigned topic, uint64_t feed,
                                  const char *data, size_t size, const struct http_event **ret);

/* A number without an event: what came after it came after this moment. */
uint64_t http_events_mark(struct http_events *events);

/* Number of the newest event; 0: none yet. */
uint64_t http_events_newest(const struct http_events *events);

/* "BOOT.NUMBER" */
void http_events_write_id(const struct http_events *events, uint64_t number,
                          char ret_id[HTTP_EVENT_ID_MAX]);

/* The number in an id of this run; false: of another run, in the future, or no id at all. */
bool http_events_read_id(const struct http_events *events, const char *id, uint64_t *ret_number);

/* Is everything after this number still there? */
bool http_events_has_all_after(const struct http_events *events, uint64_t number);

/* The first event after this number; NULL: none. */
const struct http_event *http_events_after(const struct http_events *events, uint64_t number);

#endif
