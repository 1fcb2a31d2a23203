/* SPDX-License-Identifier: MPL-2.0
 *
 * The access list where it is written, and where it decides about sending and creating: ACL_ALLOW,
 * ACL_DENY, ACL_REMOVE, ACL_TEST, ACL_LOAD.
 *
 * The rules in memory are those of the transaction in hand; after a rollback they are read again. Who
 * somebody is, is looked up here: the account of the peer as it stands in the same transaction, so that
 * nothing is decided by what was true a moment ago. What was decided is remembered per scope and peer until
 * rules, accounts or rooms change.
 *
 * sync-manager, which decides about reading, is told with the commit that they changed, before the answer to
 * the administrator goes out.
 */
#include <stdio.h>
#include <string.h>

#include "persistence_state.h"
#include "rt/log.h"
#include "store/accounts.h"
#include "store/acl.h"
#include "store/peers.h"

#define PEER_BITS 31 /* store/conversation.h */

/* --- The list. */

static enum err take_rule(void *context, const struct acl_row *row)
{
    struct persistence *p = context;
    struct acl_words words = {
        .id = row->id,
        .subject = {row->subject, strlen(row->subject)},
        .scope = {row->scope, strlen(row->scope)},
        .actions = row->actions,
        .is_allow = row->is_allow,
    };
    enum err err = acl_add(&p->acl, &words);
    if (err == ERR_BUSY)
        return err;
    if (err) /* it was checked when it was written; a rule nobody understands must not allow anything */
        log_error("acl-rule-unreadable", LOG_I64("id", row->id), LOG_ERROR(err));
    return ERR_OK;
}

/* As they stand in the transaction in hand. */
static enum err load(struct persistence *p)
{
    if (p->is_acl_loaded)
        return ERR_OK;
    acl_clear(&p->acl);
    enum err err = acl_list(p->store, 0, ACL_RULES_MAX, take_rule, p);
    p->is_acl_loaded = !err;
    return err;
}

enum err persistence_acl_init(struct persistence *p)
{
    acl_init(&p->acl, !p->options.is_acl_closed);
    u64map_init(&p->verdicts, PERSISTENCE_STANDINGS_MAX);
    return load(p);
}

void persistence_acl_forget(struct persistence *p)
{
    u64map_clear(&p->verdicts);
    p->is_acl_loaded = false;
}

/* --- Who somebody is. */

struct who {
    struct acl_who acl;
    struct name_folded folded;
    bool is_admin; /* needs no rule */
};

static enum err take_account(void *context, const struct account_row *row)
{
    struct acl_who *who = context;
    who->role = (uint32_t)row->role;
    who->is_verified = true;
    return ERR_OK;
}

static enum err take_name(void *context, const struct peer_row *row)
{
    struct who *who = context;
    return name_fold(row->name, strlen(row->name), &who->folded);
}

static enum err find_who(struct persistence *p, int64_t peer_id, struct who *ret)
{
    *ret = (struct who){.is_admin = false};
    enum err err = peer_read(p->store, peer_id, take_name, ret);
    if (!err)
        err = account_read(p->store, peer_id, take_account, &ret->acl);
    if (err == ERR_NO_SUCH_USER)
        err = ERR_OK;
    ret->acl.folded = ret->folded.text;
    ret->acl.folded_size = ret->folded.size;
    ret->is_admin = ret->acl.role == RIGHTS_ADMIN ||
                    acl_is_named(p->options.admins, p->options.admin_count, &ret->acl);
    return err;
}

/* --- Deciding. */

enum err persistence_acl_verdict(struct persistence *p, int64_t peer_id, enum acl_action action,
                                 const struct acl_scope *scope, enum acl_verdict *ret)
{
    struct who who;
    *ret = ACL_ALLOWS;
    enum err err = load(p);
    if (err || peer_id == 0)
        return err; /* the broker itself */
    err = find_who(p, peer_id, &who);
    if (!err && !who.is_admin)
        *ret = acl_look(&p->acl, &who.acl, action, scope, NULL);
    return err;
}

enum err persistence_acl_check(struct persistence *p, int64_t peer_id, enum acl_action action,
                               const struct acl_scope *scope)
{
    enum acl_verdict verdict;
    enum err err = load(p);
    if (err || acl_is_trivial(&p->acl))
        return err;
    err = persistence_acl_verdict(p, peer_id, action, scope, &verdict);
    bool is_allowed = verdict == ACL_ALLOWS || (verdict == ACL_NO_RULE && p->acl.is_open);
    return err ? err : is_allowed ? ERR_OK : ERR_NOT_ALLOWED;
}

/* "kind:name", as it stands in a message. */
static enum err read_scope(const void *text, size_t size, struct acl_scope *ret)
{
    struct scope_name parsed;
    if (scope_parse_pattern(text, size, &parsed, NULL))
        return ERR_BAD_SCOPE;
    *ret = (struct acl_scope){parsed.prefix, {parsed.name, parsed.name_size}};
    return ERR_OK;
}

enum err persistence_acl_may_send(struct persistence *p, const struct scope_ref *ref,
                                  int64_t peer_id, const void *text, size_t size)
{
    struct acl_scope scope;
    uint64_t key = (uint64_t)ref->id << PEER_BITS | (uint64_t)peer_id, code;
    bool is_kept = ref->id > 0 && ref->id < (int64_t)1 << (63 - PEER_BITS) && !ref->is_by_nick;
    enum err err = load(p);
    if (err || acl_is_trivial(&p->acl))
        return err;
    if (is_kept && u64map_get(&p->verdicts, key, &code))
        return (enum err)code;
    err = read_scope(text, size, &scope);
    if (!err)
        err = persistence_acl_check(p, peer_id, ACL_SEND, &scope);
    if (persistence_breaks(err) || !is_kept)
        return err;
    if (u64map_put(&p->verdicts, key, (uint64_t)err))
        u64map_clear(&p->verdicts); /* it is full; asked again next time */
    return err;
}

bool persistence_acl_may_create(struct persistence *p, int64_t peer_id, const void *text,
                                size_t size)
{
    struct acl_scope scope;
    enum acl_verdict verdict;
    if (load(p) || acl_is_trivial(&p->acl))
        return p->options.is_autocreate;
    if (read_scope(text, size, &scope) ||
        persistence_acl_verdict(p, peer_id, ACL_CREATE, &scope, &verdict))
        return false;
    if (verdict == ACL_NO_RULE)
        return p->options.is_autocreate && p->acl.is_open;
    return verdict == ACL_ALLOWS && (p->options.is_autocreate || scope.kind != PREFIX_PEER);
}

/* --- CALL: administrators write it. */

static enum err say(INTERNAL(CallDone) * done, enum err err, const char *text)
{
    if (text)
        done->text = (char *)(uintptr_t)text; /* only read */
    return err;
}

static const char *action_words(uint32_t actions, char *ret, size_t size)
{
    static const char *const words[] = {"send", "read", "create", "administrate"};
    size_t used = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (actions & 1u << i)
            used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? "," : "", words[i]);
    }
    return ret;
}

static enum err changed(struct persistence *p, const INTERNAL(Call) * call, const char *action,
                        const struct acl_row *row)
{
    char words[64], detail[WIRE_TEXT_BYTES_MAX + 96];
    persistence_acl_forget(p);
    batch_set_acl_changed(p->batch);
    (void)snprintf(detail, sizeof(detail), "%s %s",
                   action_words(row->actions, words, sizeof(words)), row->scope);
    return persistence_audit(p, persistence_text(p, call->peer_name), action, row->subject, detail);
}

static enum err add_rule(struct persistence *p, const INTERNAL(Call) * call,
                         INTERNAL(CallDone) * done, bool is_allow)
{
    const char *problem = NULL;
    uint64_t count = 0;
    int64_t id = 0;
    bool is_new = false;
    struct acl_words words = {
        .subject = {call->peer.data, call->peer.len},
        .scope = {call->text.data, call->text.len},
        .actions = call->actions,
        .is_allow = is_allow,
    };
    if (!call->is_admin)
        return ERR_NOT_ALLOWED;
    enum err err = acl_check_words(&words, &problem);
    if (err)
        return say(done, err, problem);
    err = acl_count(p->store, &count);
    if (!err && count >= ACL_RULES_MAX)
        err = say(done, ERR_TOO_MANY, "the access list has at most 1,000 rules");
    struct acl_row row = {
        .subject = persistence_text(p, call->peer),
        .scope = persistence_text(p, call->text),
        .actions = call->actions,
        .is_allow = is_allow,
        .created_ms = p->now_ms,
        .creator = persistence_text(p, call->peer_name),
    };
    if (!err)
        err = acl_append(p->store, &row, &id, &is_new);
    if (!err && is_new)
        err = changed(p, call, is_allow ? "acl-allow" : "acl-deny", &row);
    done->seq = (uint64_t)id;
    done->count = !err && is_new;
    return err;
}

enum err persistence_call_acl_allow(struct persistence *p, const INTERNAL(Call) * call,
                                    INTERNAL(CallDone) * done)
{
    return add_rule(p, call, done, true);
}

enum err persistence_call_acl_deny(struct persistence *p, const INTERNAL(Call) * call,
                                   INTERNAL(CallDone) * done)
{
    return add_rule(p, call, done, false);
}

struct rule_copy {
    struct persistence *p;
    struct acl_row row;
};

static enum err copy_rule(void *context, const struct acl_row *row)
{
    struct rule_copy *copy = context;
    copy->row = *row;
    copy->row.subject = persistence_text(
        copy->p, (ProtobufCBinaryData){strlen(row->subject), (uint8_t *)(uintptr_t)row->subject});
    copy->row.scope = persistence_text(
        copy->p, (ProtobufCBinaryData){strlen(row->scope), (uint8_t *)(uintptr_t)row->scope});
    return ERR_OK;
}

enum err persistence_call_acl_remove(struct persistence *p, const INTERNAL(Call) * call,
                                     INTERNAL(CallDone) * done)
{
    struct rule_copy copy = {.p = p};
    bool is_found = false;
    if (!call->is_admin)
        return ERR_NOT_ALLOWED;
    enum err err = acl_read(p->store, (int64_t)call->seq, copy_rule, &copy);
    if (!err && copy.row.id)
        err = acl_remove(p->store, (int64_t)call->seq, &is_found);
    if (!err && is_found)
        err = changed(p, call, "acl-remove", &copy.row);
    done->count = !err && is_found;
    return err;
}

/* What would be decided, and why. */
static enum err test(struct persistence *p, const struct acl_who *who, const INTERNAL(Call) * call,
                     INTERNAL(CallDone) * done)
{
    struct acl_scope scope;
    int64_t id = 0;
    if (read_scope(call->text.data, call->text.len, &scope))
        return ERR_BAD_SCOPE;
    enum acl_verdict verdict = acl_look(&p->acl, who, (enum acl_action)call->actions, &scope, &id);
    done->seq = (uint64_t)id;
    done->count = verdict == ACL_ALLOWS || (verdict == ACL_NO_RULE && p->acl.is_open);
    const char *text = verdict == ACL_ALLOWS   ? "a rule allows it"
                       : verdict == ACL_DENIES ? "a rule denies it"
                       : p->acl.is_open        ? "no rule applies; security.acl_default allows it"
                                               : "no rule applies; security.acl_default denies it";
    return say(done, ERR_OK, text);
}

enum err persistence_call_acl_test(struct persistence *p, const INTERNAL(Call) * call,
                                   INTERNAL(CallDone) * done)
{
    struct name_folded folded;
    struct who who = {.is_admin = false};
    int64_t peer_id = 0;
    if (!call->is_admin)
        return ERR_NOT_ALLOWED;
    if (call->actions & (call->actions - 1))
        return say(done, ERR_BAD_FIELD, "one action at a time");
    enum err err = load(p);
    if (!err)
        err = name_fold(call->peer.data, call->peer.len, &folded);
    if (!err)
        err = peer_find(p->store, folded.text, &peer_id);
    if (!err)
        err = find_who(p, peer_id, &who);
    if (err == ERR_NO_SUCH_PEER) { /* whoever comes by this name tomorrow */
        who.acl = (struct acl_who){.folded = folded.text, .folded_size = folded.size};
        err = ERR_OK;
    }
    if (err)
        return err;
    done->count = 1;
    return who.is_admin ? say(done, ERR_OK, "administrators need no rule")
                        : test(p, &who.acl, call, done);
}

/* --- ACL_LOAD. */

struct load_visit {
    struct persistence *p;
    INTERNAL(AclLoaded) * loaded;
    INTERNAL(AclRow) * rows;
};

static enum err take_row(void *context, const struct acl_row *row)
{
    struct load_visit *visit = context;
    struct batch *batch = visit->p->batch;
    INTERNAL(AclRow) *copy = &visit->rows[visit->loaded->n_rows];
    roost__internal__acl_row__init(copy);
    copy->id = row->id;
    copy->subject = batch_bytes(batch, row->subject, strlen(row->subject));
    copy->scope = batch_bytes(batch, row->scope, strlen(row->scope));
    copy->actions = row->actions;
    copy->is_allow = row->is_allow;
    visit->loaded->rows[visit->loaded->n_rows++] = copy;
    return ERR_OK;
}

enum err persistence_acl_load(struct persistence *p, const void *question, enum err refusal,
                              ProtobufCMessage **ret_answer)
{
    INTERNAL(AclLoaded) *loaded = batch_alloc(p->batch, sizeof(*loaded));
    struct load_visit visit = {.p = p, .loaded = loaded};
    uint64_t count = 0;
    (void)question;
    roost__internal__acl_loaded__init(loaded);
    *ret_answer = &loaded->base;
    enum err err = refusal ? refusal : acl_count(p->store, &count);
    if (!err && count > 0) {
        visit.rows = batch_alloc(p->batch, count * sizeof(*visit.rows));
        loaded->rows = batch_alloc(p->batch, count * sizeof(*loaded->rows));
        err = acl_list(p->store, 0, (uint32_t)count, take_row, &visit);
    }
    if (!refusal && persistence_breaks(err))
        return err;
    loaded->code = err_code(err);
    return ERR_OK;
}
