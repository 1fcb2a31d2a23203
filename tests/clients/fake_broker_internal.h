/* SPDX-License-Identifier: MPL-2.0
 *
 * The inside of the fake broker, for its own files.
 */
#ifndef TESTS_FAKE_BROKER_INTERNAL_H
#define TESTS_FAKE_BROKER_INTERNAL_H

#include <pthread.h>
#include <zmq.h>

#include "clients/c/frame.h"
#include "fake_broker.h"
#include "rt/check.h"

#define MESSAGES_MAX  300000
#define CONSUMERS_MAX 16
#define ENTRIES_MAX   200
#define WINDOW        8192

struct fake_message {
    uint8_t id[16];
    char scope[64];
    uint8_t *body;
    size_t body_size;
    bool is_settled;
    bool was_delivered;
    uint64_t delivery_no; /* 0: not leased */
};

struct fake_consumer {
    uint32_t handle; /* 0: free */
    char scope[64];
    uint64_t next_no;
    uint64_t credit; /* total of messages */
    uint64_t given;
    size_t cursor;
};

struct fake_broker {
    struct fake_knobs knobs;
    struct fake_counts counts;
    char url[64];
    void *zmq;
    void *router;
    pthread_t thread;
    atomic_bool is_stopping;
    bool is_running;

    zmq_msg_t routing; /* of the session; there is one */
    bool has_session;
    uint64_t expected_no;
    uint64_t sends;
    uint64_t entries;
    struct fake_consumer consumers[CONSUMERS_MAX];
    struct fake_message *messages;
    size_t message_count;
    uint32_t *index; /* by id; message number + 1 */
    struct arena arena;
};

#define INDEX_SIZE (1u << 20)

/* fake_broker.c */
void fake_say(struct fake_broker *broker, Roost__V1__Type type, const ProtobufCMessage *message);
ProtobufCBinaryData fake_view(const void *bytes, size_t size);

/* fake_broker_deliver.c */
void fake_on_attach(struct fake_broker *broker, const Roost__V1__Attach *attach);
void fake_on_settle(struct fake_broker *broker, const Roost__V1__Settle *settle);
struct fake_consumer *fake_find(struct fake_broker *broker, uint32_t handle);
void fake_deliver(struct fake_broker *broker);
void fake_take_over(struct fake_broker *broker);

/* fake_broker_ask.c */
void fake_on_query(struct fake_broker *broker, const Roost__V1__Query *query);
void fake_on_call(struct fake_broker *broker, const Roost__V1__Call *call);
void fake_on_presence(struct fake_broker *broker, const Roost__V1__Presence *presence);

#endif
