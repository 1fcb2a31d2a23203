/* SPDX-License-Identifier: MPL-2.0
 *
 * The links of the simulator, what is noted of every message, and the test as an actor.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt/check.h"
#include "rt/sim_internal.h"

/* --- Queues */

enum err sim_enqueue(struct sim *sim, uint8_t from, uint8_t to, zmq_msg_t *frame,
                     zmq_msg_t *payload)
{
    struct parcel *parcel = calloc(1, sizeof(*parcel));
    if (!parcel)
        return ERR_BUSY;
    struct queue *queue = queue_between(sim, from, to);
    CHECK(zmq_msg_init(&parcel->frame) == 0 && zmq_msg_move(&parcel->frame, frame) == 0);
    CHECK(zmq_msg_init(&parcel->payload) == 0);
    if (payload)
        CHECK(zmq_msg_move(&parcel->payload, payload) == 0);
    parcel->has_payload = payload != NULL;
    parcel->serial = ++sim->parcel_serial;
    parcel->arrival_ns = sim->mono.ns + sim_draw_time_ns(sim, sim->options.delay_max_us);
    if (queue->tail && queue->tail->arrival_ns > parcel->arrival_ns)
        parcel->arrival_ns = queue->tail->arrival_ns;
    if (queue->tail)
        queue->tail->next = parcel;
    else
        queue->head = parcel;
    queue->tail = parcel;
    link_count_sent(link_between(&sim->host, from, to));
    return ERR_OK;
}

struct parcel *sim_dequeue(struct sim *sim, size_t from, size_t to)
{
    struct queue *queue = queue_between(sim, from, to);
    struct parcel *parcel = queue->head;
    queue->head = parcel->next;
    if (!queue->head)
        queue->tail = NULL;
    link_count_taken(link_between(&sim->host, (uint8_t)from, (uint8_t)to));
    return parcel;
}

static void free_parcel(struct parcel *parcel)
{
    if (!parcel)
        return;
    (void)zmq_msg_close(&parcel->frame); /* cannot fail on a valid message */
    (void)zmq_msg_close(&parcel->payload);
    free(parcel);
}

void sim_drop_all_messages(struct sim *sim)
{
    for (size_t i = 0; i < sim->id_count * sim->id_count; i++) {
        struct parcel *parcel = sim->queues[i].head;
        while (parcel) {
            struct parcel *next = parcel->next;
            free_parcel(parcel);
            parcel = next;
        }
        sim->queues[i].head = NULL;
        sim->queues[i].tail = NULL;
        sim->links[i] = (struct link){0};
    }
    free_parcel(sim->taken);
    sim->taken = NULL;
}

int64_t queue_arrival_ns(const struct queue *queue)
{
    return queue->head && !queue->is_held ? queue->head->arrival_ns : INT64_MAX;
}

/* --- Trace */

static void hash_bytes(struct sim *sim, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = sim->trace_hash;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    sim->trace_hash = hash;
}

void sim_trace(struct sim *sim, uint8_t to, struct parcel *parcel)
{
    struct frame_header header = frame_header_of(&parcel->frame);
    size_t size = zmq_msg_size(&parcel->frame);
    sim->message_count++;
    hash_bytes(sim, &sim->mono.ns, sizeof(sim->mono.ns));
    hash_bytes(sim, &to, sizeof(to));
    hash_bytes(sim, zmq_msg_data(&parcel->frame), size);
    hash_bytes(sim, zmq_msg_data(&parcel->payload), zmq_msg_size(&parcel->payload));
    if (sim->trace_fd < 0)
        return;
    (void)dprintf(sim->trace_fd,
                  "%" PRId64 ".%06" PRId64 " %u -> %u %s correlation=%" PRIx64
                  " size_bytes=%zu payload_bytes=%zu\n",
                  sim->mono.ns / 1000000000, sim->mono.ns / 1000 % 1000000, header.from, to,
                  kind_name(&sim->host, header.kind), header.correlation, size,
                  zmq_msg_size(&parcel->payload));
}

uint64_t sim_trace_hash(const struct sim *sim)
{
    return sim->trace_hash;
}

uint64_t sim_message_count(const struct sim *sim)
{
    return sim->message_count;
}

void sim_trace_to(struct sim *sim, int fd)
{
    sim->trace_fd = fd;
}

/* --- The test as an actor */

enum err sim_post(struct sim *sim, uint8_t from, uint8_t to, uint8_t kind,
                  const ProtobufCMessage *body, zmq_msg_t *take_payload, uint64_t correlation,
                  bool is_question)
{
    CHECK(from >= sim->count && from < sim->id_count && to < sim->id_count);
    CHECK(!is_question || correlation != 0);
    struct frame_header header = {
        .kind = kind,
        .from = from,
        .flags = (is_question ? (uint32_t)FRAME_QUESTION : 0) |
                 (take_payload ? (uint32_t)FRAME_PAYLOAD : 0),
        .correlation = correlation,
    };
    if (!link_has_room(link_between(&sim->host, from, to), sim->rooms[to], false))
        return ERR_BUSY;
    zmq_msg_t frame;
    enum err err = frame_pack(&sim->host, &header, body, &frame);
    return err ? err : sim_enqueue(sim, from, to, &frame, take_payload);
}

void sim_reply(struct sim *sim, const struct msg *question, uint8_t self, uint8_t kind,
               const ProtobufCMessage *body, zmq_msg_t *take_payload)
{
    CHECK(self >= sim->count && self < sim->id_count && question->correlation != 0);
    struct frame_header header = {
        .kind = kind,
        .from = self,
        .flags = (uint32_t)FRAME_ANSWER | (take_payload ? (uint32_t)FRAME_PAYLOAD : 0),
        .correlation = question->correlation,
    };
    CHECK(link_has_room(link_between(&sim->host, self, question->from), sim->rooms[question->from],
                        true));
    zmq_msg_t frame;
    CHECK(frame_pack(&sim->host, &header, body, &frame) == ERR_OK);
    CHECK(sim_enqueue(sim, self, question->from, &frame, take_payload) == ERR_OK);
}

static size_t earliest_sender(struct sim *sim, uint8_t self)
{
    size_t best = sim->id_count;
    const struct parcel *earliest = NULL;
    for (size_t from = 0; from < sim->id_count; from++) {
        const struct queue *queue = queue_between(sim, from, self);
        if (queue_arrival_ns(queue) > sim->mono.ns)
            continue;
        const struct parcel *parcel = queue->head;
        if (!earliest || parcel->arrival_ns < earliest->arrival_ns ||
            (parcel->arrival_ns == earliest->arrival_ns && parcel->serial < earliest->serial)) {
            earliest = parcel;
            best = from;
        }
    }
    return best;
}

const struct msg *sim_take(struct sim *sim, uint8_t self)
{
    CHECK(self >= sim->count && self < sim->id_count);
    free_parcel(sim->taken);
    sim->taken = NULL;
    arena_reset(&sim->arena);
    size_t from = earliest_sender(sim, self);
    if (from == sim->id_count)
        return NULL;
    struct parcel *parcel = sim_dequeue(sim, from, self);
    sim->taken = parcel;
    sim_trace(sim, self, parcel);
    struct frame_header header = frame_header_of(&parcel->frame);
    const uint8_t *bytes = zmq_msg_data(&parcel->frame);
    sim->taken_msg = (struct msg){
        .kind = header.kind,
        .from = header.from,
        .correlation = header.correlation,
        .body = protobuf_c_message_unpack(
            sim->host.types[header.kind].descriptor, arena_allocator(&sim->arena),
            zmq_msg_size(&parcel->frame) - sizeof(header), bytes + sizeof(header)),
        .payload = parcel->has_payload ? &parcel->payload : NULL,
    };
    CHECK(sim->taken_msg.body != NULL);
    return &sim->taken_msg;
}

void sim_hold(struct sim *sim, uint8_t from, uint8_t to, bool is_held)
{
    CHECK(from < sim->id_count && to < sim->id_count);
    queue_between(sim, from, to)->is_held = is_held;
}

struct actor_stats sim_stats(const struct sim *sim, uint8_t id)
{
    CHECK(id < sim->count);
    const struct metrics *metrics = &sim->metrics[id];
    const struct seat *seat = &sim->seats[id];
    struct actor_stats stats = {
        .name = seat->actor.class->name,
        .messages = (uint64_t)metrics_get(metrics, METRIC_MESSAGES),
        .turns = (uint64_t)metrics_get(metrics, METRIC_TURNS),
        .refusals = (uint64_t)metrics_get(metrics, METRIC_REFUSALS),
        .restarts = (uint64_t)metrics_get(metrics, METRIC_RESTARTS),
        .mailbox_high = (uint64_t)metrics_get(metrics, METRIC_MAILBOX_HIGH),
        .mailbox_max = sim->rooms[id],
        .ping = ping_report(&seat->actor.ping, sim->mono),
        .is_running = seat->actor.state != NULL && !seat->is_stopped,
    };
    for (size_t from = 0; from < sim->id_count; from++) {
        uint64_t depth = link_depth(link_between(&sim->host, (uint8_t)from, id));
        stats.mailbox_depth += depth;
        if (depth > stats.mailbox_fullest)
            stats.mailbox_fullest = depth;
    }
    return stats;
}
