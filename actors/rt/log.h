/* SPDX-License-Identifier: MPL-2.0
 *
 * The log: one line per event, "time level actor event key=value ...".
 *
 *     log_info("session-open", LOG_BYTES("peer", name, name_size), LOG_U64("session", id));
 *
 * Event names and keys are constants of ours (kebab-case, stable, documented); values are typed.
 * No format string ever comes from outside. Text values are escaped (control characters C0 and
 * C1, DEL, ESC, bidirectional controls, invalid UTF-8, quotes) and cut at LOG_TEXT_MAX bytes.
 *
 * One write(2) per line, from the calling thread; a line that cannot be written is lost, nothing
 * waits for it. Each event name may be written LOG_BURST times per second and thread; the rest is
 * counted, and the count reported as a line of its own ("suppressed"). Debug is not limited.
 *
 * Libraries (store, proto, codecs) log at debug level only: they return errors, actors log them.
 */
#ifndef RT_LOG_H
#define RT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/clock.h"
#include "rt/err.h"

#define LOG_TEXT_MAX 256 /* bytes of one text value that are shown */
#define LOG_LINE_MAX 4096
#define LOG_BURST    50 /* lines per event name, second and thread */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_JOURNAL };

enum log_field_type {
    LOG_TYPE_NONE,
    LOG_TYPE_U64,
    LOG_TYPE_I64,
    LOG_TYPE_BOOL,
    LOG_TYPE_TEXT,
    LOG_TYPE_HEX,
    LOG_TYPE_ERR,
};

struct log_field {
    const char *key;
    enum log_field_type type;
    uint64_t number; /* U64, I64 as two's complement, BOOL, ERR */
    const void *data;
    size_t size;
};

#define LOG_U64(name, value)                                                                       \
    {                                                                                              \
        .key = (name), .type = LOG_TYPE_U64, .number = (uint64_t)(value)                           \
    }
#define LOG_I64(name, value)                                                                       \
    {                                                                                              \
        .key = (name), .type = LOG_TYPE_I64, .number = (uint64_t)(int64_t)(value)                  \
    }
#define LOG_BOOL(name, value)                                                                      \
    {                                                                                              \
        .key = (name), .type = LOG_TYPE_BOOL, .number = (value) ? 1 : 0                            \
    }
/* A C string; NULL is shown as empty. */
#define LOG_STR(name, text)                                                                        \
    {                                                                                              \
        .key = (name), .type = LOG_TYPE_TEXT, .data = (text), .size = SIZE_MAX                     \
    }
/* Text with a length, from anywhere. */
#define LOG_BYTES(name, bytes, count)                                                              \
    {                                                                                              \
        .key = (name), .type = LOG_TYPE_TEXT, .data = (bytes), .size = (count)                     \
    }
/* Binary, shown in hexadecimal. */
#define LOG_HEX(name, bytes, count)                                                                \
    {                                                                                              \
        .key = (name), .type = LOG_TYPE_HEX, .data = (bytes), .size = (count)                      \
    }
/* An enum err under the key "error", shown by name. */
#define LOG_ERROR(err)                                                                             \
    {                                                                                              \
        .key = "error", .type = LOG_TYPE_ERR, .number = (uint64_t)(err)                            \
    }
/* An errno value under the key "errno", shown as number. */
#define LOG_ERRNO(number) LOG_I64("errno", (number))

/* log_xxx("event", field, ...). Arguments are not evaluated when the level is off. */
#define log_debug(...) LOG_LINE_(LOG_LEVEL_DEBUG, __VA_ARGS__, LOG_NONE_)
#define log_info(...)  LOG_LINE_(LOG_LEVEL_INFO, __VA_ARGS__, LOG_NONE_)
#define log_warn(...)  LOG_LINE_(LOG_LEVEL_WARN, __VA_ARGS__, LOG_NONE_)
#define log_error(...) LOG_LINE_(LOG_LEVEL_ERROR, __VA_ARGS__, LOG_NONE_)

/* Private to the macros above. */
#define LOG_NONE_                                                                                  \
    {                                                                                              \
        .key = NULL, .type = LOG_TYPE_NONE                                                         \
    }
#define LOG_LINE_(level, event, ...)                                                               \
    do {                                                                                           \
        if (log_is_on(level))                                                                      \
            log_write((level), (event), (const struct log_field[]){__VA_ARGS__});                  \
    } while (0)

struct log_options {
    enum log_format format;
    enum log_level level;
    int fd; /* text and JSON go here; the journal ignores it */
};

/* Once, before threads. Without it: text, info, standard error. */
void log_init(const struct log_options *options);

/* May be called by any thread at any time. */
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);

/* Names the actor that the calling thread is; the string must live on. NULL: "main". */
void log_set_actor(const char *name);

/* The simulator's clock for lines of the calling thread; NULL: the real one. */
void log_set_clock(const struct wall_time *clock);

/* Reports what the calling thread has suppressed in seconds that are over; log_finish also in this
 * one, when the thread ends. The runtime calls both. */
void log_flush(void);
void log_finish(void);

/* The one function behind the macros. `fields` ends with LOG_TYPE_NONE. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* Formats one line as text or JSON without writing it; returns its size (at most LOG_LINE_MAX).
 * For tests and for showing events elsewhere. */
size_t log_format_line(enum log_format format, enum log_level level, struct wall_time time,
                       const char *actor, const char *event, const struct log_field *fields,
                       char ret_line[LOG_LINE_MAX]);

/* Escapes untrusted text as in a log line; returns the size, always less than `room`, and ends
 * with NUL. Cut with "..." when it does not fit. */
size_t log_escape(const void *text, size_t size, char *ret_text, size_t room);

const char *log_level_name(enum log_level level);

#endif
