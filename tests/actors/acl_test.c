/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/acl.c: what a rule is; covering and overlapping of patterns of topics against all topics of a small
 * world; and a table of rules x subjects x actions x scopes, each cell against a second, simpler account of
 * what the rules mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "acl.h"

static struct acl_text text(const char *string)
{
    return (struct acl_text){string, strlen(string)};
}

static struct acl_words words(const char *subject, uint32_t actions, const char *scope,
                              bool is_allow)
{
    static int64_t id;
    return (struct acl_words){++id, text(subject), text(scope), actions, is_allow};
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *subject, *scope;
        uint32_t actions;
        enum err err;
    } cases[] = {
        {"ana", "queue:jobs", ACL_SEND, ERR_OK},
        {"*", "*", ACL_ALL, ERR_OK},
        {"@unverified", "topic:a.*", ACL_READ, ERR_OK},
        {"@admin", "topic:>", ACL_READ, ERR_OK},
        {"@moderator", "peer:*", ACL_SEND, ERR_OK},
        {"@guest", "room:Lob*", ACL_CREATE, ERR_OK},
        {"@user", "topic:*.b", ACL_CREATE, ERR_OK},
        {"@users", "*", ACL_SEND, ERR_BAD_NAME},
        {"@", "*", ACL_SEND, ERR_BAD_NAME},
        {"", "*", ACL_SEND, ERR_BAD_NAME},
        {"a\nb", "*", ACL_SEND, ERR_BAD_NAME},
        {"ana", "", ACL_SEND, ERR_BAD_SCOPE},
        {"ana", "jobs", ACL_SEND, ERR_BAD_SCOPE},
        {"ana", "queue:", ACL_SEND, ERR_BAD_SCOPE},
        {"ana", "topic:a..b", ACL_SEND, ERR_BAD_SCOPE},
        {"ana", "topic:>.b", ACL_SEND, ERR_BAD_SCOPE},
        {"ana", "topic:a*", ACL_SEND, ERR_BAD_SCOPE},
        {"ana", "**", ACL_SEND, ERR_BAD_SCOPE},
        {"ana", "*", 0, ERR_BAD_FIELD},
        {"ana", "*", 16, ERR_BAD_FIELD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *problem = NULL;
        struct acl_words rule = words(cases[i].subject, cases[i].actions, cases[i].scope, true);
        assert_int_equal(acl_check_words(&rule, &problem), cases[i].err);
        assert_true((problem != NULL) == (cases[i].err != ERR_OK));
    }
}

static void test_so_many(void **state)
{
    (void)state;
    struct acl acl;
    acl_init(&acl, false);
    struct acl_words rule = words("ana", ACL_SEND, "queue:a", true);
    for (size_t i = 0; i < ACL_RULES_MAX; i++)
        assert_int_equal(acl_add(&acl, &rule), ERR_OK);
    assert_int_equal(acl_add(&acl, &rule), ERR_TOO_MANY);
    acl_clear(&acl);
    assert_int_equal(acl_add(&acl, &rule), ERR_OK);
    acl_fini(&acl);
}

/* --- Patterns. The world: topics of one to four words out of a, b, c; patterns of up to three. */

static const char *const word_list[] = {"a", "b", "*", ">"};

#define PATTERNS_MAX 128
#define TOPICS_MAX   256

static size_t make_patterns(char ret[PATTERNS_MAX][16])
{
    size_t count = 0;
    for (int i = 0; i < 4; i++) {
        (void)snprintf(ret[count++], 16, "%s", word_list[i]);
        for (int j = 0; i < 3 && j < 4; j++) {
            (void)snprintf(ret[count++], 16, "%s.%s", word_list[i], word_list[j]);
            for (int k = 0; j < 3 && k < 4; k++)
                (void)snprintf(ret[count++], 16, "%s.%s.%s", word_list[i], word_list[j],
                               word_list[k]);
        }
    }
    return count;
}

static size_t make_topics(char ret[TOPICS_MAX][16])
{
    static const char letters[] = "abc";
    size_t count = 0;
    for (int length = 1; length <= 4; length++) {
        int all = 1;
        for (int i = 0; i < length; i++)
            all *= 3;
        for (int number = 0; number < all; number++) {
            int rest = number;
            char *at = ret[count++];
            for (int i = 0; i < length; i++, rest /= 3) {
                *at++ = letters[rest % 3];
                *at++ = '.';
            }
            at[-1] = '\0';
        }
    }
    return count;
}

static void test_covers_and_overlaps(void **state)
{
    (void)state;
    static char patterns[PATTERNS_MAX][16], topics[TOPICS_MAX][16];
    size_t pattern_count = make_patterns(patterns), topic_count = make_topics(topics);
    for (size_t i = 0; i < pattern_count; i++) {
        for (size_t j = 0; j < pattern_count; j++) {
            bool is_covered = true, has_both = false;
            for (size_t k = 0; k < topic_count; k++) {
                bool outer =
                    topic_matches(patterns[i], strlen(patterns[i]), topics[k], strlen(topics[k]));
                bool inner =
                    topic_matches(patterns[j], strlen(patterns[j]), topics[k], strlen(topics[k]));
                is_covered &= outer || !inner;
                has_both |= outer && inner;
            }
            if (acl_covers(text(patterns[i]), text(patterns[j])) != is_covered)
                fail_msg("does %s cover %s?", patterns[i], patterns[j]);
            if (acl_overlaps(text(patterns[i]), text(patterns[j])) != has_both)
                fail_msg("do %s and %s overlap?", patterns[i], patterns[j]);
        }
    }
}

/* What mosquitto had to learn (CVE-2017-7650): asking for more does not get more. */
static void test_no_escape_by_a_wider_pattern(void **state)
{
    (void)state;
    struct acl acl;
    struct name_folded folded;
    assert_int_equal(name_fold("Eve", 3, &folded), ERR_OK);
    struct acl_who eve = {folded.text, folded.size, 2, true};
    struct acl_words open = words("eve", ACL_READ, "topic:a.*", true);
    struct acl_words secret = words("*", ACL_READ, "topic:a.secret", false);
    static const struct {
        const char *pattern;
        bool before, after;
    } cases[] = {
        {"a.b", true, true},       {"A.B", true, true},        {"a.*", true, false},
        {"a.secret", true, false}, {"a.>", false, false},      {">", false, false},
        {"*.*", false, false},     {"*.secret", false, false}, {"*", false, false},
        {"a", false, false},       {"b.c", false, false},      {"a.b.c", false, false},
    };
    acl_init(&acl, false);
    assert_int_equal(acl_add(&acl, &open), ERR_OK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct acl_scope scope = {PREFIX_TOPIC, text(cases[i].pattern)};
            bool may = acl_check(&acl, &eve, ACL_READ, &scope) == ERR_OK;
            if (may != (round ? cases[i].after : cases[i].before))
                fail_msg("round %d, %s: %d", round, cases[i].pattern, may);
        }
        if (round == 0)
            assert_int_equal(acl_add(&acl, &secret), ERR_OK);
    }
    acl_fini(&acl);
}

/* --- The matrix: every subject x action x scope under every set of rules. */

static const struct person {
    const char *name;
    uint32_t role;
    bool is_verified;
} people[] = {
    {"ana", 2, true},  {"BOB", 2, true},    {"gus", 1, true},
    {"max", 3, true},  {"ada", 4, true},    {"ana", 0, false}, /* calls itself so */
    {"eve", 0, false}, {"@user", 0, false},
};

static const struct place {
    enum scope_prefix kind;
    const char *name;
} places[] = {
    {PREFIX_PEER, "ana"},   {PREFIX_PEER, "bob"},       {PREFIX_ROOM, "Lobby"},
    {PREFIX_QUEUE, "jobs"}, {PREFIX_QUEUE, "jobs.low"}, {PREFIX_QUEUE, "other"},
    {PREFIX_TOPIC, "s.t"},  {PREFIX_TOPIC, "s.*"},      {PREFIX_TOPIC, ">"},
};

static const struct set {
    const char *subject, *scope;
    uint32_t actions;
    bool is_allow;
} sets[][3] = {
    {{0}},
    {{"*", "*", ACL_ALL, true}},
    {{"ana", "queue:jobs", ACL_SEND, true}, {"@user", "topic:s.*", ACL_READ, true}},
    {{"*", "*", ACL_ALL, true}, {"bob", "queue:jobs*", ACL_ALL, false}},
    {{"@guest", "*", ACL_ALL, false},
     {"*", "peer:*", ACL_SEND, true},
     {"gus", "*", ACL_READ, true}},
    {{"*", "topic:>", ACL_READ, true}, {"@unverified", "topic:s.t", ACL_READ, false}},
    {{"ANA", "QUEUE:x", ACL_SEND, true}, {"Bob", "room:LOBBY", ACL_ADMINISTRATE, true}},
};

/* A second account of acl.h, as plain as can be: topics are decided by all topics of a small world. */
static bool is_subject(const struct set *rule, const struct person *person)
{
    static const char *const groups[] = {"@unverified", "@guest", "@user", "@moderator", "@admin"};
    if (strcmp(rule->subject, "*") == 0)
        return true;
    if (rule->subject[0] == '@')
        return strcmp(rule->subject, groups[person->is_verified ? person->role : 0]) == 0;
    return person->is_verified && strcasecmp(rule->subject, person->name) == 0;
}

static bool is_of_topic(const char *pattern, const char *name, bool is_allow)
{
    static const char *const world[] = {"s.t", "s.u", "s", "t", "s.t.u", "x.y.z"};
    bool all = true, some = false;
    for (size_t i = 0; i < sizeof(world) / sizeof(world[0]); i++) {
        if (!topic_matches(name, strlen(name), world[i], strlen(world[i])))
            continue;
        bool is_matched = topic_matches(pattern, strlen(pattern), world[i], strlen(world[i]));
        all &= is_matched;
        some |= is_matched;
    }
    return is_allow ? all : some;
}

static bool is_scope(const struct set *rule, const struct place *place)
{
    static const char *const kinds[] = {"", "peer:", "room:", "queue:", "topic:"};
    const char *kind = kinds[place->kind], *pattern = rule->scope + strlen(kind);
    if (strcmp(rule->scope, "*") == 0)
        return true;
    if (strncmp(rule->scope, kind, strlen(kind)) != 0)
        return false;
    if (place->kind == PREFIX_TOPIC)
        return is_of_topic(pattern, place->name, rule->is_allow);
    size_t size = strlen(pattern);
    if (pattern[size - 1] == '*')
        return strncasecmp(pattern, place->name, size - 1) == 0;
    return strcasecmp(pattern, place->name) == 0;
}

static enum acl_verdict expected(const struct set *rules, const struct person *person,
                                 uint32_t action, const struct place *place)
{
    enum acl_verdict verdict = ACL_NO_RULE;
    for (int i = 0; i < 3 && rules[i].subject; i++) {
        if (!(rules[i].actions & action) || !is_subject(&rules[i], person) ||
            !is_scope(&rules[i], place))
            continue;
        if (!rules[i].is_allow)
            return ACL_DENIES;
        verdict = ACL_ALLOWS;
    }
    return verdict;
}

static void check_cell(const struct acl *acl, const struct set *rules, const struct person *person,
                       uint32_t action, const struct place *place)
{
    struct name_folded folded;
    assert_int_equal(name_fold(person->name, strlen(person->name), &folded), ERR_OK);
    struct acl_who who = {folded.text, folded.size, person->role, person->is_verified};
    struct acl_scope scope = {place->kind, text(place->name)};
    int64_t id = -1;
    enum acl_verdict want = expected(rules, person, action, place);
    enum acl_verdict got = acl_look(acl, &who, (enum acl_action)action, &scope, &id);
    if (got != want)
        fail_msg("%s (%u) %u %d:%s: %d, expected %d", person->name, person->role, action,
                 place->kind, place->name, got, want);
    assert_true((id == 0) == (want == ACL_NO_RULE));
    bool may = want == ACL_ALLOWS || (want == ACL_NO_RULE && acl->is_open);
    assert_int_equal(acl_check(acl, &who, (enum acl_action)action, &scope),
                     may ? ERR_OK : ERR_NOT_ALLOWED);
}

static void test_matrix(void **state)
{
    (void)state;
    size_t cells = 0;
    for (size_t set = 0; set < sizeof(sets) / sizeof(sets[0]); set++) {
        struct acl acl;
        acl_init(&acl, set % 2);
        for (int i = 0; i < 3 && sets[set][i].subject; i++) {
            struct acl_words rule = words(sets[set][i].subject, sets[set][i].actions,
                                          sets[set][i].scope, sets[set][i].is_allow);
            enum err err = acl_add(&acl, &rule);
            assert_int_equal(err,
                             strncmp(rule.scope.data, "QUEUE", 5) == 0 ? ERR_BAD_SCOPE : ERR_OK);
        }
        for (size_t who = 0; who < sizeof(people) / sizeof(people[0]); who++)
            for (uint32_t action = ACL_SEND; action <= ACL_ADMINISTRATE; action *= 2)
                for (size_t at = 0; at < sizeof(places) / sizeof(places[0]); at++, cells++)
                    check_cell(&acl, sets[set], &people[who], action, &places[at]);
        acl_fini(&acl);
    }
    assert_true(cells > 2000);
}

static void test_named(void **state)
{
    (void)state;
    static const char *const names[] = {"Ada", "\n"};
    struct acl_who ada = {"ada", 3, 0, true}, bob = {"bob", 3, 4, true};
    assert_true(acl_is_named(names, 2, &ada));
    assert_false(acl_is_named(names, 2, &bob));
    ada.is_verified = false;
    assert_false(acl_is_named(names, 2, &ada));
    assert_false(acl_is_named(NULL, 0, &bob));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_so_many),
        cmocka_unit_test(test_covers_and_overlaps),
        cmocka_unit_test(test_no_escape_by_a_wider_pattern),
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
