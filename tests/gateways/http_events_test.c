/* SPDX-License-Identifier: MPL-2.0
 *
 * gateways/http/http_events: numbers, what is on the wire, bounds, and who may go on where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/http/http_events.h"

static const struct http_event *add(struct http_events *events, unsigned topic, uint64_t feed,
                                    const char *data)
{
    const struct http_event *event = NULL;
    assert_int_equal(http_events_add(events, topic, feed, data, strlen(data), &event), ERR_OK);
    return event;
}

static void an_event_is_written_once(void **state)
{
    (void)state;
    struct http_events *events = http_events_new("b00t", 10, 10000);
    assert_int_equal(http_events_newest(events), 0);
    const struct http_event *event = add(events, HTTP_TOPIC_ALARM, 0, "{\"name\":\"disk-full\"}");
    const char *text = "id: b00t.1\nevent: alarm\ndata: {\"name\":\"disk-full\"}\n\n";
    assert_int_equal(event->number, 1);
    assert_int_equal(event->piece->size, strlen(text));
    assert_memory_equal(event->piece->bytes, text, event->piece->size);
    event = add(events, HTTP_TOPIC_SCOPE, 7, "{}");
    assert_memory_equal(event->piece->bytes, "id: b00t.2\nevent: message\n", 26);
    assert_int_equal(http_events_newest(events), 2);
    http_events_destroy(&events);
    assert_null(events);
}

static void topics_have_names(void **state)
{
    (void)state;
    assert_int_equal(http_topic_of("sample", 6), HTTP_TOPIC_SAMPLE);
    assert_int_equal(http_topic_of("presence", 8), HTTP_TOPIC_PRESENCE);
    assert_int_equal(http_topic_of("log", 3), HTTP_TOPIC_LOG);
    assert_int_equal(http_topic_of("alarm", 5), HTTP_TOPIC_ALARM);
    assert_int_equal(http_topic_of("alar", 4), 0);
    assert_int_equal(http_topic_of("alarms", 6), 0);
    assert_int_equal(http_topic_of("", 0), 0);
    assert_int_equal(http_topic_of("scope:room:x", 12), 0);
}

/* What a reader of these topics that has seen `number` gets: the numbers, as text. */
static const char *rest(struct http_events *events, uint64_t number, unsigned topics)
{
    static char text[512];
    size_t size = 0;
    text[0] = '\0';
    const struct http_event *event = http_events_after(events, number);
    for (; event; event = http_events_after(events, event->number)) {
        if (event->topic & topics)
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%d ", (int)event->number);
    }
    return text;
}

static void a_reader_goes_on_behind_what_it_has(void **state)
{
    (void)state;
    struct http_events *events = http_events_new("b", 100, 10000);
    const unsigned all = HTTP_TOPIC_SAMPLE | HTTP_TOPIC_LOG,
                   room = HTTP_TOPIC_LOG | HTTP_TOPIC_SCOPE;
    assert_string_equal(rest(events, 0, all), "");
    add(events, HTTP_TOPIC_SAMPLE, 0, "1");
    add(events, HTTP_TOPIC_LOG, 0, "2");
    add(events, HTTP_TOPIC_SCOPE, 9, "3");
    add(events, HTTP_TOPIC_SCOPE, 8, "4");
    add(events, HTTP_TOPIC_SAMPLE, 0, "5");
    assert_string_equal(rest(events, 0, all), "1 2 5 ");
    assert_string_equal(rest(events, 1, all), "2 5 ");
    assert_string_equal(rest(events, 5, all), "");
    assert_string_equal(rest(events, 0, room), "2 3 4 ");
    assert_true(http_events_has_all_after(events, 0));
    http_events_destroy(&events);
}

static void ids_are_of_this_run(void **state)
{
    (void)state;
    struct http_events *events = http_events_new("abc", 10, 10000);
    uint64_t number = 99;
    char id[HTTP_EVENT_ID_MAX];
    for (int i = 0; i < 12; i++)
        add(events, HTTP_TOPIC_LOG, 0, "x");
    http_events_write_id(events, 12, id);
    assert_string_equal(id, "abc.12");
    assert_true(http_events_read_id(events, "abc.12", &number));
    assert_int_equal(number, 12);
    assert_true(http_events_read_id(events, "abc.0", &number));
    assert_int_equal(number, 0);
    static const char *const wrong[] = {"",
                                        "abc",
                                        "abc.",
                                        "abd.1",
                                        "abc.13",
                                        "abc.1x",
                                        "abc.-1",
                                        "ab.1",
                                        "abcd.1",
                                        "abc.18446744073709551617",
                                        "abc.99999999999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(http_events_read_id(events, wrong[i], &number));
    assert_int_equal(number, 0);
    http_events_destroy(&events);
}

static void the_oldest_make_room(void **state)
{
    (void)state;
    struct http_events *events = http_events_new("b", 4, 10000);
    for (int i = 0; i < 10; i++)
        add(events, HTTP_TOPIC_LOG, 0, "x");
    assert_string_equal(rest(events, 0, HTTP_TOPIC_LOG), "7 8 9 10 ");
    assert_false(http_events_has_all_after(events, 5));
    assert_true(http_events_has_all_after(events, 6));
    assert_true(http_events_has_all_after(events, 10));
    http_events_destroy(&events);
}

static void bytes_are_bounded_too(void **state)
{
    (void)state;
    static char data[301];
    struct http_events *events = http_events_new("b", 100, 1000);
    memset(data, 'd', sizeof(data) - 1);
    for (int i = 0; i < 5; i++)
        add(events, HTTP_TOPIC_LOG, 0, data);
    assert_string_equal(rest(events, 0, HTTP_TOPIC_LOG), "3 4 5 "); /* of some 320 bytes each */
    http_events_destroy(&events);
}

/* It reaches those who listen now; nobody can come back over it. */
static void what_is_too_large_is_passed_on_only(void **state)
{
    (void)state;
    static char data[2001];
    struct http_events *events = http_events_new("b", 100, 1000);
    memset(data, 'd', sizeof(data) - 1);
    add(events, HTTP_TOPIC_LOG, 0, "1");
    const struct http_event *event = add(events, HTTP_TOPIC_LOG, 0, data);
    assert_int_equal(event->number, 2);
    assert_true(event->piece->size > 2000);
    assert_string_equal(rest(events, 0, HTTP_TOPIC_LOG), "");
    assert_false(http_events_has_all_after(events, 1));
    assert_true(http_events_has_all_after(events, 2));
    add(events, HTTP_TOPIC_LOG, 0, "3");
    assert_string_equal(rest(events, 2, HTTP_TOPIC_LOG), "3 ");
    http_events_destroy(&events);
}

static void a_mark_is_a_number_that_nobody_hears(void **state)
{
    (void)state;
    struct http_events *events = http_events_new("b", 4, 1000);
    add(events, HTTP_TOPIC_LOG, 0, "1");
    assert_int_equal(http_events_mark(events), 2);
    add(events, HTTP_TOPIC_LOG, 0, "3");
    assert_string_equal(rest(events, 0, ~0u), "1 3 ");
    assert_true(http_events_has_all_after(events, 0));
    for (uint64_t i = 4; i <= 20; i++)
        assert_int_equal(http_events_mark(events), i);
    assert_string_equal(rest(events, 0, ~0u), "");
    http_events_destroy(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_written_once),
        cmocka_unit_test(topics_have_names),
        cmocka_unit_test(a_reader_goes_on_behind_what_it_has),
        cmocka_unit_test(ids_are_of_this_run),
        cmocka_unit_test(the_oldest_make_room),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(what_is_too_large_is_passed_on_only),
        cmocka_unit_test(a_mark_is_a_number_that_nobody_hears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
