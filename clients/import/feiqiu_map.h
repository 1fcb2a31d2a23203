/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of feiqiu's neolan.db as what they are to roost. Pure: no store, no file.
 *
 * Times are text, "2026-01-31 12:34:56" with or without a fraction, in UTC; or whole numbers, of
 * seconds or (from the year 5138 on, as seconds) of milliseconds. As in lair_map.h, false means that
 * the row cannot be taken over.
 */
#ifndef IMPORT_FEIQIU_MAP_H
#define IMPORT_FEIQIU_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "clients/import/values.h"
#include "proto/limits.h"
#include "store/address.h"

struct feiqiu_peer {
    char name[WIRE_NAME_BYTES_MAX + 1]; /* "lan:USER@HOST" */
    char host_name[256], nickname[256];
    struct text avatar, groups; /* groups: a JSON array, or "" */
    char ip[ADDRESS_IP_BYTES];  /* "": none that is one */
    uint32_t port;
    int64_t last_seen_ms;
};
bool feiqiu_map_peer(const struct foreign_row *row, int64_t now_ms, struct feiqiu_peer *ret,
                     struct verdict *verdict);

/* "2026-01-31 12:34:56.789" as ms; false: it is no time. */
bool feiqiu_read_time(struct text text, int64_t *ret_ms);

#endif
