/* SPDX-License-Identifier: MPL-2.0
 *
 * Rooms and invitations: a command becomes a CALL or a QUERY, and its answer the prescribed texts. Who
 * may do what is decided where it is stored.
 */
#include <string.h>

#include "gateways/lair/lair_internal.h"

#define CALL(Name) ROOST__V1__METHOD__##Name

static struct lair_text user_name(const struct lair_connection *connection)
{
    return lair_text_of(connection->user->name, connection->user->name_size);
}

static struct lair_text first_of(const struct lair_connection *connection)
{
    return connection->request->command.first;
}

static enum err err_of(const INTERNAL(CallDone) * done)
{
    return done->code ? err_from_code(done->code) : ERR_OK;
}

static const char *reason(const INTERNAL(CallDone) * done)
{
    return done->text[0] ? done->text : err_sentence(err_of(done));
}

static void call_room(struct lair_connection *connection, uint32_t method, struct lair_text room,
                      lair_called *on_called)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = method;
    if (room.size > 0) {
        call.scope_kind = PREFIX_ROOM;
        call.scope_name = bytes_of(room.data, room.size);
    }
    lair_call(connection, &call, on_called);
}

/* A name that cannot be one is a room that does not exist. */
static bool is_name(struct lair_text name)
{
    return name_check(name.data, name.size, NULL) == ERR_OK;
}

/* The name as it is stored, else as it was written. */
static struct lair_text stored_name(const struct lair_connection *connection,
                                    const INTERNAL(CallDone) * done)
{
    return done->scope_name.len > 0 ? lair_text_of(done->scope_name.data, done->scope_name.len)
                                    : first_of(connection);
}

/* "room:NAME" to NAME. */
static struct lair_text room_of_scope(ProtobufCBinaryData scope)
{
    struct scope_name parsed;
    if (scope_parse(scope.data, scope.len, &parsed, NULL) != ERR_OK)
        return lair_text_of("", 0);
    return lair_text_of(parsed.name, parsed.name_size);
}

/* --- Being in a room: say it, as the command that led here wants it. */

void lair_entered(struct lair_connection *connection)
{
    struct lair_text room = lair_text_of(connection->feed->name, connection->feed->name_size);
    enum lair_command_kind kind = connection->request->command.kind;
    lair_say(connection,
             kind == LAIR_CREATE_ROOM  ? TEXT_ROOM_CREATED
             : kind == LAIR_LEAVE_ROOM ? TEXT_ROOM_LEFT
                                       : TEXT_ROOM_JOINED,
             kind == LAIR_LEAVE_ROOM ? first_of(connection) : room);
    lair_say(connection, TEXT_CURRENT_ROOM, room);
    lair_say_all(connection->gateway, NULL, TEXT_ROOM_STATUS, room, user_name(connection));
    lair_news_tell(connection);
    if (kind == LAIR_ACCEPT)
        lair_say(connection, TEXT_YOU_JOINED, room);
    lair_request_end(connection);
}

/* --- CREATE_ROOM, JOIN_ROOM, LEAVE_ROOM */

static void on_created(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    switch ((int)err_of(done)) {
    case ERR_OK:
        lair_enter(connection, stored_name(connection, done));
        return;
    case ERR_EXISTS:
        lair_say(connection, TEXT_ROOM_EXISTS, first_of(connection));
        break;
    case ERR_RESERVED_NAME:
        lair_say(connection, TEXT_ROOM_RESERVED);
        break;
    default:
        lair_say(connection, TEXT_CREATE_FAILED, reason(done));
    }
    lair_request_end(connection);
}

static void create_room(struct lair_connection *connection)
{
    struct lair_text name = first_of(connection);
    const char *problem = err_sentence(ERR_BAD_NAME);
    if (name.size == 0)
        lair_say(connection, TEXT_ROOM_EMPTY);
    else if (lair_is_lobby(name))
        lair_say(connection, TEXT_ROOM_RESERVED);
    else if (name_check_room(name.data, name.size, &problem) != ERR_OK)
        lair_say(connection, TEXT_CREATE_FAILED, problem);
    else {
        call_room(connection, CALL(ROOM_CREATE), name, on_created);
        return;
    }
    lair_request_end(connection);
}

static void on_joined(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    switch ((int)err_of(done)) {
    case ERR_OK:
        lair_enter(connection, stored_name(connection, done));
        return;
    case ERR_NO_SUCH_SCOPE:
    case ERR_BAD_NAME:
        lair_say(connection, TEXT_ROOM_UNKNOWN, first_of(connection));
        break;
    default:
        lair_say(connection, TEXT_JOIN_FAILED, first_of(connection));
    }
    lair_request_end(connection);
}

static void join_room(struct lair_connection *connection)
{
    struct lair_text name = first_of(connection);
    if (lair_is_lobby(name)) {
        lair_enter(connection, name);
    } else if (!is_name(name)) {
        lair_say(connection, TEXT_ROOM_UNKNOWN, name);
        lair_request_end(connection);
    } else {
        call_room(connection, CALL(ROOM_JOIN), name, on_joined);
    }
}

static void on_left(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    enum err err = err_of(done);
    if (err && err != ERR_NOT_MEMBER && err != ERR_NO_SUCH_SCOPE) {
        lair_say(connection, TEXT_LEAVE_FAILED, reason(done));
        lair_request_end(connection);
        return;
    }
    lair_enter(connection, lair_text_of(LAIR_LOBBY, strlen(LAIR_LOBBY)));
}

static void leave_room(struct lair_connection *connection)
{
    struct lair_feed *feed = connection->feed;
    struct lair_text room =
        feed ? lair_text_of(feed->name, feed->name_size) : (struct lair_text){0};
    if (!feed || lair_is_lobby(room)) {
        lair_request_end(connection); /* no reply at all */
        return;
    }
    /* ROOM_LEFT names it when it is no longer the current one. */
    lair_put(&connection->request->text, "%T", room);
    connection->request->command.first =
        lair_text_of(buf_data(&connection->request->text), room.size);
    call_room(connection, CALL(ROOM_LEAVE), room, on_left);
}

/* --- LIST_ROOMS */

static void query_rooms(struct lair_connection *connection);

static void on_rooms(struct lair_connection *connection, const Roost__V1__Result *result,
                     enum err err)
{
    struct lair_request *request = connection->request;
    for (size_t i = 0; result && i < result->n_rooms; i++) {
        struct lair_text name =
            lair_text_of(result->rooms[i]->name.data, result->rooms[i]->name.len);
        if (!lair_is_lobby(name) && !result->rooms[i]->is_archived)
            lair_put(&request->text, ",%T", name);
    }
    if (result)
        return;
    if (!err && request->name_size > 0) {
        query_rooms(connection); /* the next page */
        return;
    }
    if (err)
        lair_say(connection, TEXT_LIST_FAILED, err_sentence(err));
    else
        lair_say_text(connection, lair_text_of(buf_data(&request->text), buf_size(&request->text)));
    lair_request_end(connection);
}

static void query_rooms(struct lair_connection *connection)
{
    struct lair_request *request = connection->request;
    char after[WIRE_NAME_BYTES_MAX];
    size_t size = request->name_size;
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    memcpy(after, request->name, size);
    request->name_size = 0;
    query.kind = ROOST__V1__QUERY_KIND__ROOMS;
    query.limit = WIRE_PAGE_MAX;
    query.after_name = bytes_of(after, size);
    lair_query(connection, &query, on_rooms);
}

static void list_rooms(struct lair_connection *connection)
{
    lair_put(&connection->request->text, TEXT_ROOM_LIST);
    query_rooms(connection);
}

/* --- INVITE_USER */

static void on_invited(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    struct lair_text user = connection->request->command.first;
    struct lair_text room = connection->request->command.second;
    switch ((int)err_of(done)) {
    case ERR_OK:
        if (lair_user_find(connection->gateway, user))
            lair_say(connection, TEXT_INVITE_SENT, user, room);
        else
            lair_say(connection, TEXT_INVITE_OFFLINE, user);
        break;
    case ERR_NO_SUCH_SCOPE:
        lair_say(connection, TEXT_INVITE_NO_ROOM, room);
        break;
    case ERR_NOT_MEMBER:
    case ERR_NOT_ALLOWED:
    case ERR_ROOM_BANNED:
        lair_say(connection, TEXT_INVITE_OUTSIDE, room);
        break;
    case ERR_NO_SUCH_USER:
    case ERR_NO_SUCH_PEER:
    case ERR_BAD_NAME:
        lair_say(connection, TEXT_INVITE_NO_USER, user);
        break;
    case ERR_ALREADY_MEMBER:
        lair_say(connection, TEXT_INVITE_MEMBER, user, room);
        break;
    case ERR_ALREADY_INVITED:
        lair_say(connection, TEXT_INVITE_PENDING, user, room);
        break;
    default:
        lair_say(connection, TEXT_FAILED, reason(done));
    }
    lair_request_end(connection);
}

static void invite(struct lair_connection *connection)
{
    struct lair_text user = connection->request->command.first;
    struct lair_text room = connection->request->command.second;
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    if (!is_name(room)) {
        lair_say(connection, TEXT_INVITE_NO_ROOM, room);
        lair_request_end(connection);
        return;
    }
    call.method = CALL(INVITE);
    call.scope_kind = PREFIX_ROOM;
    call.scope_name = bytes_of(room.data, room.size);
    call.peer = is_name(user) ? bytes_of(user.data, user.size) : bytes_of("?", 1);
    lair_call(connection, &call, on_invited);
}

/* --- ACCEPT_INVITATION, DECLINE_INVITATION */

static void refuse_invitation(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    struct lair_text room = first_of(connection);
    switch ((int)err_of(done)) {
    case ERR_NO_SUCH_INVITATION:
        if (room.size == 0)
            lair_say(connection, TEXT_NONE_FOUND);
        else
            lair_say(connection, TEXT_NONE_FOR_ROOM, room);
        break;
    case ERR_NO_SUCH_SCOPE:
    case ERR_BAD_NAME:
        lair_say(connection, TEXT_INVITE_NO_ROOM, room);
        break;
    case ERR_ROOM_ARCHIVED:
        lair_say(connection, TEXT_ROOM_GONE);
        break;
    default:
        lair_say(connection, TEXT_FAILED, reason(done));
    }
    lair_request_end(connection);
}

static void on_accepted(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    if (done->code)
        refuse_invitation(connection, done);
    else
        lair_enter(connection, done->n_scopes > 0 ? room_of_scope(done->scopes[0])
                                                  : stored_name(connection, done));
}

static void on_declined(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    if (done->code) {
        refuse_invitation(connection, done);
        return;
    }
    lair_say(connection, TEXT_DECLINED, stored_name(connection, done));
    lair_request_end(connection);
}

static void answer_invitation(struct lair_connection *connection, uint32_t method,
                              lair_called *on_called)
{
    struct lair_text room = first_of(connection);
    if (room.size > 0 && !is_name(room)) {
        lair_say(connection, TEXT_INVITE_NO_ROOM, room);
        lair_request_end(connection);
        return;
    }
    call_room(connection, method, room, on_called);
}

/* --- LIST_INVITATIONS, ACCEPT_ALL_INVITATIONS */

static void on_invitations(struct lair_connection *connection, const Roost__V1__Result *result,
                           enum err err)
{
    struct lair_request *request = connection->request;
    for (size_t i = 0; result && i < result->n_invitations; i++) {
        const Roost__V1__Invitation *invitation = result->invitations[i];
        char id[UUID_TEXT_LENGTH + 1] = "";
        if (invitation->invitation_id.len == UUID_BYTES)
            uuid_format(invitation->invitation_id.data, id);
        lair_put(&request->text, TEXT_INVITATION, room_of_scope(invitation->scope),
                 lair_text_of(invitation->inviter.data, invitation->inviter.len), id);
        request->count++;
    }
    if (result)
        return;
    if (err)
        lair_say(connection, TEXT_FAILED, err_sentence(err));
    else if (request->count == 0)
        lair_say(connection, TEXT_NO_INVITATIONS);
    else
        lair_say(connection, TEXT_INVITATIONS "%T",
                 lair_text_of(buf_data(&request->text), buf_size(&request->text)));
    lair_request_end(connection);
}

static void list_invitations(struct lair_connection *connection)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__INVITATIONS;
    query.limit = WIRE_PAGE_MAX;
    lair_query(connection, &query, on_invitations);
}

static void on_all_accepted(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    struct buf *text = &connection->request->text;
    if (done->code && err_of(done) != ERR_NO_SUCH_INVITATION) {
        lair_say(connection, TEXT_FAILED, reason(done));
    } else if (done->n_scopes == 0 && done->failed == 0) {
        lair_say(connection, TEXT_NONE_TO_ACCEPT);
    } else {
        if (done->failed > 0)
            lair_put(text, TEXT_ACCEPTED_SOME, (unsigned)done->n_scopes, done->failed);
        else
            lair_put(text, TEXT_ACCEPTED_ALL, (unsigned)done->n_scopes);
        for (size_t i = 0; i < done->n_scopes; i++)
            lair_put(text, i == 0 ? "%T" : ", %T", room_of_scope(done->scopes[i]));
        lair_say_text(connection, lair_text_of(buf_data(text), buf_size(text)));
        for (size_t i = 0; i < done->n_scopes; i++)
            lair_say_all(connection->gateway, NULL, TEXT_ROOM_STATUS,
                         room_of_scope(done->scopes[i]), user_name(connection));
        lair_news_tell(connection);
    }
    lair_request_end(connection);
}

static void accept_all(struct lair_connection *connection)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = CALL(INVITE_ACCEPT);
    call.all = true;
    lair_call(connection, &call, on_all_accepted);
}

void lair_run_room(struct lair_connection *connection, const struct lair_command *command,
                   struct lair_text line)
{
    if (!lair_request_begin(connection, line.data, line.size))
        return;
    switch ((int)command->kind) {
    case LAIR_CREATE_ROOM:
        create_room(connection);
        break;
    case LAIR_JOIN_ROOM:
        join_room(connection);
        break;
    case LAIR_LEAVE_ROOM:
        leave_room(connection);
        break;
    case LAIR_LIST_ROOMS:
        list_rooms(connection);
        break;
    case LAIR_INVITE:
        invite(connection);
        break;
    case LAIR_ACCEPT:
        answer_invitation(connection, CALL(INVITE_ACCEPT), on_accepted);
        break;
    case LAIR_DECLINE:
        answer_invitation(connection, CALL(INVITE_DECLINE), on_declined);
        break;
    case LAIR_LIST_INVITATIONS:
        list_invitations(connection);
        break;
    default:
        accept_all(connection);
    }
}
