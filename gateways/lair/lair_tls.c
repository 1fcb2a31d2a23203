/* SPDX-License-Identifier: MPL-2.0
 *
 * TLS of connections, over the same non-blocking sockets and the same poller: nothing waits for a handshake,
 * and a slow one costs its connection and nothing else (LAIR_TLS_MS, then it is closed).
 *
 * Where there is no certificate these calls are recv and send. What GnuTLS has decrypted and nobody has taken
 * is not seen by the poller: such connections stand in a list, and are read again at the end of the turn.
 */
#include <errno.h>
#include <sys/socket.h>

#include "gateways/lair/lair_internal.h"
#include "rt/log.h"

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static struct tls_files files_of(const struct tcp_gateway *gateway)
{
    const struct tcp_gateway_options *options = gateway->options;
    return (struct tls_files){"lair.tls_certificate", text_or_empty(options->tls_certificate),
                              "lair.tls_key", text_or_empty(options->tls_key)};
}

enum err lair_tls_load(struct tcp_gateway *gateway)
{
    struct tls_files files = files_of(gateway);
    if (!files.certificate[0] || !files.key[0])
        return ERR_OK;
    return tls_keys_load(&files, &gateway->tls_keys);
}

void lair_tls_look(struct tcp_gateway *gateway)
{
    struct tls_files files = files_of(gateway);
    tls_keys_follow(&files, gateway->options->reloads, &gateway->reloads_seen, &gateway->tls_keys);
}

bool lair_tls_begin(struct lair_connection *connection)
{
    struct tls_keys *keys = connection->gateway->tls_keys;
    connection->tls = tls_session_new(keys, connection->fd);
    connection->tls_keys = connection->tls ? keys : NULL;
    return connection->tls != NULL;
}

void lair_tls_end(struct lair_connection *connection)
{
    if (!connection->tls)
        return;
    if (connection->is_shaken)
        (void)gnutls_bye(connection->tls, GNUTLS_SHUT_WR); /* as far as the socket takes it */
    gnutls_deinit(connection->tls);
    connection->tls = NULL;
    tls_keys_release(&connection->tls_keys);
}

bool lair_tls_wants_write(const struct lair_connection *connection)
{
    return connection->tls && gnutls_record_get_direction(connection->tls) == 1;
}

enum lair_shake lair_tls_shake(struct lair_connection *connection)
{
    int code = gnutls_handshake(connection->tls);
    if (code == GNUTLS_E_SUCCESS) {
        connection->is_shaken = true;
        return LAIR_SHAKE_DONE;
    }
    if (!gnutls_error_is_fatal(code))
        return LAIR_SHAKE_ON;
    log_debug("tls-refused", LOG_U64("session", connection->session),
              LOG_STR("problem", gnutls_strerror(code)));
    return LAIR_SHAKE_FAILED;
}

/* What GnuTLS answers, as recv and send would. */
static ssize_t as_errno(ssize_t code)
{
    if (code >= 0)
        return code;
    bool is_again = code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED ||
                    (code != GNUTLS_E_REHANDSHAKE && !gnutls_error_is_fatal((int)code));
    if (code == GNUTLS_E_PREMATURE_TERMINATION)
        return 0; /* as so many programs end */
    errno = is_again ? EAGAIN : EIO;
    return -1;
}

ssize_t lair_receive(struct lair_connection *connection, void *bytes, size_t size)
{
    if (!connection->tls)
        return recv(connection->fd, bytes, size, 0);
    return as_errno(gnutls_record_recv(connection->tls, bytes, size));
}

ssize_t lair_send(struct lair_connection *connection, const void *bytes, size_t size)
{
    if (!connection->tls)
        return send(connection->fd, bytes, size, MSG_NOSIGNAL);
    return as_errno(gnutls_record_send(connection->tls, bytes, size));
}

void lair_tls_note_pending(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    if (!connection->tls || connection->is_pending || connection->state == LAIR_TLS ||
        buf_room(&connection->in) == 0 || gnutls_record_check_pending(connection->tls) == 0)
        return;
    connection->is_pending = true;
    connection->pending_next = gateway->pending;
    gateway->pending = connection;
}

struct lair_connection *lair_tls_take_pending(struct tcp_gateway *gateway)
{
    struct lair_connection *connection = gateway->pending;
    if (connection) {
        gateway->pending = connection->pending_next;
        connection->is_pending = false;
    }
    return connection;
}

void lair_tls_forget_pending(struct lair_connection *connection)
{
    struct lair_connection **link = &connection->gateway->pending;
    while (connection->is_pending && *link != connection)
        link = &(*link)->pending_next;
    if (connection->is_pending)
        *link = connection->pending_next;
    connection->is_pending = false;
}
