/* SPDX-License-Identifier: MPL-2.0
 *
 * See writer.h: opening, transactions, the end.
 *
 * A transaction ends after WRITER_BATCH_ROWS rows of the source or BATCH_BYTES of bodies. What it
 * appended is indexed in the same transaction, so that the index knows every message but those of
 * the batch in hand, which are remembered here.
 */
#include "clients/import/writer.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "clients/import/writer_state.h"
#include "rt/check.h"
#include "store/search.h"

#define BATCH_BYTES      ((size_t)16 << 20)
#define INDEX_ROWS       32768u
#define SEARCH_ROWS      2048u
#define SCOPES_MAX       (1u << 24)
#define DRY_NAMES_MAX    (1u << 24)
#define DRY_MESSAGES_MAX (1u << 24)
#define DRY_FIRST_ID     ((int64_t)1 << 30) /* ids of a dry run: far above those of a store */

static enum err explain(char *ret, size_t size, enum err err, const char *text)
{
    (void)snprintf(ret, size, "%s%s%s", err_sentence(err), text[0] ? ": " : "", text);
    return err;
}

/* An import relies on the index; a broker that was killed may have left a part to do. */
static enum err index_rest(struct store *store)
{
    uint64_t left = 1;
    enum err err = ERR_OK;
    while (!err && left > 0) {
        err = store_begin(store);
        if (!err)
            err = message_index_slice(store, INDEX_ROWS, &left);
        if (!err)
            err = store_commit(store);
    }
    return err;
}

static void init_memory(struct writer *writer)
{
    hash_init(&writer->batch_ids, (size_t)WRITER_BATCH_ROWS * 4);
    u64map_init(&writer->newest, SCOPES_MAX);
    u64map_init(&writer->touched, sizeof(writer->touched_scopes) / sizeof(*writer->touched_scopes));
    hash_init(&writer->dry_names, DRY_NAMES_MAX);
    hash_init(&writer->dry_messages, DRY_MESSAGES_MAX);
    writer->dry_id = DRY_FIRST_ID;
}

enum err writer_open(struct writer *writer, const char *database, bool is_dry, char *ret_problem,
                     size_t size)
{
    char text[256] = "";
    struct store_options options = {
        .path = database,
        .read_only = is_dry,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    memset(writer, 0, sizeof(*writer));
    writer->is_dry = is_dry;
    init_memory(writer);
    if (sodium_init() < 0)
        return explain(ret_problem, size, ERR_INTERNAL, "");
    if (!database)
        return ERR_OK;
    enum err err = store_open(&options, &writer->store);
    if (!err && !is_dry)
        err = index_rest(writer->store);
    return err ? explain(ret_problem, size, err, text) : ERR_OK;
}

void writer_close(struct writer *writer)
{
    if (writer->is_begun)
        store_rollback(writer->store);
    writer->is_begun = false;
    if (writer->store)
        store_close(&writer->store);
    hash_fini(&writer->batch_ids);
    u64map_fini(&writer->newest);
    u64map_fini(&writer->touched);
    hash_fini(&writer->dry_names);
    hash_fini(&writer->dry_messages);
}

bool writer_breaks(enum err err)
{
    return err == ERR_STORAGE || err == ERR_DISK_FULL || err == ERR_CORRUPT || err == ERR_BUSY ||
           err == ERR_INTERNAL || err == ERR_TOO_MANY;
}

enum err writer_begin_row(struct writer *writer)
{
    if (writer->is_dry || writer->is_begun)
        return ERR_OK;
    enum err err = store_begin(writer->store);
    writer->is_begun = !err;
    return err;
}

enum err writer_end_row(struct writer *writer)
{
    writer->batch_rows++;
    bool is_full = writer->batch_rows >= WRITER_BATCH_ROWS || writer->batch_bytes >= BATCH_BYTES;
    return is_full ? writer_commit(writer) : ERR_OK;
}

enum err writer_commit(struct writer *writer)
{
    uint64_t left;
    writer->batch_rows = 0;
    writer->batch_bytes = 0;
    if (!writer->is_begun)
        return ERR_OK;
    enum err err = writer_settle_all(writer);
    if (!err)
        err = message_index_slice(writer->store, INDEX_ROWS, &left);
    if (!err)
        err = store_commit(writer->store);
    else
        store_rollback(writer->store);
    writer->is_begun = false;
    hash_clear(&writer->batch_ids);
    return err ? err : store_checkpoint(writer->store, false);
}

enum err writer_index(struct writer *writer,
                      void (*on_progress)(void *context, uint64_t done, uint64_t total),
                      void *context)
{
    struct store_stats stats;
    uint64_t first = 0, before = 0, upto = 0;
    if (writer->is_dry)
        return ERR_OK;
    store_progress(writer->store, &stats);
    enum err err = search_progress(writer->store, &first);
    for (upto = first; !err && upto < stats.last_seq;) {
        before = upto;
        err = search_work(writer->store, SEARCH_ROWS, &upto);
        if (!err)
            err = store_checkpoint(writer->store, false);
        if (on_progress)
            on_progress(context, upto > first ? upto - first : 0, stats.last_seq - first);
        if (upto <= before)
            break; /* it is made anew: the broker does the rest when it is idle */
    }
    return err;
}

void writer_derive_id(const char *word, const void *bytes, size_t size, int64_t at_ms,
                      uint8_t ret[16])
{
    crypto_hash_sha256_state state;
    uint8_t digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256_init(&state); /* these cannot fail */
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)word, strlen(word) + 1);
    (void)crypto_hash_sha256_update(&state, bytes, size);
    for (int shift = 0; shift < 64; shift += 8) {
        uint8_t byte = (uint8_t)((uint64_t)at_ms >> shift);
        (void)crypto_hash_sha256_update(&state, &byte, 1);
    }
    (void)crypto_hash_sha256_final(&state, digest);
    memcpy(ret, digest, 16);
    ret[6] = (uint8_t)((ret[6] & 0x0F) | 0x80); /* version 8: made in a way of one's own */
    ret[8] = (uint8_t)((ret[8] & 0x3F) | 0x80);
}
