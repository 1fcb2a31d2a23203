/* SPDX-License-Identifier: MPL-2.0
 *
 * Rules that an administrator may have written, and somebody who asks (actors/acl.h), beside an
 * evaluator that knows nothing of words and wildcards:
 *   - a rule is accepted exactly by both ways of reading it, and refused with a sentence
 *   - one pattern of topics covers another, and overlaps it, as every topic of a small world says
 *   - of the rules that apply one that denies decides, else one that allows, else the default;
 *     the rule that is named is one of these
 *   - whoever asks for less than he was given is given it
 *
 * Lines, each with a byte in front of it that says who, what, and whether it allows: "SUBJECT SCOPE".
 */
#include <stdint.h>

#include "acl.h"
#include "bytes.h"

#define RULES_MAX   24
#define ASKED_MAX   24
#define WORDS_MAX   4
#define WORLD_WORDS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct acl_text text_of(struct bytes bytes)
{
    return (struct acl_text){bytes.at, bytes.left};
}

/* --- Patterns, by every topic there could be. */

struct world {
    struct acl_text words[WORLD_WORDS]; /* those of both patterns, and one that is in neither */
    size_t count;
};

/* False: too many to try them all. */
static bool add_words(struct world *world, struct acl_text pattern)
{
    struct bytes rest = {pattern.data, pattern.size};
    size_t words = 0;
    do {
        bool is_last = !memchr(rest.at, '.', rest.left);
        struct acl_text word = text_of(bytes_until(&rest, '.'));
        bool is_known = false;
        for (size_t i = 0; i < world->count; i++)
            is_known |= world->words[i].size == word.size &&
                        memcmp(world->words[i].data, word.data, word.size) == 0;
        bool is_wild =
            word.size == 1 && (*(const char *)word.data == '*' || *(const char *)word.data == '>');
        if (!is_known && !is_wild) {
            if (world->count == WORLD_WORDS)
                return false;
            world->words[world->count++] = word;
        }
        if (is_last)
            return ++words <= WORDS_MAX;
    } while (++words < WORDS_MAX);
    return false;
}

static size_t make_topic(const struct world *world, size_t number, size_t words, char *ret)
{
    size_t size = 0;
    for (size_t i = 0; i < words; i++, number /= world->count) {
        struct acl_text word = world->words[number % world->count];
        if (i > 0)
            ret[size++] = '.';
        memcpy(ret + size, word.data, word.size);
        size += word.size;
    }
    return size;
}

static void check_patterns(struct acl_text outer, struct acl_text inner)
{
    struct world world = {.words = {{"\x01other", 6}}, .count = 1};
    bool covers = true, overlaps = false;
    if (!add_words(&world, outer) || !add_words(&world, inner))
        return;
    size_t topics = 1;
    for (size_t words = 1; words <= WORDS_MAX + 1; words++) {
        topics *= world.count;
        for (size_t i = 0; i < topics; i++) {
            char topic[(WORDS_MAX + 1) * (WIRE_NAME_BYTES_MAX + 1)];
            size_t size = make_topic(&world, i, words, topic);
            bool is_outer = topic_matches(outer.data, outer.size, topic, size);
            bool is_inner = topic_matches(inner.data, inner.size, topic, size);
            covers &= is_outer || !is_inner;
            overlaps |= is_outer && is_inner;
        }
    }
    CHECK(acl_covers(outer, inner) == covers);
    CHECK(acl_overlaps(outer, inner) == overlaps && acl_overlaps(inner, outer) == overlaps);
}

/* --- Rules. */

struct rule {
    struct acl_words words;
    struct name_folded subject, scope;
    struct scope_name parsed;
    bool is_everything;
};

struct play {
    struct acl acl;
    struct rule rules[RULES_MAX];
    size_t count;
};

static bool is_text(struct acl_text text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

static void add_rule(struct play *play, uint8_t how, struct acl_text subject, struct acl_text scope)
{
    struct acl_words words = {.id = (int64_t)play->count + 1,
                              .subject = subject,
                              .scope = scope,
                              .actions = how >> 1 & 0x1f,
                              .is_allow = how & 1};
    const char *problem = NULL;
    enum err err = acl_check_words(&words, &problem);
    CHECK(err == ERR_OK || (problem && problem[0]));
    CHECK(err == ERR_OK || err == ERR_BAD_FIELD || err == ERR_BAD_NAME || err == ERR_BAD_SCOPE);
    CHECK(acl_add(&play->acl, &words) == err);
    if (err)
        return;
    struct rule *rule = &play->rules[play->count++];
    *rule = (struct rule){.words = words, .is_everything = is_text(scope, "*")};
    CHECK(words.actions != 0 && words.actions <= ACL_ALL);
    if (!rule->is_everything)
        CHECK(scope_parse_pattern(scope.data, scope.size, &rule->parsed, NULL) == ERR_OK);
    if (name_fold(subject.data, subject.size, &rule->subject))
        rule->subject.size = 0;
}

static bool is_of(const struct rule *rule, const struct acl_who *who)
{
    static const char *const groups[] = {"@unverified", "@guest", "@user", "@moderator", "@admin"};
    struct acl_text subject = rule->words.subject;
    if (is_text(subject, "*"))
        return true;
    if (*(const char *)subject.data == '@')
        return is_text(subject, groups[who->is_verified ? who->role : 0]);
    return who->is_verified && rule->subject.size == who->folded_size &&
           memcmp(rule->subject.text, who->folded, who->folded_size) == 0;
}

static bool is_about(const struct rule *rule, enum scope_prefix kind, const struct name_folded *of)
{
    struct name_folded own = {.size = 0};
    size_t size = rule->parsed.name_size;
    const char *name = rule->parsed.name;
    if (rule->is_everything)
        return true;
    if (rule->parsed.prefix != kind)
        return false;
    bool is_open = kind != PREFIX_TOPIC && name[size - 1] == '*';
    if (size - (is_open ? 1 : 0) > 0)
        CHECK(name_fold(name, size - (is_open ? 1 : 0), &own) == ERR_OK);
    if (kind != PREFIX_TOPIC)
        return (is_open ? own.size <= of->size : own.size == of->size) &&
               memcmp(own.text, of->text, own.size) == 0;
    struct acl_text pattern = {own.text, own.size}, asked = {of->text, of->size};
    return rule->words.is_allow ? acl_covers(pattern, asked) : acl_overlaps(pattern, asked);
}

static void ask(struct play *play, uint8_t how, struct acl_text name, struct acl_text text)
{
    struct scope_name scope;
    struct name_folded who_folded, folded;
    enum acl_action action = (enum acl_action)(1 << (how & 3));
    enum acl_verdict wanted = ACL_NO_RULE;
    int64_t id = 0;
    bool is_in = false;
    if (scope_parse_pattern(text.data, text.size, &scope, NULL) ||
        name_check(name.data, name.size, NULL) || name_fold(name.data, name.size, &who_folded))
        return;
    struct acl_who who = {who_folded.text, who_folded.size, (how >> 2) % 5u, how & 0x80};
    struct acl_scope asked = {scope.prefix, {scope.name, scope.name_size}};
    enum acl_verdict verdict = acl_look(&play->acl, &who, action, &asked, &id);
    if (name_fold(scope.name, scope.name_size, &folded)) {
        CHECK(verdict == ACL_DENIES);
        return;
    }
    for (size_t i = 0; i < play->count; i++) {
        const struct rule *rule = &play->rules[i];
        if (!(rule->words.actions & (unsigned)action) || !is_of(rule, &who) ||
            !is_about(rule, scope.prefix, &folded))
            continue;
        enum acl_verdict says = rule->words.is_allow ? ACL_ALLOWS : ACL_DENIES;
        wanted = says > wanted ? says : wanted;
    }
    for (size_t i = 0; i < play->count; i++)
        is_in |= play->rules[i].words.id == id &&
                 play->rules[i].words.is_allow == (verdict == ACL_ALLOWS);
    CHECK(verdict == wanted && (verdict == ACL_NO_RULE ? id == 0 : is_in));
    bool is_allowed = verdict == ACL_NO_RULE ? play->acl.is_open : verdict == ACL_ALLOWS;
    CHECK((acl_check(&play->acl, &who, action, &asked) == ERR_OK) == is_allowed);
}

/* Is it a pattern or a topic? Then behind its kind. */
static bool take_topic(struct bytes scope, struct acl_text *ret)
{
    struct scope_name name;
    if (scope_parse_pattern(scope.at, scope.left, &name, NULL) || name.prefix != PREFIX_TOPIC)
        return false;
    *ret = (struct acl_text){name.name, name.name_size};
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct play play = {.count = 0};
    struct acl_text before = {"a.>", 3}, topic;
    acl_init(&play.acl, bytes_u8(&input) & 1);
    for (size_t step = 0; step < RULES_MAX + ASKED_MAX && input.left > 0; step++) {
        uint8_t how = bytes_u8(&input);
        struct bytes line = bytes_until(&input, '\n');
        struct bytes subject = bytes_until(&line, ' ');
        if (subject.left == 0 || line.left == 0)
            continue;
        if (take_topic(line, &topic)) {
            check_patterns(before, topic);
            before = topic;
        }
        if (how & 0x40 && play.count < RULES_MAX)
            add_rule(&play, how, text_of(subject), text_of(line));
        else
            ask(&play, how, text_of(subject), text_of(line));
    }
    acl_fini(&play.acl);
    return 0;
}
