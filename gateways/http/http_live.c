/* SPDX-License-Identifier: MPL-2.0
 *
 * The second of the http-gateway: looks at the vital signs, takes a sample, judges, and tells those
 * who listen. Without a listener on the network there is nothing of this.
 *
 * While somebody reads, log lines are looked for several times a second; samples stay one a second.
 */
#include "gateways/http/http_live.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "rt/log.h"

#define QUICK_MS   200   /* between two looks at the log while somebody reads */
#define COMMENT_MS 15000 /* so that proxies and readers see that the stream lives */
#define EVENTS_MAX 8192u
#define TEXT_MAX   ((size_t)12 << 20) /* a message of the largest size, escaped */
#define FEEDS_MAX  4096u
#define BOOT_BYTES 4u
#define NS_PER_MS  1000000

/* --- Looking. */

const struct metrics *http_live_blocks(const struct http_gateway *gateway)
{
    return gateway->options->metrics ? *gateway->options->metrics : NULL;
}

/* Those who share a name are numbered. */
static void make_names(struct http_live *live)
{
    for (size_t i = 0; i < live->actor_count; i++) {
        unsigned alike = 0, before = 0;
        for (size_t k = 0; k < live->actor_count; k++) {
            bool is_alike = strcmp(live->stats[k].name, live->stats[i].name) == 0;
            alike += is_alike;
            before += is_alike && k < i;
        }
        if (alike > 1)
            (void)snprintf(live->names[i], HTTP_LIVE_NAME_MAX, "%.24s-%u", live->stats[i].name,
                           before + 1);
        else
            (void)snprintf(live->names[i], HTTP_LIVE_NAME_MAX, "%.24s", live->stats[i].name);
    }
}

/* How long it has not been heard of; -1: nobody has asked it yet. */
static int64_t silent_ms_of(const struct ping_report *ping)
{
    return ping->answered_ago_ms >= 0 ? ping->answered_ago_ms : ping->open_ms;
}

static bool look_at_actors(struct http_live *live)
{
    const struct http_gateway_options *options = live->gateway->options;
    size_t count = options->metrics_count;
    for (size_t i = 0; i < count; i++) {
        if (!options->read_stats(options->stats_context, (uint8_t)i, &live->stats[i]))
            return false;
    }
    if (live->actor_count != count) {
        live->actor_count = count;
        make_names(live);
    }
    for (size_t i = 0; i < count; i++) {
        const struct actor_stats *stats = &live->stats[i];
        live->actors[i] = (struct http_vital_actor){
            .name = live->names[i],
            .is_running = stats->is_running,
            .silent_ms = silent_ms_of(&stats->ping),
            .mailbox_fullest = stats->mailbox_fullest,
            .mailbox_max = stats->mailbox_max,
            .restarts = stats->restarts,
        };
    }
    return true;
}

static uint64_t gauge(const struct http_live *live, enum metric metric)
{
    const struct http_gateway_options *options = live->gateway->options;
    int64_t sum = metrics_sum(*options->metrics, options->metrics_count, metric);
    return sum > 0 ? (uint64_t)sum : 0;
}

bool http_live_look(struct http_live *live)
{
    struct http_gateway *gateway = live->gateway;
    if (!http_live_blocks(gateway) || !gateway->options->read_stats || !look_at_actors(live))
        return false;
    const struct http_sample *sample = http_samples_newest(live->samples);
    int64_t now_ms = actor_wall(gateway->actor).ms;
    int64_t oldest_ms = (int64_t)gauge(live, METRIC_OLDEST_MS);
    live->vitals = (struct http_vitals){
        .now_ms = now_ms,
        .mono_ms = actor_mono(gateway->actor).ns / NS_PER_MS,
        .is_disk_full = gauge(live, METRIC_DISK_FULL) > 0,
        .wal_bytes = gauge(live, METRIC_WAL_BYTES),
        .damaged = gauge(live, METRIC_DAMAGED),
        .dead = gauge(live, METRIC_DEAD_LETTERS),
        .waiting = gauge(live, METRIC_WAITING),
        .peers_online = gauge(live, METRIC_PEERS_ONLINE),
        .oldest_ms = oldest_ms > 0 && oldest_ms < now_ms ? now_ms - oldest_ms : 0,
        .ttl_ms = gateway->options->ttl_ms,
        .commit_p99_us = sample ? sample->values[HTTP_SERIES_COMMIT_P99] : HTTP_SAMPLE_NONE,
        .actors = live->actors,
        .actor_count = live->actor_count,
    };
    live->has_vitals = true;
    return true;
}

/* --- Telling. */

void http_live_begin(struct http_live *live, struct http_json *ret)
{
    buf_clear(&live->text);
    http_json_begin(ret, &live->text);
}

void http_live_publish(struct http_live *live, unsigned topic, uint64_t feed,
                       const struct http_json *json)
{
    const struct http_event *event = NULL;
    enum err err = json->err;
    if (!err)
        err = http_events_add(live->events, topic, feed, (const char *)buf_data(&live->text),
                              buf_size(&live->text), &event);
    if (err) {
        metrics_add(actor_metrics(live->gateway->actor), METRIC_DROPPED, 1);
        log_warn("event-lost", LOG_ERROR(err));
        return;
    }
    http_listeners_hear(live, event);
}

static void publish_alarms(struct http_live *live)
{
    const struct http_alarm *alarm;
    while ((alarm = http_alarms_take_change(&live->alarms)) != NULL) {
        struct http_json json;
        http_live_begin(live, &json);
        http_write_alarm(&json, alarm);
        http_live_publish(live, HTTP_TOPIC_ALARM, 0, &json);
        if (alarm->level == HTTP_LEVEL_OK)
            log_info("alarm-over", LOG_STR("name", alarm->name));
        else
            log_warn("alarm", LOG_STR("name", alarm->name),
                     LOG_STR("level", http_level_name(alarm->level)), LOG_STR("text", alarm->text));
    }
}

enum err http_on_presence_changed(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    const INTERNAL(PresenceChanged) *changed = MSG_BODY(msg, INTERNAL(PresenceChanged));
    Roost__V1__PresenceEvent event = ROOST__V1__PRESENCE_EVENT__INIT;
    struct http_json json;
    (void)actor;
    if (!gateway->live)
        return ERR_OK;
    event.peer = changed->peer_name;
    event.display_name = changed->display_name;
    event.reason = changed->reason;
    event.is_online = changed->is_online;
    event.time_ms = (uint64_t)changed->at_ms;
    event.event_id = (uint64_t)changed->event_id;
    event.is_verified = changed->is_verified;
    http_live_begin(gateway->live, &json);
    http_json_message(&json, NULL, &event.base);
    http_live_publish(gateway->live, HTTP_TOPIC_PRESENCE, 0, &json);
    return ERR_OK;
}

/* --- The second. */

static void take_sample(struct http_live *live)
{
    struct http_gateway *gateway = live->gateway;
    if (!http_live_look(live))
        return;
    bool is_new =
        http_samples_take(live->samples, http_live_blocks(gateway), gateway->options->metrics_count,
                          actor_mono(gateway->actor), actor_wall(gateway->actor));
    if (is_new)
        live->vitals.commit_p99_us =
            http_samples_newest(live->samples)->values[HTTP_SERIES_COMMIT_P99];
    http_alarms_judge(&live->alarms, &live->vitals);
    live->health = http_alarms_health(&live->alarms, &live->vitals, live->sentence);
    publish_alarms(live);
    if (!is_new)
        return;
    struct http_json json;
    http_live_begin(live, &json);
    http_write_sample(&json, live);
    http_live_publish(live, HTTP_TOPIC_SAMPLE, 0, &json);
}

static void arm(struct http_live *live)
{
    struct mono_time now = actor_mono(live->gateway->actor);
    struct mono_time quick = mono_add_ms(now, QUICK_MS);
    bool is_quick = live->listener_count > 0 && quick.ns < live->sample_at.ns;
    actor_timer_set(live->gateway->actor, HTTP_TIMER_LIVE, is_quick ? quick : live->sample_at);
}

void http_live_tick(struct http_gateway *gateway)
{
    struct http_live *live = gateway->live;
    struct mono_time now = actor_mono(gateway->actor);
    http_log_publish(live);
    if (mono_reached(live->sample_at, now)) {
        take_sample(live);
        /* In step with the seconds; those that were slept through are left out. */
        live->sample_at = mono_add_ms(live->sample_at, HTTP_SAMPLE_INTERVAL_MS);
        if (mono_reached(live->sample_at, now))
            live->sample_at = mono_add_ms(now, HTTP_SAMPLE_INTERVAL_MS);
        bool is_comment_due = mono_reached(live->comment_at, now);
        if (is_comment_due)
            live->comment_at = mono_add_ms(now, COMMENT_MS);
        http_listeners_tick(live, is_comment_due);
        http_feeds_tick(live);
    }
    arm(live);
}

/* --- Life. */

enum err http_live_init(struct http_gateway *gateway)
{
    struct http_live *live = calloc(1, sizeof(*live));
    char boot[2 * BOOT_BYTES + 1];
    if (!live)
        return ERR_BUSY;
    CHECK(gateway->options->metrics_count <= HTTP_LIVE_ACTORS_MAX);
    gateway->live = live;
    live->gateway = gateway;
    live->sentence[0] = '\0';
    buf_init(&live->text, TEXT_MAX);
    u64map_init(&live->feeds_by_session, FEEDS_MAX);
    arena_init(&live->arena, WIRE_ARENA_BYTES(gateway->options->limits.frame_bytes_max));
    live->reader = (struct wire_reader){
        .direction = WIRE_TO_CLIENT, .limits = &gateway->options->limits, .arena = &live->arena};
    live->samples = http_samples_new();
    live->events =
        http_events_new(sodium_bin2hex(boot, sizeof(boot), gateway->options->boot_id, BOOT_BYTES),
                        EVENTS_MAX, HTTP_LIVE_EVENT_BYTES);
    if (!live->samples || !live->events)
        return ERR_BUSY;
    metrics_set(actor_metrics(gateway->actor), METRIC_HTTP_STREAMS, 0);
    live->log_cursor = log_ring_newest();
    live->comment_at = mono_add_ms(actor_mono(gateway->actor), COMMENT_MS);
    if (http_live_blocks(gateway)) /* where the counters stand */
        (void)http_samples_take(live->samples, http_live_blocks(gateway),
                                gateway->options->metrics_count, actor_mono(gateway->actor),
                                actor_wall(gateway->actor));
    live->sample_at = mono_add_ms(actor_mono(gateway->actor), HTTP_SAMPLE_INTERVAL_MS);
    arm(live);
    return ERR_OK;
}

void http_live_fini(struct http_gateway *gateway)
{
    struct http_live *live = gateway->live;
    if (!live)
        return;
    gateway->live = NULL;
    http_feeds_fini(live);
    http_events_destroy(&live->events);
    http_samples_destroy(&live->samples);
    u64map_fini(&live->feeds_by_session);
    arena_fini(&live->arena);
    buf_fini(&live->text);
    free(live);
}
