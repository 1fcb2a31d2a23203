/* SPDX-License-Identifier: MPL-2.0
 *
 * The discovery actor on virtual time, the test being the gateway.
 */
#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "discovery.h"
#include "proto/messages.h"
#include "rt/sim.h"

enum { DISCOVERY = 0, GATEWAY = 1 };

#define SAY(what)   ROOST__INTERNAL__LAN_SAYING__LAN_##what
#define HEARD(what) ROOST__INTERNAL__LAN_HEARING__LAN_##what

static struct discovery_options options = {.gateway = GATEWAY};

static int setup(void **state)
{
    static struct actor_spec spec;
    enum err err = ERR_OK;
    spec = (struct actor_spec){&discovery_actor, &options, 0};
    *state = sim_new(1, &spec, 1, message_types, MSG_COUNT, NULL, &err);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers_at_once),
        TEST(test_many_silent_ones_are_asked_in_lots),
        TEST(test_a_new_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
