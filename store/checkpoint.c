/* SPDX-License-Identifier: MPL-2.0
 *
 * When the WAL is moved into the database file: by the writer itself, between transactions. (A
 * second connection doing it costs twice the processor time, and SQLite before 3.51.3 can damage
 * the file when two connections write and checkpoint at once.)
 *
 * PASSIVE copies what no reader still needs older and waits for nobody. Afterwards the WAL is
 * overwritten from its start, so its file stays allocated and syncs cheaply: a sync of a file that
 * grew has its inode to write as well. For the same reason it gets its size at once at start. Everybody
 * waits while it is moved, so it is moved often and little: since pages go out in large pieces
 * (gather_vfs.h), 2 MiB eight times cost no more than 16 MiB once.
 */
#include "rt/check.h"
#include "rt/clock.h"
#include "store/store_internal.h"

#define MOVE_IDLE_FRAMES ((1u << 20) / WAL_FRAME_BYTES)
#define MOVE_BUSY_FRAMES ((2u << 20) / WAL_FRAME_BYTES)
#define TRUNCATE_FRAMES  ((64u << 20) / WAL_FRAME_BYTES)

static int note_commit(void *context, sqlite3 *db, const char *name, int frames)
{
    struct store *store = context;
    (void)db;
    (void)name;
    if ((uint32_t)frames < store->wal_frames)
        store->wal_frames_moved = 0; /* the WAL began again */
    store->wal_frames = (uint32_t)frames;
    store->writes++;
    return SQLITE_OK;
}

void store_checkpoint_install(struct store *store)
{
    (void)sqlite3_wal_hook(store->db, note_commit, store);
}

/* A full disk or a reader in the way costs nothing but the WAL's room. */
static enum err move(struct store *store, int mode, bool *ret_is_all_moved)
{
    int in_wal = 0, moved = 0;
    struct mono_time start = clock_mono_now();
    int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, &in_wal, &moved);
    *ret_is_all_moved = rc == SQLITE_OK && in_wal == moved;
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_FULL)
        return ERR_OK;
    if (rc != SQLITE_OK)
        return store_map(store, rc);
    if (in_wal != moved && store->gather)
        rc = sqlite3_file_control(store->db, "main", GATHER_CONTROL_FLUSH, NULL);
    if (rc != SQLITE_OK) { /* the WAL counts as moved, and the database does not have it */
        store->is_broken = true;
        return store_fail(store, ERR_STORAGE, "a checkpoint could not be written: %s",
                          sqlite3_errstr(rc));
    }
    store->checkpoints++;
    store->checkpoint_last_ns = (uint64_t)(clock_mono_now().ns - start.ns);
    store->wal_frames = in_wal > 0 ? (uint32_t)in_wal : 0;
    store->wal_frames_moved = moved > 0 ? (uint32_t)moved : 0;
    return ERR_OK;
}

/* Zeros behind what is there; what is there is never touched. The size before on failure. */
static void extend(sqlite3_file *wal, sqlite3_int64 size, sqlite3_int64 wanted)
{
    static const char zeros[64 * 1024];
    int rc = SQLITE_OK;
    for (sqlite3_int64 at = size; rc == SQLITE_OK && at < wanted; at += (int)sizeof(zeros))
        rc = wal->pMethods->xWrite(wal, zeros, (int)sizeof(zeros), at);
    if (rc == SQLITE_OK)
        rc = wal->pMethods->xSync(wal, SQLITE_SYNC_FULL);
    if (rc != SQLITE_OK)
        (void)wal->pMethods->xTruncate(wal, size); /* works without, ignoring */
}

void store_wal_allocate(struct store *store)
{
    sqlite3_file *wal = NULL;
    sqlite3_int64 size = 0, wanted = (sqlite3_int64)store->wal_bytes;
    uint64_t room;
    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    bool is_possible = wanted > 0 && rc == SQLITE_OK && wal && wal->pMethods &&
                       wal->pMethods->xFileSize(wal, &size) == SQLITE_OK && size < wanted &&
                       store_file_room(store->path, &room);
    /* Room that somebody else may need more is left alone. */
    if (is_possible && room > 8 * (uint64_t)wanted)
        extend(wal, size, wanted);
}

/* One that is broken off on a full disk has taken the room that settles need, and the WAL stays as long
 * as it is. */
static bool is_room_for_it(struct store *store)
{
    int64_t size, wanted;
    uint64_t room;
    if (store_size(store, &size, &wanted) != ERR_OK || !store_file_room(store->path, &room))
        return true; /* not known: it is tried */
    return wanted <= size || room >= (uint64_t)(wanted - size);
}

enum err store_checkpoint(struct store *store, bool is_idle)
{
    CHECK(store->is_writer && !store->is_in_transaction);
    if (store->is_broken)
        return ERR_STORAGE;
    bool ignored = false;
    uint32_t waiting = store->wal_frames - store->wal_frames_moved;
    if (is_idle && waiting == 0 && store->wal_frames >= TRUNCATE_FRAMES)
        return move(store, SQLITE_CHECKPOINT_TRUNCATE, &ignored);
    bool is_due = waiting >= MOVE_BUSY_FRAMES || (is_idle && waiting >= MOVE_IDLE_FRAMES);
    return is_due && is_room_for_it(store) ? move(store, SQLITE_CHECKPOINT_PASSIVE, &ignored)
                                           : ERR_OK;
}

enum err store_checkpoint_all(struct store *store, bool must_truncate, bool *ret_is_all_moved)
{
    return move(store, must_truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                ret_is_all_moved);
}
