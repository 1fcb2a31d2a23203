/* SPDX-License-Identifier: MPL-2.0
 *
 * See lair_crypto.h.
 */
#include "gateways/lair/lair_crypto.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#define LAIR_SEALED_BYTES_MAX (8u << 20)

static const char key_salt[] = "LAIR_CHAT_AES_KEY"; /* part of the protocol */

/* --- The exchange. */

enum err lair_offer_of(const struct lair_key *secret, char ret_line[LAIR_KEY_LINE_BYTES])
{
    uint8_t public_key[LAIR_KEY_BYTES];
    char line[LAIR_KEY_LINE_BYTES + 1];
    if (crypto_scalarmult_base(public_key, secret->bytes) != 0)
        return ERR_BUSY;
    (void)sodium_bin2base64(line, sizeof(line), public_key, sizeof(public_key),
                            sodium_base64_VARIANT_ORIGINAL); /* the size fits */
    memcpy(ret_line, line, LAIR_KEY_LINE_BYTES);
    return ERR_OK;
}

enum err lair_offer(struct lair_key *ret_secret, char ret_line[LAIR_KEY_LINE_BYTES])
{
    randombytes_buf(ret_secret->bytes, sizeof(ret_secret->bytes));
    return lair_offer_of(ret_secret, ret_line);
}

static enum err decode(void *ret, size_t room, const void *line, size_t size, size_t *ret_size)
{
    int rc = sodium_base642bin(ret, room, line, size, NULL, ret_size, NULL,
                               sodium_base64_VARIANT_ORIGINAL);
    return rc == 0 ? ERR_OK : ERR_PROTOCOL;
}

enum err lair_agree(const struct lair_key *secret, const void *line, size_t size,
                    struct lair_key *ret_key)
{
    uint8_t public_key[LAIR_KEY_BYTES], shared[LAIR_KEY_BYTES];
    size_t decoded = 0;
    if (size != LAIR_KEY_LINE_BYTES ||
        decode(public_key, sizeof(public_key), line, size, &decoded) != ERR_OK ||
        decoded != sizeof(public_key))
        return ERR_PROTOCOL;
    if (crypto_scalarmult(shared, secret->bytes, public_key) != 0)
        return ERR_PROTOCOL; /* a point of low order */
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state); /* these cannot fail */
    (void)crypto_hash_sha256_update(&state, shared, sizeof(shared));
    (void)crypto_hash_sha256_update(&state, (const uint8_t *)key_salt, sizeof(key_salt) - 1);
    (void)crypto_hash_sha256_final(&state, ret_key->bytes);
    sodium_memzero(shared, sizeof(shared));
    return ERR_OK;
}

/* --- Lines. OpenSSL's sizes are int: lines are far below. */

enum err lair_cipher_init(struct lair_cipher *cipher)
{
    *cipher = (struct lair_cipher){.nonces_used = sizeof(cipher->nonces)};
    buf_init(&cipher->sealed, LAIR_SEALED_BYTES_MAX);
    cipher->context = EVP_CIPHER_CTX_new();
    cipher->aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (cipher->context && cipher->aes)
        return ERR_OK;
    lair_cipher_fini(cipher);
    return ERR_BUSY;
}

void lair_cipher_fini(struct lair_cipher *cipher)
{
    EVP_CIPHER_CTX_free(cipher->context); /* NULL is fine for both */
    EVP_CIPHER_free(cipher->aes);
    cipher->context = NULL;
    cipher->aes = NULL;
    buf_fini(&cipher->sealed);
}

static const uint8_t *fresh_nonce(struct lair_cipher *cipher)
{
    if (cipher->nonces_used == sizeof(cipher->nonces)) {
        randombytes_buf(cipher->nonces, sizeof(cipher->nonces));
        cipher->nonces_used = 0;
    }
    cipher->nonces_used += LAIR_NONCE_BYTES;
    return cipher->nonces + cipher->nonces_used - LAIR_NONCE_BYTES;
}

static bool encrypt(const struct lair_cipher *cipher, const struct lair_key *key,
                    const uint8_t *nonce, const void *text, size_t size, uint8_t *ret_sealed)
{
    int written = 0, rest = 0;
    return EVP_EncryptInit_ex2(cipher->context, cipher->aes, key->bytes, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(cipher->context, ret_sealed, &written, text, (int)size) == 1 &&
           EVP_EncryptFinal_ex(cipher->context, ret_sealed + written, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_GCM_GET_TAG, LAIR_TAG_BYTES,
                               ret_sealed + size) == 1;
}

static bool decrypt(const struct lair_cipher *cipher, const struct lair_key *key, uint8_t *sealed,
                    size_t size)
{
    uint8_t *text = sealed + LAIR_NONCE_BYTES;
    size_t text_size = size - LAIR_OVERHEAD_BYTES;
    int written = 0, rest = 0;
    return EVP_DecryptInit_ex2(cipher->context, cipher->aes, key->bytes, sealed, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher->context, EVP_CTRL_GCM_SET_TAG, LAIR_TAG_BYTES,
                               text + text_size) == 1 &&
           EVP_DecryptUpdate(cipher->context, text, &written, text, (int)text_size) == 1 &&
           EVP_DecryptFinal_ex(cipher->context, text + written, &rest) == 1;
}

enum err lair_seal(struct lair_cipher *cipher, const struct lair_key *key, const uint8_t *nonce,
                   const void *text, size_t size, char *ret_line)
{
    size_t sealed_size = size + LAIR_OVERHEAD_BYTES;
    uint8_t *sealed;
    buf_clear(&cipher->sealed);
    enum err err = buf_reserve(&cipher->sealed, sealed_size, &sealed);
    if (err)
        return err;
    memcpy(sealed, nonce ? nonce : fresh_nonce(cipher), LAIR_NONCE_BYTES);
    if (!encrypt(cipher, key, sealed, text, size, sealed + LAIR_NONCE_BYTES))
        return ERR_BUSY;
    (void)EVP_EncodeBlock((uint8_t *)ret_line, sealed, (int)sealed_size); /* the size fits */
    return ERR_OK;
}

enum err lair_open(struct lair_cipher *cipher, const struct lair_key *key, uint8_t *line,
                   size_t size, uint8_t **ret_text, size_t *ret_size)
{
    size_t sealed_size = 0;
    /* Decoding writes behind what it has read. */
    if (decode(line, size, line, size, &sealed_size) != ERR_OK || sealed_size < LAIR_OVERHEAD_BYTES)
        return ERR_PROTOCOL;
    if (!decrypt(cipher, key, line, sealed_size))
        return ERR_PROTOCOL;
    *ret_text = line + LAIR_NONCE_BYTES;
    *ret_size = sealed_size - LAIR_OVERHEAD_BYTES;
    return ERR_OK;
}
