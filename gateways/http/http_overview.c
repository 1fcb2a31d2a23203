/* SPDX-License-Identifier: MPL-2.0
 *
 * GET /api/v1/overview and /api/v1/actors, and the same second by second as the event `sample`. All of
 * it comes from the last look (http_live.c), none of it from the database.
 */
#include <string.h>

#include "gateways/http/http_live.h"

#define PERMILLE 1000.0

static uint64_t gauge(const struct http_live *live, enum metric metric)
{
    const struct http_gateway_options *options = live->gateway->options;
    int64_t sum = metrics_sum(*options->metrics, options->metrics_count, metric);
    return sum > 0 ? (uint64_t)sum : 0;
}

/* --- Parts. */

static void write_totals(struct http_json *json, const struct http_live *live)
{
    static const struct {
        const char *name;
        enum metric metric;
    } totals[] = {
        {"sessions", METRIC_SESSIONS},
        {"connected", METRIC_CONNECTED},
        {"authenticated", METRIC_VERIFIED},
        {"rooms", METRIC_ROOMS},
        {"users", METRIC_USERS},
        {"invitations_pending", METRIC_INVITATIONS},
        {"peers", METRIC_PEERS},
        {"peers_online", METRIC_PEERS_ONLINE},
        {"waiting", METRIC_WAITING},
        {"leased", METRIC_LEASED},
        {"dead", METRIC_DEAD_LETTERS},
        {"database_bytes", METRIC_DATABASE_BYTES},
        {"wal_bytes", METRIC_WAL_BYTES},
        {"streams", METRIC_HTTP_STREAMS},
    };
    http_json_object(json, "totals");
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++)
        http_json_number(json, totals[i].name, gauge(live, totals[i].metric));
    http_json_signed(json, "oldest_undelivered_ms", live->vitals.oldest_ms); /* its age */
    http_json_object_end(json);
}

static void write_health(struct http_json *json, const struct http_live *live)
{
    http_json_object(json, "health");
    http_json_text(json, "state", http_level_name(live->health));
    http_json_text(json, "sentence", live->sentence);
    http_json_object_end(json);
}

static void write_alarm_fields(struct http_json *json, const struct http_alarm *alarm)
{
    http_json_text(json, "name", alarm->name);
    http_json_text(json, "level", http_level_name(alarm->level));
    http_json_text(json, "text", alarm->text);
    http_json_signed(json, "since_ms", alarm->since_ms);
}

void http_write_alarm(struct http_json *json, const struct http_alarm *alarm)
{
    http_json_object(json, NULL);
    write_alarm_fields(json, alarm);
    http_json_object_end(json);
}

static void write_alarms(struct http_json *json, const struct http_live *live)
{
    const struct http_alarm *alarm;
    size_t place = 0;
    http_json_array(json, "alarms");
    while ((alarm = http_alarms_next(&live->alarms, &place)) != NULL)
        http_write_alarm(json, alarm);
    http_json_array_end(json);
}

static const char *state_of(const struct http_vital_actor *actor)
{
    if (!actor->is_running)
        return "stopped";
    if (actor->silent_ms < 0)
        return "starting";
    return actor->silent_ms >= HTTP_LIVE_STUCK_MS ? "stuck" : "running";
}

static void write_actor(struct http_json *json, const struct http_live *live, size_t i)
{
    const struct actor_stats *stats = &live->stats[i];
    struct http_actor_sample sample = http_samples_actor(live->samples, i);
    http_json_object(json, NULL);
    http_json_text(json, "name", live->names[i]);
    http_json_text(json, "state", state_of(&live->actors[i]));
    http_json_number(json, "mailbox", stats->mailbox_depth);
    http_json_number(json, "mailbox_max", stats->mailbox_high);
    http_json_number(json, "mailbox_limit", stats->mailbox_max);
    http_json_real(json, "busy_share", sample.busy_permille / PERMILLE);
    http_json_number(json, "messages", stats->messages);
    http_json_number(json, "messages_per_s", sample.messages_per_s);
    http_json_number(json, "turns", stats->turns);
    http_json_number(json, "refusals", stats->refusals);
    http_json_number(json, "restarts", stats->restarts);
    http_json_signed(json, "last_ping_us", stats->ping.took_us > 0 ? stats->ping.took_us : 0);
    http_json_signed(json, "silent_ms",
                     live->actors[i].silent_ms > 0 ? live->actors[i].silent_ms : 0);
    http_json_object_end(json);
}

static void write_actors(struct http_json *json, const char *name, const struct http_live *live)
{
    http_json_array(json, name);
    for (size_t i = 0; i < live->actor_count; i++)
        write_actor(json, live, i);
    http_json_array_end(json);
}

static void write_value(struct http_json *json, const char *name, int64_t value)
{
    if (value == HTTP_SAMPLE_NONE)
        http_json_null(json, name);
    else
        http_json_signed(json, name, value);
}

static void write_heat(struct http_json *json, const char *name, const struct http_sample *sample)
{
    http_json_array(json, name);
    for (size_t i = 0; i < HTTP_HEAT_BUCKETS; i++)
        http_json_number(json, NULL, sample->heat[i]);
    http_json_array_end(json);
}

/* --- The event `sample`. */

void http_write_sample(struct http_json *json, const struct http_live *live)
{
    const struct http_sample *sample = http_samples_newest(live->samples);
    http_json_object(json, NULL);
    http_json_signed(json, "at_ms", sample->at_ms);
    for (int i = 0; i < HTTP_SERIES_COUNT; i++)
        write_value(json, http_series_name((enum http_series)i), sample->values[i]);
    write_heat(json, "commit_heat", sample);
    write_totals(json, live);
    write_actors(json, "actors", live);
    write_health(json, live);
    write_alarms(json, live);
    http_json_object_end(json);
}

/* --- GET /overview. */

static void write_samples(struct http_json *json, const struct http_samples *samples)
{
    size_t count = http_samples_count(samples);
    http_json_object(json, "samples");
    http_json_signed(json, "interval_ms", HTTP_SAMPLE_INTERVAL_MS);
    http_json_array(json, "at_ms");
    for (size_t i = 0; i < count; i++)
        http_json_signed(json, NULL, http_samples_at(samples, i)->at_ms);
    http_json_array_end(json);
    for (int series = 0; series < HTTP_SERIES_COUNT; series++) {
        http_json_array(json, http_series_name((enum http_series)series));
        for (size_t i = 0; i < count; i++)
            write_value(json, NULL, http_samples_at(samples, i)->values[series]);
        http_json_array_end(json);
    }
    http_json_object_end(json);
}

static void write_heat_map(struct http_json *json, const struct http_samples *samples)
{
    http_json_object(json, "commit_heat");
    http_json_array(json, "bounds_us");
    for (unsigned i = 0; i + 1 < HTTP_HEAT_BUCKETS; i++)
        http_json_number(json, NULL, http_heat_bound_us(i));
    http_json_array_end(json);
    http_json_array(json, "rows");
    for (size_t i = 0; i < http_samples_count(samples); i++)
        write_heat(json, NULL, http_samples_at(samples, i));
    http_json_array_end(json);
    http_json_object_end(json);
}

static const char *version_of(const struct http_gateway_options *options)
{
    const char *blank = strchr(options->software, ' ');
    return blank ? blank + 1 : options->software;
}

void http_get_overview(struct http_request *request)
{
    struct http_gateway *gateway = request->gateway;
    struct http_live *live = gateway->live;
    struct http_json json;
    if (!http_live_look(live)) {
        http_answer_error(request, ERR_BUSY, "the broker is being started");
        return;
    }
    http_answer_object(request, &json);
    http_json_text(&json, "version", version_of(gateway->options));
    http_json_hex(&json, "boot_id", gateway->options->boot_id, sizeof(gateway->options->boot_id));
    http_json_signed(&json, "started_ms", gateway->options->started_ms);
    http_json_signed(&json, "now_ms", actor_wall(gateway->actor).ms);
    write_health(&json, live);
    write_alarms(&json, live);
    write_totals(&json, live);
    write_samples(&json, live->samples);
    write_heat_map(&json, live->samples);
    http_answer_object_end(request, &json, MHD_HTTP_OK);
}

void http_get_actors(struct http_request *request)
{
    struct http_live *live = request->gateway->live;
    struct http_json json;
    if (!http_live_look(live)) {
        http_answer_error(request, ERR_BUSY, "the broker is being started");
        return;
    }
    http_answer_object(request, &json);
    write_actors(&json, "items", live);
    http_json_null(&json, "next");
    http_answer_object_end(request, &json, MHD_HTTP_OK);
}
