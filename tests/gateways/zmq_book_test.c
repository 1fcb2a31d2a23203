/* SPDX-License-Identifier: MPL-2.0
 *
 * The arithmetic of publish numbers, and a random client against a model of the store.
 */
#include "play.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateways/zmq/zmq_book.h"

static const struct zmq_book_limits limits = {.window = 1000, .bytes_max = 10000};

static void test_numbers_rise(void **state)
{
    struct zmq_book book;
    (void)state;
    zmq_book_init(&book);
    assert_int_equal(zmq_book_upto(&book, &limits), 1000);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 10, 100), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_offer(&book, &limits, 11, 1, 100), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_upto(&book, &limits), 1000); /* nothing answered yet */
    assert_true(zmq_book_answer(&book, 100, 10, 0, 0));
    assert_int_equal(zmq_book_upto(&book, &limits), 1010);
    assert_true(zmq_book_answer(&book, 100, 11, 0, 0));
    assert_int_equal(book.frames_open, 0);
    assert_int_equal(book.bytes_open, 0);
}

/* Whoever answers: no number is answered that was never sent. */
static void test_no_more_is_answered_than_was_sent(void **state)
{
    struct zmq_book book;
    (void)state;
    zmq_book_init(&book);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 5, 0), ZMQ_BOOK_TAKE);
    assert_true(zmq_book_answer(&book, 0, 700, 0, 0));
    assert_int_equal(book.answered_no, 5);
    assert_int_equal(zmq_book_upto(&book, &limits), 1005);
}

static void test_gap_is_told_once_when_all_is_answered(void **state)
{
    struct zmq_book book;
    uint32_t code, after_ms;
    (void)state;
    zmq_book_init(&book);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 5, 0), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_offer(&book, &limits, 7, 1, 0), ZMQ_BOOK_REFUSE);
    assert_int_equal(zmq_book_offer(&book, &limits, 8, 1, 0), ZMQ_BOOK_IGNORE);
    assert_false(zmq_book_take_retry(&book, &code, &after_ms)); /* 1..5 are not answered */
    assert_true(zmq_book_answer(&book, 0, 5, 0, 0));
    assert_true(zmq_book_take_retry(&book, &code, &after_ms));
    assert_int_equal(code, err_code(ERR_SEQUENCE_GAP));
    assert_false(zmq_book_take_retry(&book, &code, &after_ms));
    assert_int_equal(zmq_book_offer(&book, &limits, 9, 1, 0), ZMQ_BOOK_IGNORE);
    assert_int_equal(zmq_book_offer(&book, &limits, 6, 4, 0), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_offer(&book, &limits, 11, 1, 0), ZMQ_BOOK_REFUSE);
}

static void test_credit(void **state)
{
    struct zmq_book book;
    uint32_t code, after_ms;
    (void)state;
    zmq_book_init(&book);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 1000, 0), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_offer(&book, &limits, 1001, 1, 0), ZMQ_BOOK_REFUSE);
    assert_int_equal(book.retry_code, err_code(ERR_CREDIT_EXCEEDED));
    zmq_book_init(&book);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 1, 50000), ZMQ_BOOK_TAKE); /* one fits */
    assert_int_equal(zmq_book_offer(&book, &limits, 2, 1, 1), ZMQ_BOOK_REFUSE);
    assert_true(zmq_book_answer(&book, 50000, 1, 0, 0));
    assert_true(zmq_book_take_retry(&book, &code, &after_ms));
    assert_int_equal(zmq_book_offer(&book, &limits, 2, 1, 1), ZMQ_BOOK_TAKE);
}

static void test_sent_twice(void **state)
{
    struct zmq_book book;
    (void)state;
    zmq_book_init(&book);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 5, 0), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 5, 0), ZMQ_BOOK_REPEAT);
    assert_int_equal(zmq_book_offer(&book, &limits, 3, 9, 0), ZMQ_BOOK_REFUSE); /* straddles */
    assert_int_equal(zmq_book_offer(&book, &limits, UINT64_MAX, 2, 0), ZMQ_BOOK_IGNORE);
}

static void test_failed_answer_voids_what_follows(void **state)
{
    struct zmq_book book;
    uint32_t code, after_ms;
    (void)state;
    zmq_book_init(&book);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 5, 1), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_offer(&book, &limits, 6, 5, 1), ZMQ_BOOK_TAKE);
    assert_int_equal(zmq_book_offer(&book, &limits, 11, 5, 1), ZMQ_BOOK_TAKE);
    uint32_t epoch = book.epoch;
    assert_true(zmq_book_answer(&book, 1, 5, 0, 0));
    assert_true(zmq_book_answer(&book, 1, 5, 6002, 1000));
    assert_int_not_equal(book.epoch, epoch);
    assert_int_equal(zmq_book_offer(&book, &limits, 6, 5, 1), ZMQ_BOOK_IGNORE); /* too early */
    assert_false(zmq_book_take_retry(&book, &code, &after_ms));
    assert_false(zmq_book_answer(&book, 1, 15, 0, 0)); /* even if it were stored */
    assert_int_equal(book.answered_no, 5);
    assert_true(zmq_book_take_retry(&book, &code, &after_ms));
    assert_int_equal(code, 6002);
    assert_int_equal(after_ms, 1000);
    assert_int_equal(zmq_book_offer(&book, &limits, 6, 5, 1), ZMQ_BOOK_TAKE);
}

static void test_give_back(void **state)
{
    struct zmq_book book;
    uint32_t code, after_ms;
    (void)state;
    zmq_book_init(&book);
    assert_int_equal(zmq_book_offer(&book, &limits, 1, 5, 7), ZMQ_BOOK_TAKE);
    zmq_book_give_back(&book, 5, 7, err_code(ERR_BUSY), 100);
    assert_int_equal(book.next_no, 1);
    assert_int_equal(book.bytes_open, 0);
    assert_int_equal(zmq_book_offer(&book, &limits, 6, 5, 7), ZMQ_BOOK_IGNORE);
    assert_true(zmq_book_take_retry(&book, &code, &after_ms));
    assert_int_equal(after_ms, 100);
}

/* A client that follows the protocol, a store that fails at random, a gateway that refuses at
 * random: in the end every number is stored, in order, and the client knows it. */
struct model {
    struct zmq_book book;
    uint64_t stored_no; /* store: everything up to it */
    struct {
        uint64_t first_no;
        uint32_t count, epoch;
    } flight[4096]; /* to the store */
    size_t flight_begin, flight_end;
    uint64_t client_next, client_answered;
};

static void model_store(struct model *model)
{
    if (model->flight_begin == model->flight_end)
        return;
    uint64_t first_no = model->flight[model->flight_begin].first_no;
    uint32_t count = model->flight[model->flight_begin].count;
    model->flight_begin++;
    bool fits = first_no == model->stored_no + 1;
    if (fits && rand() % 10 != 0)
        model->stored_no += count;
    else
        fits = false;
    (void)zmq_book_answer(&model->book, count, model->stored_no, fits ? 0 : 6001, 1);
}

static void model_client(struct model *model)
{
    uint32_t code, after_ms;
    if (zmq_book_take_retry(&model->book, &code, &after_ms))
        model->client_next = model->book.answered_no + 1;
    else if (model->book.frames_open == 0 && rand() % 8 == 0) /* no answer for long */
        model->client_next = model->book.answered_no + 1;
    assert_true(model->book.answered_no >= model->client_answered);
    assert_true(model->book.answered_no <= model->stored_no); /* never told what is not stored */
    model->client_answered = model->book.answered_no;
}

static void model_send(struct model *model)
{
    uint32_t count = 1 + (uint32_t)rand() % 20;
    if (rand() % 50 == 0)
        model->client_next += 1; /* a frame is lost on the way */
    if (model->client_next + count > zmq_book_upto(&model->book, &limits))
        return;
    uint64_t first_no = model->client_next;
    model->client_next += count;
    if (zmq_book_offer(&model->book, &limits, first_no, count, count) != ZMQ_BOOK_TAKE)
        return;
    if (rand() % 30 == 0) {
        zmq_book_give_back(&model->book, count, count, 6001, 1);
        return;
    }
    model->flight[model->flight_end].first_no = first_no;
    model->flight[model->flight_end].count = count;
    model->flight_end++;
}

static void test_random_client_reaches_the_end(void **state)
{
    static struct model model;
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++) {
        srand(seed);
        memset(&model, 0, sizeof(model));
        zmq_book_init(&model.book);
        model.client_next = 1;
        for (int step = 0; step < 4000; step++) {
            if (rand() % 2)
                model_send(&model);
            else
                model_store(&model);
            if (rand() % 4 == 0)
                model_client(&model);
        }
        while (model.flight_begin != model.flight_end)
            model_store(&model);
        model_client(&model);
        assert_int_equal(model.book.frames_open, 0);
        assert_int_equal(model.book.bytes_open, 0);
        if (model.client_answered != model.stored_no || model.stored_no < 100)
            fail_msg("seed %u: answered %lu, stored %lu", seed,
                     (unsigned long)model.client_answered, (unsigned long)model.stored_no);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_rise),
        cmocka_unit_test(test_no_more_is_answered_than_was_sent),
        cmocka_unit_test(test_gap_is_told_once_when_all_is_answered),
        cmocka_unit_test(test_credit),
        cmocka_unit_test(test_sent_twice),
        cmocka_unit_test(test_failed_answer_voids_what_follows),
        cmocka_unit_test(test_give_back),
        cmocka_unit_test(test_random_client_reaches_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
