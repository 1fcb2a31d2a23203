/* SPDX-License-Identifier: MPL-2.0
 *
 * Opening the connection: identity first, then settings, schema, and the quick check.
 *
 * The quick check costs the same for a kilobyte and for a terabyte: the header, the schema (every
 * statement that writes must prepare), the size of the file, the newest rows of the log with their
 * checksums, and the right edges of the big trees, because that is where a crash was writing.
 * Everything else is for verify.h.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "rt/check.h"
#include "store/append.h"
#include "store/message_rows.h"
#include "store/messages.h"
#include "store/migrate.h"
#include "store/search_internal.h"
#include "store/slice_table.h"
#include "store/store_internal.h"

#define NEWEST_ROWS_CHECKED   64
#define HEADER_BYTES          100
#define HEADER_APPLICATION_ID 68
#define HEADER_MAGIC          "SQLite format 3"
#define URI_BYTES_MAX         8192

static sqlite3_file *database_file(struct store *store)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    CHECK(rc == SQLITE_OK && file);
    return file;
}

static uint32_t load32_be(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Looks at the file before SQLite does: of a stranger's file nothing may be changed, not even by
 * rolling back its journal. A header of zeros is left to SQLite: the first write may have been cut
 * short, with its journal still there. */
static enum err check_header(struct store *store)
{
    static const uint8_t zeros[HEADER_BYTES];
    sqlite3_file *file = database_file(store);
    sqlite3_int64 size = 0;
    uint8_t header[HEADER_BYTES];
    int rc = file->pMethods->xFileSize(file, &size);
    if (rc != SQLITE_OK || size == 0)
        return store_map(store, rc);
    if (size < HEADER_BYTES)
        return store_fail(store, ERR_NOT_OUR_FILE, "not a roost database");
    rc = file->pMethods->xRead(file, header, sizeof header, 0);
    if (rc != SQLITE_OK)
        return store_map(store, rc);
    if (memcmp(header, zeros, sizeof zeros) == 0)
        return ERR_OK;
    if (memcmp(header, HEADER_MAGIC, sizeof HEADER_MAGIC) != 0)
        return store_fail(store, ERR_NOT_OUR_FILE, "not an SQLite file");
    if (load32_be(header + HEADER_APPLICATION_ID) != STORE_APPLICATION_ID)
        return store_fail(store, ERR_NOT_OUR_FILE, "an SQLite file of another program");
    return ERR_OK;
}

static enum err query_int(struct store *store, enum statement id, int64_t *ret_value)
{
    return statement_query_ints(store, id, 0, NULL, ret_value, NULL);
}

/* Identity as SQLite sees it, after recovery. */
static enum err check_identity(struct store *store, bool *ret_is_new)
{
    int64_t application_id = 0, version = 0, pages = 0;
    enum err err = query_int(store, STATEMENT_store_application_id, &application_id);
    if (err == ERR_OK)
        err = query_int(store, STATEMENT_store_user_version, &version);
    if (err == ERR_OK)
        err = query_int(store, STATEMENT_store_page_count, &pages);
    if ((store->error_code & 0xff) == SQLITE_NOTADB)
        return ERR_NOT_OUR_FILE;
    if (err != ERR_OK)
        return err;
    *ret_is_new = pages == 0 && store->is_writer;
    if (!*ret_is_new && application_id != STORE_APPLICATION_ID)
        return store_fail(store, ERR_NOT_OUR_FILE, "not a roost database");
    store->schema_version = (int)version;
    return ERR_OK;
}

static void restrict_connection(sqlite3 *db)
{
    static const struct {
        int option, value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
    };
    static const struct {
        int limit, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, STORE_VALUE_BYTES_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 64},
        {SQLITE_LIMIT_EXPR_DEPTH, 100},
        {SQLITE_LIMIT_COMPOUND_SELECT, 16},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        CHECK(sqlite3_db_config(db, options[i].option, options[i].value, NULL) == SQLITE_OK);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        (void)sqlite3_limit(db, limits[i].limit, limits[i].value); /* returns the old one */
}

/* Without its statistics of memory SQLite takes no lock in each allocation: 5 % of an append. */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* too late if others use it: ignoring */
}

/* The path as a URI that promises that nobody changes the file: SQLite then needs no lock and no
 * shared memory beside it. Not where a WAL waits: it would not be read. False: not possible. */
static bool name_at_rest(const char *path, char *ret_uri, size_t size)
{
    struct stat info;
    (void)snprintf(ret_uri, size, "%s-wal", path);
    if (strlen(path) + 5 > size || (stat(ret_uri, &info) == 0 && info.st_size > 0))
        return false;
    size_t used = (size_t)snprintf(ret_uri, size, "file:");
    for (; *path && used + 16 < size; path++) {
        bool is_special = *path == '%' || *path == '?' || *path == '#';
        used += (size_t)snprintf(ret_uri + used, size - used, is_special ? "%%%02X" : "%c",
                                 (unsigned char)*path);
    }
    (void)snprintf(ret_uri + used, size - used, "?immutable=1");
    return *path == '\0';
}

static enum err open_connection(struct store *store, const struct store_options *options)
{
    char uri[URI_BYTES_MAX];
    const char *path = store->path;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= store->is_writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    if (store->is_writer && options->vfs)
        flags |= SQLITE_OPEN_CREATE;
    if (store->is_writer && !options->vfs) {
        enum err err = store_file_create(store);
        if (err != ERR_OK)
            return err;
    }
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure_library); /* cannot fail with a valid control */
    if (store->is_writer)
        store->gather = gather_vfs_new(options->vfs);
    if (!store->is_writer && options->is_at_rest && name_at_rest(path, uri, sizeof uri)) {
        path = uri;
        flags |= SQLITE_OPEN_URI;
    }
    const char *vfs = store->gather ? gather_vfs_name(store->gather) : options->vfs;
    int rc = sqlite3_open_v2(path, &store->db, flags, vfs);
    CHECK(store->db);
    return store_map(store, rc);
}

enum err store_size(struct store *store, int64_t *ret_bytes, int64_t *ret_wanted)
{
    int64_t pages = 0;
    sqlite3_int64 size = 0;
    enum err err = query_int(store, STATEMENT_store_page_count, &pages);
    sqlite3_file *file = database_file(store);
    if (err == ERR_OK)
        err = store_map(store, file->pMethods->xFileSize(file, &size));
    *ret_bytes = size;
    *ret_wanted = pages * STORE_PAGE_BYTES;
    return err;
}

/* A database that needs more than the file has was cut off. Only to be seen when nothing waits in the
 * WAL. */
static enum err check_size(struct store *store)
{
    int64_t size, wanted;
    enum err err = store_size(store, &size, &wanted);
    if (err == ERR_OK && size < wanted)
        return store_fail(store, ERR_CORRUPT, "the file is cut off: it has %lld bytes of %lld",
                          (long long)size, (long long)wanted);
    return err;
}

/* Damaged rows are no reason not to start: they are found again, and named, when they are read. */
static enum err check_newest_rows(struct store *store)
{
    sqlite3_stmt *stmt;
    enum err err = statement_open(store, STATEMENT_store_newest, &stmt);
    if (err != ERR_OK)
        return err;
    statement_bind_ints(stmt, INTS(NEWEST_ROWS_CHECKED));
    bool has_row = true;
    while ((err = statement_step(store, stmt, &has_row)) == ERR_OK && has_row) {
        struct message_row row;
        message_row_read(stmt, &row);
    }
    return statement_close(stmt, err);
}

static enum err quick_check(struct store *store, bool is_all_moved)
{
    int64_t ignored = 0;
    enum err err = is_all_moved ? check_size(store) : ERR_OK;
    if (err == ERR_OK)
        err = check_newest_rows(store);
    if (err == ERR_OK)
        err = query_int(store, STATEMENT_store_newest_id, &ignored);
    if (err == ERR_OK)
        err = query_int(store, STATEMENT_store_newest_conversation, &ignored);
    return err;
}

/* The next seq must be above everything that was ever given, also above a floor, whatever became
 * of the messages; a message below its consumer's floor would never be delivered. */
static enum err load_progress(struct store *store)
{
    int64_t last = 0, indexed = 0, floor = 0;
    enum err err = query_int(store, STATEMENT_store_last_seq, &last);
    if (err == ERR_OK)
        err = query_int(store, STATEMENT_store_indexed_seq, &indexed);
    if (err == ERR_OK)
        err = query_int(store, STATEMENT_store_floor_max, &floor);
    if (err != ERR_OK)
        return err;
    last = floor > last ? floor : last;
    last = indexed > last ? indexed : last;
    store->last_seq = store->committed_last_seq = (uint64_t)last;
    store->indexed_seq = store->committed_indexed_seq = (uint64_t)indexed;
    return ERR_OK;
}

static enum err open_writer(struct store *store, bool is_new)
{
    enum err err = ERR_OK;
    bool is_all_moved = false;
    if (is_new)
        err = store_map(store, statement_run_settings(store->db, SETTING_CREATE));
    /* Not before the version is known: of a newer file nothing may be changed. */
    if (err == ERR_OK && store->schema_version <= (int)migrations_count)
        err = store_map(store, statement_run_settings(store->db, SETTING_JOURNAL));
    store_checkpoint_install(store);
    if (err == ERR_OK)
        err = migrate_run(store, migrations, migrations_count);
    if (err == ERR_OK)
        err = store_checkpoint_all(store, false, &is_all_moved);
    if (err == ERR_OK)
        err = search_install(store);
    if (err == ERR_OK)
        err = store_map(store, slice_table_register(store->db, &store->slice));
    if (err == ERR_OK)
        err = append_open(store);
    if (err == ERR_OK)
        err = statement_prepare_writes(store);
    if (err == ERR_OK)
        err = load_progress(store);
    if (err == ERR_OK)
        err = quick_check(store, is_all_moved);
    if (err == ERR_OK)
        store_wal_allocate(store);
    return err;
}

static enum err open_reader(struct store *store, bool any_older)
{
    if (store->schema_version > (int)migrations_count)
        return store_fail(store, ERR_NEWER_SCHEMA, "its schema has version %d, not %d",
                          store->schema_version, (int)migrations_count);
    if (store->schema_version < (int)migrations_count && any_older)
        return ERR_OK; /* the statements are for the newest */
    if (store->schema_version < (int)migrations_count)
        return store_fail(store, ERR_STORAGE,
                          "its schema has version %d, not %d: start roostd once to upgrade it",
                          store->schema_version, (int)migrations_count);
    return search_install(store);
}

enum err store_open_connection(struct store *store, const struct store_options *options)
{
    enum err err = open_connection(store, options);
    if (err != ERR_OK)
        return err;
    restrict_connection(store->db);
    enum setting_role role = store->is_writer ? SETTING_WRITER : SETTING_READER;
    bool is_new = false;
    err = check_header(store);
    if (err == ERR_OK)
        err = store_map(store, statement_run_settings(store->db, role));
    if ((store->error_code & 0xff) == SQLITE_NOTADB)
        return ERR_NOT_OUR_FILE;
    if (err == ERR_OK)
        err = check_identity(store, &is_new);
    if (err != ERR_OK)
        return err;
    return store->is_writer ? open_writer(store, is_new) : open_reader(store, options->any_older);
}

void store_stats(struct store *store, struct store_stats *ret_stats)
{
    sqlite3_int64 file_bytes = 0;
    sqlite3_file *file = database_file(store);
    (void)file->pMethods->xFileSize(file, &file_bytes); /* 0 when it cannot be told */
    sqlite3_int64 wal_bytes = 0;
    sqlite3_file *wal = NULL;
    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (rc == SQLITE_OK && wal && wal->pMethods)
        (void)wal->pMethods->xFileSize(wal, &wal_bytes); /* as above */
    store_progress(store, ret_stats);
    ret_stats->file_bytes = (uint64_t)file_bytes;
    ret_stats->wal_bytes = (uint64_t)wal_bytes;
    if (store->is_writer)
        return;
    int64_t last_seq = 0;
    uint64_t indexed_seq = 0;
    enum err err = query_int(store, STATEMENT_store_last_seq, &last_seq);
    if (err == ERR_OK)
        err = store_indexed_seq(store, &indexed_seq); /* 0 when it cannot be told */
    ret_stats->last_seq = (uint64_t)last_seq;
    ret_stats->indexed_seq = indexed_seq;
}

void store_progress(const struct store *store, struct store_stats *ret_stats)
{
    *ret_stats = (struct store_stats){
        .last_seq = store->committed_last_seq,
        .indexed_seq = store->committed_indexed_seq,
        .commits = store->commits,
        .commit_last_ns = store->commit_last_ns,
        .writes = store->writes,
        .wal_used_bytes = (uint64_t)store->wal_frames * WAL_FRAME_BYTES,
        .checkpoints = store->checkpoints,
        .checkpoint_last_ns = store->checkpoint_last_ns,
        .schema_version = store->schema_version,
    };
}
