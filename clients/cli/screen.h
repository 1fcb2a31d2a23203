/* SPDX-License-Identifier: MPL-2.0
 *
 * A terminal taken over for a live view: the other screen of it, no echo, keys at once. A picture is
 * put together in memory and written at once, line over line, so that nothing flickers. However the
 * program ends, the terminal is as it was before.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#define SCREEN_BYTES_MAX (128u << 10)

struct screen {
    char text[SCREEN_BYTES_MAX];
    size_t size;
    unsigned columns, rows, row;
};

/* False: standard output or input is no terminal. Once per program at a time. */
bool screen_open(void);
void screen_close(void);

/* A picture: begin, lines, show. What does not fit is cut. */
void screen_begin(struct screen *screen);
void screen_line(struct screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void screen_show(struct screen *screen);

enum screen_key {
    SCREEN_NONE,   /* the time is over */
    SCREEN_QUIT,   /* q, Q, Ctrl-C, or a signal that asks to end */
    SCREEN_RESIZE, /* the terminal has another size now */
    SCREEN_OTHER,
};
enum screen_key screen_wait(int timeout_ms);

#endif
