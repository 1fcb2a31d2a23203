/* SPDX-License-Identifier: MPL-2.0
 *
 * A good database, damaged at random, hundreds of times: bits, bytes, pages exchanged or blank,
 * the file cut or grown, the write-ahead log too. Whatever is left is opened, verified, read in
 * every way there is and written to. Nothing crashes, every call answers with a code, and a message
 * that is not called damaged is exactly the one that was stored. The same seed damages the same:
 *     store_damage_test SEED [SEEDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/peers.h"
#include "store/store_internal.h"
#include "store/verify.h"
#include "store_fixture.h"

#define ROWS       120
#define NEW_ROWS   8 /* written after the damage */
#define FILE_BYTES (2 << 20)

struct content {
    uint8_t bytes[FILE_BYTES];
    size_t size;
};

static struct {
    struct fixture *fixture;
    struct content good[2], good_wal[2]; /* closed: no log; killed: much of it in the log */
    struct content file, wal;            /* damaged */
    uint64_t random;
    unsigned errors[ERR_COUNT];
    uint64_t whole, damaged, findings;
} world;

static uint64_t first_seed = 1, seeds = 400;

static uint64_t draw(uint64_t limit)
{
    return fixture_random(&world.random) % limit;
}

/* --- Files */

static void path_of(const char *suffix, char path[400])
{
    (void)snprintf(path, 400, "%s%s", world.fixture->path, suffix);
}

static void read_whole(const char *suffix, struct content *content)
{
    char path[400];
    path_of(suffix, path);
    FILE *file = fopen(path, "rb");
    content->size = file ? fread(content->bytes, 1, FILE_BYTES, file) : 0;
    CHECK(content->size < FILE_BYTES);
    if (file)
        (void)fclose(file); /* only read */
}

static void write_whole(const char *suffix, const struct content *content)
{
    char path[400];
    path_of(suffix, path);
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(content->bytes, 1, content->size, file) == content->size);
    CHECK(fchmod(fileno(file), 0600) == 0 && fclose(file) == 0);
}

static void lay_out(void)
{
    char path[400];
    path_of("-shm", path);
    (void)unlink(path); /* made anew */
    write_whole("", &world.file);
    path_of("-wal", path);
    if (world.wal.size)
        write_whole("-wal", &world.wal);
    else
        (void)unlink(path);
}

/* --- The good ones */

static void add_rest(struct fixture *fixture)
{
    struct store *store = fixture->store;
    int64_t consumer_id = 0, event_id = 0;
    uint64_t before = 0, left = 0;
    assert_ok(store_begin(store));
    assert_ok(consumer_create(store, fixture->scope_id, "main", 5, 1, &consumer_id));
    for (uint64_t seq = 10; seq < 60; seq += 3) {
        struct exception_row row = {.consumer_id = consumer_id,
                                    .seq = seq,
                                    .last_seq = seq,
                                    .state = (enum exception_state)(1 + seq % 6),
                                    .text = "because",
                                    .at_ms = 5};
        assert_ok(exception_put(store, &row));
    }
    for (int i = 0; i < 3; i++) {
        assert_ok(presence_add(store, fixture->peer_ids[i], i & 1, 10 + i, "test", &event_id));
        assert_ok(marker_set(store, fixture->peer_ids[i],
                             conversation_of_peers(fixture->peer_ids[0], fixture->peer_ids[i]), 7,
                             9, &before));
    }
    assert_ok(message_index_slice(store, ROWS - 20, &left));
    assert_ok(store_commit(store));
}

/* Bodies of many sizes, some longer than a page. */
static size_t body_size_of(uint64_t n)
{
    return n % 17 == 0 ? 9000 : n * 13 % 700;
}

static void make_good(void **state)
{
    world.fixture = *state;
    fixture_fill(world.fixture);
    for (uint64_t n = 1; n <= ROWS / 2; n++)
        (void)fixture_append(world.fixture, n, body_size_of(n));
    assert_ok(store_checkpoint(world.fixture->store, true));
    for (uint64_t n = ROWS / 2 + 1; n <= ROWS; n++)
        (void)fixture_append(world.fixture, n, body_size_of(n));
    add_rest(world.fixture);
    read_whole("", &world.good[1]);
    read_whole("-wal", &world.good_wal[1]);
    store_close(&world.fixture->store);
    read_whole("", &world.good[0]);
    read_whole("-wal", &world.good_wal[0]);
}

/* --- Damage */

static void damage_bytes(struct content *content)
{
    size_t at =
        draw(4) == 0 ? draw(content->size < 200 ? content->size : 200) : draw(content->size);
    size_t count = draw(3) == 0 ? 1 + draw(64) : 1;
    for (size_t i = 0; i < count && at + i < content->size; i++)
        content->bytes[at + i] =
            (uint8_t)(count == 1 ? content->bytes[at] ^ 1u << draw(8) : draw(256));
}

static void damage_page(struct content *content)
{
    static uint8_t page[STORE_PAGE_BYTES];
    size_t pages = content->size / STORE_PAGE_BYTES;
    if (pages == 0)
        return;
    uint8_t *one = content->bytes + draw(pages) * STORE_PAGE_BYTES;
    uint8_t *other = content->bytes + draw(pages) * STORE_PAGE_BYTES;
    switch (draw(4)) {
    case 0: /* exchanged */
        memcpy(page, one, sizeof(page));
        memcpy(one, other, sizeof(page));
        memcpy(other, page, sizeof(page));
        break;
    case 1: /* written to the wrong place */
        memmove(one, other, sizeof(page));
        break;
    case 2: /* torn: the rest of it is older, or nothing */
        memset(one + 512 * (1 + draw(7)), 0, 512);
        break;
    default:
        memset(one, (int)draw(2) * 0xff, sizeof(page));
        break;
    }
}

/* A number in the head of a page: kind, cells, where they are. */
static void damage_head(struct content *content)
{
    size_t pages = content->size / STORE_PAGE_BYTES;
    if (pages == 0)
        return;
    size_t number = draw(pages);
    size_t at = number * STORE_PAGE_BYTES + (number == 0 ? 100 : 0) + draw(40);
    content->bytes[at] = (uint8_t)draw(256);
}

static void damage_size(struct content *content)
{
    size_t more = draw(3 * STORE_PAGE_BYTES);
    if (draw(4) > 0) {
        content->size = draw(2) ? draw(content->size + 1)
                                : draw(content->size / STORE_PAGE_BYTES + 1) * STORE_PAGE_BYTES;
        return;
    }
    for (size_t i = 0; i < more && content->size < FILE_BYTES - 1; i++)
        content->bytes[content->size++] = (uint8_t)draw(256);
}

static void damage(struct content *content)
{
    if (content->size == 0)
        return;
    switch (draw(8)) {
    case 0:
        damage_size(content);
        break;
    case 1:
    case 2:
        damage_page(content);
        break;
    case 3:
    case 4:
        damage_head(content);
        break;
    default:
        damage_bytes(content);
        break;
    }
}

static void make_damage(uint64_t seed)
{
    world.random = seed;
    uint64_t which = draw(2);
    world.file = world.good[which];
    world.wal = world.good_wal[which];
    for (uint64_t count = 1 + draw(3) * draw(4); count > 0; count--)
        damage(world.wal.size && draw(2) ? &world.wal : &world.file);
    lay_out();
}

/* --- What is read */

static void note(enum err err)
{
    CHECK((unsigned)err < ERR_COUNT);
    world.errors[err]++;
}

static bool is_view(const struct bytes_view *one, const struct bytes_view *other)
{
    return (one->data == NULL) == (other->data == NULL) && one->size == other->size &&
           (one->size == 0 || memcmp(one->data, other->data, one->size) == 0);
}

static void check_row(const struct message_row *row, const struct message_row *good)
{
    CHECK(row->scope_id == good->scope_id && row->sender_id == good->sender_id);
    CHECK(row->stored_ms == good->stored_ms && row->expires_ms == good->expires_ms);
    CHECK(row->not_before_ms == good->not_before_ms && row->created_ms == good->created_ms);
    CHECK(row->conversation == good->conversation && row->flags == good->flags);
    CHECK(row->kind == good->kind && row->priority == good->priority);
    CHECK(memcmp(row->message_id, good->message_id, sizeof(row->message_id)) == 0);
    CHECK(is_view(&row->content_type, &good->content_type) && is_view(&row->key, &good->key));
    CHECK(is_view(&row->headers, &good->headers) && is_view(&row->body, &good->body));
    CHECK(is_view(&row->reply_to, &good->reply_to));
    CHECK(is_view(&row->correlation_id, &good->correlation_id));
    CHECK(is_view(&row->parent_id, &good->parent_id));
}

/* Whole means: this very message. What was written after the damage follows from its id. */
static enum err look(void *context, const struct message_row *row)
{
    uint64_t n;
    (void)context;
    if (row->is_damaged) {
        world.damaged++;
        return ERR_OK;
    }
    memcpy(&n, row->message_id, sizeof(n));
    CHECK(n >= 1 && n <= ROWS + NEW_ROWS && (n > ROWS || row->seq == n));
    struct message_row good = fixture_message(world.fixture, n, body_size_of(n));
    check_row(row, &good);
    world.whole++;
    return ERR_OK;
}

static enum err look_at_conversation(void *context, const struct conversation_row *row)
{
    (void)context;
    (void)row;
    return ERR_OK;
}

static enum err look_at_consumer(void *context, const struct consumer_load_row *row)
{
    (void)context;
    CHECK(row->consumer.name && row->scope.name);
    return ERR_OK;
}

static enum err look_at_exception(void *context, const struct exception_row *row)
{
    (void)context;
    CHECK(row->text);
    return ERR_OK;
}

static enum err look_at_peer(void *context, const struct peer_row *row)
{
    (void)context;
    CHECK(row->name && strlen(row->name) < FILE_BYTES);
    return ERR_OK;
}

static enum err look_at_presence(void *context, const struct presence_row *row)
{
    (void)context;
    CHECK(row->reason && row->peer_name && row->display_name);
    return ERR_OK;
}

static void read_messages(struct store *store)
{
    struct message_head heads[16];
    uint64_t seqs[ROWS + NEW_ROWS], seq = 0;
    size_t count = 0;
    for (uint64_t i = 0; i < ROWS + NEW_ROWS; i++)
        seqs[i] = i + 1;
    note(message_read(store, 0, seqs, ROWS + NEW_ROWS, look, NULL));
    for (uint64_t i = 0; i < ROWS; i += 7)
        note(message_read(store, world.fixture->scope_id, &seqs[i], 1, look, NULL));
    note(message_read_heads(store, draw(ROWS), heads, 16, &count));
    note(message_first_seq_at(store, 1000000 + (int64_t)draw(ROWS) * 10, &seq));
    for (int i = 0; i < 8; i++) {
        struct message_row good = fixture_message(world.fixture, 1 + draw(ROWS), 0);
        note(message_find_id(store, good.message_id, look, NULL));
        note(message_find_indexed(store, good.sender_id, good.message_id, &seq));
    }
}

static void read_conversations(struct store *store)
{
    const int64_t *peers = world.fixture->peer_ids;
    uint64_t number = 0;
    for (int i = 0; i < 3; i++) {
        struct message_page page = {.conversation = conversation_of_peers(peers[0], peers[i]),
                                    .limit = 50,
                                    .newest_first = i & 1};
        note(message_read_conversation(store, &page, look, NULL));
        note(message_count_unread(store, page.conversation, peers[0], draw(ROWS), &number));
        note(message_read_since(store, peers[i], draw(ROWS), 50, look, NULL));
        note(conversation_list(store, peers[i], 50, look_at_conversation, NULL));
        note(marker_get(store, peers[i], page.conversation, &number));
        note(peer_read(store, peers[i], look_at_peer, NULL));
    }
}

static void read_rest(struct store *store)
{
    struct consumer_counts counts;
    struct consumer_row consumer;
    struct scope_row scope;
    struct store_stats stats;
    int64_t id;
    char name[32];
    note(consumer_load(store, 0, 100, look_at_consumer, NULL));
    note(consumer_find(store, world.fixture->scope_id, "main", &consumer));
    note(consumer_count(store, 1, &counts));
    note(exception_load(store, 0, 0, draw(2), 100, look_at_exception, NULL));
    note(exception_list(store, 1, EXCEPTION_DEAD, 0, 100, look_at_exception, NULL));
    note(exception_of_message(store, world.fixture->scope_id, 13, look_at_exception, NULL));
    note(peer_list(store, "", 0, 100, look_at_peer, NULL));
    note(peer_find(store, "bob", &id));
    note(presence_list(store, 0, INT64_MAX, 100, look_at_presence, NULL));
    note(scope_find(store, SCOPE_PEER, "alice", &scope));
    note(scope_find_by_id(store, world.fixture->scope_id, name, sizeof(name), &scope));
    store_stats(store, &stats);
}

static void check_reader(void)
{
    struct store *reader = NULL;
    uint64_t findings = 0, damaged = world.damaged;
    enum err err = fixture_open_reader(world.fixture, &reader);
    note(err);
    CHECK((err == ERR_OK) == (reader != NULL));
    if (err != ERR_OK)
        return;
    struct verify_options options = {.findings_max = 20};
    err = verify_run(reader, &options, &findings);
    note(err);
    world.findings += findings;
    read_messages(reader);
    CHECK(err != ERR_OK || findings > 0 || world.damaged == damaged);
    read_conversations(reader);
    read_rest(reader);
    store_close(&reader);
}

/* --- What is written */

static enum err write_messages(struct store *store)
{
    enum err err = ERR_OK;
    for (uint64_t n = ROWS + 1; n <= ROWS + NEW_ROWS && err == ERR_OK; n++) {
        struct message_row row = fixture_message(world.fixture, n, body_size_of(n));
        err = message_append(store, &row);
        note(err);
    }
    return err;
}

static enum err write_rest(struct store *store)
{
    uint64_t number = 0;
    enum err err = consumer_set_floor(store, 1, 9);
    note(err);
    if (err == ERR_OK)
        err = exception_trim(store, 1, 9);
    note(err);
    if (err == ERR_OK)
        err = message_quarantine(store, 1 + draw(ROWS), 1);
    note(err);
    if (err == ERR_OK)
        err = message_index_slice(store, 10, &number);
    note(err);
    if (err == ERR_OK)
        err = message_remove_slice(store, 1000100, 3000000, 5, &number);
    note(err);
    return err;
}

static void check_writer(void)
{
    struct store *store = NULL;
    struct store_options options = {.path = world.fixture->path};
    enum err err = store_open(&options, &store);
    note(err);
    CHECK((err == ERR_OK) == (store != NULL));
    for (int round = 0; err == ERR_OK && round < 2; round++) {
        err = store_begin(store);
        note(err);
        if (err != ERR_OK)
            break;
        err = round == 0 ? write_messages(store) : write_rest(store);
        if (err == ERR_OK)
            note(store_commit(store)); /* on error it is rolled back */
        else
            store_rollback(store);
        note(store_checkpoint(store, true));
    }
    store_close(&store);
}

static void run_sql(const struct fixture *fixture, const char *sql)
{
    sqlite3 *db = fixture->store->db;
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* A schema that is not what it was says CORRUPT, not that we made an error. */
static void test_a_damaged_schema_is_corrupt(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    int64_t id;
    run_sql(fixture, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
                     " replace(sql, 'folded', 'fOlt-d') WHERE name = 'peer'");
    store_close(&fixture->store);
    enum err err = fixture_open_reader(fixture, &store);
    if (err == ERR_OK)
        err = peer_find(store, "bob", &id);
    store_close(&store);
    assert_int_equal(err, ERR_CORRUPT);
}

/* One row without an id in the tail: what lies behind it is indexed all the same. */
static void test_a_damaged_row_does_not_stop_the_index(void **state)
{
    struct fixture *fixture = *state;
    uint64_t left = 1;
    fixture_fill(fixture);
    for (uint64_t n = 1; n <= 3; n++)
        (void)fixture_append(fixture, n, 10);
    run_sql(fixture, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
                     " replace(sql, 'NOT NULL', '') WHERE name = 'message'");
    store_close(&fixture->store);
    assert_ok(fixture_open(fixture, &fixture->store));
    run_sql(fixture, "UPDATE message SET message_id = NULL, conversation = NULL WHERE seq = 2");
    for (int slices = 0; left > 0; slices++) { /* an odd message is a slice of its own */
        assert_true(slices < 4);
        assert_ok(store_begin(fixture->store));
        assert_ok(message_index_slice(fixture->store, 100, &left));
        assert_ok(store_commit(fixture->store));
    }
}

static void test_damage_is_never_delivered(void **state)
{
    make_good(state);
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        char said[80];
        (void)snprintf(said, sizeof(said), "replay: store_damage_test %llu",
                       (unsigned long long)seed);
        check_context_set("damage", said);
        make_damage(seed);
        check_reader();
        check_writer();
        check_reader();
    }
    check_context_set(NULL, NULL);
    print_message("seeds %llu..%llu: %llu whole, %llu damaged, %llu findings",
                  (unsigned long long)first_seed, (unsigned long long)(first_seed + seeds - 1),
                  (unsigned long long)world.whole, (unsigned long long)world.damaged,
                  (unsigned long long)world.findings);
    for (int i = 0; i < ERR_COUNT; i++)
        if (world.errors[i])
            print_message(", %u %s", world.errors[i], err_name((enum err)i));
    print_message("\n");
    assert_true(world.whole > 0);
}

int main(int argc, char **argv)
{
    if (getenv("ROOST_TEST_ALL") != NULL)
        seeds = 10000;
    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_damage_is_never_delivered, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_schema_is_corrupt, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_row_does_not_stop_the_index, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
