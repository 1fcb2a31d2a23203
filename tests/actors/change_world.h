/* SPDX-License-Identifier: MPL-2.0
 *
 * Edits, deletions and reactions in the small world, one line each, and queries with their whole
 * answer.
 */
#ifndef TESTS_ACTORS_CHANGE_WORLD_H
#define TESTS_ACTORS_CHANGE_WORLD_H

#include "room_world.h"

/* Stores a message: its seq; a new id in ret_id. */
uint64_t change_send(struct world *world, int64_t peer_id, const char *scope, const char *body,
                     uint8_t ret_id[UUID_BYTES]);
/* The same with this id. */
uint64_t change_send_as(struct world *world, int64_t peer_id, const char *scope, const char *body,
                        const uint8_t id[UUID_BYTES]);

INTERNAL(Call) change_call(uint32_t method, int64_t peer_id, const uint8_t id[UUID_BYTES]);
/* Answers live until world_forget. */
const INTERNAL(CallDone) * change_edit(struct world *world, int64_t peer_id,
                                       const uint8_t id[UUID_BYTES], const char *body);
const INTERNAL(CallDone) *
    change_delete(struct world *world, int64_t peer_id, const uint8_t id[UUID_BYTES]);
const INTERNAL(CallDone) * change_react(struct world *world, int64_t peer_id,
                                        const uint8_t id[UUID_BYTES], const char *emoji);
const INTERNAL(CallDone) * change_unreact(struct world *world, int64_t peer_id,
                                          const uint8_t id[UUID_BYTES], const char *emoji);
/* The message that the newest edit changed. */
uint64_t change_edited(struct world *world);

/* --- Queries. */

#define CHANGE_PARTS_MAX 64

struct change_answer {
    Roost__V1__Result *parts[CHANGE_PARTS_MAX];
    size_t part_count, message_count;
    Roost__V1__Fin *fin;
};

Roost__V1__Query change_query(Roost__V1__QueryKind kind);
/* Asks history; frees what was in *answer before. Returns the code. */
uint32_t change_ask(struct world *world, int64_t peer_id, const Roost__V1__Query *query,
                    struct change_answer *answer);
void change_answer_clear(struct change_answer *answer);
const Roost__V1__Delivery *change_message(const struct change_answer *answer, size_t n);

#endif
