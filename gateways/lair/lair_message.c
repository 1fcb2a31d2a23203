/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages: direct ones, replies, edits, reactions, read marks, search and history. Ids on the wire
 * are message ids in their 36-character form.
 */
#include <string.h>

#include "gateways/lair/lair_internal.h"

#define SEARCH_MAX 20

/* What the texts call it. */
static const char *verb_of(const struct lair_connection *connection)
{
    switch ((int)connection->request->command.kind) {
    case LAIR_EDIT:
        return "edit message";
    case LAIR_DELETE:
        return "delete message";
    case LAIR_REACT:
        return "add reaction";
    case LAIR_UNREACT:
        return "remove reaction";
    case LAIR_REPLY:
        return "create reply";
    default:
        return "mark as read";
    }
}

static struct lair_text id_of(const struct lair_connection *connection)
{
    return connection->request->command.first;
}

static void say_no_message(struct lair_connection *connection)
{
    lair_say(connection, TEXT_NO_MESSAGE, verb_of(connection), id_of(connection));
}

static bool read_id(const struct lair_connection *connection, uint8_t ret_id[UUID_BYTES])
{
    struct lair_text id = id_of(connection);
    return uuid_parse(id.data, id.size, ret_id) == ERR_OK;
}

/* --- DM */

static void on_dm_stored(struct lair_connection *connection, enum err err,
                         const uint8_t message_id[UUID_BYTES])
{
    struct lair_command *command = &connection->request->command;
    (void)message_id;
    if (err == ERR_NO_SUCH_PEER)
        lair_say(connection, TEXT_DM_UNKNOWN, command->first);
    else if (err)
        lair_say(connection, TEXT_DM_FAILED, err_sentence(err));
    else if (lair_user_find(connection->gateway, command->first))
        lair_say(connection, TEXT_DM_SENT, command->first, command->second);
    else
        lair_say(connection, TEXT_DM_KEPT, command->first);
    lair_request_end(connection);
}

static void store_dm(struct lair_connection *connection)
{
    const struct lair_command *command = &connection->request->command;
    char scope[WIRE_SCOPE_BYTES_MAX + 1];
    size_t size = scope_format(PREFIX_PEER, command->first.data, command->first.size, scope);
    lair_store(connection, lair_text_of(scope, size), command->second, NULL, on_dm_stored);
}

/* A name nobody ever used is told at once; writing to it would make a mailbox of it. */
static void on_dm_peer(struct lair_connection *connection, const Roost__V1__Result *result,
                       enum err err)
{
    struct lair_request *request = connection->request;
    if (result) {
        request->is_known = request->is_known || result->n_peers > 0;
        return;
    }
    if (request->is_known) {
        store_dm(connection);
        return;
    }
    if (err && err != ERR_NO_SUCH_PEER)
        lair_say(connection, TEXT_DM_FAILED, err_sentence(err));
    else
        lair_say(connection, TEXT_DM_UNKNOWN, request->command.first);
    lair_request_end(connection);
}

static void direct_message(struct lair_connection *connection)
{
    struct lair_text user = connection->request->command.first;
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    if (name_check(user.data, user.size, NULL) != ERR_OK) {
        lair_say(connection, TEXT_DM_UNKNOWN, user);
        lair_request_end(connection);
        return;
    }
    if (lair_user_find(connection->gateway, user)) {
        store_dm(connection);
        return;
    }
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.peer = bytes_of(user.data, user.size);
    lair_query(connection, &query, on_dm_peer);
}

/* --- EDIT, DELETE, REACT, UNREACT */

static void say_changed(struct lair_connection *connection)
{
    const struct lair_command *command = &connection->request->command;
    switch ((int)command->kind) {
    case LAIR_EDIT:
        lair_say(connection, TEXT_EDITED, command->first, command->second);
        break;
    case LAIR_DELETE:
        lair_say(connection, TEXT_DELETED, command->first);
        break;
    case LAIR_REACT:
        lair_say(connection, TEXT_REACTED, command->first, command->second);
        break;
    default:
        lair_say(connection, TEXT_UNREACTED, command->first, command->second);
    }
}

static void on_changed(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    enum err err = done->code ? err_from_code(done->code) : ERR_OK;
    const char *verb = verb_of(connection);
    if (!err)
        say_changed(connection);
    else if (err == ERR_NO_SUCH_MESSAGE || err == ERR_DELETED)
        say_no_message(connection);
    else if (err == ERR_NOT_ALLOWED)
        lair_say(connection, TEXT_NOT_AUTHOR, verb,
                 connection->request->command.kind == LAIR_DELETE ? "delete" : "edit");
    else
        lair_say(connection, TEXT_CHANGE_FAILED, verb,
                 done->text[0] ? done->text : err_sentence(err));
    lair_request_end(connection);
}

static void change(struct lair_connection *connection)
{
    const struct lair_command *command = &connection->request->command;
    uint8_t id[UUID_BYTES];
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    if (!read_id(connection, id)) {
        say_no_message(connection);
        lair_request_end(connection);
        return;
    }
    call.message_ids = bytes_of(id, UUID_BYTES);
    switch ((int)command->kind) {
    case LAIR_EDIT:
        call.method = ROOST__V1__METHOD__MESSAGE_EDIT;
        call.body = bytes_of(command->second.data, command->second.size);
        break;
    case LAIR_DELETE:
        call.method = ROOST__V1__METHOD__MESSAGE_DELETE;
        break;
    default:
        call.method =
            command->kind == LAIR_REACT ? ROOST__V1__METHOD__REACT : ROOST__V1__METHOD__UNREACT;
        call.text = bytes_of(command->second.data, command->second.size);
    }
    lair_call(connection, &call, on_changed);
}

/* --- REPLY, MARK_READ: the message is looked up first. */

static void on_replied(struct lair_connection *connection, enum err err,
                       const uint8_t message_id[UUID_BYTES])
{
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(message_id, id);
    if (err)
        lair_say(connection, TEXT_CHANGE_FAILED, verb_of(connection), err_sentence(err));
    else
        lair_say(connection, TEXT_REPLIED, id_of(connection), id);
    lair_request_end(connection);
}

static void on_marked(struct lair_connection *connection, const INTERNAL(CallDone) * done)
{
    (void)done; /* the text is the same when nothing was to be marked */
    lair_say(connection, TEXT_READ, id_of(connection));
    lair_request_end(connection);
}

static void mark_read(struct lair_connection *connection)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = ROOST__V1__METHOD__MARK_READ;
    call.scope_kind = PREFIX_ROOM;
    call.scope_name = bytes_of(connection->request->name, connection->request->name_size);
    call.seq = connection->request->seq;
    lair_call(connection, &call, on_marked);
}

static void take_found(struct lair_request *request, const Roost__V1__Delivery *message)
{
    struct scope_name scope;
    if (scope_parse(message->scope.data, message->scope.len, &scope, NULL) != ERR_OK ||
        scope.prefix != PREFIX_ROOM)
        return; /* a letter: there is no room to mark it in */
    request->seq = message->seq;
    request->name_size = scope.name_size;
    memcpy(request->name, scope.name, scope.name_size);
}

static void on_found(struct lair_connection *connection, const Roost__V1__Result *result,
                     enum err err)
{
    struct lair_request *request = connection->request;
    uint8_t id[UUID_BYTES];
    if (result) {
        for (size_t i = 0; i < result->n_messages; i++)
            take_found(request, result->messages[i]);
        return;
    }
    bool is_found = !err && request->seq > 0 && read_id(connection, id);
    if (request->command.kind == LAIR_REPLY && is_found) {
        lair_store(connection, lair_room_scope(connection), request->command.second, id,
                   on_replied);
        return;
    }
    if (request->command.kind == LAIR_MARK_READ && is_found) {
        mark_read(connection);
        return;
    }
    if (request->command.kind == LAIR_MARK_READ)
        lair_say(connection, TEXT_READ, id_of(connection));
    else
        say_no_message(connection);
    lair_request_end(connection);
}

static void find(struct lair_connection *connection)
{
    uint8_t id[UUID_BYTES];
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    if (!read_id(connection, id)) {
        on_found(connection, NULL, ERR_NO_SUCH_MESSAGE);
        return;
    }
    query.kind = ROOST__V1__QUERY_KIND__BY_ID;
    query.message_ids = bytes_of(id, UUID_BYTES);
    lair_query(connection, &query, on_found);
}

/* --- SEARCH, HISTORY */

static struct lair_text sender_of(const Roost__V1__Delivery *message)
{
    return lair_text_of(message->sender.data, message->sender.len);
}

static void on_search(struct lair_connection *connection, const Roost__V1__Result *result,
                      enum err err)
{
    struct lair_request *request = connection->request;
    for (size_t i = 0; result && i < result->n_messages; i++) {
        const Roost__V1__Delivery *message = result->messages[i];
        char id[UUID_TEXT_LENGTH + 1] = "";
        if (message->message_id.len == UUID_BYTES)
            uuid_format(message->message_id.data, id);
        lair_put(&request->text, request->count++ ? "|%s:%T:%T" : "%s:%T:%T", id,
                 sender_of(message), lair_clean(connection->gateway, message->body));
    }
    if (result)
        return;
    if (err)
        lair_say(connection, TEXT_CHANGE_FAILED, "search messages", err_sentence(err));
    else
        lair_say(connection, TEXT_SEARCH "%T",
                 lair_text_of(buf_data(&request->text), buf_size(&request->text)));
    lair_request_end(connection);
}

static void search(struct lair_connection *connection)
{
    struct lair_text words = connection->request->command.first;
    struct lair_text scope = lair_room_scope(connection);
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__SEARCH;
    query.scope = bytes_of(scope.data, scope.size);
    query.text =
        bytes_of(words.data, words.size < WIRE_TEXT_BYTES_MAX ? words.size : WIRE_TEXT_BYTES_MAX);
    query.limit = SEARCH_MAX;
    lair_query(connection, &query, on_search);
}

static void on_history(struct lair_connection *connection, const Roost__V1__Result *result,
                       enum err err)
{
    for (size_t i = 0; result && i < result->n_messages; i++) {
        const Roost__V1__Delivery *message = result->messages[i];
        if (message->deleted_ms == 0)
            lair_say(connection, TEXT_HISTORY, sender_of(message),
                     lair_clean(connection->gateway, message->body));
    }
    if (result)
        return;
    if (err)
        lair_say(connection, TEXT_CHANGE_FAILED, "get history", err_sentence(err));
    lair_request_end(connection);
}

static void history(struct lair_connection *connection)
{
    uint32_t count = connection->request->command.number;
    struct lair_text scope = lair_room_scope(connection);
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    if (count == 0) {
        lair_request_end(connection);
        return;
    }
    query.kind = ROOST__V1__QUERY_KIND__HISTORY;
    query.scope = bytes_of(scope.data, scope.size);
    query.newest_first = true;
    query.limit = count;
    lair_query(connection, &query, on_history);
}

void lair_run_message(struct lair_connection *connection, const struct lair_command *command,
                      struct lair_text line)
{
    if (!lair_request_begin(connection, line.data, line.size))
        return;
    switch ((int)command->kind) {
    case LAIR_DM:
        direct_message(connection);
        break;
    case LAIR_REPLY:
    case LAIR_MARK_READ:
        find(connection);
        break;
    case LAIR_SEARCH:
        search(connection);
        break;
    case LAIR_HISTORY:
        history(connection);
        break;
    default:
        change(connection);
    }
}
