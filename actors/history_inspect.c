/* SPDX-License-Identifier: MPL-2.0
 *
 * INSPECT_FILL: sync-manager knows what is due, leased and waiting; the store knows what died and
 * how long the scope is. The answer goes to the gateway that asked sync-manager.
 */
#include "history_state.h"

/* A pattern of topics that is only listened to has no row. */
static ProtobufCBinaryData pattern_text(struct history *h, const INTERNAL(ConsumerRow) * row)
{
    char text[WIRE_SCOPE_BYTES_MAX + 1];
    ProtobufCBinaryData copy;
    size_t size = scope_format(PREFIX_TOPIC, row->scope_name.data, row->scope_name.len, text);
    (void)history_copy(h, text, size, &copy); /* empty when there is no memory */
    return copy;
}

static enum err add_row(struct page *page, const INTERNAL(InspectRow) * row)
{
    struct history *h = page->h;
    struct consumer_counts counts = {0};
    Roost__V1__ConsumerInfo *info = history_alloc(h, sizeof(*info));
    if (!info || !row->row)
        return ERR_BUSY;
    roost__v1__consumer_info__init(info);
    enum err err = consumer_count(h->store, row->row->consumer_id, &counts);
    if (err && err != ERR_NO_SUCH_CONSUMER)
        return err;
    bool has_row = row->row->scope_id > 0;
    info->scope = has_row ? history_scope_text(h, row->row->scope_id) : pattern_text(h, row->row);
    info->consumer = row->row->consumer;
    info->floor_seq = row->row->floor_seq;
    info->last_seq = counts.last_seq > row->last_seq ? counts.last_seq : row->last_seq;
    info->waiting = row->waiting;
    info->leased = row->leased;
    info->retry = row->retry;
    info->scheduled = row->scheduled;
    info->dead = counts.dead;
    info->attached_peer = row->attached_peer;
    info->next_due_ms = (uint64_t)row->next_due_ms;
    return page_add(page, PAGE_CONSUMERS, &info->base);
}

enum err history_on_inspect_fill(struct actor *actor, void *state, const struct msg *msg)
{
    struct history *h = state;
    (void)actor;
    const INTERNAL(InspectFill) *fill = MSG_BODY(msg, INTERNAL(InspectFill));
    struct page page;
    page_begin(&page, h);
    page.gateway = (uint8_t)fill->gateway;
    page.correlation = fill->correlation;
    page.session = fill->session;
    page.request_id = fill->request_id;
    struct scope_row scope;
    bool is_pattern;
    enum err err = fill->code ? err_from_code(fill->code) : ERR_OK;
    /* One of which sync-manager knows no consumer may be there: that is an empty list. */
    if (err == ERR_NO_SUCH_SCOPE && fill->scope.len > 0)
        err = history_find_scope(h, fill->scope, &is_pattern, &scope);
    for (size_t i = 0; !err && i < fill->n_rows; i++)
        err = add_row(&page, fill->rows[i]);
    if (err == ERR_STORAGE || err == ERR_CORRUPT)
        history_log_failure(h, "inspect", err);
    page_end(&page, err);
    arena_reset(&h->arena);
    return ERR_OK;
}
