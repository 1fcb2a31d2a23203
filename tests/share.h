/* SPDX-License-Identifier: MPL-2.0
 *
 * How much of a long loop runs: with ROOST_TEST_SHARE=N in the environment an Nth of it. ./check gives
 * it to the build with sanitizers, which looks for other faults than the loop does and is slow.
 */
#ifndef TESTS_SHARE_H
#define TESTS_SHARE_H

#include <stdint.h>
#include <stdlib.h>

/* 1 unless the environment says more. */
static inline uint64_t test_share(void)
{
    const char *text = getenv("ROOST_TEST_SHARE");
    uint64_t share = text ? strtoull(text, NULL, 10) : 1;
    return share > 0 ? share : 1;
}

/* That part of `count`, at least 1. */
static inline uint64_t test_part(uint64_t count)
{
    uint64_t part = count / test_share();
    return part > 0 ? part : 1;
}

#endif
