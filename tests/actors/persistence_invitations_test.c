/* SPDX-License-Identifier: MPL-2.0
 *
 * Invitations in the persistence actor: the order of what is checked, what the invitee is told,
 * accepting by room, by id, the newest and all, and that nothing outlives its time.
 */
#include <stdio.h>
#include <string.h>

#include "room_world.h"
#include "store/consumers.h"

#define CREATE  ROOST__V1__METHOD__ROOM_CREATE
#define JOIN    ROOST__V1__METHOD__ROOM_JOIN
#define LEAVE   ROOST__V1__METHOD__ROOM_LEAVE
#define ARCHIVE ROOST__V1__METHOD__ROOM_ARCHIVE
#define ROLE    ROOST__V1__METHOD__MEMBER_ROLE
#define INVITE  ROOST__V1__METHOD__INVITE
#define ACCEPT  ROOST__V1__METHOD__INVITE_ACCEPT
#define DECLINE ROOST__V1__METHOD__INVITE_DECLINE
#define REVOKE  ROOST__V1__METHOD__INVITE_REVOKE

#define MEMBER 3
#define BANNED 5
#define DAY_MS ((int64_t)86400 * 1000)

static int64_t with_status(struct world *world, int status)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM invitation WHERE status = %d", status);
    return room_query(world, sql);
}

static const INTERNAL(CallDone) * accept(struct world *world, int64_t peer, const char *room)
{
    INTERNAL(Call) call = room_call(ACCEPT, peer, room);
    return room_ask(world, &call);
}

static void checks_come_in_their_order(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)world_peer(world, "eve");
    assert_code(room_do_to(world, INVITE, bob, "tea", "nobody", 0), ERR_NO_SUCH_SCOPE);
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_code(room_do_to(world, INVITE, bob, "tea", "nobody", 0), ERR_NOT_MEMBER);
    assert_code(room_do_to(world, INVITE, ana, "tea", "nobody", 0), ERR_NO_SUCH_PEER);
    assert_code(room_do_to(world, INVITE, ana, "tea", "ana", 0), ERR_ALREADY_MEMBER);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "BOB", 0), 0);
    assert_code(room_do_to(world, INVITE, ana, "tea", "bob", 0), ERR_ALREADY_INVITED);
    assert_int_equal(room_do(world, JOIN, bob, "tea"), 0); /* uses it up */
    assert_code(room_do_to(world, INVITE, ana, "tea", "bob", 0), ERR_ALREADY_MEMBER);
    assert_int_equal(with_status(world, 2), 1);
    assert_int_equal(with_status(world, 1), 0);
    assert_code(room_do_to(world, INVITE, ana, "Lobby", "bob", 0), ERR_ALREADY_MEMBER);
}

static void the_invitee_has_mail(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "Ana");
    (void)world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "Tea"), 0);
    INTERNAL(Call) call = room_call(INVITE, ana, "tea");
    call.peer = world_bytes("bob");
    call.text = world_bytes("come");
    const INTERNAL(CallDone) *done = room_ask(world, &call);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->invitation_id.len, 16);
    assert_true(done->seq > 0);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message m JOIN scope s ON s.id ="
                                       " m.scope_id JOIN peer p ON p.id = m.sender_id WHERE s.kind"
                                       " = 1 AND s.folded = 'bob' AND p.folded = 'ana' AND m.kind ="
                                       " 6 AND m.content_type = 'application/x-roost-invitation'"),
                     1);
    uint8_t body[1024];
    size_t size = room_blob(world, "SELECT body FROM message WHERE kind = 6", body, sizeof(body));
    Roost__V1__Invitation *invitation = roost__v1__invitation__unpack(NULL, size, body);
    assert_non_null(invitation);
    assert_bytes(invitation->scope, "room:Tea");
    assert_bytes(invitation->inviter, "Ana");
    assert_bytes(invitation->invitee, "bob");
    assert_bytes(invitation->text, "come");
    assert_int_equal(invitation->status, ROOST__V1__INVITATION_STATUS__PENDING);
    assert_int_equal(invitation->expires_ms - invitation->created_ms, 7 * DAY_MS);
    assert_memory_equal(invitation->invitation_id.data, done->invitation_id.data, 16);
    roost__v1__invitation__free_unpacked(invitation, NULL);
}

static void accepting(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve");
    assert_code(accept(world, bob, NULL)->code, ERR_NO_SUCH_INVITATION);
    assert_code(accept(world, bob, "tea")->code, ERR_NO_SUCH_SCOPE);
    INTERNAL(Call) call = room_call(CREATE, ana, "Tea");
    call.privacy = ROOST__V1__PRIVACY__PRIVATE;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_do(world, CREATE, ana, "Zoo"), 0);
    assert_code(accept(world, bob, "tea")->code, ERR_NO_SUCH_INVITATION);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0);
    assert_int_equal(room_do_to(world, INVITE, ana, "zoo", "bob", 0), 0);
    const INTERNAL(CallDone) *done = accept(world, bob, NULL); /* the newest */
    assert_int_equal(done->code, 0);
    assert_int_equal(done->n_scopes, 1);
    assert_bytes(done->scopes[0], "room:Zoo");
    assert_bytes(done->scope_name, "Zoo");
    assert_int_equal(room_role(world, "zoo", "bob"), MEMBER);
    assert_int_equal(room_role(world, "tea", "bob"), 0);
    assert_int_equal(accept(world, bob, "TEA")->code, 0);
    assert_int_equal(room_role(world, "tea", "bob"), MEMBER);
    assert_code(accept(world, bob, "tea")->code, ERR_NO_SUCH_INVITATION);

    call = room_call(INVITE, ana, "tea");
    call.peer = world_bytes("eve");
    ProtobufCBinaryData id = room_ask(world, &call)->invitation_id;
    call = room_call(ACCEPT, bob, NULL);
    call.invitation_id = id; /* not his */
    assert_code(room_ask(world, &call)->code, ERR_NO_SUCH_INVITATION);
    call.peer_id = eve;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_role(world, "tea", "eve"), MEMBER);
    assert_code(room_ask(world, &call)->code, ERR_NO_SUCH_INVITATION);
    call.invitation_id.len = 3;
    assert_code(room_ask(world, &call)->code, ERR_BAD_FIELD);
}

static void accepting_all(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    INTERNAL(Call) all = room_call(ACCEPT, bob, NULL);
    all.all = true;
    assert_code(room_ask(world, &all)->code, ERR_NO_SUCH_INVITATION);
    static const char *const rooms[] = {"zoo", "old", "tea"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(room_do(world, CREATE, ana, rooms[i]), 0);
        assert_int_equal(room_do_to(world, INVITE, ana, rooms[i], "bob", 0), 0);
    }
    assert_int_equal(room_do(world, ARCHIVE, ana, "old"), 0);
    const INTERNAL(CallDone) *done = room_ask(world, &all);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 2);
    assert_int_equal(done->failed, 1);
    assert_int_equal(done->n_scopes, 2);
    assert_bytes(done->scopes[0], "room:zoo"); /* oldest invitation first */
    assert_bytes(done->scopes[1], "room:tea");
    assert_int_equal(room_role(world, "zoo", "bob"), MEMBER);
    assert_int_equal(room_role(world, "tea", "bob"), MEMBER);
    assert_int_equal(room_role(world, "old", "bob"), 0);
    assert_int_equal(with_status(world, 1), 1); /* the one that failed */
}

static void declining_and_revoking(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0);
    INTERNAL(Call) call = room_call(DECLINE, bob, "tea");
    const INTERNAL(CallDone) *done = room_ask(world, &call);
    assert_int_equal(done->code, 0);
    assert_bytes(done->scope_name, "tea");
    assert_int_equal(with_status(world, 3), 1);
    assert_code(room_ask(world, &call)->code, ERR_NO_SUCH_INVITATION);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0); /* once more */
    call = room_call(DECLINE, bob, NULL);
    call.all = true;
    assert_int_equal(room_ask(world, &call)->count, 1);

    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0);
    assert_code(room_do_to(world, REVOKE, eve, "tea", "bob", 0), ERR_NOT_MEMBER);
    assert_code(room_do(world, REVOKE, ana, "tea"), ERR_MISSING_FIELD);
    assert_int_equal(room_do_to(world, REVOKE, ana, "tea", "bob", 0), 0);
    assert_int_equal(with_status(world, 4), 1);
    assert_code(accept(world, bob, "tea")->code, ERR_NO_SUCH_INVITATION);
    /* A member may take back his own, and nobody else's. */
    assert_int_equal(room_do(world, JOIN, eve, "tea"), 0);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0);
    assert_code(room_do_to(world, REVOKE, eve, "tea", "bob", 0), ERR_NOT_ALLOWED);
    assert_int_equal(room_do_to(world, REVOKE, ana, "tea", "bob", 0), 0);
    call = room_call(INVITE, eve, "tea");
    call.peer = world_bytes("bob");
    ProtobufCBinaryData id = room_ask(world, &call)->invitation_id;
    assert_int_equal(room_do(world, LEAVE, eve, "tea"), 0);
    call = room_call(REVOKE, eve, NULL);
    call.invitation_id = id;
    assert_int_equal(room_ask(world, &call)->code, 0);
}

static void banning_revokes(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0);
    assert_int_equal(room_do_to(world, ROLE, ana, "tea", "bob", BANNED), 0);
    assert_code(accept(world, bob, "tea")->code, ERR_NO_SUCH_INVITATION);
    assert_int_equal(with_status(world, 4), 1);
}

static void nothing_outlives_its_time(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.invitation_ttl_ms = 60000;
    world->persistence.cleanup_interval_ms = DAY_MS; /* nobody sweeps */
    world_start(world);
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0);
    world_advance(world, 59000);
    assert_code(room_do_to(world, INVITE, ana, "tea", "bob", 0), ERR_ALREADY_INVITED);
    world_advance(world, 2000);
    assert_int_equal(with_status(world, 1), 1); /* still there, but over */
    assert_code(accept(world, bob, "tea")->code, ERR_NO_SUCH_INVITATION);
    assert_code(accept(world, bob, NULL)->code, ERR_NO_SUCH_INVITATION);
    INTERNAL(Call) all = room_call(ACCEPT, bob, NULL);
    all.all = true;
    assert_code(room_ask(world, &all)->code, ERR_NO_SUCH_INVITATION);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0); /* a new one */
    assert_int_equal(with_status(world, 5), 1);
    assert_int_equal(accept(world, bob, "tea")->code, 0);
}

static void what_is_over_is_swept(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.invitation_ttl_ms = 60000;
    world->persistence.cleanup_interval_ms = 10000;
    world_start(world);
    int64_t ana = world_peer(world, "ana");
    (void)world_peer(world, "bob");
    assert_int_equal(room_do(world, CREATE, ana, "tea"), 0);
    assert_int_equal(room_do_to(world, INVITE, ana, "tea", "bob", 0), 0);
    world_advance(world, 45000);
    assert_int_equal(with_status(world, 1), 1);
    world_advance(world, 30000);
    assert_int_equal(with_status(world, 5), 1);
}

/* Everything a room keeps shorter than the rest goes, and only that. */
static void rooms_keep_messages_for_their_own_time(void **state)
{
    struct world *world = *state;
    world_end(world);
    world->persistence.cleanup_interval_ms = 10000;
    world_start(world);
    int64_t ana = world_peer(world, "ana");
    INTERNAL(Call) call = room_call(CREATE, ana, "short");
    call.retention_ms = 60000;
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_do(world, CREATE, ana, "long"), 0);
    for (uint64_t no = 1; no <= 40; no++)
        assert_int_equal(room_send(world, 1, ana, no, no % 2 ? "room:short" : "room:long"), 0);
    assert_int_equal(room_query(world, "SELECT count(DISTINCT expires_ms - stored_ms) FROM message"
                                       " WHERE expires_ms - stored_ms IN (60000, 604800000)"),
                     2);
    world_advance(world, 45000);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message"), 40);
    assert_int_equal(room_send(world, 1, ana, 41, "room:short"), 0);
    world_advance(world, 30000);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message"), 21);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message_id"), 21);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message_conversation"), 21);
    assert_int_equal(room_query(world, "SELECT max(seq) FROM message"), 41);
    world_advance(world, 60000); /* the newest of the log stays: the next seq is above it */
    assert_int_equal(room_query(world, "SELECT max(seq) FROM message"), 41);
    assert_int_equal(room_send(world, 1, ana, 42, "room:long"), 0);
    world_advance(world, 30000);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message WHERE seq = 41"), 0);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message"), 21);
    world_restart(world);
    assert_int_equal(room_send(world, 2, ana, 1, "room:short"), 0);
    assert_int_equal(room_query(world, "SELECT max(seq) FROM message"), 43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(checks_come_in_their_order),
        T(the_invitee_has_mail),
        T(accepting),
        T(accepting_all),
        T(declining_and_revoking),
        T(banning_revokes),
        T(nothing_outlives_its_time),
        T(what_is_over_is_swept),
        T(rooms_keep_messages_for_their_own_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
