/* SPDX-License-Identifier: MPL-2.0
 *
 * An SQLite file of another program with any of its bytes changed (store/foreign.h): the input is the
 * changes, two bytes where and one what. Holds the reader to:
 *   - the file, and what stands beside it, is as it was
 *   - it is refused with a sentence, or each table is walked to its end
 *   - no row comes twice in a row
 *   - without damage every row comes with what was written; damage to one page of rows costs rows of that
 *     page: those before it come as they were, those behind it do, or are told as lost
 *
 * The file is made once, of three tables on small pages; it is written anew, damaged, for each input.
 */
#include <dirent.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "bytes.h"
#include "store/foreign.h"

#define PAGE_BYTES  512
#define FILE_BYTES  (64u << 10)
#define ROWS        40
#define CHANGES_MAX 64
#define VISITS_MAX  100000
#define LEAF        0x0d /* first byte of a page of rows */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], path[96];
static uint8_t sound[FILE_BYTES], damaged[FILE_BYTES], after[FILE_BYTES];
static size_t file_size;

static const char *const schema =
    "PRAGMA page_size = 512; PRAGMA journal_mode = DELETE;"
    "CREATE TABLE messages (id TEXT PRIMARY KEY, room_id TEXT, user_id TEXT, content TEXT,"
    " timestamp INTEGER, edited_at REAL, metadata BLOB);"
    "CREATE TABLE peers (ip TEXT, last_seen TEXT, groups TEXT);"
    "CREATE TABLE users (id TEXT, username TEXT);"
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
    " INSERT INTO messages SELECT printf('id-%04d', i), 'r', 'u', printf('content %04d', i) ||"
    " hex(zeroblob(20)), i, 1.5, x'00ff' FROM n;"
    "INSERT INTO messages (rowid, id, content) VALUES (1000, 'id-1000', hex(zeroblob(900)));"
    "INSERT INTO peers VALUES ('192.0.2.1', '2026-01-31 12:00:00', '[]');"
    "INSERT INTO users VALUES ('a', 'ana')";

/* --- The file. */

static size_t read_file(uint8_t ret[FILE_BYTES])
{
    FILE *file = fopen(path, "rb");
    CHECK(file);
    size_t size = fread(ret, 1, FILE_BYTES, file);
    CHECK(fclose(file) == 0 && size < FILE_BYTES);
    return size;
}

static void write_file(const uint8_t *bytes)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(bytes, 1, file_size, file) == file_size && fclose(file) == 0);
}

static void remove_file(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static void make_file(void)
{
    sqlite3 *db = NULL;
    if (file_size)
        return;
    (void)snprintf(folder, sizeof(folder), "/tmp/fuzz-foreign-XXXXXX"); /* fits */
    CHECK(mkdtemp(folder) && atexit(remove_file) == 0);
    (void)snprintf(path, sizeof(path), "%s/other.db", folder); /* fits */
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(db) == SQLITE_OK);
    file_size = read_file(sound);
}

static void check_untouched(void)
{
    unsigned files = 0;
    DIR *all = opendir(folder);
    CHECK(all);
    for (const struct dirent *entry; (entry = readdir(all));)
        files += entry->d_name[0] != '.';
    CHECK(closedir(all) == 0 && files == 1);
    CHECK(read_file(after) == file_size && memcmp(after, damaged, file_size) == 0);
}

/* --- Walking. */

struct taken {
    int64_t last_rowid;
    unsigned visits, losses;
    bool is_right[ROWS + 1]; /* it came as it was written */
    bool is_lost[ROWS + 1];  /* and it was said */
};

static bool is_text(const struct foreign_value *value, const char *text)
{
    return value->type == FOREIGN_TEXT && value->size == strlen(text) &&
           memcmp(value->text, text, value->size) == 0;
}

static enum err take_message(void *context, const struct foreign_row *row)
{
    struct taken *taken = context;
    char id[24], content[80];
    CHECK(row->rowid != taken->last_rowid && ++taken->visits < VISITS_MAX);
    taken->last_rowid = row->rowid;
    if (row->rowid < 1 || row->rowid > ROWS)
        return ERR_OK;
    (void)snprintf(id, sizeof(id), "id-%04d", (int)row->rowid); /* fits */
    (void)snprintf(content, sizeof(content), "content %04d%040d", (int)row->rowid, 0);
    taken->is_right[row->rowid] =
        is_text(foreign_get(row, FOREIGN_lair_messages_id), id) &&
        is_text(foreign_get(row, FOREIGN_lair_messages_content), content) &&
        foreign_get(row, FOREIGN_lair_messages_timestamp)->number == row->rowid &&
        foreign_get(row, FOREIGN_lair_messages_edited_at)->type == FOREIGN_REAL;
    return ERR_OK;
}

static enum err take_any(void *context, const struct foreign_row *row)
{
    struct taken *taken = context;
    CHECK(row->rowid != taken->last_rowid && ++taken->visits < VISITS_MAX);
    taken->last_rowid = row->rowid;
    return ERR_OK;
}

static enum err lose(void *context, const struct foreign_loss *loss)
{
    struct taken *taken = context;
    CHECK(loss->first_rowid <= loss->last_rowid && ++taken->losses < VISITS_MAX);
    CHECK(!loss->id || loss->first_rowid == loss->last_rowid);
    for (int64_t row = 1; row <= ROWS; row++) {
        if (row < loss->first_rowid || row > loss->last_rowid)
            continue;
        taken->is_lost[row] = true;
    }
    return ERR_OK;
}

static enum err list(void *context, const struct foreign_listing *listing)
{
    unsigned *count = context;
    CHECK(listing->name && listing->rows >= -1 && ++*count < VISITS_MAX);
    return ERR_OK;
}

static void walk_all(struct foreign *foreign, struct taken *messages)
{
    unsigned listed = 0;
    enum err err = foreign_list(foreign, list, &listed);
    CHECK(err == ERR_OK || err == ERR_CORRUPT);
    for (unsigned table = 0; table < FOREIGN_TABLE_COUNT; table++) {
        struct taken taken = {.last_rowid = -1};
        bool is_message = table == FOREIGN_lair_messages;
        bool is_there = foreign_has(foreign, (enum foreign_table)table);
        (void)foreign_count(foreign, (enum foreign_table)table);
        err = foreign_walk(foreign, (enum foreign_table)table, is_message ? take_message : take_any,
                           lose, is_message ? messages : &taken);
        CHECK(err == ERR_OK || err == ERR_CORRUPT);
        CHECK(is_there || err == ERR_CORRUPT);
    }
}

/* --- What may be missing. */

static bool is_on(size_t page, int row)
{
    char content[24];
    int size = snprintf(content, sizeof(content), "content %04d", row);
    return memmem(sound + page * PAGE_BYTES, PAGE_BYTES, content, (size_t)size);
}

/* The lowest rowid of a message on this page of rows; 0: it is no such page. */
static int first_on(size_t page)
{
    const uint8_t *at = sound + page * PAGE_BYTES;
    if (page == 0 || at[0] != LEAF)
        return 0;
    for (int row = 1; row <= ROWS; row++) {
        if (is_on(page, row))
            return row;
    }
    return 0;
}

static void check_taken(const struct taken *taken, const bool *is_hit, bool is_open)
{
    size_t hits = 0, page = 0;
    for (size_t i = 0; i < file_size / PAGE_BYTES; i++) {
        hits += is_hit[i];
        page = is_hit[i] ? i : page;
    }
    int before = hits == 0 ? ROWS + 1 : hits == 1 ? first_on(page) : 0;
    CHECK(is_open || before == 0);
    for (int row = 1; row < before; row++)
        CHECK(taken->is_right[row]);
    for (int row = 1; before > 0 && row <= ROWS; row++)
        CHECK(taken->is_right[row] || taken->is_lost[row] || is_on(page, row));
    if (hits == 0)
        CHECK(taken->visits == ROWS + 1 && taken->losses == 0 && taken->last_rowid == 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    bool is_hit[FILE_BYTES / PAGE_BYTES] = {false};
    struct taken taken = {.last_rowid = -1};
    struct foreign *foreign = NULL;
    char text[200] = "";
    make_file();
    memcpy(damaged, sound, file_size);
    for (int i = 0; i < CHANGES_MAX && input.left >= 3; i++) {
        size_t at = (size_t)(bytes_u8(&input) << 8 | bytes_u8(&input)) % file_size;
        damaged[at] = bytes_u8(&input);
        is_hit[at / PAGE_BYTES] |= damaged[at] != sound[at];
    }
    write_file(damaged);
    enum err err = foreign_open(path, text, sizeof(text), &foreign);
    CHECK((err == ERR_OK) == (foreign != NULL) && (err == ERR_OK) == (text[0] == '\0'));
    if (!err)
        walk_all(foreign, &taken);
    foreign_close(&foreign);
    check_untouched();
    check_taken(&taken, is_hit, err == ERR_OK);
    return 0;
}
