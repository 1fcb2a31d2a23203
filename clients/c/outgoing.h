/* SPDX-License-Identifier: MPL-2.0
 *
 * One message on its way to the broker, encoded once by the thread that sends it.
 *
 * Owns its bytes: the scope, then the protobuf encoding of everything else of an Entry. They are
 * kept apart because an entry leaves its scope out when it is that of the entry before it in the
 * same frame; so a SEND frame is put together by copying, also when it is sent again.
 * Leaves to others: what was answered (publish.h), who waits for it (roost_send.c).
 */
#ifndef CLIENT_OUTGOING_H
#define CLIENT_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/c/roost.h"

struct send_waiter; /* send_waiter.h */

struct outgoing {
    uint64_t ticket;
    void *context;
    struct send_waiter *waiter; /* NULL: nobody waits for this one in particular */
    uint32_t scope_size;
    uint32_t rest_size;
    uint32_t body_size;
    bool was_sent;      /* at least once: the next time counts as sent again */
    uint32_t fate_code; /* an exception that names it has come; 0: none (publish.c) */
    uint64_t fate_seq;
    uint8_t message_id[ROOST_ID_BYTES];
    uint8_t bytes[]; /* scope, then the rest */
};

/* ROOST_USAGE: a field is outside its range. ROOST_NO_MEMORY. *ret is freed with free(). */
enum roost_error outgoing_new(const struct roost_outgoing *message, struct outgoing **ret);

/* Memory it takes, for the bounds of the session. */
static inline size_t outgoing_size_bytes(const struct outgoing *outgoing)
{
    return sizeof(*outgoing) + outgoing->scope_size + outgoing->rest_size;
}

/* Bytes of its entry in a SEND after the entry `before` (NULL: it is the first). */
size_t outgoing_entry_bytes(const struct outgoing *outgoing, const struct outgoing *before);

/* Writes them; returns the end. */
uint8_t *outgoing_write_entry(const struct outgoing *outgoing, const struct outgoing *before,
                              uint8_t *at);

/* Field 1 of a SEND. */
size_t outgoing_first_no_bytes(uint64_t first_no);
uint8_t *outgoing_write_first_no(uint64_t first_no, uint8_t *at);

#endif
