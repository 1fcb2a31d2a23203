/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_events.h. Numbers are consecutive, so the place of an event in the ring follows from its
 * number.
 */
#include "gateways/http/http_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define HEAD_MAX 128u

struct http_events {
    char boot[HTTP_EVENT_BOOT_MAX + 1];
    size_t events_max, bytes_max;
    struct http_event *ring; /* events_max of them */
    uint64_t first, newest;  /* numbers; first = newest + 1: empty */
    size_t bytes;
    struct http_event passing; /* too large to be kept */
};

/* --- Topics */

static const struct {
    enum http_topic topic;
    const char *name, *event;
} topics[] = {
    {HTTP_TOPIC_SAMPLE, "sample", "sample"}, {HTTP_TOPIC_PRESENCE, "presence", "presence"},
    {HTTP_TOPIC_LOG, "log", "log"},          {HTTP_TOPIC_ALARM, "alarm", "alarm"},
    {HTTP_TOPIC_SCOPE, "", "message"},
};

#define TOPIC_COUNT (sizeof(topics) / sizeof(topics[0]))

unsigned http_topic_of(const char *name, size_t size)
{
    for (size_t i = 0; size > 0 && i < TOPIC_COUNT; i++) {
        if (strlen(topics[i].name) == size && memcmp(topics[i].name, name, size) == 0)
            return topics[i].topic;
    }
    return 0;
}

const char *http_topic_event(enum http_topic topic)
{
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        if (topics[i].topic == topic)
            return topics[i].event;
    }
    CHECK(false);
    return NULL;
}

/* --- The ring */

struct http_events *http_events_new(const char *boot, size_t events_max, size_t bytes_max)
{
    CHECK(events_max > 0);
    struct http_events *events = calloc(1, sizeof(*events));
    struct http_event *ring = calloc(events_max, sizeof(*ring));
    if (!events || !ring) {
        free(events);
        free(ring);
        return NULL;
    }
    (void)snprintf(events->boot, sizeof(events->boot), "%s", boot); /* cut, as promised */
    events->ring = ring;
    events->events_max = events_max;
    events->bytes_max = bytes_max;
    events->first = 1;
    return events;
}

static struct http_event *place_of(const struct http_events *events, uint64_t number)
{
    return &events->ring[number % events->events_max];
}

static size_t count_of(const struct http_events *events)
{
    return (size_t)(events->newest + 1 - events->first);
}

static void drop_oldest(struct http_events *events)
{
    struct http_event *event = place_of(events, events->first++);
    events->bytes -= event->piece ? event->piece->size : 0;
    http_piece_drop(&event->piece);
    *event = (struct http_event){.number = 0};
}

void http_events_destroy(struct http_events **events_pointer)
{
    struct http_events *events = *events_pointer;
    if (!events)
        return;
    while (count_of(events) > 0)
        drop_oldest(events);
    http_piece_drop(&events->passing.piece);
    free(events->ring);
    free(events);
    *events_pointer = NULL;
}

void http_events_write_id(const struct http_events *events, uint64_t number,
                          char ret_id[HTTP_EVENT_ID_MAX])
{
    (void)snprintf(ret_id, HTTP_EVENT_ID_MAX, "%s.%" PRIu64, events->boot, number); /* fits */
}

enum err http_events_add(struct http_events *events, unsigned topic, uint64_t feed,
                         const char *data, size_t size, const struct http_event **ret)
{
    char head[HEAD_MAX], id[HTTP_EVENT_ID_MAX];
    uint64_t number = events->newest + 1;
    http_events_write_id(events, number, id);
    int head_size = snprintf(head, sizeof(head), "id: %s\nevent: %s\ndata: ", id,
                             http_topic_event((enum http_topic)topic));
    struct http_event event = {.number = number, .topic = topic, .feed = feed};
    size_t bytes = (size_t)head_size + size + 2;
    event.piece = http_piece_new(bytes);
    if (!event.piece)
        return ERR_BUSY;
    memcpy(event.piece->bytes, head, (size_t)head_size);
    memcpy(event.piece->bytes + head_size, data, size);
    memcpy(event.piece->bytes + head_size + size, "\n\n", 2);
    bool is_kept = bytes <= events->bytes_max;
    while (count_of(events) > 0 && (!is_kept || count_of(events) == events->events_max ||
                                    events->bytes + bytes > events->bytes_max))
        drop_oldest(events);
    events->newest = number;
    http_piece_drop(&events->passing.piece);
    events->passing = (struct http_event){.number = 0};
    if (is_kept) {
        *place_of(events, number) = event;
        events->bytes += bytes;
        *ret = place_of(events, number);
    } else {
        events->passing = event;
        events->first = number + 1;
        *ret = &events->passing;
    }
    return ERR_OK;
}

uint64_t http_events_mark(struct http_events *events)
{
    if (count_of(events) == events->events_max)
        drop_oldest(events);
    uint64_t number = ++events->newest;
    *place_of(events, number) = (struct http_event){.number = number};
    return number;
}

uint64_t http_events_newest(const struct http_events *events)
{
    return events->newest;
}

/* --- Coming back */

bool http_events_read_id(const struct http_events *events, const char *id, uint64_t *ret_number)
{
    size_t size = strlen(events->boot);
    if (strncmp(id, events->boot, size) != 0 || id[size] != '.')
        return false;
    uint64_t number = 0;
    const char *digit = id + size + 1;
    if (!*digit)
        return false;
    for (; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || number > events->newest)
            return false;
        number = number * 10 + (uint64_t)(*digit - '0');
    }
    if (number > events->newest)
        return false;
    *ret_number = number;
    return true;
}

bool http_events_has_all_after(const struct http_events *events, uint64_t number)
{
    return number + 1 >= events->first;
}

const struct http_event *http_events_after(const struct http_events *events, uint64_t number)
{
    uint64_t next = number + 1 > events->first ? number + 1 : events->first;
    return next <= events->newest ? place_of(events, next) : NULL;
}
