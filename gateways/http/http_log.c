/* SPDX-License-Identifier: MPL-2.0
 *
 * The last log lines: GET /api/v1/log, and the event `log`. Both read the ring of rt/log_ring.h; the
 * lines of this gateway are among them, so nothing here logs what it reads.
 */
#include <string.h>

#include "gateways/http/http_live.h"

#define LIMIT_DEFAULT 200u
#define LIMIT_MAX     1000u
#define LINES_AT_ONCE 256 /* of one look; the rest waits for the next one */

static void write_line(struct http_json *json, const struct log_ring_line *line)
{
    size_t event = strcspn(line->text, " ");
    http_json_object(json, NULL);
    http_json_number(json, "seq", line->number);
    http_json_signed(json, "at_ms", line->time_ms);
    http_json_text(json, "level", log_level_name(line->level));
    http_json_text(json, "actor", line->actor);
    http_json_bytes(json, "event", line->text, event);
    http_json_text(json, "text", line->text);
    http_json_object_end(json);
}

void http_log_publish(struct http_live *live)
{
    struct log_ring_line line;
    for (int i = 0; i < LINES_AT_ONCE; i++) {
        struct http_json json;
        if (!log_ring_next(&live->log_cursor, &line, NULL))
            return;
        http_live_begin(live, &json);
        write_line(&json, &line);
        http_live_publish(live, HTTP_TOPIC_LOG, 0, &json);
    }
}

/* --- GET /log. */

struct filter {
    int level; /* this and worse */
    struct http_text actor;
};

static bool is_wanted(const struct filter *filter, const struct log_ring_line *line)
{
    if ((int)line->level < filter->level)
        return false;
    return filter->actor.size == 0 ||
           (strlen(line->actor) == filter->actor.size &&
            memcmp(line->actor, filter->actor.data, filter->actor.size) == 0);
}

/* False: no such level. */
static bool read_level(const struct http_text *text, int *ret_level)
{
    for (int level = LOG_LEVEL_DEBUG; text && level < LOG_LEVEL_OFF; level++) {
        const char *name = log_level_name((enum log_level)level);
        if (strlen(name) == text->size && memcmp(name, text->data, text->size) == 0) {
            *ret_level = level;
            return true;
        }
    }
    return !text;
}

void http_get_log(struct http_request *request)
{
    const struct http_text *level = http_target_parameter(&request->target, "level");
    const struct http_text *actor = http_target_parameter(&request->target, "actor");
    const struct http_text *limit_text = http_target_parameter(&request->target, "limit");
    struct filter filter = {.level = LOG_LEVEL_DEBUG};
    uint64_t limit = LIMIT_DEFAULT, cursor = 0, count = 0;
    struct log_ring_line line;
    struct http_json json;
    if (!read_level(level, &filter.level)) {
        http_answer_error(request, ERR_BAD_FIELD, "level is debug, info, warn or error");
        return;
    }
    if (limit_text && http_text_number(*limit_text, LIMIT_MAX, &limit) != ERR_OK) {
        http_answer_error(request, ERR_BAD_FIELD, "limit is a number of at most 1000");
        return;
    }
    if (actor)
        filter.actor = *actor;
    while (log_ring_next(&cursor, &line, NULL))
        count += is_wanted(&filter, &line);
    http_answer_object(request, &json);
    http_json_array(&json, "items");
    for (cursor = 0; log_ring_next(&cursor, &line, NULL);) {
        /* The newest `limit` of them, oldest first. */
        if (is_wanted(&filter, &line) && count-- <= limit)
            write_line(&json, &line);
    }
    http_json_array_end(&json);
    http_json_null(&json, "next");
    http_answer_object_end(request, &json, MHD_HTTP_OK);
}
