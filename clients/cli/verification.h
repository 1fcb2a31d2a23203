/* SPDX-License-Identifier: MPL-2.0
 *
 * A full verification of a data file (store/verify.h) as a command shows it: findings line by line,
 * progress on standard error.
 */
#ifndef CLI_VERIFICATION_H
#define CLI_VERIFICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "clients/cli/command.h"
#include "rt/err.h"

struct verification_options {
    const char *path;
    bool is_at_rest; /* nobody writes to it, so nothing is made beside it */
    bool any_older;  /* of a file of an older version the structure is checked */
};

/* ERR_OK: it ran to its end, whatever it found. Otherwise it has said what is wrong. */
MUST_USE enum err verification_run(struct cli *cli, const struct verification_options *options,
                                   uint64_t *ret_findings);

#endif
