/* SPDX-License-Identifier: MPL-2.0
 *
 * actors/access.c: a table of who may do what, and of stored names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "access.h"

static struct access_text text(const char *string)
{
    return (struct access_text){string, strlen(string)};
}

static void rights(void **state)
{
    (void)state;
    const struct {
        const char *peer, *scope;
        int64_t peer_id, owner_id;
        bool is_admin;
        enum access_purpose purpose;
        enum scope_prefix kind;
        enum err err;
    } cases[] = {
        {"ana", "ana", 1, 1, false, ACCESS_ATTACH, PREFIX_PEER, ERR_OK},
        {"ana", "ANA", 1, 0, false, ACCESS_ATTACH, PREFIX_PEER, ERR_OK},
        {"ana", "bob", 1, 2, false, ACCESS_ATTACH, PREFIX_PEER, ERR_NOT_ALLOWED},
        {"ana", "bob", 1, 0, false, ACCESS_ATTACH, PREFIX_PEER, ERR_NOT_ALLOWED},
        {"ana", "ana", 1, 2, false, ACCESS_ATTACH, PREFIX_PEER, ERR_NOT_ALLOWED},
        {"ana", "bob", 1, 2, true, ACCESS_ATTACH, PREFIX_PEER, ERR_NOT_ALLOWED},
        {"ana", "bob", 1, 2, true, ACCESS_MANAGE, PREFIX_PEER, ERR_OK},
        {"ana", "bob", 1, 2, false, ACCESS_MANAGE, PREFIX_PEER, ERR_NOT_ALLOWED},
        {"ana", "", 1, 0, false, ACCESS_ATTACH, PREFIX_PEER, ERR_NOT_ALLOWED},
        {"ana", "x", 1, 0, false, ACCESS_ATTACH, PREFIX_QUEUE, ERR_OK},
        {"ana", "x", 1, 0, false, ACCESS_ATTACH, PREFIX_ROOM, ERR_OK},
        {"ana", "x", 1, 0, false, ACCESS_MANAGE, PREFIX_TOPIC, ERR_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct access_who who = {cases[i].peer_id, text(cases[i].peer), cases[i].is_admin, 0,
                                 false};
        assert_int_equal(access_check(&who, cases[i].purpose, cases[i].kind, text(cases[i].scope),
                                      cases[i].owner_id),
                         cases[i].err);
    }
}

static void stored_names(void **state)
{
    (void)state;
    char long_name[256];
    memset(long_name, 'x', 255);
    long_name[255] = '\0';
    const struct {
        enum scope_prefix kind;
        const char *consumer, *stored; /* stored NULL: refused */
    } cases[] = {
        {PREFIX_PEER, "", "main"},      {PREFIX_PEER, "phone", "phone"},
        {PREFIX_PEER, "a/b", "a/b"},    {PREFIX_QUEUE, "worker-7", "main"},
        {PREFIX_ROOM, "", "a/na/main"}, {PREFIX_ROOM, "phone", "a/na/phone"},
        {PREFIX_TOPIC, "x", "a/na/x"},  {PREFIX_ROOM, "a/b", NULL},
        {PREFIX_ROOM, long_name, NULL}, {PREFIX_PEER, long_name, long_name},
    };
    struct access_who who = {1, text("a/na"), false, 0, false};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[WIRE_NAME_BYTES_MAX + 1];
        size_t size = 0;
        enum err err =
            access_consumer_name(&who, cases[i].kind, text(cases[i].consumer), name, &size);
        assert_int_equal(err, cases[i].stored != NULL ? ERR_OK : ERR_BAD_NAME);
        if (cases[i].stored == NULL)
            continue;
        assert_string_equal(name, cases[i].stored);
        assert_int_equal(size, strlen(cases[i].stored));
    }
}

static void own_consumers_in_rooms(void **state)
{
    (void)state;
    struct access_who who = {1, text("a/na"), false, 0, false};
    assert_true(access_is_own_consumer(&who, PREFIX_ROOM, text("a/na/main")));
    assert_false(access_is_own_consumer(&who, PREFIX_ROOM, text("a/main")));
    assert_false(access_is_own_consumer(&who, PREFIX_ROOM, text("a/na/x/main"))); /* "a/na/x" */
    assert_false(access_is_own_consumer(&who, PREFIX_ROOM, text("a/nab/main")));
    assert_false(access_is_own_consumer(&who, PREFIX_ROOM, text("a/na/")));
    assert_false(access_is_own_consumer(&who, PREFIX_ROOM, text("a")));
    assert_true(access_is_own_consumer(&who, PREFIX_TOPIC, text("bob/main")));
    assert_true(access_is_own_consumer(&who, PREFIX_QUEUE, text("main")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights),
        cmocka_unit_test(stored_names),
        cmocka_unit_test(own_consumers_in_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
