/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_assets.h.
 */
#include "gateways/http/http_assets.h"

#include <string.h>

static bool is_at(const char *path, const struct http_target *target)
{
    const char *at = path;
    for (size_t i = 0; i < target->segment_count; i++) {
        struct http_text part = target->segments[i];
        if (*at++ != '/' || strncmp(at, part.data, part.size) != 0 || part.size == 0)
            return false;
        at += part.size;
    }
    return *at == '\0';
}

const struct http_asset *http_asset_find(const struct http_target *target)
{
    for (size_t i = 0; i < http_asset_count; i++) {
        bool is_index =
            target->segment_count == 0 && strcmp(http_assets[i].path, "/index.html") == 0;
        if (is_index || is_at(http_assets[i].path, target))
            return &http_assets[i];
    }
    return NULL;
}

const char *http_asset_type(const struct http_asset *asset)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".png", "image/png"},
        {".woff2", "font/woff2"},
        {".ico", "image/x-icon"},
    };
    size_t size = strlen(asset->path);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t ending = strlen(types[i][0]);
        if (size > ending && strcmp(asset->path + size - ending, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}
