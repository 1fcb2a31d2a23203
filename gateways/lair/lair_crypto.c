/* SPDX-License-Identifier: MPL-2.0
 *
 * See lair_crypto.h.
 */
#include "gateways/lair/lair_crypto.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

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

static bool encrypt(EVP_CIPHER_CTX *context, const struct lair_key *key, const uint8_t *nonce,
                    const void *text, size_t size, uint8_t *ret_sealed)
{
    int written = 0, rest = 0;
    return EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
           EVP_EncryptUpdate(context, ret_sealed, &written, text, (int)size) == 1 &&
           EVP_EncryptFinal_ex(context, ret_sealed + written, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, LAIR_TAG_BYTES, ret_sealed + size) ==
               1;
}

static bool decrypt(EVP_CIPHER_CTX *context, const struct lair_key *key, uint8_t *sealed,
                    size_t size)
{
    uint8_t *text = sealed + LAIR_NONCE_BYTES;
    size_t text_size = size - LAIR_OVERHEAD_BYTES;
    int written = 0, rest = 0;
    return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, sealed) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, LAIR_TAG_BYTES, text + text_size) ==
               1 &&
           EVP_DecryptUpdate(context, text, &written, text, (int)text_size) == 1 &&
           EVP_DecryptFinal_ex(context, text + written, &rest) == 1;
}

enum err lair_seal(const struct lair_key *key, const uint8_t *nonce, const void *text, size_t size,
                   char *ret_line)
{
    size_t sealed_size = size + LAIR_OVERHEAD_BYTES, line_size = LAIR_LINE_BYTES(size);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t *sealed = malloc(sealed_size + line_size + 1);
    bool is_done = false;
    if (context && sealed) {
        if (nonce)
            memcpy(sealed, nonce, LAIR_NONCE_BYTES);
        else
            randombytes_buf(sealed, LAIR_NONCE_BYTES);
        is_done = encrypt(context, key, sealed, text, size, sealed + LAIR_NONCE_BYTES);
    }
    if (is_done) {
        char *line = (char *)sealed + sealed_size; /* with room for the NUL sodium writes */
        (void)sodium_bin2base64(line, line_size + 1, sealed, sealed_size,
                                sodium_base64_VARIANT_ORIGINAL); /* the size fits */
        memcpy(ret_line, line, line_size);
    }
    free(sealed);
    EVP_CIPHER_CTX_free(context);
    return is_done ? ERR_OK : ERR_BUSY;
}

enum err lair_open(const struct lair_key *key, uint8_t *line, size_t size, uint8_t **ret_text,
                   size_t *ret_size)
{
    size_t sealed_size = 0;
    /* Decoding writes behind what it has read. */
    if (decode(line, size, line, size, &sealed_size) != ERR_OK || sealed_size < LAIR_OVERHEAD_BYTES)
        return ERR_PROTOCOL;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context)
        return ERR_BUSY;
    bool is_ours = decrypt(context, key, line, sealed_size);
    EVP_CIPHER_CTX_free(context);
    if (!is_ours)
        return ERR_PROTOCOL;
    *ret_text = line + LAIR_NONCE_BYTES;
    *ret_size = sealed_size - LAIR_OVERHEAD_BYTES;
    return ERR_OK;
}
