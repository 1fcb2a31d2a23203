/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_alarms.h. A rule says which level a value calls for, given the level there is (that is the
 * hysteresis); move() holds it to the time it must last, and writes the sentence.
 */
#include "gateways/http/http_alarms.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rt/check.h"

#define MIB              ((uint64_t)1 << 20)
#define WAL_WARN_BYTES   (128 * MIB)
#define WAL_BAD_BYTES    (1024 * MIB)
#define WAL_CLEAR_BYTES  (64 * MIB)
#define COMMIT_WARN_US   250000
#define COMMIT_BAD_US    2000000
#define COMMIT_CLEAR_US  100000
#define COMMIT_LASTS_MS  5000
#define SILENT_WARN_MS   2500 /* an actor is asked once a second */
#define SILENT_BAD_MS    10000
#define STOPPED_LASTS_MS 2000
#define MAILBOX_WARN     75 /* per cent of the room for one sender */
#define MAILBOX_BAD      95
#define MAILBOX_CLEAR    30
#define MAILBOX_LASTS_MS 2000
#define RESTART_SHOWN_MS 600000
#define OLD_WARN         75 /* per cent of the time to live */
#define OLD_CLEAR        60
#define PER_CENT         100
#define MS_PER_MINUTE    60000
#define MS_PER_HOUR      3600000
#define MS_PER_DAY       86400000

const char *http_level_name(enum http_level level)
{
    static const char *const names[] = {"ok", "warn", "bad"};
    CHECK((unsigned)level < sizeof(names) / sizeof(names[0]));
    return names[level];
}

/* --- Moving an alarm. */

struct judgement {
    enum http_level level;
    int64_t lasts_ms; /* a rise is told when it has lasted so long; an end at once */
};

__attribute__((format(printf, 2, 3))) static void say(struct http_alarm *alarm, const char *format,
                                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(alarm->text, sizeof(alarm->text), format, arguments); /* fits */
    va_end(arguments);
}

/* True: the alarm is raised, and its sentence is to be written anew. */
static bool move(struct http_alarm *alarm, const struct http_vitals *vitals,
                 struct judgement judgement)
{
    if (judgement.level == alarm->level) {
        alarm->pending_since_ms = 0;
        return alarm->level != HTTP_LEVEL_OK;
    }
    if (alarm->pending_since_ms == 0 || alarm->pending != judgement.level) {
        alarm->pending_since_ms = vitals->mono_ms;
        alarm->pending = judgement.level;
    }
    bool is_rise = judgement.level > alarm->level;
    if (is_rise && vitals->mono_ms - alarm->pending_since_ms < judgement.lasts_ms)
        return alarm->level != HTTP_LEVEL_OK;
    alarm->level = judgement.level;
    alarm->since_ms = vitals->now_ms;
    alarm->pending_since_ms = 0;
    alarm->is_new = true;
    return alarm->level != HTTP_LEVEL_OK;
}

struct bounds {
    uint64_t warn, bad, clear; /* bad 0: it never gets that bad */
};

/* Rises at a bound, ends only below the lowest one. */
static enum http_level level_of(uint64_t value, struct bounds bounds, enum http_level now)
{
    if (bounds.bad && value >= bounds.bad)
        return HTTP_LEVEL_BAD;
    if (value >= bounds.warn)
        return now == HTTP_LEVEL_BAD ? HTTP_LEVEL_BAD : HTTP_LEVEL_WARN;
    return value < bounds.clear ? HTTP_LEVEL_OK : now;
}

/* "3 days", of what is long enough to be looked at. */
static void write_age(int64_t age_ms, char *ret_text, size_t room)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {
        {MS_PER_DAY, "day"}, {MS_PER_HOUR, "hour"}, {MS_PER_MINUTE, "minute"}, {1000, "second"}};
    size_t i = 0;
    while (i < 3 && age_ms < 2 * units[i].ms)
        i++;
    int64_t count = age_ms / units[i].ms;
    (void)snprintf(ret_text, room, "%" PRId64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
}

/* --- Rules of the broker. */

static void judge_disk(struct http_alarm *alarm, const struct http_vitals *vitals)
{
    struct judgement judgement = {vitals->is_disk_full ? HTTP_LEVEL_BAD : HTTP_LEVEL_OK, 0};
    if (move(alarm, vitals, judgement))
        say(alarm,
            "The disk is full: messages are refused, settling and reading still work. Free some "
            "space on the disk of the data; the broker goes on by itself.");
}

static void judge_wal(struct http_alarm *alarm, const struct http_vitals *vitals)
{
    struct bounds bounds = {WAL_WARN_BYTES, WAL_BAD_BYTES, WAL_CLEAR_BYTES};
    struct judgement judgement = {level_of(vitals->wal_bytes, bounds, alarm->level), 0};
    if (move(alarm, vitals, judgement))
        say(alarm,
            "The write-ahead log has grown to %" PRIu64 " MiB: something reads the data file for "
            "very long, a backup perhaps, or the disk is too slow. Let it end, or stop it.",
            vitals->wal_bytes / MIB);
}

static void judge_damage(struct http_alarm *alarm, const struct http_vitals *vitals)
{
    struct judgement judgement = {vitals->damaged > 0 ? HTTP_LEVEL_BAD : HTTP_LEVEL_OK, 0};
    if (move(alarm, vitals, judgement))
        say(alarm,
            "%" PRIu64 " stored message%s did not match %s checksum and %s not delivered. Run "
            "'roost verify', look at the disk, and restore a backup if more are found.",
            vitals->damaged, vitals->damaged == 1 ? "" : "s",
            vitals->damaged == 1 ? "its" : "their", vitals->damaged == 1 ? "was" : "were");
}

static void judge_age(struct http_alarm *alarm, const struct http_vitals *vitals)
{
    char age[32];
    uint64_t share = vitals->ttl_ms > 0 && vitals->oldest_ms > 0
                         ? (uint64_t)(vitals->oldest_ms / (vitals->ttl_ms / PER_CENT + 1))
                         : 0;
    struct bounds bounds = {OLD_WARN, 0, OLD_CLEAR};
    if (!move(alarm, vitals, (struct judgement){level_of(share, bounds, alarm->level), 0}))
        return;
    write_age(vitals->oldest_ms, age, sizeof(age));
    say(alarm,
        "The oldest message that is due has waited for %s and will soon expire. See what waits "
        "for whom ('roost inspect'), and whether that peer still comes.",
        age);
}

static void judge_commit(struct http_alarm *alarm, const struct http_vitals *vitals)
{
    if (vitals->commit_p99_us < 0)
        return; /* nothing is known of a second without commits */
    struct bounds bounds = {COMMIT_WARN_US, COMMIT_BAD_US, COMMIT_CLEAR_US};
    enum http_level level = level_of((uint64_t)vitals->commit_p99_us, bounds, alarm->level);
    if (move(alarm, vitals, (struct judgement){level, COMMIT_LASTS_MS}))
        say(alarm,
            "One of a hundred commits takes %" PRId64 " ms: the disk is slow or busy with "
            "something else. Every sender waits that long for its answer.",
            vitals->commit_p99_us / 1000);
}

/* --- Rules of each actor. */

static void judge_stuck(struct http_alarm *alarm, const struct http_vitals *vitals,
                        const struct http_vital_actor *actor)
{
    enum http_level level = HTTP_LEVEL_OK;
    if (!actor->is_running)
        level = HTTP_LEVEL_BAD;
    else if (actor->silent_ms >= 0)
        level =
            level_of((uint64_t)actor->silent_ms,
                     (struct bounds){SILENT_WARN_MS, SILENT_BAD_MS, SILENT_WARN_MS}, alarm->level);
    int64_t lasts_ms = actor->is_running ? 0 : STOPPED_LASTS_MS; /* a restart takes a moment */
    if (!move(alarm, vitals, (struct judgement){level, lasts_ms}))
        return;
    if (!actor->is_running)
        say(alarm,
            "%s is not running. If it does not come back by itself, look at the log for "
            "'actor-died' and restart the broker.",
            actor->name);
    else
        say(alarm,
            "%s has not answered for %" PRId64 " s: it is stuck, or has very much to do. The log "
            "names what it works on; a broker whose actor stays stuck ends by itself and is "
            "started again.",
            actor->name, actor->silent_ms / 1000);
}

static void judge_mailbox(struct http_alarm *alarm, const struct http_vitals *vitals,
                          const struct http_vital_actor *actor)
{
    uint64_t share =
        actor->mailbox_max ? actor->mailbox_fullest * PER_CENT / actor->mailbox_max : 0;
    struct bounds bounds = {MAILBOX_WARN, MAILBOX_BAD, MAILBOX_CLEAR};
    enum http_level level = level_of(share, bounds, alarm->level);
    if (move(alarm, vitals, (struct judgement){level, MAILBOX_LASTS_MS}))
        say(alarm,
            "%s gets more than it can handle: its mailbox is %" PRIu64 " %% full, and requests "
            "are answered BUSY. Send less, or give the machine more processors or a faster disk.",
            actor->name, share);
}

static void judge_restarts(struct http_alarms *alarms, struct http_alarm *alarm,
                           const struct http_vitals *vitals, size_t place)
{
    const struct http_vital_actor *actor = &vitals->actors[place];
    int64_t *restarted_at_ms = &alarms->restarted_at_ms[place];
    /* What was before we looked for the first time was in this run of the broker as well. */
    uint64_t seen = alarms->has_seen ? alarms->restarts_seen[place] : 0;
    if (actor->restarts > seen)
        *restarted_at_ms = vitals->mono_ms;
    alarms->restarts_seen[place] = actor->restarts;
    bool is_shown = *restarted_at_ms != 0 && vitals->mono_ms - *restarted_at_ms < RESTART_SHOWN_MS;
    struct judgement judgement = {is_shown ? HTTP_LEVEL_WARN : HTTP_LEVEL_OK, 0};
    if (move(alarm, vitals, judgement))
        say(alarm,
            "%s died and was started again, %" PRIu64 " time%s so far. Nothing acknowledged is "
            "lost; please report it with the lines 'actor-died' of the log.",
            actor->name, actor->restarts, actor->restarts == 1 ? "" : "s");
}

/* --- All of them. */

static const char *const rule_names[HTTP_ALARM_RULES] = {
    [HTTP_ALARM_DISK_FULL] = "disk-full",       [HTTP_ALARM_WAL_LARGE] = "wal-large",
    [HTTP_ALARM_DAMAGED_ROWS] = "damaged-rows", [HTTP_ALARM_OLD_MAIL] = "old-mail",
    [HTTP_ALARM_COMMIT_SLOW] = "commit-slow",   [HTTP_ALARM_ACTOR_STUCK] = "actor-stuck",
    [HTTP_ALARM_MAILBOX_FULL] = "mailbox-full", [HTTP_ALARM_ACTOR_RESTARTED] = "actor-restarted",
};

_Static_assert(HTTP_ALARM_OF_BROKER == HTTP_ALARM_ACTOR_STUCK, "rules of the broker come first");

static struct http_alarm *of_broker(struct http_alarms *alarms, enum http_alarm_rule rule)
{
    struct http_alarm *alarm = &alarms->alarms[rule];
    (void)snprintf(alarm->name, sizeof(alarm->name), "%s", rule_names[rule]);
    return alarm;
}

static struct http_alarm *of_actor(struct http_alarms *alarms, enum http_alarm_rule rule,
                                   size_t place, const char *name)
{
    size_t index = HTTP_ALARM_OF_BROKER +
                   (size_t)(rule - HTTP_ALARM_OF_BROKER) * HTTP_ALARM_ACTORS_MAX + place;
    struct http_alarm *alarm = &alarms->alarms[index];
    (void)snprintf(alarm->name, sizeof(alarm->name), "%s:%.24s", rule_names[rule], name);
    return alarm;
}

void http_alarms_judge(struct http_alarms *alarms, const struct http_vitals *vitals)
{
    CHECK(vitals->actor_count <= HTTP_ALARM_ACTORS_MAX);
    judge_disk(of_broker(alarms, HTTP_ALARM_DISK_FULL), vitals);
    judge_wal(of_broker(alarms, HTTP_ALARM_WAL_LARGE), vitals);
    judge_damage(of_broker(alarms, HTTP_ALARM_DAMAGED_ROWS), vitals);
    judge_age(of_broker(alarms, HTTP_ALARM_OLD_MAIL), vitals);
    judge_commit(of_broker(alarms, HTTP_ALARM_COMMIT_SLOW), vitals);
    for (size_t i = 0; i < vitals->actor_count; i++) {
        const struct http_vital_actor *actor = &vitals->actors[i];
        judge_stuck(of_actor(alarms, HTTP_ALARM_ACTOR_STUCK, i, actor->name), vitals, actor);
        judge_mailbox(of_actor(alarms, HTTP_ALARM_MAILBOX_FULL, i, actor->name), vitals, actor);
        judge_restarts(alarms, of_actor(alarms, HTTP_ALARM_ACTOR_RESTARTED, i, actor->name), vitals,
                       i);
    }
    alarms->has_seen = true;
}

const struct http_alarm *http_alarms_take_change(struct http_alarms *alarms)
{
    for (size_t i = 0; i < HTTP_ALARMS_MAX; i++) {
        if (!alarms->alarms[i].is_new)
            continue;
        alarms->alarms[i].is_new = false;
        return &alarms->alarms[i];
    }
    return NULL;
}

const struct http_alarm *http_alarms_next(const struct http_alarms *alarms, size_t *place)
{
    while (*place < HTTP_ALARMS_MAX) {
        const struct http_alarm *alarm = &alarms->alarms[(*place)++];
        if (alarm->level != HTTP_LEVEL_OK)
            return alarm;
    }
    return NULL;
}

static void say_well(const struct http_vitals *vitals, char *ret_sentence)
{
    (void)snprintf(ret_sentence, HTTP_ALARM_TEXT_MAX,
                   "All is well: %" PRIu64 " peer%s online, %" PRIu64 " deliver%s waiting.",
                   vitals->peers_online, vitals->peers_online == 1 ? " is" : "s are",
                   vitals->waiting, vitals->waiting == 1 ? "y" : "ies");
}

enum http_level http_alarms_health(const struct http_alarms *alarms,
                                   const struct http_vitals *vitals,
                                   char ret_sentence[HTTP_ALARM_TEXT_MAX])
{
    const struct http_alarm *worst = NULL, *alarm;
    size_t place = 0, count = 0;
    while ((alarm = http_alarms_next(alarms, &place)) != NULL) {
        count++;
        if (!worst || alarm->level > worst->level)
            worst = alarm;
    }
    if (!worst) {
        say_well(vitals, ret_sentence);
        return HTTP_LEVEL_OK;
    }
    if (count == 1)
        (void)snprintf(ret_sentence, HTTP_ALARM_TEXT_MAX, "%s", worst->text);
    else
        (void)snprintf(ret_sentence, HTTP_ALARM_TEXT_MAX, "%.*s And %zu more.",
                       (int)(HTTP_ALARM_TEXT_MAX - 32), worst->text, count - 1);
    return worst->level;
}
