/* SPDX-License-Identifier: MPL-2.0
 *
 * raw_disk: how many records a second append + fdatasync can make durable, which no broker that
 * syncs before it answers can exceed. For 1, 10, 100 and 1,000 records per sync, into a growing
 * file and into a preallocated (written once) one; one line of JSON each, with the latency of a
 * write and its sync together.
 *
 * The file lies in the directory given, which must be on the disk that is asked about: on a tmpfs
 * a sync is free and the result means nothing (bench/run refuses that).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

#define RECORD_SIZE_BYTES       256
#define RECORDS_PER_SYNC_MAX    1000
#define PREALLOCATED_SIZE_BYTES (64LL << 20)

static void write_all(int file, const char *data, size_t size_bytes, off_t at)
{
    while (size_bytes > 0) {
        ssize_t written = pwrite(file, data, size_bytes, at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            bench_fail("write: %s", strerror(errno));
        }
        data += written;
        size_bytes -= (size_t)written;
        at += written;
    }
}

/* Writes the whole file once, so that later writes change neither its size nor its blocks. */
static void preallocate(int file, const char *data, size_t size_bytes)
{
    for (off_t at = 0; at < PREALLOCATED_SIZE_BYTES; at += (off_t)size_bytes) {
        write_all(file, data, size_bytes, at);
    }
    if (fsync(file) != 0) {
        bench_fail("fsync: %s", strerror(errno));
    }
}

static void measure(const char *path, unsigned records, bool is_preallocated, int64_t duration_ms)
{
    static char data[RECORD_SIZE_BYTES * RECORDS_PER_SYNC_MAX];
    memset(data, 'r', sizeof data);
    struct histogram *sync = calloc(1, sizeof *sync);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (sync == NULL || file < 0) {
        bench_fail("cannot create %s: %s", path, strerror(errno));
    }
    if (is_preallocated) {
        preallocate(file, data, sizeof data);
    }
    off_t at = 0;
    off_t step = (off_t)records * RECORD_SIZE_BYTES;
    int64_t begin_ns = bench_now_ns();
    int64_t now_ns = begin_ns;
    while (now_ns - begin_ns < duration_ms * 1000000) {
        at = is_preallocated && at + step > PREALLOCATED_SIZE_BYTES ? 0 : at;
        write_all(file, data, (size_t)step, at);
        if (fdatasync(file) != 0) {
            bench_fail("fdatasync: %s", strerror(errno));
        }
        at += step;
        int64_t after_ns = bench_now_ns();
        histogram_record(sync, after_ns - now_ns);
        now_ns = after_ns;
    }
    double elapsed_s = (double)(now_ns - begin_ns) / 1e9;
    (void)printf("{\"raw\":\"disk\",\"file\":\"%s\",\"batch\":%u,\"per_s\":%.1f,\"sync_us\":",
                 is_preallocated ? "preallocated" : "append", records,
                 (double)(sync->count * records) / elapsed_s);
    histogram_print_json(sync, stdout);
    (void)puts("}");
    (void)close(file); /* everything in it is thrown away */
    (void)unlink(path);
    free(sync);
}

int main(int argc, char **argv)
{
    static const unsigned batches[] = {1, 10, 100, RECORDS_PER_SYNC_MAX};
    if (argc != 3) {
        (void)fputs("Usage: raw_disk DIRECTORY MILLISECONDS\n"
                    "Measures append + fdatasync of 256-byte records, for so long per point.\n",
                    stderr);
        return 2;
    }
    int64_t duration_ms = bench_number("MILLISECONDS", argv[2], 1, 3600000);
    char path[4096];
    if (snprintf(path, sizeof path, "%s/raw_disk.tmp", argv[1]) >= (int)sizeof path) {
        bench_fail("the directory's name is too long");
    }
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        measure(path, batches[i], false, duration_ms);
        measure(path, batches[i], true, duration_ms);
    }
    return 0;
}
