/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of the accounts actor share. Internal to actors/accounts*.c.
 *
 *     accounts.c        the class; jobs, and the line of those that concern one name
 *     accounts_hash.c   the queue to the auth workers
 *     accounts_login.c  LOGIN
 *     accounts_keys.c   LOGIN with a device key, codes, and telling the keyring
 *     accounts_call.c   CALL
 *
 * A job is one LOGIN or CALL on its way. It has at most one question open at a time, whose context
 * is the number of the job; so a job is not freed before its question was answered or given up.
 *
 *     line -> LOAD_ACCOUNT -> HASH (once or twice) -> LOGIN_WRITE or CALL -> answer
 */
#ifndef ACTORS_ACCOUNTS_STATE_H
#define ACTORS_ACCOUNTS_STATE_H

#include "accounts.h"
#include "phc.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/name.h"
#include "proto/wire.h"
#include "rt/hash.h"

#define ACCOUNTS_JOBS_MAX       960 /* below the room of every link */
#define ACCOUNTS_LINE_MAX       64  /* jobs of one name, the one in work included */
#define ACCOUNTS_QUEUE_MAX      256 /* hashes waiting for a worker: a few seconds of work */
#define ACCOUNTS_WORKERS        2
#define ACCOUNTS_PER_WORKER     2 /* questions to one worker: one in hand, one behind it */
#define ACCOUNTS_TOKEN_BYTES    32
#define ACCOUNTS_TOKEN_HASH     32
#define ACCOUNTS_TOKEN_TEXT     49 /* "roost_" + 43 of base64url */
#define ACCOUNTS_LOAD_DEADLINE  5000
#define ACCOUNTS_HASH_DEADLINE  5000
#define ACCOUNTS_WRITE_DEADLINE 10000
#define ACCOUNTS_PATIENCE_MS    12000 /* in line; then nobody waits for the answer any more */
#define ACCOUNTS_BUSY_RETRY_MS  500

enum accounts_timer { ACCOUNTS_TIMER_PUMP };

enum job_step {
    JOB_FREE,
    JOB_IN_LINE, /* another job of the same name is in work */
    JOB_LOADING,
    JOB_VERIFYING, /* a worker compares a password */
    JOB_HASHING,   /* a worker makes a hash */
    JOB_WRITING,   /* persistence */
};

struct job {
    uint16_t number;
    enum job_step step;
    struct mono_time arrived;
    uint8_t from;
    uint64_t correlation;
    INTERNAL(Login) * login; /* one of the two; owned */
    INTERNAL(Call) * call;

    /* The line of its name. */
    bool is_in_names;
    struct name_folded folded;
    struct job *line_next, *line_tail; /* tail and length: of the first */
    unsigned line_length;

    /* The account, as loaded. */
    bool is_known, is_active;
    int64_t peer_id, banned_until_ms, token_id, token_expires_ms, key_id;
    char phc[PHC_BYTES_MAX + 1]; /* to compare with; of a room, for ROOM_JOIN */

    /* The hash in work. */
    struct job *queue_next;
    ProtobufCBinaryData password; /* view into the question */
    const char *against;          /* NULL: make a hash */
    unsigned worker, hash_tries;
    bool is_password_right;          /* says the worker */
    bool is_password_checked;        /* CALL: told to persistence */
    char new_phc[PHC_BYTES_MAX + 1]; /* "" = none */

    /* The token it is given. */
    char token[ACCOUNTS_TOKEN_TEXT + 1]; /* or the code */
    uint8_t token_hash[ACCOUNTS_TOKEN_HASH];
};

struct accounts {
    struct actor *actor;
    struct accounts_options options;
    struct job *jobs;
    uint16_t free_numbers[ACCOUNTS_JOBS_MAX];
    size_t free_count;
    struct hash names; /* folded -> the job in work */
    struct job *queue_head, *queue_tail;
    size_t queue_count;
    unsigned in_flight[ACCOUNTS_WORKERS];
    unsigned next_worker;
};

/* --- accounts.c */

/* Begins when no other job of this name is in work: then it calls accounts_start. ERR_BUSY: the
 * line is too long. */
MUST_USE enum err accounts_line_up(struct accounts *a, struct job *job, ProtobufCBinaryData name);
/* LOAD_ACCOUNT; the answer goes to accounts_..._loaded. */
MUST_USE enum err accounts_load(struct accounts *a, struct job *job,
                                const INTERNAL(LoadAccount) * load);
/* Asks persistence. */
MUST_USE enum err accounts_write(struct accounts *a, struct job *job, uint8_t kind,
                                 const ProtobufCMessage *body);
/* Counts a wrong password for the name of the job. */
MUST_USE enum err accounts_write_failure(struct accounts *a, struct job *job,
                                         ProtobufCBinaryData name);
/* Answers and frees; whoever is next in line begins. */
void accounts_finish_login(struct accounts *a, struct job *job, INTERNAL(LoginDone) * done);
void accounts_finish_call(struct accounts *a, struct job *job, INTERNAL(CallDone) * done);
/* Tells the gateways that this name has an account now. except_session: 0, or a session that goes on. */
void accounts_tell_registered(struct accounts *a, ProtobufCBinaryData name,
                              uint64_t except_session);
/* The same with nothing but an error. text may be NULL. */
void accounts_refuse(struct accounts *a, struct job *job, enum err err, const char *text);
/* Copies what LOAD_ACCOUNT found. */
void accounts_take_loaded(struct job *job, const INTERNAL(AccountLoaded) * loaded);
MUST_USE enum err accounts_check_password(ProtobufCBinaryData password);
/* The same, and it is as long as the configuration wants new ones. (A Lair Chat client that registers
 * has only the rules of its protocol.) */
MUST_USE enum err accounts_check_new_password(const struct accounts *a,
                                              ProtobufCBinaryData password);
bool accounts_is_token(ProtobufCBinaryData secret);
void accounts_hash_token(ProtobufCBinaryData token, uint8_t ret_hash[ACCOUNTS_TOKEN_HASH]);
/* A new one, into the job. */
void accounts_make_token(struct accounts *a, struct job *job);
/* How long until a lock ends, for people to wait. */
uint32_t accounts_retry_after(const struct accounts *a, int64_t locked_until_ms);

/* To every gateway. */
void accounts_tell(struct accounts *a, const INTERNAL(AccountChanged) * changed);

/* --- accounts_hash.c */

/* Compares the password with a PHC string, or makes one; both must live as long as the job. ERR_BUSY:
 * too many wait. */
MUST_USE enum err accounts_verify(struct accounts *a, struct job *job, ProtobufCBinaryData password,
                                  const char *phc);
MUST_USE enum err accounts_hash(struct accounts *a, struct job *job, ProtobufCBinaryData password);
/* Gives the workers what they have room for. */
void accounts_pump(struct accounts *a);
/* A worker has answered, or not: false: it is tried again. */
void accounts_hash_over(struct accounts *a, struct job *job);
bool accounts_hash_again(struct accounts *a, struct job *job);

/* --- accounts_keys.c */

MUST_USE enum err accounts_key_begin(struct accounts *a, struct job *job);
MUST_USE enum err accounts_key_loaded(struct accounts *a, struct job *job,
                                      const INTERNAL(AccountLoaded) * loaded);
/* A code, and no key enrolled. */
bool accounts_is_redeeming(const struct job *job);
/* A new code, into the job. */
void accounts_make_code(struct accounts *a, struct job *job);
/* Tells the keyring; views may be empty. */
void accounts_tell_keys(struct accounts *a, ProtobufCBinaryData enrolled,
                        ProtobufCBinaryData revoked, bool is_unsure);
/* accounts_call_tell for calls about keys: the keyring learns of it, too. */
void accounts_call_tell_keys(struct accounts *a, const INTERNAL(Call) * call,
                             const INTERNAL(CallDone) * done, bool is_answered);

/* --- accounts_login.c */

enum login_outcome { LOGIN_RIGHT = 1, LOGIN_REGISTER = 3, LOGIN_REDEEM = 4 };
MUST_USE enum err accounts_login_write(struct accounts *a, struct job *job,
                                       enum login_outcome outcome);
/* ACCOUNT_INACTIVE, ACCOUNT_BANNED. */
MUST_USE enum err accounts_check_open(const struct accounts *a, const struct job *job);

/* --- accounts_login.c and accounts_call.c: each step of a job. They return an error to have the
 * job refused with it. */

MUST_USE enum err accounts_login_begin(struct accounts *a, struct job *job);
MUST_USE enum err accounts_login_start(struct accounts *a, struct job *job); /* its turn in line */
MUST_USE enum err accounts_login_loaded(struct accounts *a, struct job *job,
                                        const INTERNAL(AccountLoaded) * loaded);
MUST_USE enum err accounts_login_hashed(struct accounts *a, struct job *job);
void accounts_login_written(struct accounts *a, struct job *job,
                            const INTERNAL(LoginWritten) * written);

MUST_USE enum err accounts_call_begin(struct accounts *a, struct job *job);
MUST_USE enum err accounts_call_start(struct accounts *a, struct job *job);
MUST_USE enum err accounts_call_loaded(struct accounts *a, struct job *job,
                                       const INTERNAL(AccountLoaded) * loaded);
MUST_USE enum err accounts_call_hashed(struct accounts *a, struct job *job);
/* It is on disk: the gateways are told what it changes for sessions. Of all but the caller's before the answer,
 * so that whoever has it can count on it; of the caller's own, which may end, behind the answer. */
void accounts_call_tell(struct accounts *a, const INTERNAL(Call) * call,
                        const INTERNAL(CallDone) * done, bool is_answered);

#endif
