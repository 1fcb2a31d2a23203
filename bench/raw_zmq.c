/* SPDX-License-Identifier: MPL-2.0
 *
 * raw_zmq: messages a second ZeroMQ carries when nothing else is done with them: inproc PUSH to
 * PULL, and tcp on loopback DEALER to ROUTER; one frame of 256 bytes, the receiver drains what is
 * there after each poll. Then one message at a time, there and back: what any broker pays for a
 * publish before it has done anything; the ROUTER and its I/O thread on the server's core, the DEALER
 * and its own on the client's, as brokers and clients are placed. One line of JSON each.
 *
 * The high-water marks are the ones a broker would use (1,000), so the sender waits for the
 * receiver as it would in life.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "measure.h"

#define BODY_SIZE_BYTES 256
#define DRAIN_MAX       1000
#define CONFIRM_BYTES   24 /* of the answer: about what STORED takes */

struct sender {
    void *context;
    int type;
    const char *endpoint;
    atomic_bool is_stopping;
};

static void *open_socket(void *context, int type)
{
    int no_linger_ms = 0;
    int patience_ms = 100;
    void *socket = zmq_socket(context, type);
    if (socket == NULL || zmq_setsockopt(socket, ZMQ_LINGER, &no_linger_ms, sizeof no_linger_ms) ||
        zmq_setsockopt(socket, ZMQ_SNDTIMEO, &patience_ms, sizeof patience_ms)) {
        bench_fail("zmq: %s", zmq_strerror(errno));
    }
    return socket;
}

static void *sender_run(void *argument)
{
    struct sender *sender = argument;
    char body[BODY_SIZE_BYTES];
    memset(body, 'm', sizeof body);
    void *socket = open_socket(sender->context, sender->type);
    if (zmq_connect(socket, sender->endpoint) != 0) {
        bench_fail("zmq: cannot connect to %s: %s", sender->endpoint, zmq_strerror(errno));
    }
    while (!atomic_load_explicit(&sender->is_stopping, memory_order_relaxed)) {
        (void)zmq_send(socket, body, sizeof body, 0); /* a timeout only checks for the end */
    }
    (void)zmq_close(socket);
    return NULL;
}

/* Takes what is there without waiting; counts messages, not frames. */
static unsigned drain(void *socket)
{
    unsigned count = 0;
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame); /* cannot fail */
    while (count < DRAIN_MAX && zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0) {
        count += !zmq_msg_more(&frame);
    }
    (void)zmq_msg_close(&frame);
    return count;
}

static uint64_t receive_for(void *socket, int64_t duration_ms, double *ret_elapsed_s)
{
    uint64_t count = 0;
    zmq_pollitem_t readable = {.socket = socket, .events = ZMQ_POLLIN};
    int64_t begin_ns = bench_now_ns();
    int64_t now_ns = begin_ns;
    while (now_ns - begin_ns < duration_ms * 1000000) {
        (void)zmq_poll(&readable, 1, 100);
        count += drain(socket);
        now_ns = bench_now_ns();
    }
    *ret_elapsed_s = (double)(now_ns - begin_ns) / 1e9;
    return count;
}

static void measure(const char *name, int send_type, int receive_type, const char *bind_to,
                    int64_t duration_ms)
{
    char endpoint[256];
    size_t size = sizeof endpoint;
    double elapsed_s;
    void *context = zmq_ctx_new();
    void *socket = open_socket(context, receive_type);
    if (zmq_bind(socket, bind_to) != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
        bench_fail("zmq: cannot bind %s: %s", bind_to, zmq_strerror(errno));
    }
    struct sender sender = {.context = context, .type = send_type, .endpoint = endpoint};
    pthread_t thread;
    if (pthread_create(&thread, NULL, sender_run, &sender) != 0) {
        bench_fail("cannot start the sender thread");
    }
    (void)receive_for(socket, duration_ms / 10 + 1, &elapsed_s); /* warm-up */
    double begin_cpu_s = bench_process_cpu_s((int)getpid());
    uint64_t count = receive_for(socket, duration_ms, &elapsed_s);
    double cpu_s = bench_process_cpu_s((int)getpid()) - begin_cpu_s;
    atomic_store(&sender.is_stopping, true);
    (void)pthread_join(thread, NULL); /* it is there */
    (void)zmq_close(socket);
    (void)zmq_ctx_term(context);
    (void)printf("{\"raw\":\"zmq\",\"path\":\"%s\",\"per_s\":%.1f,\"cpu_us\":%.3f}\n", name,
                 (double)count / elapsed_s, cpu_s * 1e6 / (double)(count > 0 ? count : 1));
}

/* --- There and back */

struct pinned {
    void *context, *socket;
};

/* A context whose I/O thread stays on this core, as the calling thread from now on. */
static struct pinned open_on_core(int core, int type)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        bench_fail("cannot use core %d: %s", core, strerror(errno));
    }
    void *context = zmq_ctx_new();
    return (struct pinned){.context = context, .socket = open_socket(context, type)};
}

/* Answers whoever asks, until the context ends. */
static void *echo_run(void *socket)
{
    static const char confirm[CONFIRM_BYTES];
    zmq_msg_t identity, body;
    (void)zmq_msg_init(&identity); /* cannot fail */
    (void)zmq_msg_init(&body);
    while (zmq_msg_recv(&identity, socket, 0) >= 0 && zmq_msg_recv(&body, socket, 0) >= 0) {
        (void)zmq_msg_send(&identity, socket, ZMQ_SNDMORE); /* the asker is there and waits */
        (void)zmq_send(socket, confirm, sizeof confirm, 0);
    }
    (void)zmq_msg_close(&body);
    (void)zmq_msg_close(&identity);
    (void)zmq_close(socket);
    return NULL;
}

static void ask_for(void *socket, int64_t duration_ms, struct histogram *trips)
{
    char body[BODY_SIZE_BYTES];
    memset(body, 'm', sizeof body);
    int64_t end_ns = bench_now_ns() + duration_ms * 1000000;
    for (int64_t begin_ns = bench_now_ns(); begin_ns < end_ns;) {
        if (zmq_send(socket, body, sizeof body, 0) < 0 ||
            zmq_recv(socket, body, sizeof body, 0) < 0) {
            bench_fail("zmq: no answer: %s", zmq_strerror(errno));
        }
        int64_t now_ns = bench_now_ns();
        histogram_record(trips, now_ns - begin_ns);
        begin_ns = now_ns;
    }
}

static void measure_round_trip(int64_t duration_ms, int server_core, int client_core)
{
    static struct histogram trips;
    static struct histogram warm_up;
    char endpoint[256];
    size_t size = sizeof endpoint;
    struct pinned server = open_on_core(server_core, ZMQ_ROUTER);
    if (zmq_bind(server.socket, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(server.socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
        bench_fail("zmq: cannot bind: %s", zmq_strerror(errno));
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, echo_run, server.socket) != 0) {
        bench_fail("cannot start the echo thread");
    }
    struct pinned client = open_on_core(client_core, ZMQ_DEALER);
    if (zmq_connect(client.socket, endpoint) != 0) {
        bench_fail("zmq: cannot connect to %s: %s", endpoint, zmq_strerror(errno));
    }
    ask_for(client.socket, duration_ms / 10 + 1, &warm_up);
    double begin_cpu_s = bench_process_cpu_s((int)getpid());
    ask_for(client.socket, duration_ms, &trips);
    double cpu_s = bench_process_cpu_s((int)getpid()) - begin_cpu_s;
    (void)zmq_close(client.socket);
    (void)zmq_ctx_term(client.context);
    (void)zmq_ctx_shutdown(server.context); /* ends the echo */
    (void)pthread_join(thread, NULL);
    (void)zmq_ctx_term(server.context);
    (void)printf("{\"raw\":\"zmq\",\"path\":\"tcp there and back\",\"per_s\":%.1f,\"cpu_us\":%.3f,"
                 "\"trip_us\":",
                 (double)trips.count * 1e3 / (double)duration_ms,
                 cpu_s * 1e6 / (double)(trips.count > 0 ? trips.count : 1));
    histogram_print_json(&trips, stdout);
    (void)puts("}");
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        (void)fputs(
            "Usage: raw_zmq MILLISECONDS [SERVER_CORE CLIENT_CORE]\n"
            "Measures ZeroMQ alone, for so long per point. The cores (0 and 1) are those of the\n"
            "two sides of a message that goes there and back.\n",
            stderr);
        return 2;
    }
    int64_t duration_ms = bench_number("MILLISECONDS", argv[1], 1, 3600000);
    int server_core = argc == 4 ? (int)bench_number("SERVER_CORE", argv[2], 0, CPU_SETSIZE - 1) : 0;
    int client_core = argc == 4 ? (int)bench_number("CLIENT_CORE", argv[3], 0, CPU_SETSIZE - 1) : 1;
    measure("inproc push-pull", ZMQ_PUSH, ZMQ_PULL, "inproc://raw", duration_ms);
    measure("tcp dealer-router", ZMQ_DEALER, ZMQ_ROUTER, "tcp://127.0.0.1:*", duration_ms);
    measure_round_trip(duration_ms, server_core, client_core);
    return 0;
}
