/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_play.h.
 */
#include "ipmsg_play.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/wire.h"
#include "rt/log.h"

#define WAIT_MS   10000
#define NETWORK   0x7f5b3900u /* 127.91.57.x */
#define FIRST_NO  5000
#define NUMBERS   1000
#define LOOPBACKS "127.91.57.1:*"

static const char *const listen_addresses[] = {LOOPBACKS};

/* --- The stage. */

struct ipmsg_play *ipmsg_play_new(void)
{
    struct ipmsg_play *play = calloc(1, sizeof(*play));
    assert_non_null(play);
    play->options = (struct ipmsg_gateway_options){
        .listen = listen_addresses,
        .listen_count = 1,
        .user = "roost",
        .nickname = "roost",
        .group = "",
        .peers_max = 100,
        .seen_ms = 10000,
        .absent_ms = 3600000,
        .limits = wire_limits_default,
    };
    play->spec = (struct actor_spec){&ipmsg_gateway_actor, &play->options, 0};
    play->next_no = FIRST_NO;
    log_set_level(getenv("PLAY_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_OFF);
    return play;
}

void ipmsg_play_start(struct ipmsg_play *play)
{
    struct sim_options options = {
        .pseudo_actors = ACTOR_COUNT - 1, .turn_max_us = -1, .delay_max_us = -1};
    enum err err;
    play->sim = sim_new(1, &play->spec, 1, message_types, MSG_COUNT, &options, &err);
    assert_non_null(play->sim);
    sim_settle(play->sim);
}

void ipmsg_play_begin(struct ipmsg_play *play, INTERNAL(LanPeer) * *rows, size_t count)
{
    INTERNAL(LanLoaded) loaded = ROOST__INTERNAL__LAN_LOADED__INIT;
    loaded.peers = rows;
    loaded.n_peers = count;
    loaded.is_end = true;
    ipmsg_reserve(play);
    ipmsg_answer(play, ipmsg_take(play, ACTOR_PERSISTENCE, MSG_LAN_LOAD), ACTOR_PERSISTENCE,
                 MSG_LAN_LOADED, &loaded.base);
}

void ipmsg_play_end(struct ipmsg_play *play)
{
    assert_int_equal(sim_failure(play->sim, &(uint8_t){0}), ERR_OK);
    sim_destroy(&play->sim);
    free(play);
}

struct ipmsg_gateway *ipmsg_play_gateway(struct ipmsg_play *play)
{
    return sim_state(play->sim, IPMSG_ID);
}

static bool is_readable(int fd, int wait_ms)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return poll(&look, 1, wait_ms) == 1;
}

/* --- As a program of the local network. */

struct neighbour *neighbour_new(struct ipmsg_play *play, uint8_t last, const char *user)
{
    struct neighbour *neighbour = calloc(1, sizeof(*neighbour));
    assert_non_null(neighbour);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(NETWORK + last)};
    neighbour->play = play;
    neighbour->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(neighbour->fd, (struct sockaddr *)&own, sizeof(own)), 0);
    (void)snprintf(neighbour->user, sizeof(neighbour->user), "%s", user);
    return neighbour;
}

void neighbour_end(struct neighbour **neighbour)
{
    (void)close((*neighbour)->fd);
    free(*neighbour);
    *neighbour = NULL;
}

struct lan_address neighbour_address(const struct neighbour *neighbour)
{
    struct sockaddr_in own;
    socklen_t size = sizeof(own);
    assert_int_equal(getsockname(neighbour->fd, (struct sockaddr *)&own, &size), 0);
    return (struct lan_address){.ip = ntohl(own.sin_addr.s_addr), .port = ntohs(own.sin_port)};
}

void neighbour_say(struct neighbour *neighbour, uint32_t command, const char *body, uint32_t number)
{
    struct ipmsg_play *play = neighbour->play;
    struct lan_net *net = ipmsg_play_gateway(play)->net;
    struct lan_path path;
    char text[4096];
    assert_true(lan_net_path_to(net, (struct lan_address){.ip = NETWORK + 1}, &path));
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(path.local.ip),
                             .sin_port = htons(path.local.port)};
    int size = snprintf(text, sizeof(text), "1:%u:%s:pc:%u:%s",
                        number ? number : ++neighbour->number, neighbour->user, command, body);
    assert_true(size > 0 && (size_t)size < sizeof(text));
    assert_int_equal(
        sendto(neighbour->fd, text, (size_t)size + 1, 0, (struct sockaddr *)&to, sizeof(to)),
        size + 1);
    assert_true(is_readable(lan_net_fd(net), WAIT_MS));
    while (is_readable(lan_net_fd(net), 0)) {
        sim_readable(play->sim, IPMSG_ID, 0);
        sim_settle(play->sim);
    }
}

const struct ipmsg_packet *neighbour_hear(struct neighbour *neighbour, uint32_t mode)
{
    assert_true(is_readable(neighbour->fd, WAIT_MS));
    ssize_t size = recv(neighbour->fd, neighbour->bytes, sizeof(neighbour->bytes), 0);
    assert_true(size > 0);
    assert_int_equal(ipmsg_packet_parse(neighbour->bytes, (size_t)size, &neighbour->heard), ERR_OK);
    assert_int_equal(IPMSG_MODE(neighbour->heard.command), mode);
    return &neighbour->heard;
}

bool neighbour_hears(struct neighbour *neighbour)
{
    ssize_t size = recv(neighbour->fd, neighbour->bytes, sizeof(neighbour->bytes), 0);
    if (size < 0)
        return false;
    assert_int_equal(ipmsg_packet_parse(neighbour->bytes, (size_t)size, &neighbour->heard), ERR_OK);
    return true;
}

void neighbour_hear_nothing(struct neighbour *neighbour)
{
    ssize_t size = recv(neighbour->fd, neighbour->bytes, sizeof(neighbour->bytes) - 1, 0);
    if (size >= 0) {
        neighbour->bytes[size] = '\0';
        fail_msg("expected nothing, %s came", neighbour->bytes);
    }
}

const char *neighbour_body(struct neighbour *neighbour, char *ret_text, size_t size)
{
    const struct ipmsg_packet *packet = &neighbour->heard;
    assert_true(packet->body_size < size);
    memcpy(ret_text, packet->body, packet->body_size);
    ret_text[packet->body_size] = '\0';
    return ret_text;
}

/* --- As other actors. */

const struct msg *ipmsg_take(struct ipmsg_play *play, uint8_t actor, uint8_t kind)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (!msg)
        fail_msg("expected %s, nothing came", message_name(kind));
    if (msg->kind != kind)
        fail_msg("expected %s, %s came", message_name(kind), message_name(msg->kind));
    return msg;
}

void ipmsg_take_nothing(struct ipmsg_play *play, uint8_t actor)
{
    const struct msg *msg = sim_take(play->sim, actor);
    if (msg)
        fail_msg("expected nothing, %s came", message_name(msg->kind));
}

unsigned ipmsg_take_all(struct ipmsg_play *play, uint8_t actor)
{
    unsigned count = 0;
    while (sim_take(play->sim, actor))
        count++;
    return count;
}

void ipmsg_answer(struct ipmsg_play *play, const struct msg *question, uint8_t actor, uint8_t kind,
                  const ProtobufCMessage *body)
{
    sim_reply(play->sim, question, actor, kind, body, NULL);
    sim_settle(play->sim);
}

void ipmsg_post(struct ipmsg_play *play, uint8_t actor, uint8_t kind, const ProtobufCMessage *body)
{
    assert_int_equal(sim_post(play->sim, actor, IPMSG_ID, kind, body, NULL, 0, false), ERR_OK);
    sim_settle(play->sim);
}

void ipmsg_decide(struct ipmsg_play *play, INTERNAL(LanSaying) what)
{
    const struct msg *msg;
    uint64_t peer = 0;
    while ((msg = sim_take(play->sim, ACTOR_DISCOVERY)) != NULL) {
        const INTERNAL(LanHeard) *heard = MSG_BODY(msg, INTERNAL(LanHeard));
        if (heard->what == ROOST__INTERNAL__LAN_HEARING__LAN_ENTRY)
            peer = heard->peer;
    }
    assert_true(peer != 0);
    INTERNAL(LanSay) say = ROOST__INTERNAL__LAN_SAY__INIT;
    say.peer = peer;
    say.what = what;
    ipmsg_post(play, ACTOR_DISCOVERY, MSG_LAN_SAY, &say.base);
}

void ipmsg_reserve(struct ipmsg_play *play)
{
    const struct msg *question = ipmsg_take(play, ACTOR_PERSISTENCE, MSG_NUMBERS_RESERVE);
    INTERNAL(NumbersReserved) reserved = ROOST__INTERNAL__NUMBERS_RESERVED__INIT;
    reserved.first = play->next_no;
    reserved.count = NUMBERS;
    play->next_no += NUMBERS;
    ipmsg_answer(play, question, ACTOR_PERSISTENCE, MSG_NUMBERS_RESERVED, &reserved.base);
}

uint64_t ipmsg_open(struct ipmsg_play *play, int64_t peer_id)
{
    const struct msg *question = ipmsg_take(play, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN);
    INTERNAL(SessionOpened) opened = ROOST__INTERNAL__SESSION_OPENED__INIT;
    uint64_t session = MSG_BODY(question, INTERNAL(SessionOpen))->session;
    opened.session = session;
    opened.peer_id = peer_id;
    ipmsg_answer(play, question, ACTOR_PEER_REGISTRY, MSG_SESSION_OPENED, &opened.base);
    return session;
}

void ipmsg_write(struct ipmsg_play *play, uint64_t sending_seq)
{
    const struct msg *question = ipmsg_take(play, ACTOR_PERSISTENCE, MSG_LAN_WRITE);
    INTERNAL(LanWritten) written = ROOST__INTERNAL__LAN_WRITTEN__INIT;
    assert_int_equal(MSG_BODY(question, INTERNAL(LanWrite))->peer->sending_seq, sending_seq);
    ipmsg_answer(play, question, ACTOR_PERSISTENCE, MSG_LAN_WRITTEN, &written.base);
}

void ipmsg_attach(struct ipmsg_play *play, uint64_t floor_seq)
{
    const struct msg *question = ipmsg_take(play, ACTOR_SYNC_MANAGER, MSG_ATTACH);
    const INTERNAL(Attach) *attach = MSG_BODY(question, INTERNAL(Attach));
    INTERNAL(Attached) attached = ROOST__INTERNAL__ATTACHED__INIT;
    assert_int_equal(attach->credit_messages, 1);
    attached.session = attach->session;
    attached.handle = attach->handle;
    attached.floor_seq = floor_seq;
    play->delivered = 0;
    ipmsg_answer(play, question, ACTOR_SYNC_MANAGER, MSG_ATTACHED, &attached.base);
}

static void deliver(struct ipmsg_play *play, uint64_t session, const Roost__V1__Delivery *given)
{
    Roost__V1__Delivery entry = *given, *entries = &entry;
    Roost__V1__Deliver deliver = ROOST__V1__DELIVER__INIT;
    INTERNAL(DeliverOut) out = ROOST__INTERNAL__DELIVER_OUT__INIT;
    uint64_t seq = given->seq;
    uint8_t id[UUID_BYTES] = {1,    2,  3,  4,  5,  6,  0x70, 8,
                              0x80, 10, 11, 12, 13, 14, 15,   (uint8_t)seq};
    zmq_msg_t frame;
    entry.message_id = (ProtobufCBinaryData){UUID_BYTES, id};
    entry.sender = ipmsg_bytes("zed");
    deliver.handle = 1;
    deliver.first_delivery_no = ++play->delivered;
    deliver.entries = &entries;
    deliver.n_entries = 1;
    out.session = session;
    out.handle = 1;
    out.count = 1;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__DELIVER, &deliver.base, &frame), ERR_OK);
    assert_int_equal(
        sim_post(play->sim, ACTOR_HISTORY, IPMSG_ID, MSG_DELIVER_OUT, &out.base, &frame, 0, false),
        ERR_OK);
    sim_settle(play->sim);
    (void)zmq_msg_close(&frame);
}

void ipmsg_deliver_until(struct ipmsg_play *play, uint64_t session, uint64_t seq, const char *text,
                         int64_t expires_ms)
{
    Roost__V1__Delivery entry = ROOST__V1__DELIVERY__INIT;
    entry.seq = seq;
    entry.body = ipmsg_bytes(text);
    entry.expires_ms = (uint64_t)expires_ms;
    deliver(play, session, &entry);
}

void ipmsg_deliver(struct ipmsg_play *play, uint64_t session, uint64_t seq, const char *text)
{
    ipmsg_deliver_until(play, session, seq, text, 0);
}

void ipmsg_deliver_sealed(struct ipmsg_play *play, uint64_t session, uint64_t seq, const char *text)
{
    Roost__V1__Delivery entry = ROOST__V1__DELIVERY__INIT;
    Roost__V1__Header flags = ROOST__V1__HEADER__INIT, *headers = &flags;
    flags.name = ipmsg_bytes("ipmsg.flags");
    flags.value = ipmsg_bytes("0x200");
    entry.seq = seq;
    entry.body = ipmsg_bytes(text);
    entry.headers = &headers;
    entry.n_headers = 1;
    deliver(play, session, &entry);
}

uint64_t ipmsg_take_settle(struct ipmsg_play *play, Roost__V1__Outcome outcome)
{
    const INTERNAL(Settle) *settle =
        MSG_BODY(ipmsg_take(play, ACTOR_SYNC_MANAGER, MSG_SETTLE), INTERNAL(Settle));
    assert_int_equal(settle->n_ranges, 1);
    assert_int_equal(settle->ranges[0]->first_delivery_no, play->delivered);
    assert_int_equal(settle->ranges[0]->last_delivery_no, play->delivered);
    assert_int_equal(settle->ranges[0]->outcome, outcome);
    return settle->confirm_id;
}

void ipmsg_settled(struct ipmsg_play *play, uint64_t session, uint64_t confirm_id, bool is_stale)
{
    INTERNAL(Settled) settled = ROOST__INTERNAL__SETTLED__INIT;
    INTERNAL(NumberException) stale = ROOST__INTERNAL__NUMBER_EXCEPTION__INIT, *stales = &stale;
    stale.no = play->delivered;
    stale.code = err_code(ERR_STALE_LEASE);
    settled.session = session;
    settled.handle = 1;
    settled.confirm_id = confirm_id;
    settled.exceptions = &stales;
    settled.n_exceptions = is_stale ? 1 : 0;
    ipmsg_post(play, ACTOR_SYNC_MANAGER, MSG_SETTLED, &settled.base);
}

uint64_t ipmsg_enter(struct neighbour *neighbour, int64_t peer_id, INTERNAL(LanPeer) * row,
                     uint64_t floor_seq)
{
    struct ipmsg_play *play = neighbour->play;
    const struct msg *question;
    neighbour_say(neighbour, IPMSG_BR_ENTRY | IPMSG_CAPUTF8, neighbour->user, 0);
    ipmsg_decide(play, ROOST__INTERNAL__LAN_SAYING__LAN_ANSWER);
    (void)neighbour_hear(neighbour, IPMSG_ANSENTRY);
    uint64_t session = ipmsg_open(play, peer_id);
    while ((question = sim_take(play->sim, ACTOR_PERSISTENCE)) != NULL) {
        INTERNAL(LanLoaded) loaded = ROOST__INTERNAL__LAN_LOADED__INIT;
        loaded.peers = &row;
        loaded.n_peers = row ? 1 : 0;
        if (question->kind == MSG_LAN_LOAD) /* the first time; else it has its row */
            ipmsg_answer(play, question, ACTOR_PERSISTENCE, MSG_LAN_LOADED, &loaded.base);
    }
    ipmsg_attach(play, floor_seq);
    return session;
}
