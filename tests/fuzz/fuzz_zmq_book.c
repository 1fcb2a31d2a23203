/* SPDX-License-Identifier: MPL-2.0
 *
 * Bytes as what a client and a store do to the publish book of a session (gateways/zmq/zmq_book.c),
 * beside a store that says what became of every number. After each step:
 *   - frames and bytes that are open are those taken and not yet given back, answered or void
 *   - numbers are in order: answered < next <= answered + window + 1
 *   - the client is told of a number only when it is stored, in order, and never twice of a refusal
 *   - a verdict changes what it says and nothing else
 * and at the end, when the store answers everything and the client goes back once more, all that
 * it sends is taken and answered.
 */
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "gateways/zmq/zmq_book.h"

#define FLIGHT_MAX 64
#define STEPS_MAX  400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct flight { /* a frame that was taken */
    uint64_t first_no, bytes;
    uint32_t count, epoch;
};

struct world {
    struct zmq_book book;
    struct zmq_book_limits limits;
    struct flight flights[FLIGHT_MAX]; /* oldest first */
    unsigned flight_count;
    uint64_t stored_no;
};

static void check(const struct world *world)
{
    const struct zmq_book *book = &world->book;
    uint64_t bytes = 0;
    for (unsigned i = 0; i < world->flight_count; i++)
        bytes += world->flights[i].bytes;
    CHECK(book->frames_open == world->flight_count && book->bytes_open == bytes);
    CHECK(book->next_no >= 1 && book->answered_no < book->next_no);
    CHECK(book->next_no - 1 <= zmq_book_upto(book, &world->limits));
    CHECK(book->answered_no <= world->stored_no);
    CHECK(!book->is_failed || book->is_rewound);
    CHECK(book->retry_code == 0 || book->is_rewound);
}

static void offer(struct world *world, struct bytes *input)
{
    struct zmq_book before = world->book, *book = &world->book;
    struct flight flight = {
        .first_no = bytes_u8(input) < 160 ? book->next_no : bytes_near(input, book->next_no),
        .count = 1 + (uint32_t)bytes_below(input, 40),
        .bytes = bytes_below(input, 256) * 16,
        .epoch = book->epoch,
    };
    if (world->flight_count == FLIGHT_MAX)
        return;
    switch (zmq_book_offer(book, &world->limits, flight.first_no, flight.count, flight.bytes)) {
    case ZMQ_BOOK_TAKE:
        CHECK(flight.first_no == before.next_no && !before.is_failed && !book->is_rewound);
        CHECK(world->flight_count == 0 || book->bytes_open <= world->limits.bytes_max);
        world->flights[world->flight_count++] = flight;
        break;
    case ZMQ_BOOK_REPEAT:
        CHECK(flight.first_no + flight.count <= before.next_no);
        CHECK(memcmp(&before, book, sizeof(before)) == 0);
        break;
    case ZMQ_BOOK_IGNORE:
        CHECK(before.is_rewound && memcmp(&before, book, sizeof(before)) == 0);
        break;
    case ZMQ_BOOK_REFUSE:
        CHECK(book->is_rewound && book->retry_code != 0 && book->next_no == before.next_no);
        break;
    }
}

/* The frame taken last could not be passed on. */
static void give_back(struct world *world)
{
    if (world->flight_count == 0 || world->book.is_failed)
        return;
    const struct flight *last = &world->flights[world->flight_count - 1];
    if (last->epoch != world->book.epoch || last->first_no + last->count != world->book.next_no)
        return;
    zmq_book_give_back(&world->book, last->count, last->bytes, 6001, 10);
    world->flight_count--;
    CHECK(world->book.is_rewound && world->book.retry_code == 6001);
}

/* The oldest frame is answered, or void where it was never passed on. */
static void answer(struct world *world, struct bytes *input, bool may_fail)
{
    if (world->flight_count == 0)
        return;
    struct flight first = world->flights[0];
    struct zmq_book before = world->book;
    memmove(world->flights, world->flights + 1, --world->flight_count * sizeof(first));
    bool is_void = first.epoch != before.epoch;
    if (is_void && may_fail && bytes_u8(input) & 1) {
        zmq_book_void(&world->book, first.bytes);
        CHECK(world->book.answered_no == before.answered_no);
        return;
    }
    bool is_next = first.first_no == world->stored_no + 1;
    bool is_stored = is_next && !(may_fail && bytes_u8(input) < 40);
    uint32_t part = is_next && !is_stored ? (uint32_t)bytes_below(input, first.count) : 0;
    world->stored_no += is_stored ? first.count : part;
    bool is_shown =
        zmq_book_answer(&world->book, first.bytes, world->stored_no, is_stored ? 0 : 6002, 20);
    CHECK(is_shown == !before.is_failed);
    CHECK(is_shown || world->book.answered_no == before.answered_no);
    CHECK(world->book.answered_no >= before.answered_no);
    if (is_shown && !is_stored)
        CHECK(world->book.is_failed && world->book.epoch == before.epoch + 1 &&
              world->book.next_no == world->book.answered_no + 1);
}

static void take_retry(struct world *world)
{
    uint32_t code = 0, after_ms = 0;
    struct zmq_book before = world->book;
    if (!zmq_book_take_retry(&world->book, &code, &after_ms)) {
        CHECK(memcmp(&before, &world->book, sizeof(before)) == 0);
        return;
    }
    CHECK(before.retry_code == code && code != 0 && world->flight_count == 0);
    CHECK(!zmq_book_take_retry(&world->book, &code, &after_ms));
}

static void finish(struct world *world, struct bytes *input)
{
    while (world->flight_count)
        answer(world, input, false);
    take_retry(world);
    check(world);
    uint64_t next_no = world->book.next_no;
    CHECK(world->stored_no == next_no - 1 && world->book.answered_no == next_no - 1);
    CHECK(zmq_book_offer(&world->book, &world->limits, next_no, 1, 1) == ZMQ_BOOK_TAKE);
    CHECK(zmq_book_answer(&world->book, 1, next_no, 0, 0));
    CHECK(world->book.answered_no == next_no && world->book.frames_open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct world world = {.limits = {.window = 1 + (uint32_t)bytes_u8(&input) * 2,
                                     .bytes_max = 16 * (uint64_t)bytes_u8(&input)}};
    zmq_book_init(&world.book);
    for (int i = 0; i < STEPS_MAX && input.left; i++) {
        uint8_t what = bytes_u8(&input) % 16;
        if (what < 8)
            offer(&world, &input);
        else if (what < 12)
            answer(&world, &input, true);
        else if (what < 14)
            take_retry(&world);
        else if (what < 15)
            give_back(&world);
        else
            zmq_book_refuse(&world.book, 6003, 5);
        check(&world);
    }
    finish(&world, &input);
    return 0;
}
