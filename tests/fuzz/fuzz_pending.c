/* SPDX-License-Identifier: MPL-2.0
 *
 * What an actor waits for: questions with deadlines (rt/pending.h) and named timers (rt/timer.h),
 * answered in any order, also twice, also by numbers that nobody gave out, beside lists of them:
 *   - an answer closes its question once, and gives back what it was; any other number closes none
 *   - deadlines come in their order, none before its time, and the next one is the next one
 *   - a timer that is stopped or set again while it is due does not run for its old time
 */
#include <stdint.h>

#include "bytes.h"
#include "rt/pending.h"
#include "rt/timer.h"

#define OPEN_MAX  200
#define STEPS_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct open {
    uint64_t correlation, context;
    struct mono_time deadline;
    uint8_t to, kind;
};

struct play {
    struct pending pending;
    struct timers timers;
    struct mono_time now;
    uint64_t context_next;
    struct open open[OPEN_MAX]; /* in the order in which they were asked */
    size_t count;
    struct mono_time deadlines[ACTOR_TIMERS_MAX];
};

/* --- Questions. */

static struct mono_time earliest(const struct play *play)
{
    struct mono_time first = MONO_NEVER;
    for (size_t i = 0; i < play->count; i++)
        first = play->open[i].deadline.ns < first.ns ? play->open[i].deadline : first;
    return first;
}

static void ask(struct play *play, struct bytes *input)
{
    struct open *open = &play->open[play->count];
    if (play->count == OPEN_MAX)
        return;
    *open = (struct open){.context = ++play->context_next};
    open->to = bytes_u8(input);
    open->kind = bytes_u8(input);
    open->deadline = mono_add_ms(play->now, bytes_u8(input) % 16);
    CHECK(pending_add(&play->pending, open->to, open->kind, open->context, open->deadline,
                      &open->correlation) == ERR_OK);
    CHECK(open->correlation != 0);
    for (size_t i = 0; i < play->count; i++)
        CHECK(play->open[i].correlation != open->correlation);
    play->count++;
}

/* It is that one; it is open no more. */
static void check_closed(struct play *play, const struct question *question)
{
    size_t i = 0;
    while (i < play->count && play->open[i].correlation != question->correlation)
        i++;
    CHECK(i < play->count);
    const struct open *open = &play->open[i];
    CHECK(question->context == open->context && question->kind == open->kind &&
          question->to == open->to);
    play->count--;
    memmove(&play->open[i], &play->open[i + 1], (play->count - i) * sizeof(*open));
    struct question again;
    CHECK(!pending_close(&play->pending, question->correlation, &again));
}

static void close_one(struct play *play, uint8_t which)
{
    struct question question;
    if (play->count == 0)
        return;
    uint64_t correlation = play->open[which % play->count].correlation;
    CHECK(pending_close(&play->pending, correlation, &question));
    CHECK(question.correlation == correlation);
    check_closed(play, &question);
}

static void close_any(struct play *play, uint64_t correlation)
{
    struct question question;
    bool is_open = false;
    for (size_t i = 0; i < play->count; i++)
        is_open |= play->open[i].correlation == correlation;
    CHECK(pending_close(&play->pending, correlation, &question) == is_open);
    if (is_open)
        check_closed(play, &question);
}

static void take_due(struct play *play)
{
    struct question question;
    struct mono_time first = earliest(play);
    bool is_due = pending_take_due(&play->pending, play->now, &question);
    CHECK(is_due == (first.ns <= play->now.ns && play->count > 0));
    if (!is_due)
        return;
    size_t i = 0; /* the oldest of those with the earliest deadline */
    while (play->open[i].deadline.ns != first.ns)
        i++;
    CHECK(play->open[i].correlation == question.correlation);
    check_closed(play, &question);
}

static void check_pending(const struct play *play)
{
    unsigned by_target[256] = {0};
    for (size_t i = 0; i < play->count; i++)
        by_target[play->open[i].to]++;
    for (int i = 0; i < 256; i++)
        CHECK(play->pending.count_by_target[i] == by_target[i]);
    CHECK(pending_count(&play->pending) == play->count);
    CHECK(pending_next(&play->pending).ns == earliest(play).ns);
}

/* --- Timers. */

static void set_timer(struct play *play, uint8_t which, uint8_t delay)
{
    unsigned timer = which % ACTOR_TIMERS_MAX;
    if (delay & 0x80) {
        timer_stop(&play->timers, timer);
        play->deadlines[timer] = MONO_NEVER;
    } else {
        play->deadlines[timer] = mono_add_ms(play->now, delay % 16);
        timer_set(&play->timers, timer, play->deadlines[timer]);
    }
}

/* Runs what is due; one byte of each says what its handler does. */
static void run_timers(struct play *play, struct bytes *input)
{
    struct timer_due due[ACTOR_TIMERS_MAX];
    bool is_touched[ACTOR_TIMERS_MAX] = {false};
    struct mono_time last = {INT64_MIN};
    size_t wanted = 0, count = timers_collect(&play->timers, play->now, due);
    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++)
        wanted += play->deadlines[i].ns <= play->now.ns;
    CHECK(count == wanted);
    for (size_t i = 0; i < count; i++) {
        unsigned timer = due[i].timer;
        CHECK(timers_take(&play->timers, due[i]) == !is_touched[timer]);
        if (!is_touched[timer]) {
            CHECK(play->deadlines[timer].ns >= last.ns);
            last = play->deadlines[timer];
            play->deadlines[timer] = MONO_NEVER;
        }
        CHECK(!timers_take(&play->timers, due[i]));
        uint8_t other = bytes_u8(input);
        if (other) {
            is_touched[other % ACTOR_TIMERS_MAX] = true;
            set_timer(play, other, bytes_u8(input));
        }
    }
}

static void check_timers(const struct play *play)
{
    struct mono_time first = MONO_NEVER;
    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++) {
        CHECK(timer_is_set(&play->timers, i) == (play->deadlines[i].ns != MONO_NEVER.ns));
        first = play->deadlines[i].ns < first.ns ? play->deadlines[i] : first;
    }
    CHECK(timers_next(&play->timers).ns == first.ns);
}

static void step(struct play *play, struct bytes *input)
{
    uint8_t choice = bytes_u8(input);
    switch (choice % 8) {
    case 0:
        play->now = mono_add_ms(play->now, bytes_u8(input) % 8);
        break;
    case 1:
        close_one(play, bytes_u8(input));
        break;
    case 2:
        close_any(play, bytes_u64(input));
        break;
    case 3:
        take_due(play);
        break;
    case 4:
        run_timers(play, input);
        break;
    case 5:
        set_timer(play, choice / 8, bytes_u8(input));
        break;
    default:
        ask(play, input);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play play;
    struct bytes input = {data, size};
    memset(&play, 0, sizeof(play));
    pending_init(&play.pending, (uint16_t)(1 + bytes_u8(&input) * 256u));
    timers_init(&play.timers);
    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++)
        play.deadlines[i] = MONO_NEVER;
    for (size_t i = 0; i < STEPS_MAX && input.left > 0; i++) {
        step(&play, &input);
        check_pending(&play);
        check_timers(&play);
    }
    pending_fini(&play.pending);
    return 0;
}
