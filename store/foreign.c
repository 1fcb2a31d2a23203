/* SPDX-License-Identifier: MPL-2.0
 *
 * See foreign.h.
 *
 * How the file is opened: a stranger's file is not written to, also not by the way. Without a WAL
 * beside it, a file in WAL mode is opened as one that does not change (otherwise SQLite makes a WAL
 * and an index of it); with one, the WAL is read and its index is not touched (readonly_shm).
 *
 * How damage is passed: a row or page that cannot be read ends the walk. From the rowid after the
 * last good one, the next that can be found is looked for, by doubling steps and then halving, so
 * that a lost page costs some 60 look-ups and not one per rowid. The rows between are named with the
 * help of the index of their ids, which lies on other pages, when there is one.
 */
#include "store/foreign.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/check.h"

#define URI_BYTES_MAX   16384
#define SQL_BYTES_MAX   2048
#define HEADER_BYTES    20
#define HEADER_WRITER   18 /* 2: WAL mode, ... */
#define HEADER_READER   19 /* ... and this is what SQLite goes by */
#define CACHE_KIB       "-4096"
#define VALUE_BYTES_MAX (64 << 20)
#define PROBE_MAX       (INT64_MAX / 4)
#define LOSSES_MAX      100000 /* places of one table; beyond it the rest is one loss */

struct foreign {
    sqlite3 *db;
    int tables_known; /* bit per table: has was asked */
    int tables_there;
};

_Static_assert(FOREIGN_TABLE_COUNT < 31, "a bit each");

enum need { OPTIONAL, NEEDED };

static const char *const table_names[] = {
#define TABLE(name, in_file) in_file,
#include "store/foreign.def"
};

static const struct {
    enum foreign_table table;
    enum foreign_column number;
    const char *name;
    enum need need;
} columns[] = {
#define COLUMN(table, column, need) {FOREIGN_##table, FOREIGN_##table##_##column, #column, need},
#include "store/foreign.def"
};

#define COLUMN_ROWS (sizeof columns / sizeof *columns)

static const enum foreign_column begins[] = {
#define TABLE(name, in_file) FOREIGN_##name##_begin,
#include "store/foreign.def"
};

const char *foreign_table_name(enum foreign_table table)
{
    return table_names[table];
}

const char *foreign_column_name(enum foreign_column column)
{
    for (size_t i = 0; i < COLUMN_ROWS; i++) {
        if (columns[i].number == column)
            return columns[i].name;
    }
    return NULL;
}

/* ---------------------------------------------------------------- opening */

static enum err say(char *text, size_t size, enum err err, const char *sentence)
{
    if (text)
        (void)snprintf(text, size, "%s", sentence);
    return err;
}

static bool has_beside(const char *path, const char *suffix)
{
    char name[URI_BYTES_MAX];
    struct stat info;
    int size = snprintf(name, sizeof name, "%s%s", path, suffix);
    return size > 0 && (size_t)size < sizeof name && stat(name, &info) == 0 && info.st_size > 0;
}

/* Before SQLite sees it: is it one of its files, and which kind of journal does it have? */
static enum err look(const char *path, bool *ret_is_wal, char *text, size_t size)
{
    uint8_t header[HEADER_BYTES];
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return say(text, size, ERR_STORAGE, "it cannot be opened for reading");
    bool is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    ssize_t count = is_file ? read(fd, header, sizeof header) : 0;
    (void)close(fd); /* nothing was written */
    if (count != (ssize_t)sizeof header || memcmp(header, "SQLite format 3", 16) != 0)
        return say(text, size, ERR_NOT_OUR_FILE, "it is not an SQLite file");
    *ret_is_wal = header[HEADER_WRITER] == 2 || header[HEADER_READER] == 2;
    return ERR_OK;
}

/* "file:PATH?..." with the path's special characters as %XX. */
static bool make_uri(const char *path, const char *options, char *ret, size_t size)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
    size_t used = (size_t)snprintf(ret, size, "file:");
    for (const char *at = path; *at && used + 4 < size; at++)
        used += (size_t)(strchr(safe, *at) ? snprintf(ret + used, size - used, "%c", *at)
                                           : snprintf(ret + used, size - used, "%%%02X",
                                                      (unsigned)(unsigned char)*at));
    return used + 4 < size &&
           snprintf(ret + used, size - used, "?%s", options) < (int)(size - used);
}

static void restrict_connection(sqlite3 *db)
{
    static const int off[] = {
        SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
        SQLITE_DBCONFIG_DQS_DML,
        SQLITE_DBCONFIG_DQS_DDL,
        SQLITE_DBCONFIG_ENABLE_TRIGGER,
        SQLITE_DBCONFIG_ENABLE_VIEW,
        SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    };
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        CHECK(sqlite3_db_config(db, off[i], 0, NULL) == SQLITE_OK);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX); /* returns the old one */
    (void)sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
}

/* Reads the schema: whatever keeps SQLite from using the file shows here. One bad entry of it makes
 * SQLite refuse all tables, unless it is told to go on (writable_schema; nothing can be written to
 * this connection): then the others can be read. */
static int read_schema(sqlite3 *db)
{
    static const char settings[] = "PRAGMA query_only = ON; PRAGMA cell_size_check = ON;"
                                   "PRAGMA mmap_size = 0; PRAGMA cache_size = " CACHE_KIB ";"
                                   "PRAGMA busy_timeout = 2000";
    static const char question[] = "SELECT count(*) FROM sqlite_schema";
    int rc = sqlite3_exec(db, settings, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, question, NULL, NULL, NULL);
    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_ERROR)
        rc = sqlite3_exec(db, "PRAGMA writable_schema = ON", NULL, NULL, NULL);
    else
        CHECK(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK);
    return rc == SQLITE_OK ? sqlite3_exec(db, question, NULL, NULL, NULL) : rc;
}

static enum err try_out(sqlite3 *db, char *text, size_t size)
{
    int extended = read_schema(db);
    if (extended == SQLITE_OK)
        return ERR_OK;
    if (extended == SQLITE_CANTOPEN || (extended & 0xff) == SQLITE_READONLY)
        return say(text, size, ERR_STORAGE,
                   "it was not closed in order: let its own program (or sqlite3) open and close it"
                   " once, or import a copy that is complete");
    if ((extended & 0xff) == SQLITE_BUSY)
        return say(text, size, ERR_BUSY, "another program is writing to it; stop that first");
    if ((extended & 0xff) == SQLITE_NOTADB)
        return say(text, size, ERR_NOT_OUR_FILE, "it is not an SQLite file");
    return say(text, size, ERR_CORRUPT, "its list of tables cannot be read");
}

enum err foreign_open(const char *path, char *error_text, size_t error_text_size_bytes,
                      struct foreign **ret)
{
    char uri[URI_BYTES_MAX];
    bool is_wal = false;
    enum err err = look(path, &is_wal, error_text, error_text_size_bytes);
    if (err)
        return err;
    bool has_wal = has_beside(path, "-wal");
    const char *options = has_wal  ? "mode=ro&readonly_shm=1"
                          : is_wal ? "mode=ro&immutable=1"
                                   : "mode=ro";
    if (!make_uri(path, options, uri, sizeof uri))
        return say(error_text, error_text_size_bytes, ERR_STORAGE, "its path is too long");
    struct foreign *foreign = calloc(1, sizeof *foreign);
    CHECK(foreign);
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(uri, &foreign->db, flags, NULL);
    CHECK(foreign->db);
    if (rc == SQLITE_OK) {
        restrict_connection(foreign->db);
        err = try_out(foreign->db, error_text, error_text_size_bytes);
    } else {
        err = say(error_text, error_text_size_bytes, ERR_STORAGE, sqlite3_errmsg(foreign->db));
    }
    if (err)
        foreign_close(&foreign);
    else
        *ret = foreign;
    return err;
}

void foreign_close(struct foreign **foreign)
{
    if (!*foreign)
        return;
    CHECK(sqlite3_close((*foreign)->db) == SQLITE_OK);
    free(*foreign);
    *foreign = NULL;
}

/* ---------------------------------------------------------------- what is there */

static bool query_int(struct foreign *foreign, const char *sql, const char *one, const char *other,
                      int64_t *ret)
{
    sqlite3_stmt *stmt = NULL;
    bool is_found = false;
    if (sqlite3_prepare_v2(foreign->db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        if (one)
            (void)sqlite3_bind_text(stmt, 1, one, -1, SQLITE_STATIC); /* by reference */
        if (other)
            (void)sqlite3_bind_text(stmt, 2, other, -1, SQLITE_STATIC);
        is_found = sqlite3_step(stmt) == SQLITE_ROW;
        if (is_found)
            *ret = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_finalize(stmt); /* repeats the error */
    return is_found;
}

static bool has_column(struct foreign *foreign, const char *table, const char *column)
{
    int64_t count = 0;
    return query_int(foreign,
                     "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE name = ?2 AND hidden = 0",
                     table, column, &count) &&
           count > 0;
}

/* A table with rowids; neither a view nor a virtual one, which would run code of the file. */
static bool is_plain_table(struct foreign *foreign, const char *name)
{
    int64_t count = 0;
    return query_int(foreign,
                     "SELECT count(*) FROM pragma_table_list WHERE name = ?1 AND schema = 'main'"
                     " AND type = 'table' AND wr = 0",
                     name, NULL, &count) &&
           count > 0;
}

static bool find_table(struct foreign *foreign, enum foreign_table table)
{
    bool is_there = is_plain_table(foreign, table_names[table]);
    for (size_t i = 0; i < COLUMN_ROWS && is_there; i++) {
        if (columns[i].table == table && columns[i].need == NEEDED)
            is_there = has_column(foreign, table_names[table], columns[i].name);
    }
    return is_there;
}

bool foreign_has(struct foreign *foreign, enum foreign_table table)
{
    int bit = 1 << table;
    if (!(foreign->tables_known & bit) && find_table(foreign, table))
        foreign->tables_there |= bit;
    foreign->tables_known |= bit;
    return foreign->tables_there & bit;
}

/* -1: it cannot be counted. */
static int64_t count_rows(struct foreign *foreign, const char *name)
{
    int64_t count = -1;
    char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", name);
    CHECK(sql);
    if (!query_int(foreign, sql, NULL, NULL, &count))
        count = -1;
    sqlite3_free(sql);
    return count;
}

uint64_t foreign_count(struct foreign *foreign, enum foreign_table table)
{
    int64_t count = count_rows(foreign, table_names[table]);
    return count > 0 ? (uint64_t)count : 0;
}

enum err foreign_list(struct foreign *foreign, foreign_list_visit *visit, void *context)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(foreign->db,
                                "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND"
                                " type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%'"
                                " ESCAPE '\\' ORDER BY name",
                                -1, &stmt, NULL);
    enum err err = rc == SQLITE_OK ? ERR_OK : ERR_CORRUPT;
    while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct foreign_listing listing = {.rows = -1};
        listing.name = (const char *)sqlite3_column_text(stmt, 0);
        listing.is_virtual = strcmp((const char *)sqlite3_column_text(stmt, 1), "virtual") == 0;
        if (!listing.is_virtual)
            listing.rows = count_rows(foreign, listing.name);
        err = visit(context, &listing);
    }
    if (!err && rc != SQLITE_DONE)
        err = ERR_CORRUPT;
    (void)sqlite3_finalize(stmt); /* repeats the error */
    return err;
}

/* ---------------------------------------------------------------- rows */

struct walk {
    struct foreign *foreign;
    enum foreign_table table;
    sqlite3_stmt *rows;  /* ?1: after this rowid */
    sqlite3_stmt *probe; /* ?1: from this rowid on, the first */
    sqlite3_stmt *names; /* ?1 to ?2: names in the index; NULL: there is none */
    int column_count;
    foreign_visit *visit;
    foreign_lost *lost;
    void *context;
    int64_t last_rowid, before_rowid; /* the last one, and the one before it */
    uint64_t losses;
};

static sqlite3_stmt *prepare(struct foreign *foreign, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(foreign->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        stmt = NULL;
    return stmt;
}

/* SELECT rowid, "id", "username", NULL ... */
static int make_select(struct walk *walk, char *sql, size_t size)
{
    const char *name = table_names[walk->table];
    size_t used = (size_t)snprintf(sql, size, "SELECT rowid");
    int count = 0;
    for (size_t i = 0; i < COLUMN_ROWS; i++) {
        if (columns[i].table != walk->table)
            continue;
        bool is_there = has_column(walk->foreign, name, columns[i].name);
        used += (size_t)snprintf(sql + used, size - used, is_there ? ", \"%s\"" : ", NULL",
                                 columns[i].name);
        CHECK(used < size);
        count++;
    }
    used += (size_t)snprintf(sql + used, size - used,
                             " FROM \"%s\" NOT INDEXED WHERE rowid > ?1 ORDER BY rowid", name);
    CHECK(used < size && count <= FOREIGN_COLUMNS_MAX);
    return count;
}

static const char *id_column(enum foreign_table table)
{
    for (size_t i = 0; i < COLUMN_ROWS; i++) {
        if (columns[i].table == table)
            return columns[i].name;
    }
    return NULL;
}

static bool prepare_walk(struct walk *walk)
{
    char sql[SQL_BYTES_MAX];
    const char *name = table_names[walk->table];
    walk->column_count = make_select(walk, sql, sizeof sql);
    walk->rows = prepare(walk->foreign, sql);
    (void)snprintf(sql, sizeof sql,
                   "SELECT rowid FROM \"%s\" NOT INDEXED WHERE rowid >= ?1 ORDER BY rowid LIMIT 1",
                   name);
    walk->probe = prepare(walk->foreign, sql);
    const char *id = id_column(walk->table);
    if (has_column(walk->foreign, name,
                   id)) { /* its order makes the index the way, not the table */
        (void)snprintf(sql, sizeof sql,
                       "SELECT rowid, \"%s\" FROM \"%s\" WHERE +rowid BETWEEN ?1 AND ?2"
                       " ORDER BY \"%s\"",
                       id, name, id);
        walk->names = prepare(walk->foreign, sql);
    }
    return walk->rows && walk->probe;
}

static void read_value(sqlite3_stmt *stmt, int column, struct foreign_value *ret)
{
    *ret = (struct foreign_value){.type = FOREIGN_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        ret->type = FOREIGN_INTEGER;
        ret->number = sqlite3_column_int64(stmt, column);
        break;
    case SQLITE_FLOAT:
        ret->type = FOREIGN_REAL;
        break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        ret->type = sqlite3_column_type(stmt, column) == SQLITE_TEXT ? FOREIGN_TEXT : FOREIGN_BLOB;
        ret->text = sqlite3_column_blob(stmt, column);
        ret->size = (size_t)sqlite3_column_bytes(stmt, column);
        if (!ret->text)
            ret->text = "";
        break;
    default:
        break;
    }
}

/* A damaged rowid may be far ahead of those behind it: one that fits between the last two goes on from
 * the first of them. No rowid before that comes again, so the walk ends. */
static bool is_in_order(struct walk *walk, int64_t rowid)
{
    if (rowid <= walk->before_rowid)
        return false;
    if (rowid > walk->last_rowid)
        walk->before_rowid = walk->last_rowid;
    return rowid != walk->last_rowid;
}

/* Visits rows until the end or the first that cannot be read (*ret_is_broken). */
static enum err read_rows(struct walk *walk, bool *ret_is_broken)
{
    struct foreign_value values[FOREIGN_COLUMNS_MAX];
    enum err err = ERR_OK;
    int rc;
    (void)sqlite3_bind_int64(walk->rows, 1, walk->last_rowid);
    while ((rc = sqlite3_step(walk->rows)) == SQLITE_ROW) {
        struct foreign_row row = {.table = walk->table,
                                  .rowid = sqlite3_column_int64(walk->rows, 0),
                                  .values = values,
                                  .begin = begins[walk->table]};
        if (!is_in_order(walk, row.rowid)) { /* a damaged page leads in circles */
            rc = SQLITE_CORRUPT;
            break;
        }
        for (int i = 0; i < walk->column_count; i++)
            read_value(walk->rows, i + 1, &values[i]);
        walk->last_rowid = row.rowid;
        err = walk->visit(walk->context, &row);
        if (err)
            break;
    }
    (void)sqlite3_reset(walk->rows); /* repeats the error */
    *ret_is_broken = !err && rc != SQLITE_DONE;
    return err;
}

enum found { FOUND_ROW, FOUND_END, FOUND_DAMAGE };

static enum found probe(struct walk *walk, int64_t from_rowid, int64_t *ret_rowid)
{
    (void)sqlite3_bind_int64(walk->probe, 1, from_rowid);
    int rc = sqlite3_step(walk->probe);
    enum found found = rc == SQLITE_ROW ? FOUND_ROW : rc == SQLITE_DONE ? FOUND_END : FOUND_DAMAGE;
    if (found == FOUND_ROW) {
        *ret_rowid = sqlite3_column_int64(walk->probe, 0);
        if (*ret_rowid < from_rowid)
            found = FOUND_DAMAGE;
    }
    (void)sqlite3_reset(walk->probe); /* repeats the error */
    return found;
}

/* The first rowid at or above `from` that is found; FOUND_END: no more. *ret_is_gap: rows were
 * passed that could not even be found. */
static enum found find_next(struct walk *walk, int64_t from, int64_t *ret_rowid, bool *ret_is_gap)
{
    enum found found = probe(walk, from, ret_rowid);
    *ret_is_gap = found == FOUND_DAMAGE;
    int64_t low = from, high = from;
    for (int64_t step = 1; found == FOUND_DAMAGE; step *= 2) {
        low = high;
        if (high > PROBE_MAX - step)
            return FOUND_END;
        high += step;
        found = probe(walk, high, ret_rowid);
    }
    while (*ret_is_gap && high - low > 1) { /* low: damage, high: none */
        int64_t middle = low + (high - low) / 2, rowid = 0;
        enum found there = probe(walk, middle, &rowid);
        if (there == FOUND_DAMAGE) {
            low = middle;
            continue;
        }
        high = middle;
        found = there;
        if (there == FOUND_ROW)
            *ret_rowid = rowid;
    }
    return found;
}

/* Names what lies between; a range when no index knows them. */
static enum err tell(struct walk *walk, int64_t first, int64_t last)
{
    struct foreign_loss loss = {.table = walk->table, .first_rowid = first, .last_rowid = last};
    enum err err = ERR_OK;
    uint64_t named = 0;
    if (walk->names) {
        (void)sqlite3_bind_int64(walk->names, 1, first);
        (void)sqlite3_bind_int64(walk->names, 2, last);
        while (!err && sqlite3_step(walk->names) == SQLITE_ROW) {
            struct foreign_loss one = {.table = walk->table};
            one.first_rowid = one.last_rowid = sqlite3_column_int64(walk->names, 0);
            one.id = (const char *)sqlite3_column_blob(walk->names, 1);
            one.id_size = (size_t)sqlite3_column_bytes(walk->names, 1);
            err = walk->lost(walk->context, &one);
            named++;
        }
        (void)sqlite3_reset(walk->names); /* what it cannot name is told as a range */
    }
    return named || err ? err : walk->lost(walk->context, &loss);
}

/* The rowid of what cannot be read may be damaged, too: then something lower is found behind it. */
static int64_t find_behind(struct walk *walk, int64_t first, int64_t rowid)
{
    int64_t behind = 0;
    for (int64_t step = 1; step < rowid - first && step <= PROBE_MAX; step *= 2) {
        if (probe(walk, first + step, &behind) == FOUND_ROW && behind < rowid)
            return behind;
    }
    return rowid;
}

/* A row that is not found by the rowid it came with had a damaged one: from the one before it, then. */
static void step_back(struct walk *walk)
{
    int64_t rowid = 0;
    bool is_first = walk->last_rowid == walk->before_rowid || walk->last_rowid < 0;
    if (!is_first &&
        (probe(walk, walk->last_rowid, &rowid) != FOUND_ROW || rowid != walk->last_rowid))
        walk->last_rowid = walk->before_rowid;
}

/* False: there is nothing behind it. */
static enum err pass_damage(struct walk *walk, bool *ret_goes_on)
{
    step_back(walk);
    int64_t first = walk->last_rowid + 1, rowid = 0;
    bool is_gap = false;
    enum found found = find_next(walk, first, &rowid, &is_gap);
    if (++walk->losses > LOSSES_MAX)
        found = FOUND_END;
    *ret_goes_on = found == FOUND_ROW;
    if (found != FOUND_ROW)
        return tell(walk, first, INT64_MAX);
    int64_t behind = !is_gap ? find_behind(walk, first, rowid) : rowid;
    if (behind < rowid) {
        is_gap = true;
        rowid = behind;
    }
    if (!is_gap) { /* it is there, but cannot be read */
        walk->last_rowid = walk->before_rowid = rowid;
        return tell(walk, rowid, rowid);
    }
    walk->last_rowid = walk->before_rowid = rowid - 1;
    return rowid > first ? tell(walk, first, rowid - 1) : ERR_OK;
}

enum err foreign_walk(struct foreign *foreign, enum foreign_table table, foreign_visit *visit,
                      foreign_lost *lost, void *context)
{
    struct walk walk = {.foreign = foreign,
                        .table = table,
                        .visit = visit,
                        .lost = lost,
                        .context = context,
                        .last_rowid = -1,
                        .before_rowid = INT64_MIN};
    bool goes_on = true;
    enum err err = foreign_has(foreign, table) && prepare_walk(&walk) ? ERR_OK : ERR_CORRUPT;
    while (!err && goes_on) {
        err = read_rows(&walk, &goes_on);
        if (!err && goes_on)
            err = pass_damage(&walk, &goes_on);
    }
    (void)sqlite3_finalize(walk.rows); /* all three repeat the last error */
    (void)sqlite3_finalize(walk.probe);
    (void)sqlite3_finalize(walk.names);
    return err;
}
