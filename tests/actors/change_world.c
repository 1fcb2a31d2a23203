/* SPDX-License-Identifier: MPL-2.0
 *
 * See change_world.h.
 */
#include "change_world.h"

#include <string.h>

#include "rt/check.h"

uint64_t change_send_as(struct world *world, int64_t peer_id, const char *scope, const char *body,
                        const uint8_t id[UUID_BYTES])
{
    static uint64_t session = 1000;
    struct world_entry entry = {.scope = scope, .body = body, .id = id};
    uint64_t correlation = world_send(world, ++session, peer_id, 1, &entry, 1);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    assert_int_equal(done->n_exceptions, 0);
    assert_int_equal(done->n_runs, 1);
    return done->runs[0]->first_seq;
}

uint64_t change_send(struct world *world, int64_t peer_id, const char *scope, const char *body,
                     uint8_t ret_id[UUID_BYTES])
{
    world_id(world, ret_id);
    return change_send_as(world, peer_id, scope, body, ret_id);
}

INTERNAL(Call) change_call(uint32_t method, int64_t peer_id, const uint8_t id[UUID_BYTES])
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = method;
    call.peer_id = peer_id;
    call.message_ids = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)id};
    return call;
}

const INTERNAL(CallDone) * change_edit(struct world *world, int64_t peer_id,
                                       const uint8_t id[UUID_BYTES], const char *body)
{
    INTERNAL(Call) call = change_call(ROOST__V1__METHOD__MESSAGE_EDIT, peer_id, id);
    call.body = world_bytes(body);
    return room_ask(world, &call);
}

const INTERNAL(CallDone) *
    change_delete(struct world *world, int64_t peer_id, const uint8_t id[UUID_BYTES])
{
    INTERNAL(Call) call = change_call(ROOST__V1__METHOD__MESSAGE_DELETE, peer_id, id);
    return room_ask(world, &call);
}

static const INTERNAL(CallDone) *
    ask_with_text(struct world *world, INTERNAL(Call) call, const char *text)
{
    call.text = world_bytes(text);
    return room_ask(world, &call);
}

const INTERNAL(CallDone) * change_react(struct world *world, int64_t peer_id,
                                        const uint8_t id[UUID_BYTES], const char *emoji)
{
    return ask_with_text(world, change_call(ROOST__V1__METHOD__REACT, peer_id, id), emoji);
}

const INTERNAL(CallDone) * change_unreact(struct world *world, int64_t peer_id,
                                          const uint8_t id[UUID_BYTES], const char *emoji)
{
    return ask_with_text(world, change_call(ROOST__V1__METHOD__UNREACT, peer_id, id), emoji);
}

uint64_t change_edited(struct world *world)
{
    return (uint64_t)room_query(world, "SELECT seq FROM edit ORDER BY edit_seq DESC LIMIT 1");
}

/* --- Queries. */

void change_answer_clear(struct change_answer *answer)
{
    for (size_t i = 0; i < answer->part_count; i++)
        roost__v1__result__free_unpacked(answer->parts[i], NULL);
    if (answer->fin)
        roost__v1__fin__free_unpacked(answer->fin, NULL);
    *answer = (struct change_answer){.part_count = 0};
}

Roost__V1__Query change_query(Roost__V1__QueryKind kind)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.request_id = 42;
    query.kind = kind;
    return query;
}

uint32_t change_ask(struct world *world, int64_t peer_id, const Roost__V1__Query *query,
                    struct change_answer *answer)
{
    INTERNAL(Query) ask = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    change_answer_clear(answer);
    assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &query->base, &frame), ERR_OK);
    ask.peer_id = peer_id;
    world_forget(world);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    for (size_t i = 0; i < world_count(world, MSG_QUERY_PART); i++) {
        const struct world_message *part = world_nth(world, MSG_QUERY_PART, i);
        CHECK(i < CHANGE_PARTS_MAX);
        answer->parts[i] = roost__v1__result__unpack(NULL, part->payload_size - WIRE_HEAD_BYTES,
                                                     part->payload + WIRE_HEAD_BYTES);
        assert_non_null(answer->parts[i]);
        answer->part_count++;
        answer->message_count += answer->parts[i]->n_messages;
    }
    const struct world_message *fin = world_nth(world, MSG_QUERY_DONE, 0);
    assert_non_null(fin);
    answer->fin = roost__v1__fin__unpack(NULL, fin->payload_size - WIRE_HEAD_BYTES,
                                         fin->payload + WIRE_HEAD_BYTES);
    assert_non_null(answer->fin);
    return answer->fin->code;
}

const Roost__V1__Delivery *change_message(const struct change_answer *answer, size_t n)
{
    for (size_t i = 0; i < answer->part_count; i++) {
        if (n < answer->parts[i]->n_messages)
            return answer->parts[i]->messages[n];
        n -= answer->parts[i]->n_messages;
    }
    fail_msg("no such message");
    return NULL;
}
