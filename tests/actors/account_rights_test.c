/* SPDX-License-Identifier: MPL-2.0
 *
 * Every cell of the table of rights on accounts: action x role x role of the other, or oneself.
 */
#include "account_rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* One row per role of the asker: none, guest, user, moderator, admin. One column per target: none,
 * guest, user, moderator, admin, oneself. */
static const char *const wanted[ACCOUNT_ACTION_COUNT][5] = {
    [ACCOUNT_MODERATE] = {"......", "......", "......", "+++...", "+++++."},
    [ACCOUNT_SET_ROLE] = {"......", "......", "......", "......", "+++++."},
    [ACCOUNT_SET_ACTIVE] = {"......", "......", "......", "......", "+++++."},
    [ACCOUNT_SET_PASSWORD] = {"......", ".....+", ".....+", ".....+", "++++++"},
    [ACCOUNT_END_SESSIONS] = {"......", ".....+", ".....+", ".....+", "++++++"},
    [ACCOUNT_CREATE_TOKEN] = {"......", ".....+", ".....+", ".....+", ".....+"},
};

static void check_cell(enum account_action action, int role, int column, bool is_admin)
{
    struct account_asker asker = {.role = role,
                                  .is_admin = is_admin,
                                  .is_self = column == 5,
                                  .target_role = column == 5 ? role : column};
    bool may = wanted[action][is_admin ? 4 : role][column] == '+';
    enum err err = account_rights_check(action, &asker);
    if ((err == ERR_OK) != may || (err && err != ERR_NOT_ALLOWED))
        fail_msg("action %d, role %d, column %d: %s", (int)action, role, column, err_name(err));
    if (may && column < 5)
        assert_true(account_rights_may_ask(action, &asker));
}

static void test_every_cell(void **state)
{
    (void)state;
    for (int action = 0; action < ACCOUNT_ACTION_COUNT; action++) {
        for (int role = 0; role < 5; role++) {
            for (int column = 0; column < 6; column++) {
                check_cell((enum account_action)action, role, column, false);
                check_cell((enum account_action)action, role, column, true);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_cell)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
