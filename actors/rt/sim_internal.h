/* SPDX-License-Identifier: MPL-2.0
 *
 * Shared by the two files of the simulator: sim.c (lives, turns, time) and sim_post.c (links, the
 * trace, the test as an actor).
 */
#ifndef RT_SIM_INTERNAL_H
#define RT_SIM_INTERNAL_H

#include "rt/actor_internal.h"
#include "rt/sim.h"

#define SIM_IDS_MAX          (SYSTEM_ACTORS_MAX + 16)
#define SIM_MONO_START_NS    1000000000 /* not zero, so that zero is noticed as "never set" */
#define SIM_RESTARTS_MAX_MAX 32

struct parcel {
    struct parcel *next;
    zmq_msg_t frame;
    zmq_msg_t payload;
    bool has_payload;
    int64_t arrival_ns;
    uint64_t serial;
};

struct queue {
    struct parcel *head;
    struct parcel *tail;
    bool is_held;
};

struct seat {
    struct actor actor;
    int64_t restarts_ns[SIM_RESTARTS_MAX_MAX];
    unsigned restart_count;
    bool is_stopped; /* by sim_stop: takes no more turns */
    bool is_frozen;  /* by sim_freeze: the same for a while */
};

struct sim {
    struct sim_options options;
    size_t count; /* actors; pseudo actors follow */
    size_t id_count;
    struct seat *seats;
    struct metrics *metrics;
    struct link *links;
    struct queue *queues; /* [from * id_count + to] */
    uint32_t *rooms;
    struct actor_host host;
    struct mono_time mono;
    struct wall_time wall;
    int64_t wall_offset_ms;
    uint64_t random_state;
    uint64_t parcel_serial;
    uint64_t trace_hash;
    uint64_t message_count;
    int trace_fd;
    enum err failure;
    uint8_t failed_id;

    /* What sim_take gave out last. */
    struct arena arena;
    struct parcel *taken;
    struct msg taken_msg;
};

uint64_t sim_draw(struct sim *sim);
uint64_t sim_draw_below(struct sim *sim, uint64_t limit);
int64_t sim_draw_time_ns(struct sim *sim, int64_t max_us);

static inline struct queue *queue_between(struct sim *sim, size_t from, size_t to)
{
    return &sim->queues[from * sim->id_count + to];
}

/* When the first message of a link arrives; INT64_MAX: none, or it is held back. */
int64_t queue_arrival_ns(const struct queue *queue);

/* Takes both frames on ERR_OK. ERR_BUSY: no memory. */
MUST_USE enum err sim_enqueue(struct sim *sim, uint8_t from, uint8_t to, zmq_msg_t *frame,
                              zmq_msg_t *payload);
/* The first message of a link that has one; freed by the caller. */
struct parcel *sim_dequeue(struct sim *sim, size_t from, size_t to);
void sim_drop_all_messages(struct sim *sim);

/* Notes that a message was taken by `to`. */
void sim_trace(struct sim *sim, uint8_t to, struct parcel *parcel);

#endif
