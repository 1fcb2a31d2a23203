/* SPDX-License-Identifier: MPL-2.0
 *
 * See book.h. One array of slots; an index of open addressing with linear probing over it, kept at
 * most half full, where a removal moves later entries back so that there are no tombstones; and
 * the SEEN and OWED slots in one list by age.
 */
#include "clients/c/book.h"

#include <stdlib.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

enum slot_state { SLOT_FREE, SLOT_HELD, SLOT_SEEN, SLOT_OWED };

struct book_slot {
    struct book_key key;
    uint64_t delivery_no;
    uint32_t generation; /* changes at each use: an old token finds nothing */
    uint32_t epoch;      /* the attachment that delivery_no is of */
    uint32_t body_size;
    uint32_t next; /* free list, or list by age */
    uint32_t prev; /* list by age */
    uint8_t state;
    uint8_t outcome; /* OWED */
};

/* ---------------------------------------------------------------------------- hashing */

static uint64_t rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t book_hash(const uint64_t secret[2], const void *bytes, size_t size)
{
    uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575, secret[1] ^ 0x646f72616e646f6d,
                     secret[0] ^ 0x6c7967656e657261, secret[1] ^ 0x7465646279746573};
    const uint8_t *at = bytes;
    size_t left = size;
    uint64_t word;

    for (; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    if (left)
        memcpy(&word, at, left);
    word |= (uint64_t)size << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct book_key book_key(const struct book *book, const uint8_t message_id[16], const void *sender,
                         size_t sender_size)
{
    struct book_key key;
    memcpy(key.words, message_id, 16);
    key.words[2] = book_hash(book->secret, sender, sender_size);
    return key;
}

/* ------------------------------------------------------------------------------ index */

static uint32_t index_home(const struct book *book, const struct book_key *key)
{
    return (uint32_t)book_hash(book->secret, key, sizeof(*key)) & book->index_mask;
}

static bool is_same_key(const struct book_key *one, const struct book_key *other)
{
    return memcmp(one, other, sizeof(*one)) == 0;
}

static uint32_t find_slot(const struct book *book, const struct book_key *key)
{
    uint32_t at = index_home(book, key);
    while (book->index[at]) {
        uint32_t number = book->index[at] - 1;
        if (is_same_key(&book->slots[number].key, key))
            return number;
        at = (at + 1) & book->index_mask;
    }
    return NO_SLOT;
}

static void index_put(struct book *book, uint32_t number)
{
    uint32_t at = index_home(book, &book->slots[number].key);
    while (book->index[at])
        at = (at + 1) & book->index_mask;
    book->index[at] = number + 1;
}

static void index_remove(struct book *book, uint32_t number)
{
    uint32_t hole = index_home(book, &book->slots[number].key);
    while (book->index[hole] != number + 1)
        hole = (hole + 1) & book->index_mask;
    uint32_t at = hole;
    for (;;) {
        at = (at + 1) & book->index_mask;
        if (!book->index[at])
            break;
        uint32_t home = index_home(book, &book->slots[book->index[at] - 1].key);
        if (((at - home) & book->index_mask) >= ((at - hole) & book->index_mask)) {
            book->index[hole] = book->index[at];
            hole = at;
        }
    }
    book->index[hole] = 0;
}

/* ------------------------------------------------------------------------------ slots */

bool book_init(struct book *book, uint32_t held_max, uint32_t seen_max, const uint64_t secret[2])
{
    uint32_t count = held_max + seen_max;
    uint32_t index_size = 16;
    while (index_size < 2 * count)
        index_size *= 2;
    *book = (struct book){
        .index_mask = index_size - 1,
        .slot_count = count,
        .free_first = NO_SLOT,
        .old_first = NO_SLOT,
        .old_last = NO_SLOT,
        .epoch = 1,
        .secret = {secret[0], secret[1]},
    };
    book->slots = calloc(count, sizeof(*book->slots));
    book->index = calloc(index_size, sizeof(*book->index));
    if (!book->slots || !book->index) {
        book_fini(book);
        return false;
    }
    return true; /* memory is touched only as it is used */
}

void book_fini(struct book *book)
{
    free(book->slots);
    free(book->index);
    book->slots = NULL;
    book->index = NULL;
}

static void old_append(struct book *book, uint32_t number)
{
    struct book_slot *slot = &book->slots[number];
    slot->next = NO_SLOT;
    slot->prev = book->old_last;
    if (book->old_last == NO_SLOT)
        book->old_first = number;
    else
        book->slots[book->old_last].next = number;
    book->old_last = number;
    book->seen++;
}

static void old_unlink(struct book *book, uint32_t number)
{
    struct book_slot *slot = &book->slots[number];
    if (slot->prev == NO_SLOT)
        book->old_first = slot->next;
    else
        book->slots[slot->prev].next = slot->next;
    if (slot->next == NO_SLOT)
        book->old_last = slot->prev;
    else
        book->slots[slot->next].prev = slot->prev;
    book->seen--;
}

static void free_slot(struct book *book, uint32_t number)
{
    struct book_slot *slot = &book->slots[number];
    index_remove(book, number);
    slot->state = SLOT_FREE;
    slot->next = book->free_first;
    book->free_first = number;
}

static uint32_t take_slot(struct book *book)
{
    if (book->free_first == NO_SLOT && book->used_count < book->slot_count)
        return book->used_count++;
    if (book->free_first == NO_SLOT && book->old_first != NO_SLOT) {
        uint32_t oldest = book->old_first;
        old_unlink(book, oldest);
        free_slot(book, oldest);
    }
    uint32_t number = book->free_first;
    if (number != NO_SLOT)
        book->free_first = book->slots[number].next;
    return number;
}

/* ----------------------------------------------------------------------------- events */

static enum book_verdict deliver_new(struct book *book, const struct book_key *key,
                                     uint64_t delivery_no, uint32_t body_size,
                                     struct book_delivery *ret)
{
    uint32_t number = take_slot(book);
    if (number == NO_SLOT)
        return BOOK_FULL;
    struct book_slot *slot = &book->slots[number];
    *slot = (struct book_slot){
        .key = *key,
        .delivery_no = delivery_no,
        .generation = slot->generation + 1,
        .epoch = book->epoch,
        .body_size = body_size,
        .state = SLOT_HELD,
    };
    index_put(book, number);
    book->held++;
    ret->token = (uint64_t)slot->generation << 32 | number;
    return BOOK_SHOW;
}

static enum book_verdict deliver_old(struct book *book, uint32_t number, struct book_delivery *ret)
{
    struct book_slot *slot = &book->slots[number];
    ret->outcome = slot->state == SLOT_SEEN ? BOOK_ACK : (enum book_outcome)slot->outcome;
    old_unlink(book, number);
    if (ret->outcome == BOOK_ACK) {
        slot->state = SLOT_SEEN;
        old_append(book, number); /* the youngest again */
    } else {
        free_slot(book, number);
    }
    return BOOK_SETTLE;
}

enum book_verdict book_deliver(struct book *book, const struct book_key *key, uint64_t delivery_no,
                               uint32_t body_size, struct book_delivery *ret)
{
    uint32_t number = find_slot(book, key);
    *ret = (struct book_delivery){0};
    if (number == NO_SLOT)
        return deliver_new(book, key, delivery_no, body_size, ret);

    struct book_slot *slot = &book->slots[number];
    if (slot->state != SLOT_HELD)
        return deliver_old(book, number, ret);
    ret->is_old_lease_live = slot->epoch == book->epoch;
    ret->old_body_size = slot->body_size;
    slot->delivery_no = delivery_no;
    slot->epoch = book->epoch;
    slot->body_size = body_size;
    return BOOK_KEEP;
}

void book_settle(struct book *book, uint64_t token, enum book_outcome outcome,
                 struct book_settle *ret)
{
    uint32_t number = (uint32_t)token;
    *ret = (struct book_settle){0};
    if (number >= book->slot_count)
        return;
    struct book_slot *slot = &book->slots[number];
    if (slot->state != SLOT_HELD || slot->generation != (uint32_t)(token >> 32))
        return;

    ret->is_known = true;
    ret->is_live = slot->epoch == book->epoch;
    ret->delivery_no = slot->delivery_no;
    ret->body_size = slot->body_size;
    if (outcome == BOOK_EXTEND)
        return;
    book->held--;
    slot->outcome = (uint8_t)outcome;
    if (outcome == BOOK_ACK) {
        slot->state = ret->is_live ? SLOT_SEEN : SLOT_OWED;
        old_append(book, number);
    } else if (!ret->is_live && outcome != BOOK_RELEASE) {
        slot->state = SLOT_OWED;
        old_append(book, number);
    } else {
        free_slot(book, number);
    }
}

void book_detached(struct book *book)
{
    book->epoch++;
}
