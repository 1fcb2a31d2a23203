/* SPDX-License-Identifier: MPL-2.0
 *
 * The door between threads.
 *
 * The marks: the pipe of an inproc link holds SNDHWM + RCVHWM messages, but the sender learns of
 * taken messages only after half of that many, so half is what one can rely on. Each side gets the
 * whole room of the link, which makes that half equal to what the counters allow.
 */
#include "rt/mailbox.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "rt/check.h"
#include "rt/log.h"

#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define HAND_OVER(link) __tsan_release(link)
#define TAKE_OVER(link) __tsan_acquire(link)
#define UNWATCHED       __attribute__((noinline, no_sanitize("thread")))
#else
#define HAND_OVER(link) ((void)(link))
#define TAKE_OVER(link) ((void)(link))
#define UNWATCHED
#endif

#define ENDPOINT_MAX 64
#define MARK_SLACK   64

static void set_option(void *socket, int option, int value)
{
    CHECK(zmq_setsockopt(socket, option, &value, sizeof(value)) == 0);
}

static void *new_socket(const struct mailboxes *mailboxes, int type, uint8_t receiver)
{
    void *socket = zmq_socket(mailboxes->host->zmq_context, type);
    if (!socket) {
        log_error("mailbox-socket", LOG_ERRNO(errno));
        return NULL;
    }
    int mark = (int)(mailboxes->host->rooms[receiver] + ANSWER_ROOM + MARK_SLACK);
    set_option(socket, type == ZMQ_PULL ? ZMQ_RCVHWM : ZMQ_SNDHWM, mark);
    set_option(socket, ZMQ_LINGER, 0);
    set_option(socket, ZMQ_SNDTIMEO, 0);
    set_option(socket, ZMQ_RCVTIMEO, 0);
    return socket;
}

/* Unique in the process, also when there are several systems or there was one just now: a name is
 * free again only some time after its socket was closed. */
static void endpoint_of(const struct mailboxes *mailboxes, uint8_t receiver,
                        char ret_endpoint[ENDPOINT_MAX])
{
    (void)snprintf(ret_endpoint, ENDPOINT_MAX, "inproc://roost-%016" PRIx64 "-%u", mailboxes->name,
                   receiver);
}

static enum err connect_link(struct mailboxes *mailboxes, uint8_t from, uint8_t to)
{
    char endpoint[ENDPOINT_MAX];
    void *socket = new_socket(mailboxes, ZMQ_PUSH, to);
    if (!socket)
        return ERR_BUSY;
    mailboxes->pushes[(size_t)from * mailboxes->host->id_count + to] = socket;
    endpoint_of(mailboxes, to, endpoint);
    if (zmq_connect(socket, endpoint) == 0)
        return ERR_OK;
    log_error("mailbox-connect", LOG_ERRNO(errno));
    return ERR_BUSY;
}

/* All of them now: later strangers' connections may have taken every descriptor there is. */
static enum err connect_links(struct mailboxes *mailboxes)
{
    size_t count = mailboxes->host->id_count;
    enum err err = ERR_OK;
    for (size_t from = 0; from < count && !err; from++)
        for (size_t to = 0; to < count && !err; to++)
            err = connect_link(mailboxes, (uint8_t)from, (uint8_t)to);
    return err;
}

enum err mailboxes_init(struct mailboxes *mailboxes, const struct actor_host *host,
                        const char *const *names, bool is_traced)
{
    size_t count = host->id_count;
    *mailboxes = (struct mailboxes){.host = host, .names = names, .is_traced = is_traced};
    randombytes_buf(&mailboxes->name, sizeof(mailboxes->name));
    mailboxes->pulls = calloc(count, sizeof(void *));
    mailboxes->pushes = calloc(count * count, sizeof(void *));
    if (!mailboxes->pulls || !mailboxes->pushes)
        return ERR_BUSY;
    for (size_t id = 0; id < count; id++) {
        char endpoint[ENDPOINT_MAX];
        mailboxes->pulls[id] = new_socket(mailboxes, ZMQ_PULL, (uint8_t)id);
        if (!mailboxes->pulls[id])
            return ERR_BUSY;
        endpoint_of(mailboxes, (uint8_t)id, endpoint);
        CHECK(zmq_bind(mailboxes->pulls[id], endpoint) == 0);
    }
    return connect_links(mailboxes);
}

static void close_all(void **sockets, size_t count)
{
    for (size_t i = 0; sockets && i < count; i++) {
        if (sockets[i])
            (void)zmq_close(sockets[i]); /* only fails for what is no socket */
    }
    free(sockets);
}

void mailboxes_fini(struct mailboxes *mailboxes)
{
    if (!mailboxes->host)
        return;
    size_t count = mailboxes->host->id_count;
    close_all(mailboxes->pushes, count * count);
    close_all(mailboxes->pulls, count);
    *mailboxes = (struct mailboxes){0};
}

static void trace(const struct mailboxes *mailboxes, uint8_t to, zmq_msg_t *frame,
                  zmq_msg_t *payload)
{
    struct frame_header header = frame_header_of(frame);
    log_debug("message", LOG_STR("from", mailboxes->names[header.from]),
              LOG_STR("to", mailboxes->names[to]),
              LOG_STR("kind", kind_name(mailboxes->host, header.kind)),
              LOG_U64("correlation", header.correlation),
              LOG_U64("size_bytes", zmq_msg_size(frame)),
              LOG_U64("payload_bytes", payload ? zmq_msg_size(payload) : 0));
}

/* libzmq looks for returned credit only now and then when it is not to wait, so a pipe may seem
 * full that is not; asking for the socket's events makes it look. */
static void send_part(zmq_msg_t *part, void *socket, int flags)
{
    if (zmq_msg_send(part, socket, flags | ZMQ_DONTWAIT) >= 0)
        return;
    CHECK(errno == EAGAIN || errno == EINTR);
    int events;
    size_t size = sizeof(events);
    CHECK(zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0);
    CHECK(zmq_msg_send(part, socket, flags | ZMQ_DONTWAIT) >= 0);
}

void mailbox_send(struct mailboxes *mailboxes, uint8_t from, uint8_t to, zmq_msg_t *frame,
                  zmq_msg_t *payload)
{
    void *socket = mailboxes->pushes[(size_t)from * mailboxes->host->id_count + to];
    if (mailboxes->is_traced)
        trace(mailboxes, to, frame, payload);
    struct link *link = link_between(mailboxes->host, from, to);
    link_count_sent(link);
    HAND_OVER(link);
    send_part(frame, socket, payload ? ZMQ_SNDMORE : 0);
    if (payload)
        send_part(payload, socket, 0);
}

/* Only this tells which link the message came by, so it is read before the take-over that makes the
 * frame ours for ThreadSanitizer. One key for all senders of a receiver would come before it, but
 * hide what is not handed over by a link. */
static UNWATCHED uint8_t sender_of(zmq_msg_t *frame)
{
    return ((const uint8_t *)zmq_msg_data(frame))[offsetof(struct frame_header, from)];
}

bool mailbox_receive(struct mailboxes *mailboxes, uint8_t self, zmq_msg_t *ret_frame,
                     zmq_msg_t *ret_payload, bool *ret_has_payload)
{
    void *socket = mailboxes->pulls[self];
    CHECK(zmq_msg_init(ret_frame) == 0);
    int size = zmq_msg_recv(ret_frame, socket, ZMQ_DONTWAIT);
    while (size < 0 && errno == EINTR)
        size = zmq_msg_recv(ret_frame, socket, ZMQ_DONTWAIT);
    if (size < 0) {
        CHECK(errno == EAGAIN);
        (void)zmq_msg_close(ret_frame);
        return false;
    }
    CHECK(zmq_msg_init(ret_payload) == 0);
    *ret_has_payload = zmq_msg_more(ret_frame) != 0;
    if (*ret_has_payload) {
        /* Parts arrive together. */
        CHECK(zmq_msg_recv(ret_payload, socket, ZMQ_DONTWAIT) >= 0);
        CHECK(!zmq_msg_more(ret_payload));
    }
    uint8_t from = sender_of(ret_frame);
    CHECK(from < mailboxes->host->id_count);
    struct link *link = link_between(mailboxes->host, from, self);
    TAKE_OVER(link);
    link_count_taken(link);
    return true;
}

void *mailbox_socket(const struct mailboxes *mailboxes, uint8_t self)
{
    return mailboxes->pulls[self];
}

uint64_t mailbox_depth(const struct mailboxes *mailboxes, uint8_t self)
{
    uint64_t depth = 0;
    for (size_t from = 0; from < mailboxes->host->id_count; from++)
        depth += link_depth(link_between(mailboxes->host, (uint8_t)from, self));
    return depth;
}

uint64_t mailbox_fullest(const struct mailboxes *mailboxes, uint8_t self)
{
    uint64_t fullest = 0;
    for (size_t from = 0; from < mailboxes->host->id_count; from++) {
        uint64_t depth = link_depth(link_between(mailboxes->host, (uint8_t)from, self));
        fullest = depth > fullest ? depth : fullest;
    }
    return fullest;
}
