/* SPDX-License-Identifier: MPL-2.0
 *
 * Files of other programs: every value comes as it is, older files lack columns, and damage costs
 * the rows it hit, by name. The file is as it was.
 */
#include "store/foreign.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_fixture.h"

#define PAGE_BYTES 1024
#define ROWS       2000
#define ID_BYTES   32

struct taken {
    size_t rows, losses, named;
    int64_t last_rowid;
    bool has_range;
    bool seen[ROWS + 1];
};

static void run(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *text = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static struct foreign *open_file(const char *path)
{
    char text[256] = "";
    struct foreign *foreign = NULL;
    enum err err = foreign_open(path, text, sizeof text, &foreign);
    if (err)
        print_error("%s\n", text);
    assert_ok(err);
    return foreign;
}

static enum err take(void *context, const struct foreign_row *row)
{
    struct taken *taken = context;
    const struct foreign_value *id = foreign_get(row, FOREIGN_lair_messages_id);
    assert_int_equal(id->type, FOREIGN_TEXT);
    assert_true(row->rowid > taken->last_rowid);
    taken->last_rowid = row->rowid;
    taken->seen[row->rowid] = true;
    taken->rows++;
    return ERR_OK;
}

static enum err lose(void *context, const struct foreign_loss *loss)
{
    struct taken *taken = context;
    taken->losses++;
    taken->named += loss->id != NULL;
    taken->has_range |= loss->id == NULL;
    if (loss->id)
        assert_false(taken->seen[loss->first_rowid]);
    return ERR_OK;
}

/* Ids and contents that tell their number; several pages of them. */
static void make_messages(const char *path, const char *key)
{
    char sql[1024];
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA page_size = %d; CREATE TABLE messages (id TEXT %s, room_id TEXT,"
                   " user_id TEXT, content TEXT, timestamp INTEGER);"
                   "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                   " INSERT INTO messages SELECT printf('id-%%06d', i), 'r', 'u',"
                   " printf('content %%06d ', i) || hex(zeroblob(30)), i FROM n",
                   PAGE_BYTES, key, ROWS);
    run(path, sql);
}

static void damage_page(const char *path, const char *content)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    char page[PAGE_BYTES];
    for (long number = 0; fread(page, 1, sizeof page, file) == sizeof page; number++) {
        if (!memmem(page, sizeof page, content, strlen(content)))
            continue;
        memset(page, 0xA5, sizeof page);
        assert_int_equal(fseek(file, number * PAGE_BYTES, SEEK_SET), 0);
        assert_int_equal(fwrite(page, 1, sizeof page, file), sizeof page);
        assert_int_equal(fclose(file), 0);
        return;
    }
    fail_msg("%s is on no page", content);
}

static struct taken *walk(const char *path)
{
    static struct taken taken;
    memset(&taken, 0, sizeof taken);
    struct foreign *foreign = open_file(path);
    assert_true(foreign_has(foreign, FOREIGN_lair_messages));
    assert_ok(foreign_walk(foreign, FOREIGN_lair_messages, take, lose, &taken));
    foreign_close(&foreign);
    assert_null(foreign);
    return &taken;
}

static void test_every_row_once(void **state)
{
    struct fixture *fixture = *state;
    make_messages(fixture->path, "PRIMARY KEY");
    struct taken *taken = walk(fixture->path);
    assert_int_equal(taken->rows, ROWS);
    assert_int_equal(taken->losses, 0);
}

static void test_damaged_pages_are_named(void **state)
{
    static const char *const places[] = {"content 000001 ", "content 000700 ", "content 001300 ",
                                         "content 002000 "};
    struct fixture *fixture = *state;
    make_messages(fixture->path, "PRIMARY KEY");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        damage_page(fixture->path, places[i]);
        struct taken *taken = walk(fixture->path);
        assert_int_equal(taken->rows + taken->named, ROWS);
        assert_true(taken->losses > 0 && !taken->has_range);
        assert_true(taken->rows > ROWS - 12 * (i + 1));
    }
}

static void test_without_an_index_a_range_is_told(void **state)
{
    struct fixture *fixture = *state;
    make_messages(fixture->path, "");
    damage_page(fixture->path, "content 000700 ");
    struct taken *taken = walk(fixture->path);
    assert_true(taken->rows > ROWS - 12 && taken->rows < ROWS);
    assert_true(taken->has_range);
}

static void test_a_bad_entry_of_the_schema_hides_no_table(void **state)
{
    struct fixture *fixture = *state;
    make_messages(fixture->path, "PRIMARY KEY");
    run(fixture->path, "CREATE TABLE later (a); CREATE INDEX later_a ON later (a);"
                       "PRAGMA writable_schema = ON;"
                       "UPDATE sqlite_schema SET sql = 'CREATE INDEX ' WHERE name = 'later_a'");
    struct taken *taken = walk(fixture->path);
    assert_int_equal(taken->rows, ROWS);
}

static enum err take_types(void *context, const struct foreign_row *row)
{
    size_t *count = context;
    static const enum foreign_type types[] = {FOREIGN_TEXT, FOREIGN_INTEGER, FOREIGN_REAL,
                                              FOREIGN_BLOB, FOREIGN_NULL};
    assert_int_equal(foreign_get(row, FOREIGN_lair_users_username)->type, types[*count]);
    assert_int_equal(foreign_get(row, FOREIGN_lair_users_role)->type, FOREIGN_NULL);
    assert_int_equal(foreign_get(row, FOREIGN_lair_users_email)->number, 17);
    (*count)++;
    return ERR_OK;
}

static void test_values_as_they_are(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;
    run(fixture->path, "CREATE TABLE users (email, username, id);"
                       "INSERT INTO users VALUES (17, 'x', 1), (17, 5, 2), (17, 0.5, 3),"
                       " (17, x'00ff', 4), (17, NULL, 5)");
    struct foreign *foreign = open_file(fixture->path);
    assert_ok(foreign_walk(foreign, FOREIGN_lair_users, take_types, lose, &count));
    assert_int_equal(count, 5);
    assert_int_equal(foreign_count(foreign, FOREIGN_lair_users), 5);
    foreign_close(&foreign);
}

static void test_tables_that_are_none(void **state)
{
    struct fixture *fixture = *state;
    run(fixture->path,
        "CREATE TABLE real_users (id, username); CREATE VIEW users AS SELECT * FROM real_users;"
        "CREATE VIRTUAL TABLE rooms USING fts5(id, name);"
        "CREATE TABLE messages (id TEXT PRIMARY KEY, room_id) WITHOUT ROWID;"
        "CREATE TABLE offline_queue (message_id)");
    struct foreign *foreign = open_file(fixture->path);
    assert_false(foreign_has(foreign, FOREIGN_lair_users));
    assert_false(foreign_has(foreign, FOREIGN_lair_rooms));
    assert_false(foreign_has(foreign, FOREIGN_lair_messages));
    assert_false(foreign_has(foreign, FOREIGN_gigi_queue));
    assert_false(foreign_has(foreign, FOREIGN_lair_receipts));
    foreign_close(&foreign);
}

static enum err take_listing(void *context, const struct foreign_listing *listing)
{
    char *text = context;
    size_t used = strlen(text);
    (void)snprintf(text + used, 256 - used, "%s %d %d;", listing->name, (int)listing->is_virtual,
                   (int)listing->rows);
    return ERR_OK;
}

static void test_the_list_of_tables(void **state)
{
    struct fixture *fixture = *state;
    char text[256] = "";
    run(fixture->path, "CREATE TABLE \"odd \"\"name\" (a); INSERT INTO \"odd \"\"name\" VALUES (1);"
                       "CREATE TABLE b (a INTEGER PRIMARY KEY AUTOINCREMENT);"
                       "CREATE VIRTUAL TABLE words USING fts5(x); CREATE VIEW v AS SELECT 1");
    struct foreign *foreign = open_file(fixture->path);
    assert_ok(foreign_list(foreign, take_listing, text));
    assert_string_equal(text, "b 0 0;odd \"name 0 1;words 1 -1;");
    foreign_close(&foreign);
}

static void test_paths_with_characters_of_uris(void **state)
{
    struct fixture *fixture = *state;
    char path[512];
    (void)snprintf(path, sizeof path, "%s/a b?c%%20#d&mode=rw.db", fixture->directory);
    run(path, "CREATE TABLE users (id, username)");
    struct foreign *foreign = open_file(path);
    assert_true(foreign_has(foreign, FOREIGN_lair_users));
    foreign_close(&foreign);
    assert_int_equal(unlink(path), 0);
}

static void test_what_is_no_such_file(void **state)
{
    struct fixture *fixture = *state;
    struct foreign *foreign = NULL;
    char text[256] = "";
    assert_err(foreign_open(fixture->path, text, sizeof text, &foreign), ERR_STORAGE);
    FILE *file = fopen(fixture->path, "wb");
    assert_non_null(file);
    assert_true(fprintf(file, "%200s", "text") > 0);
    assert_int_equal(fclose(file), 0);
    assert_err(foreign_open(fixture->path, text, sizeof text, &foreign), ERR_NOT_OUR_FILE);
    assert_string_equal(text, "it is not an SQLite file");
    assert_err(foreign_open(fixture->directory, text, sizeof text, &foreign), ERR_NOT_OUR_FILE);
    assert_null(foreign);
}

static enum err lose_any(void *context, const struct foreign_loss *loss)
{
    struct taken *taken = context;
    (void)loss;
    taken->losses++;
    return ERR_OK;
}

/* By its id, whatever its rowid says. */
static enum err take_by_id(void *context, const struct foreign_row *row)
{
    struct taken *taken = context;
    const struct foreign_value *id = foreign_get(row, FOREIGN_lair_messages_id);
    assert_true(id->type == FOREIGN_TEXT && id->size == strlen("id-000001"));
    unsigned long number = strtoul(id->text + 3, NULL, 10);
    assert_in_range(number, 1, ROWS);
    assert_false(taken->seen[number]);
    taken->seen[number] = true;
    taken->rows++;
    return ERR_OK;
}

/* One byte: the third row says that it is the 127th. */
static void test_a_damaged_rowid_hides_nobody(void **state)
{
    struct fixture *fixture = *state;
    static struct taken taken;
    static uint8_t bytes[1 << 20];
    make_messages(fixture->path, "PRIMARY KEY");
    FILE *file = fopen(fixture->path, "r+b");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    uint8_t *content = memmem(bytes, size, "content 000001", 14);
    assert_non_null(content);
    size_t page = (size_t)(content - bytes) / PAGE_BYTES * PAGE_BYTES;
    size_t cell = page + (size_t)(bytes[page + 12] << 8 | bytes[page + 13]);
    while (bytes[cell] & 0x80) /* the size of its values, then its rowid */
        cell++;
    assert_int_equal(bytes[cell + 1], 3);
    assert_int_equal(fseek(file, (long)cell + 1, SEEK_SET), 0);
    assert_int_equal(fputc(127, file), 127);
    assert_int_equal(fclose(file), 0);
    memset(&taken, 0, sizeof taken);
    struct foreign *foreign = open_file(fixture->path);
    assert_ok(foreign_walk(foreign, FOREIGN_lair_messages, take_by_id, lose_any, &taken));
    foreign_close(&foreign);
    assert_int_equal(taken.rows, ROWS);
}

static bool exists_beside(const char *path, const char *suffix)
{
    char name[512];
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    return access(name, F_OK) == 0;
}

/* SQLite goes by one byte of the header, and a program that was interrupted writes the other first. */
static void test_nothing_appears_beside_it(void **state)
{
    struct fixture *fixture = *state;
    run(fixture->path, "CREATE TABLE users (id, username); INSERT INTO users VALUES (1, 'a')");
    for (int bits = 0; bits < 4; bits++) {
        char versions[2] = {bits & 1 ? 2 : 1, bits & 2 ? 2 : 1};
        FILE *file = fopen(fixture->path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, 18, SEEK_SET), 0);
        assert_int_equal(fwrite(versions, 1, 2, file), 2);
        assert_int_equal(fclose(file), 0);
        struct foreign *foreign = open_file(fixture->path);
        assert_int_equal(foreign_count(foreign, FOREIGN_lair_users), 1);
        assert_false(exists_beside(fixture->path, "-wal"));
        assert_false(exists_beside(fixture->path, "-shm"));
        foreign_close(&foreign);
        assert_false(exists_beside(fixture->path, "-wal"));
    }
}

static void test_names_of_columns(void **state)
{
    (void)state;
    assert_string_equal(foreign_table_name(FOREIGN_lair_members), "room_memberships");
    assert_string_equal(foreign_column_name(FOREIGN_gigi_queue_status), "status");
    assert_null(foreign_column_name(FOREIGN_gigi_queue_begin));
}

#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_setup_directory, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DIRECTORY(test_every_row_once),
        WITH_DIRECTORY(test_damaged_pages_are_named),
        WITH_DIRECTORY(test_without_an_index_a_range_is_told),
        WITH_DIRECTORY(test_a_bad_entry_of_the_schema_hides_no_table),
        WITH_DIRECTORY(test_values_as_they_are),
        WITH_DIRECTORY(test_tables_that_are_none),
        WITH_DIRECTORY(test_the_list_of_tables),
        WITH_DIRECTORY(test_paths_with_characters_of_uris),
        WITH_DIRECTORY(test_what_is_no_such_file),
        WITH_DIRECTORY(test_a_damaged_rowid_hides_nobody),
        WITH_DIRECTORY(test_nothing_appears_beside_it),
        cmocka_unit_test(test_names_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
