/* SPDX-License-Identifier: MPL-2.0
 *
 * The C side of demo.py: a sender that numbers its messages, or a receiver that prints what came.
 *
 *     demo_peer send URL PEER COUNT SCOPE...    message n goes to each scope; prints "stored TOTAL"
 *     demo_peer recv URL PEER COUNT             prints "SENDER BODY" for each message it settles
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/roost.h"

#define PATIENCE_MS 60000

static int fail(const char *what, enum roost_error error)
{
    fprintf(stderr, "demo_peer: %s: %s\n", what, roost_error_text(error));
    return 1;
}

static int send_messages(struct roost *roost, long count, char **scopes, int scope_count)
{
    struct roost_counters counters;
    char body[32];

    for (long number = 0; number < count; number++) {
        snprintf(body, sizeof body, "%ld", number);
        for (int i = 0; i < scope_count; i++) {
            struct roost_outgoing message = {
                .scope = scopes[i], .body = body, .body_size = strlen(body)};
            enum roost_error error = roost_send(roost, &message, PATIENCE_MS, NULL, NULL);
            if (error)
                return fail("send", error);
        }
    }
    enum roost_error error = roost_flush(roost, 0, PATIENCE_MS);
    if (error)
        return fail("flush", error);
    roost_counters(roost, &counters);
    printf("stored %" PRIu64 "\n", counters.stored);
    return 0;
}

static int receive_messages(struct roost *roost, const char *peer, long count)
{
    const struct roost_message *message;
    struct roost_consumer *consumer;
    char scope[300];

    snprintf(scope, sizeof scope, "peer:%s", peer);
    struct roost_attach_options options = {.scope = scope};
    enum roost_error error = roost_attach(roost, &options, PATIENCE_MS, &consumer);
    if (error)
        return fail("attach", error);
    for (long got = 0; got < count; got++) {
        error = roost_receive(consumer, PATIENCE_MS, &message);
        if (error)
            return fail("receive", error);
        printf("%s %.*s\n", message->sender, (int)message->body_size, (const char *)message->body);
        (void)roost_ack(message); /* can only fail when settled before */
        roost_message_destroy(&message);
    }
    roost_detach(&consumer);
    return 0;
}

int main(int argc, char **argv)
{
    struct roost *roost;
    int code = 2;

    if (argc < 5) {
        fprintf(stderr, "usage: demo_peer send|recv URL PEER COUNT [SCOPE...]\n");
        return 2;
    }
    struct roost_options options = {.url = argv[2], .peer = argv[3]};
    enum roost_error error = roost_open(&options, &roost);
    if (error)
        return fail("open", error);
    if (strcmp(argv[1], "send") == 0)
        code = send_messages(roost, strtol(argv[4], NULL, 10), argv + 5, argc - 5);
    else if (strcmp(argv[1], "recv") == 0)
        code = receive_messages(roost, argv[3], strtol(argv[4], NULL, 10));
    error = roost_close(&roost, 2000);
    return error ? fail("close", error) : code;
}
