/* SPDX-License-Identifier: MPL-2.0
 *
 * Names, scopes and topic patterns: tables of what is accepted, refused and equal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/name.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *const good_names[] = {
    "a",
    "alice",
    "Alice B. Toklas",
    "lan:ana@host",
    "$broker",
    "*",
    "a/b\\c?d=e",
    "J\xc3\xbcrgen",                                /* NFC */
    "\xe4\xb8\xad\xe6\x96\x87",                     /* Chinese */
    "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae",         /* Persian with a zero-width non-joiner */
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", /* an emoji of two and a joiner */
};

static const struct {
    const char *text;
    size_t size;
    const char *problem;
} bad_names[] = {
    {"", 0, "empty"},
    {" alice", 6, "blank"},
    {"alice ", 6, "blank"},
    {"a\0b", 3, "control"},
    {"a\nb", 3, "control"},
    {"a\x7f", 2, "control"},
    {"\xff", 1, "UTF-8"},
    {"\xc0\xaf", 2, "UTF-8"},     /* overlong */
    {"\xed\xa0\x80", 3, "UTF-8"}, /* surrogate */
    {"\xe4\xb8", 2, "UTF-8"},     /* cut off */
    {"e\xcc\x81", 3, "NFC"},      /* e + acute, not composed */
    {"\xe2\x84\xab", 3, "NFC"},   /* Angstrom sign */
    {"a\xe2\x80\xae"
     "b",
     5, "format"},                  /* right-to-left override */
    {"a\xe2\x80\x8e", 4, "format"}, /* left-to-right mark */
    {"a\xe2\x80\x8b"
     "b",
     5, "format"},                  /* zero-width space */
    {"a\xef\xbb\xbf", 4, "format"}, /* byte order mark */
    {"a\xc2\x85"
     "b",
     4, "control"}, /* next line, C1 */
    {"a\xe2\x80\xa8"
     "b",
     5, "separators"}, /* line separator */
    {"\xc2\xa0"
     "a",
     3, "blank"},                  /* no-break space */
    {"a\xe3\x80\x80", 4, "blank"}, /* ideographic space */
    {"\xcc\x81"
     "a",
     3, "combining"},               /* mark without a letter */
    {"\xe3\x85\xa4", 3, "visible"}, /* Hangul filler alone */
    {"\xee\x80\x80", 3, "private"},
    {"\xf3\xa0\x80\xb1", 4, "format"}, /* tag character, or unassigned */
};

static void names(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(good_names); i++)
        assert_int_equal(name_check(good_names[i], strlen(good_names[i]), NULL), ERR_OK);
    for (size_t i = 0; i < LENGTH(bad_names); i++) {
        const char *problem = NULL;
        enum err err = name_check(bad_names[i].text, bad_names[i].size, &problem);
        assert_int_equal(err, ERR_BAD_NAME);
        if (!strstr(problem, bad_names[i].problem))
            fail_msg("row %zu: \"%s\" does not say \"%s\"", i, problem, bad_names[i].problem);
    }
}

static void longest_name(void **state)
{
    char text[WIRE_NAME_BYTES_MAX + 1];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(name_check(text, WIRE_NAME_BYTES_MAX, NULL), ERR_OK);
    assert_int_equal(name_check(text, WIRE_NAME_BYTES_MAX + 1, NULL), ERR_BAD_NAME);
    for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
        memcpy(text + i, "\xe4\xb8\xad", 3);
    assert_int_equal(name_check(text, 255, NULL), ERR_OK);
    assert_int_equal(name_check(text, 254, NULL), ERR_BAD_NAME); /* cuts a character */
}

static const struct {
    const char *first;
    const char *second;
    int is_same;
} folds[] = {
    {"Alice", "ALICE", 1},
    {"alice", "alice2", 0},
    {"J\xc3\xbcrgen", "J\xc3\x9cRGEN", 1},
    {"stra\xc3\x9f"
     "e",
     "STRASSE", 1},
    {"\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
     "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83", 1}, /* both sigmas */
    {"ali\xe2\x80\x8d"
     "ce",
     "alice", 1}, /* joiner is not seen */
    {"\xe4\xb8\xad", "\xe5\x9b\xbd", 0},
    {"\xef\xbc\xa1", "a", 0}, /* full-width A is another letter */
};

static void folding(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(folds); i++) {
        struct name_folded first;
        struct name_folded second;
        assert_int_equal(name_fold(folds[i].first, strlen(folds[i].first), &first), ERR_OK);
        assert_int_equal(name_fold(folds[i].second, strlen(folds[i].second), &second), ERR_OK);
        assert_int_equal(name_is(&first, folds[i].second, strlen(folds[i].second)),
                         folds[i].is_same);
        assert_int_equal(name_is(&second, folds[i].first, strlen(folds[i].first)),
                         folds[i].is_same);
        assert_int_equal(first.text[first.size], '\0');
    }
    struct name_folded folded;
    assert_int_equal(name_fold("", 0, &folded), ERR_BAD_NAME);
    assert_int_equal(name_fold("\xff", 1, &folded), ERR_BAD_NAME);
    assert_int_equal(name_fold("\xe3\x85\xa4", 3, &folded), ERR_BAD_NAME);
}

static void longest_folds(void **state)
{
    char text[WIRE_NAME_BYTES_MAX];
    struct name_folded folded;
    struct name_folded again;

    (void)state;
    for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
        memcpy(text + i, "\xef\xac\x83", 3); /* the ligature ffi folds to three letters */
    assert_int_equal(name_check(text, sizeof(text), NULL), ERR_OK);
    assert_int_equal(name_fold(text, sizeof(text), &folded), ERR_OK);
    assert_int_equal(folded.size, 255);
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xce\x90", 2); /* iota with two marks */
    assert_int_equal(name_fold(text, 254, &folded), ERR_OK);
    assert_int_equal(name_fold(folded.text, folded.size, &again), ERR_OK);
    assert_int_equal(folded.size, again.size);
}

static void reserved_names(void **state)
{
    (void)state;
    assert_true(name_is_reserved("lan:ana@host", 12));
    assert_true(name_is_reserved("LAN:ana@host", 12));
    assert_true(name_is_reserved("l\xe2\x80\x8d"
                                 "an:x",
                                 8));
    assert_true(name_is_reserved("$broker", 7));
    assert_false(name_is_reserved("lan", 3));
    assert_false(name_is_reserved("alice", 5));
    assert_false(name_is_reserved("", 0));
}

static const struct {
    const char *name;
    enum err user, room;
} people[] = {
    {"alice", ERR_OK, ERR_OK},
    {"Welcome1", ERR_OK, ERR_OK},
    {"J\xc3\xbcrgen", ERR_OK, ERR_OK},
    {"\xe4\xb8\xad\xe6\x96\x87", ERR_OK, ERR_OK},
    {"a/b", ERR_OK, ERR_OK},
    {"tea room", ERR_BAD_NAME, ERR_OK},
    {"tea\xc2\xa0room", ERR_BAD_NAME, ERR_OK},     /* no-break space */
    {"tea\xe3\x80\x80room", ERR_BAD_NAME, ERR_OK}, /* ideographic space */
    {" tea", ERR_BAD_NAME, ERR_BAD_NAME},
    {"tea ", ERR_BAD_NAME, ERR_BAD_NAME},
    {"", ERR_BAD_NAME, ERR_BAD_NAME},
    {"a,b", ERR_BAD_NAME, ERR_BAD_NAME},
    {"a:b", ERR_BAD_NAME, ERR_BAD_NAME},
    {"a;b", ERR_BAD_NAME, ERR_BAD_NAME},
    {"a|b", ERR_BAD_NAME, ERR_BAD_NAME},
    {"a\tb", ERR_BAD_NAME, ERR_BAD_NAME},
    {"a\nb", ERR_BAD_NAME, ERR_BAD_NAME},
    {"\xff", ERR_BAD_NAME, ERR_BAD_NAME},
    {"$ana", ERR_RESERVED_NAME, ERR_RESERVED_NAME},
    {"lan:ana@host", ERR_BAD_NAME, ERR_BAD_NAME},
    {"Lobby", ERR_OK, ERR_RESERVED_NAME},
    {"lobby", ERR_OK, ERR_RESERVED_NAME},
    {"LOBBY", ERR_OK, ERR_RESERVED_NAME},
    {"lo\xe2\x80\x8d"
     "bby",
     ERR_OK, ERR_RESERVED_NAME}, /* a joiner is not seen */
    {"Lobby2", ERR_OK, ERR_OK},
};

static void names_of_people_and_rooms(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(people); i++) {
        const char *name = people[i].name, *problem = NULL;
        if (name_check_user(name, strlen(name), &problem) != people[i].user)
            fail_msg("user \"%s\": %s", name, problem ? problem : "accepted");
        assert_true(problem || people[i].user == ERR_OK);
        problem = NULL;
        if (name_check_room(name, strlen(name), &problem) != people[i].room)
            fail_msg("room \"%s\": %s", name, problem ? problem : "accepted");
        assert_true(problem || people[i].room == ERR_OK);
    }
    assert_int_equal(name_check_user("a\0b", 3, NULL), ERR_BAD_NAME);
}

static const struct {
    const char *text;
    enum scope_prefix prefix;
    const char *name;
    int is_pattern;
} good_scopes[] = {
    {"peer:alice", PREFIX_PEER, "alice", 0},
    {"peer:lan:ana@host", PREFIX_PEER, "lan:ana@host", 0},
    {"peer:*", PREFIX_PEER, "*", 0},
    {"room:general", PREFIX_ROOM, "general", 0},
    {"queue:resize", PREFIX_QUEUE, "resize", 0},
    {"queue:a..b", PREFIX_QUEUE, "a..b", 0},
    {"topic:sensors.temp", PREFIX_TOPIC, "sensors.temp", 0},
    {"topic:sensors.*", PREFIX_TOPIC, "sensors.*", 1},
    {"topic:*.temp", PREFIX_TOPIC, "*.temp", 1},
    {"topic:>", PREFIX_TOPIC, ">", 1},
    {"topic:a.>", PREFIX_TOPIC, "a.>", 1},
};

static const char *const bad_scopes[] = {
    "",          "peer",       "peer:",    "alice",    "Peer:alice", "user:alice",
    ":alice",    "topic:.",    "topic:a.", "topic:.a", "topic:a..b", "topic:a*",
    "topic:>.a", "topic:a.>>", "topic:**", "room: x",  "queue:a\n",  "peer:e\xcc\x81"};

static void scopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(good_scopes); i++) {
        struct scope_name scope;
        const char *text = good_scopes[i].text;
        char again[WIRE_SCOPE_BYTES_MAX + 1];
        assert_int_equal(scope_parse_pattern(text, strlen(text), &scope, NULL), ERR_OK);
        assert_int_equal(scope.prefix, good_scopes[i].prefix);
        assert_int_equal(scope.is_pattern, good_scopes[i].is_pattern);
        assert_int_equal(scope.name_size, strlen(good_scopes[i].name));
        assert_memory_equal(scope.name, good_scopes[i].name, scope.name_size);
        size_t size = scope_format(scope.prefix, scope.name, scope.name_size, again);
        assert_string_equal(again, text);
        assert_int_equal(size, strlen(text));
        assert_memory_equal(scope_prefix_name(scope.prefix), text, 4);
        enum err plain = scope_parse(text, strlen(text), &scope, NULL);
        assert_int_equal(plain, good_scopes[i].is_pattern ? ERR_BAD_SCOPE : ERR_OK);
    }
    for (size_t i = 0; i < LENGTH(bad_scopes); i++) {
        struct scope_name scope;
        const char *problem = NULL;
        size_t size = strlen(bad_scopes[i]);
        assert_int_equal(scope_parse_pattern(bad_scopes[i], size, &scope, &problem), ERR_BAD_SCOPE);
        assert_non_null(problem);
    }
}

static const struct {
    const char *pattern;
    const char *topic;
    int matches;
} matches[] = {
    {"a", "a", 1},       {"a", "b", 0},         {"a", "a.b", 0},       {"a.b", "a", 0},
    {"*", "a", 1},       {"*", "a.b", 0},       {"a.*", "a.b", 1},     {"a.*", "a", 0},
    {"a.*", "a.b.c", 0}, {"*.b", "a.b", 1},     {"*.b", "a.c", 0},     {">", "a", 1},
    {">", "a.b.c", 1},   {"a.>", "a", 0},       {"a.>", "a.b", 1},     {"a.>", "a.b.c", 1},
    {"a.>", "ab.c", 0},  {"*.*.>", "a.b", 0},   {"*.*.>", "a.b.c", 1}, {"ab", "a", 0},
    {"a", "ab", 0},      {"a.*.c", "a.b.c", 1}, {"a.*.c", "a.b.d", 0},
};

static void topics(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(matches); i++) {
        int found = topic_matches(matches[i].pattern, strlen(matches[i].pattern), matches[i].topic,
                                  strlen(matches[i].topic));
        if (found != matches[i].matches)
            fail_msg("\"%s\" against \"%s\"", matches[i].pattern, matches[i].topic);
    }
}

static void a_pattern_is_found_by_itself(void **state)
{
    (void)state;
    struct name_folded topic, pattern;
    assert_false(topic_is_pattern("a.b", 3));
    assert_true(topic_is_pattern("a.*", 3));
    assert_true(topic_is_pattern(">", 1));
    assert_int_equal(scope_fold(PREFIX_TOPIC, "A.b", 3, &topic), ERR_OK);
    assert_string_equal(topic.text, "a.b");
    assert_int_equal(scope_fold(PREFIX_TOPIC, "A.*", 3, &pattern), ERR_OK);
    assert_string_equal(pattern.text, ">a.*");
    assert_int_equal(pattern.size, 4);
    assert_int_equal(scope_fold(PREFIX_QUEUE, "A.*", 3, &topic), ERR_OK);
    assert_string_equal(topic.text, "a.*"); /* a queue may be called so */
    assert_int_equal(scope_fold(PREFIX_TOPIC, "", 0, &topic), ERR_BAD_NAME);
}

static void texts(void **state)
{
    (void)state;
    assert_int_equal(name_check_text("", 0, NULL), ERR_OK);
    assert_int_equal(name_check_text(" any text ", 10, NULL), ERR_OK);
    assert_int_equal(name_check_text("e\xcc\x81", 3, NULL), ERR_OK);
    assert_int_equal(name_check_text("a\tb", 3, NULL), ERR_BAD_FIELD);
    assert_int_equal(name_check_text("a\xe2\x80\xae", 4, NULL), ERR_BAD_FIELD);
    assert_int_equal(name_check_text("\xc3", 1, NULL), ERR_BAD_FIELD);
}

static void user_names(void **state)
{
    static const struct {
        const char *name;
        enum err err;
    } cases[] = {
        {"alice", ERR_OK},
        {"\xe5\xb1\xb1\xe7\x94\xb0", ERR_OK},
        {"a.b-c_d@e", ERR_OK},
        {"$broker", ERR_RESERVED_NAME},
        {"a b", ERR_BAD_NAME},
        {"a\xe3\x80\x80z", ERR_BAD_NAME}, /* ideographic space */
        {"a\xc2\xa0z", ERR_BAD_NAME},     /* no-break space */
        {"a,b", ERR_BAD_NAME},
        {"a:b", ERR_BAD_NAME},
        {"a;b", ERR_BAD_NAME},
        {"a|b", ERR_BAD_NAME},
        {"a\tb", ERR_BAD_NAME},
        {" a", ERR_BAD_NAME},
        {"", ERR_BAD_NAME},
        {"\xff", ERR_BAD_NAME},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *problem = NULL;
        enum err err = name_check_user(cases[i].name, strlen(cases[i].name), &problem);
        if (err != cases[i].err)
            fail_msg("\"%s\": %s", cases[i].name, err_name(err));
        assert_int_equal(problem != NULL, err != ERR_OK);
        assert_int_equal(name_check_user(cases[i].name, strlen(cases[i].name), NULL), err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),          cmocka_unit_test(longest_name),
        cmocka_unit_test(folding),        cmocka_unit_test(longest_folds),
        cmocka_unit_test(reserved_names), cmocka_unit_test(scopes),
        cmocka_unit_test(topics),         cmocka_unit_test(a_pattern_is_found_by_itself),
        cmocka_unit_test(texts),          cmocka_unit_test(names_of_people_and_rooms),
        cmocka_unit_test(user_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
