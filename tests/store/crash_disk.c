/* SPDX-License-Identifier: MPL-2.0
 *
 * The disk of crash_vfs.h without SQLite: files in memory, the log, replay and cuts.
 *
 * A replay keeps, per file, the image as of the last sync and the operations since; a cut applies a
 * choice of these to a copy of the image.
 */
#include <stdlib.h>
#include <string.h>

#include "crash_internal.h"
#include "rt/check.h"

#define SECTOR 512

struct crash_replay {
    const struct crash_disk *disk;
    size_t position;
    struct image durable[FILES_MAX];
    bool exists[FILES_MAX];
    size_t *pending; /* indexes into the log, ascending: not yet synced */
    size_t pending_count, pending_capacity;
};

/* --- images */

void image_resize(struct image *image, size_t size)
{
    if (size > image->capacity) {
        size_t capacity = image->capacity ? image->capacity : 8192;
        while (capacity < size)
            capacity *= 2;
        image->data = realloc(image->data, capacity);
        CHECK(image->data);
        image->capacity = capacity;
    }
    if (size > image->size)
        memset(image->data + image->size, 0, size - image->size);
    image->size = size;
}

void image_write(struct image *image, size_t offset, const uint8_t *data, size_t size)
{
    if (offset + size > image->size)
        image_resize(image, offset + size);
    memcpy(image->data + offset, data, size);
}

void image_copy(struct image *target, const struct image *source)
{
    image_resize(target, source->size);
    if (source->size)
        memcpy(target->data, source->data, source->size);
}

static void image_fini(struct image *image)
{
    free(image->data);
    *image = (struct image){.data = NULL};
}

static void image_apply(struct image *image, const struct operation *operation)
{
    if (operation->kind == OPERATION_WRITE)
        image_write(image, operation->offset, operation->data, operation->size);
    else if (operation->kind == OPERATION_TRUNCATE)
        image_resize(image, operation->offset);
}

/* --- the disk and its log */

struct crash_disk *crash_disk_new(void)
{
    struct crash_disk *disk = calloc(1, sizeof *disk);
    CHECK(disk);
    return disk;
}

void disk_drop_regions(struct disk_file *file)
{
    for (int i = 0; i < SHM_REGIONS_MAX; i++) {
        free(file->regions[i]);
        file->regions[i] = NULL;
    }
}

void crash_disk_destroy(struct crash_disk **disk)
{
    struct crash_disk *self = *disk;
    if (!self)
        return;
    *disk = NULL;
    for (unsigned i = 0; i < self->file_count; i++) {
        image_fini(&self->files[i].image);
        image_fini(&self->files[i].synced);
        image_fini(&self->initial[i]);
        disk_drop_regions(&self->files[i]);
    }
    for (size_t i = 0; i < self->log_size; i++)
        free(self->log[i].data);
    free(self->log);
    free(self);
}

size_t crash_disk_position(const struct crash_disk *disk)
{
    return disk->log_size;
}

unsigned disk_file(struct crash_disk *disk, const char *name)
{
    for (unsigned i = 0; i < disk->file_count; i++) {
        if (strcmp(disk->files[i].name, name) == 0)
            return i;
    }
    CHECK(disk->file_count < FILES_MAX && strlen(name) < NAME_BYTES);
    strcpy(disk->files[disk->file_count].name, name);
    return disk->file_count++;
}

void disk_log(struct crash_disk *disk, struct operation operation, const void *data)
{
    if (disk->log_size == disk->log_capacity) {
        disk->log_capacity = disk->log_capacity ? disk->log_capacity * 2 : 256;
        disk->log = realloc(disk->log, disk->log_capacity * sizeof *disk->log);
        CHECK(disk->log);
    }
    if (operation.kind == OPERATION_WRITE) {
        operation.data = malloc(operation.size);
        CHECK(operation.data);
        memcpy(operation.data, data, operation.size);
    }
    disk->log[disk->log_size++] = operation;
}

void crash_disk_fail(struct crash_disk *disk, enum crash_fault fault, uint64_t skip,
                     bool is_for_ever)
{
    disk->fault = fault;
    disk->fault_skip = skip;
    disk->is_for_ever = is_for_ever;
    for (unsigned i = 0; i < disk->file_count && fault == CRASH_FAULT_SYNC; i++)
        image_copy(&disk->files[i].synced, &disk->files[i].image);
}

uint64_t crash_disk_faults(const struct crash_disk *disk)
{
    return disk->faults;
}

bool disk_is_failing(struct crash_disk *disk, enum crash_fault fault)
{
    if (disk->fault != fault)
        return false;
    if (disk->fault_skip > 0) {
        disk->fault_skip--;
        return false;
    }
    disk->faults++;
    if (!disk->is_for_ever)
        disk->fault = CRASH_FAULT_NONE;
    return true;
}

uint8_t *crash_disk_file(struct crash_disk *disk, const char *suffix, size_t *ret_size)
{
    for (unsigned i = 0; i < disk->file_count; i++) {
        size_t length = strlen(disk->files[i].name), tail = strlen(suffix);
        if (disk->files[i].exists && length >= tail &&
            strcmp(disk->files[i].name + length - tail, suffix) == 0) {
            *ret_size = disk->files[i].image.size;
            return disk->files[i].image.data;
        }
    }
    return NULL;
}

/* --- replay */

struct crash_replay *crash_replay_new(const struct crash_disk *disk)
{
    struct crash_replay *replay = calloc(1, sizeof *replay);
    CHECK(replay);
    replay->disk = disk;
    for (unsigned i = 0; i < FILES_MAX; i++) {
        image_copy(&replay->durable[i], &disk->initial[i]);
        replay->exists[i] = disk->initial_exists[i];
    }
    return replay;
}

void crash_replay_destroy(struct crash_replay **replay)
{
    struct crash_replay *self = *replay;
    if (!self)
        return;
    *replay = NULL;
    for (unsigned i = 0; i < FILES_MAX; i++)
        image_fini(&self->durable[i]);
    free(self->pending);
    free(self);
}

/* Takes the pending operations of a file out of the list, applied or not. */
static void settle_file(struct crash_replay *replay, unsigned file, bool is_applied)
{
    size_t kept = 0;
    for (size_t i = 0; i < replay->pending_count; i++) {
        const struct operation *operation = &replay->disk->log[replay->pending[i]];
        if (operation->file != file)
            replay->pending[kept++] = replay->pending[i];
        else if (is_applied)
            image_apply(&replay->durable[file], operation);
    }
    replay->pending_count = kept;
}

static void replay_one(struct crash_replay *replay, size_t index)
{
    const struct operation *operation = &replay->disk->log[index];
    switch (operation->kind) {
    case OPERATION_SYNC:
        settle_file(replay, operation->file, true);
        break;
    case OPERATION_DELETE:
        settle_file(replay, operation->file, false);
        replay->durable[operation->file].size = 0;
        replay->exists[operation->file] = false;
        break;
    case OPERATION_WRITE:
    case OPERATION_TRUNCATE:
        replay->exists[operation->file] = true;
        if (replay->pending_count == replay->pending_capacity) {
            replay->pending_capacity = replay->pending_capacity ? replay->pending_capacity * 2 : 64;
            replay->pending =
                realloc(replay->pending, replay->pending_capacity * sizeof *replay->pending);
            CHECK(replay->pending);
        }
        replay->pending[replay->pending_count++] = index;
        break;
    }
}

void crash_replay_advance(struct crash_replay *replay, size_t position)
{
    CHECK(position >= replay->position && position <= replay->disk->log_size);
    while (replay->position < position)
        replay_one(replay, replay->position++);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15u;
    uint64_t value = *seed;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

static void apply_torn(struct image *image, const struct operation *operation, uint64_t *seed)
{
    if (operation->kind != OPERATION_WRITE) {
        image_apply(image, operation);
        return;
    }
    for (size_t done = 0; done < operation->size;) {
        size_t at = operation->offset + done;
        size_t part = SECTOR - at % SECTOR;
        if (part > operation->size - done)
            part = operation->size - done;
        if (next_random(seed) & 1)
            image_write(image, at, operation->data + done, part);
        done += part;
    }
}

static bool is_kept(enum crash_mode mode, size_t index, size_t prefix, uint64_t *seed)
{
    switch (mode) {
    case CRASH_DROP_ALL:
        return false;
    case CRASH_KEEP_ALL:
        return true;
    case CRASH_PREFIX:
        return index <= prefix;
    case CRASH_SUBSET:
    case CRASH_TORN:
        return next_random(seed) & 1;
    case CRASH_MODES:
    default:
        CHECK(false);
    }
}

struct crash_disk *crash_replay_cut(const struct crash_replay *replay, enum crash_mode mode,
                                    uint64_t seed)
{
    struct crash_disk *disk = crash_disk_new();
    disk->file_count = replay->disk->file_count;
    for (unsigned i = 0; i < disk->file_count; i++) {
        strcpy(disk->files[i].name, replay->disk->files[i].name);
        disk->files[i].exists = disk->initial_exists[i] = replay->exists[i];
        image_copy(&disk->files[i].image, &replay->durable[i]);
    }
    size_t prefix = replay->pending_count ? next_random(&seed) % replay->pending_count : 0;
    for (size_t i = 0; i < replay->pending_count; i++) {
        const struct operation *operation = &replay->disk->log[replay->pending[i]];
        if (!is_kept(mode, i, prefix, &seed))
            continue;
        bool is_torn = mode == CRASH_TORN || (mode == CRASH_PREFIX && i == prefix);
        if (is_torn)
            apply_torn(&disk->files[operation->file].image, operation, &seed);
        else
            image_apply(&disk->files[operation->file].image, operation);
    }
    for (unsigned i = 0; i < disk->file_count; i++)
        image_copy(&disk->initial[i], &disk->files[i].image);
    return disk;
}
