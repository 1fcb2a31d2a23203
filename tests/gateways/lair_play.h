/* SPDX-License-Identifier: MPL-2.0
 *
 * A stage for the tcp-gateway: the real actor on the simulator, a real listener on 127.0.0.1, and the
 * test as everybody else: as Lair Chat clients (sockets) and as the other actors. Time moves only by
 * sim_advance; what comes over a socket is waited for with poll.
 */
#ifndef TESTS_GATEWAYS_LAIR_PLAY_H
#define TESTS_GATEWAYS_LAIR_PLAY_H

#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/lair/lair_internal.h"
#include "rt/sim.h"

#define LAIR_ID            0 /* on this stage; the others have their usual numbers, as pseudo actors */
#define LAIR_PLAY_LINE_MAX 8192

struct lair_play {
    struct sim *sim;
    struct tcp_gateway_options options;
    struct actor_spec spec;
    struct lair_cipher cipher; /* the clients' */
};

/* Change play->options between the two. */
struct lair_play *lair_play_new(void);
void lair_play_start(struct lair_play *play);
void lair_play_end(struct lair_play *play);
struct tcp_gateway *lair_play_gateway(struct lair_play *play);
/* Lets the gateway read what is there, and everybody react. */
void lair_play_read(struct lair_play *play);

/* --- As a client. */

struct lair_client {
    struct lair_play *play;
    int fd;
    struct lair_key key;
    size_t size;
    char bytes[2 * LAIR_PLAY_LINE_MAX];
    char text[LAIR_PLAY_LINE_MAX];
};

/* Connected; and greeted: keys exchanged, the welcome read. */
struct lair_client *client_connect(struct lair_play *play);
struct lair_client *client_greet(struct lair_play *play);
void client_send(struct lair_client *client, const char *bytes, size_t size);
void client_say(struct lair_client *client, const char *text);
/* The next line, which must be this one; the next one, whatever it is. */
void client_hear(struct lair_client *client, const char *text);
const char *client_hear_any(struct lair_client *client);
void client_hear_nothing(struct lair_client *client);
/* The connection has been ended from the other side, with nothing more said. */
void client_hear_end(struct lair_client *client);
/* Ends it (in order, or broken) and frees the client; the gateway has not read it yet. */
void client_end(struct lair_client **client);
void client_break(struct lair_client **client);

/* --- As other actors. */

const struct msg *lair_take(struct lair_play *play, uint8_t actor, uint8_t kind);
void lair_take_nothing(struct lair_play *play, uint8_t actor);
void lair_answer(struct lair_play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                 const ProtobufCMessage *body, zmq_msg_t *take_payload);
void lair_post(struct lair_play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body,
               zmq_msg_t *take_payload);
/* Answers the next LOGIN with this code (0: as `name`), and the SESSION_OPEN that follows. */
void lair_let_in(struct lair_play *play, enum err err, const char *name, int64_t peer_id);
/* ATTACHED for the next ATTACH, which must be for this kind of scope; gives its session. */
uint64_t lair_attach(struct lair_play *play, uint32_t scope_kind, const char *name, enum err err);
/* A greeted client, logged in; its mailbox is attached, and the Lobby when it is the first. */
struct lair_client *client_join(struct lair_play *play, const char *name, int64_t peer_id,
                                bool is_first, uint64_t *ret_session);
/* DELIVER_OUT with one message. */
void lair_deliver(struct lair_play *play, uint64_t session, uint64_t no,
                  const Roost__V1__Delivery *message);
/* SETTLE has come for these numbers. */
void lair_take_settle(struct lair_play *play, uint64_t session, uint64_t first_no,
                      uint64_t last_no);
/* Answers the next CALL, which must be of this method. */
void lair_answer_call(struct lair_play *play, uint32_t method, const INTERNAL(CallDone) * done);
/* Answers the next STORE. Gives the id of its message. */
void lair_answer_store(struct lair_play *play, uint32_t code, uint8_t ret_id[UUID_BYTES]);

static inline ProtobufCBinaryData lair_bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

#endif
