/* SPDX-License-Identifier: MPL-2.0
 *
 * Mail of users: the durable consumer "main" of their mailbox, attached by the newest connection.
 *
 * A line that was written counts as delivered when a later line came from that connection, when it
 * stayed up for SETTLE_MS with everything acknowledged by the other side's kernel, or when it ended
 * in order. If it breaks before that, the lease goes back and the message comes again at the next
 * login; that one counts as soon as it is written, so it comes at most once more.
 */
#include <string.h>

#include "gateways/lair/lair_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define HANDLE          1
#define WINDOW          256 /* messages written and not settled */
#define LEASE_MS        3600000
#define SETTLE_MS       5000
#define INVITATION_TYPE "application/x-roost-invitation"

void lair_mail_attach(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    const struct lair_user *user = connection->user;
    INTERNAL(Attach) attach = ROOST__INTERNAL__ATTACH__INIT;
    connection->mail_base = connection->mail_settled_no; /* numbers go on, credit begins anew */
    connection->mail_granted = WINDOW;
    attach.session = connection->session;
    attach.peer_id = user->peer_id;
    attach.peer_name = bytes_of(user->name, user->name_size);
    attach.handle = HANDLE;
    attach.scope_kind = PREFIX_PEER;
    attach.scope_name = bytes_of(user->name, user->name_size);
    attach.consumer = bytes_of("main", 4);
    attach.lease_ms = LEASE_MS;
    attach.credit_messages = WINDOW;
    connection->has_mail = actor_ask(gateway->actor, ACTOR_SYNC_MANAGER, MSG_ATTACH, &attach.base,
                                     NULL, LAIR_ASK_DEADLINE_MS, connection->session) == ERR_OK;
}

/* Numbers up to this one are settled; room for as many more. */
static void settle_upto(struct lair_connection *connection, uint64_t last_no)
{
    struct tcp_gateway *gateway = connection->gateway;
    if (last_no <= connection->mail_settled_no)
        return;
    lair_settle(gateway, connection->session, connection->mail_settled_no + 1, last_no);
    connection->mail_settled_no = last_no;
    uint64_t used = last_no - connection->mail_base;
    if (connection->mail_granted - used < WINDOW / 2 && connection->state == LAIR_OPEN) {
        connection->mail_granted = used + WINDOW;
        lair_grant(gateway, connection->session, connection->mail_granted);
    }
}

void lair_mail_heard(struct lair_connection *connection)
{
    if (connection->state == LAIR_OPEN && buf_size(&connection->out) == 0)
        settle_upto(connection, connection->mail_written_no);
}

void lair_mail_settle(struct lair_connection *connection, bool is_over)
{
    if (!connection->has_mail || connection->mail_written_no == connection->mail_settled_no)
        return;
    struct mono_time now = actor_mono(connection->gateway->actor);
    bool is_kept = connection->state == LAIR_OPEN &&
                   mono_elapsed_ms(connection->mail_written_at, now) >= SETTLE_MS &&
                   lair_is_acknowledged(connection);
    if (is_over ? buf_size(&connection->out) == 0 : is_kept)
        settle_upto(connection, connection->mail_written_no);
}

/* --- Texts. */

static void say_invitation(struct lair_connection *connection, const Roost__V1__Delivery *message)
{
    Roost__V1__Invitation *invitation =
        roost__v1__invitation__unpack(NULL, message->body.len, message->body.data);
    struct scope_name scope;
    if (invitation &&
        scope_parse(invitation->scope.data, invitation->scope.len, &scope, NULL) == ERR_OK)
        lair_say(connection, TEXT_INVITED,
                 lair_text_of(invitation->inviter.data, invitation->inviter.len),
                 lair_text_of(scope.name, scope.name_size));
    if (invitation)
        roost__v1__invitation__free_unpacked(invitation, NULL);
}

static bool is_invitation(const Roost__V1__Delivery *message)
{
    return message->kind == ROOST__V1__KIND__SYSTEM &&
           message->content_type.len == strlen(INVITATION_TYPE) &&
           memcmp(message->content_type.data, INVITATION_TYPE, strlen(INVITATION_TYPE)) == 0;
}

static void say_message(struct lair_connection *connection, const Roost__V1__Delivery *message)
{
    struct tcp_gateway *gateway = connection->gateway;
    struct lair_text sender = lair_text_of(message->sender.data, message->sender.len);
    if (is_invitation(message)) {
        say_invitation(connection, message);
        return;
    }
    switch ((int)message->kind) {
    case ROOST__V1__KIND__SYSTEM:
    case ROOST__V1__KIND__EDIT:
    case ROOST__V1__KIND__DELETE:
    case ROOST__V1__KIND__REACTION:
        return; /* this protocol has no line for them */
    default:
        lair_say(connection, TEXT_PRIVATE, sender, lair_clean(gateway, message->body));
    }
}

void lair_mail_deliver(struct lair_connection *connection, const Roost__V1__Deliver *deliver)
{
    bool is_again = false;
    if (connection->state != LAIR_OPEN || deliver->n_entries == 0)
        return;
    for (size_t i = 0; i < deliver->n_entries && connection->state == LAIR_OPEN; i++) {
        is_again = is_again || deliver->entries[i]->redelivered;
        say_message(connection, deliver->entries[i]);
    }
    if (connection->state != LAIR_OPEN)
        return;
    connection->mail_written_no = deliver->first_delivery_no + deliver->n_entries - 1;
    connection->mail_written_at = actor_mono(connection->gateway->actor);
    connection->mail_end_bytes = connection->sent_bytes + buf_size(&connection->out);
    if (is_again && buf_size(&connection->out) == 0)
        settle_upto(connection, connection->mail_written_no);
}

/* Receipts of what this user sent elsewhere: nothing is said of them here. */
void lair_mail_receipt(struct lair_connection *connection, const Roost__V1__Receipt *receipt)
{
    if (connection->state != LAIR_OPEN)
        return;
    connection->mail_written_no = receipt->delivery_no;
    connection->mail_written_at = actor_mono(connection->gateway->actor);
}
