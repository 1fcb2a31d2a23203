/* SPDX-License-Identifier: MPL-2.0
 *
 * One line of an export, taken apart and checked: what is a name, a hash, an id, text or bytes.
 * Whether it fits to the others is the store's to say (store/transfer.h).
 *
 * Internal to import_file.c.
 */
#ifndef CLI_IMPORT_LINE_H
#define CLI_IMPORT_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/import_file.h"
#include "proto/limits.h"
#include "proto/name.h"
#include "store/transfer.h"

#define IMPORT_NAMES_MAX   4 /* folded names of one line */
#define IMPORT_DECODED_MAX (2 * WIRE_HEADERS_MAX + 8)

struct import_head {
    char export_id[64];
    struct transfer_size size;
};

struct import_line {
    json_t *object;
    enum transfer_record record;
    char record_name[32];
    bool is_end;
    char problem[256]; /* "": none */
    struct transfer_value parameters[TRANSFER_FIELDS_MAX];
    size_t parameter_count;
    struct name_folded folded[IMPORT_NAMES_MAX];
    size_t folded_count;
    uint8_t uuids[2][16];
    size_t uuid_count;
    void *decoded[IMPORT_DECODED_MAX]; /* bytes that were in base64 */
    size_t decoded_count;
};

/* False: `ret_problem` says why it is not the first line of an export. */
bool import_head_parse(struct import_head *head, const char *text, size_t size,
                       char ret_problem[IMPORT_FILE_TEXT_BYTES]);

void import_line_init(struct import_line *line);
/* With `problem` or without; `text` is not needed afterwards. */
void import_line_parse(struct import_line *line, const char *text, size_t size);
void import_line_fini(struct import_line *line);

#endif
