/* SPDX-License-Identifier: MPL-2.0
 *
 * Peers, their addresses, presence events and read markers: rows in, rows out.
 */
#ifndef STORE_PEERS_H
#define STORE_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

#define PEER_ADDRESSES_MAX 16 /* of one peer; the ones not seen for longest go */

struct peer_row {
    int64_t id;
    const char *name, *folded, *display_name, *nickname, *host_name, *kind; /* views */
    bool is_verified, is_relay, is_bootstrap;
    bool is_lan; /* "lan:user@host" */
    int64_t first_seen_ms, last_seen_ms, left_ms, created_ms;
    uint64_t connections;
    const char *group_name, *version_token, *charset, *fingerprint; /* as announced */
    const char *avatar, *group_list, *source;                       /* as imported */
    uint32_t port;
    uint64_t capabilities;
    uint64_t transfers_ok, transfers_failed, transfer_bytes;
    uint64_t latency_total_ms, latency_count; /* mean = total / count */
    double reliability;                       /* as imported; below 0: to be computed */
    int64_t observed_ms;                      /* first presence event; 0: there was none */
    int64_t online_since_ms;                  /* it came then and has not gone; 0: it has */
    int64_t online_ms;                        /* online in all, before online_since_ms */
};

MUST_USE enum err peer_find(struct store *store, const char *folded, int64_t *ret_id);
/* Creates a peer that was never seen (all times 0 but created_ms). */
MUST_USE enum err peer_create(struct store *store, const char *name, const char *folded,
                              int64_t now_ms, int64_t *ret_id);

/* An empty string or a 0 never overwrites a filled field; times only move forward. */
struct peer_seen {
    int64_t id, seen_ms;
    int64_t left_ms;                                    /* not 0: it said goodbye at that time */
    const char *display_name, *kind, *address, *source; /* NULL or "" = unknown */
    bool is_new_connection;
    const char *host_name, *group_name, *version_token, *charset, *fingerprint; /* as above */
    uint32_t port;
    uint64_t capabilities;
};
MUST_USE enum err peer_update_seen(struct store *store, const struct peer_seen *seen);

/* What came of sending to it, to be added. Whatever was imported about its reliability is past. */
struct peer_measured {
    uint64_t ok, failed, bytes, latency_total_ms, latency_count;
};
MUST_USE enum err peer_add_measured(struct store *store, int64_t id,
                                    const struct peer_measured *measured);
/* What another program knew: counters only grow, flags are only set, "" is unknown. */
struct peer_imported {
    int64_t id;
    uint64_t connections;
    struct peer_measured measured;
    bool is_relay, is_bootstrap;
    double reliability; /* below 0: not said */
    const char *avatar, *group_list;
    const char *source; /* of a new peer; "" otherwise */
};
MUST_USE enum err peer_import(struct store *store, const struct peer_imported *imported);
MUST_USE enum err peer_set_nickname(struct store *store, int64_t id, const char *nickname);
MUST_USE enum err peer_set_verified(struct store *store, int64_t id, bool is_verified);
/* Would be missed: it has an account, a nickname, messages (as far as they are indexed) or a room. */
MUST_USE enum err peer_is_kept(struct store *store, int64_t id, bool *ret);
/* With its addresses, presence events and markers; its messages stay. */
MUST_USE enum err peer_remove(struct store *store, int64_t id);

typedef enum err peer_visit(void *context, const struct peer_row *row);
MUST_USE enum err peer_read(struct store *store, int64_t id, peer_visit *visit, void *context);
/* By folded name > after, in name order. online_since_ms != 0: only peers with left < last_seen
 * and last_seen >= online_since_ms. */
MUST_USE enum err peer_list(struct store *store, const char *after_folded, int64_t online_since_ms,
                            uint32_t limit, peer_visit *visit, void *context);
struct peer_window {
    uint32_t limit, offset;
};
/* Peers with an address of this IP (as store/address.h writes it), the one seen there last first. */
MUST_USE enum err peer_list_by_ip(struct store *store, const char *ip, int64_t online_since_ms,
                                  struct peer_window window, peer_visit *visit, void *context);
struct peer_counts {
    uint64_t total, online, verified, lan;
};
MUST_USE enum err peer_count(struct store *store, int64_t online_since_ms, struct peer_counts *ret);
MUST_USE enum err peer_count_lan(struct store *store, uint64_t *ret);
/* Peers of the local network that would not be missed, the one not seen for longest first. */
MUST_USE enum err peer_list_stale(struct store *store, uint32_t limit, peer_visit *visit,
                                  void *context);
typedef enum err peer_address_visit(void *context, const char *address, const char *source,
                                    int64_t last_seen_ms);
MUST_USE enum err peer_addresses(struct store *store, int64_t id, peer_address_visit *visit,
                                 void *context);

#define PRESENCE_OF_PEER_MAX 1000 /* events; whoever comes and goes all the time fills no disk */
/* Also counts the time the peer is online, and forgets its oldest events above the limit. */
MUST_USE enum err presence_add(struct store *store, int64_t peer_id, bool is_online, int64_t at_ms,
                               const char *reason, int64_t *ret_event_id);
struct presence_row {
    int64_t id, peer_id, at_ms;
    bool is_online, is_verified;
    const char *reason, *peer_name, *display_name;
};
typedef enum err presence_visit(void *context, const struct presence_row *row);
MUST_USE enum err presence_list(struct store *store, int64_t peer_id /* 0 = all */,
                                int64_t before_id, uint32_t limit, presence_visit *visit,
                                void *context);
/* Bounded retention: at most rows_max of the events older than before_ms. */
MUST_USE enum err presence_trim(struct store *store, int64_t before_ms, uint32_t rows_max);

/* Moves the marker forward only; ret_before: where it stood. */
MUST_USE enum err marker_set(struct store *store, int64_t peer_id, int64_t conversation,
                             uint64_t read_seq, int64_t now_ms, uint64_t *ret_before);
MUST_USE enum err marker_get(struct store *store, int64_t peer_id, int64_t conversation,
                             uint64_t *ret_read_seq);

#endif
