/* SPDX-License-Identifier: MPL-2.0
 *
 * Fates of messages become receipts in their senders' mailboxes, in the same commit.
 *
 * One receipt message per sender (several when it is a lot), with one entry per level, scope and
 * peer. An entry says "all of your messages to this scope from first_seq to last_seq that asked":
 * so a range ends where a message that asked lies between and is not part of it.
 *
 * Receipts are the broker's (sender 0), ask for nothing, and so are never receipted themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "persistence_state.h"
#include "rt/check.h"
#include "store/peers.h"

#define ENTRIES_PER_MESSAGE_MAX 64
#define IDS_PER_MESSAGE_MAX     4096 /* 64 KiB of ids */
#define GAP_MAX                 256 /* seqs between two messages that are looked at to join a range */

static uint32_t wanted_flag(uint32_t level)
{
    if (level == ROOST__V1__RECEIPT_LEVEL__DELIVERED)
        return MESSAGE_FLAG_RECEIPT_DELIVERED;
    return level == ROOST__V1__RECEIPT_LEVEL__READ ? MESSAGE_FLAG_RECEIPT_READ
                                                   : MESSAGE_FLAG_RECEIPT_FATE;
}

/* --- Collecting. */

void persistence_receipt_add(struct receipt_list *list, const struct message_row *message,
                             uint32_t level, int64_t peer_id, uint32_t reason)
{
    bool is_asked = message->flags & wanted_flag(level);
    if (!is_asked || message->sender_id == 0 || message->kind == ROOST__V1__KIND__RECEIPT_KIND)
        return;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = realloc(list->items, list->capacity * sizeof(*list->items));
        CHECK(list->items);
    }
    struct receipt_item *item = &list->items[list->count++];
    *item = (struct receipt_item){
        .sender_id = message->sender_id,
        .scope_id = message->scope_id,
        .peer_id = peer_id,
        .seq = message->seq,
        .level = level,
        .reason = reason,
    };
    memcpy(item->message_id, message->message_id, sizeof(item->message_id));
}

struct fate_visit {
    const INTERNAL(Fate) * fate;
    struct receipt_list *list;
};

static enum err take_fate(void *context, const struct message_row *message)
{
    struct fate_visit *visit = context;
    persistence_receipt_add(visit->list, message, visit->fate->level, visit->fate->peer_id,
                            visit->fate->reason);
    return ERR_OK;
}

static int compare_seqs(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

enum err persistence_fate(struct persistence *p, const INTERNAL(Fate) * fate,
                          struct receipt_list *list)
{
    if (fate->n_seqs == 0)
        return ERR_OK;
    struct fate_visit visit = {.fate = fate, .list = list};
    uint64_t *seqs = batch_alloc(p->batch, fate->n_seqs * sizeof(*seqs));
    memcpy(seqs, fate->seqs, fate->n_seqs * sizeof(*seqs));
    qsort(seqs, fate->n_seqs, sizeof(*seqs), compare_seqs);
    return message_read(p->store, fate->scope_id, seqs, fate->n_seqs, take_fate, &visit);
}

/* --- Grouping. */

static int compare_numbers(int64_t one, int64_t other)
{
    return one < other ? -1 : one > other;
}

/* Everything but the seq. */
static int compare_groups(const struct receipt_item *one, const struct receipt_item *other)
{
    int order = compare_numbers(one->sender_id, other->sender_id);
    if (!order)
        order = compare_numbers(one->level, other->level);
    if (!order)
        order = compare_numbers(one->scope_id, other->scope_id);
    if (!order)
        order = compare_numbers(one->peer_id, other->peer_id);
    return order ? order : compare_numbers(one->reason, other->reason);
}

static int compare_items(const void *one, const void *other)
{
    int order = compare_groups(one, other);
    return order ? order
                 : compare_seqs(&((const struct receipt_item *)one)->seq,
                                &((const struct receipt_item *)other)->seq);
}

/* Does a message lie between that asked for the same and is not part of this? */
static enum err is_one_range(struct persistence *p, const struct receipt_item *one,
                             const struct receipt_item *next, bool *ret)
{
    struct message_head heads[GAP_MAX];
    uint64_t between = next->seq - one->seq - 1;
    size_t count = 0;
    *ret = between <= GAP_MAX;
    if (between == 0 || between > GAP_MAX)
        return ERR_OK;
    enum err err = message_read_heads(p->store, one->seq, heads, (size_t)between, &count);
    for (size_t i = 0; !err && i < count && heads[i].seq < next->seq; i++) {
        if (heads[i].scope_id == one->scope_id && heads[i].sender_id == one->sender_id &&
            (heads[i].flags & wanted_flag(one->level)))
            *ret = false;
    }
    return err;
}

/* How many items, from `first` on, make one entry. */
static enum err entry_size(struct persistence *p, const struct receipt_item *first, size_t count,
                           size_t *ret_size)
{
    size_t size = 1;
    while (size < count && size < WIRE_RECEIPT_IDS_MAX) {
        if (compare_groups(first, &first[size]))
            break;
        bool is_joined;
        enum err err = is_one_range(p, &first[size - 1], &first[size], &is_joined);
        if (err)
            return err;
        if (!is_joined)
            break;
        size++;
    }
    *ret_size = size;
    return ERR_OK;
}

/* --- Writing. */

static enum err copy_peer_name(void *context, const struct peer_row *row)
{
    ProtobufCBinaryData *name = context;
    size_t size = strlen(row->name);
    CHECK(size <= WIRE_NAME_BYTES_MAX);
    memcpy(name->data, row->name, size);
    name->len = size;
    return ERR_OK;
}

static enum err fill_entry(struct persistence *p, const struct receipt_item *items, size_t count,
                           Roost__V1__ReceiptEntry *entry)
{
    char name[WIRE_NAME_BYTES_MAX + 1], text[WIRE_SCOPE_BYTES_MAX + 1];
    struct scope_row scope;
    roost__v1__receipt_entry__init(entry);
    enum err err = scope_find_by_id(p->store, items->scope_id, name, sizeof(name), &scope);
    if (err)
        return err;
    size_t size = scope_format((enum scope_prefix)scope.kind, name, strlen(name), text);
    entry->scope = batch_bytes(p->batch, text, size);
    if (items->peer_id) {
        entry->peer.data = batch_alloc(p->batch, WIRE_NAME_BYTES_MAX);
        err = peer_read(p->store, items->peer_id, copy_peer_name, &entry->peer);
        if (err && err != ERR_NO_SUCH_PEER)
            return err;
    }
    entry->level = (Roost__V1__ReceiptLevel)items->level;
    entry->reason = items->reason;
    entry->time_ms = (uint64_t)p->now_ms;
    entry->first_seq = items[0].seq;
    entry->last_seq = items[count - 1].seq;
    entry->message_ids.len = count * sizeof(items->message_id);
    entry->message_ids.data = batch_alloc(p->batch, entry->message_ids.len);
    for (size_t i = 0; i < count; i++)
        memcpy(entry->message_ids.data + i * sizeof(items->message_id), items[i].message_id,
               sizeof(items->message_id));
    return ERR_OK;
}

static enum err append_receipt(struct persistence *p, int64_t sender_id,
                               const Roost__V1__Receipt *receipt)
{
    struct scope_ref mailbox;
    enum err err = persistence_mailbox(p, sender_id, &mailbox);
    if (err)
        return persistence_breaks(err) ? err : ERR_OK; /* the sender was removed: nobody to tell */
    size_t size = roost__v1__receipt__get_packed_size(receipt);
    uint8_t *body = batch_alloc(p->batch, size);
    (void)roost__v1__receipt__pack(receipt, body); /* size as computed */
    struct message_row message = {
        .scope_id = mailbox.id,
        .stored_ms = p->now_ms,
        .expires_ms = p->now_ms + p->options.ttl_ms,
        .created_ms = p->now_ms,
        .conversation = persistence_conversation(&mailbox, 0),
        .kind = ROOST__V1__KIND__RECEIPT_KIND,
        .body = {.data = body, .size = size},
    };
    uuid_next(&p->uuids, (struct wall_time){p->now_ms}, message.message_id);
    return persistence_append(p, &message);
}

/* One receipt message from the items of one sender; *ret_taken of them went into it. */
static enum err write_receipt(struct persistence *p, const struct receipt_item *items, size_t count,
                              size_t *ret_taken)
{
    Roost__V1__ReceiptEntry entries[ENTRIES_PER_MESSAGE_MAX];
    Roost__V1__ReceiptEntry *pointers[ENTRIES_PER_MESSAGE_MAX];
    Roost__V1__Receipt receipt = ROOST__V1__RECEIPT__INIT;
    receipt.entries = pointers;
    size_t taken = 0;
    while (taken < count && receipt.n_entries < ENTRIES_PER_MESSAGE_MAX &&
           taken < IDS_PER_MESSAGE_MAX && items[taken].sender_id == items->sender_id) {
        size_t size = 1;
        Roost__V1__ReceiptEntry *entry = &entries[receipt.n_entries];
        enum err err = entry_size(p, &items[taken], count - taken, &size);
        if (!err)
            err = fill_entry(p, &items[taken], size, entry);
        if (persistence_breaks(err))
            return err;
        if (!err)
            pointers[receipt.n_entries++] = entry;
        taken += size;
    }
    *ret_taken = taken;
    return receipt.n_entries ? append_receipt(p, items->sender_id, &receipt) : ERR_OK;
}

enum err persistence_receipts_write(struct persistence *p, struct receipt_list *list)
{
    enum err err = ERR_OK;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), compare_items);
    for (size_t at = 0, taken; !err && at < list->count; at += taken)
        err = write_receipt(p, &list->items[at], list->count - at, &taken);
    free(list->items);
    *list = (struct receipt_list){0};
    return err;
}
