/* SPDX-License-Identifier: MPL-2.0
 *
 * CONSUMER_OPEN, CONSUMER_WRITE with receipts, CONSUMER_REMOVE, DEAD_CHANGE.
 */
#include "persistence_world.h"

#include <stdlib.h>
#include <string.h>

#include "store/consumers.h"
#include "store/store.h"

#define SETTLED EXCEPTION_SETTLED

/* --- Opening. */

static void opens_own_mailbox(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "Ana");
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, ana, SCOPE_PEER, "ana", "main", ROOST__V1__START__START_DEFAULT, 0);
    assert_int_equal(opened->code, 0);
    assert_true(opened->is_new);
    assert_int_equal(opened->row->scope_owner_id, ana);
    assert_bytes(opened->row->scope_name, "Ana");
    assert_bytes(opened->row->consumer, "main");
    assert_int_equal(opened->row->floor_seq, 0);
    int64_t id = opened->row->consumer_id;
    opened = world_open(world, ana, SCOPE_PEER, "ANA", "", 0, 0); /* main */
    assert_false(opened->is_new);
    assert_int_equal(opened->row->consumer_id, id);
}

static void starts_where_it_was_asked_to(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t first = world_store(world, 1, ana, 1, "topic:t", "1");
    world_advance(world, 1000);
    int64_t between_ms = sim_wall(world->sim).ms;
    world_advance(world, 1000);
    uint64_t second = world_store(world, 1, ana, 2, "topic:t", "2");
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    const struct {
        uint32_t start;
        uint64_t value, floor_seq;
    } rows[] = {
        {ROOST__V1__START__START_DEFAULT, 0, second},
        {ROOST__V1__START__START_NEW, 0, second},
        {ROOST__V1__START__START_FIRST, 0, 0},
        {ROOST__V1__START__START_SEQ, first, first},
        {ROOST__V1__START__START_SEQ, 1000000, second},
        {ROOST__V1__START__START_TIME, (uint64_t)between_ms, second - 1},
    };
    for (size_t i = 0; i < 6; i++) {
        const INTERNAL(ConsumerOpened) *opened =
            world_open(world, ana, SCOPE_TOPIC, "t", names[i], rows[i].start, rows[i].value);
        assert_int_equal(opened->code, 0);
        assert_int_equal(opened->row->floor_seq, rows[i].floor_seq);
        assert_int_equal(opened->last_seq, second);
    }
    /* A queue keeps what was written before its first worker came. */
    uint64_t queued = world_store(world, 1, ana, 3, "queue:q", "3");
    const INTERNAL(ConsumerOpened) *opened = world_open(world, ana, SCOPE_QUEUE, "q", "main", 0, 0);
    assert_false(opened->is_new);
    assert_true(opened->row->floor_seq < queued);
}

static uint64_t floor_of(struct world *world, int64_t peer, uint32_t kind, const char *name,
                         const char *consumer, uint32_t start)
{
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, peer, kind, name, consumer, start, 0);
    assert_int_equal(opened->code, 0);
    assert_true(opened->is_new);
    return opened->row->floor_seq;
}

static void flush_index(struct world *world)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = ROOST__V1__METHOD__FLUSH_INDEX;
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_CALL, &call.base, NULL, 0);
    world_settle(world);
}

/* Nobody reads the heads of a whole store to find that a new mailbox is empty; and nothing that was
 * sent before the first attach is passed over. */
static void begins_as_high_as_nothing_is_lost(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    int64_t cy = world_peer(world, "cy");
    uint64_t no = 1, last = 0;
    for (; no <= 50; no++)
        last = world_store(world, 1, ana, no, "topic:noise", "x");
    /* A scope that did not exist before. */
    assert_int_equal(floor_of(world, bob, SCOPE_PEER, "bob", "main", 0), last);
    assert_int_equal(floor_of(world, bob, SCOPE_QUEUE, "q", "spare", ROOST__V1__START__START_FIRST),
                     last);
    /* Scopes with a message: below it, whether it is indexed or not. */
    (void)floor_of(world, cy, SCOPE_PEER, "cy", "spare", ROOST__V1__START__START_NEW);
    uint64_t to_cy = world_store(world, 1, ana, no++, "peer:cy", "for cy");
    uint64_t to_q = world_store(world, 1, ana, no++, "queue:q", "work");
    assert_true(floor_of(world, cy, SCOPE_PEER, "cy", "two", ROOST__V1__START__START_FIRST) <
                to_cy);
    assert_true(floor_of(world, bob, SCOPE_QUEUE, "q", "two", ROOST__V1__START__START_FIRST) <
                to_q);
    flush_index(world);
    assert_true(floor_of(world, cy, SCOPE_PEER, "cy", "main", 0) < to_cy);
    assert_int_equal(floor_of(world, bob, SCOPE_QUEUE, "q", "main", 0), to_q - 1);
    /* A scope that exists and has no message. */
    (void)floor_of(world, bob, SCOPE_QUEUE, "empty", "spare", ROOST__V1__START__START_NEW);
    assert_int_equal(floor_of(world, bob, SCOPE_QUEUE, "empty", "main", 0), to_q);
}

/* A pattern has a row of its own when it has a consumer, and none when somebody only listens; its
 * topics are older than it is. */
static void a_pattern_of_topics_is_a_scope(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t last = world_store(world, 1, ana, 1, "topic:a.b", "1");
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, ana, SCOPE_TOPIC, "A.*", "main", ROOST__V1__START__START_FIRST, 0);
    assert_int_equal(opened->code, 0);
    assert_true(opened->is_new);
    assert_int_equal(opened->row->floor_seq, 0);
    assert_memory_equal(opened->row->scope_name.data, "A.*", 3);
    int64_t scope_id = opened->row->scope_id;
    opened = world_open(world, ana, SCOPE_TOPIC, "a.*", "main", 0, 0); /* the same */
    assert_false(opened->is_new);
    assert_int_equal(opened->row->scope_id, scope_id);
    opened = world_open(world, ana, SCOPE_TOPIC, "a.*", "other", 0, 0);
    assert_int_equal(opened->row->floor_seq, last);
    INTERNAL(ConsumerOpen) open = ROOST__INTERNAL__CONSUMER_OPEN__INIT;
    open.scope_kind = SCOPE_TOPIC;
    open.scope_name = world_bytes("b.>");
    open.is_ephemeral = true;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_OPEN, &open.base, NULL, 0);
    world_settle(world);
    opened = world_answer(world, correlation);
    assert_int_equal(opened->code, 0);
    assert_int_equal(opened->row->scope_id, 0);
    assert_int_equal(opened->row->scope_kind, SCOPE_TOPIC);
    assert_memory_equal(opened->row->scope_name.data, "b.>", 3);
    open.is_ephemeral = false;
    open.must_exist = true;
    correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_OPEN, &open.base, NULL, 0);
    world_settle(world);
    opened = world_answer(world, correlation);
    assert_int_equal(opened->code, err_code(ERR_NO_SUCH_SCOPE));
}

static void refuses_what_is_not_there(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    assert_int_equal(world_open(world, ana, SCOPE_ROOM, "general", "main", 0, 0)->code,
                     err_code(ERR_NO_SUCH_SCOPE));
    assert_int_equal(world_open(world, ana, SCOPE_PEER, "nobody", "main", 0, 0)->code,
                     err_code(ERR_NO_SUCH_PEER));
    INTERNAL(ConsumerOpen) open = ROOST__INTERNAL__CONSUMER_OPEN__INIT;
    open.scope_kind = SCOPE_QUEUE;
    open.scope_name = world_bytes("q");
    open.consumer = world_bytes("main");
    open.must_exist = true;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_OPEN, &open.base, NULL, 0);
    world_settle(world);
    const INTERNAL(ConsumerOpened) *opened = world_answer(world, correlation);
    assert_int_equal(opened->code, err_code(ERR_NO_SUCH_SCOPE));
    assert_null(opened->row);
}

/* --- Writing. */

struct settle {
    int64_t consumer_id, scope_id, peer_id;
    uint64_t floor_seq;
    const uint64_t *seqs;
    size_t count;
    uint32_t level, reason;
};

static void write_fate(struct world *world, const struct settle *settle)
{
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    INTERNAL(ConsumerChange) change = ROOST__INTERNAL__CONSUMER_CHANGE__INIT;
    INTERNAL(ConsumerChange) * changes[] = {&change};
    INTERNAL(Fate) fate = ROOST__INTERNAL__FATE__INIT;
    INTERNAL(Fate) * fates[] = {&fate};
    change.consumer_id = settle->consumer_id;
    change.floor_seq = settle->floor_seq;
    write.changes = changes;
    write.n_changes = settle->consumer_id ? 1 : 0;
    fate.level = settle->level;
    fate.scope_id = settle->scope_id;
    fate.peer_id = settle->peer_id;
    fate.reason = settle->reason;
    fate.seqs = (uint64_t *)(uintptr_t)settle->seqs;
    fate.n_seqs = settle->count;
    write.fates = fates;
    write.n_fates = settle->count ? 1 : 0;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    world_settle(world);
    const INTERNAL(ConsumerWritten) *written = world_answer(world, correlation);
    assert_non_null(written);
    assert_int_equal(written->code, 0);
}

static uint64_t put_exceptions(struct world *world, int64_t consumer_id, const uint64_t *seqs,
                               size_t count, uint32_t exception_state, const uint64_t *removed,
                               size_t removed_count)
{
    INTERNAL(ConsumerWrite) write = ROOST__INTERNAL__CONSUMER_WRITE__INIT;
    INTERNAL(ConsumerChange) change = ROOST__INTERNAL__CONSUMER_CHANGE__INIT;
    INTERNAL(ConsumerChange) * changes[] = {&change};
    INTERNAL(ExceptionRow) rows[16];
    INTERNAL(ExceptionRow) * pointers[16];
    change.consumer_id = consumer_id;
    for (size_t i = 0; i < count; i++) {
        roost__internal__exception_row__init(&rows[i]);
        rows[i].seq = seqs[i];
        rows[i].state = exception_state;
        rows[i].attempts = 3;
        rows[i].reason = 5006;
        rows[i].text = (char *)(uintptr_t) "no luck";
        rows[i].due_ms = 42;
        pointers[i] = &rows[i];
    }
    change.put = pointers;
    change.n_put = count;
    change.removed = (uint64_t *)(uintptr_t)removed;
    change.n_removed = removed_count;
    write.changes = changes;
    write.n_changes = 1;
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_WRITE, &write.base, NULL, 0);
    world_settle(world);
    return correlation;
}

static const INTERNAL(ExceptionsLoaded) * load_exceptions(struct world *world)
{
    INTERNAL(LoadExceptions) load = ROOST__INTERNAL__LOAD_EXCEPTIONS__INIT;
    uint64_t correlation =
        world_ask(world, ACTOR_HISTORY, MSG_LOAD_EXCEPTIONS, &load.base, NULL, 0);
    world_settle(world);
    const INTERNAL(ExceptionsLoaded) *loaded = world_answer(world, correlation);
    assert_non_null(loaded);
    return loaded;
}

static void floors_and_exceptions_are_rows(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seqs[10];
    for (uint64_t i = 0; i < 10; i++)
        seqs[i] = world_store(world, 1, ana, i + 1, "peer:bob", "x");
    int64_t consumer = world_open(world, ana, SCOPE_PEER, "bob", "main", 0, 0)->row->consumer_id;
    (void)put_exceptions(world, consumer, &seqs[4], 3, SETTLED, NULL, 0);
    (void)put_exceptions(world, consumer, &seqs[7], 2, EXCEPTION_RETRY, NULL, 0);
    const INTERNAL(ExceptionsLoaded) *loaded = load_exceptions(world);
    assert_int_equal(loaded->n_rows, 5);
    assert_int_equal(loaded->rows[3]->state, EXCEPTION_RETRY);
    assert_int_equal(loaded->rows[3]->attempts, 3);
    assert_string_equal(loaded->rows[3]->text, "no luck");
    /* The floor passes the settled ones: they say nothing any more. */
    struct settle settle = {.consumer_id = consumer, .floor_seq = seqs[6]};
    write_fate(world, &settle);
    (void)put_exceptions(world, consumer, NULL, 0, SETTLED, &seqs[7], 1);
    loaded = load_exceptions(world);
    assert_int_equal(loaded->n_rows, 1);
    assert_int_equal(loaded->rows[0]->seq, seqs[8]);
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, ana, SCOPE_PEER, "bob", "main", 0, 0);
    assert_int_equal(opened->row->floor_seq, seqs[6]);
}

static void a_removed_consumer_is_no_error(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seq = world_store(world, 1, ana, 1, "peer:bob", "x");
    int64_t consumer = world_open(world, ana, SCOPE_PEER, "bob", "phone", 0, 0)->row->consumer_id;
    INTERNAL(ConsumerRemove) remove = ROOST__INTERNAL__CONSUMER_REMOVE__INIT;
    remove.consumer_id = consumer;
    uint64_t one = world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_REMOVE, &remove.base, NULL, 0);
    uint64_t two = world_ask(world, ACTOR_PERSISTENCE, MSG_CONSUMER_REMOVE, &remove.base, NULL, 0);
    world_settle(world);
    assert_int_equal(((const INTERNAL(ConsumerRemoved) *)world_answer(world, one))->code +
                         ((const INTERNAL(ConsumerRemoved) *)world_answer(world, two))->code,
                     err_code(ERR_NO_SUCH_CONSUMER));
    uint64_t late = put_exceptions(world, consumer, &seq, 1, EXCEPTION_RETRY, NULL, 0);
    assert_int_equal(((const INTERNAL(ConsumerWritten) *)world_answer(world, late))->code, 0);
    assert_int_equal(load_exceptions(world)->n_rows, 0);
}

/* --- Receipts. */

/* The last message that was appended: its row, as a receipt. Free it. */
static Roost__V1__Receipt *last_receipt(struct world *world, int64_t owner_id)
{
    const INTERNAL(Appended) *appended =
        (const void *)world_appended(world, world_appended_count(world) - 1)->body;
    const INTERNAL(Run) *run = appended->runs[appended->n_runs - 1];
    struct store *store = NULL;
    struct store_options options = {.path = world->path, .read_only = true};
    assert_int_equal(store_open(&options, &store), ERR_OK);
    INTERNAL(Fetch) fetch = ROOST__INTERNAL__FETCH__INIT;
    uint64_t seq = run->first_seq + run->count - 1;
    fetch.gateway = WORLD_GATEWAY;
    fetch.handle = 1;
    fetch.first_delivery_no = 1;
    fetch.seqs = &seq;
    fetch.n_seqs = 1;
    size_t before = world_count(world, MSG_DELIVER_OUT);
    (void)world_ask(world, ACTOR_HISTORY, MSG_FETCH, &fetch.base, NULL, 0);
    world_settle(world);
    const struct world_message *out = world_nth(world, MSG_DELIVER_OUT, before);
    assert_non_null(out);
    uint32_t type = 0;
    assert_int_equal(wire_peek_type(out->payload, out->payload_size, &type), ERR_OK);
    assert_int_equal(type, ROOST__V1__TYPE__RECEIPT);
    Roost__V1__Receipt *receipt = roost__v1__receipt__unpack(
        NULL, out->payload_size - WIRE_HEAD_BYTES, out->payload + WIRE_HEAD_BYTES);
    assert_non_null(receipt);
    assert_int_equal(receipt->seq, seq);
    struct scope_row scope;
    char name[256];
    assert_int_equal(scope_find_by_id(store, run->scope_id, name, sizeof(name), &scope), ERR_OK);
    assert_int_equal(scope.owner_id, owner_id);
    store_close(&store);
    return receipt;
}

static void senders_who_asked_get_receipts(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    struct world_entry entries[6];
    uint8_t ids[6][16];
    for (size_t i = 0; i < 6; i++) {
        world_id(world, ids[i]);
        entries[i] = (struct world_entry){.scope = "peer:bob", .id = ids[i], .receipts = 1};
    }
    entries[2].receipts = 0; /* did not ask */
    uint64_t correlation = world_send(world, 1, ana, 1, entries, 6);
    world_settle(world);
    uint64_t first =
        ((const INTERNAL(StoreDone) *)world_answer(world, correlation))->runs[0]->first_seq;
    const INTERNAL(ConsumerOpened) *opened =
        world_open(world, bob, SCOPE_PEER, "bob", "main", 0, 0);
    uint64_t seqs[] = {first + 3, first, first + 1, first + 2}; /* any order */
    struct settle settle = {
        .consumer_id = opened->row->consumer_id,
        .scope_id = opened->row->scope_id,
        .peer_id = bob,
        .floor_seq = first + 3,
        .seqs = seqs,
        .count = 4,
        .level = ROOST__V1__RECEIPT_LEVEL__DELIVERED,
    };
    write_fate(world, &settle);
    Roost__V1__Receipt *receipt = last_receipt(world, ana);
    assert_int_equal(receipt->n_entries, 1);
    const Roost__V1__ReceiptEntry *entry = receipt->entries[0];
    assert_int_equal(entry->level, ROOST__V1__RECEIPT_LEVEL__DELIVERED);
    assert_bytes(entry->scope, "peer:bob");
    assert_bytes(entry->peer, "bob");
    assert_int_equal(entry->first_seq, first);
    assert_int_equal(entry->last_seq, first + 3);
    assert_int_equal(entry->message_ids.len, 3 * 16);
    assert_memory_equal(entry->message_ids.data, ids[0], 16);
    assert_memory_equal(entry->message_ids.data + 32, ids[3], 16);
    roost__v1__receipt__free_unpacked(receipt, NULL);

    /* A receipt is never receipted, and one who did not ask for fates is not told. */
    size_t told = world_appended_count(world);
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, told - 1)->body;
    struct settle of_receipt = {
        .scope_id = appended->runs[0]->scope_id,
        .peer_id = ana,
        .seqs = &appended->runs[0]->first_seq,
        .count = 1,
        .level = ROOST__V1__RECEIPT_LEVEL__DELIVERED,
    };
    write_fate(world, &of_receipt);
    settle.level = ROOST__V1__RECEIPT_LEVEL__EXPIRED;
    write_fate(world, &settle);
    assert_int_equal(world_appended_count(world), told);
}

static void a_range_ends_where_one_is_missing(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), eve = world_peer(world, "eve");
    struct world_entry entry = {.scope = "peer:bob", .receipts = 4};
    uint64_t first = 0;
    for (uint64_t no = 1; no <= 6; no++) { /* ana, eve, ana, eve ... */
        int64_t sender = no % 2 ? ana : eve;
        uint64_t correlation = world_send(world, no % 2, sender, (no + 1) / 2, &entry, 1);
        world_settle(world);
        if (no == 1)
            first =
                ((const INTERNAL(StoreDone) *)world_answer(world, correlation))->runs[0]->first_seq;
    }
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    uint64_t seqs[] = {first, first + 2, first + 5}; /* all of ana's but the last; eve's last */
    struct settle settle = {
        .scope_id = appended->runs[0]->scope_id,
        .seqs = seqs,
        .count = 3,
        .level = ROOST__V1__RECEIPT_LEVEL__DEAD,
        .reason = 5006,
    };
    write_fate(world, &settle);
    Roost__V1__Receipt *receipt = last_receipt(world, eve);
    assert_int_equal(receipt->n_entries, 1);
    assert_int_equal(receipt->entries[0]->first_seq, first + 5);
    assert_int_equal(receipt->entries[0]->reason, 5006);
    assert_int_equal(receipt->entries[0]->peer.len, 0);
    roost__v1__receipt__free_unpacked(receipt, NULL);

    seqs[1] = first + 4; /* first + 2 is not part of it */
    settle.count = 2;
    write_fate(world, &settle);
    receipt = last_receipt(world, ana);
    assert_int_equal(receipt->n_entries, 2);
    assert_int_equal(receipt->entries[0]->last_seq, first);
    assert_int_equal(receipt->entries[1]->first_seq, first + 4);
    roost__v1__receipt__free_unpacked(receipt, NULL);
}

static void thousands_of_fates_are_split(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    static struct world_entry entries[1000];
    static uint64_t seqs[3000];
    for (size_t i = 0; i < 1000; i++)
        entries[i] = (struct world_entry){.scope = "peer:bob", .receipts = 4};
    for (uint64_t k = 0; k < 3; k++)
        (void)world_send(world, 1, ana, k * 1000 + 1, entries, 1000);
    world_settle(world);
    const INTERNAL(Appended) *appended = (const void *)world_appended(world, 0)->body;
    uint64_t first = appended->runs[0]->first_seq;
    for (uint64_t i = 0; i < 3000; i++)
        seqs[i] = first + i;
    struct settle settle = {
        .scope_id = appended->runs[0]->scope_id,
        .seqs = seqs,
        .count = 3000,
        .level = ROOST__V1__RECEIPT_LEVEL__EXPIRED,
    };
    write_fate(world, &settle);
    Roost__V1__Receipt *receipt = last_receipt(world, ana);
    assert_int_equal(receipt->n_entries, 3);
    assert_int_equal(receipt->entries[2]->last_seq, first + 2999);
    assert_int_equal(receipt->entries[2]->message_ids.len, 16000);
    roost__v1__receipt__free_unpacked(receipt, NULL);
}

/* --- Dead letters. */

static const INTERNAL(DeadChanged) *
    dead_change(struct world *world, const INTERNAL(DeadChange) * change)
{
    uint64_t correlation =
        world_ask(world, ACTOR_PERSISTENCE, MSG_DEAD_CHANGE, &change->base, NULL, 0);
    world_settle(world);
    const INTERNAL(DeadChanged) *changed = world_answer(world, correlation);
    assert_non_null(changed);
    return changed;
}

static void dead_letters_are_redriven_and_purged(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana");
    uint64_t seqs[6];
    for (uint64_t i = 0; i < 6; i++)
        seqs[i] = world_store(world, 1, ana, i + 1, "queue:q", "x");
    int64_t consumer = world_open(world, ana, SCOPE_QUEUE, "q", "main", 0, 0)->row->consumer_id;
    (void)put_exceptions(world, consumer, seqs, 6, EXCEPTION_DEAD, NULL, 0);
    struct settle settle = {.consumer_id = consumer, .floor_seq = seqs[3]};
    write_fate(world, &settle);

    INTERNAL(DeadChange) change = ROOST__INTERNAL__DEAD_CHANGE__INIT;
    uint64_t wanted[] = {seqs[0], seqs[5] + 100};
    change.consumer_id = consumer;
    change.seqs = wanted;
    change.n_seqs = 2;
    const INTERNAL(DeadChanged) *changed = dead_change(world, &change);
    assert_int_equal(changed->code, 0);
    assert_int_equal(changed->count, 1);
    assert_int_equal(changed->n_runs, 1);
    assert_int_equal(changed->runs[0]->first_seq, seqs[0]);
    assert_true(changed->runs[0]->expires_ms > 0);
    const INTERNAL(ExceptionsLoaded) *loaded = load_exceptions(world);
    /* Live ones: the redriven one below the floor, the dead ones above it. */
    assert_int_equal(loaded->n_rows, 3);
    assert_int_equal(loaded->rows[0]->seq, seqs[0]);
    assert_int_equal(loaded->rows[0]->state, EXCEPTION_RETRY);
    assert_int_equal(loaded->rows[0]->attempts, 0);

    change.all = true;
    change.purge = true;
    change.n_seqs = 0;
    changed = dead_change(world, &change);
    assert_int_equal(changed->count, 5);
    assert_false(changed->has_more);
    loaded = load_exceptions(world);
    assert_int_equal(loaded->n_rows, 3); /* purged above the floor: settled */
    assert_int_equal(loaded->rows[1]->state, SETTLED);
    changed = dead_change(world, &change);
    assert_int_equal(changed->count, 0);

    change.consumer_id = consumer + 1000;
    change.n_seqs = 1;
    change.all = false;
    assert_int_equal(dead_change(world, &change)->code, err_code(ERR_NO_SUCH_CONSUMER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        T(opens_own_mailbox),
        T(starts_where_it_was_asked_to),
        T(begins_as_high_as_nothing_is_lost),
        T(a_pattern_of_topics_is_a_scope),
        T(refuses_what_is_not_there),
        T(floors_and_exceptions_are_rows),
        T(a_removed_consumer_is_no_error),
        T(senders_who_asked_get_receipts),
        T(a_range_ends_where_one_is_missing),
        T(thousands_of_fates_are_split),
        T(dead_letters_are_redriven_and_purged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
