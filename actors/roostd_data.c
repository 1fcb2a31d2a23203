/* SPDX-License-Identifier: MPL-2.0
 *
 * See roostd_data.h.
 */
#include "roostd_data.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_MODE 0700

static enum err fail(const char *path, const char *problem)
{
    (void)fprintf(stderr, "roostd: data directory '%s': %s\n", path, problem);
    return ERR_STORAGE;
}

/* False: too long. */
static bool join(char ret_path[PATH_MAX], const char *head, size_t head_size, const char *tail)
{
    int size = snprintf(ret_path, PATH_MAX, "%.*s%s", (int)head_size, head, tail);
    return size >= 0 && size < PATH_MAX;
}

/* An absolute path in the variable, or NULL. */
static const char *directory_of(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0] == '/' ? value : NULL;
}

static bool find(const char *wanted, char ret_path[PATH_MAX])
{
    const char *base = NULL;
    if (wanted)
        return join(ret_path, wanted, strlen(wanted), "");
    if ((base = directory_of("STATE_DIRECTORY"))) /* may be several, with colons between */
        return join(ret_path, base, strcspn(base, ":"), "");
    if ((base = directory_of("XDG_DATA_HOME")))
        return join(ret_path, base, strlen(base), "/roost");
    if ((base = directory_of("HOME")))
        return join(ret_path, base, strlen(base), "/.local/share/roost");
    return false;
}

/* Like mkdir -p. */
static bool make(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        bool is_made = mkdir(path, DIRECTORY_MODE) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_made)
            return false;
    }
    return mkdir(path, DIRECTORY_MODE) == 0 || errno == EEXIST;
}

enum err roostd_data_open(const char *wanted, struct roostd_data *ret)
{
    struct stat status;
    if (!find(wanted, ret->directory))
        return fail(wanted ? wanted : "", "give one with --data DIR");
    if (!make(ret->directory))
        return fail(ret->directory, strerror(errno));
    if (stat(ret->directory, &status) != 0)
        return fail(ret->directory, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return fail(ret->directory, "is not a directory");
    if (access(ret->directory, R_OK | W_OK | X_OK) != 0)
        return fail(ret->directory, strerror(errno));
    if (!join(ret->database, ret->directory, strlen(ret->directory), "/" ROOSTD_DATABASE))
        return fail(ret->directory, "the path is too long");
    return ERR_OK;
}
