/* SPDX-License-Identifier: MPL-2.0
 *
 * See fake_broker.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_broker_internal.h"

/* -------------------------------------------------------------------------------- saying */

void fake_say(struct fake_broker *broker, Roost__V1__Type type, const ProtobufCMessage *message)
{
    zmq_msg_t frame;
    zmq_msg_t routing;
    if (atomic_load(&broker->knobs.is_mute))
        return;
    CHECK(zmq_msg_init(&routing) == 0 && zmq_msg_copy(&routing, &broker->routing) == 0);
    CHECK(frame_pack(type, message, &frame));
    if (zmq_msg_send(&routing, broker->router, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(&frame, broker->router, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(&routing);
        (void)zmq_msg_close(&frame);
    }
}

ProtobufCBinaryData fake_view(const void *bytes, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)bytes};
}

/* -------------------------------------------------------------------------------- session */

static void on_hello(struct fake_broker *broker, const Roost__V1__Hello *hello)
{
    Roost__V1__Welcome welcome = ROOST__V1__WELCOME__INIT;
    Roost__V1__Limits limits = ROOST__V1__LIMITS__INIT;
    Roost__V1__Error error = ROOST__V1__ERROR__INIT;
    static char software[] = "fake broker";
    uint8_t token[16] = {1};
    uint32_t refusal = atomic_load(&broker->knobs.refuses_hello);
    atomic_fetch_add(&broker->counts.hellos, 1);
    if (refusal) {
        error.code = refusal;
        error.type = ROOST__V1__TYPE__HELLO;
        fake_say(broker, ROOST__V1__TYPE__ERROR, &error.base);
        return;
    }
    uint32_t heartbeat_ms = atomic_load(&broker->knobs.heartbeat_ms);
    limits.frame_bytes_max = 1 << 20;
    limits.body_bytes_max = 1 << 19;
    limits.entries_max = ENTRIES_MAX;
    limits.heartbeat_ms = heartbeat_ms ? heartbeat_ms : 5000;
    limits.lease_ms = 30000;
    limits.publish_bytes = 16 << 20;
    welcome.version = 1;
    welcome.peer = hello->peer;
    welcome.resume_token = fake_view(token, sizeof(token));
    welcome.limits = &limits;
    welcome.publish_upto = WINDOW;
    welcome.software = software;
    broker->has_session = true;
    broker->expected_no = 1;
    memset(broker->consumers, 0, sizeof(broker->consumers));
    for (size_t i = 0; i < broker->message_count; i++)
        broker->messages[i].delivery_no = 0;
    fake_say(broker, ROOST__V1__TYPE__WELCOME, &welcome.base);
}

/* -------------------------------------------------------------------------------- publish */

static uint32_t *index_place(struct fake_broker *broker, const uint8_t *id)
{
    uint64_t hash;
    memcpy(&hash, id + 8, sizeof(hash));
    uint32_t at = (uint32_t)(hash * 0x9e3779b97f4a7c15u >> 40) % INDEX_SIZE;
    while (broker->index[at] && memcmp(broker->messages[broker->index[at] - 1].id, id, 16) != 0)
        at = (at + 1) % INDEX_SIZE;
    return &broker->index[at];
}

/* The number of the message; *ret_is_new says whether it was stored now. */
static size_t store(struct fake_broker *broker, const Roost__V1__Entry *entry,
                    ProtobufCBinaryData scope, bool *ret_is_new)
{
    uint32_t *place = index_place(broker, entry->message_id.data);
    *ret_is_new = *place == 0;
    if (*place) {
        atomic_fetch_add(&broker->counts.duplicates, 1);
        return *place - 1;
    }
    CHECK(broker->message_count < MESSAGES_MAX && scope.len < 64);
    struct fake_message *message = &broker->messages[broker->message_count++];
    memcpy(message->id, entry->message_id.data, 16);
    memcpy(message->scope, scope.data, scope.len);
    message->body = malloc(entry->body.len + 1);
    CHECK(message->body);
    if (entry->body.len)
        memcpy(message->body, entry->body.data, entry->body.len);
    message->body_size = entry->body.len;
    *place = (uint32_t)broker->message_count;
    atomic_fetch_add(&broker->counts.stored, 1);
    return broker->message_count - 1;
}

static void answer_retry(struct fake_broker *broker)
{
    Roost__V1__Stored stored = ROOST__V1__STORED__INIT;
    stored.upto_no = broker->expected_no - 1;
    stored.publish_upto = stored.upto_no + WINDOW;
    stored.retry_code = 6001;
    stored.retry_after_ms = 5;
    fake_say(broker, ROOST__V1__TYPE__STORED, &stored.base);
}

static void on_send(struct fake_broker *broker, const Roost__V1__Send *send)
{
    static Roost__V1__StoredRun runs[ENTRIES_MAX];
    static Roost__V1__StoredException exceptions[ENTRIES_MAX];
    static Roost__V1__StoredRun *run_list[ENTRIES_MAX];
    static Roost__V1__StoredException *exception_list[ENTRIES_MAX];
    static char text[] = "refused by the test";
    Roost__V1__Stored stored = ROOST__V1__STORED__INIT;
    ProtobufCBinaryData scope = {0};
    uint32_t refuse_every = atomic_load(&broker->knobs.refuse_every);
    uint32_t retry_every = atomic_load(&broker->knobs.retry_every);

    atomic_fetch_add(&broker->counts.send_frames, 1);
    if (send->first_no > broker->expected_no)
        return; /* behind a retry order */
    if (send->first_no < broker->expected_no)
        atomic_fetch_add(&broker->counts.disorder, 1);
    if (retry_every && ++broker->sends % retry_every == 0) {
        answer_retry(broker);
        return;
    }
    stored.runs = run_list;
    stored.exceptions = exception_list;
    for (size_t i = 0; i < send->n_entries; i++) {
        const Roost__V1__Entry *entry = send->entries[i];
        bool is_new = true;
        if (entry->scope.len)
            scope = entry->scope;
        bool is_refused = refuse_every && ++broker->entries % refuse_every == 0;
        size_t number = is_refused ? 0 : store(broker, entry, scope, &is_new);
        if (is_refused || !is_new) {
            Roost__V1__StoredException *exception = &exceptions[stored.n_exceptions];
            roost__v1__stored_exception__init(exception);
            exception->no = send->first_no + i;
            exception->code = is_refused ? 3001 : 5002;
            exception->text = text;
            exception->seq = is_refused ? 0 : number + 1;
            exception_list[stored.n_exceptions++] = exception;
        } else {
            Roost__V1__StoredRun *run = &runs[stored.n_runs];
            roost__v1__stored_run__init(run);
            run->first_no = send->first_no + i;
            run->count = 1;
            run->first_seq = number + 1;
            run_list[stored.n_runs++] = run;
        }
    }
    broker->expected_no = send->first_no + send->n_entries;
    stored.upto_no = broker->expected_no - 1;
    stored.publish_upto = stored.upto_no + WINDOW;
    if (!atomic_load(&broker->knobs.is_silent))
        fake_say(broker, ROOST__V1__TYPE__STORED, &stored.base);
}

/* For measuring: no unpacking, no storing. */
static void on_send_fast(struct fake_broker *broker, const uint8_t *at, const uint8_t *end)
{
    Roost__V1__Stored stored = ROOST__V1__STORED__INIT;
    Roost__V1__StoredRun run = ROOST__V1__STORED_RUN__INIT;
    Roost__V1__StoredRun *list = &run;
    uint32_t entries = 0;
    for (at++; *at++ & 0x80;)
        continue; /* first_no */
    while (at < end) {
        size_t size = 0;
        int shift = 0;
        at++; /* tag */
        for (;; shift += 7) {
            size |= (size_t)(*at & 0x7f) << shift;
            if (!(*at++ & 0x80))
                break;
        }
        at += size;
        entries++;
    }
    run.first_no = broker->expected_no;
    run.count = entries;
    run.first_seq = broker->expected_no;
    broker->expected_no += entries;
    stored.runs = &list;
    stored.n_runs = 1;
    stored.upto_no = broker->expected_no - 1;
    stored.publish_upto = stored.upto_no + 65536;
    atomic_fetch_add(&broker->counts.stored, entries);
    atomic_fetch_add(&broker->counts.send_frames, 1);
    fake_say(broker, ROOST__V1__TYPE__STORED, &stored.base);
}

/* --------------------------------------------------------------------------------- loop */

static const ProtobufCMessageDescriptor *descriptor_of(Roost__V1__Type type)
{
    switch ((int)type) {
    case ROOST__V1__TYPE__HELLO:
        return &roost__v1__hello__descriptor;
    case ROOST__V1__TYPE__PING:
        return &roost__v1__ping__descriptor;
    case ROOST__V1__TYPE__SEND:
        return &roost__v1__send__descriptor;
    case ROOST__V1__TYPE__ATTACH:
        return &roost__v1__attach__descriptor;
    case ROOST__V1__TYPE__DETACH:
        return &roost__v1__detach__descriptor;
    case ROOST__V1__TYPE__CREDIT:
        return &roost__v1__credit__descriptor;
    case ROOST__V1__TYPE__SETTLE:
        return &roost__v1__settle__descriptor;
    case ROOST__V1__TYPE__QUERY:
        return &roost__v1__query__descriptor;
    case ROOST__V1__TYPE__CALL:
        return &roost__v1__call__descriptor;
    case ROOST__V1__TYPE__PRESENCE:
        return &roost__v1__presence__descriptor;
    case ROOST__V1__TYPE__GOODBYE:
        return &roost__v1__goodbye__descriptor;
    default:
        return NULL;
    }
}

static void handle(struct fake_broker *broker, Roost__V1__Type type, const void *message)
{
    Roost__V1__Pong pong = ROOST__V1__PONG__INIT;
    Roost__V1__Goodbye goodbye = ROOST__V1__GOODBYE__INIT;
    const Roost__V1__Credit *credit = message;
    const Roost__V1__Detach *detach = message;
    struct fake_consumer *consumer;
    switch ((int)type) {
    case ROOST__V1__TYPE__HELLO:
        on_hello(broker, message);
        break;
    case ROOST__V1__TYPE__PING:
        fake_say(broker, ROOST__V1__TYPE__PONG, &pong.base);
        break;
    case ROOST__V1__TYPE__SEND:
        on_send(broker, message);
        break;
    case ROOST__V1__TYPE__ATTACH:
        fake_on_attach(broker, message);
        break;
    case ROOST__V1__TYPE__SETTLE:
        fake_on_settle(broker, message);
        break;
    case ROOST__V1__TYPE__QUERY:
        fake_on_query(broker, message);
        break;
    case ROOST__V1__TYPE__CALL:
        fake_on_call(broker, message);
        break;
    case ROOST__V1__TYPE__PRESENCE:
        fake_on_presence(broker, message);
        break;
    case ROOST__V1__TYPE__DETACH:
        consumer = fake_find(broker, detach->handle);
        if (consumer)
            consumer->handle = 0;
        break;
    case ROOST__V1__TYPE__CREDIT:
        consumer = fake_find(broker, credit->handle);
        if (consumer && credit->messages_total > consumer->credit)
            consumer->credit = credit->messages_total;
        break;
    case ROOST__V1__TYPE__GOODBYE:
        atomic_fetch_add(&broker->counts.goodbyes, 1);
        fake_say(broker, ROOST__V1__TYPE__GOODBYE, &goodbye.base);
        broker->has_session = false;
        break;
    default:
        break;
    }
}

static void handle_frame(struct fake_broker *broker, zmq_msg_t *frame)
{
    Roost__V1__NoSession no_session = ROOST__V1__NO_SESSION__INIT;
    const uint8_t *bytes = zmq_msg_data(frame);
    size_t size = zmq_msg_size(frame);
    Roost__V1__Type type = frame_type(bytes, size);
    if (type != ROOST__V1__TYPE__HELLO &&
        (!broker->has_session || atomic_exchange(&broker->knobs.forgets_once, 0))) {
        broker->has_session = false;
        fake_say(broker, ROOST__V1__TYPE__NO_SESSION, &no_session.base);
        return;
    }
    if (type == ROOST__V1__TYPE__SEND && atomic_load(&broker->knobs.is_fast)) {
        on_send_fast(broker, bytes + FRAME_HEAD_BYTES, bytes + size);
        return;
    }
    const ProtobufCMessageDescriptor *descriptor = descriptor_of(type);
    CHECK(descriptor);
    const ProtobufCMessage *message = frame_unpack(descriptor, &broker->arena, bytes, size);
    CHECK(message);
    handle(broker, type, message);
    arena_reset(&broker->arena);
}

static void *run(void *argument)
{
    struct fake_broker *broker = argument;
    while (!atomic_load(&broker->is_stopping)) {
        zmq_pollitem_t item = {.socket = broker->router, .events = ZMQ_POLLIN};
        (void)zmq_poll(&item, 1, 20);
        for (int i = 0; i < 100; i++) {
            zmq_msg_t routing;
            zmq_msg_t frame;
            CHECK(zmq_msg_init(&routing) == 0 && zmq_msg_init(&frame) == 0);
            if (zmq_msg_recv(&routing, broker->router, ZMQ_DONTWAIT) < 0)
                break;
            CHECK(zmq_msg_recv(&frame, broker->router, 0) >= 0);
            CHECK(zmq_msg_move(&broker->routing, &routing) == 0);
            handle_frame(broker, &frame);
            CHECK(zmq_msg_close(&frame) == 0);
        }
        if (atomic_exchange(&broker->knobs.takes_over, 0))
            fake_take_over(broker);
        fake_deliver(broker);
    }
    return NULL;
}

/* ---------------------------------------------------------------------------- life cycle */

struct fake_broker *fake_broker_new(void)
{
    struct fake_broker *broker = calloc(1, sizeof(*broker));
    CHECK(broker);
    broker->zmq = zmq_ctx_new();
    broker->messages = calloc(MESSAGES_MAX, sizeof(*broker->messages));
    broker->index = calloc(INDEX_SIZE, sizeof(*broker->index));
    CHECK(broker->zmq && broker->messages && broker->index);
    CHECK(zmq_msg_init(&broker->routing) == 0);
    arena_init(&broker->arena, 64 << 20);
    (void)snprintf(broker->url, sizeof(broker->url), "tcp://127.0.0.1:*");
    return broker;
}

void fake_broker_start(struct fake_broker *broker)
{
    int no_linger = 0;
    int queue_frames = 100000; /* more than any window here: nothing is dropped */
    int tries = 0;
    broker->router = zmq_socket(broker->zmq, ZMQ_ROUTER);
    CHECK(broker->router);
    CHECK(zmq_setsockopt(broker->router, ZMQ_LINGER, &no_linger, sizeof(no_linger)) == 0);
    CHECK(zmq_setsockopt(broker->router, ZMQ_SNDHWM, &queue_frames, sizeof(queue_frames)) == 0);
    while (zmq_bind(broker->router, broker->url) != 0) { /* the old socket closes behind us */
        struct timespec pause = {.tv_nsec = 10000000};
        CHECK(++tries < 500);
        (void)nanosleep(&pause, NULL);
    }
    size_t size = sizeof(broker->url);
    CHECK(zmq_getsockopt(broker->router, ZMQ_LAST_ENDPOINT, broker->url, &size) == 0);
    broker->has_session = false;
    atomic_store(&broker->is_stopping, false);
    CHECK(pthread_create(&broker->thread, NULL, run, broker) == 0);
    broker->is_running = true;
}

void fake_broker_stop(struct fake_broker *broker)
{
    if (!broker->is_running)
        return;
    atomic_store(&broker->is_stopping, true);
    CHECK(pthread_join(broker->thread, NULL) == 0);
    CHECK(zmq_close(broker->router) == 0);
    broker->is_running = false;
}

void fake_broker_destroy(struct fake_broker **broker)
{
    struct fake_broker *one = *broker;
    fake_broker_stop(one);
    CHECK(zmq_msg_close(&one->routing) == 0);
    CHECK(zmq_ctx_term(one->zmq) == 0);
    for (size_t i = 0; i < one->message_count; i++)
        free(one->messages[i].body);
    free(one->messages);
    free(one->index);
    arena_fini(&one->arena);
    free(one);
    *broker = NULL;
}

const char *fake_broker_url(const struct fake_broker *broker)
{
    return broker->url;
}

struct fake_knobs *fake_broker_knobs(struct fake_broker *broker)
{
    return &broker->knobs;
}

struct fake_counts *fake_broker_counts(struct fake_broker *broker)
{
    return &broker->counts;
}

bool fake_broker_wait(_Atomic uint64_t *count, uint64_t value)
{
    for (int i = 0; i < 10000; i++) {
        struct timespec pause = {.tv_nsec = 1000000};
        if (atomic_load(count) >= value)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return false;
}
