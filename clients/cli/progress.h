/* SPDX-License-Identifier: MPL-2.0
 *
 * Progress of long work on standard error: a bar with rate and time left on a terminal, one line
 * per tenth otherwise, nothing when quiet.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;
    uint64_t total; /* 0: not known */
    int64_t start_ns;
    int64_t shown_ns;
    unsigned tenths;
    bool is_terminal;
    bool is_quiet;
    bool is_shown;
    bool is_bytes; /* set after progress_begin: counts are sizes */
};

void progress_begin(struct progress *progress, const char *what, uint64_t total, bool is_quiet);
void progress_show(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

#endif
