/* SPDX-License-Identifier: MPL-2.0
 *
 * raw_sqlite: rows a second SQLite makes durable (WAL, synchronous=FULL) at 1, 10, 100 and 1,000
 * rows per commit, for roost's own table `message` as the migrations given create it, and for two
 * floors: a bare table of number and body, and one row for all messages of a commit, which SQL could
 * not read any more. One line of JSON each.
 *
 * The INSERT is made from the columns the table says are NOT NULL, so that a change of the schema
 * needs no change here: numbers rise, message_id has 16 bytes, the body 256. This is the raw rate
 * that goal P12 compares the whole broker with.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "measure.h"

#define BODY_SIZE_BYTES 256
#define HEAD_SIZE_BYTES 90 /* what roost stores of a message beside its body */
#define COLUMNS_MAX     64
#define MESSAGES_MAX    1000

enum filling { FILL_NUMBER, FILL_TEXT, FILL_ID, FILL_BODY };

struct table {
    const char *label;
    const char *name;
    bool is_packed; /* one row a commit */
    unsigned columns;
    enum filling filling[COLUMNS_MAX];
    char insert[4096];
};

static void check(sqlite3 *database, int status, const char *what)
{
    if (status != SQLITE_OK && status != SQLITE_DONE && status != SQLITE_ROW) {
        bench_fail("sqlite: %s: %s", what, sqlite3_errmsg(database));
    }
}

static void run_sql(sqlite3 *database, const char *sql)
{
    check(database, sqlite3_exec(database, sql, NULL, NULL, NULL), sql);
}

static void run_file(sqlite3 *database, const char *path)
{
    FILE *file = fopen(path, "r");
    char *sql = NULL;
    size_t size = 0;
    if (file == NULL || getdelim(&sql, &size, '\0', file) < 0) {
        bench_fail("cannot read %s", path);
    }
    (void)fclose(file);
    run_sql(database, sql);
    free(sql);
}

static void remove_database(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[4200];
        (void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
        (void)unlink(name); /* it may not be there */
    }
}

static sqlite3 *open_database(const char *path, int schema_count, char **schemas)
{
    sqlite3 *database = NULL;
    remove_database(path);
    check(database, sqlite3_open(path, &database), "open");
    run_sql(database, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                      "PRAGMA wal_autocheckpoint=1000");
    run_sql(database, "CREATE TABLE bare (seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT");
    for (int i = 0; i < schema_count; i++) {
        run_file(database, schemas[i]);
    }
    return database;
}

static enum filling filling_of(const char *column, const char *type)
{
    if (strcmp(column, "body") == 0) {
        return FILL_BODY;
    }
    if (strcmp(type, "BLOB") == 0) {
        return FILL_ID;
    }
    return strcmp(type, "TEXT") == 0 ? FILL_TEXT : FILL_NUMBER;
}

/* Finds the columns to fill; false when the database has no such table. */
static bool describe(sqlite3 *database, struct table *table)
{
    sqlite3_stmt *info = NULL;
    char names[2048] = "";
    char marks[4 * COLUMNS_MAX] = "";
    check(database,
          sqlite3_prepare_v2(database,
                             "SELECT name, type FROM pragma_table_info(?1)"
                             " WHERE \"notnull\" AND NOT pk AND dflt_value IS NULL",
                             -1, &info, NULL),
          "table_info");
    check(database, sqlite3_bind_text(info, 1, table->name, -1, SQLITE_STATIC), "bind");
    table->columns = 0;
    while (sqlite3_step(info) == SQLITE_ROW && table->columns < COLUMNS_MAX) {
        const char *column = (const char *)sqlite3_column_text(info, 0);
        const char *type = (const char *)sqlite3_column_text(info, 1);
        const char *comma = table->columns > 0 ? "," : "";
        size_t names_size = strlen(names);
        size_t marks_size = strlen(marks);
        (void)snprintf(names + names_size, sizeof names - names_size, "%s%s", comma, column);
        (void)snprintf(marks + marks_size, sizeof marks - marks_size, "%s?", comma);
        table->filling[table->columns++] = filling_of(column, type);
    }
    check(database, sqlite3_finalize(info), "table_info");
    (void)snprintf(table->insert, sizeof table->insert, "INSERT INTO %s (%s) VALUES (%s)",
                   table->name, names, marks);
    return table->columns > 0;
}

static void insert_row(sqlite3 *database, const struct table *table, sqlite3_stmt *insert,
                       uint64_t number)
{
    static const char body[BODY_SIZE_BYTES] = "a body";
    uint64_t id[2] = {__builtin_bswap64(number), 0x9e3779b97f4a7c15U * number};
    for (unsigned i = 0; i < table->columns; i++) {
        int at = (int)i + 1;
        switch (table->filling[i]) {
        case FILL_BODY:
            (void)sqlite3_bind_blob(insert, at, body, sizeof body, SQLITE_STATIC);
            break;
        case FILL_ID:
            (void)sqlite3_bind_blob(insert, at, id, sizeof id, SQLITE_STATIC);
            break;
        case FILL_TEXT:
            (void)sqlite3_bind_text(insert, at, "", 0, SQLITE_STATIC);
            break;
        case FILL_NUMBER:
            (void)sqlite3_bind_int64(insert, at, (sqlite3_int64)number);
            break;
        }
    }
    check(database, sqlite3_step(insert), "insert"); /* a bind that failed shows as NOT NULL */
    check(database, sqlite3_reset(insert), "insert");
}

/* All messages of a commit as one blob. */
static void insert_packed(sqlite3 *database, const struct table *table, sqlite3_stmt *insert,
                          unsigned messages)
{
    static uint8_t packed[MESSAGES_MAX * (HEAD_SIZE_BYTES + BODY_SIZE_BYTES)];
    size_t size = messages * (size_t)(HEAD_SIZE_BYTES + BODY_SIZE_BYTES);
    if (table->columns != 1 || table->filling[0] != FILL_BODY || messages > MESSAGES_MAX)
        bench_fail("packed messages go into a table of one column");
    memset(packed, (int)(messages & 0x7f), size); /* they were put together somewhere */
    (void)sqlite3_bind_blob(insert, 1, packed, (int)size, SQLITE_STATIC);
    check(database, sqlite3_step(insert), "insert");
    check(database, sqlite3_reset(insert), "insert");
}

static void insert_all(sqlite3 *database, const struct table *table, sqlite3_stmt *insert,
                       unsigned count, uint64_t first)
{
    if (table->is_packed)
        insert_packed(database, table, insert, count);
    for (unsigned i = 0; i < count && !table->is_packed; i++)
        insert_row(database, table, insert, first + i);
}

static void measure(sqlite3 *database, const struct table *table, unsigned rows,
                    int64_t duration_ms)
{
    sqlite3_stmt *insert = NULL;
    struct histogram *commit = calloc(1, sizeof *commit);
    if (commit == NULL) {
        bench_fail("out of memory");
    }
    check(database, sqlite3_prepare_v2(database, table->insert, -1, &insert, NULL), table->insert);
    uint64_t number = 0;
    double begin_cpu_s = bench_process_cpu_s((int)getpid());
    int64_t begin_ns = bench_now_ns();
    int64_t now_ns = begin_ns;
    while (now_ns - begin_ns < duration_ms * 1000000) {
        run_sql(database, "BEGIN IMMEDIATE");
        insert_all(database, table, insert, rows, number + 1);
        number += rows;
        int64_t before_ns = bench_now_ns();
        run_sql(database, "COMMIT");
        now_ns = bench_now_ns();
        histogram_record(commit, now_ns - before_ns);
    }
    double elapsed_s = (double)(now_ns - begin_ns) / 1e9;
    double cpu_s = bench_process_cpu_s((int)getpid()) - begin_cpu_s;
    check(database, sqlite3_finalize(insert), "finalize");
    (void)printf("{\"raw\":\"sqlite\",\"table\":\"%s\",\"batch\":%u,\"per_s\":%.1f,"
                 "\"cpu_us\":%.3f,\"commit_us\":",
                 table->label, rows, (double)number / elapsed_s, cpu_s * 1e6 / (double)number);
    histogram_print_json(commit, stdout);
    (void)puts("}");
    free(commit);
}

/* A fresh database for every point, so that none starts with another's log or pages. */
static void measure_fresh(const char *path, struct table *table, unsigned rows, int64_t duration_ms,
                          int schema_count, char **schemas)
{
    sqlite3 *database = open_database(path, schema_count, schemas);
    if (describe(database, table)) {
        measure(database, table, rows, duration_ms);
    } else if (schema_count > 0) {
        bench_fail("the schema has no table '%s'", table->name);
    }
    (void)sqlite3_close(database);
    remove_database(path);
}

int main(int argc, char **argv)
{
    static const unsigned batches[] = {1, 10, 100, 1000};
    static struct table tables[] = {
        {.label = "roost message", .name = "message"},
        {.label = "bare seq+body", .name = "bare"},
        {.label = "one row a commit", .name = "bare", .is_packed = true}};
    if (argc < 3) {
        (void)fputs(
            "Usage: raw_sqlite DIRECTORY MILLISECONDS [MIGRATION.sql ...]\n"
            "Measures durable rows per second, for so long per point; the migrations, in\n"
            "order, create roost's tables (without them only the bare table is measured).\n",
            stderr);
        return 2;
    }
    int64_t duration_ms = bench_number("MILLISECONDS", argv[2], 1, 3600000);
    char path[4096];
    if (snprintf(path, sizeof path, "%s/raw_sqlite.tmp", argv[1]) >= (int)sizeof path) {
        bench_fail("the directory's name is too long");
    }
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
            measure_fresh(path, &tables[t], batches[i], duration_ms, argc - 3, argv + 3);
        }
    }
    return 0;
}
