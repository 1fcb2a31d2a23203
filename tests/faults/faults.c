/* SPDX-License-Identifier: MPL-2.0
 *
 * One rule and one delay for each kind of call; a rule counts down to the call it is meant for.
 */
#include "faults.h"

#include <string.h>

static const char *const names[CALLS] = {"read", "write", "sync", "open", "truncate", "unlink"};

enum call faults_call_of(const char *word)
{
    int call = 0;
    while (call < CALLS && strcmp(names[call], word) != 0)
        call++;
    return (enum call)call;
}

const char *faults_name(enum call call)
{
    return names[call];
}

static bool ends_in(const char *path, const char *end)
{
    size_t length = strlen(path), wanted = strlen(end);
    return length >= wanted && strcmp(path + length - wanted, end) == 0;
}

struct verdict faults_judge(struct faults *faults, enum call call, const char *path)
{
    faults->counts[call]++;
    if (faults->rules[call].nth == 0 || !ends_in(path, faults->rules[call].ends_in))
        return (struct verdict){.error = 0};
    if (faults->rules[call].nth > 1) {
        faults->rules[call].nth--;
        return (struct verdict){.error = 0};
    }
    if (!faults->rules[call].is_for_ever)
        faults->rules[call].nth = 0;
    faults->rules[call].happened++;
    int error = faults->rules[call].error;
    return (struct verdict){.error = error, .is_short = error == 0};
}
