/* SPDX-License-Identifier: MPL-2.0
 *
 * A small world for tests of the actors around the store: persistence and history (and, when
 * asked for, peer-registry, or accounts with its workers) on the simulator, with a real database in a fresh directory.
 *
 * The test itself is the gateway (WORLD_GATEWAY). sync-manager is a stub that acknowledges every
 * APPENDED and remembers what it was told; it can be told to hold its acknowledgements.
 * Every message that arrives at the gateway is kept, in order, until world_forget.
 */
#ifndef TESTS_ACTORS_PERSISTENCE_WORLD_H
#define TESTS_ACTORS_PERSISTENCE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "accounts.h"
#include "auth_worker.h"
#include "history.h"
#include "peer_registry.h"
#include "persistence.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/uuid.h"
#include "rt/sim.h"

#define WORLD_GATEWAY  ACTOR_ZMQ_GATEWAY
#define WORLD_KEPT_MAX 65536

struct world_message {
    uint8_t kind, from;
    uint64_t correlation;
    ProtobufCMessage *body;
    uint8_t *payload; /* NULL: none */
    size_t payload_size;
};

struct world {
    char directory[128];
    char path[160];
    struct sim *sim;
    uint64_t seed;
    struct sim_options sim_options;
    struct persistence_options persistence;
    struct history_options history;
    struct peer_registry_options registry;
    bool has_registry;
    struct accounts_options accounts;
    bool has_accounts;
    struct actor_spec specs[ACTOR_ZMQ_GATEWAY];

    struct world_message *kept;
    size_t kept_count;
    uint64_t correlation;
    struct uuid_source uuids;
};

struct world *world_new(void); /* not started */
void world_start(struct world *world);
enum err world_try_start(struct world *world);
void world_end(struct world *world); /* no orderly stop; the directory stays */
void world_restart(struct world *world);
void world_destroy(struct world *world);

/* cmocka: setup makes a started world, teardown destroys it. */
int world_setup(void **state);
int world_setup_with_registry(void **state);
int world_setup_with_accounts(void **state);
int world_teardown(void **state);

/* Everything on its way arrives, and what came to the gateway is kept. */
void world_settle(struct world *world);
void world_advance(struct world *world, int64_t delay_ms);
void world_forget(struct world *world);

/* Asks as the gateway; returns the correlation. */
uint64_t world_ask(struct world *world, uint8_t to, uint8_t kind, const ProtobufCMessage *body,
                   const void *payload, size_t payload_size);
void world_tell(struct world *world, uint8_t to, uint8_t kind, const ProtobufCMessage *body);
/* The answer to a question; NULL when there is none. */
const void *world_answer(struct world *world, uint64_t correlation);
/* The n-th kept message of a kind; NULL: there is none. */
const struct world_message *world_nth(const struct world *world, uint8_t kind, size_t n);
size_t world_count(const struct world *world, uint8_t kind);

/* What the stub was told: APPENDED by APPENDED; and its held acknowledgements. */
size_t world_appended_count(struct world *world);
const struct world_message *world_appended(struct world *world, size_t n);
void world_hold_acks(struct world *world, bool is_held);
uint64_t world_appended_messages(struct world *world);
/* Deliveries sent to the stub as if it were a gateway; its mailbox holds 1,024 messages. */
uint64_t world_delivered(struct world *world);

/* --- Shorthands. */

struct world_entry {
    const char *scope, *body;
    const uint8_t *id; /* NULL: a new one */
    uint32_t receipts;
    uint64_t ttl_ms, not_before_ms;
};

void world_id(struct world *world, uint8_t ret_id[UUID_BYTES]);
uint64_t world_send(struct world *world, uint64_t session, int64_t peer_id, uint64_t first_no,
                    const struct world_entry *entries, size_t count);
/* One message to `scope`, stored: its seq. Numbers of this session are counted by `no`. */
uint64_t world_store(struct world *world, uint64_t session, int64_t peer_id, uint64_t no,
                     const char *scope, const char *body);
/* A peer that exists and was seen: its id. */
int64_t world_peer(struct world *world, const char *name);
/* Opens (and makes) a consumer: its row. */
const INTERNAL(ConsumerOpened) * world_open(struct world *world, int64_t peer_id, uint32_t kind,
                                            const char *name, const char *consumer, uint32_t start,
                                            uint64_t start_value);
ProtobufCBinaryData world_bytes(const char *text);

#define assert_bytes(bytes, text)                                                                  \
    do {                                                                                           \
        assert_int_equal((bytes).len, strlen(text));                                               \
        assert_memory_equal((bytes).data, text, strlen(text));                                     \
    } while (0)

#endif
