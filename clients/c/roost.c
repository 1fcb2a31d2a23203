/* SPDX-License-Identifier: MPL-2.0
 *
 * A session as the application sees it: opening, closing, what is known of it, and waiting for
 * news. Everything that moves is in the session's thread (roost_io.c).
 */
#include "clients/c/roost.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/event.h"
#include "clients/c/io.h"
#include "clients/c/session.h"

#define UNANSWERED_MESSAGES     65536u
#define UNANSWERED_MESSAGES_MAX (1u << 20)
#define UNANSWERED_BYTES        (64u << 20)
#define EVENTS                  1024u
#define EVENTS_MAX              (1u << 20)
#define COMMANDS                16384
#define CURVE_TEXT_LENGTH       40
#define NAME_BYTES              256
#define SOFTWARE_BYTES          128

static _Thread_local const struct roost *own_session; /* of the session's thread */
static _Thread_local char last_text[512];

const char *roost_version(void)
{
#define TEXT(x)  #x
#define TEXT2(x) TEXT(x)
    return TEXT2(ROOST_VERSION_MAJOR) "." TEXT2(ROOST_VERSION_MINOR) "." TEXT2(ROOST_VERSION_PATCH);
}

const char *roost_last_text(void)
{
    return last_text;
}

void last_text_set(const char *text)
{
    (void)snprintf(last_text, sizeof(last_text), "%s", text ? text : "");
}

bool session_is_own_thread(const struct roost *roost)
{
    return own_session == roost;
}

void session_enter_thread(const struct roost *roost)
{
    own_session = roost;
}

/* ------------------------------------------------------------------------------- options */

static bool is_name(const char *text, size_t size_max)
{
    size_t size = text ? strnlen(text, size_max + 1) : 0;
    return size > 0 && size <= size_max;
}

static bool is_optional(const char *text, size_t size_max)
{
    return !text || strnlen(text, size_max + 1) <= size_max;
}

static bool is_key(const char *text)
{
    return text && strnlen(text, CURVE_TEXT_LENGTH + 1) == CURVE_TEXT_LENGTH;
}

static bool is_usable(const struct roost_options *options)
{
    bool has_curve =
        options->curve_server_key || options->curve_public_key || options->curve_secret_key;
    return is_name(options->peer, WIRE_NAME_BYTES_MAX) &&
           is_optional(options->credentials, WIRE_CREDENTIALS_BYTES_MAX) &&
           is_optional(options->display_name, WIRE_DISPLAY_NAME_BYTES_MAX) &&
           is_optional(options->software, 64) && options->events_max <= EVENTS_MAX &&
           options->unanswered_messages_max <= UNANSWERED_MESSAGES_MAX &&
           (!has_curve || (is_key(options->curve_server_key) && is_key(options->curve_public_key) &&
                           is_key(options->curve_secret_key)));
}

static bool is_url(const char *url)
{
    return (strncmp(url, "tcp://", 6) == 0 && url[6] != '\0') ||
           (strncmp(url, "ipc://", 6) == 0 && url[6] != '\0');
}

/* False only when there is no memory. */
static bool copy_text(const char *from, char **ret)
{
    *ret = from ? strdup(from) : NULL;
    return !from || *ret;
}

static uint32_t round_up(uint32_t value)
{
    uint32_t rounded = 2;
    while (rounded < value)
        rounded *= 2;
    return rounded;
}

static bool copy_settings(struct settings *settings, const struct roost_options *options)
{
    settings->unanswered_messages_max = round_up(
        options->unanswered_messages_max ? options->unanswered_messages_max : UNANSWERED_MESSAGES);
    settings->unanswered_bytes_max =
        options->unanswered_bytes_max ? options->unanswered_bytes_max : UNANSWERED_BYTES;
    settings->on_sent = options->on_sent;
    settings->context = options->context;
    return copy_text(options->url ? options->url : ROOST_DEFAULT_URL, &settings->url) &&
           copy_text(options->peer, &settings->peer) &&
           copy_text(options->credentials, &settings->credentials) &&
           copy_text(options->display_name, &settings->display_name) &&
           copy_text(options->software, &settings->software) &&
           copy_text(options->curve_server_key, &settings->curve_server_key) &&
           copy_text(options->curve_public_key, &settings->curve_public_key) &&
           copy_text(options->curve_secret_key, &settings->curve_secret_key);
}

static void free_settings(struct settings *settings)
{
    free(settings->url);
    free(settings->peer);
    free(settings->credentials);
    free(settings->display_name);
    free(settings->software);
    free(settings->curve_server_key);
    free(settings->curve_public_key);
    free(settings->curve_secret_key);
}

/* ------------------------------------------------------------------------------ open, close */

void session_free(struct roost *roost)
{
    struct ring_item item;
    io_free(roost->io);
    if (roost->events.cells) {
        while (ring_pop(&roost->events, &item, NULL))
            event_free((struct event_private *)(uintptr_t)item.words[0]);
    }
    ring_fini(&roost->events);
    ring_fini(&roost->outbox);
    ring_fini(&roost->commands);
    doorbell_fini(&roost->bell);
    lamp_fini(&roost->lamp);
    free_settings(&roost->settings);
    free(roost);
}

struct roost *session_new(const struct roost_options *options)
{
    struct roost *roost = aligned_alloc(_Alignof(struct roost), sizeof(*roost));
    if (!roost)
        return NULL;
    memset(roost, 0, sizeof(*roost));
    atomic_init(&roost->next_request_id, 1);
    eventcount_init(&roost->room);
    eventcount_init(&roost->news);
    bool has_bell = doorbell_init(&roost->bell);
    bool has_lamp = lamp_init(&roost->lamp);
    if (has_bell && has_lamp && copy_settings(&roost->settings, options) &&
        ring_init(&roost->outbox, roost->settings.unanswered_messages_max) &&
        ring_init(&roost->commands, COMMANDS) &&
        ring_init(&roost->events, options->events_max ? options->events_max : EVENTS) &&
        (roost->io = io_new(roost, options->zmq_context)) != NULL)
        return roost;
    session_free(roost);
    return NULL;
}

static bool start_thread(struct roost *roost)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* cannot fail */
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return false;
    bool is_started = pthread_create(&roost->thread, NULL, io_main, roost) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* it could be set, so it can be set back */
    if (is_started)
        (void)pthread_setname_np(roost->thread, "roost"); /* a name is only for people */
    return is_started;
}

enum roost_error roost_open(const struct roost_options *options, struct roost **ret)
{
    if (!options || !ret || !is_usable(options))
        return ROOST_USAGE;
    if (options->url && !is_url(options->url))
        return ROOST_BAD_URL;
    struct roost *roost = session_new(options);
    if (!roost)
        return ROOST_NO_MEMORY;
    if (!start_thread(roost)) {
        session_free(roost);
        return ROOST_NO_MEMORY;
    }
    *ret = roost;
    return ROOST_OK;
}

/* The thread has ended: what it owned is the caller's now. */
static void free_consumers(struct io *io)
{
    for (uint32_t i = 0; i < WIRE_HANDLES_MAX; i++) {
        struct roost_consumer *consumer = io->consumers[i];
        if (consumer) {
            io_detach(io, consumer);
            consumer_unref(consumer); /* the application's handle */
        }
    }
}

enum roost_error roost_close(struct roost **roost, int linger_ms)
{
    if (!roost || !*roost)
        return ROOST_OK;
    struct roost *one = *roost;
    if (session_is_own_thread(one))
        return ROOST_WRONG_THREAD;
    *roost = NULL;
    atomic_store_explicit(&one->is_closing, 1, memory_order_release);
    uint64_t deadline_ns = (uint64_t)deadline_after(linger_ms).ns;
    command_push(one, command_word(COMMAND_CLOSE, BOOK_OUTCOME_NONE, 0), NULL, deadline_ns, true);
    (void)pthread_join(one->thread, NULL); /* ours, joinable, and not this one */
    bool is_complete = one->io->unanswered_at_close == 0 && !one->io->has_unsettled_at_close;
    free_consumers(one->io);
    session_free(one);
    return is_complete ? ROOST_OK : ROOST_TIMEOUT;
}

/* ---------------------------------------------------------------------------------- news */

enum roost_error session_wait_news(struct roost *roost, bool (*is_there)(void *context),
                                   void *context, struct mono_time deadline)
{
    if (session_is_own_thread(roost))
        return ROOST_WRONG_THREAD;
    for (;;) {
        uint32_t epoch = eventcount_prepare(&roost->news);
        if (is_there(context)) {
            eventcount_cancel(&roost->news);
            return ROOST_OK;
        }
        if (!eventcount_wait(&roost->news, epoch, deadline))
            return ROOST_TIMEOUT;
    }
}

static bool has_news(void *context)
{
    struct roost *roost = context;
    return ring_has_item(&roost->events) ||
           atomic_load_explicit(&roost->shown_in, memory_order_acquire) !=
               atomic_load_explicit(&roost->shown_out, memory_order_acquire);
}

enum roost_error session_found_nothing(struct roost *roost)
{
    lamp_put_out(&roost->lamp);
    if (has_news(roost))
        lamp_light(&roost->lamp);
    return ROOST_EMPTY;
}

enum roost_error roost_wait(struct roost *roost, int timeout_ms)
{
    if (!roost)
        return ROOST_USAGE;
    if (has_news(roost))
        return ROOST_OK;
    doorbell_hurry(&roost->bell);
    if (timeout_ms == 0)
        return ROOST_TIMEOUT;
    return session_wait_news(roost, has_news, roost, deadline_after(timeout_ms));
}

int roost_fd(struct roost *roost)
{
    return lamp_fd(&roost->lamp);
}

static bool is_welcomed_or_refused(void *context)
{
    struct roost *roost = context;
    enum roost_error error =
        (enum roost_error)atomic_load_explicit(&roost->last_error, memory_order_acquire);
    return atomic_load_explicit(&roost->is_connected, memory_order_acquire) ||
           (error != ROOST_OK && !roost_error_is_retryable(error)) ||
           error == ROOST_LOCKED_OUT; /* for minutes: nobody wants to wait for that */
}

enum roost_error roost_connect_wait(struct roost *roost, int timeout_ms)
{
    if (!roost)
        return ROOST_USAGE;
    if (!is_welcomed_or_refused(roost)) {
        if (timeout_ms == 0)
            return ROOST_TIMEOUT;
        enum roost_error error =
            session_wait_news(roost, is_welcomed_or_refused, roost, deadline_after(timeout_ms));
        if (error != ROOST_OK)
            return error;
    }
    if (atomic_load_explicit(&roost->is_connected, memory_order_acquire))
        return ROOST_OK;
    return (enum roost_error)atomic_load_explicit(&roost->last_error, memory_order_acquire);
}

/* ----------------------------------------------------------------------------- snapshots */

void snapshot_write(struct snapshot *snapshot, const void *bytes, size_t size)
{
    uint64_t words[SNAPSHOT_WORDS] = {0};
    memcpy(words, bytes, size < sizeof(words) ? size : sizeof(words));
    (void)atomic_fetch_add_explicit(&snapshot->version, 1, memory_order_acq_rel);
    for (size_t i = 0; i < SNAPSHOT_WORDS; i++)
        atomic_store_explicit(&snapshot->words[i], words[i], memory_order_release);
    (void)atomic_fetch_add_explicit(&snapshot->version, 1, memory_order_acq_rel);
}

void snapshot_read(struct snapshot *snapshot, void *ret, size_t size)
{
    uint64_t words[SNAPSHOT_WORDS];
    uint32_t before;
    uint32_t after;
    do {
        before = atomic_load_explicit(&snapshot->version, memory_order_acquire);
        for (size_t i = 0; i < SNAPSHOT_WORDS; i++)
            words[i] = atomic_load_explicit(&snapshot->words[i], memory_order_acquire);
        after = atomic_load_explicit(&snapshot->version, memory_order_acquire);
    } while (before != after || before % 2 != 0);
    memcpy(ret, words, size < sizeof(words) ? size : sizeof(words));
}

static uint64_t counter(struct roost *roost, enum counter which)
{
    return atomic_load_explicit(&roost->counters[which], memory_order_relaxed);
}

void roost_session_info(struct roost *roost, struct roost_session_info *ret)
{
    char names[NAME_BYTES + SOFTWARE_BYTES];
    snapshot_read(&roost->names, names, sizeof(names));
    *ret = (struct roost_session_info){
        .is_connected = atomic_load_explicit(&roost->is_connected, memory_order_acquire),
        .is_verified = atomic_load_explicit(&roost->is_verified, memory_order_relaxed),
        .role = (enum roost_role)atomic_load_explicit(&roost->role, memory_order_relaxed),
        .body_bytes_max = atomic_load_explicit(&roost->body_bytes_max, memory_order_relaxed),
        .lease_ms = atomic_load_explicit(&roost->lease_ms, memory_order_relaxed),
        .heartbeat_ms = atomic_load_explicit(&roost->heartbeat_ms, memory_order_relaxed),
        .connections = counter(roost, COUNTER_CONNECTIONS),
        .last_error =
            (enum roost_error)atomic_load_explicit(&roost->last_error, memory_order_acquire),
    };
    memcpy(ret->peer, names, sizeof(ret->peer));
    memcpy(ret->broker, names + NAME_BYTES, sizeof(ret->broker));
}

void roost_counters(struct roost *roost, struct roost_counters *ret)
{
    *ret = (struct roost_counters){
        .sent = counter(roost, COUNTER_SENT),
        .stored = counter(roost, COUNTER_STORED),
        .duplicates = counter(roost, COUNTER_DUPLICATES),
        .refused = counter(roost, COUNTER_REFUSED),
        .resent = counter(roost, COUNTER_RESENT),
        .frames_sent = counter(roost, COUNTER_FRAMES_SENT),
        .frames_received = counter(roost, COUNTER_FRAMES_RECEIVED),
        .delivered = counter(roost, COUNTER_DELIVERED),
        .suppressed = counter(roost, COUNTER_SUPPRESSED),
        .settled = counter(roost, COUNTER_SETTLED),
        .stale = counter(roost, COUNTER_STALE),
        .events_lost = counter(roost, COUNTER_EVENTS_LOST),
        .frames_bad = counter(roost, COUNTER_FRAMES_BAD),
    };
}
