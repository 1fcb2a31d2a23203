/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmq_router.h.
 */
#include "gateways/zmq/zmq_router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rt/check.h"
#include "rt/log.h"

#define HANDSHAKE_MS        3000
#define KEEPALIVE_IDLE_S    5 /* the kernel's: a host that is gone is noticed after 15 s of silence */
#define KEEPALIVE_PAUSE_S   5
#define KEEPALIVE_COUNT     2
#define ZMTP_HEARTBEAT_MS   30000 /* who lives but never ends a frame is cut off within a minute */
#define LINGER_MS           500
#define BACKLOG             512
#define BIND_TRIES          50
#define BIND_PAUSE_MS       20
#define RECEIVE_FRAMES_MAX  200 /* waiting in one connection's buffer */
#define ZAP_ENFORCE_DOMAIN  93  /* ZMQ_ZAP_ENFORCE_DOMAIN: libzmq has it, its header hides it */
#define MONITOR_NAMES       10
#define FRAME_GRACE_DIVISOR 4 /* a frame a little too large is answered, not cut off */

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
    /* Seldom: libzmq looks through the timers of all connections each time one of them answers, so
     * heartbeats of idle sessions cost the square of their number. */
    set_int(socket, ZMQ_HEARTBEAT_IVL, ZMTP_HEARTBEAT_MS);
    set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, ZMTP_HEARTBEAT_MS);
    set_int(socket, ZMQ_HEARTBEAT_TTL, ZMTP_HEARTBEAT_MS);
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

/* What is bound after this speaks CURVE. Where nobody answers for the domain, nobody gets in: a libzmq that
 * cannot promise that is not listened with. */
static enum err set_curve(void *socket, const struct zmq_gateway_options *options)
{
    int yes = 1;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof(yes)) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, options->curve_secret,
                       strlen(options->curve_secret) + 1) == 0 &&
        zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, options->curve_domain,
                       strlen(options->curve_domain)) == 0 &&
        zmq_setsockopt(socket, ZAP_ENFORCE_DOMAIN, &yes, sizeof(yes)) == 0)
        return ERR_OK;
    log_error("no-curve",
              LOG_STR("problem", "this libzmq cannot do CURVE, or cannot insist on it"));
    return ERR_ADDRESS;
}

static bool is_curve(const char *address)
{
    return strncmp(address, ZMQ_GATEWAY_CURVE, strlen(ZMQ_GATEWAY_CURVE)) == 0;
}

/* As libzmq knows it. */
static void write_endpoint(const char *address, char ret[ZMQ_GATEWAY_ADDRESS_MAX])
{
    if (is_curve(address))
        (void)snprintf(ret, ZMQ_GATEWAY_ADDRESS_MAX, "tcp://%s",
                       address + strlen(ZMQ_GATEWAY_CURVE));
    else
        (void)snprintf(ret, ZMQ_GATEWAY_ADDRESS_MAX, "%s", address);
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
    return ERR_OK;
}

/* What connections come and are lost. Unbounded, as libzmq's I/O thread would wait for us otherwise; we listen
 * whenever it has something, and before frames are read. */
static enum err open_monitor(struct zmq_router *router, void *zmq_context)
{
    char name[64];
    int result = -1;
    for (int i = 0; i < MONITOR_NAMES && result != 0;
         i++) { /* an earlier life may still have one */
        (void)snprintf(name, sizeof(name), "inproc://roost-zmq-%p-%d", router->socket, i);
        result =
            zmq_socket_monitor(router->socket, name, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED);
    }
    if (result != 0)
        return ERR_BUSY;
    router->monitor = zmq_socket(zmq_context, ZMQ_PAIR);
    if (!router->monitor)
        return ERR_BUSY;
    set_int(router->monitor, ZMQ_RCVHWM, 0);
    set_int(router->monitor, ZMQ_LINGER, 0);
    return zmq_connect(router->monitor, name) == 0 ? ERR_OK : ERR_BUSY;
}

/* Those with CURVE, or those without. An address of an earlier life is the same again. */
static enum err bind_some(struct zmq_router *router, const struct zmq_gateway_options *options,
                          bool is_again, bool wants_curve)
{
    struct zmq_gateway_bound *bound = options->bound;
    for (size_t i = 0; i < options->listen_count; i++) {
        char wanted[ZMQ_GATEWAY_ADDRESS_MAX], real[ZMQ_GATEWAY_ADDRESS_MAX];
        if (is_curve(options->listen[i]) != wants_curve)
            continue;
        write_endpoint(options->listen[i], wanted);
        enum err err =
            bind_one(router->socket, is_again ? bound->addresses[i] : wanted, is_again, real);
        if (err)
            return err;
        log_info("listening", LOG_STR("address", real),
                 LOG_STR("security", wants_curve ? "curve" : "none"));
        if (!is_again)
            memcpy(bound->addresses[i], real, sizeof(real));
    }
    return ERR_OK;
}

/* An option of the socket counts for what is bound later; a domain cannot be taken away again. */
static enum err bind_all(struct zmq_router *router, void *zmq_context,
                         const struct zmq_gateway_options *options)
{
    struct zmq_gateway_bound *bound = options->bound;
    bool is_again = atomic_load_explicit(&bound->count, memory_order_relaxed) > 0;
    router->is_curve = options->curve_secret != NULL;
    enum err err = open_monitor(router, zmq_context);
    if (!err)
        err = bind_some(router, options, is_again, false);
    if (!err && options->curve_secret)
        err = set_curve(router->socket, options);
    if (!err && options->curve_secret)
        err = bind_some(router, options, is_again, true);
    if (!err)
        atomic_store_explicit(&bound->count, options->listen_count, memory_order_release);
    return err;
}

enum err zmq_router_open(struct zmq_router *router, void *zmq_context,
                         const struct zmq_gateway_options *options)
{
    CHECK(options->listen_count <= ZMQ_GATEWAY_LISTEN_MAX);
    router->socket = zmq_socket(zmq_context, ZMQ_ROUTER);
    if (!router->socket) {
        log_error("listen-failed", LOG_ERRNO(errno));
        return ERR_BUSY;
    }
    set_options(router->socket, options);
    enum err err = bind_all(router, zmq_context, options);
    if (err)
        zmq_router_close(router);
    return err;
}

void zmq_router_close(struct zmq_router *router)
{
    if (!router->socket)
        return;
    if (router->monitor) {
        (void)zmq_socket_monitor(router->socket, NULL, 0); /* nothing to do if it was not on */
        CHECK(zmq_close(router->monitor) == 0);
        router->monitor = NULL;
    }
    CHECK(zmq_close(router->socket) == 0);
    router->socket = NULL;
}

const char *zmq_router_key(zmq_msg_t *frame)
{
    return zmq_msg_gets(frame, "User-Id");
}

int zmq_router_descriptor(zmq_msg_t *frame)
{
    return zmq_msg_get(frame, ZMQ_SRCFD);
}

/* An event is two parts: number and value, 16 and 32 bits; then the address. False: there is none. */
static bool take_event(void *monitor, uint16_t *ret_event, int *ret_descriptor)
{
    zmq_msg_t part;
    int32_t value = ZMQ_ROUTER_NO_DESCRIPTOR;
    *ret_event = 0;
    CHECK(zmq_msg_init(&part) == 0);
    bool has_event = zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0;
    if (has_event && zmq_msg_size(&part) == sizeof(*ret_event) + sizeof(value)) {
        memcpy(ret_event, zmq_msg_data(&part), sizeof(*ret_event));
        memcpy(&value, (const char *)zmq_msg_data(&part) + sizeof(*ret_event), sizeof(value));
    }
    bool has_more = has_event && zmq_msg_more(&part);
    while (has_more && zmq_msg_recv(&part, monitor, ZMQ_DONTWAIT) >= 0)
        has_more = zmq_msg_more(&part) != 0;
    (void)zmq_msg_close(&part); /* cannot fail on a valid message */
    *ret_descriptor = value;
    return has_event;
}

bool zmq_router_look(struct zmq_router *router, int descriptor)
{
    bool is_lost = false;
    uint16_t event;
    int about;
    while (router->monitor && take_event(router->monitor, &event, &about)) {
        if (about < 0)
            continue;
        if (event == ZMQ_EVENT_ACCEPTED && router->on_accepted)
            router->on_accepted(router->context, about);
        if (event == ZMQ_EVENT_DISCONNECTED && router->on_lost)
            router->on_lost(router->context, about);
        is_lost |= event == ZMQ_EVENT_DISCONNECTED && about == descriptor;
    }
    return is_lost;
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

static int send_patiently(void *socket, const void *data, size_t size, int flags)
{
    int result = zmq_send(socket, data, size, flags);
    while (result < 0 && errno == EINTR)
        result = zmq_send(socket, data, size, flags);
    return result;
}

enum err zmq_router_offer(struct zmq_router *router, const void *routing, size_t size,
                          int descriptor, zmq_msg_t *take_frame)
{
    /* With ROUTER_MANDATORY the first part says whether there is room for both. */
    if (send_patiently(router->socket, routing, size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return errno == EHOSTUNREACH ? ERR_NO_SESSION : ERR_BUSY;
    if (router->is_curve && zmq_router_look(router, descriptor)) {
        /* Whoever has been chosen is another one: he gets the end of a message, and nothing in it. */
        (void)send_patiently(router->socket, "", 0, ZMQ_DONTWAIT);
        return ERR_NO_SESSION;
    }
    int result = zmq_msg_send(take_frame, router->socket, ZMQ_DONTWAIT);
    while (result < 0 && errno == EINTR)
        result = zmq_msg_send(take_frame, router->socket, ZMQ_DONTWAIT);
    return result < 0 ? ERR_NO_SESSION : ERR_OK;
}
