/* SPDX-License-Identifier: MPL-2.0
 *
 * Edits, deletions and reactions, shown as part of the message they change.
 *
 * Called while a row is visited, so only statements of changes.h and reactions.h are used here.
 */
#include "history_state.h"
#include "store/reactions.h"

bool history_is_change(uint32_t kind)
{
    return kind == ROOST__V1__KIND__EDIT || kind == ROOST__V1__KIND__DELETE ||
           kind == ROOST__V1__KIND__REACTION;
}

void history_empty(Roost__V1__Delivery *delivery, int64_t deleted_ms)
{
    delivery->body = bytes_of(NULL, 0);
    delivery->n_headers = 0;
    delivery->deleted_ms = (uint64_t)deleted_ms;
}

struct fold {
    struct history *h;
    Roost__V1__Delivery *delivery;
};

static enum err take_edit(void *context, const struct message_row *row)
{
    struct fold *fold = context;
    fold->delivery->edited_ms = (uint64_t)row->stored_ms;
    bool is_copied = history_copy(fold->h, row->body.data, row->body.size, &fold->delivery->body);
    return is_copied ? ERR_OK : ERR_BUSY;
}

static enum err take_reaction(void *context, const struct reaction_row *row)
{
    struct fold *fold = context;
    Roost__V1__Delivery *delivery = fold->delivery;
    Roost__V1__Reaction *reaction = history_alloc(fold->h, sizeof(*reaction));
    if (!delivery->reactions)
        delivery->reactions =
            history_alloc(fold->h, REACTION_KINDS_MAX * sizeof(*delivery->reactions));
    if (!reaction || !delivery->reactions)
        return ERR_BUSY;
    roost__v1__reaction__init(reaction);
    if (!history_copy(fold->h, row->emoji.data, row->emoji.size, &reaction->emoji))
        return ERR_BUSY;
    reaction->count = row->count > UINT32_MAX ? UINT32_MAX : (uint32_t)row->count;
    reaction->is_mine = row->is_mine;
    delivery->reactions[delivery->n_reactions++] = reaction;
    return ERR_OK;
}

enum err query_fold(struct query *query, uint64_t seq, Roost__V1__Delivery *delivery)
{
    struct store *store = query->page.h->store;
    struct fold fold = {.h = query->page.h, .delivery = delivery};
    struct tombstone tombstone;
    bool is_changed = false;
    enum err err = change_look(store, seq, &query->gap, &is_changed);
    if (err || !is_changed)
        return err;
    err = tombstone_find(store, seq, &tombstone);
    if (!err && tombstone.seq) {
        history_empty(delivery, tombstone.deleted_ms);
        return ERR_OK;
    }
    if (!err)
        err = edit_read_newest(store, seq, take_edit, &fold);
    if (!err)
        err = reaction_list(store, seq, query->peer_id, take_reaction, &fold);
    return err;
}
