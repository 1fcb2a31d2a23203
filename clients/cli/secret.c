/* SPDX-License-Identifier: MPL-2.0
 *
 * See secret.h.
 */
#include "clients/cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One line without its end. The stream has no buffer, so that nothing of it stays in memory. */
static bool read_line(FILE *file, char ret[SECRET_BYTES_MAX + 1])
{
    size_t size = 0;
    int letter = fgetc(file);
    for (; letter != EOF && letter != '\n'; letter = fgetc(file)) {
        if (size == SECRET_BYTES_MAX || letter == '\0')
            return false;
        ret[size++] = (char)letter;
    }
    if (size > 0 && ret[size - 1] == '\r')
        size--;
    ret[size] = '\0';
    return size > 0;
}

bool secret_from_file(const struct cli *cli, const char *path, char ret[SECRET_BYTES_MAX + 1])
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *file = is_input ? stdin : fopen(path, "re");
    if (!file) {
        complain(cli, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    (void)setvbuf(file, NULL, _IONBF, 0);
    bool is_read = read_line(file, ret);
    if (!is_input)
        (void)fclose(file);
    if (!is_read)
        complain(cli, "the first line of %s must be a password of 1 to %d bytes",
                 is_input ? "the input" : path, SECRET_BYTES_MAX);
    return is_read;
}

static bool ask(FILE *terminal, const char *what, const char *again, char *ret)
{
    struct termios shown;
    struct termios hidden;
    int fd = fileno(terminal);
    if (tcgetattr(fd, &shown) != 0)
        return false;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ECHONL;
    (void)tcsetattr(fd, TCSAFLUSH, &hidden);
    (void)fprintf(terminal, "%s%s: ", what, again);
    bool is_read = read_line(terminal, ret);
    (void)tcsetattr(fd, TCSAFLUSH, &shown);
    return is_read;
}

bool secret_from_terminal(const struct cli *cli, const char *option, const char *what, bool twice,
                          char ret[SECRET_BYTES_MAX + 1])
{
    char again[SECRET_BYTES_MAX + 1];
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    FILE *terminal = fd < 0 ? NULL : fdopen(fd, "r+");
    if (!terminal) {
        complain(cli, "no terminal to ask for the %s at; give --%s FILE", what, option);
        return false;
    }
    (void)setvbuf(terminal, NULL, _IONBF, 0);
    bool is_read = ask(terminal, what, "", ret);
    if (is_read && twice) {
        is_read = ask(terminal, what, " again", again) && strcmp(ret, again) == 0;
        explicit_bzero(again, sizeof(again));
        if (!is_read)
            complain(cli, "the two are not the same");
    } else if (!is_read) {
        complain(cli, "no %s was given", what);
    }
    (void)fclose(terminal);
    return is_read;
}

bool secret_take(const struct cli *cli, const char *name, const char *what, bool twice,
                 char ret[SECRET_BYTES_MAX + 1])
{
    const char *path = option_text(cli, name, NULL);
    return path ? secret_from_file(cli, path, ret)
                : secret_from_terminal(cli, name, what, twice, ret);
}

const char *secret_path(const struct cli *cli)
{
    const char *path = getenv("ROOST_PASSWORD_FILE");
    return option_text(cli, "password-file", path && path[0] ? path : NULL);
}

void secret_wipe(char secret[SECRET_BYTES_MAX + 1])
{
    explicit_bzero(secret, SECRET_BYTES_MAX + 1);
}
