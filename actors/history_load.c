/* SPDX-License-Identifier: MPL-2.0
 *
 * LOAD_*: what others have to know when they start, in pages; and RESOLVE.
 *
 * An empty page that is not the end means it could not be read now: is_end is the only sign of the
 * end, so the asker asks again.
 */
#include <string.h>

#include "history_state.h"
#include "presence.h"
#include "store/peers.h"

#define ROWS_MAX   10000
#define HEADS_STEP 1024

/* Rows of one answer, in h->arena. */
struct rows {
    struct history *h;
    ProtobufCMessage **pointers;
    ProtobufCBinaryData *topics; /* of runs, as many; NULL: not asked for */
    size_t count, limit;
};

static bool rows_begin(struct rows *rows, struct history *h, uint32_t limit)
{
    *rows = (struct rows){.h = h, .limit = limit && limit < ROWS_MAX ? limit : ROWS_MAX};
    rows->pointers = history_alloc(h, rows->limit * sizeof(*rows->pointers));
    return rows->pointers != NULL;
}

/* A new row of this many bytes; NULL: no memory. */
static void *rows_add(struct rows *rows, size_t size)
{
    void *row = rows->count < rows->limit ? history_alloc(rows->h, size) : NULL;
    if (row)
        rows->pointers[rows->count++] = row;
    return row;
}

/* --- LOAD_CONSUMERS */

static enum err take_consumer(void *context, const struct consumer_load_row *row)
{
    struct rows *rows = context;
    INTERNAL(ConsumerRow) *out = rows_add(rows, sizeof(*out));
    if (!out)
        return ERR_BUSY;
    roost__internal__consumer_row__init(out);
    out->consumer_id = row->consumer.id;
    out->scope_id = row->scope.id;
    out->scope_kind = row->scope.kind;
    out->scope_owner_id = row->scope.owner_id;
    out->floor_seq = row->consumer.floor_seq;
    bool is_copied =
        history_copy(rows->h, row->scope.name, strlen(row->scope.name), &out->scope_name) &&
        history_copy(rows->h, row->consumer.name, strlen(row->consumer.name), &out->consumer);
    if (is_copied)
        return ERR_OK;
    rows->count--;
    return ERR_BUSY;
}

enum err history_on_load_consumers(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(LoadConsumers) *question = MSG_BODY(msg, INTERNAL(LoadConsumers));
    INTERNAL(ConsumersLoaded) loaded = ROOST__INTERNAL__CONSUMERS_LOADED__INIT;
    struct rows rows;
    enum err err = ERR_BUSY;
    if (rows_begin(&rows, h, question->limit))
        err =
            consumer_load(h->store, question->after_id, (uint32_t)rows.limit, take_consumer, &rows);
    if (err)
        history_log_failure(h, "load-consumers", err);
    loaded.rows = (INTERNAL(ConsumerRow) **)rows.pointers;
    loaded.n_rows = rows.count;
    loaded.is_end = !err && rows.count < rows.limit;
    actor_reply(actor, msg, MSG_CONSUMERS_LOADED, &loaded.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- LOAD_EXCEPTIONS */

static enum err take_exception(void *context, const struct exception_row *row)
{
    struct rows *rows = context;
    INTERNAL(ExceptionRow) *out = rows_add(rows, sizeof(*out));
    size_t text_size = strlen(row->text) + 1;
    char *text = out ? history_alloc(rows->h, text_size) : NULL;
    if (!text)
        return ERR_BUSY;
    memcpy(text, row->text, text_size);
    roost__internal__exception_row__init(out);
    out->consumer_id = row->consumer_id;
    out->seq = row->seq;
    out->last_seq = row->last_seq;
    out->state = row->state;
    out->attempts = row->attempts;
    out->due_ms = row->due_ms;
    out->reason = row->reason;
    out->text = text;
    out->at_ms = row->at_ms;
    return ERR_OK;
}

enum err history_on_load_exceptions(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(LoadExceptions) *question = MSG_BODY(msg, INTERNAL(LoadExceptions));
    INTERNAL(ExceptionsLoaded) loaded = ROOST__INTERNAL__EXCEPTIONS_LOADED__INIT;
    struct rows rows;
    enum err err = ERR_BUSY;
    if (rows_begin(&rows, h, question->limit))
        err = exception_load(h->store, question->after_consumer_id, question->after_seq, true,
                             (uint32_t)rows.limit, take_exception, &rows);
    if (err) {
        history_log_failure(h, "load-exceptions", err);
        rows.count = 0; /* the last row may be half filled */
    }
    loaded.rows = (INTERNAL(ExceptionRow) **)rows.pointers;
    loaded.n_rows = rows.count;
    loaded.is_end = !err && rows.count < rows.limit;
    actor_reply(actor, msg, MSG_EXCEPTIONS_LOADED, &loaded.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- LOAD_HEADS */

static bool continues(const INTERNAL(Run) * run, const struct message_head *head)
{
    return run->scope_id == head->scope_id && run->first_seq + run->count == head->seq &&
           run->stored_ms == head->stored_ms && run->expires_ms == head->expires_ms &&
           run->not_before_ms == head->not_before_ms && run->flags == head->flags;
}

/* Which patterns take it, sync-manager knows by its name. ERR_BUSY: no memory. */
static enum err name_topic(struct history *h, int64_t scope_id, ProtobufCBinaryData *ret)
{
    const struct history_topic *topic;
    enum err err = history_topic(h, scope_id, &topic);
    if (err || topic->size == 0)
        return err;
    ProtobufCBinaryData name = history_topic_name(topic);
    return history_copy(h, name.data, name.len, ret) ? ERR_OK : ERR_BUSY;
}

static enum err add_head(struct rows *rows, const struct message_head *head)
{
    INTERNAL(Run) *run = rows->count ? (INTERNAL(Run) *)rows->pointers[rows->count - 1] : NULL;
    if (run && continues(run, head)) {
        run->count++;
        return ERR_OK;
    }
    run = rows_add(rows, sizeof(*run));
    if (!run)
        return ERR_BUSY;
    roost__internal__run__init(run);
    run->scope_id = head->scope_id;
    run->first_seq = head->seq;
    run->count = 1;
    run->stored_ms = head->stored_ms;
    run->expires_ms = head->expires_ms;
    run->not_before_ms = head->not_before_ms;
    run->flags = head->flags;
    if (rows->topics == NULL)
        return ERR_OK;
    enum err err = name_topic(rows->h, head->scope_id, &rows->topics[rows->count - 1]);
    rows->count -= err != ERR_OK;
    return err;
}

/* Ends at the limit of messages, or when the runs are full: then last_seq says how far it got. */
static enum err load_heads(struct rows *rows, const INTERNAL(LoadHeads) * question,
                           INTERNAL(HeadsLoaded) * loaded)
{
    struct message_head heads[HEADS_STEP];
    uint32_t left = question->limit ? question->limit : ROWS_MAX;
    loaded->last_seq = question->after_seq;
    while (left > 0) {
        size_t count = 0, step = left < HEADS_STEP ? left : HEADS_STEP;
        enum err err = message_read_heads(rows->h->store, loaded->last_seq, heads, step, &count);
        if (err)
            return err;
        for (size_t i = 0; i < count; i++) {
            err = add_head(rows, &heads[i]);
            if (err)
                return err == ERR_BUSY ? ERR_OK : err; /* the rest comes next time */
            loaded->last_seq = heads[i].seq;
        }
        left -= (uint32_t)count;
        loaded->is_end = count < step;
        if (loaded->is_end)
            return ERR_OK;
    }
    return ERR_OK;
}

enum err history_on_load_heads(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(LoadHeads) *question = MSG_BODY(msg, INTERNAL(LoadHeads));
    INTERNAL(HeadsLoaded) loaded = ROOST__INTERNAL__HEADS_LOADED__INIT;
    struct rows rows;
    enum err err = ERR_BUSY;
    bool is_ready = rows_begin(&rows, h, 0);
    if (is_ready && question->with_topics) {
        rows.topics = history_alloc(h, rows.limit * sizeof(*rows.topics));
        is_ready = rows.topics != NULL;
    }
    if (is_ready)
        err = load_heads(&rows, question, &loaded);
    if (err)
        history_log_failure(h, "load-heads", err);
    loaded.runs = (INTERNAL(Run) **)rows.pointers;
    loaded.n_runs = rows.count;
    loaded.topics = rows.topics;
    loaded.n_topics = rows.topics ? rows.count : 0;
    actor_reply(actor, msg, MSG_HEADS_LOADED, &loaded.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- LOAD_PEERS: who was online when we stopped, by what the audit trail says last. */

struct peers_load {
    struct rows rows;
    struct name_folded next;
    size_t seen; /* rows of the store, also those left out */
};

static enum err take_last_event(void *context, const struct presence_row *row)
{
    *(bool *)context = row->is_online;
    return ERR_OK;
}

/* Whoever vanished and was found out keeps left < last_seen for ever; the last event tells. */
static enum err was_online(struct history *h, int64_t peer_id, bool *ret)
{
    *ret = true;
    return presence_list(h->store, peer_id, 0, 1, take_last_event, ret);
}

static enum err take_peer(void *context, const struct peer_row *row)
{
    struct peers_load *load = context;
    struct history *h = load->rows.h;
    bool is_wanted;
    load->seen++;
    load->next.size = strlen(row->folded);
    if (load->next.size >= sizeof(load->next.text))
        return ERR_CORRUPT;
    memcpy(load->next.text, row->folded, load->next.size + 1);
    enum err err = was_online(h, row->id, &is_wanted);
    if (err || !is_wanted)
        return err;
    INTERNAL(LoadedPeer) *out = rows_add(&load->rows, sizeof(*out));
    if (!out)
        return ERR_BUSY;
    roost__internal__loaded_peer__init(out);
    out->peer_id = row->id;
    out->last_seen_ms = row->last_seen_ms;
    out->left_ms = row->left_ms;
    bool is_kept = true;
    err = row->is_lan ? peer_is_kept(h->store, row->id, &is_kept) : ERR_OK;
    if (err)
        return err;
    out->is_kept = is_kept;
    bool is_copied =
        history_copy(h, row->name, strlen(row->name), &out->name) &&
        history_copy(h, row->display_name, strlen(row->display_name), &out->display_name);
    return is_copied ? ERR_OK : ERR_BUSY;
}

enum err history_on_load_peers(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(LoadPeers) *question = MSG_BODY(msg, INTERNAL(LoadPeers));
    INTERNAL(PeersLoaded) loaded = ROOST__INTERNAL__PEERS_LOADED__INIT;
    struct peers_load load = {.seen = 0};
    char after[NAME_FOLDED_BYTES_MAX + 1] = "";
    enum err err = ERR_BUSY;
    if (question->after_folded.len && question->after_folded.len < sizeof(after))
        memcpy(after, question->after_folded.data, question->after_folded.len);
    int64_t since_ms = question->online_since_ms > 0 ? question->online_since_ms : 1;
    if (rows_begin(&load.rows, h, question->limit))
        err = peer_list(h->store, after, since_ms, (uint32_t)load.rows.limit, take_peer, &load);
    if (err) {
        history_log_failure(h, "load-peers", err);
        load.rows.count = 0; /* the last row may be half filled */
        load.next.size = 0;
    }
    loaded.peers = (INTERNAL(LoadedPeer) **)load.rows.pointers;
    loaded.n_peers = load.rows.count;
    loaded.is_end = !err && load.seen < load.rows.limit;
    loaded.next_folded = err ? question->after_folded : bytes_of(load.next.text, load.next.size);
    actor_reply(actor, msg, MSG_PEERS_LOADED, &loaded.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}

/* --- RESOLVE */

struct resolve {
    struct rows rows;
    int64_t sender_id;
};

static enum err take_place(void *context, const struct message_row *row)
{
    struct resolve *resolve = context;
    if (resolve->sender_id && row->sender_id != resolve->sender_id)
        return ERR_OK;
    INTERNAL(Place) *place = rows_add(&resolve->rows, sizeof(*place));
    if (!place)
        return ERR_BUSY;
    roost__internal__place__init(place);
    place->seq = row->seq;
    place->scope_id = row->scope_id;
    enum err err = name_topic(resolve->rows.h, row->scope_id, &place->topic);
    if (err)
        return err;
    return history_copy(resolve->rows.h, row->message_id, sizeof(row->message_id),
                        &place->message_id)
               ? ERR_OK
               : ERR_BUSY;
}

enum err history_on_resolve(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(Resolve) *question = MSG_BODY(msg, INTERNAL(Resolve));
    INTERNAL(Resolved) resolved = ROOST__INTERNAL__RESOLVED__INIT;
    struct resolve resolve = {.sender_id = question->sender_id};
    enum err err = rows_begin(&resolve.rows, h, 0) ? ERR_OK : ERR_BUSY;
    for (size_t i = 0; !err && i < question->n_message_ids; i++) {
        if (question->message_ids[i].len == WIRE_ID_BYTES)
            err = message_find_id(h->store, question->message_ids[i].data, take_place, &resolve);
    }
    if (err) {
        history_log_failure(h, "resolve", err);
        resolve.rows.count = 0;
    }
    resolved.code = err_code(err);
    resolved.places = (INTERNAL(Place) **)resolve.rows.pointers;
    resolved.n_places = resolve.rows.count;
    actor_reply(actor, msg, MSG_RESOLVED, &resolved.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}
