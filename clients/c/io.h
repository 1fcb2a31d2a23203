/* SPDX-License-Identifier: MPL-2.0
 *
 * The session's thread: its state and its parts.
 *
 *   roost_io.c     the loop: sleep, receive, commands, timers, flush
 *   io_session.c   connecting, HELLO, heartbeats, loss          WAITING -> GREETING -> READY
 *   io_send.c      outbox -> publish window -> SEND; STORED -> the application
 *   io_consume.c   ATTACH, SETTLE, CREDIT
 *   io_deliver.c   DELIVER, RECEIPT
 *   io_request.c   QUERY, SYNC, CALL, PRESENCE and their answers
 *
 * Thread rule: everything here runs in the session's thread, without exception.
 */
#ifndef CLIENT_IO_H
#define CLIENT_IO_H

#include "clients/c/consumer.h"
#include "clients/c/frame.h"
#include "clients/c/publish.h"
#include "clients/c/request.h"
#include "clients/c/session.h"
#include "proto/limits.h"

#define IO_FRAMES_PER_TURN  64
#define IO_SETTLE_LINGER_NS 1000000 /* settles of neighbours are gathered for so long */

enum io_state {
    IO_WAITING,  /* no socket; the next attempt is at connect_at */
    IO_GREETING, /* socket made, HELLO said, no WELCOME yet */
    IO_READY,
};

struct io {
    struct roost *roost;
    void *zmq;
    bool owns_zmq;
    void *socket;
    void *monitor;
    uint32_t monitor_number;

    enum io_state state;
    struct mono_time now; /* of this turn */
    struct mono_time connect_at;
    struct mono_time greeting_until;
    uint32_t attempts; /* failed in a row */
    struct mono_time last_sent;
    struct mono_time last_received;
    struct mono_time beat_at;
    uint32_t heartbeat_ms;
    uint8_t resume_token[WIRE_TOKEN_BYTES];
    size_t resume_token_size;
    bool is_choked; /* the socket took no more; wait for room in it */

    struct publish publish;
    struct publish_frame frame;
    bool has_answers; /* tell those who wait for room at the end of the turn */
    bool has_news;

    struct roost_consumer *consumers[WIRE_HANDLES_MAX];
    uint32_t consumer_count;
    uint32_t next_handle;
    uint64_t secret[2];

    struct request *requests[REQUESTS_MAX];
    struct request *confirms[REQUESTS_MAX]; /* id: confirm_id; count: handle */
    uint32_t request_count;
    uint32_t confirm_count;
    bool has_unsent_request;
    bool wants_presence;

    bool is_closing;
    bool has_parted; /* the broker answered our GOODBYE */
    struct mono_time close_at;
    size_t unanswered_at_close;
    bool has_unsettled_at_close;
    uint64_t random;
    struct arena arena; /* of one frame, except those that outlive it */
};

/* roost_io.c */
void *io_main(void *argument);
struct io *io_new(struct roost *roost, void *zmq_context);
void io_free(struct io *io);
void io_take_commands(struct io *io);
bool io_receive(struct io *io); /* true: the socket may have more */
void io_handle_frame(struct io *io, const void *frame, size_t size);
void io_flush(struct io *io); /* sends all that may be sent */
uint32_t io_random(struct io *io);

/* Packs and sends; false when the socket takes no more now (say it again next turn). */
bool io_say(struct io *io, Roost__V1__Type type, const ProtobufCMessage *message);

/* Sends a frame that is packed; takes it in every case. */
bool io_send_frame(struct io *io, zmq_msg_t *frame);

/* An event without consumer. */
void io_event(struct io *io, enum roost_event_kind kind, enum roost_error code, const char *text);

/* io_session.c */
void io_session_turn(struct io *io);
struct mono_time io_session_due(const struct io *io);
void io_session_monitor(struct io *io);
void io_session_end(struct io *io, enum roost_error code, const char *text);
void io_session_part(struct io *io); /* orderly: GOODBYE, and a moment for its answer */
void io_session_close(struct io *io);
void io_on_welcome(struct io *io, const Roost__V1__Welcome *welcome);
void io_on_no_session(struct io *io);
void io_on_ping(struct io *io, const Roost__V1__Ping *ping);
void io_on_goodbye(struct io *io, const Roost__V1__Goodbye *goodbye);
void io_on_error(struct io *io, const Roost__V1__Error *error);

/* io_send.c */
void io_take_outbox(struct io *io);
void io_flush_sends(struct io *io);
void io_on_stored(struct io *io, const Roost__V1__Stored *stored);
void io_abandon_sends(struct io *io); /* the session is closed: refuse all with ROOST_CLOSING */

/* io_consume.c */
void io_attach(struct io *io, struct roost_consumer *consumer);
void io_detach(struct io *io, struct roost_consumer *consumer);
void io_settle(struct io *io, struct roost_consumer *consumer, uint64_t token,
               enum book_outcome outcome, uint32_t delay_ms, char *reason);
void io_confirm(struct io *io, struct roost_consumer *consumer, struct request *request);
void io_flush_consumers(struct io *io, bool is_last);
struct mono_time io_consumers_due(const struct io *io);
bool io_consumers_idle(const struct io *io); /* all that was settled is on the broker's disk */
void io_consumers_lost(struct io *io);
void io_consumers_welcome(struct io *io);
void io_on_attached(struct io *io, const Roost__V1__Attached *attached);
void io_on_detach(struct io *io, const Roost__V1__Detach *detach);
void io_on_settled(struct io *io, const Roost__V1__Settled *settled);
void io_consumer_event(struct io *io, struct roost_consumer *consumer, enum roost_event_kind kind,
                       enum roost_error code, const char *text);
void io_add_settle(struct io *io, struct roost_consumer *consumer, uint64_t delivery_no,
                   enum book_outcome outcome, uint32_t delay_ms, char *reason); /* takes reason */
void consumer_give_credit(struct roost_consumer *consumer, uint32_t body_size);
void consumer_tell_held(struct roost_consumer *consumer);

/* io_deliver.c */
void io_on_deliver_frame(struct io *io, const void *frame, size_t size);
void io_on_receipt_frame(struct io *io, const void *frame, size_t size);
struct roost_consumer *io_find_consumer(const struct io *io, uint32_t handle);

/* io_request.c */
void io_request(struct io *io, struct request *request);
void io_flush_requests(struct io *io);
void io_requests_lost(struct io *io);
void io_requests_welcome(struct io *io);
void io_requests_sweep(struct io *io); /* forgets those nobody waits for */
void io_fail_requests(struct io *io, enum roost_error code);
void io_refuse_request(struct io *io, uint64_t id, enum roost_error code, const char *text);
void io_on_result_frame(struct io *io, const void *frame, size_t size);
void io_on_fin(struct io *io, const Roost__V1__Fin *fin);
void io_on_reply(struct io *io, const Roost__V1__Reply *reply);
void io_on_presence(struct io *io, const Roost__V1__Presence *presence);

static inline struct mono_time mono_first(struct mono_time one, struct mono_time other)
{
    return one.ns < other.ns ? one : other;
}

#endif
