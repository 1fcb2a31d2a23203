/* SPDX-License-Identifier: MPL-2.0
 *
 * A whole broker but for its sockets: persistence, history and sync-manager on the simulator, with
 * a real database in a fresh directory. The test plays the gateway and all clients behind it.
 *
 * What arrives at the gateway is handed to the callbacks of struct sim_clients. Deliveries come
 * one by one, taken out of their frames.
 */
#ifndef TESTS_SIM_BROKER_H
#define TESTS_SIM_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "history.h"
#include "persistence.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/wire.h"
#include "rt/sim.h"
#include "sync_manager.h"

struct sim_delivery {
    uint64_t session, no, seq;
    uint64_t number; /* what the test put into the body; 0 for a receipt */
    uint32_t handle, attempt;
    bool redelivered;
    const Roost__V1__Receipt *receipt; /* NULL for a message */
};

struct sim_clients {
    void *context;
    void (*on_stored)(void *context, uint64_t correlation, const INTERNAL(StoreDone) * done);
    void (*on_attached)(void *context, uint64_t correlation, const INTERNAL(Attached) * attached);
    void (*on_detached)(void *context, const INTERNAL(Detached) * detached);
    void (*on_settled)(void *context, const INTERNAL(Settled) * settled);
    void (*on_call_done)(void *context, uint64_t correlation, const INTERNAL(CallDone) * done);
    void (*on_delivery)(void *context, const struct sim_delivery *delivery);
    void (*on_peer)(void *context, uint64_t correlation, const INTERNAL(PeerSaved) * saved);
};

struct sim_broker {
    char directory[96];
    char path[128];
    struct persistence_options persistence;
    struct history_options history;
    struct sync_manager_options sync_manager;
    struct actor_spec specs[ACTOR_ZMQ_GATEWAY];
    struct sim *sim;
    struct sim_clients clients;
    struct arena arena;
    uint64_t correlation;
    struct mono_time life_start; /* of the present life of the process */
    int64_t life_wall_ms;
};

struct sim_entry {
    const char *scope;
    uint64_t number;
    uint8_t id[16];
    uint32_t receipts;
    uint64_t ttl_ms, not_before_ms;
};

/* `is_broken`: it answers before it commits, which the checks must notice. */
void sim_broker_init(struct sim_broker *broker, uint64_t seed, bool is_broken);
/* The directory is removed. */
void sim_broker_fini(struct sim_broker *broker);
/* The process dies and starts again. */
void sim_broker_crash(struct sim_broker *broker, int64_t away_ms);
void sim_broker_run(struct sim_broker *broker, int64_t delay_us);
/* A few milliseconds: enough for questions, their questions, and the answers. */
void sim_broker_settle(struct sim_broker *broker);

/* Wall time at the start of this life plus monotonic time since. */
int64_t sim_broker_steady_ms(const struct sim_broker *broker);

/* Questions return their correlation, 0 when the mailbox was full. */
uint64_t sim_broker_ask(struct sim_broker *broker, uint8_t to, uint8_t kind,
                        const ProtobufCMessage *body);
bool sim_broker_tell(struct sim_broker *broker, uint8_t kind, const ProtobufCMessage *body);
uint64_t sim_broker_send(struct sim_broker *broker, uint64_t session, int64_t peer_id,
                         uint64_t first_no, const struct sim_entry *entries, size_t count);
uint64_t sim_broker_peer(struct sim_broker *broker, const char *name);

#endif
