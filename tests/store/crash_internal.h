/* SPDX-License-Identifier: MPL-2.0
 *
 * What crash_disk.c (the log and its replay) and crash_vfs.c (the disk as SQLite sees it) share.
 */
#ifndef TESTS_STORE_CRASH_INTERNAL_H
#define TESTS_STORE_CRASH_INTERNAL_H

#include <sqlite3.h>

#include "crash_vfs.h"

#define FILES_MAX       8
#define NAME_BYTES      512
#define SHM_REGIONS_MAX 64
#define SHM_LOCKS       SQLITE_SHM_NLOCK

struct image {
    uint8_t *data;
    size_t size, capacity;
};

enum operation_kind { OPERATION_WRITE, OPERATION_TRUNCATE, OPERATION_SYNC, OPERATION_DELETE };

struct operation {
    enum operation_kind kind;
    unsigned file;
    size_t offset, size; /* of a truncation: the new size in `offset` */
    uint8_t *data;
};

struct disk_file {
    char name[NAME_BYTES];
    bool exists;
    struct image image;
    struct image synced; /* only kept while a sync fault is armed */
    void *regions[SHM_REGIONS_MAX];
    int shared[SHM_LOCKS];
    bool exclusive[SHM_LOCKS];
    int lock_shared;
    void *lock_owner; /* holds RESERVED or more */
};

struct crash_disk {
    struct disk_file files[FILES_MAX];
    unsigned file_count;
    struct image initial[FILES_MAX]; /* where the log begins */
    bool initial_exists[FILES_MAX];
    struct operation *log;
    size_t log_size, log_capacity;
    enum crash_fault fault;
    uint64_t fault_skip, faults;
    bool is_for_ever;
};

void image_resize(struct image *image, size_t size);
void image_write(struct image *image, size_t offset, const uint8_t *data, size_t size);
void image_copy(struct image *target, const struct image *source);

/* The number of the file of this name, which is made known if need be. */
unsigned disk_file(struct crash_disk *disk, const char *name);
void disk_log(struct crash_disk *disk, struct operation operation, const void *data);
/* Whether this operation is the one to fail. */
bool disk_is_failing(struct crash_disk *disk, enum crash_fault fault);
void disk_drop_regions(struct disk_file *file);

#endif
