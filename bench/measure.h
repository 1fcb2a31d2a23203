/* SPDX-License-Identifier: MPL-2.0
 *
 * What every program of bench/ needs to measure: one clock, a latency histogram, the processor
 * time of another process, and the way out when a measurement cannot go on.
 *
 * The histogram is log-linear: each power of two of nanoseconds is cut into HISTOGRAM_PARTS equal
 * parts, so a percentile is right to about 2 %, whatever its size, and recording is a few
 * instructions. It has no lock: one histogram belongs to one thread, histogram_add() joins them.
 *
 * A benchmark that went wrong has no result, so bench_fail() prints why and exits; nothing here
 * returns errors to a caller that could only pass them on.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_PARTS   64
#define HISTOGRAM_OCTAVES 40 /* up to 2^46 ns: 19 hours */

struct histogram {
    uint64_t count;
    int64_t largest_ns;
    uint64_t buckets[HISTOGRAM_OCTAVES * HISTOGRAM_PARTS];
};

/* Monotonic nanoseconds. */
int64_t bench_now_ns(void);

void bench_sleep_until(int64_t deadline_ns);

/* Prints to standard error and exits with status 1. */
__attribute__((noreturn, cold, format(printf, 1, 2))) void bench_fail(const char *format, ...);

/* A whole number from text, or exits naming the option it was given for. */
int64_t bench_number(const char *option, const char *text, int64_t least, int64_t most);

void histogram_record(struct histogram *histogram, int64_t value_ns);
void histogram_add(struct histogram *sum, const struct histogram *part);

/* share is 0..1: 0.99 for the 99th percentile. 0 when nothing was recorded. */
double histogram_percentile_us(const struct histogram *histogram, double share);

/* Writes {"count":..,"p50":..,"p90":..,"p99":..,"max":..,"curve":[[share, us],..]} in microseconds. */
void histogram_print_json(const struct histogram *histogram, FILE *out);

/* User and system time that process `pid`, all its threads and all its children (of a server that
 * forks) have used so far; the kernel counts in ticks of usually 10 ms. Negative when there is no such process. */
double bench_process_cpu_s(int pid);

#endif
