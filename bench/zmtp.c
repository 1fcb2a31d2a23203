/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmtp.h. One epoll for all; a session keeps what of a frame has come so far, and nothing between
 * frames.
 */
#include "zmtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "proto/wire.h"

#define GREETING_BYTES 64
#define OPENING_MAX    100 /* sessions on their way in at once */
#define READ_BYTES     262144
#define EVENTS_MAX     512
#define PING_NS        4000000000LL
#define PATIENCE_NS    120000000000LL
#define STEP_MS        20
#define COMMAND        0x04
#define LONG_FRAME     0x02
#define PING_BYTES     7 /* name and time to live */
#define CREDIT         (UINT64_C(1) << 40)

enum stage { GREETING, HANDSHAKE, HELLO, JOINING, ATTACHING, READY };

struct session {
    int socket;
    enum stage stage;
    uint8_t *rest; /* the beginning of a frame, NULL when there is none */
    size_t rest_bytes;
};

struct crew {
    struct crew_options options;
    struct session *sessions;
    unsigned begun, ready, again;
    int epoll;
    unsigned next_ping;
    int64_t pinged_ns;
    uint64_t delivered;
    int64_t last_ns;
    uint8_t *buffer;
};

static ProtobufCBinaryData view(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static void write_all(const struct session *session, const uint8_t *bytes, size_t size_bytes)
{
    ssize_t size = send(session->socket, bytes, size_bytes, MSG_NOSIGNAL);
    if (size != (ssize_t)size_bytes) { /* sockets block when they write, and these are short */
        bench_fail("a session was closed by the broker: %s", strerror(errno));
    }
}

/* One frame of roost as one ZMTP message. */
static void say(const struct session *session, Roost__V1__Type type,
                const ProtobufCMessage *message)
{
    uint8_t bytes[1024];
    zmq_msg_t frame;
    if (wire_pack(type, message, &frame) != ERR_OK || zmq_msg_size(&frame) > 255) {
        bench_fail("a frame is too long");
    }
    size_t size = zmq_msg_size(&frame);
    bytes[0] = 0;
    bytes[1] = (uint8_t)size;
    memcpy(bytes + 2, zmq_msg_data(&frame), size);
    (void)zmq_msg_close(&frame);
    write_all(session, bytes, size + 2);
}

/* The greeting, and READY, which is a command. libzmq takes nothing more before it has sent its own. */
static void say_ready(const struct session *session)
{
    static const uint8_t greeting[GREETING_BYTES] = {[0] = 0xff, [9] = 0x7f, [10] = 3, [12] = 'N',
                                                     'U',        'L',        'L'};
    static const uint8_t ready[] = "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06"
                                   "DEALER";
    write_all(session, greeting, sizeof greeting);
    write_all(session, ready, sizeof ready - 1);
}

static void say_hello(const struct crew *crew, const struct session *session)
{
    char peer[128];
    Roost__V1__Hello hello = ROOST__V1__HELLO__INIT;
    (void)snprintf(peer, sizeof peer, "%s-%u", crew->options.prefix,
                   (unsigned)(session - crew->sessions));
    hello.version_min = 1;
    hello.version_max = 1;
    hello.peer = view(peer);
    say(session, ROOST__V1__TYPE__HELLO, &hello.base);
}

/* Connected and greeted; a session that is opened again was counted before. */
static void open_session(struct crew *crew, struct session *session)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(crew->options.port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    session->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (session->socket < 0 ||
        connect(session->socket, (struct sockaddr *)&address, sizeof address) != 0) {
        bench_fail("session %u: %s (raise the limit of open files: ulimit -n)", crew->begun,
                   strerror(errno));
    }
    (void)setsockopt(session->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only slower */
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    if (epoll_ctl(crew->epoll, EPOLL_CTL_ADD, session->socket, &event) != 0) {
        bench_fail("epoll: %s", strerror(errno));
    }
    session->stage = GREETING;
    say_ready(session);
}

/* A broker without a free processor may take longer for a handshake than it gives itself for one. */
static void open_again(struct crew *crew, struct session *session)
{
    if (session->stage > HANDSHAKE || ++crew->again > crew->options.sessions) {
        bench_fail("session %u was closed by the broker", (unsigned)(session - crew->sessions));
    }
    (void)close(session->socket); /* it is of no use any more */
    free(session->rest);
    session->rest = NULL;
    session->rest_bytes = 0;
    open_session(crew, session);
}

/* --- What comes */

static void become_ready(struct crew *crew, struct session *session)
{
    session->stage = READY;
    crew->ready++;
}

static void attach(const struct crew *crew, struct session *session)
{
    Roost__V1__Attach attach = ROOST__V1__ATTACH__INIT;
    attach.handle = 1;
    attach.scope = view(crew->options.scope);
    attach.start = ROOST__V1__START__START_NEW;
    attach.credit_messages = CREDIT;
    attach.ephemeral = strncmp(crew->options.scope, "topic:", 6) == 0;
    session->stage = ATTACHING;
    say(session, ROOST__V1__TYPE__ATTACH, &attach.base);
}

static void join(const struct crew *crew, struct session *session)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    call.request_id = 1;
    call.method = ROOST__V1__METHOD__ROOM_JOIN;
    call.scope = view(crew->options.scope);
    session->stage = JOINING;
    say(session, ROOST__V1__TYPE__CALL, &call.base);
}

static uint64_t read_varint(const uint8_t **place, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *place < end && shift < 64; shift += 7) {
        uint8_t byte = *(*place)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            break;
        }
    }
    return value;
}

/* DELIVER: field 2 is the first number, each field 3 an entry; all else is skipped. Settles them. */
static void take_deliver(struct crew *crew, struct session *session, const uint8_t *bytes,
                         size_t size_bytes)
{
    Roost__V1__Settle settle = ROOST__V1__SETTLE__INIT;
    Roost__V1__SettleRange range = ROOST__V1__SETTLE_RANGE__INIT;
    Roost__V1__SettleRange *ranges[] = {&range};
    const uint8_t *end = bytes + size_bytes;
    uint64_t first = 0;
    uint64_t count = 0;
    while (bytes < end) {
        uint64_t tag = read_varint(&bytes, end);
        uint64_t value = read_varint(&bytes, end);
        first = tag == (2 << 3) ? value : first;
        if ((tag & 7) == 2) {
            count += tag >> 3 == 3;
            bytes += value <= (uint64_t)(end - bytes) ? value : (uint64_t)(end - bytes);
        }
    }
    crew->delivered += count;
    crew->last_ns = bench_now_ns();
    range.first_delivery_no = first;
    range.last_delivery_no = first + count - 1;
    range.outcome = ROOST__V1__OUTCOME__ACK;
    settle.handle = 1;
    settle.ranges = ranges;
    settle.n_ranges = 1;
    say(session, ROOST__V1__TYPE__SETTLE, &settle.base);
}

/* Fields 1 and 2 of a REPLY or an ATTACHED: what it answers, and the code. */
static void must_be_done(const char *what, const uint8_t *bytes, size_t size_bytes)
{
    const uint8_t *end = bytes + size_bytes;
    while (bytes < end) {
        uint64_t tag = read_varint(&bytes, end);
        uint64_t value = read_varint(&bytes, end);
        if (tag == (2 << 3) && value != 0) {
            bench_fail("%s was refused with code %u", what, (unsigned)value);
        }
        if ((tag & 7) == 2) {
            bytes += value <= (uint64_t)(end - bytes) ? value : (uint64_t)(end - bytes);
        }
    }
}

static void take_frame(struct crew *crew, struct session *session, const uint8_t *frame,
                       size_t size_bytes)
{
    uint32_t type;
    if (wire_peek_type(frame, size_bytes, &type) != ERR_OK) {
        bench_fail("a frame that is none of the broker's");
    }
    const uint8_t *bytes = frame + WIRE_HEAD_BYTES;
    size_bytes -= WIRE_HEAD_BYTES;
    if (type == ROOST__V1__TYPE__DELIVER) {
        take_deliver(crew, session, bytes, size_bytes);
    } else if (type == ROOST__V1__TYPE__WELCOME && crew->options.scope == NULL) {
        become_ready(crew, session);
    } else if (type == ROOST__V1__TYPE__WELCOME) {
        if (strncmp(crew->options.scope, "room:", 5) == 0) {
            join(crew, session);
        } else {
            attach(crew, session);
        }
    } else if (type == ROOST__V1__TYPE__REPLY && session->stage == JOINING) {
        must_be_done("joining", bytes, size_bytes);
        attach(crew, session);
    } else if (type == ROOST__V1__TYPE__ATTACHED) {
        must_be_done("attaching", bytes, size_bytes);
        become_ready(crew, session);
    } else if (type == ROOST__V1__TYPE__ERROR || type == ROOST__V1__TYPE__DETACH ||
               type == ROOST__V1__TYPE__GOODBYE) {
        bench_fail("session %u was sent a frame of type %u in stage %d",
                   (unsigned)(session - crew->sessions), type, (int)session->stage);
    }
}

/* One ZMTP frame at `bytes`: its size with its head, 0 when it is not here completely. */
static size_t take_one(struct crew *crew, struct session *session, const uint8_t *bytes,
                       size_t size_bytes)
{
    if (session->stage == GREETING) {
        session->stage = size_bytes >= GREETING_BYTES ? HANDSHAKE : GREETING;
        return size_bytes >= GREETING_BYTES ? GREETING_BYTES : 0;
    }
    size_t head = size_bytes > 0 && (bytes[0] & LONG_FRAME) != 0 ? 9 : 2;
    if (size_bytes < head) {
        return 0;
    }
    uint64_t length = bytes[1];
    for (size_t i = 2; i < head; i++) {
        length = length << 8 | bytes[i];
    }
    if (size_bytes < head + length) {
        return 0;
    }
    if ((bytes[0] & COMMAND) == 0) {
        take_frame(crew, session, bytes + head, (size_t)length);
    } else if (session->stage == HANDSHAKE) {
        session->stage = HELLO;
        say_hello(crew, session);
    } else if (length >= PING_BYTES && memcmp(bytes + head, "\x04PING", 5) == 0) {
        write_all(session, (const uint8_t *)"\x04\x05\x04PONG", 7); /* sent without a context */
    }
    return head + (size_t)length;
}

static void keep_rest(struct session *session, const uint8_t *bytes, size_t size_bytes)
{
    free(session->rest);
    session->rest = size_bytes > 0 ? malloc(size_bytes) : NULL;
    session->rest_bytes = size_bytes;
    if (size_bytes > 0) {
        if (session->rest == NULL) {
            bench_fail("out of memory");
        }
        memcpy(session->rest, bytes, size_bytes);
    }
}

static void take_input(struct crew *crew, struct session *session)
{
    size_t have = session->rest_bytes;
    if (have > READ_BYTES * 8) {
        bench_fail("a frame is too long");
    }
    if (have > 0) {
        memcpy(crew->buffer, session->rest, have);
    }
    ssize_t size = recv(session->socket, crew->buffer + have, READ_BYTES, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        open_again(crew, session);
        return;
    }
    have += (size_t)size;
    size_t at = 0;
    size_t taken;
    while ((taken = take_one(crew, session, crew->buffer + at, have - at)) > 0) {
        at += taken;
    }
    keep_rest(session, crew->buffer + at, have - at);
}

/* --- The crew */

static void ping_some(struct crew *crew, int64_t now_ns)
{
    Roost__V1__Ping ping = ROOST__V1__PING__INIT;
    double share = (double)(now_ns - crew->pinged_ns) / (double)PING_NS;
    unsigned due = (unsigned)(share * crew->options.sessions);
    if (due == 0) {
        return;
    }
    crew->pinged_ns = now_ns;
    for (unsigned i = 0; i < due && i < crew->options.sessions; i++) {
        const struct session *session = &crew->sessions[crew->next_ping++ % crew->options.sessions];
        if (session->stage == READY) {
            say(session, ROOST__V1__TYPE__PING, &ping.base);
        }
    }
}

static void turn(struct crew *crew)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(crew->epoll, events, EVENTS_MAX, STEP_MS);
    for (int i = 0; i < count; i++) {
        take_input(crew, events[i].data.ptr);
    }
    ping_some(crew, bench_now_ns());
}

struct crew *crew_open(const struct crew_options *options)
{
    struct crew *crew = calloc(1, sizeof *crew);
    int64_t deadline_ns = bench_now_ns() + PATIENCE_NS;
    if (crew == NULL ||
        (crew->sessions = calloc(options->sessions, sizeof *crew->sessions)) == NULL ||
        (crew->buffer = malloc(READ_BYTES * 9 + 1)) == NULL ||
        (crew->epoll = epoll_create1(0)) < 0) {
        bench_fail("out of memory");
    }
    crew->options = *options;
    crew->pinged_ns = bench_now_ns();
    while (crew->ready < options->sessions) {
        while (crew->begun < options->sessions && crew->begun - crew->ready < OPENING_MAX) {
            open_session(crew, &crew->sessions[crew->begun++]);
        }
        turn(crew);
        if (bench_now_ns() > deadline_ns) {
            bench_fail("only %u of %u sessions after 120 s", crew->ready, options->sessions);
        }
    }
    return crew;
}

uint64_t crew_run_until(struct crew *crew, int64_t until_ns, int64_t *ret_last_ns)
{
    while (bench_now_ns() < until_ns) {
        turn(crew);
    }
    *ret_last_ns = crew->last_ns;
    return crew->delivered;
}

void crew_close(struct crew *crew)
{
    for (unsigned i = 0; i < crew->options.sessions; i++) {
        (void)close(crew->sessions[i].socket); /* the broker notices */
        free(crew->sessions[i].rest);
    }
    (void)close(crew->epoll); /* nothing of it is needed any more */
    free(crew->sessions);
    free(crew->buffer);
    free(crew);
}
