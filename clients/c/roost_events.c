/* SPDX-License-Identifier: MPL-2.0
 *
 * Events, see event.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/event.h"

static bool push(struct roost *roost, struct event_private *event)
{
    struct ring_item item = {.words = {(uintptr_t)event}};
    return ring_push(&roost->events, &item, NULL);
}

/* Copies the three strings of a presence event into one block. */
static bool copy_presence(struct event_private *event, const struct roost_presence_event *from)
{
    const char *texts[3] = {from->peer ? from->peer : "",
                            from->display_name ? from->display_name : "",
                            from->reason ? from->reason : ""};
    size_t size = strlen(texts[0]) + strlen(texts[1]) + strlen(texts[2]) + 3;
    const char **targets[3] = {&event->public.presence.peer, &event->public.presence.display_name,
                               &event->public.presence.reason};
    char *at = event->strings = malloc(size);
    if (!at)
        return false;
    for (int i = 0; i < 3; i++) {
        *targets[i] = at;
        at = stpcpy(at, texts[i]) + 1;
    }
    return true;
}

bool event_push(struct roost *roost, const struct roost_event *event)
{
    struct event_private *copy = calloc(1, sizeof(*copy));
    bool is_complete = copy != NULL;
    if (copy) {
        copy->public = *event;
        (void)snprintf(copy->text, sizeof(copy->text), "%s", event->text ? event->text : "");
        copy->public.text = copy->text;
        copy->public.sent.text = copy->text;
        is_complete = copy_presence(copy, &event->presence);
    }
    if (is_complete && push(roost, copy))
        return true;
    if (copy)
        event_free(copy);
    count(roost, COUNTER_EVENTS_LOST, 1);
    return false;
}

bool event_push_receipt(struct roost *roost, struct roost_consumer *consumer,
                        struct message_private *message)
{
    struct event_private *event = calloc(1, sizeof(*event));
    if (!event)
        return false;
    event->public.kind = ROOST_EVENT_RECEIPT;
    event->public.text = event->text;
    event->public.sent.text = event->text;
    event->public.consumer = consumer;
    event->public.message = &message->public;
    event->public.presence = (struct roost_presence_event){
        .peer = event->text, .display_name = event->text, .reason = event->text};
    event->receipt = message;
    if (push(roost, event))
        return true;
    free(event);
    return false;
}

void event_free(struct event_private *event)
{
    if (event->receipt) {
        const struct roost_message *message = &event->receipt->public;
        roost_message_destroy(&message);
    }
    free(event->strings);
    free(event);
}

static bool has_event(void *context)
{
    struct roost *roost = context;
    return ring_has_item(&roost->events);
}

static enum roost_error take(struct roost *roost, struct roost_event **ret)
{
    struct ring_item item;
    if (!ring_pop(&roost->events, &item, NULL))
        return ROOST_EMPTY;
    struct event_private *event = (struct event_private *)(uintptr_t)item.words[0];
    *ret = &event->public;
    return ROOST_OK;
}

enum roost_error roost_next_event(struct roost *roost, int timeout_ms, struct roost_event **ret)
{
    if (!roost || !ret)
        return ROOST_USAGE;
    enum roost_error code = take(roost, ret);
    if (code != ROOST_EMPTY)
        return code;
    if (timeout_ms == 0)
        return session_found_nothing(roost);
    struct mono_time deadline = deadline_after(timeout_ms);
    do {
        code = session_wait_news(roost, has_event, roost, deadline);
        if (code == ROOST_OK)
            code = take(roost, ret);
    } while (code == ROOST_EMPTY);
    return code;
}

void roost_event_destroy(struct roost_event **event)
{
    if (!event || !*event)
        return;
    /* Every struct roost_event that leaves the library is the first member of a private one. */
    struct event_private *one = (struct event_private *)(void *)*event;
    *event = NULL;
    if (one->receipt)
        (void)roost_ack(&one->receipt->public); /* CLOSING: it comes again with the next session */
    event_free(one);
}
