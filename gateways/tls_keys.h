/* SPDX-License-Identifier: MPL-2.0
 *
 * A certificate and its key, read from two files of PEM, for GnuTLS: read again while connections go on.
 *
 * Owns what was read, and counts who uses it: sessions that began with an older certificate keep it until
 * they end. A key that everybody may read is refused: it is none. What cannot be read again leaves what there
 * is in force. TLS 1.2 and 1.3; no session tickets, no compression.
 */
#ifndef GATEWAYS_TLS_KEYS_H
#define GATEWAYS_TLS_KEYS_H

#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "rt/err.h"

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls_keys;

struct tls_files {
    const char *certificate_option, *certificate; /* how the option is called; the path */
    const char *key_option, *key;
};

/* Reads a file of PEM that is no larger than 1 MiB; *ret_text is the caller's, to be freed. `is_secret`:
 * refused when others may read it or its group may change it. It has logged what is wrong. */
MUST_USE enum err tls_read_pem(const char *option, const char *path, bool is_secret,
                               char **ret_text);

/* ERR_CONFIG: it has logged why. */
MUST_USE enum err tls_keys_load(const struct tls_files *files, struct tls_keys **ret);
/* `*reloads` is another than *seen: reads both files again, for sessions from now on; what cannot be read, or
 * does not fit, leaves *keys in force. It has logged which. Nothing happens where there are no keys. */
void tls_keys_follow(const struct tls_files *files, const _Atomic unsigned *reloads, unsigned *seen,
                     struct tls_keys **keys);
/* One user less; freed with the last. NULL is fine. */
void tls_keys_release(struct tls_keys **keys);

/* A session of a server that uses these keys, and counts as a user; NULL: no memory. Freed by
 * gnutls_deinit, after which its user is to be released. */
gnutls_session_t tls_session_new(struct tls_keys *keys, int fd);
/* The same for a session that somebody else made, has not begun and frees. False: no memory. */
bool tls_keys_lend(struct tls_keys *keys, gnutls_session_t session);

#endif
