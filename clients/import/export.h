/* SPDX-License-Identifier: MPL-2.0
 *
 * Exports: what roost knows, in the form of another program. They read beside a running broker.
 */
#ifndef IMPORT_EXPORT_H
#define IMPORT_EXPORT_H

#include <stdint.h>

#include "clients/import/import.h"
#include "clients/import/peer_cache.h"

struct export_options {
    const char *database; /* the store */
    const char *target;   /* the file that is written */
    int64_t now_ms;
};

/* The best peers as peer_cache.json. With none to write (*ret counts 0) the file stays as it is, and
 * so it does on failure, of which `ret_problem` is a sentence. */
MUST_USE enum err export_peer_cache(const struct export_options *options,
                                    struct peer_cache_statistics *ret,
                                    char ret_problem[IMPORT_TEXT_BYTES]);

#endif
