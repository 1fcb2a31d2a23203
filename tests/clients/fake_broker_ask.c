/* SPDX-License-Identifier: MPL-2.0
 *
 * The fake broker: a history, a call and a presence event, enough to be asked.
 */
#include <string.h>

#include "fake_broker_internal.h"

void fake_on_query(struct fake_broker *broker, const Roost__V1__Query *query)
{
    Roost__V1__Result result = ROOST__V1__RESULT__INIT;
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    Roost__V1__Delivery delivery = ROOST__V1__DELIVERY__INIT;
    Roost__V1__Delivery *list = &delivery;
    fin.request_id = query->request_id;
    if (query->kind != ROOST__V1__QUERY_KIND__HISTORY) {
        static char text[] = "the fake broker knows only HISTORY";
        fin.code = 1011;
        fin.text = text;
        fake_say(broker, ROOST__V1__TYPE__FIN, &fin.base);
        return;
    }
    for (size_t i = query->after_seq; i < broker->message_count && i < query->after_seq + 3; i++) {
        roost__v1__delivery__init(&delivery);
        delivery.seq = i + 1;
        delivery.message_id = fake_view(broker->messages[i].id, 16);
        delivery.sender = fake_view("alice", 5);
        delivery.body = fake_view(broker->messages[i].body, broker->messages[i].body_size);
        delivery.scope = fake_view(broker->messages[i].scope, strlen(broker->messages[i].scope));
        result.request_id = query->request_id;
        result.n_messages = 1;
        result.messages = &list;
        fin.next_seq = i + 1;
        fin.has_more = i + 1 < broker->message_count;
        fake_say(broker, ROOST__V1__TYPE__RESULT, &result.base); /* one each: several parts */
    }
    fake_say(broker, ROOST__V1__TYPE__FIN, &fin.base);
}

void fake_on_call(struct fake_broker *broker, const Roost__V1__Call *call)
{
    Roost__V1__Reply reply = ROOST__V1__REPLY__INIT;
    static char text[] = "too late";
    reply.request_id = call->request_id;
    reply.count = call->seq;
    if (call->method == ROOST__V1__METHOD__CANCEL) {
        reply.code = 5003;
        reply.text = text;
    }
    fake_say(broker, ROOST__V1__TYPE__REPLY, &reply.base);
}

void fake_on_presence(struct fake_broker *broker, const Roost__V1__Presence *presence)
{
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    Roost__V1__Presence events = ROOST__V1__PRESENCE__INIT;
    Roost__V1__PresenceEvent event = ROOST__V1__PRESENCE_EVENT__INIT;
    Roost__V1__PresenceEvent *list = &event;
    fin.request_id = presence->request_id;
    fake_say(broker, ROOST__V1__TYPE__FIN, &fin.base);
    event.peer = fake_view("bob", 3);
    event.is_online = true;
    event.reason = fake_view("hello", 5);
    events.n_events = 1;
    events.events = &list;
    fake_say(broker, ROOST__V1__TYPE__PRESENCE, &events.base);
}
