/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/check: the line that is printed and the way the process ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rt/check.h"

static void fail_in_child(int output, const char *actor, const char *message)
{
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none); /* no core file of a planned abort */
    (void)dup2(output, STDERR_FILENO);
    check_context_set(actor, message);
    int two = 2;
    CHECK(two == 2); /* true: nothing happens */
    CHECK(two == 3);
    _exit(0);
}

static void assert_failure(const char *actor, const char *message, const char *expected)
{
    int pipes[2];
    char text[600] = {0};
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fail_in_child(pipes[1], actor, message);
    (void)close(pipes[1]);
    assert_true(read(pipes[0], text, sizeof(text) - 1) > 0);
    (void)close(pipes[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_non_null(strstr(text, "check_test.c"));
    assert_non_null(strstr(text, expected));
}

static void failure_names_place_actor_and_message(void **state)
{
    (void)state;
    assert_failure("persistence", "STORE", "two == 3 (actor persistence, message STORE)");
    assert_failure(NULL, NULL, "two == 3 (actor none, message none)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure_names_place_actor_and_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
