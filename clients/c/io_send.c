/* SPDX-License-Identifier: MPL-2.0
 *
 * The way of a message to the broker, as the session's thread sees it: from the outbox into the
 * publish window, from there into SEND frames, and with STORED back to the application.
 *
 * Tickets are positions of the outbox ring plus one, so the window, which keeps the order of the
 * ring, answers them in order; `answered` rises once per turn, not per message.
 */
#include <stdlib.h>
#include <string.h>

#include "clients/c/event.h"
#include "clients/c/io.h"
#include "clients/c/send_waiter.h"

/* Frames are kept below this where entries allow: a larger one would let broker and client work
 * in turns instead of side by side. */
#define FRAME_BYTES_USUAL (128u << 10)

void io_take_outbox(struct io *io)
{
    struct ring_item item;
    uint64_t position;
    while (!publish_is_full(&io->publish) && ring_pop(&io->roost->outbox, &item, &position)) {
        struct outgoing *outgoing = (struct outgoing *)(uintptr_t)item.words[0];
        outgoing->ticket = position + 1;
        (void)publish_push(&io->publish, outgoing); /* not full: asked above */
    }
}

void io_flush_sends(struct io *io)
{
    struct publish_frame frame = io->frame;
    size_t size;
    size_t entries;
    if (frame.bytes_max > FRAME_BYTES_USUAL)
        frame.bytes_max = FRAME_BYTES_USUAL;
    while ((entries = publish_next(&io->publish, &frame, io->now, &size)) > 0) {
        zmq_msg_t message;
        if (!frame_pack_send(&io->publish, entries, size, &message) || !io_send_frame(io, &message))
            return; /* next turn */
        count(io->roost, COUNTER_RESENT, publish_sent(&io->publish, entries));
    }
}

/* -------------------------------------------------------------------------------- answers */

static void tell_refusal(struct io *io, const struct roost_sent *sent)
{
    struct roost_event event = {
        .kind = ROOST_EVENT_REFUSED,
        .code = sent->code,
        .text = sent->text,
        .sent = *sent,
    };
    (void)event_push(io->roost, &event); /* counted when lost */
    io->has_news = true;
}

static void count_answer(struct roost *roost, enum roost_error code)
{
    bool is_stored = code == ROOST_OK || code == ROOST_DUPLICATE;
    count(roost, is_stored ? COUNTER_STORED : COUNTER_REFUSED, 1);
    if (code == ROOST_DUPLICATE)
        count(roost, COUNTER_DUPLICATES, 1);
}

static void answered(void *context, struct outgoing *outgoing, uint32_t code, uint64_t seq,
                     const char *text)
{
    struct io *io = context;
    struct roost *roost = io->roost;
    struct roost_sent sent = {
        .ticket = outgoing->ticket,
        .code = (enum roost_error)code,
        .seq = seq,
        .context = outgoing->context,
        .text = text,
    };
    memcpy(sent.message_id, outgoing->message_id, sizeof(sent.message_id));
    uint64_t bytes_out = atomic_load_explicit(&roost->outbox_bytes_out, memory_order_relaxed);
    atomic_store_explicit(&roost->outbox_bytes_out, bytes_out + outgoing_size_bytes(outgoing),
                          memory_order_release);
    count_answer(roost, sent.code);
    if (roost->settings.on_sent)
        roost->settings.on_sent(roost->settings.context, &sent);
    else if (!outgoing->waiter && sent.code != ROOST_OK && sent.code != ROOST_DUPLICATE)
        tell_refusal(io, &sent);
    atomic_store_explicit(&roost->answered, outgoing->ticket, memory_order_release);
    if (outgoing->waiter) /* last: whoever wakes finds everything told */
        send_waiter_complete(outgoing->waiter, &sent);
    io->has_answers = true;
    free(outgoing);
}

static struct publish_run *copy_runs(struct io *io, const Roost__V1__Stored *stored)
{
    struct publish_run *runs = arena_alloc(&io->arena, stored->n_runs * sizeof(*runs));
    for (size_t i = 0; runs && i < stored->n_runs; i++) {
        runs[i] = (struct publish_run){
            .first_no = stored->runs[i]->first_no,
            .count = stored->runs[i]->count,
            .first_seq = stored->runs[i]->first_seq,
        };
    }
    return runs;
}

static struct publish_exception *copy_exceptions(struct io *io, const Roost__V1__Stored *stored)
{
    size_t size = stored->n_exceptions * sizeof(struct publish_exception);
    struct publish_exception *exceptions = arena_alloc(&io->arena, size);
    for (size_t i = 0; exceptions && i < stored->n_exceptions; i++) {
        exceptions[i] = (struct publish_exception){
            .no = stored->exceptions[i]->no,
            .code = stored->exceptions[i]->code,
            .text = stored->exceptions[i]->text,
            .seq = stored->exceptions[i]->seq,
        };
    }
    return exceptions;
}

void io_on_stored(struct io *io, const Roost__V1__Stored *stored)
{
    if (io->state != IO_READY)
        return; /* of a session that is over; everything is sent again in the next */
    struct publish_answer answer = {
        .upto_no = stored->upto_no,
        .runs = copy_runs(io, stored),
        .run_count = stored->n_runs,
        .exceptions = copy_exceptions(io, stored),
        .exception_count = stored->n_exceptions,
        .publish_upto = stored->publish_upto,
        .retry_code = stored->retry_code,
        .retry_after_ms = stored->retry_after_ms,
    };
    if (!answer.runs || !answer.exceptions ||
        !publish_stored(&io->publish, &answer, io->now, answered, io))
        io_session_end(io, ROOST_PROTOCOL, "the broker answered what was not sent");
}

void io_abandon_sends(struct io *io)
{
    struct ring_item item;
    struct outgoing *outgoing;
    uint64_t position;
    io->unanswered_at_close = io->publish.count + ring_count(&io->roost->outbox);
    while ((outgoing = publish_take(&io->publish)) != NULL)
        answered(io, outgoing, ROOST_CLOSING, 0, "the session was closed before the answer came");
    while (ring_pop(&io->roost->outbox, &item, &position)) {
        outgoing = (struct outgoing *)(uintptr_t)item.words[0];
        outgoing->ticket = position + 1;
        answered(io, outgoing, ROOST_CLOSING, 0, "the session was closed before it was sent");
    }
}
