/* SPDX-License-Identifier: MPL-2.0
 *
 * One seeded life of a broker and the clients behind its gateway: what they can do, and what
 * they do with what they get. Everything is written down in the ledger.
 */
#ifndef TESTS_SIM_LIFE_H
#define TESTS_SIM_LIFE_H

#include "sim_ledger.h"

#define CLIENTS     14
#define LISTENS     (-2)
#define RECEIVER    8 /* the client that gets the receipts of all messages */
#define PENDING_MAX 512
#define CONFIRMS    128
#define LINKS       7
#define SESSIONS    16 /* session = life of a client * SESSIONS + its number */

struct pending {
    uint64_t no, number;
};

struct client {
    const char *peer, *name, *consumer;
    uint32_t kind;
    int ledger; /* consumer; LISTENS: in memory only; -1: receipts */
    int64_t peer_id;
    uint64_t session; /* 0: offline */
    bool is_attached;
    uint64_t credit, received;
    uint64_t heard_seq; /* LISTENS: newest of this session */
    struct pending pending[PENDING_MAX];
    uint32_t pending_count;
};

struct confirm {
    uint64_t id, session;
    uint32_t count;
    struct pending acked[64];
};

struct life {
    struct sim_broker broker;
    struct ledger ledger;
    struct client clients[CLIENTS];
    struct confirm confirms[CONFIRMS];
    uint64_t random, confirm_next, lives;
    uint64_t send_session, send_first, send_next, send_answered; /* by index of message */
    bool is_held[LINKS];
    int64_t held_since_ms; /* the oldest of them, steady clock */
    bool may_jump, is_ending;
    uint64_t crashes, heard;
};

/* From 0 to limit - 1, by the seed. */
uint64_t draw(struct life *life, uint64_t limit);
bool chance(struct life *life, uint64_t percent);

/* The callbacks, the cast, and what the ledger has to know of it. The broker is not started. */
void life_init(struct life *life, uint64_t seed);

/* A new session of this client; the old one, if any, is left as it is. */
void life_attach(struct life *life, struct client *client, uint64_t credit);
void life_close_session(struct life *life, struct client *client);
void life_give_credit(struct life *life, struct client *client);
void life_settle_some(struct life *life, struct client *client);
/* Acknowledges all that is pending; what does not fit into the mailbox stays. */
void life_settle_all(struct life *life, struct client *client);
void life_send_some(struct life *life);
void life_cancel_some(struct life *life);
/* Its publish numbers begin anew with what was not answered. */
void life_new_sender(struct life *life);

#endif
