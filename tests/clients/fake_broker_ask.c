/* SPDX-License-Identifier: MPL-2.0
 *
 * The fake broker: a history, a call and a presence event, enough to be asked.
 */
#include <stdio.h>
#include <string.h>

#include "fake_broker_internal.h"

static const uint8_t an_id[16] = {1, 0, 2, 0, 3};

/* One row of each kind, which repeats what was asked. */
static void answer_people(struct fake_broker *broker, const Roost__V1__Query *query)
{
    Roost__V1__Result result = ROOST__V1__RESULT__INIT;
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    Roost__V1__Room room = ROOST__V1__ROOM__INIT;
    Roost__V1__Member member = ROOST__V1__MEMBER__INIT;
    Roost__V1__Invitation invitation = ROOST__V1__INVITATION__INIT;
    Roost__V1__User user = ROOST__V1__USER__INIT;
    Roost__V1__Session session = ROOST__V1__SESSION__INIT;
    Roost__V1__AuditEntry audit = ROOST__V1__AUDIT_ENTRY__INIT;
    static uint8_t hash[32] = {7, 0, 7};
    room.name = query->after_name;
    room.topic = fake_view("tea", 3);
    room.privacy = ROOST__V1__PRIVACY__PRIVATE;
    room.my_role = ROOST__V1__ROOM_ROLE__ROOM_MODERATOR;
    room.members = 12;
    room.is_archived = query->online_only;
    room.last_seq = 99;
    member.peer = query->peer;
    member.role = ROOST__V1__ROOM_ROLE__READER;
    member.joined_ms = 5;
    member.is_online = true;
    invitation.invitation_id = fake_view((const char *)an_id, sizeof(an_id));
    invitation.scope = query->scope;
    invitation.inviter = fake_view("alice", 5);
    invitation.status = ROOST__V1__INVITATION_STATUS__PENDING;
    invitation.expires_ms = 77;
    user.name = query->peer;
    user.role = ROOST__V1__ROLE__ADMIN;
    user.banned_until_ms = 8;
    user.ban_reason = fake_view("spam", 4);
    session.id = 4711;
    session.label = fake_view("laptop", 6);
    audit.id = 3;
    audit.action = fake_view("user-ban", 8);
    audit.hash = (ProtobufCBinaryData){sizeof(hash), hash};
    result.request_id = fin.request_id = query->request_id;
    result.n_rooms = result.n_members = result.n_invitations = 1;
    result.n_users = result.n_sessions = result.n_audit = 1;
    result.rooms = (Roost__V1__Room *[]){&room};
    result.members = (Roost__V1__Member *[]){&member};
    result.invitations = (Roost__V1__Invitation *[]){&invitation};
    result.users = (Roost__V1__User *[]){&user};
    result.sessions = (Roost__V1__Session *[]){&session};
    result.audit = (Roost__V1__AuditEntry *[]){&audit};
    fake_say(broker, ROOST__V1__TYPE__RESULT, &result.base);
    fake_say(broker, ROOST__V1__TYPE__FIN, &fin.base);
}

/* One message that was edited and reacted to; its body is the text that was looked for. */
static void answer_search(struct fake_broker *broker, const Roost__V1__Query *query)
{
    Roost__V1__Result result = ROOST__V1__RESULT__INIT;
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    Roost__V1__Delivery delivery = ROOST__V1__DELIVERY__INIT;
    Roost__V1__Reaction reactions[2] = {ROOST__V1__REACTION__INIT, ROOST__V1__REACTION__INIT};
    delivery.seq = 1;
    delivery.message_id = fake_view((const char *)an_id, sizeof(an_id));
    delivery.body = query->text;
    delivery.edited_ms = 12;
    delivery.deleted_ms = 13;
    reactions[0].emoji = fake_view("+1", 2);
    reactions[0].count = 3;
    reactions[0].is_mine = true;
    reactions[1].emoji = fake_view("tea", 3);
    delivery.n_reactions = 2;
    delivery.reactions = (Roost__V1__Reaction *[]){&reactions[0], &reactions[1]};
    result.request_id = fin.request_id = query->request_id;
    result.n_messages = 1;
    result.messages = (Roost__V1__Delivery *[]){&delivery};
    fake_say(broker, ROOST__V1__TYPE__RESULT, &result.base);
    fake_say(broker, ROOST__V1__TYPE__FIN, &fin.base);
}

void fake_on_query(struct fake_broker *broker, const Roost__V1__Query *query)
{
    Roost__V1__Result result = ROOST__V1__RESULT__INIT;
    Roost__V1__Fin fin = ROOST__V1__FIN__INIT;
    Roost__V1__Delivery delivery = ROOST__V1__DELIVERY__INIT;
    Roost__V1__Delivery *list = &delivery;
    fin.request_id = query->request_id;
    if (query->kind == ROOST__V1__QUERY_KIND__ROOMS) {
        answer_people(broker, query);
        return;
    }
    if (query->kind == ROOST__V1__QUERY_KIND__SEARCH) {
        answer_search(broker, query);
        return;
    }
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

/* All fields of the call about people, as one text in the reply's token. */
static ProtobufCBinaryData retell(const Roost__V1__Call *call)
{
    static char text[1024];
    int size = snprintf(
        text, sizeof(text), "%.*s/%.*s/%.*s/%u/%u/%u/%d/%d/%llu/%.*s/%.*s/%.*s/%d/%llu/%u",
        (int)call->scope.len, (const char *)call->scope.data, (int)call->body.len,
        (const char *)call->body.data, (int)call->password.len, (const char *)call->password.data,
        (unsigned)call->invitation_id.len, (unsigned)call->message_ids.len, (unsigned)call->all,
        (int)call->room_role, (int)call->role, (unsigned long long)call->until_ms,
        (int)call->display_name.len, (const char *)call->display_name.data, (int)call->topic.len,
        (const char *)call->topic.data, (int)call->description.len,
        (const char *)call->description.data, (int)call->privacy,
        (unsigned long long)call->retention_ms, call->clear);
    return fake_view(text, (size_t)size);
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
    Roost__V1__ScopeName rooms[2] = {ROOST__V1__SCOPE_NAME__INIT, ROOST__V1__SCOPE_NAME__INIT};
    Roost__V1__ScopeName *list[2] = {&rooms[0], &rooms[1]};
    if (call->method >= ROOST__V1__METHOD__ROOM_CREATE) {
        rooms[0].scope = call->scope;
        rooms[1].scope = fake_view("room:tea", 8);
        reply.scopes = list;
        reply.n_scopes = 2;
        reply.seq = 9;
        reply.failed = 1;
        reply.token = retell(call);
        reply.message_id = fake_view((const char *)an_id, sizeof(an_id));
    }
    if (call->method == ROOST__V1__METHOD__INVITE)
        reply.invitation_id = fake_view((const char *)an_id, sizeof(an_id));
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
