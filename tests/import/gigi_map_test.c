/* SPDX-License-Identifier: MPL-2.0
 *
 * gigi's words in both encodings, its four kinds of content in each form they are written in.
 */
#include "clients/import/gigi_map.h"

#include "broker.pb-c.h"
#include "rows.h"

#define AT(name) FOREIGN_gigi_##name
#define NOW_MS   1800000000000

static struct made_row made;
static struct verdict verdict;
static struct gigi_message message;

static void begin(enum foreign_table table, enum foreign_column first)
{
    row_begin(&made, table, first);
    verdict = (struct verdict){.outcome = ROW_ADDED};
}

static void begin_message(const char *type, const char *direction, const char *content)
{
    begin(FOREIGN_gigi_messages, AT(messages_begin));
    row_text(&made, AT(messages_id), ID_ONE);
    row_text(&made, AT(messages_msg_type), type);
    row_text(&made, AT(messages_direction), direction);
    row_text(&made, AT(messages_content_json), content);
    row_text(&made, AT(messages_sender_nickname), "me");
    row_text(&made, AT(messages_group_name), "friends");
    row_number(&made, AT(messages_timestamp), 1700000000123);
}

#define TEXT_CONTENT "{\"type\":\"Text\",\"text\":\"hi \\u00e4\"}"

static void test_both_encodings(void **state)
{
    static const char *const types[] = {"Direct", "\"Direct\"", "Group", "\"Group\""};
    static const char *const directions[] = {"\"Sent\"", "Sent", "\"Received\"", "Received"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        begin_message(types[i], directions[i], TEXT_CONTENT);
        assert_true(gigi_map_message(&made.row, &message, &verdict));
        assert_int_equal(message.is_group, i >= 2);
        assert_int_equal(message.is_sent, i < 2);
        assert_int_equal(message.kind, ROOST__V1__KIND__TEXT);
        assert_true(text_is(message.body, "hi \xc3\xa4"));
        assert_int_equal(message.created_ms, 1700000000123);
        gigi_message_fini(&message);
    }
    begin_message("Whisper", "Sent", TEXT_CONTENT);
    assert_false(gigi_map_message(&made.row, &message, &verdict));
    assert_says(verdict, "msg_type");
    gigi_message_fini(&message);
}

static bool content(const char *json, const char *type)
{
    verdict = (struct verdict){.outcome = ROW_ADDED};
    message = (struct gigi_message){.content_type = ""};
    return gigi_map_content((struct text){json, strlen(json)}, (struct text){type, strlen(type)},
                            &message, &verdict);
}

#define FILE_FIELDS                                                                                \
    "\"share_code\":\"abc\",\"filename\":\"a\\\"b\",\"file_size\":5,\"file_type\":\"x/y\""
#define GROUP_FIELDS "\"group_id\":\"g\",\"group_name\":\"n\",\"inviter_nickname\":\"me\""

static void check_body(uint32_t kind, const char *body)
{
    assert_int_equal(message.kind, kind);
    assert_string_equal(message.content_type, "application/json");
    assert_true(text_is(message.body, body));
    gigi_message_fini(&message);
}

static void test_every_kind_in_every_form(void **state)
{
    (void)state;
    assert_true(content("{\"type\":\"FileShare\"," FILE_FIELDS "}", "FileShare"));
    check_body(ROOST__V1__KIND__FILE_SHARE, "{" FILE_FIELDS "}");
    assert_true(content("{\"FileShare\":{" FILE_FIELDS "}}", "whatever"));
    check_body(ROOST__V1__KIND__FILE_SHARE, "{" FILE_FIELDS "}");
    assert_true(content("{" FILE_FIELDS "}", "FileShare"));
    check_body(ROOST__V1__KIND__FILE_SHARE, "{" FILE_FIELDS "}");
    assert_true(content("{\"type\":\"FileShareWithThumbnail\"," FILE_FIELDS
                        ",\"thumbnail_path\":\"t.png\"}",
                        "FileShare"));
    check_body(ROOST__V1__KIND__FILE_SHARE, "{" FILE_FIELDS ",\"thumbnail_path\":\"t.png\"}");
    assert_true(content("{\"type\":\"FileShareWithThumbnail\"," FILE_FIELDS
                        ",\"thumbnail_path\":null}",
                        "FileShare"));
    check_body(ROOST__V1__KIND__FILE_SHARE, "{" FILE_FIELDS ",\"thumbnail_path\":null}");
    assert_true(content("{\"type\":\"ShareGroup\"," GROUP_FIELDS "}", "ShareGroup"));
    check_body(ROOST__V1__KIND__SHARE_GROUP, "{" GROUP_FIELDS "}");
    assert_true(content("{\"text\":\"bare\"}", "Text"));
    assert_true(text_is(message.body, "bare"));
    gigi_message_fini(&message);
}

static void test_contents_that_do_not_fit(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "\"Text\"",
        "{",
        "{\"type\":\"Text\"}",
        "{\"type\":\"Text\",\"text\":5}",
        "{\"type\":\"Text\",\"text\":\"a\",\"text\":\"b\"}",
        "{\"type\":\"Text\",\"text\":\"\\u0000\"}",
        "{\"type\":\"Song\",\"text\":\"la\"}",
        "{\"type\":\"FileShare\",\"share_code\":\"abc\"}",
        "{\"type\":\"ShareGroup\",\"group_id\":5,\"group_name\":\"n\",\"inviter_nickname\":\"me\"}",
        "{\"type\":\"FileShare\",\"share_code\":\"abc\",\"filename\":\"f\",\"file_size\":-1,"
        "\"file_type\":\"x\"}",
        "{\"type\":\"FileShareWithThumbnail\"," FILE_FIELDS ",\"thumbnail_path\":7}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(content(bad[i], ""));
        assert_true(verdict.text[0] != '\0');
        gigi_message_fini(&message);
    }
}

static void test_ids_that_are_no_uuids(void **state)
{
    uint8_t first[16];
    (void)state;
    begin_message("Direct", "Sent", TEXT_CONTENT);
    row_text(&made, AT(messages_id), "msg-17");
    assert_true(gigi_map_message(&made.row, &message, &verdict));
    memcpy(first, message.id, sizeof(first));
    gigi_message_fini(&message);
    row_text(&made, AT(messages_id), "\"msg-17\"");
    assert_true(gigi_map_message(&made.row, &message, &verdict));
    assert_memory_equal(message.id, first, sizeof(first));
    gigi_message_fini(&message);
    row_text(&made, AT(messages_id), "msg-18");
    assert_true(gigi_map_message(&made.row, &message, &verdict));
    assert_memory_not_equal(message.id, first, sizeof(first));
    gigi_message_fini(&message);
}

static void test_the_queue(void **state)
{
    static const struct {
        const char *word;
        enum gigi_status status;
    } words[] = {{"Pending", GIGI_WAITING},    {"\"Pending\"", GIGI_WAITING},
                 {"InProgress", GIGI_WAITING}, {"Delivered", GIGI_DONE},
                 {"\"Sent\"", GIGI_DONE},      {"Expired", GIGI_EXPIRED}};
    struct gigi_queued queued;
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        begin(FOREIGN_gigi_queue, AT(queue_begin));
        row_text(&made, AT(queue_message_id), ID_ONE);
        row_text(&made, AT(queue_target_nickname), "bob");
        row_text(&made, AT(queue_status), words[i].word);
        assert_true(gigi_map_queued(&made.row, NOW_MS, &queued, &verdict));
        assert_int_equal(queued.status, words[i].status);
    }
    row_text(&made, AT(queue_status), "Pending");
    row_number(&made, AT(queue_expires_at), NOW_MS);
    assert_true(gigi_map_queued(&made.row, NOW_MS, &queued, &verdict));
    assert_int_equal(queued.status, GIGI_EXPIRED);
    row_text(&made, AT(queue_status), "\"");
    assert_false(gigi_map_queued(&made.row, NOW_MS, &queued, &verdict));
}

static void test_acknowledgments(void **state)
{
    struct gigi_acknowledgment acknowledgment;
    (void)state;
    begin(FOREIGN_gigi_acknowledgments, AT(acknowledgments_begin));
    row_text(&made, AT(acknowledgments_message_id), ID_ONE);
    row_text(&made, AT(acknowledgments_acknowledged_by_nickname), "bob");
    row_text(&made, AT(acknowledgments_ack_type), "\"Read\"");
    assert_true(gigi_map_acknowledgment(&made.row, &acknowledgment, &verdict));
    assert_true(acknowledgment.is_read && text_is(acknowledgment.peer, "bob"));
    row_text(&made, AT(acknowledgments_ack_type), "Seen");
    assert_false(gigi_map_acknowledgment(&made.row, &acknowledgment, &verdict));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_encodings),
        cmocka_unit_test(test_every_kind_in_every_form),
        cmocka_unit_test(test_contents_that_do_not_fit),
        cmocka_unit_test(test_ids_that_are_no_uuids),
        cmocka_unit_test(test_the_queue),
        cmocka_unit_test(test_acknowledgments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
