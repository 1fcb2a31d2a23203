/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries about rooms: who sees which, who is in them, what is unread, and who may read history.
 */
#include <stdio.h>
#include <string.h>

#include "room_world.h"
#include "store/consumers.h"

#define CREATE ROOST__V1__METHOD__ROOM_CREATE
#define JOIN   ROOST__V1__METHOD__ROOM_JOIN
#define LEAVE  ROOST__V1__METHOD__ROOM_LEAVE
#define ROLE   ROOST__V1__METHOD__MEMBER_ROLE
#define INVITE ROOST__V1__METHOD__INVITE

enum { NONE, OWNER, MODERATOR, MEMBER, READER, BANNED };

/* One answer: all rows of these pages are in the first part. */
struct answer {
    Roost__V1__Result *part; /* NULL: no rows */
    Roost__V1__Fin *fin;
};

static void answer_free(struct answer *answer)
{
    if (answer->part)
        roost__v1__result__free_unpacked(answer->part, NULL);
    roost__v1__fin__free_unpacked(answer->fin, NULL);
}

static struct answer ask(struct world *world, int64_t peer, bool is_admin,
                         const Roost__V1__Query *query)
{
    INTERNAL(Query) question = ROOST__INTERNAL__QUERY__INIT;
    struct answer answer = {0};
    zmq_msg_t frame;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &query->base, &frame), ERR_OK);
    question.peer_id = peer;
    question.is_admin = is_admin;
    world_forget(world);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &question.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    const struct world_message *part = world_nth(world, MSG_QUERY_PART, 0);
    const struct world_message *fin = world_nth(world, MSG_QUERY_DONE, 0);
    assert_non_null(fin);
    if (part)
        answer.part = roost__v1__result__unpack(NULL, part->payload_size - WIRE_HEAD_BYTES,
                                                part->payload + WIRE_HEAD_BYTES);
    answer.fin = roost__v1__fin__unpack(NULL, fin->payload_size - WIRE_HEAD_BYTES,
                                        fin->payload + WIRE_HEAD_BYTES);
    assert_non_null(answer.fin);
    return answer;
}

static Roost__V1__Query query_of(Roost__V1__QueryKind kind, const char *scope)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.request_id = 42;
    query.kind = kind;
    if (scope)
        query.scope = world_bytes(scope);
    return query;
}

/* "name name ..." of what a query of this kind gives, or "!CODE". */
static const char *names(struct world *world, int64_t peer, bool is_admin, Roost__V1__Query query)
{
    static char text[512];
    struct answer answer = ask(world, peer, is_admin, &query);
    size_t at = 0;
    text[0] = '\0';
    if (answer.fin->code)
        at += (size_t)snprintf(text, sizeof(text), "!%u", (unsigned)answer.fin->code);
    for (size_t i = 0; answer.part && i < answer.part->n_rooms; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s ",
                               (int)answer.part->rooms[i]->name.len,
                               (char *)answer.part->rooms[i]->name.data);
    for (size_t i = 0; answer.part && i < answer.part->n_members; i++)
        at += (size_t)snprintf(
            text + at, sizeof(text) - at, "%.*s%d%s ", (int)answer.part->members[i]->peer.len,
            (char *)answer.part->members[i]->peer.data, (int)answer.part->members[i]->role,
            answer.part->members[i]->is_online ? "+" : "");
    for (size_t i = 0; answer.part && i < answer.part->n_invitations; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s>%.*s ",
                               (int)answer.part->invitations[i]->inviter.len,
                               (char *)answer.part->invitations[i]->inviter.data,
                               (int)answer.part->invitations[i]->scope.len,
                               (char *)answer.part->invitations[i]->scope.data);
    for (size_t i = 0; answer.part && i < answer.part->n_messages; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s ",
                               (int)answer.part->messages[i]->body.len,
                               (char *)answer.part->messages[i]->body.data);
    for (size_t i = 0; answer.part && i < answer.part->n_unread; i++)
        at += (size_t)snprintf(
            text + at, sizeof(text) - at, "%.*s%.*s=%u ", (int)answer.part->unread[i]->scope.len,
            (char *)answer.part->unread[i]->scope.data, (int)answer.part->unread[i]->peer.len,
            (char *)answer.part->unread[i]->peer.data, (unsigned)answer.part->unread[i]->unread);
    if (answer.fin->has_more)
        (void)snprintf(text + at, sizeof(text) - at, "...");
    answer_free(&answer);
    return text;
}

static const char *refusal(enum err err)
{
    static char text[16];
    (void)snprintf(text, sizeof(text), "!%u", (unsigned)err_code(err));
    return text;
}

/* Rooms zoo (public, of ana) and attic (private, of ana); bob is in none of them. */
struct cast {
    int64_t ana, bob, eve;
};

static struct cast set_up(struct world *world)
{
    struct cast cast = {world_peer(world, "ana"), world_peer(world, "bob"),
                        world_peer(world, "eve")};
    INTERNAL(Call) call = room_call(CREATE, cast.ana, "attic");
    call.privacy = ROOST__V1__PRIVACY__PRIVATE;
    call.topic = world_bytes("dust");
    assert_int_equal(room_ask(world, &call)->code, 0);
    assert_int_equal(room_do(world, CREATE, cast.ana, "Zoo"), 0);
    return cast;
}

static void private_rooms_are_not_listed(void **state)
{
    struct world *world = *state;
    struct cast cast = set_up(world);
    Roost__V1__Query rooms = query_of(ROOST__V1__QUERY_KIND__ROOMS, NULL);
    assert_string_equal(names(world, cast.bob, false, rooms), "Lobby Zoo ");
    assert_string_equal(names(world, cast.ana, false, rooms), "attic Lobby Zoo ");
    assert_string_equal(names(world, cast.bob, true, rooms), "attic Lobby Zoo ");
    rooms.online_only = true; /* mine */
    assert_string_equal(names(world, cast.ana, false, rooms), "attic Zoo ");
    assert_string_equal(names(world, cast.bob, false, rooms), "");
    rooms.online_only = false;
    rooms.limit = 1;
    assert_string_equal(names(world, cast.ana, false, rooms), "attic ...");
    rooms.after_name = world_bytes("ATTIC");
    assert_string_equal(names(world, cast.ana, false, rooms), "Lobby ...");
    rooms.after_name = world_bytes("Lobby");
    assert_string_equal(names(world, cast.ana, false, rooms), "Zoo ");
    rooms = query_of(ROOST__V1__QUERY_KIND__ROOMS, "room:attic");
    assert_string_equal(names(world, cast.bob, false, rooms), refusal(ERR_NO_SUCH_SCOPE));
    assert_string_equal(names(world, cast.ana, false, rooms), "attic ");
    room_exec(world, "INSERT INTO account (peer_id, password_hash, role, created_ms) SELECT id, '',"
                     " 4, 1 FROM peer WHERE name = 'eve'");
    assert_string_equal(names(world, cast.eve, false, rooms), "attic ");
}

static void a_room_says_what_it_is(void **state)
{
    struct world *world = *state;
    struct cast cast = set_up(world);
    uint64_t seq = world_store(world, 1, cast.ana, 1, "room:attic", "x");
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__ROOMS, NULL);
    struct answer answer = ask(world, cast.ana, false, &query);
    assert_int_equal(answer.part->n_rooms, 3);
    const Roost__V1__Room *room = answer.part->rooms[0];
    assert_bytes(room->topic, "dust");
    assert_bytes(room->creator, "ana");
    assert_int_equal(room->privacy, ROOST__V1__PRIVACY__PRIVATE);
    assert_int_equal(room->members, 1);
    assert_int_equal(room->my_role, ROOST__V1__ROOM_ROLE__OWNER);
    assert_int_equal(room->last_seq, seq);
    assert_true(room->created_ms > 0);
    answer_free(&answer);
}

static void members_are_for_members(void **state)
{
    struct world *world = *state;
    struct cast cast = set_up(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__MEMBERS, "room:zoo");
    assert_string_equal(names(world, cast.bob, false, query), refusal(ERR_NOT_MEMBER));
    assert_int_equal(room_do(world, JOIN, cast.bob, "zoo"), 0);
    assert_int_equal(room_do_to(world, ROLE, cast.ana, "zoo", "eve", BANNED), 0);
    assert_string_equal(names(world, cast.bob, false, query), "ana1+ bob3+ ");
    assert_string_equal(names(world, cast.ana, false, query), "ana1+ bob3+ eve5+ ");
    assert_string_equal(names(world, cast.eve, false, query), refusal(ERR_ROOM_BANNED));
    query.limit = 1;
    query.after_name = world_bytes("ana");
    assert_string_equal(names(world, cast.bob, false, query), "bob3+ ");
    world_advance(world, 600 * 1000);
    assert_string_equal(names(world, cast.bob, false, query), "bob3 "); /* nobody is online now */
    query.online_only = true;
    assert_string_equal(names(world, cast.bob, false, query), "");
    query = query_of(ROOST__V1__QUERY_KIND__MEMBERS, NULL);
    assert_string_equal(names(world, cast.bob, false, query), refusal(ERR_MISSING_FIELD));
    query.scope = world_bytes("queue:zoo");
    assert_string_equal(names(world, cast.bob, false, query), refusal(ERR_BAD_SCOPE));
}

static void invitations_are_listed(void **state)
{
    struct world *world = *state;
    struct cast cast = set_up(world);
    assert_int_equal(room_do_to(world, INVITE, cast.ana, "zoo", "bob", 0), 0);
    assert_int_equal(room_do_to(world, INVITE, cast.ana, "attic", "bob", 0), 0);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__INVITATIONS, NULL);
    assert_string_equal(names(world, cast.bob, false, query), "ana>room:Zoo ana>room:attic ");
    assert_string_equal(names(world, cast.ana, false, query), "");
    query.newest_first = true;
    query.limit = 1;
    assert_string_equal(names(world, cast.bob, false, query), "ana>room:attic ...");
    query.peer = world_bytes("ana");
    assert_string_equal(names(world, cast.ana, false, query), "ana>room:attic ...");
    assert_string_equal(names(world, cast.bob, false, query), refusal(ERR_NOT_ALLOWED));
    query.peer = world_bytes("bob");
    assert_string_equal(names(world, cast.ana, true, query), "ana>room:attic ...");
    world_advance(world, (int64_t)8 * 86400 * 1000);
    query = query_of(ROOST__V1__QUERY_KIND__INVITATIONS, NULL);
    assert_string_equal(names(world, cast.bob, false, query), "");
}

static void history_is_for_members(void **state)
{
    struct world *world = *state;
    struct cast cast = set_up(world);
    uint8_t id[UUID_BYTES];
    world_id(world, id);
    struct world_entry entry = {.scope = "room:attic", .body = "secret", .id = id};
    (void)world_send(world, 1, cast.ana, 1, &entry, 1);
    world_settle(world);
    (void)world_store(world, 1, cast.ana, 2, "room:Lobby", "hello");
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__HISTORY, "room:attic");
    Roost__V1__Query by_id = query_of(ROOST__V1__QUERY_KIND__BY_ID, NULL);
    by_id.message_ids = (ProtobufCBinaryData){sizeof(id), id};
    assert_string_equal(names(world, cast.bob, false, query), refusal(ERR_NOT_MEMBER));
    assert_string_equal(names(world, cast.bob, false, by_id), "");
    assert_string_equal(names(world, cast.bob, true, query), "secret ");
    assert_string_equal(names(world, cast.ana, false, query), "secret ");
    assert_string_equal(names(world, cast.ana, false, by_id), "secret ");
    assert_int_equal(room_do_to(world, INVITE, cast.ana, "attic", "bob", 0), 0);
    assert_int_equal(room_do(world, JOIN, cast.bob, "attic"), 0);
    assert_string_equal(names(world, cast.bob, false, query), "secret ");
    assert_int_equal(room_do_to(world, ROLE, cast.ana, "attic", "bob", READER), 0);
    assert_string_equal(names(world, cast.bob, false, by_id), "secret ");
    assert_int_equal(room_do(world, LEAVE, cast.bob, "attic"), 0);
    assert_string_equal(names(world, cast.bob, false, query), refusal(ERR_NOT_MEMBER));
    assert_string_equal(names(world, cast.bob, false, by_id), "");
    query = query_of(ROOST__V1__QUERY_KIND__HISTORY, "room:lobby");
    assert_string_equal(names(world, cast.eve, false, query), "hello ");
}

static void rooms_are_conversations_of_their_members(void **state)
{
    struct world *world = *state;
    struct cast cast = set_up(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__UNREAD, NULL);
    (void)world_store(world, 1, cast.ana, 1, "room:zoo", "before");
    assert_string_equal(names(world, cast.bob, false, query), "");
    assert_int_equal(room_do(world, JOIN, cast.bob, "zoo"), 0);
    assert_string_equal(names(world, cast.bob, false, query), "room:Zoo=0 ");
    uint64_t seq = world_store(world, 1, cast.ana, 2, "room:zoo", "after");
    assert_string_equal(names(world, cast.bob, false, query), "room:Zoo=1 ");
    world_advance(world, 3000); /* the same when it is indexed */
    assert_string_equal(names(world, cast.bob, false, query), "room:Zoo=1 ");
    (void)world_store(world, 2, cast.bob, 1, "room:zoo", "mine");
    assert_string_equal(names(world, cast.bob, false, query), "room:Zoo=1 ");
    Roost__V1__Query list = query_of(ROOST__V1__QUERY_KIND__CONVERSATIONS, NULL);
    assert_string_equal(names(world, cast.bob, false, list), "mine room:Zoo=1 ");
    INTERNAL(Call) mark = room_call(ROOST__V1__METHOD__MARK_READ, cast.bob, "zoo");
    mark.seq = seq;
    assert_int_equal(room_ask(world, &mark)->code, 0);
    assert_string_equal(names(world, cast.bob, false, query), "room:Zoo=0 ");
    assert_int_equal(room_do_to(world, ROLE, cast.ana, "zoo", "bob", NONE), 0);
    assert_string_equal(names(world, cast.bob, false, query), ""); /* though it wrote there */
    assert_string_equal(names(world, cast.bob, false, list), "");
    assert_code(room_ask(world, &mark)->code, ERR_NOT_MEMBER);
    query.scope = world_bytes("room:zoo");
    assert_string_equal(names(world, cast.bob, false, query), refusal(ERR_NOT_MEMBER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(private_rooms_are_not_listed), T(a_room_says_what_it_is),
        T(members_are_for_members),      T(invitations_are_listed),
        T(history_is_for_members),       T(rooms_are_conversations_of_their_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
