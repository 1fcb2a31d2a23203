/* SPDX-License-Identifier: MPL-2.0
 *
 * The durable consumer "main" of a peer's mailbox, and what may be forgotten of it.
 *
 *     ATTACH -> one credit -> a delivery -> SETTLE -> SETTLED (on disk) -> the next credit
 *
 * A peer's row says which packet its message has. It may speak of another message only when the one
 * before is settled on disk: otherwise a crash brings that one back, it gets another number, and is
 * shown twice. So every SETTLE asks to be confirmed, and when a row comes from an earlier session,
 * whose last SETTLE may still be on its way, that is asked for as well, before the row is used.
 */
#include "gateways/ipmsg/ipmsg_internal.h"
#include "rt/log.h"

#define HANDLE    1
#define LEASE_MS  3600000
#define EXTEND_MS (LEASE_MS / 3)

/* --- Attaching. */

void ipmsg_consumer_attach(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    INTERNAL(Attach) attach = ROOST__INTERNAL__ATTACH__INIT;
    attach.session = peer->session;
    attach.peer_id = peer->peer_id;
    attach.peer_name = bytes_of(peer->name, peer->name_size);
    attach.is_unverified = true;
    attach.handle = HANDLE;
    attach.scope_kind = PREFIX_PEER;
    attach.scope_name = bytes_of(peer->name, peer->name_size);
    attach.consumer = bytes_of("main", 4);
    attach.lease_ms = LEASE_MS;
    attach.credit_messages = mail->granted = 1;
    enum err err = actor_ask(peer->gateway->actor, ACTOR_SYNC_MANAGER, MSG_ATTACH, &attach.base,
                             NULL, IPMSG_ASK_MS, peer->id);
    mail->state = err ? MAIL_NONE : MAIL_ASKED;
    mail->asked_at = actor_mono(peer->gateway->actor);
}

enum err ipmsg_on_attached(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(Attached) *attached = MSG_BODY(msg, INTERNAL(Attached));
    uint64_t id;
    struct ipmsg_peer *peer = actor_context(actor, msg, &id) ? ipmsg_peer_of(state, id) : NULL;
    if (!peer || peer->session != attached->session)
        return ERR_OK;
    if (attached->code) {
        log_warn("mail-refused", LOG_U64("code", attached->code));
        ipmsg_mail_stop(peer);
        peer->mail.was_asked = true; /* not again at once */
        return ERR_OK;
    }
    if (peer->mail.state == MAIL_ASKED) /* else a delivery was faster */
        peer->mail.state = MAIL_IDLE;
    ipmsg_mail_attached(peer, attached->floor_seq);
    return ERR_OK;
}

enum err ipmsg_on_detached(struct actor *actor, void *state, const struct msg *msg)
{
    struct ipmsg_peer *peer =
        ipmsg_peer_of_session(state, MSG_BODY(msg, INTERNAL(Detached))->session);
    (void)actor;
    if (peer)
        ipmsg_mail_stop(peer);
    return ERR_OK;
}

static void grant_next(struct ipmsg_peer *peer)
{
    INTERNAL(Credit) credit = ROOST__INTERNAL__CREDIT__INIT;
    credit.session = peer->session;
    credit.handle = HANDLE;
    credit.messages_total = ++peer->mail.granted;
    enum err err =
        actor_send(peer->gateway->actor, ACTOR_SYNC_MANAGER, MSG_CREDIT, &credit.base, NULL);
    if (err) { /* attached anew by the sweep */
        log_warn("credit-lost", LOG_U64("session", peer->session), LOG_ERROR(err));
        peer->mail.state = MAIL_NONE;
    }
}

/* --- Settling. */

static enum err settle(struct ipmsg_peer *peer, Roost__V1__Outcome outcome, uint64_t confirm_id)
{
    INTERNAL(Settle) settle = ROOST__INTERNAL__SETTLE__INIT;
    INTERNAL(SettleRange) range = ROOST__INTERNAL__SETTLE_RANGE__INIT, *ranges = &range;
    range.outcome = outcome;
    range.first_delivery_no = range.last_delivery_no = peer->mail.delivery_no;
    settle.session = peer->session;
    settle.handle = HANDLE;
    settle.confirm_id = confirm_id;
    settle.ranges = &ranges;
    settle.n_ranges = 1;
    enum err err =
        actor_send(peer->gateway->actor, ACTOR_SYNC_MANAGER, MSG_SETTLE, &settle.base, NULL);
    if (err)
        log_warn("settle-lost", LOG_U64("session", peer->session), LOG_ERROR(err));
    return err;
}

/* Said again by the sweep until it is answered: saying it twice is fine. */
static void say_outcome(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    mail->is_said = settle(peer, mail->outcome, mail->confirm_id) == ERR_OK;
    mail->said_at = actor_mono(peer->gateway->actor);
}

void ipmsg_consumer_settle(struct ipmsg_peer *peer, Roost__V1__Outcome outcome)
{
    struct ipmsg_mail *mail = &peer->mail;
    mail->outcome = outcome;
    mail->confirm_id = ++peer->gateway->last_confirm;
    say_outcome(peer);
}

bool ipmsg_consumer_is_waiting(const struct ipmsg_peer *peer)
{
    return peer->mail.confirm_id != 0;
}

/* To extend what is in hand changes nothing; the answer comes behind whatever is being written. */
void ipmsg_consumer_ask(struct ipmsg_peer *peer)
{
    ipmsg_consumer_settle(peer, ROOST__V1__OUTCOME__EXTEND);
}

enum err ipmsg_on_settled(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(Settled) *settled = MSG_BODY(msg, INTERNAL(Settled));
    struct ipmsg_peer *peer = ipmsg_peer_of_session(state, settled->session);
    (void)actor;
    if (!peer || settled->confirm_id == 0 || settled->confirm_id != peer->mail.confirm_id)
        return ERR_OK; /* of an earlier session */
    struct ipmsg_mail *mail = &peer->mail;
    mail->confirm_id = 0;
    mail->is_row_free = settled->n_exceptions == 0; /* else it is delivered again */
    if (mail->state == MAIL_LEASED && !mail->is_row_free)
        ipmsg_mail_stop(peer); /* its lease is over: attached anew by the sweep */
    else if (mail->state == MAIL_LEASED)
        ipmsg_mail_due(peer);
    if (mail->state != MAIL_SETTLING)
        return ERR_OK;
    mail->state = MAIL_IDLE;
    ipmsg_notices_say(peer);
    grant_next(peer);
    return ERR_OK;
}

void ipmsg_consumer_sweep(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    struct mono_time now = actor_mono(peer->gateway->actor);
    if (mail->confirm_id && (!mail->is_said || mono_elapsed_ms(mail->said_at, now) >= IPMSG_ASK_MS))
        say_outcome(peer);
    bool is_in_hand = mail->state == MAIL_LEASED || mail->state == MAIL_SENDING;
    if (!is_in_hand || mono_elapsed_ms(mail->leased_at, now) < EXTEND_MS)
        return;
    mail->leased_at = now;
    if (settle(peer, ROOST__V1__OUTCOME__EXTEND, 0) != ERR_OK)
        return; /* the lease ends by itself, and the message comes again with the same number */
}
