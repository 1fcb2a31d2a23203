/* SPDX-License-Identifier: MPL-2.0
 *
 * Sessions, accounts, tokens: paths below /sessions, /users and /me.
 */
#include <string.h>

#include "gateways/http/http_ask.h"

#define KIND "http"

/* --- POST /sessions, and POST /users without a token: LOGIN makes a token. */

static void ask_token(struct http_request *request, enum http_field name, bool is_register)
{
    INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
    char address[HTTP_ADDRESS_TEXT_MAX];
    login.session = request->ticket;
    login.name = http_field(request, name);
    login.secret = http_field(request, HTTP_FIELD_password);
    login.is_register = is_register;
    login.wants_token = true;
    login.kind = bytes_of(KIND, sizeof(KIND) - 1);
    http_request_address(request, address);
    login.address = bytes_of(address, strlen(address));
    enum err err = name_check(login.name.data, login.name.len, NULL);
    if (!err && (login.secret.len == 0 || login.secret.len > WIRE_CREDENTIALS_BYTES_MAX))
        err = is_register ? ERR_BAD_PASSWORD : ERR_BAD_CREDENTIALS;
    if (!err)
        err = actor_ask(request->gateway->actor, ACTOR_ACCOUNTS, MSG_LOGIN, &login.base, NULL,
                        HTTP_ASK_DEADLINE_MS, request->ticket);
    if (err)
        http_answer_error(request, err, NULL);
}

void http_post_session(struct http_request *request)
{
    ask_token(request, HTTP_FIELD_user, false);
}

void http_session_made(struct http_gateway *gateway, uint64_t ticket,
                       const INTERNAL(LoginDone) * done)
{
    struct http_request *request = http_request_of(gateway, ticket);
    struct http_json json;
    if (!request)
        return;
    if (done->code || !done->is_verified || done->token.len == 0) {
        enum err err = done->code ? err_from_code(done->code) : ERR_BAD_CREDENTIALS;
        http_answer_retry(request, err, done->text, done->retry_after_ms);
        return;
    }
    int64_t expires_ms = actor_wall(gateway->actor).ms + gateway->options->token_ms;
    http_answer_object(request, &json);
    http_json_bytes(&json, "token", done->token.data, done->token.len);
    http_json_bytes(&json, "user", done->name.data, done->name.len);
    http_json_signed(&json, "expires_ms", expires_ms);
    http_answer_object_end(request, &json, MHD_HTTP_CREATED);
}

/* --- Tokens. */

void http_get_sessions(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__SESSIONS;
    query.peer = http_parameter(request, "user");
    if (http_page(request, &query))
        http_list(request, &query, "sessions");
}

static void session_ended(struct http_request *request, const INTERNAL(CallDone) * done)
{
    if (done->count == 0)
        http_answer_error(request, ERR_NO_SUCH_PATH, "no session of this number is open");
    else
        http_answer(request, MHD_HTTP_NO_CONTENT);
}

void http_delete_session(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__SESSION_END;
    call.peer = http_parameter(request, "user");
    if (http_text_number(request->match.variables[0], WIRE_NUMBER_MAX, &call.seq) != ERR_OK ||
        call.seq == 0)
        http_answer_error(request, ERR_NO_SUCH_PATH, "the number of a session is expected here");
    else
        http_call(request, &call, session_ended);
}

void http_delete_current_session(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    if (request->caller->token_id == 0) {
        http_answer(request, MHD_HTTP_NO_CONTENT); /* it came without one */
        return;
    }
    call.method = ROOST__V1__METHOD__SESSION_END;
    call.seq = (uint64_t)request->caller->token_id;
    http_call(request, &call, session_ended);
}

static void token_made(struct http_request *request, const INTERNAL(CallDone) * done)
{
    struct http_json json;
    http_answer_object(request, &json);
    http_json_bytes(&json, "token", done->token.data, done->token.len);
    http_answer_object_end(request, &json, MHD_HTTP_CREATED);
}

/* Is it the name of who asks? */
static bool is_own_name(const struct http_request *request, struct http_text name)
{
    struct name_folded given;
    const struct http_caller *caller = request->caller;
    return name_check(name.data, name.size, NULL) == ERR_OK &&
           name_fold(name.data, name.size, &given) == ERR_OK &&
           name_is(&given, caller->name, caller->name_size);
}

void http_post_token(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__TOKEN_CREATE;
    call.text = http_field(request, HTTP_FIELD_label);
    call.until_ms = request->fields->number[HTTP_FIELD_until_ms];
    if (is_own_name(request, request->match.variables[0]))
        http_call(request, &call, token_made);
    else
        http_answer_error(request, ERR_NOT_ALLOWED, "tokens can be made for oneself only");
}

void http_get_me(struct http_request *request)
{
    const struct http_caller *caller = request->caller;
    const struct http_gateway_options *options = request->gateway->options;
    struct http_json json;
    char role[16];
    http_enum_name(&roost__v1__role__descriptor, (int)caller->role, role, sizeof(role));
    http_answer_object(request, &json);
    http_json_bytes(&json, "name", caller->name, caller->name_size);
    http_json_text(&json, "role", role);
    http_json_bool(&json, "is_verified", caller->is_verified);
    http_json_bool(&json, "is_admin", http_caller_is_admin(caller));
    http_json_bool(&json, "needs_account", !options->is_open);
    http_json_text(&json, "version", options->software);
    http_json_hex(&json, "boot_id", options->boot_id, sizeof(options->boot_id));
    http_answer_object_end(request, &json, MHD_HTTP_OK);
}

/* --- Accounts. */

void http_get_users(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__USERS;
    if (http_page(request, &query))
        http_list(request, &query, "users");
}

void http_get_user(struct http_request *request)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__USERS;
    query.peer = http_variable(request, 0);
    http_one(request, &query, "users", ERR_NO_SUCH_USER);
}

static void user_made(struct http_request *request, const INTERNAL(CallDone) * done)
{
    ProtobufCBinaryData name = http_field(request, HTTP_FIELD_name);
    struct http_json json;
    (void)done;
    http_answer_object(request, &json);
    http_json_bytes(&json, "user", name.data, name.len);
    http_answer_object_end(request, &json, MHD_HTTP_CREATED);
}

static void register_by_caller(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__USER_REGISTER;
    call.peer = http_field(request, HTTP_FIELD_name);
    call.password = http_field(request, HTTP_FIELD_password);
    http_call(request, &call, user_made);
}

/* An administrator may where others may not; so whoever says who he is, asks as that. */
void http_post_user(struct http_request *request)
{
    if (request->head.authorization || request->gateway->options->is_open)
        http_caller_admit(request, register_by_caller);
    else
        ask_token(request, HTTP_FIELD_name, true);
}

void http_unlock_user(struct http_request *request)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.method = ROOST__V1__METHOD__USER_UNLOCK;
    call.peer = http_variable(request, 0);
    http_call(request, &call, http_called_nothing);
}

/* --- PATCH /users/{name}: one call for each thing that changes, in this order. */

enum patch_step { PATCH_ROLE, PATCH_ACTIVE, PATCH_BAN, PATCH_PASSWORD, PATCH_DONE };

static bool fill_role(struct http_request *request, Roost__V1__Call *call)
{
    struct http_text text = request->fields->text[HTTP_FIELD_role];
    int role = 0;
    bool is_one = http_enum_value(&roost__v1__role__descriptor, text.data, text.size, &role);
    call->method = ROOST__V1__METHOD__USER_ROLE;
    call->role = (Roost__V1__Role)role;
    if (!is_one || role == ROOST__V1__ROLE__ROLE_NONE) {
        http_answer_error(request, ERR_BAD_FIELD, "role: must be guest, user, moderator or admin");
        return false;
    }
    return true;
}

/* The next call from this step on; *ret_step is after it. */
static bool fill_patch(struct http_request *request, Roost__V1__Call *call, uint32_t step)
{
    const struct http_fields *fields = request->fields;
    switch ((enum patch_step)step) {
    case PATCH_ROLE:
        return fill_role(request, call);
    case PATCH_ACTIVE:
        call->method = ROOST__V1__METHOD__USER_ACTIVE;
        call->all = fields->number[HTTP_FIELD_active] != 0;
        return true;
    case PATCH_BAN:
        call->method = fields->number[HTTP_FIELD_banned] ? ROOST__V1__METHOD__USER_BAN
                                                         : ROOST__V1__METHOD__USER_UNBAN;
        if (fields->number[HTTP_FIELD_banned]) {
            call->until_ms = fields->number[HTTP_FIELD_until_ms];
            call->text = http_field(request, HTTP_FIELD_reason);
        }
        return true;
    case PATCH_PASSWORD:
        call->method = ROOST__V1__METHOD__USER_PASSWORD;
        call->password = http_field(request, HTTP_FIELD_password);
        call->text = http_field(request, HTTP_FIELD_old_password);
        return true;
    case PATCH_DONE:
        break;
    }
    return false;
}

static void patch_next(struct http_request *request, const INTERNAL(CallDone) * done)
{
    static const enum http_field fields[PATCH_DONE] = {HTTP_FIELD_role, HTTP_FIELD_active,
                                                       HTTP_FIELD_banned, HTTP_FIELD_password};
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    (void)done;
    while (request->step < PATCH_DONE && !request->fields->is_set[fields[request->step]])
        request->step++;
    if (request->step == PATCH_DONE) {
        http_answer(request, MHD_HTTP_NO_CONTENT);
        return;
    }
    call.peer = http_variable(request, 0);
    bool is_own = request->step == PATCH_PASSWORD &&
                  request->fields->is_set[HTTP_FIELD_old_password] &&
                  is_own_name(request, request->match.variables[0]);
    if (is_own) /* by the old password, also when an administrator would not need it */
        call.peer = bytes_of("", 0);
    if (fill_patch(request, &call, request->step++))
        http_call(request, &call, patch_next);
}

void http_patch_user(struct http_request *request)
{
    request->step = PATCH_ROLE;
    patch_next(request, NULL);
}
