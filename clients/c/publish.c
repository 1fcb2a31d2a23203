/* SPDX-License-Identifier: MPL-2.0
 *
 * See publish.h for the picture.
 */
#include "clients/c/publish.h"

#include <stdlib.h>

bool publish_init(struct publish *publish, size_t capacity)
{
    size_t rounded = 2;
    while (rounded < capacity)
        rounded *= 2;
    *publish = (struct publish){.capacity = rounded, .base_no = 1, .retry_at = {0}};
    publish->slots = calloc(rounded, sizeof(struct outgoing *));
    return publish->slots != NULL;
}

void publish_fini(struct publish *publish)
{
    free(publish->slots);
    publish->slots = NULL;
}

static struct outgoing *slot(const struct publish *publish, size_t index)
{
    return publish->slots[(publish->head + index) & (publish->capacity - 1)];
}

bool publish_push(struct publish *publish, struct outgoing *outgoing)
{
    if (publish_is_full(publish))
        return false;
    publish->slots[(publish->head + publish->count) & (publish->capacity - 1)] = outgoing;
    publish->count++;
    return true;
}

static void start_over(struct publish *publish)
{
    publish->sent = 0;
    publish->sent_bytes = 0;
}

void publish_welcome(struct publish *publish, uint64_t publish_upto, uint64_t bytes_max)
{
    start_over(publish);
    publish->base_no = 1;
    publish->upto_no = publish_upto;
    publish->bytes_max = bytes_max;
    publish->retry_at = (struct mono_time){0};
    publish->is_open = true;
}

void publish_lost(struct publish *publish)
{
    start_over(publish);
    publish->is_open = false;
}

static bool may_carry(const struct publish *publish, const struct publish_frame *frame,
                      size_t entries, uint64_t flight_bytes, size_t frame_size)
{
    if (entries == 0 && publish->sent == 0)
        return true; /* one always may, however large */
    return (publish->bytes_max == 0 || flight_bytes <= publish->bytes_max) &&
           (entries == 0 || frame_size <= frame->bytes_max);
}

size_t publish_next(const struct publish *publish, const struct publish_frame *frame,
                    struct mono_time now, size_t *ret_size)
{
    uint64_t next_no = publish->base_no + publish->sent;
    if (!publish->is_open || next_no > publish->upto_no || !mono_reached(publish->retry_at, now))
        return 0;

    size_t limit = publish->count - publish->sent;
    if (limit > publish->upto_no - next_no + 1)
        limit = (size_t)(publish->upto_no - next_no + 1);
    if (limit > frame->entries_max)
        limit = frame->entries_max;

    size_t size = outgoing_first_no_bytes(next_no);
    uint64_t flight_bytes = publish->sent_bytes;
    const struct outgoing *before = NULL;
    size_t entries = 0;
    while (entries < limit) {
        const struct outgoing *outgoing = slot(publish, publish->sent + entries);
        size_t entry_size = outgoing_entry_bytes(outgoing, before);
        if (!may_carry(publish, frame, entries, flight_bytes + outgoing->body_size,
                       size + entry_size))
            break;
        size += entry_size;
        flight_bytes += outgoing->body_size;
        before = outgoing;
        entries++;
    }
    *ret_size = size;
    return entries;
}

struct outgoing *publish_entry(const struct publish *publish, size_t index)
{
    return slot(publish, publish->sent + index);
}

uint64_t publish_next_no(const struct publish *publish)
{
    return publish->base_no + publish->sent;
}

size_t publish_sent(struct publish *publish, size_t count)
{
    size_t again = 0;
    for (size_t i = 0; i < count; i++) {
        struct outgoing *outgoing = slot(publish, publish->sent + i);
        again += outgoing->was_sent;
        outgoing->was_sent = true;
        outgoing->fate_code = 0; /* what was said of an earlier sending does not count */
        publish->sent_bytes += outgoing->body_size;
    }
    publish->sent += count;
    return again;
}

/* An exception may come before the answer that covers its number: it is noted with the entry. */
static void note_exceptions(struct publish *publish, const struct publish_answer *answer)
{
    for (size_t i = 0; i < answer->exception_count; i++) {
        const struct publish_exception *exception = &answer->exceptions[i];
        if (exception->no < publish->base_no || exception->no - publish->base_no >= publish->sent)
            continue; /* answered before, or never sent */
        struct outgoing *outgoing = slot(publish, (size_t)(exception->no - publish->base_no));
        outgoing->fate_code = exception->code;
        outgoing->fate_seq = exception->seq;
    }
}

static const char *exception_text(const struct publish_answer *answer, uint64_t no)
{
    for (size_t i = 0; i < answer->exception_count; i++) {
        if (answer->exceptions[i].no == no && answer->exceptions[i].text)
            return answer->exceptions[i].text;
    }
    return "";
}

/* The seq of a stored number, with the cursor moved up to its run; 0 when no run names it. */
static uint64_t run_seq(const struct publish_answer *answer, uint64_t no, size_t *at)
{
    const struct publish_run *runs = answer->runs;
    while (*at < answer->run_count && no >= runs[*at].first_no + runs[*at].count)
        (*at)++;
    if (*at < answer->run_count && no >= runs[*at].first_no)
        return runs[*at].first_seq + (no - runs[*at].first_no);
    return 0;
}

static void answer_front(struct publish *publish, const struct publish_answer *answer, size_t count,
                         publish_answered_fn *answered, void *context)
{
    size_t run = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t no = publish->base_no;
        struct outgoing *outgoing = slot(publish, 0);
        uint32_t code = outgoing->fate_code;
        uint64_t seq = code ? outgoing->fate_seq : run_seq(answer, no, &run);
        publish->sent_bytes -= outgoing->body_size;
        (void)publish_take(publish);
        answered(context, outgoing, code, seq, code ? exception_text(answer, no) : "");
    }
}

bool publish_stored(struct publish *publish, const struct publish_answer *answer,
                    struct mono_time now, publish_answered_fn *answered, void *context)
{
    if (!publish->is_open || answer->upto_no >= publish->base_no + publish->sent)
        return false;
    note_exceptions(publish, answer);
    if (answer->upto_no >= publish->base_no)
        answer_front(publish, answer, (size_t)(answer->upto_no - publish->base_no + 1), answered,
                     context);
    if (answer->publish_upto > publish->upto_no || answer->retry_code)
        publish->upto_no = answer->publish_upto;
    if (answer->retry_code && answer->upto_no + 1 == publish->base_no) {
        start_over(publish);
        publish->retry_at = mono_add_ms(now, answer->retry_after_ms);
    }
    return true;
}

struct mono_time publish_due(const struct publish *publish)
{
    bool is_waiting = publish->is_open && publish->sent < publish->count &&
                      publish->base_no + publish->sent <= publish->upto_no;
    return is_waiting ? publish->retry_at : MONO_NEVER;
}

struct outgoing *publish_take(struct publish *publish)
{
    if (publish->count == 0)
        return NULL;
    struct outgoing *outgoing = slot(publish, 0);
    publish->head = (publish->head + 1) & (publish->capacity - 1);
    publish->count--;
    if (publish->sent > 0)
        publish->sent--;
    publish->base_no++;
    return outgoing;
}
