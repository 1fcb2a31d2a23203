/* SPDX-License-Identifier: MPL-2.0
 *
 * See keyring.h.
 *
 * What is loaded is older than what is told: a key that was revoked while a page was on its way must not
 * come back with it. So every entry says in which load it was last heard of, and that it was revoked
 * lately is remembered until the load is over. What a load has not named is gone.
 */
#include "keyring.h"

#include <errno.h>
#include <string.h>

#include "proto/actor_ids.h"
#include "proto/messages.h"
#include "refusals.h"
#include "rt/check.h"
#include "rt/hash.h"
#include "rt/log.h"
#include "rt/metrics.h"
#include "zap.h"

#define WATCH_ZAP         0
#define KEYS_MAX          (1u << 20)
#define PAGE_KEYS         5000
#define LOAD_DEADLINE_MS  5000
#define LOAD_AGAIN_MS     200
#define REQUESTS_PER_TURN 64
#define BIND_TRIES        50
#define BIND_PAUSE_MS     20

#define MESSAGE_PARTS (ZAP_PARTS_MAX + 2) /* routing id and delimiter */

enum keyring_timer { TIMER_LOAD, TIMER_ANSWER, TIMER_NOTE };

enum {
    LOAD_CODES = 0
}; /* the context of a question about codes only; else the number of the load */

struct held {
    zmq_msg_t parts[MESSAGE_PARTS];
    size_t count; /* 0: none; more than there is room for: others were dropped */
};

struct keyring {
    struct actor *actor;
    struct keyring_options options;
    void *zap;         /* ROUTER; NULL: not needed, or nowhere to ask */
    struct hash keys;  /* Z85 -> load << 1 | is good */
    uint64_t load;     /* its number */
    int64_t loaded_id; /* of the last row of the load in hand */
    bool is_loading, is_loaded;
    int64_t codes_until_ms; /* wall clock */
    unsigned codes_asked;   /* questions about them that are open */
    struct held held[REQUESTS_PER_TURN];
    size_t held_count;
    struct refusals refusals;
};

/* --- Keys. */

static void put_key(struct keyring *keyring, ProtobufCBinaryData key, bool is_good)
{
    uint64_t value = keyring->load << 1 | is_good;
    enum err err =
        key.len == KEY_TEXT ? hash_put(&keyring->keys, key.data, key.len, value) : ERR_BAD_KEY;
    if (err) /* it stays outside */
        log_error("key-not-kept", LOG_ERROR(err));
}

enum standing { KEY_UNHEARD_OF, KEY_REVOKED, KEY_GOOD };

static enum standing standing_of(const struct keyring *keyring, const char *key)
{
    uint64_t value = 0;
    if (!hash_get(&keyring->keys, key, KEY_TEXT, &value))
        return KEY_UNHEARD_OF;
    return value & 1 ? KEY_GOOD : KEY_REVOKED;
}

/* Of a page: unless it was revoked since this load began. */
static void take_loaded(struct keyring *keyring, ProtobufCBinaryData key)
{
    uint64_t value = 0;
    bool is_known = key.len == KEY_TEXT && hash_get(&keyring->keys, key.data, key.len, &value);
    if (is_known && value == keyring->load << 1)
        return;
    put_key(keyring, key, true);
}

/* The load is over: what it has not named, and what was revoked, is forgotten. */
static void sweep(struct keyring *keyring)
{
    struct hash_cursor cursor = {0};
    while (hash_next(&keyring->keys, &cursor)) {
        if (cursor.value != (keyring->load << 1 | 1))
            (void)hash_remove(&keyring->keys, cursor.key, cursor.key_size, NULL);
    }
}

/* --- Loading. */

static void ask_page(struct keyring *keyring)
{
    INTERNAL(LoadKeys) load = ROOST__INTERNAL__LOAD_KEYS__INIT;
    load.after_id = keyring->loaded_id;
    load.limit = PAGE_KEYS;
    if (actor_ask(keyring->actor, keyring->options.history, MSG_LOAD_KEYS, &load.base, NULL,
                  LOAD_DEADLINE_MS, keyring->load) != ERR_OK)
        actor_timer_set(keyring->actor, TIMER_LOAD,
                        mono_add_ms(actor_mono(keyring->actor), LOAD_AGAIN_MS));
}

static void begin_load(struct keyring *keyring)
{
    keyring->load++;
    keyring->loaded_id = 0;
    keyring->is_loading = true;
    actor_timer_stop(keyring->actor, TIMER_LOAD);
    ask_page(keyring);
}

/* Are codes open? Until it is known, whoever is not is asked to come again. */
static void ask_codes(struct keyring *keyring)
{
    INTERNAL(LoadKeys) load = ROOST__INTERNAL__LOAD_KEYS__INIT;
    load.after_id = INT64_MAX;
    load.limit = 1;
    enum err err = actor_ask(keyring->actor, keyring->options.history, MSG_LOAD_KEYS, &load.base,
                             NULL, LOAD_DEADLINE_MS, LOAD_CODES);
    keyring->codes_asked += err == ERR_OK;
    if (err)
        log_warn("codes-not-asked", LOG_ERROR(err)); /* what was known last holds */
}

static void load_page(struct keyring *keyring, const INTERNAL(KeysLoaded) * loaded)
{
    if (loaded->code) {
        actor_timer_set(keyring->actor, TIMER_LOAD,
                        mono_add_ms(actor_mono(keyring->actor), LOAD_AGAIN_MS));
        return;
    }
    for (size_t i = 0; i < loaded->n_keys; i++)
        take_loaded(keyring, loaded->keys[i]);
    keyring->loaded_id = loaded->last_id;
    if (!loaded->is_end) {
        ask_page(keyring);
        return;
    }
    sweep(keyring);
    keyring->codes_until_ms = loaded->codes_until_ms;
    keyring->is_loading = false;
    keyring->is_loaded = true;
    log_info("keys-loaded", LOG_U64("keys", hash_count(&keyring->keys)),
             LOG_BOOL("enrolling", keyring->codes_until_ms > actor_wall(keyring->actor).ms));
}

static enum err on_keys_loaded(struct actor *actor, void *state, const struct msg *msg)
{
    struct keyring *keyring = state;
    const INTERNAL(KeysLoaded) *loaded = MSG_BODY(msg, INTERNAL(KeysLoaded));
    uint64_t load;
    if (!actor_context(actor, msg, &load))
        return ERR_OK;
    keyring->codes_asked -= load == LOAD_CODES;
    if (load == LOAD_CODES && !loaded->code)
        keyring->codes_until_ms = loaded->codes_until_ms;
    else if (load == keyring->load && keyring->is_loading)
        load_page(keyring, loaded);
    return ERR_OK;
}

static enum err on_keys_changed(struct actor *actor, void *state, const struct msg *msg)
{
    struct keyring *keyring = state;
    const INTERNAL(KeysChanged) *changed = MSG_BODY(msg, INTERNAL(KeysChanged));
    (void)actor;
    if (!keyring->options.is_needed)
        return ERR_OK;
    if (changed->revoked.len)
        put_key(keyring, changed->revoked, false);
    if (changed->enrolled.len)
        put_key(keyring, changed->enrolled, true);
    if (changed->is_unsure)
        begin_load(keyring);
    else
        ask_codes(keyring); /* behind the page that is on its way, which may be older */
    return ERR_OK;
}

/* --- The door. */

static enum zap_status judge(const struct keyring *keyring, const struct zap_request *request)
{
    bool is_enrolling =
        keyring->options.is_enrolment && keyring->codes_until_ms > actor_wall(keyring->actor).ms;
    if (!request->key[0])
        return ZAP_NOT_KNOWN;
    enum standing standing = standing_of(keyring, request->key);
    if (standing == KEY_GOOD)
        return ZAP_WELCOME;
    if (!keyring->is_loaded)
        return ZAP_NOT_NOW;
    if (is_enrolling)
        return ZAP_WELCOME;
    bool may_open = keyring->options.is_enrolment && keyring->codes_asked > 0;
    return may_open && standing == KEY_UNHEARD_OF ? ZAP_NOT_NOW : ZAP_NOT_KNOWN;
}

/* For the audit log. */
static void note(struct keyring *keyring, const struct refusal *refusal)
{
    static const char action[] = "key-refused";
    char detail[REFUSALS_DETAIL_BYTES];
    INTERNAL(Audit) audit = ROOST__INTERNAL__AUDIT__INIT;
    refusals_write(refusal, detail);
    audit.action = bytes_of(action, sizeof(action) - 1);
    audit.target = bytes_of(refusal->address, strlen(refusal->address));
    audit.detail = bytes_of(detail, strlen(detail));
    if (actor_send(keyring->actor, keyring->options.persistence, MSG_AUDIT, &audit.base, NULL))
        log_warn("refusal-not-noted", LOG_STR("address", refusal->address));
}

static void note_due(struct keyring *keyring, bool is_all)
{
    const struct refusal *refusal;
    while ((refusal = refusals_take(&keyring->refusals, is_all, actor_mono(keyring->actor))))
        note(keyring, refusal);
    struct mono_time due = refusals_due(&keyring->refusals);
    if (due.ns != MONO_NEVER.ns)
        actor_timer_set(keyring->actor, TIMER_NOTE, due);
}

/* Whoever comes before the keys are loaded comes again, and is not counted. */
static void note_refused(struct keyring *keyring, const struct zap_request *request,
                         enum zap_status status)
{
    bool is_not_now = status == ZAP_NOT_NOW;
    log_info("key-refused", LOG_STR("address", request->address), LOG_STR("key", request->key),
             LOG_STR("because", is_not_now        ? "keys or codes are being looked up"
                                : request->key[0] ? "it is not enrolled"
                                                  : "it is no CURVE"));
    if (is_not_now)
        return;
    const struct refusal *first = refusals_add(&keyring->refusals, request->address, request->key,
                                               actor_mono(keyring->actor));
    if (!first)
        return;
    note(keyring, first);
    actor_timer_set(keyring->actor, TIMER_NOTE, refusals_due(&keyring->refusals));
}

/* Parts go one by one; ROUTER takes them all or, when the asker is gone, none. */
static void send_part(struct keyring *keyring, const void *data, size_t size, bool has_more)
{
    int flags = ZMQ_DONTWAIT | (has_more ? ZMQ_SNDMORE : 0);
    int result = zmq_send(keyring->zap, data, size, flags);
    while (result < 0 && errno == EINTR)
        result = zmq_send(keyring->zap, data, size, flags);
}

static void answer(struct keyring *keyring, const struct zap_part *routing,
                   const struct zap_request *request)
{
    struct zap_part parts[ZAP_ANSWER_PARTS];
    enum zap_status status = judge(keyring, request);
    metrics_add(actor_metrics(keyring->actor),
                status == ZAP_WELCOME ? METRIC_HANDSHAKES : METRIC_HANDSHAKES_REFUSED, 1);
    if (status != ZAP_WELCOME)
        note_refused(keyring, request, status);
    zap_answer_fill(request, status, parts);
    send_part(keyring, routing->data, routing->size, true);
    send_part(keyring, "", 0, true);
    for (size_t i = 0; i < ZAP_ANSWER_PARTS; i++)
        send_part(keyring, parts[i].data, parts[i].size, i + 1 < ZAP_ANSWER_PARTS);
}

/* All parts of one message; how many there were, counting those that were not kept. 0: none. */
static size_t receive(void *socket, zmq_msg_t parts[MESSAGE_PARTS])
{
    size_t count = 0;
    zmq_msg_t rest;
    bool has_more = true;
    CHECK(zmq_msg_init(&rest) == 0);
    while (has_more) {
        zmq_msg_t *part = count < MESSAGE_PARTS ? &parts[count] : &rest;
        if (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0)
            break;
        has_more = zmq_msg_more(part) != 0;
        count++;
    }
    (void)zmq_msg_close(&rest); /* cannot fail on a valid message */
    return count;
}

static void handle(struct keyring *keyring, zmq_msg_t *messages, size_t count)
{
    struct zap_part parts[MESSAGE_PARTS];
    struct zap_request request;
    if (count < 2 || count > MESSAGE_PARTS)
        return;
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct zap_part){zmq_msg_data(&messages[i]), zmq_msg_size(&messages[i])};
    if (zap_request_read(parts + 2, count - 2, KEYRING_DOMAIN, &request) == ERR_OK)
        answer(keyring, &parts[0], &request);
}

static void drop_held(struct keyring *keyring)
{
    for (size_t i = 0; i < keyring->held_count; i++) {
        for (size_t part = 0; part < MESSAGE_PARTS; part++)
            (void)zmq_msg_close(&keyring->held[i].parts[part]); /* cannot fail on a valid message */
    }
    keyring->held_count = 0;
}

static void answer_held(struct keyring *keyring)
{
    for (size_t i = 0; i < keyring->held_count; i++)
        handle(keyring, keyring->held[i].parts, keyring->held[i].count);
    drop_held(keyring);
}

/* Requests are answered in the turn after the one in which they were read: until then everything is
 * taken in that was said of keys before them, so that whoever was told that his key is enrolled is
 * never refused. */
static enum err on_readable(struct actor *actor, void *state, unsigned watch)
{
    struct keyring *keyring = state;
    (void)watch;
    answer_held(keyring); /* of an earlier turn */
    while (keyring->held_count < REQUESTS_PER_TURN) {
        struct held *held = &keyring->held[keyring->held_count];
        for (size_t i = 0; i < MESSAGE_PARTS; i++)
            CHECK(zmq_msg_init(&held->parts[i]) == 0);
        held->count = receive(keyring->zap, held->parts);
        if (held->count == 0)
            break; /* its parts are empty */
        keyring->held_count++;
    }
    actor_timer_set(actor, TIMER_ANSWER, mono_add_ms(actor_mono(actor), 1));
    return ERR_OK;
}

/* --- Life. */

/* Closing is asynchronous: the socket of an earlier life may hold the address a moment longer. */
static int bind_patiently(void *socket)
{
    int result = zmq_bind(socket, ZAP_ENDPOINT);
    for (int tries = 0; result != 0 && errno == EADDRINUSE && tries < BIND_TRIES; tries++) {
        (void)zmq_poll(NULL, 0, BIND_PAUSE_MS);
        result = zmq_bind(socket, ZAP_ENDPOINT);
    }
    return result;
}

static enum err open_zap(struct keyring *keyring)
{
    int none = 0;
    void *context = keyring->options.zmq_context ? keyring->options.zmq_context
                                                 : actor_zmq_context(keyring->actor);
    keyring->zap = context ? zmq_socket(context, ZMQ_ROUTER) : NULL;
    if (!keyring->zap)
        return context ? ERR_BUSY : ERR_OK;
    CHECK(zmq_setsockopt(keyring->zap, ZMQ_LINGER, &none, sizeof(none)) == 0);
    if (bind_patiently(keyring->zap) != 0) {
        log_error("zap-failed", LOG_ERRNO(errno));
        return ERR_ADDRESS;
    }
    actor_watch(keyring->actor, WATCH_ZAP, keyring->zap, -1);
    return ERR_OK;
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    struct keyring *keyring = state;
    keyring->actor = actor;
    keyring->options = *(const struct keyring_options *)args;
    hash_init(&keyring->keys, KEYS_MAX);
    if (!keyring->options.is_needed)
        return ERR_OK;
    begin_load(keyring);
    return open_zap(keyring);
}

static void fini(struct actor *actor, void *state)
{
    struct keyring *keyring = state;
    drop_held(keyring);
    if (keyring->zap) {
        actor_unwatch(actor, WATCH_ZAP);
        (void)zmq_unbind(keyring->zap, ZAP_ENDPOINT); /* at once; fails when it never was bound */
        CHECK(zmq_close(keyring->zap) == 0);
    }
    hash_fini(&keyring->keys);
}

static enum err on_timer(struct actor *actor, void *state, unsigned timer)
{
    (void)actor;
    if (timer == TIMER_ANSWER)
        answer_held(state);
    else if (timer == TIMER_NOTE)
        note_due(state, false);
    else
        ask_page(state);
    return ERR_OK;
}

static enum err on_stop(struct actor *actor, void *state)
{
    note_due(state, true);
    actor_stopped(actor);
    return ERR_OK;
}

static enum err on_no_answer(struct actor *actor, void *state, uint8_t kind, uint64_t context)
{
    struct keyring *keyring = state;
    (void)actor;
    log_warn("no-answer", LOG_STR("kind", message_name(kind)));
    keyring->codes_asked -= context == LOAD_CODES;
    if (context == keyring->load && keyring->is_loading)
        ask_page(keyring);
    return ERR_OK;
}

const struct actor_class keyring_actor = {
    .name = "keyring",
    .state_size = sizeof(struct keyring),
    .restart = ACTOR_RESTART,
    .link_room = 1024,
    .init = init,
    .fini = fini,
    .on_stop = on_stop,
    .on_timer = on_timer,
    .on_no_answer = on_no_answer,
    .on_readable = on_readable,
    .on =
        {
            [MSG_KEYS_LOADED] = on_keys_loaded,
            [MSG_KEYS_CHANGED] = on_keys_changed,
        },
};
