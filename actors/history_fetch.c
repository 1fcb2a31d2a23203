/* SPDX-License-Identifier: MPL-2.0
 *
 * FETCH: messages for a consumer, as public frames, straight to the session's gateway.
 *
 * Delivery numbers are positional: seqs[i] has first_delivery_no + i whether it is there or not. A
 * DELIVER numbers its entries consecutively, so a frame ends where one is missing, damaged or a
 * receipt (which has a frame of its own).
 *
 *     row -> Delivery on the stack, pointing into the row -> packed behind the entries before it in
 *     h->frame -> one zmq_msg per frame
 *
 * Order to the gateway is the order of the numbers. When the gateway's mailbox is full, what was
 * not sent counts as not taken, and sync-manager asks again.
 */
#include <string.h>

#include "history_state.h"
#include "proto/wire_delivery.h"
#include "rt/check.h"
#include "rt/log.h"
#include "rt/metrics.h"

#define ENTRY_TAG            0x1a /* Deliver.entries: field 3, length-delimited */
#define ENTRY_HEAD_BYTES_MAX 6
#define FRAME_HEAD_BYTES_MAX 32                   /* head, handle and first_delivery_no */
#define FETCH_BYTES_MAX      ((uint64_t)16 << 20) /* of bodies, whatever the credit says */

struct fetch {
    struct history *h;
    const INTERNAL(Fetch) * question;
    size_t next;                 /* place in seqs of the next one expected */
    uint64_t body_bytes;         /* of what was taken */
    uint64_t *missing, *damaged; /* as many as seqs */
    size_t missing_count, damaged_count;
    bool is_over;                      /* nothing more is taken */
    bool is_repeated;                  /* by history_repeat.c */
    enum err failed;                   /* the name of a topic could not be read */
    const struct name_folded *pattern; /* NULL: all are of one scope */
    const struct history_topic *topic; /* of the row in hand, where its reader cannot know it */
    struct tombstone tombstone;        /* the next one from looked_seq on */
    uint64_t looked_seq;               /* 0: not yet */

    size_t frame_first; /* place in seqs of the frame's first entry */
    uint32_t frame_count;
    size_t frame_size; /* bytes in h->frame */
    size_t frame_head; /* of these before the first entry */
    uint64_t frame_body_bytes;
};

/* --- Frames. */

static enum err send_frame(struct fetch *fetch, zmq_msg_t *frame, uint32_t count,
                           uint64_t body_bytes)
{
    INTERNAL(DeliverOut) out = ROOST__INTERNAL__DELIVER_OUT__INIT;
    out.session = fetch->question->session;
    out.handle = fetch->question->handle;
    out.count = count;
    out.body_bytes = body_bytes;
    enum err err = actor_send(fetch->h->actor, (uint8_t)fetch->question->gateway, MSG_DELIVER_OUT,
                              &out.base, frame);
    (void)zmq_msg_close(frame); /* moved out or not */
    return err;
}

/* Not sent: everything from this place on is not taken. */
static void give_back(struct fetch *fetch, size_t place)
{
    fetch->next = place;
    fetch->is_over = true;
}

/* Are these messages the same for everybody who asks for them? */
static bool is_plain(const INTERNAL(Fetch) * question)
{
    return question->n_seqs > 0 && question->pattern.len == 0 && question->n_attempts == 0 &&
           question->n_redelivered == 0;
}

/* Sends the frame in the making, if any. */
static void flush(struct fetch *fetch)
{
    uint32_t count = fetch->frame_count;
    if (count == 0)
        return;
    fetch->frame_count = 0;
    zmq_msg_t frame;
    enum err err = ERR_BUSY;
    if (zmq_msg_init_size(&frame, fetch->frame_size) == 0) {
        memcpy(zmq_msg_data(&frame), fetch->h->frame, fetch->frame_size);
        err = send_frame(fetch, &frame, count, fetch->frame_body_bytes);
    }
    if (err) {
        give_back(fetch, fetch->frame_first);
        return;
    }
    fetch->body_bytes += fetch->frame_body_bytes;
    if (count == fetch->question->n_seqs && is_plain(fetch->question) && !fetch->is_repeated)
        history_repeat_keep(&fetch->h->repeat, fetch->question, fetch->h->frame + fetch->frame_head,
                            fetch->frame_size - fetch->frame_head, fetch->frame_body_bytes);
}

/* Head and the fields before the entries. */
static bool begin_frame(struct fetch *fetch, size_t place)
{
    Roost__V1__Deliver deliver = ROOST__V1__DELIVER__INIT;
    zmq_msg_t start;
    deliver.handle = fetch->question->handle;
    deliver.first_delivery_no = fetch->question->first_delivery_no + place;
    if (wire_pack(ROOST__V1__TYPE__DELIVER, &deliver.base, &start))
        return false;
    fetch->frame_size = zmq_msg_size(&start);
    memcpy(fetch->h->frame, zmq_msg_data(&start), fetch->frame_size);
    (void)zmq_msg_close(&start); /* cannot fail on a valid message */
    fetch->frame_head = fetch->frame_size;
    fetch->frame_first = place;
    fetch->frame_body_bytes = 0;
    return true;
}

/* A message stored while larger ones were allowed has a frame to itself, beyond frame_bytes_max. */
static bool fits(const struct fetch *fetch, size_t entry_size)
{
    size_t room = fetch->frame_count ? fetch->h->options.limits.frame_bytes_max
                                     : (size_t)WIRE_FRAME_BYTES_CAP;
    return fetch->frame_count < WIRE_ENTRIES_MAX &&
           fetch->frame_size + ENTRY_HEAD_BYTES_MAX + entry_size <= room;
}

/* `size` is that of the delivery, packed. */
static void add_entry(struct fetch *fetch, size_t place, const Roost__V1__Delivery *delivery,
                      size_t size)
{
    if (fetch->frame_count > 0 && !fits(fetch, size))
        flush(fetch);
    if (fetch->is_over)
        return;
    if (fetch->frame_count == 0 && !begin_frame(fetch, place)) {
        give_back(fetch, place);
        return;
    }
    CHECK(fits(fetch, size)); /* looked at in take_message */
    uint8_t *to = fetch->h->frame + fetch->frame_size;
    *to = ENTRY_TAG;
    uint8_t *begin = wire_number_write(to + 1, size);
    CHECK(wire_delivery_write(delivery, begin) == begin + size);
    fetch->frame_size += (size_t)(begin - to) + size;
    fetch->frame_count++;
    fetch->frame_body_bytes += delivery->body.len;
}

/* The body of a receipt is a packed Receipt with entries only: the fields of this delivery go in
 * front, which in protobuf makes one message of both. */
static void send_receipt(struct fetch *fetch, size_t place, const struct message_row *row)
{
    Roost__V1__Receipt receipt = ROOST__V1__RECEIPT__INIT;
    zmq_msg_t start, frame;
    receipt.handle = fetch->question->handle;
    receipt.delivery_no = fetch->question->first_delivery_no + place;
    receipt.seq = row->seq;
    enum err err = wire_pack(ROOST__V1__TYPE__RECEIPT, &receipt.base, &start);
    if (!err) {
        size_t size = zmq_msg_size(&start);
        if (zmq_msg_init_size(&frame, size + row->body.size) == 0) {
            uint8_t *bytes = zmq_msg_data(&frame);
            memcpy(bytes, zmq_msg_data(&start), size);
            memcpy(bytes + size, row->body.data, row->body.size);
            err = send_frame(fetch, &frame, 1, row->body.size);
        } else {
            err = ERR_BUSY;
        }
        (void)zmq_msg_close(&start); /* cannot fail on a valid message */
    }
    if (err)
        give_back(fetch, place);
    else
        fetch->body_bytes += row->body.size;
}

/* --- Rows. */

static void note_missing(struct fetch *fetch)
{
    flush(fetch);
    if (!fetch->is_over)
        fetch->missing[fetch->missing_count++] = fetch->question->seqs[fetch->next++];
}

static void note_damaged(struct fetch *fetch)
{
    flush(fetch);
    if (fetch->is_over)
        return;
    uint64_t seq = fetch->question->seqs[fetch->next++];
    fetch->damaged[fetch->damaged_count++] = seq;
    metrics_add(actor_metrics(fetch->h->actor), METRIC_DAMAGED, 1);
    log_error("message-damaged", LOG_U64("seq", seq));
}

static bool is_enough(const struct fetch *fetch, size_t body_size)
{
    uint64_t taken = fetch->body_bytes + (fetch->frame_count ? fetch->frame_body_bytes : 0);
    uint64_t limit = fetch->question->bytes_max;
    if (limit == 0 || limit > FETCH_BYTES_MAX)
        limit = FETCH_BYTES_MAX;
    return taken > 0 && taken + body_size > limit;
}

/* A delivery is the message as it was stored, whatever changed it since (the change follows as a
 * message of its own), except that what was deleted is not given out any more. */
static void hide_deleted(struct fetch *fetch, Roost__V1__Delivery *delivery)
{
    uint64_t seq = delivery->seq;
    bool is_known = fetch->looked_seq && seq >= fetch->looked_seq &&
                    (fetch->tombstone.seq == 0 || fetch->tombstone.seq >= seq);
    if (!is_known) {
        enum err err = tombstone_next(fetch->h->store, seq, &fetch->tombstone);
        if (err) {
            history_log_failure(fetch->h, "tombstone", err);
            return;
        }
        fetch->looked_seq = seq;
    }
    if (fetch->tombstone.seq == seq)
        history_empty(delivery, fetch->tombstone.deleted_ms);
}

static void take_message(struct fetch *fetch, const struct message_row *row)
{
    const INTERNAL(Fetch) *question = fetch->question;
    size_t place = fetch->next;
    if (is_enough(fetch, row->body.size)) {
        fetch->is_over = true;
        return;
    }
    if (row->kind == ROOST__V1__KIND__RECEIPT_KIND) {
        flush(fetch);
        if (!fetch->is_over)
            send_receipt(fetch, place, row);
    } else {
        Roost__V1__Delivery delivery;
        if (!history_delivery(fetch->h, row, &delivery)) {
            flush(fetch);
            give_back(fetch, fetch->is_over ? fetch->next : place);
            return;
        }
        hide_deleted(fetch, &delivery);
        if (fetch->topic != NULL)
            delivery.scope = bytes_of(fetch->topic->text, fetch->topic->text_size);
        delivery.attempt = place < question->n_attempts ? question->attempts[place] : 1;
        delivery.redelivered = place < question->n_redelivered && question->redelivered[place];
        size_t size = wire_delivery_bytes(&delivery);
        if (size > WIRE_FRAME_BYTES_CAP - FRAME_HEAD_BYTES_MAX - ENTRY_HEAD_BYTES_MAX) {
            note_damaged(fetch); /* nobody could have sent it */
            return;
        }
        add_entry(fetch, place, &delivery, size);
    }
    if (!fetch->is_over)
        fetch->next++;
}

/* A damaged row says nothing of its scope: it is reported in any case. */
static bool is_match(struct fetch *fetch, const struct message_row *row)
{
    fetch->topic = NULL;
    if (row->is_damaged)
        return true;
    fetch->failed = history_match(fetch->h, row->scope_id, fetch->pattern, &fetch->topic);
    return !fetch->failed && fetch->topic != NULL;
}

static enum err take_row(void *context, const struct message_row *row)
{
    struct fetch *fetch = context;
    if (fetch->pattern != NULL && !is_match(fetch, row))
        return fetch->failed; /* not of a topic that matches: it counts as missing */
    while (!fetch->is_over && fetch->question->seqs[fetch->next] < row->seq)
        note_missing(fetch);
    if (!fetch->is_over && row->is_damaged)
        note_damaged(fetch);
    else if (!fetch->is_over)
        take_message(fetch, row);
    return fetch->is_over ? ERR_BUSY : ERR_OK; /* any error ends the walk */
}

/* --- The list. */

/* Place behind the longest ascending part from `first` on. */
static size_t ascending_end(const INTERNAL(Fetch) * question, size_t first)
{
    size_t end = first + 1;
    while (end < question->n_seqs && question->seqs[end] > question->seqs[end - 1])
        end++;
    return end;
}

static enum err read_part(struct fetch *fetch, size_t end)
{
    const INTERNAL(Fetch) *question = fetch->question;
    enum err err = message_read(fetch->h->store, question->scope_id, &question->seqs[fetch->next],
                                end - fetch->next, take_row, fetch);
    if (fetch->is_over)
        return ERR_OK;
    err = fetch->failed ? fetch->failed : err;
    while (!err && !fetch->is_over && fetch->next < end)
        note_missing(fetch);
    return err;
}

/* A damaged page makes a range unreadable: one by one, only what lies on it is lost. */
static enum err read_singly(struct fetch *fetch, size_t end)
{
    enum err err = ERR_OK;
    while (!err && !fetch->is_over && fetch->next < end) {
        err = read_part(fetch, fetch->next + 1);
        if (err != ERR_CORRUPT)
            continue;
        note_damaged(fetch);
        err = ERR_OK;
    }
    return err;
}

static enum err read_all(struct fetch *fetch)
{
    enum err err = ERR_OK;
    while (!err && !fetch->is_over && fetch->next < fetch->question->n_seqs) {
        size_t end = ascending_end(fetch->question, fetch->next);
        err = read_part(fetch, end);
        if (err == ERR_CORRUPT)
            err = read_singly(fetch, end);
    }
    flush(fetch);
    return err;
}

/* The frame of somebody else who asked the same in this turn, under a head of its own. */
static bool repeat(struct fetch *fetch)
{
    const struct history_repeat *kept = &fetch->h->repeat;
    const INTERNAL(Fetch) *question = fetch->question;
    uint64_t limit = question->bytes_max ? question->bytes_max : FETCH_BYTES_MAX;
    size_t size = FRAME_HEAD_BYTES_MAX + kept->size;
    if (!is_plain(question) || !history_repeat_has(kept, question) || kept->body_bytes > limit ||
        size > fetch->h->options.limits.frame_bytes_max || !begin_frame(fetch, 0))
        return false;
    memcpy(fetch->h->frame + fetch->frame_size, kept->entries, kept->size);
    fetch->is_repeated = true;
    fetch->frame_size += kept->size;
    fetch->frame_count = (uint32_t)kept->count;
    fetch->frame_body_bytes = kept->body_bytes;
    fetch->next = kept->count;
    flush(fetch);
    return true;
}

enum err history_on_fetch(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    const INTERNAL(Fetch) *question = MSG_BODY(msg, INTERNAL(Fetch));
    struct fetch fetch = {.h = h, .question = question};
    fetch.missing = history_alloc(h, 2 * question->n_seqs * sizeof(uint64_t));
    INTERNAL(Fetched) fetched = ROOST__INTERNAL__FETCHED__INIT;
    enum err err = ERR_BUSY;
    struct name_folded pattern;
    if (question->pattern.len > 0) {
        CHECK(name_fold(question->pattern.data, question->pattern.len, &pattern) == ERR_OK);
        fetch.pattern = &pattern;
    }
    if (fetch.missing) {
        fetch.damaged = fetch.missing + question->n_seqs;
        err = repeat(&fetch) ? ERR_OK : read_all(&fetch);
    }
    if (err)
        history_log_failure(h, "fetch", err);
    if (!err && fetch.next == 0 && question->n_seqs > 0)
        err = ERR_BUSY; /* the gateway's mailbox is full */
    if (fetch.next == 0)
        fetched.code = err_code(err);
    fetched.taken = (uint32_t)fetch.next;
    fetched.body_bytes = fetch.body_bytes;
    fetched.missing = fetch.missing;
    fetched.n_missing = fetch.missing_count;
    fetched.damaged = fetch.damaged;
    fetched.n_damaged = fetch.damaged_count;
    actor_reply(actor, msg, MSG_FETCHED, &fetched.base, NULL);
    arena_reset(&h->arena);
    return ERR_OK;
}
