/* SPDX-License-Identifier: MPL-2.0
 *
 * See checksum.h for the form.
 */
#include "store/checksum.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "store/messages.h"

#define WORDS      8
#define HALF_WORDS 3
#define PARTS      7
#define FORM_BYTES (WORDS * 8 + HALF_WORDS * 4 + 16 + 4 + PARTS * 12)

static const unsigned char key[crypto_shorthash_KEYBYTES] = {
    'r', 'o', 'o', 's', 't', '.', 'm', 'e', 's', 's', 'a', 'g', 'e', '.', 'v', '1'};

_Static_assert(crypto_shorthash_BYTES == 8, "the checksum column holds 64 bits");

static uint8_t *store32(uint8_t *at, uint32_t value)
{
    uint32_t little = htole32(value);
    memcpy(at, &little, sizeof little);
    return at + sizeof little;
}

static uint8_t *store64(uint8_t *at, uint64_t value)
{
    uint64_t little = htole64(value);
    memcpy(at, &little, sizeof little);
    return at + sizeof little;
}

static uint8_t *store_part(uint8_t *at, const struct bytes_view *part)
{
    at = store32(at, (uint32_t)part->size);
    memset(at, 0, 8);
    if (part->size > 8)
        (void)crypto_shorthash(at, part->data, part->size, key); /* cannot fail */
    else if (part->size > 0)
        memcpy(at, part->data, part->size);
    return at + 8;
}

uint64_t checksum_of_message(const struct message_row *row)
{
    uint8_t form[FORM_BYTES];
    const uint64_t words[WORDS] = {
        row->seq,
        (uint64_t)row->scope_id,
        (uint64_t)row->sender_id,
        (uint64_t)row->stored_ms,
        (uint64_t)row->expires_ms,
        (uint64_t)row->not_before_ms,
        (uint64_t)row->created_ms,
        (uint64_t)row->conversation,
    };
    const struct bytes_view *parts[PARTS] = {
        &row->content_type, &row->key,     &row->reply_to, &row->correlation_id,
        &row->parent_id,    &row->headers, &row->body,
    };
    uint8_t *at = form;
    for (int i = 0; i < WORDS; i++)
        at = store64(at, words[i]);
    at = store32(at, row->flags);
    at = store32(at, row->kind);
    at = store32(at, row->priority);
    memcpy(at, row->message_id, sizeof row->message_id);
    at += sizeof row->message_id;
    uint32_t present = 0;
    for (int i = 0; i < PARTS; i++)
        present |= (uint32_t)(parts[i]->data != NULL) << i;
    at = store32(at, present);
    for (int i = 0; i < PARTS; i++) {
        if (parts[i]->data)
            at = store_part(at, parts[i]);
    }
    uint64_t hash;
    (void)crypto_shorthash((unsigned char *)&hash, form, (size_t)(at - form),
                           key); /* cannot fail */
    return le64toh(hash);
}
