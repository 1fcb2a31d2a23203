/* SPDX-License-Identifier: MPL-2.0
 *
 * Log-linear histogram of unsigned values: 16 steps per power of two, so a quantile is right to
 * about 6 %. Fixed size, no allocation. One thread records; any thread may read meanwhile (relaxed
 * atomics: a reader may see a count that is a few records behind).
 */
#ifndef RT_HISTOGRAM_H
#define RT_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_STEPS   16
#define HISTOGRAM_BUCKETS ((64 - 4) * HISTOGRAM_STEPS + HISTOGRAM_STEPS)

struct histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
    _Atomic uint64_t max;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* All zero bytes are an empty histogram; this empties one again (by its recording thread). */
void histogram_clear(struct histogram *histogram);
void histogram_record(struct histogram *histogram, uint64_t value);

/* Adds `from` to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value below or at which `quantile` (0..1) of the records lie; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

/* How many records are at most `value` (value rounded up to the end of its bucket). */
uint64_t histogram_count_to(const struct histogram *histogram, uint64_t value);

/* Bucket of a value, and the largest value that falls into a bucket. */
size_t histogram_bucket(uint64_t value);
uint64_t histogram_bucket_end(size_t bucket);

#endif
