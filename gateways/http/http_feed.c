/* SPDX-License-Identifier: MPL-2.0
 *
 * Live messages of scopes for /events: for each scope somebody listens to, and each caller who does, one
 * consumer that lives in memory only, attached as that caller. So who may see what is decided where it
 * is decided for everybody (access.h, the rooms of persistence), also when it changes: a member that
 * leaves is detached. All readers of one caller share it; it takes nothing away from anybody.
 *
 * When its last reader leaves, a feed stays for LINGER_MS: whoever comes back by then has missed nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_caller.h"
#include "gateways/http/http_live.h"
#include "rt/check.h"
#include "rt/log.h"

#define HANDLE    1
#define CREDIT    1024 /* messages delivered and not yet granted anew */
#define LINGER_MS 60000
#define CONSUMER  "live"

/* --- Beginning and ending. */

struct http_feed *http_feed_of(const struct http_live *live, uint64_t session)
{
    return u64map_get_pointer(&live->feeds_by_session, session);
}

static enum err ask_attach(struct http_live *live, const struct http_caller *caller,
                           const struct http_feed *feed, const struct scope_name *scope)
{
    INTERNAL(Attach) attach = ROOST__INTERNAL__ATTACH__INIT;
    attach.session = feed->session;
    attach.peer_id = caller->peer_id;
    attach.peer_name = bytes_of(caller->name, caller->name_size);
    attach.is_unverified = !caller->is_verified;
    attach.role = caller->role;
    attach.handle = HANDLE;
    attach.scope_kind = scope->prefix;
    attach.scope_name = bytes_of(scope->name, scope->name_size);
    attach.consumer = bytes_of(CONSUMER, strlen(CONSUMER));
    attach.start = ROOST__V1__START__START_NEW;
    attach.credit_messages = feed->credit;
    attach.is_ephemeral = true;
    return actor_ask(live->gateway->actor, ACTOR_SYNC_MANAGER, MSG_ATTACH, &attach.base, NULL,
                     HTTP_ASK_DEADLINE_MS, feed->session);
}

static struct http_feed *find(const struct http_live *live, uint64_t caller_session,
                              struct http_text scope)
{
    for (struct http_feed *feed = live->feeds; feed; feed = feed->next) {
        if (feed->caller_session == caller_session && feed->scope_size == scope.size &&
            memcmp(feed->scope, scope.data, scope.size) == 0)
            return feed;
    }
    return NULL;
}

static struct http_feed *make(struct http_live *live, const struct http_caller *caller,
                              struct http_text scope)
{
    struct http_feed *feed = calloc(1, sizeof(*feed));
    uint64_t session = live->gateway->last_session + 1;
    if (!feed || u64map_put_pointer(&live->feeds_by_session, session, feed) != ERR_OK) {
        free(feed);
        return NULL;
    }
    live->gateway->last_session = session;
    feed->session = session;
    feed->caller_session = caller->session;
    feed->credit = CREDIT;
    feed->scope_size = scope.size;
    memcpy(feed->scope, scope.data, scope.size);
    feed->next = live->feeds;
    live->feeds = feed;
    return feed;
}

static void forget(struct http_live *live, struct http_feed *feed)
{
    struct http_feed **link = &live->feeds;
    while (*link != feed)
        link = &(*link)->next;
    *link = feed->next;
    (void)u64map_remove(&live->feeds_by_session, feed->session, NULL); /* it is there */
    free(feed);
}

/* Its consumer in memory goes with its session. */
static void end(struct http_live *live, struct http_feed *feed)
{
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = feed->session;
    enum err err = actor_send(live->gateway->actor, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED,
                              &closed.base, NULL);
    if (err) /* it goes on until its credit is used up */
        log_warn("feed-not-closed", LOG_ERROR(err));
    forget(live, feed);
}

enum err http_feed_use(struct http_live *live, const struct http_caller *caller,
                       struct http_text text, struct http_feed **ret)
{
    struct scope_name scope;
    enum err err = text.size <= WIRE_SCOPE_BYTES_MAX
                       ? scope_parse_pattern(text.data, text.size, &scope, NULL)
                       : ERR_BAD_SCOPE;
    if (err)
        return err;
    struct http_feed *feed = find(live, caller->session, text);
    if (!feed) {
        feed = make(live, caller, text);
        err = feed ? ask_attach(live, caller, feed, &scope) : ERR_TOO_MANY;
        if (err && feed)
            forget(live, feed);
    }
    if (err)
        return err;
    feed->readers++;
    *ret = feed;
    return ERR_OK;
}

void http_feed_leave(struct http_live *live, struct http_feed *feed)
{
    CHECK(feed->readers > 0);
    if (--feed->readers == 0)
        feed->idle_since = actor_mono(live->gateway->actor);
}

void http_feeds_tick(struct http_live *live)
{
    struct mono_time now = actor_mono(live->gateway->actor);
    for (struct http_feed *feed = live->feeds, *next; feed; feed = next) {
        next = feed->next;
        bool is_idle = feed->readers == 0 && feed->is_ready;
        if (is_idle && mono_elapsed_ms(feed->idle_since, now) >= LINGER_MS)
            end(live, feed);
    }
}

void http_feeds_fini(struct http_live *live)
{
    while (live->feeds)
        end(live, live->feeds);
}

/* --- What becomes of it. */

static void settle_feed(struct http_live *live, struct http_feed *feed, uint32_t code)
{
    feed->is_ready = code == 0;
    feed->since = http_events_mark(live->events);
    if (code == 0 && feed->readers == 0)
        feed->idle_since = actor_mono(live->gateway->actor); /* they did not wait for it */
    http_listeners_feed_settled(live, feed, code);
    if (code) {
        CHECK(feed->readers == 0);
        end(live, feed);
    }
}

enum err http_on_attached(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    uint64_t session;
    if (!actor_context(actor, msg, &session) || !gateway->live)
        return ERR_OK;
    struct http_feed *feed = http_feed_of(gateway->live, session);
    if (feed)
        settle_feed(gateway->live, feed, MSG_BODY(msg, INTERNAL(Attached))->code);
    return ERR_OK;
}

bool http_feed_no_answer(struct http_live *live, uint8_t kind, uint64_t context)
{
    if (kind != MSG_ATTACH)
        return false;
    struct http_feed *feed = live ? http_feed_of(live, context) : NULL;
    if (feed)
        settle_feed(live, feed, err_code(ERR_TIMEOUT));
    return true;
}

/* The caller may not read it any more, or it got too far behind. */
enum err http_on_detached(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    const INTERNAL(Detached) *detached = MSG_BODY(msg, INTERNAL(Detached));
    (void)actor;
    struct http_feed *feed = gateway->live ? http_feed_of(gateway->live, detached->session) : NULL;
    if (!feed)
        return ERR_OK;
    http_listeners_feed_ended(gateway->live, feed,
                              detached->code ? detached->code : err_code(ERR_INTERNAL));
    CHECK(feed->readers == 0);
    end(gateway->live, feed);
    return ERR_OK;
}

/* --- Messages. */

static void settle(struct http_live *live, const struct http_feed *feed, uint64_t first_no,
                   uint64_t last_no)
{
    INTERNAL(SettleRange) range = ROOST__INTERNAL__SETTLE_RANGE__INIT, *ranges = &range;
    INTERNAL(Settle) settle = ROOST__INTERNAL__SETTLE__INIT;
    range.first_delivery_no = first_no;
    range.last_delivery_no = last_no;
    range.outcome = ROOST__V1__OUTCOME__ACK;
    settle.session = feed->session;
    settle.handle = HANDLE;
    settle.ranges = &ranges;
    settle.n_ranges = 1;
    enum err err =
        actor_send(live->gateway->actor, ACTOR_SYNC_MANAGER, MSG_SETTLE, &settle.base, NULL);
    if (err) /* it comes once more */
        log_warn("settle-lost", LOG_U64("session", feed->session), LOG_ERROR(err));
}

static void count_credit(struct http_live *live, struct http_feed *feed, size_t count)
{
    feed->delivered += count;
    if (feed->credit - feed->delivered >= CREDIT / 2)
        return;
    INTERNAL(Credit) credit = ROOST__INTERNAL__CREDIT__INIT;
    credit.session = feed->session;
    credit.handle = HANDLE;
    credit.messages_total = feed->delivered + CREDIT;
    enum err err =
        actor_send(live->gateway->actor, ACTOR_SYNC_MANAGER, MSG_CREDIT, &credit.base, NULL);
    if (!err)
        feed->credit = credit.messages_total; /* else with the next message */
}

static void publish(struct http_live *live, const struct http_feed *feed,
                    Roost__V1__Delivery *message)
{
    struct http_json json;
    if (message->scope.len == 0)
        message->scope = bytes_of(feed->scope, feed->scope_size);
    http_live_begin(live, &json);
    http_json_message(&json, NULL, &message->base);
    http_live_publish(live, HTTP_TOPIC_SCOPE, feed->session, &json);
}

static void take(struct http_live *live, struct http_feed *feed, const struct wire_message *message)
{
    uint64_t first_no = 0, count = 0;
    if (message->type == ROOST__V1__TYPE__DELIVER) {
        first_no = message->deliver->first_delivery_no;
        count = message->deliver->n_entries;
        for (size_t i = 0; i < message->deliver->n_entries; i++)
            publish(live, feed, message->deliver->entries[i]);
    } else if (message->type == ROOST__V1__TYPE__RECEIPT) { /* of what the caller sent: not shown */
        first_no = message->receipt->delivery_no;
        count = 1;
    }
    if (count == 0)
        return;
    count_credit(live, feed, count);
    settle(live, feed, first_no, first_no + count - 1);
}

enum err http_on_deliver_out(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    struct http_live *live = gateway->live;
    struct wire_message message;
    (void)actor;
    struct http_feed *feed =
        live ? http_feed_of(live, MSG_BODY(msg, INTERNAL(DeliverOut))->session) : NULL;
    if (!feed)
        return ERR_OK; /* it has ended meanwhile */
    arena_reset(&live->arena);
    if (!msg->payload || wire_parse(&live->reader, zmq_msg_data(msg->payload),
                                    zmq_msg_size(msg->payload), &message) != ERR_OK) {
        log_error("delivery-unreadable", LOG_STR("problem", live->reader.problem));
        return ERR_OK;
    }
    take(live, feed, &message);
    return ERR_OK;
}

enum err http_on_settled(struct actor *actor, void *state, const struct msg *msg)
{
    (void)actor;
    (void)state;
    (void)msg; /* something was stale: it comes once more, which readers see by its seq */
    return ERR_OK;
}
