/* SPDX-License-Identifier: MPL-2.0
 *
 * See tls_keys.h.
 */
#include "gateways/tls_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/log.h"

#define PEM_BYTES_MAX (1u << 20)
#define NOT_FOR_A_KEY (S_IRWXO | S_IWGRP)

struct tls_keys {
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priorities;
    unsigned users;
};

static enum err complain(const char *option, const char *path, const char *problem)
{
    log_error("tls-failed", LOG_STR("option", option), LOG_STR("file", path),
              LOG_STR("problem", problem));
    return ERR_CONFIG;
}

/* ERR_OK: `fd` is a file that may hold a secret. */
static enum err check_mode(int fd, const char *option, const char *path)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return complain(option, path, strerror(errno));
    if (status.st_mode & NOT_FOR_A_KEY)
        return complain(option, path,
                        "others may read this key, or its group may change it; chmod 600 it");
    return ERR_OK;
}

static enum err read_all(int fd, const char *option, const char *path, char **ret_text)
{
    char *text = malloc(PEM_BYTES_MAX + 1);
    ssize_t size = text ? read(fd, text, PEM_BYTES_MAX) : -1;
    const char *problem = size < 0 ? strerror(errno) : "this is no PEM file";
    if (size > 0 && size < (ssize_t)PEM_BYTES_MAX) {
        text[size] = '\0';
        *ret_text = text;
        return ERR_OK;
    }
    free(text);
    return complain(option, path, problem);
}

enum err tls_read_pem(const char *option, const char *path, bool is_secret, char **ret_text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return complain(option, path, strerror(errno));
    enum err err = is_secret ? check_mode(fd, option, path) : ERR_OK;
    if (!err)
        err = read_all(fd, option, path, ret_text);
    (void)close(fd); /* only read */
    return err;
}

static enum err set_pair(struct tls_keys *keys, const struct tls_files *files, char *certificate,
                         char *key)
{
    gnutls_datum_t certificate_data = {(unsigned char *)certificate, (unsigned)strlen(certificate)};
    gnutls_datum_t key_data = {(unsigned char *)key, (unsigned)strlen(key)};
    int code = gnutls_certificate_set_x509_key_mem(keys->credentials, &certificate_data, &key_data,
                                                   GNUTLS_X509_FMT_PEM);
    if (code >= 0)
        return ERR_OK;
    return complain(files->certificate_option, files->certificate, gnutls_strerror(code));
}

static enum err read_pair(struct tls_keys *keys, const struct tls_files *files)
{
    char *certificate = NULL, *key = NULL;
    enum err err = tls_read_pem(files->certificate_option, files->certificate, false, &certificate);
    if (!err)
        err = tls_read_pem(files->key_option, files->key, true, &key);
    if (!err)
        err = set_pair(keys, files, certificate, key);
    if (key)
        explicit_bzero(key, strlen(key));
    free(key);
    free(certificate);
    return err;
}

enum err tls_keys_load(const struct tls_files *files, struct tls_keys **ret)
{
    struct tls_keys *keys = calloc(1, sizeof(*keys));
    if (!keys)
        return ERR_BUSY;
    keys->users = 1;
    enum err err = ERR_OK;
    if (gnutls_certificate_allocate_credentials(&keys->credentials) != GNUTLS_E_SUCCESS ||
        gnutls_priority_init(&keys->priorities, TLS_PRIORITIES, NULL) != GNUTLS_E_SUCCESS)
        err = ERR_BUSY;
    if (!err)
        err = read_pair(keys, files);
    if (err) {
        tls_keys_release(&keys);
        return err;
    }
    log_info("tls-loaded", LOG_STR("option", files->certificate_option),
             LOG_STR("file", files->certificate));
    *ret = keys;
    return ERR_OK;
}

void tls_keys_follow(const struct tls_files *files, const _Atomic unsigned *reloads, unsigned *seen,
                     struct tls_keys **keys)
{
    unsigned count = reloads ? atomic_load_explicit(reloads, memory_order_acquire) : *seen;
    if (count == *seen || !*keys)
        return;
    *seen = count;
    struct tls_keys *fresh = NULL;
    if (tls_keys_load(files, &fresh) != ERR_OK) {
        log_warn("tls-stays", LOG_STR("option", files->certificate_option),
                 LOG_STR("text", "the certificate in force is the one from before"));
        return;
    }
    tls_keys_release(keys);
    *keys = fresh;
}

void tls_keys_release(struct tls_keys **keys)
{
    struct tls_keys *self = *keys;
    *keys = NULL;
    if (!self || --self->users > 0)
        return;
    if (self->credentials)
        gnutls_certificate_free_credentials(self->credentials);
    if (self->priorities)
        gnutls_priority_deinit(self->priorities);
    free(self);
}

bool tls_keys_lend(struct tls_keys *keys, gnutls_session_t session)
{
    bool is_lent = gnutls_priority_set(session, keys->priorities) == GNUTLS_E_SUCCESS &&
                   gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, keys->credentials) ==
                       GNUTLS_E_SUCCESS;
    keys->users += is_lent;
    return is_lent;
}

gnutls_session_t tls_session_new(struct tls_keys *keys, int fd)
{
    gnutls_session_t session;
    if (gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) !=
        GNUTLS_E_SUCCESS)
        return NULL;
    if (!tls_keys_lend(keys, session)) {
        gnutls_deinit(session);
        return NULL;
    }
    gnutls_transport_set_int(session, fd);
    gnutls_handshake_set_timeout(session, GNUTLS_INDEFINITE_TIMEOUT); /* the actor has timers */
    return session;
}
