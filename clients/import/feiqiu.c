/* SPDX-License-Identifier: MPL-2.0
 *
 * feiqiu: the peers of neolan.db become peers of the local network.
 *
 * A peer is user and host, not an address: of several rows of one identity the one seen last says
 * what it calls itself, and the addresses of all of them are kept. What was heard of it here later
 * than that stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/import/feiqiu_map.h"
#include "clients/import/import_state.h"
#include "store/peers.h"

#define SOURCE "feiqiu"
#define KIND   "ipmsg" /* of peers of the local network */

static const struct import_left_out reasons[] = {
    {"messages", "they name addresses, not peers; what was read stays in the old program"},
    {"groups", "the groups of a peer are kept with it"},
    {"contacts", "peers are known by who was seen"},
    {"conversations", "roost makes its list of conversations of the messages"},
    {"seaql_migrations", "bookkeeping of the old program"},
    {NULL, NULL},
};

struct seen_before {
    int64_t last_seen_ms;
};

static enum err take_seen(void *context, const struct peer_row *row)
{
    struct seen_before *before = context;
    before->last_seen_ms = row->last_seen_ms;
    return ERR_OK;
}

static enum err store_peer(struct store *store, const struct feiqiu_peer *peer, int64_t id,
                           bool is_new)
{
    struct seen_before before = {0};
    char avatar[1024], *groups = strndup(peer->groups.data, peer->groups.size);
    if (!groups)
        return ERR_BUSY;
    text_dup(peer->avatar, avatar, sizeof(avatar));
    enum err err = peer_read(store, id, take_seen, &before);
    bool is_newest = is_new || peer->last_seen_ms > before.last_seen_ms;
    struct peer_seen seen = {
        .id = id,
        .seen_ms = peer->last_seen_ms,
        .left_ms = peer->last_seen_ms, /* it is not online by this */
        .address = peer->ip,
        .source = SOURCE,
        .kind = is_newest ? KIND : "",
        .display_name = is_newest ? peer->nickname : "",
        .host_name = is_newest ? peer->host_name : "",
        .port = is_newest ? peer->port : 0,
    };
    struct peer_imported imported = {
        .id = id,
        .reliability = -1,
        .avatar = is_newest ? avatar : "",
        .group_list = is_newest ? groups : "",
        .source = is_new ? SOURCE : "",
    };
    if (!err)
        err = peer_update_seen(store, &seen);
    if (!err)
        err = peer_import(store, &imported);
    free(groups);
    return err;
}

static enum err on_peer(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct import *import = state;
    struct writer *writer = &import->writer;
    struct feiqiu_peer peer;
    int64_t id = 0;
    bool is_new = false;
    if (!feiqiu_map_peer(row, import->options->now_ms, &peer, verdict))
        return ERR_OK;
    struct text name = {.data = peer.name, .size = strlen(peer.name)};
    enum err err = writer_peer(writer, name, import->options->now_ms, &id, &is_new);
    verdict->outcome = is_new ? ROW_ADDED : ROW_PRESENT;
    if (!err && !writer->is_dry)
        err = store_peer(writer->store, &peer, id, is_new);
    return import_fail_row(err, verdict, "peer");
}

enum err import_feiqiu(const struct import_options *options, struct import_report *ret,
                       char ret_problem[IMPORT_TEXT_BYTES])
{
    struct import *import = calloc(1, sizeof(*import));
    if (!import)
        return ERR_BUSY;
    enum err err = import_open(import, options, ret, ret_problem);
    if (!err && !foreign_has(import->foreign, FOREIGN_feiqiu_peers)) {
        (void)snprintf(ret_problem, IMPORT_TEXT_BYTES, "%.900s: it has no table peers of feiqiu",
                       options->source);
        err = import_close(import, ERR_NOT_OUR_FILE, ret_problem);
    } else if (!err) {
        err = import_table(import, FOREIGN_feiqiu_peers, on_peer, import);
        if (!err)
            err = import_leave_out(import, reasons);
        err = import_close(import, err, ret_problem);
    }
    free(import);
    return err;
}
