/* SPDX-License-Identifier: MPL-2.0
 *
 * Rooms in the persistence actor: made, joined, left, changed, archived; roles, owners, bans.
 */
#include <stdio.h>
#include <string.h>

#include "room_world.h"
#include "store/consumers.h"

#define CREATE  ROOST__V1__METHOD__ROOM_CREATE
#define JOIN    ROOST__V1__METHOD__ROOM_JOIN
#define LEAVE   ROOST__V1__METHOD__ROOM_LEAVE
#define UPDATE  ROOST__V1__METHOD__ROOM_UPDATE
#define ARCHIVE ROOST__V1__METHOD__ROOM_ARCHIVE
#define ROLE    ROOST__V1__METHOD__MEMBER_ROLE
#define INVITE  ROOST__V1__METHOD__INVITE

enum { NONE, OWNER, MODERATOR, MEMBER, READER, BANNED };

static int64_t members(struct world *world, const char *room)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT member_count FROM room WHERE scope_id = (SELECT id FROM scope WHERE"
                   " kind = 2 AND folded = '%s')",
                   room);
    /* The count is what the rows say, always. */
    assert_int_equal(room_query(world, "SELECT count(*) FROM room r WHERE r.member_count <> (SELECT"
                                       " count(*) FROM member m WHERE m.scope_id = r.scope_id AND"
                                       " m.role <= 4)"),
                     0);
    return room_query(world, sql);
}

static void rooms_are_made(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    INTERNAL(Call) call = room_call(CREATE, ana, "Tea Room");
    call.topic = world_bytes("green");
    const INTERNAL(CallDone) *done = room_ask(world, &call);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 1);
    assert_bytes(done->scope_name, "Tea Room");
    assert_true(done->scope_id > 0);
    assert_int_equal(room_role(world, "tea room", "ana"), OWNER);
    assert_int_equal(members(world, "tea room"), 1);
    assert_int_equal(room_query(world, "SELECT privacy FROM room WHERE topic = 'green'"), 1);
    assert_code(room_do(world, CREATE, ana, "TEA room"), ERR_EXISTS);
    assert_code(room_do(world, CREATE, ana, "LOBBY"), ERR_RESERVED_NAME);
    assert_code(room_do(world, CREATE, ana, ""), ERR_BAD_NAME);
    assert_code(room_do(world, CREATE, ana, "a|b"), ERR_BAD_NAME);
    call = room_call(CREATE, ana, "vault");
    call.privacy = ROOST__V1__PRIVACY__PROTECTED;
    assert_code(room_ask(world, &call)->code, ERR_BAD_PASSWORD);
    call.password = world_bytes("$argon2id$x");
    call.privacy = ROOST__V1__PRIVACY__PRIVATE;
    assert_code(room_ask(world, &call)->code, ERR_BAD_FIELD);
    call.privacy = 0;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_query(world, "SELECT privacy FROM room WHERE password_hash ="
                                       " '$argon2id$x'"),
                     ROOST__V1__PRIVACY__PROTECTED);
    call = room_call(CREATE, ana, "square");
    call.privacy = ROOST__V1__PRIVACY__OPEN;
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED);
    call.caller_role = ROOM_ADMIN;
    assert_int_equal(room_ask(world, &call)->code, 0);
    call = room_call(CREATE, ana, "jobs");
    call.scope_kind = SCOPE_QUEUE;
    assert_code(room_ask(world, &call)->code, ERR_BAD_SCOPE);
}

static void unverified_peers_need_permission(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.is_autocreate = false;
    world_start(world);
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_code(room_do(world, CREATE, ana, "tea"), ERR_NOT_ALLOWED);
    INTERNAL(Call) call = room_call(CREATE, ana, "tea");
    call.caller_role = ROOST__V1__ROLE__GUEST;
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED);
    call.caller_role = ROOST__V1__ROLE__USER;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_code(room_do(world, JOIN, bob, "tea"), ERR_NOT_ALLOWED);
    call = room_call(JOIN, bob, "tea");
    call.caller_role = ROOST__V1__ROLE__GUEST;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_send(world, 2, bob, 1, "room:tea"), 0);
}

static void joining_and_leaving(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_code(room_do(world, JOIN, bob, "tea"), ERR_NO_SUCH_SCOPE);
    assert_int_equal(room_do(world, CREATE, ana, "Tea"), 0);
    assert_code(room_send(world, 2, bob, 1, "room:tea"), ERR_NOT_MEMBER);
    INTERNAL(Call) call = room_call(JOIN, bob, "tea");
    const INTERNAL(CallDone) *done = room_ask(world, &call);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 1);
    assert_bytes(done->scope_name, "Tea"); /* as stored */
    assert_int_equal(room_send(world, 2, bob, 2, "room:tea"), 0);
    done = room_ask(world, &call); /* again is no error */
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 0);
    assert_int_equal(members(world, "tea"), 2);
    assert_int_equal(room_do(world, LEAVE, bob, "TEA"), 0);
    assert_int_equal(members(world, "tea"), 1);
    assert_code(room_do(world, LEAVE, bob, "tea"), ERR_NOT_MEMBER);
    assert_code(room_send(world, 2, bob, 3, "room:tea"), ERR_NOT_MEMBER);
    assert_int_equal(room_role(world, "tea", "bob"), NONE);
}

static void the_lobby_is_open(void **state)
{
    struct world *world = *state;
    int64_t bob = world_peer(world, "bob");
    assert_int_equal(room_send(world, 2, bob, 1, "room:Lobby"), 0);
    assert_int_equal(room_do(world, JOIN, bob, "LOBBY"), 0);
    assert_int_equal(members(world, "lobby"), 0);
    assert_code(room_do(world, LEAVE, bob, "Lobby"), ERR_NOT_MEMBER);
    INTERNAL(Call) call = room_call(ARCHIVE, bob, "Lobby");
    call.caller_role = ROOM_ADMIN;
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED);
    call = room_call(UPDATE, bob, "Lobby");
    call.caller_role = ROOM_ADMIN;
    call.privacy = ROOST__V1__PRIVACY__PRIVATE;
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED);
    /* Somebody who was banned from it is. */
    int64_t eve = world_peer(world, "eve");
    call = room_call(ROLE, bob, "Lobby");
    call.peer = world_bytes("eve");
    call.room_role = BANNED;
    assert_code(room_ask(world, &call)->code, ERR_NOT_MEMBER);
    call.caller_role = ROOM_ADMIN;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_code(room_send(world, 3, eve, 1, "room:Lobby"), ERR_ROOM_BANNED);
    assert_int_equal(members(world, "lobby"), 0);
    call.room_role = NONE;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_send(world, 3, eve, 2, "room:Lobby"), 0);
}

static void protected_and_private_rooms(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    INTERNAL(Call) call = room_call(CREATE, ana, "vault");
    call.password = world_bytes("$x");
    assert_int_equal(room_ask(world, &call)->code, 0);
    call = room_call(CREATE, ana, "attic");
    call.privacy = ROOST__V1__PRIVACY__PRIVATE;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_code(room_do(world, JOIN, bob, "vault"), ERR_NOT_ALLOWED);
    assert_code(room_do(world, JOIN, bob, "attic"), ERR_NOT_ALLOWED);
    call = room_call(JOIN, bob, "attic");
    call.is_password_checked = true; /* it has none */
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED);
    call.scope_name = world_bytes("vault");
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_do_to(world, INVITE, ana, "attic", "bob", 0), 0);
    assert_int_equal(room_do(world, JOIN, bob, "attic"), 0); /* an invitation opens it */
    assert_int_equal(room_query(world, "SELECT count(*) FROM invitation WHERE status = 2"), 1);
}

static void somebody_owns_a_room_with_members(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve"), guest = world_peer(world, "guest");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do(world, JOIN, bob, "tea"), 0);
    assert_int_equal(room_do(world, JOIN, eve, "tea"), 0);
    assert_code(room_do_to(world, ROLE, ana, "tea", "ana", MEMBER), ERR_LAST_OWNER);
    assert_int_equal(room_do_to(world, ROLE, ana, "tea", "eve", MODERATOR), 0);
    assert_int_equal(room_do(world, LEAVE, ana, "tea"), 0); /* the moderator takes over */
    assert_int_equal(room_role(world, "tea", "eve"), OWNER);
    assert_int_equal(room_role(world, "tea", "bob"), MEMBER);
    assert_int_equal(room_do_to(world, ROLE, eve, "tea", "bob", OWNER), 0);
    assert_int_equal(room_do_to(world, ROLE, eve, "tea", "eve", MEMBER), 0); /* not the last */
    assert_int_equal(room_do(world, LEAVE, bob, "tea"), 0);
    assert_int_equal(room_role(world, "tea", "eve"), OWNER);
    assert_int_equal(room_do(world, LEAVE, eve, "tea"), 0);
    assert_int_equal(members(world, "tea"), 0); /* it stays, for whoever comes */
    INTERNAL(Call) call = room_call(JOIN, guest, "tea");
    call.caller_role = ROOST__V1__ROLE__GUEST;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_role(world, "tea", "guest"), MEMBER); /* a guest owns nothing */
    assert_int_equal(room_do(world, JOIN, ana, "tea"), 0);
    assert_int_equal(room_role(world, "tea", "ana"), OWNER);
    assert_int_equal(members(world, "tea"), 2);
}

static void moderation(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do(world, JOIN, bob, "tea"), 0);
    assert_int_equal(room_do(world, JOIN, eve, "tea"), 0);
    assert_code(room_do_to(world, ROLE, bob, "tea", "eve", NONE), ERR_NOT_ALLOWED);
    assert_int_equal(room_do_to(world, ROLE, ana, "tea", "bob", MODERATOR), 0);
    assert_code(room_do_to(world, ROLE, bob, "tea", "ana", NONE), ERR_NOT_ALLOWED);
    assert_code(room_do_to(world, ROLE, bob, "tea", "eve", READER), ERR_NOT_ALLOWED);
    assert_int_equal(room_do_to(world, ROLE, ana, "tea", "eve", READER), 0);
    assert_code(room_send(world, 3, eve, 1, "room:tea"), ERR_NOT_ALLOWED);
    assert_int_equal(room_do_to(world, ROLE, bob, "tea", "eve", NONE), 0); /* kicked */
    assert_int_equal(members(world, "tea"), 2);
    assert_code(room_do_to(world, ROLE, bob, "tea", "eve", NONE), ERR_NOT_MEMBER);
    assert_int_equal(room_do(world, JOIN, eve, "tea"), 0);
    assert_int_equal(room_do_to(world, ROLE, bob, "tea", "eve", BANNED), 0);
    assert_int_equal(room_do_to(world, ROLE, bob, "tea", "eve", BANNED), 0); /* again: fine */
    assert_int_equal(members(world, "tea"), 2);
    assert_code(room_do(world, JOIN, eve, "tea"), ERR_ROOM_BANNED);
    assert_code(room_do(world, LEAVE, eve, "tea"), ERR_ROOM_BANNED);
    assert_code(room_send(world, 3, eve, 2, "room:tea"), ERR_ROOM_BANNED);
    assert_code(room_do_to(world, INVITE, ana, "tea", "eve", 0), ERR_ROOM_BANNED);
    assert_code(room_do_to(world, ROLE, ana, "tea", "eve", MEMBER), ERR_ROOM_BANNED);
    assert_int_equal(room_do_to(world, ROLE, bob, "tea", "eve", NONE), 0); /* lifted */
    assert_int_equal(room_do(world, JOIN, eve, "tea"), 0);
    assert_int_equal(members(world, "tea"), 3);
    assert_int_equal(room_query(world, "SELECT group_concat(action, ' ') = 'room-role room-role"
                                       " room-kick room-ban room-unban' FROM audit WHERE target ="
                                       " 'room:tea'"),
                     1);
    assert_code(room_do_to(world, ROLE, ana, "tea", "ana", BANNED), ERR_NOT_ALLOWED);
    assert_code(room_do_to(world, ROLE, ana, "tea", "nobody", BANNED), ERR_NO_SUCH_PEER);
    assert_code(room_do_to(world, ROLE, ana, "tea", "bob", 9), ERR_BAD_FIELD);
}

/* A role of the account decides, and the newest one, not that of the login. */
static void accounts_moderate_everywhere(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), root = world_peer(world, "root");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    INTERNAL(Call) call = room_call(UPDATE, root, "tea");
    call.description = world_bytes("mine");
    assert_code(room_ask(world, &call)->code, ERR_NOT_MEMBER);
    call.caller_role = ROOST__V1__ROLE__MODERATOR;
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED);
    call.caller_role = ROOM_ADMIN;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_code(room_send(world, 2, root, 1, "room:tea"), ERR_NOT_MEMBER);
}

static void rooms_are_updated(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do(world, JOIN, bob, "tea"), 0);
    assert_int_equal(room_do_to(world, ROLE, ana, "tea", "bob", MODERATOR), 0);
    assert_code(room_do(world, UPDATE, ana, "tea"), ERR_MISSING_FIELD);
    INTERNAL(Call) call = room_call(UPDATE, bob, "tea");
    call.topic = world_bytes("leaves");
    assert_int_equal(room_ask(world, &call)->code, 0); /* moderators: the topic */
    call.description = world_bytes("d");
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED);
    call = room_call(UPDATE, ana, "tea");
    call.display_name = world_bytes("Tea!");
    call.retention_ms = 60000;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_query(world, "SELECT count(*) FROM room WHERE topic = 'leaves' AND"
                                       " display_name = 'Tea!' AND retention_ms = 60000"),
                     1);
    call = room_call(UPDATE, ana, "tea");
    call.clear = 2 | 8;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_query(world, "SELECT count(*) FROM room WHERE topic = '' AND"
                                       " display_name = 'Tea!' AND retention_ms = 0"),
                     1);
    call = room_call(UPDATE, ana, "tea");
    call.privacy = ROOST__V1__PRIVACY__PROTECTED;
    assert_code(room_ask(world, &call)->code, ERR_BAD_PASSWORD);
    call.password = world_bytes("$x");
    assert_int_equal(room_ask(world, &call)->code, 0);
    call = room_call(UPDATE, ana, "tea");
    call.topic = world_bytes("t"); /* keeps the password */
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_query(world, "SELECT count(*) FROM room WHERE password_hash = '$x'"), 1);
    call.privacy = ROOST__V1__PRIVACY__PRIVATE;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_query(world, "SELECT count(*) FROM room WHERE password_hash = '$x'"), 0);
}

static void archived_rooms_are_quiet(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_send(world, 1, ana, 1, "room:tea"), 0);
    assert_code(room_do(world, ARCHIVE, bob, "tea"), ERR_NOT_MEMBER);
    assert_int_equal(room_do(world, ARCHIVE, ana, "tea"), 0);
    assert_int_equal(room_do(world, ARCHIVE, ana, "tea"), 0);
    assert_code(room_send(world, 1, ana, 2, "room:tea"), ERR_ROOM_ARCHIVED);
    assert_code(room_do(world, JOIN, bob, "tea"), ERR_ROOM_ARCHIVED);
    assert_int_equal(room_do(world, JOIN, ana, "tea"), 0);
    assert_int_equal(room_do(world, LEAVE, ana, "tea"), 0);
}

/* --- Consumers. */

static const INTERNAL(ConsumerOpened) *
    open_tea(struct world *world, int64_t peer, const char *name)
{
    return world_open(world, peer, SCOPE_ROOM, "tea", name, 0, 0);
}

static void consumers_begin_and_end_with_membership(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    uint64_t before = world_store(world, 1, ana, 1, "room:tea", "before");
    assert_code(open_tea(world, bob, "bob/main")->code, ERR_NOT_MEMBER);
    assert_int_equal(room_do(world, JOIN, bob, "tea"), 0);
    (void)world_store(world, 1, ana, 2, "room:tea", "after");
    const INTERNAL(ConsumerOpened) *opened = open_tea(world, bob, "bob/main");
    assert_int_equal(opened->code, 0);
    assert_int_equal(opened->row->floor_seq, before); /* what came since it joined */
    int64_t main_id = opened->row->consumer_id;
    int64_t phone_id = open_tea(world, bob, "bob/phone")->row->consumer_id;
    int64_t ana_id = open_tea(world, ana, "ana/main")->row->consumer_id;
    size_t told = world_appended_count(world);
    assert_int_equal(room_do(world, LEAVE, bob, "tea"), 0);
    assert_int_equal(world_appended_count(world), told + 1);
    const INTERNAL(Appended) *appended =
        (const INTERNAL(Appended) *)world_appended(world, told)->body;
    assert_int_equal(appended->n_removed_consumers, 2);
    assert_int_equal(appended->n_left, 1);
    assert_int_equal(appended->left[0]->peer_id, bob);
    assert_code(appended->left[0]->code, ERR_NOT_MEMBER);
    assert_int_equal(appended->removed_consumers[0] + appended->removed_consumers[1],
                     main_id + phone_id);
    assert_int_equal(room_query(world, "SELECT count(*) FROM consumer c JOIN scope s ON s.id ="
                                       " c.scope_id WHERE s.kind = 2"),
                     1);
    assert_code(open_tea(world, bob, "bob/main")->code, ERR_NOT_MEMBER);
    assert_int_equal(open_tea(world, ana, "ana/main")->row->consumer_id, ana_id);
    assert_int_equal(room_do_to(world, ROLE, ana, "tea", "bob", BANNED), 0);
    assert_code(open_tea(world, bob, "bob/main")->code, ERR_ROOM_BANNED);
}

static void internal_consumers_need_no_membership(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    INTERNAL(ConsumerOpen) open = ROOST__INTERNAL__CONSUMER_OPEN__INIT;
    open.scope_kind = SCOPE_ROOM;
    open.scope_name = world_bytes("tea");
    open.consumer = world_bytes("$lair/main");
    open.is_internal = true;
    uint64_t opened = world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_OPEN, &open.base, NULL, 0);
    world_settle(world);
    assert_int_equal(((const INTERNAL(ConsumerOpened) *)world_answer(world, opened))->code, 0);
}

/* --- Messages. */

static void a_large_room_costs_one_row_per_message(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    world_end(world);
    room_exec(world,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
              " INSERT INTO peer (name, folded, created_ms) SELECT 'm' || i, 'm' || i, 1 FROM n;"
              " INSERT INTO member SELECT (SELECT max(scope_id) FROM room), id, 3, 1, 0 FROM peer"
              " WHERE name GLOB 'm[0-9]*'; UPDATE room SET member_count = 10000 WHERE scope_id ="
              " (SELECT max(scope_id) FROM room)");
    world_start(world);
    assert_int_equal(members(world, "tea"), 10000);
    static const char rows[] =
        "SELECT (SELECT count(*) FROM message) * 1000000 + (SELECT count(*) FROM consumer) +"
        " (SELECT count(*) FROM exception) + (SELECT count(*) FROM marker) + (SELECT count(*) FROM"
        " member)";
    int64_t before = room_query(world, rows);
    for (uint64_t no = 1; no <= 5; no++)
        assert_int_equal(room_send(world, 7, ana, no, "room:tea"), 0);
    assert_int_equal(room_query(world, rows), before + 5 * 1000000);
    world_advance(world, 5000); /* the index too: one row per message and table */
    assert_int_equal(room_query(world, "SELECT count(*) FROM message_conversation"), 5);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message_id"), 5);
    assert_int_equal(room_query(world, "SELECT count(*) FROM peer_conversation"), 1);
}

static void one_frame_to_several_rooms(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do(world, CREATE, bob, "zoo"), 0);
    struct world_entry entries[] = {
        {.scope = "room:tea", .body = "1"}, {.scope = "room:zoo", .body = "2"},
        {.scope = "peer:bob", .body = "3"}, {.scope = "room:TEA", .body = "4"},
        {.scope = "room:zoo", .body = "5"}, {.scope = "room:nope", .body = "6"},
    };
    uint64_t correlation = world_send(world, 1, ana, 1, entries, 6);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_int_equal(done->upto_no, 6);
    assert_int_equal(done->n_exceptions, 3);
    assert_int_equal(done->exceptions[0]->no, 2);
    assert_code(done->exceptions[0]->code, ERR_NOT_MEMBER);
    assert_int_equal(done->exceptions[1]->no, 5);
    assert_code(done->exceptions[2]->code, ERR_NO_SUCH_SCOPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(rooms_are_made),
        T(unverified_peers_need_permission),
        T(joining_and_leaving),
        T(the_lobby_is_open),
        T(protected_and_private_rooms),
        T(somebody_owns_a_room_with_members),
        T(moderation),
        T(accounts_moderate_everywhere),
        T(rooms_are_updated),
        T(archived_rooms_are_quiet),
        T(consumers_begin_and_end_with_membership),
        T(internal_consumers_need_no_membership),
        T(a_large_room_costs_one_row_per_message),
        T(one_frame_to_several_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
