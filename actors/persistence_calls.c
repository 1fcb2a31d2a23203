/* SPDX-License-Identifier: MPL-2.0
 *
 * CALL: the methods that are row work.
 *
 *     MARK_READ       the marker of a conversation moves forward; senders who asked are told READ
 *     SCOPE_CREATE    a queue or a topic
 *     FLUSH_INDEX     everything that is not indexed yet
 *     PEER_REMOVE, PEER_NICKNAME    passed on by peer-registry, which knows who is online
 */
#include <string.h>

#include "persistence_state.h"
#include "store/conversation.h"
#include "store/peers.h"

#define MARK_PAGE 500

/* --- MARK_READ */

static bool is_pattern(const INTERNAL(Call) * call)
{
    return call->scope_kind == SCOPE_TOPIC &&
           topic_is_pattern(call->scope_name.data, call->scope_name.len);
}

/* The conversation with a peer, or of a scope; one's own mailbox is not a conversation. */
static enum err find_conversation(struct persistence *p, const INTERNAL(Call) * call,
                                  int64_t *ret_conversation)
{
    ProtobufCBinaryData peer = call->scope_kind == SCOPE_PEER ? call->scope_name : call->peer;
    struct scope_ref scope;
    struct name_folded folded;
    int64_t other_id = 0;
    uint64_t since;
    enum err err = ERR_OK;
    if (is_pattern(call))
        return ERR_BAD_SCOPE; /* many conversations */
    if (call->scope_kind && call->scope_kind != SCOPE_PEER) {
        err = persistence_scope_named(p, (enum scope_kind)call->scope_kind, call->scope_name, false,
                                      &scope);
        if (!err && scope.kind == SCOPE_ROOM)
            err = persistence_may_attach(p, &scope, call->peer_id, &since);
        if (!err)
            *ret_conversation = conversation_of_scope(scope.id);
        return err;
    }
    err = name_fold(peer.data, peer.len, &folded);
    if (!err)
        err = peer_find(p->store, folded.text, &other_id);
    if (!err)
        *ret_conversation = conversation_of_peers(call->peer_id, other_id);
    return err;
}

struct read_visit {
    struct receipt_list list;
    int64_t reader_id;
    uint64_t last_seq, count;
};

static enum err take_read(void *context, const struct message_row *message)
{
    struct read_visit *visit = context;
    visit->last_seq = message->seq;
    if (message->sender_id == visit->reader_id)
        return ERR_OK;
    visit->count++;
    persistence_receipt_add(&visit->list, message, ROOST__V1__RECEIPT_LEVEL__READ, visit->reader_id,
                            0);
    return ERR_OK;
}

/* Every message in (before, upto] is looked at once in its life, as markers only move forward. */
static enum err collect_read(struct persistence *p, int64_t conversation, uint64_t before,
                             uint64_t upto, struct read_visit *visit)
{
    enum err err = ERR_OK;
    uint64_t after = before;
    do {
        struct message_page page = {
            .conversation = conversation,
            .after_seq = after,
            .before_seq = upto + 1,
            .limit = MARK_PAGE,
        };
        visit->last_seq = 0;
        err = message_read_conversation(p->store, &page, take_read, visit);
        after = visit->last_seq;
    } while (!err && after);
    return err;
}

static enum err mark_read(struct persistence *p, const INTERNAL(Call) * call,
                          INTERNAL(CallDone) * done)
{
    int64_t conversation = 0;
    uint64_t before = 0;
    uint64_t upto = call->seq && call->seq < p->last_seq ? call->seq : p->last_seq;
    enum err err = find_conversation(p, call, &conversation);
    if (!err)
        err = marker_set(p->store, call->peer_id, conversation, upto, p->now_ms, &before);
    if (err)
        return err;
    done->seq = before > upto ? before : upto;
    if (before >= upto)
        return ERR_OK;
    struct read_visit visit = {.reader_id = call->peer_id};
    err = collect_read(p, conversation, before, upto, &visit);
    done->count = visit.count;
    enum err write_err = persistence_receipts_write(p, &visit.list);
    return err ? err : write_err;
}

/* --- The others. */

static enum err create_scope(struct persistence *p, const INTERNAL(Call) * call,
                             INTERNAL(CallDone) * done)
{
    if ((call->scope_kind != SCOPE_QUEUE && call->scope_kind != SCOPE_TOPIC) || is_pattern(call))
        return ERR_BAD_SCOPE;
    if (call->scope_name.len > WIRE_NAME_BYTES_MAX)
        return ERR_BAD_NAME;
    char text[WIRE_SCOPE_BYTES_MAX + 1];
    size_t size = scope_format((enum scope_prefix)call->scope_kind, call->scope_name.data,
                               call->scope_name.len, text);
    struct acl_scope asked = {(enum scope_prefix)call->scope_kind,
                              {call->scope_name.data, call->scope_name.len}};
    enum err err = persistence_acl_check(p, call->peer_id, ACL_CREATE, &asked);
    if (!err && !persistence_acl_may_create(p, call->peer_id, text, size) && !call->is_admin)
        err = ERR_NOT_ALLOWED;
    if (err)
        return err;
    struct scope_ref scope;
    err = persistence_scope_named(p, (enum scope_kind)call->scope_kind, call->scope_name, false,
                                  &scope);
    if (err != ERR_NO_SUCH_SCOPE)
        return err; /* it exists: fine */
    err = persistence_scope_create(p, (const uint8_t *)text, size, &scope);
    done->count = !err;
    return err;
}

static enum err find_named_peer(struct persistence *p, ProtobufCBinaryData name, int64_t *ret_id)
{
    struct name_folded folded;
    enum err err = name_fold(name.data, name.len, &folded);
    return err ? err : peer_find(p->store, folded.text, ret_id);
}

static enum err note_conversation(void *context, const struct conversation_row *row)
{
    (void)row;
    *(bool *)context = true;
    return ERR_OK;
}

/* Messages name their peers by id: so a peer stays as long as anything may name it. What waits for
 * such a peer is ended by removing the consumers of its mailbox. An empty mailbox goes with it. */
static const char still_named[] =
    "the peer has messages and stays known; to drop what waits for it, remove the consumers of its "
    "mailbox (CONSUMER_REMOVE)";

/* Has the peer's mailbox ever had a message? Receipts are in it without a conversation. */
static enum err has_mail(struct persistence *p, const char *folded, bool *ret)
{
    struct scope_row mailbox;
    uint64_t last_seq = 0;
    enum err err = scope_find(p->store, SCOPE_PEER, folded, &mailbox);
    if (err == ERR_NO_SUCH_SCOPE)
        return ERR_OK;
    if (!err)
        err = scope_last_seq(p->store, mailbox.id, &last_seq);
    *ret |= last_seq > 0;
    return err;
}

static enum err remove_peer(struct persistence *p, const INTERNAL(Call) * call,
                            INTERNAL(CallDone) * done)
{
    int64_t id;
    bool is_needed = false;
    struct name_folded folded;
    enum err err = name_fold(call->peer.data, call->peer.len, &folded);
    if (!err)
        err = peer_find(p->store, folded.text, &id);
    if (!err)
        err = conversation_list(p->store, id, 1, note_conversation, &is_needed);
    if (!err)
        err = has_mail(p, folded.text, &is_needed);
    if (err)
        return err;
    if (is_needed) {
        done->text = (char *)(uintptr_t)still_named; /* only read */
        return ERR_PEER_IN_USE;
    }
    int64_t room_id = 0;
    enum member_role role;
    err = member_next_room(p->store, id, 0, &room_id, &role);
    if (err)
        return err;
    if (room_id) {
        done->text = (char *)(uintptr_t) "the peer is a member of a room"; /* only read */
        return ERR_NOT_ALLOWED;
    }
    err = persistence_peer_forget(p, id, folded.text);
    if (!err)
        err = persistence_audit(p, persistence_text(p, call->peer_name), "peer-remove",
                                persistence_text(p, call->peer), "");
    done->count = !err;
    return err;
}

static enum err set_nickname(struct persistence *p, const INTERNAL(Call) * call,
                             INTERNAL(CallDone) * done)
{
    int64_t id;
    enum err err = find_named_peer(p, call->peer, &id);
    if (err)
        return err;
    char *nickname = batch_alloc(p->batch, call->text.len + 1); /* zeroed: ends with NUL */
    if (call->text.len)
        memcpy(nickname, call->text.data, call->text.len);
    err = peer_set_nickname(p->store, id, nickname);
    done->count = !err;
    return err;
}

static enum err flush_index(struct persistence *p, const INTERNAL(Call) * call,
                            INTERNAL(CallDone) * done)
{
    (void)call;
    done->count = p->last_seq - p->indexed_seq;
    enum err err = persistence_index_all(p);
    return err ? err : persistence_search_all(p);
}

static persistence_call_work *const works[] = {
    [ROOST__V1__METHOD__MARK_READ] = mark_read,
    [ROOST__V1__METHOD__SCOPE_CREATE] = create_scope,
    [ROOST__V1__METHOD__FLUSH_INDEX] = flush_index,
    [ROOST__V1__METHOD__PEER_REMOVE] = remove_peer,
    [ROOST__V1__METHOD__PEER_NICKNAME] = set_nickname,
    [ROOST__V1__METHOD__USER_REGISTER] = persistence_call_user_register,
    [ROOST__V1__METHOD__USER_PASSWORD] = persistence_call_user_password,
    [ROOST__V1__METHOD__USER_ROLE] = persistence_call_user_role,
    [ROOST__V1__METHOD__USER_BAN] = persistence_call_user_ban,
    [ROOST__V1__METHOD__USER_UNBAN] = persistence_call_user_unban,
    [ROOST__V1__METHOD__USER_ACTIVE] = persistence_call_user_active,
    [ROOST__V1__METHOD__TOKEN_CREATE] = persistence_call_token_create,
    [ROOST__V1__METHOD__SESSION_END] = persistence_call_session_end,
    [ROOST__V1__METHOD__USER_UNLOCK] = persistence_call_user_unlock,
    [ROOST__V1__METHOD__KEY_ENROL] = persistence_call_key_enrol,
    [ROOST__V1__METHOD__KEY_CODE] = persistence_call_key_code,
    [ROOST__V1__METHOD__KEY_REVOKE] = persistence_call_key_revoke,
    [ROOST__V1__METHOD__ROOM_CREATE] = persistence_call_room_create,
    [ROOST__V1__METHOD__ROOM_JOIN] = persistence_call_room_join,
    [ROOST__V1__METHOD__ROOM_LEAVE] = persistence_call_room_leave,
    [ROOST__V1__METHOD__ROOM_UPDATE] = persistence_call_room_update,
    [ROOST__V1__METHOD__ROOM_ARCHIVE] = persistence_call_room_archive,
    [ROOST__V1__METHOD__MEMBER_ROLE] = persistence_call_member_role,
    [ROOST__V1__METHOD__INVITE] = persistence_call_invite,
    [ROOST__V1__METHOD__INVITE_ACCEPT] = persistence_call_invite_accept,
    [ROOST__V1__METHOD__INVITE_DECLINE] = persistence_call_invite_decline,
    [ROOST__V1__METHOD__INVITE_REVOKE] = persistence_call_invite_revoke,
    [ROOST__V1__METHOD__MESSAGE_EDIT] = persistence_call_message_edit,
    [ROOST__V1__METHOD__MESSAGE_DELETE] = persistence_call_message_delete,
    [ROOST__V1__METHOD__REACT] = persistence_call_react,
    [ROOST__V1__METHOD__UNREACT] = persistence_call_unreact,
    [ROOST__V1__METHOD__ACL_ALLOW] = persistence_call_acl_allow,
    [ROOST__V1__METHOD__ACL_DENY] = persistence_call_acl_deny,
    [ROOST__V1__METHOD__ACL_REMOVE] = persistence_call_acl_remove,
    [ROOST__V1__METHOD__ACL_TEST] = persistence_call_acl_test,
};

static enum err work_on(struct persistence *p, const INTERNAL(Call) * call,
                        INTERNAL(CallDone) * done)
{
    size_t count = sizeof(works) / sizeof(works[0]);
    persistence_call_work *work = call->method < count ? works[call->method] : NULL;
    if (call->method >= ROOST__V1__METHOD__ROOM_CREATE)
        persistence_standings_forget(p); /* rooms, members or accounts change */
    return work ? work(p, call, done) : ERR_UNKNOWN_CALL;
}

enum err persistence_call(struct persistence *p, const void *question, enum err refusal,
                          ProtobufCMessage **ret_answer)
{
    const INTERNAL(Call) *call = question;
    INTERNAL(CallDone) *done = batch_alloc(p->batch, sizeof(*done));
    roost__internal__call_done__init(done);
    done->session = call->session;
    done->request_id = call->request_id;
    *ret_answer = &done->base;
    enum err err = refusal ? refusal : work_on(p, call, done);
    if (!refusal && persistence_breaks(err))
        return err;
    done->code = err_code(err);
    if (err && done->text[0] == '\0')
        done->text = (char *)(uintptr_t)err_sentence(err); /* only read */
    return ERR_OK;
}
