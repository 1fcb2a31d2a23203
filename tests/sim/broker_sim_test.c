/* SPDX-License-Identifier: MPL-2.0
 *
 * Seeded lives of a whole broker (sim_broker.h) among clients that send, attach, settle in every
 * way, vanish and take over, while links stall, clocks jump, history dies and the process is
 * killed. The contract is checked by the ledger (sim_ledger.h).
 *
 *     broker_sim_test [SEED [SEEDS]]     a failure prints the seed; TRACE=1 prints every message
 */
#define _GNU_SOURCE /* nftw */
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rt/check.h"
#include "sim_life.h"
#include "tests/share.h"

#define STEPS   250
#define HOUR_US INT64_C(3600000000)
#define HELD_MS 5000 /* longest stall of a link, but for some seeds */

static const uint8_t links[LINKS][2] = {{1, 3}, {3, 1}, {2, 3}, {3, 2}, {2, 5}, {3, 5}, {1, 5}};

/* --- Troubles */

static void crash(struct life *life)
{
    life->crashes++;
    for (uint32_t i = 0; i < CLIENTS; i++) {
        life->clients[i].session = 0;
        life->clients[i].is_attached = false;
    }
    memset(life->confirms, 0, sizeof(life->confirms));
    sim_broker_crash(&life->broker, (int64_t)draw(life, chance(life, 20) ? 600000 : 3000));
    life_new_sender(life);
}

static void hold_some(struct life *life)
{
    uint64_t link = draw(life, LINKS);
    bool is_first = true;
    for (uint32_t i = 0; i < LINKS; i++)
        is_first &= !life->is_held[i];
    if (is_first)
        life->held_since_ms = sim_mono(life->broker.sim).ns / 1000000;
    life->is_held[link] = !life->is_held[link];
    sim_hold(life->broker.sim, links[link][0], links[link][1], life->is_held[link]);
}

static void release_all(struct life *life)
{
    for (uint32_t link = 0; link < LINKS; link++) {
        life->is_held[link] = false;
        sim_hold(life->broker.sim, links[link][0], links[link][1], false);
    }
}

static void pass_time(struct life *life)
{
    uint64_t number = draw(life, 100);
    int64_t delay_us = (int64_t)draw(life, 3000);
    if (number < 10)
        delay_us = (int64_t)draw(life, 2000000);
    if (number < 2)
        delay_us = (int64_t)draw(life, 45000000);
    bool is_any_held = false;
    for (uint32_t link = 0; link < LINKS; link++)
        is_any_held |= life->is_held[link];
    int64_t held_ms = sim_mono(life->broker.sim).ns / 1000000 - life->held_since_ms;
    if (is_any_held && held_ms + delay_us / 1000 > HELD_MS) {
        if (chance(life, 90))
            release_all(life);
        else
            life->ledger.was_held_long = true; /* deadlines pass, frames come late */
    }
    sim_broker_run(&life->broker, delay_us);
}

static void jump(struct life *life)
{
    if (!life->may_jump)
        return;
    life->ledger.clock_jumped = true;
    sim_wall_jump(life->broker.sim, ((int64_t)draw(life, 3) - 1) * 3600000);
}

static void one_step(struct life *life)
{
    struct client *client = &life->clients[draw(life, CLIENTS)];
    uint64_t number = draw(life, 1000);
    if (number < 200)
        life_send_some(life);
    else if (number < 330)
        life_give_credit(life, client);
    else if (number < 600)
        life_settle_some(life, client);
    else if (number < 690 && client->session == 0)
        life_attach(life, client, draw(life, 30));
    else if (number < 700)
        life_attach(life, client, draw(life, 30)); /* takes over, the old session lingers */
    else if (number < 730 && client->session != 0)
        life_close_session(life, client);
    else if (number < 750)
        life_cancel_some(life);
    else if (number < 775)
        hold_some(life);
    else if (number < 782)
        CHECK(sim_crash(life->broker.sim, ACTOR_HISTORY) == ERR_OK);
    else if (number < 788)
        jump(life);
    else if (number < 794)
        crash(life);
    pass_time(life);
}

/* --- Beginning and end */

static void begin(struct life *life, uint64_t seed, bool is_broken)
{
    life_init(life, seed);
    life->may_jump = chance(life, 30);
    life->broker.sync_manager = (struct sync_manager_options){
        .backoff = {.first_ms = 1000, .gap_min_ms = 200, .retries_max = 4},
        .window_messages_max = 60,
        .load_page = 1 + (uint32_t)draw(life, 50),
    };
    sim_broker_init(&life->broker, seed, is_broken);
    if (getenv("TRACE") != NULL)
        sim_trace_to(life->broker.sim, 1);
    (void)sim_broker_peer(&life->broker, "ana");
    (void)sim_broker_peer(&life->broker, "bob");
    (void)sim_broker_peer(&life->broker, "cid");
    sim_broker_settle(&life->broker);
    for (uint32_t i = 0; i < CLIENTS; i++)
        life_attach(life, &life->clients[i], 0);
    sim_broker_settle(&life->broker);
    life_new_sender(life);
}

/* Everybody is there and settles at once, for as long as anything can still be due. */
static void drain(struct life *life, int rounds, int64_t delay_us)
{
    for (int round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < CLIENTS; i++) {
            struct client *client = &life->clients[i];
            if (client->session == 0)
                life_attach(life, client, 100000);
            life_settle_all(life, client);
        }
        life_send_some(life);
        sim_broker_run(&life->broker, delay_us);
        sim_broker_settle(&life->broker);
    }
}

static void end(struct life *life)
{
    life->is_ending = true;
    release_all(life);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        if (life->clients[i].session != 0)
            life_close_session(life, &life->clients[i]);
    }
    sim_broker_settle(&life->broker);
    drain(life, 150, 100000);
    if (life->send_answered != life->ledger.message_count)
        ledger_fail(&life->ledger, "a send was never answered", life->send_answered,
                    life->ledger.message_count);
    drain(life, 10, HOUR_US / 2);
    drain(life, 30, 1000000);
    sim_broker_crash(&life->broker, 0);
    sim_broker_settle(&life->broker);
    int64_t wall_ms = sim_wall(life->broker.sim).ms;
    ledger_check_end(&life->ledger, life->broker.path, wall_ms);
}

struct outcome {
    uint64_t trace, delivered, redelivered, settled, dead, expired, cancelled, crashes, hours,
        heard;
};

static struct outcome run_seed(uint64_t seed, bool is_broken)
{
    struct life *life = calloc(1, sizeof(*life));
    CHECK(life != NULL);
    begin(life, seed, is_broken);
    int64_t start_ns = sim_mono(life->broker.sim).ns;
    for (int step = 0; step < STEPS; step++)
        one_step(life);
    end(life);
    const struct ledger *ledger = &life->ledger;
    struct outcome outcome = {
        .trace = sim_trace_hash(life->broker.sim),
        .delivered = ledger->delivered,
        .redelivered = ledger->redelivered,
        .settled = ledger->settled,
        .dead = ledger->dead,
        .expired = ledger->expired,
        .cancelled = ledger->cancelled,
        .crashes = life->crashes,
        .heard = life->heard,
        .hours = (uint64_t)((sim_mono(life->broker.sim).ns - start_ns) / 3600 / 1000000000),
    };
    sim_broker_fini(&life->broker);
    free(life);
    return outcome;
}

static uint64_t first_seed = 1, seeds = 2000;

static void contract_holds(void **state)
{
    (void)state;
    struct outcome sum = {0};
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        struct outcome outcome = run_seed(seed, false);
        sum.delivered += outcome.delivered;
        sum.redelivered += outcome.redelivered;
        sum.settled += outcome.settled;
        sum.dead += outcome.dead;
        sum.expired += outcome.expired;
        sum.cancelled += outcome.cancelled;
        sum.crashes += outcome.crashes;
        sum.hours += outcome.hours;
        sum.heard += outcome.heard;
    }
    assert_true(sum.heard > 0);
    (void)printf("seeds %llu..%llu, %llu virtual hours, %llu crashes: %llu deliveries (%llu again),"
                 " %llu settled, %llu dead, %llu expired, %llu cancelled\n",
                 (unsigned long long)first_seed, (unsigned long long)(first_seed + seeds - 1),
                 (unsigned long long)sum.hours, (unsigned long long)sum.crashes,
                 (unsigned long long)sum.delivered, (unsigned long long)sum.redelivered,
                 (unsigned long long)sum.settled, (unsigned long long)sum.dead,
                 (unsigned long long)sum.expired, (unsigned long long)sum.cancelled);
}

static void same_seed_same_trace(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + 3; seed++) {
        uint64_t trace = run_seed(seed, false).trace;
        assert_int_equal(run_seed(seed, false).trace, trace);
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

/* What the other process does, with its files in `directory`. */
static void break_promises(const char *directory)
{
    (void)signal(SIGABRT, SIG_DFL);
    bool is_quiet = freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr);
    if (is_quiet && setenv("TMPDIR", directory, 1) == 0) {
        for (uint64_t seed = 1; seed < 200; seed++)
            (void)run_seed(seed, true);
    }
    _exit(0);
}

/* A check that notices nothing is worth nothing. */
static void broken_broker_is_noticed(void **state)
{
    (void)state;
    char directory[] = "/tmp/roost-broken-XXXXXX";
    assert_non_null(mkdtemp(directory));
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        break_promises(directory);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    seeds = getenv("ROOST_TEST_ALL") ? 20000 : test_part(seeds);
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract_holds),
        cmocka_unit_test(same_seed_same_trace),
        cmocka_unit_test(broken_broker_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
