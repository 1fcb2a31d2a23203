/* SPDX-License-Identifier: MPL-2.0
 *
 * The inside of the http-gateway: its state, and what its files call of each other.
 *
 *     http_gateway.c   the actor: life, turn, timers, stop; which answer goes to whom
 *     http_net.c       libmicrohttpd: listeners, its one descriptor, connections, time limits
 *     http_tls.c       the certificates that they show
 *     http_request.c   a request from its head to its answer; tickets
 *     http_stream.c    answers without an end
 *     http_target.c, http_head.c, http_route.c   pure: the text of a request, and where it leads
 *     http_json.c, http_error.c                  pure: what answers are made of
 *     http_assets.c    the files of the dashboard
 *
 * How a module adds a path:
 *
 *   1. A row in routes.def, and its handler, `void http_get_pulse(struct http_request *request)`, in a
 *      file http_NOUN.c. The table declares it. The router has checked method, query parameters and
 *      rights before it is called; variables are request->match.variables.
 *   2. It answers at once: writes into `struct http_json json; http_answer_json(request, &json)`, then
 *      http_answer(request, 200); or http_answer_error(request, ERR_NO_SUCH_PEER, NULL).
 *   3. Or later: it keeps request->ticket anywhere (in the context of an actor_ask, say) and returns. The
 *      connection is suspended and costs nothing. When it has what it needs, in any handler of the actor:
 *          struct http_request *request = http_request_of(gateway, ticket);
 *          if (request) http_answer...(request)
 *      NULL: the connection has vanished, or the request was answered because its time was over. A ticket
 *      is never given out twice. Every request is answered or it would wait for ever: whoever asks with
 *      a deadline answers in on_no_answer too.
 *   4. Or without an end: http_stream_begin(request, "text/event-stream", bytes_max), at once or later. Then
 *      http_stream_write(request, piece) as often as there is something, until http_request_of(ticket)
 *      is NULL. What the reader does not take is kept up to bytes_max; a reader that lets that fill is
 *      closed, counted (METRIC_DROPPED) and logged. http_stream_end() ends it in order. To be told when
 *      it is gone, set request->on_gone.
 *
 * Everything here is on the actor's thread: libmicrohttpd has none of its own.
 */
#ifndef GATEWAYS_HTTP_HTTP_INTERNAL_H
#define GATEWAYS_HTTP_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "gateways/address_book.h"
#include "gateways/http/http_cursor.h"
#include "gateways/http/http_gateway.h"
#include "gateways/http/http_handlers.h"
#include "gateways/http/http_head.h"
#include "gateways/http/http_json.h"
#include "gateways/http/http_route.h"
#include "gateways/http/http_target.h"
#include "gateways/tcp_listeners.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/name.h"
#include "proto/uuid.h"
#include "rt/arena.h"
#include "rt/buf.h"
#include "rt/hash.h"
#include "rt/metrics.h"

#define HTTP_ANSWER_BYTES_MAX  (64u << 20)
#define HTTP_ANSWER_HEADERS    6u
#define HTTP_ALLOW_BYTES       64u
#define HTTP_TAG_BYTES         24u
#define HTTP_ASK_DEADLINE_MS   15000
#define HTTP_STORE_DEADLINE_MS 60000

struct http_gateway;
struct http_asset;
struct http_stream;
struct http_live;
struct http_caller;
struct http_fields;
struct http_piece;

/* What goes on when an answer has come; http_ask.h. */
typedef void http_called(struct http_request *request, const INTERNAL(CallDone) * done);
typedef void http_stored(struct http_request *request, const INTERNAL(StoreDone) * done);
typedef void http_part(struct http_request *request, const Roost__V1__Result *result);
typedef void http_finished(struct http_request *request, const Roost__V1__Fin *fin);

/* A socket that was accepted; beside it in libmicrohttpd. */
struct http_connection {
    struct http_connection *previous, *next;
    struct http_gateway *gateway;
    int fd;
    struct mono_time since; /* accepted, the head came, or the last answer was taken */
    int64_t patience_ms;    /* how long that may be ago */
    bool is_exempt;         /* it waits for us, or streams: no time runs */
    struct http_door door;
    struct address_key address; /* as it is counted */
    struct tls_keys *tls_keys;  /* that it uses */
};

enum http_state {
    HTTP_NEW,      /* its first line came */
    HTTP_ARRIVING, /* its head is right; the body comes */
    HTTP_RUNNING,  /* its handler was called */
    HTTP_ANSWERED, /* the answer is there */
    HTTP_SENT,     /* and with libmicrohttpd */
    HTTP_STREAMING,
};

struct http_request {
    struct http_gateway *gateway;
    uint64_t ticket;
    struct MHD_Connection *mhd;
    struct http_connection *connection;
    enum http_state state;
    bool is_suspended;

    char *memory; /* the target, decoded; views point into it */
    size_t memory_size;
    struct http_head head;
    struct http_target target;
    enum http_method method;
    struct http_match match; /* match.route NULL: no route */

    struct buf body;
    uint64_t arrived;   /* bytes of the body */
    uint64_t swallowed; /* bytes of a body that is not wanted */
    enum err refusal;   /* found in the head; told when the body has come */
    const char *refusal_text;
    bool is_last; /* the connection ends with the answer */

    /* The answer. */
    unsigned status;
    struct buf answer;
    const char *content_type; /* NULL: application/json */
    const struct http_asset *asset;
    struct {
        const char *name;
        char value[128];
    } headers[HTTP_ANSWER_HEADERS];
    size_t header_count;
    struct http_stream *stream;

    /* Who asks (http_caller.h). */
    struct http_caller *caller;
    http_handler *when_admitted;
    struct http_caller *waits_for; /* until it is known who this is */
    struct http_request *line_next;
    char peer[3 * WIRE_NAME_BYTES_MAX + 1];

    /* What other actors are asked for it (http_ask.h). */
    struct http_fields *fields; /* of its body, NULL: not read */
    http_called *on_called;
    http_stored *on_stored;
    http_part *on_part;
    http_finished *on_finished;
    struct http_json json; /* an answer that is written part by part */
    const char *list;      /* the field of RESULT that holds its rows */
    uint32_t rows;
    uint32_t offset;
    uint32_t step; /* of a handler that asks several things */
    uint64_t pending_seq;
    enum err missing; /* what it means when there is no row */
    struct http_cursor cursor;
    char scope[WIRE_SCOPE_BYTES_MAX + 1];
    uint8_t id[UUID_BYTES];

    /* Called when the request is over, however; for those who keep something of it. */
    void (*on_gone)(struct http_request *request);
    void *context; /* of whoever set on_gone */
};

struct http_gateway {
    struct actor *actor;
    struct http_live *live; /* NULL without a listener on the network */
    const struct http_gateway_options *options;
    int poller; /* holds the descriptors of all daemons */
    struct MHD_Daemon *daemons[HTTP_GATEWAY_LISTEN_MAX];
    size_t daemon_count;
    struct tcp_listeners listeners; /* of each the daemon that has its index */
    struct tls_keys *tls_keys;      /* NULL: no TLS */
    unsigned reloads_seen;
    bool has_news; /* something was resumed: the daemons are to be run */
    bool is_running;
    struct http_connection *connections;
    size_t connection_count;
    uint64_t last_ticket;
    struct u64map requests;           /* by ticket, from the first line to the end */
    struct hash callers;              /* by token or name */
    struct u64map callers_by_session; /* gone ones too, while somebody holds them */
    uint64_t last_session;
    struct uuid_source uuids;
    struct arena arena;         /* of the frame in hand */
    struct wire_reader checker; /* frames of ours, before they are asked */
    struct wire_reader reader;  /* frames that answer */
    size_t running;             /* requests whose handler was called and that have no answer */
    size_t streams;
    struct http_stream *gathered;      /* of these, which have something; http_stream.c */
    struct mono_time gathered_go_next; /* not before */
    struct mono_time started;
    bool is_stopping;
    struct mono_time stop_began;
    struct address_book addresses;
};

enum http_timer {
    HTTP_TIMER_NET,   /* libmicrohttpd wants to be called again */
    HTTP_TIMER_SWEEP, /* who takes too long */
    HTTP_TIMER_SEEN,  /* the registry is told who is there */
    HTTP_TIMER_STOP,
    HTTP_TIMER_LIVE,    /* the second of http_live.c */
    HTTP_TIMER_ACCEPT,  /* there may be descriptors again */
    HTTP_TIMER_STREAMS, /* those streams that have something go on */
};

/* --- http_net.c */

MUST_USE enum err http_net_open(struct http_gateway *gateway);
/* Everything there is, up to a bound; then comes back by itself. */
void http_net_run(struct http_gateway *gateway);
/* Ends connections that have been arriving for too long. */
void http_net_sweep(struct http_gateway *gateway);
/* Connections are taken again. */
void http_net_accept_again(struct http_gateway *gateway);
/* No new ones. */
void http_net_quiesce(struct http_gateway *gateway);
void http_net_close(struct http_gateway *gateway);
/* The connection ends now, whatever it does. */
void http_net_cut(struct http_connection *connection);
/* Goes on with a suspended request at the end of the turn. */
void http_net_resume(struct http_request *request);

/* --- http_tls.c */

/* Where certificate and key are named. */
MUST_USE enum err http_tls_load(struct http_gateway *gateway);
/* Another certificate, if there was a SIGHUP. */
void http_tls_look(struct http_gateway *gateway);
/* Where a daemon takes certificates from: none of its own. */
struct MHD_OptionItem http_tls_option(void);
/* A connection that libmicrohttpd has just made shows the certificate in force. */
void http_tls_begin(struct http_connection *connection, struct MHD_Connection *mhd);
void http_tls_end(struct http_connection *connection);

/* --- http_request.c; the first three are called by libmicrohttpd through http_net.c */

void *http_request_begin(struct http_gateway *gateway, const char *target);
enum MHD_Result http_request_access(struct http_request *request, struct MHD_Connection *mhd,
                                    const char *method, const char *upload, size_t *upload_size);
void http_request_end(struct http_request *request);

/* The address it comes from, without a port. */
void http_request_address(const struct http_request *request, char ret_text[HTTP_ADDRESS_TEXT_MAX]);

/* NULL: it is over. */
struct http_request *http_request_of(const struct http_gateway *gateway, uint64_t ticket);

/* The answer is what is written here; forgets what was. */
void http_answer_json(struct http_request *request, struct http_json *json);
/* The same, as one object with what is written between these two; the second one answers. */
void http_answer_object(struct http_request *request, struct http_json *json);
void http_answer_object_end(struct http_request *request, struct http_json *json, unsigned status);
/* Text that is no JSON: append to request->answer. */
void http_answer_text(struct http_request *request, const char *content_type);
/* It is done. An answer that did not fit becomes an error. */
void http_answer(struct http_request *request, unsigned status);
/* {"error": {...}}; `text` NULL: the sentence of the error. */
void http_answer_error(struct http_request *request, enum err err, const char *text);
/* With another status than that of the table. */
void http_answer_error_as(struct http_request *request, unsigned status, enum err err,
                          const char *text);
void http_answer_retry(struct http_request *request, enum err err, const char *text,
                       uint32_t retry_after_ms);
/* One more header; what is too long is left out. */
void http_answer_header(struct http_request *request, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Every request that waits is answered, every stream ends. */
void http_requests_stop(struct http_gateway *gateway);

/* --- http_stream.c */

void http_stream_begin(struct http_request *request, const char *content_type, size_t bytes_max);
/* The piece is held until the reader has it. False: the reader was too slow and is gone; the request
 * ends soon. */
bool http_stream_write(struct http_request *request, struct http_piece *piece);
/* What waits for it now does not count as left unread. */
void http_stream_forgive(struct http_request *request);
void http_stream_end(struct http_request *request);
/* At the end of a turn: those that have something, when it is time. */
void http_streams_go_on(struct http_gateway *gateway);
/* To libmicrohttpd. */
struct MHD_Response *http_stream_response(struct http_request *request);
/* The request is gone before the response. */
void http_stream_forget(struct http_request *request);

#endif
