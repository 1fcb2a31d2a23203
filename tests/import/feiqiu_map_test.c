/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of neolan.db: names, times, and values of any type.
 */
#include "clients/import/feiqiu_map.h"

#include <stdio.h>

#include "rows.h"

#define NOW_MS    1790000000000
#define AT(field) FOREIGN_feiqiu_peers_##field

static struct made_row made;
static struct feiqiu_peer peer;
static struct verdict verdict;

static bool map(void)
{
    verdict = (struct verdict){.outcome = ROW_ADDED};
    return feiqiu_map_peer(&made.row, NOW_MS, &peer, &verdict);
}

static void begin(void)
{
    row_begin(&made, FOREIGN_feiqiu_peers, FOREIGN_feiqiu_peers_begin);
    row_number(&made, AT(id), 7);
    row_text(&made, AT(ip), "192.168.1.17");
    row_number(&made, AT(port), 2425);
    row_text(&made, AT(username), "ana");
    row_text(&made, AT(hostname), "PC-17");
    row_text(&made, AT(nickname), "Ana B.");
    row_text(&made, AT(groups), "[\"Sales\"]");
    row_text(&made, AT(last_seen), "2026-01-31 12:34:56.789");
}

static void a_whole_row(void **state)
{
    (void)state;
    begin();
    assert_true(map());
    assert_string_equal(verdict.text, "");
    assert_string_equal(peer.name, "lan:ana@PC-17");
    assert_string_equal(peer.host_name, "PC-17");
    assert_string_equal(peer.nickname, "Ana B.");
    assert_string_equal(peer.ip, "192.168.1.17");
    assert_int_equal(peer.port, 2425);
    assert_int_equal(peer.groups.size, 9);
    assert_int_equal(peer.last_seen_ms, 1769862896789);
}

static void names_of_those_who_say_little(void **state)
{
    (void)state;
    begin();
    row_null(&made, AT(username));
    assert_true(map());
    assert_string_equal(peer.name, "lan:@PC-17");
    row_text(&made, AT(hostname), "");
    assert_true(map());
    assert_string_equal(peer.name, "lan:@192.168.1.17");
    row_text(&made, AT(username), "ana");
    assert_true(map());
    assert_string_equal(peer.name, "lan:ana@");
    row_text(&made, AT(username), "");
    row_text(&made, AT(ip), "nowhere");
    assert_false(map());
    assert_int_equal(verdict.outcome, ROW_SKIPPED);
    begin();
    row_text(&made, AT(username), "a\nb");
    assert_false(map());
    begin();
    row_text(&made, AT(hostname), "a\nb"); /* the host is left out */
    assert_true(map());
    assert_string_equal(peer.name, "lan:ana@");
}

static void values_of_any_type(void **state)
{
    (void)state;
    begin();
    row_text(&made, AT(groups), "{}");
    assert_true(map());
    assert_int_equal(peer.groups.size, 0);
    assert_says(verdict, "groups");
    begin();
    row_number(&made, AT(port), 70000);
    assert_true(map());
    assert_int_equal(peer.port, 0);
    begin();
    row_blob(&made, AT(nickname), "\xff\x00", 2);
    assert_true(map());
    assert_string_equal(peer.nickname, "");
}

static void times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"1970-01-01 00:00:00", 0},
                {"2026-01-31 12:34:56", 1769862896000},
                {"2026-01-31T12:34:56", 1769862896000},
                {"2026-01-31 12:34:56.7", 1769862896700},
                {"2026-01-31 12:34:56.789123456", 1769862896789},
                {"2024-02-29 23:59:59.999", 1709251199999}};
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-02-30 00:00:00",
                                      "2026-13-01 00:00:00",
                                      "2026-01-31 24:00:00x",
                                      "2026-01-31 12:34:56.",
                                      "2026-01-31 12:34:56 UTC",
                                      "1969-12-31 23:59:59",
                                      "2026-01-31 12:34:5x",
                                      "20260131 12:34:56.789"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ms = -1;
        assert_true(feiqiu_read_time((struct text){good[i].text, strlen(good[i].text)}, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 5;
        if (feiqiu_read_time((struct text){bad[i], strlen(bad[i])}, &ms))
            fail_msg("taken: %s", bad[i]);
    }
    begin();
    row_number(&made, AT(last_seen), 1769862896);
    assert_true(map());
    assert_int_equal(peer.last_seen_ms, 1769862896000);
    row_number(&made, AT(last_seen), 1769862896789);
    assert_true(map());
    assert_int_equal(peer.last_seen_ms, 1769862896789);
    row_number(&made, AT(last_seen), 1990000000);
    assert_true(map());
    assert_int_equal(peer.last_seen_ms, NOW_MS); /* the future is now */
    row_number(&made, AT(last_seen), -1);
    assert_true(map());
    assert_int_equal(peer.last_seen_ms, 0);
    assert_says(verdict, "last_seen");
    row_null(&made, AT(last_seen));
    assert_true(map());
    assert_string_equal(verdict.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_row),
        cmocka_unit_test(names_of_those_who_say_little),
        cmocka_unit_test(values_of_any_type),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
