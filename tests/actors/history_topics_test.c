/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/history_topics.c through its questions: FETCH by a pattern names topics and gives nothing of
 * others; LOAD_HEADS and RESOLVE name topics, and nothing else.
 */
#include <string.h>

#include "persistence_world.h"
#include "store/consumers.h"

static INTERNAL(Fetch) fetch_of(uint64_t *seqs, size_t count, const char *pattern)
{
    INTERNAL(Fetch) fetch = ROOST__INTERNAL__FETCH__INIT;
    fetch.gateway = WORLD_GATEWAY;
    fetch.session = 5;
    fetch.handle = 9;
    fetch.first_delivery_no = 1;
    fetch.seqs = seqs;
    fetch.n_seqs = count;
    fetch.pattern = world_bytes(pattern);
    return fetch;
}

/* The n-th DELIVER that came; free it. */
static Roost__V1__Deliver *deliver(struct world *world, size_t n)
{
    const struct world_message *out = world_nth(world, MSG_DELIVER_OUT, n);
    assert_non_null(out);
    Roost__V1__Deliver *frame = roost__v1__deliver__unpack(
        NULL, out->payload_size - WIRE_HEAD_BYTES, out->payload + WIRE_HEAD_BYTES);
    assert_non_null(frame);
    return frame;
}

static void a_delivery_names_its_topic(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seqs[5];
    static const char *const scopes[] = {"topic:A.one", "topic:b.one", "topic:a.two", "peer:ana",
                                         "topic:a.one"};
    for (size_t i = 0; i < 5; i++)
        seqs[i] = world_store(world, 1, ana, i + 1, scopes[i], "x");
    world_forget(world);
    INTERNAL(Fetch) fetch = fetch_of(seqs, 5, "A.*");
    uint64_t correlation = world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch.base, NULL, 0);
    world_settle(world);
    const INTERNAL(Fetched) *fetched = world_answer(world, correlation);
    assert_int_equal(fetched->code, 0);
    assert_int_equal(fetched->taken, 5);
    assert_int_equal(fetched->n_missing, 2); /* what is not of the pattern is not there for it */
    assert_int_equal(fetched->missing[0], seqs[1]);
    assert_int_equal(fetched->missing[1], seqs[3]);
    static const char *const named[] = {"topic:A.one", "topic:a.two", "topic:A.one"};
    for (size_t i = 0; i < 3; i++) { /* a frame ends where one is missing */
        Roost__V1__Deliver *frame = deliver(world, i);
        assert_int_equal(frame->n_entries, 1);
        assert_bytes(frame->entries[0]->scope, named[i]);
        roost__v1__deliver__free_unpacked(frame, NULL);
    }
    fetch = fetch_of(seqs, 1, ""); /* of one scope: its reader knows its name */
    world_forget(world);
    (void)world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch.base, NULL, 0);
    world_settle(world);
    Roost__V1__Deliver *frame = deliver(world, 0);
    assert_int_equal(frame->entries[0]->scope.len, 0);
    roost__v1__deliver__free_unpacked(frame, NULL);
}

static const INTERNAL(HeadsLoaded) * load_heads(struct world *world, bool with_topics)
{
    INTERNAL(LoadHeads) load = ROOST__INTERNAL__LOAD_HEADS__INIT;
    load.limit = 100;
    load.with_topics = with_topics;
    uint64_t correlation = world_ask(world, ACTOR_HISTORY, MSG_LOAD_HEADS, &load.base, NULL, 0);
    world_settle(world);
    const INTERNAL(HeadsLoaded) *loaded = world_answer(world, correlation);
    assert_non_null(loaded);
    return loaded;
}

static void heads_name_topics_when_asked(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    (void)world_store(world, 1, ana, 1, "topic:a.one", "x");
    (void)world_store(world, 1, ana, 2, "queue:q", "x");
    (void)world_store(world, 1, ana, 3, "topic:b", "x");
    assert_int_equal(load_heads(world, false)->n_topics, 0);
    for (int round = 0; round < 2; round++) { /* from the store, then from memory */
        const INTERNAL(HeadsLoaded) *loaded = load_heads(world, true);
        assert_int_equal(loaded->n_runs, 3);
        assert_int_equal(loaded->n_topics, 3);
        assert_bytes(loaded->topics[0], "a.one");
        assert_int_equal(loaded->topics[1].len, 0);
        assert_bytes(loaded->topics[2], "b");
    }
}

static void a_place_names_its_topic(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint8_t ids[2][UUID_BYTES];
    static const char *const scopes[] = {"topic:a.one", "queue:q"};
    ProtobufCBinaryData list[2];
    for (size_t i = 0; i < 2; i++) {
        world_id(world, ids[i]);
        struct world_entry entry = {.scope = scopes[i], .body = "x", .id = ids[i]};
        (void)world_send(world, 1, ana, i + 1, &entry, 1);
        list[i] = (ProtobufCBinaryData){UUID_BYTES, ids[i]};
    }
    world_settle(world);
    INTERNAL(Resolve) resolve = ROOST__INTERNAL__RESOLVE__INIT;
    resolve.message_ids = list;
    resolve.n_message_ids = 2;
    uint64_t correlation = world_ask(world, ACTOR_HISTORY, MSG_RESOLVE, &resolve.base, NULL, 0);
    world_settle(world);
    const INTERNAL(Resolved) *resolved = world_answer(world, correlation);
    assert_int_equal(resolved->n_places, 2);
    assert_bytes(resolved->places[0]->topic, "a.one");
    assert_int_equal(resolved->places[1]->topic.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_delivery_names_its_topic),
        TEST(heads_name_topics_when_asked),
        TEST(a_place_names_its_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
