/* SPDX-License-Identifier: MPL-2.0
 *
 * What a batch says of consumers that ended.
 */
#include "persistence_batch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static INTERNAL(ConsumerOpened) * add_opened(struct batch *batch, int64_t consumer_id)
{
    INTERNAL(ConsumerRow) *row = batch_alloc(batch, sizeof(*row));
    INTERNAL(ConsumerOpened) *opened = batch_alloc(batch, sizeof(*opened));
    roost__internal__consumer_row__init(row);
    roost__internal__consumer_opened__init(opened);
    row->consumer_id = consumer_id;
    opened->row = row;
    struct batch_answer *answer = batch_add_answer(batch);
    answer->kind = MSG_CONSUMER_OPENED;
    answer->body = &opened->base;
    return opened;
}

/* APPENDED goes out before the answers: nobody may hear of the consumer after he heard of its end.
 */
static void what_ended_at_once_was_never_opened(void **state)
{
    (void)state;
    INTERNAL(Appended) appended;
    struct batch *batch = batch_new();
    INTERNAL(ConsumerOpened) *kept = add_opened(batch, 4);
    INTERNAL(ConsumerOpened) *ended = add_opened(batch, 5);
    batch_add_answer(batch)->kind = MSG_CONSUMER_OPENED; /* in the making: has no body */
    assert_false(batch_appended(batch, &appended));
    batch_add_removed(batch, 5, ERR_NOT_MEMBER);
    assert_null(ended->row);
    assert_int_equal(ended->code, err_code(ERR_NOT_MEMBER));
    assert_non_null(kept->row);
    assert_int_equal(kept->code, 0);
    assert_true(batch_appended(batch, &appended));
    assert_int_equal(appended.n_removed_consumers, 1);
    assert_int_equal(appended.removed_consumers[0], 5);
    batch_destroy(&batch);
}

static void a_rollback_brings_consumers_back(void **state)
{
    (void)state;
    INTERNAL(Appended) appended;
    struct batch *batch = batch_new();
    batch_add_removed(batch, 5, ERR_NOT_MEMBER);
    batch_forget_rows(batch);
    assert_false(batch_appended(batch, &appended));
    batch_add_removed(batch, 6, ERR_NOT_MEMBER);
    batch_keep_rows(batch);
    batch_add_removed(batch, 7, ERR_NOT_MEMBER);
    batch_add_left(batch, 8, 9, ERR_ROOM_BANNED);
    batch_forget_rows(batch);
    assert_true(batch_appended(batch, &appended));
    assert_int_equal(appended.n_removed_consumers, 1);
    assert_int_equal(appended.removed_consumers[0], 6);
    assert_int_equal(appended.n_left, 0);
    batch_add_left(batch, 8, 9, ERR_ROOM_BANNED);
    assert_true(batch_appended(batch, &appended));
    assert_int_equal(appended.n_left, 1);
    assert_int_equal(appended.left[0]->scope_id, 8);
    assert_int_equal(appended.left[0]->peer_id, 9);
    assert_int_equal(appended.left[0]->code, err_code(ERR_ROOM_BANNED));
    batch_clear(batch);
    assert_false(batch_appended(batch, &appended));
    batch_destroy(&batch);
}

static INTERNAL(Run) run_of(int64_t scope_id, uint64_t seq)
{
    INTERNAL(Run) run = ROOST__INTERNAL__RUN__INIT;
    run.scope_id = scope_id;
    run.first_seq = seq;
    run.count = 1;
    return run;
}

/* Names lie beside the runs, as many of them or none; a rollback takes both. */
static void runs_are_named_from_some_on(void **state)
{
    (void)state;
    INTERNAL(Appended) appended;
    struct batch *batch = batch_new();
    uint64_t seq = 1;
    for (int64_t scope_id = 1; scope_id <= 3; scope_id++) {
        INTERNAL(Run) run = run_of(scope_id, seq++);
        batch_add_run(batch, &run);
    }
    assert_true(batch_appended(batch, &appended));
    assert_int_equal(appended.n_topics, 0);
    batch_name_run(batch, "three", 5); /* it went on */
    INTERNAL(Run) run = run_of(3, seq++);
    batch_add_run(batch, &run);
    batch_name_run(batch, "three", 5);
    batch_keep_rows(batch);
    run = run_of(4, seq++);
    batch_add_run(batch, &run);
    batch_name_run(batch, "four", 4);
    run = run_of(5, seq);
    batch_add_run(batch, &run); /* no topic */
    assert_true(batch_appended(batch, &appended));
    assert_int_equal(appended.n_runs, 5);
    assert_int_equal(appended.n_topics, 5);
    static const size_t sizes[] = {0, 0, 5, 4, 0};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(appended.topics[i].len, sizes[i]);
    assert_memory_equal(appended.topics[3].data, "four", 4);
    batch_forget_rows(batch);
    run = run_of(6, 5);
    batch_add_run(batch, &run);
    assert_true(batch_appended(batch, &appended));
    assert_int_equal(appended.n_topics, 4);
    assert_int_equal(appended.topics[3].len, 0); /* not the name of the one that was undone */
    batch_clear(batch);
    batch_add_run(batch, &run);
    assert_true(batch_appended(batch, &appended));
    assert_int_equal(appended.n_topics, 0);
    batch_destroy(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ended_at_once_was_never_opened),
        cmocka_unit_test(a_rollback_brings_consumers_back),
        cmocka_unit_test(runs_are_named_from_some_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
