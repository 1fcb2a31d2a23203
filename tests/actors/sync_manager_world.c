/* SPDX-License-Identifier: MPL-2.0
 *
 * See sync_manager_world.h.
 */
#include "sync_manager_world.h"

#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "rt/check.h"

static enum err idle_init(struct actor *actor, void *state, const void *args)
{
    (void)actor;
    (void)state;
    (void)args;
    return ERR_OK;
}

static const struct actor_class idle_class = {
    .name = "idle",
    .state_size = 1,
    .restart = ACTOR_RESTART,
    .link_room = 1024,
    .init = idle_init,
};

int sync_setup(void **state)
{
    struct sync_world *sync = calloc(1, sizeof(*sync));
    CHECK(sync != NULL);
    struct world *world = world_new();
    sync->world = world;
    sync->sender_session = 1000;
    sync->next_no = 1;
    const struct actor_spec specs[ACTOR_ZMQ_GATEWAY] = {
        [ACTOR_SUPERVISOR] = {.class = &idle_class},
        [ACTOR_PERSISTENCE] = {.class = &persistence_actor, .args = &world->persistence},
        [ACTOR_HISTORY] = {.class = &history_actor, .args = &world->history},
        [ACTOR_SYNC_MANAGER] = {.class = &sync_manager_actor, .args = &sync->options},
        [ACTOR_PEER_REGISTRY] = {.class = &idle_class},
        [ACTOR_AUTH_1] = {.class = &idle_class},
        [ACTOR_AUTH_2] = {.class = &idle_class},
        [ACTOR_ACCOUNTS] = {.class = &idle_class},
    };
    memcpy(world->specs, specs, sizeof(specs));
    sync->options.load_page = 100;
    enum err err = ERR_OK;
    world->sim = sim_new(world->seed, world->specs, ACTOR_ZMQ_GATEWAY, message_types, MSG_COUNT,
                         &world->sim_options, &err);
    CHECK(world->sim != NULL);
    world_settle(world);
    *state = sync;
    return 0;
}

int sync_teardown(void **state)
{
    struct sync_world *sync = *state;
    world_destroy(sync->world);
    free(sync);
    return 0;
}

void sync_crash(struct sync_world *sync, int64_t away_ms)
{
    CHECK(sim_crash_all(sync->world->sim, away_ms) == ERR_OK);
    sync->sender_session++;
    sync->next_no = 1;
    world_forget(sync->world);
    world_settle(sync->world);
}

uint64_t sync_store_entry(struct sync_world *sync, int64_t sender, const struct world_entry *entry)
{
    uint64_t correlation =
        world_send(sync->world, sync->sender_session, sender, sync->next_no++, entry, 1);
    world_settle(sync->world);
    const INTERNAL(StoreDone) *done = world_answer(sync->world, correlation);
    assert_non_null(done);
    assert_int_equal(done->retry_code, 0);
    assert_int_equal(done->n_runs, 1);
    return done->runs[0]->first_seq;
}

uint64_t sync_store(struct sync_world *sync, int64_t sender, const char *scope, uint32_t count)
{
    uint64_t first_seq = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct world_entry entry = {.scope = scope, .body = "body"};
        uint64_t seq = sync_store_entry(sync, sender, &entry);
        first_seq = i == 0 ? seq : first_seq;
    }
    return first_seq;
}

uint64_t sync_attach_later(struct sync_world *sync, const struct sync_attach_ask *ask)
{
    INTERNAL(Attach) attach = ROOST__INTERNAL__ATTACH__INIT;
    attach.session = ask->session;
    attach.peer_id = ask->peer_id;
    attach.peer_name = world_bytes(ask->peer);
    attach.handle = ask->handle ? ask->handle : 1;
    attach.scope_kind = ask->kind;
    attach.scope_name = world_bytes(ask->name);
    attach.consumer = world_bytes(ask->consumer ? ask->consumer : "");
    attach.start = ask->start;
    attach.start_value = ask->start_value;
    attach.is_ephemeral = ask->is_ephemeral;
    attach.is_internal = ask->is_internal;
    attach.lease_ms = ask->lease_ms;
    attach.credit_messages = ask->credit;
    return world_ask(sync->world, ACTOR_SYNC_MANAGER, MSG_ATTACH, &attach.base, NULL, 0);
}

const INTERNAL(Attached) * sync_attach(struct sync_world *sync, const struct sync_attach_ask *ask)
{
    uint64_t correlation = sync_attach_later(sync, ask);
    world_settle(sync->world);
    const INTERNAL(Attached) *attached = world_answer(sync->world, correlation);
    assert_non_null(attached);
    return attached;
}

void sync_credit(struct sync_world *sync, uint64_t session, uint64_t messages_total)
{
    INTERNAL(Credit) credit = ROOST__INTERNAL__CREDIT__INIT;
    credit.session = session;
    credit.handle = 1;
    credit.messages_total = messages_total;
    world_tell(sync->world, ACTOR_SYNC_MANAGER, MSG_CREDIT, &credit.base);
    world_settle(sync->world);
}

void sync_settle(struct sync_world *sync, uint64_t session, uint64_t first_no, uint64_t last_no,
                 uint32_t outcome, uint64_t confirm_id)
{
    INTERNAL(Settle) settle = ROOST__INTERNAL__SETTLE__INIT;
    INTERNAL(SettleRange) range = ROOST__INTERNAL__SETTLE_RANGE__INIT;
    INTERNAL(SettleRange) * ranges[] = {&range};
    range.first_delivery_no = first_no;
    range.last_delivery_no = last_no;
    range.outcome = outcome;
    settle.session = session;
    settle.handle = 1;
    settle.confirm_id = confirm_id;
    settle.ranges = ranges;
    settle.n_ranges = 1;
    world_tell(sync->world, ACTOR_SYNC_MANAGER, MSG_SETTLE, &settle.base);
    world_settle(sync->world);
}

void sync_close(struct sync_world *sync, uint64_t session)
{
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = session;
    world_tell(sync->world, ACTOR_SYNC_MANAGER, MSG_SESSION_CLOSED, &closed.base);
    world_settle(sync->world);
}

const INTERNAL(CallDone) * sync_call(struct sync_world *sync, INTERNAL(Call) * call)
{
    uint64_t correlation =
        world_ask(sync->world, ACTOR_SYNC_MANAGER, MSG_CALL, &call->base, NULL, 0);
    world_settle(sync->world);
    const INTERNAL(CallDone) *done = world_answer(sync->world, correlation);
    assert_non_null(done);
    return done;
}

/* Parses a frame of the broker and hands the message to `take`. */
static void parse(const struct world_message *message, struct arena *arena,
                  struct wire_message *ret)
{
    struct wire_reader reader = {
        .direction = WIRE_TO_CLIENT, .limits = &wire_limits_default, .arena = arena};
    assert_non_null(message->payload);
    assert_int_equal(wire_parse(&reader, message->payload, message->payload_size, ret), ERR_OK);
}

size_t sync_deliveries(struct sync_world *sync, struct sync_delivery *ret, size_t max)
{
    size_t count = 0;
    struct arena arena;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    for (size_t n = 0; n < world_count(sync->world, MSG_DELIVER_OUT); n++) {
        const struct world_message *message = world_nth(sync->world, MSG_DELIVER_OUT, n);
        struct wire_message parsed;
        parse(message, &arena, &parsed);
        assert_int_equal(parsed.type, ROOST__V1__TYPE__DELIVER);
        for (size_t i = 0; i < parsed.deliver->n_entries && count < max; i++) {
            const Roost__V1__Delivery *entry = parsed.deliver->entries[i];
            ret[count] = (struct sync_delivery){
                .session = ((const INTERNAL(DeliverOut) *)message->body)->session,
                .no = parsed.deliver->first_delivery_no + i,
                .seq = entry->seq,
                .attempt = entry->attempt,
                .redelivered = entry->redelivered,
            };
            assert_in_range(entry->scope.len, 0, sizeof(ret->scope) - 1);
            if (entry->scope.len > 0)
                memcpy(ret[count].scope, entry->scope.data, entry->scope.len);
            count++;
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return count;
}

struct sync_info sync_inspect(struct sync_world *sync, int64_t peer_id, const char *peer,
                              const char *scope, const char *consumer)
{
    struct sync_info info = {0};
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    INTERNAL(Query) body = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    query.request_id = 77;
    query.kind = ROOST__V1__QUERY_KIND__INSPECT;
    query.scope = world_bytes(scope);
    query.consumer = world_bytes(consumer);
    CHECK(wire_pack(ROOST__V1__TYPE__QUERY, &query.base, &frame) == ERR_OK);
    body.session = 1;
    body.peer_id = peer_id;
    body.peer_name = world_bytes(peer);
    world_forget(sync->world);
    (void)world_ask(sync->world, ACTOR_SYNC_MANAGER, MSG_QUERY, &body.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(sync->world);
    assert_non_null(world_nth(sync->world, MSG_QUERY_DONE, 0));
    const struct world_message *part = world_nth(sync->world, MSG_QUERY_PART, 0);
    struct arena arena;
    struct wire_message parsed;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    if (part != NULL) {
        parse(part, &arena, &parsed);
        assert_int_equal(parsed.result->n_consumers, 1);
        const Roost__V1__ConsumerInfo *row = parsed.result->consumers[0];
        info = (struct sync_info){row->floor_seq, row->waiting,   row->leased,
                                  row->retry,     row->scheduled, row->dead};
    }
    arena_fini(&arena);
    return info;
}
