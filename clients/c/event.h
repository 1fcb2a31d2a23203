/* SPDX-License-Identifier: MPL-2.0
 *
 * Events: made by the session's thread, taken by the application.
 *
 * Owns copies of all their strings. The ring is bounded; what finds no room is counted as lost,
 * except receipts, which then go back to the broker.
 */
#ifndef CLIENT_EVENT_H
#define CLIENT_EVENT_H

#include "clients/c/consumer.h"
#include "clients/c/session.h"

struct event_private {
    struct roost_event public;
    struct message_private *receipt; /* owned */
    char text[256];
    char *strings; /* of presence, owned */
};

/* What is said of everything but receipts. NULL texts are "". False: lost, and counted. */
bool event_push(struct roost *roost, const struct roost_event *event);

/* Takes the message when true. */
bool event_push_receipt(struct roost *roost, struct roost_consumer *consumer,
                        struct message_private *message);

void event_free(struct event_private *event);

#endif
