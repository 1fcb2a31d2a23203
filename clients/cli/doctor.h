/* SPDX-License-Identifier: MPL-2.0
 *
 * What the examinations of `roost doctor` share: each says what it found, how bad that is, and what
 * to do about it. Nothing is changed but a small file that is written, synced and removed to see how
 * fast the disk is.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>

#include "clients/cli/command.h"
#include "clients/cli/data.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD };

struct doctor {
    struct cli *cli;
    enum doctor_level worst;
    bool has_place; /* there is a data directory */
    struct data_place place;
    int holder; /* the process that has the data; 0: none, or not known */
    bool is_held;
};

/* `advice` is NULL or what to do. */
void doctor_say(struct doctor *doctor, enum doctor_level level, const char *check,
                const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));

void doctor_look_at_data(struct doctor *doctor); /* doctor_data.c: directory, lock, database ... */
void doctor_look_at_broker(struct doctor *doctor); /* doctor_broker.c: session, mail, listeners */

#endif
