/* SPDX-License-Identifier: MPL-2.0
 *
 * The history actor: its life, and what all of its questions need. See history.h.
 */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "history_state.h"
#include "presence.h"
#include "rt/check.h"
#include "rt/log.h"
#include "store/peers.h"

#define ARENA_LIMIT_BYTES ((size_t)64 << 20)

int64_t history_now_ms(const struct history *h)
{
    return h->wall_start_ms + mono_elapsed_ms(h->mono_start, actor_mono(h->actor));
}

void *history_alloc(struct history *h, size_t size)
{
    return arena_alloc(&h->arena, size);
}

bool history_copy(struct history *h, const void *data, size_t size, ProtobufCBinaryData *ret)
{
    *ret = (ProtobufCBinaryData){.len = 0};
    if (size == 0)
        return true;
    ret->data = history_alloc(h, size);
    if (!ret->data)
        return false;
    memcpy(ret->data, data, size);
    ret->len = size;
    return true;
}

void history_log_failure(const struct history *h, const char *what, enum err err)
{
    log_error("read-failed", LOG_STR("what", what), LOG_ERROR(err),
              LOG_I64("code", store_error_code(h->store)),
              LOG_STR("problem", store_error_text(h->store)));
}

/* --- Names of peers. They never change while anything names the peer. */

static void forget_names(struct history *h)
{
    struct u64map_cursor cursor = {.key = 0};
    while (u64map_next(&h->names, &cursor))
        free((void *)(uintptr_t)cursor.value);
    u64map_clear(&h->names);
}

static enum err copy_name(void *context, const struct peer_row *row)
{
    *(char **)context = strdup(row->name);
    return ERR_OK;
}

ProtobufCBinaryData history_peer_name(struct history *h, int64_t peer_id)
{
    if (peer_id == 0)
        return bytes_of(NULL, 0);
    char *name = u64map_get_pointer(&h->names, (uint64_t)peer_id);
    if (name)
        return bytes_of(name, strlen(name));
    enum err err = peer_read(h->store, peer_id, copy_name, &name);
    if (err || !name)
        return bytes_of(NULL, 0);
    if (u64map_count(&h->names) == HISTORY_NAMES_MAX)
        forget_names(h);
    if (u64map_put_pointer(&h->names, (uint64_t)peer_id, name)) {
        free(name);
        return bytes_of(NULL, 0);
    }
    return bytes_of(name, strlen(name));
}

/* --- Life. */

static enum err open_store(struct history *h)
{
    char problem[256] = "";
    struct store_options options = {
        .path = h->options.path,
        .vfs = h->options.vfs,
        .read_only = true,
        .error_text = problem,
        .error_text_size_bytes = sizeof(problem),
    };
    enum err err = store_open(&options, &h->store);
    if (err)
        log_error("store-open", LOG_ERROR(err), LOG_STR("path", h->options.path),
                  LOG_STR("problem", problem));
    return err;
}

static enum err history_init(struct actor *actor, void *state, const void *args)
{
    struct history *h = state;
    h->actor = actor;
    h->options = *(const struct history_options *)args;
    if (!h->options.limits.frame_bytes_max)
        h->options.limits = wire_limits_default;
    if (!h->options.presence_timeout_ms)
        h->options.presence_timeout_ms = PRESENCE_TIMEOUT_S_DEFAULT * INT64_C(1000);
    h->mono_start = actor_mono(actor);
    h->wall_start_ms = actor_wall(actor).ms;
    arena_init(&h->arena, ARENA_LIMIT_BYTES);
    arena_init(&h->frame_arena, WIRE_ARENA_BYTES(h->options.limits.frame_bytes_max));
    h->reader = (struct wire_reader){
        .direction = WIRE_TO_BROKER,
        .limits = &h->options.limits,
        .arena = &h->frame_arena,
    };
    u64map_init(&h->names, HISTORY_NAMES_MAX);
    history_topics_init(h);
    acl_init(&h->acl, h->options.is_acl_open || !h->options.has_acl);
    h->acl_version = -1;
    h->frame = malloc(WIRE_FRAME_BYTES_CAP);
    CHECK(h->frame);
    history_repeat_init(&h->repeat);
    recent_init(&h->recent);
    return open_store(h);
}

static enum err history_on_batch(struct actor *actor, void *state)
{
    struct history *h = state;
    (void)actor;
    history_repeat_forget(&h->repeat);
    return ERR_OK;
}

static void history_fini(struct actor *actor, void *state)
{
    struct history *h = state;
    (void)actor;
    recent_fini(&h->recent);
    store_close(&h->store);
    forget_names(h);
    u64map_fini(&h->names);
    history_topics_fini(h);
    acl_fini(&h->acl);
    arena_fini(&h->arena);
    arena_fini(&h->frame_arena);
    free(h->frame);
    history_repeat_fini(&h->repeat);
}

const struct actor_class history_actor = {
    .name = "history",
    .state_size = sizeof(struct history),
    .restart = ACTOR_RESTART,
    .link_room = 2048,
    .init = history_init,
    .fini = history_fini,
    .on_batch = history_on_batch,
    .on =
        {
            [MSG_FETCH] = history_on_fetch,
            [MSG_LOAD_CONSUMERS] = history_on_load_consumers,
            [MSG_LOAD_EXCEPTIONS] = history_on_load_exceptions,
            [MSG_LOAD_HEADS] = history_on_load_heads,
            [MSG_LOAD_PEERS] = history_on_load_peers,
            [MSG_LOAD_KNOWN] = history_on_load_known,
            [MSG_LAN_FIND] = history_on_lan_find,
            [MSG_LOAD_ACCOUNT] = history_on_load_account,
            [MSG_LOAD_KEYS] = history_on_load_keys,
            [MSG_RESOLVE] = history_on_resolve,
            [MSG_QUERY] = history_on_query,
            [MSG_INSPECT_FILL] = history_on_inspect_fill,
            [MSG_DELIVERIES_FILL] = history_on_deliveries_fill,
        },
};
