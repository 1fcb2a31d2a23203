/* SPDX-License-Identifier: MPL-2.0
 *
 * Full verification of a database: everything is read once and held against everything else.
 *
 *     structure      SQLite's own integrity and foreign key checks
 *     messages       the checksum of every row
 *     deferred       message_id and message_conversation hold exactly what the log has up to
 *                    indexed_seq, and every direct conversation is listed
 *     positions      floors, exceptions and markers lie within the log
 *     audit          the chain of hashes of the audit log (store/audit.h)
 *
 * Of a file of an older version (opened with any_older) only the structure is checked.
 *
 * Runs on a reader's handle in one read transaction: beside a running broker it sees one moment,
 * but holds back checkpoints for as long as it takes. Changes nothing.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

struct verify_finding {
    const char *check; /* "structure", "messages", "deferred", "positions" or "audit" */
    uint64_t seq;      /* the message it is about, 0 = none */
    const char *text;  /* a sentence; dies with the call */
};
typedef void verify_visit(void *context, const struct verify_finding *finding);

/* `total` is 0 when it is not known; false ends the verification with ERR_CANCELLED. */
typedef bool verify_progress(void *context, const char *check, uint64_t done, uint64_t total);

struct verify_options {
    verify_visit *on_finding; /* may be NULL, like the next */
    verify_progress *on_progress;
    void *context;
    uint32_t findings_max; /* per check; 0 = 1000 */
};

/* ERR_OK: it ran to its end, whatever it found. A file too damaged to be read further is a finding,
 * too. */
MUST_USE enum err verify_run(struct store *store, const struct verify_options *options,
                             uint64_t *ret_findings);

#endif
