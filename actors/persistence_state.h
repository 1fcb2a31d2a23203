/* SPDX-License-Identifier: MPL-2.0
 *
 * What the files of the persistence actor share: its state, and what each file does for the
 * others. Internal to actors/persistence*.c.
 *
 *     persistence.c              the class: life, turns, which question is worked on by whom
 *     persistence_transaction.c  begin, commit, roll back and run again
 *     persistence_outbox.c       committed batches -> APPENDED, then answers
 *     persistence_store.c        STORE
 *     persistence_scopes.c       names to scopes, created on first use
 *     persistence_consumers.c    CONSUMER_OPEN, _WRITE, _REMOVE
 *     persistence_dead.c         DEAD_CHANGE
 *     persistence_receipts.c     fates to receipts in mailboxes
 *     persistence_peers.c        PEER_SAVE
 *     persistence_lan.c          how many peers of the local network there is room for
 *     persistence_numbers.c      NUMBERS_RESERVE
 *     persistence_calls.c        CALL: which method is worked on by whom, and the small ones
 *     persistence_login.c        LOGIN_WRITE; new accounts; the audit log
 *     persistence_accounts.c     the USER_ methods, tokens
 *     persistence_rooms.c        the ROOM_ methods and MEMBER_ROLE
 *     persistence_members.c      who is in a room, and what follows from it
 *     persistence_invitations.c  the INVITE methods
 *     persistence_changes.c      MESSAGE_EDIT, MESSAGE_DELETE, REACT, UNREACT
 *     persistence_lan_mail.c     LAN_WRITE, LAN_LOAD
 *     persistence_acl.c          the access list: ACL methods, who may send and create
 *     persistence_guard.c        bounds; what is noted in the audit log without a question
 *     persistence_upkeep.c       index slices, checkpoints, retention, a full disk
 *
 * Errors inside: those of persistence_breaks() concern the whole transaction and are passed up
 * untouched; every other one is the answer to one request.
 */
#ifndef ACTORS_PERSISTENCE_STATE_H
#define ACTORS_PERSISTENCE_STATE_H

#include "acl.h"
#include "dedupe.h"
#include "persistence.h"
#include "persistence_batch.h"
#include "proto/actor_ids.h"
#include "proto/name.h"
#include "proto/uuid.h"
#include "quota.h"
#include "rights.h"
#include "rt/hash.h"
#include "rt/metrics.h"
#include "store/consumers.h"
#include "store/members.h"
#include "store/messages.h"
#include "store/store.h"

#define PERSISTENCE_APPENDED_MAX  64         /* APPENDED that sync-manager has not acknowledged */
#define PERSISTENCE_TAIL_IDS_MAX  (1u << 20) /* far above what the policy of slices lets happen */
#define PERSISTENCE_SCOPES_MAX    65536      /* names kept in the cache */
#define PERSISTENCE_SESSIONS_MAX  (1u << 20)
#define PERSISTENCE_STANDINGS_MAX 65536
#define PERSISTENCE_LAN_UNKNOWN   (-1)
#define PERSISTENCE_EVICTED_MAX   65536
#define PERSISTENCE_NOTES_MAX     256
#define PERSISTENCE_CONSUMER_MAIN "main"

enum persistence_timer {
    TIMER_RELEASE, /* sync-manager's link was full */
    TIMER_IDLE,    /* a few ms without work */
    TIMER_QUIET,   /* a second without work */
    TIMER_FULL,    /* look for room on the disk */
    TIMER_CLEANUP, /* next slice of retention */
    TIMER_FIGURES, /* gauges to be counted anew */
    TIMER_NOTES,   /* was the configuration read again? */
};

/* Bits: gauges that may have changed. */
enum figures {
    FIGURES_PEOPLE = 1,
    FIGURES_PEERS = 2,
    FIGURES_DEAD = 4,
    FIGURES_PAGES = 8,
    FIGURES_ALL = 15,
};

/* A scope as messages need it. */
struct scope_ref {
    int64_t id;
    int64_t owner_id; /* of a mailbox */
    enum scope_kind kind;
    bool is_new;          /* made just now: every message there is is in another scope */
    int64_t retention_ms; /* of a room that has its own; else 0 */
    bool is_pattern;      /* of topics; its id is 0 when it has no row */
    bool is_by_nick;      /* found by what a peer of the local network calls itself */
};

struct session_undo {
    uint64_t session;
    uint64_t next_no; /* before */
};

/* For the audit log; owned. */
struct persistence_note {
    char *actor, *action, *target, *detail;
};

struct persistence {
    struct actor *actor;
    struct persistence_options options; /* defaults filled in */
    struct store *store;
    struct mono_time mono_start;
    int64_t wall_start_ms;
    struct uuid_source uuids; /* of receipts */

    /* Reading SEND frames, and collecting the answer to one. */
    struct arena frame_arena;
    struct wire_reader reader;
    INTERNAL(NumberRun) * number_runs; /* WIRE_ENTRIES_MAX of each */
    INTERNAL(NumberException) * number_exceptions;
    size_t number_run_count, number_exception_count;

    /* The transaction in hand, and what would have to be undone. */
    bool is_in_transaction;
    int64_t now_ms;      /* of the transaction: never behind the wall nor the monotonic clock */
    struct batch *batch; /* its answers; exists always */
    uint64_t last_seq, committed_last_seq;
    uint64_t stored_count, duplicate_count;
    struct mono_time people_until; /* who send by other ways than ZeroMQ, one message at a time */
    size_t body_bytes;
    uint64_t starved_count; /* batches refused for want of memory since something was stored */
    struct mono_time starved_since;
    struct session_undo *undo;
    size_t undo_count, undo_capacity;
    struct dedupe dedupe;
    struct u64map next_numbers; /* session -> publish number expected next */

    /* Cache of scopes by their text as written in messages. */
    struct hash scope_places;
    struct scope_ref *scopes;
    uint32_t scope_count;
    bool names_topics; /* somebody has read topics by a pattern: APPENDED names them */

    /* Peers of the local network. */
    int64_t lan_count; /* rows, or PERSISTENCE_LAN_UNKNOWN */
    struct mono_time lan_full_until;
    struct u64map evicted; /* ids of some that were forgotten lately */

    /* (room, peer) -> may it send? Forgotten with every change of rooms, members and accounts. */
    struct u64map standings;

    /* The access list, and (scope, peer) -> may it send? Forgotten with the standings. */
    struct acl acl;
    bool is_acl_loaded;
    struct u64map verdicts;

    /* Bounds, and when somebody's running into one was noted last. */
    struct quota quota;
    uint32_t rate_wait_ms; /* of the last refusal */
    struct u64map hits;
    struct persistence_note notes[PERSISTENCE_NOTES_MAX];
    size_t note_count, notes_written; /* written: in the transaction in hand */
    unsigned reloads_seen;
    struct mono_time logins_since; /* failed ones that were noted in the last minute */
    unsigned logins_noted;

    /* Committed batches that were not told yet. */
    struct batch *outbox, **outbox_end;
    struct batch *spare;
    unsigned unacknowledged;

    /* Upkeep. */
    uint64_t indexed_seq;
    uint64_t searched_seq;       /* how far the text index reaches */
    unsigned turn_messages;      /* questions handled since the last on_batch */
    uint64_t turn_rows;          /* messages stored in that time */
    uint64_t turn_settled;       /* messages whose settling was written in that time */
    struct mono_time busy_until; /* is under load, or was a moment ago */
    unsigned due;                /* bit set of enum persistence_timer: work for on_batch */
    bool is_full;                /* the disk */
    uint64_t writes_seen;
    unsigned figures_due; /* enum figures */
    int64_t figures_pause_ms;
};

/* --- persistence.c */

/* Answers with `refusal` (then nothing is written) or does the work. In both cases *ret_answer is
 * made in p->batch. Errors of persistence_breaks() only. */
typedef enum err persistence_work(struct persistence *p, const void *question, enum err refusal,
                                  ProtobufCMessage **ret_answer);
struct persistence_duty {
    uint8_t answer_kind; /* 0: no such question */
    persistence_work *work;
};
extern const struct persistence_duty persistence_duties[MSG_COUNT];

/* CALL: one method. What it refuses, and what went wrong, is its error; *done is zeroed and
 * says the rest. Errors of persistence_breaks() end the transaction. */
typedef enum err persistence_call_work(struct persistence *p, const INTERNAL(Call) * call,
                                       INTERNAL(CallDone) * done);

/* True for errors after which the transaction in hand cannot be committed. */
bool persistence_breaks(enum err err);
/* Of these, the ones that end the actor. */
bool persistence_is_fatal(enum err err);

/* --- persistence_transaction.c */

/* Opens a transaction unless one is open. */
MUST_USE enum err persistence_begin(struct persistence *p);
/* Makes what was done durable; ERR_OK also when nothing was, and when the work had to be refused.
 */
MUST_USE enum err persistence_commit(struct persistence *p);
/* After an error of persistence_breaks(): rolls back, refuses the stores of the batch, runs its
 * other questions again in a transaction of their own. Returns fatal errors only. */
MUST_USE enum err persistence_fail(struct persistence *p, enum err err);
/* Wall clock, but never behind the monotonic one. */
int64_t persistence_now_ms(const struct persistence *p);
/* The smaller of both: for removing things. */
int64_t persistence_past_ms(const struct persistence *p);

/* --- persistence_lan.c */

/* Is this the name of a peer of the local network? */
bool persistence_is_lan(const char *folded);
/* Before one is made: TOO_MANY when there is no room and none can be made. */
MUST_USE enum err persistence_make_lan_room(struct persistence *p);
/* The peer and its mailbox, which must be empty, with its consumers. */
MUST_USE enum err persistence_peer_forget(struct persistence *p, int64_t peer_id,
                                          const char *folded);
/* To make room, lately. */
bool persistence_was_evicted(const struct persistence *p, int64_t peer_id);

/* --- persistence_outbox.c */

/* Puts the committed batch in line and begins a new one. */
void persistence_close_batch(struct persistence *p);
/* Sends what may be sent. */
void persistence_release(struct persistence *p);
enum err persistence_on_appended_ack(struct actor *actor, void *state, const struct msg *msg);

/* --- persistence_store.c */

enum err persistence_on_store(struct actor *actor, void *state, const struct msg *msg);
/* Makes a refusal of a STORE's answer, keeping a SEQUENCE_GAP what it is. */
void persistence_refuse_store(struct persistence *p, struct batch_answer *answer, enum err err);
uint64_t persistence_next_no(const struct persistence *p, uint64_t session);
/* Appends and notes the run. */
MUST_USE enum err persistence_append(struct persistence *p, struct message_row *message);

/* --- persistence_scopes.c */

enum err persistence_scopes_init(struct persistence *p);
/* "kind:name" as in a message; created when allowed. NO_SUCH_PEER, NO_SUCH_SCOPE, BAD_SCOPE ... */
MUST_USE enum err persistence_scope(struct persistence *p, const uint8_t *text, size_t size,
                                    struct scope_ref *ret);
/* The same for a message of this peer, which may make it or not. */
MUST_USE enum err persistence_scope_for(struct persistence *p, const uint8_t *text, size_t size,
                                        int64_t peer_id, struct scope_ref *ret);
/* The same, without looking in the cache, and whoever asks may create it. */
MUST_USE enum err persistence_scope_create(struct persistence *p, const uint8_t *text, size_t size,
                                           struct scope_ref *ret);
/* The mailbox of a peer, made when it has none. */
MUST_USE enum err persistence_mailbox(struct persistence *p, int64_t peer_id,
                                      struct scope_ref *ret);
/* The same, and it has its consumer "main". */
MUST_USE enum err persistence_mailbox_main(struct persistence *p, int64_t peer_id);
/* A scope of this kind and name, made when `may_create`; no consumer is made with it. */
MUST_USE enum err persistence_scope_named(struct persistence *p, enum scope_kind kind,
                                          ProtobufCBinaryData name, bool may_create,
                                          struct scope_ref *ret);
void persistence_scopes_forget(struct persistence *p);
int64_t persistence_conversation(const struct scope_ref *scope, int64_t sender_id);

/* --- persistence_members.c */

/* A room that a call names, and its caller. */
struct room_place {
    int64_t scope_id;
    char name[WIRE_NAME_BYTES_MAX + 1]; /* as stored */
    struct member_standing standing;
    struct rights_who who;
};
/* ERR_NO_SUCH_SCOPE, ERR_BAD_SCOPE. */
MUST_USE enum err persistence_room_of_call(struct persistence *p, const INTERNAL(Call) * call,
                                           struct room_place *ret);
/* The same by its id. */
MUST_USE enum err persistence_room_by_id(struct persistence *p, const INTERNAL(Call) * call,
                                         int64_t scope_id, struct room_place *ret);
void persistence_name_room(struct persistence *p, const struct room_place *place,
                           INTERNAL(CallDone) * done);
/* Makes the peer a member: owner, when the room has none. Its pending invitation is used up. */
MUST_USE enum err persistence_member_add(struct persistence *p, const struct room_place *place,
                                         int64_t peer_id, uint32_t account_role);
/* It is no member any more (`role` before), or banned; ownership goes on, its consumers end. */
MUST_USE enum err persistence_member_remove(struct persistence *p, int64_t scope_id,
                                            int64_t peer_id, enum member_role role, bool is_ban);
/* May the peer write to this room? NOT_MEMBER, ROOM_BANNED, ROOM_ARCHIVED, NOT_ALLOWED. */
MUST_USE enum err persistence_may_send(struct persistence *p, const struct scope_ref *room,
                                       int64_t peer_id);
/* May it read it; *ret_start: where a new consumer of it begins. */
MUST_USE enum err persistence_may_attach(struct persistence *p, const struct scope_ref *room,
                                         int64_t peer_id, uint64_t *ret_start);
void persistence_standings_forget(struct persistence *p);

/* --- persistence_acl.c */

MUST_USE enum err persistence_acl_init(struct persistence *p);
/* Rules, accounts or the transaction changed. */
void persistence_acl_forget(struct persistence *p);
/* Is there anything to be decided by it? */
static inline bool persistence_acl_counts(const struct persistence *p)
{
    return !p->is_acl_loaded || !acl_is_trivial(&p->acl);
}
/* ERR_OK or ERR_NOT_ALLOWED. */
MUST_USE enum err persistence_acl_check(struct persistence *p, int64_t peer_id,
                                        enum acl_action action, const struct acl_scope *scope);
/* What the rules say; administrators: ACL_ALLOWS. */
MUST_USE enum err persistence_acl_verdict(struct persistence *p, int64_t peer_id,
                                          enum acl_action action, const struct acl_scope *scope,
                                          enum acl_verdict *ret);
/* May it send to this scope, written as `text`? */
MUST_USE enum err persistence_acl_may_send(struct persistence *p, const struct scope_ref *ref,
                                           int64_t peer_id, const void *text, size_t size);
/* May it make this scope, which does not exist, by writing to it or attaching to it? */
bool persistence_acl_may_create(struct persistence *p, int64_t peer_id, const void *text,
                                size_t size);
persistence_work persistence_acl_load;
persistence_call_work persistence_call_acl_allow;
persistence_call_work persistence_call_acl_deny;
persistence_call_work persistence_call_acl_remove;
persistence_call_work persistence_call_acl_test;

/* --- persistence_guard.c */

void persistence_guard_init(struct persistence *p);
void persistence_guard_stop(struct persistence *p);
void persistence_guard_fini(struct persistence *p);
/* For the audit log, with the next commit. */
void persistence_note(struct persistence *p, const char *actor, const char *action,
                      const char *target, const char *detail);
/* A login failed: once in a while per name, and so many a minute in all. */
void persistence_note_login(struct persistence *p, const struct name_folded *folded,
                            const char *name, const char *detail);
/* Messages that did not match their checksums. */
void persistence_note_damaged(struct persistence *p, uint64_t seq);
/* Between questions: into the transaction in hand. Fatal errors only. */
MUST_USE enum err persistence_write_notes(struct persistence *p);
void persistence_notes_committed(struct persistence *p);
void persistence_look_at_reloads(struct persistence *p);
enum err persistence_on_audit(struct actor *actor, void *state, const struct msg *msg);
/* ERR_RATE_LIMITED: p->rate_wait_ms says how long. */
MUST_USE enum err persistence_check_rate(struct persistence *p, const INTERNAL(Store) * question);
/* ERR_MAILBOX_FULL, ERR_SHARE_FULL. */
MUST_USE enum err persistence_check_place(struct persistence *p, const struct scope_ref *scope,
                                          int64_t sender_id, size_t bytes);
/* ERR_TOO_MANY_ROOMS. */
MUST_USE enum err persistence_check_owner(struct persistence *p, int64_t peer_id);
void persistence_ask_waiting(struct persistence *p);
enum err persistence_on_waiting_counted(struct actor *actor, void *state, const struct msg *msg);
enum err persistence_on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context);

/* --- persistence_invitations.c */

/* Within the transaction in hand: a slice of those whose time is over. */
MUST_USE enum err persistence_expire_invitations(struct persistence *p, int64_t past_ms,
                                                 bool *ret_has_more);

/* --- persistence_receipts.c */

struct receipt_item {
    int64_t sender_id, scope_id, peer_id;
    uint64_t seq;
    uint32_t level, reason;
    uint8_t message_id[16];
};
struct receipt_list {
    struct receipt_item *items;
    size_t count, capacity;
};
/* Takes the message when its sender asked to be told of this level. */
void persistence_receipt_add(struct receipt_list *list, const struct message_row *message,
                             uint32_t level, int64_t peer_id, uint32_t reason);
/* Appends the receipts to the senders' mailboxes and frees the list, also on errors. */
MUST_USE enum err persistence_receipts_write(struct persistence *p, struct receipt_list *list);
MUST_USE enum err persistence_fate(struct persistence *p, const INTERNAL(Fate) * fate,
                                   struct receipt_list *list);

/* --- The duties. */

persistence_work persistence_consumer_open;
persistence_work persistence_consumer_write;
persistence_work persistence_consumer_remove;
persistence_work persistence_dead_change;
persistence_work persistence_peer_save;
persistence_work persistence_call;
persistence_work persistence_numbers_reserve;

persistence_work persistence_login_write;
persistence_work persistence_lan_write;
persistence_work persistence_lan_load;

/* --- persistence_login.c */

/* A copy that ends with NUL, in the batch; "" when there is none. */
const char *persistence_text(struct persistence *p, ProtobufCBinaryData bytes);
/* A row of the audit log (store/audit.h), in the transaction in hand. */
MUST_USE enum err persistence_audit(struct persistence *p, const char *actor, const char *action,
                                    const char *target, const char *detail);
/* Peer, account, mailbox with its consumer "main". BAD_NAME, RESERVED_NAME, NAME_TAKEN: nothing was
 * written. */
MUST_USE enum err persistence_register(struct persistence *p, ProtobufCBinaryData name,
                                       const char *password_hash, int64_t *ret_peer_id);

/* --- persistence_keys.c */

/* A session was opened with this key of this account. KEY_NOT_ENROLLED, KEY_REVOKED. *ret_is_news: not
 * one of many within a minute; it was written. */
MUST_USE enum err persistence_key_enter(struct persistence *p, int64_t key_id, int64_t peer_id,
                                        bool *ret_is_news);
/* Enrols the key of the one who has the code. BAD_CODE, LOCKED_OUT, KEY_TAKEN ... */
MUST_USE enum err persistence_key_redeem(struct persistence *p, const INTERNAL(LoginWrite) * write,
                                         int64_t *ret_peer_id, int64_t *ret_locked_until_ms);
/* Forgets the wrong codes for this name. */
MUST_USE enum err persistence_key_unlock(struct persistence *p, const struct name_folded *folded,
                                         uint64_t *ret_count);

/* --- persistence_accounts.c */

/* NOT_ALLOWED: the caller is no administrator, or not any more. */
MUST_USE enum err persistence_call_check_admin(struct persistence *p, const INTERNAL(Call) * call);

/* --- CALL, its methods. */
persistence_call_work persistence_call_user_register;
persistence_call_work persistence_call_user_password;
persistence_call_work persistence_call_user_role;
persistence_call_work persistence_call_user_ban;
persistence_call_work persistence_call_user_unban;
persistence_call_work persistence_call_user_active;
persistence_call_work persistence_call_token_create;
persistence_call_work persistence_call_session_end;
persistence_call_work persistence_call_user_unlock;
persistence_call_work persistence_call_key_enrol;
persistence_call_work persistence_call_key_code;
persistence_call_work persistence_call_key_revoke;
persistence_call_work persistence_call_room_create;
persistence_call_work persistence_call_room_join;
persistence_call_work persistence_call_room_leave;
persistence_call_work persistence_call_room_update;
persistence_call_work persistence_call_room_archive;
persistence_call_work persistence_call_member_role;
persistence_call_work persistence_call_invite;
persistence_call_work persistence_call_invite_accept;
persistence_call_work persistence_call_invite_decline;
persistence_call_work persistence_call_invite_revoke;
persistence_call_work persistence_call_message_edit;
persistence_call_work persistence_call_message_delete;
persistence_call_work persistence_call_react;
persistence_call_work persistence_call_unreact;

/* A consumer by its id, with its scope; ERR_NO_SUCH_CONSUMER. */
struct consumer_place {
    int64_t scope_id;
    uint64_t floor_seq;
};
MUST_USE enum err persistence_consumer_find(struct persistence *p, int64_t consumer_id,
                                            struct consumer_place *ret);

/* --- persistence_figures.c */

void persistence_figures_init(struct persistence *p);
void persistence_figures_changed(struct persistence *p, unsigned which);
void persistence_figures_asked(struct persistence *p, uint8_t kind);
/* Between transactions. */
void persistence_figures_count(struct persistence *p);

/* --- persistence_upkeep.c */

/* Within the transaction in hand: an index slice when the tail got too long. */
MUST_USE enum err persistence_shorten_tail(struct persistence *p);
/* After a commit: whatever was indexed is dropped from memory. */
void persistence_indexed(struct persistence *p);
/* Between transactions, after the answers: slices, checkpoints, retention, and the next timers. */
MUST_USE enum err persistence_upkeep(struct persistence *p);
void persistence_disk_is_full(struct persistence *p);
/* Everything that is not indexed, within the transaction in hand. */
MUST_USE enum err persistence_index_all(struct persistence *p);
/* The text index too, as far as it takes no more than a moment. */
MUST_USE enum err persistence_search_all(struct persistence *p);

#endif
