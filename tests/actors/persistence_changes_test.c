/* SPDX-License-Identifier: MPL-2.0
 *
 * MESSAGE_EDIT, MESSAGE_DELETE, REACT, UNREACT: what they write, who may, and that nothing is
 * written twice; against a naive twin at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change_world.h"
#include "store/consumers.h"

static void an_edit_is_a_row_and_a_message(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana");
    uint64_t seq = change_send(world, ana, "peer:bob", "helo", id);
    size_t told = world_appended_count(world);
    const INTERNAL(CallDone) *done = change_edit(world, ana, id, "hello");
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 1);
    assert_int_equal(done->seq, seq + 1);
    assert_int_equal(done->message_id.len, UUID_BYTES);
    assert_int_equal(world_appended_count(world), told + 1); /* sync-manager delivers it */
    assert_int_equal(room_query(world, "SELECT count(*) FROM edit WHERE seq = edit_seq - 1"), 1);
    assert_int_equal(room_query(world,
                                "SELECT count(*) FROM message e JOIN message m ON m.seq = e.seq - 1"
                                " WHERE e.kind = 7 AND e.parent_id = m.message_id AND e.scope_id ="
                                " m.scope_id AND e.sender_id = m.sender_id AND e.conversation ="
                                " m.conversation AND e.body = CAST('hello' AS BLOB)"),
                     1);
    done = change_edit(world, ana, id, "hello"); /* the answer was lost */
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 0);
    assert_int_equal(change_edit(world, ana, id, "hello!")->count, 1);
    assert_int_equal(change_edit(world, ana, id, "hello")->count, 1); /* back again */
    assert_int_equal(room_query(world, "SELECT count(*) FROM edit"), 3);
}

static void only_the_sender_edits(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES], other[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve");
    (void)change_send(world, ana, "peer:bob", "one", id);
    world_id(world, other);
    assert_code(change_edit(world, bob, id, "x")->code, ERR_NOT_ALLOWED);
    assert_code(change_edit(world, eve, id, "x")->code, ERR_NO_SUCH_MESSAGE); /* not hers to see */
    assert_code(change_edit(world, ana, other, "x")->code, ERR_NO_SUCH_MESSAGE);
    assert_code(change_edit(world, ana, id, "")->code, ERR_MISSING_FIELD);
    INTERNAL(Call) call = change_call(ROOST__V1__METHOD__MESSAGE_EDIT, eve, id);
    call.body = world_bytes("x");
    call.is_admin = true;
    assert_code(room_ask(world, &call)->code, ERR_NOT_ALLOWED); /* nobody edits others' words */
    assert_code(change_delete(world, bob, id)->code, ERR_NOT_ALLOWED);
    assert_code(change_delete(world, eve, id)->code, ERR_NO_SUCH_MESSAGE);
    assert_code(change_react(world, eve, id, "x")->code, ERR_NO_SUCH_MESSAGE);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message WHERE kind > 6"), 0);
    call.method = ROOST__V1__METHOD__MESSAGE_DELETE;
    assert_int_equal(room_ask(world, &call)->code, 0); /* an administrator takes it away */
}

static void bodies_have_a_maximum(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana");
    (void)change_send(world, ana, "peer:bob", "small", id);
    INTERNAL(Call) call = change_call(ROOST__V1__METHOD__MESSAGE_EDIT, ana, id);
    call.body.len = WIRE_BODY_BYTES_DEFAULT + 1;
    call.body.data = calloc(1, call.body.len);
    assert_non_null(call.body.data);
    memset(call.body.data, 'a', call.body.len);
    assert_code(room_ask(world, &call)->code, ERR_TOO_LARGE);
    call.body.len--;
    assert_int_equal(room_ask(world, &call)->code, 0);
    call.body.len = (64 << 10) + 1;
    assert_int_equal(room_ask(world, &call)->count, 1);
    free(call.body.data);
    assert_int_equal(room_query(world, "SELECT max(length(body)) FROM message WHERE kind = 7"),
                     WIRE_BODY_BYTES_DEFAULT);
}

static void a_deleted_message_stays_deleted(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)change_send(world, ana, "peer:bob", "oops", id);
    const INTERNAL(CallDone) *done = change_delete(world, ana, id);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 1);
    assert_true(done->seq > 0);
    done = change_delete(world, ana, id);
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 0);
    assert_code(change_edit(world, ana, id, "x")->code, ERR_DELETED);
    assert_code(change_react(world, bob, id, "x")->code, ERR_DELETED);
    assert_code(change_unreact(world, bob, id, "x")->code, ERR_DELETED);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message WHERE kind = 8"), 1);
    assert_int_equal(room_query(world, "SELECT peer_id FROM tombstone"), ana);
}

static void reactions_count_once(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)change_send(world, ana, "peer:bob", "news", id);
    assert_int_equal(change_react(world, bob, id, "👍")->count, 1);
    assert_int_equal(change_react(world, bob, id, "👍")->count, 0);
    assert_int_equal(change_react(world, ana, id, "👍")->count, 1);
    const INTERNAL(CallDone) *done = change_unreact(world, ana, id, "🎉");
    assert_int_equal(done->code, 0);
    assert_int_equal(done->count, 0);
    assert_int_equal(change_unreact(world, ana, id, "👍")->count, 1);
    assert_int_equal(change_unreact(world, ana, id, "👍")->count, 0);
    assert_int_equal(room_query(world, "SELECT count(*) FROM message WHERE kind = 9"), 3);
    assert_int_equal(
        room_query(world, "SELECT count(*) FROM message WHERE kind = 9 AND key = X'2d'"), 1);
    assert_int_equal(room_query(world, "SELECT peer_id FROM reaction"), bob);
}

static void emoji_are_checked(void **state)
{
    static const char *const refused[] = {"", "a\x01", "\xff", "\xe2\x80\xae", "a\nb"};
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    char many[66];
    int64_t ana = world_peer(world, "ana");
    (void)change_send(world, ana, "peer:bob", "news", id);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_code(change_react(world, ana, id, refused[i])->code, ERR_BAD_FIELD);
    memset(many, 'x', sizeof(many));
    many[65] = '\0';
    assert_code(change_react(world, ana, id, many)->code, ERR_BAD_FIELD);
    many[64] = '\0';
    assert_int_equal(change_react(world, ana, id, many)->count, 1);
    assert_int_equal(change_react(world, ana, id, "👩‍👩‍👧‍👦")->count,
                     1); /* joined */
    assert_int_equal(change_react(world, ana, id, ":shipit:")->count, 1);
}

/* Ids are unique per sender only. */
static void ones_own_message_comes_first(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve");
    world_id(world, id);
    for (int round = 0; round < 2; round++) {
        uint64_t anas = change_send_as(world, ana, "topic:t", "ana's", id);
        uint64_t bobs = change_send_as(world, bob, "topic:t", "bob's", id);
        (void)change_send_as(world, eve, "peer:eve", "eve's own", id);
        if (round == 1)
            world_advance(world, 3000); /* indexed */
        assert_int_equal(change_edit(world, ana, id, "ana's, edited")->count, 1);
        assert_int_equal(change_edited(world), anas);
        assert_int_equal(change_delete(world, bob, id)->count, 1);
        assert_int_equal(room_query(world, "SELECT max(seq) FROM tombstone"), bobs);
        int64_t zoe = world_peer(world, "zoe");
        assert_code(change_react(world, zoe, id, "x")->code, ERR_DELETED); /* the newest she sees */
        world_id(world, id);
    }
}

static void what_the_broker_makes_stays(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES], made[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)change_send(world, ana, "peer:bob", "one", id);
    memcpy(made, change_edit(world, ana, id, "two")->message_id.data, UUID_BYTES);
    for (int round = 0; round < 2; round++) {
        assert_true(change_edit(world, ana, made, "x")->code != 0);
        assert_true(change_delete(world, ana, made)->code != 0);
        assert_true(change_react(world, ana, made, "x")->code != 0);
        assert_true(change_react(world, bob, made, "x")->code != 0);
        world_advance(world, 3000);
    }
    assert_int_equal(room_query(world, "SELECT count(*) FROM message"), 2);
}

static void rooms_have_their_rights(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES], anas[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve");
    assert_int_equal(room_do(world, ROOST__V1__METHOD__ROOM_CREATE, ana, "attic"), 0);
    assert_int_equal(room_do(world, ROOST__V1__METHOD__ROOM_JOIN, bob, "attic"), 0);
    (void)change_send(world, bob, "room:attic", "hi", id);
    (void)change_send(world, ana, "room:attic", "hi too", anas);
    assert_code(change_react(world, eve, id, "x")->code, ERR_NO_SUCH_MESSAGE);
    const INTERNAL(CallDone) *done = change_react(world, ana, id, "x");
    assert_int_equal(done->count, 1);
    assert_bytes(done->scope_name, "attic");
    assert_int_equal(change_edit(world, bob, id, "hey")->count, 1);
    assert_code(change_edit(world, ana, id, "x")->code, ERR_NOT_ALLOWED);
    assert_code(change_delete(world, bob, anas)->code, ERR_NOT_ALLOWED);
    assert_int_equal(change_delete(world, ana, id)->count, 1); /* the owner */
    assert_int_equal(room_query(world, "SELECT count(DISTINCT conversation) FROM message"), 1);
    (void)change_send(world, bob, "room:attic", "and again", id);
    assert_int_equal(room_do_to(world, ROOST__V1__METHOD__MEMBER_ROLE, ana, "attic", "bob",
                                ROOST__V1__ROOM_ROLE__BANNED),
                     0);
    assert_code(change_edit(world, bob, id, "x")->code, ERR_ROOM_BANNED);
    assert_int_equal(room_do(world, ROOST__V1__METHOD__ROOM_ARCHIVE, ana, "attic"), 0);
    assert_code(change_edit(world, ana, anas, "x")->code, ERR_ROOM_ARCHIVED);
}

static void changes_survive_a_restart(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana");
    (void)change_send(world, ana, "peer:bob", "one", id);
    assert_int_equal(change_edit(world, ana, id, "two")->count, 1);
    assert_int_equal(change_react(world, ana, id, "x")->count, 1);
    world_restart(world);
    assert_int_equal(change_edit(world, ana, id, "two")->count, 0);
    assert_int_equal(change_react(world, ana, id, "x")->count, 0);
    assert_int_equal(change_delete(world, ana, id)->count, 1);
    world_restart(world);
    assert_code(change_edit(world, ana, id, "three")->code, ERR_DELETED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(an_edit_is_a_row_and_a_message), T(only_the_sender_edits),
        T(bodies_have_a_maximum),          T(a_deleted_message_stays_deleted),
        T(reactions_count_once),           T(emoji_are_checked),
        T(ones_own_message_comes_first),   T(what_the_broker_makes_stays),
        T(rooms_have_their_rights),        T(changes_survive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
