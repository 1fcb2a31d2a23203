/* SPDX-License-Identifier: MPL-2.0
 *
 * See progress.h.
 */
#include "clients/cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/text.h"
#include "rt/clock.h"

#define BAR_WIDTH   30
#define INTERVAL_NS 100000000

void progress_begin(struct progress *progress, const char *what, uint64_t total, bool is_quiet)
{
    *progress = (struct progress){
        .what = what,
        .total = total,
        .start_ns = clock_mono_now().ns,
        .is_terminal = isatty(STDERR_FILENO) == 1,
        .is_quiet = is_quiet,
    };
}

static const char *amount(const struct progress *progress, uint64_t number,
                          char ret[TEXT_SIZE_BYTES])
{
    return progress->is_bytes ? text_size(number, ret) : text_count(number, ret);
}

static void show_bar(struct progress *progress, uint64_t done, double seconds)
{
    char bar[BAR_WIDTH + 1];
    char count_text[TEXT_SIZE_BYTES];
    char rate_text[TEXT_SIZE_BYTES];
    double rate = seconds > 0 ? (double)done / seconds : 0;
    double share = progress->total ? (double)done / (double)progress->total : 0;
    int full = (int)(share * BAR_WIDTH);
    full = full > BAR_WIDTH ? BAR_WIDTH : full;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)full);
    bar[BAR_WIDTH] = '\0';
    if (progress->total)
        (void)fprintf(stderr, "\r%s [%s] %3.0f %%  %s  %s/s  %.0f s left \033[K", progress->what,
                      bar, share * 100, amount(progress, done, count_text),
                      amount(progress, (uint64_t)rate, rate_text),
                      rate > 0 ? (double)(progress->total - done) / rate : 0);
    else
        (void)fprintf(stderr, "\r%s %s  %s/s \033[K", progress->what,
                      amount(progress, done, count_text),
                      amount(progress, (uint64_t)rate, rate_text));
    (void)fflush(stderr);
    progress->is_shown = true;
}

void progress_show(struct progress *progress, uint64_t done)
{
    int64_t now_ns = clock_mono_now().ns;
    double seconds = (double)(now_ns - progress->start_ns) / 1e9;
    if (progress->is_quiet)
        return;
    if (progress->is_terminal) {
        if (now_ns - progress->shown_ns >= INTERVAL_NS || done == progress->total) {
            progress->shown_ns = now_ns;
            show_bar(progress, done > progress->total && progress->total ? progress->total : done,
                     seconds);
        }
        return;
    }
    unsigned tenths = progress->total ? (unsigned)(done * 10 / progress->total) : 0;
    if (tenths > progress->tenths) {
        progress->tenths = tenths;
        char text[TEXT_SIZE_BYTES];
        (void)fprintf(stderr, "%s %u %% (%s, %.1f s)\n", progress->what, tenths * 10,
                      amount(progress, done, text), seconds);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        (void)fputs("\r\033[K", stderr);
}
