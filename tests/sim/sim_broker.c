/* SPDX-License-Identifier: MPL-2.0
 *
 * See sim_broker.h.
 */
#include "sim_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/check.h"
#include "rt/log.h"

#define GATEWAY  ACTOR_ZMQ_GATEWAY
#define SLICE_US INT64_C(1000000)

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
    .link_room = 64,
    .init = idle_init,
};

static void choose_directory(struct sim_broker *broker)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(broker->directory, sizeof(broker->directory), "%.60s/roost-sim-XXXXXX", base);
    CHECK(mkdtemp(broker->directory) != NULL);
    (void)snprintf(broker->path, sizeof(broker->path), "%s/roost.db", broker->directory);
}

static void note_life(struct sim_broker *broker)
{
    broker->life_start = sim_mono(broker->sim);
    broker->life_wall_ms = sim_wall(broker->sim).ms;
}

void sim_broker_init(struct sim_broker *broker, uint64_t seed, bool is_broken)
{
    struct log_options quiet = {.level = getenv("ROOST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF,
                                .fd = STDERR_FILENO};
    log_init(&quiet);
    choose_directory(broker);
    arena_init(&broker->arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    broker->persistence = (struct persistence_options){
        .path = broker->path,
        .is_autocreate = true,
        .reserve_bytes = 4096,
        .answers_before_commit = is_broken,
    };
    broker->history = (struct history_options){.path = broker->path};
    broker->specs[ACTOR_SUPERVISOR] = (struct actor_spec){.class = &idle_class};
    broker->specs[ACTOR_PERSISTENCE] =
        (struct actor_spec){.class = &persistence_actor, .args = &broker->persistence};
    broker->specs[ACTOR_HISTORY] =
        (struct actor_spec){.class = &history_actor, .args = &broker->history};
    broker->specs[ACTOR_SYNC_MANAGER] =
        (struct actor_spec){.class = &sync_manager_actor, .args = &broker->sync_manager};
    broker->specs[ACTOR_PEER_REGISTRY] = (struct actor_spec){.class = &idle_class};
    broker->specs[ACTOR_AUTH_1] = (struct actor_spec){.class = &idle_class};
    broker->specs[ACTOR_AUTH_2] = (struct actor_spec){.class = &idle_class};
    broker->specs[ACTOR_ACCOUNTS] = (struct actor_spec){.class = &idle_class};
    enum err err = ERR_OK;
    broker->sim =
        sim_new(seed, broker->specs, ACTOR_ZMQ_GATEWAY, message_types, MSG_COUNT, NULL, &err);
    CHECK(broker->sim != NULL);
    note_life(broker);
}

void sim_broker_fini(struct sim_broker *broker)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-reserve"};
    char path[160];
    if (broker->sim != NULL)
        sim_destroy(&broker->sim);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", broker->path, suffixes[i]);
        (void)unlink(path);
    }
    (void)rmdir(broker->directory);
    arena_fini(&broker->arena);
}

void sim_broker_crash(struct sim_broker *broker, int64_t away_ms)
{
    CHECK(sim_crash_all(broker->sim, away_ms) == ERR_OK);
    note_life(broker);
}

int64_t sim_broker_steady_ms(const struct sim_broker *broker)
{
    return broker->life_wall_ms + mono_elapsed_ms(broker->life_start, sim_mono(broker->sim));
}

/* --- Arrivals */

static void read_entry(const struct wire_message *frame, size_t i, struct sim_delivery *delivery)
{
    const Roost__V1__Delivery *entry = frame->deliver->entries[i];
    delivery->no = frame->deliver->first_delivery_no + i;
    delivery->seq = entry->seq;
    delivery->attempt = entry->attempt;
    delivery->redelivered = entry->redelivered;
    CHECK(entry->body.len == sizeof(delivery->number));
    memcpy(&delivery->number, entry->body.data, sizeof(delivery->number));
}

static void take_frame(struct sim_broker *broker, const struct msg *msg)
{
    const INTERNAL(DeliverOut) *out = MSG_BODY(msg, INTERNAL(DeliverOut));
    struct wire_reader reader = {
        .direction = WIRE_TO_CLIENT, .limits = &wire_limits_default, .arena = &broker->arena};
    struct wire_message frame;
    CHECK(msg->payload != NULL);
    CHECK(wire_parse(&reader, zmq_msg_data(msg->payload), zmq_msg_size(msg->payload), &frame) ==
          ERR_OK);
    struct sim_delivery delivery = {.session = out->session, .handle = out->handle};
    if (frame.type == ROOST__V1__TYPE__RECEIPT) {
        delivery.receipt = frame.receipt;
        delivery.no = frame.receipt->delivery_no;
        delivery.seq = frame.receipt->seq;
        broker->clients.on_delivery(broker->clients.context, &delivery);
    } else {
        CHECK(frame.type == ROOST__V1__TYPE__DELIVER && frame.deliver->handle == out->handle);
        for (size_t i = 0; i < frame.deliver->n_entries; i++) {
            read_entry(&frame, i, &delivery);
            broker->clients.on_delivery(broker->clients.context, &delivery);
        }
    }
    arena_reset(&broker->arena);
}

static void take_one(struct sim_broker *broker, const struct msg *msg)
{
    const struct sim_clients *clients = &broker->clients;
    void *context = clients->context;
    switch (msg->kind) {
    case MSG_STORE_DONE:
        clients->on_stored(context, msg->correlation, msg->body);
        break;
    case MSG_ATTACHED:
        clients->on_attached(context, msg->correlation, msg->body);
        break;
    case MSG_DETACHED:
        clients->on_detached(context, msg->body);
        break;
    case MSG_SETTLED:
        clients->on_settled(context, msg->body);
        break;
    case MSG_CALL_DONE:
        clients->on_call_done(context, msg->correlation, msg->body);
        break;
    case MSG_PEER_SAVED:
        clients->on_peer(context, msg->correlation, msg->body);
        break;
    case MSG_DELIVER_OUT:
        take_frame(broker, msg);
        break;
    default:
        CHECK(msg->kind == MSG_NONE); /* a message that no gateway expects */
    }
}

static void take_all(struct sim_broker *broker)
{
    const struct msg *msg;
    while ((msg = sim_take(broker->sim, GATEWAY)) != NULL)
        take_one(broker, msg);
    CHECK(sim_failure(broker->sim, NULL) == ERR_OK);
}

void sim_broker_run(struct sim_broker *broker, int64_t delay_us)
{
    while (delay_us > 0) { /* in slices, as clients look at their mail now and then */
        int64_t slice_us = delay_us < SLICE_US ? delay_us : SLICE_US;
        if (delay_us > 60 * SLICE_US)
            slice_us = 60 * SLICE_US;
        sim_run_until(broker->sim, (struct mono_time){sim_mono(broker->sim).ns + slice_us * 1000});
        take_all(broker);
        delay_us -= slice_us;
    }
}

void sim_broker_settle(struct sim_broker *broker)
{
    for (int i = 0; i < 10; i++)
        sim_broker_run(broker, 5000);
}

/* --- Questions */

static uint64_t post(struct sim_broker *broker, uint8_t to, uint8_t kind,
                     const ProtobufCMessage *body, zmq_msg_t *payload)
{
    uint64_t correlation = ++broker->correlation;
    enum err err = sim_post(broker->sim, GATEWAY, to, kind, body, payload, correlation, true);
    return err ? 0 : correlation;
}

uint64_t sim_broker_ask(struct sim_broker *broker, uint8_t to, uint8_t kind,
                        const ProtobufCMessage *body)
{
    return post(broker, to, kind, body, NULL);
}

bool sim_broker_tell(struct sim_broker *broker, uint8_t kind, const ProtobufCMessage *body)
{
    return sim_post(broker->sim, GATEWAY, ACTOR_SYNC_MANAGER, kind, body, NULL, 0, false) == ERR_OK;
}

uint64_t sim_broker_send(struct sim_broker *broker, uint64_t session, int64_t peer_id,
                         uint64_t first_no, const struct sim_entry *entries, size_t count)
{
    enum { MAX = 64 };
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    Roost__V1__Entry packed[MAX];
    Roost__V1__Entry *pointers[MAX];
    INTERNAL(Store) store = ROOST__INTERNAL__STORE__INIT;
    CHECK(count <= MAX);
    for (size_t i = 0; i < count; i++) {
        roost__v1__entry__init(&packed[i]);
        packed[i].message_id = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)entries[i].id};
        packed[i].scope =
            (ProtobufCBinaryData){strlen(entries[i].scope), (uint8_t *)(uintptr_t)entries[i].scope};
        packed[i].body =
            (ProtobufCBinaryData){sizeof(uint64_t), (uint8_t *)(uintptr_t)&entries[i].number};
        packed[i].receipts = entries[i].receipts;
        packed[i].ttl_ms = entries[i].ttl_ms;
        packed[i].not_before_ms = entries[i].not_before_ms;
        store.body_bytes += packed[i].body.len;
        pointers[i] = &packed[i];
    }
    send.first_no = first_no;
    send.n_entries = count;
    send.entries = pointers;
    store.session = session;
    store.peer_id = peer_id;
    store.first_no = first_no;
    store.count = (uint32_t)count;
    zmq_msg_t frame;
    CHECK(wire_pack(ROOST__V1__TYPE__SEND, &send.base, &frame) == ERR_OK);
    uint64_t correlation = post(broker, ACTOR_PERSISTENCE, MSG_STORE, &store.base, &frame);
    (void)zmq_msg_close(&frame);
    return correlation;
}

uint64_t sim_broker_peer(struct sim_broker *broker, const char *name)
{
    INTERNAL(PeerSave) save = ROOST__INTERNAL__PEER_SAVE__INIT;
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT;
    INTERNAL(PeerChange) * changes[] = {&change};
    change.name = (ProtobufCBinaryData){strlen(name), (uint8_t *)(uintptr_t)name};
    change.seen_ms = sim_wall(broker->sim).ms;
    change.may_create = true;
    save.changes = changes;
    save.n_changes = 1;
    return post(broker, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &save.base, NULL);
}
