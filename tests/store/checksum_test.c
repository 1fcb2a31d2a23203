/* SPDX-License-Identifier: MPL-2.0
 *
 * The checksum depends on every field, on where one field ends and the next begins, and never
 * changes between releases.
 */
#include <string.h>

#include "store/checksum.h"
#include "store_fixture.h"

static struct message_row sample(void)
{
    return (struct message_row){
        .seq = 1,
        .scope_id = 2,
        .sender_id = 3,
        .stored_ms = 4,
        .expires_ms = 5,
        .not_before_ms = 6,
        .created_ms = 7,
        .conversation = -8,
        .flags = 9,
        .kind = 10,
        .priority = 11,
        .message_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        .content_type = {(const uint8_t *)"text/plain", 10},
        .key = {(const uint8_t *)"k", 1},
        .headers = {(const uint8_t *)"", 0},
        .body = {(const uint8_t *)"hello, world", 12},
    };
}

/* Files of released versions hold this form: a change here is a new schema. */
static void test_golden(void **state)
{
    (void)state;
    struct message_row row = sample();
    assert_int_equal(checksum_of_message(&row), UINT64_C(0x568e70c295b71dad));
}

static void test_every_field_counts(void **state)
{
    (void)state;
    struct message_row row = sample();
    uint64_t whole = checksum_of_message(&row);
    int64_t *const words[] = {
        &row.scope_id,   &row.sender_id,     &row.stored_ms,    &row.expires_ms,
        &row.created_ms, &row.not_before_ms, &row.conversation,
    };
    uint32_t *const halves[] = {&row.flags, &row.kind, &row.priority};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        for (int bit = 0; bit < 63; bit++) {
            *words[i] ^= INT64_C(1) << bit;
            assert_int_not_equal(checksum_of_message(&row), whole);
            *words[i] ^= INT64_C(1) << bit;
        }
    }
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        *halves[i] ^= 1;
        assert_int_not_equal(checksum_of_message(&row), whole);
        *halves[i] ^= 1;
    }
    row.seq ^= 1;
    assert_int_not_equal(checksum_of_message(&row), whole);
    row.seq ^= 1;
    row.message_id[15] ^= 1;
    assert_int_not_equal(checksum_of_message(&row), whole);
    row.message_id[15] ^= 1;
    assert_int_equal(checksum_of_message(&row), whole);
}

static void test_every_part_counts(void **state)
{
    (void)state;
    struct message_row row = sample();
    struct bytes_view *const parts[] = {
        &row.content_type, &row.key,     &row.reply_to, &row.correlation_id,
        &row.parent_id,    &row.headers, &row.body,
    };
    static const uint8_t zeros[64];
    uint64_t seen[7 * 20];
    size_t count = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct bytes_view before = *parts[i];
        for (size_t size = 0; size < 20; size++) {
            *parts[i] = (struct bytes_view){zeros, size};
            seen[count++] = checksum_of_message(&row);
        }
        *parts[i] = before;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            /* Only the sample itself may come twice: an empty `headers`. */
            assert_true(seen[i] != seen[j]);
        }
    }
}

static void test_absent_is_not_empty(void **state)
{
    (void)state;
    struct message_row row = sample();
    uint64_t empty = checksum_of_message(&row);
    row.headers.data = NULL;
    assert_int_not_equal(checksum_of_message(&row), empty);
}

static void test_parts_do_not_run_together(void **state)
{
    (void)state;
    struct message_row one = sample(), other = sample();
    one.key = (struct bytes_view){(const uint8_t *)"ab", 2};
    one.reply_to = (struct bytes_view){(const uint8_t *)"c", 1};
    other.key = (struct bytes_view){(const uint8_t *)"a", 1};
    other.reply_to = (struct bytes_view){(const uint8_t *)"bc", 2};
    assert_int_not_equal(checksum_of_message(&one), checksum_of_message(&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_every_field_counts),
        cmocka_unit_test(test_every_part_counts),
        cmocka_unit_test(test_absent_is_not_empty),
        cmocka_unit_test(test_parts_do_not_run_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
