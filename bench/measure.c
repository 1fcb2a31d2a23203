/* SPDX-License-Identifier: MPL-2.0
 *
 * See measure.h. The bucket of a value: values below HISTOGRAM_PARTS have one each; above, the
 * position of the highest bit gives the octave and the next six bits the part within it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define PARTS_BITS     6
#define CHILDREN_DEPTH 8

_Static_assert(1 << PARTS_BITS == HISTOGRAM_PARTS, "the bucket arithmetic relies on it");

int64_t bench_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_sleep_until(int64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / 1000000000),
        .tv_nsec = (long)(deadline_ns % 1000000000),
    };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR) {
    }
}

void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("error: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

int64_t bench_number(const char *option, const char *text, int64_t least, int64_t most)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        bench_fail("%s wants a whole number from %" PRId64 " to %" PRId64 ", not '%s'", option,
                   least, most, text);
    }
    return value;
}

static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_PARTS) {
        return (unsigned)value;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(value) - PARTS_BITS;
    unsigned bucket =
        (shift + 1) * HISTOGRAM_PARTS + (unsigned)((value >> shift) - HISTOGRAM_PARTS);
    unsigned last = HISTOGRAM_OCTAVES * HISTOGRAM_PARTS - 1;
    return bucket < last ? bucket : last;
}

/* The middle of a bucket. */
static double bucket_value(unsigned bucket)
{
    if (bucket < HISTOGRAM_PARTS) {
        return bucket;
    }
    unsigned shift = bucket / HISTOGRAM_PARTS - 1;
    uint64_t low = (uint64_t)(HISTOGRAM_PARTS + bucket % HISTOGRAM_PARTS) << shift;
    return (double)low + (double)(1ULL << shift) / 2;
}

void histogram_record(struct histogram *histogram, int64_t value_ns)
{
    if (value_ns < 0) {
        value_ns = 0;
    }
    histogram->count++;
    histogram->buckets[bucket_of((uint64_t)value_ns)]++;
    if (value_ns > histogram->largest_ns) {
        histogram->largest_ns = value_ns;
    }
}

void histogram_add(struct histogram *sum, const struct histogram *part)
{
    sum->count += part->count;
    for (unsigned i = 0; i < HISTOGRAM_OCTAVES * HISTOGRAM_PARTS; i++) {
        sum->buckets[i] += part->buckets[i];
    }
    if (part->largest_ns > sum->largest_ns) {
        sum->largest_ns = part->largest_ns;
    }
}

double histogram_percentile_us(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_OCTAVES * HISTOGRAM_PARTS; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted || (seen > 0 && seen == histogram->count)) {
            return bucket_value(i) / 1000;
        }
    }
    return 0;
}

void histogram_print_json(const struct histogram *histogram, FILE *out)
{
    static const double shares[] = {0.01, 0.1,  0.25,  0.5,   0.75,  0.9,
                                    0.95, 0.99, 0.995, 0.999, 0.9999};
    (void)fprintf(out,
                  "{\"count\":%" PRIu64 ",\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f"
                  ",\"curve\":[",
                  histogram->count, histogram_percentile_us(histogram, 0.50),
                  histogram_percentile_us(histogram, 0.90),
                  histogram_percentile_us(histogram, 0.99), (double)histogram->largest_ns / 1000);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        (void)fprintf(out, "%s[%g,%.1f]", i > 0 ? "," : "", shares[i],
                      histogram_percentile_us(histogram, shares[i]));
    }
    (void)fputs("]}", out);
}

/* Ticks of one process and of those of its children that have ended; negative: there is none. */
static double own_ticks(int pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return -1;
    }
    char line[1024];
    size_t size = fread(line, 1, sizeof line - 1, file);
    (void)fclose(file);
    line[size] = '\0';
    /* The name in parentheses may hold spaces: count the fields after the last one. */
    const char *rest = strrchr(line, ')');
    unsigned long ticks[4] = {0, 0, 0, 0};
    if (rest == NULL ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &ticks[0],
               &ticks[1], &ticks[2], &ticks[3]) != 4) {
        return -1;
    }
    return (double)(ticks[0] + ticks[1] + ticks[2] + ticks[3]);
}

/* Adds the ticks of the children of one thread, and of theirs. */
static double children_ticks(int pid, int depth)
{
    char path[64];
    int child;
    double sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = depth > 0 ? fopen(path, "r") : NULL;
    if (file == NULL) {
        return 0; /* a kernel without that list, or the process has just ended */
    }
    while (fscanf(file, "%d", &child) == 1) {
        double ticks = own_ticks(child);
        sum += ticks > 0 ? ticks : 0;
        sum += children_ticks(child, depth - 1);
    }
    (void)fclose(file);
    return sum;
}

double bench_process_cpu_s(int pid)
{
    double ticks = own_ticks(pid);
    if (ticks < 0) {
        return -1;
    }
    return (ticks + children_ticks(pid, CHILDREN_DEPTH)) / (double)sysconf(_SC_CLK_TCK);
}
