/* SPDX-License-Identifier: MPL-2.0
 *
 * The log-linear histogram. Values below HISTOGRAM_STEPS have a bucket each; above, the four bits
 * behind the leading one choose among 16 buckets of each power of two.
 */
#include "rt/histogram.h"

#define STEP_BITS 4

_Static_assert(1 << STEP_BITS == HISTOGRAM_STEPS, "steps per power of two");

static uint64_t load(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

/* Only one thread writes, so a load and a store are enough. */
static void add(_Atomic uint64_t *cell, uint64_t amount)
{
    atomic_store_explicit(cell, load(cell) + amount, memory_order_relaxed);
}

size_t histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_STEPS)
        return (size_t)value;
    unsigned exponent = 63u - (unsigned)__builtin_clzll(value);
    unsigned shift = exponent - STEP_BITS;
    return (size_t)(shift + 1) * HISTOGRAM_STEPS + ((value >> shift) - HISTOGRAM_STEPS);
}

uint64_t histogram_bucket_end(size_t bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    unsigned shift = (unsigned)(bucket / HISTOGRAM_STEPS) - 1;
    uint64_t mantissa = bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS;
    return (mantissa << shift) + (((uint64_t)1 << shift) - 1);
}

void histogram_clear(struct histogram *histogram)
{
    atomic_store_explicit(&histogram->count, 0, memory_order_relaxed);
    atomic_store_explicit(&histogram->sum, 0, memory_order_relaxed);
    atomic_store_explicit(&histogram->max, 0, memory_order_relaxed);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        atomic_store_explicit(&histogram->buckets[i], 0, memory_order_relaxed);
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    add(&histogram->buckets[histogram_bucket(value)], 1);
    add(&histogram->sum, value);
    if (value > load(&histogram->max))
        atomic_store_explicit(&histogram->max, value, memory_order_relaxed);
    add(&histogram->count, 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        add(&into->buckets[i], load(&from->buckets[i]));
    add(&into->count, load(&from->count));
    add(&into->sum, load(&from->sum));
    if (load(&from->max) > load(&into->max))
        atomic_store_explicit(&into->max, load(&from->max), memory_order_relaxed);
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    uint64_t count = load(&histogram->count);
    if (count == 0)
        return 0;
    uint64_t rank = (uint64_t)(quantile * (double)count + 0.5);
    if (rank == 0)
        rank = 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += load(&histogram->buckets[i]);
        if (seen >= rank) {
            uint64_t end = histogram_bucket_end(i);
            uint64_t max = load(&histogram->max);
            return end < max ? end : max;
        }
    }
    return load(&histogram->max);
}

uint64_t histogram_count_to(const struct histogram *histogram, uint64_t value)
{
    uint64_t seen = 0;
    size_t last = histogram_bucket(value);
    for (size_t i = 0; i <= last; i++)
        seen += load(&histogram->buckets[i]);
    return seen;
}
