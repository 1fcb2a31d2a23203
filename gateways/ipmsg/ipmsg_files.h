/* SPDX-License-Identifier: MPL-2.0
 *
 * The attachments a SENDMSG with FILEATTACH announces behind its text. Pure.
 *
 *     id ":" name ":" size ":" mtime ":" attributes [":" key "=" value ...] ":" BEL ...
 *
 * Size, time and attributes are hexadecimal; a ":" inside a name is doubled. Only their sender has
 * the files: what is kept of them is this description, as JSON text for a header.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_FILES_H
#define GATEWAYS_IPMSG_IPMSG_FILES_H

#include "gateways/ipmsg/ipmsg_bytes.h"
#include "gateways/ipmsg/ipmsg_text.h"
#include "rt/buf.h"
#include "rt/err.h"

#define IPMSG_FILES_MAX          256u /* of one message; more are counted, not read */
#define IPMSG_FILE_ID_BYTES_MAX  16u
#define IPMSG_FILE_NAME_BYTES    256u /* decoded, with its NUL; what is longer is cut */
#define IPMSG_FILE_RAW_BYTES_MAX 1024u

struct ipmsg_file {
    struct ipmsg_bytes id; /* letters and digits: decimal of some programs, hexadecimal of others */
    struct ipmsg_bytes name; /* as it came: with doubled colons, in the charset of the packet */
    uint64_t size, mtime_s;  /* at most INT64_MAX */
    uint32_t attributes;     /* the low 8 bits are the kind */
};

struct ipmsg_files {
    struct ipmsg_bytes rest;
    uint32_t count, odd; /* read; passed over */
};

void ipmsg_files_begin(struct ipmsg_files *files, const uint8_t *extension, size_t size);

/* The next one that can be read. False: none is left. */
bool ipmsg_files_next(struct ipmsg_files *files, struct ipmsg_file *ret);

/* "file", "directory", "link", "other". */
const char *ipmsg_file_kind(const struct ipmsg_file *file);

/* Terminated UTF-8, cleaned (ipmsg_clean_name), colons single again. Returns its size. */
size_t ipmsg_file_name(const struct ipmsg_file *file, enum ipmsg_charset charset,
                       char ret_name[IPMSG_FILE_NAME_BYTES]);

/* Appends [{"id":"0","name":"a.txt","kind":"file","size":26,"mtime":1700000000},...] of at most
 * `bytes_max` bytes (at least 2); what has no room ends the array as {"more":3}, and what could not be
 * read is not in it. *ret_count (may be NULL): files that were read. ERR_BUSY, ERR_TOO_LARGE: of the
 * buffer. */
MUST_USE enum err ipmsg_files_json(const uint8_t *extension, size_t size,
                                   enum ipmsg_charset charset, size_t bytes_max, struct buf *buf,
                                   uint32_t *ret_count);

#endif
