/* SPDX-License-Identifier: MPL-2.0
 *
 * The inside of the ipmsg-gateway: its state, and what its files call of each other.
 *
 *     ipmsg_gateway.c   the actor: life, turn, timers, stop; which answer goes to whom
 *     ipmsg_peer.c      peers: sessions, what survives a restart, signs of life
 *     ipmsg_hear.c      from a datagram to what is to be done
 *     ipmsg_in.c        messages from them: store, confirm, notices
 *     ipmsg_mail.c      messages to them: numbers, sending, confirmation
 *     ipmsg_consumer.c  the consumer they come from: attached, settled, credit
 *     ipmsg_say.c       datagrams in the making
 *     ipmsg_call.c      addresses that were called on, until somebody is heard there
 *     lan_net.c         sockets
 *
 * The pure modules of this folder (packet, text, entry, name, send, limits) know the protocol, these
 * files know the broker.
 */
#ifndef GATEWAYS_IPMSG_IPMSG_INTERNAL_H
#define GATEWAYS_IPMSG_IPMSG_INTERNAL_H

#include "gateways/ipmsg/ipmsg_entry.h"
#include "gateways/ipmsg/ipmsg_gateway.h"
#include "gateways/ipmsg/ipmsg_limits.h"
#include "gateways/ipmsg/ipmsg_packet.h"
#include "gateways/ipmsg/ipmsg_send.h"
#include "gateways/ipmsg/ipmsg_text.h"
#include "gateways/ipmsg/lan_net.h"
#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "proto/name.h"
#include "proto/uuid.h"
#include "rt/arena.h"
#include "rt/buf.h"
#include "rt/hash.h"
#include "rt/heap.h"
#include "rt/metrics.h"

#define IPMSG_ASK_MS         15000
#define IPMSG_STORE_MS       60000
#define IPMSG_MAIL_BYTES_MAX (32u << 20) /* one message in the charset of its reader */
#define IPMSG_PART_BYTES     7800u       /* text of one packet: many read 8 KiB at most */

/* Views of texts and bytes. */
struct ipmsg_text {
    const uint8_t *data;
    size_t size;
};

/* A datagram that waits until its sender is known. */
struct ipmsg_held {
    struct ipmsg_held *next;
    struct lan_path path;
    size_t size;
    uint8_t bytes[];
};

struct ipmsg_notice {
    struct ipmsg_notice *next;
    size_t size;
    char words[];
};

enum ipmsg_mail_state {
    MAIL_NONE,     /* not attached */
    MAIL_ASKED,    /* being attached */
    MAIL_IDLE,     /* nothing in hand */
    MAIL_LEASED,   /* a message that has no numbers yet */
    MAIL_SENDING,  /* a packet is on its way and not confirmed */
    MAIL_SETTLING, /* done with; on disk that is not yet */
};

struct ipmsg_mail {
    enum ipmsg_mail_state state;
    bool was_asked, is_writing;
    bool is_owed;     /* a message that has numbers already comes next */
    bool is_row_free; /* what the row speaks of is settled on disk */
    bool is_said;     /* the outcome, to the sync-manager */
    struct mono_time asked_at, leased_at, taken_at, since, said_at;
    uint64_t granted, delivery_no, seq;
    uint64_t confirm_id; /* of the SETTLED that is waited for; 0: none */
    Roost__V1__Outcome outcome;
    int64_t expires_ms; /* wall clock; 0: never */
    int64_t life_ms;    /* at taken_at */
    struct buf body;    /* all parts, in the charset of the peer */
    size_t *part_ends;  /* in body */
    uint32_t part_count, part, first_no, options;
    struct ipmsg_schedule schedule;
};

struct ipmsg_peer {
    struct ipmsg_gateway *gateway;
    uint64_t id;      /* for ever; discovery knows it by this */
    uint64_t session; /* 0: none */
    int64_t peer_id;  /* 0: not known yet */
    struct name_folded folded;
    size_t name_size;
    char name[WIRE_NAME_BYTES_MAX];
    struct ipmsg_identity about;
    bool is_introduced;   /* it has said who it is */
    struct lan_path path; /* where it was heard last */
    bool is_present;      /* heard of, and has not left */
    bool is_leaving;      /* it says so all the time: believed when it is silent for a while */
    unsigned leaves;      /* goodbyes one soon after the other */
    struct mono_time left_at;
    bool is_met; /* there was a message to it or from it: it stays in mind longer */
    bool is_registered, is_asking, was_asked;
    bool has_news; /* for the registry */
    bool is_loading, has_row, must_write;
    bool is_answer_owed; /* discovery decides about its entry: first that, then everything else */
    bool is_seen;        /* since the registry was told last */
    bool is_resuming;    /* a packet of the last run is sent again */
    struct mono_time heard_at, told_at, asked_at, owed_since;

    struct {
        int64_t began_ms;
        uint64_t sending_seq;
        uint32_t sending_no, sending_count;
        bool is_explained;
    } row;

    struct ipmsg_held *held;
    size_t held_count;
    uint64_t published_no, stored_no;
    uint32_t stores_open;
    bool is_rewound;

    struct ipmsg_mail mail;
    struct heap_node due;
    struct ipmsg_notice *notices;
    size_t notice_count;
};

enum ipmsg_stage {
    STORE_FIRST,
    STORE_JOINING, /* the room is joined first */
    STORE_KEPT,    /* refused where it was to go */
};

/* A message on its way to disk. */
struct ipmsg_store {
    uint64_t id, peer, session;
    struct lan_path path; /* the confirmation goes back on it */
    uint32_t number, command;
    enum ipmsg_stage stage;
    enum err refusal;
    bool is_addressed;
    uint8_t message_id[UUID_BYTES];
    size_t size;
    uint8_t bytes[];
};

struct ipmsg_gateway {
    struct actor *actor;
    const struct ipmsg_gateway_options *options;
    struct lan_net *net;
    char own_name[WIRE_NAME_BYTES_MAX]; /* "lan:USER@HOST" */
    size_t own_name_size;
    char host[64];
    enum ipmsg_charset charset;
    uint64_t last_id, last_session, last_store, last_confirm;
    struct u64map peers;    /* by id */
    struct u64map sessions; /* by session */
    struct hash names;      /* by folded name */
    struct heap due;        /* peers with something to be sent, by time */
    struct u64map stores;
    struct u64map called; /* ip and port -> tag of discovery */
    struct ipmsg_limits limits, newcomers;

    uint32_t next_no, end_no; /* numbers reserved */
    bool is_reserving;

    int64_t loaded_id;
    bool is_loading, is_loaded;
    unsigned resuming_count;
    bool is_ready; /* others may be told */
    bool must_announce;
    struct mono_time started_at, announce_since;

    struct wire_reader reader;
    struct arena arena;
    struct buf text;     /* the message in hand, in UTF-8 */
    struct buf datagram; /* about to be sent */
    struct buf scratch;
    bool is_stopping;
};

enum ipmsg_timer {
    IPMSG_TIMER_SWEEP,
    IPMSG_TIMER_SEEN,
    IPMSG_TIMER_DUE, /* a packet is to be sent again */
};

/* --- ipmsg_gateway.c */

/* To discovery. */
void ipmsg_tell(struct ipmsg_gateway *gateway, uint64_t peer, INTERNAL(LanHearing) what,
                uint32_t packet_no);
/* The timer of what is due, after `due` changed. */
void ipmsg_arm(struct ipmsg_gateway *gateway);
/* Numbers for packets that are remembered by number: consecutive. False: not now. */
bool ipmsg_take_numbers(struct ipmsg_gateway *gateway, uint32_t count, uint32_t *ret_first);
/* For any other packet. */
uint32_t ipmsg_any_number(struct ipmsg_gateway *gateway);
/* The peer that is the broker itself gets its row. */
void ipmsg_make_own(struct ipmsg_gateway *gateway);

/* --- ipmsg_call.c */

void ipmsg_call_on(struct ipmsg_gateway *gateway, const INTERNAL(LanSay) * say);
/* Something valid was heard on this path. */
void ipmsg_call_heard(struct ipmsg_gateway *gateway, const struct lan_path *path);

/* --- ipmsg_peer.c */

struct ipmsg_peer *ipmsg_peer_of(struct ipmsg_gateway *gateway, uint64_t id);
struct ipmsg_peer *ipmsg_peer_of_session(struct ipmsg_gateway *gateway, uint64_t session);
struct ipmsg_peer *ipmsg_peer_find(struct ipmsg_gateway *gateway, const char *name, size_t size);
/* Finds or makes. NULL: no room, or too many new ones at once. */
struct ipmsg_peer *ipmsg_peer_make(struct ipmsg_gateway *gateway, const char *name, size_t size);
void ipmsg_peer_forget(struct ipmsg_peer *peer);
void ipmsg_peers_fini(struct ipmsg_gateway *gateway);
/* It has a session number now. False: no memory. */
bool ipmsg_peer_session(struct ipmsg_peer *peer);
/* The other actors forget its session, if it has one. 0: it said goodbye. */
void ipmsg_peer_end(struct ipmsg_peer *peer, uint32_t code);
bool ipmsg_peer_is_ready(const struct ipmsg_peer *peer);
/* Keeps the datagram until the peer is ready. False: no room. */
bool ipmsg_peer_hold(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                     size_t size);
MUST_USE enum err ipmsg_peer_write(struct ipmsg_peer *peer, uint64_t context);
void ipmsg_peers_load(struct ipmsg_gateway *gateway);
/* A datagram came from it; `is_entry`: discovery is told of it by others. */
void ipmsg_peer_heard(struct ipmsg_peer *peer, const struct lan_path *path, bool is_entry);
void ipmsg_peer_owe(struct ipmsg_peer *peer);
void ipmsg_peer_answered(struct ipmsg_peer *peer, bool is_new);
void ipmsg_peer_sweep(struct ipmsg_peer *peer);
/* It said goodbye. */
void ipmsg_peer_left(struct ipmsg_peer *peer);
void ipmsg_tell_seen(struct ipmsg_gateway *gateway);
actor_handler ipmsg_on_session_opened, ipmsg_on_session_dropped, ipmsg_on_loaded;

/* --- ipmsg_hear.c */

void ipmsg_hear(void *gateway, const struct lan_path *path, const void *bytes, size_t size);
/* One that was held back. */
void ipmsg_hear_again(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                      size_t size);
/* What is known of a peer of the last run. */
void ipmsg_about_restore(struct ipmsg_peer *peer, const INTERNAL(LanPeer) * row);

/* --- ipmsg_in.c */

void ipmsg_in_message(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                      size_t size, const struct ipmsg_packet *packet);
void ipmsg_in_no_answer(struct ipmsg_gateway *gateway, uint8_t kind, uint64_t id);
void ipmsg_stores_fini(struct ipmsg_gateway *gateway);
/* The packet number in the id of a message that came from here. */
uint32_t ipmsg_id_number(const uint8_t id[UUID_BYTES]);
actor_handler ipmsg_on_store_done, ipmsg_on_call_done;

/* --- ipmsg_mail.c */

/* Attaches its mailbox, unless that is done. */
void ipmsg_mail_begin(struct ipmsg_peer *peer);
/* A sign of life: what is parked is sent now. */
void ipmsg_mail_flush(struct ipmsg_peer *peer);
void ipmsg_mail_resume(struct ipmsg_peer *peer);
void ipmsg_mail_stop(struct ipmsg_peer *peer);
void ipmsg_mail_due(struct ipmsg_peer *peer);
void ipmsg_mail_sweep(struct ipmsg_peer *peer);
void ipmsg_mail_not_written(struct ipmsg_peer *peer);
void ipmsg_mail_deliver(struct ipmsg_peer *peer, const Roost__V1__Deliver *deliver);
void ipmsg_mail_receipt(struct ipmsg_peer *peer, const Roost__V1__Receipt *receipt);
/* False: no such packet is on its way. */
bool ipmsg_mail_confirm(struct ipmsg_peer *peer, uint64_t packet_no);
/* The peer opened a sealed message. False: it cannot be found out now which. */
bool ipmsg_mail_opened(struct ipmsg_peer *peer, uint32_t packet_no);
void ipmsg_notice(struct ipmsg_peer *peer, const char *words);
void ipmsg_notices_say(struct ipmsg_peer *peer);
void ipmsg_notices_drop(struct ipmsg_peer *peer);
/* The consumer is there; everything up to `floor_seq` is settled. */
void ipmsg_mail_attached(struct ipmsg_peer *peer, uint64_t floor_seq);
actor_handler ipmsg_on_written, ipmsg_on_found;

/* --- ipmsg_consumer.c */

void ipmsg_consumer_attach(struct ipmsg_peer *peer);
/* What is in hand is done with; the next one comes when that is on disk. */
void ipmsg_consumer_settle(struct ipmsg_peer *peer, Roost__V1__Outcome outcome);
/* Are earlier settles on disk? ipmsg_mail_due when they are. */
void ipmsg_consumer_ask(struct ipmsg_peer *peer);
bool ipmsg_consumer_is_waiting(const struct ipmsg_peer *peer);
void ipmsg_consumer_sweep(struct ipmsg_peer *peer);
actor_handler ipmsg_on_attached, ipmsg_on_detached, ipmsg_on_settled;

/* No packet is on its way to it, or shown and not yet settled on disk: an entry of ours, which makes
 * some programs forget which numbers they saw, does no harm. */
bool ipmsg_may_be_asked(const struct ipmsg_peer *peer);

/* --- ipmsg_show.c */

actor_handler ipmsg_on_show;

/* --- ipmsg_say.c */

void ipmsg_say_entry(struct ipmsg_gateway *gateway, const struct lan_path *path, uint32_t mode);
/* BR_ENTRY or BR_EXIT to everybody; to the seeds, or only to those that are silent. */
void ipmsg_say_to_all(struct ipmsg_gateway *gateway, uint32_t mode);
void ipmsg_say_seeds(struct ipmsg_gateway *gateway, uint32_t mode, bool is_silent_only);
void ipmsg_say_confirm(struct ipmsg_gateway *gateway, const struct lan_path *path,
                       uint32_t packet_no);
void ipmsg_say_message(struct ipmsg_peer *peer, uint32_t packet_no, uint32_t options,
                       const uint8_t *text, size_t size);
void ipmsg_say_notice(struct ipmsg_peer *peer, uint32_t packet_no, const char *words, size_t size);
/* READMSG with the peer's own number. */
void ipmsg_say_read(struct ipmsg_peer *peer, uint32_t packet_no);
/* A packet whose body is a number or a text. */
void ipmsg_say_words(struct ipmsg_gateway *gateway, const struct lan_path *path, uint32_t command,
                     const char *words);
void ipmsg_say_hosts(struct ipmsg_gateway *gateway, const struct lan_path *path, uint32_t start);
/* mail->body and its parts from a message; false: there is nothing to be shown of it. */
bool ipmsg_text_of(struct ipmsg_peer *peer, const Roost__V1__Delivery *message);
/* What a packet of this peer is written in. */
enum ipmsg_charset ipmsg_charset_of(const struct ipmsg_peer *peer,
                                    const struct ipmsg_packet *packet);
/* UTF-8, whatever it was; the view lives until the next call. */
struct ipmsg_text ipmsg_decode(struct ipmsg_peer *peer, const struct ipmsg_packet *packet);

#endif
