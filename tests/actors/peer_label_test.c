/* SPDX-License-Identifier: MPL-2.0
 *
 * What a peer is called.
 */
#include "peer_label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void is_called(struct peer_names names, const char *wanted)
{
    const char **field[] = {&names.name,      &names.nickname,    &names.display_name,
                            &names.host_name, &names.fingerprint, &names.ip};
    for (size_t i = 0; i < 6; i++)
        *field[i] = *field[i] ? *field[i] : "";
    struct peer_label label = peer_label(&names);
    assert_int_equal(label.size, strlen(wanted));
    assert_memory_equal(label.text, wanted, label.size);
}

static void the_first_of_these(void **state)
{
    (void)state;
    struct peer_names all = {.name = "lan:ana@pc",
                             .nickname = "Anita",
                             .display_name = "Ana B.",
                             .host_name = "PC",
                             .ip = "192.0.2.7"};
    is_called(all, "Anita");
    all.nickname = "";
    is_called(all, "Ana B.");
    all.display_name = "";
    is_called(all, "ana");
    all.name = "lan:@pc";
    is_called(all, "PC");
    all.host_name = "";
    is_called(all, "pc");
    all.name = "lan:@";
    is_called(all, "192.0.2.7");
    all.ip = "";
    is_called(all, "lan:@");
}

static void users_of_all_kinds(void **state)
{
    (void)state;
    is_called((struct peer_names){.name = "alice", .host_name = "pc"}, "alice");
    is_called((struct peer_names){.name = "al@ice"}, "al@ice");
    is_called((struct peer_names){.name = "lan:a@b@pc"}, "a@b");
    is_called((struct peer_names){.name = "lan:ana"}, "ana");
    is_called((struct peer_names){.name = "lan:ana-0123456789abcdef@pc",
                                  .fingerprint = "0123456789abcdef"},
              "ana");
    is_called((struct peer_names){.name = "lan:ana-0123456789abcdef@pc"}, "ana-0123456789abcdef");
    is_called((struct peer_names){.name = "lan:ana@pc", .fingerprint = "0123456789abcdef"}, "ana");
    is_called((struct peer_names){.name = "lan:-ab@pc", .fingerprint = "ab", .host_name = "h"},
              "h");
    is_called((struct peer_names){.name = "lan:", .ip = "::1"}, "::1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_these),
        cmocka_unit_test(users_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
