/* SPDX-License-Identifier: MPL-2.0
 *
 * Consumers, as the session's thread sees them: ATTACH, DELIVER, SETTLE, CREDIT.
 *
 * Credit: what is delivered to this process and not settled stays within the consumer's window, so
 * the total that may be delivered since ATTACH is the window plus what was given back. It is told
 * when a quarter of the window was given back since it was told last, or all was used up. Besides, what is settled and
 * not yet known to be on the broker's disk stays within what the book remembers (seen_max): all of
 * that may come again when the broker is killed, and must be recognised then.
 *
 * Settles wait up to a millisecond for their neighbours, and leave at once when the application
 * has nothing more to take (it would wait for what the credit behind them brings), when many wait,
 * or when somebody waits for their confirmation. Every SETTLE asks to be confirmed: that costs one
 * small frame per SETTLE, and roost_confirm and roost_close know what is on disk.
 *
 * When the connection is lost the books remember (book.h); after the next WELCOME every consumer
 * that is not dead is attached again.
 */
#include <stdlib.h>
#include <string.h>

#include "clients/c/event.h"
#include "clients/c/io.h"
#include "clients/c/view.h"
#include "rt/check.h"

#define ATTACH_RETRY_MS 1000
#define SETTLES_AT_ONCE 256

_Static_assert((int)BOOK_ACK == (int)ROOST__V1__OUTCOME__ACK, "outcomes are the protocol's");
_Static_assert((int)BOOK_RELEASE == (int)ROOST__V1__OUTCOME__RELEASE, "outcomes");
_Static_assert((int)BOOK_FAIL == (int)ROOST__V1__OUTCOME__FAIL, "outcomes");
_Static_assert((int)BOOK_REJECT == (int)ROOST__V1__OUTCOME__REJECT, "outcomes");
_Static_assert((int)BOOK_EXTEND == (int)ROOST__V1__OUTCOME__EXTEND, "outcomes");
_Static_assert(RANGES_MAX == WIRE_RANGES_MAX, "ranges of one SETTLE");

struct roost_consumer *io_find_consumer(const struct io *io, uint32_t handle)
{
    struct roost_consumer *consumer = io->consumers[handle % WIRE_HANDLES_MAX];
    return consumer && consumer->handle == handle ? consumer : NULL;
}

void consumer_tell_held(struct roost_consumer *consumer)
{
    atomic_store_explicit(&consumer->held, consumer->book.held, memory_order_relaxed);
}

void io_consumer_event(struct io *io, struct roost_consumer *consumer, enum roost_event_kind kind,
                       enum roost_error code, const char *text)
{
    struct roost_event event = {.kind = kind, .code = code, .text = text, .consumer = consumer};
    (void)event_push(io->roost, &event); /* counted when lost */
    io->has_news = true;
}

/* ------------------------------------------------------------------------------- attach */

static bool choose_handle(struct io *io, struct roost_consumer *consumer)
{
    for (uint32_t i = 0; i < WIRE_HANDLES_MAX; i++) {
        uint32_t handle = io->next_handle++;
        if (handle != 0 && !io->consumers[handle % WIRE_HANDLES_MAX]) {
            consumer->handle = handle;
            io->consumers[handle % WIRE_HANDLES_MAX] = consumer;
            io->consumer_count++;
            return true;
        }
    }
    return false;
}

/* It will not be attached again; roost_receive answers `code` from now on. */
static void bury(struct io *io, struct roost_consumer *consumer, enum roost_error code,
                 const char *text)
{
    book_detached(&consumer->book);
    ranges_clear(&consumer->ranges);
    consumer->attach_at = MONO_NEVER;
    consumer->settle_at = MONO_NEVER;
    consumer->is_asked = false;
    atomic_store_explicit(&consumer->is_attached, 0, memory_order_release);
    atomic_store_explicit(&consumer->code, (uint32_t)code, memory_order_release);
    io_consumer_event(io, consumer, ROOST_EVENT_DETACHED, code, text);
    if (consumer->attaching) {
        request_complete(consumer->attaching, code, text);
        consumer->attaching = NULL;
    }
}

void io_attach(struct io *io, struct roost_consumer *consumer)
{
    consumer->attach_at = io->now;
    consumer->settle_at = MONO_NEVER;
    ranges_init(&consumer->ranges);
    if (!choose_handle(io, consumer)) {
        bury(io, consumer, ROOST_TOO_MANY, "1,024 consumers are attached in this session");
        return;
    }
    consumer_ref(consumer);
}

/* What messages_max leaves for this attachment, as a total since ATTACH. */
static uint64_t credit_end(const struct roost_consumer *consumer)
{
    uint64_t all = consumer->options.messages_max;
    if (all == 0)
        return UINT64_MAX;
    uint64_t left = all > consumer->shown_before ? all - consumer->shown_before : 0;
    return left + consumer->suppressed;
}

/* Total of messages that may be delivered since ATTACH. */
static uint64_t credit_total(const struct roost_consumer *consumer)
{
    uint64_t window = consumer->options.window_messages;
    uint64_t total = window + consumer->returned_messages;
    uint64_t certain = window + consumer->confirmed_messages + consumer->options.seen_max;
    uint64_t end = credit_end(consumer);
    total = certain < total ? certain : total;
    return end < total ? end : total;
}

static void say_attach(struct io *io, struct roost_consumer *consumer)
{
    Roost__V1__Attach attach = ROOST__V1__ATTACH__INIT;
    const struct roost_attach_options *options = &consumer->options;
    consumer->returned_messages = 0;
    consumer->returned_bytes = 0;
    consumer->confirmed_messages = 0;
    consumer->arrived = 0;
    consumer->mark_count = 0;
    consumer->shown_before = consumer->shown;
    consumer->suppressed = 0;
    attach.handle = consumer->handle;
    attach.scope = view_text(consumer->scope);
    attach.consumer = view_text(consumer->name);
    attach.start = (Roost__V1__Start)options->start;
    attach.start_value = options->start_value;
    attach.lease_ms = options->lease_ms;
    attach.credit_messages = credit_total(consumer);
    attach.credit_bytes = options->window_bytes;
    attach.must_exist = options->must_exist;
    attach.ephemeral = options->ephemeral;
    if (!io_say(io, ROOST__V1__TYPE__ATTACH, &attach.base))
        return; /* next turn */
    consumer->attach_at = MONO_NEVER;
    consumer->is_asked = true;
    consumer->told_messages = attach.credit_messages;
    consumer->told_bytes = options->window_bytes;
}

void io_on_attached(struct io *io, const Roost__V1__Attached *attached)
{
    struct roost_consumer *consumer = io_find_consumer(io, attached->handle);
    enum roost_error code = (enum roost_error)attached->code;
    if (!consumer || !consumer->is_asked)
        return;
    consumer->is_asked = false;
    if (code != ROOST_OK && roost_error_is_retryable(code)) {
        consumer->attach_at = mono_add_ms(io->now, ATTACH_RETRY_MS);
        return;
    }
    if (code != ROOST_OK) {
        bury(io, consumer, code, attached->text);
        return;
    }
    consumer->was_attached = true;
    atomic_store_explicit(&consumer->floor_seq, attached->floor_seq, memory_order_relaxed);
    atomic_store_explicit(&consumer->waiting, attached->waiting, memory_order_relaxed);
    atomic_store_explicit(&consumer->lease_ms, attached->lease_ms, memory_order_relaxed);
    atomic_store_explicit(&consumer->took_over, attached->took_over ? 1u : 0u,
                          memory_order_relaxed);
    atomic_store_explicit(&consumer->is_attached, 1, memory_order_release);
    io_consumer_event(io, consumer, ROOST_EVENT_ATTACHED, ROOST_OK, NULL);
    if (consumer->attaching) {
        request_complete(consumer->attaching, ROOST_OK, NULL);
        consumer->attaching = NULL;
    }
}

/* ------------------------------------------------------------------------------- detach */

static void drop_ready(struct io *io, struct roost_consumer *consumer)
{
    struct ring_item item;
    while (ring_pop(&consumer->ready, &item, NULL)) {
        struct message_private *message = (struct message_private *)(uintptr_t)item.words[0];
        (void)atomic_fetch_add_explicit(&io->roost->shown_out, 1, memory_order_relaxed);
        batch_unref(message->batch);
    }
}

void io_on_detach(struct io *io, const Roost__V1__Detach *detach)
{
    struct roost_consumer *consumer = io_find_consumer(io, detach->handle);
    if (!consumer)
        return;
    enum roost_error code = detach->code ? (enum roost_error)detach->code : ROOST_TAKEN_OVER;
    bury(io, consumer, code, roost_error_text(code));
    drop_ready(io, consumer);
}

static void fail_confirms(struct io *io, const struct roost_consumer *consumer,
                          enum roost_error code)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < io->confirm_count; i++) {
        struct request *request = io->confirms[i];
        if (consumer && request->count != consumer->handle)
            io->confirms[kept++] = request;
        else
            request_complete(request, code, NULL);
    }
    io->confirm_count = kept;
}

static bool send_settles(struct io *io, struct roost_consumer *consumer);

void io_detach(struct io *io, struct roost_consumer *consumer)
{
    if (io_find_consumer(io, consumer->handle) != consumer)
        return;
    if (io->state == IO_READY && (consumer->is_asked || consumer->attach_at.ns == INT64_MAX) &&
        atomic_load_explicit(&consumer->code, memory_order_relaxed) == ROOST_OK) {
        Roost__V1__Detach detach = ROOST__V1__DETACH__INIT;
        detach.handle = consumer->handle;
        if (consumer->ranges.count)
            (void)send_settles(io, consumer); /* choked: they come again, at most */
        (void)io_say(io, ROOST__V1__TYPE__DETACH, &detach.base); /* choked: leases run out */
    }
    fail_confirms(io, consumer, ROOST_CLOSING);
    if (consumer->attaching)
        request_complete(consumer->attaching, ROOST_CLOSING, NULL);
    consumer->attaching = NULL;
    atomic_store_explicit(&consumer->is_over, 1, memory_order_release);
    atomic_store_explicit(&consumer->is_attached, 0, memory_order_release);
    ranges_clear(&consumer->ranges);
    drop_ready(io, consumer);
    io->consumers[consumer->handle % WIRE_HANDLES_MAX] = NULL;
    io->consumer_count--;
    consumer_unref(consumer);
}

/* ------------------------------------------------------------------------------- settle */

void consumer_give_credit(struct roost_consumer *consumer, uint32_t body_size)
{
    consumer->returned_messages++;
    consumer->returned_bytes += body_size;
}

void io_add_settle(struct io *io, struct roost_consumer *consumer, uint64_t delivery_no,
                   enum book_outcome outcome, uint32_t delay_ms, char *reason)
{
    if (consumer->ranges.count == RANGES_MAX && !send_settles(io, consumer)) {
        /* The socket is full and a thousand separate ranges wait: leave this one to its lease. */
        free(reason);
        return;
    }
    (void)ranges_add(&consumer->ranges, delivery_no, outcome, delay_ms, reason); /* has room */
    if (consumer->settle_at.ns == INT64_MAX)
        consumer->settle_at = (struct mono_time){io->now.ns + IO_SETTLE_LINGER_NS};
}

void io_settle(struct io *io, struct roost_consumer *consumer, uint64_t token,
               enum book_outcome outcome, uint32_t delay_ms, char *reason)
{
    struct book_settle settle;
    if (io_find_consumer(io, consumer->handle) != consumer) {
        free(reason);
        return;
    }
    book_settle(&consumer->book, token, outcome, &settle);
    consumer_tell_held(consumer);
    if (!settle.is_known || !settle.is_live) {
        free(reason); /* an owed settle keeps its outcome, not its words */
        consumer->is_doubtful = consumer->is_doubtful || settle.is_known;
        return;
    }
    io_add_settle(io, consumer, settle.delivery_no, outcome, delay_ms, reason);
    if (outcome != BOOK_EXTEND)
        consumer_give_credit(consumer, settle.body_size);
}

static void put_mark(struct roost_consumer *consumer)
{
    if (consumer->mark_count < SETTLE_MARKS)
        consumer->mark_count++;
    consumer->marks[consumer->mark_count - 1] =
        (struct settle_mark){.id = consumer->settle_id, .messages = consumer->returned_messages};
}

static void take_marks(struct roost_consumer *consumer)
{
    uint32_t passed = 0;
    while (passed < consumer->mark_count && consumer->marks[passed].id <= consumer->confirmed_id)
        consumer->confirmed_messages = consumer->marks[passed++].messages;
    consumer->mark_count -= passed;
    memmove(consumer->marks, consumer->marks + passed,
            consumer->mark_count * sizeof(consumer->marks[0]));
}

static bool send_settles(struct io *io, struct roost_consumer *consumer)
{
    static char no_reason[] = "";
    struct ranges *ranges = &consumer->ranges;
    ranges_finish(ranges);
    size_t count_of = ranges->count;
    Roost__V1__SettleRange *items = malloc((count_of + 1) * sizeof(*items));
    Roost__V1__SettleRange **pointers = malloc((count_of + 1) * sizeof(Roost__V1__SettleRange *));
    bool is_said = false;
    if (items && pointers) {
        Roost__V1__Settle settle = ROOST__V1__SETTLE__INIT;
        for (size_t i = 0; i < count_of; i++) {
            const struct range *range = &ranges->items[i];
            roost__v1__settle_range__init(&items[i]);
            items[i].first_delivery_no = range->first_no;
            items[i].last_delivery_no = range->last_no;
            items[i].outcome = (Roost__V1__Outcome)range->outcome;
            items[i].delay_ms = range->delay_ms;
            items[i].reason = range->reason ? range->reason : no_reason;
            pointers[i] = &items[i];
        }
        settle.handle = consumer->handle;
        settle.n_ranges = count_of;
        settle.ranges = pointers;
        settle.confirm_id = consumer->settle_id + 1;
        is_said = io_say(io, ROOST__V1__TYPE__SETTLE, &settle.base);
    }
    free(items);
    free(pointers);
    if (is_said) {
        count(io->roost, COUNTER_SETTLED, ranges->messages);
        ranges_clear(ranges);
        consumer->settle_id++;
        put_mark(consumer);
        consumer->settle_at = MONO_NEVER;
    }
    return is_said;
}

/* ------------------------------------------------------------------------------ confirm */

static bool is_all_confirmed(const struct roost_consumer *consumer)
{
    return consumer->ranges.count == 0 && consumer->confirmed_id == consumer->settle_id;
}

static void complete_confirm(struct roost_consumer *consumer, struct request *request)
{
    request->count = consumer->stale;
    consumer->stale = 0;
    request_complete(request, ROOST_OK, NULL);
}

void io_confirm(struct io *io, struct roost_consumer *consumer, struct request *request)
{
    enum roost_error code =
        (enum roost_error)atomic_load_explicit(&consumer->code, memory_order_relaxed);
    if (io_find_consumer(io, consumer->handle) != consumer)
        code = ROOST_CLOSING;
    else if (code == ROOST_OK && consumer->is_doubtful)
        code = ROOST_NO_SESSION;
    else if (code == ROOST_OK && io->confirm_count == REQUESTS_MAX)
        code = ROOST_BUSY;
    if (code != ROOST_OK) {
        consumer->is_doubtful = false; /* told once */
        request_complete(request, code, NULL);
        return;
    }
    if (is_all_confirmed(consumer)) {
        complete_confirm(consumer, request);
        return;
    }
    request->id = consumer->settle_id + (consumer->ranges.count ? 1 : 0);
    request->count = consumer->handle;
    io->confirms[io->confirm_count++] = request;
    consumer->settle_at = io->now; /* not a moment longer */
}

void io_on_settled(struct io *io, const Roost__V1__Settled *settled)
{
    struct roost_consumer *consumer = io_find_consumer(io, settled->handle);
    count(io->roost, COUNTER_STALE, settled->n_exceptions);
    if (!consumer)
        return;
    consumer->stale += settled->n_exceptions;
    if (settled->confirm_id > consumer->confirmed_id && settled->confirm_id <= consumer->settle_id)
        consumer->confirmed_id = settled->confirm_id;
    take_marks(consumer);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < io->confirm_count; i++) {
        struct request *request = io->confirms[i];
        if (request->count == consumer->handle && request->id <= consumer->confirmed_id)
            complete_confirm(consumer, request);
        else
            io->confirms[kept++] = request;
    }
    io->confirm_count = kept;
}

/* -------------------------------------------------------------------------------- flush */

static void tell_credit(struct io *io, struct roost_consumer *consumer)
{
    const struct roost_attach_options *options = &consumer->options;
    uint64_t messages = credit_total(consumer);
    uint64_t bytes = options->window_bytes + consumer->returned_bytes;
    bool is_worth_it = messages - consumer->told_messages >= (options->window_messages + 3) / 4 ||
                       bytes - consumer->told_bytes >= (options->window_bytes + 3) / 4;
    bool is_used_up =
        consumer->arrived >= consumer->told_messages && messages > consumer->told_messages;
    if (!is_worth_it && !is_used_up)
        return;
    Roost__V1__Credit credit = ROOST__V1__CREDIT__INIT;
    credit.handle = consumer->handle;
    credit.messages_total = messages;
    credit.bytes_total = bytes;
    if (io_say(io, ROOST__V1__TYPE__CREDIT, &credit.base)) {
        consumer->told_messages = messages;
        consumer->told_bytes = bytes;
    }
}

static bool should_send_settles(const struct io *io, struct roost_consumer *consumer)
{
    return consumer->ranges.messages >= SETTLES_AT_ONCE ||
           consumer->ranges.count >= RANGES_MAX / 2 || mono_reached(consumer->settle_at, io->now) ||
           !ring_has_item(&consumer->ready);
}

static void flush_consumer(struct io *io, struct roost_consumer *consumer, bool is_last)
{
    if (mono_reached(consumer->attach_at, io->now))
        say_attach(io, consumer);
    if (consumer->ranges.count && (is_last || should_send_settles(io, consumer)) &&
        !send_settles(io, consumer))
        return;
    if (atomic_load_explicit(&consumer->is_attached, memory_order_relaxed))
        tell_credit(io, consumer);
}

void io_flush_consumers(struct io *io, bool is_last)
{
    uint32_t left = io->consumer_count;
    for (uint32_t i = 0; left && i < WIRE_HANDLES_MAX; i++) {
        if (io->consumers[i]) {
            flush_consumer(io, io->consumers[i], is_last);
            left--;
        }
    }
}

struct mono_time io_consumers_due(const struct io *io)
{
    struct mono_time due = MONO_NEVER;
    uint32_t left = io->consumer_count;
    for (uint32_t i = 0; left && i < WIRE_HANDLES_MAX; i++) {
        const struct roost_consumer *consumer = io->consumers[i];
        if (!consumer)
            continue;
        left--;
        due = mono_first(due, consumer->attach_at);
        due = mono_first(due, consumer->settle_at);
    }
    return due;
}

bool io_consumers_idle(const struct io *io)
{
    for (uint32_t i = 0; i < WIRE_HANDLES_MAX; i++) {
        if (io->consumers[i] && !is_all_confirmed(io->consumers[i]))
            return false;
    }
    return true;
}

/* -------------------------------------------------------------------- loss and welcome */

void io_consumers_lost(struct io *io)
{
    fail_confirms(io, NULL, ROOST_NO_SESSION);
    for (uint32_t i = 0; i < WIRE_HANDLES_MAX; i++) {
        struct roost_consumer *consumer = io->consumers[i];
        if (!consumer)
            continue;
        book_detached(&consumer->book);
        consumer->is_doubtful = consumer->is_doubtful || !is_all_confirmed(consumer);
        consumer->confirmed_id = consumer->settle_id;
        ranges_clear(&consumer->ranges);
        consumer->settle_at = MONO_NEVER;
        consumer->is_asked = false;
        atomic_store_explicit(&consumer->is_attached, 0, memory_order_release);
    }
}

void io_consumers_welcome(struct io *io)
{
    for (uint32_t i = 0; i < WIRE_HANDLES_MAX; i++) {
        struct roost_consumer *consumer = io->consumers[i];
        if (consumer && atomic_load_explicit(&consumer->code, memory_order_relaxed) == ROOST_OK)
            consumer->attach_at = io->now;
    }
}
