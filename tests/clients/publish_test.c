/* SPDX-License-Identifier: MPL-2.0
 *
 * clients/c/publish: numbers and credit, answers with runs and exceptions, answers that do not fit,
 * go-back-N after a retry order and after a new session, and a model with random steps: whatever
 * the broker and the connection do, every message is answered once, in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "clients/c/publish.h"

static const struct publish_frame wide = {.entries_max = 1000, .bytes_max = 1 << 20};
static const struct mono_time start = {1000000000};

struct log {
    uint64_t answered; /* messages, in order: the ticket of each must be the next */
    uint32_t code;
    uint64_t seq;
    uint64_t mistakes;
};

static void note(void *context, struct outgoing *outgoing, uint32_t code, uint64_t seq,
                 const char *text)
{
    struct log *log = context;
    assert_non_null(text);
    log->answered++;
    log->code = code;
    log->seq = seq;
    log->mistakes += outgoing->ticket != log->answered;
    free(outgoing);
}

static void push(struct publish *publish, uint64_t ticket, size_t body_size)
{
    static const uint8_t body[4096];
    struct outgoing *outgoing;
    struct roost_outgoing message = {.scope = "peer:a", .body = body, .body_size = body_size};
    assert_int_equal(outgoing_new(&message, &outgoing), ROOST_OK);
    outgoing->ticket = ticket;
    assert_true(publish_push(publish, outgoing));
}

static size_t send_frame(struct publish *publish, const struct publish_frame *frame,
                         struct mono_time now)
{
    size_t size;
    size_t count = publish_next(publish, frame, now, &size);
    (void)publish_sent(publish, count);
    return count;
}

static void clear(struct publish *publish)
{
    struct outgoing *outgoing;
    while ((outgoing = publish_take(publish)) != NULL)
        free(outgoing);
    publish_fini(publish);
}

static void credit_bounds(void **state)
{
    struct publish publish;
    const struct publish_frame two = {.entries_max = 2, .bytes_max = 1 << 20};
    const struct publish_frame small = {.entries_max = 1000, .bytes_max = 300};
    struct log log = {0};
    (void)state;
    assert_true(publish_init(&publish, 16));
    for (uint64_t i = 1; i <= 10; i++)
        push(&publish, i, 100);
    assert_int_equal(send_frame(&publish, &wide, start), 0); /* no session */
    publish_welcome(&publish, 5, 0);
    assert_int_equal(send_frame(&publish, &two, start), 2);
    assert_int_equal(publish_next_no(&publish), 3);
    assert_int_equal(send_frame(&publish, &wide, start), 3); /* up to number 5 */
    assert_int_equal(send_frame(&publish, &wide, start), 0);
    struct publish_run run = {1, 5, 100};
    struct publish_answer answer = {.upto_no = 5, .runs = &run, .run_count = 1, .publish_upto = 10};
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(log.answered, 5);
    assert_int_equal(log.seq, 104);
    assert_int_equal(send_frame(&publish, &small, start), 2); /* frame size */
    publish_lost(&publish);
    publish_welcome(&publish, 100, 250);
    assert_int_equal(send_frame(&publish, &wide, start), 2); /* bytes in flight */
    assert_int_equal(send_frame(&publish, &wide, start), 0);
    clear(&publish);
}

static void one_large_message_always_goes(void **state)
{
    struct publish publish;
    const struct publish_frame small = {.entries_max = 1000, .bytes_max = 100};
    (void)state;
    assert_true(publish_init(&publish, 4));
    push(&publish, 1, 4000);
    push(&publish, 2, 10);
    publish_welcome(&publish, 100, 1000);
    assert_int_equal(send_frame(&publish, &small, start), 1);
    assert_int_equal(send_frame(&publish, &small, start), 0);
    clear(&publish);
}

static void runs_and_exceptions(void **state)
{
    struct publish publish;
    struct log log = {0};
    const struct publish_run runs[] = {{1, 2, 10}, {4, 1, 12}, {6, 3, 20}};
    const struct publish_exception exceptions[] = {{3, 5002, "", 7}, {5, 3001, "who?", 0}};
    struct publish_answer answer = {.upto_no = 8,
                                    .runs = runs,
                                    .run_count = 3,
                                    .exceptions = exceptions,
                                    .exception_count = 2,
                                    .publish_upto = 100};
    (void)state;
    assert_true(publish_init(&publish, 16));
    for (uint64_t i = 1; i <= 9; i++)
        push(&publish, i, 1);
    publish_welcome(&publish, 100, 0);
    assert_int_equal(send_frame(&publish, &wide, start), 9);
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(log.answered, 8);
    assert_int_equal(log.mistakes, 0);
    assert_int_equal(log.seq, 22);
    answer.upto_no = 8; /* the same again: nothing */
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(log.answered, 8);
    clear(&publish);
}

static void answers_that_do_not_fit(void **state)
{
    struct publish publish;
    struct log log = {0};
    const struct publish_run run = {1, 2, 10};
    struct publish_answer answer = {.upto_no = 3, .runs = &run, .run_count = 1};
    (void)state;
    assert_true(publish_init(&publish, 16));
    for (uint64_t i = 1; i <= 5; i++)
        push(&publish, i, 1);
    assert_false(publish_stored(&publish, &answer, start, note, &log)); /* no session */
    publish_welcome(&publish, 4, 0);
    assert_int_equal(send_frame(&publish, &wide, start), 4);
    answer.upto_no = 5;
    assert_false(publish_stored(&publish, &answer, start, note, &log)); /* 5 was not sent */
    assert_int_equal(log.answered, 0);
    answer.upto_no = 3;
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(log.answered, 3);
    assert_int_equal(log.code, 0); /* no run names the third: stored, place unknown */
    assert_int_equal(log.seq, 0);
    clear(&publish);
}

static void exceptions_may_come_early(void **state)
{
    struct publish publish;
    struct log log = {0};
    const struct publish_exception early = {2, 3001, "who?", 0};
    struct publish_answer answer = {.exceptions = &early, .exception_count = 1, .publish_upto = 10};
    (void)state;
    assert_true(publish_init(&publish, 16));
    for (uint64_t i = 1; i <= 3; i++)
        push(&publish, i, 1);
    publish_welcome(&publish, 10, 0);
    assert_int_equal(send_frame(&publish, &wide, start), 3);
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(log.answered, 0);
    answer = (struct publish_answer){.upto_no = 2, .publish_upto = 10};
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(log.answered, 2);
    assert_int_equal(log.code, 3001);
    clear(&publish);
}

static void retry_order(void **state)
{
    struct publish publish;
    struct log log = {0};
    const struct publish_run run = {1, 2, 10};
    struct publish_answer answer = {.upto_no = 2,
                                    .runs = &run,
                                    .run_count = 1,
                                    .publish_upto = 50,
                                    .retry_code = 6002,
                                    .retry_after_ms = 100};
    (void)state;
    assert_true(publish_init(&publish, 16));
    for (uint64_t i = 1; i <= 6; i++)
        push(&publish, i, 1);
    publish_welcome(&publish, 50, 0);
    assert_int_equal(send_frame(&publish, &wide, start), 6);
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(send_frame(&publish, &wide, start), 0);
    assert_int_equal(publish_due(&publish).ns, start.ns + 100000000);
    struct mono_time later = mono_add_ms(start, 100);
    size_t size;
    assert_int_equal(publish_next(&publish, &wide, later, &size), 4);
    assert_int_equal(publish_next_no(&publish), 3); /* the same numbers again */
    assert_int_equal(publish_sent(&publish, 4), 4); /* all sent before */
    clear(&publish);
}

static void new_session_renumbers(void **state)
{
    struct publish publish;
    struct log log = {0};
    const struct publish_run run = {1, 4, 10};
    struct publish_answer answer = {.upto_no = 4, .runs = &run, .run_count = 1, .publish_upto = 50};
    (void)state;
    assert_true(publish_init(&publish, 8));
    for (uint64_t i = 1; i <= 6; i++)
        push(&publish, i, 1);
    publish_welcome(&publish, 50, 0);
    assert_int_equal(send_frame(&publish, &wide, start), 6);
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    publish_lost(&publish);
    assert_false(publish_stored(&publish, &answer, start, note, &log)); /* too late */
    assert_int_equal(publish_due(&publish).ns, INT64_MAX);
    publish_welcome(&publish, 50, 0);
    assert_int_equal(publish_next_no(&publish), 1);
    assert_int_equal(send_frame(&publish, &wide, start), 2);
    answer.upto_no = 2;
    assert_true(publish_stored(&publish, &answer, start, note, &log));
    assert_int_equal(log.answered, 6);
    assert_int_equal(log.mistakes, 0);
    clear(&publish);
}

static void full_is_an_answer(void **state)
{
    struct publish publish;
    struct outgoing *outgoing;
    (void)state;
    assert_true(publish_init(&publish, 2));
    push(&publish, 1, 1);
    push(&publish, 2, 1);
    assert_true(publish_is_full(&publish));
    assert_int_equal(outgoing_new(&(struct roost_outgoing){.scope = "peer:a"}, &outgoing),
                     ROOST_OK);
    assert_false(publish_push(&publish, outgoing));
    free(outgoing);
    clear(&publish);
}

static uint64_t random_state = 88172645463325252ull;

static uint32_t roll(uint32_t sides)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % sides;
}

/* A broker that stores a part of what was sent, refuses some for good, and sometimes orders a
 * retry; and a connection that breaks now and then. */
static void random_steps(void **state)
{
    struct publish publish;
    struct log log = {0};
    uint64_t pushed = 0;
    struct mono_time now = start;
    (void)state;
    assert_true(publish_init(&publish, 64));
    publish_welcome(&publish, 32, 4096);
    for (int step = 0; step < 200000; step++) {
        now.ns += 1000000;
        uint32_t what = roll(20);
        if (what < 8 && !publish_is_full(&publish)) {
            push(&publish, ++pushed, roll(512));
        } else if (what < 12) {
            (void)send_frame(&publish, &wide, now);
            assert_true(publish.base_no + publish.sent - 1 <= publish.upto_no);
        } else if (what < 19 && publish.sent > 0) {
            uint32_t count = roll((uint32_t)publish.sent) + 1;
            struct publish_run runs[64];
            struct publish_exception exceptions[64];
            struct publish_answer answer = {
                .upto_no = publish.base_no + count - 1, .runs = runs, .exceptions = exceptions};
            for (uint32_t i = 0; i < count; i++) {
                if (roll(4) == 0)
                    exceptions[answer.exception_count++] =
                        (struct publish_exception){publish.base_no + i, 5002, "", 1};
                else
                    runs[answer.run_count++] = (struct publish_run){publish.base_no + i, 1, 1};
            }
            answer.publish_upto = answer.upto_no + 32;
            answer.retry_code = roll(8) == 0 ? 6001 : 0;
            answer.retry_after_ms = roll(5);
            assert_true(publish_stored(&publish, &answer, now, note, &log));
        } else if (what == 19 && roll(10) == 0) {
            publish_lost(&publish);
            publish_welcome(&publish, 32, 4096);
        }
        assert_int_equal(log.answered + publish.count, pushed);
    }
    assert_int_equal(log.mistakes, 0);
    assert_true(log.answered > 10000);
    clear(&publish);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credit_bounds),
        cmocka_unit_test(one_large_message_always_goes),
        cmocka_unit_test(runs_and_exceptions),
        cmocka_unit_test(answers_that_do_not_fit),
        cmocka_unit_test(exceptions_may_come_early),
        cmocka_unit_test(retry_order),
        cmocka_unit_test(new_session_renumbers),
        cmocka_unit_test(full_is_an_answer),
        cmocka_unit_test(random_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
