/* SPDX-License-Identifier: MPL-2.0
 *
 * Consuming, on the application's side: attach, receive, settle, confirm, detach.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/consumer.h"
#include "clients/c/io.h"
#include "clients/c/request.h"
#include "proto/limits.h"

#define WINDOW_MESSAGES     1000u
#define WINDOW_MESSAGES_MAX 65536u
#define WINDOW_BYTES        (16u << 20)
#define SEEN_MIN            16384u
#define SEEN_CAP            (1u << 22)
#define SETTLES_PER_RING    64 /* so many may pile up before a napping thread is woken */

/* --------------------------------------------------------------------------- life cycle */

void consumer_ref(struct roost_consumer *consumer)
{
    (void)atomic_fetch_add_explicit(&consumer->references, 1, memory_order_relaxed);
}

void consumer_unref(struct roost_consumer *consumer)
{
    if (atomic_fetch_sub_explicit(&consumer->references, 1, memory_order_acq_rel) != 1)
        return;
    book_fini(&consumer->book);
    ring_fini(&consumer->ready);
    free(consumer->scope);
    free(consumer->name);
    free(consumer);
}

static void fill_defaults(struct roost_attach_options *options)
{
    if (options->window_messages == 0)
        options->window_messages = WINDOW_MESSAGES;
    if (options->window_bytes == 0)
        options->window_bytes = WINDOW_BYTES;
    if (options->seen_max == 0)
        options->seen_max = 4 * options->window_messages;
    if (options->seen_max < SEEN_MIN)
        options->seen_max = SEEN_MIN;
}

static struct roost_consumer *consumer_new(struct roost *roost,
                                           const struct roost_attach_options *options)
{
    struct roost_consumer *consumer =
        aligned_alloc(_Alignof(struct roost_consumer), sizeof(*consumer));
    if (!consumer)
        return NULL;
    memset(consumer, 0, sizeof(*consumer));
    atomic_init(&consumer->references, 1);
    consumer->roost = roost;
    consumer->options = *options;
    fill_defaults(&consumer->options);
    consumer->scope = strdup(options->scope);
    consumer->name = strdup(options->consumer ? options->consumer : "main");
    consumer->options.scope = consumer->scope;
    consumer->options.consumer = consumer->name;
    /* Messages held from before a reconnect and new ones can be there together. */
    uint32_t held_max = 2 * consumer->options.window_messages;
    if (!consumer->scope || !consumer->name || !ring_init(&consumer->ready, held_max) ||
        !book_init(&consumer->book, held_max, consumer->options.seen_max, roost->io->secret)) {
        consumer_unref(consumer);
        return NULL;
    }
    return consumer;
}

static bool is_attach_usable(const struct roost_attach_options *options)
{
    return options && options->scope && options->window_messages <= WINDOW_MESSAGES_MAX &&
           options->seen_max <= SEEN_CAP && options->lease_ms <= WIRE_LEASE_MS_MAX &&
           (options->lease_ms == 0 || options->lease_ms >= WIRE_LEASE_MS_MIN) &&
           strnlen(options->scope, WIRE_SCOPE_BYTES_MAX + 1) <= WIRE_SCOPE_BYTES_MAX &&
           (!options->consumer ||
            strnlen(options->consumer, WIRE_NAME_BYTES_MAX + 1) <= WIRE_NAME_BYTES_MAX);
}

enum roost_error roost_attach(struct roost *roost, const struct roost_attach_options *options,
                              int timeout_ms, struct roost_consumer **ret)
{
    struct request *request = NULL;
    if (!roost || !ret || !is_attach_usable(options))
        return ROOST_USAGE;
    if (timeout_ms != 0 && session_is_own_thread(roost))
        return ROOST_WRONG_THREAD;
    struct roost_consumer *consumer = consumer_new(roost, options);
    if (timeout_ms != 0)
        request = request_new(roost, ROOST__V1__TYPE__TYPE_NONE);
    if (!consumer || (timeout_ms != 0 && !request)) {
        if (consumer)
            consumer_unref(consumer);
        if (request)
            request_free(request);
        return ROOST_NO_MEMORY;
    }
    struct mono_time deadline = deadline_after(timeout_ms);
    consumer->attaching = request;
    command_push(roost, command_word(COMMAND_ATTACH, BOOK_OUTCOME_NONE, 0), consumer, 0, true);
    enum roost_error code = ROOST_OK;
    if (request) {
        bool is_answered = request_wait(request, deadline);
        code = is_answered ? request->code : ROOST_TIMEOUT;
        last_text_set(is_answered ? request->text : NULL);
        if (is_answered)
            request_free(request);
    }
    if (code != ROOST_OK)
        roost_detach(&consumer);
    else
        *ret = consumer;
    return code;
}

void roost_detach(struct roost_consumer **consumer)
{
    if (!consumer || !*consumer)
        return;
    struct roost_consumer *one = *consumer;
    struct roost *roost = one->roost;
    *consumer = NULL;
    if (session_is_own_thread(roost)) {
        io_take_commands(roost->io); /* settles that were given before */
        io_detach(roost->io, one);
    } else {
        struct request *request = request_new(roost, ROOST__V1__TYPE__TYPE_NONE);
        while (!request) { /* there is no way back and little to wait for */
            (void)sched_yield();
            request = request_new(roost, ROOST__V1__TYPE__TYPE_NONE);
        }
        command_push(roost, command_word(COMMAND_DETACH, BOOK_OUTCOME_NONE, 0), one,
                     (uintptr_t)request, true);
        (void)request_wait(request, MONO_NEVER); /* the session's thread answers at once */
        request_free(request);
    }
    consumer_unref(one);
}

void roost_consumer_state(struct roost_consumer *consumer, struct roost_consumer_state *ret)
{
    *ret = (struct roost_consumer_state){
        .scope = consumer->scope,
        .consumer = consumer->name,
        .is_attached = atomic_load_explicit(&consumer->is_attached, memory_order_acquire),
        .took_over = atomic_load_explicit(&consumer->took_over, memory_order_relaxed),
        .floor_seq = atomic_load_explicit(&consumer->floor_seq, memory_order_relaxed),
        .waiting = atomic_load_explicit(&consumer->waiting, memory_order_relaxed),
        .lease_ms = atomic_load_explicit(&consumer->lease_ms, memory_order_relaxed),
        .held = atomic_load_explicit(&consumer->held, memory_order_relaxed),
        .code = (enum roost_error)atomic_load_explicit(&consumer->code, memory_order_acquire),
    };
}

/* ------------------------------------------------------------------------------ receive */

static enum roost_error dead_code(struct roost_consumer *consumer)
{
    return (enum roost_error)atomic_load_explicit(&consumer->code, memory_order_acquire);
}

static size_t take(struct roost_consumer *consumer, const struct roost_message **ret_messages,
                   size_t count_max)
{
    struct ring_item item;
    size_t taken = 0;
    while (taken < count_max && ring_pop(&consumer->ready, &item, NULL)) {
        const struct message_private *message = (struct message_private *)(uintptr_t)item.words[0];
        ret_messages[taken++] = &message->public;
    }
    if (taken)
        (void)atomic_fetch_add_explicit(&consumer->roost->shown_out, taken, memory_order_relaxed);
    return taken;
}

static bool is_worth_waking(void *context)
{
    struct roost_consumer *consumer = context;
    return ring_has_item(&consumer->ready) || dead_code(consumer) != ROOST_OK;
}

static enum roost_error try_take(struct roost_consumer *consumer,
                                 const struct roost_message **ret_messages, size_t count_max,
                                 size_t *ret_count)
{
    enum roost_error code = dead_code(consumer);
    size_t taken = code == ROOST_OK ? take(consumer, ret_messages, count_max) : 0;
    if (taken)
        *ret_count = taken;
    return taken ? ROOST_OK : code != ROOST_OK ? code : ROOST_EMPTY;
}

enum roost_error roost_receive_many(struct roost_consumer *consumer, int timeout_ms,
                                    const struct roost_message **ret_messages, size_t count_max,
                                    size_t *ret_count)
{
    if (!consumer || !ret_messages || !ret_count || count_max == 0)
        return ROOST_USAGE;
    enum roost_error code = try_take(consumer, ret_messages, count_max, ret_count);
    if (code != ROOST_EMPTY)
        return code;
    struct roost *roost = consumer->roost;
    doorbell_hurry(&roost->bell); /* settles that wait for neighbours need not */
    if (timeout_ms == 0)
        return session_found_nothing(roost);
    struct mono_time deadline = deadline_after(timeout_ms);
    do {
        code = session_wait_news(roost, is_worth_waking, consumer, deadline);
        if (code == ROOST_OK)
            code = try_take(consumer, ret_messages, count_max, ret_count);
    } while (code == ROOST_EMPTY);
    return code;
}

enum roost_error roost_receive(struct roost_consumer *consumer, int timeout_ms,
                               const struct roost_message **ret)
{
    size_t taken;
    return roost_receive_many(consumer, timeout_ms, ret, 1, &taken);
}

/* ------------------------------------------------------------------------------- settle */

static struct message_private *private_of(const struct roost_message *message)
{
    /* Every struct roost_message that leaves the library is the first member of a private one. */
    return (struct message_private *)(uintptr_t)message;
}

void command_push(struct roost *roost, uint64_t word, void *pointer, uint64_t argument,
                  bool is_urgent)
{
    struct ring_item item = {.words = {word, (uintptr_t)pointer, argument}};
    uint64_t position;
    while (!ring_push(&roost->commands, &item, &position)) {
        doorbell_ring(&roost->bell, true);
        (void)sched_yield();
    }
    doorbell_ring(&roost->bell, is_urgent || position % SETTLES_PER_RING == 0);
}

static enum roost_error settle(const struct roost_message *message, enum book_outcome outcome,
                               uint32_t delay_ms, const char *reason)
{
    struct message_private *one = message ? private_of(message) : NULL;
    if (!one || !one->batch || delay_ms > WIRE_DELAY_MS_MAX ||
        (reason && strnlen(reason, WIRE_REASON_BYTES_MAX + 1) > WIRE_REASON_BYTES_MAX))
        return ROOST_USAGE;
    struct roost_consumer *consumer = one->batch->consumer;
    if (one->is_settled)
        return ROOST_SETTLED_ALREADY;
    if (atomic_load_explicit(&consumer->is_over, memory_order_acquire))
        return ROOST_CLOSING;
    one->is_settled = outcome != BOOK_EXTEND;
    if (!reason || reason[0] == '\0') {
        command_push(consumer->roost, command_word(COMMAND_SETTLE, outcome, delay_ms), consumer,
                     one->token, false);
        return ROOST_OK;
    }
    struct settle_reason *with = malloc(sizeof(*with));
    char *copy = strdup(reason);
    if (!with || !copy) {
        free(with);
        free(copy);
        one->is_settled = false;
        return ROOST_NO_MEMORY;
    }
    *with = (struct settle_reason){.consumer = consumer, .reason = copy};
    command_push(consumer->roost, command_word(COMMAND_SETTLE_REASON, outcome, delay_ms), with,
                 one->token, false);
    return ROOST_OK;
}

enum roost_error roost_ack(const struct roost_message *message)
{
    return settle(message, BOOK_ACK, 0, NULL);
}

enum roost_error roost_release(const struct roost_message *message, uint32_t delay_ms)
{
    return settle(message, BOOK_RELEASE, delay_ms, NULL);
}

enum roost_error roost_fail(const struct roost_message *message, uint32_t delay_ms,
                            const char *reason)
{
    return settle(message, BOOK_FAIL, delay_ms, reason);
}

enum roost_error roost_reject(const struct roost_message *message, const char *reason)
{
    return settle(message, BOOK_REJECT, 0, reason);
}

enum roost_error roost_extend(const struct roost_message *message)
{
    return settle(message, BOOK_EXTEND, 0, NULL);
}

void roost_message_destroy(const struct roost_message **message)
{
    if (!message || !*message)
        return;
    struct message_private *one = private_of(*message);
    *message = NULL;
    if (!one->batch)
        return; /* of a page */
    if (!one->is_settled)
        (void)settle(&one->public, BOOK_RELEASE, 0, NULL); /* CLOSING: it is released already */
    batch_unref(one->batch);
}

enum roost_error roost_confirm(struct roost_consumer *consumer, int timeout_ms, size_t *ret_stale)
{
    if (!consumer)
        return ROOST_USAGE;
    struct roost *roost = consumer->roost;
    if (session_is_own_thread(roost))
        return ROOST_WRONG_THREAD;
    struct request *request = request_new(roost, ROOST__V1__TYPE__TYPE_NONE);
    if (!request)
        return ROOST_NO_MEMORY;
    struct mono_time deadline = deadline_after(timeout_ms);
    command_push(roost, command_word(COMMAND_CONFIRM, BOOK_OUTCOME_NONE, 0), consumer,
                 (uintptr_t)request, true);
    if (!request_wait(request, deadline))
        return ROOST_TIMEOUT;
    enum roost_error code = request->code;
    if (code == ROOST_OK && ret_stale)
        *ret_stale = (size_t)request->count;
    request_free(request);
    return code;
}
