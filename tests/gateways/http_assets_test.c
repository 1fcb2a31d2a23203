/* SPDX-License-Identifier: MPL-2.0
 *
 * The embedded files: each is found by its path, has a tag, is packed by gzip; nothing else is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/http/http_assets.h"

static const struct http_asset *find(const char *path)
{
    static char memory[512];
    struct http_target target;
    const char *problem;
    size_t size = strlen(path);
    assert_true(size < sizeof(memory));
    memcpy(memory, path, size);
    assert_int_equal(http_target_parse(memory, size, &target, &problem), ERR_OK);
    return http_asset_find(&target);
}

static void each_is_found(void **state)
{
    (void)state;
    assert_true(http_asset_count > 0);
    for (size_t i = 0; i < http_asset_count; i++) {
        const struct http_asset *asset = &http_assets[i];
        assert_ptr_equal(find(asset->path), asset);
        assert_int_equal(strlen(asset->tag), 22);
        assert_true(asset->plain_end > asset->plain && asset->packed_end > asset->packed);
        assert_int_equal(asset->packed[0], 0x1f);
        assert_int_equal(asset->packed[1], 0x8b);
        assert_string_not_equal(http_asset_type(asset), "application/octet-stream");
    }
}

static void the_first_page(void **state)
{
    (void)state;
    const struct http_asset *index = find("/");
    assert_non_null(index);
    assert_string_equal(index->path, "/index.html");
    assert_string_equal(http_asset_type(index), "text/html; charset=utf-8");
    assert_memory_equal(index->plain, "<!", 2);
}

static void nothing_else(void **state)
{
    static const char *const paths[] = {"/index.htm",    "/index.html/",   "/Index.html",
                                        "//index.html",  "/../index.html", "/%2e%2e/index.html",
                                        "/index.html%20"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_null(find(paths[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_found),
                                       cmocka_unit_test(the_first_page),
                                       cmocka_unit_test(nothing_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
