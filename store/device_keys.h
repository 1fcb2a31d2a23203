/* SPDX-License-Identifier: MPL-2.0
 *
 * Device keys: which public key proves whose session it is; and the codes that enrol one, of which
 * only the hash is stored.
 *
 * A key belongs to one account for ever: revoked or not, it cannot be enrolled a second time. A code is
 * gone when it was used. An account has at most DEVICE_KEYS_PER_ACCOUNT keys that are good.
 * Leaves to others: who may enrol and revoke (the persistence actor), who may connect (the keyring).
 */
#ifndef STORE_DEVICE_KEYS_H
#define STORE_DEVICE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "rt/err.h"

struct store;

#define DEVICE_KEY_TEXT         40u /* Z85 of 32 bytes */
#define DEVICE_KEYS_PER_ACCOUNT 100
#define KEY_CODE_HASH_BYTES     32u

struct device_key_row {
    int64_t id, peer_id, created_ms, used_ms, revoked_ms;
    const char *key, *label; /* views */
};

struct device_key_new {
    const char *key; /* DEVICE_KEY_TEXT characters */
    int64_t peer_id, now_ms;
    const char *label; /* NULL = "" */
};
/* ERR_KEY_TAKEN: it is or was somebody's. ERR_TOO_MANY. Nothing was written then. */
MUST_USE enum err device_key_create(struct store *store, const struct device_key_new *key,
                                    int64_t *ret_id);

typedef enum err device_key_visit(void *context, const struct device_key_row *row);
/* Also of a revoked one. ERR_NO_SUCH_KEY. */
MUST_USE enum err device_key_find(struct store *store, const char *key, device_key_visit *visit,
                                  void *context);
MUST_USE enum err device_key_read(struct store *store, int64_t id, device_key_visit *visit,
                                  void *context);
/* id > after_id, oldest first; peer_id 0 = of everybody. */
MUST_USE enum err device_key_list(struct store *store, int64_t peer_id, int64_t after_id,
                                  uint32_t limit, device_key_visit *visit, void *context);
MUST_USE enum err device_key_use(struct store *store, int64_t id, int64_t now_ms);
/* Does nothing to one that is revoked already. */
MUST_USE enum err device_key_revoke(struct store *store, int64_t id, int64_t now_ms);

struct key_code_new {
    const uint8_t *hash; /* KEY_CODE_HASH_BYTES */
    const char *folded, *label;
    int64_t now_ms, expires_ms;
};
MUST_USE enum err key_code_create(struct store *store, const struct key_code_new *code);
/* Takes the code out when it is one for this account and good at now_ms; the label is that of the code,
 * cut to size_bytes. ERR_BAD_CODE. */
MUST_USE enum err key_code_take(struct store *store, const uint8_t hash[KEY_CODE_HASH_BYTES],
                                const char *folded, int64_t now_ms, char *ret_label,
                                size_t size_bytes);
/* Of this account. */
MUST_USE enum err key_code_remove(struct store *store, const char *folded, uint64_t *ret_count);
/* When the last of them ends; 0 = there is none. */
MUST_USE enum err key_code_last(struct store *store, int64_t *ret_expires_ms);
MUST_USE enum err key_code_sweep(struct store *store, int64_t now_ms, uint32_t rows_max,
                                 uint64_t *ret_count);

#endif
