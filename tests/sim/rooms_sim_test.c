/* SPDX-License-Identifier: MPL-2.0
 *
 * Seeded lives of rooms, members and invitations: five peers in three rooms do everything there is
 * to do, many calls at a time, while links stall and the process is killed.
 *
 * The model (rooms_model.h) says how each call is answered, in the order of the calls. After a kill
 * the file must be what the answered calls made of it, and of those without an answer a first part
 * of them, each of them wholly or not at all.
 *
 *     rooms_sim_test [SEED [SEEDS]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "rooms_model.h"
#include "rt/check.h"
#include "sim_broker.h"
#include "tests/share.h"

#define STEPS    400
#define OPEN_MAX 64

static const char *const room_names[ROOMS] = {"Tea", "attic", "zoo"};
static const char *const peer_names[PEERS] = {"ana", "bob", "cid", "dan", "eve"};
static const uint8_t links[3][2] = {{ACTOR_ZMQ_GATEWAY, ACTOR_PERSISTENCE},
                                    {ACTOR_PERSISTENCE, ACTOR_ZMQ_GATEWAY},
                                    {ACTOR_PERSISTENCE, ACTOR_SYNC_MANAGER}};

struct life {
    struct sim_broker broker;
    struct model model; /* of what was answered */
    struct model_op open[OPEN_MAX];
    size_t open_count;
    uint64_t seed, random, lives, answered, messages_made, crashes, half_done;
    uint64_t next_no[PEERS];
    bool is_wrong; /* the file is not what was answered */
};

static uint64_t draw(struct life *life, uint64_t limit)
{
    uint64_t x = life->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    life->random = x;
    return (x >> 11) % limit;
}

static ProtobufCBinaryData bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

/* --- Answers, in the order of their questions. */

static void answered(struct life *life, uint64_t correlation, uint32_t code, uint64_t count)
{
    unsigned joined;
    if (life->open_count == 0 || life->open[0].correlation != correlation) {
        life->is_wrong = true; /* a lost answer, or one too many */
        return;
    }
    struct model_op op = life->open[0];
    memmove(life->open, life->open + 1, --life->open_count * sizeof(life->open[0]));
    enum err err = model_apply(&life->model, &op, &joined);
    life->answered++;
    bool is_as_expected =
        code == err_code(err) && (err || op.kind != OP_ACCEPT_ALL || count == joined);
    if (!is_as_expected && !life->is_wrong) {
        (void)fprintf(stderr, "seed %llu: op %d of %u in room %u (other %u, role %u): %u, not %u\n",
                      (unsigned long long)life->seed, (int)op.kind, op.peer, op.room, op.other,
                      op.role, code, err_code(err));
        life->is_wrong = true;
    }
}

static void on_call_done(void *context, uint64_t correlation, const INTERNAL(CallDone) * done)
{
    answered(context, correlation, done->code, done->count);
}

static void on_stored(void *context, uint64_t correlation, const INTERNAL(StoreDone) * done)
{
    CHECK(done->retry_code == 0);
    answered(context, correlation, done->n_exceptions ? done->exceptions[0]->code : 0, 0);
}

static void on_peer(void *context, uint64_t correlation, const INTERNAL(PeerSaved) * saved)
{
    (void)context;
    (void)correlation;
    CHECK(saved->n_states == 1 && saved->states[0]->code == 0);
}

/* --- Calls. */

static uint64_t post_message(struct life *life, const struct model_op *op)
{
    char scope[32];
    struct sim_entry entry = {.scope = scope, .number = ++life->messages_made};
    (void)snprintf(scope, sizeof(scope), "room:%s",
                   op->kind == OP_LOBBY ? "Lobby" : room_names[op->room]);
    memcpy(entry.id, &life->messages_made, sizeof(life->messages_made));
    entry.id[15] = 1;
    uint64_t correlation =
        sim_broker_send(&life->broker, life->lives * PEERS + op->peer + 1, (int64_t)op->peer + 1,
                        life->next_no[op->peer], &entry, 1);
    life->next_no[op->peer] += correlation != 0;
    return correlation;
}

static uint64_t post_call(struct life *life, const struct model_op *op)
{
    static const uint32_t methods[OP_KINDS] = {
        [OP_CREATE] = ROOST__V1__METHOD__ROOM_CREATE,
        [OP_JOIN] = ROOST__V1__METHOD__ROOM_JOIN,
        [OP_LEAVE] = ROOST__V1__METHOD__ROOM_LEAVE,
        [OP_INVITE] = ROOST__V1__METHOD__INVITE,
        [OP_ACCEPT] = ROOST__V1__METHOD__INVITE_ACCEPT,
        [OP_ACCEPT_NEWEST] = ROOST__V1__METHOD__INVITE_ACCEPT,
        [OP_ACCEPT_ALL] = ROOST__V1__METHOD__INVITE_ACCEPT,
        [OP_DECLINE] = ROOST__V1__METHOD__INVITE_DECLINE,
        [OP_REVOKE] = ROOST__V1__METHOD__INVITE_REVOKE,
        [OP_ROLE] = ROOST__V1__METHOD__MEMBER_ROLE,
    };
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = methods[op->kind];
    call.peer_id = (int64_t)op->peer + 1; /* peers were made in this order */
    call.peer_name = bytes(peer_names[op->peer]);
    if (op->kind != OP_ACCEPT_NEWEST && op->kind != OP_ACCEPT_ALL) {
        call.scope_kind = 2;
        call.scope_name = bytes(room_names[op->room]);
    }
    call.all = op->kind == OP_ACCEPT_ALL;
    if (op->kind == OP_INVITE || op->kind == OP_REVOKE || op->kind == OP_ROLE)
        call.peer = bytes(peer_names[op->other]);
    call.room_role = op->role;
    if (op->kind == OP_CREATE && op->room == 1)
        call.privacy = ROOST__V1__PRIVACY__PRIVATE;
    return sim_broker_ask(&life->broker, ACTOR_PERSISTENCE, MSG_CALL, &call.base);
}

static void post(struct life *life, struct model_op op)
{
    if (life->open_count == OPEN_MAX)
        return;
    bool is_message = op.kind == OP_SEND || op.kind == OP_LOBBY;
    op.correlation = is_message ? post_message(life, &op) : post_call(life, &op);
    if (op.correlation)
        life->open[life->open_count++] = op;
}

static void call_something(struct life *life)
{
    struct model_op op = {
        .kind = (enum model_op_kind)draw(life, OP_KINDS),
        .room = (unsigned)draw(life, ROOMS),
        .peer = (unsigned)draw(life, PEERS),
        .other = (unsigned)draw(life, PEERS),
    };
    if (op.kind == OP_ROLE)
        op.role = (unsigned)draw(life, 6);
    /* A message between any two who come: who came first never depends on the clock. */
    post(life, (struct model_op){.kind = OP_LOBBY, .peer = op.peer});
    post(life, op);
}

/* --- What the file says. */

static void each_row(sqlite3 *db, const char *sql, void (*take)(struct model *, sqlite3_stmt *),
                     struct model *model)
{
    sqlite3_stmt *stmt = NULL;
    CHECK(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW)
        take(model, stmt);
    CHECK(sqlite3_finalize(stmt) == SQLITE_OK);
}

static unsigned room_of(sqlite3_stmt *stmt)
{
    for (unsigned room = 0; room < ROOMS; room++) {
        if (strcmp((const char *)sqlite3_column_text(stmt, 0), room_names[room]) == 0)
            return room;
    }
    CHECK(false);
}

static void take_room(struct model *model, sqlite3_stmt *stmt)
{
    unsigned room = room_of(stmt);
    model->exists[room] = true;
    model->messages[room] = (uint32_t)sqlite3_column_int(stmt, 1);
    CHECK(sqlite3_column_int(stmt, 2) == sqlite3_column_int(stmt, 3)); /* member_count */
}

static void take_member(struct model *model, sqlite3_stmt *stmt)
{
    unsigned room = room_of(stmt), peer = (unsigned)sqlite3_column_int(stmt, 1) - 1;
    model->roles[room][peer] = (uint8_t)sqlite3_column_int(stmt, 2);
    model->joined[room][peer] = (uint64_t)sqlite3_column_int64(stmt, 3);
}

static void take_invitation(struct model *model, sqlite3_stmt *stmt)
{
    unsigned room = room_of(stmt), peer = (unsigned)sqlite3_column_int(stmt, 1) - 1;
    model->invited[room][peer] = (uint64_t)sqlite3_column_int64(stmt, 2);
    model->inviters[room][peer] = (uint8_t)(sqlite3_column_int(stmt, 3) - 1);
}

static void take_totals(struct model *model, sqlite3_stmt *stmt)
{
    model->total = (uint64_t)sqlite3_column_int64(stmt, 0);
    model->invitations = (uint64_t)sqlite3_column_int64(stmt, 1);
    CHECK(sqlite3_column_int64(stmt, 1) == sqlite3_column_int64(stmt, 2)); /* each was told */
}

static struct model read_file(const struct life *life)
{
    struct model model = {.total = 0};
    sqlite3 *db = NULL;
    CHECK(sqlite3_open_v2(life->broker.path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    each_row(db,
             "SELECT s.name, (SELECT count(*) FROM message WHERE scope_id = s.id), r.member_count,"
             " (SELECT count(*) FROM member m WHERE m.scope_id = s.id AND m.role <= 4)"
             " FROM room r JOIN scope s ON s.id = r.scope_id WHERE s.folded <> 'lobby'",
             take_room, &model);
    each_row(db,
             "SELECT s.name, peer_id, role, joined_seq FROM member JOIN scope s ON s.id = scope_id",
             take_member, &model);
    each_row(db,
             "SELECT s.name, invitee_id, i.id, inviter_id FROM invitation i JOIN scope s ON s.id ="
             " scope_id WHERE status = 1",
             take_invitation, &model);
    each_row(db,
             "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM invitation),"
             " (SELECT count(*) FROM message WHERE kind = 6)",
             take_totals, &model);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    return model;
}

/* Is the file what was answered, and a first part of what was not? */
static void compare(struct life *life)
{
    struct model file = read_file(life), model = life->model;
    size_t done = 0;
    unsigned joined;
    while (!model_is_equal(&model, &file) && done < life->open_count)
        (void)model_apply(&model, &life->open[done++], &joined);
    if (!model_is_equal(&model, &file))
        life->is_wrong = true;
    life->half_done += done > 0;
    life->model = model;
    life->open_count = 0;
}

/* --- A life. */

static void begin_sessions(struct life *life)
{
    life->lives++;
    for (unsigned peer = 0; peer < PEERS; peer++)
        life->next_no[peer] = 1;
}

static void crash(struct life *life)
{
    sim_broker_crash(&life->broker, (int64_t)draw(life, 1000));
    life->crashes++;
    compare(life);
    begin_sessions(life);
}

static void hold_or_not(struct life *life)
{
    for (size_t i = 0; i < 3; i++)
        sim_hold(life->broker.sim, links[i][0], links[i][1], draw(life, 4) == 0);
}

static void release(struct life *life)
{
    for (size_t i = 0; i < 3; i++)
        sim_hold(life->broker.sim, links[i][0], links[i][1], false);
}

static void begin(struct life *life, uint64_t seed, bool is_broken)
{
    *life = (struct life){.seed = seed, .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    life->broker.clients = (struct sim_clients){
        .context = life,
        .on_stored = on_stored,
        .on_call_done = on_call_done,
        .on_peer = on_peer,
    };
    sim_broker_init(&life->broker, seed, is_broken);
    for (unsigned peer = 0; peer < PEERS; peer++)
        (void)sim_broker_peer(&life->broker, peer_names[peer]);
    sim_broker_settle(&life->broker);
    begin_sessions(life);
}

/* True: everything was as it has to be. */
static bool run_seed(uint64_t seed, bool is_broken, struct life *ret)
{
    struct life *life = calloc(1, sizeof(*life));
    CHECK(life);
    begin(life, seed, is_broken);
    for (int step = 0; step < STEPS && !life->is_wrong; step++) {
        uint64_t number = draw(life, 100);
        if (number < 80)
            call_something(life);
        else if (number < 84)
            hold_or_not(life);
        else if (number < 88)
            release(life);
        else if (number < 91)
            crash(life);
        sim_broker_run(&life->broker, (int64_t)draw(life, number < 50 ? 500 : 20000));
    }
    release(life);
    sim_broker_settle(&life->broker);
    if (!life->is_wrong && life->open_count)
        life->is_wrong = true; /* never answered */
    if (!life->is_wrong)
        crash(life);
    bool is_right = !life->is_wrong;
    *ret = *life;
    sim_broker_fini(&life->broker);
    free(life);
    return is_right;
}

static uint64_t first_seed = 1, seeds = 100;

static void rooms_are_what_was_answered(void **state)
{
    (void)state;
    uint64_t answers = 0, crashes = 0, half_done = 0, invitations = 0;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        struct life life;
        if (!run_seed(seed, false, &life))
            fail_msg("rooms_sim_test %llu", (unsigned long long)seed);
        answers += life.answered;
        crashes += life.crashes;
        half_done += life.half_done;
        invitations += life.model.invitations;
    }
    (void)printf("%llu answers, %llu crashes (%llu with more on disk than was answered), %llu"
                 " invitations\n",
                 (unsigned long long)answers, (unsigned long long)crashes,
                 (unsigned long long)half_done, (unsigned long long)invitations);
    if (seeds >= 50)
        assert_true(half_done > 0 && invitations > 0);
}

/* A check that notices nothing is worth nothing. */
static void a_broken_broker_is_noticed(void **state)
{
    (void)state;
    bool is_noticed = false;
    for (uint64_t seed = 1; seed <= 50 && !is_noticed; seed++) {
        struct life life;
        is_noticed = !run_seed(seed, true, &life);
    }
    assert_true(is_noticed);
}

int main(int argc, char **argv)
{
    seeds = getenv("ROOST_TEST_ALL") ? 5000 : test_part(seeds);
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rooms_are_what_was_answered),
        cmocka_unit_test(a_broken_broker_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
