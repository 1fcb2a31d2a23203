/* SPDX-License-Identifier: MPL-2.0
 *
 * roost doctor: the data directory, its disk, the lock, the database, the clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clients/cli/doctor.h"
#include "clients/cli/process.h"
#include "clients/cli/text.h"
#include "rt/clock.h"
#include "store/store.h"
#include "store/verify.h"

#define ROOM_BAD         (64u << 20)
#define ROOM_WARN        (1u << 30)
#define SYNCS            20
#define SYNC_WARN_US     20000
#define SYNC_BAD_US      200000
#define PAGE_BYTES       4096
#define WAL_WARN_BYTES   (256u << 20)
#define VERIFY_BYTES_MAX (256u << 20)  /* a larger file is checked only when it is asked for */
#define CLOCK_OLDEST_MS  1735689600000 /* 2025 */
#define CLOCK_AHEAD_MS   300000

/* --------------------------------------------------------------------------- directory */

static void look_at_rights(struct doctor *doctor, const struct stat *info)
{
    const char *path = doctor->place.directory;
    if (access(path, R_OK | X_OK) != 0)
        doctor_say(doctor, DOCTOR_BAD, "data directory",
                   "run this as the user of the broker, or give it the directory with chown",
                   "%s cannot be read: %s", path, strerror(errno));
    else if (access(path, W_OK) != 0)
        doctor_say(doctor, DOCTOR_WARN, "data directory",
                   "a broker must be able to write there: chown it to the broker's user",
                   "%s cannot be written by this user", path);
    else if (info->st_mode & 077)
        doctor_say(doctor, DOCTOR_WARN, "data directory", "chmod 700 it: it holds people's mail",
                   "%s is open to others (mode %03o)", path, info->st_mode & 0777);
    else
        doctor_say(doctor, DOCTOR_OK, "data directory", NULL, "%s, private", path);
}

static void look_at_room(struct doctor *doctor)
{
    char left[TEXT_SIZE_BYTES];
    struct statvfs room;
    if (statvfs(doctor->place.directory, &room) != 0)
        return;
    uint64_t free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
    enum doctor_level level = free_bytes < ROOM_BAD    ? DOCTOR_BAD
                              : free_bytes < ROOM_WARN ? DOCTOR_WARN
                                                       : DOCTOR_OK;
    doctor_say(doctor, level, "room on the disk",
               level ? "make room: with a full disk sends are refused" : NULL, "%s left",
               text_size(free_bytes, left));
}

static int64_t sync_once(int fd, int n)
{
    char page[PAGE_BYTES];
    memset(page, n, sizeof(page));
    int64_t start_ns = clock_mono_now().ns;
    if (pwrite(fd, page, sizeof(page), (off_t)n * PAGE_BYTES) != PAGE_BYTES || fdatasync(fd) != 0)
        return -1;
    return clock_mono_now().ns - start_ns;
}

static void look_at_syncs(struct doctor *doctor)
{
    char path[PATH_MAX];
    int64_t sum_ns = 0, worst_ns = 0;
    (void)snprintf(path, sizeof(path), "%.3900s/doctor-%d.tmp", doctor->place.directory,
                   (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return;         /* it was said that it cannot be written */
    (void)unlink(path); /* it has no name and leaves nothing */
    for (int i = 0; i < SYNCS && sum_ns >= 0; i++) {
        int64_t took_ns = sync_once(fd, i);
        worst_ns = took_ns > worst_ns ? took_ns : worst_ns;
        sum_ns = took_ns < 0 ? -1 : sum_ns + took_ns;
    }
    (void)close(fd); /* nothing of it is needed */
    if (sum_ns < 0) {
        doctor_say(doctor, DOCTOR_BAD, "disk", "look into the log of the system (dmesg)",
                   "writing failed: %s", strerror(errno));
        return;
    }
    int64_t mean_us = sum_ns / SYNCS / 1000;
    enum doctor_level level = mean_us > SYNC_BAD_US    ? DOCTOR_BAD
                              : mean_us > SYNC_WARN_US ? DOCTOR_WARN
                                                       : DOCTOR_OK;
    doctor_say(doctor, level, "disk",
               level ? "each acknowledgement waits for such a sync: use a faster disk, or send with"
                       " a larger window"
                     : NULL,
               "a sync takes %.2f ms (at worst %.2f ms)", (double)mean_us / 1000,
               (double)worst_ns / 1e6);
}

/* -------------------------------------------------------------------------------- lock */

static void look_at_lock(struct doctor *doctor)
{
    char lock[PATH_MAX], text[300], name[PROCESS_NAME_BYTES] = "a process";
    struct stat info;
    int fd = -1;
    (void)snprintf(lock, sizeof(lock), "%.*s-lock", PATH_MAX - 16, doctor->place.database);
    if (stat(lock, &info) != 0) {
        doctor_say(doctor, DOCTOR_OK, "lock", NULL, "no broker was ever started on this data");
        return;
    }
    enum err err = store_lock(doctor->place.database, &fd, text, sizeof(text));
    if (err == ERR_OK)
        (void)close(fd); /* nothing was written to it */
    doctor->is_held = err == ERR_LOCKED;
    doctor->holder = doctor->is_held ? data_lock_holder(lock) : 0;
    if (err != ERR_OK && err != ERR_LOCKED)
        doctor_say(doctor, DOCTOR_BAD, "lock", "give the file to the user of the broker", "%s",
                   text);
    else if (!doctor->is_held)
        doctor_say(doctor, DOCTOR_WARN, "lock", "start roostd (or look into its log)",
                   "no broker has this data");
    else if (doctor->holder > 0 && process_name(doctor->holder, name))
        doctor_say(doctor, DOCTOR_OK, "lock", NULL, "%s, process %d, has the data", name,
                   doctor->holder);
    else
        doctor_say(doctor, DOCTOR_OK, "lock", NULL, "a broker has the data");
}

/* ---------------------------------------------------------------------------- database */

struct finding {
    uint64_t count;
    char text[256];
};

static void on_finding(void *context, const struct verify_finding *found)
{
    struct finding *finding = context;
    if (finding->count++ == 0)
        (void)snprintf(finding->text, sizeof(finding->text), "%s: %.200s", found->check,
                       found->text);
}

static void check_database(struct doctor *doctor, struct store *store,
                           const struct store_stats *stats)
{
    char size[TEXT_SIZE_BYTES];
    struct finding finding = {.count = 0};
    uint64_t findings = 0;
    bool is_wanted = option_is_given(doctor->cli, "full") || stats->file_bytes <= VERIFY_BYTES_MAX;
    struct verify_options options = {.on_finding = on_finding, .context = &finding};
    (void)text_size(stats->file_bytes, size);
    if (!is_wanted) {
        doctor_say(doctor, DOCTOR_OK, "database", "roost doctor --full also reads all of it",
                   "version %d, %s, opens well", stats->schema_version, size);
        return;
    }
    enum err err = verify_run(store, &options, &findings);
    if (err)
        doctor_say(doctor, DOCTOR_BAD, "database", "run 'roost verify' on it", "%s",
                   err_sentence(err));
    else if (findings)
        doctor_say(doctor, DOCTOR_BAD, "database",
                   "'roost verify' names all of it; restore a backup: 'roost restore'",
                   "%" PRIu64 " findings, the first: %s", findings, finding.text);
    else
        doctor_say(doctor, DOCTOR_OK, "database", NULL, "version %d, %s, sound",
                   stats->schema_version, size);
}

static void look_at_wal(struct doctor *doctor, const struct store_stats *stats)
{
    char size[TEXT_SIZE_BYTES];
    bool is_large = stats->wal_bytes > WAL_WARN_BYTES;
    doctor_say(doctor, is_large ? DOCTOR_WARN : DOCTOR_OK, "write-ahead log",
               is_large ? "something reads for long (a backup, an export, roost verify); it shrinks"
                          " when that has ended"
                        : NULL,
               "%s", text_size(stats->wal_bytes, size));
}

static void look_at_database(struct doctor *doctor)
{
    char text[300] = "";
    struct store *store = NULL;
    struct store_stats stats;
    struct store_options options = {
        .path = doctor->place.database,
        .read_only = true,
        .any_older = true,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    if (access(doctor->place.database, F_OK) != 0) {
        doctor_say(doctor, DOCTOR_OK, "database", NULL, "there is none yet: %s",
                   doctor->place.database);
        return;
    }
    enum err err = store_open(&options, &store);
    if (err == ERR_NEWER_SCHEMA) {
        doctor_say(doctor, DOCTOR_BAD, "database", "install the newer roost that wrote it", "%s",
                   text);
        return;
    }
    if (err) {
        doctor_say(doctor, DOCTOR_BAD, "database",
                   err == ERR_CORRUPT ? "restore a backup: 'roost restore FILE'"
                                      : "run this as the user of the broker",
                   "%s", text[0] ? text : err_sentence(err));
        return;
    }
    store_stats(store, &stats);
    check_database(doctor, store, &stats);
    look_at_wal(doctor, &stats);
    store_close(&store);
}

/* ------------------------------------------------------------------------------- clock */

static void look_at_clock(struct doctor *doctor)
{
    struct stat info;
    char when[TEXT_TIME_BYTES];
    int64_t now_ms = clock_wall_now().ms;
    (void)text_time((uint64_t)now_ms, when);
    int64_t written_ms = doctor->has_place && stat(doctor->place.database, &info) == 0
                             ? (int64_t)info.st_mtim.tv_sec * 1000
                             : 0;
    if (now_ms < CLOCK_OLDEST_MS)
        doctor_say(doctor, DOCTOR_BAD, "clock", "set it: times to live count from it",
                   "it is %s, which cannot be", when);
    else if (written_ms > now_ms + CLOCK_AHEAD_MS)
        doctor_say(doctor, DOCTOR_WARN, "clock", "see that the time is set by the network (NTP)",
                   "it is %s, and the data was written later than that", when);
    else
        doctor_say(doctor, DOCTOR_OK, "clock", NULL, "%s", when);
}

void doctor_look_at_data(struct doctor *doctor)
{
    struct stat info;
    doctor->has_place = data_find(doctor->cli, &doctor->place);
    if (doctor->has_place && stat(doctor->place.directory, &info) != 0) {
        bool is_missing = errno == ENOENT;
        doctor_say(doctor, is_missing ? DOCTOR_WARN : DOCTOR_BAD, "data directory",
                   is_missing ? "the first start of roostd makes it; is it elsewhere? --data DIR"
                              : "run this as the user of the broker",
                   "%s: %s", doctor->place.directory, strerror(errno));
        doctor->has_place = false;
    }
    if (doctor->has_place) {
        look_at_rights(doctor, &info);
        look_at_room(doctor);
        look_at_syncs(doctor);
        look_at_lock(doctor);
        look_at_database(doctor);
    }
    look_at_clock(doctor);
}
