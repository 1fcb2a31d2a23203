/* SPDX-License-Identifier: MPL-2.0
 *
 * Mail to peers of the local network, one message at a time.
 *
 *     DELIVER -> numbers -> LAN_WRITE (which packet is on its way) -> the packet, again until it is
 *             confirmed (RECVMSG) -> the next part, or settled (ipmsg_consumer.c): the next message
 *
 * The numbers are on disk before they are used: after a restart the same packet goes out with the
 * same number, so that a program that remembers numbers shows it once. A peer that does not confirm
 * keeps its message leased; it is knocked at ever more seldom, and at once when it shows a sign of
 * life. Notices of the broker go between messages, once each.
 */
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define AGAIN_MS      1000
#define LIFE_AGAIN_MS 60000 /* until it is asked again whether it is over */
#define NOTICES_MAX   4

static void end_resuming(struct ipmsg_peer *peer)
{
    if (!peer->is_resuming)
        return;
    peer->is_resuming = false;
    peer->gateway->resuming_count--;
}

/* --- Time of one peer. */

static void wake_at(struct ipmsg_peer *peer, struct mono_time when)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    if (heap_has(&peer->due))
        heap_move(&gateway->due, &peer->due, when.ns);
    else if (heap_push(&gateway->due, &peer->due, when.ns) != ERR_OK)
        log_warn("no-memory"); /* a sign of life sends it */
    ipmsg_arm(gateway);
}

static void wake_in(struct ipmsg_peer *peer, int64_t delay_ms)
{
    wake_at(peer, mono_add_ms(actor_mono(peer->gateway->actor), delay_ms));
}

/* --- The end of the message in hand. */

static void tell(struct ipmsg_peer *peer, bool begins)
{
    ipmsg_tell(peer->gateway, peer->id,
               begins ? ROOST__INTERNAL__LAN_HEARING__LAN_MAIL_BEGINS
                      : ROOST__INTERNAL__LAN_HEARING__LAN_MAIL_ENDS,
               0);
}

static void let_go(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    heap_remove(&peer->gateway->due, &peer->due);
    if (mail->state == MAIL_SENDING)
        tell(peer, false);
    mail->state = MAIL_IDLE;
    buf_clear(&mail->body);
    mail->part = mail->part_count = 0;
}

static void finish(struct ipmsg_peer *peer, Roost__V1__Outcome outcome)
{
    let_go(peer);
    peer->mail.state = MAIL_SETTLING;
    ipmsg_consumer_settle(peer, outcome);
}

/* Its own time to live is over while it waited here, by both clocks: it goes back, and expires
 * there. One that came although it is over by the wall clock is not over there. */
static bool has_expired(const struct ipmsg_peer *peer)
{
    const struct ipmsg_mail *mail = &peer->mail;
    const struct actor *actor = peer->gateway->actor;
    return mail->expires_ms && actor_wall(actor).ms >= mail->expires_ms &&
           mono_elapsed_ms(mail->taken_at, actor_mono(actor)) >= mail->life_ms;
}

static int64_t life_of(const struct ipmsg_peer *peer)
{
    int64_t left_ms = peer->mail.expires_ms - actor_wall(peer->gateway->actor).ms;
    return left_ms > 0 ? left_ms : LIFE_AGAIN_MS;
}

void ipmsg_mail_stop(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    if (mail->state >= MAIL_LEASED)
        let_go(peer);
    mail->state = MAIL_NONE; /* the lease ends with the session */
    mail->was_asked = mail->is_row_free = false;
    mail->confirm_id = 0;
    end_resuming(peer);
}

/* --- Sending. */

/* How good the way to it is. What is lost is lost. */
static void measure(struct ipmsg_peer *peer, bool is_ok)
{
    const struct ipmsg_mail *mail = &peer->mail;
    INTERNAL(PeerMeasured) measured = ROOST__INTERNAL__PEER_MEASURED__INIT;
    size_t begin = mail->part ? mail->part_ends[mail->part - 1] : 0;
    if (!peer->is_registered)
        return;
    measured.session = peer->session;
    measured.ok = is_ok;
    measured.failed = !is_ok;
    measured.bytes = is_ok ? mail->part_ends[mail->part] - begin : 0;
    measured.latency_count = is_ok;
    if (is_ok)
        measured.latency_total_ms =
            (uint64_t)mono_elapsed_ms(mail->since, actor_mono(peer->gateway->actor));
    if (actor_send(peer->gateway->actor, ACTOR_PEER_REGISTRY, MSG_PEER_MEASURED, &measured.base,
                   NULL) != ERR_OK)
        return;
}

static void send_part(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    size_t begin = mail->part ? mail->part_ends[mail->part - 1] : 0;
    size_t end = mail->part_ends[mail->part];
    int64_t delay_ms;
    if (has_expired(peer)) {
        finish(peer, ROOST__V1__OUTCOME__RELEASE);
        return;
    }
    ipmsg_say_message(peer, mail->first_no + mail->part, mail->options,
                      buf_data(&mail->body) + begin, end - begin);
    bool was_parked = ipmsg_send_is_parked(&mail->schedule);
    delay_ms = ipmsg_send_next(&mail->schedule);
    if (!was_parked && ipmsg_send_is_parked(&mail->schedule))
        measure(peer, false);
    if (mail->expires_ms) {
        int64_t left_ms = life_of(peer);
        delay_ms = left_ms < delay_ms ? left_ms + 1 : delay_ms;
    }
    wake_in(peer, delay_ms);
}

static void begin_part(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    mail->schedule = (struct ipmsg_schedule){0};
    mail->since = actor_mono(peer->gateway->actor);
    send_part(peer);
}

/* The numbers are on disk. */
static void begin(struct ipmsg_peer *peer)
{
    peer->mail.state = MAIL_SENDING;
    peer->mail.part = 0;
    tell(peer, true);
    begin_part(peer);
}

static void write_numbers(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    bool has_numbers =
        peer->row.sending_seq == mail->seq && peer->row.sending_count == mail->part_count;
    uint32_t first_no = peer->row.sending_no;
    if (has_numbers && first_no) { /* of the last run, or of the session before */
        mail->first_no = first_no;
        begin(peer);
        return;
    }
    if (!peer->is_present) { /* who knows whose address this is by now */
        ipmsg_peer_end(peer, err_code(ERR_NO_SESSION));
        return;
    }
    if (peer->row.sending_seq && !mail->is_row_free) {
        ipmsg_consumer_ask(peer); /* may the row be used for this message? */
        return;
    }
    if (!ipmsg_take_numbers(peer->gateway, mail->part_count, &first_no)) {
        wake_in(peer, AGAIN_MS);
        return;
    }
    mail->is_row_free = false;
    mail->first_no = first_no;
    peer->row.sending_seq = mail->seq;
    peer->row.sending_no = first_no;
    peer->row.sending_count = mail->part_count;
    mail->is_writing = ipmsg_peer_write(peer, peer->id) == ERR_OK;
    if (!mail->is_writing) {
        peer->row.sending_seq = 0;
        wake_in(peer, AGAIN_MS);
    }
}

enum err ipmsg_on_written(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(LanWritten) *written = MSG_BODY(msg, INTERNAL(LanWritten));
    uint64_t id;
    if (!actor_context(actor, msg, &id))
        return ERR_OK;
    struct ipmsg_peer *peer = id ? ipmsg_peer_of(state, id) : NULL;
    if (written->code)
        log_warn("lan-peer-not-written", LOG_U64("code", written->code));
    if (!peer || !peer->mail.is_writing)
        return ERR_OK;
    peer->mail.is_writing = false;
    if (peer->mail.state != MAIL_LEASED)
        return ERR_OK; /* it went meanwhile */
    if (written->code || peer->row.sending_seq != peer->mail.seq) {
        peer->row.sending_seq = 0;
        wake_in(peer, AGAIN_MS);
        return ERR_OK;
    }
    begin(peer);
    return ERR_OK;
}

void ipmsg_mail_not_written(struct ipmsg_peer *peer)
{
    if (!peer->mail.is_writing)
        return;
    peer->mail.is_writing = false;
    peer->row.sending_seq = 0; /* whether it is on disk is unknown: other numbers */
    if (peer->mail.state == MAIL_LEASED)
        wake_in(peer, AGAIN_MS);
}

bool ipmsg_may_be_asked(const struct ipmsg_peer *peer)
{
    return !peer->is_resuming && peer->mail.state != MAIL_SENDING &&
           peer->mail.state != MAIL_SETTLING;
}

void ipmsg_mail_due(struct ipmsg_peer *peer)
{
    if (peer->mail.state == MAIL_SENDING)
        send_part(peer);
    else if (peer->mail.state == MAIL_LEASED && !peer->mail.is_writing &&
             !ipmsg_consumer_is_waiting(peer))
        write_numbers(peer);
}

/* --- What comes from the mailbox. */

static bool lease(struct ipmsg_peer *peer, uint64_t delivery_no)
{
    struct ipmsg_mail *mail = &peer->mail;
    if (mail->state != MAIL_IDLE && mail->state != MAIL_ASKED)
        return false;
    mail->state = MAIL_LEASED;
    mail->is_owed = false;
    mail->delivery_no = delivery_no;
    mail->leased_at = mail->taken_at = actor_mono(peer->gateway->actor);
    return true;
}

void ipmsg_mail_deliver(struct ipmsg_peer *peer, const Roost__V1__Deliver *deliver)
{
    struct ipmsg_mail *mail = &peer->mail;
    if (deliver->n_entries != 1 || !lease(peer, deliver->first_delivery_no)) {
        log_error("delivery-unexpected", LOG_U64("entries", deliver->n_entries));
        return;
    }
    const Roost__V1__Delivery *message = deliver->entries[0];
    mail->seq = message->seq;
    mail->expires_ms = (int64_t)message->expires_ms;
    mail->life_ms = life_of(peer);
    if (!ipmsg_text_of(peer, message)) {
        finish(peer, ROOST__V1__OUTCOME__ACK); /* this protocol has no words for it */
        return;
    }
    write_numbers(peer);
}

/* Somebody has read what this peer sent sealed: it is told with its own number. */
void ipmsg_mail_receipt(struct ipmsg_peer *peer, const Roost__V1__Receipt *receipt)
{
    if (!lease(peer, receipt->delivery_no))
        return;
    for (size_t i = 0; i < receipt->n_entries; i++) {
        const Roost__V1__ReceiptEntry *entry = receipt->entries[i];
        for (size_t at = 0; at + UUID_BYTES <= entry->message_ids.len; at += UUID_BYTES) {
            if (entry->level == ROOST__V1__RECEIPT_LEVEL__READ)
                ipmsg_say_read(peer, ipmsg_id_number(entry->message_ids.data + at));
        }
    }
    finish(peer, ROOST__V1__OUTCOME__ACK);
}

/* --- Confirmed. */

/* A sealed message was opened: history knows which one it was, also after a restart. */
bool ipmsg_mail_opened(struct ipmsg_peer *peer, uint32_t packet_no)
{
    INTERNAL(LanFind) find = ROOST__INTERNAL__LAN_FIND__INIT;
    find.peer_id = peer->peer_id;
    find.packet_no = packet_no;
    return peer->peer_id != 0 && actor_ask(peer->gateway->actor, ACTOR_HISTORY, MSG_LAN_FIND,
                                           &find.base, NULL, IPMSG_ASK_MS, peer->id) == ERR_OK;
}

/* Everything up to it counts as read: READ goes to whoever asked for it. */
enum err ipmsg_on_found(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(LanFound) *found = MSG_BODY(msg, INTERNAL(LanFound));
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    uint64_t id;
    struct ipmsg_peer *peer = actor_context(actor, msg, &id) ? ipmsg_peer_of(state, id) : NULL;
    if (!peer)
        return ERR_OK;
    if (found->code || found->sender.len == 0) { /* there was no such packet */
        metrics_add(actor_metrics(actor), METRIC_PROTOCOL_ERRORS, 1);
        return ERR_OK;
    }
    call.session = peer->session;
    call.peer_id = peer->peer_id;
    call.peer_name = bytes_of(peer->name, peer->name_size);
    call.request_id = 1;
    call.method = ROOST__V1__METHOD__MARK_READ;
    call.peer = found->sender;
    call.seq = found->seq;
    if (actor_ask(actor, ACTOR_PERSISTENCE, MSG_CALL, &call.base, NULL, IPMSG_ASK_MS, 0) != ERR_OK)
        log_warn("opening-lost", LOG_U64("seq", found->seq));
    return ERR_OK;
}

bool ipmsg_mail_confirm(struct ipmsg_peer *peer, uint64_t packet_no)
{
    struct ipmsg_mail *mail = &peer->mail;
    if (mail->state != MAIL_SENDING || packet_no != (uint64_t)mail->first_no + mail->part)
        return false;
    measure(peer, true);
    peer->is_met = true;
    if (++mail->part < mail->part_count) {
        begin_part(peer);
        return true;
    }
    metrics_add(actor_metrics(peer->gateway->actor), METRIC_DELIVERED, 1);
    finish(peer, ROOST__V1__OUTCOME__ACK);
    return true;
}

/* --- Signs of life, and the lack of them. */

void ipmsg_mail_begin(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    struct mono_time now = actor_mono(peer->gateway->actor);
    bool is_late = mail->state == MAIL_ASKED && mono_elapsed_ms(mail->asked_at, now) > IPMSG_ASK_MS;
    if (mail->state == MAIL_NONE || is_late) {
        if (mono_elapsed_ms(mail->asked_at, now) >= AGAIN_MS || !mail->was_asked) {
            mail->was_asked = true;
            ipmsg_consumer_attach(peer);
        }
        return;
    }
    if (mail->state == MAIL_IDLE)
        ipmsg_notices_say(peer);
}

void ipmsg_mail_flush(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    if (peer->is_answer_owed || mail->state != MAIL_SENDING ||
        !ipmsg_send_is_parked(&mail->schedule))
        return;
    mail->schedule = (struct ipmsg_schedule){0};
    send_part(peer);
}

/* The message that had numbers when we stopped: sent before we say anything else. */
void ipmsg_mail_resume(struct ipmsg_peer *peer)
{
    if (!ipmsg_peer_session(peer))
        return;
    peer->is_resuming = true;
    peer->gateway->resuming_count++;
    tell(peer, true);
    peer->mail.was_asked = true;
    ipmsg_consumer_attach(peer);
}

void ipmsg_mail_sweep(struct ipmsg_peer *peer)
{
    struct ipmsg_mail *mail = &peer->mail;
    bool is_tried = mail->state == MAIL_SENDING && ipmsg_send_is_parked(&mail->schedule);
    if (peer->is_resuming && (mail->state == MAIL_IDLE || mail->state == MAIL_NONE || is_tried))
        end_resuming(peer);
    ipmsg_consumer_sweep(peer);
}

void ipmsg_mail_attached(struct ipmsg_peer *peer, uint64_t floor_seq)
{
    bool is_settled = floor_seq >= peer->row.sending_seq;
    peer->mail.is_owed = !is_settled && peer->mail.state == MAIL_IDLE;
    if (peer->is_resuming && is_settled) {
        tell(peer, false);
        end_resuming(peer);
        if (!peer->is_present && peer->mail.state == MAIL_IDLE)
            ipmsg_peer_end(peer, err_code(ERR_NO_SESSION));
        return;
    }
    ipmsg_notices_say(peer);
}

/* --- Notices. */

void ipmsg_notices_drop(struct ipmsg_peer *peer)
{
    while (peer->notices) {
        struct ipmsg_notice *notice = peer->notices;
        peer->notices = notice->next;
        free(notice);
    }
    peer->notice_count = 0;
}

void ipmsg_notice(struct ipmsg_peer *peer, const char *words)
{
    struct ipmsg_notice **link = &peer->notices;
    size_t size = strlen(words);
    struct ipmsg_notice *notice =
        peer->notice_count < NOTICES_MAX ? malloc(sizeof(*notice) + size) : NULL;
    if (!notice)
        return;
    notice->next = NULL;
    notice->size = size;
    memcpy(notice->words, words, size);
    while (*link)
        link = &(*link)->next;
    *link = notice;
    peer->notice_count++;
    ipmsg_notices_say(peer);
}

/* Its number is above those of the mail that has some and comes after it: that mail would not be
 * shown by programs that remember the highest one. */
static bool may_notice(const struct ipmsg_peer *peer)
{
    return peer->is_present && peer->mail.state == MAIL_IDLE && !peer->mail.is_owed;
}

void ipmsg_notices_say(struct ipmsg_peer *peer)
{
    uint32_t packet_no;
    while (peer->notices && may_notice(peer)) {
        struct ipmsg_notice *notice = peer->notices;
        if (!ipmsg_take_numbers(peer->gateway, 1, &packet_no))
            return; /* with the next sweep */
        ipmsg_say_notice(peer, packet_no, notice->words, notice->size);
        peer->notices = notice->next;
        peer->notice_count--;
        free(notice);
    }
}
