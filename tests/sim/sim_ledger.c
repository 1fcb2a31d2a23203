/* SPDX-License-Identifier: MPL-2.0
 *
 * See sim_ledger.h.
 */
#include "sim_ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/name.h"
#include "rt/check.h"
#include "store/consumers.h"
#include "store/store.h"

#define TRAVEL_MS 25000 /* every message on the way may be held a while */

void ledger_fail(const struct ledger *ledger, const char *what, uint64_t consumer, uint64_t number)
{
    (void)printf("contract broken: %s (consumer %llu, message %llu); replay: "
                 "broker_sim_test %llu\n",
                 what, (unsigned long long)consumer, (unsigned long long)number,
                 (unsigned long long)ledger->seed);
    (void)fflush(stdout);
    abort();
}

static uint64_t number_of(const struct ledger *ledger, const struct ledger_consumer *consumer)
{
    return (uint64_t)(consumer - ledger->consumers);
}

/* Does this consumer get that message? */
static bool reads(const struct ledger *ledger, const struct ledger_consumer *consumer,
                  const struct ledger_message *message)
{
    struct name_folded pattern, topic;
    const char *pattern_name = strchr(ledger->scope_names[consumer->scope], ':') + 1;
    const char *name = ledger->scope_names[message->scope];
    if (consumer->scope < LEDGER_SCOPES || strncmp(name, "topic:", 6) != 0)
        return consumer->scope == message->scope;
    CHECK(name_fold(pattern_name, strlen(pattern_name), &pattern) == ERR_OK);
    CHECK(name_fold(name + 6, strlen(name + 6), &topic) == ERR_OK);
    return topic_matches(pattern.text, pattern.size, topic.text, topic.size);
}

void ledger_note_delivery(struct ledger *ledger, struct ledger_consumer *consumer,
                          const struct sim_delivery *delivery, bool is_late, int64_t wall_ms,
                          int64_t steady_ms)
{
    uint64_t c = number_of(ledger, consumer);
    uint64_t number = delivery->number;
    if (number >= ledger->message_count || !ledger->messages[number].is_sent)
        ledger_fail(ledger, "never sent", c, number);
    struct ledger_message *message = &ledger->messages[number];
    struct ledger_mark *mark = &consumer->marks[number];
    if (!reads(ledger, consumer, message))
        ledger_fail(ledger, "delivered to the wrong scope", c, number);
    if (message->seq != 0 && message->seq != delivery->seq)
        ledger_fail(ledger, "stored twice", c, number);
    message->seq = delivery->seq;
    if (mark->is_confirmed && !is_late)
        ledger_fail(ledger, "delivered again after SETTLED", c, number);
    if (message->is_cancelled && !is_late)
        ledger_fail(ledger, "delivered after it was cancelled", c, number);
    if (mark->deliveries > 0 && !delivery->redelivered)
        ledger_fail(ledger, "delivered again without saying so", c, number);
    bool is_scheduled = message->entry.not_before_ms != 0;
    /* A cancel that a crash undid leaves a message behind its place. */
    bool has_place = !is_scheduled && !message->is_cancel_asked;
    if (mark->deliveries == 0 && has_place && delivery->seq < consumer->first_seq_max)
        ledger_fail(ledger, "first delivery out of order", c, number);
    if (mark->deliveries == 0 && has_place)
        consumer->first_seq_max = delivery->seq;
    int64_t late_ms = wall_ms < steady_ms ? wall_ms : steady_ms;
    int64_t expires_ms = message->last_sent_ms + (int64_t)message->entry.ttl_ms;
    bool is_timed = !ledger->clock_jumped && !ledger->was_held_long;
    if (is_timed && late_ms > expires_ms + TRAVEL_MS)
        ledger_fail(ledger, "delivered after its time to live", c, number);
    if (is_scheduled && !ledger->clock_jumped && wall_ms < (int64_t)message->entry.not_before_ms)
        ledger_fail(ledger, "delivered before its time", c, number);
    mark->deliveries++;
    ledger->delivered++;
    ledger->redelivered += mark->deliveries > 1;
}

void ledger_note_receipt(struct ledger *ledger, const Roost__V1__Receipt *receipt)
{
    for (size_t i = 0; i < receipt->n_entries; i++) {
        const Roost__V1__ReceiptEntry *entry = receipt->entries[i];
        for (size_t at = 0; at + 16 <= entry->message_ids.len; at += 16) {
            uint64_t number;
            memcpy(&number, entry->message_ids.data + at, sizeof(number));
            if (number >= ledger->message_count)
                ledger_fail(ledger, "receipt for an unknown message", 0, number);
            ledger->messages[number].told |= 1u << entry->level;
        }
    }
}

/* --- The end */

struct end {
    struct ledger *ledger;
    uint64_t floors[LEDGER_CONSUMERS];
    int64_t ids[LEDGER_CONSUMERS];
    struct exception_row *rows;
    size_t row_count, row_capacity;
};

static enum err take_consumer(void *context, const struct consumer_load_row *row)
{
    struct end *end = context;
    if (strchr(row->consumer.name, '$') != NULL || strncmp(row->consumer.name, "cid/", 4) == 0)
        ledger_fail(end->ledger, "a listener is stored", (uint64_t)row->consumer.id, 0);
    for (uint32_t i = 0; i < end->ledger->consumer_count; i++) {
        const struct ledger_consumer *consumer = &end->ledger->consumers[i];
        const char *scope = strchr(end->ledger->scope_names[consumer->scope], ':') + 1;
        if (strcmp(row->scope.name, scope) == 0 &&
            strcmp(row->consumer.name, consumer->stored_name) == 0) {
            end->ids[i] = row->consumer.id;
            end->floors[i] = row->consumer.floor_seq;
        }
    }
    return ERR_OK;
}

static enum err take_row(void *context, const struct exception_row *row)
{
    struct end *end = context;
    if (end->row_count == end->row_capacity) {
        end->row_capacity = end->row_capacity == 0 ? 256 : end->row_capacity * 2;
        end->rows = realloc(end->rows, end->row_capacity * sizeof(*end->rows));
        CHECK(end->rows != NULL);
    }
    end->rows[end->row_count++] = *row;
    return ERR_OK;
}

static void read_database(struct end *end, const char *path)
{
    struct store_options options = {.path = path, .read_only = true};
    struct store *store = NULL;
    CHECK(store_open(&options, &store) == ERR_OK);
    CHECK(consumer_load(store, 0, 100000, take_consumer, end) == ERR_OK);
    CHECK(exception_load(store, 0, 0, false, 1000000, take_row, end) == ERR_OK);
    store_close(&store);
}

/* 0: nothing is said of it. */
static unsigned state_of(const struct end *end, int64_t consumer_id, uint64_t seq)
{
    unsigned state = 0;
    for (size_t i = 0; i < end->row_count; i++) {
        const struct exception_row *row = &end->rows[i];
        if (row->consumer_id == consumer_id && row->seq <= seq && seq <= row->last_seq)
            state = row->state;
    }
    return state;
}

static void check_told(struct ledger *ledger, uint64_t c, uint64_t number, uint32_t level,
                       uint32_t wanted)
{
    const struct ledger_message *message = &ledger->messages[number];
    if ((message->entry.receipts & wanted) && !(message->told & (1u << level)))
        ledger_fail(ledger, "the sender asked and was not told", c, number);
}

static void check_one(struct end *end, uint32_t c, uint32_t number, int64_t wall_ms)
{
    struct ledger *ledger = end->ledger;
    const struct ledger_message *message = &ledger->messages[number];
    const struct ledger_mark *mark = &ledger->consumers[c].marks[number];
    bool is_mailbox = strncmp(ledger->scope_names[message->scope], "peer:", 5) == 0;
    unsigned state = state_of(end, end->ids[c], message->seq);
    switch (state) {
    case 0:
    case EXCEPTION_SETTLED:
        if (state == 0 && message->seq > end->floors[c])
            ledger_fail(ledger, "still open at the end", c, number);
        if (!mark->is_acked)
            ledger_fail(ledger, "lost: settled by nobody", c, number);
        if (is_mailbox)
            check_told(ledger, c, number, ROOST__V1__RECEIPT_LEVEL__DELIVERED, 1);
        ledger->settled++;
        break;
    case EXCEPTION_DEAD:
        if (!mark->is_rejected && !mark->has_failed && mark->deliveries == 0)
            ledger_fail(ledger, "dead without a reason", c, number);
        check_told(ledger, c, number, ROOST__V1__RECEIPT_LEVEL__DEAD, 4);
        ledger->dead++;
        break;
    case EXCEPTION_EXPIRED:
        if (!ledger->clock_jumped && message->sent_ms + (int64_t)message->entry.ttl_ms > wall_ms)
            ledger_fail(ledger, "expired early", c, number);
        ledger->expired++;
        break;
    case EXCEPTION_CANCELLED:
        if (!message->is_cancel_asked)
            ledger_fail(ledger, "cancelled by nobody", c, number);
        ledger->cancelled++;
        break;
    default:
        ledger_fail(ledger, "still waiting at the end", c, number);
    }
    if (mark->is_confirmed && state != 0 && state != EXCEPTION_SETTLED)
        ledger_fail(ledger, "confirmed as settled, but is not", c, number);
}

void ledger_check_end(struct ledger *ledger, const char *path, int64_t wall_ms)
{
    struct end end = {.ledger = ledger};
    read_database(&end, path);
    for (uint32_t c = 0; c < ledger->consumer_count; c++) {
        if (end.ids[c] == 0)
            ledger_fail(ledger, "the consumer is gone", c, 0);
        for (uint32_t number = 0; number < ledger->message_count; number++) {
            if (ledger->messages[number].is_stored &&
                reads(ledger, &ledger->consumers[c], &ledger->messages[number]))
                check_one(&end, c, number, wall_ms);
        }
    }
    free(end.rows);
}
