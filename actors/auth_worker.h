/* SPDX-License-Identifier: MPL-2.0
 *
 * The auth worker: Argon2id, and nothing else. There are two of them, each on a thread of its own,
 * so a login storm uses two cores and stops nobody.
 */
#ifndef ACTORS_AUTH_WORKER_H
#define ACTORS_AUTH_WORKER_H

#include "rt/actor.h"

extern const struct actor_class auth_worker_actor; /* no args */

#endif
