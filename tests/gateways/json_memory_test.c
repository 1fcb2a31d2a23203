/* SPDX-License-Identifier: MPL-2.0
 *
 * JSON without memory: the process ends, before it takes a text for another one.
 */
#include "gateways/json_memory.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void ask_for(size_t size)
{
    const struct rlimit none = {0, 0};
    json_malloc_t allocate;
    json_free_t release;
    (void)setrlimit(RLIMIT_CORE, &none); /* no core file of a planned abort */
    json_memory_init();
    json_get_alloc_funcs(&allocate, &release);
    release(allocate(size));
    _exit(0);
}

static int status_of(size_t size)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        ask_for(size);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void no_memory_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(status_of(100), 0);
    assert_int_not_equal(status_of(SIZE_MAX / 2), 0);
}

static void texts_are_read(void **state)
{
    (void)state;
    json_memory_init();
    json_t *json = json_loads("{\"a\": \"0123456789abcdefghijklmnopqrstuvwxyz\"}", 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "a")),
                        "0123456789abcdefghijklmnopqrstuvwxyz");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_ends_the_process),
        cmocka_unit_test(texts_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
