/* SPDX-License-Identifier: MPL-2.0
 *
 * Live messages of rooms: for each room with somebody in it one consumer that lives in memory only
 * (ATTACH with is_ephemeral and is_internal), whose deliveries are passed on to all connections in
 * the room. So a room of thousands is read from the store once, and every client, of whatever
 * protocol, sees its messages in the same order.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/lair/lair_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define HANDLE        1
#define CREDIT        4096 /* messages delivered and not yet passed on */
#define AGAIN_MS      500
#define LINES_MAX     64
#define PEER_NAME     "$lair"
#define FEED_CONSUMER "live"

bool lair_is_lobby(struct lair_text room)
{
    struct name_folded folded;
    return name_fold(room.data, room.size, &folded) == ERR_OK && folded.size == 5 &&
           memcmp(folded.text, "lobby", 5) == 0;
}

/* --- Subscribing. */

static void ask_attach(struct tcp_gateway *gateway, struct lair_feed *feed)
{
    INTERNAL(Attach) attach = ROOST__INTERNAL__ATTACH__INIT;
    feed->session = ++gateway->last_session; /* a new one each time: no answer is mixed up */
    feed->credit = CREDIT;
    feed->delivered = 0;
    attach.session = feed->session;
    attach.peer_name = bytes_of(PEER_NAME, strlen(PEER_NAME));
    attach.handle = HANDLE;
    attach.scope_kind = PREFIX_ROOM;
    attach.scope_name = bytes_of(feed->name, feed->name_size);
    attach.consumer = bytes_of(FEED_CONSUMER, strlen(FEED_CONSUMER));
    attach.start = ROOST__V1__START__START_NEW;
    attach.credit_messages = feed->credit;
    attach.is_ephemeral = true;
    attach.is_internal = true;
    feed->is_asked =
        u64map_put_pointer(&gateway->feeds_by_session, feed->session, feed) == ERR_OK &&
        actor_ask(gateway->actor, ACTOR_SYNC_MANAGER, MSG_ATTACH, &attach.base, NULL,
                  LAIR_ASK_DEADLINE_MS, feed->session) == ERR_OK;
    if (!feed->is_asked)
        actor_timer_set(gateway->actor, TCP_TIMER_FEEDS,
                        mono_add_ms(actor_mono(gateway->actor), AGAIN_MS));
}

static struct lair_feed *make_feed(struct tcp_gateway *gateway, struct lair_text room)
{
    struct name_folded folded;
    if (room.size > WIRE_NAME_BYTES_MAX || name_fold(room.data, room.size, &folded) != ERR_OK)
        return NULL;
    struct lair_feed *feed = hash_get_pointer(&gateway->feeds, folded.text, folded.size);
    if (feed)
        return feed;
    feed = calloc(1, sizeof(*feed));
    if (!feed || hash_put_pointer(&gateway->feeds, folded.text, folded.size, feed) != ERR_OK) {
        free(feed);
        return NULL;
    }
    if (lair_is_lobby(room))
        room = lair_text_of(LAIR_LOBBY, strlen(LAIR_LOBBY));
    feed->folded = folded;
    feed->name_size = room.size;
    memcpy(feed->name, room.data, room.size);
    ask_attach(gateway, feed);
    return feed;
}

/* The consumer in memory goes with its session. */
static void close_session(struct tcp_gateway *gateway, struct lair_feed *feed)
{
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = feed->session;
    enum err err =
        actor_send(gateway->actor, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED, &closed.base, NULL);
    if (err) /* it goes on until its credit is used up */
        log_warn("feed-not-closed", LOG_ERROR(err));
    (void)u64map_remove(&gateway->feeds_by_session, feed->session, NULL); /* it may be there */
}

static void end_feed(struct tcp_gateway *gateway, struct lair_feed *feed)
{
    close_session(gateway, feed);
    (void)hash_remove(&gateway->feeds, feed->folded.text, feed->folded.size, NULL);
    free(feed);
}

/* --- Entering and leaving. */

static void unlink_entering(struct lair_connection *connection)
{
    if (!connection->entering)
        return;
    struct lair_connection **link = &connection->entering->entering;
    while (*link != connection)
        link = &(*link)->entering_next;
    *link = connection->entering_next;
    connection->entering = NULL;
}

static void unlink_member(struct lair_connection *connection)
{
    struct lair_feed *feed = connection->feed;
    if (!feed)
        return;
    if (connection->feed_previous)
        connection->feed_previous->feed_next = connection->feed_next;
    else
        feed->first = connection->feed_next;
    if (connection->feed_next)
        connection->feed_next->feed_previous = connection->feed_previous;
    connection->feed_previous = connection->feed_next = NULL;
    connection->feed = NULL;
    feed->count--;
}

static void drop_empty(struct tcp_gateway *gateway, struct lair_feed *feed)
{
    if (feed && feed->count == 0 && !feed->entering)
        end_feed(gateway, feed);
}

void lair_leave_feed(struct lair_connection *connection)
{
    struct lair_feed *feed = connection->feed, *entering = connection->entering;
    unlink_member(connection);
    unlink_entering(connection);
    drop_empty(connection->gateway, feed);
    if (entering != feed)
        drop_empty(connection->gateway, entering);
}

static void link_member(struct lair_connection *connection, struct lair_feed *feed)
{
    connection->feed = feed;
    connection->feed_next = feed->first;
    if (feed->first)
        feed->first->feed_previous = connection;
    feed->first = connection;
    feed->count++;
}

static void move_in(struct lair_connection *connection, struct lair_feed *feed)
{
    struct lair_feed *before = connection->feed;
    unlink_member(connection);
    link_member(connection, feed);
    if (!connection->enters_silently)
        lair_entered(connection);
    if (before != feed)
        drop_empty(connection->gateway, before);
}

void lair_enter(struct lair_connection *connection, struct lair_text room)
{
    struct lair_feed *feed = make_feed(connection->gateway, room);
    connection->enters_silently = !connection->request;
    unlink_entering(connection); /* the Lobby, when it was not there yet at the login */
    if (!feed) {
        lair_say(connection, TEXT_FAILED, err_sentence(ERR_BUSY));
        lair_request_end(connection);
        return;
    }
    if (feed->is_ready) {
        move_in(connection, feed);
        return;
    }
    connection->entering = feed;
    connection->entering_next = feed->entering;
    feed->entering = connection;
}

static void let_in(struct lair_feed *feed)
{
    bool is_last = !feed->entering;
    while (!is_last) { /* the last one may go on to another room, and the feed with it */
        struct lair_connection *connection = feed->entering;
        unlink_entering(connection);
        is_last = !feed->entering;
        move_in(connection, feed);
        if (!connection->request && connection->state != LAIR_GONE)
            lair_go_on(connection);
    }
}

/* Without a word of it, and without an end to a request of his. */
static void put_in_lobby(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    struct lair_feed *before = connection->feed;
    struct lair_feed *lobby = make_feed(gateway, lair_text_of(LAIR_LOBBY, strlen(LAIR_LOBBY)));
    unlink_member(connection);
    if (lobby && lobby->is_ready) {
        link_member(connection, lobby);
    } else if (lobby) {
        connection->enters_silently = true;
        unlink_entering(connection);
        connection->entering = lobby;
        connection->entering_next = lobby->entering;
        lobby->entering = connection;
    }
    drop_empty(gateway, before);
}

/* Whoever left by LEAVE_ROOM is on his way out already. */
static bool is_put_out(const struct lair_connection *connection, int64_t peer_id)
{
    return connection->state == LAIR_OPEN && connection->user->peer_id == peer_id &&
           !(connection->request && connection->request->command.kind == LAIR_LEAVE_ROOM);
}

void lair_feed_left(struct tcp_gateway *gateway, int64_t scope_id, int64_t peer_id)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->connections, &cursor)) {
        struct lair_connection *connection = (struct lair_connection *)(uintptr_t)cursor.value;
        struct lair_feed *feed = connection->feed;
        if (!feed || scope_id == 0 || feed->scope_id != scope_id ||
            !is_put_out(connection, peer_id))
            continue;
        lair_say(connection, TEXT_ROOM_LEFT, lair_text_of(feed->name, feed->name_size));
        lair_say(connection, TEXT_CURRENT_ROOM, lair_text_of(LAIR_LOBBY, strlen(LAIR_LOBBY)));
        put_in_lobby(connection);
    }
}

void lair_feed_attached(struct tcp_gateway *gateway, struct lair_feed *feed, uint32_t code)
{
    feed->is_asked = false;
    feed->is_ready = code == 0;
    if (code) {
        log_warn("feed-refused", LOG_U64("code", code));
        actor_timer_set(gateway->actor, TCP_TIMER_FEEDS,
                        mono_add_ms(actor_mono(gateway->actor), AGAIN_MS));
    }
    let_in(feed); /* also when it failed: the room is joined, its messages come a little later */
}

void lair_feed_no_answer(struct tcp_gateway *gateway, struct lair_feed *feed)
{
    lair_feed_attached(gateway, feed, err_code(ERR_TIMEOUT));
}

void lair_feeds_again(struct tcp_gateway *gateway)
{
    struct hash_cursor cursor = {0};
    while (hash_next(&gateway->feeds, &cursor)) {
        struct lair_feed *feed = (struct lair_feed *)(uintptr_t)cursor.value;
        if (feed->is_ready || feed->is_asked)
            continue;
        close_session(gateway, feed); /* of the last try */
        ask_attach(gateway, feed);
    }
}

void lair_feeds_fini(struct tcp_gateway *gateway)
{
    struct hash_cursor cursor = {0};
    while (hash_next(&gateway->feeds, &cursor))
        free((struct lair_feed *)(uintptr_t)cursor.value);
}

/* --- Settling and credit, for mail too. An event that finds no room is made up for by the next. */

void lair_settle(struct tcp_gateway *gateway, uint64_t session, uint64_t first_no, uint64_t last_no)
{
    INTERNAL(SettleRange) range = ROOST__INTERNAL__SETTLE_RANGE__INIT, *ranges = &range;
    INTERNAL(Settle) settle = ROOST__INTERNAL__SETTLE__INIT;
    range.first_delivery_no = first_no;
    range.last_delivery_no = last_no;
    range.outcome = ROOST__V1__OUTCOME__ACK;
    settle.session = session;
    settle.handle = HANDLE;
    settle.ranges = &ranges;
    settle.n_ranges = 1;
    enum err err = actor_send(gateway->actor, ACTOR_SYNC_MANAGER, MSG_SETTLE, &settle.base, NULL);
    if (err)
        log_warn("settle-lost", LOG_U64("session", session), LOG_ERROR(err));
}

void lair_grant(struct tcp_gateway *gateway, uint64_t session, uint64_t messages_total)
{
    INTERNAL(Credit) credit = ROOST__INTERNAL__CREDIT__INIT;
    credit.session = session;
    credit.handle = HANDLE;
    credit.messages_total = messages_total;
    enum err err = actor_send(gateway->actor, ACTOR_SYNC_MANAGER, MSG_CREDIT, &credit.base, NULL);
    if (err)
        log_warn("credit-lost", LOG_U64("session", session), LOG_ERROR(err));
}

/* --- Passing on: several messages at once, so that what is for one connection is one send. */

struct lines {
    struct buf text;
    size_t count;
    struct {
        const struct lair_user *own; /* who does not get it back */
        size_t begin, size;
    } of[LINES_MAX];
};

/* The connection that sent it does not get it back; of a user's others only the newest does. */
static void say_lines(struct lair_connection *connection, const struct lines *lines)
{
    const uint8_t *text = buf_data(&lines->text);
    if (!connection->user || connection->user->newest != connection)
        return;
    lair_line_begin(connection);
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->of[i].own != connection->user)
            lair_line_put(connection, lair_text_of(text + lines->of[i].begin, lines->of[i].size));
    }
    lair_line_end(connection);
}

static void say_in_room(const struct lair_feed *feed, struct lines *lines)
{
    for (struct lair_connection *connection = feed->first; connection && lines->count > 0;
         connection = connection->feed_next)
        say_lines(connection, lines);
    buf_clear(&lines->text);
    lines->count = 0;
}

/* NULL: it came another way than through a connection of ours. */
static const struct lair_user *own_user(struct tcp_gateway *gateway,
                                        const Roost__V1__Delivery *message)
{
    ProtobufCBinaryData id = message->message_id;
    bool is_edit = message->kind == ROOST__V1__KIND__EDIT; /* whoever edited was told already */
    bool is_marked = id.len == UUID_BYTES && memcmp(id.data + UUID_BYTES - LAIR_MARK_BYTES,
                                                    gateway->mark, LAIR_MARK_BYTES) == 0;
    if (!is_edit && !is_marked)
        return NULL;
    return lair_user_find(gateway, lair_text_of(message->sender.data, message->sender.len));
}

static void put_message(struct tcp_gateway *gateway, const Roost__V1__Delivery *message,
                        struct buf *text)
{
    struct lair_text sender = lair_text_of(message->sender.data, message->sender.len);
    struct lair_text body = lair_clean(gateway, message->body);
    char parent[UUID_TEXT_LENGTH + 1] = "";
    if (message->parent_id.len == UUID_BYTES)
        uuid_format(message->parent_id.data, parent);
    switch ((int)message->kind) {
    case ROOST__V1__KIND__EDIT:
        lair_put(text, TEXT_EDITED_BY, sender, parent, body);
        break;
    case ROOST__V1__KIND__DELETE:
    case ROOST__V1__KIND__REACTION:
    case ROOST__V1__KIND__SYSTEM:
        break; /* this protocol has no line for them */
    case ROOST__V1__KIND__ACTION:
        lair_put(text, "%T: ACTION:%T", sender, body);
        break;
    default:
        if (parent[0])
            lair_put(text, TEXT_REPLY, sender, parent, body);
        else
            lair_put(text, TEXT_CHAT, sender, body);
    }
}

static void pass_on(struct tcp_gateway *gateway, const struct lair_feed *feed,
                    const Roost__V1__Deliver *deliver)
{
    struct lines lines = {.count = 0};
    buf_init(&lines.text, LAIR_OUT_BYTES_MAX);
    for (size_t i = 0; i < deliver->n_entries; i++) {
        size_t begin = buf_size(&lines.text);
        put_message(gateway, deliver->entries[i], &lines.text);
        size_t size = buf_size(&lines.text) - begin;
        if (size > 0) {
            lines.of[lines.count].own = own_user(gateway, deliver->entries[i]);
            lines.of[lines.count].begin = begin;
            lines.of[lines.count++].size = size;
        }
        if (lines.count == LINES_MAX || buf_size(&lines.text) > LAIR_OUT_BYTES_MAX / 4)
            say_in_room(feed, &lines);
    }
    say_in_room(feed, &lines);
    buf_fini(&lines.text);
}

void lair_feed_deliver(struct tcp_gateway *gateway, struct lair_feed *feed,
                       const Roost__V1__Deliver *deliver)
{
    uint64_t session = feed->session;
    size_t count = deliver->n_entries;
    feed->delivered += count;
    if (feed->credit - feed->delivered < CREDIT / 2) {
        feed->credit = feed->delivered + CREDIT;
        lair_grant(gateway, session, feed->credit);
    }
    pass_on(gateway, feed, deliver);
    if (count > 0)
        lair_settle(gateway, session, deliver->first_delivery_no,
                    deliver->first_delivery_no + count - 1);
}
