/* SPDX-License-Identifier: MPL-2.0
 *
 * Power cuts at thousands of moments of a workload: after each, the store must hold exactly the
 * state of the last acknowledged transaction, or that of the one in flight, and go on working.
 *
 *     store_crash_test [POINTS [SEED]]
 *
 * Sharpness: the same points must find losses when the store syncs less than it should
 * (synchronous = NORMAL), or when transactions are acknowledged before their commit.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_vfs.h"
#include "rt/check.h"
#include "store/consumers.h"
#include "store/store_internal.h"
#include "store/verify.h"
#include "store_fixture.h"

#define TRANSACTIONS 160
#define CONSUMERS    3
#define VERIFY_EVERY 50
#define NESTED_EVERY 10

static uint64_t points = 10000, base_seed = 1;

enum variant { VARIANT_RIGHT, VARIANT_NORMAL, VARIANT_EARLY_ACK };

/* Everything that a transaction of the workload can change, in a form that can be compared. */
struct digest {
    uint64_t last_seq, indexed_seq, rows, checksums;
    uint64_t floors[CONSUMERS], exceptions;
};

struct workload {
    struct fixture *fixture;
    struct crash_disk *disk;
    int64_t consumer_ids[CONSUMERS];
    struct digest digests[TRANSACTIONS + 2]; /* after n transactions */
    size_t acknowledged[TRANSACTIONS + 2];   /* position of the disk when that was promised */
    size_t opened;                           /* position when the empty store was there */
    int transactions;
};

static struct store_options options_of(const struct workload *workload, bool read_only)
{
    return (struct store_options){
        .path = workload->fixture->path, .vfs = "crash", .read_only = read_only};
}

static enum err add_row(void *context, const struct message_row *message)
{
    struct digest *digest = context;
    CHECK(!message->is_damaged);
    digest->rows++;
    digest->checksums += message->checksum;
    return ERR_OK;
}

static enum err add_exception(void *context, const struct exception_row *row)
{
    struct digest *digest = context;
    digest->exceptions +=
        ((uint64_t)row->consumer_id * 1000003 + row->seq) * 31 + (uint64_t)row->state;
    return ERR_OK;
}

static enum err add_consumer(void *context, const struct consumer_load_row *row)
{
    struct digest *digest = context;
    for (int i = 0; i < CONSUMERS; i++) {
        if (digest->floors[i] == 0) {
            digest->floors[i] = row->consumer.floor_seq + 1;
            return ERR_OK;
        }
    }
    return ERR_INTERNAL;
}

static struct digest digest_of(struct store *store)
{
    struct digest digest = {.rows = 0};
    struct store_stats stats;
    store_stats(store, &stats);
    digest.last_seq = stats.last_seq;
    digest.indexed_seq = stats.indexed_seq;
    uint64_t seqs[512];
    CHECK(stats.last_seq <= 512);
    for (uint64_t i = 0; i < stats.last_seq; i++)
        seqs[i] = i + 1;
    CHECK(message_read(store, 0, seqs, stats.last_seq, add_row, &digest) == ERR_OK);
    CHECK(consumer_load(store, 0, CONSUMERS, add_consumer, &digest) == ERR_OK);
    CHECK(exception_load(store, 0, 0, false, 10000, add_exception, &digest) == ERR_OK);
    return digest;
}

static bool is_same(const struct digest *one, const struct digest *other)
{
    return memcmp(one, other, sizeof *one) == 0;
}

static void create_scope(struct workload *workload, struct store *store)
{
    int64_t scope_id = 0;
    assert_ok(scope_create(store, SCOPE_QUEUE, "work", "work", 0, 1, &scope_id));
    for (int i = 0; i < CONSUMERS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%d", i);
        assert_ok(consumer_create(store, scope_id, name, 0, 1, &workload->consumer_ids[i]));
    }
    workload->fixture->scope_id = scope_id;
}

static void settle(struct workload *workload, struct store *store, uint64_t *seed)
{
    int64_t consumer_id = workload->consumer_ids[fixture_random(seed) % CONSUMERS];
    uint64_t seq = 1 + fixture_random(seed) % (store->last_seq + 1);
    if (seq > store->last_seq)
        seq = store->last_seq;
    if (fixture_random(seed) % 2) {
        assert_ok(consumer_set_floor(store, consumer_id, seq));
        assert_ok(exception_trim(store, consumer_id, seq));
    } else {
        struct exception_row row = {
            .consumer_id = consumer_id, .seq = seq, .last_seq = seq, .state = EXCEPTION_SETTLED};
        assert_ok(exception_put(store, &row));
    }
}

static void transact(struct workload *workload, struct store *store, uint64_t *seed)
{
    uint64_t left = 0, appends = fixture_random(seed) % 6;
    for (uint64_t i = 0; i < appends && store->last_seq < 500; i++) {
        size_t size = fixture_random(seed) % 16 ? fixture_random(seed) % 400 : 6000;
        struct message_row row = fixture_message(workload->fixture, store->last_seq + 1, size);
        assert_ok(message_append(store, &row));
    }
    for (uint64_t i = fixture_random(seed) % 3; i > 0; i--)
        settle(workload, store, seed);
    if (fixture_random(seed) % 8 == 0)
        assert_ok(message_index_step(store, 40, (uint32_t)(fixture_random(seed) % 150), &left));
}

/* Small as it is, the workload would never fill a WAL: it moves it at random moments. */
static void checkpoint(struct store *store, uint64_t *seed)
{
    bool ignored = false;
    uint64_t choice = fixture_random(seed) % 12;
    if (choice < 2)
        assert_ok(store_checkpoint_all(store, choice == 0, &ignored));
}

static void run(struct workload *workload, enum variant variant, uint64_t seed)
{
    struct store *store = NULL;
    struct store_options options = options_of(workload, false);
    workload->disk = crash_disk_new();
    crash_vfs_use(workload->disk);
    assert_ok(store_open(&options, &store));
    if (variant == VARIANT_NORMAL)
        CHECK(sqlite3_exec(store->db, "PRAGMA synchronous = NORMAL", 0, 0, 0) == SQLITE_OK);
    workload->opened = crash_disk_position(workload->disk);
    workload->digests[0] = digest_of(store);
    workload->acknowledged[0] = workload->opened;
    for (int i = 1; i <= TRANSACTIONS; i++) {
        assert_ok(store_begin(store));
        if (i == 1)
            create_scope(workload, store);
        else
            transact(workload, store, &seed);
        size_t before = crash_disk_position(workload->disk);
        assert_ok(store_commit(store));
        size_t after = crash_disk_position(workload->disk);
        workload->acknowledged[i] = variant == VARIANT_EARLY_ACK ? before : after;
        workload->digests[i] = digest_of(store);
        checkpoint(store, &seed);
    }
    workload->transactions = TRANSACTIONS;
    store_close(&store);
}

/* Which transaction's state is this? -1: none. */
static int find_state(const struct workload *workload, size_t position, const struct digest *digest)
{
    int acked = 0;
    while (acked < workload->transactions && workload->acknowledged[acked + 1] <= position)
        acked++;
    int last = acked < workload->transactions ? acked + 1 : acked;
    for (int i = acked; i <= last; i++) {
        if (is_same(&workload->digests[i], digest))
            return i;
    }
    return -1;
}

static void print_finding(void *context, const struct verify_finding *finding)
{
    (void)context;
    print_message("%s: seq %llu: %s\n", finding->check, (unsigned long long)finding->seq,
                  finding->text);
}

static bool is_verified(const struct workload *workload)
{
    struct store *reader = NULL;
    struct store_options options = options_of(workload, true);
    uint64_t findings = 1;
    struct verify_options verify = {.on_finding = print_finding};
    enum err err = store_open(&options, &reader);
    if (err == ERR_OK)
        err = verify_run(reader, &verify, &findings);
    store_close(&reader);
    return err == ERR_OK && findings == 0;
}

/* Goes on with what was found, as a broker would. */
static bool can_go_on(const struct workload *workload, struct store *store)
{
    struct message_row row = fixture_message(workload->fixture, store->last_seq + 1, 100);
    return store_begin(store) == ERR_OK && message_append(store, &row) == ERR_OK &&
           store_commit(store) == ERR_OK;
}

/* Opens what the cut left; true when it holds what was promised. */
static bool survives(const struct workload *workload, struct crash_disk *disk, size_t position,
                     bool is_thorough)
{
    struct store *store = NULL;
    struct store_options options = options_of(workload, false);
    crash_vfs_use(disk);
    if (store_open(&options, &store) != ERR_OK)
        return false;
    struct digest digest = digest_of(store);
    bool is_good = find_state(workload, position, &digest) >= 0;
    if (is_good && is_thorough)
        is_good = is_verified(workload) && can_go_on(workload, store);
    store_close(&store);
    return is_good;
}

/* The power fails again while the store recovers, or right after. */
static bool survives_twice(const struct workload *workload, struct crash_disk *first,
                           size_t position, uint64_t seed)
{
    size_t end = crash_disk_position(first);
    struct crash_replay *replay = crash_replay_new(first);
    crash_replay_advance(replay, fixture_random(&seed) % (end + 1));
    enum crash_mode mode = (enum crash_mode)(fixture_random(&seed) % CRASH_MODES);
    struct crash_disk *second = crash_replay_cut(replay, mode, seed);
    crash_replay_destroy(&replay);
    bool is_good = survives(workload, second, position, false);
    crash_disk_destroy(&second);
    return is_good;
}

/* Cuts the power at `count` moments, evenly spread; returns how many lost something. */
static uint64_t cut(struct workload *workload, uint64_t count, uint64_t seed)
{
    uint64_t lost = 0;
    size_t end = crash_disk_position(workload->disk);
    struct crash_replay *replay = crash_replay_new(workload->disk);
    for (uint64_t i = 0; i < count; i++) {
        size_t position = (size_t)((double)end * (double)i / (double)count);
        uint64_t point_seed = seed * 1000003 + i;
        enum crash_mode mode = (enum crash_mode)(i % CRASH_MODES);
        crash_replay_advance(replay, position);
        struct crash_disk *disk = crash_replay_cut(replay, mode, point_seed);
        bool is_nested = i % NESTED_EVERY == 0;
        bool is_good = survives(workload, disk, position, !is_nested && i % VERIFY_EVERY == 1);
        if (is_good && is_nested)
            is_good = survives_twice(workload, disk, position, point_seed);
        if (!is_good && lost++ < 3)
            print_message("point %llu of %llu: position %zu of %zu, mode %d, seed %llu\n",
                          (unsigned long long)i, (unsigned long long)count, position, end, mode,
                          (unsigned long long)seed);
        crash_disk_destroy(&disk);
    }
    crash_replay_destroy(&replay);
    return lost;
}

static uint64_t run_and_cut(void **state, enum variant variant, uint64_t count)
{
    static struct workload workload;
    workload = (struct workload){.fixture = *state};
    run(&workload, variant, base_seed);
    uint64_t lost = cut(&workload, count, base_seed);
    crash_disk_destroy(&workload.disk);
    return lost;
}

static void test_acknowledged_survives_every_cut(void **state)
{
    uint64_t lost = run_and_cut(state, VARIANT_RIGHT, points);
    if (lost > 0)
        print_error("replay: store_crash_test %llu %llu\n", (unsigned long long)points,
                    (unsigned long long)base_seed);
    assert_int_equal(lost, 0);
}

static void test_sync_normal_is_caught(void **state)
{
    uint64_t lost = run_and_cut(state, VARIANT_NORMAL, points / 10);
    print_message("synchronous = NORMAL: %llu of %llu cuts lost something, as they must\n",
                  (unsigned long long)lost, (unsigned long long)points / 10);
    assert_true(lost > 0);
}

static void test_early_acknowledgement_is_caught(void **state)
{
    uint64_t lost = run_and_cut(state, VARIANT_EARLY_ACK, points / 10);
    print_message("acknowledged before commit: %llu of %llu cuts lost something, as they must\n",
                  (unsigned long long)lost, (unsigned long long)points / 10);
    assert_true(lost > 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        points = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        base_seed = strtoull(argv[2], NULL, 10);
    crash_vfs_register("crash");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_acknowledged_survives_every_cut,
                                        fixture_setup_directory, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sync_normal_is_caught, fixture_setup_directory,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_early_acknowledgement_is_caught,
                                        fixture_setup_directory, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
