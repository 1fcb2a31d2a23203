/* SPDX-License-Identifier: MPL-2.0
 *
 * See writer.h: mailboxes, messages, and what happens to messages.
 *
 * A delivered message is accounted for at every consumer of its scope in the transaction that
 * appends it: where nothing waits below it, the floor moves; else a row says that this range is
 * settled. So whatever waited before still waits, and nothing old is delivered as if it were new.
 */
#include <string.h>

#include "broker.pb-c.h"
#include "clients/import/writer_state.h"
#include "rt/check.h"
#include "store/changes.h"
#include "store/peers.h"
#include "store/reactions.h"

#define CONSUMER_MAIN  "main"
#define CONSUMER_SLICE 64u

/* ---------------------------------------------------------------- consumers */

struct consumer_slice {
    struct {
        int64_t id;
        uint64_t floor_seq;
    } consumers[CONSUMER_SLICE];
    size_t count;
    char last_name[2 * WIRE_NAME_BYTES_MAX + 2]; /* PEER/CONSUMER */
};

static enum err take_consumer(void *context, const struct consumer_row *row)
{
    struct consumer_slice *slice = context;
    size_t size = strlen(row->name);
    CHECK(slice->count < CONSUMER_SLICE && size < sizeof(slice->last_name));
    slice->consumers[slice->count].id = row->id;
    slice->consumers[slice->count++].floor_seq = row->floor_seq;
    memcpy(slice->last_name, row->name, size + 1);
    return ERR_OK;
}

/* What is to become of [first, last] at each consumer of the scope. */
struct fate {
    int64_t scope_id;
    uint64_t before_seq; /* newest message below it */
    uint64_t first_seq, last_seq;
    bool is_expired;
    int64_t at_ms;
};

static enum err write_fate(struct writer *writer, const struct fate *fate, int64_t consumer_id,
                           uint64_t floor_seq)
{
    bool has_nothing_below = floor_seq >= fate->before_seq;
    enum err err = ERR_OK;
    if (floor_seq >= fate->last_seq)
        return ERR_OK;
    if (has_nothing_below)
        err = consumer_set_floor(writer->store, consumer_id, fate->last_seq);
    if (err || (has_nothing_below && !fate->is_expired))
        return err;
    struct exception_row row = {
        .consumer_id = consumer_id,
        .seq = fate->first_seq,
        .last_seq = fate->last_seq,
        .state = fate->is_expired ? EXCEPTION_EXPIRED : EXCEPTION_SETTLED,
        .reason = fate->is_expired ? err_code(ERR_EXPIRED) : 0,
        .text = "",
        .at_ms = fate->at_ms,
    };
    return exception_put(writer->store, &row);
}

static enum err write_fates(struct writer *writer, const struct fate *fate)
{
    struct consumer_slice slice = {.count = CONSUMER_SLICE};
    enum err err = ERR_OK;
    while (!err && slice.count == CONSUMER_SLICE) {
        char after[sizeof(slice.last_name)];
        memcpy(after, slice.last_name, sizeof(after));
        slice.count = 0;
        err = consumer_list(writer->store, fate->scope_id, after, CONSUMER_SLICE, take_consumer,
                            &slice);
        for (size_t i = 0; !err && i < slice.count; i++)
            err = write_fate(writer, fate, slice.consumers[i].id, slice.consumers[i].floor_seq);
    }
    return err;
}

static enum err settle(struct writer *writer, struct touched_scope *touched)
{
    struct fate fate = {
        .scope_id = touched->scope_id,
        .before_seq = touched->before_seq,
        .first_seq = touched->first_seq,
        .last_seq = touched->last_seq,
        .at_ms = writer->now_ms,
    };
    if (touched->last_seq == 0)
        return ERR_OK;
    touched->before_seq = touched->last_seq;
    touched->first_seq = touched->last_seq = 0;
    return write_fates(writer, &fate);
}

enum err writer_settle_all(struct writer *writer)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < writer->touched_count; i++)
        err = settle(writer, &writer->touched_scopes[i]);
    writer->touched_count = 0;
    u64map_clear(&writer->touched);
    return err;
}

static enum err touch(struct writer *writer, int64_t scope_id, struct touched_scope **ret)
{
    uint64_t place, newest = 0;
    if (u64map_get(&writer->touched, (uint64_t)scope_id, &place)) {
        *ret = &writer->touched_scopes[place];
        return ERR_OK;
    }
    enum err err = ERR_OK;
    if (!u64map_get(&writer->newest, (uint64_t)scope_id, &newest))
        err = room_last_seq(writer->store, scope_id, &newest);
    place = writer->touched_count;
    CHECK(place < sizeof(writer->touched_scopes) / sizeof(*writer->touched_scopes));
    if (!err)
        err = u64map_put(&writer->touched, (uint64_t)scope_id, place);
    if (err)
        return err;
    writer->touched_count++;
    *ret = &writer->touched_scopes[place];
    **ret = (struct touched_scope){.scope_id = scope_id, .before_seq = newest};
    return ERR_OK;
}

/* The message just appended, at the consumers of its scope. */
static enum err account_for(struct writer *writer, const struct message_row *message,
                            enum standing standing, struct touched_scope *touched)
{
    enum err err = u64map_put(&writer->newest, (uint64_t)message->scope_id, message->seq);
    if (!err && standing != STANDING_DELIVERED)
        err = settle(writer, touched);
    if (err)
        return err;
    if (standing == STANDING_DELIVERED) {
        touched->last_seq = message->seq;
        if (touched->first_seq == 0)
            touched->first_seq = message->seq;
        return ERR_OK;
    }
    struct fate fate = {
        .scope_id = message->scope_id,
        .before_seq = touched->before_seq,
        .first_seq = message->seq,
        .last_seq = message->seq,
        .is_expired = true,
        .at_ms = message->expires_ms,
    };
    touched->before_seq = message->seq;
    return standing == STANDING_EXPIRED ? write_fates(writer, &fate) : ERR_OK;
}

/* ---------------------------------------------------------------- mailboxes */

enum err writer_mailbox(struct writer *writer, int64_t peer_id, struct text name,
                        int64_t *ret_scope_id)
{
    struct stored_name stored;
    struct scope_row scope;
    struct store_stats stats;
    int64_t consumer_id;
    *ret_scope_id = peer_id; /* of a dry run: nobody looks at it */
    if (writer->is_dry)
        return ERR_OK;
    enum err err = writer_name(name, &stored);
    if (!err)
        err = scope_find(writer->store, SCOPE_PEER, stored.folded.text, &scope);
    if (!err)
        *ret_scope_id = scope.id;
    if (err != ERR_NO_SUCH_SCOPE)
        return err;
    store_progress(writer->store, &stats);
    err = scope_create(writer->store, SCOPE_PEER, stored.name, stored.folded.text, peer_id,
                       writer->now_ms, ret_scope_id);
    if (!err)
        err = consumer_create(writer->store, *ret_scope_id, CONSUMER_MAIN, stats.last_seq,
                              writer->now_ms, &consumer_id);
    return err;
}

/* ---------------------------------------------------------------- messages */

struct id_key {
    int64_t sender_id;
    uint8_t id[16];
};

_Static_assert(sizeof(struct id_key) == HASH_KEY_INLINE, "no allocation of its own");

static struct id_key key_of(int64_t sender_id, const uint8_t id[16])
{
    struct id_key key = {.sender_id = sender_id};
    memcpy(key.id, id, sizeof(key.id));
    return key;
}

/* *ret_seq 0: it is new. */
static enum err find_same(struct writer *writer, const struct message_row *message,
                          uint64_t *ret_seq)
{
    struct id_key key = key_of(message->sender_id, message->message_id);
    *ret_seq = 0;
    if (hash_get(&writer->batch_ids, &key, sizeof(key), ret_seq))
        return ERR_OK;
    if (writer->is_dry && hash_get(&writer->dry_messages, key.id, sizeof(key.id), ret_seq))
        return ERR_OK;
    if (!writer->store || writer_is_dry_id(message->sender_id))
        return ERR_OK;
    return message_find_indexed(writer->store, message->sender_id, message->message_id, ret_seq);
}

static enum err append(struct writer *writer, struct message_row *message, enum standing standing)
{
    struct touched_scope *touched;
    struct id_key key = key_of(message->sender_id, message->message_id);
    enum err err = touch(writer, message->scope_id, &touched);
    if (!err)
        err = message_append(writer->store, message);
    if (!err)
        err = hash_put(&writer->batch_ids, &key, sizeof(key), message->seq);
    writer->batch_bytes += message->body.size;
    return err ? err : account_for(writer, message, standing, touched);
}

enum err writer_message(struct writer *writer, struct message_row *message, enum standing standing,
                        enum outcome *ret_outcome)
{
    uint64_t seq;
    if (message->expires_ms == 0)
        message->expires_ms = writer->expires_ms;
    enum err err = find_same(writer, message, &seq);
    *ret_outcome = seq ? ROW_PRESENT : ROW_ADDED;
    if (err || seq) {
        message->seq = seq;
        return err;
    }
    if (!writer->is_dry)
        return append(writer, message, standing);
    message->seq = 1;
    return hash_put(&writer->dry_messages, message->message_id, sizeof(message->message_id), 1);
}

static enum err take_place(void *context, const struct message_row *row)
{
    struct message_place *place = context;
    if (!row->is_damaged && row->seq > place->seq)
        *place = (struct message_place){.seq = row->seq,
                                        .sender_id = row->sender_id,
                                        .conversation = row->conversation,
                                        .scope_id = row->scope_id};
    return ERR_OK;
}

enum err writer_find(struct writer *writer, const uint8_t id[16], struct message_place *ret)
{
    *ret = (struct message_place){.seq = 0};
    if (writer->is_dry && hash_get(&writer->dry_messages, id, 16, &ret->seq))
        return ERR_OK;
    return writer->store ? message_find_id_indexed(writer->store, id, take_place, ret) : ERR_OK;
}

/* ---------------------------------------------------------------- what happens to them */

/* A message of its own, in the same scope and by the same author. */
static struct message_row change_of(const struct message_row *message, uint32_t kind,
                                    const char *word, int64_t at_ms)
{
    struct message_row change = {
        .scope_id = message->scope_id,
        .sender_id = message->sender_id,
        .stored_ms = at_ms,
        .created_ms = at_ms,
        .conversation = message->conversation,
        .flags = message->flags,
        .kind = kind,
        .parent_id = {message->message_id, sizeof(message->message_id)},
    };
    writer_derive_id(word, message->message_id, sizeof(message->message_id), at_ms,
                     change.message_id);
    return change;
}

/* *ret true: nothing more happens to a message that was deleted, here or there. */
static enum err is_deleted(struct writer *writer, const struct message_row *message, bool *ret)
{
    struct tombstone tombstone = {.seq = 0};
    *ret = false;
    if (writer->is_dry)
        return ERR_OK;
    enum err err = tombstone_find(writer->store, message->seq, &tombstone);
    *ret = !err && tombstone.seq != 0;
    return err;
}

enum err writer_edit(struct writer *writer, const struct message_row *message, int64_t edited_ms)
{
    bool is_gone;
    enum outcome outcome;
    struct message_row change =
        change_of(message, ROOST__V1__KIND__EDIT, "roost import: edit", edited_ms);
    change.content_type = message->content_type;
    change.body = message->body;
    enum err err = is_deleted(writer, message, &is_gone);
    if (err || is_gone)
        return err;
    err = writer_message(writer, &change, STANDING_DELIVERED, &outcome);
    if (err || outcome == ROW_PRESENT || writer->is_dry)
        return err;
    return edit_add(writer->store, message->seq, change.seq);
}

enum err writer_delete(struct writer *writer, const struct message_row *message, int64_t deleted_ms)
{
    bool is_gone;
    enum outcome outcome;
    struct message_row change =
        change_of(message, ROOST__V1__KIND__DELETE, "roost import: delete", deleted_ms);
    enum err err = is_deleted(writer, message, &is_gone);
    if (err || is_gone)
        return err;
    err = writer_message(writer, &change, STANDING_DELIVERED, &outcome);
    if (err || outcome == ROW_PRESENT || writer->is_dry)
        return err;
    struct tombstone tombstone = {
        .seq = message->seq,
        .delete_seq = change.seq,
        .deleted_ms = deleted_ms,
        .peer_id = message->sender_id,
    };
    return tombstone_add(writer->store, &tombstone);
}

struct reaction_search {
    struct text emoji;
    bool is_found;
};

static enum err compare_reaction(void *context, const struct reaction_row *row)
{
    struct reaction_search *search = context;
    search->is_found |= row->is_mine && row->emoji.size == search->emoji.size &&
                        memcmp(row->emoji.data, search->emoji.data, row->emoji.size) == 0;
    return ERR_OK;
}

/* What a dry run can tell of a message that is here. */
static enum err look_for_reaction(struct writer *writer, const struct message_place *place,
                                  int64_t peer_id, struct text emoji, bool *ret_is_new)
{
    struct reaction_search search = {.emoji = emoji};
    bool is_here = writer->store && place->scope_id != 0;
    enum err err = ERR_OK;
    if (is_here)
        err = reaction_list(writer->store, place->seq, peer_id, compare_reaction, &search);
    *ret_is_new = !search.is_found;
    return err;
}

enum err writer_reaction(struct writer *writer, const struct message_place *place, int64_t peer_id,
                         struct text emoji, int64_t at_ms, enum outcome *ret_outcome)
{
    bool is_new = true;
    struct reaction reaction = {
        .seq = place->seq,
        .peer_id = peer_id,
        .at_ms = at_ms,
        .emoji = {(const uint8_t *)emoji.data, emoji.size},
    };
    enum err err = writer->is_dry ? look_for_reaction(writer, place, peer_id, emoji, &is_new)
                                  : reaction_add(writer->store, &reaction, &is_new);
    *ret_outcome = is_new ? ROW_ADDED : ROW_PRESENT;
    return err == ERR_TOO_MANY ? ERR_TOO_MANY_ENTRIES : err; /* of this message, not of all */
}

enum err writer_read_marker(struct writer *writer, const struct message_place *place,
                            int64_t peer_id, int64_t at_ms, enum outcome *ret_outcome)
{
    uint64_t before = 0;
    *ret_outcome = ROW_ADDED;
    enum err err = ERR_OK;
    if (writer->is_dry) {
        if (writer->store && place->scope_id != 0)
            err = marker_get(writer->store, peer_id, place->conversation, &before);
        if (before >= place->seq && place->scope_id != 0)
            *ret_outcome = ROW_PRESENT;
        return err;
    }
    err = marker_set(writer->store, peer_id, place->conversation, place->seq, at_ms, &before);
    if (before >= place->seq)
        *ret_outcome = ROW_PRESENT;
    return err;
}
