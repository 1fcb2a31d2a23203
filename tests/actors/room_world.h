/* SPDX-License-Identifier: MPL-2.0
 *
 * Calls about rooms in the small world: one line each, and what the database says afterwards.
 */
#ifndef TESTS_ACTORS_ROOM_WORLD_H
#define TESTS_ACTORS_ROOM_WORLD_H

#include "persistence_world.h"

#define ROOM_ADMIN ROOST__V1__ROLE__ADMIN

/* Asks persistence; the answer lives until world_forget. */
const INTERNAL(CallDone) * room_ask(struct world *world, INTERNAL(Call) * call);
/* A call of this method by this peer about this room, to be filled further. */
INTERNAL(Call) room_call(uint32_t method, int64_t peer_id, const char *room);
/* The same, asked: its code. */
uint32_t room_do(struct world *world, uint32_t method, int64_t peer_id, const char *room);
/* With the peer it is about: INVITE, MEMBER_ROLE. */
uint32_t room_do_to(struct world *world, uint32_t method, int64_t peer_id, const char *room,
                    const char *other, uint32_t role);
/* The code of a STORE of one message; 0: stored. */
uint32_t room_send(struct world *world, uint64_t session, int64_t peer_id, uint64_t no,
                   const char *scope);

/* One number from the file, read by a connection of its own. */
int64_t room_query(struct world *world, const char *sql);
/* One blob; returns its size. */
size_t room_blob(struct world *world, const char *sql, uint8_t *ret, size_t size_max);
/* Changes it, while the world is not running. */
void room_exec(struct world *world, const char *sql);
/* Role of a peer in a room, 0 without one. */
int64_t room_role(struct world *world, const char *room, const char *peer);

#define assert_code(code, err) assert_int_equal((code), err_code(err))

#endif
