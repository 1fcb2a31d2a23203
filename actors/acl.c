/* SPDX-License-Identifier: MPL-2.0
 *
 * See acl.h.
 */
#include "acl.h"

#include <stdlib.h>
#include <string.h>

#include "rt/check.h"

#define ANY_KIND   0
#define FIRST_SIZE 16

enum subject { SUBJECT_EVERYBODY, SUBJECT_ROLE, SUBJECT_NAME };

struct acl_rule {
    int64_t id;
    uint32_t actions;
    bool is_allow;
    enum subject subject;
    uint32_t role;
    int kind;       /* enum scope_prefix or ANY_KIND */
    bool is_prefix; /* of a name that is no topic's: what comes behind it is free */
    size_t scope_size, name_size;
    char *scope; /* folded, and behind it the folded name */
};

/* --- Topics, word by word. */

static size_t word_size(struct acl_text text)
{
    const char *dot = memchr(text.data, '.', text.size);
    return dot ? (size_t)(dot - (const char *)text.data) : text.size;
}

static bool is_word(struct acl_text text, size_t size, char wildcard)
{
    return size == 1 && *(const char *)text.data == wildcard;
}

static struct acl_text behind(struct acl_text text, size_t size)
{
    return (struct acl_text){(const char *)text.data + size + 1, text.size - size - 1};
}

static bool is_equal(struct acl_text one, size_t one_size, struct acl_text other, size_t other_size)
{
    return one_size == other_size && memcmp(one.data, other.data, one_size) == 0;
}

bool acl_covers(struct acl_text outer, struct acl_text inner)
{
    for (;;) {
        size_t outer_size = word_size(outer), inner_size = word_size(inner);
        if (is_word(outer, outer_size, '>'))
            return true;
        if (is_word(inner, inner_size, '>'))
            return false; /* it goes further than one word */
        if (!is_word(outer, outer_size, '*') && !is_equal(outer, outer_size, inner, inner_size))
            return false;
        if (outer_size == outer.size || inner_size == inner.size)
            return outer_size == outer.size && inner_size == inner.size;
        outer = behind(outer, outer_size);
        inner = behind(inner, inner_size);
    }
}

bool acl_overlaps(struct acl_text one, struct acl_text other)
{
    for (;;) {
        size_t one_size = word_size(one), other_size = word_size(other);
        if (is_word(one, one_size, '>') || is_word(other, other_size, '>'))
            return true;
        bool is_any = is_word(one, one_size, '*') || is_word(other, other_size, '*');
        if (!is_any && !is_equal(one, one_size, other, other_size))
            return false;
        if (one_size == one.size || other_size == other.size)
            return one_size == one.size && other_size == other.size;
        one = behind(one, one_size);
        other = behind(other, other_size);
    }
}

/* --- Rules. */

void acl_init(struct acl *acl, bool is_open)
{
    *acl = (struct acl){.is_open = is_open};
}

void acl_clear(struct acl *acl)
{
    for (size_t i = 0; i < acl->count; i++)
        free(acl->rules[i].scope);
    acl->count = 0;
}

void acl_fini(struct acl *acl)
{
    acl_clear(acl);
    free(acl->rules);
    *acl = (struct acl){.is_open = acl->is_open};
}

static bool is_text(struct acl_text text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

static enum err read_subject(struct acl_text text, struct acl_rule *rule, struct name_folded *name,
                             const char **ret_problem)
{
    static const char *const groups[] = {"@unverified", "@guest", "@user", "@moderator", "@admin"};
    name->size = 0;
    rule->subject = SUBJECT_EVERYBODY;
    if (is_text(text, "*"))
        return ERR_OK;
    for (uint32_t role = 0; role < sizeof(groups) / sizeof(groups[0]); role++) {
        if (!is_text(text, groups[role]))
            continue;
        rule->subject = SUBJECT_ROLE;
        rule->role = role;
        return ERR_OK;
    }
    rule->subject = SUBJECT_NAME;
    *ret_problem = "groups are @unverified, @guest, @user, @moderator, @admin";
    if (text.size > 0 && *(const char *)text.data == '@')
        return ERR_BAD_NAME;
    if (name_check(text.data, text.size, ret_problem))
        return ERR_BAD_NAME;
    *ret_problem = "a name is needed";
    return name_fold(text.data, text.size, name);
}

/* The name of a pattern that is no topic's: its end may be a *. */
static void read_prefix(struct acl_rule *rule, struct acl_text *name)
{
    rule->is_prefix = name->size > 0 && ((const char *)name->data)[name->size - 1] == '*';
    if (rule->is_prefix)
        name->size--;
}

static enum err read_scope(struct acl_text text, struct acl_rule *rule, struct name_folded *ret,
                           const char **ret_problem)
{
    struct scope_name scope;
    ret->size = 0;
    rule->kind = ANY_KIND;
    if (is_text(text, "*"))
        return ERR_OK;
    *ret_problem = "a scope is *, or begins with peer:, room:, queue: or topic:";
    if (scope_parse_pattern(text.data, text.size, &scope, ret_problem))
        return ERR_BAD_SCOPE;
    struct acl_text name = {scope.name, scope.name_size};
    rule->kind = (int)scope.prefix;
    if (scope.prefix != PREFIX_TOPIC)
        read_prefix(rule, &name);
    if (name.size == 0)
        return ERR_OK; /* all of this kind */
    *ret_problem = "what stands before the * is no beginning of a name";
    return name_fold(name.data, name.size, ret) ? ERR_BAD_SCOPE : ERR_OK;
}

static enum err read_words(const struct acl_words *words, struct acl_rule *rule,
                           struct name_folded *scope, struct name_folded *name,
                           const char **ret_problem)
{
    const char *problem = "actions are send, read, create, administrate";
    *rule =
        (struct acl_rule){.id = words->id, .actions = words->actions, .is_allow = words->is_allow};
    enum err err =
        words->actions == 0 || (words->actions & ~(uint32_t)ACL_ALL) ? ERR_BAD_FIELD : ERR_OK;
    if (!err)
        err = read_subject(words->subject, rule, name, &problem);
    if (!err)
        err = read_scope(words->scope, rule, scope, &problem);
    if (err && ret_problem)
        *ret_problem = problem;
    return err;
}

enum err acl_check_words(const struct acl_words *words, const char **ret_problem)
{
    struct acl_rule rule;
    struct name_folded scope, name;
    return read_words(words, &rule, &scope, &name, ret_problem);
}

static bool has_room(struct acl *acl)
{
    if (acl->count < acl->capacity)
        return true;
    size_t capacity = acl->capacity ? 2 * acl->capacity : FIRST_SIZE;
    struct acl_rule *rules = realloc(acl->rules, capacity * sizeof(*rules));
    if (!rules)
        return false;
    acl->rules = rules;
    acl->capacity = capacity;
    return true;
}

enum err acl_add(struct acl *acl, const struct acl_words *words)
{
    struct acl_rule rule;
    struct name_folded scope, name;
    enum err err = read_words(words, &rule, &scope, &name, NULL);
    if (err)
        return err;
    if (acl->count == ACL_RULES_MAX)
        return ERR_TOO_MANY;
    rule.scope = malloc(scope.size + name.size + 1);
    if (!rule.scope || !has_room(acl)) {
        free(rule.scope);
        return ERR_BUSY;
    }
    memcpy(rule.scope, scope.text, scope.size);
    memcpy(rule.scope + scope.size, name.text, name.size);
    rule.scope_size = scope.size;
    rule.name_size = name.size;
    acl->rules[acl->count++] = rule;
    return ERR_OK;
}

/* --- Looking. */

static bool is_of(const struct acl_rule *rule, const struct acl_who *who)
{
    switch (rule->subject) {
    case SUBJECT_EVERYBODY:
        return true;
    case SUBJECT_ROLE:
        return rule->role == (who->is_verified ? who->role : 0);
    case SUBJECT_NAME:
        return who->is_verified && who->folded_size == rule->name_size &&
               memcmp(who->folded, rule->scope + rule->scope_size, rule->name_size) == 0;
    }
    return false;
}

/* Of a scope that is no topic's. */
static bool has_name(const struct acl_rule *rule, struct acl_text name)
{
    if (name.size < rule->scope_size || memcmp(name.data, rule->scope, rule->scope_size) != 0)
        return false;
    return rule->is_prefix || name.size == rule->scope_size;
}

static bool applies(const struct acl_rule *rule, enum scope_prefix kind, struct acl_text name)
{
    struct acl_text pattern = {rule->scope, rule->scope_size};
    if (rule->kind == ANY_KIND)
        return true;
    if (rule->kind != (int)kind)
        return false;
    if (kind != PREFIX_TOPIC)
        return has_name(rule, name);
    return rule->is_allow ? acl_covers(pattern, name) : acl_overlaps(pattern, name);
}

enum acl_verdict acl_look(const struct acl *acl, const struct acl_who *who, enum acl_action action,
                          const struct acl_scope *scope, int64_t *ret_id)
{
    struct name_folded folded;
    int64_t id = 0;
    enum acl_verdict verdict = ACL_NO_RULE;
    if (ret_id)
        *ret_id = 0;
    if (name_fold(scope->name.data, scope->name.size, &folded) != ERR_OK)
        return ACL_DENIES;
    struct acl_text name = {folded.text, folded.size};
    for (size_t i = 0; i < acl->count && verdict != ACL_DENIES; i++) {
        const struct acl_rule *rule = &acl->rules[i];
        bool is_news = verdict == ACL_NO_RULE || !rule->is_allow;
        if (!is_news || !(rule->actions & (uint32_t)action) || !is_of(rule, who) ||
            !applies(rule, scope->kind, name))
            continue;
        verdict = rule->is_allow ? ACL_ALLOWS : ACL_DENIES;
        id = rule->id;
    }
    if (ret_id)
        *ret_id = id;
    return verdict;
}

enum err acl_check(const struct acl *acl, const struct acl_who *who, enum acl_action action,
                   const struct acl_scope *scope)
{
    if (acl_is_trivial(acl))
        return ERR_OK;
    enum acl_verdict verdict = acl_look(acl, who, action, scope, NULL);
    if (verdict == ACL_NO_RULE)
        return acl->is_open ? ERR_OK : ERR_NOT_ALLOWED;
    return verdict == ACL_ALLOWS ? ERR_OK : ERR_NOT_ALLOWED;
}

bool acl_is_named(const char *const *names, size_t count, const struct acl_who *who)
{
    struct name_folded folded;
    for (size_t i = 0; who->is_verified && i < count; i++) {
        if (name_fold(names[i], strlen(names[i]), &folded) == ERR_OK &&
            folded.size == who->folded_size && memcmp(folded.text, who->folded, folded.size) == 0)
            return true;
    }
    return false;
}
