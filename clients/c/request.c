/* SPDX-License-Identifier: MPL-2.0
 *
 * Requests and pages, see request.h.
 */
#include "clients/c/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request *request_new(struct roost *roost, Roost__V1__Type type)
{
    struct request *request = calloc(1, sizeof(*request));
    if (!request)
        return NULL;
    latch_init(&request->latch);
    request->type = type;
    request->id = atomic_fetch_add_explicit(&roost->next_request_id, 1, memory_order_relaxed);
    return request;
}

void request_free(struct request *request)
{
    if (request->page)
        page_free(request->page);
    if (request->reply)
        reply_free(request->reply);
    if (request->payload) /* it may hold a password */
        explicit_bzero(request->payload, request->payload_size);
    free(request->payload);
    free(request);
}

bool request_pack(struct request *request, const ProtobufCMessage *message)
{
    request->payload_size = protobuf_c_message_get_packed_size(message);
    request->payload = malloc(request->payload_size + 1);
    if (!request->payload)
        return false;
    (void)protobuf_c_message_pack(message, request->payload); /* exactly payload_size */
    return true;
}

void request_complete(struct request *request, enum roost_error code, const char *text)
{
    request->code = code;
    (void)snprintf(request->text, sizeof(request->text), "%s", text ? text : "");
    if (!latch_complete(&request->latch))
        request_free(request);
}

bool request_wait(struct request *request, struct mono_time deadline)
{
    return latch_wait(&request->latch, deadline);
}

/* --------------------------------------------------------------------------------- pages */

struct page_private *page_new(void)
{
    struct page_private *page = calloc(1, sizeof(*page));
    if (!page)
        return NULL;
    arena_init(&page->arena, PAGE_MEMORY_BYTES_MAX);
    page->public.next_name = "";
    return page;
}

void page_free(struct page_private *page)
{
    arena_fini(&page->arena);
    free(page);
}

void roost_page_destroy(struct roost_page **page)
{
    if (!page || !*page)
        return;
    /* Every struct roost_page that leaves the library is the first member of a private one. */
    page_free((struct page_private *)(void *)*page);
    *page = NULL;
}

/* ------------------------------------------------------------------------------- replies */

struct reply_private *reply_new(void)
{
    struct reply_private *reply = calloc(1, sizeof(*reply));
    if (!reply)
        return NULL;
    arena_init(&reply->arena, REPLY_MEMORY_BYTES_MAX);
    reply->public.token = "";
    return reply;
}

void reply_free(struct reply_private *reply)
{
    arena_fini(&reply->arena);
    free(reply);
}

void roost_reply_destroy(struct roost_reply **reply)
{
    if (!reply || !*reply)
        return;
    reply_free((struct reply_private *)(void *)*reply); /* it is its first member */
    *reply = NULL;
}

static bool fill_scopes(struct reply_private *reply, const Roost__V1__Reply *from)
{
    const char **scopes = arena_alloc(&reply->arena, from->n_scopes * sizeof(*scopes));
    if (!scopes)
        return false;
    for (size_t i = 0; i < from->n_scopes; i++) {
        scopes[i] = arena_text(&reply->arena, from->scopes[i]->scope);
        if (!scopes[i])
            return false;
    }
    reply->public.scopes = scopes;
    reply->public.scope_count = from->n_scopes;
    return true;
}

bool reply_fill(struct reply_private *reply, const Roost__V1__Reply *from)
{
    struct roost_reply *to = &reply->public;
    to->count = from->count;
    to->seq = from->seq;
    to->text =
        arena_text(&reply->arena, (ProtobufCBinaryData){strlen(from->text), (uint8_t *)from->text});
    to->failed = from->failed;
    to->token = arena_text(&reply->arena, from->token);
    if (from->message_id.len == ROOST_ID_BYTES)
        to->message_id = (const uint8_t *)arena_text(&reply->arena, from->message_id);
    if (from->invitation_id.len == ROOST_ID_BYTES)
        to->invitation_id = (const uint8_t *)arena_text(&reply->arena, from->invitation_id);
    return to->token && (from->n_scopes == 0 || fill_scopes(reply, from));
}

/* ---------------------------------------------------------------------------------- rows */

static const struct roost_message *new_message(struct page_private *page,
                                               const Roost__V1__Delivery *delivery)
{
    static const Roost__V1__Delivery nothing = ROOST__V1__DELIVERY__INIT;
    struct message_private *message = arena_alloc(&page->arena, sizeof(*message));
    if (!message)
        return NULL;
    bool is_usable = delivery && delivery->message_id.len == ROOST_ID_BYTES;
    uint8_t no_id[ROOST_ID_BYTES] = {0};
    Roost__V1__Delivery copy = is_usable ? *delivery : nothing;
    if (!is_usable)
        copy.message_id = (ProtobufCBinaryData){.len = sizeof(no_id), .data = no_id};
    return message_fill(&message->public, &copy, "", NULL, &page->arena) ? &message->public : NULL;
}

static bool fill_addresses(struct page_private *page, const Roost__V1__Peer *from,
                           struct roost_peer *peer)
{
    struct roost_peer_address *addresses =
        arena_alloc(&page->arena, from->n_addresses * sizeof(*addresses));
    if (!addresses)
        return false;
    for (size_t i = 0; i < from->n_addresses; i++) {
        addresses[i].address = arena_text(&page->arena, from->addresses[i]->address);
        addresses[i].source = arena_text(&page->arena, from->addresses[i]->source);
        addresses[i].last_seen_ms = from->addresses[i]->last_seen_ms;
        if (!addresses[i].address || !addresses[i].source)
            return false;
    }
    peer->addresses = addresses;
    peer->address_count = from->n_addresses;
    return true;
}

static void fill_peer_numbers(const Roost__V1__Peer *from, struct roost_peer *peer)
{
    peer->is_online = from->is_online;
    peer->is_verified = from->is_verified;
    peer->first_seen_ms = from->first_seen_ms;
    peer->last_seen_ms = from->last_seen_ms;
    peer->left_ms = from->left_ms;
    peer->connections = from->connections;
    peer->port = from->port;
    peer->capabilities = from->capabilities;
    peer->transfers_ok = from->transfers_ok;
    peer->transfers_failed = from->transfers_failed;
    peer->transfer_bytes = from->transfer_bytes;
    peer->latency_ms = from->latency_ms;
    peer->is_relay = from->is_relay;
    peer->is_bootstrap = from->is_bootstrap;
    peer->reliability_ppm = from->reliability_ppm;
}

static bool fill_peer(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__Peer *from = part;
    struct roost_peer *peer = item;
    const struct {
        const char **to;
        ProtobufCBinaryData from;
    } texts[] = {
        {&peer->name, from->name},
        {&peer->display_name, from->display_name},
        {&peer->nickname, from->nickname},
        {&peer->kind, from->kind},
        {&peer->label, from->label.len ? from->label : from->name}, /* an older broker sends none */
        {&peer->host_name, from->host_name},
        {&peer->group, from->group},
        {&peer->version_token, from->version_token},
        {&peer->charset, from->charset},
        {&peer->fingerprint, from->fingerprint},
        {&peer->avatar, from->avatar},
        {&peer->groups, from->groups},
        {&peer->source, from->source},
    };
    *peer = (struct roost_peer){0};
    fill_peer_numbers(from, peer);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i].to = arena_text(&page->arena, texts[i].from);
        if (!*texts[i].to)
            return false;
    }
    return fill_addresses(page, from, peer);
}

static bool fill_unread(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__UnreadCount *from = part;
    struct roost_unread *unread = item;
    *unread = (struct roost_unread){
        .peer = arena_text(&page->arena, from->peer),
        .scope = arena_text(&page->arena, from->scope),
        .unread = from->unread,
        .marker_seq = from->marker_seq,
        .last_seq = from->last_seq,
        .last_ms = from->last_ms,
    };
    return unread->peer && unread->scope;
}

static bool fill_consumer(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__ConsumerInfo *from = part;
    struct roost_consumer_info *info = item;
    *info = (struct roost_consumer_info){
        .scope = arena_text(&page->arena, from->scope),
        .consumer = arena_text(&page->arena, from->consumer),
        .floor_seq = from->floor_seq,
        .last_seq = from->last_seq,
        .waiting = from->waiting,
        .leased = from->leased,
        .retry = from->retry,
        .scheduled = from->scheduled,
        .dead = from->dead,
        .attached_peer = arena_text(&page->arena, from->attached_peer),
        .next_due_ms = from->next_due_ms,
    };
    return info->scope && info->consumer && info->attached_peer;
}

static bool fill_dead(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__DeadLetter *from = part;
    struct roost_dead_letter *dead = item;
    *dead = (struct roost_dead_letter){
        .message = new_message(page, from->message),
        .scope = arena_text(&page->arena, from->scope),
        .consumer = arena_text(&page->arena, from->consumer),
        .reason = (enum roost_error)from->reason,
        .text = from->text,
        .attempts = from->attempts,
        .died_ms = from->died_ms,
    };
    return dead->message && dead->scope && dead->consumer;
}

static bool fill_step(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__TraceStep *from = part;
    struct roost_trace_step *step = item;
    *step = (struct roost_trace_step){
        .time_ms = from->time_ms,
        .event = arena_text(&page->arena, from->event),
        .scope = arena_text(&page->arena, from->scope),
        .consumer = arena_text(&page->arena, from->consumer),
        .detail = from->detail,
        .reason = (enum roost_error)from->reason,
    };
    return step->event && step->scope && step->consumer;
}

static bool fill_counter(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__Counter *from = part;
    struct roost_counter *counter = item;
    *counter = (struct roost_counter){
        .name = arena_text(&page->arena, from->name),
        .actor = arena_text(&page->arena, from->actor),
        .unit = arena_text(&page->arena, from->unit),
        .value = from->value,
    };
    return counter->name && counter->actor && counter->unit;
}

static bool fill_presence(struct page_private *page, const void *part, void *item)
{
    const Roost__V1__PresenceEvent *from = part;
    struct roost_presence_event *event = item;
    *event = (struct roost_presence_event){
        .peer = arena_text(&page->arena, from->peer),
        .display_name = arena_text(&page->arena, from->display_name),
        .is_online = from->is_online,
        .time_ms = from->time_ms,
        .reason = arena_text(&page->arena, from->reason),
        .event_id = from->event_id,
        .is_verified = from->is_verified,
    };
    return event->peer && event->display_name && event->reason;
}

static bool fill_message(struct page_private *page, const void *part, void *item)
{
    const struct roost_message **message = item;
    *message = new_message(page, part);
    return *message != NULL;
}

/* How a repeated field of RESULT becomes a list of the page. */
struct list {
    size_t from_count; /* offsets in Roost__V1__Result */
    size_t from_items;
    size_t to_count; /* offsets in struct roost_page */
    size_t to_items;
    size_t item_size;
    bool (*fill)(struct page_private *page, const void *part, void *item);
};

#define FROM(field)       offsetof(Roost__V1__Result, n_##field), offsetof(Roost__V1__Result, field)
#define TO(number, field) offsetof(struct roost_page, number), offsetof(struct roost_page, field)

static const struct list lists[] = {
    {FROM(messages), TO(message_count, messages), sizeof(struct roost_message *), fill_message},
    {FROM(peers), TO(peer_count, peers), sizeof(struct roost_peer), fill_peer},
    {FROM(unread), TO(unread_count, unread), sizeof(struct roost_unread), fill_unread},
    {FROM(consumers), TO(consumer_count, consumers), sizeof(struct roost_consumer_info),
     fill_consumer},
    {FROM(dead), TO(dead_count, dead), sizeof(struct roost_dead_letter), fill_dead},
    {FROM(steps), TO(step_count, steps), sizeof(struct roost_trace_step), fill_step},
    {FROM(counters), TO(counter_count, counters), sizeof(struct roost_counter), fill_counter},
    {FROM(events), TO(presence_count, presence), sizeof(struct roost_presence_event),
     fill_presence},
    {FROM(rooms), TO(room_count, rooms), sizeof(struct roost_room), fill_room},
    {FROM(members), TO(member_count, members), sizeof(struct roost_member), fill_member},
    {FROM(invitations), TO(invitation_count, invitations), sizeof(struct roost_invitation),
     fill_invitation},
    {FROM(users), TO(user_count, users), sizeof(struct roost_user), fill_user},
    {FROM(sessions), TO(session_count, sessions), sizeof(struct roost_token_session),
     fill_token_session},
    {FROM(audit), TO(audit_count, audit), sizeof(struct roost_audit_entry), fill_audit},
    {FROM(keys), TO(key_count, keys), sizeof(struct roost_key), fill_key},
    {FROM(acl), TO(acl_count, acl), sizeof(struct roost_acl_rule), fill_acl_rule},
};

static size_t part_count(const struct list *list, const Roost__V1__Result *result)
{
    size_t count_of;
    memcpy(&count_of, (const char *)result + list->from_count, sizeof(count_of));
    return count_of;
}

static const void *part_at(const struct list *list, const Roost__V1__Result *result, size_t index)
{
    void **parts;
    memcpy(&parts, (const char *)result + list->from_items, sizeof(parts));
    return parts[index];
}

static bool fill_list(struct page_private *page, const struct list *list)
{
    size_t total = 0;
    for (size_t i = 0; i < page->result_count; i++)
        total += part_count(list, page->results[i]);
    char *items = arena_alloc(&page->arena, total * list->item_size);
    if (!items)
        return false;
    char *at = items;
    for (size_t i = 0; i < page->result_count; i++) {
        size_t parts = part_count(list, page->results[i]);
        for (size_t j = 0; j < parts; j++, at += list->item_size) {
            if (!list->fill(page, part_at(list, page->results[i], j), at))
                return false;
        }
    }
    memcpy((char *)&page->public + list->to_count, &total, sizeof(total));
    memcpy((char *)&page->public + list->to_items, &items, sizeof(items));
    return true;
}

bool page_finish(struct page_private *page)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (!fill_list(page, &lists[i]))
            return false;
    }
    return page->public.next_name != NULL;
}
