/* SPDX-License-Identifier: MPL-2.0
 *
 * Driver for PostgreSQL as a queue, through libpq in pipeline mode. A table (id bigserial, body bytea);
 * whatever one flush holds is one INSERT from an array, a transaction of its own, and the next ones do
 * not wait for its answer. Consuming takes up to 1,000 rows in a transaction with DELETE ... RETURNING
 * (FOR UPDATE SKIP LOCKED, as several consumers would need it); its COMMIT travels with the question for
 * the next rows, and only its answer counts as settled. An empty table is asked again after 0.5 ms: a
 * NOTIFY per insert would serialise all commits.
 *
 * Variant "rows": one INSERT, one transaction for each message, pipelined as well.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "drivers.h"

#define BATCHES_MAX   65536 /* unanswered: one for each message of the largest window */
#define POLL_NS       500000
#define STARTING_NS   20000000
#define PATIENCE_NS   20000000000LL
#define BYTEA_OID     17
#define BINARY        1
#define TAKE_MAX_TEXT "1000"

static const char put_many[] = "INSERT INTO q (body) SELECT unnest($1::bytea[])";
static const char put_one[] = "INSERT INTO q (body) VALUES ($1::bytea)";
static const char take_some[] =
    "WITH t AS (DELETE FROM q WHERE id IN (SELECT id FROM q WHERE id > $1::bigint ORDER BY id "
    "LIMIT " TAKE_MAX_TEXT " FOR UPDATE SKIP LOCKED) RETURNING id, body), "
    "s AS (UPDATE settled SET n = n + (SELECT count(*) FROM t)) SELECT id, body FROM t";

struct postgres {
    PGconn *connection;
    bool is_row_by_row;

    char *array; /* producer: the messages since the last flush, as a binary array of bytea */
    size_t array_size_bytes, array_room_bytes;
    uint32_t array_count;
    uint32_t *batches; /* ring: messages of each unanswered INSERT */
    uint64_t batch_first, batch_next;

    int64_t last_id; /* consumer: everything up to here was taken or is behind */
    unsigned uncommitted;
};

static void check_result(PGresult *result, ExecStatusType wanted, const char *what)
{
    if (PQresultStatus(result) != wanted) {
        bench_fail("postgres: %s: %s", what, PQresultErrorMessage(result));
    }
    PQclear(result);
}

/* The server listens a moment before it lets anybody in. */
static PGconn *connect_to(const struct target *target)
{
    char settings[128];
    int64_t deadline_ns = bench_now_ns() + PATIENCE_NS;
    (void)snprintf(settings, sizeof settings, "host=%s port=%u user=bench dbname=postgres",
                   target->host, target->port);
    for (;;) {
        PGconn *connection = PQconnectdb(settings);
        if (PQstatus(connection) == CONNECTION_OK) {
            return connection;
        }
        bool is_starting = strstr(PQerrorMessage(connection), "starting up") != NULL;
        if (!is_starting || bench_now_ns() > deadline_ns) {
            bench_fail("postgres: %s", PQerrorMessage(connection));
        }
        PQfinish(connection);
        bench_sleep_until(bench_now_ns() + STARTING_NS);
    }
}

static void run(PGconn *connection, const char *statement)
{
    check_result(PQexec(connection, statement), PGRES_COMMAND_OK, statement);
}

static void postgres_prepare(const struct target *target)
{
    PGconn *connection = connect_to(target);
    run(connection, "CREATE TABLE q (id bigserial PRIMARY KEY, body bytea NOT NULL)");
    run(connection, "CREATE TABLE settled (n bigint NOT NULL)");
    run(connection, "INSERT INTO settled VALUES (0)");
    PQfinish(connection);
}

static struct postgres *session_open(const struct target *target, const char *name,
                                     const char *statement)
{
    struct postgres *session = calloc(1, sizeof *session);
    if (session == NULL || (session->batches = calloc(BATCHES_MAX, sizeof(uint32_t))) == NULL) {
        bench_fail("out of memory");
    }
    session->connection = connect_to(target);
    check_result(PQprepare(session->connection, name, statement, 0, NULL), PGRES_COMMAND_OK, name);
    check_result(PQprepare(session->connection, "begin", "BEGIN", 0, NULL), PGRES_COMMAND_OK, name);
    check_result(PQprepare(session->connection, "commit", "COMMIT", 0, NULL), PGRES_COMMAND_OK,
                 name);
    if (PQsetnonblocking(session->connection, 1) != 0 ||
        PQenterPipelineMode(session->connection) != 1) {
        bench_fail("postgres: no pipeline: %s", PQerrorMessage(session->connection));
    }
    return session;
}

static void session_close(void *argument)
{
    struct postgres *session = argument;
    PQfinish(session->connection);
    free(session->batches);
    free(session->array);
    free(session);
}

static void must_send(struct postgres *session, int is_sent)
{
    if (is_sent != 1) {
        bench_fail("postgres: cannot send: %s", PQerrorMessage(session->connection));
    }
}

static void send_statement(struct postgres *session, const char *name, const char *value, int size)
{
    int format = BINARY;
    must_send(session, PQsendQueryPrepared(session->connection, name, value != NULL, &value, &size,
                                           &format, BINARY));
}

static void session_write(struct postgres *session)
{
    while (PQflush(session->connection) == 1) {
        struct pollfd ready = {.fd = PQsocket(session->connection), .events = POLLIN | POLLOUT};
        (void)poll(&ready, 1, 1000); /* the next turn tells */
        if ((ready.revents & POLLIN) != 0 && PQconsumeInput(session->connection) != 1) {
            bench_fail("postgres: %s", PQerrorMessage(session->connection));
        }
    }
}

static void session_read(struct postgres *session, int64_t timeout_ns)
{
    struct pollfd readable = {.fd = PQsocket(session->connection), .events = POLLIN};
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_ns / 1000000000),
        .tv_nsec = (long)(timeout_ns % 1000000000),
    };
    if (ppoll(&readable, 1, &timeout, NULL) > 0 && PQconsumeInput(session->connection) != 1) {
        bench_fail("postgres: %s", PQerrorMessage(session->connection));
    }
}

/* --- Producer */

static void *postgres_producer_open(const struct target *target, unsigned index)
{
    (void)index;
    bool is_row_by_row = strcmp(target->variant, "rows") == 0;
    struct postgres *session = session_open(target, "put", is_row_by_row ? put_one : put_many);
    session->is_row_by_row = is_row_by_row;
    return session;
}

static void note_batch(struct postgres *session, uint32_t count)
{
    if (session->batch_next - session->batch_first >= BATCHES_MAX) {
        bench_fail("postgres: too many unanswered inserts");
    }
    session->batches[session->batch_next++ % BATCHES_MAX] = count;
    must_send(session, PQpipelineSync(session->connection));
}

static void put_number(char *place, uint32_t number)
{
    number = htonl(number);
    memcpy(place, &number, sizeof number);
}

static void postgres_publish(void *producer, const void *body, size_t size_bytes)
{
    struct postgres *session = producer;
    if (session->is_row_by_row) {
        send_statement(session, "put", body, (int)size_bytes);
        note_batch(session, 1);
        return;
    }
    if (session->array_count == 0) {
        session->array_size_bytes = 5 * sizeof(uint32_t); /* the head, filled in at the end */
    }
    size_t wanted = session->array_size_bytes + sizeof(uint32_t) + size_bytes;
    if (wanted > session->array_room_bytes) {
        session->array_room_bytes = wanted * 2;
        session->array = realloc(session->array, session->array_room_bytes);
        if (session->array == NULL) {
            bench_fail("out of memory");
        }
    }
    put_number(session->array + session->array_size_bytes, (uint32_t)size_bytes);
    memcpy(session->array + session->array_size_bytes + sizeof(uint32_t), body, size_bytes);
    session->array_size_bytes = wanted;
    session->array_count++;
}

static void postgres_flush(void *producer)
{
    struct postgres *session = producer;
    if (session->array_count > 0) {
        const uint32_t head[] = {1, 0, BYTEA_OID, session->array_count, 1};
        for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
            put_number(session->array + i * sizeof(uint32_t), head[i]);
        }
        send_statement(session, "put", session->array, (int)session->array_size_bytes);
        note_batch(session, session->array_count);
        session->array_count = 0;
    }
    session_write(session);
}

/* One result; -1 when none is here, else how many messages it confirms. An INSERT is committed when
 * the answer to its synchronisation point is here. */
static int take_confirmation(struct postgres *session)
{
    if (session->batch_first == session->batch_next || PQisBusy(session->connection)) {
        return -1;
    }
    PGresult *result = PQgetResult(session->connection);
    if (result == NULL) {
        return 0; /* the end of one statement's results */
    }
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        return (int)session->batches[session->batch_first++ % BATCHES_MAX];
    }
    check_result(result, PGRES_COMMAND_OK, "insert");
    return 0;
}

static unsigned postgres_confirmed(void *producer, int64_t timeout_ns)
{
    struct postgres *session = producer;
    unsigned count = 0;
    int more;
    session_read(session, timeout_ns);
    while ((more = take_confirmation(session)) >= 0) {
        count += (unsigned)more;
    }
    return count;
}

/* --- Consumer */

static void *postgres_consumer_open(const struct target *target)
{
    return session_open(target, "take", take_some);
}

/* The results of one statement, which ends with NULL: the first of them. Waits for it. */
static PGresult *await_result(struct postgres *session, ExecStatusType wanted)
{
    while (PQisBusy(session->connection)) {
        session_read(session, 1000000000);
    }
    PGresult *result = PQgetResult(session->connection);
    if (PQresultStatus(result) != wanted) {
        bench_fail("postgres: consume: %s", PQerrorMessage(session->connection));
    }
    while (wanted != PGRES_PIPELINE_SYNC && PQisBusy(session->connection)) {
        session_read(session, 1000000000);
    }
    if (wanted != PGRES_PIPELINE_SYNC && PQgetResult(session->connection) != NULL) {
        bench_fail("postgres: more results than one");
    }
    return result;
}

static unsigned take_rows(struct postgres *session, PGresult *rows, struct delivery_sink *sink)
{
    int count = PQntuples(rows);
    for (int i = 0; i < count; i++) {
        uint32_t parts[2];
        memcpy(parts, PQgetvalue(rows, i, 0), sizeof parts);
        int64_t id = (int64_t)((uint64_t)ntohl(parts[0]) << 32 | ntohl(parts[1]));
        session->last_id = id > session->last_id ? id : session->last_id;
        sink->take(sink, PQgetvalue(rows, i, 1), (size_t)PQgetlength(rows, i, 1));
    }
    return (unsigned)count;
}

/* Commits what was taken before and takes more, in one exchange. Returns how many it committed. */
static unsigned exchange(struct postgres *session, struct delivery_sink *sink)
{
    unsigned settled = session->uncommitted;
    uint32_t after[2] = {htonl((uint32_t)((uint64_t)session->last_id >> 32)),
                         htonl((uint32_t)session->last_id)};
    if (settled > 0) {
        send_statement(session, "commit", NULL, 0);
    }
    send_statement(session, "begin", NULL, 0);
    send_statement(session, "take", (const char *)after, sizeof after);
    must_send(session, PQpipelineSync(session->connection));
    session_write(session);
    if (settled > 0) {
        PQclear(await_result(session, PGRES_COMMAND_OK));
    }
    PQclear(await_result(session, PGRES_COMMAND_OK));
    PGresult *rows = await_result(session, PGRES_TUPLES_OK);
    session->uncommitted = take_rows(session, rows, sink);
    PQclear(rows);
    PQclear(await_result(session, PGRES_PIPELINE_SYNC));
    return settled;
}

/* Ends a transaction that took nothing, so that the next one sees what was committed meanwhile. */
static void roll_on(struct postgres *session)
{
    send_statement(session, "commit", NULL, 0);
    must_send(session, PQpipelineSync(session->connection));
    session_write(session);
    PQclear(await_result(session, PGRES_COMMAND_OK));
    PQclear(await_result(session, PGRES_PIPELINE_SYNC));
}

static unsigned postgres_consume(void *consumer, int64_t timeout_ns, struct delivery_sink *sink)
{
    struct postgres *session = consumer;
    int64_t deadline_ns = bench_now_ns() + timeout_ns;
    for (;;) {
        unsigned settled = exchange(session, sink);
        if (session->uncommitted == 0) {
            roll_on(session);
            session->last_id = 0; /* ids of commits that came later may be smaller */
        }
        if (settled > 0 || bench_now_ns() >= deadline_ns) {
            return settled;
        }
        if (session->uncommitted == 0) {
            bench_sleep_until(bench_now_ns() + POLL_NS);
        }
    }
}

/* --- Counting */

static int64_t ask_number(const struct target *target, const char *question)
{
    PGconn *connection = connect_to(target);
    PGresult *result = PQexec(connection, question);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        bench_fail("postgres: %s: %s", question, PQresultErrorMessage(result));
    }
    int64_t number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    PQfinish(connection);
    return number;
}

static int64_t postgres_stored(const struct target *target)
{
    return ask_number(target, "SELECT (SELECT count(*) FROM q) + (SELECT n FROM settled)");
}

static int64_t postgres_unsettled(const struct target *target)
{
    return ask_number(target, "SELECT count(*) FROM q");
}

const struct driver postgres_driver = {
    .name = "postgres",
    .about =
        "PostgreSQL as a queue, libpq pipeline, one INSERT per flush; variant rows: per message",
    .prepare = postgres_prepare,
    .producer_open = postgres_producer_open,
    .publish = postgres_publish,
    .flush = postgres_flush,
    .confirmed = postgres_confirmed,
    .producer_close = session_close,
    .consumer_open = postgres_consumer_open,
    .consume = postgres_consume,
    .consumer_close = session_close,
    .stored = postgres_stored,
    .unsettled = postgres_unsettled,
};
