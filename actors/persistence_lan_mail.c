/* SPDX-License-Identifier: MPL-2.0
 *
 * LAN_WRITE and LAN_LOAD: what the gateway of the local network has to know after a restart.
 */
#include <string.h>

#include "persistence_state.h"
#include "store/lan.h"

#define ROWS_MAX 500

/* --- LAN_WRITE */

static enum err write_row(struct persistence *p, const INTERNAL(LanWrite) * question)
{
    const INTERNAL(LanPeer) *peer = question->peer;
    if (!peer || peer->address.len > WIRE_NAME_BYTES_MAX || peer->local.len > WIRE_NAME_BYTES_MAX)
        return ERR_BAD_FIELD;
    const struct lan_row row = {
        .peer_id = peer->peer_id,
        .address = persistence_text(p, peer->address),
        .local = persistence_text(p, peer->local),
        .heard_ms = peer->heard_ms,
        .began_ms = peer->began_ms,
        .sending_seq = (int64_t)peer->sending_seq,
        .sending_no = peer->sending_no,
        .sending_count = peer->sending_count,
        .is_explained = peer->is_explained,
    };
    const struct lan_sealed sealed = {
        .peer_id = peer->peer_id,
        .first_no = peer->sending_no,
        .count = peer->sending_count,
        .seq = peer->sending_seq,
    };
    enum err err = lan_put(p->store, &row);
    return err || !question->is_sealed ? err : lan_sealed_put(p->store, &sealed);
}

enum err persistence_lan_write(struct persistence *p, const void *question, enum err refusal,
                               ProtobufCMessage **ret_answer)
{
    INTERNAL(LanWritten) *written = batch_alloc(p->batch, sizeof(*written));
    roost__internal__lan_written__init(written);
    *ret_answer = &written->base;
    enum err err = refusal ? refusal : write_row(p, question);
    if (!refusal && persistence_breaks(err))
        return err;
    written->code = err_code(err);
    return ERR_OK;
}

/* --- LAN_LOAD */

struct collection {
    struct batch *batch;
    INTERNAL(LanLoaded) * loaded;
};

static ProtobufCBinaryData copy(struct batch *batch, const char *text)
{
    return batch_bytes(batch, text, strlen(text));
}

static enum err collect(void *context, const struct lan_row *row)
{
    const struct collection *collection = context;
    INTERNAL(LanPeer) *peer = batch_alloc(collection->batch, sizeof(*peer));
    roost__internal__lan_peer__init(peer);
    peer->peer_id = row->peer_id;
    peer->address = copy(collection->batch, row->address);
    peer->local = copy(collection->batch, row->local);
    peer->heard_ms = row->heard_ms;
    peer->began_ms = row->began_ms;
    peer->sending_seq = (uint64_t)row->sending_seq;
    peer->sending_no = row->sending_no;
    peer->sending_count = row->sending_count;
    peer->is_explained = row->is_explained;
    peer->name = copy(collection->batch, row->name);
    peer->version_token = copy(collection->batch, row->version_token);
    peer->charset = copy(collection->batch, row->charset);
    peer->port = row->port;
    peer->capabilities = row->capabilities;
    collection->loaded->peers[collection->loaded->n_peers++] = peer;
    return ERR_OK;
}

static enum err load(struct persistence *p, const INTERNAL(LanLoad) * question,
                     INTERNAL(LanLoaded) * loaded)
{
    uint32_t limit = question->limit && question->limit < ROWS_MAX ? question->limit : ROWS_MAX;
    struct collection collection = {.batch = p->batch, .loaded = loaded};
    loaded->peers = batch_alloc(p->batch, limit * sizeof(*loaded->peers));
    enum err err = question->peer_id
                       ? lan_read(p->store, question->peer_id, collect, &collection)
                       : lan_list(p->store, question->after_id, limit, collect, &collection);
    loaded->is_end = loaded->n_peers < limit;
    return err == ERR_NO_SUCH_PEER ? ERR_OK : err; /* nothing is known of it yet */
}

enum err persistence_lan_load(struct persistence *p, const void *question, enum err refusal,
                              ProtobufCMessage **ret_answer)
{
    INTERNAL(LanLoaded) *loaded = batch_alloc(p->batch, sizeof(*loaded));
    roost__internal__lan_loaded__init(loaded);
    *ret_answer = &loaded->base;
    enum err err = refusal ? refusal : load(p, question, loaded);
    if (!refusal && persistence_breaks(err))
        return err;
    loaded->code = err_code(err);
    return ERR_OK;
}
