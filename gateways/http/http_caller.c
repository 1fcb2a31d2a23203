/* SPDX-License-Identifier: MPL-2.0
 *
 * Those who ask: one session of the broker for each token, and for each name without an account.
 *
 *     first request   LOGIN (accounts) -> SESSION_OPEN (peer-registry) -> its requests go on
 *     later ones      at once; every PROVE_MS, and when tokens of the name have ended, by LOGIN again
 *     silence         after http.session_s the session is closed, as by a goodbye
 *     ACCOUNT_CHANGED the role counts at once; who may not be here any more is closed
 *
 * A caller is found by a hash of its token or by its folded name: the token itself is kept nowhere. It
 * lives while requests or streams hold it. Requests that come before it is known wait in its line.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_caller.h"
#include "rt/check.h"
#include "rt/log.h"

#define KIND             "http"
#define PEER_DEFAULT     "dashboard"
#define PROVE_MS         60000
#define SEEN_PER_MESSAGE 500u
#define TOKEN_PREFIX     "roost_"
#define TOKEN_BYTES      49u
#define KEY_HASH_BYTES   32u
#define KEY_BYTES_MAX    (1u + NAME_FOLDED_BYTES_MAX)
#define SESSION_BIT      ((uint64_t)3 << 61) /* no other gateway numbers its sessions from here */

enum caller_state {
    CALLER_PROVING, /* LOGIN is asked */
    CALLER_OPENING, /* SESSION_OPEN is asked */
    CALLER_OPEN,
    CALLER_GONE, /* no new requests; freed when nobody holds it */
};

struct key {
    size_t size;
    uint8_t bytes[KEY_BYTES_MAX];
};

/* --- Life. */

void http_callers_init(struct http_gateway *gateway)
{
    uint32_t max = gateway->options->sessions_max;
    gateway->last_session = SESSION_BIT | ((uint64_t)actor_wall(gateway->actor).ms << 16);
    hash_init(&gateway->callers, max);
    u64map_init(&gateway->callers_by_session, (size_t)max * 2); /* gone ones too */
}

static struct http_caller *caller_of_session(const struct http_gateway *gateway, uint64_t session)
{
    return u64map_get_pointer(&gateway->callers_by_session, session);
}

static void tell_closed(struct http_caller *caller, uint32_t code)
{
    static const uint8_t actors[] = {ACTOR_PEER_REGISTRY, ACTOR_SYNC_MANAGER, ACTOR_PERSISTENCE};
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = caller->session;
    closed.peer_id = caller->peer_id;
    closed.reason = code;
    if (!caller->has_session)
        return;
    caller->has_session = false;
    for (size_t i = 0; i < sizeof(actors); i++) {
        enum err err =
            actor_send(caller->gateway->actor, actors[i], MSG_SESSION_CLOSED, &closed.base, NULL);
        if (err)
            log_warn("session-closed-lost", LOG_U64("to", actors[i]), LOG_ERROR(err));
    }
}

static void free_if_free(struct http_caller *caller)
{
    if (caller->state != CALLER_GONE || caller->holds > 0 || caller->line)
        return;
    (void)u64map_remove(&caller->gateway->callers_by_session, caller->session, NULL); /* there */
    free(caller->key);
    free(caller);
}

static void show_count(const struct http_gateway *gateway)
{
    struct metrics *metrics = actor_metrics(gateway->actor);
    int64_t count = (int64_t)hash_count(&gateway->callers), verified = 0;
    struct hash_cursor cursor = {0};
    while (hash_next(&gateway->callers, &cursor))
        verified += ((const struct http_caller *)(uintptr_t)cursor.value)->is_verified;
    metrics_set(metrics, METRIC_SESSIONS, count);
    metrics_set(metrics, METRIC_CONNECTED, count);
    metrics_set(metrics, METRIC_VERIFIED, verified);
}

/* Out of sight; whoever holds it finishes what it does. */
static void close_caller(struct http_caller *caller, uint32_t code)
{
    struct http_gateway *gateway = caller->gateway;
    if (caller->state == CALLER_GONE)
        return;
    if (caller->has_session)
        log_info("session-closed", LOG_U64("session", caller->session),
                 LOG_BYTES("peer", caller->name, caller->name_size), LOG_U64("reason", code));
    caller->state = CALLER_GONE;
    (void)hash_remove(&gateway->callers, caller->key, caller->key_size, NULL); /* it is there */
    show_count(gateway);
    tell_closed(caller, code);
}

void http_callers_fini(struct http_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->callers_by_session, &cursor)) {
        struct http_caller *caller = (struct http_caller *)(uintptr_t)cursor.value;
        close_caller(caller, 0);
        free(caller->key);
        free(caller);
    }
    u64map_fini(&gateway->callers_by_session);
    hash_fini(&gateway->callers);
}

/* One that nobody uses makes room for one that is needed. */
static void make_room(struct http_gateway *gateway)
{
    struct http_caller *oldest = NULL;
    struct hash_cursor cursor = {0};
    while (hash_next(&gateway->callers, &cursor)) {
        struct http_caller *caller = (struct http_caller *)(uintptr_t)cursor.value;
        bool is_idle = caller->state == CALLER_OPEN && caller->holds == 0;
        if (is_idle && (!oldest || caller->used.ns < oldest->used.ns))
            oldest = caller;
    }
    if (oldest) {
        close_caller(oldest, 0);
        free_if_free(oldest);
    }
}

static struct http_caller *add_caller(struct http_gateway *gateway, const struct key *key)
{
    if (hash_count(&gateway->callers) >= gateway->options->sessions_max)
        make_room(gateway);
    struct http_caller *caller = calloc(1, sizeof(*caller));
    uint8_t *copy = caller ? malloc(key->size) : NULL;
    uint64_t session = gateway->last_session + 1;
    if (!copy || hash_put_pointer(&gateway->callers, key->bytes, key->size, caller) != ERR_OK)
        goto fail;
    if (u64map_put_pointer(&gateway->callers_by_session, session, caller) != ERR_OK) {
        (void)hash_remove(&gateway->callers, key->bytes, key->size, NULL); /* it is there */
        goto fail;
    }
    memcpy(copy, key->bytes, key->size);
    caller->gateway = gateway;
    caller->session = gateway->last_session = session;
    caller->key = copy;
    caller->key_size = key->size;
    caller->used = actor_mono(gateway->actor);
    show_count(gateway);
    return caller;
fail:
    free(copy);
    free(caller);
    return NULL;
}

/* --- The line of those who wait until it is known. */

static void join_line(struct http_caller *caller, struct http_request *request)
{
    struct http_request **link = &caller->line;
    while (*link)
        link = &(*link)->line_next;
    *link = request;
    request->line_next = NULL;
    request->waits_for = caller;
}

static void leave_line(struct http_request *request)
{
    struct http_caller *caller = request->waits_for;
    if (!caller)
        return;
    struct http_request **link = &caller->line;
    while (*link != request)
        link = &(*link)->line_next;
    *link = request->line_next;
    request->waits_for = NULL;
}

/* Everybody in the line goes on, or is told why not. */
static void move_line(struct http_caller *caller, enum err err, uint32_t retry_after_ms)
{
    caller->holds++; /* while its requests come and go */
    while (caller->line) {
        struct http_request *request = caller->line;
        leave_line(request);
        if (err) {
            http_answer_retry(request, err, NULL, retry_after_ms);
        } else {
            http_caller_hold(request, caller);
            request->when_admitted(request);
        }
    }
    caller->holds--;
    free_if_free(caller);
}

static void refuse(struct http_caller *caller, enum err err, uint32_t retry_after_ms)
{
    metrics_add(actor_metrics(caller->gateway->actor), METRIC_SESSIONS_REFUSED, 1);
    close_caller(caller, err_code(err));
    move_line(caller, err, retry_after_ms);
}

/* --- Who a request says it comes from. */

static enum err key_of_token(const char *token, struct key *ret)
{
    size_t size = strlen(token);
    if (size != TOKEN_BYTES || strncmp(token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1) != 0)
        return ERR_BAD_CREDENTIALS;
    ret->bytes[0] = 't';
    ret->size = 1 + KEY_HASH_BYTES;
    (void)crypto_generichash(ret->bytes + 1, KEY_HASH_BYTES, (const uint8_t *)token, size, NULL, 0);
    return ERR_OK;
}

/* A header can carry ASCII only, so a name in it is percent-encoded where it needs to be. */
static enum err name_of_header(struct http_request *request, const char **ret_name,
                               size_t *ret_size)
{
    const char *given = request->head.peer ? request->head.peer : PEER_DEFAULT;
    size_t size = strlen(given);
    if (size >= sizeof(request->peer))
        return ERR_BAD_NAME;
    memcpy(request->peer, given, size);
    *ret_name = request->peer;
    *ret_size = size;
    if (!http_percent_decode(request->peer, ret_size) || name_is_reserved(request->peer, *ret_size))
        return ERR_BAD_NAME;
    return name_check(request->peer, *ret_size, NULL);
}

static enum err key_of_name(const char *name, size_t size, struct key *ret)
{
    struct name_folded folded;
    enum err err = name_fold(name, size, &folded);
    if (err)
        return err;
    ret->bytes[0] = 'n';
    memcpy(ret->bytes + 1, folded.text, folded.size);
    ret->size = 1 + folded.size;
    return ERR_OK;
}

/* *ret_token: NULL without one; then it is the peer `ret_name`. */
static enum err identify(struct http_request *request, struct key *ret_key, const char **ret_token,
                         struct http_text *ret_name)
{
    enum err err = http_head_token(&request->head, ret_token);
    if (err)
        return err;
    if (*ret_token)
        return key_of_token(*ret_token, ret_key);
    if (!request->gateway->options->is_open)
        return ERR_NO_CREDENTIALS;
    err = name_of_header(request, &ret_name->data, &ret_name->size);
    return err ? err : key_of_name(ret_name->data, ret_name->size, ret_key);
}

static enum err ask_login(struct http_caller *caller, const struct http_request *request,
                          const char *token, struct http_text name)
{
    INTERNAL(Login) login = ROOST__INTERNAL__LOGIN__INIT;
    login.session = caller->session;
    login.name = bytes_of(name.data, name.size);
    if (token)
        login.secret = bytes_of(token, strlen(token));
    login.kind = bytes_of(KIND, sizeof(KIND) - 1);
    http_request_address(request, caller->address);
    login.address = bytes_of(caller->address, strlen(caller->address));
    caller->state = CALLER_PROVING;
    return actor_ask(caller->gateway->actor, ACTOR_ACCOUNTS, MSG_LOGIN, &login.base, NULL,
                     HTTP_ASK_DEADLINE_MS, caller->session);
}

bool http_caller_is_current(const struct http_caller *caller)
{
    return caller->state == CALLER_OPEN && !caller->must_prove &&
           (caller->expires_ms == 0 || actor_wall(caller->gateway->actor).ms < caller->expires_ms);
}

/* What it proved still holds. */
static bool is_known(const struct http_caller *caller)
{
    const struct actor *actor = caller->gateway->actor;
    return http_caller_is_current(caller) &&
           mono_elapsed_ms(caller->proved, actor_mono(actor)) < PROVE_MS;
}

static void admit(struct http_request *request, struct http_caller *caller, const char *token,
                  struct http_text name)
{
    if (is_known(caller)) {
        http_caller_hold(request, caller);
        request->when_admitted(request);
        return;
    }
    bool is_asked = caller->state == CALLER_PROVING || caller->state == CALLER_OPENING;
    if (caller->is_asked && is_asked) {
        join_line(caller, request);
        return;
    }
    if (name.size && caller->name_size == 0) {
        memcpy(caller->name, name.data, name.size);
        caller->name_size = name.size;
    }
    join_line(caller, request);
    caller->is_asked = true;
    enum err err = ask_login(caller, request, token, name);
    if (err)
        refuse(caller, err, 0);
}

void http_caller_admit(struct http_request *request, http_handler *when_admitted)
{
    struct key key;
    const char *token;
    struct http_text name = {0};
    request->when_admitted = when_admitted;
    enum err err = identify(request, &key, &token, &name);
    if (err) {
        http_answer_error(request, err, NULL);
        return;
    }
    struct http_gateway *gateway = request->gateway;
    struct http_caller *caller = hash_get_pointer(&gateway->callers, key.bytes, key.size);
    if (!caller)
        caller = add_caller(gateway, &key);
    if (caller)
        admit(request, caller, token, name);
    else
        http_answer_error(request, ERR_TOO_MANY,
                          "too many sessions; http.sessions_max says how many may be");
}

void http_caller_hold(struct http_request *request, struct http_caller *caller)
{
    CHECK(!request->caller);
    request->caller = caller;
    caller->holds++;
    caller->used = actor_mono(caller->gateway->actor);
}

void http_caller_release(struct http_request *request)
{
    struct http_caller *caller = request->caller;
    leave_line(request);
    request->caller = NULL;
    if (!caller)
        return;
    CHECK(caller->holds > 0);
    caller->holds--;
    caller->used = actor_mono(caller->gateway->actor);
    free_if_free(caller);
}

bool http_caller_is_admin(const struct http_caller *caller)
{
    const struct http_gateway_options *options = caller->gateway->options;
    return gateway_is_admin(options->admins, options->admin_count, caller->name, caller->name_size,
                            caller->role);
}

struct gateway_who http_caller_who(const struct http_caller *caller)
{
    return (struct gateway_who){
        .session = caller->session,
        .peer_id = caller->peer_id,
        .name = caller->name,
        .name_size = caller->name_size,
        .role = caller->role,
        .is_verified = caller->is_verified,
        .is_admin = http_caller_is_admin(caller),
    };
}

/* --- Answers. */

static void set_name(struct http_caller *caller, ProtobufCBinaryData name)
{
    if (name.len == 0 || name.len > sizeof(caller->name))
        return;
    memcpy(caller->name, name.data, name.len);
    caller->name_size = name.len;
}

static enum err ask_registry(struct http_caller *caller)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    open.session = caller->session;
    open.peer_name = bytes_of(caller->name, caller->name_size);
    open.kind = bytes_of(KIND, sizeof(KIND) - 1);
    open.address = bytes_of(caller->address, strlen(caller->address));
    open.is_verified = caller->is_verified;
    caller->state = CALLER_OPENING;
    enum err err = actor_ask(caller->gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN,
                             &open.base, NULL, HTTP_ASK_DEADLINE_MS, caller->session);
    caller->has_session = !err;
    return err;
}

static void go_on(struct http_caller *caller)
{
    caller->state = CALLER_OPEN;
    caller->is_asked = caller->must_prove = false;
    caller->proved = actor_mono(caller->gateway->actor);
    show_count(caller->gateway);
    move_line(caller, ERR_OK, 0);
}

enum err http_on_login_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    const INTERNAL(LoginDone) *done = MSG_BODY(msg, INTERNAL(LoginDone));
    uint64_t context;
    if (!actor_context(actor, msg, &context))
        return ERR_OK;
    struct http_caller *caller = caller_of_session(gateway, context);
    if (!caller) {
        http_session_made(gateway, context, done); /* POST /sessions: the context is a ticket */
        return ERR_OK;
    }
    if (caller->state != CALLER_PROVING)
        return ERR_OK;
    if (done->code) {
        refuse(caller, err_from_code(done->code), done->retry_after_ms);
        return ERR_OK;
    }
    set_name(caller, done->name);
    caller->is_verified = done->is_verified;
    caller->role = done->is_verified ? done->role : 0;
    caller->token_id = done->token_id;
    caller->expires_ms = done->token_expires_ms;
    if (caller->has_session) {
        go_on(caller); /* it had proved itself before */
        return ERR_OK;
    }
    enum err err = ask_registry(caller);
    if (err)
        refuse(caller, err, 0);
    return ERR_OK;
}

enum err http_on_session_opened(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(SessionOpened) *opened = MSG_BODY(msg, INTERNAL(SessionOpened));
    uint64_t context;
    if (!actor_context(actor, msg, &context))
        return ERR_OK;
    struct http_caller *caller = caller_of_session(state, context);
    if (!caller || caller->state != CALLER_OPENING)
        return ERR_OK;
    if (opened->code || opened->peer_id == 0) {
        refuse(caller, opened->code ? err_from_code(opened->code) : ERR_INTERNAL, 0);
        return ERR_OK;
    }
    set_name(caller, opened->peer_name);
    caller->peer_id = opened->peer_id;
    metrics_add(actor_metrics(actor), METRIC_SESSIONS_OPENED, 1);
    log_info("session-open", LOG_U64("session", caller->session),
             LOG_BYTES("peer", caller->name, caller->name_size),
             LOG_BOOL("verified", caller->is_verified));
    go_on(caller);
    return ERR_OK;
}

bool http_caller_no_answer(struct http_gateway *gateway, uint64_t context)
{
    struct http_caller *caller = caller_of_session(gateway, context);
    if (caller && (caller->state == CALLER_PROVING || caller->state == CALLER_OPENING))
        refuse(caller, ERR_TIMEOUT, 0);
    return caller != NULL;
}

void http_caller_fail(struct http_caller *caller, enum err err)
{
    close_caller(caller, err_code(err));
}

/* --- What changes. */

static void change(struct http_caller *caller, const INTERNAL(AccountChanged) * changed)
{
    if (changed->role && caller->is_verified)
        caller->role = changed->role;
    if (changed->tokens_ended || changed->code)
        caller->must_prove = true; /* with the next request */
    bool is_meant = changed->code && caller->session != changed->except_session &&
                    !(changed->only_unverified && caller->is_verified);
    if (is_meant && caller->state == CALLER_OPEN) {
        close_caller(caller, changed->code);
        free_if_free(caller);
    }
}

enum err http_on_account_changed(struct actor *actor, void *state, const struct msg *msg)
{
    struct http_gateway *gateway = state;
    const INTERNAL(AccountChanged) *changed = MSG_BODY(msg, INTERNAL(AccountChanged));
    struct name_folded folded;
    struct hash_cursor cursor = {0};
    (void)actor;
    if (name_fold(changed->name.data, changed->name.len, &folded) != ERR_OK)
        return ERR_OK;
    while (hash_next(&gateway->callers, &cursor)) {
        struct http_caller *caller = (struct http_caller *)(uintptr_t)cursor.value;
        if (name_is(&folded, caller->name, caller->name_size))
            change(caller, changed);
    }
    return ERR_OK;
}

void http_callers_sweep(struct http_gateway *gateway)
{
    struct hash_cursor cursor = {0};
    struct mono_time now = actor_mono(gateway->actor);
    while (hash_next(&gateway->callers, &cursor)) {
        struct http_caller *caller = (struct http_caller *)(uintptr_t)cursor.value;
        if (caller->state != CALLER_OPEN || caller->holds > 0 ||
            mono_elapsed_ms(caller->used, now) < gateway->options->session_ms)
            continue;
        close_caller(caller, 0);
        free_if_free(caller);
    }
}

void http_callers_tell_seen(struct http_gateway *gateway)
{
    uint64_t sessions[SEEN_PER_MESSAGE];
    ProtobufCBinaryData names[SEEN_PER_MESSAGE];
    INTERNAL(SessionsSeen) seen = ROOST__INTERNAL__SESSIONS_SEEN__INIT;
    struct hash_cursor cursor = {0};
    bool has_more = true;
    seen.sessions = sessions;
    seen.peer_names = names;
    while (has_more) {
        has_more = hash_next(&gateway->callers, &cursor);
        const struct http_caller *caller =
            has_more ? (const struct http_caller *)(uintptr_t)cursor.value : NULL;
        if (caller && caller->state == CALLER_OPEN) {
            names[seen.n_peer_names++] = bytes_of(caller->name, caller->name_size);
            sessions[seen.n_sessions++] = caller->session;
        }
        if (seen.n_sessions == SEEN_PER_MESSAGE || (!has_more && seen.n_sessions > 0)) {
            if (actor_send(gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSIONS_SEEN, &seen.base,
                           NULL) != ERR_OK)
                return; /* the next time */
            seen.n_sessions = seen.n_peer_names = 0;
        }
    }
}
