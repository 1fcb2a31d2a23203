/* SPDX-License-Identifier: MPL-2.0
 *
 * The last log lines, in memory, for whoever wants to look at them while the process runs.
 *
 * Any thread writes (log_write does, for each line that is written at all), any thread reads, nobody
 * waits. A reader has a cursor of its own: it gets each line once, in the order they were begun, and
 * is told how many it missed when it was too slow. Fixed memory: LOG_RING_LINES lines of at most
 * LOG_RING_TEXT_MAX bytes; what is longer is cut at a character.
 *
 * How: a line takes a number; its place is number modulo LOG_RING_LINES. A place has a state word,
 * odd while it is being written, and is read like a seqlock: state, content, state again. The content
 * is words that are atomic one by one, so that a torn read is discarded and never undefined. Whoever
 * finds a place still being written by a thread that was overtaken by a whole ring of lines leaves
 * the place alone; that line is not in the ring.
 */
#ifndef RT_LOG_RING_H
#define RT_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/clock.h"
#include "rt/log.h"

#define LOG_RING_LINES     1024
#define LOG_RING_TEXT_MAX  448 /* bytes of "event key=value ..." */
#define LOG_RING_ACTOR_MAX 23

struct log_ring_line {
    uint64_t number; /* from 1, rising by one per line of the process */
    int64_t time_ms;
    enum log_level level;
    char actor[LOG_RING_ACTOR_MAX + 1];
    char text[LOG_RING_TEXT_MAX + 1];
};

/* Takes all of its memory now: a daemon that grew with its log for hours would hide one that leaks. */
void log_ring_reserve(void);

/* `text` may have a newline at its end, which is left out. */
void log_ring_put(struct wall_time time, enum log_level level, const char *actor, const char *text,
                  size_t size);

/* Number of the newest line; 0: none yet. */
uint64_t log_ring_newest(void);

/* The next line after *cursor (start with 0: the oldest there is), which it moves. *ret_missed (may
 * be NULL) counts lines that were overwritten before they could be read. False: no more now. */
bool log_ring_next(uint64_t *cursor, struct log_ring_line *ret, uint64_t *ret_missed);

#endif
