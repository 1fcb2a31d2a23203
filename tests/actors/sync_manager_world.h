/* SPDX-License-Identifier: MPL-2.0
 *
 * A world (persistence_world.h) whose sync-manager is the real one, and what a client would do in
 * it: attach, credit, take deliveries, settle. The test is the gateway.
 */
#ifndef TESTS_ACTORS_SYNC_MANAGER_WORLD_H
#define TESTS_ACTORS_SYNC_MANAGER_WORLD_H

#include "persistence_world.h"
#include "sync_manager.h"

struct sync_world {
    struct world *world;
    struct sync_manager_options options;
    uint64_t sender_session, next_no; /* the session that stores, and its publish numbers */
};

/* cmocka: a started world, and its end. */
int sync_setup(void **state);
int sync_teardown(void **state);
/* The whole process dies and starts again `away_ms` later; started means: loaded. */
void sync_crash(struct sync_world *sync, int64_t away_ms);

/* Stores `count` messages; returns the first seq. */
uint64_t sync_store(struct sync_world *sync, int64_t sender, const char *scope, uint32_t count);
uint64_t sync_store_entry(struct sync_world *sync, int64_t sender, const struct world_entry *entry);

struct sync_attach_ask {
    uint64_t session;
    int64_t peer_id;
    const char *peer, *name, *consumer;
    uint32_t kind, handle, start, lease_ms;
    uint64_t credit, start_value;
    bool is_ephemeral, is_internal;
};
/* Lives until world_forget. */
const INTERNAL(Attached) * sync_attach(struct sync_world *sync, const struct sync_attach_ask *ask);
uint64_t sync_attach_later(struct sync_world *sync, const struct sync_attach_ask *ask);

void sync_credit(struct sync_world *sync, uint64_t session, uint64_t messages_total);
void sync_settle(struct sync_world *sync, uint64_t session, uint64_t first_no, uint64_t last_no,
                 uint32_t outcome, uint64_t confirm_id);
void sync_close(struct sync_world *sync, uint64_t session);
/* By kind and body; the answer, or NULL. */
const INTERNAL(CallDone) * sync_call(struct sync_world *sync, INTERNAL(Call) * call);

/* Deliveries among the kept messages, in order of arrival. */
struct sync_delivery {
    uint64_t session, no, seq;
    uint32_t attempt;
    bool redelivered;
    char scope[64]; /* as the delivery names it */
};
size_t sync_deliveries(struct sync_world *sync, struct sync_delivery *ret, size_t max);

/* One consumer of INSPECT. */
struct sync_info {
    uint64_t floor_seq, waiting, leased, retry, scheduled, dead;
};
struct sync_info sync_inspect(struct sync_world *sync, int64_t peer_id, const char *peer,
                              const char *scope, const char *consumer);

#endif
