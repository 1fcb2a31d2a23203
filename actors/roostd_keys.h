/* SPDX-License-Identifier: MPL-2.0
 *
 * The key by which clients know this broker (security.server_key_file): read at the start, made where
 * there is none. Only where some listener speaks CURVE; otherwise it is not looked at.
 *
 * Promises: a file that others may use is refused; the secret is never logged, not swapped out, not in a
 * core file, and gone from memory at the end.
 */
#ifndef ACTORS_ROOSTD_KEYS_H
#define ACTORS_ROOSTD_KEYS_H

#include "proto/key.h"
#include "roostd_config.h"

struct roostd_keys {
    struct key_pair server;
    bool is_loaded;
};

/* A file that is not named from the root is in `directory`. ERR_CONFIG, after one line on standard
 * error. Must stay where it is until roostd_keys_close. */
MUST_USE enum err roostd_keys_open(const struct roostd_config *config, const char *directory,
                                   struct roostd_keys *ret);
void roostd_keys_close(struct roostd_keys *keys);

#endif
