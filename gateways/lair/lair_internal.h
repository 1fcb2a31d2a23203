/* SPDX-License-Identifier: MPL-2.0
 *
 * The inside of the tcp-gateway: its state, and what its files call of each other.
 *
 *     tcp_gateway.c     the actor: life, turn, timers, stop; which answer goes to whom
 *     lair_net.c        sockets: listening, accepting, reading, writing, closing
 *     lair_tls.c        TLS, where there is a certificate
 *     lair_session.c    from a line to a command: handshake, limits, one request at a time
 *     lair_say.c        texts to a connection
 *     lair_news.c       what everybody is told
 *     lair_login.c      authentication; users and their connections
 *     lair_ask.c        questions to the other actors, and requests that wait for their answer
 *     lair_room.c       rooms and invitations
 *     lair_message.c    chat, direct messages, edits, reactions, search, history
 *     lair_feed.c       live messages of rooms
 *     lair_mail.c       live and kept messages of users
 *
 * Rule of memory: a connection is freed in one place only, lair_sweep at the end of a turn. So within
 * a turn a pointer to a connection stays good, whatever happens to it.
 */
#ifndef GATEWAYS_LAIR_LAIR_INTERNAL_H
#define GATEWAYS_LAIR_LAIR_INTERNAL_H

#include <stdarg.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "gateways/address_book.h"
#include "gateways/lair/lair_command.h"
#include "gateways/lair/lair_crypto.h"
#include "gateways/lair/lair_line.h"
#include "gateways/lair/lair_text.h"
#include "gateways/lair/tcp_gateway.h"
#include "gateways/tcp_listeners.h"
#include "gateways/tls_keys.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/name.h"
#include "proto/uuid.h"
#include "rt/arena.h"
#include "rt/buf.h"
#include "rt/hash.h"
#include "rt/metrics.h"

#define LAIR_TLS_MS          5000 /* for a handshake of TLS */
#define LAIR_ASK_DEADLINE_MS 15000
#define LAIR_STORE_MS        60000
#define LAIR_CHATS_MAX       256        /* chat lines of one connection on their way to disk */
#define LAIR_OUT_BYTES_MAX   (4u << 20) /* texts a connection has not read */
#define LAIR_IN_BYTES_MAX    (LAIR_LINE_BYTES_MAX + (64u << 10))
#define LAIR_MARK_BYTES      4
#define LAIR_NEWS_MAX        1024 /* remembered for those who are not told yet */
#define LAIR_PACKET_BYTES                                                                          \
    1400 /* lines that are sent together: what the network takes in one piece */
#define LAIR_LOBBY "Lobby"

struct lair_connection;
struct lair_user;
struct lair_feed;

enum lair_state {
    LAIR_TLS,       /* its handshake is under way */
    LAIR_HANDSHAKE, /* its public key is awaited */
    LAIR_STRANGER,  /* not logged in */
    LAIR_OPEN,      /* logged in */
    LAIR_GONE,      /* to be swept at the end of the turn */
};

/* A command that waits for answers of other actors. */
struct lair_request;
typedef void lair_called(struct lair_connection *connection, const INTERNAL(CallDone) * done);
/* NULL: the query is over; *err says how. Else one part of its result. */
typedef void lair_queried(struct lair_connection *connection, const Roost__V1__Result *result,
                          enum err err);
typedef void lair_stored(struct lair_connection *connection, enum err err,
                         const uint8_t message_id[UUID_BYTES]);

struct lair_request {
    struct lair_command command; /* views into `line` */
    char *line;
    lair_called *on_called;
    lair_queried *on_queried;
    lair_stored *on_stored;
    uint8_t message_id[UUID_BYTES]; /* of what is being stored */
    struct buf text;                /* the answer in the making */
    uint32_t count;
    uint64_t seq;
    char name[WIRE_SCOPE_BYTES_MAX]; /* the room of the message, or where the next page begins */
    size_t name_size;
    bool is_known;
};

struct lair_connection {
    struct tcp_gateway *gateway;
    uint64_t session;
    int fd;
    enum lair_state state;
    struct lair_key key; /* HANDSHAKE: our secret */
    struct buf in, out;
    size_t in_seen;
    bool is_reading, is_writing; /* as the poller knows it */
    gnutls_session_t tls;        /* NULL: plain */
    struct tls_keys *tls_keys;   /* that it uses */
    bool is_shaken;              /* the handshake of TLS is over */
    bool is_pending;             /* in the list of those that GnuTLS has bytes of */
    struct lair_connection *pending_next;
    struct address_key address;
    bool is_eof;            /* the other side has said everything */
    bool is_skipping;       /* the rest of a line that is too long */
    bool has_session;       /* the registry was asked to open it */
    bool is_orderly;        /* GONE: ended by EOF, so everything written counts as read */
    struct mono_time since; /* of the connection, later of the last line */
    int64_t budget_ns;      /* rate limit: when it would be full again */

    struct lair_user *user;            /* OPEN */
    struct lair_connection *user_next; /* older ones of the user */
    struct lair_feed *feed;            /* the current room */
    struct lair_connection *feed_previous, *feed_next;
    struct lair_feed *entering; /* its messages are being subscribed */
    struct lair_connection *entering_next;
    bool enters_silently;         /* at the login nothing is said of it */
    struct lair_request *request; /* at most one */
    char *held;                   /* a command that waits until the chat before it is stored */
    size_t held_size;
    struct lair_connection *gone_next;

    uint64_t news_no;  /* OPEN: the first one it was not told */
    uint64_t users_no; /* the list of users it knows, or need not be told */
    struct lair_connection *news_previous, *news_following;

    uint64_t published_no; /* last publish number given out */
    uint32_t chats_open;
    bool is_rewound; /* a store was put off: numbers begin again when all are answered */
    uint64_t stored_no;

    /* Mail written to it and not settled. */
    bool has_mail;                             /* the mailbox is attached, or asked for */
    uint64_t mail_settled_no, mail_written_no; /* delivery numbers */
    uint64_t mail_granted;                     /* deliveries it may get in all, since ATTACH */
    uint64_t mail_base;                        /* the number before the first since ATTACH */
    struct mono_time mail_written_at;
    uint64_t mail_end_bytes; /* of everything sent to it, where the last of the mail ends */
    uint64_t sent_bytes;
};

struct lair_user {
    struct name_folded folded;
    int64_t peer_id;
    uint32_t role;
    struct lair_connection *newest;
    size_t name_size;
    char name[WIRE_NAME_BYTES_MAX];
};

/* A room with connections in it, and the consumer in memory that brings its messages. */
struct lair_feed {
    uint64_t session;
    int64_t scope_id; /* 0: not known yet */
    bool is_ready, is_asked;
    uint64_t credit, delivered;
    struct lair_connection *first;    /* who is in the room */
    struct lair_connection *entering; /* who waits for it */
    size_t count;
    struct name_folded folded;
    size_t name_size;
    char name[WIRE_NAME_BYTES_MAX];
};

struct lair_news {
    uint64_t except_session; /* 0: nobody */
    uint64_t at;             /* of its text, in all that was said so far */
    size_t size;
    bool is_list; /* the list of users, as it is then */
};

struct tcp_gateway {
    struct actor *actor;
    const struct tcp_gateway_options *options;
    int poller;
    struct tcp_listeners listeners;
    uint64_t last_session;
    struct u64map connections; /* by session, also GONE ones until they are swept */
    struct hash users;         /* by folded name */
    struct hash feeds;         /* by folded name of the room */
    struct u64map feeds_by_session;
    struct lair_connection *gone;
    struct uuid_source uuids;
    uint8_t mark[LAIR_MARK_BYTES]; /* the end of the ids of messages that came through here */
    struct wire_reader reader;
    struct arena arena;
    struct buf scratch; /* texts in the making */
    struct buf clean;   /* the body of the message in hand */
    struct buf line;    /* what is about to be written */
    struct lair_cipher cipher;
    struct tls_keys *tls_keys; /* NULL: no TLS */
    unsigned reloads_seen;
    struct lair_connection *pending;
    struct address_book addresses;
    struct mono_time refusal_noted;       /* of too many connections, in the audit log */
    struct lair_news news[LAIR_NEWS_MAX]; /* oldest to next, by number */
    uint64_t news_oldest, news_next;      /* told to all before it; the next number */
    struct buf news_text;                 /* the texts of these, one behind the other */
    uint64_t news_text_at;                /* where these begin in all that was said so far */
    struct lair_connection *news_first;   /* the one that is furthest behind */
    size_t news_listeners;
    uint64_t round_end; /* the news being told to everybody end here */
    struct mono_time round_due;
    struct lair_connection *news_last; /* one that was told most */
    uint64_t users_no, user_list_no;   /* changes of the users; of those in user_list */
    struct buf user_list;
    struct mono_time list_due; /* not before */
    bool is_stopping;
};

enum tcp_timer {
    TCP_TIMER_SWEEP, /* handshakes, idle ones, mail to be settled */
    TCP_TIMER_SEEN,
    TCP_TIMER_FEEDS,   /* subscribe again */
    TCP_TIMER_PENDING, /* read again */
    TCP_TIMER_NEWS,    /* some are behind */
    TCP_TIMER_USERS,   /* the list of users may be told again */
    TCP_TIMER_ACCEPT,  /* there may be descriptors again */
};

static inline struct lair_text lair_text_of(const void *data, size_t size)
{
    return (struct lair_text){data, size};
}

/* --- lair_net.c */

MUST_USE enum err lair_listen(struct tcp_gateway *gateway);
void lair_net_close(struct tcp_gateway *gateway);
/* Everything the poller has, up to a bound. */
void lair_poll(struct tcp_gateway *gateway);
/* Connections are taken again. */
void lair_accept_again(struct tcp_gateway *gateway);
/* What was decrypted and not read; false: there is more. */
bool lair_read_pending(struct tcp_gateway *gateway);
/* Lines, each ended by LF, in one send where the socket takes it; kept otherwise. A connection whose
 * buffer is full is closed. */
void lair_write(struct lair_connection *connection, const void *line, size_t size);
/* What the poller is to tell of it, after its buffers changed. */
void lair_watch(struct lair_connection *connection);
/* Gives the memory of an empty buffer back. */
void lair_shrink(struct buf *buf);
/* Has the other side's kernel acknowledged all the mail? */
bool lair_is_acknowledged(const struct lair_connection *connection);
/* Out of sight at once, freed at the end of the turn. */
void lair_close(struct lair_connection *connection, bool is_orderly);
void lair_sweep(struct tcp_gateway *gateway);

/* --- lair_tls.c */

/* Reads the certificate and its key, if there are any. */
MUST_USE enum err lair_tls_load(struct tcp_gateway *gateway);
/* Reads them again when the configuration was. */
void lair_tls_look(struct tcp_gateway *gateway);
/* False: no memory. */
bool lair_tls_begin(struct lair_connection *connection);
void lair_tls_end(struct lair_connection *connection);
enum lair_shake { LAIR_SHAKE_ON, LAIR_SHAKE_DONE, LAIR_SHAKE_FAILED };
enum lair_shake lair_tls_shake(struct lair_connection *connection);
bool lair_tls_wants_write(const struct lair_connection *connection);
/* recv and send, through TLS where there is any. */
ssize_t lair_receive(struct lair_connection *connection, void *bytes, size_t size);
ssize_t lair_send(struct lair_connection *connection, const void *bytes, size_t size);
/* Bytes that the poller does not see: the connection is to be read again soon. */
void lair_tls_note_pending(struct lair_connection *connection);
void lair_tls_forget_pending(struct lair_connection *connection);
struct lair_connection *lair_tls_take_pending(struct tcp_gateway *gateway);

/* --- lair_session.c */

/* New bytes have come, or a request was answered: goes on with the lines that are there. */
void lair_go_on(struct lair_connection *connection);

/* --- lair_say.c; %T struct lair_text, %s, %u */

void lair_say(struct lair_connection *connection, const char *format, ...);
/* Several lines in as few sends as can be: begin, put, end. Begins with the news it was not told. */
void lair_line_begin(struct lair_connection *connection);
void lair_line_put(struct lair_connection *connection, struct lair_text text);
void lair_line_end(struct lair_connection *connection);
/* A text in the making; it lives until the next. */
struct lair_text lair_format(struct tcp_gateway *gateway, const char *format, va_list arguments);
void lair_say_text(struct lair_connection *connection, struct lair_text text);
/* Appends to a buffer; what has no room is left out. */
void lair_put(struct buf *buf, const char *format, ...);
/* Text of a message as a client can show it: valid UTF-8 without NUL, at most LAIR_TEXT_BYTES_MAX. */
struct lair_text lair_clean(struct tcp_gateway *gateway, ProtobufCBinaryData body);

/* --- lair_news.c */

void lair_news_init(struct tcp_gateway *gateway);
void lair_news_fini(struct tcp_gateway *gateway);
/* An OPEN connection is told the news from here on, until it leaves. */
void lair_news_join(struct lair_connection *connection);
void lair_news_leave(struct lair_connection *connection);
/* To every connection that is OPEN now, but `except`; soon, and in order. */
void lair_say_all(struct tcp_gateway *gateway, const struct lair_connection *except,
                  const char *format, ...);
/* Users came or went; whoever `who` is (or NULL) need not be told. */
void lair_users_changed(struct tcp_gateway *gateway, struct lair_connection *who);
void lair_users_due(struct tcp_gateway *gateway);
/* The view lives until users change. */
struct lair_text lair_user_list(struct tcp_gateway *gateway);
/* Puts the lines it was not told yet. */
void lair_news_put(struct lair_connection *connection);
/* Tells it now. */
void lair_news_tell(struct lair_connection *connection);
/* Tells some of those who are behind, and goes on in the next turn. */
void lair_news_go_on(struct tcp_gateway *gateway);

/* --- lair_ask.c */

/* Begins a request with a copy of the text; NULL: no memory, said so. */
struct lair_request *lair_request_begin(struct lair_connection *connection, const char *text,
                                        size_t size);
void lair_request_end(struct lair_connection *connection);
/* These take the connection's request on; when they cannot, `on_...` is called at once with ERR_BUSY. */
void lair_call(struct lair_connection *connection, INTERNAL(Call) * call, lair_called *on_called);
void lair_query(struct lair_connection *connection, Roost__V1__Query *query,
                lair_queried *on_queried);
void lair_store(struct lair_connection *connection, struct lair_text scope, struct lair_text body,
                const uint8_t *parent_id, lair_stored *on_stored);
/* A line of chat: no answer but an error. */
void lair_chat(struct lair_connection *connection, struct lair_text body);
/* "room:NAME" of the current room; the view lives until the next call. */
struct lair_text lair_room_scope(struct lair_connection *connection);
struct lair_connection *lair_connection_of(struct tcp_gateway *gateway, uint64_t session);
actor_handler lair_on_call_done, lair_on_query_part, lair_on_query_done, lair_on_store_done;
void lair_no_answer(struct tcp_gateway *gateway, uint8_t kind, uint64_t session);

/* --- lair_login.c */

void lair_authenticate(struct lair_connection *connection, const char *text, size_t size);
actor_handler lair_on_login_done, lair_on_session_opened, lair_on_account_changed;
void lair_login_no_answer(struct lair_connection *connection);
/* The other actors forget its session, if it has one. */
void lair_session_end(struct lair_connection *connection, uint32_t code);
/* Of an OPEN connection that is closed: the user may be gone with it. */
void lair_logout(struct lair_connection *connection);
struct lair_user *lair_user_find(struct tcp_gateway *gateway, struct lair_text name);
void lair_tell_seen(struct tcp_gateway *gateway);

/* --- lair_room.c, lair_message.c: one command each */

void lair_run_room(struct lair_connection *connection, const struct lair_command *command,
                   struct lair_text line);
void lair_run_message(struct lair_connection *connection, const struct lair_command *command,
                      struct lair_text line);
/* The connection is in the room, and its request goes on with what it has to say. */
void lair_entered(struct lair_connection *connection);

/* --- lair_feed.c */

/* Into the room, as soon as its messages come; then lair_entered (not when `is_login`). */
void lair_enter(struct lair_connection *connection, struct lair_text room);
void lair_leave_feed(struct lair_connection *connection);
bool lair_is_lobby(struct lair_text room);
void lair_feed_attached(struct tcp_gateway *gateway, struct lair_feed *feed, uint32_t code);
void lair_feed_deliver(struct tcp_gateway *gateway, struct lair_feed *feed,
                       const Roost__V1__Deliver *deliver);
/* Somebody is no member any more: his connections in that room go back to the Lobby. */
void lair_feed_left(struct tcp_gateway *gateway, int64_t scope_id, int64_t peer_id);
void lair_feeds_again(struct tcp_gateway *gateway);
void lair_feed_no_answer(struct tcp_gateway *gateway, struct lair_feed *feed);
void lair_feeds_fini(struct tcp_gateway *gateway);
/* Sends a SETTLE for numbers first to last. */
void lair_settle(struct tcp_gateway *gateway, uint64_t session, uint64_t first_no,
                 uint64_t last_no);
void lair_grant(struct tcp_gateway *gateway, uint64_t session, uint64_t messages_total);

/* --- lair_mail.c */

void lair_mail_attach(struct lair_connection *connection);
void lair_mail_deliver(struct lair_connection *connection, const Roost__V1__Deliver *deliver);
void lair_mail_receipt(struct lair_connection *connection, const Roost__V1__Receipt *receipt);
/* A line came from it: what was written before has arrived. */
void lair_mail_heard(struct lair_connection *connection);
/* Time has passed, or it ends in order. */
void lair_mail_settle(struct lair_connection *connection, bool is_over);

#endif
