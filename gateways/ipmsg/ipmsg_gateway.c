/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_gateway.h and ipmsg_internal.h.
 *
 * At the start nothing is said to everybody before the packets that were on their way when we
 * stopped have been sent again: our entry would make some programs forget that they saw them.
 */
#include "gateways/ipmsg/ipmsg_gateway.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateways/ipmsg/ipmsg_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define WATCH_NET      0
#define SWEEP_MS       1000
#define SEEN_MS        10000
#define STORES_MAX     8192
#define CALLED_MAX     16384 /* several runs of those who do not answer */
#define ADDRESSES_MAX  65536
#define PER_SECOND     200  /* datagrams of one host ... */
#define BURST          400  /* ... and at once */
#define NEW_PER_SECOND 1000 /* names never heard of, of all hosts together */
#define NEW_BURST      2000
#define NUMBERS_BLOCK  1000
#define NUMBERS_LOW    200  /* left when the next block is asked for */
#define RESUME_MS      6000 /* for packets of the last run */
#define DUE_PER_TURN   256
#define SESSION_BIT    ((uint64_t)1 << 62) /* no other gateway numbers its sessions from here */

/* --- Telling discovery. */

void ipmsg_tell(struct ipmsg_gateway *gateway, uint64_t peer, INTERNAL(LanHearing) what,
                uint32_t packet_no)
{
    INTERNAL(LanHeard) heard = ROOST__INTERNAL__LAN_HEARD__INIT;
    heard.peer = peer;
    heard.what = what;
    heard.packet_no = packet_no;
    enum err err = actor_send(gateway->actor, ACTOR_DISCOVERY, MSG_LAN_HEARD, &heard.base, NULL);
    if (err) /* made up for by the next sign of life */
        log_warn("lan-heard-lost", LOG_U64("what", what), LOG_ERROR(err));
}

/* Everybody is told, as soon as no packet waits for its confirmation, or after a while anyway. */
static void announce_if_due(struct ipmsg_gateway *gateway)
{
    if (!gateway->must_announce || !gateway->is_ready)
        return;
    gateway->must_announce = false;
    ipmsg_say_to_all(gateway, IPMSG_BR_ENTRY);
    ipmsg_say_seeds(gateway, IPMSG_BR_ENTRY, false);
}

static void say(struct ipmsg_gateway *gateway, struct ipmsg_peer *peer, INTERNAL(LanSaying) what)
{
    switch ((int)what) {
    case ROOST__INTERNAL__LAN_SAYING__LAN_ANNOUNCE:
        gateway->must_announce = true;
        announce_if_due(gateway);
        break;
    case ROOST__INTERNAL__LAN_SAYING__LAN_ASK_SEEDS:
        if (gateway->is_ready)
            ipmsg_say_seeds(gateway, IPMSG_BR_ENTRY, true);
        break;
    case ROOST__INTERNAL__LAN_SAYING__LAN_ASK:
        if (peer && ipmsg_may_be_asked(peer))
            ipmsg_say_entry(gateway, &peer->path, IPMSG_BR_ENTRY);
        break;
    case ROOST__INTERNAL__LAN_SAYING__LAN_ANSWER:
        if (peer) {
            ipmsg_say_entry(gateway, &peer->path, IPMSG_ANSENTRY);
            ipmsg_peer_answered(peer, true);
        }
        break;
    case ROOST__INTERNAL__LAN_SAYING__LAN_NO_ANSWER:
        if (peer)
            ipmsg_peer_answered(peer, false);
        break;
    default:
        break;
    }
}

static enum err on_say(struct actor *actor, void *state, const struct msg *msg)
{
    struct ipmsg_gateway *gateway = state;
    const INTERNAL(LanSay) *body = MSG_BODY(msg, INTERNAL(LanSay));
    (void)actor;
    if (!gateway->net)
        return ERR_OK;
    if (body->what == ROOST__INTERNAL__LAN_SAYING__LAN_CALL_ON)
        ipmsg_call_on(gateway, body);
    else
        say(gateway, ipmsg_peer_of(gateway, body->peer), body->what);
    return ERR_OK;
}

/* --- Numbers. */

static void reserve(struct ipmsg_gateway *gateway)
{
    INTERNAL(NumbersReserve) reserve = ROOST__INTERNAL__NUMBERS_RESERVE__INIT;
    if (gateway->is_reserving)
        return;
    reserve.name = bytes_of("ipmsg", 5);
    reserve.count = NUMBERS_BLOCK;
    reserve.at_least =
        (uint64_t)actor_wall(gateway->actor).ms / 1000; /* above those of a lost file */
    gateway->is_reserving = actor_ask(gateway->actor, ACTOR_PERSISTENCE, MSG_NUMBERS_RESERVE,
                                      &reserve.base, NULL, IPMSG_ASK_MS, 0) == ERR_OK;
}

/* Numbers begin again below those that some programs remember: BR_ABSENCE makes them forget, and is
 * not answered. */
static void say_that_numbers_begin_again(struct ipmsg_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    ipmsg_say_to_all(gateway, IPMSG_BR_ABSENCE);
    while (u64map_next(&gateway->peers, &cursor)) {
        const struct ipmsg_peer *peer = (const struct ipmsg_peer *)(uintptr_t)cursor.value;
        if (peer->is_present)
            ipmsg_say_entry(gateway, &peer->path, IPMSG_BR_ABSENCE);
    }
}

static enum err on_reserved(struct actor *actor, void *state, const struct msg *msg)
{
    struct ipmsg_gateway *gateway = state;
    const INTERNAL(NumbersReserved) *reserved = MSG_BODY(msg, INTERNAL(NumbersReserved));
    uint64_t context;
    if (!actor_context(actor, msg, &context))
        return ERR_OK;
    gateway->is_reserving = false;
    if (reserved->code) { /* the sweep asks again */
        log_warn("no-numbers", LOG_U64("code", reserved->code));
        return ERR_OK;
    }
    gateway->next_no = (uint32_t)reserved->first;
    gateway->end_no = (uint32_t)reserved->first + reserved->count;
    if (reserved->is_wrapped)
        say_that_numbers_begin_again(gateway);
    return ERR_OK;
}

bool ipmsg_take_numbers(struct ipmsg_gateway *gateway, uint32_t count, uint32_t *ret_first)
{
    uint32_t left = gateway->end_no - gateway->next_no;
    if (left < count + NUMBERS_LOW)
        reserve(gateway);
    if (left < count)
        return false;
    *ret_first = gateway->next_no;
    gateway->next_no += count;
    return true;
}

uint32_t ipmsg_any_number(struct ipmsg_gateway *gateway)
{
    uint32_t number = (uint32_t)(actor_wall(gateway->actor).ms / 1000);
    (void)ipmsg_take_numbers(gateway, 1, &number); /* the time will do: nobody remembers it */
    return number;
}

/* --- Ourselves. */

/* A row for our own mailbox: seen, and gone again at once. */
void ipmsg_make_own(struct ipmsg_gateway *gateway)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    open.session = closed.session = ++gateway->last_session;
    open.peer_name = bytes_of(gateway->own_name, gateway->own_name_size);
    open.display_name = bytes_of(gateway->options->nickname, strlen(gateway->options->nickname));
    open.kind = bytes_of("ipmsg", 5);
    if (actor_ask(gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &open.base, NULL,
                  IPMSG_ASK_MS, 0) != ERR_OK ||
        actor_send(gateway->actor, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base, NULL) !=
            ERR_OK)
        log_warn("own-mailbox-not-made");
}

static void name_ourselves(struct ipmsg_gateway *gateway)
{
    char name[WIRE_NAME_BYTES_MAX];
    if (gethostname(gateway->host, sizeof(gateway->host) - 1) != 0 || !gateway->host[0])
        (void)snprintf(gateway->host, sizeof(gateway->host), "localhost");
    for (char *at = gateway->host; *at; at++) {
        if (*at == ':' || *at == '@' || *at <= ' ' || *at > '~')
            *at = '-';
    }
    int size = snprintf(name, sizeof(name), "lan:%s@%s", gateway->options->user, gateway->host);
    CHECK(size > 0 && (size_t)size < sizeof(name)); /* both are short: lan_name_is_fit */
    memcpy(gateway->own_name, name, (size_t)size);
    gateway->own_name_size = (size_t)size;
}

/* --- Deliveries. */

static enum err on_deliver_out(struct actor *actor, void *state, const struct msg *msg)
{
    struct ipmsg_gateway *gateway = state;
    struct wire_message message;
    struct ipmsg_peer *peer =
        ipmsg_peer_of_session(gateway, MSG_BODY(msg, INTERNAL(DeliverOut))->session);
    (void)actor;
    arena_reset(&gateway->arena);
    if (!msg->payload || wire_parse(&gateway->reader, zmq_msg_data(msg->payload),
                                    zmq_msg_size(msg->payload), &message) != ERR_OK) {
        log_error("delivery-unreadable", LOG_STR("problem", gateway->reader.problem));
        return ERR_OK;
    }
    if (peer && message.type == ROOST__V1__TYPE__DELIVER)
        ipmsg_mail_deliver(peer, message.deliver);
    else if (peer && message.type == ROOST__V1__TYPE__RECEIPT)
        ipmsg_mail_receipt(peer, message.receipt);
    return ERR_OK;
}

/* --- Time. */

void ipmsg_arm(struct ipmsg_gateway *gateway)
{
    const struct heap_node *top = heap_top(&gateway->due);
    if (top)
        actor_timer_set(gateway->actor, IPMSG_TIMER_DUE, (struct mono_time){top->key});
    else
        actor_timer_stop(gateway->actor, IPMSG_TIMER_DUE);
}

static void send_what_is_due(struct ipmsg_gateway *gateway)
{
    struct mono_time now = actor_mono(gateway->actor);
    for (int i = 0; i < DUE_PER_TURN; i++) {
        struct heap_node *top = heap_top(&gateway->due);
        if (!top || top->key > now.ns)
            break;
        heap_remove(&gateway->due, top);
        ipmsg_mail_due(HEAP_ENTRY(top, struct ipmsg_peer, due));
    }
    ipmsg_arm(gateway);
}

/* What was unfinished is done, or has been tried: now others may hear of us. */
static void begin_if_ready(struct ipmsg_gateway *gateway)
{
    int64_t passed_ms = mono_elapsed_ms(gateway->started_at, actor_mono(gateway->actor));
    bool is_done = gateway->is_loaded && gateway->resuming_count == 0;
    if (gateway->is_ready || !(is_done || passed_ms >= RESUME_MS))
        return;
    gateway->is_ready = true;
    ipmsg_tell(gateway, 0, ROOST__INTERNAL__LAN_HEARING__LAN_READY, 0);
}

/* Silent for longer than anybody waits, and nothing on its way: its mail waits in the store. */
static bool is_absent(const struct ipmsg_peer *peer)
{
    const struct ipmsg_gateway *gateway = peer->gateway;
    int64_t silent_ms = mono_elapsed_ms(peer->heard_at, actor_mono(gateway->actor));
    return peer->is_present && peer->session && peer->mail.state <= MAIL_IDLE &&
           silent_ms > gateway->options->absent_ms;
}

static void sweep(struct ipmsg_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->peers, &cursor)) {
        struct ipmsg_peer *peer = (struct ipmsg_peer *)(uintptr_t)cursor.value;
        if (is_absent(peer))
            ipmsg_peer_end(peer, err_code(ERR_NO_SESSION));
        ipmsg_peer_sweep(peer);
        ipmsg_mail_sweep(peer);
    }
    if (gateway->end_no - gateway->next_no < NUMBERS_LOW)
        reserve(gateway);
    if (!gateway->is_loaded && !gateway->is_loading)
        ipmsg_peers_load(gateway);
    begin_if_ready(gateway);
    announce_if_due(gateway);
}

static void arm(struct ipmsg_gateway *gateway, unsigned timer, int64_t delay_ms)
{
    actor_timer_set(gateway->actor, timer, mono_add_ms(actor_mono(gateway->actor), delay_ms));
}

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    struct ipmsg_gateway *gateway = state;
    (void)actor;
    switch ((enum ipmsg_timer)timer) {
    case IPMSG_TIMER_SWEEP:
        sweep(gateway);
        arm(gateway, IPMSG_TIMER_SWEEP, SWEEP_MS);
        break;
    case IPMSG_TIMER_SEEN:
        ipmsg_tell_seen(gateway);
        arm(gateway, IPMSG_TIMER_SEEN, gateway->options->seen_ms);
        break;
    case IPMSG_TIMER_DUE:
        send_what_is_due(gateway);
        break;
    }
    return ERR_OK;
}

static void peer_got_no_answer(struct ipmsg_peer *peer, uint8_t kind)
{
    if (kind == MSG_SESSION_OPEN)
        peer->is_asking = false;
    else if (kind == MSG_LAN_LOAD)
        peer->is_loading = false;
    else if (kind == MSG_LAN_WRITE)
        ipmsg_mail_not_written(peer);
    else if (kind == MSG_ATTACH)
        ipmsg_mail_stop(peer);
}

static enum err on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct ipmsg_gateway *gateway = state;
    (void)actor;
    log_warn("no-answer", LOG_STR("kind", message_name(kind)));
    struct ipmsg_peer *peer = ipmsg_peer_of(gateway, context);
    if (kind == MSG_NUMBERS_RESERVE)
        gateway->is_reserving = false;
    else if (kind == MSG_LAN_LOAD && context == 0)
        gateway->is_loading = false;
    else if (kind == MSG_STORE || kind == MSG_CALL)
        ipmsg_in_no_answer(gateway, kind, context);
    else if (peer)
        peer_got_no_answer(peer, kind);
    return ERR_OK;
}

/* --- Turns and life. */

static enum err on_readable(struct actor *actor, void *state, unsigned watch)
{
    struct ipmsg_gateway *gateway = state;
    (void)actor;
    (void)watch;
    lan_net_receive(gateway->net, ipmsg_hear, gateway);
    if (lan_net_take_news(gateway->net))
        ipmsg_tell(gateway, 0, ROOST__INTERNAL__LAN_HEARING__LAN_INTERFACE, 0);
    return ERR_OK;
}

static void init_memory(struct ipmsg_gateway *gateway)
{
    const struct ipmsg_gateway_options *options = gateway->options;
    u64map_init(&gateway->peers, options->peers_max);
    u64map_init(&gateway->sessions, options->peers_max);
    hash_init(&gateway->names, options->peers_max);
    heap_init(&gateway->due, options->peers_max);
    u64map_init(&gateway->stores, STORES_MAX);
    u64map_init(&gateway->called, CALLED_MAX);
    ipmsg_limits_init(&gateway->limits, ADDRESSES_MAX, PER_SECOND, BURST);
    ipmsg_limits_init(&gateway->newcomers, 1, NEW_PER_SECOND, NEW_BURST);
    arena_init(&gateway->arena, WIRE_ARENA_BYTES(options->limits.frame_bytes_max));
    buf_init(&gateway->text, IPMSG_MAIL_BYTES_MAX);
    buf_init(&gateway->datagram, LAN_DATAGRAM_BYTES_MAX);
    buf_init(&gateway->scratch, IPMSG_MAIL_BYTES_MAX);
    gateway->reader = (struct wire_reader){
        .direction = WIRE_TO_CLIENT, .limits = &options->limits, .arena = &gateway->arena};
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct ipmsg_gateway *gateway = state;
    const struct ipmsg_gateway_options *options = args;
    gateway->actor = actor;
    gateway->options = options;
    gateway->last_session = SESSION_BIT | ((uint64_t)actor_wall(actor).ms << 16);
    gateway->started_at = actor_mono(actor);
    init_memory(gateway);
    gateway->charset = (enum ipmsg_charset)options->charset;
    name_ourselves(gateway);
    if (options->listen_count == 0)
        return ERR_OK;
    const struct lan_net_options net = {.listen = options->listen,
                                        .listen_count = options->listen_count,
                                        .is_broadcast = options->is_broadcast};
    enum err err = lan_net_open(&net, &gateway->net);
    if (err)
        return err;
    actor_watch(actor, WATCH_NET, NULL, lan_net_fd(gateway->net));
    ipmsg_tell(gateway, 0, ROOST__INTERNAL__LAN_HEARING__LAN_STARTED, 0);
    reserve(gateway);
    ipmsg_peers_load(gateway);
    arm(gateway, IPMSG_TIMER_SWEEP, SWEEP_MS / 10);
    arm(gateway, IPMSG_TIMER_SEEN, options->seen_ms);
    return ERR_OK;
}

static void leave(struct ipmsg_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    if (!gateway->net || gateway->is_stopping)
        return;
    gateway->is_stopping = true;
    ipmsg_say_to_all(gateway, IPMSG_BR_EXIT);
    ipmsg_say_seeds(gateway, IPMSG_BR_EXIT, true);
    while (u64map_next(&gateway->peers, &cursor)) {
        struct ipmsg_peer *peer = (struct ipmsg_peer *)(uintptr_t)cursor.value;
        if (peer->is_present)
            ipmsg_say_entry(gateway, &peer->path, IPMSG_BR_EXIT);
    }
    cursor = (struct u64map_cursor){0};
    while (u64map_next(&gateway->peers, &cursor))
        ipmsg_peer_end((struct ipmsg_peer *)(uintptr_t)cursor.value, err_code(ERR_NO_SESSION));
}

static enum err on_stop(struct actor *actor, void *state)
{
    leave(state);
    actor_stopped(actor);
    return ERR_OK;
}

static void fini(struct actor *actor, void *state)
{
    struct ipmsg_gateway *gateway = state;
    actor_unwatch(actor, WATCH_NET);
    lan_net_close(&gateway->net);
    heap_fini(&gateway->due); /* while its peers are there: it touches them */
    ipmsg_peers_fini(gateway);
    ipmsg_stores_fini(gateway);
    u64map_fini(&gateway->peers);
    u64map_fini(&gateway->sessions);
    hash_fini(&gateway->names);
    u64map_fini(&gateway->stores);
    u64map_fini(&gateway->called);
    ipmsg_limits_fini(&gateway->limits);
    ipmsg_limits_fini(&gateway->newcomers);
    arena_fini(&gateway->arena);
    buf_fini(&gateway->text);
    buf_fini(&gateway->datagram);
    buf_fini(&gateway->scratch);
}

const struct actor_class ipmsg_gateway_actor = {
    .name = "ipmsg-gateway",
    .state_size = sizeof(struct ipmsg_gateway),
    .restart = ACTOR_RESTART,
    .link_room = 4096,
    .init = init,
    .fini = fini,
    .on_timer = on_timer,
    .on_no_answer = on_no_answer,
    .on_readable = on_readable,
    .on_stop = on_stop,
    .on =
        {
            [MSG_LAN_SAY] = on_say,
            [MSG_NUMBERS_RESERVED] = on_reserved,
            [MSG_LAN_LOADED] = ipmsg_on_loaded,
            [MSG_LAN_WRITTEN] = ipmsg_on_written,
            [MSG_LAN_FOUND] = ipmsg_on_found,
            [MSG_SESSION_OPENED] = ipmsg_on_session_opened,
            [MSG_SESSION_DROPPED] = ipmsg_on_session_dropped,
            [MSG_STORE_DONE] = ipmsg_on_store_done,
            [MSG_CALL_DONE] = ipmsg_on_call_done,
            [MSG_ATTACHED] = ipmsg_on_attached,
            [MSG_DETACHED] = ipmsg_on_detached,
            [MSG_SETTLED] = ipmsg_on_settled,
            [MSG_LAN_SHOW] = ipmsg_on_show,
            [MSG_DELIVER_OUT] = on_deliver_out,
        },
};
