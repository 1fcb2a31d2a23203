/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmq_router.h.
 */
#include "gateways/zmq/zmq_router.h"

#include <errno.h>
#include <string.h>

#include "rt/check.h"
#include "rt/log.h"

#define HANDSHAKE_MS        3000
#define KEEPALIVE_IDLE_S    5 /* the kernel's: a host that is gone is noticed after 15 s of silence */
#define KEEPALIVE_PAUSE_S   5
#define KEEPALIVE_COUNT     2
#define LINGER_MS           500
#define BACKLOG             512
#define BIND_TRIES          50
#define BIND_PAUSE_MS       20
#define RECEIVE_FRAMES_MAX  200 /* waiting in one connection's buffer */
#define FRAME_GRACE_DIVISOR 4   /* a frame a little too large is answered, not cut off */

static void set_int(void *socket, int option, int value)
{
    CHECK(zmq_setsockopt(socket, option, &value, sizeof(value)) == 0);
}

static void set_options(void *socket, const struct zmq_gateway_options *options)
{
    int64_t frame_max = options->limits.frame_bytes_max;
    frame_max += frame_max / FRAME_GRACE_DIVISOR;
    CHECK(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof(frame_max)) == 0);
    set_int(socket, ZMQ_ROUTER_MANDATORY, 1);
    set_int(socket, ZMQ_ROUTER_HANDOVER, 0);
    set_int(socket, ZMQ_SNDHWM, (int)options->send_frames_max);
    set_int(socket, ZMQ_RCVHWM, RECEIVE_FRAMES_MAX);
    set_int(socket, ZMQ_LINGER, LINGER_MS);
    set_int(socket, ZMQ_BACKLOG, BACKLOG);
    set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    /* Not ZMQ_HEARTBEAT_IVL: libzmq looks through the timers of all connections each time one of them
     * answers, so idle sessions would cost the square of their number. */
    set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
    set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_PAUSE_S);
    set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);
}

/* IPv6 is off unless an address is written as one. */
static bool is_ipv6(const char *address)
{
    return strchr(address, '[') != NULL;
}

/* Closing is asynchronous: the socket of an earlier life may hold its addresses a moment longer. */
static int bind_patiently(void *socket, const char *address, bool is_again)
{
    int result = zmq_bind(socket, address);
    for (int tries = 0; result != 0 && errno == EADDRINUSE && is_again && tries < BIND_TRIES;
         tries++) {
        (void)zmq_poll(NULL, 0, BIND_PAUSE_MS);
        result = zmq_bind(socket, address);
    }
    return result;
}

static enum err bind_one(void *socket, const char *address, bool is_again,
                         char ret_bound[ZMQ_GATEWAY_ADDRESS_MAX])
{
    set_int(socket, ZMQ_IPV6, is_ipv6(address));
    if (bind_patiently(socket, address, is_again) != 0) {
        log_error("listen-failed", LOG_STR("address", address), LOG_ERRNO(errno),
                  LOG_STR("problem", zmq_strerror(errno)));
        return ERR_ADDRESS;
    }
    size_t size = ZMQ_GATEWAY_ADDRESS_MAX;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, ret_bound, &size) != 0) {
        log_error("listen-failed", LOG_STR("address", address), LOG_ERRNO(errno),
                  LOG_STR("problem", "the address is too long"));
        return ERR_ADDRESS;
    }
    log_info("listening", LOG_STR("address", ret_bound));
    return ERR_OK;
}

enum err zmq_router_open(struct zmq_router *router, void *zmq_context,
                         const struct zmq_gateway_options *options)
{
    struct zmq_gateway_bound *bound = options->bound;
    CHECK(options->listen_count <= ZMQ_GATEWAY_LISTEN_MAX);
    router->socket = zmq_socket(zmq_context, ZMQ_ROUTER);
    if (!router->socket) {
        log_error("listen-failed", LOG_ERRNO(errno));
        return ERR_BUSY;
    }
    set_options(router->socket, options);
    bool is_again = atomic_load_explicit(&bound->count, memory_order_relaxed) > 0;
    for (size_t i = 0; i < options->listen_count; i++) {
        char real[ZMQ_GATEWAY_ADDRESS_MAX];
        const char *address = is_again ? bound->addresses[i] : options->listen[i];
        enum err err = bind_one(router->socket, address, is_again, real);
        if (err) {
            zmq_router_close(router);
            return err;
        }
        if (!is_again)
            memcpy(bound->addresses[i], real, sizeof(real));
    }
    atomic_store_explicit(&bound->count, options->listen_count, memory_order_release);
    return ERR_OK;
}

void zmq_router_close(struct zmq_router *router)
{
    if (!router->socket)
        return;
    CHECK(zmq_close(router->socket) == 0);
    router->socket = NULL;
}

/* Reads the rest of a message whose last part read was `part`. All parts are there already. */
static void drop_rest(void *socket, zmq_msg_t *part)
{
    zmq_msg_t more;
    CHECK(zmq_msg_init(&more) == 0);
    bool has_more = zmq_msg_more(part) != 0;
    while (has_more && zmq_msg_recv(&more, socket, ZMQ_DONTWAIT) >= 0)
        has_more = zmq_msg_more(&more) != 0;
    (void)zmq_msg_close(&more); /* cannot fail on a valid message */
}

enum zmq_received zmq_router_receive(struct zmq_router *router, zmq_msg_t *ret_routing,
                                     zmq_msg_t *ret_frame)
{
    /* An interrupted or failed call is no message; the poll of the runtime comes again. */
    if (zmq_msg_recv(ret_routing, router->socket, ZMQ_DONTWAIT) < 0)
        return ZMQ_RECEIVED_NOTHING;
    if (!zmq_msg_more(ret_routing))
        return ZMQ_RECEIVED_MULTIPART;
    if (zmq_msg_recv(ret_frame, router->socket, ZMQ_DONTWAIT) < 0)
        return ZMQ_RECEIVED_MULTIPART;
    if (!zmq_msg_more(ret_frame))
        return ZMQ_RECEIVED_FRAME;
    drop_rest(router->socket, ret_frame);
    return ZMQ_RECEIVED_MULTIPART;
}

enum err zmq_router_offer(struct zmq_router *router, const void *routing, size_t size,
                          zmq_msg_t *take_frame)
{
    /* With ROUTER_MANDATORY the first part says whether there is room for both. */
    int result = zmq_send(router->socket, routing, size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    while (result < 0 && errno == EINTR)
        result = zmq_send(router->socket, routing, size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (result < 0)
        return errno == EHOSTUNREACH ? ERR_NO_SESSION : ERR_BUSY;
    result = zmq_msg_send(take_frame, router->socket, ZMQ_DONTWAIT);
    while (result < 0 && errno == EINTR)
        result = zmq_msg_send(take_frame, router->socket, ZMQ_DONTWAIT);
    return result < 0 ? ERR_NO_SESSION : ERR_OK;
}
