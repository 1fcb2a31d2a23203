/* SPDX-License-Identifier: MPL-2.0
 *
 * What bench/scale asks of a client, one line of JSON each:
 *
 *   scale_client PORT sessions N              N idle sessions, until standard input ends
 *   scale_client PORT members N ROOM COUNT PID  N members of a room who are there; COUNT messages to
 *                                             it; processor time of server PID for each delivery
 *   scale_client PORT rooms N                 N rooms are made
 *   scale_client PORT scopes N FIRST OF       N messages, one each to the queues from number FIRST on,
 *                                             beginning anew after OF of them
 *   scale_client PORT pages N COUNT           COUNT pages of history of N queues
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/c/roost.h"
#include "measure.h"
#include "zmtp.h"

#define PATIENCE_MS 60000
#define BODY_BYTES  256
#define PAGE_ROWS   50
#define STEP_NS     100000000
#define QUIET_NS    15000000000LL

static uint8_t body[BODY_BYTES];

static void must(enum roost_error error, const char *what)
{
    if (error != ROOST_OK) {
        bench_fail("%s: %s (%s)", what, roost_error_text(error), roost_last_text());
    }
}

static struct roost *session_open(uint16_t port, const char *peer)
{
    char url[64];
    struct roost *roost = NULL;
    (void)snprintf(url, sizeof url, "tcp://127.0.0.1:%u", port);
    must(roost_open(&(struct roost_options){.url = url, .peer = peer}, &roost), "open");
    must(roost_connect_wait(roost, PATIENCE_MS), "connect");
    return roost;
}

static double seconds_since(int64_t begin_ns)
{
    return (double)(bench_now_ns() - begin_ns) / 1e9;
}

static void send_one(struct roost *roost, const char *scope)
{
    struct roost_outgoing outgoing = {
        .scope = scope, .body = body, .body_size = sizeof body, .kind = ROOST_KIND_CUSTOM};
    must(roost_send(roost, &outgoing, PATIENCE_MS, NULL, NULL), scope);
}

static void run_sessions(uint16_t port, unsigned count)
{
    int64_t begin_ns = bench_now_ns();
    int64_t last_ns;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN | POLLHUP};
    struct crew *crew =
        crew_open(&(struct crew_options){.port = port, .sessions = count, .prefix = "idle"});
    (void)printf("{\"sessions\":%u,\"seconds\":%.3f}\n", count, seconds_since(begin_ns));
    (void)fflush(stdout);
    while (poll(&input, 1, 0) == 0) {
        (void)crew_run_until(crew, bench_now_ns() + STEP_NS, &last_ns);
    }
    crew_close(crew);
}

/* Deliveries per second from the first send until the last delivery. */
static void run_members(uint16_t port, unsigned count, const char *room, unsigned messages,
                        int server_pid)
{
    char scope[256];
    int64_t last_ns = 0;
    uint64_t delivered = 0;
    uint64_t wanted = (uint64_t)count * messages;
    (void)snprintf(scope, sizeof scope, "room:%s", room);
    struct roost *owner = session_open(port, "owner");
    must(roost_call(owner, &(struct roost_call){.method = ROOST_METHOD_ROOM_CREATE, .scope = scope},
                    PATIENCE_MS, NULL),
         "make the room");
    int64_t begin_ns = bench_now_ns();
    struct crew *crew = crew_open(
        &(struct crew_options){.port = port, .sessions = count, .prefix = room, .scope = scope});
    double joining_s = seconds_since(begin_ns);
    double cpu_s = bench_process_cpu_s(server_pid);
    begin_ns = bench_now_ns();
    for (unsigned i = 0; i < messages; i++) {
        send_one(owner, scope);
    }
    int64_t quiet_ns = bench_now_ns();
    while (delivered < wanted && bench_now_ns() - quiet_ns < QUIET_NS) {
        uint64_t now = crew_run_until(crew, bench_now_ns() + STEP_NS, &last_ns);
        quiet_ns = now > delivered ? bench_now_ns() : quiet_ns;
        delivered = now;
    }
    must(roost_flush(owner, 0, PATIENCE_MS), "flush");
    double taken_s = (double)(last_ns - begin_ns) / 1e9;
    cpu_s = bench_process_cpu_s(server_pid) - cpu_s;
    (void)printf(
        "{\"members\":%u,\"messages\":%u,\"joining_s\":%.3f,\"delivered\":%" PRIu64
        ",\"wanted\":%" PRIu64 ",\"seconds\":%.3f,\"per_s\":%.0f,\"server_cpu_us\":%.3f}\n",
        count, messages, joining_s, delivered, wanted, taken_s, (double)delivered / taken_s,
        cpu_s * 1e6 / (double)(delivered > 0 ? delivered : 1));
    crew_close(crew);
    (void)roost_close(&owner, PATIENCE_MS); /* everything is answered */
    if (delivered != wanted) {
        bench_fail("%" PRIu64 " of %" PRIu64 " deliveries came", delivered, wanted);
    }
}

static void run_rooms(uint16_t port, unsigned count)
{
    char scope[64];
    struct roost *owner = session_open(port, "owner");
    int64_t begin_ns = bench_now_ns();
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(scope, sizeof scope, "room:scale-%u", i);
        must(roost_call(owner,
                        &(struct roost_call){.method = ROOST_METHOD_ROOM_CREATE, .scope = scope},
                        PATIENCE_MS, NULL),
             scope);
    }
    (void)printf("{\"rooms\":%u,\"seconds\":%.3f}\n", count, seconds_since(begin_ns));
    (void)roost_close(&owner, PATIENCE_MS); /* everything is answered */
}

static void run_scopes(uint16_t port, unsigned count, unsigned first, unsigned of)
{
    char scope[64];
    struct roost *sender = session_open(port, "sender");
    int64_t begin_ns = bench_now_ns();
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(scope, sizeof scope, "queue:scale-%u", (first + i) % of);
        send_one(sender, scope);
    }
    must(roost_flush(sender, 0, PATIENCE_MS), "flush");
    (void)printf("{\"messages\":%u,\"seconds\":%.3f}\n", count, seconds_since(begin_ns));
    (void)roost_close(&sender, PATIENCE_MS); /* everything is answered */
}

static void run_pages(uint16_t port, unsigned scopes, unsigned count)
{
    static struct histogram histogram;
    char scope[64];
    size_t rows = 0;
    struct roost *reader = session_open(port, "sender");
    for (unsigned i = 0; i < count; i++) {
        struct roost_query query = {
            .kind = ROOST_QUERY_HISTORY, .scope = scope, .limit = PAGE_ROWS, .newest_first = true};
        struct roost_page *page = NULL;
        (void)snprintf(scope, sizeof scope, "queue:scale-%u", i * 7919U % scopes);
        int64_t begin_ns = bench_now_ns();
        must(roost_query(reader, &query, PATIENCE_MS, &page), scope);
        histogram_record(&histogram, bench_now_ns() - begin_ns);
        rows += page->message_count;
        roost_page_destroy(&page);
    }
    (void)printf("{\"pages\":%u,\"rows\":%zu,\"page_us\":", count, rows);
    histogram_print_json(&histogram, stdout);
    (void)puts("}");
    (void)roost_close(&reader, PATIENCE_MS); /* everything is answered */
}

static unsigned number(const char *name, const char *text)
{
    return (unsigned)bench_number(name, text, 0, 100000000);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 131 + 7);
    }
    if (argc < 4) {
        bench_fail("usage: scale_client PORT sessions|members|rooms|scopes|pages N ...");
    }
    uint16_t port = (uint16_t)bench_number("PORT", argv[1], 1, 65535);
    unsigned count = number("N", argv[3]);
    if (strcmp(argv[2], "sessions") == 0) {
        run_sessions(port, count);
    } else if (strcmp(argv[2], "members") == 0 && argc == 7) {
        run_members(port, count, argv[4], number("COUNT", argv[5]),
                    (int)bench_number("PID", argv[6], 1, 1 << 30));
    } else if (strcmp(argv[2], "rooms") == 0) {
        run_rooms(port, count);
    } else if (strcmp(argv[2], "scopes") == 0 && argc == 6) {
        unsigned of = number("OF", argv[5]);
        run_scopes(port, count, number("FIRST", argv[4]), of > 0 ? of : 1);
    } else if (strcmp(argv[2], "pages") == 0 && argc == 5) {
        run_pages(port, count, number("COUNT", argv[4]));
    } else {
        bench_fail("scale_client does not know '%s' with %d arguments", argv[2], argc - 3);
    }
    return 0;
}
