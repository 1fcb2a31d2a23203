/* SPDX-License-Identifier: MPL-2.0
 *
 * See files.h.
 */
#include "clients/import/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTES ((size_t)64 << 10)
#define ASIDE_MAX   1000

static int read_into(int file, size_t size_max, char **text, size_t *ret_size)
{
    size_t capacity = FIRST_BYTES, size = 0;
    *text = malloc(capacity);
    while (*text) {
        ssize_t count = read(file, *text + size, capacity - size - 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        size += (size_t)count;
        (*text)[size] = '\0';
        *ret_size = size;
        if (count == 0)
            return 0;
        if (size > size_max)
            return EFBIG;
        if (size + 1 < capacity)
            continue;
        char *larger = realloc(*text, capacity *= 2);
        if (!larger)
            return ENOMEM;
        *text = larger;
    }
    return ENOMEM;
}

int files_read(const char *path, size_t size_max, char **ret_text, size_t *ret_size)
{
    char *text = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    int problem = read_into(file, size_max, &text, ret_size);
    (void)close(file);
    if (problem)
        free(text);
    else
        *ret_text = text;
    return problem;
}

static int write_all(int file, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t count = write(file, text, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        text += count;
        size -= (size_t)count;
    }
    return fsync(file) == 0 ? 0 : errno;
}

static int sync_directory(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof(copy), "%s", path);
    int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno;
    int problem = fsync(directory) == 0 ? 0 : errno;
    (void)close(directory);
    return problem;
}

int files_replace(const char *path, const char *text, size_t size)
{
    char temporary[PATH_MAX];
    struct stat old;
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof(temporary))
        return ENAMETOOLONG;
    bool has_old = stat(path, &old) == 0;
    if (has_old && !S_ISREG(old.st_mode))
        return EINVAL; /* the name of a device or folder is not taken away from it */
    int file = mkstemp(temporary);
    if (file < 0)
        return errno;
    int problem = 0;
    if (has_old && fchmod(file, old.st_mode & 0777) != 0)
        problem = errno;
    if (!problem)
        problem = write_all(file, text, size);
    if (close(file) != 0 && !problem)
        problem = errno;
    if (!problem && rename(temporary, path) != 0)
        problem = errno;
    if (problem) {
        (void)unlink(temporary);
        return problem;
    }
    return sync_directory(path);
}

int files_set_aside(const char *path, char *ret, size_t ret_size)
{
    for (int n = 1; n <= ASIDE_MAX; n++) {
        int length = n == 1 ? snprintf(ret, ret_size, "%s.bad", path)
                            : snprintf(ret, ret_size, "%s.bad.%d", path, n);
        if (length < 0 || (size_t)length >= ret_size)
            return ENAMETOOLONG;
        if (link(path, ret) == 0) /* unlike rename, never over another one */
            return unlink(path) == 0 ? 0 : errno;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}
