/* SPDX-License-Identifier: MPL-2.0
 *
 * What goes wrong with a disk on demand: the n-th call of a kind fails, or writes less than asked
 * for, once or from then on; calls of a kind take their time. Counts all calls.
 *
 * Leaves to others: locking (one caller at a time).
 */
#ifndef TESTS_FAULTS_FAULTS_H
#define TESTS_FAULTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum call { CALL_READ, CALL_WRITE, CALL_SYNC, CALL_OPEN, CALL_TRUNCATE, CALL_UNLINK, CALLS };

struct faults {
    uint64_t counts[CALLS];
    struct {
        uint64_t nth;      /* from now on, 1 is the next one; 0: none */
        int error;         /* of errno; 0: it writes half of what it was asked to */
        bool is_for_ever;  /* it and all after it */
        char ends_in[40];  /* only files whose names do; "": all */
        uint64_t happened; /* how often */
    } rules[CALLS];
    uint64_t delays_ms[CALLS];
};

struct verdict {
    int error; /* 0: carry it out */
    bool is_short;
};

/* The kind that a word names; CALLS: it names none. */
enum call faults_call_of(const char *word);
const char *faults_name(enum call call);

/* Counts a call and says what becomes of it. */
struct verdict faults_judge(struct faults *faults, enum call call, const char *path);

#endif
