/* SPDX-License-Identifier: MPL-2.0
 *
 * The cryptography of the Lair Chat protocol (its sections 1 to 3): an X25519 exchange in plain
 * lines, then every line is Base64( nonce 12 | AES-256-GCM ciphertext | tag 16 ).
 *
 * It is what existing clients speak, not what one would choose: the server is not authenticated
 * and lines can be replayed. OpenSSL does the work (libsodium's AES-GCM needs AES instructions).
 * Pure but for the random numbers.
 */
#ifndef GATEWAYS_LAIR_LAIR_CRYPTO_H
#define GATEWAYS_LAIR_LAIR_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "rt/buf.h"
#include "rt/err.h"

#define LAIR_KEY_BYTES      32
#define LAIR_KEY_LINE_BYTES 44 /* Base64 of a public key */
#define LAIR_NONCE_BYTES    12
#define LAIR_TAG_BYTES      16
#define LAIR_OVERHEAD_BYTES (LAIR_NONCE_BYTES + LAIR_TAG_BYTES)

/* Size of the line for a text of this size, without the line feed. */
#define LAIR_LINE_BYTES(text_bytes) ((((text_bytes) + LAIR_OVERHEAD_BYTES + 2) / 3) * 4)

struct lair_key {
    uint8_t bytes[LAIR_KEY_BYTES];
};

/* A fresh secret and the line that offers its public key. ERR_BUSY: no randomness, no memory. */
MUST_USE enum err lair_offer(struct lair_key *ret_secret, char ret_line[LAIR_KEY_LINE_BYTES]);
/* The line of a given secret (for tests). */
MUST_USE enum err lair_offer_of(const struct lair_key *secret, char ret_line[LAIR_KEY_LINE_BYTES]);

/* The other side's line, without its end, to the key of the session. ERR_PROTOCOL: not the Base64
 * of 32 bytes, or a point that gives everybody the same secret. */
MUST_USE enum err lair_agree(const struct lair_key *secret, const void *line, size_t size,
                             struct lair_key *ret_key);

/* What lines of any key have in common, so that a line costs no allocation. */
struct lair_cipher {
    struct evp_cipher_ctx_st *context;
    struct evp_cipher_st *aes;
    struct buf sealed;
    uint8_t nonces[LAIR_NONCE_BYTES * 128];
    size_t nonces_used;
};

MUST_USE enum err lair_cipher_init(struct lair_cipher *cipher);
void lair_cipher_fini(struct lair_cipher *cipher);

/* A text to a line: writes LAIR_LINE_BYTES(size) bytes and a NUL. nonce NULL: a random one.
 * ERR_BUSY, ERR_TOO_LARGE. */
MUST_USE enum err lair_seal(struct lair_cipher *cipher, const struct lair_key *key,
                            const uint8_t *nonce, const void *text, size_t size, char *ret_line);

/* A line to its text, in place: the text begins at *ret_text within the line's memory. ERR_PROTOCOL:
 * not Base64, too short, or not made with this key. ERR_BUSY: no memory. */
MUST_USE enum err lair_open(struct lair_cipher *cipher, const struct lair_key *key, uint8_t *line,
                            size_t size, uint8_t **ret_text, size_t *ret_size);

#endif
