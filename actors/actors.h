/* SPDX-License-Identifier: MPL-2.0
 *
 * The whole system on one screen.
 *
 *   id  actor          owns                                        if it dies
 *   0   supervisor     (the main thread; its id is never used)     the daemon is gone
 *   1   persistence    the only writing connection to the store    the daemon stops
 *   2   history        a reading connection: deliveries, queries   a new one takes over
 *   3   sync-manager   what is due for whom: leases, retries       the daemon stops
 *   4   peer-registry  who is known and who is online              a new one takes over
 *   5   auth-worker    Argon2id                                    a new one takes over
 *   6   auth-worker    the same
 *   7   accounts       who somebody is: logins, tokens             a new one takes over
 *   8   zmq-gateway    the ROUTER and its sessions                 a new one; clients say HELLO again
 *   9   tcp-gateway    Lair Chat connections                       a new one; they connect again
 *   10  discovery      whom of the local network to answer, ask    a new one; it learns who is there
 *   11  ipmsg-gateway  UDP sockets, peers of the local network     a new one; what was on its way is
 *                                                                  sent again
 *   12  http-gateway   HTTP connections, sessions of REST          a new one; clients connect again
 *   13  keyring        which keys may connect                      a new one; until then nobody may
 *
 * (A daemon that stops with an exit code is started again: start is recovery.)
 *
 * They start in this order and stop in the reverse: the gateway says goodbye first, the last commit
 * comes last. Each says what it accepts in the constant at the end of its file.
 */
#ifndef ACTORS_ACTORS_H
#define ACTORS_ACTORS_H

#include "accounts.h"                     /* accounts_actor */
#include "auth_worker.h"                  /* auth_worker_actor */
#include "discovery.h"                    /* discovery_actor */
#include "gateways/http/http_gateway.h"   /* http_gateway_actor */
#include "gateways/ipmsg/ipmsg_gateway.h" /* ipmsg_gateway_actor */
#include "gateways/lair/tcp_gateway.h"    /* tcp_gateway_actor */
#include "gateways/zmq/zmq_gateway.h"     /* zmq_gateway_actor */
#include "history.h"                      /* history_actor */
#include "keyring.h"                      /* keyring_actor */
#include "peer_registry.h"                /* peer_registry_actor */
#include "persistence.h"                  /* persistence_actor */
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "roostd_config.h"
#include "rt/system.h"
#include "sync_manager.h" /* sync_manager_actor */

/* Everything the actors are given. Must stay where it is while they run; so must the configuration
 * it was made of. */
struct actors {
    struct actor_spec specs[ACTOR_COUNT]; /* index = id */
    struct persistence_options persistence;
    struct history_options history;
    struct sync_manager_options sync_manager;
    struct peer_registry_options peer_registry;
    struct accounts_options accounts;
    struct zmq_gateway_options zmq_gateway;
    struct tcp_gateway_options tcp_gateway;
    struct discovery_options discovery;
    struct ipmsg_gateway_options ipmsg_gateway;
    struct http_gateway_options http_gateway;
    struct keyring_options keyring;
    struct zmq_gateway_bound bound;       /* where it listens, after the start */
    struct http_gateway_bound http_bound; /* the same */
    _Atomic unsigned reloads;             /* rises when the configuration was read again */
    const struct metrics *metrics;        /* to be set once the system exists: STATS shows them */
    struct system *system;                /* the same: its actors are looked at by http-gateway */
};

/* From the configuration to specs. `database` is the path of the file. */
void actors_describe(const struct roostd_config *config, const char *database, struct actors *ret);
/* The broker's own key; must stay where it is. Only needed where a listener speaks CURVE. */
void actors_take_key(struct actors *actors, const char *secret_key);

#endif
