/* SPDX-License-Identifier: MPL-2.0
 *
 * Damage: every flipped bit inside a message's row is noticed when the row is read, the row is
 * named in quarantine, and a full verification finds it. And verification finds what does not
 * belong together although every page is whole.
 */
#include "store/verify.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_vfs.h"
#include "rt/check.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/store_internal.h"
#include "store_fixture.h"
#include "tests/share.h"

#define ROWS      60
#define MANY_ROWS 300 /* more than the quick check looks at */
#define BODY      300

struct findings {
    uint64_t count, about_seq;
    char last[256], check[32];
};

static void note(void *context, const struct verify_finding *finding)
{
    struct findings *findings = context;
    findings->count++;
    if (finding->seq)
        findings->about_seq = finding->seq;
    (void)snprintf(findings->last, sizeof findings->last, "%s", finding->text);
    (void)snprintf(findings->check, sizeof findings->check, "%s", finding->check);
}

static struct findings verify(const struct fixture *fixture, const char *vfs)
{
    struct findings findings = {.count = 0};
    struct store *reader = NULL;
    struct store_options options = {.path = fixture->path, .vfs = vfs, .read_only = true};
    enum err err = store_open(&options, &reader);
    if (err != ERR_OK) { /* too damaged to be opened: that is an answer, too */
        findings.count = 1;
        return findings;
    }
    struct verify_options verify_options = {.on_finding = note, .context = &findings};
    uint64_t count = 0;
    assert_ok(verify_run(reader, &verify_options, &count));
    assert_int_equal(count, findings.count);
    store_close(&reader);
    return findings;
}

static void fill(struct fixture *fixture, uint64_t rows)
{
    uint64_t left = 0;
    int64_t consumer_id = 0;
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= rows; n++)
        (void)fixture_append(fixture, n, BODY);
    assert_ok(store_begin(fixture->store));
    assert_ok(message_index_slice(fixture->store, (uint32_t)rows - 10, &left));
    assert_ok(consumer_create(fixture->store, fixture->scope_id, "main", 5, 1, &consumer_id));
    assert_ok(store_commit(fixture->store));
}

static void test_a_good_file_has_no_findings(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture, ROWS);
    assert_int_equal(verify(fixture, NULL).count, 0);
}

/* Each statement makes one thing wrong; the check that must see it. */
static void test_what_does_not_belong_together_is_found(void **state)
{
    static const struct {
        const char *sql, *check;
    } cases[] = {
        {"UPDATE message SET body = x'00' WHERE seq = 7", "messages"},
        {"UPDATE message SET scope_id = scope_id + 1 WHERE seq = 60", "messages"},
        {"DELETE FROM message_id WHERE seq = 9", "deferred"},
        {"DELETE FROM message_conversation WHERE seq = 9", "deferred"},
        {"UPDATE message_conversation SET stored_ms = 1 WHERE seq = 9", "deferred"},
        {"INSERT INTO message_id VALUES (x'11', 1000)", "deferred"},
        {"DELETE FROM message WHERE seq = 3", "deferred"},
        {"DELETE FROM peer_conversation", "deferred"},
        {"UPDATE consumer SET floor_seq = 61", "positions"},
        {"UPDATE room SET member_count = 1", "rooms"},
        {"INSERT INTO audit VALUES (1, 0, 'eve', 'role', 'eve', 'admin', zeroblob(32))", "audit"},
        {"INSERT INTO exception VALUES (1, 100, 100, 1, 0, 0, 0, '', 0)", "positions"},
        {"INSERT INTO marker VALUES (1, 1, 1000, 0)", "positions"},
        {"PRAGMA foreign_keys = OFF; DELETE FROM scope; PRAGMA foreign_keys = ON", "structure"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)fixture_teardown(state); /* always 0 */
        (void)fixture_setup(state);    /* always 0 */
        fixture = *state;
        fill(fixture, ROWS);
        assert_int_equal(sqlite3_exec(fixture->store->db, cases[i].sql, 0, 0, 0), SQLITE_OK);
        struct findings findings = verify(fixture, NULL);
        if (findings.count == 0)
            print_error("not found: %s\n", cases[i].sql);
        assert_true(findings.count > 0);
        assert_string_equal(findings.check, cases[i].check);
    }
}

static bool stop(void *context, const char *check, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return strcmp(check, "messages") != 0;
}

static void test_can_be_stopped(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    uint64_t findings = 0;
    struct verify_options options = {.on_progress = stop};
    fill(fixture, ROWS);
    assert_ok(fixture_open_reader(fixture, &reader));
    assert_err(verify_run(reader, &options, &findings), ERR_CANCELLED);
    store_close(&reader);
}

/* Where the body of this message lies in the file. No other has the same. */
static size_t find_body(const uint8_t *data, size_t size, const struct message_row *row)
{
    size_t at = 0;
    while (at + row->body.size <= size && memcmp(data + at, row->body.data, row->body.size) != 0)
        at++;
    CHECK(at + row->body.size <= size);
    return at;
}

struct seen {
    uint64_t wanted_seq;
    bool is_there, is_damaged;
};

static enum err look(void *context, const struct message_row *message)
{
    struct seen *seen = context;
    if (message->seq == seen->wanted_seq) {
        seen->is_there = true;
        seen->is_damaged = message->is_damaged;
    }
    return ERR_OK;
}

/* Reads the damaged message as the broker would. True: nothing wrong can be delivered. */
static bool is_noticed(struct fixture *fixture, uint64_t seq)
{
    struct store_options options = {.path = fixture->path, .vfs = "crash"};
    struct seen seen = {.wanted_seq = seq};
    enum err err = store_open(&options, &fixture->store);
    if (err != ERR_OK)
        return err == ERR_CORRUPT;
    err = message_read(fixture->store, fixture->scope_id, &seq, 1, look, &seen);
    bool is_noticed = err == ERR_CORRUPT || !seen.is_there || seen.is_damaged;
    if (err == ERR_OK && seen.is_damaged) {
        assert_ok(store_begin(fixture->store));
        assert_ok(message_quarantine(fixture->store, seq, 77));
        assert_ok(store_commit(fixture->store));
        int64_t found_ms = 0;
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(fixture->store->db,
                                            "SELECT found_ms FROM quarantine WHERE seq = ?1", -1,
                                            &stmt, NULL),
                         SQLITE_OK);
        (void)sqlite3_bind_int64(stmt, 1, (int64_t)seq);
        if (sqlite3_step(stmt) == SQLITE_ROW)
            found_ms = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_finalize(stmt); /* repeats the last result */
        assert_int_equal(found_ms, 77);
    }
    store_close(&fixture->store);
    return is_noticed;
}

static struct crash_disk *copy_of(struct crash_disk *disk)
{
    struct crash_replay *replay = crash_replay_new(disk);
    crash_replay_advance(replay, crash_disk_position(disk));
    struct crash_disk *copy = crash_replay_cut(replay, CRASH_KEEP_ALL, 0);
    crash_replay_destroy(&replay);
    return copy;
}

/* The record's header, its integers, its id and its body: from the header to the end of the body.
 * (The bytes before it are the cell's: size and seq.) Left out is the second byte: the type of the
 * seq, which is stored in the cell instead; SQLite does not read it. */
static void test_every_flipped_bit_of_a_row_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = {.path = fixture->path, .vfs = "crash"};
    struct crash_disk *disk = crash_disk_new();
    crash_vfs_use(disk);
    assert_ok(store_open(&options, &fixture->store));
    fill(fixture, ROWS);
    store_close(&fixture->store);
    const uint64_t seq = 24; /* has a key, headers and a time before which it is not due */
    struct message_row row = fixture_message(fixture, seq, BODY);
    size_t size = 0, flips = 0, missed = 0, verified = 0;
    const uint8_t *data = crash_disk_file(disk, "test.db", &size);
    size_t body = find_body(data, size, &row);
    size_t record = body - 128; /* more than header and columns before the body */
    /* The header begins with its own size, which is the number of columns and a few. */
    while (!(data[record] >= 21 && data[record] <= 30 && data[record + 1] == 0))
        record++;
    CHECK(record < body);
    const size_t step = test_share() > 1 ? 2 * test_share() + 1 : 1; /* odd: every bit of a byte */
    for (size_t bit = record * 8; bit < (body + BODY) * 8; bit += step) {
        if (bit / 8 == record + 1)
            continue;
        struct crash_disk *copy = copy_of(disk);
        crash_disk_file(copy, "test.db", &size)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        crash_vfs_use(copy);
        flips++;
        if (!is_noticed(fixture, seq) && missed++ < 5)
            print_error("bit %zu of byte %zu of the record (body at %zu)\n", bit % 8,
                        bit / 8 - record, body - record);
        if (flips % 16 == 1) {
            assert_true(verify(fixture, "crash").count > 0);
            verified++;
        }
        crash_disk_destroy(&copy);
    }
    print_message("%zu flips inside a row, %zu not noticed; %zu verified in full\n", flips, missed,
                  verified);
    assert_int_equal(missed, 0);
    crash_disk_destroy(&disk);
}

struct truth {
    struct fixture *fixture;
    size_t wrong, there, damaged;
};

#define PAGE_ROWS_MAX 13 /* messages of BODY bytes on one page */

static enum err compare(void *context, const struct message_row *message)
{
    struct truth *truth = context;
    truth->there++;
    truth->damaged += message->is_damaged;
    if (message->is_damaged)
        return ERR_OK;
    struct message_row row = fixture_message(truth->fixture, message->seq, BODY);
    bool is_right = message->body.size == row.body.size &&
                    memcmp(message->body.data, row.body.data, row.body.size) == 0 &&
                    message->scope_id == row.scope_id && message->sender_id == row.sender_id;
    truth->wrong += !is_right;
    return ERR_OK;
}

/* A page that leads to others: all of them are lost with it. */
static bool is_inner_page(const uint8_t *data, size_t at)
{
    size_t page = at / 4096 * 4096;
    uint8_t type = data[page == 0 ? 100 : page];
    return type == 2 || type == 5; /* of the file format of SQLite, section 1.6 */
}

/* One bit anywhere, a page of zeros: never a wrong body, and at most a page of messages lost. */
static void damage_anywhere(struct fixture *fixture, struct crash_disk *disk, uint64_t seed,
                            size_t *inout_lost_max)
{
    struct truth truth = {.fixture = fixture};
    struct crash_disk *copy = copy_of(disk);
    size_t size = 0;
    uint8_t *data = crash_disk_file(copy, "test.db", &size);
    size_t at = fixture_random(&seed) % size;
    bool is_inner = is_inner_page(data, at);
    if (seed % 4 == 0)
        memset(data + at / 4096 * 4096, 0, 4096);
    else
        data[at] ^= (uint8_t)(1u << seed % 8);
    crash_vfs_use(copy);
    struct store_options options = {.path = fixture->path, .vfs = "crash"};
    if (store_open(&options, &fixture->store) == ERR_OK) {
        uint64_t seqs[MANY_ROWS];
        for (uint64_t i = 0; i < MANY_ROWS; i++)
            seqs[i] = i + 1;
        enum err err = message_read(fixture->store, 0, seqs, MANY_ROWS, compare, &truth);
        if (err == ERR_CORRUPT) { /* the root page of the log: nothing can be reached */
            assert_int_equal(truth.there, 0);
        } else {
            assert_ok(err);
            size_t lost = MANY_ROWS - truth.there + truth.damaged;
            if (!is_inner && lost > *inout_lost_max)
                *inout_lost_max = lost;
        }
    }
    assert_int_equal(truth.wrong, 0);
    store_close(&fixture->store);
    crash_disk_destroy(&copy);
}

static void test_no_damage_makes_a_wrong_body(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = {.path = fixture->path, .vfs = "crash"};
    struct crash_disk *disk = crash_disk_new();
    crash_vfs_use(disk);
    assert_ok(store_open(&options, &fixture->store));
    fill(fixture, MANY_ROWS);
    store_close(&fixture->store);
    size_t lost_max = 0;
    for (uint64_t seed = 1; seed <= test_part(1000); seed++)
        damage_anywhere(fixture, disk, seed * 7919, &lost_max);
    print_message("at most %zu of %d messages lost with one page\n", lost_max, MANY_ROWS);
    assert_true(lost_max <= PAGE_ROWS_MAX);
    crash_disk_destroy(&disk);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
#define WITH_DIRECTORY(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, fixture_setup_directory, fixture_teardown)

int main(void)
{
    crash_vfs_register("crash");
    const struct CMUnitTest tests[] = {
        WITH_STORE(test_a_good_file_has_no_findings),
        WITH_STORE(test_what_does_not_belong_together_is_found),
        WITH_STORE(test_can_be_stopped),
        WITH_DIRECTORY(test_every_flipped_bit_of_a_row_is_noticed),
        WITH_DIRECTORY(test_no_damage_makes_a_wrong_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
