/* SPDX-License-Identifier: MPL-2.0
 *
 * What history shows of changed messages, EDITS and SEARCH.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change_world.h"

static struct change_answer answer;

static int teardown(void **state)
{
    change_answer_clear(&answer);
    return world_teardown(state);
}

static uint32_t history_with(struct world *world, int64_t peer, const char *other)
{
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__HISTORY);
    query.peer = world_bytes(other);
    query.limit = WIRE_PAGE_MAX;
    return change_ask(world, peer, &query, &answer);
}

static uint32_t search(struct world *world, int64_t peer, const char *text)
{
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__SEARCH);
    query.text = world_bytes(text);
    query.limit = WIRE_PAGE_MAX;
    return change_ask(world, peer, &query, &answer);
}

static uint32_t edits_of(struct world *world, int64_t peer, const uint8_t id[UUID_BYTES])
{
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__EDITS);
    query.message_ids = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)id};
    return change_ask(world, peer, &query, &answer);
}

/* --- One message and its changes, wherever it is shown. */

static void check_shown(const Roost__V1__Delivery *shown)
{
    assert_bytes(shown->body, "second");
    assert_int_equal(shown->kind, ROOST__V1__KIND__TEXT);
    assert_true(shown->edited_ms >= shown->stored_ms);
    assert_int_equal(shown->deleted_ms, 0);
    assert_int_equal(shown->n_reactions, 2);
    assert_bytes(shown->reactions[0]->emoji, "👍");
    assert_int_equal(shown->reactions[0]->count, 2);
    assert_true(shown->reactions[0]->is_mine);
    assert_bytes(shown->reactions[1]->emoji, "🎉");
    assert_int_equal(shown->reactions[1]->count, 1);
    assert_false(shown->reactions[1]->is_mine);
}

static void changes_are_part_of_their_message(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)change_send(world, ana, "peer:bob", "zero", id);
    assert_int_equal(change_edit(world, ana, id, "first")->count, 1);
    world_advance(world, 10);
    assert_int_equal(change_react(world, bob, id, "👍")->count, 1);
    world_advance(world, 10);
    assert_int_equal(change_react(world, ana, id, "🎉")->count, 1);
    assert_int_equal(change_react(world, ana, id, "👍")->count, 1);
    assert_int_equal(change_edit(world, ana, id, "second")->count, 1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(history_with(world, bob, "ana"), 0);
        assert_int_equal(answer.message_count, 1);
        check_shown(change_message(&answer, 0));
        Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__BY_ID);
        query.message_ids = (ProtobufCBinaryData){UUID_BYTES, id};
        assert_int_equal(change_ask(world, bob, &query, &answer), 0);
        assert_int_equal(answer.message_count, 1);
        check_shown(change_message(&answer, 0));
        query = change_query(ROOST__V1__QUERY_KIND__CONVERSATIONS);
        assert_int_equal(change_ask(world, bob, &query, &answer), 0);
        assert_int_equal(answer.message_count, 1);
        check_shown(change_message(&answer, 0));
        query = change_query(ROOST__V1__QUERY_KIND__UNREAD);
        assert_int_equal(change_ask(world, bob, &query, &answer), 0);
        assert_int_equal(answer.parts[0]->n_unread, 1);
        assert_int_equal(answer.parts[0]->unread[0]->unread, 1);
        assert_int_equal(search(world, bob, "second"), 0);
        assert_int_equal(answer.message_count, 1);
        check_shown(change_message(&answer, 0));
        assert_int_equal(search(world, bob, "first"), 0);
        assert_int_equal(answer.message_count, 0);
        world_advance(world, 3000); /* indexed */
    }
}

static void messages_of_changes_are_not_shown(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES], made[UUID_BYTES];
    int64_t ana = world_peer(world, "ana");
    (void)change_send(world, ana, "peer:bob", "zero", id);
    memcpy(made, change_edit(world, ana, id, "first")->message_id.data, UUID_BYTES);
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__BY_ID);
    query.message_ids = (ProtobufCBinaryData){UUID_BYTES, made};
    assert_int_equal(change_ask(world, ana, &query, &answer), 0);
    assert_int_equal(answer.message_count, 0);
}

static void what_was_deleted_is_empty(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    (void)change_send(world, ana, "peer:bob", "secret", id);
    assert_int_equal(change_edit(world, ana, id, "secret too")->count, 1);
    assert_int_equal(change_react(world, bob, id, "x")->count, 1);
    assert_int_equal(change_delete(world, ana, id)->count, 1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(history_with(world, bob, "ana"), 0);
        assert_int_equal(answer.message_count, 1);
        const Roost__V1__Delivery *shown = change_message(&answer, 0);
        assert_int_equal(shown->body.len, 0);
        assert_true(shown->deleted_ms > 0);
        assert_int_equal(shown->n_reactions, 0);
        assert_int_equal(search(world, ana, "secret"), 0);
        assert_int_equal(answer.message_count, 0);
        assert_code(edits_of(world, ana, id), ERR_DELETED);
        world_advance(world, 3000);
    }
}

/* A delivery is the message as stored; what was deleted before has no body. */
static void deliveries_of_changed_messages(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana");
    uint64_t seqs[4];
    seqs[0] = change_send(world, ana, "peer:bob", "keep", id);
    assert_int_equal(change_edit(world, ana, id, "changed")->count, 1);
    seqs[1] = change_send(world, ana, "peer:bob", "drop", id);
    seqs[2] = change_send(world, ana, "peer:bob", "last", id);
    INTERNAL(Fetch) fetch = ROOST__INTERNAL__FETCH__INIT;
    (void)change_send(world, ana, "peer:bob", "gone", id);
    seqs[3] = seqs[2] + 1;
    assert_int_equal(change_delete(world, ana, id)->count, 1);
    fetch.gateway = WORLD_GATEWAY;
    fetch.handle = 1;
    fetch.first_delivery_no = 1;
    fetch.seqs = seqs;
    fetch.n_seqs = 4;
    fetch.scope_id = room_query(world, "SELECT scope_id FROM message WHERE kind = 8");
    world_forget(world);
    (void)world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch.base, NULL, 0);
    world_settle(world);
    const struct world_message *out = world_nth(world, MSG_DELIVER_OUT, 0);
    assert_non_null(out);
    Roost__V1__Deliver *deliver = roost__v1__deliver__unpack(
        NULL, out->payload_size - WIRE_HEAD_BYTES, out->payload + WIRE_HEAD_BYTES);
    assert_non_null(deliver);
    assert_int_equal(deliver->n_entries, 4);
    assert_bytes(deliver->entries[0]->body, "keep");
    assert_bytes(deliver->entries[1]->body, "drop");
    assert_bytes(deliver->entries[2]->body, "last");
    assert_int_equal(deliver->entries[3]->body.len, 0);
    assert_true(deliver->entries[3]->deleted_ms > 0);
    roost__v1__deliver__free_unpacked(deliver, NULL);
}

/* --- EDITS */

static void earlier_texts_in_order(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    char text[32];
    int64_t ana = world_peer(world, "ana"), eve = world_peer(world, "eve");
    int64_t bob = world_peer(world, "bob");
    (void)change_send(world, ana, "peer:bob", "text 0", id);
    assert_int_equal(edits_of(world, bob, id), 0);
    assert_int_equal(answer.message_count, 0); /* never changed */
    for (int i = 1; i <= 5; i++) {
        (void)snprintf(text, sizeof(text), "text %d", i);
        assert_int_equal(change_edit(world, ana, id, text)->count, 1);
    }
    assert_int_equal(edits_of(world, bob, id), 0);
    assert_int_equal(answer.message_count, 5); /* without that of today */
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(text, sizeof(text), "text %zu", i);
        assert_bytes(change_message(&answer, i)->body, text);
    }
    assert_code(edits_of(world, eve, id), ERR_NO_SUCH_MESSAGE);

    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__EDITS);
    query.message_ids = (ProtobufCBinaryData){UUID_BYTES, id};
    query.limit = 2;
    size_t seen = 0, pages = 0;
    do {
        assert_int_equal(change_ask(world, ana, &query, &answer), 0);
        for (size_t i = 0; i < answer.message_count; i++, seen++) {
            (void)snprintf(text, sizeof(text), "text %zu", seen);
            assert_bytes(change_message(&answer, i)->body, text);
        }
        query.after_seq = answer.fin->next_seq;
        pages++;
    } while (answer.fin->has_more);
    assert_int_equal(seen, 5);
    assert_int_equal(pages, 3);
}

/* --- SEARCH */

static void everybody_finds_his_own(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t eve = world_peer(world, "eve");
    (void)change_send(world, ana, "peer:bob", "golden key one", id);
    (void)change_send(world, bob, "peer:ana", "golden key two", id);
    (void)change_send(world, ana, "topic:news", "golden key three", id);
    (void)change_send(world, eve, "peer:eve", "golden key four", id);
    assert_int_equal(room_do(world, ROOST__V1__METHOD__ROOM_CREATE, ana, "attic"), 0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(search(world, ana, "key golden"), 0);
        assert_int_equal(answer.message_count, 3);
        assert_int_equal(search(world, eve, "golden k"), 0);
        assert_int_equal(answer.message_count, 2); /* her own and the topic */
        Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__SEARCH);
        query.text = world_bytes("golden");
        query.peer = world_bytes("bob");
        assert_int_equal(change_ask(world, ana, &query, &answer), 0);
        assert_int_equal(answer.message_count, 2);
        assert_int_equal(change_ask(world, eve, &query, &answer), 0);
        assert_int_equal(answer.message_count, 0);
        query.peer = world_bytes("");
        query.scope = world_bytes("topic:news");
        assert_int_equal(change_ask(world, eve, &query, &answer), 0);
        assert_int_equal(answer.message_count, 1);
        query.scope = world_bytes("peer:ana");
        assert_int_equal(change_ask(world, ana, &query, &answer), 0);
        assert_int_equal(answer.message_count, 1); /* in her mailbox */
        assert_bytes(change_message(&answer, 0)->body, "golden key two");
        assert_code(change_ask(world, eve, &query, &answer), ERR_NOT_ALLOWED);
        world_advance(world, 3000);
    }
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__SEARCH);
    assert_code(change_ask(world, ana, &query, &answer), ERR_MISSING_FIELD);
    query.text = world_bytes("golden");
    query.after_seq = 1;
    assert_code(change_ask(world, ana, &query, &answer), ERR_BAD_FIELD);
}

static void pages_of_a_search(void **state)
{
    struct world *world = *state;
    uint8_t id[UUID_BYTES];
    char body[32];
    int64_t ana = world_peer(world, "ana");
    uint64_t best = 0;
    for (int i = 0; i < 30; i++) {
        (void)snprintf(body, sizeof(body), i == 11 ? "plum plum plum" : "a plum number %d", i);
        uint64_t seq = change_send(world, ana, "topic:t", body, id);
        best = i == 11 ? seq : best;
        if (i == 20)
            world_advance(world, 3000);
    }
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__SEARCH);
    query.text = world_bytes("plum");
    query.limit = 7;
    size_t seen = 0;
    uint64_t last = UINT64_MAX;
    do {
        assert_int_equal(change_ask(world, ana, &query, &answer), 0);
        assert_int_equal(answer.fin->next_seq, 0);
        for (size_t i = 0; i < answer.message_count; i++, seen++) {
            uint64_t seq = change_message(&answer, i)->seq;
            if (seen == 0)
                assert_int_equal(seq, best);
            else if (seen > 1)
                assert_true(seq < last); /* equal scores: the newer first */
            last = seq;
        }
        query.offset += (uint32_t)answer.message_count;
    } while (answer.fin->has_more);
    assert_int_equal(seen, 30);
    query.offset = 0;
    query.limit = 30;
    query.newest_first = true;
    assert_int_equal(change_ask(world, ana, &query, &answer), 0);
    for (size_t i = 1; i < 30; i++)
        assert_true(change_message(&answer, i)->seq < change_message(&answer, i - 1)->seq);
    query.before_seq = best;
    assert_int_equal(change_ask(world, ana, &query, &answer), 0);
    assert_int_equal(answer.message_count, 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, teardown)
        T(changes_are_part_of_their_message),
        T(messages_of_changes_are_not_shown),
        T(what_was_deleted_is_empty),
        T(deliveries_of_changed_messages),
        T(earlier_texts_in_order),
        T(everybody_finds_his_own),
        T(pages_of_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
