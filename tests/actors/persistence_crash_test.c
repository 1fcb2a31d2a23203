/* SPDX-License-Identifier: MPL-2.0
 *
 * Power cuts under the persistence actor: whatever was *answered* before the cut is there after it.
 *
 *     persistence_crash_test [POINTS [SEED]]
 *
 * A random workload runs on the simulator over a disk in memory that remembers every operation.
 * Each answer that arrives is noted with the position of the disk. Then the disk is cut at random
 * positions in all modes, the store is opened again, and the notes are checked:
 *   - every stored message is there, with its id, its sender and its body
 *   - every floor is at least what was confirmed, and not above what was asked for
 *   - every peer that was answered is there
 *   - receipts are there exactly when the floor that caused them is
 *   - sending everything again makes no message twice (some of the points)
 * Sharpness: an actor that answers before it commits must be caught.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash_vfs.h"
#include "persistence_state.h"
#include "rt/check.h"
#include "store/peers.h"
#include "tests/share.h"

#define STEPS        250
#define SESSIONS     3
#define PROMISES_MAX 8192
#define RESEND_EVERY 100

static uint64_t points = 1000, base_seed = 1;

enum promise_kind { PROMISE_MESSAGE, PROMISE_FLOOR, PROMISE_PEER };

struct promise {
    enum promise_kind kind;
    size_t position; /* of the disk when the answer was seen */
    uint64_t seq;    /* or floor */
    int64_t sender_id;
    uint8_t id[16];
};

struct question { /* on its way */
    uint64_t correlation;
    enum promise_kind kind;
    uint64_t first_no, count, floor_seq;
    unsigned session;
};

struct workload {
    struct world *world;
    struct crash_disk *disk;
    size_t opened; /* position when the empty store was there */
    uint64_t random;
    int64_t peers[SESSIONS];
    uint8_t ids[SESSIONS][4096][16]; /* by publish number */
    uint64_t next_no[SESSIONS];
    int64_t bob_consumer;
    uint64_t bob_seqs[4096], bob_count, bob_settled; /* messages in bob's mailbox */
    int64_t bob_scope;
    uint64_t floor_asked;
    struct question questions[256];
    size_t question_count;
    struct promise promises[PROMISES_MAX];
    size_t promise_count;
};

static uint64_t draw(struct workload *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % below;
}

static struct promise *promise(struct workload *w, enum promise_kind kind)
{
    CHECK(w->promise_count < PROMISES_MAX);
    struct promise *note = &w->promises[w->promise_count++];
    *note = (struct promise){.kind = kind, .position = crash_disk_position(w->disk)};
    return note;
}

/* --- The workload. */

static struct question *ask(struct workload *w, enum promise_kind kind, uint64_t correlation)
{
    CHECK(w->question_count < 256);
    struct question *question = &w->questions[w->question_count++];
    *question = (struct question){.kind = kind, .correlation = correlation};
    return question;
}

static void send_some(struct workload *w)
{
    static const char *const scopes[] = {"peer:bob", "queue:jobs", "topic:news", "peer:carol"};
    struct world_entry entries[20];
    unsigned session = (unsigned)draw(w, SESSIONS);
    uint64_t count = 1 + draw(w, 20), first_no = w->next_no[session];
    for (uint64_t i = 0; i < count; i++) {
        uint8_t *id = w->ids[session][first_no + i];
        world_id(w->world, id);
        entries[i] = (struct world_entry){
            .scope = scopes[draw(w, 4)], .body = "the body", .id = id, .receipts = 1};
    }
    uint64_t correlation =
        world_send(w->world, session + 1, w->peers[session], first_no, entries, count);
    struct question *question = ask(w, PROMISE_MESSAGE, correlation);
    question->session = session;
    question->first_no = first_no;
    question->count = count;
    w->next_no[session] += count;
}

static void settle_some(struct workload *w)
{
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    INTERNAL(ConsumerChange) change = ROOST__INTERNAL__CONSUMER_CHANGE__INIT;
    INTERNAL(ConsumerChange) * changes[] = {&change};
    INTERNAL(Fate) fate = ROOST__INTERNAL__FATE__INIT;
    INTERNAL(Fate) * fates[] = {&fate};
    uint64_t count = w->bob_count - w->bob_settled;
    if (count == 0)
        return;
    count = 1 + draw(w, count);
    fate.level = ROOST__V1__RECEIPT_LEVEL__DELIVERED;
    fate.scope_id = w->bob_scope;
    fate.seqs = &w->bob_seqs[w->bob_settled];
    fate.n_seqs = count;
    w->bob_settled += count;
    w->floor_asked = w->bob_seqs[w->bob_settled - 1];
    change.consumer_id = w->bob_consumer;
    change.floor_seq = w->floor_asked;
    write.changes = changes;
    write.n_changes = 1;
    write.fates = fates;
    write.n_fates = 1;
    uint64_t correlation =
        world_ask(w->world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    ask(w, PROMISE_FLOOR, correlation)->floor_seq = w->floor_asked;
}

static void save_peer(struct workload *w)
{
    char name[32];
    INTERNAL(PeerSave) save = ROOST__INTERNAL__PEER_SAVE__INIT;
    INTERNAL(PeerChange) change = ROOST__INTERNAL__PEER_CHANGE__INIT;
    INTERNAL(PeerChange) * changes[] = {&change};
    (void)snprintf(name, sizeof(name), "guest-%u", (unsigned)draw(w, 1000));
    change.name = world_bytes(name);
    change.may_create = true;
    change.seen_ms = sim_wall(w->world->sim).ms;
    save.changes = changes;
    save.n_changes = 1;
    (void)ask(w, PROMISE_PEER,
              world_ask(w->world, ACTOR_PERSISTENCE, MSG_PEER_SAVE, &save.base, NULL, 0));
}

static void take_store_done(struct workload *w, const struct question *question,
                            const INTERNAL(StoreDone) * done)
{
    CHECK(done->retry_code == 0 && done->n_exceptions == 0);
    for (size_t i = 0; i < done->n_runs; i++) {
        for (uint32_t k = 0; k < done->runs[i]->count; k++) {
            struct promise *note = promise(w, PROMISE_MESSAGE);
            note->seq = done->runs[i]->first_seq + k;
            note->sender_id = w->peers[question->session];
            memcpy(note->id, w->ids[question->session][done->runs[i]->first_no + k], 16);
        }
    }
}

static void take_answers(struct workload *w)
{
    for (size_t i = 0; i < w->world->kept_count; i++) {
        const struct world_message *message = &w->world->kept[i];
        for (size_t k = 0; k < w->question_count; k++) {
            struct question question = w->questions[k];
            if (question.correlation != message->correlation)
                continue;
            if (question.kind == PROMISE_MESSAGE)
                take_store_done(w, &question, (const void *)message->body);
            else if (question.kind == PROMISE_FLOOR)
                promise(w, PROMISE_FLOOR)->seq = question.floor_seq;
            else
                promise(w, PROMISE_PEER)->sender_id =
                    ((const INTERNAL(PeerSaved) *)(const void *)message->body)->states[0]->peer_id;
            w->questions[k] = w->questions[--w->question_count];
            break;
        }
    }
    world_forget(w->world);
}

/* What sync-manager learned of bob's mailbox. */
static void take_appended(struct workload *w, size_t *inout_seen)
{
    for (; *inout_seen < world_appended_count(w->world); ++*inout_seen) {
        const INTERNAL(Appended) *appended =
            (const void *)world_appended(w->world, *inout_seen)->body;
        for (size_t i = 0; i < appended->n_runs; i++) {
            const INTERNAL(Run) *run = appended->runs[i];
            for (uint32_t k = 0; k < run->count && run->scope_id == w->bob_scope; k++)
                w->bob_seqs[w->bob_count++] = run->first_seq + k;
        }
    }
}

static void open_all(struct workload *w)
{
    static const char *const names[SESSIONS] = {"ana", "eve", "kim"};
    for (unsigned i = 0; i < SESSIONS; i++) {
        w->peers[i] = world_peer(w->world, names[i]);
        w->next_no[i] = 1;
    }
    int64_t bob = world_peer(w->world, "bob");
    const INTERNAL(ConsumerRow) *row =
        world_open(w->world, bob, SCOPE_PEER, "bob", "main", 0, 0)->row;
    w->bob_consumer = row->consumer_id;
    w->bob_scope = row->scope_id;
    world_forget(w->world);
    w->opened = crash_disk_position(w->disk);
}

static struct workload *run(uint64_t seed, bool answers_before_commit)
{
    struct workload *w = calloc(1, sizeof(*w));
    CHECK(w);
    size_t seen = 0;
    w->random = seed * 2654435761u + 1;
    w->disk = crash_disk_new();
    crash_vfs_use(w->disk);
    w->world = world_new();
    w->world->seed = seed;
    w->world->persistence.vfs = w->world->history.vfs = "crash";
    w->world->persistence.answers_before_commit = answers_before_commit;
    world_start(w->world);
    open_all(w);
    for (int i = 0; i < STEPS; i++) {
        uint64_t what = draw(w, 10);
        if (what < 5)
            send_some(w);
        else if (what < 7)
            settle_some(w);
        else if (what < 8)
            save_peer(w);
        else if (what < 9)
            world_advance(w->world, (int64_t)draw(w, 3000)); /* idle: index, checkpoints */
        for (uint64_t k = draw(w, 12); k > 0; k--) {
            (void)sim_step(w->world->sim);
            world_advance(w->world, 0);
            take_answers(w);
            take_appended(w, &seen);
        }
    }
    world_end(w->world);
    return w;
}

static void workload_destroy(struct workload *w)
{
    crash_disk_destroy(&w->disk);
    world_destroy(w->world);
    free(w);
}

/* --- After the cut. */

struct found {
    const struct promise *promise;
    bool is_right;
};

static enum err check_row(void *context, const struct message_row *row)
{
    struct found *found = context;
    found->is_right = !row->is_damaged && row->sender_id == found->promise->sender_id &&
                      memcmp(row->message_id, found->promise->id, 16) == 0 && row->body.size == 8 &&
                      memcmp(row->body.data, "the body", 8) == 0;
    return ERR_OK;
}

static enum err check_peer(void *context, const struct peer_row *row)
{
    ((struct found *)context)->is_right = row->id > 0;
    return ERR_OK;
}

static enum err count_receipted(void *context, const struct message_row *row)
{
    uint64_t *upto = context;
    if (row->kind != ROOST__V1__KIND__RECEIPT_KIND)
        return ERR_OK;
    Roost__V1__Receipt *receipt = roost__v1__receipt__unpack(NULL, row->body.size, row->body.data);
    CHECK(receipt);
    for (size_t i = 0; i < receipt->n_entries; i++) {
        if (receipt->entries[i]->last_seq > *upto)
            *upto = receipt->entries[i]->last_seq;
    }
    roost__v1__receipt__free_unpacked(receipt, NULL);
    return ERR_OK;
}

static bool is_kept(struct store *store, const struct workload *w, const struct promise *promise)
{
    struct found found = {.promise = promise};
    struct consumer_row consumer;
    if (promise->kind == PROMISE_MESSAGE) {
        CHECK(message_read(store, 0, &promise->seq, 1, check_row, &found) == ERR_OK);
    } else if (promise->kind == PROMISE_FLOOR) {
        enum err err = consumer_find(store, w->bob_scope, "main", &consumer);
        found.is_right =
            !err && consumer.floor_seq >= promise->seq && consumer.floor_seq <= w->floor_asked;
    } else {
        enum err err = peer_read(store, promise->sender_id, check_peer, &found);
        CHECK(err == ERR_OK || err == ERR_NO_SUCH_PEER);
    }
    return found.is_right;
}

/* The floor and the receipts it caused came with one commit. */
static bool receipts_agree(struct store *store, const struct workload *w)
{
    struct consumer_row consumer;
    uint64_t upto = 0;
    if (consumer_find(store, w->bob_scope, "main", &consumer))
        return false;
    for (unsigned i = 0; i < SESSIONS; i++)
        CHECK(message_read_since(store, w->peers[i], 0, 100000, count_receipted, &upto) == ERR_OK);
    return upto == consumer.floor_seq;
}

static uint64_t check_cut(const struct workload *w, size_t position)
{
    uint64_t lost = 0;
    struct store *store = NULL;
    struct store_options options = {.path = w->world->path, .vfs = "crash"};
    enum err err = store_open(&options, &store);
    if (err)
        return 1;
    for (size_t i = 0; i < w->promise_count && w->promises[i].position <= position; i++)
        lost += !is_kept(store, w, &w->promises[i]);
    lost += !receipts_agree(store, w);
    store_close(&store);
    return lost;
}

/* Everything was sent once more, by clients that do not know what arrived: each message is there
 * exactly once. */
static void check_resend(struct workload *w)
{
    static struct world_entry entries[4096];
    uint64_t stored = 0, duplicates = 0, sent = 0;
    struct world *world = world_new();
    (void)snprintf(world->path, sizeof(world->path), "%s", w->world->path);
    world->persistence.vfs = world->history.vfs = "crash";
    world_start(world);
    for (unsigned session = 0; session < SESSIONS; session++) {
        uint64_t count = w->next_no[session] - 1;
        for (uint64_t i = 0; i < count; i++)
            entries[i] = (struct world_entry){
                .scope = "peer:bob", .body = "again", .id = w->ids[session][i + 1]};
        for (int round = 0; round < 2; round++) {
            for (uint64_t at = 0; at < count; at += 500) {
                uint64_t part = count - at < 500 ? count - at : 500;
                uint64_t correlation = world_send(world, session * 2u + (unsigned)round + 1,
                                                  w->peers[session], at + 1, &entries[at], part);
                world_settle(world);
                const INTERNAL(StoreDone) *done = world_answer(world, correlation);
                assert_non_null(done);
                duplicates += done->n_exceptions;
                for (size_t i = 0; i < done->n_runs; i++)
                    stored += done->runs[i]->count;
            }
        }
        sent += count;
    }
    assert_int_equal(stored + duplicates, 2 * sent);
    assert_true(stored <= sent && duplicates >= sent);
    world_destroy(world);
}

/* --- Points. */

static int compare_positions(const void *one, const void *other)
{
    size_t a = *(const size_t *)one, b = *(const size_t *)other;
    return a < b ? -1 : a > b;
}

/* Returns how many promises were broken. */
static uint64_t cut_many(struct workload *w, uint64_t count, bool resends)
{
    uint64_t lost = 0;
    size_t end = crash_disk_position(w->disk);
    size_t *positions = calloc(count, sizeof(*positions));
    CHECK(positions);
    for (uint64_t i = 0; i < count; i++)
        positions[i] = w->opened + draw(w, end - w->opened + 1);
    qsort(positions, count, sizeof(*positions), compare_positions);
    struct crash_replay *replay = crash_replay_new(w->disk);
    for (uint64_t i = 0; i < count; i++) {
        crash_replay_advance(replay, positions[i]);
        struct crash_disk *after =
            crash_replay_cut(replay, (enum crash_mode)(i % CRASH_MODES), base_seed + i);
        crash_vfs_use(after);
        lost += check_cut(w, positions[i]);
        if (resends && i % RESEND_EVERY == 0)
            check_resend(w);
        crash_disk_destroy(&after);
    }
    crash_replay_destroy(&replay);
    free(positions);
    return lost;
}

static void what_was_answered_survives_every_cut(void **state)
{
    (void)state;
    uint64_t promises = 0;
    for (uint64_t i = 0; i < 5; i++) {
        struct workload *w = run(base_seed + i, false);
        uint64_t lost = cut_many(w, points / 5 + 1, true);
        if (lost)
            print_error("seed %llu: %llu promises broken\n", (unsigned long long)(base_seed + i),
                        (unsigned long long)lost);
        assert_int_equal(lost, 0);
        promises += w->promise_count;
        workload_destroy(w);
    }
    print_message("%llu points, %llu promises\n", (unsigned long long)points,
                  (unsigned long long)promises);
    assert_true(promises > 1000);
}

static void answering_before_the_commit_is_caught(void **state)
{
    (void)state;
    struct workload *w = run(base_seed, true);
    uint64_t lost = cut_many(w, 100, false);
    print_message("answers before commits: %llu promises broken\n", (unsigned long long)lost);
    assert_true(lost > 0);
    workload_destroy(w);
}

int main(int argc, char **argv)
{
    points = test_part(points);
    if (argc > 1)
        points = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        base_seed = strtoull(argv[2], NULL, 10);
    crash_vfs_register("crash");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_answered_survives_every_cut),
        cmocka_unit_test(answering_before_the_commit_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
