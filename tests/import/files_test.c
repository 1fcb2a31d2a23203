/* SPDX-License-Identifier: MPL-2.0
 *
 * Files written whole or not at all.
 */
#include "clients/import/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[128], path[160];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/roost-files-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/cache.json", directory);
    return 0;
}

static size_t files(void)
{
    size_t count = 0;
    DIR *list = opendir(directory);
    assert_non_null(list);
    while (readdir(list))
        count++;
    (void)closedir(list);
    return count - 2;
}

static int teardown(void **state)
{
    char file[512];
    (void)state;
    (void)chmod(directory, 0700);
    DIR *list = opendir(directory);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        (void)snprintf(file, sizeof(file), "%s/%s", directory, entry->d_name);
        (void)unlink(file);
    }
    (void)closedir(list);
    return rmdir(directory);
}

static void reads(const char *wanted)
{
    char *text = NULL;
    size_t size = 0;
    assert_int_equal(files_read(path, 1 << 20, &text, &size), 0);
    assert_int_equal(size, strlen(wanted));
    assert_string_equal(text, wanted);
    free(text);
}

static void replaced_and_read_back(void **state)
{
    struct stat status;
    char *text = NULL;
    size_t size = 0;
    (void)state;
    assert_int_equal(files_read(path, 100, &text, &size), ENOENT);
    assert_int_equal(files_replace(path, "one", 3), 0);
    reads("one");
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(files_replace(path, "another", 7), 0);
    reads("another");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(files(), 1); /* nothing is left beside it */
    assert_int_equal(files_read(path, 6, &text, &size), EFBIG);
    assert_int_equal(files_read(directory, 100, &text, &size), EISDIR);
    char *large = malloc(300000);
    assert_non_null(large);
    memset(large, 'x', 299999);
    large[299999] = '\0';
    assert_int_equal(files_replace(path, large, 299999), 0);
    reads(large);
    free(large);
}

static void a_failure_leaves_the_old_one(void **state)
{
    char nowhere[256], pipe_path[256];
    (void)state;
    (void)snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", directory);
    assert_int_equal(files_replace(path, "old", 3), 0);
    (void)snprintf(nowhere, sizeof(nowhere), "%s/none/cache.json", directory);
    assert_int_equal(files_replace(nowhere, "new", 3), ENOENT);
    assert_int_equal(files_replace(directory, "new", 3), EINVAL); /* a directory of this name */
    assert_int_equal(mkfifo(pipe_path, 0600), 0); /* as a device: its name stays its own */
    assert_int_equal(files_replace(pipe_path, "new", 3), EINVAL);
    assert_int_equal(unlink(pipe_path), 0);
    reads("old");
    assert_int_equal(files(), 1);
    if (geteuid() == 0)
        return; /* whom no mode stops */
    assert_int_equal(chmod(directory, 0500), 0);
    assert_int_equal(files_replace(path, "new", 3), EACCES);
    reads("old");
}

static void set_aside_over_nothing(void **state)
{
    char aside[256], wanted[256];
    (void)state;
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(files_replace(path, "bad", 3), 0);
        assert_int_equal(files_set_aside(path, aside, sizeof(aside)), 0);
        (void)snprintf(wanted, sizeof(wanted), i == 1 ? "%s.bad" : "%s.bad.%d", path, i);
        assert_string_equal(aside, wanted);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access(aside, F_OK), 0);
    }
    assert_int_equal(files_set_aside(path, aside, sizeof(aside)), ENOENT);
    assert_int_equal(files_set_aside(path, aside, 5), ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaced_and_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_leaves_the_old_one, setup, teardown),
        cmocka_unit_test_setup_teardown(set_aside_over_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
