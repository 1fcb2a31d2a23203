/* SPDX-License-Identifier: MPL-2.0
 *
 * Authentication, and the users behind connections.
 *
 *     request -> LOGIN (accounts) -> SESSION_OPEN (peer-registry) -> the success line
 *             -> others hear of it -> mail and the Lobby's messages begin to come
 *
 * A user may have several connections; the newest one gets what is meant for the user, and when it
 * leaves, the one before it.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/lair/lair_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define KIND             "lair"
#define SEEN_PER_MESSAGE 1000u

/* --- Users. */

struct lair_user *lair_user_find(struct tcp_gateway *gateway, struct lair_text name)
{
    struct name_folded folded;
    if (name_fold(name.data, name.size, &folded) != ERR_OK)
        return NULL;
    return hash_get_pointer(&gateway->users, folded.text, folded.size);
}

static struct lair_user *make_user(struct tcp_gateway *gateway, ProtobufCBinaryData name,
                                   int64_t peer_id)
{
    struct lair_user *user = lair_user_find(gateway, lair_text_of(name.data, name.len));
    if (user || name.len > WIRE_NAME_BYTES_MAX)
        return user;
    user = calloc(1, sizeof(*user));
    if (!user || name_fold(name.data, name.len, &user->folded) != ERR_OK ||
        hash_put_pointer(&gateway->users, user->folded.text, user->folded.size, user) != ERR_OK) {
        free(user);
        return NULL;
    }
    user->peer_id = peer_id;
    user->name_size = name.len;
    memcpy(user->name, name.data, name.len);
    return user;
}

/* --- The request. */

static void refuse(struct lair_connection *connection, enum err err)
{
    static const struct {
        enum err err;
        const char *text;
    } texts[] = {
        {ERR_NO_SUCH_USER, TEXT_AUTH_UNKNOWN},      {ERR_BAD_CREDENTIALS, TEXT_AUTH_WRONG},
        {ERR_NAME_TAKEN, TEXT_AUTH_TAKEN},          {ERR_LOCKED_OUT, TEXT_AUTH_LIMIT},
        {ERR_BAD_NAME, TEXT_AUTH_BAD_NAME},         {ERR_RESERVED_NAME, TEXT_AUTH_BAD_NAME},
        {ERR_BAD_PASSWORD, TEXT_AUTH_PASSWORD},     {ERR_ACCOUNT_BANNED, TEXT_AUTH_BANNED},
        {ERR_ACCOUNT_INACTIVE, TEXT_AUTH_INACTIVE}, {ERR_NOT_ALLOWED, TEXT_AUTH_CLOSED},
        {ERR_DISK_FULL, TEXT_AUTH_STORAGE},         {ERR_TOO_MANY_SESSIONS, TEXT_AUTH_LIMIT},
    };
    const char *text = TEXT_AUTH_INTERNAL;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].err == err)
            text = texts[i].text;
    }
    lair_request_end(connection);
    lair_say(connection, text);
}

static enum err ask_login(struct lair_connection *connection, const struct lair_auth *auth)
{
    INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
    size_t name_size = strlen(auth->username), secret_size = strlen(auth->password);
    if (name_check_user(auth->username, name_size, NULL) != ERR_OK)
        return auth->is_register ? ERR_BAD_NAME : ERR_NO_SUCH_USER;
    if (secret_size == 0 || secret_size > WIRE_CREDENTIALS_BYTES_MAX)
        return auth->is_register ? ERR_BAD_PASSWORD : ERR_BAD_CREDENTIALS;
    login.session = connection->session;
    login.name = bytes_of(auth->username, name_size);
    login.secret = bytes_of(auth->password, secret_size);
    login.is_register = auth->is_register;
    login.kind = bytes_of(KIND, strlen(KIND));
    login.tells_unknown = true;
    return actor_ask(connection->gateway->actor, ACTOR_ACCOUNTS, MSG_LOGIN, &login.base, NULL,
                     LAIR_ASK_DEADLINE_MS, connection->session);
}

void lair_authenticate(struct lair_connection *connection, const char *text, size_t size)
{
    struct lair_auth auth;
    if (lair_auth_parse(text, size, &auth) != ERR_OK) {
        lair_say(connection, TEXT_AUTH_INVALID);
        return;
    }
    if (lair_request_begin(connection, "", 0)) {
        enum err err = ask_login(connection, &auth);
        if (err)
            refuse(connection, err);
    }
    lair_auth_fini(&auth);
}

static struct lair_connection *stranger_of(struct actor *actor, struct tcp_gateway *gateway,
                                           const struct msg *msg)
{
    uint64_t session;
    if (!actor_context(actor, msg, &session))
        return NULL;
    struct lair_connection *connection = lair_connection_of(gateway, session);
    return connection && connection->state == LAIR_STRANGER ? connection : NULL;
}

static enum err ask_registry(struct lair_connection *connection, const INTERNAL(LoginDone) * done)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    open.session = connection->session;
    open.peer_name = done->name;
    open.kind = bytes_of("tcp", 3);
    open.is_verified = true;
    connection->request->count = done->role;
    enum err err = actor_ask(connection->gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN,
                             &open.base, NULL, LAIR_ASK_DEADLINE_MS, connection->session);
    connection->has_session = !err;
    return err;
}

enum err lair_on_login_done(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(LoginDone) *done = MSG_BODY(msg, INTERNAL(LoginDone));
    struct lair_connection *connection = stranger_of(actor, state, msg);
    if (!connection || !connection->request)
        return ERR_OK;
    enum err err = done->code ? err_from_code(done->code) : ERR_OK;
    if (!err && !done->is_verified)
        err = ERR_NO_SUCH_USER;
    if (!err)
        err = ask_registry(connection, done);
    if (err) {
        refuse(connection, err);
        lair_go_on(connection);
    }
    return ERR_OK;
}

/* The newest connection of a user gets his mail. */
static void join_user(struct lair_connection *connection, struct lair_user *user)
{
    struct lair_connection *older = user->newest;
    if (older)
        lair_mail_settle(older, true); /* the mailbox is taken over */
    if (older)
        older->has_mail = false;
    connection->user = user;
    connection->user_next = older;
    user->newest = connection;
}

enum err lair_on_session_opened(struct actor *actor, void *state, const struct msg *msg)
{
    struct tcp_gateway *gateway = state;
    const INTERNAL(SessionOpened) *opened = MSG_BODY(msg, INTERNAL(SessionOpened));
    struct lair_connection *connection = stranger_of(actor, gateway, msg);
    if (!connection || !connection->request)
        return ERR_OK;
    struct lair_user *user =
        opened->code ? NULL : make_user(gateway, opened->peer_name, opened->peer_id);
    if (!user) {
        lair_session_end(connection, 0);
        refuse(connection, opened->code ? err_from_code(opened->code) : ERR_BUSY);
        lair_go_on(connection);
        return ERR_OK;
    }
    user->role = connection->request->count;
    lair_request_end(connection);
    join_user(connection, user);
    connection->state = LAIR_OPEN;
    metrics_add(actor_metrics(actor), METRIC_SESSIONS, 1);
    metrics_add(actor_metrics(actor), METRIC_VERIFIED, 1);
    lair_news_join(connection);
    lair_say(connection, TEXT_AUTH_OK);
    lair_users_changed(gateway, connection);
    lair_say_all(gateway, connection, TEXT_ROOM_STATUS, lair_text_of(LAIR_LOBBY, 5),
                 lair_text_of(user->name, user->name_size));
    lair_enter(connection, lair_text_of(LAIR_LOBBY, 5));
    lair_mail_attach(connection);
    lair_go_on(connection);
    return ERR_OK;
}

void lair_login_no_answer(struct lair_connection *connection)
{
    if (connection->state != LAIR_STRANGER || !connection->request)
        return;
    lair_session_end(connection, 0); /* it may be opened yet */
    refuse(connection, ERR_TIMEOUT);
}

/* --- The end. */

void lair_session_end(struct lair_connection *connection, uint32_t code)
{
    static const uint8_t actors[] = {ACTOR_PEER_REGISTRY, ACTOR_SYNC_MANAGER, ACTOR_PERSISTENCE};
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = connection->session;
    closed.peer_id = connection->user ? connection->user->peer_id : 0;
    closed.reason = code;
    if (!connection->has_session)
        return;
    connection->has_session = false;
    for (size_t i = 0; i < sizeof(actors); i++) {
        enum err err = actor_send(connection->gateway->actor, actors[i], MSG_SESSION_CLOSED,
                                  &closed.base, NULL);
        if (err)
            log_warn("session-closed-lost", LOG_U64("to", actors[i]), LOG_ERROR(err));
    }
}

static void leave_user(struct lair_connection *connection)
{
    struct lair_user *user = connection->user;
    struct lair_connection **link = &user->newest;
    bool was_newest = user->newest == connection;
    while (*link != connection)
        link = &(*link)->user_next;
    *link = connection->user_next;
    if (user->newest && was_newest)
        lair_mail_attach(user->newest);
}

void lair_logout(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    struct lair_user *user = connection->user;
    lair_mail_settle(connection, connection->is_orderly);
    lair_leave_feed(connection);
    lair_session_end(connection, connection->is_orderly ? 0 : err_code(ERR_NO_SESSION));
    leave_user(connection);
    if (!user->newest) {
        (void)hash_remove(&gateway->users, user->folded.text, user->folded.size, NULL);
        free(user);
    }
    connection->user = NULL;
    if (!gateway->is_stopping)
        lair_users_changed(gateway, NULL);
}

/* Who may not be here any more is closed; another role counts from now on. */
enum err lair_on_account_changed(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(AccountChanged) *changed = MSG_BODY(msg, INTERNAL(AccountChanged));
    struct lair_user *user =
        lair_user_find(state, lair_text_of(changed->name.data, changed->name.len));
    (void)actor;
    if (user && changed->role)
        user->role = changed->role;
    if (!user || changed->code == 0 || changed->only_unverified) /* all of ours have logged in */
        return ERR_OK;
    for (struct lair_connection *connection = user->newest; connection;
         connection = connection->user_next) {
        if (connection->session == changed->except_session)
            continue;
        lair_say(connection, TEXT_FAILED, err_sentence(err_from_code(changed->code)));
        lair_close(connection, false);
    }
    return ERR_OK;
}

/* A connection that is there counts as seen: the kernel finds out when it is not. */
void lair_tell_seen(struct tcp_gateway *gateway)
{
    uint64_t sessions[SEEN_PER_MESSAGE];
    ProtobufCBinaryData names[SEEN_PER_MESSAGE];
    INTERNAL(SessionsSeen) seen = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    struct u64map_cursor cursor = {0};
    bool has_more = true;
    seen.sessions = sessions;
    seen.peer_names = names;
    while (has_more) {
        has_more = u64map_next(&gateway->connections, &cursor);
        const struct lair_connection *connection =
            has_more ? (const struct lair_connection *)(uintptr_t)cursor.value : NULL;
        if (connection && connection->state == LAIR_OPEN) {
            names[seen.n_peer_names++] =
                bytes_of(connection->user->name, connection->user->name_size);
            sessions[seen.n_sessions++] = connection->session;
        }
        if (seen.n_sessions == SEEN_PER_MESSAGE || (!has_more && seen.n_sessions > 0)) {
            if (actor_send(gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &seen.base,
                           NULL) != ERR_OK)
                return; /* the next time */
            seen.n_sessions = seen.n_peer_names = 0;
        }
    }
}
