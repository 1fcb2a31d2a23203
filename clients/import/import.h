/* SPDX-License-Identifier: MPL-2.0
 *
 * Imports: what other programs kept in their SQLite files becomes data of roost.
 *
 * Works offline on the store, as its only writer (docs/decisions/0013). Promises: the source is not
 * changed; running it twice leaves what running it once leaves; killed in the middle and run again
 * it is complete; what could not be taken over is named, row by row, with the reason. What becomes
 * of what: docs/IMPORT.md.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define IMPORT_TEXT_BYTES 1024
#define IMPORT_TABLES_MAX 64

/* A row, or rows, of the source that were left out, or taken over in part. */
struct import_finding {
    const char *table;
    const char *id; /* what the row is called, "rowid 7" or "rowid 7 to 12" without a name */
    const char *reason;
    bool is_skipped; /* false: it was taken over, but not as it is */
};

struct import_count {
    char table[64];
    uint64_t read;    /* rows of the source */
    uint64_t added;   /* new here */
    uint64_t present; /* were here already */
    uint64_t skipped;
    uint64_t remarks; /* taken over with a finding */
};

struct import_report {
    struct import_count counts[IMPORT_TABLES_MAX];
    size_t count;
};

struct import_options {
    const char *source;   /* the file that is read */
    const char *database; /* the store; NULL: there is none yet (is_dry) */
    const char *owner;    /* gigi: the peer whose file it is */
    bool is_text;         /* no SQLite file */
    bool is_dry;          /* reads and checks everything, writes nothing */
    int64_t now_ms;
    int64_t keep_ms; /* imported messages are kept at least so long from now */
    void (*on_finding)(void *context, const struct import_finding *finding);
    void (*on_progress)(void *context, const char *table, uint64_t done, uint64_t total);
    void *context;
};

/* On failure `ret_problem` is a sentence, and *ret says how far it came. ERR_LOCKED: a broker has
 * the store. */
MUST_USE enum err import_lair(const struct import_options *options, struct import_report *ret,
                              char ret_problem[IMPORT_TEXT_BYTES]);
/* peer_cache.json. What is none is set aside under another name, and so is nothing imported; a file
 * that does not exist is an empty one. */
MUST_USE enum err import_peer_cache(const struct import_options *options, struct import_report *ret,
                                    char ret_problem[IMPORT_TEXT_BYTES]);
MUST_USE enum err import_feiqiu(const struct import_options *options, struct import_report *ret,
                                char ret_problem[IMPORT_TEXT_BYTES]);
MUST_USE enum err import_gigi(const struct import_options *options, struct import_report *ret,
                              char ret_problem[IMPORT_TEXT_BYTES]);

#endif
