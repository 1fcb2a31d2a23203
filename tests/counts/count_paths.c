/* SPDX-License-Identifier: MPL-2.0
 *
 * The paths of a message, one after the other, for counting their instructions: run by bench/counts
 * under callgrind, which hears from this program where each path begins and ends.
 *
 *     count_paths             all paths; without valgrind it says that nothing was counted
 *     count_paths --versions  compiler and libraries, as JSON: counts are only alike where these are
 *
 * It is the whole broker of the simulator (tests/sim): persistence, history and sync-manager with a
 * real database, one thread, one seed, no clock but a virtual one. Sockets and the kernel are not in
 * it. One frame is on its way at a time, so a frame is a commit and nothing depends on what is drawn.
 * Packing the frames and reading what arrives are the test's and not counted.
 *
 * Each path prints {"path": NAME, "messages": N}; the counts are in callgrind's parts of that name.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <gnu/libc-version.h>
#include <protobuf-c/protobuf-c.h>
#include <sqlite3.h>
#include <valgrind/callgrind.h>
#include <zmq.h>

#include "proto/name.h"
#include "proto/wire.h"
#include "rt/check.h"
#include "store/consumers.h"
#include "tests/sim/sim_broker.h"

#define SEED           4711
#define BODY_BYTES     256
#define FRAME_MESSAGES 100
#define BLOCK_FRAMES   10 /* between two of these the index is brought forward, uncounted */
#define BLOCK_MESSAGES (FRAME_MESSAGES * BLOCK_FRAMES)
#define BLOCKS         3
#define SINGLES        200
#define IDLE_MS        1500 /* after that nothing is left to index */
#define SESSION        7
#define READER         8

struct counting {
    struct sim_broker broker;
    int64_t sender_id, reader_id;
    uint64_t next_no;   /* of the next message */
    uint64_t credit;    /* given to the reader */
    uint64_t delivered; /* to it */
    uint64_t confirm_id;
    uint64_t correlation;
};

static struct counting counting;
static uint8_t body[BODY_BYTES];

/* --- Counting */

static void begin_path(void)
{
    CALLGRIND_TOGGLE_COLLECT;
}

static void end_path(void)
{
    CALLGRIND_TOGGLE_COLLECT;
}

static void report(const char *path, uint64_t messages)
{
    (void)printf("{\"path\": \"%s\", \"messages\": %" PRIu64 "}\n", path, messages);
    CALLGRIND_DUMP_STATS_AT(path);
    CALLGRIND_ZERO_STATS;
}

static void print_versions(void)
{
    int major = 0;
    int minor = 0;
    int patch = 0;
    zmq_version(&major, &minor, &patch);
    (void)printf("{\"compiler\": \"%s %s\", \"flags\": \"%s\", \"architecture\": \"%s\", "
                 "\"libc\": \"%s\", \"sqlite\": \"%s\", \"protobuf-c\": \"%s\", "
                 "\"zeromq\": \"%d.%d.%d\"}\n",
                 COUNT_COMPILER, __VERSION__, COUNT_FLAGS, COUNT_ARCHITECTURE,
                 gnu_get_libc_version(), sqlite3_libversion(), protobuf_c_version(), major, minor,
                 patch);
}

/* --- What clients do */

static void ask(uint8_t to, uint8_t kind, const ProtobufCMessage *question, zmq_msg_t *payload)
{
    CHECK(sim_post(counting.broker.sim, ACTOR_ZMQ_GATEWAY, to, kind, question, payload,
                   ++counting.correlation, true) == ERR_OK);
}

static void tell(uint8_t kind, const ProtobufCMessage *message)
{
    CHECK(sim_broker_tell(&counting.broker, kind, message));
}

/* The one message that must have come, of this kind. */
static const struct msg *expect(uint8_t kind)
{
    const struct msg *msg = sim_take(counting.broker.sim, ACTOR_ZMQ_GATEWAY);
    CHECK(msg != NULL && msg->kind == kind);
    return msg;
}

static void settle_down(void)
{
    sim_settle(counting.broker.sim);
    CHECK(sim_failure(counting.broker.sim, NULL) == ERR_OK);
}

static int64_t make_peer(const char *name)
{
    CHECK(sim_broker_peer(&counting.broker, name) != 0);
    settle_down();
    const INTERNAL(PeerSaved) *saved = MSG_BODY(expect(MSG_PEER_SAVED), INTERNAL(PeerSaved));
    return saved->states[0]->peer_id;
}

/* Ids that rise, as those of UUIDv7 do, with a tail that does not. */
static void make_id(uint64_t number, uint8_t id[16])
{
    uint64_t noise = number * UINT64_C(0x9E3779B97F4A7C15);
    for (int i = 0; i < 8; i++)
        id[i] = (uint8_t)(number >> (56 - 8 * i));
    memcpy(id + 8, &noise, sizeof(noise));
}

static void pack_send(uint32_t count, zmq_msg_t *ret)
{
    static uint8_t ids[FRAME_MESSAGES][16];
    static Roost__V1__Entry entries[FRAME_MESSAGES];
    static Roost__V1__Entry *list[FRAME_MESSAGES];
    static uint8_t scope[] = "peer:reader";
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    CHECK(count <= FRAME_MESSAGES);
    for (uint32_t i = 0; i < count; i++) {
        make_id(counting.next_no + i, ids[i]);
        roost__v1__entry__init(&entries[i]);
        entries[i].message_id = (ProtobufCBinaryData){16, ids[i]};
        entries[i].scope = (ProtobufCBinaryData){i == 0 ? sizeof(scope) - 1 : 0, scope};
        entries[i].body = (ProtobufCBinaryData){sizeof(body), body};
        entries[i].kind = ROOST__V1__KIND__CUSTOM;
        list[i] = &entries[i];
    }
    send.first_no = counting.next_no;
    send.n_entries = count;
    send.entries = list;
    CHECK(wire_pack(ROOST__V1__TYPE__SEND, &send.base, ret) == ERR_OK);
}

/* One frame, from STORE to STORE_DONE. */
static void publish(uint32_t count)
{
    INTERNAL(Store) store = ROOST__INTERNAL__STORE__INIT;
    zmq_msg_t frame;
    pack_send(count, &frame);
    store.session = SESSION;
    store.peer_id = counting.sender_id;
    store.first_no = counting.next_no;
    store.count = count;
    store.body_bytes = (uint64_t)count * sizeof(body);
    begin_path();
    ask(ACTOR_PERSISTENCE, MSG_STORE, &store.base, &frame);
    settle_down();
    end_path();
    const INTERNAL(StoreDone) *done = MSG_BODY(expect(MSG_STORE_DONE), INTERNAL(StoreDone));
    CHECK(done->upto_no == counting.next_no + count - 1 && done->n_exceptions == 0);
    counting.next_no += count;
}

static void attach(void)
{
    INTERNAL(Attach) attach = ROOST__INTERNAL__ATTACH__INIT;
    static uint8_t name[] = "reader";
    static uint8_t consumer[] = "main";
    attach.session = READER;
    attach.peer_id = counting.reader_id;
    attach.peer_name = (ProtobufCBinaryData){sizeof(name) - 1, name};
    attach.handle = 1;
    attach.scope_kind = SCOPE_PEER;
    attach.scope_name = attach.peer_name;
    attach.consumer = (ProtobufCBinaryData){sizeof(consumer) - 1, consumer};
    attach.lease_ms = 3600000;
    ask(ACTOR_SYNC_MANAGER, MSG_ATTACH, &attach.base, NULL);
    settle_down();
    CHECK(MSG_BODY(expect(MSG_ATTACHED), INTERNAL(Attached))->code == 0);
    counting.credit = 0;
}

/* Credit for so many more, until all of them have come. */
static void deliver(uint32_t count)
{
    INTERNAL(Credit) credit = ROOST__INTERNAL__CREDIT__INIT;
    const struct msg *msg;
    uint64_t arrived = 0;
    counting.credit += count;
    credit.session = READER;
    credit.handle = 1;
    credit.messages_total = counting.credit;
    begin_path();
    tell(MSG_CREDIT, &credit.base);
    settle_down();
    end_path();
    while ((msg = sim_take(counting.broker.sim, ACTOR_ZMQ_GATEWAY)) != NULL) {
        CHECK(msg->kind == MSG_DELIVER_OUT);
        arrived += MSG_BODY(msg, INTERNAL(DeliverOut))->count;
    }
    CHECK(arrived == count);
    counting.delivered += arrived;
}

/* The deliveries first .. first + count - 1 of this attachment, from SETTLE to SETTLED. */
static void settle(uint64_t first, uint32_t count)
{
    INTERNAL(Settle) settle = ROOST__INTERNAL__SETTLE__INIT;
    INTERNAL(SettleRange) range = ROOST__INTERNAL__SETTLE_RANGE__INIT;
    INTERNAL(SettleRange) * ranges[] = {&range};
    range.first_delivery_no = first;
    range.last_delivery_no = first + count - 1;
    range.outcome = ROOST__V1__OUTCOME__ACK;
    settle.session = READER;
    settle.handle = 1;
    settle.confirm_id = ++counting.confirm_id;
    settle.ranges = ranges;
    settle.n_ranges = 1;
    begin_path();
    tell(MSG_SETTLE, &settle.base);
    settle_down();
    end_path();
    const INTERNAL(Settled) *settled = MSG_BODY(expect(MSG_SETTLED), INTERNAL(Settled));
    CHECK(settled->confirm_id == counting.confirm_id && settled->n_exceptions == 0);
}

/* --- The paths, in an order in which each finds what it needs */

static void count_scan(void)
{
    struct arena arena;
    arena_init(&arena, WIRE_ARENA_BYTES(WIRE_FRAME_BYTES_DEFAULT));
    struct wire_reader reader = {
        .direction = WIRE_TO_BROKER, .limits = &wire_limits_default, .arena = &arena};
    struct wire_send_facts facts;
    zmq_msg_t frame;
    pack_send(FRAME_MESSAGES, &frame);
    for (uint32_t i = 0; i < BLOCK_FRAMES; i++) {
        begin_path();
        CHECK(!wire_scan_send(&reader, zmq_msg_data(&frame), zmq_msg_size(&frame), &facts));
        end_path();
    }
    (void)zmq_msg_close(&frame);
    arena_fini(&arena);
    report("scan", BLOCK_MESSAGES);
}

static void count_publish(void)
{
    publish(FRAME_MESSAGES); /* makes the mailbox, the first pages, the prepared statements */
    CALLGRIND_ZERO_STATS;
    for (uint32_t block = 0; block < BLOCKS; block++) {
        for (uint32_t i = 0; i < BLOCK_FRAMES; i++)
            publish(FRAME_MESSAGES);
        sim_advance(counting.broker.sim, IDLE_MS);
    }
    report("publish", BLOCKS * BLOCK_MESSAGES);
    for (uint32_t i = 0; i < SINGLES; i++)
        publish(1);
    report("publish-one", SINGLES);
}

static void count_index(void)
{
    sim_advance(counting.broker.sim, IDLE_MS);
    for (uint32_t i = 0; i < (BLOCKS - 1) * BLOCK_FRAMES; i++)
        publish(FRAME_MESSAGES);
    CALLGRIND_ZERO_STATS;
    begin_path();
    sim_advance(counting.broker.sim, IDLE_MS);
    end_path();
    report("index", (BLOCKS - 1) * BLOCK_MESSAGES);
}

static void count_deliver_and_settle(void)
{
    uint64_t first = 1;
    attach();
    deliver(FRAME_MESSAGES);
    settle(first, FRAME_MESSAGES);
    CALLGRIND_ZERO_STATS;
    for (uint32_t i = 0; i < BLOCKS; i++)
        deliver(BLOCK_MESSAGES);
    report("deliver", BLOCKS * BLOCK_MESSAGES);
    first += FRAME_MESSAGES;
    for (uint32_t i = 0; i < (BLOCKS - 1) * BLOCK_FRAMES; i++, first += FRAME_MESSAGES)
        settle(first, FRAME_MESSAGES);
    report("settle", (BLOCKS - 1) * BLOCK_MESSAGES);
    for (uint32_t i = 0; i < SINGLES; i++, first++)
        settle(first, 1);
    report("settle-one", SINGLES);
    first += SINGLES; /* that many stay: every second one, from behind, is an exception each */
    for (uint32_t i = 0; i < SINGLES; i++)
        settle(first + 2 * (SINGLES - i), 1);
    report("settle-out-of-order", SINGLES);
}

/* After a kill, with all that was published before in the store: one start. */
static void count_start(void)
{
    begin_path();
    CHECK(sim_crash_all(counting.broker.sim, 1) == ERR_OK);
    settle_down();
    end_path();
    report("start", 1);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--versions") == 0) {
        print_versions();
        return 0;
    }
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 131 + 7);
    sim_broker_init(&counting.broker, SEED, false);
    counting.sender_id = make_peer("sender");
    counting.reader_id = make_peer("reader");
    counting.next_no = 1;
    CALLGRIND_ZERO_STATS;
    count_scan();
    count_publish();
    count_index();
    count_deliver_and_settle();
    count_start();
    sim_broker_fini(&counting.broker);
    if (RUNNING_ON_VALGRIND == 0)
        (void)fprintf(stderr, "not under valgrind: nothing was counted\n");
    return 0;
}
