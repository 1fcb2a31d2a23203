/* SPDX-License-Identifier: MPL-2.0
 *
 * The keys a command connects with: --key-file and --server-key, or ROOST_KEY_FILE and ROOST_SERVER_KEY.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include <stdbool.h>

#include "clients/cli/command.h"
#include "proto/key.h"

struct cli_keys {
    bool is_given; /* both were */
    struct key_pair own;
    char server[KEY_TEXT_SIZE];
};

/* False after a complaint: one without the other, or what is named is no key. To be wiped. */
bool keys_take(const struct cli *cli, struct cli_keys *ret);
void keys_wipe(struct cli_keys *keys);
/* Views into `keys`. */
void keys_fill(const struct cli_keys *keys, struct roost_options *ret);

/* The file of --key-file or ROOST_KEY_FILE; NULL: none was named. */
const char *keys_own_path(const struct cli *cli);

/* A public key as it is, or a file in which it stands: a key file, or its only line. */
bool keys_read_public(const struct cli *cli, const char *text, char ret[KEY_TEXT_SIZE]);

#endif
