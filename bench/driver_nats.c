/* SPDX-License-Identifier: MPL-2.0
 *
 * Driver for NATS JetStream (file storage) through libnats. Publishing is a request with one and
 * the same reply subject for all messages of a producer; JetStream answers each with the sequence
 * it stored it under, in order, so counting answers is enough. Consuming is a durable pull
 * consumer with explicit acks; two batches are asked for ahead.
 *
 * The connections that carry messages run in libnats' event-loop mode with the driver's own
 * thread as the loop: no reader and flusher threads, one write per flush. The library's default
 * mode hands every message between threads and would measure the client. Requests that wait for
 * an answer cannot be used on such a connection, hence the separate ordinary one for managing.
 *
 * Variant "dedup": every message carries a Nats-Msg-Id, so that the server does its duplicate
 * check, as roost always does.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nats/nats.h>

#include "drivers.h"

#define STREAM            "BENCH"
#define SUBJECT           "bench"
#define CONSUMER          "drain"
#define NEXT_SUBJECT      "$JS.API.CONSUMER.MSG.NEXT." STREAM "." CONSUMER
#define BATCH             500
#define BATCHES_AHEAD     2
#define NEXT_REQUEST      "{\"batch\":500,\"expires\":3600000000000}"
#define BUFFER_SIZE_BYTES 262144
#define PENDING_MAX       200000

struct nats_session {
    natsConnection *connection;
    natsSubscription *answers;
    char inbox[64];
    natsSock socket;
    bool wants_write;
    bool has_dedup;
    uint64_t number;
    uint64_t run; /* makes message ids of this producer differ from those of any other */
    uint64_t expected;
};

static void nats_check(natsStatus status, const char *what)
{
    if (status != NATS_OK) {
        const char *detail = nats_GetLastError(NULL);
        bench_fail("nats: %s: %s: %s", what, natsStatus_GetText(status),
                   detail != NULL ? detail : "");
    }
}

static natsStatus loop_attach(void **ret_data, void *loop, natsConnection *connection,
                              natsSock socket)
{
    (void)connection;
    struct nats_session *session = loop;
    session->socket = socket;
    *ret_data = session;
    return NATS_OK;
}

static natsStatus loop_read(void *data, bool is_wanted)
{
    (void)data;
    (void)is_wanted; /* the driver reads whenever it waits */
    return NATS_OK;
}

static natsStatus loop_write(void *data, bool is_wanted)
{
    struct nats_session *session = data;
    session->wants_write = is_wanted;
    return NATS_OK;
}

static natsStatus loop_detach(void *data)
{
    (void)data;
    return NATS_OK;
}

static void url_of(const struct target *target, char *url, size_t size_bytes)
{
    (void)snprintf(url, size_bytes, "nats://%s:%u", target->host, (unsigned)target->port);
}

static struct nats_session *session_open(const struct target *target, const char *role,
                                         unsigned index)
{
    struct nats_session *session = calloc(1, sizeof *session);
    natsOptions *options = NULL;
    char url[128];
    if (session == NULL) {
        bench_fail("out of memory");
    }
    url_of(target, url, sizeof url);
    nats_check(natsOptions_Create(&options), "options");
    nats_check(natsOptions_SetURL(options, url), "address");
    nats_check(natsOptions_SetAllowReconnect(options, false), "reconnect");
    nats_check(natsOptions_SetMaxPendingMsgs(options, PENDING_MAX), "pending limit");
    nats_check(natsOptions_SetIOBufSize(options, BUFFER_SIZE_BYTES), "buffer size");
    /* In event-loop mode this does not send: publishing asks for loop_write at once instead of
     * waking the library's flusher thread, which would ask a millisecond later. */
    nats_check(natsOptions_SetSendAsap(options, true), "send at once");
    nats_check(
        natsOptions_SetEventLoop(options, session, loop_attach, loop_read, loop_write, loop_detach),
        "event loop");
    nats_check(natsConnection_Connect(&session->connection, options), "connect");
    natsOptions_Destroy(options);
    (void)snprintf(session->inbox, sizeof session->inbox, "_INBOX.bench.%s.%u", role, index);
    nats_check(natsConnection_SubscribeSync(&session->answers, session->connection, session->inbox),
               "subscribe");
    return session;
}

static void session_close(void *argument)
{
    struct nats_session *session = argument;
    natsSubscription_Destroy(session->answers);
    natsConnection_Destroy(session->connection);
    free(session);
}

/* One wait on the socket; reads and writes what it is ready for. */
static void session_turn(struct nats_session *session, int64_t timeout_ns)
{
    struct pollfd ready = {.fd = session->socket, .events = POLLIN};
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000),
        .tv_nsec = (long)(timeout_ns % 1000000000),
    };
    if (session->wants_write) {
        ready.events |= POLLOUT;
    }
    if (ppoll(&ready, 1, &timeout, NULL) <= 0) {
        return;
    }
    if ((ready.revents & POLLOUT) != 0) {
        natsConnection_ProcessWriteEvent(session->connection);
    }
    if ((ready.revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
        natsConnection_ProcessReadEvent(session->connection);
    }
    if (natsConnection_IsClosed(session->connection)) {
        bench_fail("nats: the server closed the connection");
    }
}

static void session_flush(void *argument)
{
    struct nats_session *session = argument;
    if (session->wants_write) {
        natsConnection_ProcessWriteEvent(session->connection);
    }
    while (session->wants_write) {
        session_turn(session, 1000000000);
    }
}

/* The next message already received, or NULL. */
static natsMsg *session_next(struct nats_session *session)
{
    natsMsg *message = NULL;
    natsStatus status = natsSubscription_NextMsg(&message, session->answers, 0);
    if (status == NATS_TIMEOUT) {
        return NULL;
    }
    nats_check(status, "receive");
    return message;
}

static void *nats_producer_open(const struct target *target, unsigned index)
{
    struct nats_session *session = session_open(target, "producer", index);
    session->has_dedup = strcmp(target->variant, "dedup") == 0;
    session->run = (uint64_t)bench_now_ns() ^ (uint64_t)index << 56;
    return session;
}

static void publish_with_id(struct nats_session *session, const void *body, size_t size_bytes)
{
    natsMsg *message = NULL;
    char id[40];
    (void)snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, session->run, session->number++);
    nats_check(natsMsg_Create(&message, SUBJECT, session->inbox, body, (int)size_bytes), "create");
    nats_check(natsMsgHeader_Set(message, "Nats-Msg-Id", id), "header");
    nats_check(natsConnection_PublishMsg(session->connection, message), "publish");
    natsMsg_Destroy(message);
}

static void nats_publish(void *producer, const void *body, size_t size_bytes)
{
    struct nats_session *session = producer;
    if (session->has_dedup) {
        publish_with_id(session, body, size_bytes);
        return;
    }
    nats_check(natsConnection_PublishRequest(session->connection, SUBJECT, session->inbox, body,
                                             (int)size_bytes),
               "publish");
}

/* An answer must name the sequence and be neither an error nor a duplicate. */
static void check_stored_answer(natsMsg *message)
{
    const char *text = natsMsg_GetData(message);
    if (text == NULL || strstr(text, "\"seq\":") == NULL || strstr(text, "\"error\"") != NULL ||
        strstr(text, "\"duplicate\"") != NULL) {
        bench_fail("nats: a publish was answered: %s", text != NULL ? text : "(nothing)");
    }
}

static unsigned nats_confirmed(void *producer, int64_t timeout_ns)
{
    struct nats_session *session = producer;
    unsigned count = 0;
    natsMsg *message;
    session_turn(session, timeout_ns);
    while ((message = session_next(session)) != NULL) {
        check_stored_answer(message);
        natsMsg_Destroy(message);
        count++;
    }
    return count;
}

static void *nats_consumer_open(const struct target *target)
{
    return session_open(target, "consumer", 0);
}

static void consumer_ask(struct nats_session *session)
{
    while (session->expected <= (BATCHES_AHEAD - 1) * BATCH) {
        nats_check(natsConnection_PublishRequestString(session->connection, NEXT_SUBJECT,
                                                       session->inbox, NEXT_REQUEST),
                   "fetch");
        session->expected += BATCH;
    }
}

static void consumer_settle(struct nats_session *session, natsMsg *message,
                            struct delivery_sink *sink)
{
    const char *settle_subject = natsMsg_GetReply(message);
    if (settle_subject == NULL) {
        const char *status = NULL;
        (void)natsMsgHeader_Get(message, "Status", &status); /* stays NULL when there is none */
        bench_fail("nats: a fetch ended with status %s", status != NULL ? status : "(none)");
    }
    sink->take(sink, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    nats_check(natsConnection_PublishString(session->connection, settle_subject, "+ACK"), "ack");
    session->expected--;
}

static unsigned nats_consume(void *consumer, int64_t timeout_ns, struct delivery_sink *sink)
{
    struct nats_session *session = consumer;
    unsigned count = 0;
    natsMsg *message;
    consumer_ask(session);
    session_flush(session);
    session_turn(session, timeout_ns);
    while ((message = session_next(session)) != NULL) {
        consumer_settle(session, message, sink);
        natsMsg_Destroy(message);
        count++;
    }
    session_flush(session);
    return count;
}

struct manager {
    natsConnection *connection;
    jsCtx *jetstream;
};

static struct manager manager_open(const struct target *target)
{
    struct manager manager;
    char url[128];
    url_of(target, url, sizeof url);
    nats_check(natsConnection_ConnectTo(&manager.connection, url), "connect");
    nats_check(natsConnection_JetStream(&manager.jetstream, manager.connection, NULL), "jetstream");
    return manager;
}

static void manager_close(struct manager *manager)
{
    jsCtx_Destroy(manager->jetstream);
    natsConnection_Destroy(manager->connection);
}

static void nats_prepare(const struct target *target)
{
    struct manager manager = manager_open(target);
    const char *subjects[] = {SUBJECT};
    jsStreamConfig stream;
    jsConsumerConfig consumer;
    (void)jsStreamConfig_Init(&stream);     /* fails only for NULL */
    (void)jsConsumerConfig_Init(&consumer); /* fails only for NULL */
    stream.Name = STREAM;
    stream.Subjects = subjects;
    stream.SubjectsLen = 1;
    stream.Storage = js_FileStorage;
    consumer.Durable = CONSUMER;
    consumer.AckPolicy = js_AckExplicit;
    consumer.DeliverPolicy = js_DeliverAll;
    consumer.MaxAckPending = BATCH * 20;
    nats_check(js_AddStream(NULL, manager.jetstream, &stream, NULL, NULL), "create stream");
    nats_check(js_AddConsumer(NULL, manager.jetstream, STREAM, &consumer, NULL, NULL),
               "create consumer");
    manager_close(&manager);
}

static int64_t nats_stored(const struct target *target)
{
    struct manager manager = manager_open(target);
    jsStreamInfo *info = NULL;
    nats_check(js_GetStreamInfo(&info, manager.jetstream, STREAM, NULL, NULL), "stream info");
    int64_t count = (int64_t)info->State.Msgs;
    jsStreamInfo_Destroy(info);
    manager_close(&manager);
    return count;
}

static int64_t nats_unsettled(const struct target *target)
{
    struct manager manager = manager_open(target);
    jsConsumerInfo *info = NULL;
    nats_check(js_GetConsumerInfo(&info, manager.jetstream, STREAM, CONSUMER, NULL, NULL),
               "consumer info");
    int64_t count = (int64_t)info->NumPending + info->NumAckPending;
    jsConsumerInfo_Destroy(info);
    manager_close(&manager);
    return count;
}

const struct driver nats_driver = {
    .name = "nats",
    .about = "NATS JetStream, file storage, pull consumer; variant dedup: duplicate check",
    .prepare = nats_prepare,
    .producer_open = nats_producer_open,
    .publish = nats_publish,
    .flush = session_flush,
    .confirmed = nats_confirmed,
    .producer_close = session_close,
    .consumer_open = nats_consumer_open,
    .consume = nats_consume,
    .consumer_close = session_close,
    .stored = nats_stored,
    .unsettled = nats_unsettled,
};
