/* SPDX-License-Identifier: MPL-2.0
 *
 * See screen.h.
 */
#include "clients/cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER     "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE     "\033[?25h\033[?1049l"
#define HOME      "\033[H"
#define END_LINE  "\033[K\n" /* the terminal itself adds the way back to the left */
#define REST      "\033[J"
#define LINE_MAX_ 1024
#define COLUMNS   80
#define ROWS      24

static struct termios before;
static volatile sig_atomic_t is_open, is_ending, is_resized;

static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, text, size);
        if (written < 0 && errno != EINTR)
            return; /* nobody is there to see it */
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        }
    }
}

static void on_signal(int number)
{
    if (number == SIGWINCH)
        is_resized = 1;
    else
        is_ending = 1;
}

void screen_close(void)
{
    if (!is_open)
        return;
    is_open = 0;
    write_all(LEAVE, strlen(LEAVE));
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before); /* as good as it goes */
}

bool screen_open(void)
{
    static const int signals[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP};
    static bool is_registered;
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: poll ends */
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    is_ending = is_resized = 0;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaction(signals[i], &action, NULL); /* cannot fail for these */
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return false;
    is_open = 1;
    if (!is_registered)
        (void)atexit(screen_close); /* only a convenience */
    is_registered = true;
    write_all(ENTER, strlen(ENTER));
    return true;
}

static void add(struct screen *screen, const char *text, size_t size)
{
    if (screen->size + size > sizeof(screen->text))
        return;
    memcpy(screen->text + screen->size, text, size);
    screen->size += size;
}

void screen_begin(struct screen *screen)
{
    struct winsize size = {.ws_col = 0};
    screen->size = 0;
    screen->row = 0;
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size); /* 0 when it cannot tell */
    screen->columns = size.ws_col ? size.ws_col : COLUMNS;
    screen->rows = size.ws_row ? size.ws_row : ROWS;
    add(screen, HOME, strlen(HOME));
}

/* Bytes of the first `columns` characters; each is one column wide here. */
static size_t bytes_of(const char *text, unsigned columns)
{
    size_t at = 0;
    while (text[at] && columns > 0) {
        at++;
        while (((unsigned char)text[at] & 0xC0) == 0x80)
            at++;
        columns--;
    }
    return at;
}

void screen_line(struct screen *screen, const char *format, ...)
{
    char line[LINE_MAX_];
    va_list arguments;
    if (screen->row + 1 >= screen->rows)
        return; /* the last row stays free: a line end there would scroll */
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    add(screen, line, bytes_of(line, screen->columns));
    add(screen, END_LINE, strlen(END_LINE));
    screen->row++;
}

void screen_show(struct screen *screen)
{
    add(screen, REST, strlen(REST));
    write_all(screen->text, screen->size);
}

enum screen_key screen_wait(int timeout_ms)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    int found = is_ending || is_resized ? 0 : poll(&keys, 1, timeout_ms);
    if (is_ending)
        return SCREEN_QUIT;
    if (is_resized) {
        is_resized = 0;
        return SCREEN_RESIZE;
    }
    if (found <= 0)
        return SCREEN_NONE;
    ssize_t size = read(STDIN_FILENO, &key, 1);
    bool is_gone = size <= 0 && (keys.revents & (POLLHUP | POLLERR));
    if (is_gone || key == 'q' || key == 'Q' || key == 3)
        return SCREEN_QUIT;
    return size == 1 ? SCREEN_OTHER : SCREEN_NONE;
}
