/* SPDX-License-Identifier: MPL-2.0
 *
 * See recent.h. The known part is one piece without gaps. It grows upwards with what was stored since
 * the last question, and downwards as far as a page wants. Where more was stored than is worth
 * catching up with, it begins anew at the end: for a busy conversation the last messages are enough.
 */
#include "store/recent.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "store/store_internal.h"

#define TAIL_MIN 1024
#define JUMP_MAX 32768
#define STEP     4096
#define ROOM_MIN 8192
#define ROOM_MAX ((size_t)1 << 19) /* twice the longest tail there is */
#define SEQS_MAX 512

void recent_init(struct recent *recent)
{
    *recent = (struct recent){.tail_min = TAIL_MIN, .jump_max = JUMP_MAX};
}

static void forget(struct recent *recent)
{
    free(recent->conversations);
    recent->conversations = NULL;
    recent->room = 0;
    recent->base = recent->low = recent->high = 0;
}

void recent_fini(struct recent *recent)
{
    forget(recent);
}

/* --- Memory. */

static int64_t *place_of(const struct recent *recent, uint64_t seq)
{
    CHECK(seq > recent->base && seq - recent->base <= recent->room);
    return &recent->conversations[seq - recent->base - 1];
}

/* What the index holds by now makes room. */
static void drop_indexed(struct recent *recent, uint64_t indexed_seq)
{
    if (indexed_seq <= recent->base || !recent->conversations)
        return;
    size_t count =
        indexed_seq - recent->base < recent->room ? indexed_seq - recent->base : recent->room;
    size_t left = recent->room - count;
    memmove(recent->conversations, recent->conversations + count,
            left * sizeof(*recent->conversations));
    memset(recent->conversations + left, 0, count * sizeof(*recent->conversations));
    recent->base = indexed_seq;
    recent->low = recent->low > indexed_seq ? recent->low : indexed_seq;
    recent->high = recent->high > indexed_seq ? recent->high : indexed_seq;
}

/* False: it does not fit. */
static bool make_room(struct recent *recent, uint64_t seq)
{
    size_t room = recent->room ? recent->room : ROOM_MIN;
    if (seq - recent->base > ROOM_MAX)
        return false;
    while (seq - recent->base > room)
        room *= 2;
    if (room == recent->room)
        return true;
    int64_t *grown = realloc(recent->conversations, room * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + recent->room, 0, (room - recent->room) * sizeof(*grown));
    recent->conversations = grown;
    recent->room = room;
    return true;
}

/* --- Reading. */

/* Notes what the statement yields. *ret_last: the last of them. */
static enum err note_rows(struct recent *recent, struct store *store, sqlite3_stmt *stmt,
                          size_t *ret_count, uint64_t *ret_last)
{
    bool has_row = false;
    enum err err = ERR_OK;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        uint64_t seq = (uint64_t)sqlite3_column_int64(stmt, 0);
        if (!make_room(recent, seq)) {
            err = ERR_BUSY;
            break;
        }
        *place_of(recent, seq) = sqlite3_column_int64(stmt, 1);
        *ret_last = seq;
        (*ret_count)++;
    }
    return statement_close(stmt, err);
}

static enum err grow_up(struct recent *recent, struct store *store)
{
    size_t count = 0;
    do {
        sqlite3_stmt *stmt;
        uint64_t last = recent->high;
        enum err err = statement_open(store, STATEMENT_recent_up, &stmt);
        if (err)
            return err;
        count = 0;
        statement_bind_ints(stmt, INTS((int64_t)recent->high, STEP));
        err = note_rows(recent, store, stmt, &count, &last);
        if (err)
            return err;
        recent->high = last;
    } while (count == STEP);
    return ERR_OK;
}

static enum err grow_down(struct recent *recent, struct store *store, uint64_t floor)
{
    sqlite3_stmt *stmt;
    size_t count = 0;
    uint64_t last = recent->low;
    enum err err = statement_open(store, STATEMENT_recent_down, &stmt);
    if (err)
        return err;
    statement_bind_ints(stmt, INTS((int64_t)floor, (int64_t)recent->low, STEP));
    err = note_rows(recent, store, stmt, &count, &last);
    if (!err)
        recent->low = count == STEP ? last - 1 : floor;
    return err;
}

static enum err bring_up(struct recent *recent, struct store *store, uint64_t indexed_seq,
                         uint64_t last_seq)
{
    drop_indexed(recent, indexed_seq);
    bool is_anew = !recent->conversations || last_seq - recent->high > recent->jump_max;
    if (is_anew) {
        forget(recent);
        recent->base = indexed_seq;
        recent->low = recent->high = last_seq;
        if (!make_room(recent, last_seq))
            return ERR_BUSY;
    }
    return grow_up(recent, store);
}

/* Messages of the conversation above `floor` and below `before`, newest first. */
struct search {
    int64_t conversation;
    uint64_t floor, before;
    size_t wanted, count;
    uint64_t seqs[SEQS_MAX];
};

static enum err find(struct recent *recent, struct store *store, struct search *search)
{
    uint64_t at = search->before > recent->high ? recent->high : search->before - 1;
    search->count = 0;
    for (;;) {
        uint64_t low = recent->low > search->floor ? recent->low : search->floor;
        for (; at > low; at--) {
            if (*place_of(recent, at) != search->conversation)
                continue;
            search->seqs[search->count++] = at;
            if (search->count == search->wanted)
                return ERR_OK;
        }
        if (recent->low <= search->floor || at <= search->floor)
            return ERR_OK;
        enum err err = grow_down(recent, store, search->floor);
        if (err)
            return err;
    }
}

/* --- A page: from the tail, then from the index. */

struct counted {
    message_visit *visit;
    void *context;
    uint32_t left;
};

static enum err visit_counted(void *context, const struct message_row *row)
{
    struct counted *counted = context;
    counted->left--;
    return counted->visit(counted->context, row);
}

static enum err read_tail(struct recent *recent, struct store *store,
                          const struct message_page *page, uint64_t indexed_seq,
                          struct counted *counted)
{
    struct search search = {
        .conversation = page->conversation,
        .floor = page->after_seq > indexed_seq ? page->after_seq : indexed_seq,
        .before = page->before_seq ? page->before_seq : INT64_MAX,
    };
    enum err err = ERR_OK;
    do {
        search.wanted = counted->left < SEQS_MAX ? counted->left : SEQS_MAX;
        err = find(recent, store, &search);
        if (!err && search.count > 0) {
            err = message_read(store, 0, search.seqs, search.count, visit_counted, counted);
            search.before = search.seqs[search.count - 1];
        }
    } while (!err && search.count == search.wanted && counted->left > 0);
    return err;
}

enum err recent_read_conversation(struct recent *recent, struct store *store,
                                  const struct message_page *page, message_visit *visit,
                                  void *context)
{
    uint64_t indexed_seq = 0;
    int64_t last_seq = 0;
    struct counted counted = {visit, context, page->limit};
    struct message_page rest = *page;
    enum err err = store_indexed_seq(store, &indexed_seq);
    if (!err)
        err = statement_query_ints(store, STATEMENT_store_last_seq, 0, NULL, &last_seq, NULL);
    if (err)
        return err;
    bool is_plain = page->newest_first && !page->offset && !page->from_ms && !page->to_ms &&
                    page->limit > 0 && page->conversation != 0;
    bool is_long = (uint64_t)last_seq > indexed_seq + recent->tail_min;
    if (!is_long)
        forget(recent);
    if (!is_plain || !is_long)
        return message_read_conversation(store, page, visit, context);
    err = bring_up(recent, store, indexed_seq, (uint64_t)last_seq);
    if (!err)
        err = read_tail(recent, store, page, indexed_seq, &counted);
    if (err && counted.left == page->limit) { /* the log itself may still be read */
        forget(recent);
        return message_read_conversation(store, page, visit, context);
    }
    if (err || counted.left == 0)
        return err;
    rest.limit = counted.left;
    if (!rest.before_seq || rest.before_seq > indexed_seq + 1)
        rest.before_seq = indexed_seq + 1;
    return message_read_conversation(store, &rest, visit, context);
}
