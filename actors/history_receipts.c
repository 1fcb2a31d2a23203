/* SPDX-License-Identifier: MPL-2.0
 *
 * What the sender of a message was told of its fate, as steps of its TRACE: which receipt, of whom, when, and
 * where in his mailbox it lies.
 *
 * Receipts are messages of the broker in the sender's mailbox (persistence_receipts.c), each about many
 * messages, so they are looked through from this message on: as many as there may be without anybody else
 * waiting long for history. Where that was not all, a step says so. Those that were cleaned up are not known
 * any more. They are shown to the sender and to administrators: who has read what is nobody else's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "history_state.h"
#include "store/conversation.h"

#define ROWS_A_STEP       256
#define ROWS_MAX          8192
#define BYTES_MAX         (4u << 20)   /* of their bodies */
#define RECEIPT_BYTES_MAX (256u << 10) /* none of ours is so large; one that was imported may be */
#define DETAIL_BYTES      (2 * WIRE_NAME_BYTES_MAX + 96)
#define RECEIPT_FLAGS                                                                              \
    (MESSAGE_FLAG_RECEIPT_DELIVERED | MESSAGE_FLAG_RECEIPT_READ | MESSAGE_FLAG_RECEIPT_FATE)

struct search {
    struct query *query;
    const struct message_row *about;
    uint64_t last_seq; /* of those looked through */
    uint64_t step_rows, rows, bytes;
};

static enum err add_step(const struct search *search, const Roost__V1__ReceiptEntry *entry,
                         const char *detail)
{
    struct query *query = search->query;
    struct history *h = query->page.h;
    Roost__V1__TraceStep *step = history_alloc(h, sizeof(*step));
    ProtobufCBinaryData text;
    if (!step || !history_copy(h, detail, strlen(detail) + 1, &text))
        return ERR_BUSY;
    roost__v1__trace_step__init(step);
    step->event = bytes_of("receipt", strlen("receipt"));
    step->scope = history_scope_text(h, search->about->scope_id);
    step->detail = (char *)text.data;
    step->reason = entry ? entry->reason : 0;
    step->time_ms = entry ? entry->time_ms : 0;
    return page_add(&query->page, PAGE_STEPS, &step->base);
}

/* "READ by bob; told ana in message 4711 of her mailbox". */
static enum err add_receipt(const struct search *search, const Roost__V1__ReceiptEntry *entry,
                            uint64_t seq)
{
    const ProtobufCEnumValue *level = protobuf_c_enum_descriptor_get_value(
        &roost__v1__receipt_level__descriptor, (int)entry->level);
    ProtobufCBinaryData sender = history_peer_name(search->query->page.h, search->about->sender_id);
    char detail[DETAIL_BYTES];
    if (!level)
        return ERR_OK; /* of a newer version */
    (void)snprintf(detail, sizeof(detail), "%s%s%.*s; %.*s was told: seq %" PRIu64, level->name,
                   entry->peer.len ? " by " : "", (int)entry->peer.len,
                   (const char *)entry->peer.data, (int)sender.len, (const char *)sender.data,
                   seq); /* fits */
    return add_step(search, entry, detail);
}

static bool is_about(const Roost__V1__ReceiptEntry *entry, const struct message_row *message)
{
    const size_t size = sizeof(message->message_id);
    for (size_t at = 0; at + size <= entry->message_ids.len; at += size) {
        if (memcmp(entry->message_ids.data + at, message->message_id, size) == 0)
            return true;
    }
    return false;
}

static enum err take_receipt(void *context, const struct message_row *row)
{
    struct search *search = context;
    enum err err = ERR_OK;
    search->last_seq = row->seq;
    search->step_rows++;
    search->bytes += row->body.size;
    if (row->is_damaged || row->kind != ROOST__V1__KIND__RECEIPT_KIND || row->sender_id != 0 ||
        row->body.size > RECEIPT_BYTES_MAX)
        return ERR_OK;
    Roost__V1__Receipt *receipt = roost__v1__receipt__unpack(NULL, row->body.size, row->body.data);
    for (size_t i = 0; receipt && !err && i < receipt->n_entries; i++) {
        if (is_about(receipt->entries[i], search->about))
            err = add_receipt(search, receipt->entries[i], row->seq);
    }
    roost__v1__receipt__free_unpacked(receipt, NULL);
    return err;
}

static enum err look_through(struct search *search)
{
    struct message_page page = {
        .conversation = conversation_of_peers(0, search->about->sender_id),
        .limit = ROWS_A_STEP,
    };
    enum err err;
    do {
        page.after_seq = search->last_seq;
        search->step_rows = 0;
        err = message_read_conversation(search->query->page.h->store, &page, take_receipt, search);
        search->rows += search->step_rows;
    } while (!err && search->step_rows == ROWS_A_STEP && search->rows < ROWS_MAX &&
             search->bytes < BYTES_MAX);
    if (!err && search->step_rows == ROWS_A_STEP)
        err = add_step(search, NULL, "later receipts were not looked through");
    return err;
}

enum err query_add_receipts(struct query *query, const struct message_row *row)
{
    struct search search = {.query = query, .about = row, .last_seq = row->seq};
    bool is_asked = row->sender_id != 0 && (row->flags & RECEIPT_FLAGS);
    bool is_shown = query->is_admin || row->sender_id == query->peer_id;
    return is_asked && is_shown ? look_through(&search) : ERR_OK;
}
