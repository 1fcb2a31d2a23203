/* SPDX-License-Identifier: MPL-2.0
 *
 * libroost: the C client of the roost message broker.
 *
 *     struct roost *roost;
 *     if (roost_open(&(struct roost_options){.peer = "alice"}, &roost) != ROOST_OK) ...
 *     roost_send_wait(roost, &(struct roost_outgoing){.scope = "peer:bob",
 *                     .body = "hello", .body_size = 5}, 5000, NULL);  // on disk when it returns
 *     roost_close(&roost, 1000);
 *
 * What the library does for you
 *   - It connects in the background and again after every loss (100 ms doubling to 5 s, with
 *     jitter). What was not answered is sent again, in order, with the same message ids, so the
 *     broker stores each message once. Consumers are attached again by themselves.
 *   - It packs messages into large frames whenever more than one waits; there is no delay knob.
 *   - It does not show a message twice: one that comes again after a lost connection or a restart
 *     of the broker is matched with what the application still holds or has settled already.
 *   - Its memory is bounded by the limits in struct roost_options and roost_attach_options.
 *
 * What it leaves to you
 *   - What was sent and not yet answered lives in this process only: when the process dies, send
 *     it again with the same message id (any 16 bytes of yours that are unique among your
 *     messages), which is always safe.
 *   - Settling: a message you received stays yours until you ack, release, fail or reject it.
 *
 * Threads
 *   A session has one thread of its own, which does all the work on the network. Every function
 *   may be called from any thread, several at once, without locks, with these exceptions:
 *   roost_close and roost_detach end an object: no other call may use it meanwhile or afterwards
 *   (settling or destroying a message uses its consumer; afterwards both are allowed again);
 *   one message (struct roost_message), page or event is used by one thread at a time.
 *   Callbacks run in the session's thread. They must return soon and may call only functions that
 *   do not wait (a timeout of 0); others answer ROOST_WRONG_THREAD there.
 *   A session does not survive fork(): open it in the child. The library installs no signal
 *   handler, reads no environment variable and prints nothing.
 *
 * Times
 *   A timeout_ms is in milliseconds: 0 does not wait, ROOST_FOREVER (-1) waits without end.
 *   A ..._ms of a message is Unix time in milliseconds.
 *
 * Errors
 *   Functions answer enum roost_error; results leave through the last parameters, ret_..., which
 *   are untouched unless ROOST_OK (or the comment says otherwise) and may be NULL where said.
 *   Numbers below 7000 are codes of the broker (docs/ERRORS.md), the 7xxx are the library's own.
 *
 * Strings are UTF-8 and end with NUL; names are 1 to 255 bytes. Bodies, keys and header values are
 * any bytes. NULL and 0 in a struct of options mean the default.
 */
#ifndef ROOST_H
#define ROOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "roost_error.h" /* enum roost_error: what every function answers */
#include "roost_query.h" /* history, unread, peers, dead letters ...; marking, cancelling ... */

#ifdef __cplusplus
extern "C" {
#endif

#define ROOST_VERSION_MAJOR 0
#define ROOST_VERSION_MINOR 1
#define ROOST_VERSION_PATCH 0

#define ROOST_FOREVER        (-1)
#define ROOST_ID_TEXT_LENGTH 36 /* "018f6f2e-7d3a-7c31-9b1e-0123456789ab" */
#define ROOST_DEFAULT_URL    "tcp://127.0.0.1:7667"

/* "0.1.0": of the library that is running, not of this header. */
const char *roost_version(void);

/* ----------------------------------------------------------------------------- session */

struct roost;
struct roost_consumer;
struct roost_message;

/* What became of one message that was sent. */
struct roost_sent {
    uint64_t ticket;       /* of roost_send */
    enum roost_error code; /* ROOST_OK or ROOST_DUPLICATE: on disk; else refused */
    uint64_t seq;          /* its place in the scope; 0 when refused */
    uint8_t message_id[ROOST_ID_BYTES];
    void *context;    /* of struct roost_outgoing */
    const char *text; /* why it was refused, or ""; dies with the call */
};

struct roost_options {
    const char *url;  /* of the broker, "tcp://HOST:PORT" or "ipc://PATH"; ROOST_DEFAULT_URL */
    const char *peer; /* who you are; required */
    const char *credentials;  /* password or token; none for a name without an account */
    const char *display_name; /* shown to people */
    const char *software;     /* name and version of your program, for the broker's log */

    /* CURVE encryption, all three as Z85 text of 40 characters, or none: the public key of the broker
     * ('roost key server'), and your two ('roost key make'). The broker knows you by your key;
     * credentials are needed once, to enrol it: the code of 'roost key invite'. While the broker does
     * not let the key in, roost_connect_wait answers ROOST_KEY_NOT_ENROLLED. */
    const char *curve_server_key;
    const char *curve_public_key;
    const char *curve_secret_key;

    /* Bounds of what was given to roost_send and not yet answered; roost_send waits or answers
     * ROOST_BUSY beyond them. */
    uint32_t unanswered_messages_max; /* 65,536; rounded up to a power of two, at most 2^20 */
    size_t unanswered_bytes_max;      /* 64 MiB, bodies and overhead */

    uint32_t events_max; /* 1,024 waiting events; the next ones are counted as lost */

    /* Called for every message sent, in order of the tickets, when its fate is known. Runs in the
     * session's thread. NULL: refused messages become events, stored ones are only counted (see
     * roost_answered). */
    void (*on_sent)(void *context, const struct roost_sent *sent);
    void *context; /* for on_sent */

    void *zmq_context; /* a ZeroMQ context to share; NULL: an own one, with one I/O thread */
};

/* Starts a session. Does not wait for the broker, which may be away: messages and consumers wait
 * for it. *ret is yours, end it with roost_close. The strings are copied.
 * ROOST_USAGE, ROOST_BAD_URL, ROOST_NO_MEMORY. */
ROOST_MUST_USE enum roost_error roost_open(const struct roost_options *options, struct roost **ret);

/* Ends a session and sets *roost to NULL; NULL is allowed. Waits up to linger_ms until everything
 * sent is answered and everything settled is on disk, then says goodbye. Consumers still attached
 * are detached and freed; messages still held stay valid until destroyed, but can no longer be
 * settled: the broker delivers them again. ROOST_TIMEOUT: something was left unanswered or
 * unconfirmed. */
enum roost_error roost_close(struct roost **roost, int linger_ms);

/* Waits until the broker has welcomed this session. ROOST_TIMEOUT, or the code with which the
 * broker refused it (ROOST_BAD_CREDENTIALS, ROOST_LOCKED_OUT ...); the session goes on trying all
 * the same. */
enum roost_error roost_connect_wait(struct roost *roost, int timeout_ms);

/* What is known of the session now. */
struct roost_session_info {
    bool is_connected;       /* welcomed, and the broker was heard within three heartbeats */
    bool is_verified;        /* the peer proved who it is */
    char peer[256];          /* the name the broker knows you by */
    char broker[128];        /* software of the broker */
    uint32_t body_bytes_max; /* of one message */
    uint32_t lease_ms;       /* default lease */
    uint32_t heartbeat_ms;
    uint64_t connections;        /* how often it was welcomed */
    enum roost_error last_error; /* of the last failed attempt to connect */
    enum roost_role role;        /* of the account; ROOST_ROLE_NONE without one */
};

/* The same values at one moment; never waits. Before the first welcome the limits are 0. */
void roost_session_info(struct roost *roost, struct roost_session_info *ret);

/* Counters since roost_open. */
struct roost_counters {
    uint64_t sent;   /* accepted by roost_send */
    uint64_t stored; /* on disk (duplicates included) */
    uint64_t duplicates;
    uint64_t refused;
    uint64_t resent; /* sent again after a loss or a retry order of the broker */
    uint64_t frames_sent;
    uint64_t frames_received;
    uint64_t delivered;  /* shown to the application */
    uint64_t suppressed; /* came again and were not shown again */
    uint64_t settled;    /* settles sent, by message */
    uint64_t stale;      /* settles the broker did not accept: their lease was over */
    uint64_t events_lost;
    uint64_t frames_bad; /* not understood, ignored */
};

void roost_counters(struct roost *roost, struct roost_counters *ret);

/* A descriptor for poll(2) and friends, readable while a message or an event may be waiting (level
 * triggered). It belongs to the session; only ever poll it. To use it, call roost_receive and
 * roost_next_event with timeout 0 until both answer ROOST_EMPTY, then poll again. */
int roost_fd(struct roost *roost);

/* Waits until a message waits at some consumer of the session, or an event: for loops over several
 * consumers. ROOST_OK, ROOST_TIMEOUT. */
enum roost_error roost_wait(struct roost *roost, int timeout_ms);

/* -------------------------------------------------------------------------------- send */

enum roost_kind {
    ROOST_KIND_TEXT = 0,
    ROOST_KIND_FILE_SHARE = 1,
    ROOST_KIND_SHARE_GROUP = 2,
    ROOST_KIND_ACTION = 3,
    ROOST_KIND_RECEIPT = 4, /* made by the broker only */
    ROOST_KIND_CUSTOM = 5,
    ROOST_KIND_SYSTEM = 6,   /* made by the broker only: content_type says what */
    ROOST_KIND_EDIT = 7,     /* by calls only: body is the new text of parent_id ... */
    ROOST_KIND_DELETE = 8,   /* ... parent_id is a tombstone now ... */
    ROOST_KIND_REACTION = 9, /* ... body is an emoji, key "+" or "-" */
};

/* Bits for roost_outgoing.receipts: which reports the sender wants in his mailbox. */
#define ROOST_WANT_DELIVERED 1u
#define ROOST_WANT_READ      2u
#define ROOST_WANT_FATES     4u /* expired, dead, cancelled */

struct roost_header {
    const char *name;
    const void *value;
    size_t value_size;
};

struct roost_outgoing {
    const char *scope; /* "peer:bob", "queue:resize", "topic:a.b", "room:general"; required */
    const void *body;
    size_t body_size;
    const uint8_t *message_id; /* 16 bytes, unique among your messages; NULL: a new UUIDv7 */
    enum roost_kind kind;
    const char *content_type;           /* at most 127 bytes */
    const struct roost_header *headers; /* at most 32 */
    size_t header_count;
    const void *key; /* at most 255 bytes */
    size_t key_size;
    uint32_t priority;          /* 0..9, carried along, does not change the order */
    const char *reply_to;       /* a scope */
    const void *correlation_id; /* at most 64 bytes */
    size_t correlation_id_size;
    const uint8_t *parent_id; /* 16 bytes: the message this one answers; NULL: none */
    uint64_t created_ms;      /* 0: the broker's clock */
    uint64_t not_before_ms;   /* 0: now */
    uint64_t ttl_ms;          /* from being stored; 0: the broker's default */
    uint32_t receipts;        /* ROOST_WANT_... */
    void *context;            /* comes back in struct roost_sent */
};

/* Gives a message to the session, which sends it as soon as it can, after all messages given to it
 * earlier. Everything is copied: the caller may reuse his memory at once. Returns before the
 * message is on disk: see on_sent, roost_answered and roost_flush.
 *   timeout_ms     how long to wait for room when the limits of roost_options are reached
 *   ret_ticket     may be NULL; tickets rise by one from 1 in the order of sending
 *   ret_message_id may be NULL; 16 bytes
 * ROOST_USAGE, ROOST_TOO_LARGE (known limit of the broker), ROOST_BUSY (timeout 0) or
 * ROOST_TIMEOUT (no room in time), ROOST_NO_MEMORY, ROOST_CLOSING: nothing was sent. */
ROOST_MUST_USE enum roost_error roost_send(struct roost *roost,
                                           const struct roost_outgoing *outgoing, int timeout_ms,
                                           uint64_t *ret_ticket, uint8_t *ret_message_id);

/* The same, and waits until its fate is known. ROOST_OK or ROOST_DUPLICATE: the message is on disk.
 * ROOST_TIMEOUT: not known yet; the library goes on sending it. Other: the broker's refusal, or as
 * roost_send. ret (may be NULL) is filled when its fate is known; its text is "". */
ROOST_MUST_USE enum roost_error roost_send_wait(struct roost *roost,
                                                const struct roost_outgoing *outgoing,
                                                int timeout_ms, struct roost_sent *ret);

/* The highest ticket up to which every message is answered (stored or refused). One atomic load. */
uint64_t roost_answered(struct roost *roost);

/* Waits until roost_answered is at least `ticket`; 0 means all tickets given out so far.
 * ROOST_OK, ROOST_TIMEOUT, ROOST_CLOSING. Refusals are told by on_sent or as events. */
enum roost_error roost_flush(struct roost *roost, uint64_t ticket, int timeout_ms);

/* ----------------------------------------------------------------------------- receive */

/* What happened to messages that this peer sent and asked receipts for. */
enum roost_receipt_level {
    ROOST_RECEIPT_DELIVERED = 1,
    ROOST_RECEIPT_READ = 2, /* implies DELIVERED */
    ROOST_RECEIPT_EXPIRED = 3,
    ROOST_RECEIPT_DEAD = 4,
    ROOST_RECEIPT_CANCELLED = 5,
};

struct roost_receipt {
    enum roost_receipt_level level;
    const char *scope;  /* where the messages went */
    const char *peer;   /* who settled or read them; "" for the fates */
    uint64_t first_seq; /* all of yours in this range that asked for it */
    uint64_t last_seq;
    const uint8_t *message_ids; /* message_id_count times 16 bytes, oldest first */
    size_t message_id_count;
    uint64_t time_ms;
    enum roost_error reason; /* for DEAD, for example ROOST_MAX_ATTEMPTS */
};

/* A message that was received, or one of a page of history. Read only; all of it lives until the
 * message (roost_message_destroy) or the page (roost_page_destroy) is destroyed. No pointer to a
 * string is NULL. Fields are only added, at the end. */
struct roost_message {
    uint64_t seq;
    uint8_t message_id[ROOST_ID_BYTES];
    const char *scope;
    const char *sender;
    const void *body;
    size_t body_size;
    enum roost_kind kind;
    const char *content_type;
    const struct roost_header *headers;
    size_t header_count;
    const void *key;
    size_t key_size;
    uint32_t priority;
    const char *reply_to;
    const void *correlation_id;
    size_t correlation_id_size;
    const uint8_t *parent_id; /* NULL: none */
    uint64_t created_ms;
    uint64_t stored_ms;
    uint64_t expires_ms;
    uint32_t attempt;       /* 1: first try */
    bool redelivered;       /* this process, or one before it, may have been shown it */
    bool sender_unverified; /* the sender's name was not proved */
    const struct roost_receipt *receipts; /* with kind ROOST_KIND_RECEIPT: what is reported */
    size_t receipt_count;
    uint64_t edited_ms;  /* of a page: body is the newest text (ROOST_QUERY_EDITS has the others) */
    uint64_t deleted_ms; /* a tombstone: body is empty */
    const struct roost_reaction *reactions; /* of a page */
    size_t reaction_count;
};

/* Where a consumer that does not exist yet begins. */
enum roost_start {
    ROOST_START_DEFAULT = 0, /* "main" of a mailbox: first; any other: new */
    ROOST_START_NEW = 1,
    ROOST_START_FIRST = 2,
    ROOST_START_SEQ = 3,  /* after start_value */
    ROOST_START_TIME = 4, /* stored at or after start_value (Unix ms) */
};

/* How receipts of a mailbox reach the application. */
enum roost_receipts {
    ROOST_RECEIPTS_STREAM = 0, /* from roost_receive, kind ROOST_KIND_RECEIPT; settled as others */
    ROOST_RECEIPTS_EVENTS = 1, /* from roost_next_event; acked when the event is destroyed */
    ROOST_RECEIPTS_IGNORE = 2, /* acked by the library, not shown */
};

struct roost_attach_options {
    const char *scope; /* required, for example "peer:alice"; "topic:sensors.*" (any one word) and
                             "topic:sensors.>" (one or more) are every topic that matches, also those
                             made later: the scope of each message says which */
    const char *consumer; /* NULL: "main" */
    enum roost_start start;
    uint64_t start_value;
    uint32_t lease_ms;        /* 0: the broker's default */
    uint32_t window_messages; /* 1,000: unsettled here at once, at most 65,536 */
    uint64_t window_bytes;    /* 16 MiB of bodies, unsettled here at once */
    uint64_t messages_max;    /* so many are asked for in all, then no more; 0: no end */
    uint32_t seen_max; /* acked messages remembered, to know them when they come again; 4 windows,
                          at least 16,384. Also bounds what is acked and not yet on disk. */
    enum roost_receipts receipts;
    bool must_exist; /* ROOST_NO_SUCH_CONSUMER instead of creating it */
    bool ephemeral;  /* of this session only: nothing of it is stored, and what was sent while the
                        connection was lost is not seen */
};

/* Attaches to a consumer; its messages come from now on. *ret is yours until roost_detach. After a
 * lost connection the library attaches again by itself.
 * With timeout_ms 0 it does not wait for the broker's answer; a refusal comes as an event
 * (ROOST_EVENT_DETACHED) and from roost_receive. Otherwise it waits: ROOST_TIMEOUT or the broker's
 * refusal, and nothing stays behind. ROOST_TOO_MANY: 1,024 consumers in one session. */
ROOST_MUST_USE enum roost_error roost_attach(struct roost *roost,
                                             const struct roost_attach_options *options,
                                             int timeout_ms, struct roost_consumer **ret);

/* Ends it; *consumer becomes NULL; NULL is allowed. Settles given before are sent first; messages
 * that were not settled, received or not, go back to the broker without counting as failed. The
 * durable consumer stays in the broker. Messages still held stay readable. */
void roost_detach(struct roost_consumer **consumer);

struct roost_consumer_state {
    const char *scope; /* both live as long as the consumer */
    const char *consumer;
    bool is_attached;
    bool took_over;     /* another session had it */
    uint64_t floor_seq; /* at the time of attaching: everything up to here is accounted for */
    uint64_t waiting;   /* at the time of attaching: messages not yet settled */
    uint32_t lease_ms;
    uint32_t held;         /* delivered to this process and not yet settled */
    enum roost_error code; /* why it is detached for good; ROOST_OK otherwise */
};

void roost_consumer_state(struct roost_consumer *consumer, struct roost_consumer_state *ret);

/* The next message, in order. *ret is yours: settle it, then roost_message_destroy.
 * ROOST_EMPTY (timeout 0), ROOST_TIMEOUT, or why this consumer is detached for good:
 * ROOST_TAKEN_OVER, ROOST_NO_SUCH_SCOPE, ROOST_NOT_ALLOWED ... */
ROOST_MUST_USE enum roost_error roost_receive(struct roost_consumer *consumer, int timeout_ms,
                                              const struct roost_message **ret);

/* Up to `count_max` messages at once: waits for the first only. */
ROOST_MUST_USE enum roost_error roost_receive_many(struct roost_consumer *consumer, int timeout_ms,
                                                   const struct roost_message **ret_messages,
                                                   size_t count_max, size_t *ret_count);

/* Frees it. If it was not settled it is released: the broker delivers it again. *message becomes
 * NULL; NULL is allowed. Not for messages of a page. */
void roost_message_destroy(const struct roost_message **message);

/* ------------------------------------------------------------------------------ settle
 *
 * All of these return at once; the library merges settles of neighbouring messages and sends them
 * within a millisecond. The message stays readable until destroyed. Each message is settled once
 * (ROOST_SETTLED_ALREADY otherwise), extended as often as you like. While the connection is lost a
 * settle is remembered, and given again when the broker delivers the message again.
 * ROOST_USAGE: not a received message; ROOST_CLOSING: its consumer or session is gone. */

enum roost_error roost_ack(const struct roost_message *message);

/* Not now: back to the broker, not counted as an attempt. delay_ms: not before; 0: at once. */
enum roost_error roost_release(const struct roost_message *message, uint32_t delay_ms);

/* Failed: the broker tries again by its schedule, or after delay_ms if that is not 0. reason (may
 * be NULL, at most 255 bytes) is kept if the message ends as a dead letter. */
enum roost_error roost_fail(const struct roost_message *message, uint32_t delay_ms,
                            const char *reason);

/* Never again: it becomes a dead letter. */
enum roost_error roost_reject(const struct roost_message *message, const char *reason);

/* Still working on it: its lease starts anew. */
enum roost_error roost_extend(const struct roost_message *message);

/* Waits until the broker has everything on disk that was settled at this consumer before the call.
 * ret_stale (may be NULL): how many settles it did not accept since the last call because the lease
 * was over (such a message is delivered again, or went to somebody else).
 * ROOST_TIMEOUT; ROOST_NO_SESSION: the connection was lost before some settles were confirmed, and
 * whether they are on disk is unknown; messages that come again are settled again by the library.
 * This is told once: the next call is about what was settled since. */
enum roost_error roost_confirm(struct roost_consumer *consumer, int timeout_ms, size_t *ret_stale);

/* ------------------------------------------------------------------------------ events */

enum roost_event_kind {
    ROOST_EVENT_CONNECTED = 1, /* welcomed by the broker */
    ROOST_EVENT_DISCONNECTED,  /* connection lost or refused: code, text */
    ROOST_EVENT_REFUSED,       /* a message was refused: sent (only without on_sent) */
    ROOST_EVENT_ATTACHED,      /* consumer: attached, the first time or again */
    ROOST_EVENT_DETACHED,      /* consumer: detached for good: code, text */
    ROOST_EVENT_MESSAGES,      /* consumer: messages wait where none did before */
    ROOST_EVENT_RECEIPT,       /* message: with ROOST_RECEIPTS_EVENTS */
    ROOST_EVENT_PRESENCE,      /* presence: a peer came or left (roost_presence_subscribe) */
    ROOST_EVENT_ERROR,         /* the broker complained: code, text */
};

struct roost_presence_event {
    const char *peer;
    const char *display_name;
    bool is_online;
    uint64_t time_ms;
    const char *reason; /* "hello", "goodbye", "timeout" ... */
    uint64_t event_id;
    bool is_verified; /* the peer has an account */
};

struct roost_event {
    enum roost_event_kind kind;
    enum roost_error code;
    const char *text;                /* "" when there is nothing to say */
    struct roost_consumer *consumer; /* of ATTACHED, DETACHED, MESSAGES, RECEIPT; may be gone by
                                        now if you detached it: compare, do not use, then */
    struct roost_sent sent;
    struct roost_presence_event presence;
    const struct roost_message *message; /* of RECEIPT; belongs to the event */
};

/* The next event, oldest first. *ret is yours. ROOST_EMPTY (timeout 0), ROOST_TIMEOUT. An
 * application that does not care for events need not fetch them. */
ROOST_MUST_USE enum roost_error roost_next_event(struct roost *roost, int timeout_ms,
                                                 struct roost_event **ret);

void roost_event_destroy(struct roost_event **event);

/* From now on, and after every reconnect, presence changes of peers come as events.
 * `subscribe` false ends it. Waits for the broker's answer. */
enum roost_error roost_presence_subscribe(struct roost *roost, bool subscribe, int timeout_ms);

/* The text of the broker's last refusal to this thread (of any session); "" if none. It lives until
 * this thread's next call. For people; programs use the codes. */
const char *roost_last_text(void);

/* --------------------------------------------------------------------------------- ids */

/* A new message id (UUID version 7): those made by one thread rise. */
void roost_id_new(uint8_t ret_id[ROOST_ID_BYTES]);

/* Lower case with hyphens, and a NUL. */
void roost_id_format(const uint8_t id[ROOST_ID_BYTES], char ret_text[ROOST_ID_TEXT_LENGTH + 1]);

/* The 36-character form or 32 digits. False when the text is neither. */
bool roost_id_parse(const char *text, uint8_t ret_id[ROOST_ID_BYTES]);

/* ------------------------------------------------------------------ coming from gigi-store
 *
 *   gigi                                      here
 *   send_persistent_message(nick, text)       roost_send_wait, scope "peer:NICK"
 *   get_conversation_history(nick, n, offset) roost_conversation (rows, not page numbers)
 *   get_unread_count(nick)                    roost_unread_count (own messages are not counted)
 *   mark_message_as_read(id)                  roost_mark_read up to the message's seq
 *   mark_message_as_delivered(id)             roost_ack
 *   pending-messages-available event          ROOST_EVENT_MESSAGES, roost_fd, or roost_receive
 *   list_peers()                              roost_query, ROOST_QUERY_PEERS
 *   retry_count, next_retry_at, status        roost_query, ROOST_QUERY_TRACE and _INSPECT
 *   join_group, leave_group, list_groups      roost_call ROOM_JOIN, ROOM_LEAVE; ROOST_QUERY_ROOMS
 *   send_group_message, get_group_messages    roost_send and ROOST_QUERY_HISTORY, scope "room:NAME"
 */

#ifdef __cplusplus
}
#endif

#endif
