/* SPDX-License-Identifier: MPL-2.0
 *
 * raw_zmq: messages a second ZeroMQ carries when nothing else is done with them: inproc PUSH to
 * PULL, and tcp on loopback DEALER to ROUTER; one frame of 256 bytes, the receiver drains what is
 * there after each poll. One line of JSON each.
 *
 * The high-water marks are the ones a broker would use (1,000), so the sender waits for the
 * receiver as it would in life.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#include "measure.h"

#define BODY_SIZE_BYTES 256
#define DRAIN_MAX       1000

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

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("Usage: raw_zmq MILLISECONDS\n"
                    "Measures ZeroMQ alone, for so long per point.\n",
                    stderr);
        return 2;
    }
    int64_t duration_ms = bench_number("MILLISECONDS", argv[1], 1, 3600000);
    measure("inproc push-pull", ZMQ_PUSH, ZMQ_PULL, "inproc://raw", duration_ms);
    measure("tcp dealer-router", ZMQ_DEALER, ZMQ_ROUTER, "tcp://127.0.0.1:*", duration_ms);
    return 0;
}
