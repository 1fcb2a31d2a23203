/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages from the local network: SENDMSG -> STORE -> RECVMSG.
 *
 *     "@name text"   into the mailbox of that name
 *     "#room text"   into that room; a public one is joined with the first message
 *     anything else  into the broker's own mailbox, and the sender is told how to address others
 *
 * Confirmed is what is on disk, not before. What cannot be stored where it was addressed to is kept
 * in the broker's own mailbox: a confirmed message is never nowhere. The id of a message is made of
 * who sent it, since when its numbers count, its number and its text: the same packet once more is
 * found to be stored already, also after a restart.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/ipmsg/ipmsg_files.h"
#include "gateways/ipmsg/ipmsg_internal.h"
#include "rt/check.h"
#include "rt/log.h"

#define STORES_MAX     4096
#define TIME_BYTES     6
#define DIGEST_BYTES   6
#define RAW_PIECES_MAX 20 /* of WIRE_HEADER_VALUE_BYTES_MAX each: any datagram */
#define SEALED_TYPE    "application/x-ipmsg-encrypted"

static const char explanation[] =
    "This is a message broker: it keeps messages for people who are away. To write to somebody "
    "through it, begin with @name, to a room with #room; for example: @alice see you at noon";
static const char not_addressed[] =
    "Your message is kept, but it names nobody. Begin with @name or #room.";
static const char not_routable[] =
    "Your message is kept by the broker, but it could not be put where it was addressed to: ";
static const char no_files[] = "Files are not passed on; your text was.";

/* --- Ids. */

/* Everything behind the head, without NULs at the end. */
static struct ipmsg_text payload_of(const struct ipmsg_packet *packet)
{
    size_t size = packet->body_size;
    if (packet->extension_size)
        size = (size_t)(packet->extension - packet->body) + packet->extension_size;
    return (struct ipmsg_text){packet->body, size};
}

static void put_big_endian(uint8_t *bytes, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

/* 48 bits of time, 48 bits of digest, the number. Trailing NULs of the text do not count: the last
 * transmissions of some programs have more of them. */
static void make_id(const struct ipmsg_peer *peer, const struct ipmsg_packet *packet,
                    uint8_t ret_id[UUID_BYTES])
{
    crypto_generichash_state hash;
    uint8_t digest[crypto_generichash_BYTES];
    struct ipmsg_text payload = payload_of(packet);
    CHECK(crypto_generichash_init(&hash, NULL, 0, sizeof(digest)) == 0 &&
          crypto_generichash_update(&hash, (const uint8_t *)peer->folded.text, peer->folded.size) ==
              0 &&
          crypto_generichash_update(&hash, payload.data, payload.size) == 0 &&
          crypto_generichash_final(&hash, digest, sizeof(digest)) == 0);
    put_big_endian(ret_id, TIME_BYTES, (uint64_t)peer->row.began_ms);
    memcpy(ret_id + TIME_BYTES, digest, DIGEST_BYTES);
    put_big_endian(ret_id + TIME_BYTES + DIGEST_BYTES, 4, packet->number);
}

uint32_t ipmsg_id_number(const uint8_t id[UUID_BYTES])
{
    const uint8_t *bytes = id + TIME_BYTES + DIGEST_BYTES;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* --- Whom it is for. */

struct address {
    enum scope_prefix prefix;
    struct ipmsg_text name, rest;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* "@name text", "#room text"; what follows the name directly (":" or ",") is not a part of it. */
static bool read_address(struct ipmsg_text text, struct address *ret)
{
    size_t begin = 1, end;
    if (text.size < 2 || (text.data[0] != '@' && text.data[0] != '#'))
        return false;
    for (end = begin; end < text.size && !is_blank(text.data[end]); end++)
        ;
    size_t rest = end;
    while (rest < text.size && is_blank(text.data[rest]))
        rest++;
    if (end > begin && (text.data[end - 1] == ':' || text.data[end - 1] == ','))
        end--;
    if (end == begin || end - begin > WIRE_NAME_BYTES_MAX)
        return false;
    *ret = (struct address){.prefix = text.data[0] == '@' ? PREFIX_PEER : PREFIX_ROOM,
                            .name = {text.data + begin, end - begin},
                            .rest = {text.data + rest, text.size - rest}};
    return name_check(ret->name.data, ret->name.size, NULL) == ERR_OK;
}

/* --- STORE. */

struct message {
    char scope[WIRE_SCOPE_BYTES_MAX + 1];
    size_t scope_size;
    struct ipmsg_text body;
    const char *content_type; /* NULL: text */
    bool is_addressed;
};

static size_t add_header(Roost__V1__Header *header, const char *name, const void *value,
                         size_t size)
{
    roost__v1__header__init(header);
    header->name = bytes_of(name, strlen(name));
    header->value = bytes_of(value, size);
    return 1;
}

/* The bytes as they came, where the text is not the same. */
static size_t add_raw(Roost__V1__Header *headers, const struct ipmsg_packet *packet)
{
    struct ipmsg_text payload = payload_of(packet);
    size_t count = 0;
    for (size_t at = 0; at < payload.size && count < RAW_PIECES_MAX;) {
        size_t size = payload.size - at;
        if (size > WIRE_HEADER_VALUE_BYTES_MAX)
            size = WIRE_HEADER_VALUE_BYTES_MAX;
        count += add_header(&headers[count], "ipmsg.raw", payload.data + at, size);
        at += size;
    }
    return count;
}

/* The list of attachments as it came: "id:name:size:mtime:attr:", BEL between them. */
static struct ipmsg_text files_of(const struct ipmsg_packet *packet)
{
    struct ipmsg_text files = {packet->extension, packet->extension_size};
    if (!(packet->command & IPMSG_FILEATTACH) || !files.size)
        return (struct ipmsg_text){NULL, 0};
    files.size = strnlen((const char *)files.data, files.size);
    if (files.size > WIRE_HEADER_VALUE_BYTES_MAX)
        files.size = WIRE_HEADER_VALUE_BYTES_MAX;
    return files;
}

/* The same as JSON, in UTF-8. It lives until the next text is made. */
static size_t add_attachments(Roost__V1__Header *header, const struct ipmsg_peer *peer,
                              const struct ipmsg_packet *packet)
{
    struct buf *json = &peer->gateway->scratch;
    buf_clear(json);
    enum err err =
        ipmsg_files_json(packet->extension, packet->extension_size, ipmsg_charset_of(peer, packet),
                         WIRE_HEADER_VALUE_BYTES_MAX, json, NULL);
    return err ? 0 : add_header(header, "ipmsg.attachments", buf_data(json), buf_size(json));
}

static enum err pack(struct ipmsg_store *store, const struct ipmsg_peer *peer,
                     const struct ipmsg_packet *packet, const struct message *message,
                     zmq_msg_t *ret_frame)
{
    Roost__V1__Header headers[RAW_PIECES_MAX + 4], *views[RAW_PIECES_MAX + 4];
    Roost__V1__Entry entry = ROOST__V1__ENTRY__INIT, *entries = &entry;
    Roost__V1__Send send = ROOST__V1__SEND__INIT;
    char number[16], flags[16];
    struct ipmsg_text files = files_of(packet);
    size_t count = 0;
    (void)snprintf(number, sizeof(number), "%u", packet->number); /* both always fit */
    (void)snprintf(flags, sizeof(flags), "0x%x", packet->command);
    count += add_header(&headers[count], "ipmsg.packet", number, strlen(number));
    count += add_header(&headers[count], "ipmsg.flags", flags, strlen(flags));
    if (files.size) {
        count += add_header(&headers[count], "ipmsg.files", files.data, files.size);
        count += add_attachments(&headers[count], peer, packet);
    }
    count += add_raw(&headers[count], packet);
    for (size_t i = 0; i < count; i++)
        views[i] = &headers[i];
    entry.message_id = bytes_of(store->message_id, UUID_BYTES);
    entry.scope = bytes_of(message->scope, message->scope_size);
    entry.body = bytes_of(message->body.data, message->body.size);
    if (message->content_type)
        entry.content_type = bytes_of(message->content_type, strlen(message->content_type));
    entry.headers = views;
    entry.n_headers = count;
    if (packet->command & IPMSG_SECRET)
        entry.receipts = 1u << (ROOST__V1__RECEIPT_LEVEL__READ - 1);
    send.first_no = peer->published_no + 1;
    send.entries = &entries;
    send.n_entries = 1;
    return wire_pack(ROOST__V1__TYPE__SEND, &send.base, ret_frame);
}

static enum err ask_store(struct ipmsg_store *store, struct ipmsg_peer *peer,
                          const struct ipmsg_packet *packet, const struct message *message)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    INTERNAL(Store) question = ROOST__INTERNAL__STORE__INIT;
    zmq_msg_t frame;
    make_id(peer, packet, store->message_id);
    enum err err = pack(store, peer, packet, message, &frame);
    if (err)
        return err;
    question.session = store->session = peer->session;
    question.peer_id = peer->peer_id;
    question.is_unverified = true;
    question.first_no = peer->published_no + 1;
    question.count = 1;
    question.body_bytes = message->body.size;
    err = actor_ask(gateway->actor, ACTOR_PERSISTENCE, MSG_STORE, &question.base, &frame,
                    IPMSG_STORE_MS, store->id);
    (void)zmq_msg_close(&frame); /* cannot fail on a valid message */
    if (!err) {
        peer->published_no++;
        peer->stores_open++;
    }
    return err;
}

/* --- One message, where it goes. */

static void to_own_mailbox(struct ipmsg_gateway *gateway, struct message *message)
{
    message->scope_size =
        scope_format(PREFIX_PEER, gateway->own_name, gateway->own_name_size, message->scope);
}

static struct message route(struct ipmsg_store *store, struct ipmsg_peer *peer,
                            const struct ipmsg_packet *packet)
{
    struct message message = {.is_addressed = false};
    struct address address;
    if (packet->command & IPMSG_ENCRYPT) { /* nobody here can read it */
        message.body = payload_of(packet);
        message.content_type = SEALED_TYPE;
        to_own_mailbox(peer->gateway, &message);
        return message;
    }
    message.body = ipmsg_decode(peer, packet);
    message.is_addressed = read_address(message.body, &address);
    if (!message.is_addressed || store->stage == STORE_KEPT) {
        to_own_mailbox(peer->gateway, &message);
        return message;
    }
    message.scope_size =
        scope_format(address.prefix, address.name.data, address.name.size, message.scope);
    message.body = address.rest;
    return message;
}

static void forget_store(struct ipmsg_gateway *gateway, struct ipmsg_store *store)
{
    (void)u64map_remove(&gateway->stores, store->id, NULL); /* it is there */
    free(store);
}

static void run(struct ipmsg_store *store, struct ipmsg_peer *peer)
{
    struct ipmsg_packet packet;
    enum err err = ipmsg_packet_parse(store->bytes, store->size, &packet);
    CHECK(!err); /* it was read before */
    struct message message = route(store, peer, &packet);
    store->is_addressed = message.is_addressed;
    err = ask_store(store, peer, &packet, &message);
    if (err) { /* not confirmed: it is sent again */
        log_warn("store-refused", LOG_ERROR(err));
        forget_store(peer->gateway, store);
    }
}

void ipmsg_in_message(struct ipmsg_peer *peer, const struct lan_path *path, const void *bytes,
                      size_t size, const struct ipmsg_packet *packet)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    bool has_room = u64map_count(&gateway->stores) < STORES_MAX;
    struct ipmsg_store *store = has_room ? malloc(sizeof(*store) + size) : NULL;
    if (!store) {
        metrics_add(actor_metrics(gateway->actor), METRIC_DROPPED, 1);
        return;
    }
    *store = (struct ipmsg_store){.id = ++gateway->last_store,
                                  .peer = peer->id,
                                  .path = *path,
                                  .number = packet->number,
                                  .command = packet->command,
                                  .size = size};
    memcpy(store->bytes, bytes, size);
    if (u64map_put_pointer(&gateway->stores, store->id, store) != ERR_OK) {
        free(store);
        return;
    }
    run(store, peer);
}

/* --- The answer. */

static bool is_to_be_confirmed(uint32_t command)
{
    return (command & IPMSG_SENDCHECK) &&
           !(command & (IPMSG_BROADCAST | IPMSG_AUTORET | IPMSG_ENCRYPT));
}

/* A message that no person wrote, or one to everybody, is never answered by words. */
static bool may_notice(uint32_t command)
{
    return !(command & (IPMSG_BROADCAST | IPMSG_MULTICAST | IPMSG_AUTORET | IPMSG_ENCRYPT));
}

static void say_notices(struct ipmsg_store *store, struct ipmsg_peer *peer)
{
    char words[sizeof(not_routable) + 256];
    if (!may_notice(store->command))
        return;
    if (!peer->row.is_explained) {
        peer->row.is_explained = true;
        peer->must_write = true;
        ipmsg_notice(peer, explanation);
    } else if (!store->is_addressed) {
        ipmsg_notice(peer, not_addressed);
    }
    if (store->stage == STORE_KEPT) {
        (void)snprintf(words, sizeof(words), "%s%s", not_routable, err_sentence(store->refusal));
        ipmsg_notice(peer, words);
    }
    if (store->command & IPMSG_FILEATTACH)
        ipmsg_notice(peer, no_files);
}

/* Whoever has messages does not make room for those who only say a name. What is lost is said again
 * with the next message. */
static void meet(struct ipmsg_peer *peer)
{
    INTERNAL(PeerMeasured) measured = ROOST__INTERNAL__PEER_MEASURED__INIT;
    measured.session = peer->session;
    measured.has_message = true;
    peer->is_met = actor_send(peer->gateway->actor, ACTOR_PEER_REGISTRY, MSG_PEER_MEASURED,
                              &measured.base, NULL) == ERR_OK;
}

static void finish(struct ipmsg_gateway *gateway, struct ipmsg_store *store,
                   struct ipmsg_peer *peer, bool is_new)
{
    if (peer && !peer->is_met)
        meet(peer);
    if (is_to_be_confirmed(store->command))
        ipmsg_say_confirm(gateway, &store->path, store->number);
    metrics_add(actor_metrics(gateway->actor), is_new ? METRIC_STORED : METRIC_DUPLICATES, 1);
    if (peer && is_new)
        say_notices(store, peer);
    forget_store(gateway, store);
}

/* A public room is joined by who writes to it. */
static bool ask_join(struct ipmsg_store *store, struct ipmsg_peer *peer)
{
    struct ipmsg_packet packet;
    struct address address;
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    if (ipmsg_packet_parse(store->bytes, store->size, &packet) != ERR_OK ||
        !read_address(ipmsg_decode(peer, &packet), &address))
        return false;
    call.session = peer->session;
    call.peer_id = peer->peer_id;
    call.peer_name = bytes_of(peer->name, peer->name_size);
    call.request_id = 1;
    call.method = ROOST__V1__METHOD__ROOM_JOIN;
    call.scope_kind = PREFIX_ROOM;
    call.scope_name = bytes_of(address.name.data, address.name.size);
    store->stage = STORE_JOINING;
    return actor_ask(peer->gateway->actor, ACTOR_PERSISTENCE, MSG_CALL, &call.base, NULL,
                     IPMSG_ASK_MS, store->id) == ERR_OK;
}

/* Refused for good where it was to go: elsewhere, then. */
static void refused(struct ipmsg_store *store, struct ipmsg_peer *peer, enum err err)
{
    struct ipmsg_gateway *gateway = peer->gateway;
    if (store->stage == STORE_FIRST && err == ERR_NOT_MEMBER && ask_join(store, peer))
        return;
    if (store->stage == STORE_KEPT || !store->is_addressed) {
        log_warn("message-refused", LOG_ERROR(err));
        if (err == ERR_NO_SUCH_PEER)
            ipmsg_make_own(gateway); /* there when it is sent again */
        forget_store(gateway, store);
        return;
    }
    store->stage = STORE_KEPT;
    store->refusal = err;
    run(store, peer);
}

/* Numbers begin again behind what was stored, when nothing is on its way any more. */
static void rewind_numbers(struct ipmsg_peer *peer, const INTERNAL(StoreDone) * done)
{
    if (done->retry_code) {
        peer->is_rewound = true;
        peer->stored_no = done->upto_no;
    }
    if (peer->is_rewound && peer->stores_open == 0) {
        peer->is_rewound = false;
        peer->published_no = peer->stored_no;
    }
}

enum err ipmsg_on_store_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct ipmsg_gateway *gateway = state;
    const INTERNAL(StoreDone) *done = MSG_BODY(msg, INTERNAL(StoreDone));
    uint64_t id;
    struct ipmsg_store *store =
        actor_context(actor, msg, &id) ? u64map_get_pointer(&gateway->stores, id) : NULL;
    if (!store)
        return ERR_OK;
    struct ipmsg_peer *peer = ipmsg_peer_of(gateway, store->peer);
    if (peer && peer->session != store->session)
        peer = NULL; /* its numbers are others now; what is stored is stored */
    if (peer) {
        CHECK(peer->stores_open > 0);
        peer->stores_open--;
        rewind_numbers(peer, done);
    }
    enum err err = done->n_exceptions ? err_from_code(done->exceptions[0]->code) : ERR_OK;
    if (done->retry_code)
        forget_store(gateway, store); /* not now: it is sent again */
    else if (!err || err == ERR_DUPLICATE)
        finish(gateway, store, peer, !err);
    else if (peer)
        refused(store, peer, err);
    else
        forget_store(gateway, store);
    return ERR_OK;
}

enum err ipmsg_on_call_done(struct actor *actor, void *state, const struct msg *msg)
{
    struct ipmsg_gateway *gateway = state;
    const INTERNAL(CallDone) *done = MSG_BODY(msg, INTERNAL(CallDone));
    uint64_t id;
    struct ipmsg_store *store =
        actor_context(actor, msg, &id) ? u64map_get_pointer(&gateway->stores, id) : NULL;
    struct ipmsg_peer *peer = store ? ipmsg_peer_of(gateway, store->peer) : NULL;
    if (!store)
        return ERR_OK; /* MARK_READ */
    if (!peer || peer->session != store->session) {
        forget_store(gateway, store);
        return ERR_OK;
    }
    if (done->code)
        refused(store, peer, err_from_code(done->code));
    else
        run(store, peer);
    return ERR_OK;
}

void ipmsg_in_no_answer(struct ipmsg_gateway *gateway, uint8_t kind, uint64_t id)
{
    struct ipmsg_store *store = u64map_get_pointer(&gateway->stores, id);
    struct ipmsg_peer *peer = store ? ipmsg_peer_of(gateway, store->peer) : NULL;
    if (!store)
        return;
    if (kind == MSG_STORE && peer && peer->session == store->session) {
        peer->stores_open = 0;
        ipmsg_peer_end(peer, err_code(ERR_NO_SESSION)); /* its numbers cannot be known any more */
    }
    forget_store(gateway, store);
}

void ipmsg_stores_fini(struct ipmsg_gateway *gateway)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&gateway->stores, &cursor))
        free((struct ipmsg_store *)(uintptr_t)cursor.value);
}
