/* SPDX-License-Identifier: MPL-2.0
 *
 * See room_world.h.
 */
#include "room_world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "store/consumers.h"

const INTERNAL(CallDone) * room_ask(struct world *world, INTERNAL(Call) * call)
{
    uint64_t correlation = world_ask(world, ACTOR_PERSISTENCE, MSG_CALL, &call->base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    return done;
}

INTERNAL(Call) room_call(uint32_t method, int64_t peer_id, const char *room)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    call.method = method;
    call.peer_id = peer_id;
    if (room) {
        call.scope_kind = SCOPE_ROOM;
        call.scope_name = world_bytes(room);
    }
    return call;
}

uint32_t room_do(struct world *world, uint32_t method, int64_t peer_id, const char *room)
{
    INTERNAL(Call) call = room_call(method, peer_id, room);
    return room_ask(world, &call)->code;
}

uint32_t room_do_to(struct world *world, uint32_t method, int64_t peer_id, const char *room,
                    const char *other, uint32_t role)
{
    INTERNAL(Call) call = room_call(method, peer_id, room);
    call.peer = world_bytes(other);
    call.room_role = role;
    return room_ask(world, &call)->code;
}

uint32_t room_send(struct world *world, uint64_t session, int64_t peer_id, uint64_t no,
                   const char *scope)
{
    struct world_entry entry = {.scope = scope, .body = "x"};
    uint64_t correlation = world_send(world, session, peer_id, no, &entry, 1);
    world_settle(world);
    const INTERNAL(StoreDone) *done = world_answer(world, correlation);
    assert_non_null(done);
    assert_int_equal(done->retry_code, 0);
    if (done->n_exceptions == 0)
        return 0;
    assert_int_equal(done->exceptions[0]->no, no);
    return done->exceptions[0]->code;
}

int64_t room_query(struct world *world, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    int64_t value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return value;
}

size_t room_blob(struct world *world, const char *sql, uint8_t *ret, size_t size_max)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    size_t size = (size_t)sqlite3_column_bytes(stmt, 0);
    assert_true(size > 0 && size <= size_max);
    memcpy(ret, sqlite3_column_blob(stmt, 0), size);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return size;
}

void room_exec(struct world *world, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

int64_t room_role(struct world *world, const char *room, const char *peer)
{
    char sql[512];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT coalesce((SELECT role FROM member WHERE scope_id = (SELECT id FROM scope"
                   " WHERE kind = 2 AND folded = '%s') AND peer_id = (SELECT id FROM peer WHERE"
                   " folded = '%s')), 0)",
                   room, peer);
    return room_query(world, sql);
}
