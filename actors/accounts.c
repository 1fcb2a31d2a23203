/* SPDX-License-Identifier: MPL-2.0
 *
 * See accounts.h: the class, the jobs, and the lines of those that concern one name.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "accounts_state.h"
#include "rt/check.h"
#include "rt/log.h"

#define TOKEN_PREFIX "roost_"

_Static_assert(ACCOUNTS_TOKEN_HASH == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(ACCOUNTS_TOKEN_TEXT == sizeof(TOKEN_PREFIX) - 1 + (ACCOUNTS_TOKEN_BYTES * 8 + 5) / 6,
               "a token has this many characters");

/* --- Passwords and tokens. */

enum err accounts_check_password(ProtobufCBinaryData password)
{
    bool is_fine = password.len > 0 && password.len <= WIRE_CREDENTIALS_BYTES_MAX;
    return is_fine && !accounts_is_token(password) ? ERR_OK : ERR_BAD_PASSWORD;
}

/* Of UTF-8; of other bytes each that begins no character counts with the one before. */
static size_t characters_of(ProtobufCBinaryData text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.data[i] & 0xC0) != 0x80;
    return count;
}

enum err accounts_check_new_password(const struct accounts *a, ProtobufCBinaryData password)
{
    enum err err = accounts_check_password(password);
    bool is_short = characters_of(password) < a->options.password_min;
    return !err && is_short ? ERR_BAD_PASSWORD : err;
}

bool accounts_is_token(ProtobufCBinaryData secret)
{
    return secret.len == ACCOUNTS_TOKEN_TEXT &&
           memcmp(secret.data, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1) == 0;
}

void accounts_hash_token(ProtobufCBinaryData token, uint8_t ret_hash[ACCOUNTS_TOKEN_HASH])
{
    (void)crypto_hash_sha256(ret_hash, token.data, token.len); /* always 0 */
}

void accounts_make_token(struct accounts *a, struct job *job)
{
    uint64_t secret[ACCOUNTS_TOKEN_BYTES / sizeof(uint64_t)];
    size_t prefix = sizeof(TOKEN_PREFIX) - 1;
    for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
        secret[i] = actor_random(a->actor);
    memcpy(job->token, TOKEN_PREFIX, prefix);
    (void)sodium_bin2base64(job->token + prefix, sizeof(job->token) - prefix,
                            (const uint8_t *)secret, sizeof(secret),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(secret, sizeof(secret));
    accounts_hash_token(bytes_of(job->token, ACCOUNTS_TOKEN_TEXT), job->token_hash);
}

uint32_t accounts_retry_after(const struct accounts *a, int64_t locked_until_ms)
{
    int64_t left_ms = locked_until_ms - actor_wall(a->actor).ms;
    if (left_ms < 0)
        return 0;
    return left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX;
}

/* --- Jobs. */

static ProtobufCMessage *copy_message(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = malloc(size + 1);
    ProtobufCMessage *copy = NULL;
    if (packed) {
        (void)protobuf_c_message_pack(message, packed); /* size as computed */
        copy = protobuf_c_message_unpack(message->descriptor, NULL, size, packed);
        sodium_memzero(packed, size);
    }
    free(packed);
    return copy;
}

static struct job *job_new(struct accounts *a, const struct msg *msg)
{
    ProtobufCMessage *copy = a->free_count ? copy_message(msg->body) : NULL;
    if (!copy)
        return NULL;
    uint16_t number = a->free_numbers[--a->free_count];
    struct job *job = &a->jobs[number];
    *job = (struct job){
        .number = number,
        .step = JOB_IN_LINE,
        .arrived = actor_mono(a->actor),
        .from = msg->from,
        .correlation = msg->correlation,
    };
    if (msg->kind == MSG_LOGIN)
        job->login = (INTERNAL(Login) *)copy;
    else
        job->call = (INTERNAL(Call) *)copy;
    return job;
}

static void wipe(ProtobufCBinaryData secret)
{
    if (secret.len)
        sodium_memzero(secret.data, secret.len);
}

static void job_free(struct accounts *a, struct job *job)
{
    uint16_t number = job->number;
    if (job->login) {
        wipe(job->login->secret);
        roost__internal__login__free_unpacked(job->login, NULL);
    }
    if (job->call) {
        wipe(job->call->password);
        wipe(job->call->text); /* USER_PASSWORD: the old one */
        roost__internal__call__free_unpacked(job->call, NULL);
    }
    sodium_memzero(job, sizeof(*job));
    a->free_numbers[a->free_count++] = number;
}

/* --- The line of a name. */

static void start(struct accounts *a, struct job *job)
{
    enum err err = ERR_BUSY;
    if (mono_elapsed_ms(job->arrived, actor_mono(a->actor)) <= ACCOUNTS_PATIENCE_MS)
        err = job->login ? accounts_login_start(a, job) : accounts_call_start(a, job);
    if (err)
        accounts_refuse(a, job, err, NULL);
}

enum err accounts_line_up(struct accounts *a, struct job *job, ProtobufCBinaryData name)
{
    enum err err = name_fold(name.data, name.len, &job->folded);
    if (err)
        return err;
    struct job *first = hash_get_pointer(&a->names, job->folded.text, job->folded.size);
    if (first && first->line_length >= ACCOUNTS_LINE_MAX)
        return ERR_BUSY;
    if (first) {
        first->line_tail->line_next = job;
        first->line_tail = job;
        first->line_length++;
        job->is_in_names = true;
        return ERR_OK;
    }
    err = hash_put_pointer(&a->names, job->folded.text, job->folded.size, job);
    if (err)
        return ERR_BUSY;
    job->is_in_names = true;
    job->line_tail = job;
    job->line_length = 1;
    start(a, job);
    return ERR_OK;
}

/* The job in work leaves; the next one, to be started, or NULL. */
static struct job *leave_line(struct accounts *a, struct job *job)
{
    struct job *next = job->line_next;
    if (!job->is_in_names)
        return NULL;
    if (!next) {
        (void)hash_remove_pointer(&a->names, job->folded.text, job->folded.size);
        return NULL;
    }
    next->line_tail = job->line_tail;
    next->line_length = job->line_length - 1;
    CHECK(hash_put_pointer(&a->names, job->folded.text, job->folded.size, next) == ERR_OK);
    return next;
}

static void finish(struct accounts *a, struct job *job)
{
    struct job *next = leave_line(a, job);
    job_free(a, job);
    if (next)
        start(a, next);
}

void accounts_finish_login(struct accounts *a, struct job *job, INTERNAL(LoginDone) * done)
{
    done->session = job->login->session;
    if (done->code)
        log_info("login-refused", LOG_BYTES("peer", job->login->name.data, job->login->name.len),
                 LOG_BYTES("kind", job->login->kind.data, job->login->kind.len),
                 LOG_ERROR(err_from_code(done->code)));
    actor_reply_to(a->actor, job->from, job->correlation, MSG_LOGIN_DONE, &done->base, NULL);
    finish(a, job);
}

static void reply_call(struct accounts *a, struct job *job, INTERNAL(CallDone) * done)
{
    done->session = job->call->session;
    done->request_id = job->call->request_id;
    actor_reply_to(a->actor, job->from, job->correlation, MSG_CALL_DONE, &done->base, NULL);
}

void accounts_finish_call(struct accounts *a, struct job *job, INTERNAL(CallDone) * done)
{
    reply_call(a, job, done);
    finish(a, job);
}

void accounts_tell(struct accounts *a, const INTERNAL(AccountChanged) * changed)
{
    const uint8_t gateways[] = {ACTOR_ZMQ_GATEWAY, a->options.other_gateways[0],
                                a->options.other_gateways[1], a->options.other_gateways[2]};
    for (size_t i = 0; i < sizeof(gateways) && gateways[i] != 0; i++) {
        enum err err = actor_send(a->actor, gateways[i], MSG_ACCOUNT_CHANGED, &changed->base, NULL);
        if (err)
            log_error("change-not-told", LOG_ERROR(err),
                      LOG_BYTES("peer", changed->name.data, changed->name.len));
    }
}

void accounts_tell_registered(struct accounts *a, ProtobufCBinaryData name, uint64_t except_session)
{
    INTERNAL(AccountChanged) changed = ROOST__INTERNAL__ACCOUNT_CHANGED__INIT;
    changed.name = name;
    changed.code = err_code(ERR_NO_CREDENTIALS);
    changed.only_unverified = true;
    changed.except_session = except_session;
    accounts_tell(a, &changed);
}

void accounts_refuse(struct accounts *a, struct job *job, enum err err, const char *text)
{
    char *sentence = (char *)(uintptr_t)(text ? text : err_sentence(err)); /* only read */
    if (job->call) {
        INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
        done.code = err_code(err);
        done.text = sentence;
        accounts_finish_call(a, job, &done);
        return;
    }
    INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
    done.code = err_code(err);
    done.text = sentence;
    done.retry_after_ms = err == ERR_BUSY ? ACCOUNTS_BUSY_RETRY_MS : 0;
    accounts_finish_login(a, job, &done);
}

/* --- Questions. */

enum err accounts_load(struct accounts *a, struct job *job, const INTERNAL(LoadAccount) * load)
{
    job->step = JOB_LOADING;
    return actor_ask(a->actor, ACTOR_HISTORY, MSG_LOAD_ACCOUNT, &load->base, NULL,
                     ACCOUNTS_LOAD_DEADLINE, job->number);
}

enum err accounts_write(struct accounts *a, struct job *job, uint8_t kind,
                        const ProtobufCMessage *body)
{
    job->step = JOB_WRITING;
    return actor_ask(a->actor, ACTOR_PERSISTENCE, kind, body, NULL, ACCOUNTS_WRITE_DEADLINE,
                     job->number);
}

enum err accounts_write_failure(struct accounts *a, struct job *job, ProtobufCBinaryData name)
{
    enum { OUTCOME_WRONG = 2 };
    INTERNAL(LoginWrite) write = ROOST__INTERNAL__LOGIN_WRITE__INIT;
    write.name = name;
    write.outcome = OUTCOME_WRONG;
    write.peer_id = job->is_known ? job->peer_id : 0;
    if (job->login) {
        write.kind = job->login->kind;
        write.address = job->login->address;
    }
    return accounts_write(a, job, MSG_LOGIN_WRITE, &write.base);
}

void accounts_take_loaded(struct job *job, const INTERNAL(AccountLoaded) * loaded)
{
    ProtobufCBinaryData phc = loaded->password_hash;
    job->is_known = loaded->code == 0 && loaded->peer_id != 0;
    job->is_active = loaded->is_active;
    job->peer_id = loaded->peer_id;
    job->banned_until_ms = loaded->banned_until_ms;
    job->token_id = loaded->token_id;
    job->token_expires_ms = loaded->token_expires_ms;
    job->key_id = loaded->key_id;
    job->phc[0] = '\0';
    if (phc.len && phc.len <= PHC_BYTES_MAX) {
        memcpy(job->phc, phc.data, phc.len);
        job->phc[phc.len] = '\0';
    }
}

/* --- Messages. */

static enum err on_question(struct actor *actor, void *state, const struct msg *msg)
{
    struct accounts *a = state;
    struct job *job = job_new(a, msg);
    (void)actor;
    if (job) {
        enum err err = job->login ? accounts_login_begin(a, job) : accounts_call_begin(a, job);
        if (err)
            accounts_refuse(a, job, err, NULL);
        return ERR_OK;
    }
    if (msg->kind == MSG_LOGIN) {
        INTERNAL(LoginDone) done = ROOST__INTERNAL__LOGIN_DONE__INIT;
        done.session = MSG_BODY(msg, INTERNAL(Login))->session;
        done.code = err_code(ERR_BUSY);
        done.retry_after_ms = ACCOUNTS_BUSY_RETRY_MS;
        actor_reply(a->actor, msg, MSG_LOGIN_DONE, &done.base, NULL);
    } else {
        INTERNAL(CallDone) done = ROOST__INTERNAL__CALL_DONE__INIT;
        done.session = MSG_BODY(msg, INTERNAL(Call))->session;
        done.request_id = MSG_BODY(msg, INTERNAL(Call))->request_id;
        done.code = err_code(ERR_BUSY);
        actor_reply(a->actor, msg, MSG_CALL_DONE, &done.base, NULL);
    }
    return ERR_OK;
}

/* The job of an answer; NULL: given up. */
static struct job *job_of(struct accounts *a, const struct msg *msg)
{
    uint64_t number;
    if (!actor_context(a->actor, msg, &number))
        return NULL;
    CHECK(number < ACCOUNTS_JOBS_MAX && a->jobs[number].step != JOB_FREE);
    return &a->jobs[number];
}

static enum err on_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct accounts *a = state;
    struct job *job = job_of(a, msg);
    const INTERNAL(AccountLoaded) *loaded = MSG_BODY(msg, INTERNAL(AccountLoaded));
    (void)actor;
    if (!job)
        return ERR_OK;
    enum err err = err_from_code(loaded->code);
    if (!err || err == ERR_NO_SUCH_USER)
        err = job->login ? accounts_login_loaded(a, job, loaded)
                         : accounts_call_loaded(a, job, loaded);
    if (err)
        accounts_refuse(a, job, err, NULL);
    return ERR_OK;
}

/* A hash that could not be computed matches nothing; the worker has logged why. */
static enum err take_hashed(struct job *job, const INTERNAL(Hashed) * hashed)
{
    enum err err = err_from_code(hashed->code);
    job->is_password_right = !err && hashed->is_match;
    job->new_phc[0] = '\0';
    if (hashed->phc.len && hashed->phc.len <= PHC_BYTES_MAX) {
        memcpy(job->new_phc, hashed->phc.data, hashed->phc.len);
        job->new_phc[hashed->phc.len] = '\0';
    }
    if (job->step == JOB_VERIFYING)
        return ERR_OK;
    return err || job->new_phc[0] ? err : ERR_INTERNAL;
}

static enum err on_hashed(struct actor *actor, void *state, const struct msg *msg)
{
    struct accounts *a = state;
    struct job *job = job_of(a, msg);
    (void)actor;
    if (!job)
        return ERR_OK;
    accounts_hash_over(a, job);
    enum err err = take_hashed(job, MSG_BODY(msg, INTERNAL(Hashed)));
    if (!err)
        err = job->login ? accounts_login_hashed(a, job) : accounts_call_hashed(a, job);
    if (err)
        accounts_refuse(a, job, err, NULL);
    accounts_pump(a);
    return ERR_OK;
}

static enum err on_written(struct actor *actor, void *state, const struct msg *msg)
{
    struct accounts *a = state;
    struct job *job = job_of(a, msg);
    const INTERNAL(LoginWritten) *written = MSG_BODY(msg, INTERNAL(LoginWritten));
    (void)actor;
    if (job && job->login)
        accounts_login_written(a, job, written);
    else if (job) /* the old password was wrong */
        accounts_refuse(a, job, err_from_code(written->code), NULL);
    return ERR_OK;
}

static enum err on_call_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct accounts *a = state;
    struct job *job = job_of(a, msg);
    (void)actor;
    if (!job)
        return ERR_OK;
    INTERNAL(CallDone) done = *MSG_BODY(msg, INTERNAL(CallDone));
    if (done.code == 0 && job->token[0])
        done.token = bytes_of(job->token, strlen(job->token));
    if (done.code == 0)
        accounts_call_tell(a, job->call, &done, false);
    reply_call(a, job, &done);
    if (done.code == 0)
        accounts_call_tell(a, job->call, &done, true);
    finish(a, job);
    return ERR_OK;
}

static enum err on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct accounts *a = state;
    CHECK(context < ACCOUNTS_JOBS_MAX && a->jobs[context].step != JOB_FREE);
    struct job *job = &a->jobs[context];
    (void)actor;
    log_warn("no-answer", LOG_STR("kind", message_name(kind)));
    if (kind == MSG_HASH) {
        accounts_hash_over(a, job);
        if (!accounts_hash_again(a, job))
            accounts_refuse(a, job, ERR_TIMEOUT, NULL);
        accounts_pump(a);
    } else {
        accounts_refuse(a, job, ERR_TIMEOUT, NULL);
    }
    return ERR_OK;
}

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    (void)actor;
    (void)timer; /* there is only ACCOUNTS_TIMER_PUMP */
    accounts_pump(state);
    return ERR_OK;
}

/* --- Life. */

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct accounts *a = state;
    a->actor = actor;
    a->options = *(const struct accounts_options *)args;
    a->jobs = calloc(ACCOUNTS_JOBS_MAX, sizeof(*a->jobs));
    if (!a->jobs || sodium_init() < 0)
        return ERR_INTERNAL;
    for (uint16_t i = 0; i < ACCOUNTS_JOBS_MAX; i++)
        a->free_numbers[a->free_count++] = (uint16_t)(ACCOUNTS_JOBS_MAX - 1 - i);
    hash_init(&a->names, ACCOUNTS_JOBS_MAX);
    /* What an earlier life had on its way to telling, nobody was told. */
    accounts_tell_keys(a, bytes_of(NULL, 0), bytes_of(NULL, 0), true);
    return ERR_OK;
}

static void fini(struct actor *actor, void *state)
{
    struct accounts *a = state;
    (void)actor;
    for (size_t i = 0; a->jobs && i < ACCOUNTS_JOBS_MAX; i++) {
        if (a->jobs[i].step != JOB_FREE)
            job_free(a, &a->jobs[i]);
    }
    hash_fini(&a->names);
    free(a->jobs);
}

const struct actor_class accounts_actor = {
    .name = "accounts",
    .state_size = sizeof(struct accounts),
    .restart = ACTOR_RESTART,
    .link_room = 1024,
    .init = init,
    .fini = fini,
    .on_timer = on_timer,
    .on_no_answer = on_no_answer,
    .on =
        {
            [MSG_LOGIN] = on_question,
            [MSG_CALL] = on_question,
            [MSG_ACCOUNT_LOADED] = on_loaded,
            [MSG_HASHED] = on_hashed,
            [MSG_LOGIN_WRITTEN] = on_written,
            [MSG_CALL_DONE] = on_call_done,
        },
};
