/* SPDX-License-Identifier: MPL-2.0
 *
 * A stage for the ipmsg-gateway: the real actor on the simulator, its real socket on a loopback alias,
 * and the test as everybody else: as programs of the local network and as the other actors. Time
 * moves only by sim_advance; what comes over a socket is waited for with poll.
 */
#ifndef TESTS_GATEWAYS_IPMSG_PLAY_H
#define TESTS_GATEWAYS_IPMSG_PLAY_H

#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/ipmsg/ipmsg_internal.h"
#include "rt/sim.h"

#define IPMSG_ID 0 /* on this stage; the others have their usual numbers, as pseudo actors */

struct ipmsg_play {
    struct sim *sim;
    struct ipmsg_gateway_options options;
    struct actor_spec spec;
    uint32_t next_no;   /* of what is reserved next */
    uint64_t delivered; /* number of the last delivery of a session */
};

/* Change play->options between the two. ipmsg_play_begin: started, its questions of the start
 * answered: these rows are known. */
struct ipmsg_play *ipmsg_play_new(void);
void ipmsg_play_start(struct ipmsg_play *play);
void ipmsg_play_begin(struct ipmsg_play *play, INTERNAL(LanPeer) * *rows, size_t count);
void ipmsg_play_end(struct ipmsg_play *play);
struct ipmsg_gateway *ipmsg_play_gateway(struct ipmsg_play *play);

/* --- As a program of the local network: LAST is the last part of its address. */

struct neighbour {
    struct ipmsg_play *play;
    int fd;
    uint32_t number;
    char user[32];
    char bytes[65536];
    struct ipmsg_packet heard; /* views of bytes */
};

struct neighbour *neighbour_new(struct ipmsg_play *play, uint8_t last, const char *user);
void neighbour_end(struct neighbour **neighbour);
struct lan_address neighbour_address(const struct neighbour *neighbour);
/* Number 0: its next one. The gateway reads it, and everybody reacts. */
void neighbour_say(struct neighbour *neighbour, uint32_t command, const char *body,
                   uint32_t number);
/* The next packet, which must be of this mode; nothing has come. */
const struct ipmsg_packet *neighbour_hear(struct neighbour *neighbour, uint32_t mode);
void neighbour_hear_nothing(struct neighbour *neighbour);
/* The next packet, if there is one. */
bool neighbour_hears(struct neighbour *neighbour);
/* The body as text. */
const char *neighbour_body(struct neighbour *neighbour, char *ret_text, size_t size);

/* --- As other actors. */

const struct msg *ipmsg_take(struct ipmsg_play *play, uint8_t actor, uint8_t kind);
void ipmsg_take_nothing(struct ipmsg_play *play, uint8_t actor);
/* Forgets what came to it; how many. */
unsigned ipmsg_take_all(struct ipmsg_play *play, uint8_t actor);
void ipmsg_answer(struct ipmsg_play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                  const ProtobufCMessage *body);
void ipmsg_post(struct ipmsg_play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body);
/* discovery decides about the entry that was heard. */
void ipmsg_decide(struct ipmsg_play *play, INTERNAL(LanSaying) what);
/* NUMBERS_RESERVE. */
void ipmsg_reserve(struct ipmsg_play *play);
/* SESSION_OPEN of this peer; gives its session. */
uint64_t ipmsg_open(struct ipmsg_play *play, int64_t peer_id);
/* LAN_WRITE, which is of this message (0: of none). */
void ipmsg_write(struct ipmsg_play *play, uint64_t sending_seq);
/* ATTACH; everything up to floor_seq is settled. */
void ipmsg_attach(struct ipmsg_play *play, uint64_t floor_seq);
/* DELIVER_OUT with one message. */
void ipmsg_deliver(struct ipmsg_play *play, uint64_t session, uint64_t seq, const char *text);
/* The same, with a time to live; sealed. */
void ipmsg_deliver_until(struct ipmsg_play *play, uint64_t session, uint64_t seq, const char *text,
                         int64_t expires_ms);
void ipmsg_deliver_sealed(struct ipmsg_play *play, uint64_t session, uint64_t seq,
                          const char *text);
/* SETTLE of the last delivery; gives its confirm_id. */
uint64_t ipmsg_take_settle(struct ipmsg_play *play, Roost__V1__Outcome outcome);
void ipmsg_settled(struct ipmsg_play *play, uint64_t session, uint64_t confirm_id, bool is_stale);
/* It comes, with `row` (NULL: never seen before) and mail attached; gives its session. */
uint64_t ipmsg_enter(struct neighbour *neighbour, int64_t peer_id, INTERNAL(LanPeer) * row,
                     uint64_t floor_seq);

static inline ProtobufCBinaryData ipmsg_bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

#endif
