/* SPDX-License-Identifier: MPL-2.0
 *
 * Questions to the broker and their answers, as the session's thread sees them.
 *
 * Every question is safe to repeat, so after a reconnect those still open are simply sent again
 * under the same request id; what had come of a page is forgotten first.
 */
#include <string.h>

#include "clients/c/event.h"
#include "clients/c/io.h"

#define TAG_REQUEST_ID 0x08 /* field 1, varint: of RESULT */

static struct request *find_request(const struct io *io, uint64_t id)
{
    for (uint32_t i = 0; i < io->request_count; i++) {
        if (io->requests[i]->id == id)
            return io->requests[i];
    }
    return NULL;
}

static void remove_request(struct io *io, const struct request *request)
{
    for (uint32_t i = 0; i < io->request_count; i++) {
        if (io->requests[i] == request) {
            io->requests[i] = io->requests[--io->request_count];
            return;
        }
    }
}

static void finish(struct io *io, struct request *request, enum roost_error code, const char *text)
{
    remove_request(io, request);
    request_complete(request, code, text);
}

void io_requests_sweep(struct io *io)
{
    for (uint32_t i = io->request_count; i-- > 0;) {
        struct request *request = io->requests[i];
        if (latch_is_abandoned(&request->latch))
            finish(io, request, ROOST_TIMEOUT, NULL);
    }
}

void io_request(struct io *io, struct request *request)
{
    if (io->request_count == REQUESTS_MAX)
        io_requests_sweep(io);
    if (io->request_count == REQUESTS_MAX || io->is_closing) {
        request_complete(request, io->is_closing ? ROOST_CLOSING : ROOST_BUSY,
                         "too many questions are open in this session");
        return;
    }
    io->requests[io->request_count++] = request;
    io->has_unsent_request = true;
}

static bool send_request(struct io *io, struct request *request)
{
    zmq_msg_t frame;
    if (zmq_msg_init_size(&frame, FRAME_HEAD_BYTES + request->payload_size) != 0)
        return false;
    uint8_t *at = zmq_msg_data(&frame);
    const uint8_t head[FRAME_HEAD_BYTES] = {0xB5, 0x0C, 1, (uint8_t)request->type};
    memcpy(at, head, sizeof(head));
    memcpy(at + sizeof(head), request->payload, request->payload_size);
    return io_send_frame(io, &frame);
}

void io_flush_requests(struct io *io)
{
    if (!io->has_unsent_request)
        return;
    for (uint32_t i = 0; i < io->request_count; i++) {
        struct request *request = io->requests[i];
        if (!request->is_sent && !send_request(io, request))
            return; /* next turn */
        request->is_sent = true;
    }
    io->has_unsent_request = false;
}

void io_requests_lost(struct io *io)
{
    for (uint32_t i = 0; i < io->request_count; i++) {
        struct request *request = io->requests[i];
        request->is_sent = false;
        if (request->page)
            request->page->result_count = 0; /* their memory goes with the page */
    }
    io->has_unsent_request = io->request_count > 0;
}

void io_requests_welcome(struct io *io)
{
    if (!io->wants_presence)
        return;
    Roost__V1__Presence presence = ROOST__V1__PRESENCE__INIT;
    presence.request_id =
        atomic_fetch_add_explicit(&io->roost->next_request_id, 1, memory_order_relaxed);
    presence.subscribe = true;
    (void)io_say(io, ROOST__V1__TYPE__PRESENCE, &presence.base); /* a new socket has room */
}

void io_fail_requests(struct io *io, enum roost_error code)
{
    while (io->request_count)
        finish(io, io->requests[0], code, NULL);
}

/* ------------------------------------------------------------------------------- answers */

static uint64_t peek_request_id(const void *frame, size_t size)
{
    const uint8_t *at = (const uint8_t *)frame + FRAME_HEAD_BYTES;
    const uint8_t *end = (const uint8_t *)frame + size;
    uint64_t id = 0;
    if (at == end || *at++ != TAG_REQUEST_ID)
        return 0;
    for (int shift = 0; at < end && shift < 64; shift += 7) {
        id |= (uint64_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80))
            return id;
    }
    return 0;
}

void io_on_result_frame(struct io *io, const void *frame, size_t size)
{
    struct request *request = find_request(io, peek_request_id(frame, size));
    if (!request || !request->page || !request->is_sent)
        return; /* nobody waits for it any more */
    struct page_private *page = request->page;
    ProtobufCMessage *result = NULL;
    if (page->result_count < REQUEST_RESULTS_MAX)
        result = frame_unpack(&roost__v1__result__descriptor, &page->arena, frame, size);
    if (result)
        page->results[page->result_count++] = (Roost__V1__Result *)result;
    else
        finish(io, request, ROOST_TOO_LARGE, "the answer is too large; ask for fewer at once");
}

void io_on_fin(struct io *io, const Roost__V1__Fin *fin)
{
    struct request *request = find_request(io, fin->request_id);
    if (!request)
        return;
    if (request->page && fin->code == 0) {
        request->page->public.has_more = fin->has_more;
        request->page->public.next_seq = fin->next_seq;
        request->page->public.next_name = arena_text(&request->page->arena, fin->next_name);
    }
    if (request->type == ROOST__V1__TYPE__PRESENCE && fin->code == 0)
        io->wants_presence = request->count != 0;
    finish(io, request, (enum roost_error)fin->code, fin->text);
}

void io_on_reply(struct io *io, const Roost__V1__Reply *reply)
{
    struct request *request = find_request(io, reply->request_id);
    if (!request)
        return;
    request->count = reply->count;
    if (request->reply && reply->code == 0 && !reply_fill(request->reply, reply)) {
        finish(io, request, ROOST_NO_MEMORY, "done, but there is no memory for the answer");
        return;
    }
    finish(io, request, (enum roost_error)reply->code, reply->text);
}

void io_refuse_request(struct io *io, uint64_t id, enum roost_error code, const char *text)
{
    struct request *request = find_request(io, id);
    if (request)
        finish(io, request, code, text);
}

void io_on_presence(struct io *io, const Roost__V1__Presence *presence)
{
    for (size_t i = 0; i < presence->n_events; i++) {
        const Roost__V1__PresenceEvent *from = presence->events[i];
        struct roost_event event = {
            .kind = ROOST_EVENT_PRESENCE,
            .presence =
                {
                    .peer = arena_text(&io->arena, from->peer),
                    .display_name = arena_text(&io->arena, from->display_name),
                    .is_online = from->is_online,
                    .time_ms = from->time_ms,
                    .reason = arena_text(&io->arena, from->reason),
                    .event_id = from->event_id,
                },
        };
        (void)event_push(io->roost, &event); /* counted when lost */
        io->has_news = true;
    }
}
