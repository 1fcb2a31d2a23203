/* SPDX-License-Identifier: MPL-2.0
 *
 * One connection, one line, one answer; who wants more connects again.
 */
#define _GNU_SOURCE
#include "control.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
    int fd;
    control_answer *answer;
};

static void *serve(void *argument)
{
    const struct listener *listener = argument;
    for (;;) {
        char line[200] = "", text[400];
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
        ssize_t size = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
        if (size > 0) {
            line[strcspn(line, "\n")] = '\0';
            listener->answer(line, text, sizeof(text));
            (void)!write(fd, text, strlen(text)); /* who asked may be gone */
        }
        if (fd >= 0)
            (void)close(fd); /* all was written that could be */
    }
    return NULL;
}

bool control_listen(const char *path, control_answer *answer)
{
    static struct listener listener;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    if (strlen(path) >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    (void)unlink(path); /* of an earlier life */
    listener =
        (struct listener){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer};
    return listener.fd >= 0 &&
           bind(listener.fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
           listen(listener.fd, 8) == 0 && pthread_create(&thread, NULL, serve, &listener) == 0;
}

static bool cut(const char *line, struct pending *pending, char *ret_text, size_t size)
{
    static const char *const modes[] = {
        [CUT_DROP] = "drop", [CUT_KEEP] = "keep", [CUT_TORN] = "torn"};
    char word[20];
    uint64_t seed;
    if (sscanf(line, "cut %19s %" SCNu64, word, &seed) != 2)
        return false;
    for (size_t mode = 0; mode < sizeof(modes) / sizeof(*modes); mode++) {
        if (strcmp(word, modes[mode]) == 0) {
            (void)snprintf(ret_text, size, "ok %zu\n",
                           pending_cut(pending, (enum cut_mode)mode, seed));
            return true;
        }
    }
    return false;
}

static bool set_fault(const char *line, struct faults *faults)
{
    char word[20], span[20], end[40] = "";
    uint64_t nth;
    int error;
    int count = sscanf(line, "fault %19s %" SCNu64 " %d %19s %39s", word, &nth, &error, span, end);
    enum call call = count >= 4 ? faults_call_of(word) : CALLS;
    if (call == CALLS)
        return false;
    faults->rules[call].nth = nth;
    faults->rules[call].error = error;
    faults->rules[call].is_for_ever = strcmp(span, "ever") == 0;
    faults->rules[call].happened = 0;
    memcpy(faults->rules[call].ends_in, end, sizeof(end));
    return true;
}

static bool set_delay(const char *line, struct faults *faults)
{
    char word[20];
    uint64_t ms;
    enum call call =
        sscanf(line, "slow %19s %" SCNu64, word, &ms) == 2 ? faults_call_of(word) : CALLS;
    if (call == CALLS)
        return false;
    faults->delays_ms[call] = ms;
    return true;
}

static void count(const struct faults *faults, const struct pending *pending, char *ret_text,
                  size_t size)
{
    uint64_t happened = 0;
    int used = snprintf(ret_text, size, "ok");
    for (int call = 0; call < CALLS; call++) {
        used += snprintf(ret_text + used, size - (size_t)used, " %s=%" PRIu64,
                         faults_name((enum call)call), faults->counts[call]);
        happened += faults->rules[call].happened;
    }
    (void)snprintf(ret_text + used, size - (size_t)used, " faults=%" PRIu64 " unsynced=%zu\n",
                   happened, pending_count(pending));
}

void control_carry_out(const char *line, struct faults *faults, struct pending *pending,
                       char *ret_text, size_t size)
{
    (void)snprintf(ret_text, size, "ok\n");
    if (strcmp(line, "counts") == 0) {
        count(faults, pending, ret_text, size);
    } else if (strcmp(line, "settle") == 0) {
        pending_sync_all(pending);
    } else if (strcmp(line, "clear") == 0) {
        memset(faults->rules, 0, sizeof(faults->rules));
        memset(faults->delays_ms, 0, sizeof(faults->delays_ms));
    } else if (!cut(line, pending, ret_text, size) && !set_fault(line, faults) &&
               !set_delay(line, faults)) {
        (void)snprintf(ret_text, size, "error: not understood: %.100s\n", line);
    }
}
