/* SPDX-License-Identifier: MPL-2.0
 *
 * Driver for redis streams through hiredis. Publishing is XADD, pipelined: all commands of a
 * flush in one write, answers parsed as they come. Consuming is a consumer group: XREADGROUP with
 * a batch, one XACK for the whole batch sent together with the next XREADGROUP; two reads are
 * outstanding while batches come back full.
 *
 * Answers are not built as hiredis objects, which would cost five allocations per message: the
 * reader's functions below look at each element when it is parsed and return a token. A read is
 *     [ [stream, [ [id, [field, body]], ... ] ] ]
 * so an id is element 0 at depth 4, a body element 1 at depth 5.
 *
 * Whether an answer means "on disk" is the server's appendfsync, which bench/run sets.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <hiredis/hiredis.h>

#include "drivers.h"

#define RECEIVE_SIZE_BYTES 262144
#define HEAD_SIZE_MAX      128
#define BATCH              500
#define ID_SIZE_MAX        48
#define DEPTH_ID           4
#define DEPTH_BODY         5

static const char read_command[] =
    "*9\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$1\r\ng\r\n$1\r\nc\r\n"
    "$5\r\nCOUNT\r\n$3\r\n500\r\n$7\r\nSTREAMS\r\n$1\r\ns\r\n$1\r\n>\r\n";
static const char read_blocking_command[] =
    "*11\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$1\r\ng\r\n$1\r\nc\r\n"
    "$5\r\nCOUNT\r\n$3\r\n500\r\n$5\r\nBLOCK\r\n$2\r\n50\r\n"
    "$7\r\nSTREAMS\r\n$1\r\ns\r\n$1\r\n>\r\n";

struct redis_session {
    redisContext *context;
    char *received;
    char *command; /* producer: one XADD, its body replaced for each message */
    size_t command_size_bytes;
    size_t body_at;

    char *acks; /* consumer: the ids of this batch as bulk strings */
    size_t acks_size_bytes;
    unsigned acks_count;
    unsigned reads_outstanding;
    unsigned settled;
    struct delivery_sink *sink;
};

static char token; /* what the reader functions return: not NULL, nothing behind it */

static unsigned depth_of(const redisReadTask *task)
{
    unsigned depth = 0;
    for (const redisReadTask *parent = task->parent; parent != NULL; parent = parent->parent) {
        depth++;
    }
    return depth;
}

static void session_keep_id(struct redis_session *session, const char *id, size_t size_bytes)
{
    if (session->acks_count >= BATCH || size_bytes >= ID_SIZE_MAX - 16) {
        bench_fail("redis: a batch is larger than asked for");
    }
    int size = snprintf(session->acks + session->acks_size_bytes, ID_SIZE_MAX, "$%zu\r\n%.*s\r\n",
                        size_bytes, (int)size_bytes, id);
    session->acks_size_bytes += (size_t)size;
    session->acks_count++;
}

static void *reader_string(const redisReadTask *task, char *text, size_t size_bytes)
{
    struct redis_session *session = task->privdata;
    if (task->type == REDIS_REPLY_ERROR) {
        bench_fail("redis: %.*s", (int)size_bytes, text);
    }
    unsigned depth = depth_of(task);
    if (depth == DEPTH_ID && task->idx == 0) {
        session_keep_id(session, text, size_bytes);
    } else if (depth == DEPTH_BODY && task->idx == 1) {
        session->sink->take(session->sink, text, size_bytes);
    }
    return &token;
}

static void *reader_array(const redisReadTask *task, int elements)
{
    (void)task;
    (void)elements;
    return &token;
}

/* The only whole number answered at the top is how many messages an XACK settled. */
static void *reader_integer(const redisReadTask *task, long long value)
{
    struct redis_session *session = task->privdata;
    session->settled += (unsigned)value;
    return &session->settled;
}

static void *reader_nil(const redisReadTask *task)
{
    (void)task;
    return &token;
}

static void reader_free(void *object)
{
    (void)object;
}

static redisReplyObjectFunctions reader_functions = {
    .createString = reader_string,
    .createArray = reader_array,
    .createInteger = reader_integer,
    .createNil = reader_nil,
    .freeObject = reader_free,
};

static redisContext *redis_connect(const struct target *target)
{
    redisContext *context = redisConnect(target->host, target->port);
    if (context == NULL || context->err != 0) {
        bench_fail("redis: cannot connect: %s", context != NULL ? context->errstr : "no memory");
    }
    return context;
}

static redisReply *redis_ask(redisContext *context, const char *command)
{
    redisReply *reply = redisCommand(context, command);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        bench_fail("redis: %s: %s", command, reply != NULL ? reply->str : context->errstr);
    }
    return reply;
}

static struct redis_session *session_open(const struct target *target)
{
    struct redis_session *session = calloc(1, sizeof *session);
    if (session == NULL || (session->received = malloc(RECEIVE_SIZE_BYTES)) == NULL) {
        bench_fail("out of memory");
    }
    session->context = redis_connect(target);
    session->context->reader->fn = &reader_functions;
    session->context->reader->privdata = session;
    session->context->reader->maxbuf = 0; /* keep the buffer between batches */
    return session;
}

static void session_close(void *argument)
{
    struct redis_session *session = argument;
    redisFree(session->context);
    free(session->received);
    free(session->command);
    free(session->acks);
    free(session);
}

static void session_append(struct redis_session *session, const char *command, size_t size_bytes)
{
    if (redisAppendFormattedCommand(session->context, command, size_bytes) != REDIS_OK) {
        bench_fail("redis: out of memory");
    }
}

static void session_flush(void *argument)
{
    struct redis_session *session = argument;
    int is_written = 0;
    while (is_written == 0) {
        if (redisBufferWrite(session->context, &is_written) != REDIS_OK) {
            bench_fail("redis: %s", session->context->errstr);
        }
    }
}

/* Feeds the parser with what the socket holds; false when that is nothing. */
static bool session_receive(struct redis_session *session)
{
    ssize_t size = recv(session->context->fd, session->received, RECEIVE_SIZE_BYTES, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (size <= 0) {
        bench_fail("redis: the server closed the connection");
    }
    if (redisReaderFeed(session->context->reader, session->received, (size_t)size) != REDIS_OK) {
        bench_fail("redis: %s", session->context->reader->errstr);
    }
    return true;
}

/* The next answer, NULL when it is not here completely. */
static void *session_next(struct redis_session *session)
{
    void *reply = NULL;
    if (redisReaderGetReply(session->context->reader, &reply) != REDIS_OK) {
        bench_fail("redis: %s", session->context->reader->errstr);
    }
    return reply;
}

static void session_wait(struct redis_session *session, int64_t timeout_ns)
{
    struct pollfd readable = {.fd = session->context->fd, .events = POLLIN};
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000),
        .tv_nsec = (long)(timeout_ns % 1000000000),
    };
    (void)ppoll(&readable, 1, &timeout, NULL); /* the receive that follows tells */
}

static void redis_prepare(const struct target *target)
{
    redisContext *context = redis_connect(target);
    freeReplyObject(redis_ask(context, "XGROUP CREATE s g 0 MKSTREAM"));
    redisFree(context);
}

static void *redis_producer_open(const struct target *target, unsigned index)
{
    (void)index;
    struct redis_session *session = session_open(target);
    session->command = malloc(HEAD_SIZE_MAX + target->body_size_bytes + 2);
    if (session->command == NULL) {
        bench_fail("out of memory");
    }
    int head_size = snprintf(session->command, HEAD_SIZE_MAX,
                             "*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$1\r\n*\r\n$1\r\nb\r\n$%zu\r\n",
                             target->body_size_bytes);
    session->body_at = (size_t)head_size;
    session->command_size_bytes = session->body_at + target->body_size_bytes + 2;
    memcpy(session->command + session->command_size_bytes - 2, "\r\n", 2);
    return session;
}

static void redis_publish(void *producer, const void *body, size_t size_bytes)
{
    struct redis_session *session = producer;
    memcpy(session->command + session->body_at, body, size_bytes);
    session_append(session, session->command, session->command_size_bytes);
}

static unsigned redis_confirmed(void *producer, int64_t timeout_ns)
{
    struct redis_session *session = producer;
    if (!session_receive(session)) {
        session_wait(session, timeout_ns);
        (void)session_receive(session); /* nothing: the timeout has passed */
    }
    unsigned count = 0;
    while (session_next(session) != NULL) {
        count++;
    }
    return count;
}

static void *redis_consumer_open(const struct target *target)
{
    struct redis_session *session = session_open(target);
    session->acks = malloc((size_t)BATCH * ID_SIZE_MAX);
    if (session->acks == NULL) {
        bench_fail("out of memory");
    }
    return session;
}

static void consumer_ask(struct redis_session *session, bool may_block)
{
    const char *command = may_block ? read_blocking_command : read_command;
    session_append(session, command, strlen(command));
    session->reads_outstanding++;
}

static void consumer_settle(struct redis_session *session)
{
    char head[HEAD_SIZE_MAX];
    int size = snprintf(head, sizeof head, "*%u\r\n$4\r\nXACK\r\n$1\r\ns\r\n$1\r\ng\r\n",
                        session->acks_count + 3);
    session_append(session, head, (size_t)size);
    session_append(session, session->acks, session->acks_size_bytes);
    session->acks_count = 0;
    session->acks_size_bytes = 0;
}

/* Settles a batch and asks for what comes next: ahead while the stream gives full batches. */
static void consumer_go_on(struct redis_session *session)
{
    unsigned count = session->acks_count;
    if (count > 0) {
        consumer_settle(session);
    }
    while (session->reads_outstanding < (count == BATCH ? 2U : 1U)) {
        consumer_ask(session, count < BATCH);
    }
    session_flush(session);
}

static unsigned redis_consume(void *consumer, int64_t timeout_ns, struct delivery_sink *sink)
{
    struct redis_session *session = consumer;
    session->sink = sink;
    session->settled = 0;
    if (session->reads_outstanding == 0) {
        consumer_go_on(session);
    }
    if (!session_receive(session)) {
        session_wait(session, timeout_ns);
        (void)session_receive(session); /* nothing: the timeout has passed */
    }
    void *reply;
    while ((reply = session_next(session)) != NULL) {
        if (reply != &session->settled) {
            session->reads_outstanding--;
            consumer_go_on(session);
        }
    }
    return session->settled;
}

static int64_t redis_stored(const struct target *target)
{
    redisContext *context = redis_connect(target);
    redisReply *reply = redis_ask(context, "XLEN s");
    int64_t count = reply->integer;
    freeReplyObject(reply);
    redisFree(context);
    return count;
}

/* What the group has pending and what it has not read yet. */
static int64_t redis_unsettled(const struct target *target)
{
    redisContext *context = redis_connect(target);
    redisReply *reply = redis_ask(context, "XINFO GROUPS s");
    int64_t count = 0;
    const redisReply *group = reply->elements > 0 ? reply->element[0] : NULL;
    for (size_t i = 0; group != NULL && i + 1 < group->elements; i += 2) {
        const char *field = group->element[i]->str;
        if (strcmp(field, "pending") == 0 || strcmp(field, "lag") == 0) {
            count += group->element[i + 1]->integer;
        }
    }
    freeReplyObject(reply);
    redisFree(context);
    return count;
}

const struct driver redis_driver = {
    .name = "redis",
    .about = "redis streams, XADD pipelined, XREADGROUP + XACK; no variants",
    .prepare = redis_prepare,
    .producer_open = redis_producer_open,
    .publish = redis_publish,
    .flush = session_flush,
    .confirmed = redis_confirmed,
    .producer_close = session_close,
    .consumer_open = redis_consumer_open,
    .consume = redis_consume,
    .consumer_close = session_close,
    .stored = redis_stored,
    .unsettled = redis_unsettled,
};
