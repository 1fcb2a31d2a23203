/* SPDX-License-Identifier: MPL-2.0
 *
 * Bytes as deliveries, settles and lost connections: the client's delivery book (clients/c/book.c)
 * and the ranges of its settles (ranges.c) beside naive twins. The book agrees with a list of what
 * was shown, kept in order of age; a token ends once. Of the ranges: every settle is in exactly one
 * of them, with its outcome, delay and reason; none overlaps another of its kind; and for one
 * delivery an EXTEND stands before what ended it.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "clients/c/book.h"
#include "clients/c/ranges.h"

#define STEPS_MAX  600
#define KEYS       24
#define SETTLE_MAX 1200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- The book's twin: one row per message it knows, oldest first. */

enum row_state { ROW_HELD, ROW_SEEN, ROW_OWED };

struct row {
    unsigned key;
    enum row_state state;
    enum book_outcome outcome;
    uint64_t token, delivery_no;
    uint32_t body_size;
    bool is_live;
};

struct world {
    struct book book;
    uint32_t room;
    struct row rows[KEYS + 1];
    unsigned row_count, held;
    uint64_t ended[8]; /* tokens that are no more */
    unsigned ended_count;
};

static struct row *find(struct world *world, unsigned key)
{
    for (unsigned i = 0; i < world->row_count; i++)
        if (world->rows[i].key == key)
            return &world->rows[i];
    return NULL;
}

/* Taken out; what follows moves up. */
static struct row take(struct world *world, struct row *row)
{
    struct row copy = *row;
    size_t after = world->row_count - (size_t)(row - world->rows) - 1;
    memmove(row, row + 1, after * sizeof(*row));
    world->row_count--;
    return copy;
}

static void put(struct world *world, struct row row)
{
    CHECK(world->row_count < KEYS + 1);
    world->rows[world->row_count++] = row;
}

/* Forgets the oldest that is not held, when there is no room. False: all are held. */
static bool make_room(struct world *world)
{
    if (world->row_count < world->room)
        return true;
    for (unsigned i = 0; i < world->row_count; i++) {
        if (world->rows[i].state != ROW_HELD) {
            (void)take(world, &world->rows[i]);
            return true;
        }
    }
    return false;
}

static void deliver_known(struct world *world, struct row *row, enum book_verdict verdict,
                          const struct book_delivery *delivery, uint64_t no, uint32_t body_size)
{
    if (row->state == ROW_HELD) {
        CHECK(verdict == BOOK_KEEP && delivery->is_old_lease_live == row->is_live);
        CHECK(delivery->old_body_size == row->body_size);
        row->delivery_no = no;
        row->body_size = body_size;
        row->is_live = true;
        return;
    }
    enum book_outcome outcome = row->state == ROW_SEEN ? BOOK_ACK : row->outcome;
    CHECK(verdict == BOOK_SETTLE && delivery->outcome == outcome);
    struct row copy = take(world, row);
    copy.state = ROW_SEEN;
    if (outcome == BOOK_ACK)
        put(world, copy);
}

static void deliver(struct world *world, struct bytes *input)
{
    unsigned key_number = (unsigned)bytes_below(input, KEYS);
    uint64_t no = bytes_near(input, 100);
    uint32_t body_size = bytes_u8(input);
    const uint8_t id[16] = {(uint8_t)key_number};
    struct book_key key = book_key(&world->book, id, "ana", key_number % 4);
    struct book_delivery delivery;
    enum book_verdict verdict = book_deliver(&world->book, &key, no, body_size, &delivery);

    struct row *row = find(world, key_number);
    if (row) {
        deliver_known(world, row, verdict, &delivery, no, body_size);
        return;
    }
    if (!make_room(world)) {
        CHECK(verdict == BOOK_FULL);
        return;
    }
    CHECK(verdict == BOOK_SHOW);
    for (unsigned i = 0; i < world->row_count; i++)
        CHECK(world->rows[i].state != ROW_HELD || world->rows[i].token != delivery.token);
    put(world, (struct row){.key = key_number,
                            .state = ROW_HELD,
                            .token = delivery.token,
                            .delivery_no = no,
                            .body_size = body_size,
                            .is_live = true});
    world->held++;
}

static void settle_held(struct world *world, struct row *row, enum book_outcome outcome)
{
    struct book_settle settle;
    book_settle(&world->book, row->token, outcome, &settle);
    CHECK(settle.is_known && settle.is_live == row->is_live);
    CHECK(settle.delivery_no == row->delivery_no && settle.body_size == row->body_size);
    if (outcome == BOOK_EXTEND)
        return;
    world->held--;
    world->ended[world->ended_count++ % 8] = row->token;
    struct row copy = take(world, row);
    copy.state = copy.is_live && outcome == BOOK_ACK ? ROW_SEEN : ROW_OWED;
    copy.outcome = outcome;
    bool is_kept = outcome == BOOK_ACK || (!copy.is_live && outcome != BOOK_RELEASE);
    if (is_kept)
        put(world, copy);
}

static void settle(struct world *world, struct bytes *input)
{
    struct row *row = find(world, (unsigned)bytes_below(input, KEYS));
    enum book_outcome outcome = (enum book_outcome)(BOOK_ACK + bytes_below(input, 5));
    struct book_settle settle;
    if (row && row->state == ROW_HELD) {
        settle_held(world, row, outcome);
        return;
    }
    unsigned known = world->ended_count < 8 ? world->ended_count : 8;
    uint64_t token = known ? world->ended[bytes_below(input, known)] : bytes_u64(input);
    for (unsigned i = 0; i < world->row_count; i++)
        if (world->rows[i].state == ROW_HELD && world->rows[i].token == token)
            return; /* a number that happens to be one */
    book_settle(&world->book, token, outcome, &settle);
    CHECK(!settle.is_known && !settle.is_live);
}

static void play_book(struct bytes *input)
{
    const uint64_t secret[2] = {bytes_u8(input), 7};
    uint32_t held_max = 1 + (uint32_t)bytes_below(input, 8);
    uint32_t seen_max = (uint32_t)bytes_below(input, 8);
    struct world world = {.room = held_max + seen_max};
    CHECK(book_init(&world.book, held_max, seen_max, secret));
    for (int i = 0; i < STEPS_MAX && input->left; i++) {
        uint8_t what = bytes_u8(input) % 16;
        if (what < 8)
            deliver(&world, input);
        else if (what < 15)
            settle(&world, input);
        else {
            book_detached(&world.book);
            for (unsigned n = 0; n < world.row_count; n++)
                world.rows[n].is_live = false;
        }
        CHECK(world.book.held == world.held);
        CHECK(world.book.seen == world.row_count - world.held);
    }
    book_fini(&world.book);
}

/* --- Ranges: each delivery is extended at most a few times, then ended once. */

struct settled {
    uint64_t no;
    enum book_outcome outcome;
    uint32_t delay_ms;
    char reason; /* 0: none */
};

struct settles {
    struct ranges ranges;
    struct settled all[SETTLE_MAX];
    unsigned count;
};

static bool is_ended(const struct settles *settles, uint64_t no)
{
    for (unsigned i = 0; i < settles->count; i++)
        if (settles->all[i].no == no && settles->all[i].outcome != BOOK_EXTEND)
            return true;
    return false;
}

static bool is_in(const struct range *range, const struct settled *settled)
{
    char reason = range->reason ? range->reason[0] : '\0';
    return range->first_no <= settled->no && settled->no <= range->last_no &&
           range->outcome == settled->outcome && range->delay_ms == settled->delay_ms &&
           reason == settled->reason;
}

static void check_ranges(struct settles *settles)
{
    struct ranges *ranges = &settles->ranges;
    uint64_t covered = 0;
    ranges_finish(ranges);
    for (size_t i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->items[i];
        CHECK(range->first_no <= range->last_no);
        covered += range->last_no - range->first_no + 1;
        for (size_t j = 0; j < i; j++) { /* what ended a lease is not followed by more of it */
            const struct range *before = &ranges->items[j];
            CHECK(before->outcome == BOOK_EXTEND || before->last_no < range->first_no ||
                  before->first_no > range->last_no);
        }
    }
    CHECK(covered == settles->count && ranges->messages == settles->count);
    for (unsigned i = 0; i < settles->count; i++) {
        unsigned found = 0;
        for (size_t j = 0; j < ranges->count; j++)
            found += is_in(&ranges->items[j], &settles->all[i]);
        CHECK(found >= 1);
    }
    ranges_clear(ranges);
    settles->count = 0;
}

static void add(struct settles *settles, struct bytes *input, uint64_t *around)
{
    uint8_t how = bytes_u8(input);
    struct settled settled = {.outcome = BOOK_ACK};
    settled.no = how < 128 ? *around + 1 : bytes_near(input, *around);
    if (how & 1) {
        settled.outcome = (enum book_outcome)(BOOK_ACK + bytes_below(input, 5));
        settled.delay_ms = (uint32_t)bytes_below(input, 2);
        settled.reason = bytes_u8(input) & 1 ? 'r' : '\0';
    }
    if (settles->count == SETTLE_MAX || is_ended(settles, settled.no))
        return;
    char *reason = settled.reason ? strdup("r") : NULL;
    if (!ranges_add(&settles->ranges, settled.no, settled.outcome, settled.delay_ms, reason)) {
        CHECK(settles->ranges.count == RANGES_MAX);
        free(reason);
        return;
    }
    settles->all[settles->count++] = settled;
    *around = settled.no;
}

static void play_ranges(struct bytes *input)
{
    static struct settles settles;
    uint64_t around = 1000;
    ranges_init(&settles.ranges);
    settles.count = 0;
    for (int i = 0; i < SETTLE_MAX && input->left; i++) {
        add(&settles, input, &around);
        if (i % 128 == 127)
            check_ranges(&settles);
    }
    check_ranges(&settles);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    if (bytes_u8(&input) & 1)
        play_book(&input);
    else
        play_ranges(&input);
    return 0;
}
