/* SPDX-License-Identifier: MPL-2.0
 *
 * Driver for beanstalkd, whose protocol is lines of text. Publishing is `put`, pipelined; answers come
 * in order. Consuming is `reserve-with-timeout 0`, a batch of them in one write, and one `delete` for
 * each job that came; where a batch did not come full, one reserve that waits.
 *
 * A waiting reserve holds up what is sent behind it, so deletes never are.
 *
 * Whether an answer means "on disk" is the server's -b and -f, which bench/run sets.
 */
#include <stdlib.h>
#include <string.h>

#include "drivers.h"
#include "stream.h"

#define BATCH          500
#define GROWTH         4
#define LINE_SIZE_MAX  128
#define PATIENCE_NS    30000000000LL
#define RESERVE        "reserve-with-timeout 0\r\n"
#define RESERVE_A_WAIT "reserve-with-timeout 1\r\n"

struct beanstalk {
    struct stream stream;
    unsigned reserves; /* unanswered */
    unsigned deletes;  /* unanswered */
    unsigned taken;    /* jobs of the batch under way */
    unsigned asked;    /* reserves of it */
    unsigned settled;
    struct delivery_sink *sink;
};

static struct beanstalk *beanstalk_open(const struct target *target)
{
    struct beanstalk *session = calloc(1, sizeof *session);
    if (session == NULL) {
        bench_fail("out of memory");
    }
    stream_open(&session->stream, "beanstalkd", target);
    return session;
}

static void beanstalk_close(void *argument)
{
    struct beanstalk *session = argument;
    stream_close(&session->stream);
    free(session);
}

static void beanstalk_prepare(const struct target *target)
{
    (void)target; /* the tube "default" is there */
}

static void *beanstalk_producer_open(const struct target *target, unsigned index)
{
    (void)index;
    return beanstalk_open(target);
}

static void beanstalk_publish(void *producer, const void *body, size_t size_bytes)
{
    struct beanstalk *session = producer;
    char head[LINE_SIZE_MAX];
    int size = snprintf(head, sizeof head, "put 0 0 3600 %zu\r\n", size_bytes);
    stream_append(&session->stream, head, (size_t)size);
    stream_append(&session->stream, body, size_bytes);
    stream_append(&session->stream, "\r\n", 2);
}

static void beanstalk_flush(void *producer)
{
    struct beanstalk *session = producer;
    stream_flush(&session->stream);
}

/* The size of the first line with its end, 0 when it is not here completely. */
static size_t line_size(const uint8_t *data, size_t size_bytes)
{
    const uint8_t *end =
        memchr(data, '\n', size_bytes < LINE_SIZE_MAX ? size_bytes : LINE_SIZE_MAX);
    if (end == NULL && size_bytes >= LINE_SIZE_MAX) {
        bench_fail("beanstalkd: a line without an end");
    }
    return end != NULL ? (size_t)(end - data) + 1 : 0;
}

static bool is_line(const uint8_t *data, size_t size_bytes, const char *word)
{
    return size_bytes >= strlen(word) && memcmp(data, word, strlen(word)) == 0;
}

static unsigned beanstalk_confirmed(void *producer, int64_t timeout_ns)
{
    struct beanstalk *session = producer;
    unsigned count = 0;
    if (!stream_receive(&session->stream, timeout_ns)) {
        return 0;
    }
    for (;;) {
        size_t size;
        const uint8_t *data = stream_data(&session->stream, &size);
        size_t line = line_size(data, size);
        if (line == 0) {
            return count;
        }
        if (!is_line(data, line, "INSERTED ")) {
            bench_fail("beanstalkd: a put was answered: %.*s", (int)line, (const char *)data);
        }
        stream_take(&session->stream, line);
        count++;
    }
}

static void *beanstalk_consumer_open(const struct target *target)
{
    return beanstalk_open(target);
}

/* RESERVED <id> <bytes>\r\n<body>\r\n; false when it is not here completely. */
static bool take_job(struct beanstalk *session, const uint8_t *data, size_t size_bytes, size_t line)
{
    unsigned long long id = 0;
    size_t body_bytes = 0;
    char head[LINE_SIZE_MAX + 1];
    char command[LINE_SIZE_MAX];
    memcpy(head, data, line);
    head[line] = '\0';
    if (sscanf(head, "RESERVED %llu %zu", &id, &body_bytes) != 2) {
        bench_fail("beanstalkd: a reserve was answered: %s", head);
    }
    if (size_bytes < line + body_bytes + 2) {
        return false;
    }
    session->sink->take(session->sink, data + line, body_bytes);
    int size = snprintf(command, sizeof command, "delete %llu\r\n", id);
    stream_append(&session->stream, command, (size_t)size);
    stream_take(&session->stream, line + body_bytes + 2);
    session->deletes++;
    session->taken++;
    session->reserves--;
    return true;
}

/* One answer; false when none is here completely. */
static bool take_answer(struct beanstalk *session)
{
    size_t size;
    const uint8_t *data = stream_data(&session->stream, &size);
    size_t line = line_size(data, size);
    if (line == 0) {
        return false;
    }
    if (is_line(data, line, "RESERVED ")) {
        return take_job(session, data, size, line);
    }
    if (is_line(data, line, "TIMED_OUT")) {
        session->reserves--;
    } else if (is_line(data, line, "DELETED")) {
        session->deletes--;
        session->settled++;
    } else {
        bench_fail("beanstalkd: the consumer was answered: %.*s", (int)line, (const char *)data);
    }
    stream_take(&session->stream, line);
    return true;
}

static void ask(struct beanstalk *session, const char *command, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        stream_append(&session->stream, command, strlen(command));
    }
    session->reserves += count;
}

/* All reserves are answered: settle what came and ask for more, ever larger batches while they come full,
 * without a wait; when one does not, a single one that waits. */
static void go_on(struct beanstalk *session)
{
    bool is_full = session->taken == session->asked;
    unsigned wanted = session->asked > 0 ? session->asked * GROWTH : BATCH;
    session->asked = is_full ? (wanted < BATCH ? wanted : BATCH) : 1;
    ask(session, is_full ? RESERVE : RESERVE_A_WAIT, session->asked);
    session->taken = 0;
    stream_flush(&session->stream);
}

static unsigned beanstalk_consume(void *consumer, int64_t timeout_ns, struct delivery_sink *sink)
{
    struct beanstalk *session = consumer;
    session->sink = sink;
    session->settled = 0;
    if (session->reserves == 0) {
        go_on(session);
    }
    (void)stream_receive(&session->stream, timeout_ns); /* nothing: the timeout has passed */
    while (take_answer(session)) {
        if (session->reserves == 0) {
            go_on(session);
        }
    }
    return session->settled;
}

/* OK <bytes>\r\n<YAML>\r\n, as text. */
static void ask_stats(struct beanstalk *session, char *ret_text, size_t text_size)
{
    int64_t deadline_ns = bench_now_ns() + PATIENCE_NS;
    stream_append(&session->stream, "stats\r\n", 7);
    stream_flush(&session->stream);
    while (bench_now_ns() < deadline_ns) {
        (void)stream_receive(&session->stream, 100000000); /* the loop looks what is here */
        size_t size;
        const uint8_t *data = stream_data(&session->stream, &size);
        size_t line = line_size(data, size);
        size_t bytes = line > 3 ? (size_t)strtoul((const char *)data + 3, NULL, 10) : text_size;
        if (line > 0 && bytes < text_size && size >= line + bytes + 2) {
            memcpy(ret_text, data + line, bytes);
            ret_text[bytes] = '\0';
            return;
        }
    }
    bench_fail("beanstalkd: no statistics");
}

/* The sum of the values of these names. */
static int64_t stats_sum(const struct target *target, const char *const *names)
{
    char text[16384];
    int64_t sum = 0;
    struct beanstalk *session = beanstalk_open(target);
    ask_stats(session, text, sizeof text);
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *place = strstr(text, names[i]);
        if (place == NULL) {
            bench_fail("beanstalkd does not tell %s", names[i]);
        }
        sum += strtoll(place + strlen(names[i]), NULL, 10);
    }
    beanstalk_close(session);
    return sum;
}

static int64_t beanstalk_stored(const struct target *target)
{
    return stats_sum(target, (const char *const[]){"\ntotal-jobs:", NULL});
}

static int64_t beanstalk_unsettled(const struct target *target)
{
    return stats_sum(target, (const char *const[]){"current-jobs-ready:", "current-jobs-reserved:",
                                                   "current-jobs-delayed:", NULL});
}

const struct driver beanstalk_driver = {
    .name = "beanstalk",
    .about = "beanstalkd, put pipelined, reserve and delete in batches; no variants",
    .prepare = beanstalk_prepare,
    .producer_open = beanstalk_producer_open,
    .publish = beanstalk_publish,
    .flush = beanstalk_flush,
    .confirmed = beanstalk_confirmed,
    .producer_close = beanstalk_close,
    .consumer_open = beanstalk_consumer_open,
    .consume = beanstalk_consume,
    .consumer_close = beanstalk_close,
    .stored = beanstalk_stored,
    .unsettled = beanstalk_unsettled,
};
