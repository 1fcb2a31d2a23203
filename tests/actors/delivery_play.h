/* SPDX-License-Identifier: MPL-2.0
 *
 * What can happen in the model test, one function each: delivery and its twin are told the same,
 * and what delivery hands out is compared with the twin's prediction.
 */
#ifndef TESTS_ACTORS_DELIVERY_PLAY_H
#define TESTS_ACTORS_DELIVERY_PLAY_H

#include "delivery_model.h"

#define ATTACHMENTS 8
#define LEASES_MAX  4096
#define FETCHES     8
#define LEASE_MS    20000
#define CONFIRM_MAX 600 /* so much of a settle is compared */

struct test_lease {
    uint32_t index; /* of the message */
    int64_t deadline_ms;
    bool is_open, is_acked;
};

struct test_attachment {
    bool exists;
    struct delivery_address address;
    struct model_consumer *consumer;
    uint64_t credit, taken;
    uint64_t first_no, next_no;
    struct test_lease leases[LEASES_MAX]; /* number first_no + i */
};

struct test_fetch {
    bool exists;
    uint32_t slot, count;
    uint64_t first_no;
    struct test_attachment *attachment; /* NULL: gone */
};

struct test_confirm { /* a settle that will be answered */
    bool exists;
    uint64_t id;
    int64_t consumer_id;
    uint32_t count;
    uint32_t indexes[CONFIRM_MAX]; /* of the messages it acknowledges */
    uint64_t ended[CONFIRM_MAX];   /* their delivery numbers */
    uint32_t late_count;
    uint64_t late[CONFIRM_MAX]; /* numbers it acknowledges that had ended otherwise */
};

struct world {
    uint64_t seed, random, step;
    const uint8_t *bytes; /* of a fuzzer: decisions are read from here first */
    size_t bytes_left;
    struct delivery *delivery;
    struct model model;
    struct test_attachment attachments[ATTACHMENTS];
    struct test_fetch fetches[FETCHES];
    struct delivery_write writes[DELIVERY_WRITES_MAX];
    uint32_t write_count;
    struct test_confirm confirms[64];
    uint64_t session_next, confirm_next;
    int64_t consumer_next;
    uint64_t delivered, crashes, confirmed;
};

extern struct world *world; /* of the seed under way */

/* A new world; decisions come from these bytes while there are some, then from the seed. */
void play_begin(uint64_t seed, const uint8_t *bytes, size_t size);
/* Something happens. */
void play_step(void);
/* All that is left to do is done and compared; then everything is lost and compared again. */
void play_end(void);

/* 0 ... limit - 1 */
uint64_t draw(uint64_t limit);
bool chance(uint64_t percent);

/* Any of them; NULL: there is none. */
struct test_attachment *play_some_attachment(void);
struct test_lease *play_lease_at(struct test_attachment *attachment, uint64_t no);

/* A new life of delivery, from the pretended disk. */
void play_start(void);
void play_add_consumer(void);
void play_append(void);
void play_attach(void);
void play_detach(void);
void play_credit(void);
void play_fetch(void);
void play_fetched(void);
void play_settle(void);
void play_take_write(void);
void play_written(bool may_fail);
void play_pass_time(int64_t delay_ms, int64_t jump_ms);
void play_hear_done(void);
/* What a run of this scope says its topic is. */
struct delivery_bytes play_topic(int64_t scope_id);
struct delivery_run play_run_of(const struct model_message *message);

#endif
