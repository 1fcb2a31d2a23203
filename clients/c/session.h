/* SPDX-License-Identifier: MPL-2.0
 *
 * struct roost: what the application's threads and the session's thread share, and nothing else.
 *
 *   application threads                                   the session's thread (io.h)
 *     roost_send ------> outbox ring --------------------> publish window, SEND
 *     settle, calls ---> commands ring ------------------> books, requests
 *     on_sent, roost_answered <-- answered, room <-------- STORED
 *     roost_receive <-- ready ring of the consumer <------ DELIVER
 *     roost_next_event <-- events ring <------------------ everything else
 *
 * Every member is constant after roost_open, atomic, or a ring. What belongs to one side only is
 * in that side's files.
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clients/c/ring.h"
#include "clients/c/roost.h"
#include "clients/c/wait.h"

enum counter {
    COUNTER_SENT,
    COUNTER_STORED,
    COUNTER_DUPLICATES,
    COUNTER_REFUSED,
    COUNTER_RESENT,
    COUNTER_FRAMES_SENT,
    COUNTER_FRAMES_RECEIVED,
    COUNTER_DELIVERED,
    COUNTER_SUPPRESSED,
    COUNTER_SETTLED,
    COUNTER_STALE,
    COUNTER_EVENTS_LOST,
    COUNTER_FRAMES_BAD,
    COUNTER_CONNECTIONS,
    COUNTER_COUNT
};

/* Copies of what roost_open was given. */
struct settings {
    char *url;
    char *peer;
    char *credentials;
    char *display_name;
    char *software;
    char *curve_server_key;
    char *curve_public_key;
    char *curve_secret_key;
    uint32_t unanswered_messages_max;
    size_t unanswered_bytes_max;
    void (*on_sent)(void *context, const struct roost_sent *sent);
    void *context;
};

/* Text that one thread replaces now and then and others copy: a sequence lock over atomic words. */
#define SNAPSHOT_WORDS 64
struct snapshot {
    _Atomic uint32_t version; /* odd while being written */
    _Atomic uint64_t words[SNAPSHOT_WORDS];
};

struct io;

struct roost {
    struct settings settings;
    struct io *io; /* for the session's thread only */
    pthread_t thread;

    /* application -> session */
    struct ring outbox;   /* struct outgoing *, its size in bytes */
    struct ring commands; /* command.h */
    struct doorbell bell;
    _Atomic uint64_t outbox_bytes_in;
    _Atomic uint64_t next_request_id;
    _Atomic uint32_t is_closing;

    /* session -> application */
    _Alignas(64) _Atomic uint64_t answered;
    _Atomic uint64_t outbox_bytes_out;
    _Atomic uint64_t shown_in;               /* messages put into ready rings, and ... */
    _Alignas(64) _Atomic uint64_t shown_out; /* ... taken out */
    struct eventcount room;                  /* answered has moved */
    struct eventcount news; /* a message or an event waits, or the session was welcomed */
    struct lamp lamp;
    struct ring events; /* struct event_private * */

    _Atomic uint32_t is_connected;
    _Atomic uint32_t is_verified;
    _Atomic uint32_t role;
    _Atomic uint32_t last_error;
    _Atomic uint32_t body_bytes_max;
    _Atomic uint32_t lease_ms;
    _Atomic uint32_t heartbeat_ms;
    struct snapshot names; /* peer[256], broker[128] */
    _Atomic uint64_t counters[COUNTER_COUNT];
};

static inline void count(struct roost *roost, enum counter counter, uint64_t by)
{
    (void)atomic_fetch_add_explicit(&roost->counters[counter], by, memory_order_relaxed);
}

/* Everything of a session but its thread; what roost_open and roost_close are made of. NULL: no
 * memory. */
struct roost *session_new(const struct roost_options *options);
void session_free(struct roost *roost);

/* True in the session's own thread, that is inside a callback. */
bool session_is_own_thread(const struct roost *roost);
void session_enter_thread(const struct roost *roost);

/* Waits until `is_there` says so. ROOST_OK, ROOST_TIMEOUT, ROOST_WRONG_THREAD. */
enum roost_error session_wait_news(struct roost *roost, bool (*is_there)(void *context),
                                   void *context, struct mono_time deadline);

/* The application found nothing: puts the lamp out unless there is news elsewhere. ROOST_EMPTY. */
enum roost_error session_found_nothing(struct roost *roost);

void snapshot_write(struct snapshot *snapshot, const void *bytes, size_t size);
void snapshot_read(struct snapshot *snapshot, void *ret, size_t size);

/* The text behind roost_last_text. NULL: "". */
void last_text_set(const char *text);

#endif
