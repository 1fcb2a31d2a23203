/* SPDX-License-Identifier: MPL-2.0
 *
 * The keyring: who may connect. It answers libzmq's question at every CURVE handshake (ZAP, zap.h) out
 * of memory; nobody can send a frame to a CURVE listener before it has said yes.
 *
 *     a key that is enrolled                          welcome
 *     another one, while a code to enrol it is open   welcome (accounts lets it do nothing else)
 *     any other                                       refused for good
 *     before the keys are loaded                      not now
 *
 * Promises
 *   - Waits for nobody: keys are loaded by pages from history at the start, while it answers `not now`;
 *     after that they change by what ACCOUNTS tells.
 *   - Fails closed: while it is dead libzmq has nobody to ask and refuses everybody
 *     (ZMQ_ZAP_ENFORCE_DOMAIN of the listener).
 *   - Whoever is refused for good is in the audit log: the first time, then once a minute with a count
 *     (refusals.h).
 * It is the first of two doors: whose session it is, and whether the key is still good, ACCOUNTS asks the
 * store at HELLO. So a key that is on its way to being revoked gets through this door at most.
 * Leaves to others: sessions (the gateway), accounts, what a key may do.
 */
#ifndef ACTORS_KEYRING_H
#define ACTORS_KEYRING_H

#include <stdbool.h>

#include "rt/actor.h"

#define KEYRING_DOMAIN "roost" /* of the listeners */

struct keyring_options {
    bool is_needed;    /* some listener speaks CURVE; otherwise nothing is loaded and nobody asks */
    bool is_enrolment; /* security.enrolment: a key not enrolled may connect while a code is open */
    uint8_t history;   /* actor id */
    uint8_t persistence;
    void *zmq_context; /* NULL: that of the system; tests on the simulator bring their own */
};

extern const struct actor_class keyring_actor; /* args: struct keyring_options */

#endif
