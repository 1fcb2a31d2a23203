/* SPDX-License-Identifier: MPL-2.0
 *
 * The accounts actor: who somebody is.
 *
 *     LOGIN   gateway -> LOAD_ACCOUNT (history) -> HASH (auth worker) -> LOGIN_WRITE (persistence)
 *             -> LOGIN_DONE
 *     LOGIN   with the key of a CURVE connection: LOAD_ACCOUNT -> LOGIN_WRITE -> LOGIN_DONE; the code
 *             that enrols one goes the same way, as its hash
 *     CALL    the methods that carry a password or concern accounts: hashed here, then passed on
 *             to persistence
 *
 * Promises
 *   - Waits for nobody: hashing is the workers', which are asked as bounded questions.
 *   - One attempt per name at a time, so that the throttle cannot be outrun by asking in parallel.
 *   - Where the gateway does not ask for it, an unknown name costs the same time as a wrong
 *     password and has the same answer.
 * Leaves to others: sessions of gateways, presence, rights.
 */
#ifndef ACTORS_ACCOUNTS_H
#define ACTORS_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/actor.h"

struct accounts_options {
    bool is_registration_open; /* security.registration: anybody may make an account */
    uint32_t password_min;     /* security.password_min: characters of a new one */
    uint8_t other_gateways[3]; /* actor ids: told of ACCOUNT_CHANGED too; 0 = none */
    uint8_t keyring;           /* actor id: told of KEYS_CHANGED; 0 = nobody */
};

extern const struct actor_class accounts_actor; /* args: struct accounts_options */

#endif
