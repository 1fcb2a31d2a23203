/* SPDX-License-Identifier: MPL-2.0
 *
 * Load on the Lair Chat gateway of a running roostd, one scenario per run; prints one JSON object.
 * bench/lair starts the server and calls this.
 *
 *     rooms   CONNECTED ACTIVE RATE SECONDS   pairs of active users create, join, chat and leave
 *     fanout  MEMBERS LINES                   one room, lines to all of its members
 *     logins  CONNECTED COUNT                 COUNT logins at once, with others connected
 *     idle    CONNECTED LOGGED_IN             memory of connections that say nothing
 */
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lair_peer.h"
#include "measure.h"

#define EVENTS      512
#define OPEN_AHEAD  50 /* logins under way while the scene is set */
#define PATIENCE_NS ((int64_t)600 * 1000000000)

static int poller, server_pid, port;
static struct peer *peers;
static size_t peer_count;

/* --- Everybody. */

static void pump_ns(int64_t wait_ns)
{
    struct epoll_event events[EVENTS];
    struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int count = epoll_pwait2(poller, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++)
        peer_read(events[i].data.ptr);
}

static void pump(int wait_ms)
{
    pump_ns((int64_t)wait_ms * 1000000);
}

static size_t count_in(enum peer_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < peer_count; i++)
        count += peers[i].state == state;
    return count;
}

static void name_of(size_t number, char ret[16])
{
    (void)snprintf(ret, 16, "u%05zu", number);
}

static int64_t patience(void)
{
    return bench_now_ns() + PATIENCE_NS;
}

static void check_patience(int64_t until_ns, const char *what)
{
    if (bench_now_ns() > until_ns)
        bench_fail("%s takes too long", what);
}

/* Connects `count` and greets them. */
static void connect_all(size_t count)
{
    int64_t until = patience();
    peers = calloc(count, sizeof(*peers));
    if (!peers)
        bench_fail("no memory");
    for (peer_count = 0; peer_count < count;) {
        peer_connect(&peers[peer_count], peer_count, poller, port);
        peer_count++;
        if (peer_count % 64 == 0)
            pump(0);
    }
    while (count_in(PEER_STRANGER) < count) {
        pump(100);
        check_patience(until, "greeting");
    }
}

/* Peers first to last - 1 register. */
static void register_all(size_t first, size_t last)
{
    int64_t until = patience();
    size_t next = first;
    char name[16];
    while (count_in(PEER_IN) < last) {
        for (; next < last && count_in(PEER_ASKED) < OPEN_AHEAD; next++) {
            name_of(next, name);
            peer_log_in(&peers[next], name, true);
        }
        pump(100);
        check_patience(until, "registering");
    }
}

/* Until nothing more comes. */
static void settle_down(void)
{
    uint64_t before = UINT64_MAX, now = 0;
    while (now != before) {
        before = now;
        now = 0;
        for (int64_t end = bench_now_ns() + 300000000; bench_now_ns() < end;)
            pump(50);
        for (size_t i = 0; i < peer_count; i++)
            now += peers[i].lines;
    }
}

static void wait_for(struct peer *peer)
{
    int64_t until = patience();
    while (!peer->has_wanted) {
        pump(100);
        check_patience(until, peer->wanted);
    }
}

static void do_and_wait(struct peer *peer, const char *command, const char *answer)
{
    peer_want(peer, answer);
    peer_say(peer, command);
    wait_for(peer);
}

/* --- rooms */

enum step { CREATE, JOIN, CHAT_THERE, CHAT_BACK, LEAVE_GUEST, LEAVE_HOST, STEPS };

struct pair {
    size_t host; /* the guest is the one behind it */
    enum step step;
    bool is_waiting;
    uint64_t round;
    int64_t due_ns;
};

static struct histogram by_kind[4]; /* create, join, chat, leave */

static struct peer *heard_by(const struct pair *pair)
{
    bool is_guest = pair->step == JOIN || pair->step == CHAT_THERE || pair->step == LEAVE_GUEST;
    return &peers[pair->host + (is_guest ? 1 : 0)];
}

static struct peer *said_by(const struct pair *pair)
{
    bool is_guest = pair->step == JOIN || pair->step == CHAT_BACK || pair->step == LEAVE_GUEST;
    return &peers[pair->host + (is_guest ? 1 : 0)];
}

static void begin_step(struct pair *pair)
{
    static const char *const commands[] = {"CREATE_ROOM:r%05zu-%06llu",
                                           "JOIN_ROOM:r%05zu-%06llu",
                                           "%05zu says %llu, as people do",
                                           "%05zu hears %llu and answers",
                                           "LEAVE_ROOM",
                                           "LEAVE_ROOM"};
    static const char *const answers[] = {
        "ROOM_CREATED:r%05zu-%06llu", "ROOM_JOINED:r%05zu-%06llu", NULL, NULL,
        "ROOM_LEFT:r%05zu-%06llu",    "ROOM_LEFT:r%05zu-%06llu"};
    char command[PEER_TEXT_MAX], answer[PEER_TEXT_MAX + 32], name[16];
    unsigned long long round = pair->round;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(command, sizeof(command), commands[pair->step], pair->host, round);
    if (answers[pair->step]) {
        (void)snprintf(answer, sizeof(answer), answers[pair->step], pair->host, round);
    } else {
        name_of(pair->host + (pair->step == CHAT_BACK ? 1 : 0), name);
        (void)snprintf(answer, sizeof(answer), "%s: %s", name, command);
    }
#pragma GCC diagnostic pop
    peer_want(heard_by(pair), answer);
    peer_say(said_by(pair), command);
    pair->is_waiting = true;
}

static void end_step(struct pair *pair, bool is_measured, int64_t period_ns)
{
    static const int kinds[STEPS] = {0, 1, 2, 2, 3, 3};
    if (is_measured)
        histogram_record(&by_kind[kinds[pair->step]], bench_now_ns() - pair->due_ns);
    pair->is_waiting = false;
    pair->step = (pair->step + 1) % STEPS;
    pair->round += pair->step == CREATE;
    pair->due_ns += period_ns;
}

static void print_kinds(void)
{
    static const char *const names[] = {"create", "join", "chat", "leave"};
    struct histogram all = {0};
    for (int i = 0; i < 4; i++) {
        printf("\"%s\":", names[i]);
        histogram_print_json(&by_kind[i], stdout);
        printf(",");
        histogram_add(&all, &by_kind[i]);
    }
    printf("\"all\":");
    histogram_print_json(&all, stdout);
}

/* Each pair does its next step at its time, or as soon as the last one was answered; latencies
 * count from the time it was due. */
static void run_pairs(struct pair *pairs, size_t count, double rate, int64_t seconds)
{
    int64_t begin = bench_now_ns(), end = begin + (seconds + 2) * 1000000000;
    int64_t period_ns = (int64_t)(1e9 * (double)count / rate);
    for (size_t i = 0; i < count; i++)
        pairs[i].due_ns = begin + period_ns * (int64_t)i / (int64_t)count;
    int64_t next = begin, now;
    while ((now = bench_now_ns()) < end) {
        pump_ns(next > now ? next - now : 0); /* not a moment late: it would count */
        next = end;
        for (size_t i = 0; i < count; i++) {
            struct pair *pair = &pairs[i];
            if (pair->is_waiting && heard_by(pair)->has_wanted)
                end_step(pair, pair->due_ns > begin + 2000000000, period_ns);
            if (!pair->is_waiting && bench_now_ns() >= pair->due_ns)
                begin_step(pair);
            if (!pair->is_waiting && pair->due_ns < next)
                next = pair->due_ns;
        }
    }
}

static void rooms(char **arguments)
{
    size_t connected = (size_t)bench_number("CONNECTED", arguments[0], 2, 100000);
    size_t active = (size_t)bench_number("ACTIVE", arguments[1], 2, (int64_t)connected);
    double rate = (double)bench_number("RATE", arguments[2], 1, 100000);
    int64_t seconds = bench_number("SECONDS", arguments[3], 1, 3600);
    struct pair *pairs = calloc(active / 2, sizeof(*pairs));
    connect_all(connected);
    register_all(0, connected);
    settle_down();
    for (size_t i = 0; i < active / 2; i++)
        pairs[i].host = 2 * i;
    double cpu = bench_process_cpu_s(server_pid);
    int64_t begin = bench_now_ns();
    run_pairs(pairs, active / 2, rate, seconds);
    double wall = (double)(bench_now_ns() - begin) / 1e9;
    printf("{\"connected\":%zu,\"active\":%zu,\"rate\":%.0f,\"server_cpu_share\":%.3f,", connected,
           active, rate, (bench_process_cpu_s(server_pid) - cpu) / wall);
    print_kinds();
    printf("}\n");
    free(pairs);
}

/* --- fanout */

static void fanout(char **arguments)
{
    size_t members = (size_t)bench_number("MEMBERS", arguments[0], 2, 100000);
    uint64_t lines = (uint64_t)bench_number("LINES", arguments[1], 1, 1900);
    uint64_t wanted = 0;
    connect_all(members);
    register_all(0, members);
    do_and_wait(&peers[0], "CREATE_ROOM:all", "ROOM_CREATED:all");
    for (size_t i = 1; i < members; i++)
        do_and_wait(&peers[i], "JOIN_ROOM:all", "ROOM_JOINED:all");
    settle_down();
    for (size_t i = 1; i < members; i++)
        wanted += peers[i].lines + lines;
    double cpu = bench_process_cpu_s(server_pid);
    int64_t begin = bench_now_ns(), until = patience();
    for (uint64_t i = 0; i < lines; i++) {
        peer_say(&peers[0],
                 "The quick brown fox jumps over the lazy dog, and everybody in the room "
                 "is told of it at once.");
        pump(0);
    }
    for (uint64_t got = 0; got < wanted; check_patience(until, "the fan-out")) {
        pump(100);
        got = 0;
        for (size_t i = 1; i < members; i++)
            got += peers[i].lines;
    }
    double wall = (double)(bench_now_ns() - begin) / 1e9,
           total = (double)lines * (double)(members - 1);
    cpu = bench_process_cpu_s(server_pid) - cpu;
    printf("{\"members\":%zu,\"lines\":%llu,\"seconds\":%.3f,\"delivered_per_s\":%.0f,"
           "\"messages_per_s\":%.1f,\"cpu_us_per_delivered\":%.2f}\n",
           members, (unsigned long long)lines, wall, total / wall, (double)lines / wall,
           cpu * 1e6 / total);
}

/* --- logins */

static void logins(char **arguments)
{
    size_t connected = (size_t)bench_number("CONNECTED", arguments[0], 0, 100000);
    size_t count = (size_t)bench_number("COUNT", arguments[1], 1, 100000), done = 0;
    struct histogram taken = {0};
    char name[16];
    connect_all(connected + count);
    register_all(0, connected);
    settle_down();
    double cpu = bench_process_cpu_s(server_pid);
    int64_t begin = bench_now_ns(), until = patience();
    bool *is_done = calloc(count, sizeof(*is_done));
    for (size_t i = 0; i < count; i++) {
        name_of(connected + i, name);
        peer_log_in(&peers[connected + i], name, true);
    }
    while (done < count) {
        pump(10);
        check_patience(until, "logging in");
        for (size_t i = 0; i < count; i++) {
            if (is_done[i] || peers[connected + i].state != PEER_IN)
                continue;
            is_done[i] = true;
            done++;
            histogram_record(&taken, bench_now_ns() - begin);
        }
    }
    cpu = bench_process_cpu_s(server_pid) - cpu;
    printf("{\"connected\":%zu,\"logins\":%zu,\"server_cpu_s\":%.2f,\"taken\":", connected, count,
           cpu);
    histogram_print_json(&taken, stdout);
    printf("}\n");
    free(is_done);
}

/* --- idle */

static long rss_kib(void)
{
    char path[64], line[128];
    long value = -1;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", server_pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "RssAnon: %ld", &value) == 1)
            break;
    if (file)
        (void)fclose(file);
    return value;
}

static void idle(char **arguments)
{
    size_t connected = (size_t)bench_number("CONNECTED", arguments[0], 1, 100000);
    size_t in = (size_t)bench_number("LOGGED_IN", arguments[1], 0, (int64_t)connected);
    long before = rss_kib();
    connect_all(connected);
    settle_down();
    long greeted = rss_kib();
    register_all(0, in);
    settle_down();
    long after = rss_kib();
    double cpu = bench_process_cpu_s(server_pid);
    for (int64_t end = bench_now_ns() + (int64_t)10 * 1000000000; bench_now_ns() < end;)
        pump(500);
    cpu = bench_process_cpu_s(server_pid) - cpu;
    printf("{\"connected\":%zu,\"logged_in\":%zu,\"bytes_per_connection\":%.0f,"
           "\"bytes_per_user_more\":%.0f,\"idle_cpu_share\":%.4f}\n",
           connected, in, 1024.0 * (double)(greeted - before) / (double)connected,
           in ? 1024.0 * (double)(after - greeted) / (double)in : 0.0, cpu / 10);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int arguments;
        void (*run)(char **arguments);
    } scenarios[] = {
        {"rooms", 4, rooms}, {"fanout", 2, fanout}, {"logins", 2, logins}, {"idle", 2, idle}};
    struct rlimit files;
    (void)signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0 || argc < 4)
        bench_fail("usage: bench_lair PORT PID rooms|fanout|logins|idle ...");
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    port = (int)bench_number("PORT", argv[1], 1, 65535);
    server_pid = (int)bench_number("PID", argv[2], 1, INT32_MAX);
    peer_init();
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(argv[3], scenarios[i].name) == 0 && argc == 4 + scenarios[i].arguments) {
            scenarios[i].run(argv + 4);
            return 0;
        }
    }
    bench_fail("no such scenario, or not its arguments");
}
