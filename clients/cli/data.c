/* SPDX-License-Identifier: MPL-2.0
 *
 * See data.h.
 */
#include "clients/cli/data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DIRECTORY_MODE 0700
#define LOCKS_FILE     "/proc/locks"

/* An absolute path in the variable, or NULL. */
static const char *directory_in(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0] == '/' ? value : NULL;
}

bool data_find(const struct cli *cli, struct data_place *ret)
{
    const char *given = option_text(cli, "data", NULL), *base;
    int size = 0;
    if (given)
        size = snprintf(ret->directory, PATH_MAX, "%s", given);
    else if ((base = directory_in("STATE_DIRECTORY"))) /* may be several, with colons between */
        size = snprintf(ret->directory, PATH_MAX, "%.*s", (int)strcspn(base, ":"), base);
    else if ((base = directory_in("XDG_DATA_HOME")))
        size = snprintf(ret->directory, PATH_MAX, "%s/roost", base);
    else if ((base = directory_in("HOME")))
        size = snprintf(ret->directory, PATH_MAX, "%s/.local/share/roost", base);
    if (size > 0 && size < PATH_MAX - 200) {
        (void)snprintf(ret->database, PATH_MAX, "%.*s/%s", PATH_MAX - 200, ret->directory,
                       DATA_DATABASE);
        return true;
    }
    complain(cli, "where is the data? Say it with --data DIR");
    return false;
}

/* Like mkdir -p. */
static bool make_directory(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        bool is_made = mkdir(path, DIRECTORY_MODE) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_made)
            return false;
    }
    return mkdir(path, DIRECTORY_MODE) == 0 || errno == EEXIST;
}

bool data_make(const struct cli *cli, struct data_place *ret)
{
    if (!data_find(cli, ret))
        return false;
    if (make_directory(ret->directory))
        return true;
    complain(cli, "%s: %s", ret->directory, strerror(errno));
    return false;
}

bool data_find_database(const struct cli *cli, struct data_place *ret, enum exit_code *ret_code)
{
    *ret_code = EXIT_ERROR;
    if (!data_find(cli, ret))
        return false;
    if (access(ret->database, F_OK) == 0)
        return true;
    *ret_code = EXIT_NOT_FOUND;
    complain(cli, "%s: %s; is the data somewhere else? Say it with --data DIR", ret->database,
             errno == ENOENT ? "there is no such file" : strerror(errno));
    return false;
}

/* A line: "1: FLOCK  ADVISORY  WRITE 4242 08:02:131074 0 EOF". */
static int holder_of_line(const char *line, const struct stat *wanted)
{
    unsigned device_major, device_minor;
    unsigned long long inode;
    int pid;
    int found = sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", &pid, &device_major, &device_minor,
                       &inode);
    if (found != 4 || inode != wanted->st_ino || pid <= 0)
        return 0;
    bool is_device = major(wanted->st_dev) == device_major && minor(wanted->st_dev) == device_minor;
    return is_device || device_major == 0 ? pid : 0; /* some file systems name another device */
}

int data_lock_holder(const char *lock_path)
{
    struct stat wanted;
    char line[256];
    int pid = 0;
    FILE *locks = fopen(LOCKS_FILE, "re");
    if (locks && stat(lock_path, &wanted) == 0) {
        while (pid == 0 && fgets(line, sizeof(line), locks))
            pid = holder_of_line(line, &wanted);
    }
    if (locks)
        (void)fclose(locks); /* only read */
    return pid;
}
