/* SPDX-License-Identifier: MPL-2.0
 *
 * Rooms, their members, and invitations to them.
 */
#include <string.h>

#include "gateways/http/http_ask.h"
#include "gateways/http/http_rest.h"

enum clear_bit {
    CLEAR_DISPLAY_NAME = 1,
    CLEAR_TOPIC = 2,
    CLEAR_DESCRIPTION = 4,
    CLEAR_RETENTION = 8
};

/* A call about the room in the path. */
static bool begin_call(struct http_request *request, Roost__V1__Method method, Roost__V1__Call *ret)
{
    roost__v1__call__init(ret);
    ret->method = method;
    return http_scope(request, PREFIX_ROOM, http_variable(request, 0), &ret->scope);
}

static void call_room(struct http_request *request, Roost__V1__Method method)
{
    Roost__V1__Call call;
    if (begin_call(request, method, &call))
        http_call(request, &call, http_called_nothing);
}

/* --- Rooms. */

void http_get_rooms(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    bool is_mine = false;
    query.kind = ROOST__V1__QUERY_KIND__ROOMS;
    if (!http_flag(request, "mine", &is_mine) || !http_page(request, &query))
        return;
    query.online_only = is_mine;
    http_list(request, &query, "rooms");
}

static void answer_room(struct http_request *request, const INTERNAL(CallDone) * done)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    (void)done;
    query.kind = ROOST__V1__QUERY_KIND__ROOMS;
    query.scope = bytes_of(request->scope, strlen(request->scope));
    http_one(request, &query, "rooms", ERR_NO_SUCH_SCOPE);
}

void http_get_room(struct http_request *request)
{
    ProtobufCBinaryData scope;
    if (http_scope(request, PREFIX_ROOM, http_variable(request, 0), &scope))
        answer_room(request, NULL);
}

static void fill_room(const struct http_request *request, Roost__V1__Call *call)
{
    const struct http_fields *fields = request->fields;
    call->display_name = http_field(request, HTTP_FIELD_display_name);
    call->topic = http_field(request, HTTP_FIELD_topic);
    call->description = http_field(request, HTTP_FIELD_description);
    call->password = http_field(request, HTTP_FIELD_password);
    call->privacy = (Roost__V1__Privacy)fields->number[HTTP_FIELD_privacy];
    call->retention_ms = fields->number[HTTP_FIELD_retention_ms];
}

void http_post_room(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    ProtobufCBinaryData name = http_field(request, HTTP_FIELD_name);
    call.method = ROOST__V1__METHOD__ROOM_CREATE;
    fill_room(request, &call);
    if (http_scope(request, PREFIX_ROOM, name, &call.scope))
        http_call(request, &call, answer_room);
}

/* null and an empty text both empty a field. */
static bool is_emptied(const struct http_fields *fields, enum http_field field)
{
    bool is_number = http_field_rows[field].type == HTTP_TYPE_NUMBER;
    bool is_empty = is_number ? fields->number[field] == 0 : fields->text[field].size == 0;
    return fields->is_null[field] || (fields->is_set[field] && is_empty);
}

void http_patch_room(struct http_request *request)
{
    static const struct {
        enum http_field field;
        enum clear_bit bit;
    } clears[] = {
        {HTTP_FIELD_display_name, CLEAR_DISPLAY_NAME},
        {HTTP_FIELD_topic, CLEAR_TOPIC},
        {HTTP_FIELD_description, CLEAR_DESCRIPTION},
        {HTTP_FIELD_retention_ms, CLEAR_RETENTION},
    };
    Roost__V1__Call call;
    if (!begin_call(request, ROOST__V1__METHOD__ROOM_UPDATE, &call))
        return;
    fill_room(request, &call);
    for (size_t i = 0; i < sizeof(clears) / sizeof(clears[0]); i++) {
        if (is_emptied(request->fields, clears[i].field))
            call.clear |= clears[i].bit;
    }
    http_call(request, &call, answer_room);
}

void http_delete_room(struct http_request *request)
{
    call_room(request, ROOST__V1__METHOD__ROOM_ARCHIVE);
}

void http_join_room(struct http_request *request)
{
    Roost__V1__Call call;
    if (!begin_call(request, ROOST__V1__METHOD__ROOM_JOIN, &call))
        return;
    call.password = http_field(request, HTTP_FIELD_password);
    http_call(request, &call, http_called_nothing);
}

void http_leave_room(struct http_request *request)
{
    call_room(request, ROOST__V1__METHOD__ROOM_LEAVE);
}

void http_read_room(struct http_request *request)
{
    Roost__V1__Call call;
    if (!begin_call(request, ROOST__V1__METHOD__MARK_READ, &call))
        return;
    call.seq = request->fields->number[HTTP_FIELD_seq];
    http_call(request, &call, http_called_nothing);
}

/* --- Members. */

void http_get_members(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    bool is_online = false;
    query.kind = ROOST__V1__QUERY_KIND__MEMBERS;
    if (!http_flag(request, "online", &is_online) || !http_page(request, &query) ||
        !http_scope(request, PREFIX_ROOM, http_variable(request, 0), &query.scope))
        return;
    query.online_only = is_online;
    http_list(request, &query, "members");
}

void http_put_member(struct http_request *request)
{
    Roost__V1__Call call;
    struct http_text text = request->fields->text[HTTP_FIELD_role];
    int role = 0;
    bool is_one = http_enum_value(&roost__v1__room_role__descriptor, text.data, text.size, &role);
    if (!is_one || role == ROOST__V1__ROOM_ROLE__ROOM_ROLE_NONE) {
        http_answer_error(request, ERR_BAD_FIELD,
                          "role: must be owner, room_moderator, member, reader or banned");
        return;
    }
    if (!begin_call(request, ROOST__V1__METHOD__MEMBER_ROLE, &call))
        return;
    call.peer = http_variable(request, 1);
    call.room_role = (Roost__V1__RoomRole)role;
    http_call(request, &call, http_called_nothing);
}

void http_delete_member(struct http_request *request)
{
    Roost__V1__Call call;
    if (!begin_call(request, ROOST__V1__METHOD__MEMBER_ROLE, &call))
        return;
    call.peer = http_variable(request, 1);
    http_call(request, &call, http_called_nothing);
}

/* --- Messages. */

void http_get_room_messages(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__HISTORY;
    if (http_page(request, &query) &&
        http_scope(request, PREFIX_ROOM, http_variable(request, 0), &query.scope))
        http_list(request, &query, "messages");
}

void http_post_room_message(struct http_request *request)
{
    ProtobufCBinaryData scope;
    if (http_scope(request, PREFIX_ROOM, http_variable(request, 0), &scope))
        http_send(request, scope);
}

/* --- Invitations. */

void http_get_invitations(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    bool is_sent = false;
    query.kind = ROOST__V1__QUERY_KIND__INVITATIONS;
    if (!http_flag(request, "sent", &is_sent) || !http_page(request, &query))
        return;
    if (is_sent)
        query.peer = bytes_of(request->caller->name, request->caller->name_size);
    http_list(request, &query, "invitations");
}

static void invited(struct http_request *request, const INTERNAL(CallDone) * done)
{
    struct http_json json;
    http_answer_object(request, &json);
    http_json_id(&json, "invitation_id", done->invitation_id.data, done->invitation_id.len);
    http_answer_object_end(request, &json, MHD_HTTP_CREATED);
}

void http_post_invitation(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__INVITE;
    call.peer = http_field(request, HTTP_FIELD_peer);
    call.text = http_field(request, HTTP_FIELD_text);
    if (http_scope(request, PREFIX_ROOM, http_field(request, HTTP_FIELD_room), &call.scope))
        http_call(request, &call, invited);
}

static void accepted(struct http_request *request, const INTERNAL(CallDone) * done)
{
    struct http_json json;
    http_answer_object(request, &json);
    http_json_array(&json, "scopes");
    for (size_t i = 0; i < done->n_scopes; i++)
        http_json_bytes(&json, NULL, done->scopes[i].data, done->scopes[i].len);
    http_json_array_end(&json);
    http_json_number(&json, "failed", done->failed);
    http_answer_object_end(request, &json, MHD_HTTP_OK);
}

static void call_invitation(struct http_request *request, Roost__V1__Method method,
                            http_called *on_called)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    if (!http_id(request, 0, request->id))
        return;
    call.method = method;
    call.invitation_id = bytes_of(request->id, sizeof(request->id));
    http_call(request, &call, on_called);
}

void http_accept_invitation(struct http_request *request)
{
    call_invitation(request, ROOST__V1__METHOD__INVITE_ACCEPT, accepted);
}

void http_decline_invitation(struct http_request *request)
{
    call_invitation(request, ROOST__V1__METHOD__INVITE_DECLINE, http_called_nothing);
}

void http_delete_invitation(struct http_request *request)
{
    call_invitation(request, ROOST__V1__METHOD__INVITE_REVOKE, http_called_nothing);
}

void http_accept_all(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__INVITE_ACCEPT;
    call.all = true;
    http_call(request, &call, accepted);
}
