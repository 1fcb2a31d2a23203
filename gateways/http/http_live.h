/* SPDX-License-Identifier: MPL-2.0
 *
 * What is live: the vital signs of the broker, looked at once a second, and the events of /events.
 *
 *     http_live.c       the second: look, sample, judge, tell; who listens to nothing but it
 *     http_listen.c     GET /events: readers, what each listens to, coming back, being too slow
 *     http_feed.c       messages of scopes, through ephemeral consumers as the caller
 *     http_overview.c   GET /overview, /actors; the same as the event `sample`
 *     http_ready.c      GET /metrics, /readyz
 *     http_log.c        GET /log and the event `log`
 *     http_store.c, http_discovery.c    GET /store, /discovery
 *     http_samples.c, http_alarms.c, http_events.c    pure
 *
 * Nothing here touches the database or waits for anybody: what is shown is read from the metrics and
 * the stats of the actors. Internal to gateways/http.
 */
#ifndef GATEWAYS_HTTP_HTTP_LIVE_H
#define GATEWAYS_HTTP_HTTP_LIVE_H

#include "gateways/http/http_alarms.h"
#include "gateways/http/http_events.h"
#include "gateways/http/http_internal.h"
#include "gateways/http/http_samples.h"
#include "rt/log_ring.h"

#define HTTP_LIVE_ACTORS_MAX  HTTP_ALARM_ACTORS_MAX
#define HTTP_LIVE_NAME_MAX    32u
#define HTTP_LIVE_READY_MS    5000 /* an actor that answered within that is there */
#define HTTP_LIVE_STUCK_MS    2500 /* one that did not is shown as stuck */
#define HTTP_LIVE_EVENT_BYTES ((size_t)4 << 20)

struct http_feed;
struct http_listener;

struct http_live {
    struct http_gateway *gateway;
    struct http_samples *samples;
    struct http_events *events;
    struct http_alarms alarms;

    /* The last look. */
    bool has_vitals;
    struct http_vitals vitals;
    struct http_vital_actor actors[HTTP_LIVE_ACTORS_MAX];
    struct actor_stats stats[HTTP_LIVE_ACTORS_MAX];
    char names[HTTP_LIVE_ACTORS_MAX][HTTP_LIVE_NAME_MAX]; /* unique: auth-worker-1 */
    size_t actor_count;
    enum http_level health;
    char sentence[HTTP_ALARM_TEXT_MAX];

    struct mono_time sample_at, comment_at; /* due */
    uint64_t log_cursor;
    struct buf text; /* of the event in hand */

    struct http_listener *listeners;
    size_t listener_count;
    struct http_feed *feeds;
    struct u64map feeds_by_session;
    struct arena arena; /* of the frame in hand */
    struct wire_reader reader;
};

/* --- http_live.c */

MUST_USE enum err http_live_init(struct http_gateway *gateway);
void http_live_fini(struct http_gateway *gateway);
/* HTTP_TIMER_LIVE. */
void http_live_tick(struct http_gateway *gateway);
/* Reads metrics and stats anew. False: the system is still being started. */
bool http_live_look(struct http_live *live);
/* Blocks of all actors; NULL: not there yet, or not to be seen. */
const struct metrics *http_live_blocks(const struct http_gateway *gateway);
actor_handler http_on_presence_changed;

/* Writes live->text as an event to everybody who listens to it. `json`: what wrote it. */
void http_live_publish(struct http_live *live, unsigned topic, uint64_t feed,
                       const struct http_json *json);
/* An empty live->text, to be written. */
void http_live_begin(struct http_live *live, struct http_json *ret);

/* --- http_overview.c */

void http_write_sample(struct http_json *json, const struct http_live *live);
void http_write_alarm(struct http_json *json, const struct http_alarm *alarm);

/* --- http_discovery.c */

actor_handler http_on_lan_shown;

/* --- http_log.c */

void http_log_publish(struct http_live *live);

/* --- http_listen.c */

void http_listeners_hear(struct http_live *live, const struct http_event *event);
/* Once a second: whose rights have ended is closed; a comment when one is due. */
void http_listeners_tick(struct http_live *live, bool is_comment_due);
/* Every feed a waiting reader wants is there, or one was refused. */
void http_listeners_feed_settled(struct http_live *live, const struct http_feed *feed,
                                 uint32_t code);
/* The feed ends from the other side: its readers are told, and go on without it. */
void http_listeners_feed_ended(struct http_live *live, const struct http_feed *feed, uint32_t code);

/* --- http_feed.c */

/* Messages of one scope as one caller may see them. */
struct http_feed {
    struct http_feed *next;
    uint64_t session;        /* of our own, new for each attachment; its number in events */
    uint64_t caller_session; /* as whom */
    char scope[WIRE_SCOPE_BYTES_MAX + 1]; /* "room:general" */
    size_t scope_size;
    bool is_ready;  /* attached */
    uint64_t since; /* every event after this number that it brought is known */
    unsigned readers;
    struct mono_time idle_since; /* when the last one left */
    uint64_t credit, delivered;
};

struct http_caller;
/* Finds it or begins it. ERR_BAD_SCOPE, ERR_TOO_MANY, ERR_BUSY. */
MUST_USE enum err http_feed_use(struct http_live *live, const struct http_caller *caller,
                                struct http_text scope, struct http_feed **ret);
/* One reader less; it stays for a moment, so that whoever comes back misses nothing. */
void http_feed_leave(struct http_live *live, struct http_feed *feed);
struct http_feed *http_feed_of(const struct http_live *live, uint64_t session);
void http_feeds_tick(struct http_live *live);
void http_feeds_fini(struct http_live *live);
/* True: the question was one of these. */
bool http_feed_no_answer(struct http_live *live, uint8_t kind, uint64_t context);
actor_handler http_on_attached, http_on_detached, http_on_deliver_out, http_on_settled;

#endif
