/* SPDX-License-Identifier: MPL-2.0
 *
 * peer_cache.json: what is one, what is odd but fine, what is none, and what is written.
 */
#include "clients/import/peer_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW 1790000000u

/* One entry, with some fields replaced. */
#define ENTRY(id, addresses, seen, rest)                                                           \
    "{\"peer_id\":" id ",\"addresses\":" addresses ",\"last_seen\":" seen                          \
    ",\"connection_count\":3,\"successful_transfers\":12,\"failed_transfers\":3,"                  \
    "\"total_bytes_transferred\":1048576,\"average_latency_ms\":45,\"is_bootstrap\":true,"         \
    "\"supports_relay\":false" rest "}"
#define SCORE        ",\"reliability_score\":0.7565"
#define CACHE(peers) "{\"version\":1,\"last_updated\":1789999999,\"peers\":[" peers "]}"
#define GOOD         ENTRY("\"12D3A\"", "[\"/ip4/192.0.2.7/tcp/4001\"]", "1789999000", SCORE)

static struct peer_cache cache;
static char problem[256];

static bool read_text(const char *text)
{
    peer_cache_fini(&cache);
    problem[0] = '\0';
    return peer_cache_read(text, strlen(text), &cache, problem, sizeof(problem));
}

static void a_whole_entry(void **state)
{
    (void)state;
    assert_true(read_text(CACHE(GOOD)));
    assert_int_equal(cache.version, 1);
    assert_int_equal(cache.last_updated_s, 1789999999);
    assert_int_equal(cache.count, 1);
    const struct peer_cache_entry *entry = &cache.entries[0];
    assert_string_equal(entry->peer_id, "12D3A");
    assert_int_equal(entry->address_count, 1);
    assert_string_equal(entry->addresses[0], "/ip4/192.0.2.7/tcp/4001");
    assert_int_equal(entry->last_seen_s, 1789999000);
    assert_int_equal(entry->connections, 3);
    assert_int_equal(entry->transfers_ok, 12);
    assert_int_equal(entry->transfers_failed, 3);
    assert_int_equal(entry->bytes, 1048576);
    assert_int_equal(entry->latency_ms, 45);
    assert_true(entry->is_bootstrap);
    assert_false(entry->is_relay);
    assert_true(entry->reliability == 0.7565);
    assert_false(entry->was_clamped);
}

static void odd_but_fine(void **state)
{
    (void)state;
    assert_true(read_text("{\"version\":0,\"last_updated\":0,\"peers\":[],\"more\":{}}"));
    assert_int_equal(cache.count, 0);
    assert_true(read_text("{\"version\":2,\"last_updated\":1,\"peers\":[]}"));
    assert_int_equal(cache.version, 2);
    assert_true(read_text("{\"version\":4294967295,\"last_updated\":1,\"peers\":[]}"));
    assert_true(read_text(CACHE(ENTRY("\"a\"", "[]", "0", SCORE ",\"new_field\":[1]"))));
    assert_int_equal(cache.entries[0].address_count, 0);
    assert_true(read_text(CACHE(ENTRY("\"a\"", "[]", "1", ",\"reliability_score\":1.5"))));
    assert_true(cache.entries[0].reliability == 1 && cache.entries[0].was_clamped);
    assert_true(read_text(CACHE(ENTRY("\"a\"", "[]", "1", ",\"reliability_score\":-7"))));
    assert_true(cache.entries[0].reliability == 0 && !signbit(cache.entries[0].reliability));
    assert_true(read_text(CACHE(ENTRY("\"a\"", "[]", "1", ",\"reliability_score\":1"))));
    assert_false(cache.entries[0].was_clamped);
    assert_true(read_text("  \n" CACHE(GOOD) "\n\t "));
}

static void duplicates_are_merged(void **state)
{
    (void)state;
    assert_true(
        read_text(CACHE(ENTRY("\"b\"", "[\"x\",\"y\",\"x\"]", "5", SCORE) "," GOOD "," ENTRY(
            "\"b\"", "[\"y\",\"z\"]", "9", ",\"reliability_score\":0.25"))));
    assert_int_equal(cache.count, 2);
    const struct peer_cache_entry *entry = &cache.entries[1];
    assert_string_equal(entry->peer_id, "b");
    assert_int_equal(entry->address_count, 3);
    assert_true(entry->was_merged);
    assert_int_equal(entry->last_seen_s, 9);
    assert_true(entry->reliability == 0.25); /* of the newer one */
    assert_false(cache.entries[0].was_merged);
}

/* Each of these is no cache, as a whole. */
static const char *const texts[] = {
    "",
    " ",
    "null",
    "[]",
    "{}",
    "7",
    "{",
    CACHE(GOOD) "x",
    CACHE(GOOD) CACHE(GOOD),
    "\xef\xbb\xbf" CACHE(GOOD),
    "\xff\xfe{",
    CACHE(GOOD ","),
    "{\"version\":1,\"last_updated\":1}",
    "{\"version\":1,\"peers\":[]}",
    "{\"last_updated\":1,\"peers\":[]}",
    "{\"version\":1,\"last_updated\":1,\"peers\":{}}",
    "{\"version\":-1,\"last_updated\":1,\"peers\":[]}",
    "{\"version\":1.0,\"last_updated\":1,\"peers\":[]}",
    "{\"version\":4294967296,\"last_updated\":1,\"peers\":[]}",
    "{\"version\":\"1\",\"last_updated\":1,\"peers\":[]}",
    "{\"version\":1,\"version\":1,\"last_updated\":1,\"peers\":[]}",
    "{\"version\":1,\"last_updated\":-1,\"peers\":[]}",
    CACHE("7"),
    CACHE("[]"),
    CACHE("{}"),
    CACHE(ENTRY("7", "[]", "1", SCORE)),
    CACHE(ENTRY("null", "[]", "1", SCORE)),
    CACHE(ENTRY("\"a\"", "{}", "1", SCORE)),
    CACHE(ENTRY("\"a\"", "[7]", "1", SCORE)),
    CACHE(ENTRY("\"a\"", "\"x\"", "1", SCORE)),
    CACHE(ENTRY("\"a\"", "[]", "-1", SCORE)),
    CACHE(ENTRY("\"a\"", "[]", "1.5", SCORE)),
    CACHE(ENTRY("\"a\"", "[]", "true", SCORE)),
    CACHE(ENTRY("\"a\"", "[]", "99999999999999999999", SCORE)),
    CACHE(ENTRY("\"a\"", "[]", "1", "")),
    CACHE(ENTRY("\"a\"", "[]", "1", ",\"reliability_score\":\"1\"")),
    CACHE(ENTRY("\"a\"", "[]", "1", ",\"reliability_score\":null")),
    CACHE(ENTRY("\"a\"", "[]", "1", ",\"reliability_score\":NaN")),
    CACHE(ENTRY("\"a\"", "[]", "1", ",\"reliability_score\":1e999")),
    CACHE(ENTRY("\"a\xff\"", "[]", "1", SCORE)),
    CACHE(GOOD ",7"),
};

static void none(void **state)
{
    static const char *const fields[] = {"peer_id",
                                         "addresses",
                                         "last_seen",
                                         "connection_count",
                                         "successful_transfers",
                                         "failed_transfers",
                                         "total_bytes_transferred",
                                         "average_latency_ms",
                                         "is_bootstrap",
                                         "supports_relay",
                                         "reliability_score"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (read_text(texts[i]))
            fail_msg("taken: %s", texts[i]);
        assert_true(problem[0] != '\0' && cache.count == 0 && !cache.entries);
    }
    for (size_t i = 0; i < 11; i++) { /* each is required, and none may be a list of lists */
        char text[1024];
        (void)snprintf(text, sizeof(text), "%s", CACHE(GOOD));
        char *field = strstr(text, fields[i]);
        assert_non_null(field);
        field[0] = 'X';
        assert_false(read_text(text));
        assert_non_null(strstr(problem, fields[i]));
        assert_non_null(strstr(problem, "peer 1"));
    }
}

static void any_part_of_a_file(void **state)
{
    (void)state;
    const char *text = CACHE(GOOD);
    for (size_t size = 0; size < strlen(text); size++) {
        peer_cache_fini(&cache);
        assert_false(peer_cache_read(text, size, &cache, problem, sizeof(problem)));
    }
}

static void stale(void **state)
{
    (void)state;
    struct peer_cache_entry entry = {.last_seen_s = NOW - 604800};
    assert_false(peer_cache_is_stale(&entry, NOW));
    assert_true(peer_cache_is_stale(&entry, NOW + 1));
    entry.last_seen_s = NOW + 5000000;
    assert_false(peer_cache_is_stale(&entry, NOW));
    entry.last_seen_s = UINT64_MAX;
    assert_false(peer_cache_is_stale(&entry, 0));
    entry.last_seen_s = 0;
    assert_true(peer_cache_is_stale(&entry, NOW));
}

static void the_best_are_written(void **state)
{
    static struct peer_cache_entry entries[150];
    static char ids[150][8];
    (void)state;
    for (size_t i = 0; i < 150; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "p%03zu", (i * 37) % 150);
        entries[i] =
            (struct peer_cache_entry){.peer_id = ids[i], .last_seen_s = NOW, .reliability = 0.5};
    }
    entries[3].reliability = 0.9;
    entries[4].connections = 9;
    entries[5].reliability = 1;
    entries[5].last_seen_s = 1; /* stale */
    char *best = entries[3].peer_id, *second = entries[4].peer_id;
    assert_int_equal(peer_cache_rank(entries, 150, NOW), 100);
    assert_ptr_equal(entries[0].peer_id, best);
    assert_ptr_equal(entries[1].peer_id, second);
    for (size_t i = 3; i < 149; i++)
        assert_true(strcmp(entries[i - 1].peer_id, entries[i].peer_id) < 0);
    assert_int_equal(peer_cache_rank(entries, 0, NOW), 0);
    struct peer_cache_statistics sum = peer_cache_count(entries, 2);
    assert_int_equal(sum.total, 2);
    assert_true(fabs(sum.reliability - 0.7) < 1e-12);
    assert_true(peer_cache_count(NULL, 0).reliability == 0);
}

static void what_is_written_reads_back(void **state)
{
    static const double scores[] = {0, 1, 0.5, 0.7565, 0.85, 0.1, 1.0 / 3, 0.30000000000000004};
    char *addresses[] = {(char[]){"/ip4/192.0.2.7/tcp/4001"}, (char[]){"a \"b\" \\ \xe5\xbc\x80"}};
    (void)state;
    for (size_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
        struct peer_cache_entry entry = {.peer_id = (char[]){"x\n\xe5\xbc\x80"},
                                         .addresses = addresses,
                                         .address_count = 2,
                                         .last_seen_s = NOW,
                                         .connections = UINT32_MAX,
                                         .bytes = INT64_MAX,
                                         .is_relay = true,
                                         .reliability = scores[i]};
        char *text = peer_cache_write(&entry, 1, NOW);
        assert_non_null(text);
        assert_true(read_text(text));
        free(text);
        assert_string_equal(cache.entries[0].peer_id, entry.peer_id);
        assert_string_equal(cache.entries[0].addresses[1], addresses[1]);
        assert_true(cache.entries[0].reliability == scores[i]);
        assert_int_equal(cache.entries[0].connections, UINT32_MAX);
        assert_true(cache.entries[0].bytes == INT64_MAX && cache.entries[0].is_relay);
    }
}

static void the_text_itself(void **state)
{
    (void)state;
    char *addresses[] = {(char[]){"x"}};
    struct peer_cache_entry entries[2] = {{.peer_id = (char[]){"a"},
                                           .addresses = addresses,
                                           .address_count = 1,
                                           .reliability = 0.7565},
                                          {.peer_id = (char[]){"b"}, .reliability = 1}};
    char *text = peer_cache_write(entries, 2, NOW);
    assert_string_equal(text, "{\n  \"version\": 1,\n  \"last_updated\": 1790000000,\n"
                              "  \"peers\": [\n    {\n      \"peer_id\": \"a\",\n"
                              "      \"addresses\": [\n        \"x\"\n      ],\n"
                              "      \"last_seen\": 0,\n      \"connection_count\": 0,\n"
                              "      \"successful_transfers\": 0,\n      \"failed_transfers\": 0,\n"
                              "      \"total_bytes_transferred\": 0,\n"
                              "      \"average_latency_ms\": 0,\n      \"is_bootstrap\": false,\n"
                              "      \"supports_relay\": false,\n"
                              "      \"reliability_score\": 0.7565\n    },\n    {\n"
                              "      \"peer_id\": \"b\",\n      \"addresses\": [],\n"
                              "      \"last_seen\": 0,\n      \"connection_count\": 0,\n"
                              "      \"successful_transfers\": 0,\n      \"failed_transfers\": 0,\n"
                              "      \"total_bytes_transferred\": 0,\n"
                              "      \"average_latency_ms\": 0,\n      \"is_bootstrap\": false,\n"
                              "      \"supports_relay\": false,\n"
                              "      \"reliability_score\": 1.0\n    }\n  ]\n}\n");
    free(text);
    text = peer_cache_write(NULL, 0, NOW);
    assert_true(read_text(text));
    free(text);
}

static int forget(void **state)
{
    (void)state;
    peer_cache_fini(&cache);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_entry),         cmocka_unit_test(odd_but_fine),
        cmocka_unit_test(duplicates_are_merged), cmocka_unit_test(none),
        cmocka_unit_test(any_part_of_a_file),    cmocka_unit_test(stale),
        cmocka_unit_test(the_best_are_written),  cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_text_itself),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
