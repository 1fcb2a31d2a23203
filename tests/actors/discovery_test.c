/* SPDX-License-Identifier: MPL-2.0
 *
 * The discovery actor on virtual time, the test being the gateway, history and who calls.
 */
#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "discovery.h"
#include "proto/messages.h"
#include "proto/wire.h"
#include "rt/metrics.h"
#include "rt/sim.h"

enum { DISCOVERY = 0, GATEWAY = 1, HISTORY = 2, CALLER = 3 };

#define SAY(what)   ROOST__INTERNAL__LAN_SAYING__LAN_##what
#define HEARD(what) ROOST__INTERNAL__LAN_HEARING__LAN_##what

static struct discovery_options options = {.gateway = GATEWAY, .history = HISTORY};

static int setup(void **state)
{
    static struct actor_spec spec;
    enum err err = ERR_OK;
    spec = (struct actor_spec){&discovery_actor, &options, 0};
    const struct sim_options sim = {.pseudo_actors = 3};
    *state = sim_new(1, &spec, 1, message_types, MSG_COUNT, &sim, &err);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    struct sim *sim = *state;
    assert_int_equal(sim_failure(sim, NULL), ERR_OK);
    sim_destroy(&sim);
    return 0;
}

static void hear(struct sim *sim, uint64_t peer, INTERNAL(LanHearing) what, uint32_t packet_no)
{
    INTERNAL(LanHeard) heard = ROOST__INTERNAL__LAN_HEARD__INIT;
    heard.peer = peer;
    heard.what = what;
    heard.packet_no = packet_no;
    assert_int_equal(sim_post(sim, GATEWAY, DISCOVERY, MSG_LAN_HEARD, &heard.base, NULL, 0, false),
                     ERR_OK);
}

/* How often this was said; everything that was said is taken. */
static unsigned said(struct sim *sim, INTERNAL(LanSaying) what)
{
    unsigned count = 0;
    const struct msg *msg;
    while ((msg = sim_take(sim, GATEWAY)) != NULL) {
        assert_int_equal(msg->kind, MSG_LAN_SAY);
        count += MSG_BODY(msg, INTERNAL(LanSay))->what == what;
    }
    return count;
}

static void test_answers_at_once(void **state)
{
    struct sim *sim = *state;
    hear(sim, 0, HEARD(STARTED), 0);
    hear(sim, 0, HEARD(READY), 0);
    sim_settle(sim);
    assert_int_equal(said(sim, SAY(ANNOUNCE)), 1);
    for (uint64_t peer = 1; peer <= 250; peer++)
        hear(sim, peer, HEARD(ENTRY), 7);
    sim_settle(sim);
    assert_int_equal(said(sim, SAY(ANSWER)), 250);
    hear(sim, 1, HEARD(ENTRY), 7);
    sim_settle(sim);
    assert_int_equal(said(sim, SAY(NO_ANSWER)), 1);
}

static void test_many_silent_ones_are_asked_in_lots(void **state)
{
    struct sim *sim = *state;
    for (uint64_t peer = 1; peer <= 500; peer++)
        hear(sim, peer, HEARD(LIFE), 0);
    sim_advance(sim, 59000);
    assert_int_equal(said(sim, SAY(ASK)), 0);
    sim_advance(sim, 1200);
    unsigned first = said(sim, SAY(ASK));
    assert_true(first > 0 && first <= 100);
    sim_advance(sim, 5000);
    assert_int_equal(first + said(sim, SAY(ASK)), 500);
}

/* What it knew is gone; whoever is heard is known again. */
static void test_a_new_life(void **state)
{
    struct sim *sim = *state;
    hear(sim, 1, HEARD(ENTRY), 7);
    sim_settle(sim);
    assert_int_equal(said(sim, SAY(ANSWER)), 1);
    assert_int_equal(sim_crash(sim, DISCOVERY), ERR_OK);
    hear(sim, 1, HEARD(ENTRY), 7);
    sim_settle(sim);
    assert_int_equal(said(sim, SAY(ANSWER)), 1);
    sim_advance(sim, 61000);
    assert_int_equal(said(sim, SAY(ASK)), 1);
}

/* --- The warm start. */

/* LOAD_KNOWN has come, after this name. */
static const struct msg *take_load(struct sim *sim, const char *after)
{
    const struct msg *question = sim_take(sim, HISTORY);
    assert_non_null(question);
    assert_int_equal(question->kind, MSG_LOAD_KNOWN);
    const INTERNAL(LoadKnown) *load = MSG_BODY(question, INTERNAL(LoadKnown));
    assert_int_equal(load->after_folded.len, strlen(after));
    assert_memory_equal(load->after_folded.data, after, strlen(after));
    return question;
}

/* `count` addresses from `first` on; `next`: NULL at the end. */
static void answer_load(struct sim *sim, const struct msg *question, uint32_t first, uint32_t count,
                        const char *next)
{
    INTERNAL(KnownLoaded) loaded = ROOST__INTERNAL__KNOWN_LOADED__INIT;
    INTERNAL(KnownAddress) rows[64], *pointers[64];
    for (uint32_t i = 0; i < count; i++) {
        roost__internal__known_address__init(&rows[i]);
        rows[i].ip = first + i;
        rows[i].port = 2425;
        pointers[i] = &rows[i];
    }
    loaded.addresses = pointers;
    loaded.n_addresses = count;
    loaded.is_end = !next;
    if (next)
        loaded.next_folded = (ProtobufCBinaryData){strlen(next), (uint8_t *)(uintptr_t)next};
    sim_reply(sim, question, HISTORY, MSG_KNOWN_LOADED, &loaded.base, NULL);
    sim_settle(sim);
}

/* Everybody who was called on; each n-th answers, 0: nobody. How many they are. */
static unsigned called(struct sim *sim, unsigned nth)
{
    unsigned count = 0;
    const struct msg *msg;
    while ((msg = sim_take(sim, GATEWAY)) != NULL) {
        const INTERNAL(LanSay) *body = MSG_BODY(msg, INTERNAL(LanSay));
        if (body->what != SAY(CALL_ON))
            continue;
        count++;
        assert_int_equal(body->port, 2425);
        if (nth && count % nth == 0)
            hear(sim, body->peer, HEARD(ANSWERED), 0);
    }
    sim_settle(sim);
    return count;
}

static int64_t gauge(struct sim *sim, enum metric metric)
{
    return metrics_get(sim_metrics(sim, DISCOVERY), metric);
}

static void test_a_warm_start(void **state)
{
    struct sim *sim = *state;
    hear(sim, 0, HEARD(STARTED), 0);
    sim_settle(sim);
    assert_null(sim_take(sim, HISTORY));
    hear(sim, 0, HEARD(READY), 0);
    sim_settle(sim);
    assert_int_equal(gauge(sim, METRIC_WARM_RUNNING), 1);
    answer_load(sim, take_load(sim, ""), 1, 60, "lan:m@pc");
    answer_load(sim, take_load(sim, "lan:m@pc"), 61, 40, NULL);
    sim_advance(sim, 1000); /* in lots */
    assert_int_equal(called(sim, 4), 100);
    assert_int_equal(gauge(sim, METRIC_WARM_KNOWN), 100);
    assert_int_equal(gauge(sim, METRIC_WARM_ANSWERED), 25);
    assert_int_equal(gauge(sim, METRIC_WARM_WAITING), 75);
    sim_advance(sim, 3000);
    assert_int_equal(called(sim, 0), 75); /* once more */
    sim_advance(sim, 2000);
    assert_int_equal(gauge(sim, METRIC_WARM_RUNNING), 0);
    assert_int_equal(gauge(sim, METRIC_WARM_ASKED), 100);
    assert_int_equal(gauge(sim, METRIC_WARM_ANSWERED), 25);
    assert_int_equal(gauge(sim, METRIC_WARM_WAITING), 0);
    assert_int_equal(called(sim, 0), 0);
}

/* What cannot be read is asked for again, and everything else goes on meanwhile. */
static void test_a_store_that_fails_stops_nothing(void **state)
{
    struct sim *sim = *state;
    INTERNAL(KnownLoaded) failed = ROOST__INTERNAL__KNOWN_LOADED__INIT;
    failed.code = err_code(ERR_STORAGE);
    hear(sim, 0, HEARD(READY), 0);
    sim_settle(sim);
    sim_reply(sim, take_load(sim, ""), HISTORY, MSG_KNOWN_LOADED, &failed.base, NULL);
    sim_settle(sim);
    hear(sim, 1, HEARD(ENTRY), 7);
    sim_settle(sim);
    assert_int_equal(said(sim, SAY(ANSWER)), 1);
    sim_advance(sim, 1100);
    (void)take_load(sim, ""); /* no answer at all */
    hear(sim, 2, HEARD(ENTRY), 7);
    sim_advance(sim, 16000);
    assert_int_equal(said(sim, SAY(ANSWER)), 1);
    answer_load(sim, take_load(sim, ""), 1, 1, "lan:m@pc");
    for (int i = 0; i < 10; i++) { /* it never says what follows */
        sim_reply(sim, take_load(sim, "lan:m@pc"), HISTORY, MSG_KNOWN_LOADED, &failed.base, NULL);
        sim_advance(sim, 1100);
    }
    assert_null(sim_take(sim, HISTORY));
    assert_int_equal(called(sim, 1), 1); /* who is known is asked */
    assert_int_equal(gauge(sim, METRIC_WARM_RUNNING), 0);
    assert_int_equal(gauge(sim, METRIC_WARM_ANSWERED), 1);
}

static uint32_t call(struct sim *sim, uint32_t method, bool is_admin, uint64_t *ret_run)
{
    INTERNAL(Call) body = ROOST__INTERNAL__CALL__INIT;
    body.session = 9;
    body.request_id = 1;
    body.method = method;
    body.is_admin = is_admin;
    assert_int_equal(sim_post(sim, CALLER, DISCOVERY, MSG_CALL, &body.base, NULL, 1, true), ERR_OK);
    sim_settle(sim);
    const struct msg *answer = sim_take(sim, CALLER);
    assert_non_null(answer);
    assert_int_equal(answer->kind, MSG_CALL_DONE);
    *ret_run = MSG_BODY(answer, INTERNAL(CallDone))->seq;
    return MSG_BODY(answer, INTERNAL(CallDone))->code;
}

static void test_called_again(void **state)
{
    struct sim *sim = *state;
    const uint32_t again = ROOST__V1__METHOD__WARM_START_AGAIN;
    uint64_t run;
    assert_int_equal(call(sim, again, true, &run), err_code(ERR_CONFIG)); /* not listening */
    assert_int_equal(call(sim, again, false, &run), err_code(ERR_NOT_ALLOWED));
    assert_int_equal(call(sim, ROOST__V1__METHOD__CANCEL, true, &run), err_code(ERR_UNKNOWN_CALL));
    hear(sim, 0, HEARD(STARTED), 0);
    sim_settle(sim);
    assert_int_equal(call(sim, again, true, &run), 0);
    assert_int_equal(run, 1); /* which has not begun */
    assert_null(sim_take(sim, HISTORY));
    hear(sim, 0, HEARD(READY), 0);
    sim_settle(sim);
    assert_int_equal(call(sim, again, true, &run), 0);
    assert_int_equal(run, 1);
    answer_load(sim, take_load(sim, ""), 1, 0, NULL);
    assert_int_equal(gauge(sim, METRIC_WARM_RUNNING), 0);
    assert_int_equal(call(sim, again, true, &run), 0);
    assert_int_equal(run, 2);
    const struct msg *question = take_load(sim, "");
    hear(sim, 0, HEARD(STARTED), 0); /* the gateway was started again */
    hear(sim, 0, HEARD(READY), 0);
    sim_settle(sim);
    (void)question;
    answer_load(sim, take_load(sim, ""), 1, 3, NULL);
    sim_advance(sim, 100);
    assert_int_equal(called(sim, 1), 3);
    assert_int_equal(gauge(sim, METRIC_WARM_RUNS), 3);
}

/* The gateway is started again while the store still reads: what it found for the search that was
 * given up is not taken for the new one, and the new one asks everybody once. */
static void test_a_page_for_an_earlier_search(void **state)
{
    struct sim *sim = *state;
    hear(sim, 0, HEARD(READY), 0);
    sim_settle(sim);
    const struct msg *early = take_load(sim, "");
    hear(sim, 0, HEARD(STARTED), 0);
    hear(sim, 0, HEARD(READY), 0);
    sim_settle(sim);
    answer_load(sim, early, 200, 50, NULL); /* before the second question is taken */
    assert_int_equal(gauge(sim, METRIC_WARM_RUNS), 2);
    assert_int_equal(gauge(sim, METRIC_WARM_KNOWN), 0);
    sim_advance(sim, 1000);
    assert_int_equal(called(sim, 0), 0);
    answer_load(sim, take_load(sim, ""), 1, 2, "lan:m@pc");
    answer_load(sim, take_load(sim, "lan:m@pc"), 2, 2, NULL); /* one address on both pages */
    assert_null(sim_take(sim, HISTORY));
    sim_advance(sim, 100);
    assert_int_equal(called(sim, 1), 3);
    assert_int_equal(gauge(sim, METRIC_WARM_KNOWN), 3);
    assert_int_equal(gauge(sim, METRIC_WARM_ANSWERED), 3);
    assert_int_equal(gauge(sim, METRIC_WARM_RUNNING), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers_at_once),
        TEST(test_many_silent_ones_are_asked_in_lots),
        TEST(test_a_new_life),
        TEST(test_a_warm_start),
        TEST(test_a_store_that_fails_stops_nothing),
        TEST(test_called_again),
        TEST(test_a_page_for_an_earlier_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
