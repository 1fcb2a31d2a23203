/* SPDX-License-Identifier: MPL-2.0
 *
 * The files of the dashboard, gateways/http/web, embedded by embed.cmake: as they are, and packed.
 */
#ifndef GATEWAYS_HTTP_HTTP_ASSETS_H
#define GATEWAYS_HTTP_HTTP_ASSETS_H

#include <stddef.h>

#include "gateways/http/http_target.h"

struct http_asset {
    const char *path; /* "/index.html" */
    const char *tag;  /* of its content, in quotes */
    const unsigned char *plain, *plain_end;
    const unsigned char *packed, *packed_end; /* gzip */
};

extern const struct http_asset http_assets[]; /* made by embed.cmake */
extern const size_t http_asset_count;

/* "/" is /index.html. NULL: no such file. */
const struct http_asset *http_asset_find(const struct http_target *target);

/* By the end of its name. */
const char *http_asset_type(const struct http_asset *asset);

#endif
