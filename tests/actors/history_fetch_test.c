/* SPDX-License-Identifier: MPL-2.0
 *
 * FETCH: frames, gaps, limits, damage.
 */
#include "persistence_world.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "store/consumers.h"
#include "store/messages.h"
#include "store/store.h"

static const INTERNAL(Fetched) * fetch_with(struct world *world, const INTERNAL(Fetch) * fetch)
{
    world_forget(world);
    uint64_t correlation = world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch->base, NULL, 0);
    world_settle(world);
    const INTERNAL(Fetched) *fetched = world_answer(world, correlation);
    assert_non_null(fetched);
    return fetched;
}

static INTERNAL(Fetch) fetch_of(uint64_t *seqs, size_t count)
{
    INTERNAL(Fetch) fetch = ROOST__INTERNAL__FETCH__INIT;
    fetch.gateway = WORLD_GATEWAY;
    fetch.session = 5;
    fetch.handle = 9;
    fetch.first_delivery_no = 100;
    fetch.seqs = seqs;
    fetch.n_seqs = count;
    return fetch;
}

/* The n-th DELIVER that came; free it. */
static Roost__V1__Deliver *deliver(struct world *world, size_t n)
{
    const struct world_message *out = world_nth(world, MSG_DELIVER_OUT, n);
    assert_non_null(out);
    const INTERNAL(DeliverOut) *head = (const void *)out->body;
    assert_int_equal(head->session, 5);
    assert_int_equal(head->handle, 9);
    uint32_t type = 0;
    assert_int_equal(wire_peek_type(out->payload, out->payload_size, &type), ERR_OK);
    assert_int_equal(type, ROOST__V1__TYPE__DELIVER);
    Roost__V1__Deliver *frame = roost__v1__deliver__unpack(
        NULL, out->payload_size - WIRE_HEAD_BYTES, out->payload + WIRE_HEAD_BYTES);
    assert_non_null(frame);
    assert_int_equal(frame->handle, 9);
    assert_int_equal(frame->n_entries, head->count);
    return frame;
}

/* One message with every field set; its ids are given. Returns its seq. */
static uint64_t store_full_message(struct world *world, int64_t peer, uint8_t *id, uint8_t *parent)
{
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    Roost__V1__Entry entry = ROOST__V1__ENTRY__INIT, *entries[] = {&entry};
    Roost__V1__Header header = ROOST__V1__HEADER__INIT, *headers[] = {&header, &header};
    header.name = world_bytes("colour");
    header.value = world_bytes("red");
    entry.message_id = (ProtobufCBinaryData){16, id};
    entry.parent_id = (ProtobufCBinaryData){16, parent};
    entry.scope = world_bytes("peer:bob");
    entry.body = world_bytes("hello");
    entry.kind = ROOST__V1__KIND__CUSTOM;
    entry.content_type = world_bytes("text/plain");
    entry.headers = headers;
    entry.n_headers = 2;
    entry.key = world_bytes("k");
    entry.priority = 3;
    entry.reply_to = world_bytes("peer:ana");
    entry.correlation_id = world_bytes("c");
    entry.created_ms = 123456;
    send.first_no = 1;
    send.entries = entries;
    send.n_entries = 1;
    zmq_msg_t frame;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__SEND, &send.base, &frame), ERR_OK);
    INTERNAL(Store) store = ROOST__INTERNAL__STORE__INIT;
    store.session = 1;
    store.peer_id = peer;
    store.first_no = 1;
    store.count = 1;
    store.is_unverified = true;
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_STORE, &store.base,
                                     zmq_msg_data(&frame), zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_int_equal(done->n_runs, 1);
    return done->runs[0]->first_seq;
}

static void delivers_what_was_sent(void **state)
{
    struct world *world = *state;
    uint8_t id[16], parent[16];
    world_id(world, id);
    world_id(world, parent);
    uint64_t seq = store_full_message(world, world_peer(world, "Ana"), id, parent);
    INTERNAL(Fetch) fetch = fetch_of(&seq, 1);
    uint32_t attempts = 4;
    protobuf_c_boolean redelivered = 1;
    fetch.attempts = &attempts;
    fetch.n_attempts = 1;
    fetch.redelivered = &redelivered;
    fetch.n_redelivered = 1;
    const INTERNAL(Fetched) *fetched = fetch_with(world, &fetch);
    assert_int_equal(fetched->taken, 1);
    assert_int_equal(fetched->body_bytes, 5);
    Roost__V1__Deliver *out = deliver(world, 0);
    assert_int_equal(out->first_delivery_no, 100);
    const Roost__V1__Delivery *d = out->entries[0];
    assert_int_equal(d->seq, seq);
    assert_memory_equal(d->message_id.data, id, 16);
    assert_memory_equal(d->parent_id.data, parent, 16);
    assert_bytes(d->sender, "Ana");
    assert_bytes(d->body, "hello");
    assert_int_equal(d->kind, ROOST__V1__KIND__CUSTOM);
    assert_bytes(d->content_type, "text/plain");
    assert_int_equal(d->n_headers, 2);
    assert_bytes(d->headers[1]->name, "colour");
    assert_bytes(d->headers[1]->value, "red");
    assert_bytes(d->key, "k");
    assert_int_equal(d->priority, 3);
    assert_bytes(d->reply_to, "peer:ana");
    assert_bytes(d->correlation_id, "c");
    assert_int_equal(d->created_ms, 123456);
    assert_int_equal(d->expires_ms - d->stored_ms, 604800000);
    assert_int_equal(d->attempt, 4);
    assert_true(d->redelivered);
    assert_true(d->sender_unverified);
    assert_int_equal(d->scope.len, 0);
    roost__v1__deliver__free_unpacked(out, NULL);
}

static void fill(struct world *world, uint64_t *seqs, size_t count, const char *body)
{
    int64_t ana = world_peer(world, "ana");
    struct world_entry *entries = calloc(count, sizeof(*entries));
    assert_non_null(entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct world_entry){.scope = "peer:bob", .body = body};
    uint64_t correlation = world_send(world, 1, ana, 1, entries, count);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_int_equal(done->runs[0]->count, count);
    for (size_t i = 0; i < count; i++)
        seqs[i] = done->runs[0]->first_seq + i;
    free(entries);
}

static void numbers_stay_in_place_when_one_is_missing(void **state)
{
    struct world *world = *state;
    uint64_t seqs[6];
    fill(world, seqs, 4, "x");
    uint64_t wanted[] = {seqs[0], seqs[1], seqs[3] + 500, seqs[2], seqs[3], seqs[3] + 600};
    INTERNAL(Fetch) fetch = fetch_of(wanted, 6); /* the third is not there, the fourth goes back */
    const INTERNAL(Fetched) *fetched = fetch_with(world, &fetch);
    assert_int_equal(fetched->taken, 6);
    assert_int_equal(fetched->n_missing, 2);
    assert_int_equal(fetched->missing[0], wanted[2]);
    assert_int_equal(fetched->missing[1], wanted[5]);
    assert_int_equal(world_count(world, MSG_DELIVER_OUT), 2);
    Roost__V1__Deliver *out = deliver(world, 0);
    assert_int_equal(out->first_delivery_no, 100);
    assert_int_equal(out->n_entries, 2);
    roost__v1__deliver__free_unpacked(out, NULL);
    out = deliver(world, 1);
    assert_int_equal(out->first_delivery_no, 103);
    assert_int_equal(out->n_entries, 2);
    assert_int_equal(out->entries[0]->seq, seqs[2]);
    roost__v1__deliver__free_unpacked(out, NULL);
}

static void other_scopes_are_not_delivered(void **state)
{
    struct world *world = *state;
    uint64_t seq;
    fill(world, &seq, 1, "x");
    INTERNAL(Fetch) fetch = fetch_of(&seq, 1);
    fetch.scope_id = 12345;
    assert_int_equal(fetch_with(world, &fetch)->n_missing, 1);
    assert_int_equal(world_count(world, MSG_DELIVER_OUT), 0);
}

static void stops_at_the_byte_limit(void **state)
{
    struct world *world = *state;
    uint64_t seqs[10];
    fill(world, seqs, 10, "0123456789");
    INTERNAL(Fetch) fetch = fetch_of(seqs, 10);
    fetch.bytes_max = 35;
    const INTERNAL(Fetched) *fetched = fetch_with(world, &fetch);
    assert_int_equal(fetched->taken, 3);
    assert_int_equal(fetched->body_bytes, 30);
    fetch.bytes_max = 1; /* at least one */
    assert_int_equal(fetch_with(world, &fetch)->taken, 1);
    fetch.bytes_max = 0; /* no limit */
    assert_int_equal(fetch_with(world, &fetch)->taken, 10);
}

static void large_fetches_become_several_frames(void **state)
{
    struct world *world = *state;
    static char body[300001];
    memset(body, 'b', sizeof(body) - 1);
    uint64_t seqs[20];
    int64_t ana = world_peer(world, "ana");
    for (uint64_t i = 0; i < 20; i++)
        seqs[i] = world_store(world, 1, ana, i + 1, "peer:bob", body);
    INTERNAL(Fetch) fetch = fetch_of(seqs, 20);
    const INTERNAL(Fetched) *fetched = fetch_with(world, &fetch);
    assert_int_equal(fetched->taken, 20);
    assert_int_equal(fetched->body_bytes, 20 * 300000);
    uint64_t next_no = 100;
    size_t frames = world_count(world, MSG_DELIVER_OUT);
    assert_true(frames > 1);
    for (size_t i = 0; i < frames; i++) {
        assert_true(world_nth(world, MSG_DELIVER_OUT, i)->payload_size <= WIRE_FRAME_BYTES_DEFAULT);
        Roost__V1__Deliver *out = deliver(world, i);
        assert_int_equal(out->first_delivery_no, next_no);
        next_no += out->n_entries;
        roost__v1__deliver__free_unpacked(out, NULL);
    }
    assert_int_equal(next_no, 120);
}

static void what_the_gateway_has_no_room_for_is_not_taken(void **state)
{
    struct world *world = *state;
    uint64_t seqs[2], delivered = 0, busy = 0, half = 0;
    fill(world, seqs, 2, "x");
    uint64_t wanted[3] = {seqs[0], seqs[1] + 77, seqs[1]}; /* two frames and a gap */
    INTERNAL(Fetch) fetch = fetch_of(wanted, 3);
    fetch.gateway = ACTOR_SYNC_MANAGER; /* any actor with a small mailbox */
    world_forget(world);
    fetch.n_seqs = 1;
    (void)world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch.base, NULL, 0);
    fetch.n_seqs = 3;
    sim_hold(world->sim, ACTOR_HISTORY, ACTOR_SYNC_MANAGER, true);
    for (int i = 1; i < 700; i++)
        (void)world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch.base, NULL, 0);
    world_settle(world);
    sim_hold(world->sim, ACTOR_HISTORY, ACTOR_SYNC_MANAGER, false);
    world_settle(world);
    assert_int_equal(world_count(world, MSG_FETCHED), 700);
    for (size_t i = 1; i < 700; i++) {
        const INTERNAL(Fetched) *fetched = (const void *)world_nth(world, MSG_FETCHED, i)->body;
        busy += fetched->code == err_code(ERR_BUSY);
        half += fetched->taken == 2; /* the first frame, and the one that is missing */
        assert_int_equal(fetched->n_missing, fetched->taken >= 2 ? 1 : 0);
        assert_true((fetched->taken == 0) == (fetched->code != 0));
        delivered += fetched->taken == 3 ? 2 : fetched->taken == 2;
    }
    assert_true(busy > 100 && half == 1);
    assert_int_equal(delivered + 1, world_delivered(world));
}

/* Changes one byte of the body of a message on disk, past every cache. */
static void damage(struct world *world, uint64_t seq)
{
    sqlite3 *db;
    char sql[160];
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    (void)snprintf(sql, sizeof(sql), "UPDATE message SET body = x'00' WHERE seq = %llu",
                   (unsigned long long)seq);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void damaged_messages_are_reported_not_delivered(void **state)
{
    struct world *world = *state;
    uint64_t seqs[5];
    fill(world, seqs, 5, "x");
    world_end(world);
    damage(world, seqs[2]);
    world_start(world);
    INTERNAL(Fetch) fetch = fetch_of(seqs, 5);
    const INTERNAL(Fetched) *fetched = fetch_with(world, &fetch);
    assert_int_equal(fetched->taken, 5);
    assert_int_equal(fetched->n_damaged, 1);
    assert_int_equal(fetched->damaged[0], seqs[2]);
    assert_int_equal(world_count(world, MSG_DELIVER_OUT), 2);
    Roost__V1__Deliver *out = deliver(world, 1);
    assert_int_equal(out->first_delivery_no, 103);
    roost__v1__deliver__free_unpacked(out, NULL);

    /* sync-manager has it named. */
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    write.quarantine = &seqs[2];
    write.n_quarantine = 1;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    world_settle(world);
    assert_int_equal(((const INTERNAL(ConsumerWritten) *)world_answer(world, correlation))->code,
                     0);
}

/* --- What only an older configuration, or another program, can have stored. */

static enum err copy_row(void *context, const struct message_row *row)
{
    struct message_row *copy = context;
    *copy = *row;
    copy->body = copy->headers = copy->content_type = copy->key = (struct bytes_view){0};
    copy->reply_to = copy->correlation_id = copy->parent_id = (struct bytes_view){0};
    return ERR_OK;
}

/* One more message like the one at `seq`, with these bytes. */
static uint64_t append_like(struct world *world, uint64_t seq, struct bytes_view body,
                            struct bytes_view headers)
{
    struct store *store;
    struct message_row row = {0};
    struct store_options options = {.path = world->path};
    assert_int_equal(store_open(&options, &store), ERR_OK);
    assert_int_equal(message_read(store, 0, &seq, 1, copy_row, &row), ERR_OK);
    row.body = body;
    row.headers = headers;
    row.message_id[0] ^= 1;
    assert_int_equal(store_begin(store), ERR_OK);
    assert_int_equal(message_append(store, &row), ERR_OK);
    assert_int_equal(store_commit(store), ERR_OK);
    store_close(&store);
    return row.seq;
}

static void a_message_larger_than_now_allowed_is_delivered(void **state)
{
    struct world *world = *state;
    uint64_t seqs[3];
    size_t size = 5u << 20;
    fill(world, seqs, 2, "x");
    world_end(world);
    uint8_t *body = calloc(1, size);
    assert_non_null(body);
    uint64_t large =
        append_like(world, seqs[0], (struct bytes_view){body, size}, (struct bytes_view){0});
    free(body);
    world_start(world);
    uint64_t wanted[3] = {seqs[0], large, seqs[1]};
    INTERNAL(Fetch) fetch = fetch_of(wanted, 3);
    const INTERNAL(Fetched) *fetched = fetch_with(world, &fetch);
    assert_int_equal(fetched->taken, 3);
    assert_int_equal(world_count(world, MSG_DELIVER_OUT), 3);
    Roost__V1__Deliver *out = deliver(world, 1);
    assert_int_equal(out->first_delivery_no, 101);
    assert_int_equal(out->entries[0]->body.len, size);
    roost__v1__deliver__free_unpacked(out, NULL);
}

static void headers_that_cannot_be_read_are_left_out(void **state)
{
    struct world *world = *state;
    uint64_t seqs[2];
    fill(world, seqs, 1, "x");
    world_end(world);
    uint8_t empty[4096]; /* 2,048 headers without name and value */
    for (size_t i = 0; i < sizeof(empty); i++)
        empty[i] = i % 2 ? 0 : 0x0a;
    struct bytes_view body = {(const uint8_t *)"b", 1};
    seqs[0] = append_like(world, seqs[0], body, (struct bytes_view){(const uint8_t *)"\xff", 1});
    seqs[1] = append_like(world, seqs[0], body, (struct bytes_view){empty, sizeof(empty)});
    world_start(world);
    INTERNAL(Fetch) fetch = fetch_of(seqs, 2);
    assert_int_equal(fetch_with(world, &fetch)->taken, 2);
    Roost__V1__Deliver *out = deliver(world, 0);
    assert_int_equal(out->n_entries, 2);
    assert_int_equal(out->entries[0]->n_headers, 0);
    assert_int_equal(out->entries[1]->n_headers, 0);
    assert_int_equal(out->entries[1]->body.len, 1);
    roost__v1__deliver__free_unpacked(out, NULL);
}

/* --- The same for many, in one turn */

static const Roost__V1__Deliver *of_reader(struct world *world, size_t reader, size_t count)
{
    static Roost__V1__Deliver *frame;
    if (frame != NULL)
        roost__v1__deliver__free_unpacked(frame, NULL);
    frame = NULL;
    if (count == 0)
        return NULL;
    const struct world_message *out = world_nth(world, MSG_DELIVER_OUT, reader);
    const INTERNAL(DeliverOut) *head = (const void *)out->body;
    assert_int_equal(head->session, 1000 + reader);
    assert_int_equal(head->handle, 20 + reader);
    assert_int_equal(head->count, count);
    assert_int_equal(head->body_bytes, count * 5);
    frame = roost__v1__deliver__unpack(NULL, out->payload_size - WIRE_HEAD_BYTES,
                                       out->payload + WIRE_HEAD_BYTES);
    assert_non_null(frame);
    assert_int_equal(frame->handle, 20 + reader);
    assert_int_equal(frame->first_delivery_no, UINT64_C(1) << reader);
    assert_int_equal(frame->n_entries, count);
    return frame;
}

/* Everybody has a head of his own, and whoever is to have it otherwise gets it otherwise. */
static void many_get_the_same_messages(void **state)
{
    enum { READERS = 40 };
    struct world *world = *state;
    uint64_t seqs[3];
    uint32_t attempts[] = {1, 7, 1};
    fill(world, seqs, 3, "hello");
    world_forget(world);
    for (size_t i = 0; i < READERS; i++) {
        INTERNAL(Fetch) fetch = fetch_of(seqs, i % 5 == 4 ? 2 : 3);
        fetch.session = 1000 + i;
        fetch.handle = (uint32_t)(20 + i);
        fetch.first_delivery_no = UINT64_C(1) << i;
        fetch.attempts = attempts;
        fetch.n_attempts = i % 7 == 6 ? fetch.n_seqs : 0;
        fetch.bytes_max = i % 11 == 10 ? 11 : 0; /* room for two bodies */
        (void)world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch.base, NULL, 0);
    }
    world_settle(world);
    for (size_t i = 0; i < READERS; i++) {
        size_t count = i % 5 == 4 || i % 11 == 10 ? 2 : 3;
        const Roost__V1__Deliver *frame = of_reader(world, i, count);
        const INTERNAL(Fetched) *fetched = (const void *)world_nth(world, MSG_FETCHED, i)->body;
        assert_int_equal(fetched->taken, count);
        assert_int_equal(fetched->body_bytes, count * 5);
        for (size_t k = 0; k < count; k++) {
            assert_int_equal(frame->entries[k]->seq, seqs[k]);
            assert_int_equal(frame->entries[k]->attempt, i % 7 == 6 ? attempts[k] : 1);
            assert_bytes(frame->entries[k]->body, "hello");
        }
    }
    (void)of_reader(world, 0, 0);
}

/* What was read in one turn is not believed in the next. */
static void a_later_turn_reads_again(void **state)
{
    struct world *world = *state;
    uint64_t seqs[2];
    fill(world, seqs, 2, "hello");
    INTERNAL(Fetch) fetch = fetch_of(seqs, 2);
    assert_int_equal(fetch_with(world, &fetch)->n_damaged, 0);
    damage(world, seqs[1]);
    assert_int_equal(fetch_with(world, &fetch)->n_damaged, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(delivers_what_was_sent),
        T(numbers_stay_in_place_when_one_is_missing),
        T(other_scopes_are_not_delivered),
        T(stops_at_the_byte_limit),
        T(large_fetches_become_several_frames),
        T(what_the_gateway_has_no_room_for_is_not_taken),
        T(damaged_messages_are_reported_not_delivered),
        T(a_message_larger_than_now_allowed_is_delivered),
        T(headers_that_cannot_be_read_are_left_out),
        T(many_get_the_same_messages),
        T(a_later_turn_reads_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
