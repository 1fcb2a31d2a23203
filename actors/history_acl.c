/* SPDX-License-Identifier: MPL-2.0
 *
 * The access list as history uses it: who may read what is in queues, topics and rooms; and QUERY ACL.
 *
 * The rules are kept in memory and read again when the number that changes with them is another one. It is
 * looked at in the read transaction of each query, so a rule counts for every query that begins after the
 * commit that holds it.
 */
#include <string.h>

#include "history_state.h"
#include "rt/log.h"
#include "store/accounts.h"
#include "store/acl.h"

static enum err take_rule(void *context, const struct acl_row *row)
{
    struct history *h = context;
    struct acl_words words = {
        .id = row->id,
        .subject = {row->subject, strlen(row->subject)},
        .scope = {row->scope, strlen(row->scope)},
        .actions = row->actions,
        .is_allow = row->is_allow,
    };
    enum err err = acl_add(&h->acl, &words);
    if (err && err != ERR_BUSY)
        log_error("acl-rule-unreadable", LOG_I64("id", row->id), LOG_ERROR(err));
    return err == ERR_BUSY ? err : ERR_OK;
}

enum err history_acl_refresh(struct history *h)
{
    int64_t version = 0;
    if (!h->options.has_acl)
        return ERR_OK;
    enum err err = acl_version(h->store, &version);
    if (err || version == h->acl_version)
        return err;
    acl_clear(&h->acl);
    h->acl_version = -1;
    err = acl_list(h->store, 0, ACL_RULES_MAX, take_rule, h);
    if (!err)
        h->acl_version = version;
    return err;
}

static enum err take_role(void *context, const struct account_row *row)
{
    *(uint32_t *)context = (uint32_t)row->role;
    return ERR_OK;
}

static enum err find_who(struct query *query, struct name_folded *folded, struct acl_who *ret)
{
    uint32_t role = 0;
    enum err err = name_fold(query->peer_name.data, query->peer_name.len, folded);
    if (!err && query->is_verified)
        err = account_read(query->page.h->store, query->peer_id, take_role, &role);
    *ret = (struct acl_who){folded->text, folded->size, role, query->is_verified};
    return err == ERR_NO_SUCH_USER ? ERR_OK : err;
}

static enum err check(struct query *query, const struct acl_scope *scope)
{
    const struct history *h = query->page.h;
    struct name_folded folded;
    struct acl_who who;
    enum err err = find_who(query, &folded, &who);
    if (err || who.role == ACCOUNT_ADMIN ||
        acl_is_named(h->options.admins, h->options.admin_count, &who))
        return err;
    return acl_check(&h->acl, &who, ACL_READ, scope);
}

enum err query_check_acl(struct query *query, const struct scope_row *scope)
{
    char name[WIRE_NAME_BYTES_MAX + 1];
    struct scope_row row;
    if (acl_is_trivial(&query->page.h->acl) || scope->kind == SCOPE_PEER)
        return ERR_OK;
    enum err err = scope_find_by_id(query->page.h->store, scope->id, name, sizeof(name), &row);
    struct acl_scope asked = {(enum scope_prefix)scope->kind, {name, strlen(name)}};
    return err ? err : check(query, &asked);
}

/* --- QUERY ACL. */

struct walk {
    struct query *query;
    uint32_t seen;
};

static bool copy_text(struct history *h, const char *text, ProtobufCBinaryData *ret)
{
    return history_copy(h, text, strlen(text), ret);
}

static enum err show_rule(void *context, const struct acl_row *row)
{
    struct walk *walk = context;
    struct history *h = walk->query->page.h;
    if (walk->seen == walk->query->limit) {
        walk->query->page.fin.has_more = true;
        return ERR_OK;
    }
    Roost__V1__AclRule *rule = history_alloc(h, sizeof(*rule));
    if (!rule)
        return ERR_BUSY;
    roost__v1__acl_rule__init(rule);
    rule->id = (uint64_t)row->id;
    rule->actions = row->actions;
    rule->is_allow = row->is_allow;
    rule->created_ms = (uint64_t)row->created_ms;
    bool is_copied = copy_text(h, row->subject, &rule->subject) &&
                     copy_text(h, row->scope, &rule->scope) &&
                     copy_text(h, row->creator, &rule->creator);
    enum err err = is_copied ? page_add(&walk->query->page, PAGE_ACL, &rule->base) : ERR_BUSY;
    if (err)
        return err;
    walk->query->page.fin.next_seq = (uint64_t)row->id;
    walk->seen++;
    return ERR_OK;
}

enum err query_acl(struct query *query)
{
    struct walk walk = {.query = query};
    if (!query->is_admin)
        return ERR_NOT_ALLOWED;
    return acl_list(query->page.h->store, (int64_t)query->query->after_seq, query->limit + 1,
                    show_rule, &walk);
}
