/* SPDX-License-Identifier: MPL-2.0
 *
 * The messages with which libzmq asks who may connect (ZAP, RFC 27): a request is read from its parts,
 * an answer is a list of parts. Pure.
 *
 *     request   version "1.0", id, domain, address, routing id, mechanism, credentials ...
 *     answer    version, id, status, text, user id, metadata
 *
 * Only CURVE is understood, whose credentials are one public key. What is not understood is refused,
 * or, where not even the id can be read, not answered: then libzmq gives the connection up by itself.
 */
#ifndef ACTORS_ZAP_H
#define ACTORS_ZAP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/key.h"
#include "rt/err.h"

#define ZAP_ENDPOINT      "inproc://zeromq.zap.01"
#define ZAP_PARTS_MAX     8
#define ZAP_ANSWER_PARTS  6
#define ZAP_ID_BYTES_MAX  255
#define ZAP_ADDRESS_BYTES 64

struct zap_part {
    const void *data;
    size_t size;
};

struct zap_request {
    size_t id_size;
    uint8_t id[ZAP_ID_BYTES_MAX];
    char address[ZAP_ADDRESS_BYTES]; /* "192.0.2.7", cut to fit */
    char key[KEY_TEXT_SIZE];         /* Z85; "": it was not CURVE, or not in our domain */
};

/* What comes behind the empty delimiter. ERR_BAD_FIELD: it cannot be answered. */
MUST_USE enum err zap_request_read(const struct zap_part *parts, size_t count, const char *domain,
                                   struct zap_request *ret);

enum zap_status {
    ZAP_WELCOME,   /* 200 */
    ZAP_NOT_NOW,   /* 300: the client connects again by itself */
    ZAP_NOT_KNOWN, /* 400: it gives up */
};

/* Views into `request` and constants. The user id of a welcome is the key. */
void zap_answer_fill(const struct zap_request *request, enum zap_status status,
                     struct zap_part ret_parts[ZAP_ANSWER_PARTS]);

#endif
