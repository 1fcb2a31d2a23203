/* SPDX-License-Identifier: MPL-2.0
 *
 * See persistence_world.h.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/check.h"
#include "rt/log.h"

/* --- Stubs. */

struct stub { /* sync-manager, and the ids nobody lives at */
    struct world_message *appended;
    size_t appended_count;
    uint32_t held_count; /* APPENDED not acknowledged */
    bool is_holding;
    uint64_t delivered; /* entries that history sent here instead of to a gateway */
};

static enum err stub_init(struct actor *actor, void *state, const void *args)
{
    struct stub *stub = state;
    (void)actor;
    (void)args;
    stub->appended = calloc(WORLD_KEPT_MAX, sizeof(*stub->appended));
    CHECK(stub->appended);
    return ERR_OK;
}

static void stub_fini(struct actor *actor, void *state)
{
    struct stub *stub = state;
    (void)actor;
    for (size_t i = 0; i < stub->appended_count; i++)
        protobuf_c_message_free_unpacked(stub->appended[i].body, NULL);
    free(stub->appended);
}

static ProtobufCMessage *copy_message(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);
    CHECK(packed);
    (void)protobuf_c_message_pack(message, packed);
    ProtobufCMessage *copy = protobuf_c_message_unpack(message->descriptor, NULL, size, packed);
    CHECK(copy);
    free(packed);
    return copy;
}

static enum err stub_on_appended(struct actor *actor, void *state, const struct msg *msg)
{
    struct stub *stub = state;
    INTERNAL(AppendedAck) ack = ROOST__INTERNAL__APPENDED_ACK__INIT;
    ack.count = 1;
    CHECK(stub->appended_count < WORLD_KEPT_MAX);
    stub->appended[stub->appended_count++] = (struct world_message){
        .kind = msg->kind,
        .from = msg->from,
        .body = copy_message(msg->body),
    };
    if (stub->is_holding)
        stub->held_count++;
    else
        CHECK(actor_send(actor, ACTOR_PERSISTENCE, MSG_APPENDED_ACK, &ack.base, NULL) == ERR_OK);
    return ERR_OK;
}

/* The test's command: acknowledge what was held. */
static enum err stub_on_release(struct actor *actor, void *state, const struct msg *msg)
{
    struct stub *stub = state;
    INTERNAL(AppendedAck) ack = ROOST__INTERNAL__APPENDED_ACK__INIT;
    (void)msg;
    ack.count = stub->held_count;
    CHECK(actor_send(actor, ACTOR_PERSISTENCE, MSG_APPENDED_ACK, &ack.base, NULL) == ERR_OK);
    stub->held_count = 0;
    return ERR_OK;
}

static enum err stub_on_deliver_out(struct actor *actor, void *state, const struct msg *msg)
{
    struct stub *stub = state;
    (void)actor;
    stub->delivered += MSG_BODY(msg, INTERNAL(DeliverOut))->count;
    return ERR_OK;
}

static const struct actor_class stub_class = {
    .name = "stub",
    .state_size = sizeof(struct stub),
    .restart = ACTOR_RESTART,
    .link_room = 1024,
    .init = stub_init,
    .fini = stub_fini,
    .on =
        {
            [MSG_APPENDED] = stub_on_appended,
            [MSG_APPENDED_ACK] = stub_on_release,
            [MSG_DELIVER_OUT] = stub_on_deliver_out,
        },
};

/* --- Life. */

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));
    CHECK(world);
    const char *base = getenv("TMPDIR");
    (void)snprintf(world->directory, sizeof(world->directory), "%s/roost-actors-XXXXXX",
                   base ? base : "/tmp");
    CHECK(mkdtemp(world->directory));
    (void)snprintf(world->path, sizeof(world->path), "%s/roost.db", world->directory);
    world->kept = calloc(WORLD_KEPT_MAX, sizeof(*world->kept));
    CHECK(world->kept);
    world->seed = 1;
    world->persistence = (struct persistence_options){
        .path = world->path,
        .is_autocreate = true,
        .reserve_bytes = 65536,
    };
    world->history = (struct history_options){.path = world->path};
    struct log_options quiet = {.level = getenv("ROOST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF,
                                .fd = STDERR_FILENO};
    log_init(&quiet);
    return world;
}

enum err world_try_start(struct world *world)
{
    enum err err = ERR_OK;
    const struct actor_spec specs[ACTOR_ZMQ_GATEWAY] = {
        [ACTOR_SUPERVISOR] = {.class = &stub_class},
        [ACTOR_PERSISTENCE] = {.class = &persistence_actor, .args = &world->persistence},
        [ACTOR_HISTORY] = {.class = &history_actor, .args = &world->history},
        [ACTOR_SYNC_MANAGER] = {.class = &stub_class},
        [ACTOR_PEER_REGISTRY] = {.class = world->has_registry ? &peer_registry_actor : &stub_class,
                                 .args = &world->registry},
        [ACTOR_AUTH_1] = {.class = world->has_accounts ? &auth_worker_actor : &stub_class},
        [ACTOR_AUTH_2] = {.class = world->has_accounts ? &auth_worker_actor : &stub_class},
        [ACTOR_ACCOUNTS] = {.class = world->has_accounts ? &accounts_actor : &stub_class,
                            .args = &world->accounts},
    };
    memcpy(world->specs, specs, sizeof(specs));
    world->sim = sim_new(world->seed, world->specs, ACTOR_ZMQ_GATEWAY, message_types, MSG_COUNT,
                         &world->sim_options, &err);
    return err;
}

void world_start(struct world *world)
{
    enum err err = world_try_start(world);
    if (err)
        print_error("the world does not start: %s\n", err_name(err));
    CHECK(err == ERR_OK);
}

void world_end(struct world *world)
{
    if (world->sim)
        sim_destroy(&world->sim);
}

void world_restart(struct world *world)
{
    struct wall_time now = sim_wall(world->sim);
    world_end(world);
    world_forget(world);
    world->sim_options.wall_start_ms = now.ms;
    world->seed++;
    world_start(world);
}

void world_destroy(struct world *world)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-reserve"};
    char path[200];
    world_end(world);
    world_forget(world);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", world->path, suffixes[i]);
        (void)unlink(path);
    }
    (void)rmdir(world->directory);
    free(world->kept);
    free(world);
}

int world_setup(void **state)
{
    struct world *world = world_new();
    world_start(world);
    *state = world;
    return 0;
}

int world_setup_with_registry(void **state)
{
    struct world *world = world_new();
    world->has_registry = true;
    world_start(world);
    *state = world;
    return 0;
}

int world_setup_with_accounts(void **state)
{
    struct world *world = world_new();
    world->has_accounts = true;
    world->accounts.is_registration_open = true;
    world_start(world);
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

/* --- Messages. */

static void keep(struct world *world, const struct msg *msg)
{
    CHECK(world->kept_count < WORLD_KEPT_MAX);
    struct world_message *kept = &world->kept[world->kept_count++];
    *kept = (struct world_message){
        .kind = msg->kind,
        .from = msg->from,
        .correlation = msg->correlation,
        .body = copy_message(msg->body),
    };
    if (!msg->payload)
        return;
    kept->payload_size = zmq_msg_size(msg->payload);
    kept->payload = malloc(kept->payload_size + 1);
    CHECK(kept->payload);
    memcpy(kept->payload, zmq_msg_data(msg->payload), kept->payload_size);
}

static void take_all(struct world *world)
{
    const struct msg *msg;
    while ((msg = sim_take(world->sim, WORLD_GATEWAY)) != NULL)
        keep(world, msg);
}

void world_settle(struct world *world)
{
    sim_settle(world->sim);
    take_all(world);
}

void world_advance(struct world *world, int64_t delay_ms)
{
    sim_advance(world->sim, delay_ms);
    take_all(world);
}

void world_forget(struct world *world)
{
    for (size_t i = 0; i < world->kept_count; i++) {
        protobuf_c_message_free_unpacked(world->kept[i].body, NULL);
        free(world->kept[i].payload);
    }
    world->kept_count = 0;
}

uint64_t world_ask(struct world *world, uint8_t to, uint8_t kind, const ProtobufCMessage *body,
                   const void *payload, size_t payload_size)
{
    uint64_t correlation = ++world->correlation;
    zmq_msg_t frame;
    CHECK(zmq_msg_init_size(&frame, payload_size) == 0);
    if (payload_size)
        memcpy(zmq_msg_data(&frame), payload, payload_size);
    CHECK(sim_post(world->sim, WORLD_GATEWAY, to, kind, body, payload ? &frame : NULL, correlation,
                   true) == ERR_OK);
    (void)zmq_msg_close(&frame);
    return correlation;
}

void world_tell(struct world *world, uint8_t to, uint8_t kind, const ProtobufCMessage *body)
{
    CHECK(sim_post(world->sim, WORLD_GATEWAY, to, kind, body, NULL, 0, false) == ERR_OK);
}

const void *world_answer(struct world *world, uint64_t correlation)
{
    for (size_t i = 0; i < world->kept_count; i++) {
        if (world->kept[i].correlation == correlation)
            return world->kept[i].body;
    }
    return NULL;
}

const struct world_message *world_nth(const struct world *world, uint8_t kind, size_t n)
{
    for (size_t i = 0; i < world->kept_count; i++) {
        if (world->kept[i].kind == kind && n-- == 0)
            return &world->kept[i];
    }
    return NULL;
}

size_t world_count(const struct world *world, uint8_t kind)
{
    size_t count = 0;
    for (size_t i = 0; i < world->kept_count; i++)
        count += world->kept[i].kind == kind;
    return count;
}

/* --- sync-manager. */

static struct stub *sync_manager(struct world *world)
{
    return sim_state(world->sim, ACTOR_SYNC_MANAGER);
}

size_t world_appended_count(struct world *world)
{
    return sync_manager(world)->appended_count;
}

const struct world_message *world_appended(struct world *world, size_t n)
{
    CHECK(n < sync_manager(world)->appended_count);
    return &sync_manager(world)->appended[n];
}

uint64_t world_appended_messages(struct world *world)
{
    uint64_t count = 0;
    for (size_t i = 0; i < world_appended_count(world); i++) {
        const INTERNAL(Appended) *appended = (const void *)world_appended(world, i)->body;
        for (size_t k = 0; k < appended->n_runs; k++)
            count += appended->runs[k]->count;
    }
    return count;
}

uint64_t world_delivered(struct world *world)
{
    return sync_manager(world)->delivered;
}

void world_hold_acks(struct world *world, bool is_held)
{
    INTERNAL(AppendedAck) command = ROOST__INTERNAL__APPENDED_ACK__INIT;
    sync_manager(world)->is_holding = is_held;
    if (!is_held)
        world_tell(world, ACTOR_SYNC_MANAGER, MSG_APPENDED_ACK, &command.base);
}

/* --- Shorthands. */

ProtobufCBinaryData world_bytes(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
}

void world_id(struct world *world, uint8_t ret_id[UUID_BYTES])
{
    uuid_next(&world->uuids, sim_wall(world->sim), ret_id);
}

uint64_t world_send(struct world *world, uint64_t session, int64_t peer_id, uint64_t first_no,
                    const struct world_entry *entries, size_t count)
{
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    Roost__V1__Entry *packed = calloc(count, sizeof(*packed));
    Roost__V1__Entry **pointers = calloc(count, sizeof(*pointers));
    uint8_t(*ids)[UUID_BYTES] = calloc(count, sizeof(*ids));
    INTERNAL(Store) store = ROOST__INTERNAL__STORE__INIT;
    CHECK(packed && pointers && ids);
    for (size_t i = 0; i < count; i++) {
        roost__v1__entry__init(&packed[i]);
        if (entries[i].id)
            memcpy(ids[i], entries[i].id, UUID_BYTES);
        else
            world_id(world, ids[i]);
        packed[i].message_id = (ProtobufCBinaryData){.len = UUID_BYTES, .data = ids[i]};
        packed[i].scope = world_bytes(entries[i].scope ? entries[i].scope : "");
        packed[i].body = world_bytes(entries[i].body ? entries[i].body : "");
        packed[i].receipts = entries[i].receipts;
        packed[i].ttl_ms = entries[i].ttl_ms;
        packed[i].not_before_ms = entries[i].not_before_ms;
        store.body_bytes += packed[i].body.len;
        pointers[i] = &packed[i];
    }
    send.first_no = first_no;
    send.n_entries = count;
    send.entries = pointers;
    zmq_msg_t frame;
    CHECK(wire_pack(ROOST__V1__TYPE__SEND, &send.base, &frame) == ERR_OK);
    store.session = session;
    store.peer_id = peer_id;
    store.first_no = first_no;
    store.count = (uint32_t)count;
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_STORE, &store.base,
                                     zmq_msg_data(&frame), zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    free(packed);
    free(pointers);
    free(ids);
    return correlation;
}

uint64_t world_store(struct world *world, uint64_t session, int64_t peer_id, uint64_t no,
                     const char *scope, const char *body)
{
    struct world_entry entry = {.scope = scope, .body = body};
    uint64_t correlation = world_send(world, session, peer_id, no, &entry, 1);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    assert_int_equal(done->n_exceptions, 0);
    assert_int_equal(done->n_runs, 1);
    return done->runs[0]->first_seq;
}

int64_t world_peer(struct world *world, const char *name)
{
    INTERNAL(PeerSave) save = ROOST__INTERNAL__PEER_SAVE__INIT;
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT;
    INTERNAL(PeerChange) * changes[] = {&change};
    change.name = world_bytes(name);
    change.seen_ms = sim_wall(world->sim).ms;
    change.may_create = true;
    save.changes = changes;
    save.n_changes = 1;
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &save.base, NULL, 0);
    world_settle(world);
    const INTERNAL(PeerSaved) *saved = world_answer(world, correlation);
    assert_non_null(saved);
    assert_int_equal(saved->states[0]->code, 0);
    return saved->states[0]->peer_id;
}

const INTERNAL(ConsumerOpened) * world_open(struct world *world, int64_t peer_id, uint32_t kind,
                                            const char *name, const char *consumer, uint32_t start,
                                            uint64_t start_value)
{
    INTERNAL(ConsumerOpen) open = ROOST__INTERNAL__CONSUMER_OPEN__INIT;
    open.scope_kind = kind;
    open.scope_name = world_bytes(name);
    open.consumer = world_bytes(consumer);
    open.peer_id = peer_id;
    open.start = start;
    open.start_value = start_value;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_OPEN, &open.base, NULL, 0);
    world_settle(world);
    const INTERNAL(ConsumerOpened) *opened = world_answer(world, correlation);
    assert_non_null(opened);
    return opened;
}
