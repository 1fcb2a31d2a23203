/* SPDX-License-Identifier: MPL-2.0
 *
 * See sim_life.h.
 */
#include "sim_life.h"

#include <string.h>

#include "rt/check.h"

static const struct client cast[CLIENTS] = {
    {.peer = "ana", .name = "ana", .consumer = "main", .kind = 1, .ledger = 0},
    {.peer = "ana", .name = "ana", .consumer = "phone", .kind = 1, .ledger = 1},
    {.peer = "bob", .name = "bob", .consumer = "main", .kind = 1, .ledger = 2},
    {.peer = "ana", .name = "work", .consumer = "", .kind = 3, .ledger = 3},
    {.peer = "bob", .name = "work", .consumer = "w", .kind = 3, .ledger = 3},
    {.peer = "cid", .name = "work", .consumer = "main", .kind = 3, .ledger = 3},
    {.peer = "ana", .name = "t", .consumer = "", .kind = 4, .ledger = 4},
    {.peer = "bob", .name = "t", .consumer = "", .kind = 4, .ledger = 5},
    {.peer = "cid", .name = "cid", .consumer = "main", .kind = 1, .ledger = -1},
    {.peer = "ana", .name = "ana", .consumer = "main", .kind = 1, .ledger = LISTENS},
    {.peer = "cid", .name = "t", .consumer = "", .kind = 4, .ledger = LISTENS},
    {.peer = "bob", .name = ">", .consumer = "", .kind = 4, .ledger = 6},
    {.peer = "ana", .name = "u.*", .consumer = "", .kind = 4, .ledger = 7},
    {.peer = "cid", .name = "*.v", .consumer = "", .kind = 4, .ledger = LISTENS},
};

static const struct {
    unsigned scope;
    const char *stored_name;
} consumers[LEDGER_CONSUMERS] = {{0, "main"},     {0, "phone"},    {1, "main"},
                                 {2, "main"},     {3, "ana/main"}, {3, "bob/main"},
                                 {6, "bob/main"}, {7, "ana/main"}};

static const char *const scopes[LEDGER_SCOPES + LEDGER_PATTERNS] = {
    "peer:ana",  "peer:bob",  "queue:work", "topic:t",
    "topic:u.v", "topic:U.w", "topic:>",    "topic:u.*"};

uint64_t draw(struct life *life, uint64_t limit)
{
    uint64_t z = (life->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

bool chance(struct life *life, uint64_t percent)
{
    return draw(life, 100) < percent;
}

/* --- Attaching */

static struct client *client_of(struct life *life, uint64_t session)
{
    return &life->clients[session % SESSIONS];
}

void life_attach(struct life *life, struct client *client, uint64_t credit)
{
    INTERNAL(Attach) ask = ROOST__INTERNAL__ATTACH__INIT;
    client->session = ++life->lives * SESSIONS + (uint64_t)(client - life->clients);
    client->is_attached = false;
    client->pending_count = 0;
    client->received = 0;
    client->credit = credit;
    ask.session = client->session;
    ask.peer_id = client->peer_id;
    ask.peer_name = (ProtobufCBinaryData){strlen(client->peer), (uint8_t *)(uintptr_t)client->peer};
    ask.handle = 1;
    ask.scope_kind = client->kind;
    ask.scope_name =
        (ProtobufCBinaryData){strlen(client->name), (uint8_t *)(uintptr_t)client->name};
    ask.consumer =
        (ProtobufCBinaryData){strlen(client->consumer), (uint8_t *)(uintptr_t)client->consumer};
    ask.lease_ms = 5000;
    ask.is_ephemeral = client->ledger == LISTENS;
    client->heard_seq = 0;
    ask.credit_messages = credit;
    if (sim_broker_ask(&life->broker, ACTOR_SYNC_MANAGER, MSG_ATTACH, &ask.base) == 0)
        client->session = 0;
}

void life_close_session(struct life *life, struct client *client)
{
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = client->session;
    closed.peer_id = client->peer_id;
    if (sim_broker_tell(&life->broker, MSG_SESSION_CLOSED, &closed.base))
        client->session = 0;
}

static void on_attached(void *context, uint64_t correlation, const INTERNAL(Attached) * attached)
{
    struct life *life = context;
    struct client *client = client_of(life, attached->session);
    (void)correlation;
    if (client->session != attached->session)
        return;
    client->is_attached = attached->code == 0;
    if (attached->code != 0)
        client->session = 0; /* refused: tries again some day */
    bool is_temporary = attached->code == 0 || err_is_retryable(err_from_code(attached->code));
    if (!is_temporary)
        ledger_fail(&life->ledger, "attach refused for good", attached->session, attached->code);
}

static void on_detached(void *context, const INTERNAL(Detached) * detached)
{
    struct life *life = context;
    struct client *client = client_of(life, detached->session);
    if (client->session != detached->session)
        return;
    client->session = 0;
    client->is_attached = false;
}

void life_give_credit(struct life *life, struct client *client)
{
    INTERNAL(Credit) credit = ROOST__INTERNAL__CREDIT__INIT;
    if (client->session == 0)
        return;
    client->credit = client->received + 1 + draw(life, 40);
    credit.session = client->session;
    credit.handle = 1;
    credit.messages_total = client->credit;
    (void)sim_broker_tell(&life->broker, MSG_CREDIT, &credit.base); /* or next time */
}

/* --- Deliveries and settles */

/* Who listens hears in order from now on, and nothing of a session before. */
static void note_heard(struct life *life, struct client *client,
                       const struct sim_delivery *delivery)
{
    if (delivery->receipt != NULL)
        ledger_fail(&life->ledger, "a listener gets a receipt", 0, delivery->seq);
    bool is_scheduled =
        life->ledger.messages[delivery->number].entry.not_before_ms != 0; /* comes when it is due */
    if (client->session != delivery->session || delivery->redelivered || is_scheduled)
        return;
    if (delivery->seq <= client->heard_seq)
        ledger_fail(&life->ledger, "a listener hears out of order", 0, delivery->seq);
    client->heard_seq = delivery->seq;
}

static void on_delivery(void *context, const struct sim_delivery *delivery)
{
    struct life *life = context;
    struct client *client = client_of(life, delivery->session);
    if (client->ledger == LISTENS)
        note_heard(life, client, delivery);
    else if ((delivery->receipt != NULL) != (client->ledger < 0))
        ledger_fail(&life->ledger, "a receipt for a reader, or the reverse", 0, delivery->seq);
    if (client->ledger == LISTENS)
        life->heard++;
    else if (delivery->receipt != NULL)
        ledger_note_receipt(&life->ledger, delivery->receipt);
    else
        ledger_note_delivery(&life->ledger, &life->ledger.consumers[client->ledger], delivery,
                             client->session != delivery->session, sim_wall(life->broker.sim).ms,
                             sim_broker_steady_ms(&life->broker));
    if (client->session != delivery->session)
        return; /* a session that has ended */
    client->received++;
    if (client->pending_count < PENDING_MAX)
        client->pending[client->pending_count++] = (struct pending){delivery->no, delivery->number};
}

static void note_outcome(struct life *life, const struct client *client, uint64_t number,
                         uint32_t outcome)
{
    if (client->ledger < 0)
        return;
    struct ledger_mark *mark = &life->ledger.consumers[client->ledger].marks[number];
    mark->is_acked |= outcome == ROOST__V1__OUTCOME__ACK;
    mark->has_failed |= outcome == ROOST__V1__OUTCOME__FAIL;
    mark->is_rejected |= outcome == ROOST__V1__OUTCOME__REJECT;
}

/* Settles pending[first .. first + count), one range per number. */
static void settle(struct life *life, struct client *client, uint32_t first, uint32_t count,
                   uint32_t outcome, bool is_confirmed)
{
    INTERNAL(Settle) body = ROOST__INTERNAL__SETTLE__INIT;
    INTERNAL(SettleRange) ranges[64];
    INTERNAL(SettleRange) * pointers[64];
    struct confirm *confirm = &life->confirms[life->confirm_next % CONFIRMS];
    body.session = client->session;
    body.handle = 1;
    body.confirm_id = is_confirmed ? ++life->confirm_next : 0;
    if (is_confirmed)
        *confirm = (struct confirm){.id = body.confirm_id, .session = client->session};
    for (uint32_t i = 0; i < count; i++) {
        const struct pending *pending = &client->pending[first + i];
        roost__internal__settle_range__init(&ranges[i]);
        ranges[i].first_delivery_no = pending->no;
        ranges[i].outcome = outcome;
        ranges[i].delay_ms = outcome != ROOST__V1__OUTCOME__ACK && chance(life, 20) ? 700 : 0;
        pointers[i] = &ranges[i];
        if (is_confirmed && outcome == ROOST__V1__OUTCOME__ACK && client->ledger >= 0)
            confirm->acked[confirm->count++] = *pending;
    }
    body.ranges = pointers;
    body.n_ranges = count;
    if (!sim_broker_tell(&life->broker, MSG_SETTLE, &body.base))
        return;
    for (uint32_t i = 0; i < count; i++)
        note_outcome(life, client, client->pending[first + i].number, outcome);
    if (outcome == ROOST__V1__OUTCOME__EXTEND)
        return;
    client->pending_count -= count;
    memmove(&client->pending[first], &client->pending[first + count],
            (client->pending_count - first) * sizeof(client->pending[0]));
}

static void on_settled(void *context, const INTERNAL(Settled) * settled)
{
    struct life *life = context;
    for (uint32_t i = 0; i < CONFIRMS && settled->confirm_id != 0; i++) {
        struct confirm *confirm = &life->confirms[i];
        if (confirm->id != settled->confirm_id || confirm->session != settled->session)
            continue;
        const struct client *client = client_of(life, settled->session);
        for (uint32_t k = 0; k < confirm->count; k++) {
            bool is_stale = false;
            for (size_t e = 0; e < settled->n_exceptions; e++)
                is_stale |= settled->exceptions[e]->no == confirm->acked[k].no;
            if (!is_stale)
                life->ledger.consumers[client->ledger]
                    .marks[confirm->acked[k].number]
                    .is_confirmed = true;
        }
        *confirm = (struct confirm){0};
    }
}

static uint32_t some_outcome(struct life *life)
{
    uint64_t number = draw(life, 100);
    if (number < 60)
        return ROOST__V1__OUTCOME__ACK;
    if (number < 72)
        return ROOST__V1__OUTCOME__RELEASE;
    if (number < 86)
        return ROOST__V1__OUTCOME__FAIL;
    return number < 92 ? ROOST__V1__OUTCOME__REJECT : ROOST__V1__OUTCOME__EXTEND;
}

void life_settle_some(struct life *life, struct client *client)
{
    if (client->session == 0 || client->pending_count == 0)
        return;
    uint32_t first = chance(life, 60) ? 0 : (uint32_t)draw(life, client->pending_count);
    uint32_t count = 1 + (uint32_t)draw(life, 20);
    if (count > client->pending_count - first)
        count = client->pending_count - first;
    uint32_t outcome = client->ledger == -1 ? ROOST__V1__OUTCOME__ACK : some_outcome(life);
    settle(life, client, first, count, outcome, chance(life, 50));
}

void life_settle_all(struct life *life, struct client *client)
{
    while (client->session != 0 && client->pending_count > 0) {
        uint32_t left = client->pending_count;
        settle(life, client, 0, left < 64 ? left : 64, ROOST__V1__OUTCOME__ACK, true);
        if (client->pending_count == left)
            return;
    }
}

/* --- Sending */

static void compose(struct life *life)
{
    struct ledger *ledger = &life->ledger;
    if (ledger->message_count == LEDGER_MESSAGES)
        return;
    struct ledger_message *message = &ledger->messages[ledger->message_count];
    int64_t now_ms = sim_wall(life->broker.sim).ms;
    *message = (struct ledger_message){.scope = (unsigned)draw(life, LEDGER_SCOPES)};
    message->entry.scope = scopes[message->scope];
    message->entry.number = ledger->message_count;
    memcpy(message->entry.id, &message->entry.number, sizeof(message->entry.number));
    memcpy(message->entry.id + 8, &ledger->seed, sizeof(ledger->seed));
    message->entry.receipts = (uint32_t)draw(life, 8);
    message->entry.ttl_ms = chance(life, 15) ? 5000 + draw(life, 60000) : UINT64_C(30) * 86400000;
    if (chance(life, 10))
        message->entry.not_before_ms = (uint64_t)now_ms + draw(life, 20000);
    ledger->message_count++;
}

void life_send_some(struct life *life)
{
    struct ledger *ledger = &life->ledger;
    struct sim_entry entries[16];
    uint64_t count = 1 + draw(life, 8);
    for (uint64_t i = 0; i < count && !life->is_ending; i++)
        compose(life);
    uint64_t left = ledger->message_count - life->send_next;
    count = left < count ? left : count;
    if (count == 0)
        return;
    for (uint64_t i = 0; i < count; i++) {
        struct ledger_message *message = &ledger->messages[life->send_next + i];
        if (!message->is_sent)
            message->sent_ms = sim_wall(life->broker.sim).ms;
        message->is_sent = true;
        message->last_sent_ms = sim_wall(life->broker.sim).ms;
        entries[i] = message->entry;
    }
    uint64_t first_no = life->send_next - life->send_first + 1;
    if (sim_broker_send(&life->broker, life->send_session, life->clients[RECEIVER].peer_id,
                        first_no, entries, count) != 0)
        life->send_next += count;
}

static void store(struct life *life, uint64_t no, uint64_t seq)
{
    struct ledger_message *message = &life->ledger.messages[life->send_first + no - 1];
    if (message->seq != 0 && message->seq != seq)
        ledger_fail(&life->ledger, "stored with two seqs", 0, message->entry.number);
    message->seq = seq;
    message->is_stored = true;
}

static void on_stored(void *context, uint64_t correlation, const INTERNAL(StoreDone) * done)
{
    struct life *life = context;
    (void)correlation;
    if (done->session != life->send_session)
        return;
    for (size_t i = 0; i < done->n_runs; i++) {
        for (uint32_t k = 0; k < done->runs[i]->count; k++)
            store(life, done->runs[i]->first_no + k, done->runs[i]->first_seq + k);
    }
    for (size_t i = 0; i < done->n_exceptions; i++) {
        if (done->exceptions[i]->code != err_code(ERR_DUPLICATE))
            ledger_fail(&life->ledger, "refused for good", 0, done->exceptions[i]->code);
        store(life, done->exceptions[i]->no, done->exceptions[i]->seq);
    }
    if (life->send_first + done->upto_no > life->send_answered)
        life->send_answered = life->send_first + done->upto_no;
    if (done->retry_code != 0)
        life->send_next = life->send_answered;
}

/* --- Cancelling */

void life_cancel_some(struct life *life)
{
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    if (life->ledger.message_count == 0)
        return;
    uint64_t number = draw(life, life->ledger.message_count);
    struct ledger_message *message = &life->ledger.messages[number];
    if (!message->is_stored)
        return;
    call.session = 1;
    call.peer_id = life->clients[RECEIVER].peer_id;
    call.peer_name = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t) "cid"};
    call.request_id = number + 1;
    call.method = ROOST__V1__METHOD__CANCEL;
    call.message_ids = (ProtobufCBinaryData){16, message->entry.id};
    if (sim_broker_ask(&life->broker, ACTOR_SYNC_MANAGER, MSG_CALL, &call.base) != 0)
        message->is_cancel_asked = true;
}

static void on_call_done(void *context, uint64_t correlation, const INTERNAL(CallDone) * done)
{
    struct life *life = context;
    (void)correlation;
    if (done->code == 0 && done->count > 0)
        life->ledger.messages[done->request_id - 1].is_cancelled = true;
}

static void on_peer(void *context, uint64_t correlation, const INTERNAL(PeerSaved) * saved)
{
    struct life *life = context;
    (void)correlation;
    const INTERNAL(PeerState) *state = saved->states[0];
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct client *client = &life->clients[i];
        if (strlen(client->peer) == state->name.len &&
            memcmp(client->peer, state->name.data, state->name.len) == 0)
            client->peer_id = state->peer_id;
    }
}

void life_new_sender(struct life *life)
{
    life->send_session = 1 + ++life->lives * SESSIONS + SESSIONS - 1;
    life->send_first = life->send_answered;
    life->send_next = life->send_answered;
}

/* --- The cast */

void life_init(struct life *life, uint64_t seed)
{
    life->random = seed;
    life->ledger.seed = seed;
    life->ledger.consumer_count = LEDGER_CONSUMERS;
    memcpy(life->clients, cast, sizeof(cast));
    memcpy(life->ledger.scope_names, scopes, sizeof(scopes));
    for (uint32_t i = 0; i < LEDGER_CONSUMERS; i++) {
        life->ledger.consumers[i].scope = consumers[i].scope;
        life->ledger.consumers[i].stored_name = consumers[i].stored_name;
    }
    life->broker.clients = (struct sim_clients){life,       on_stored,    on_attached, on_detached,
                                                on_settled, on_call_done, on_delivery, on_peer};
}
