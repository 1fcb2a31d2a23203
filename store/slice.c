/* SPDX-License-Identifier: MPL-2.0
 *
 * See slice.h. Keys of 64 bits are sorted by their bytes, from the last to the first (a radix sort,
 * stable), leaving out the bytes that all keys share: of the times and counters that make up most
 * keys that is all but two or three. Rows begin in the order of seq, so equal keys keep it.
 */
#include "store/slice.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "store/conversation.h"

#define DIGITS       8
#define DIGIT_VALUES 256
#define SIGN         0x8000000000000000u /* makes a signed number sort as an unsigned one */

void slice_fini(struct slice *slice)
{
    free(slice->rows);
    free(slice->keys);
    free(slice->spare);
    *slice = (struct slice){.capacity = 0};
}

/* Each message makes two rows of peers at most. */
void slice_reset(struct slice *slice, size_t rows_max)
{
    CHECK(rows_max <= SLICE_ROWS_MAX);
    slice->count = 0;
    slice->order_count = 0;
    slice->view = NULL;
    slice->view_count = 0;
    size_t capacity = SLICE_ROWS_KEPT;
    while (capacity < rows_max)
        capacity *= 2;
    if (slice->capacity >= capacity && (slice->capacity == capacity || capacity > SLICE_ROWS_KEPT))
        return;
    slice_fini(slice);
    slice->capacity = capacity;
    slice->rows = malloc(3 * capacity * sizeof *slice->rows);
    slice->keys = malloc(2 * capacity * sizeof *slice->keys);
    slice->spare = malloc(2 * capacity * sizeof *slice->spare);
    CHECK(slice->rows && slice->keys && slice->spare);
}

static bool is_sorted(const struct slice_key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (keys[i - 1].key > keys[i].key)
            return false;
    }
    return true;
}

static void count_digits(const struct slice_key *keys, size_t count,
                         uint32_t counts[DIGITS][DIGIT_VALUES])
{
    memset(counts, 0, sizeof(uint32_t) * DIGITS * DIGIT_VALUES);
    for (size_t i = 0; i < count; i++) {
        for (int digit = 0; digit < DIGITS; digit++)
            counts[digit][keys[i].key >> 8 * digit & 0xff]++;
    }
}

static void move_by_digit(const struct slice_key *from, struct slice_key *into, size_t count,
                          int digit, const uint32_t counts[DIGIT_VALUES])
{
    uint32_t places[DIGIT_VALUES], place = 0;
    for (int value = 0; value < DIGIT_VALUES; value++) {
        places[value] = place;
        place += counts[value];
    }
    for (size_t i = 0; i < count; i++)
        into[places[from[i].key >> 8 * digit & 0xff]++] = from[i];
}

static void sort(struct slice *slice, size_t count)
{
    slice->order_count = count;
    if (is_sorted(slice->keys, count))
        return;
    uint32_t counts[DIGITS][DIGIT_VALUES];
    count_digits(slice->keys, count, counts);
    for (int digit = 0; digit < DIGITS; digit++) {
        if (counts[digit][slice->keys[0].key >> 8 * digit & 0xff] == count)
            continue;
        move_by_digit(slice->keys, slice->spare, count, digit, counts[digit]);
        struct slice_key *sorted = slice->spare;
        slice->spare = slice->keys;
        slice->keys = sorted;
    }
}

static uint64_t id_key(const struct slice_row *row)
{
    uint64_t key;
    memcpy(&key, row->message_id, sizeof key);
    return __builtin_bswap64(key);
}

static int compare_ids(const void *one, const void *other)
{
    const struct slice_row *a = ((const struct slice_key *)one)->row;
    const struct slice_row *b = ((const struct slice_key *)other)->row;
    int order = memcmp(a->message_id, b->message_id, sizeof a->message_id);
    return order ? order : a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* The keys hold the first half of an id: those that share it still have to be put in order. */
void slice_by_id(struct slice *slice)
{
    for (size_t i = 0; i < slice->count; i++)
        slice->keys[i] = (struct slice_key){id_key(&slice->rows[i]), &slice->rows[i]};
    sort(slice, slice->count);
    for (size_t from = 0, to; from < slice->count; from = to) {
        for (to = from + 1; to < slice->count && slice->keys[to].key == slice->keys[from].key;)
            to++;
        if (to - from > 1)
            qsort(slice->keys + from, to - from, sizeof *slice->keys, compare_ids);
    }
    slice_show(slice, 0, slice->order_count);
}

void slice_by_conversation(struct slice *slice)
{
    for (size_t i = 0; i < slice->count; i++) {
        struct slice_row *row = &slice->rows[i];
        slice->keys[i] = (struct slice_key){(uint64_t)row->conversation ^ SIGN, row};
    }
    sort(slice, slice->count);
    slice_show(slice, 0, slice->order_count);
}

/* Leaves the last of each run of equal keys: the newest. */
void slice_by_scope(struct slice *slice)
{
    for (size_t i = 0; i < slice->count; i++) {
        struct slice_row *row = &slice->rows[i];
        slice->keys[i] = (struct slice_key){(uint64_t)row->scope_id ^ SIGN, row};
    }
    sort(slice, slice->count);
    size_t kept = 0;
    for (size_t i = 0; i < slice->count; i++) {
        if (i + 1 == slice->count || slice->keys[i + 1].key != slice->keys[i].key)
            slice->keys[kept++] = slice->keys[i];
    }
    slice->order_count = kept;
    slice_show(slice, 0, slice->order_count);
}

/* A later message of the same: the row of the two together. */
static void join(struct slice_row *row, const struct slice_row *later)
{
    row->seq = later->seq > row->seq ? later->seq : row->seq;
    row->stored_ms = later->stored_ms > row->stored_ms ? later->stored_ms : row->stored_ms;
}

static struct slice_row *add_peer(struct slice_row *at, int64_t peer_id,
                                  const struct slice_row *message)
{
    if (peer_id <= 0)
        return at;
    at->peer_id = peer_id;
    at->conversation = message->conversation;
    at->seq = message->seq;
    at->stored_ms = message->stored_ms;
    return at + 1;
}

/* Who takes part in the conversation of these messages; its key is not 0. */
static struct slice_row *add_peers(struct slice_row *at, const struct slice_row *message)
{
    int64_t conversation = message->conversation;
    if (conversation < 0)
        return add_peer(at, message->peer_id, message);
    int64_t low = conversation >> 31, high = conversation & CONVERSATION_PEER_ID_MAX;
    at = add_peer(at, low, message);
    return high == low ? at : add_peer(at, high, message);
}

/* EDIT, DELETE and REACTION of proto/wire/broker.proto are no news of a conversation. */
static bool is_change(const struct slice_row *row)
{
    return row->kind >= 7 && row->kind <= 9;
}

/* Behind the messages, by conversation: messages next to each other that name the same peers are
 * joined at once. Returns the end. */
static struct slice_row *list_peers(struct slice *slice)
{
    struct slice_row *end = slice->rows + slice->count;
    for (size_t from = 0, to; from < slice->count; from = to) {
        struct slice_row all = *slice->keys[from].row;
        to = from + 1;
        if (is_change(&all))
            continue;
        for (; to < slice->count; to++) {
            const struct slice_row *next = slice->keys[to].row;
            if (is_change(next) || next->conversation != all.conversation ||
                (all.conversation < 0 && next->peer_id != all.peer_id))
                break;
            join(&all, next);
        }
        if (all.conversation != 0)
            end = add_peers(end, &all);
    }
    return end;
}

void slice_by_peer(struct slice *slice)
{
    struct slice_row *first = slice->rows + slice->count, *end = list_peers(slice);
    size_t count = (size_t)(end - first), kept = 0;
    for (size_t i = 0; i < count; i++)
        slice->keys[i] = (struct slice_key){(uint64_t)first[i].peer_id, &first[i]};
    sort(slice, count);
    for (size_t i = 0; i < count; i++) {
        struct slice_key *last = kept > 0 ? &slice->keys[kept - 1] : NULL;
        if (last && last->key == slice->keys[i].key &&
            last->row->conversation == slice->keys[i].row->conversation)
            join(last->row, slice->keys[i].row);
        else
            slice->keys[kept++] = slice->keys[i];
    }
    slice->order_count = kept;
    slice_show(slice, 0, slice->order_count);
}

void slice_show(struct slice *slice, size_t first, size_t count)
{
    CHECK(count <= slice->order_count && first <= slice->order_count - count);
    slice->view = slice->keys + first;
    slice->view_count = count;
}
