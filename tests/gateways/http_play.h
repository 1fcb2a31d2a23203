/* SPDX-License-Identifier: MPL-2.0
 *
 * A stage for the http-gateway: the real actor on the simulator, a real listener on 127.0.0.1, and the
 * test as everybody else: as HTTP clients (sockets) and as the other actors. Time moves only by
 * sim_advance; what comes over a socket is waited for with poll.
 */
#ifndef TESTS_GATEWAYS_HTTP_PLAY_H
#define TESTS_GATEWAYS_HTTP_PLAY_H

#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/http/http_ask.h"
#include "rt/sim.h"

#define HTTP_ID        0 /* on this stage; the others have their usual numbers, as pseudo actors */
#define HTTP_BYTES_MAX (1u << 16)

struct http_play {
    struct sim *sim;
    struct http_gateway_options options;
    struct http_gateway_bound bound;
    struct actor_spec spec;
};

/* Change play->options between the two. */
struct http_play *http_play_new(void);
void http_play_start(struct http_play *play);
void http_play_end(struct http_play *play);
struct http_gateway *http_play_gateway(struct http_play *play);
/* Lets the gateway read what is there, and everybody react. */
void http_play_read(struct http_play *play);

/* --- As a client. */

struct http_client {
    struct http_play *play;
    int fd;
    size_t size;
    char bytes[HTTP_BYTES_MAX];
};

struct http_client *http_client_new(struct http_play *play);
/* "GET /path" with these header lines (each ended by CRLF) and this body. */
void http_client_ask(struct http_client *client, const char *what, const char *lines,
                     const char *body);
/* The next answer's status; its head and body are `bytes` until the next call. */
unsigned http_client_hear(struct http_client *client);
/* What has come of an answer without an end holds this. */
void http_client_hear_part(struct http_client *client, const char *text);
void http_client_hear_nothing(struct http_client *client);
void http_client_hear_end(struct http_client *client);
void http_client_end(struct http_client **client);

/* --- As other actors. */

const struct msg *http_take(struct http_play *play, uint8_t actor, uint8_t kind);
void http_take_nothing(struct http_play *play, uint8_t actor);
void http_reply(struct http_play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                const ProtobufCMessage *body);
void http_post(struct http_play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body);
/* Answers the next LOGIN, and the SESSION_OPEN behind it if the name is new. Gives the session. */
uint64_t http_let_in(struct http_play *play, enum err err, const char *name, bool is_new);

static inline ProtobufCBinaryData http_bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

#endif
