/* SPDX-License-Identifier: MPL-2.0
 *
 * The registry with the real persistence and history behind it.
 */
#include "persistence_world.h"

#include <string.h>

#include "crash_vfs.h"

static uint64_t ask_open(struct world *world, uint64_t session, const char *name)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    open.session = session;
    open.peer_name = world_bytes(name);
    open.display_name = world_bytes("a display name");
    open.kind = world_bytes("zmq");
    open.address = world_bytes("127.0.0.1");
    return world_ask(world, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &open.base, NULL, 0);
}

static int64_t open_session(struct world *world, uint64_t session, const char *name)
{
    uint64_t correlation = ask_open(world, session, name);
    world_settle(world);
    const INTERNAL(SessionOpened) *opened = world_answer(world, correlation);
    assert_non_null(opened);
    assert_int_equal(opened->code, 0);
    assert_int_equal(opened->session, session);
    assert_true(opened->peer_id > 0);
    return opened->peer_id;
}

static void close_session(struct world *world, uint64_t session, uint32_t reason)
{
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = session;
    closed.reason = reason;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
    world_settle(world);
}

static void seen(struct world *world, uint64_t session)
{
    INTERNAL(SessionsSeen) sessions = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    sessions.sessions = &session;
    sessions.n_sessions = 1;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &sessions.base);
    world_settle(world);
}

/* The n-th PRESENCE_CHANGED since the last world_forget. */
static const INTERNAL(PresenceChanged) * event(struct world *world, size_t n)
{
    const struct world_message *message = world_nth(world, MSG_PRESENCE_CHANGED, n);
    assert_non_null(message);
    return (const void *)message->body;
}

static size_t events(struct world *world)
{
    return world_count(world, MSG_PRESENCE_CHANGED);
}

/* Rows of presence_event, by the query that clients use. */
static size_t stored_events(struct world *world)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    INTERNAL(Query) ask = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    query.request_id = 1;
    query.kind = ROOST__V1__QUERY_KIND__PRESENCE_EVENTS;
    query.limit = 500;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &query.base, &frame), ERR_OK);
    size_t before = world_count(world, MSG_QUERY_PART);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    const struct world_message *part = world_nth(world, MSG_QUERY_PART, before);
    if (!part)
        return 0;
    Roost__V1__Result *result = roost__v1__result__unpack(
        NULL, part->payload_size - WIRE_HEAD_BYTES, part->payload + WIRE_HEAD_BYTES);
    size_t count = result->n_events;
    roost__v1__result__free_unpacked(result, NULL);
    return count;
}

/* Is it online, and when was it seen, as clients are told. */
static bool is_online(struct world *world, const char *name, uint64_t *ret_seen_ms)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    INTERNAL(Query) ask = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    query.request_id = 1;
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.peer = world_bytes(name);
    assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &query.base, &frame), ERR_OK);
    size_t before = world_count(world, MSG_QUERY_PART);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    const struct world_message *part = world_nth(world, MSG_QUERY_PART, before);
    assert_non_null(part);
    Roost__V1__Result *result = roost__v1__result__unpack(
        NULL, part->payload_size - WIRE_HEAD_BYTES, part->payload + WIRE_HEAD_BYTES);
    bool online = result->peers[0]->is_online;
    if (ret_seen_ms)
        *ret_seen_ms = result->peers[0]->last_seen_ms;
    roost__v1__result__free_unpacked(result, NULL);
    return online;
}

static void a_session_makes_its_peer_come_online(void **state)
{
    struct world *world = *state;
    int64_t ana = open_session(world, 1, "Ana");
    assert_int_equal(events(world), 1);
    assert_true(event(world, 0)->is_online);
    assert_int_equal(event(world, 0)->peer_id, ana);
    assert_bytes(event(world, 0)->peer_name, "Ana");
    assert_bytes(event(world, 0)->display_name, "a display name");
    assert_bytes(event(world, 0)->reason, "hello");
    assert_true(event(world, 0)->event_id > 0);
    assert_int_equal(open_session(world, 2, "ANA"), ana); /* a second one changes nothing */
    assert_int_equal(events(world), 1);
    assert_int_equal(stored_events(world), 1);
    assert_true(is_online(world, "ana", NULL));
}

static void many_sessions_of_one_new_peer_at_once(void **state)
{
    struct world *world = *state;
    uint64_t correlations[50];
    for (uint64_t i = 0; i < 50; i++)
        correlations[i] = ask_open(world, i + 1, "ana");
    world_settle(world);
    const INTERNAL(SessionOpened) *first = world_answer(world, correlations[0]);
    for (size_t i = 0; i < 50; i++) {
        const INTERNAL(SessionOpened) *opened = world_answer(world, correlations[i]);
        assert_non_null(opened);
        assert_int_equal(opened->code, 0);
        assert_int_equal(opened->peer_id, first->peer_id);
    }
    assert_int_equal(events(world), 1);
}

static void a_goodbye_counts_at_once_in_the_last_session(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    (void)open_session(world, 2, "ana");
    close_session(world, 1, 0);
    assert_int_equal(events(world), 1);
    assert_true(is_online(world, "ana", NULL));
    close_session(world, 2, 0);
    assert_int_equal(events(world), 2);
    assert_false(event(world, 1)->is_online);
    assert_bytes(event(world, 1)->reason, "goodbye");
    assert_false(is_online(world, "ana", NULL));
    (void)open_session(world, 3, "ana");
    assert_int_equal(events(world), 3);
    assert_true(is_online(world, "ana", NULL));
}

static void who_vanishes_is_offline_after_the_timeout(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    for (int i = 0; i < 20; i++) {
        world_advance(world, 5000);
        seen(world, 1);
    }
    int64_t last_ms = sim_wall(world->sim).ms;
    world_advance(world, 1000);
    close_session(world, 1, 6005);
    uint64_t stored_ms = 0;
    assert_true(is_online(world, "ana", &stored_ms));
    assert_true((int64_t)stored_ms > last_ms - 100 && (int64_t)stored_ms <= last_ms); /* exact */
    world_advance(world, 178000);
    assert_int_equal(events(world), 1);
    assert_true(is_online(world, "ana", NULL));
    world_advance(world, 2000);
    assert_int_equal(events(world), 2);
    assert_false(event(world, 1)->is_online);
    assert_bytes(event(world, 1)->reason, "timeout");
    assert_false(is_online(world, "ana", NULL));
}

static void a_silent_session_comes_back_when_it_is_heard_of(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    world_advance(world, 200000);
    assert_int_equal(events(world), 2);
    seen(world, 1);
    assert_int_equal(events(world), 3);
    assert_true(event(world, 2)->is_online);
    assert_bytes(event(world, 2)->reason, "seen");
    assert_true(is_online(world, "ana", NULL));
}

static void last_seen_is_written_every_half_minute(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    uint64_t before_ms = 0, seen_ms = 0, writes = 0;
    (void)is_online(world, "ana", &before_ms);
    for (int i = 0; i < 120; i++) {
        world_advance(world, 1000);
        seen(world, 1);
        (void)is_online(world, "ana", &seen_ms);
        writes += seen_ms != before_ms;
        before_ms = seen_ms;
        world_forget(world);
    }
    assert_true(writes >= 3 && writes <= 4);
}

static void both_survive_a_restart(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    (void)open_session(world, 2, "bob");
    (void)open_session(world, 3, "eve");
    close_session(world, 2, 0);
    world_advance(world, 100000);
    seen(world, 3);
    close_session(world, 3, 6005);
    world_restart(world);
    world_advance(world, 10);
    assert_true(is_online(world, "ana", NULL));
    assert_false(is_online(world, "bob", NULL));
    assert_true(is_online(world, "eve", NULL));
    assert_int_equal(events(world), 0);
    (void)open_session(world, 1, "ana"); /* was online all the time */
    assert_int_equal(events(world), 0);
    (void)open_session(world, 2, "bob");
    assert_int_equal(events(world), 1);
    world_advance(world, 100000);
    seen(world, 1);
    seen(world, 2);
    world_advance(world, 85000);
    seen(world, 1);
    seen(world, 2);
    assert_int_equal(events(world), 2);
    assert_bytes(event(world, 1)->peer_name, "eve");
    assert_false(event(world, 1)->is_online);
}

static void timeouts_that_ended_while_away_are_told_at_the_start(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    (void)open_session(world, 2, "bob");
    world_advance(world, 200000); /* both time out */
    assert_int_equal(events(world), 4);
    (void)open_session(world, 3, "bob");
    assert_int_equal(stored_events(world), 5);
    struct wall_time now = sim_wall(world->sim);
    world_end(world);
    world_forget(world);
    world->sim_options.wall_start_ms = now.ms + 3600000;
    world_start(world);
    world_advance(world, 1000);
    assert_int_equal(events(world), 1); /* bob; ana was told before */
    assert_bytes(event(world, 0)->peer_name, "bob");
    assert_false(event(world, 0)->is_online);
    assert_int_equal(stored_events(world), 6);
}

static void clock_jumps_move_nobody(void **state)
{
    struct world *world = *state;
    static const int64_t jumps_ms[] = {3600000, -7200000, 86400000, -86400000};
    (void)open_session(world, 1, "ana");
    for (int i = 0; i < 200; i++) {
        if (i % 50 == 10)
            sim_wall_jump(world->sim, jumps_ms[i / 50]);
        world_advance(world, 5000);
        seen(world, 1);
        assert_true(is_online(world, "ana", NULL));
    }
    assert_int_equal(events(world), 1);
    close_session(world, 1, 0);
    assert_false(is_online(world, "ana", NULL));
}

static void seen_as(struct world *world, uint64_t session, const char *name)
{
    INTERNAL(SessionsSeen) sessions = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    ProtobufCBinaryData bytes = world_bytes(name);
    sessions.sessions = &session;
    sessions.n_sessions = 1;
    sessions.peer_names = &bytes;
    sessions.n_peer_names = 1;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &sessions.base);
    world_settle(world);
}

/* It alone dies; the gateway goes on with its sessions. */
static void sessions_are_learned_again_after_a_crash(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "Ana");
    (void)open_session(world, 2, "ana");
    (void)open_session(world, 3, "bob");
    assert_int_equal(events(world), 2);
    assert_int_equal(sim_crash(world->sim, ACTOR_PEER_REGISTRY), ERR_OK);
    for (int i = 0; i < 30; i++) { /* longer than the timeout */
        seen_as(world, 1, "Ana");
        seen_as(world, 2, "Ana");
        seen_as(world, 3, "bob");
        world_advance(world, 10000);
    }
    assert_int_equal(events(world), 2); /* nobody came or went */
    assert_true(is_online(world, "ana", NULL));
    close_session(world, 1, 0);
    assert_true(is_online(world, "ana", NULL));
    close_session(world, 2, 0);
    assert_false(is_online(world, "ana", NULL));
    assert_int_equal(events(world), 3);
    assert_bytes(event(world, 2)->peer_name, "Ana");
    assert_bytes(event(world, 2)->reason, "goodbye");
    close_session(world, 3, 6005); /* vanished: by the timeout */
    assert_true(is_online(world, "bob", NULL));
    world_advance(world, 200000);
    assert_false(is_online(world, "bob", NULL));
    assert_int_equal(events(world), 4);
}

/* Its timeout ended before it was heard of again: it comes back, as without the crash. */
static void who_was_away_comes_back_after_a_crash(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    world_advance(world, 200000);
    assert_int_equal(events(world), 2);
    assert_int_equal(sim_crash(world->sim, ACTOR_PEER_REGISTRY), ERR_OK);
    seen_as(world, 1, "ana");
    world_advance(world, 100);
    assert_int_equal(events(world), 3);
    assert_true(event(world, 2)->is_online);
    assert_true(is_online(world, "ana", NULL));
    close_session(world, 1, 0);
    assert_false(is_online(world, "ana", NULL));
}

static void bad_names_are_refused(void **state)
{
    struct world *world = *state;
    uint64_t correlation = ask_open(world, 1, "");
    world_settle(world);
    const INTERNAL(SessionOpened) *opened = world_answer(world, correlation);
    assert_non_null(opened);
    assert_int_equal(opened->code, err_code(ERR_BAD_NAME));
    assert_int_equal(events(world), 0);
    close_session(world, 1, 0); /* never opened */
}

/* --- Calls. */

static const INTERNAL(CallDone) *
    call(struct world *world, uint32_t method, const char *peer, bool is_admin)
{
    INTERNAL(Call) question = ROOST__INTERNAL__CALL__INIT;
    question.session = 9;
    question.request_id = 8;
    question.method = method;
    question.peer = world_bytes(peer);
    question.text = world_bytes("nick");
    question.is_admin = is_admin;
    uint64_t correlation = world_ask(world, ACTOR_PEER_REGISTRY, MSG_CALL, &question.base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    assert_int_equal(done->session, 9);
    assert_int_equal(done->request_id, 8);
    return done;
}

static void calls_are_passed_on(void **state)
{
    struct world *world = *state;
    const uint32_t remove = ROOST__V1__METHOD__PEER_REMOVE, nick = ROOST__V1__METHOD__PEER_NICKNAME;
    (void)open_session(world, 1, "ana");
    assert_int_equal(call(world, nick, "ana", false)->code, err_code(ERR_NOT_ALLOWED));
    assert_int_equal(call(world, nick, "ana", true)->code, 0);
    assert_int_equal(call(world, nick, "nobody", true)->code, err_code(ERR_NO_SUCH_PEER));
    assert_int_equal(call(world, remove, "ana", true)->code, err_code(ERR_PEER_IN_USE));
    close_session(world, 1, 0);
    assert_int_equal(call(world, remove, "ana", true)->code, 0);
    assert_int_equal(call(world, remove, "ana", true)->code, err_code(ERR_NO_SUCH_PEER));
    assert_int_equal(call(world, ROOST__V1__METHOD__CANCEL, "ana", true)->code,
                     err_code(ERR_UNKNOWN_CALL));
    (void)open_session(world, 2, "ana"); /* as new */
}

/* --- When storing fails. */

static struct crash_disk *disk;

static int setup_on_crash_disk(void **state)
{
    struct world *world = world_new();
    disk = crash_disk_new();
    crash_vfs_register("crash");
    crash_vfs_use(disk);
    world->persistence.vfs = world->history.vfs = "crash";
    world->has_registry = true;
    world_start(world);
    *state = world;
    return 0;
}

static int teardown_on_crash_disk(void **state)
{
    world_destroy(*state);
    crash_disk_destroy(&disk);
    return 0;
}

/* 200 bytes, so that many rows need room on the disk. */
static const char *long_name(char name[240], unsigned number)
{
    (void)snprintf(name, 240, "%0200u", number);
    return name;
}

static const INTERNAL(SessionOpened) * opened_of(struct world *world, uint64_t correlation)
{
    const INTERNAL(SessionOpened) *opened = world_answer(world, correlation);
    assert_non_null(opened);
    return opened;
}

/* 600 that are known and away, and ana, who is there. */
static void make_known(struct world *world)
{
    char name[240];
    (void)open_session(world, 1, "ana");
    for (unsigned i = 0; i < 600; i++)
        (void)open_session(world, 100 + i, long_name(name, i));
    for (unsigned i = 0; i < 600; i++)
        close_session(world, 100 + i, 0);
    world_forget(world);
}

/* Takes what room is left in the files. */
static void fill_with_peers(struct world *world)
{
    char name[240];
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t asked = ask_open(world, 10000 + i, long_name(name, 10000 + i));
        world_advance(world, 100);
        uint32_t code = opened_of(world, asked)->code; /* nobody waits */
        if (code == err_code(ERR_DISK_FULL))
            return;
        assert_int_equal(code, 0);
    }
    fail_msg("the disk is never full");
}

static void a_full_disk_loses_no_change(void **state)
{
    struct world *world = *state;
    char name[240];
    uint64_t asked[600];
    make_known(world);
    crash_disk_fail(disk, CRASH_FAULT_FULL, 0, true);
    fill_with_peers(world);
    world_forget(world);
    for (unsigned i = 0; i < 600; i++)
        asked[i] = ask_open(world, 1000 + i, long_name(name, i));
    close_session(world, 1, 0);
    world_advance(world, 5000);
    size_t before = events(world);
    assert_true(before < 601);
    for (unsigned i = 0; i < 600; i++) { /* let in all the same */
        assert_int_equal(opened_of(world, asked[i])->code, 0);
        assert_true(opened_of(world, asked[i])->peer_id > 0);
        assert_bytes(opened_of(world, asked[i])->peer_name, long_name(name, i));
    }
    crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
    world_advance(world, 5000);
    assert_int_equal(events(world), 601);
    for (size_t i = 0; i < 601; i++)
        assert_int_equal(event(world, i)->is_online, i < 600);     /* in order */
    assert_int_equal(world_count(world, MSG_SESSION_OPENED), 600); /* once each */
    assert_false(is_online(world, "ana", NULL));
    assert_true(is_online(world, long_name(name, 599), NULL));
}

static void a_full_disk_refuses_who_is_new(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    crash_disk_fail(disk, CRASH_FAULT_FULL, 0, true);
    fill_with_peers(world);
    uint64_t asked = ask_open(world, 2, "bob");
    close_session(world, 2, 0); /* has left before he heard that he may not come */
    world_advance(world, 5000);
    assert_int_equal(opened_of(world, asked)->code, err_code(ERR_DISK_FULL));
    crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
    world_forget(world);
    world_advance(world, 5000);
    assert_int_equal(events(world), 0); /* nothing was kept of those refused */
    (void)open_session(world, 3, "bob");
    assert_int_equal(events(world), 1);
    assert_true(is_online(world, "bob", NULL));
}

/* Comes and goes: what is to be stored of it is bounded, and in the end it is what came last. */
static void who_comes_and_goes_on_a_full_disk_is_bounded(void **state)
{
    struct world *world = *state;
    unsigned let_in = 0;
    (void)open_session(world, 1, "ana");
    close_session(world, 1, 0);
    world_forget(world);
    crash_disk_fail(disk, CRASH_FAULT_FULL, 0, true);
    fill_with_peers(world);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t asked = ask_open(world, 10 + i, "ana");
        world_advance(world, 100);
        uint32_t code = opened_of(world, asked)->code;
        assert_true(code == 0 || code == err_code(ERR_DISK_FULL));
        let_in += code == 0;
        if (code == 0)
            close_session(world, 10 + i, i % 2); /* some say goodbye, some vanish */
    }
    assert_in_range(let_in, 5, 50);
    crash_disk_fail(disk, CRASH_FAULT_NONE, 0, false);
    world_advance(world, 5000);
    (void)open_session(world, 500, "ana");
    assert_true(is_online(world, "ana", NULL));
    close_session(world, 500, 0);
    assert_false(is_online(world, "ana", NULL));
}

static void a_slow_store_is_waited_for(void **state)
{
    struct world *world = *state;
    (void)open_session(world, 1, "ana");
    world_forget(world);
    sim_hold(world->sim, ACTOR_PERSISTENCE, ACTOR_PEER_REGISTRY, true);
    uint64_t correlation = ask_open(world, 2, "bob");
    world_advance(world, 30000); /* past the deadline of the question */
    assert_null(world_answer(world, correlation));
    sim_hold(world->sim, ACTOR_PERSISTENCE, ACTOR_PEER_REGISTRY, false);
    world_advance(world, 5000);
    assert_non_null(world_answer(world, correlation));
    assert_int_equal(events(world), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup_with_registry, world_teardown)
        T(a_session_makes_its_peer_come_online),
        T(many_sessions_of_one_new_peer_at_once),
        T(a_goodbye_counts_at_once_in_the_last_session),
        T(who_vanishes_is_offline_after_the_timeout),
        T(a_silent_session_comes_back_when_it_is_heard_of),
        T(last_seen_is_written_every_half_minute),
        T(both_survive_a_restart),
        T(timeouts_that_ended_while_away_are_told_at_the_start),
        T(clock_jumps_move_nobody),
        T(sessions_are_learned_again_after_a_crash),
        T(who_was_away_comes_back_after_a_crash),
        T(bad_names_are_refused),
        T(calls_are_passed_on),
        T(a_slow_store_is_waited_for),
#define F(name) cmocka_unit_test_setup_teardown(name, setup_on_crash_disk, teardown_on_crash_disk)
        F(a_full_disk_loses_no_change),
        F(a_full_disk_refuses_who_is_new),
        F(who_comes_and_goes_on_a_full_disk_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
