/* SPDX-License-Identifier: MPL-2.0
 *
 * Alarms: what is not well, since when, and what to do about it, in words for whoever has to; and the
 * one sentence about the health of the broker.
 *
 * Pure rules over vital signs that come in once a second. Each rule has a level at which it is raised
 * and a lower one at which it ends, and some a time that it must last, so that an alarm does not flicker.
 * Names are stable. Fixed memory.
 */
#ifndef GATEWAYS_HTTP_HTTP_ALARMS_H
#define GATEWAYS_HTTP_HTTP_ALARMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ALARM_ACTORS_MAX 64u
#define HTTP_ALARM_TEXT_MAX   320u
#define HTTP_ALARM_NAME_MAX   48u

struct http_vital_actor {
    const char *name; /* unique */
    bool is_running;
    int64_t silent_ms;        /* since it last answered a ping; -1: it has not been asked */
    uint64_t mailbox_fullest; /* messages of one sender that wait */
    uint64_t mailbox_max;     /* room for those of one sender */
    uint64_t restarts;
};

struct http_vitals {
    int64_t now_ms; /* Unix time, for `since`; may jump */
    int64_t mono_ms;
    bool is_disk_full;
    uint64_t wal_bytes, damaged, dead, waiting, peers_online;
    int64_t oldest_ms;     /* age of the oldest undelivered message; 0: none */
    int64_t ttl_ms;        /* after which such a message expires */
    int64_t commit_p99_us; /* of the last second; negative: nothing was committed */
    const struct http_vital_actor *actors;
    size_t actor_count; /* at most HTTP_ALARM_ACTORS_MAX */
};

enum http_level { HTTP_LEVEL_OK, HTTP_LEVEL_WARN, HTTP_LEVEL_BAD };
const char *http_level_name(enum http_level level); /* "ok", "warn", "bad" */

enum http_alarm_rule {
    HTTP_ALARM_DISK_FULL,
    HTTP_ALARM_WAL_LARGE,
    HTTP_ALARM_DAMAGED_ROWS,
    HTTP_ALARM_OLD_MAIL,
    HTTP_ALARM_COMMIT_SLOW,
    HTTP_ALARM_ACTOR_STUCK, /* from here on one per actor */
    HTTP_ALARM_MAILBOX_FULL,
    HTTP_ALARM_ACTOR_RESTARTED,
    HTTP_ALARM_RULES
};
#define HTTP_ALARM_OF_BROKER 5u /* rules before HTTP_ALARM_ACTOR_STUCK */
#define HTTP_ALARMS_MAX                                                                            \
    (HTTP_ALARM_OF_BROKER + (HTTP_ALARM_RULES - HTTP_ALARM_OF_BROKER) * HTTP_ALARM_ACTORS_MAX)

struct http_alarm {
    char name[HTTP_ALARM_NAME_MAX]; /* "disk-full", "actor-stuck:persistence" */
    enum http_level level;          /* HTTP_LEVEL_OK: it is not raised */
    char text[HTTP_ALARM_TEXT_MAX];
    int64_t since_ms; /* Unix time of the level it has; of the end, when it is not raised */

    /* For the rule. */
    int64_t pending_since_ms; /* monotonic: the next level has been due since; 0: it is not */
    enum http_level pending;
    bool is_new; /* to be told */
};

struct http_alarms {
    struct http_alarm alarms[HTTP_ALARMS_MAX];
    uint64_t restarts_seen[HTTP_ALARM_ACTORS_MAX];
    int64_t restarted_at_ms[HTTP_ALARM_ACTORS_MAX]; /* monotonic; 0: never */
    bool has_seen;
};

/* Zero bytes: nothing known. */
void http_alarms_judge(struct http_alarms *alarms, const struct http_vitals *vitals);

/* The next alarm that was raised, changed its level or ended, each change once; NULL: no more. */
const struct http_alarm *http_alarms_take_change(struct http_alarms *alarms);

/* Those that are raised: start with *place 0; NULL: no more. */
const struct http_alarm *http_alarms_next(const struct http_alarms *alarms, size_t *place);

/* Worst level there is, and a sentence of at most HTTP_ALARM_TEXT_MAX bytes. */
enum http_level http_alarms_health(const struct http_alarms *alarms,
                                   const struct http_vitals *vitals,
                                   char ret_sentence[HTTP_ALARM_TEXT_MAX]);

#endif
