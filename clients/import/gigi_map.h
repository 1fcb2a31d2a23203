/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of a gigi-store database as what they are to roost. Pure: no store, no file.
 *
 * Words of enumerations stand bare (Direct) or as JSON strings ("Direct"), also mixed in one file.
 * As in lair_map.h, false means that the row cannot be taken over.
 */
#ifndef IMPORT_GIGI_MAP_H
#define IMPORT_GIGI_MAP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "clients/import/values.h"

struct gigi_message {
    uint8_t id[16];
    bool is_group, is_sent, is_read;
    struct text sender, recipient, group; /* recipient: perhaps "" */
    int64_t created_ms, read_ms;
    uint32_t kind;            /* enum Kind of the protocol */
    const char *content_type; /* "" */
    struct text body;         /* lives as long as this struct */
    json_t *content;
    char *dump;
};
/* Also when it answers false, gigi_message_fini is to be called. */
bool gigi_map_message(const struct foreign_row *row, struct gigi_message *ret,
                      struct verdict *verdict);
void gigi_message_fini(struct gigi_message *message);

/* The content alone: {"type": "Text", ...}; {"Text": {...}}; or without a tag, by `type`. */
bool gigi_map_content(struct text json, struct text type, struct gigi_message *ret,
                      struct verdict *verdict);

enum gigi_status { GIGI_WAITING, GIGI_DONE, GIGI_EXPIRED };
struct gigi_queued {
    uint8_t message_id[16];
    struct text target;
    enum gigi_status status;
    int64_t expires_ms; /* 0: not said */
};
bool gigi_map_queued(const struct foreign_row *row, int64_t now_ms, struct gigi_queued *ret,
                     struct verdict *verdict);

struct gigi_acknowledgment {
    uint8_t message_id[16];
    struct text peer;
    bool is_read;
    int64_t at_ms;
};
bool gigi_map_acknowledgment(const struct foreign_row *row, struct gigi_acknowledgment *ret,
                             struct verdict *verdict);

#endif
