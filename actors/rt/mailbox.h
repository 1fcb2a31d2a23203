/* SPDX-License-Identifier: MPL-2.0
 *
 * The one door between threads: every message between actors passes mailbox_send and
 * mailbox_receive. One PULL socket per actor and one PUSH per (sender, receiver), made by the
 * supervisor before any actor starts, so that no flood of connections can take their descriptors.
 * Both belong to the system and survive a restart of the actor, so a link never breaks (a re-bound inproc name
 * would never be found again by those connected to the old one).
 *
 * Never blocks. How full a link may be is decided before, by the counters of struct link
 * (actor_internal.h); the marks of the sockets lie so high that they are never met. A receiver gets
 * the messages of one sender in order, and the senders in turn (fair queue of PULL).
 *
 * Threads: mailbox_send on the sender's, mailbox_receive on the receiver's thread. ThreadSanitizer
 * cannot see into libzmq; two calls here tell it of the hand-over.
 */
#ifndef RT_MAILBOX_H
#define RT_MAILBOX_H

#include "rt/actor_internal.h"

struct mailboxes {
    const struct actor_host *host;
    const char *const *names; /* of the actors, for the trace */
    void **pulls;             /* by receiver */
    void **pushes;            /* [from * id_count + to] */
    uint64_t name;            /* random, part of the endpoints */
    bool is_traced;
};

/* The host's links, rooms and context must be set. ERR_BUSY: no sockets or memory; what exists is
 * then released by mailboxes_fini. */
MUST_USE enum err mailboxes_init(struct mailboxes *mailboxes, const struct actor_host *host,
                                 const char *const *names, bool is_traced);
/* No actor may run. Waiting messages are dropped. */
void mailboxes_fini(struct mailboxes *mailboxes);

/* Takes both frames. */
void mailbox_send(struct mailboxes *mailboxes, uint8_t from, uint8_t to, zmq_msg_t *frame,
                  zmq_msg_t *payload);

/* One message, without waiting. False: none. Both frames are initialised and the caller's to close;
 * *ret_has_payload tells whether the second one carries something. */
bool mailbox_receive(struct mailboxes *mailboxes, uint8_t self, zmq_msg_t *ret_frame,
                     zmq_msg_t *ret_payload, bool *ret_has_payload);

/* The socket to wait on. */
void *mailbox_socket(const struct mailboxes *mailboxes, uint8_t self);

/* Messages waiting for `self`, from all senders, or the most from one of them; estimates. */
uint64_t mailbox_depth(const struct mailboxes *mailboxes, uint8_t self);
uint64_t mailbox_fullest(const struct mailboxes *mailboxes, uint8_t self);

#endif
