/* SPDX-License-Identifier: MPL-2.0
 *
 * Certificates of the HTTP listeners: what libmicrohttpd makes sessions of TLS for, and who they say we are.
 *
 * libmicrohttpd would read one certificate at its start and keep it. So it has none: each session gets that
 * in force when it begins (gateways/tls_keys.h), and goes on with it when another comes with SIGHUP. A
 * session that got none asks the daemon, which has nothing to show, and fails.
 */
#include <gnutls/abstract.h>

#include "gateways/http/http_internal.h"
#include "gateways/tls_keys.h"
#include "rt/log.h"

static struct tls_files files_of(const struct http_gateway *gateway)
{
    return (struct tls_files){"http.tls_certificate", gateway->options->tls_certificate,
                              "http.tls_key", gateway->options->tls_key};
}

enum err http_tls_load(struct http_gateway *gateway)
{
    const _Atomic unsigned *reloads = gateway->options->reloads;
    struct tls_files files = files_of(gateway);
    if (!files.certificate[0] || !files.key[0])
        return ERR_OK;
    if (MHD_is_feature_supported(MHD_FEATURE_HTTPS_CERT_CALLBACK) != MHD_YES) {
        log_error("tls-failed", LOG_STR("problem", "this libmicrohttpd was built without TLS"));
        return ERR_CONFIG;
    }
    gateway->reloads_seen = reloads ? atomic_load_explicit(reloads, memory_order_acquire) : 0;
    return tls_keys_load(&files, &gateway->tls_keys);
}

void http_tls_look(struct http_gateway *gateway)
{
    struct tls_files files = files_of(gateway);
    tls_keys_follow(&files, gateway->options->reloads, &gateway->reloads_seen, &gateway->tls_keys);
}

static int have_none(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
                     const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                     gnutls_pcert_st **certificates, unsigned *certificate_count,
                     gnutls_privkey_t *key)
{
    (void)session;
    (void)names;
    (void)name_count;
    (void)algorithms;
    (void)algorithm_count;
    (void)certificates;
    (void)certificate_count;
    (void)key;
    return -1;
}

struct MHD_OptionItem http_tls_option(void)
{
    return (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)have_none};
}

void http_tls_begin(struct http_connection *connection, struct MHD_Connection *mhd)
{
    struct http_gateway *gateway = connection->gateway;
    if (!gateway->tls_keys)
        return;
    http_tls_look(gateway);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info && info->tls_session && tls_keys_lend(gateway->tls_keys, info->tls_session))
        connection->tls_keys = gateway->tls_keys;
}

void http_tls_end(struct http_connection *connection)
{
    tls_keys_release(&connection->tls_keys);
}
