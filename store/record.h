/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows as SQLite keeps them in a file: values as a record, records as cells of a leaf page of a
 * table. The formats are part of SQLite's file format, which does not change:
 * https://www.sqlite.org/fileformat2.html, sections 1.6 and 2.1.
 *
 * Pure: bytes in memory, nothing of SQLite is called. Internal to store/.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum record_kind { RECORD_NULL, RECORD_INTEGER, RECORD_TEXT, RECORD_BLOB };

/* The key of a table that is its rowid stands in the record as NULL. */
struct record_value {
    enum record_kind kind;
    int64_t integer;
    const void *bytes; /* of a text (UTF-8) or blob; `size` of them, below 2^31 */
    size_t size;
    uint64_t serial; /* its type in the record, made by record_size */
};

/* Bytes of the record of these values, at most 100 of them; readies them for record_write. */
size_t record_size(struct record_value *values, size_t count);
/* Writes exactly as many. */
void record_write(const struct record_value *values, size_t count, uint8_t *to);

/* A leaf page that is filled: cells grow from its end towards its head. */
struct leaf_page {
    uint8_t *bytes;
    size_t size;    /* a power of two, 512 to 65,536; all of it is usable */
    size_t content; /* where the cells begin */
    unsigned count;
};

void leaf_page_clear(struct leaf_page *page);
/* Room for a record of `size` bytes, which the caller writes. The rowid must be above those that
 * are there. NULL: too large for what is left of the page. */
uint8_t *leaf_page_add(struct leaf_page *page, int64_t rowid, size_t size);

#endif
