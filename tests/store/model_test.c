/* SPDX-License-Identifier: MPL-2.0
 *
 * Random work on the whole store, held against model.h after every transaction.
 *
 *     store_model_test [SEEDS [STEPS [FIRST_SEED]]]
 *
 * A step is a transaction of a few writes (some are rolled back), then questions to the writer's
 * handle or to a reader's. Now and then everything is closed and opened again. A difference prints
 * the command that replays it.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "store/conversation.h"
#include "store/peers.h"
#include "store/verify.h"
#include "store_fixture.h"
#include "tests/share.h"

#define SEEDS_ALL 1430 /* a million steps */

static uint64_t seeds = 36, steps = 700, first_seed = 1;

struct run {
    struct fixture *fixture;
    struct store *writer, *reader, *asked;
    struct model *model, *before; /* `before`: as of the last commit */
    uint64_t seed, random, step;
};

/* A difference between model and store. */
#define EXPECT(run, condition) expect((run), (condition), #condition, __LINE__)

static void expect(const struct run *run, bool is_so, const char *what, int line)
{
    if (is_so)
        return;
    print_error("line %d, step %llu: %s\n", line, (unsigned long long)run->step, what);
    print_error("replay: store_model_test 1 %llu %llu\n", (unsigned long long)run->step + 1,
                (unsigned long long)run->seed);
    fail();
}

static uint64_t below(struct run *run, uint64_t limit)
{
    return fixture_random(&run->random) % limit;
}

static int64_t any_peer(struct run *run)
{
    return run->model->peer_ids[below(run, MODEL_PEERS)];
}

static uint64_t any_seq(struct run *run)
{
    return 1 + below(run, run->model->last_seq + 3);
}

static int64_t any_conversation(struct run *run)
{
    if (below(run, 4) == 0)
        return conversation_of_scope(run->model->scope_ids[MODEL_PEERS + below(run, 2)]);
    return conversation_of_peers(any_peer(run), any_peer(run));
}

/* --- writes */

static void do_append(struct run *run)
{
    struct model *model = run->model;
    if (model->message_count == MODEL_MESSAGES_MAX)
        return;
    size_t scope = below(run, MODEL_SCOPES);
    struct message_row row = fixture_message(run->fixture, below(run, 40), below(run, 600));
    row.scope_id = model->scope_ids[scope];
    row.sender_id = any_peer(run);
    row.conversation = scope < MODEL_PEERS
                           ? conversation_of_peers(row.sender_id, model->peer_ids[scope])
                           : conversation_of_scope(row.scope_id);
    row.stored_ms = model->now_ms += (int64_t)below(run, 20);
    row.expires_ms = row.stored_ms + (int64_t)below(run, 5000);
    assert_ok(message_append(run->writer, &row));
    EXPECT(run, row.seq == model->last_seq + 1);
    model->last_seq = row.seq;
    struct model_message *message = &model->messages[model->message_count++];
    *message = (struct model_message){
        .seq = row.seq,
        .scope_id = row.scope_id,
        .sender_id = row.sender_id,
        .conversation = row.conversation,
        .stored_ms = row.stored_ms,
        .expires_ms = row.expires_ms,
        .kind = row.kind,
        .checksum = row.checksum,
    };
    memcpy(message->message_id, row.message_id, sizeof row.message_id);
}

static void do_settle(struct run *run)
{
    size_t i = below(run, MODEL_CONSUMERS);
    uint64_t floor_seq = below(run, run->model->last_seq + 1);
    assert_ok(consumer_set_floor(run->writer, run->model->consumer_ids[i], floor_seq));
    run->model->floors[i] = floor_seq;
    if (below(run, 2)) {
        assert_ok(exception_trim(run->writer, run->model->consumer_ids[i], floor_seq));
        model_exception_trim(run->model, run->model->consumer_ids[i], floor_seq);
    }
}

static void do_exception(struct run *run)
{
    if (run->model->last_seq == 0 || run->model->exception_count + 1 >= MODEL_EXCEPTIONS_MAX)
        return;
    uint64_t seq = 1 + below(run, run->model->last_seq);
    struct exception_row row = {
        .consumer_id = run->model->consumer_ids[below(run, MODEL_CONSUMERS)],
        .seq = seq,
        .last_seq = seq,
        .state = (enum exception_state)(1 + below(run, 6)),
        .attempts = (uint32_t)below(run, 10),
        .due_ms = (int64_t)below(run, 100000),
        .reason = (uint32_t)below(run, 7000),
        .text = "because",
        .at_ms = run->model->now_ms,
    };
    if (row.state == EXCEPTION_EXPIRED)
        row.last_seq += below(run, run->model->last_seq - seq + 1);
    if (below(run, 4) == 0) {
        assert_ok(exception_remove(run->writer, row.consumer_id, row.seq));
        model_exception_remove(run->model, row.consumer_id, row.seq);
        return;
    }
    assert_ok(exception_put(run->writer, &row));
    model_exception_put(run->model, &row);
}

static void do_index(struct run *run)
{
    uint64_t left = 0, rows = 1 + below(run, 60);
    struct model *model = run->model;
    if (below(run, 2) || message_index_is_begun(run->writer)) {
        assert_ok(message_index_step(run->writer, (uint32_t)rows, (uint32_t)below(run, 90), &left));
        EXPECT(run, left <= model->last_seq - model->indexed_seq);
        model->indexed_seq = model->last_seq - left; /* moves when a slice is done */
        return;
    }
    assert_ok(message_index_slice(run->writer, (uint32_t)rows, &left));
    uint64_t waiting = model->last_seq - model->indexed_seq;
    model->indexed_seq += waiting < rows ? waiting : rows;
    EXPECT(run, left == model->last_seq - model->indexed_seq);
}

static void do_remove(struct run *run)
{
    uint64_t removed = 0;
    uint32_t rows = 1 + (uint32_t)below(run, 10);
    int64_t stored = run->model->now_ms - (int64_t)below(run, 6000);
    int64_t expired = run->model->now_ms + (int64_t)below(run, 6000);
    assert_ok(message_remove_slice(run->writer, stored, expired, rows, &removed));
    EXPECT(run, removed == model_remove(run->model, stored, expired, rows));
}

static void do_marker(struct run *run)
{
    size_t one = below(run, MODEL_PEERS), other = below(run, MODEL_PEERS);
    uint64_t seq = below(run, run->model->last_seq + 1), before = 0;
    int64_t conversation =
        conversation_of_peers(run->model->peer_ids[one], run->model->peer_ids[other]);
    uint64_t *marker = &run->model->markers[one][other];
    assert_ok(marker_set(run->writer, run->model->peer_ids[one], conversation, seq, 1, &before));
    EXPECT(run, before == *marker);
    *marker = seq > *marker ? seq : *marker;
}

static void transact(struct run *run)
{
    assert_ok(store_begin(run->writer));
    for (uint64_t i = below(run, 8); i > 0; i--) {
        switch (below(run, 12)) {
        case 0:
            do_settle(run);
            break;
        case 1:
        case 2:
            do_exception(run);
            break;
        case 3:
            do_index(run);
            break;
        case 4:
            do_marker(run);
            break;
        case 5:
            do_remove(run);
            break;
        default:
            do_append(run);
            break;
        }
    }
    if (below(run, 8) == 0) {
        store_rollback(run->writer);
        *run->model = *run->before;
    } else {
        assert_ok(store_commit(run->writer));
        *run->before = *run->model;
    }
}

/* --- questions */

struct answer {
    struct run *run;
    struct model_seqs seqs;
};

static enum err take_row(void *context, const struct message_row *row)
{
    struct answer *answer = context;
    const struct model_message *message = model_find(answer->run->model, row->seq);
    EXPECT(answer->run, message != NULL);
    EXPECT(answer->run, !row->is_damaged && row->checksum == message->checksum);
    EXPECT(answer->run, row->scope_id == message->scope_id && row->kind == message->kind);
    answer->seqs.seqs[answer->seqs.count++] = row->seq;
    return ERR_OK;
}

static bool is_same(const struct model_seqs *one, const struct model_seqs *other)
{
    return one->count == other->count &&
           memcmp(one->seqs, other->seqs, one->count * sizeof one->seqs[0]) == 0;
}

static void ask_read(struct run *run)
{
    static struct answer answer;
    static struct model_seqs wanted, asked;
    answer = (struct answer){.run = run};
    wanted.count = asked.count = 0;
    int64_t scope_id = below(run, 2) ? 0 : run->model->scope_ids[below(run, MODEL_SCOPES)];
    uint64_t stride = 1 + below(run, 40);
    for (uint64_t seq = any_seq(run); asked.count < 200 && seq <= run->model->last_seq + 2;
         seq += 1 + below(run, stride)) {
        asked.seqs[asked.count++] = seq;
        const struct model_message *message = model_find(run->model, seq);
        if (message && (scope_id == 0 || message->scope_id == scope_id))
            wanted.seqs[wanted.count++] = seq;
    }
    assert_ok(message_read(run->asked, scope_id, asked.seqs, asked.count, take_row, &answer));
    EXPECT(run, is_same(&answer.seqs, &wanted));
}

static void ask_heads(struct run *run)
{
    static struct message_head heads[64];
    uint64_t after = below(run, run->model->last_seq + 2);
    size_t count = 0, limit = 1 + below(run, 64), i = 0;
    assert_ok(message_read_heads(run->asked, after, heads, limit, &count));
    for (uint64_t seq = after + 1; seq <= run->model->last_seq && i < limit; seq++) {
        const struct model_message *message = model_find(run->model, seq);
        if (!message)
            continue;
        EXPECT(run, i < count && heads[i].seq == seq);
        EXPECT(run, heads[i].scope_id == message->scope_id &&
                        heads[i].sender_id == message->sender_id &&
                        heads[i].expires_ms == message->expires_ms);
        i++;
    }
    EXPECT(run, i == count);
}

static void ask_id(struct run *run)
{
    static struct answer answer;
    static struct model_seqs wanted;
    if (run->model->message_count == 0)
        return;
    answer = (struct answer){.run = run};
    wanted.count = 0;
    const struct model_message *sought =
        &run->model->messages[below(run, run->model->message_count)];
    uint64_t first_of_sender = 0, found = 1;
    for (size_t i = 0; i < run->model->message_count; i++) {
        const struct model_message *message = &run->model->messages[i];
        if (message->is_removed || memcmp(message->message_id, sought->message_id, 16) != 0)
            continue;
        wanted.seqs[wanted.count++] = message->seq;
        if (first_of_sender == 0 && message->sender_id == sought->sender_id &&
            message->seq <= run->model->indexed_seq)
            first_of_sender = message->seq;
    }
    assert_ok(message_find_id(run->asked, sought->message_id, take_row, &answer));
    EXPECT(run, is_same(&answer.seqs, &wanted));
    assert_ok(message_find_indexed(run->asked, sought->sender_id, sought->message_id, &found));
    EXPECT(run, found == first_of_sender);
}

static void ask_page(struct run *run)
{
    static struct answer answer;
    static struct model_seqs wanted;
    answer = (struct answer){.run = run};
    struct message_page page = {
        .conversation = any_conversation(run),
        .after_seq = below(run, 2) ? 0 : any_seq(run),
        .before_seq = below(run, 2) ? 0 : any_seq(run),
        .from_ms = below(run, 3) ? 0 : run->model->now_ms - (int64_t)below(run, 9000),
        .to_ms = below(run, 3) ? 0 : run->model->now_ms - (int64_t)below(run, 9000),
        .limit = (uint32_t)below(run, 50),
        .offset = below(run, 3) ? 0 : (uint32_t)below(run, 30),
        .newest_first = below(run, 2),
    };
    model_page(run->model, &page, &wanted);
    assert_ok(message_read_conversation(run->asked, &page, take_row, &answer));
    EXPECT(run, is_same(&answer.seqs, &wanted));
    int64_t peer_id = any_peer(run);
    uint64_t unread = 0, after = below(run, run->model->last_seq + 1);
    assert_ok(message_count_unread(run->asked, page.conversation, peer_id, after, &unread));
    EXPECT(run, unread == model_unread(run->model, page.conversation, peer_id, after));
}

static void ask_since(struct run *run)
{
    static struct answer answer;
    static struct model_seqs wanted;
    answer = (struct answer){.run = run};
    int64_t peer_id = any_peer(run);
    uint64_t after = below(run, run->model->last_seq + 1);
    uint32_t limit = (uint32_t)below(run, 80);
    model_since(run->model, peer_id, after, limit, &wanted);
    assert_ok(message_read_since(run->asked, peer_id, after, limit, take_row, &answer));
    EXPECT(run, is_same(&answer.seqs, &wanted));
}

struct conversations {
    struct run *run;
    int64_t peer_id;
    uint64_t last_seq;
    size_t count;
};

static enum err take_conversation(void *context, const struct conversation_row *row)
{
    struct conversations *answer = context;
    const struct model *model = answer->run->model;
    EXPECT(answer->run, row->last_seq < answer->last_seq);
    EXPECT(answer->run,
           row->last_seq == model_conversation_newest(model, answer->peer_id, row->conversation));
    answer->last_seq = row->last_seq;
    answer->count++;
    return ERR_OK;
}

static void ask_conversations(struct run *run)
{
    struct conversations answer = {.run = run, .peer_id = any_peer(run), .last_seq = UINT64_MAX};
    size_t wanted = 0;
    for (int i = 0; i < MODEL_PEERS; i++)
        wanted += model_conversation_newest(
                      run->model, answer.peer_id,
                      conversation_of_peers(answer.peer_id, run->model->peer_ids[i])) > 0;
    for (int i = MODEL_PEERS; i < MODEL_SCOPES; i++)
        wanted += model_conversation_newest(run->model, answer.peer_id,
                                            conversation_of_scope(run->model->scope_ids[i])) > 0;
    assert_ok(conversation_list(run->asked, answer.peer_id, 100, take_conversation, &answer));
    EXPECT(run, answer.count == wanted);
}

struct exceptions {
    struct run *run;
    int64_t consumer_id;
    uint64_t seq;
    size_t count;
};

static enum err take_exception(void *context, const struct exception_row *row)
{
    struct exceptions *answer = context;
    const struct model *model = answer->run->model;
    bool is_found = false;
    for (size_t i = 0; i < model->exception_count; i++) {
        const struct exception_row *other = &model->exceptions[i];
        is_found |= other->consumer_id == row->consumer_id && other->seq == row->seq &&
                    other->last_seq == row->last_seq && other->state == row->state &&
                    other->attempts == row->attempts && other->due_ms == row->due_ms &&
                    other->reason == row->reason && other->at_ms == row->at_ms;
    }
    EXPECT(answer->run, is_found && strcmp(row->text, "because") == 0);
    EXPECT(answer->run, row->consumer_id > answer->consumer_id ||
                            (row->consumer_id == answer->consumer_id && row->seq > answer->seq));
    answer->consumer_id = row->consumer_id;
    answer->seq = row->seq;
    answer->count++;
    return ERR_OK;
}

static void ask_exceptions(struct run *run)
{
    const struct model *model = run->model;
    bool live_only = below(run, 2);
    size_t wanted = 0, listed = 0, of_message = 0, c = below(run, MODEL_CONSUMERS);
    enum exception_state state = (enum exception_state)(1 + below(run, 6));
    uint64_t seq = any_seq(run);
    for (size_t i = 0; i < model->exception_count; i++) {
        const struct exception_row *row = &model->exceptions[i];
        size_t j = 0;
        while (model->consumer_ids[j] != row->consumer_id)
            j++;
        wanted += !live_only || row->state < EXCEPTION_DEAD || row->last_seq > model->floors[j];
        listed += j == c && row->state == state && row->seq > seq;
        of_message += model->consumer_scopes[j] == model->consumer_scopes[c] && row->seq <= seq &&
                      row->last_seq >= seq;
    }
    struct exceptions answer = {.run = run};
    assert_ok(exception_load(run->asked, 0, 0, live_only, 10000, take_exception, &answer));
    EXPECT(run, answer.count == wanted);
    answer = (struct exceptions){.run = run};
    assert_ok(exception_list(run->asked, model->consumer_ids[c], state, seq, 10000, take_exception,
                             &answer));
    EXPECT(run, answer.count == listed);
    answer = (struct exceptions){.run = run};
    assert_ok(
        exception_of_message(run->asked, model->consumer_scopes[c], seq, take_exception, &answer));
    EXPECT(run, answer.count == of_message);
}

static void ask_consumer(struct run *run)
{
    const struct model *model = run->model;
    size_t c = below(run, MODEL_CONSUMERS);
    struct consumer_counts counts, wanted = {.last_seq = 0};
    uint64_t *const fields[] = {NULL,
                                NULL,
                                &wanted.retry,
                                &wanted.scheduled,
                                &wanted.dead,
                                &wanted.expired,
                                &wanted.cancelled};
    wanted.last_seq = model_scope_newest(model, model->consumer_scopes[c]);
    for (size_t i = 0; i < model->exception_count; i++) {
        const struct exception_row *row = &model->exceptions[i];
        if (row->consumer_id != model->consumer_ids[c])
            continue;
        if (row->state == EXCEPTION_SETTLED)
            wanted.settled_above += row->last_seq > model->floors[c];
        else
            ++*fields[row->state];
    }
    assert_ok(consumer_count(run->asked, model->consumer_ids[c], &counts));
    EXPECT(run, memcmp(&counts, &wanted, sizeof counts) == 0);
}

static void ask_small_things(struct run *run)
{
    const struct model *model = run->model;
    uint64_t seq = 0, wanted = model->last_seq + 1;
    int64_t ms = model->now_ms - (int64_t)below(run, 9000);
    for (size_t i = model->message_count; i-- > 0;) {
        if (!model->messages[i].is_removed && model->messages[i].stored_ms >= ms)
            wanted = model->messages[i].seq;
    }
    assert_ok(message_first_seq_at(run->asked, ms, &seq));
    EXPECT(run, seq == wanted);
    size_t one = below(run, MODEL_PEERS), other = below(run, MODEL_PEERS);
    uint64_t marker = 0;
    assert_ok(marker_get(run->asked, model->peer_ids[one],
                         conversation_of_peers(model->peer_ids[one], model->peer_ids[other]),
                         &marker));
    EXPECT(run, marker == model->markers[one][other]);
    struct store_stats stats;
    store_stats(run->asked, &stats);
    EXPECT(run, stats.last_seq == model->last_seq && stats.indexed_seq == model->indexed_seq);
}

static void ask(struct run *run)
{
    static void (*const questions[])(struct run * run) = {
        ask_read,     ask_heads,         ask_id,         ask_page,         ask_page, ask_since,
        ask_consumer, ask_conversations, ask_exceptions, ask_small_things,
    };
    run->asked = below(run, 2) ? run->writer : run->reader;
    questions[below(run, sizeof questions / sizeof *questions)](run);
}

/* --- life */

static void open_both(struct run *run)
{
    assert_ok(fixture_open(run->fixture, &run->writer));
    assert_ok(fixture_open_reader(run->fixture, &run->reader));
}

static void close_both(struct run *run)
{
    store_close(&run->reader);
    store_close(&run->writer);
}

static void create(struct run *run)
{
    struct model *model = run->model;
    assert_ok(store_begin(run->writer));
    for (int i = 0; i < MODEL_SCOPES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "n%d", i);
        if (i < MODEL_PEERS)
            assert_ok(peer_create(run->writer, name, name, 1, &model->peer_ids[i]));
        assert_ok(scope_create(run->writer,
                               i < MODEL_PEERS    ? SCOPE_PEER
                               : i == MODEL_PEERS ? SCOPE_ROOM
                                                  : SCOPE_QUEUE,
                               name, name, 0, 1, &model->scope_ids[i]));
    }
    for (int i = 0; i < MODEL_CONSUMERS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%d", i);
        model->consumer_scopes[i] = model->scope_ids[i % 2 ? i : MODEL_PEERS + i % 4 / 2];
        assert_ok(consumer_create(run->writer, model->consumer_scopes[i], name, 0, 1,
                                  &model->consumer_ids[i]));
    }
    assert_ok(store_commit(run->writer));
    model->now_ms = 1000000;
    for (int i = 0; i < 3; i++) /* for fixture_message */
        run->fixture->peer_ids[i] = model->peer_ids[i];
    *run->before = *model;
}

static void verify(struct run *run)
{
    uint64_t findings = 1;
    struct verify_options options = {.on_finding = NULL};
    assert_ok(verify_run(run->reader, &options, &findings));
    EXPECT(run, findings == 0);
}

static void run_seed(struct fixture *fixture, uint64_t seed)
{
    struct run run = {.fixture = fixture, .seed = seed, .random = seed};
    run.model = calloc(2, sizeof *run.model);
    CHECK(run.model);
    run.before = run.model + 1;
    open_both(&run);
    create(&run);
    for (run.step = 0; run.step < steps; run.step++) {
        transact(&run);
        for (uint64_t i = below(&run, 4); i > 0; i--)
            ask(&run);
        if (below(&run, 100) == 0) {
            close_both(&run);
            open_both(&run);
        }
    }
    verify(&run);
    close_both(&run);
    free(run.model);
}

static void test_store_equals_model(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        void *fixture = NULL;
        (void)fixture_setup_directory(&fixture); /* always 0 */
        run_seed(fixture, seed);
        (void)fixture_teardown(&fixture); /* always 0 */
    }
    print_message("%llu seeds of %llu steps\n", (unsigned long long)seeds,
                  (unsigned long long)steps);
}

int main(int argc, char **argv)
{
    seeds = getenv("ROOST_TEST_ALL") ? SEEDS_ALL : test_part(seeds);
    if (argc > 1)
        seeds = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        steps = strtoull(argv[2], NULL, 10);
    if (argc > 3)
        first_seed = strtoull(argv[3], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_store_equals_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
