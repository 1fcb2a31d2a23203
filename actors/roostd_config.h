/* SPDX-License-Identifier: MPL-2.0
 *
 * The configuration of roostd: the struct made of roostd_config.def, and the rules that tie several
 * options together.
 *
 * Owns: which options there are, and what is a safe address. Promises: whatever roostd_config_check
 * lets through can be run. Leaves to others: reading sources (rt/config), the command line
 * (roostd_command.h), handing values to actors (actors.h).
 */
#ifndef ACTORS_ROOSTD_CONFIG_H
#define ACTORS_ROOSTD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/buf.h"
#include "rt/config.h"
#include "rt/err.h"

struct roostd_config {
#define BOOL(member, ...)   bool member;
#define INT(member, ...)    int64_t member;
#define TEXT(member, ...)   const char *member;
#define CHOICE(member, ...) int member;
#define LIST(member, ...)   struct config_list member;
#include "roostd_config.def"
#undef BOOL
#undef INT
#undef TEXT
#undef CHOICE
#undef LIST
};

extern const struct config_schema roostd_schema;

enum roostd_autocreate { AUTOCREATE_AUTO, AUTOCREATE_ON, AUTOCREATE_OFF };
enum roostd_acl_default { ACL_DEFAULT_AUTO, ACL_DEFAULT_ALLOW, ACL_DEFAULT_DENY };
enum roostd_retry_preset { RETRY_PATIENT, RETRY_BRISK };

enum roostd_address {
    ADDRESS_WRONG,  /* not one of the forms we listen on */
    ADDRESS_LOCAL,  /* only this machine can reach it */
    ADDRESS_REMOTE, /* others may */
};

/* What kind of address this is, by its text alone: no name is looked up. */
enum roostd_address roostd_address_kind(const char *address);

/* "curve://...": clients prove a key there. */
bool roostd_address_is_curve(const char *address);
/* Some listener for ZeroMQ is one. */
bool roostd_has_curve(const struct roostd_config *config);

/* Every listener is ADDRESS_LOCAL. */
bool roostd_is_local(const struct roostd_config *config);
/* The same, and programs of the local network are heard on this machine only. */
bool roostd_is_private(const struct roostd_config *config);

/* ERR_OK, ERR_CONFIG or ERR_UNSAFE_LISTENER, with one line for a person in *out. */
MUST_USE enum err roostd_config_check(const struct roostd_config *config, bool is_insecure,
                                      struct buf *out);

/* docs/CONFIG.md, docs/ERRORS.md and docs/METRICS.md, whole. */
MUST_USE enum err roostd_write_config_document(struct buf *out);
MUST_USE enum err roostd_write_errors_document(struct buf *out);
MUST_USE enum err roostd_write_metrics_document(struct buf *out);

/* /etc/roost/roost.conf as it is installed. */
MUST_USE enum err roostd_write_config_example(struct buf *out);

/* The exit codes as items of a list in a manual page (mdoc). */
MUST_USE enum err roostd_write_exits_manual(struct buf *out);

#endif
