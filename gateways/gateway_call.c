/* SPDX-License-Identifier: MPL-2.0
 *
 * See gateway_call.h.
 */
#include "gateways/gateway_call.h"

#include <string.h>

#include "proto/actor_ids.h"
#include "proto/name.h"

bool gateway_is_admin(const char *const *admins, size_t count, const char *name, size_t name_size,
                      uint32_t role)
{
    if (role == ROOST__V1__ROLE__ADMIN)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(admins[i], "*") == 0 ||
            (strlen(admins[i]) == name_size && memcmp(admins[i], name, name_size) == 0))
            return true;
    }
    return false;
}

static bool owner_of(Roost__V1__Method method, uint8_t *ret_actor)
{
    switch (method) {
    case ROOST__V1__METHOD__MARK_READ:
    case ROOST__V1__METHOD__SCOPE_CREATE:
    case ROOST__V1__METHOD__FLUSH_INDEX:
    case ROOST__V1__METHOD__ROOM_LEAVE:
    case ROOST__V1__METHOD__ROOM_ARCHIVE:
    case ROOST__V1__METHOD__MEMBER_ROLE:
    case ROOST__V1__METHOD__INVITE:
    case ROOST__V1__METHOD__INVITE_ACCEPT:
    case ROOST__V1__METHOD__INVITE_DECLINE:
    case ROOST__V1__METHOD__INVITE_REVOKE:
    case ROOST__V1__METHOD__MESSAGE_EDIT:
    case ROOST__V1__METHOD__MESSAGE_DELETE:
    case ROOST__V1__METHOD__REACT:
    case ROOST__V1__METHOD__UNREACT:
    case ROOST__V1__METHOD__ACL_ALLOW:
    case ROOST__V1__METHOD__ACL_DENY:
    case ROOST__V1__METHOD__ACL_REMOVE:
    case ROOST__V1__METHOD__ACL_TEST:
        *ret_actor = ACTOR_PERSISTENCE;
        return true;
    case ROOST__V1__METHOD__ROOM_CREATE: /* may carry a password */
    case ROOST__V1__METHOD__ROOM_JOIN:
    case ROOST__V1__METHOD__ROOM_UPDATE:
    case ROOST__V1__METHOD__USER_REGISTER:
    case ROOST__V1__METHOD__USER_PASSWORD:
    case ROOST__V1__METHOD__USER_ROLE:
    case ROOST__V1__METHOD__USER_BAN:
    case ROOST__V1__METHOD__USER_UNBAN:
    case ROOST__V1__METHOD__USER_ACTIVE:
    case ROOST__V1__METHOD__TOKEN_CREATE:
    case ROOST__V1__METHOD__SESSION_END:
    case ROOST__V1__METHOD__USER_UNLOCK:
    case ROOST__V1__METHOD__KEY_ENROL:
    case ROOST__V1__METHOD__KEY_REVOKE:
    case ROOST__V1__METHOD__KEY_CODE:
        *ret_actor = ACTOR_ACCOUNTS;
        return true;
    case ROOST__V1__METHOD__CANCEL:
    case ROOST__V1__METHOD__DEAD_REDRIVE:
    case ROOST__V1__METHOD__DEAD_PURGE:
    case ROOST__V1__METHOD__CONSUMER_REMOVE:
        *ret_actor = ACTOR_SYNC_MANAGER;
        return true;
    case ROOST__V1__METHOD__PEER_REMOVE:
    case ROOST__V1__METHOD__PEER_NICKNAME:
        *ret_actor = ACTOR_PEER_REGISTRY;
        return true;
    case ROOST__V1__METHOD__WARM_START_AGAIN:
        *ret_actor = ACTOR_DISCOVERY;
        return true;
    case ROOST__V1__METHOD__METHOD_NONE:
    case _ROOST__V1__METHOD_IS_INT_SIZE:
        break;
    }
    return false;
}

static void copy_fields(const Roost__V1__Call *call, INTERNAL(Call) * ret)
{
    ret->request_id = call->request_id;
    ret->method = call->method;
    ret->peer = call->peer;
    ret->consumer = call->consumer;
    ret->seq = call->seq;
    ret->message_ids = call->message_ids;
    ret->all = call->all;
    ret->text = call->text;
    ret->body = call->body;
    ret->password = call->password;
    ret->invitation_id = call->invitation_id;
    ret->room_role = call->room_role;
    ret->role = call->role;
    ret->until_ms = call->until_ms;
    ret->display_name = call->display_name;
    ret->topic = call->topic;
    ret->description = call->description;
    ret->privacy = call->privacy;
    ret->retention_ms = call->retention_ms;
    ret->clear = call->clear;
    ret->key = call->key;
    ret->actions = call->actions;
}

enum err gateway_call_fill(const Roost__V1__Call *call, const struct gateway_who *who,
                           INTERNAL(Call) * ret, uint8_t *ret_actor)
{
    struct scope_name scope = {0};
    if (!owner_of(call->method, ret_actor))
        return ERR_UNKNOWN_CALL;
    if (call->scope.len > 0) {
        enum err err = scope_parse_pattern(call->scope.data, call->scope.len, &scope, NULL);
        if (err)
            return err;
    }
    copy_fields(call, ret);
    ret->session = who->session;
    ret->peer_id = who->peer_id;
    ret->peer_name = bytes_of(who->name, who->name_size);
    ret->is_admin = who->is_admin;
    ret->is_verified = who->is_verified;
    ret->caller_role = who->role;
    ret->scope_kind = scope.prefix;
    ret->scope_name = bytes_of(scope.name, scope.name_size);
    return ERR_OK;
}
