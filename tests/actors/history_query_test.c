/* SPDX-License-Identifier: MPL-2.0
 *
 * QUERY and SYNC: pages, rights, and every kind of query.
 */
#include "persistence_world.h"

#include <stdlib.h>
#include <string.h>

#include "store/consumers.h"

/* --- One query and everything it was answered with, flattened. */

struct answer {
    Roost__V1__Result *parts[64];
    size_t part_count;
    Roost__V1__Fin *fin;
};

static struct answer answer;

static void answer_clear(void)
{
    for (size_t i = 0; i < answer.part_count; i++)
        roost__v1__result__free_unpacked(answer.parts[i], NULL);
    if (answer.fin)
        roost__v1__fin__free_unpacked(answer.fin, NULL);
    answer = (struct answer){.part_count = 0};
}

static int teardown(void **state)
{
    answer_clear();
    return world_teardown(state);
}

static void collect(struct world *world)
{
    answer_clear();
    for (size_t i = 0; i < world_count(world, MSG_QUERY_PART); i++) {
        const struct world_message *part = world_nth(world, MSG_QUERY_PART, i);
        assert_true(part->payload_size <= WIRE_FRAME_BYTES_DEFAULT);
        answer.parts[answer.part_count] = roost__v1__result__unpack(
            NULL, part->payload_size - WIRE_HEAD_BYTES, part->payload + WIRE_HEAD_BYTES);
        assert_non_null(answer.parts[answer.part_count]);
        assert_int_equal(answer.parts[answer.part_count]->request_id, 42);
        answer.part_count++;
    }
    assert_int_equal(world_count(world, MSG_QUERY_DONE), 1);
    const struct world_message *fin = world_nth(world, MSG_QUERY_DONE, 0);
    answer.fin = roost__v1__fin__unpack(NULL, fin->payload_size - WIRE_HEAD_BYTES,
                                        fin->payload + WIRE_HEAD_BYTES);
    assert_non_null(answer.fin);
    assert_int_equal(answer.fin->request_id, 42);
}

static uint32_t ask_frame(struct world *world, int64_t peer, bool is_admin, Roost__V1__Type type,
                          const ProtobufCMessage *question)
{
    INTERNAL(Query) ask = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    assert_int_equal(wire_pack(type, question, &frame), ERR_OK);
    ask.session = 5;
    ask.peer_id = peer;
    ask.is_admin = is_admin;
    world_forget(world);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    collect(world);
    return answer.fin->code;
}

static Roost__V1__Query query_of(Roost__V1__QueryKind kind)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.request_id = 42;
    query.kind = kind;
    return query;
}

static uint32_t ask(struct world *world, int64_t peer, const Roost__V1__Query *query)
{
    return ask_frame(world, peer, false, ROOST__V1__TYPE__QUERY, &query->base);
}

static uint32_t ask_admin(struct world *world, const Roost__V1__Query *query)
{
    return ask_frame(world, 0, true, ROOST__V1__TYPE__QUERY, &query->base);
}

static size_t message_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < answer.part_count; i++)
        count += answer.parts[i]->n_messages;
    return count;
}

static const Roost__V1__Delivery *message(size_t n)
{
    for (size_t i = 0; i < answer.part_count; i++) {
        if (n < answer.parts[i]->n_messages)
            return answer.parts[i]->messages[n];
        n -= answer.parts[i]->n_messages;
    }
    fail_msg("no such message");
    return NULL;
}

/* --- A little conversation: ana and bob, in turns; and one of ana and eve. */

struct cast {
    int64_t ana, bob, eve;
    uint64_t seqs[20]; /* of ana and bob */
    uint64_t secret;   /* of ana and eve */
};

static struct cast talk(struct world *world)
{
    struct cast cast = {
        .ana = world_peer(world, "Ana"),
        .bob = world_peer(world, "Bob"),
        .eve = world_peer(world, "Eve"),
    };
    char body[16];
    for (uint64_t i = 0; i < 20; i++) {
        (void)snprintf(body, sizeof(body), "line %u", (unsigned)i);
        bool is_ana = i % 2 == 0;
        cast.seqs[i] = world_store(world, is_ana ? 1 : 2, is_ana ? cast.ana : cast.bob, i / 2 + 1,
                                   is_ana ? "peer:bob" : "peer:ana", body);
        if (i == 9)
            world_advance(world, 2000); /* some are indexed, some are not */
    }
    cast.secret = world_store(world, 3, cast.eve, 1, "peer:ana", "secret");
    return cast;
}

static void history_goes_in_pages(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__HISTORY);
    query.peer = world_bytes("bob");
    query.limit = 8;
    size_t seen = 0, pages = 0;
    do {
        assert_int_equal(ask(world, cast.ana, &query), 0);
        for (size_t i = 0; i < message_count(); i++, seen++) {
            assert_int_equal(message(i)->seq, cast.seqs[seen]);
            assert_bytes(message(i)->sender, seen % 2 ? "Bob" : "Ana");
            assert_bytes(message(i)->scope, seen % 2 ? "peer:Ana" : "peer:Bob");
        }
        query.after_seq = answer.fin->next_seq;
        pages++;
    } while (answer.fin->has_more);
    assert_int_equal(seen, 20);
    assert_int_equal(pages, 3);

    query.after_seq = 0;
    query.newest_first = true;
    query.limit = 15;
    assert_int_equal(ask(world, cast.bob, &query), 0);
    assert_int_equal(message_count(), 0); /* bob with himself */
    query.peer = world_bytes("ANA");
    assert_int_equal(ask(world, cast.bob, &query), 0);
    assert_int_equal(message(0)->seq, cast.seqs[19]);
    assert_true(answer.fin->has_more);
    query.before_seq = answer.fin->next_seq;
    assert_int_equal(ask(world, cast.bob, &query), 0);
    assert_int_equal(message_count(), 5);
    assert_int_equal(message(4)->seq, cast.seqs[0]);
    assert_false(answer.fin->has_more);
}

static void history_by_time(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__HISTORY);
    query.peer = world_bytes("bob");
    assert_int_equal(ask(world, cast.ana, &query), 0);
    uint64_t from_ms = message(5)->stored_ms, to_ms = message(12)->stored_ms;
    query.from_ms = from_ms;
    query.to_ms = to_ms; /* not included */
    assert_int_equal(ask(world, cast.ana, &query), 0);
    for (size_t i = 0; i < message_count(); i++)
        assert_true(message(i)->stored_ms >= from_ms && message(i)->stored_ms < to_ms);
    assert_true(message_count() >= 5);
}

static void nobody_reads_what_is_not_his(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__HISTORY);
    query.scope = world_bytes("peer:ana");
    assert_int_equal(ask(world, cast.bob, &query), err_code(ERR_NOT_ALLOWED));
    assert_int_equal(answer.part_count, 0);
    query.peer = world_bytes("eve"); /* ana's conversation with eve */
    assert_int_equal(ask(world, cast.bob, &query), err_code(ERR_NOT_ALLOWED));
    assert_int_equal(ask_admin(world, &query), 0);
    assert_int_equal(message_count(), 1);
    query.scope = world_bytes("");
    assert_int_equal(ask(world, cast.bob, &query), 0);
    assert_int_equal(message_count(), 0); /* bob's own with eve */
    query.peer = world_bytes("nobody");
    assert_int_equal(ask(world, cast.bob, &query), err_code(ERR_NO_SUCH_PEER));

    query = query_of(ROOST__V1__QUERY_KIND__BY_ID);
    Roost__V1__Query find = query_of(ROOST__V1__QUERY_KIND__HISTORY);
    find.peer = world_bytes("eve");
    assert_int_equal(ask(world, cast.ana, &find), 0);
    uint8_t id[16];
    memcpy(id, message(0)->message_id.data, 16);
    query.message_ids = (ProtobufCBinaryData){16, id};
    assert_int_equal(ask(world, cast.ana, &query), 0);
    assert_int_equal(message_count(), 1);
    assert_int_equal(message(0)->seq, cast.secret);
    assert_int_equal(ask(world, cast.bob, &query), 0);
    assert_int_equal(message_count(), 0);
    query.kind = ROOST__V1__QUERY_KIND__TRACE;
    assert_int_equal(ask(world, cast.bob, &query), err_code(ERR_NO_SUCH_MESSAGE));
    assert_int_equal(ask(world, cast.eve, &query), 0);
}

static void a_mailbox_is_what_was_sent_to_it(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__HISTORY);
    query.scope = world_bytes("peer:ana");
    query.limit = 7;
    size_t seen = 0;
    do {
        assert_int_equal(ask(world, cast.ana, &query), 0);
        for (size_t i = 0; i < message_count(); i++, seen++)
            assert_bytes(message(i)->scope, "peer:Ana");
        query.after_seq = answer.fin->next_seq;
    } while (answer.fin->has_more);
    assert_int_equal(seen, 11); /* ten of bob, one of eve */
}

static void queues_and_topics_are_open(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)world_store(world, 1, ana, 1, "topic:news", "x");
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__HISTORY);
    query.scope = world_bytes("topic:news");
    assert_int_equal(ask(world, bob, &query), 0);
    assert_int_equal(message_count(), 1);
    query.scope = world_bytes("topic:olds");
    assert_int_equal(ask(world, bob, &query), err_code(ERR_NO_SUCH_SCOPE));
}

static void sync_brings_everything_since(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Sync sync = ROOST__V1__SYNC__INIT;
    sync.request_id = 42;
    sync.limit = 6;
    size_t seen = 0;
    do {
        assert_int_equal(ask_frame(world, cast.ana, false, ROOST__V1__TYPE__SYNC, &sync.base), 0);
        seen += message_count();
        sync.after_seq = answer.fin->next_seq;
    } while (answer.fin->has_more);
    assert_int_equal(seen, 21);
    assert_int_equal(sync.after_seq, cast.secret);
    assert_int_equal(ask_frame(world, cast.ana, false, ROOST__V1__TYPE__SYNC, &sync.base), 0);
    assert_int_equal(message_count(), 0);
    assert_int_equal(answer.fin->next_seq, cast.secret); /* stays where it was */
}

static void unread_counts(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__UNREAD);
    assert_int_equal(ask(world, cast.ana, &query), 0);
    assert_int_equal(answer.part_count, 1);
    const Roost__V1__Result *part = answer.parts[0];
    assert_int_equal(part->n_unread, 2);
    assert_bytes(part->unread[0]->peer, "Eve"); /* newest first */
    assert_int_equal(part->unread[0]->unread, 1);
    assert_bytes(part->unread[1]->peer, "Bob");
    assert_int_equal(part->unread[1]->unread, 10);
    assert_int_equal(part->unread[1]->last_seq, cast.seqs[19]);

    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = ROOST__V1__METHOD__MARK_READ;
    call.peer_id = cast.ana;
    call.peer = world_bytes("bob");
    call.seq = cast.seqs[9];
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_CALL, &call.base, NULL, 0);
    world_settle(world);
    query.peer = world_bytes("bob");
    assert_int_equal(ask(world, cast.ana, &query), 0);
    assert_int_equal(answer.parts[0]->n_unread, 1);
    assert_int_equal(answer.parts[0]->unread[0]->unread, 5);
    assert_int_equal(answer.parts[0]->unread[0]->marker_seq, cast.seqs[9]);

    query = query_of(ROOST__V1__QUERY_KIND__CONVERSATIONS);
    query.limit = 1;
    assert_int_equal(ask(world, cast.ana, &query), 0);
    assert_int_equal(answer.parts[0]->n_unread, 1);
    assert_int_equal(message_count(), 1);
    assert_bytes(message(0)->body, "secret");
    assert_true(answer.fin->has_more);
    query.offset = 1;
    assert_int_equal(ask(world, cast.ana, &query), 0);
    assert_bytes(message(0)->body, "line 19");
    assert_false(answer.fin->has_more);
}

static void peers_are_listed_and_computed(void **state)
{
    struct world *world = *state;
    (void)talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__PEERS);
    query.limit = 2;
    assert_int_equal(ask(world, 1, &query), 0);
    assert_int_equal(answer.parts[0]->n_peers, 2);
    assert_bytes(answer.parts[0]->peers[0]->name, "Ana");
    assert_true(answer.parts[0]->peers[0]->is_online);
    assert_true(answer.fin->has_more);
    uint8_t next_name[8];
    assert_int_equal(answer.fin->next_name.len, 3);
    memcpy(next_name, answer.fin->next_name.data, 3);
    query.after_name = (ProtobufCBinaryData){3, next_name};
    assert_int_equal(ask(world, 1, &query), 0);
    assert_int_equal(answer.parts[0]->n_peers, 1);
    assert_bytes(answer.parts[0]->peers[0]->name, "Eve");
    assert_false(answer.fin->has_more);

    world_advance(world, 200000); /* longer than the timeout */
    query = query_of(ROOST__V1__QUERY_KIND__PEERS);
    query.online_only = true;
    assert_int_equal(ask(world, 1, &query), 0);
    assert_int_equal(answer.part_count, 0);
    query.online_only = false;
    query.peer = world_bytes("EVE");
    assert_int_equal(ask(world, 1, &query), 0);
    assert_int_equal(answer.parts[0]->n_peers, 1);
    assert_false(answer.parts[0]->peers[0]->is_online);
}

static void presence_is_the_same_everywhere_when_the_clock_jumps(void **state)
{
    struct world *world = *state;
    (void)talk(world);
    sim_wall_jump(world->sim, 3600000);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__PEERS);
    query.online_only = true;
    assert_int_equal(ask(world, 1, &query), 0);
    assert_int_equal(answer.parts[0]->n_peers, 3);
}

static void dead_letters_and_traces(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seqs[3];
    for (uint64_t i = 0; i < 3; i++)
        seqs[i] = world_store(world, 1, ana, i + 1, "queue:q", "job");
    int64_t consumer = world_open(world, ana, SCOPE_QUEUE, "q", "main", 0, 0)->row->consumer_id;
    (void)world_open(world, ana, SCOPE_QUEUE, "q", "copy", ROOST__V1__START__START_FIRST, 0);
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    INTERNAL(ConsumerChange) change = ROOST__INTERNAL__CONSUMER_CHANGE__INIT;
    INTERNAL(ConsumerChange) * changes[] = {&change};
    INTERNAL(ExceptionRow) dead = ROOST__INTERNAL__EXCEPTION_ROW__INIT, *rows[] = {&dead};
    dead.seq = seqs[1];
    dead.state = EXCEPTION_DEAD;
    dead.attempts = 10;
    dead.reason = 5006;
    dead.text = (char *)(uintptr_t) "disk on fire";
    change.consumer_id = consumer;
    change.floor_seq = seqs[1];
    change.put = rows;
    change.n_put = 1;
    write.changes = changes;
    write.n_changes = 1;
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    world_settle(world);

    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__DEAD_LETTERS);
    query.scope = world_bytes("queue:q");
    assert_int_equal(ask(world, ana, &query), 0);
    assert_int_equal(answer.parts[0]->n_dead, 1);
    const Roost__V1__DeadLetter *letter = answer.parts[0]->dead[0];
    assert_int_equal(letter->reason, 5006);
    assert_string_equal(letter->text, "disk on fire");
    assert_int_equal(letter->attempts, 10);
    assert_bytes(letter->consumer, "main");
    assert_bytes(letter->message->body, "job");
    uint8_t id[16];
    memcpy(id, letter->message->message_id.data, 16);

    query = query_of(ROOST__V1__QUERY_KIND__TRACE);
    query.message_ids = (ProtobufCBinaryData){16, id};
    assert_int_equal(ask(world, ana, &query), 0);
    assert_int_equal(answer.parts[0]->n_steps, 3);
    assert_bytes(answer.parts[0]->steps[0]->event, "stored");
    assert_bytes(answer.parts[0]->steps[0]->scope, "queue:q");
    assert_bytes(answer.parts[0]->steps[1]->event, "dead");
    assert_bytes(answer.parts[0]->steps[1]->consumer, "main");
    assert_int_equal(answer.parts[0]->steps[1]->reason, 5006);
    assert_bytes(answer.parts[0]->steps[2]->event, "waiting");
    assert_bytes(answer.parts[0]->steps[2]->consumer, "copy");
}

static void inspection_is_filled_in(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seq = world_store(world, 1, ana, 1, "queue:q", "job");
    int64_t consumer = world_open(world, ana, SCOPE_QUEUE, "q", "main", 0, 0)->row->consumer_id;
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    INTERNAL(InspectFill) fill = ROOST__INTERNAL__INSPECT_FILL__INIT;
    INTERNAL(InspectRow) row = ROOST__INTERNAL__INSPECT_ROW__INIT, *rows[] = {&row};
    INTERNAL(ConsumerRow) of = ROOST__INTERNAL__CONSUMER_ROW__INIT;
    of.consumer_id = consumer;
    of.scope_id = appended->runs[0]->scope_id;
    of.consumer = world_bytes("main");
    row.row = &of;
    row.waiting = 1;
    row.leased = 1;
    fill.gateway = WORLD_GATEWAY;
    fill.correlation = 4711;
    fill.session = 5;
    fill.request_id = 42;
    fill.rows = rows;
    fill.n_rows = 1;
    world_forget(world);
    world_tell(world, ACTOR_HISTORY, MSG_INSPECT_FILL, &fill.base);
    world_settle(world);
    collect(world);
    assert_int_equal(world_nth(world, MSG_QUERY_DONE, 0)->correlation, 4711);
    assert_int_equal(answer.parts[0]->n_consumers, 1);
    assert_int_equal(answer.parts[0]->consumers[0]->last_seq, seq);
    assert_int_equal(answer.parts[0]->consumers[0]->leased, 1);
    assert_bytes(answer.parts[0]->consumers[0]->scope, "queue:q");
}

/* Of whom sync-manager knows no consumer: is it there? */
static void inspection_without_consumers(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    (void)world_store(world, 1, ana, 1, "topic:News", "read by nobody");
    const struct {
        const char *scope;
        uint32_t code;
    } cases[] = {{"topic:news", 0}, {"topic:olds", 3002}, {"queue:news", 3002}, {"", 3002}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        INTERNAL(InspectFill) fill = ROOST__INTERNAL__INSPECT_FILL__INIT;
        fill.gateway = WORLD_GATEWAY;
        fill.correlation = 4711;
        fill.session = 5;
        fill.request_id = 42;
        fill.code = err_code(ERR_NO_SUCH_SCOPE);
        fill.scope = world_bytes(cases[i].scope);
        world_forget(world);
        world_tell(world, ACTOR_HISTORY, MSG_INSPECT_FILL, &fill.base);
        world_settle(world);
        collect(world);
        assert_int_equal(answer.fin->code, cases[i].code);
    }
}

static void large_pages_come_in_parts_and_end(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    static char body[400001];
    memset(body, 'b', sizeof(body) - 1);
    for (uint64_t no = 1; no <= 30; no++)
        (void)world_store(world, 1, ana, no, "topic:big", body);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__HISTORY);
    query.scope = world_bytes("topic:big");
    size_t seen = 0, pages = 0;
    do {
        assert_int_equal(ask(world, ana, &query), 0);
        seen += message_count();
        assert_true(answer.part_count > 1);
        query.after_seq = answer.fin->next_seq;
        pages++;
    } while (answer.fin->has_more);
    assert_int_equal(seen, 30);
    assert_true(pages > 1); /* 12 MB are more than one answer may have */
}

static void statistics(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__STATS);
    assert_int_equal(ask(world, cast.ana, &query), 0);
    bool is_found = false;
    for (size_t i = 0; i < answer.parts[0]->n_counters; i++) {
        const Roost__V1__Counter *counter = answer.parts[0]->counters[i];
        if (counter->name.len == strlen("store_last_seq") &&
            memcmp(counter->name.data, "store_last_seq", counter->name.len) == 0) {
            is_found = true;
            assert_int_equal(counter->value, cast.secret);
        }
    }
    assert_true(is_found);
}

static void tables_are_for_administrators(void **state)
{
    struct world *world = *state;
    struct cast cast = talk(world);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__TABLES);
    assert_int_equal(ask(world, cast.ana, &query), 2003);
    assert_int_equal(ask_admin(world, &query), 0);
    size_t count = answer.parts[0]->n_counters;
    assert_true(count > 20);
    assert_bytes(answer.parts[0]->counters[count - 1]->name, "message"); /* all of it is counted */
    assert_bytes(answer.parts[0]->counters[0]->unit, "bytes");
}

static void nonsense_is_refused(void **state)
{
    struct world *world = *state;
    INTERNAL(Query) ask_raw = ROOST__INTERNAL__QUERY__INIT;
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask_raw.base, "\xb5\x0c\x01\x28\x08\x2a\xff",
                    7);
    world_settle(world);
    assert_int_equal(world_count(world, MSG_QUERY_DONE), 1);
    Roost__V1__Query query = query_of(ROOST__V1__QUERY_KIND__INSPECT); /* not ours */
    query.scope = world_bytes("queue:q");
    assert_int_equal(ask(world, 1, &query), err_code(ERR_UNKNOWN_CALL));
    query = query_of(ROOST__V1__QUERY_KIND__DEAD_LETTERS);
    assert_true(ask(world, 1, &query) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, teardown)
        T(history_goes_in_pages),
        T(history_by_time),
        T(nobody_reads_what_is_not_his),
        T(a_mailbox_is_what_was_sent_to_it),
        T(queues_and_topics_are_open),
        T(sync_brings_everything_since),
        T(unread_counts),
        T(peers_are_listed_and_computed),
        T(presence_is_the_same_everywhere_when_the_clock_jumps),
        T(dead_letters_and_traces),
        T(inspection_is_filled_in),
        T(inspection_without_consumers),
        T(large_pages_come_in_parts_and_end),
        T(statistics),
        T(tables_are_for_administrators),
        T(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
