/* SPDX-License-Identifier: MPL-2.0
 *
 * See actors.h: from options of the configuration to options of actors. All conversions of units
 * and all "auto" are here.
 */
#include <sodium.h>
#include <string.h>

#include "actors.h"
#include "backoff.h"
#include "roostd_command.h"

#define MS_PER_S          1000
#define STOP_DEADLINE_MS  5000
#define SEEN_PER_TIMEOUT  6
#define SEEN_MS_MAX       10000
#define ASKS_PER_TIMEOUT  3
#define LAN_ASK_MS_MAX    60000
#define WRITE_INTERVAL_MS 5 /* so that settles share the commits of what is published meanwhile */
#define MIB               (1u << 20)
/* Bounds of a broker that others than this machine can ask, where the configuration leaves it open. */
#define REMOTE_MESSAGES_PER_S 20000
#define REMOTE_BYTES_PER_S    ((uint64_t)64 << 20)
#define REMOTE_WAITING        1000000
#define REMOTE_WAITING_BYTES  ((uint64_t)4 << 30)
#define REMOTE_SHARE          100000
#define REMOTE_SHARE_BYTES    ((uint64_t)1 << 30)
#define WAL_BYTES             (20u * MIB) /* a checkpoint is due at 16 MiB, see store/checkpoint.c */

/* The id of the main thread, which is no actor; so that ids and indexes are the same. */
static enum err supervisor_init(struct actor *actor, void *state, const void *args)
{
    (void)actor;
    (void)state;
    (void)args;
    return ERR_OK;
}

static const struct actor_class supervisor_actor = {
    .name = "supervisor",
    .state_size = 1,
    .restart = ACTOR_RESTART,
    .link_room = 1,
    .init = supervisor_init,
};

/* A frame holds the largest message with all its fields, in whole MiB. */
static struct wire_limits limits_of(const struct roostd_config *config)
{
    uint32_t body = (uint32_t)config->message_size_max_bytes;
    uint32_t frame = (body + WIRE_ENTRY_OVERHEAD_BYTES_MAX + MIB - 1) / MIB * MIB;
    return (struct wire_limits){
        .frame_bytes_max = frame > WIRE_FRAME_BYTES_DEFAULT ? frame : WIRE_FRAME_BYTES_DEFAULT,
        .body_bytes_max = body,
        .entries_max = WIRE_ENTRIES_MAX,
    };
}

static bool is_autocreate(const struct roostd_config *config)
{
    if (config->mailbox_autocreate == AUTOCREATE_AUTO)
        return roostd_is_private(config);
    return config->mailbox_autocreate == AUTOCREATE_ON;
}

static struct backoff backoff_of(const struct roostd_config *config)
{
    struct backoff backoff = config->retry_preset == RETRY_BRISK ? backoff_brisk : backoff_patient;
    if (config->retry_first_s)
        backoff.first_ms = config->retry_first_s * MS_PER_S;
    if (config->retry_cap_s)
        backoff.gap_max_ms = config->retry_cap_s * MS_PER_S;
    if (config->retry_attempts_max)
        backoff.retries_max = (uint32_t)config->retry_attempts_max;
    if (config->retry_jitter_percent)
        backoff.jitter_percent = (uint32_t)config->retry_jitter_percent;
    return backoff;
}

static uint64_t at_least(int64_t value, uint64_t least)
{
    return (uint64_t)value > least ? (uint64_t)value : least;
}

/* Often enough that nobody who speaks is taken for offline, seldom enough to cost nothing. */
static uint32_t seen_ms_of(const struct roostd_config *config)
{
    int64_t seen_ms = config->presence_timeout_s * MS_PER_S / SEEN_PER_TIMEOUT;
    return (uint32_t)(seen_ms < SEEN_MS_MAX ? seen_ms : SEEN_MS_MAX);
}

/* "auto" is everybody where only this machine can ask, and nobody elsewhere. */
static void describe_admins(const struct roostd_config *config, struct zmq_gateway_options *ret)
{
    static const char *const everybody[] = {"*"};
    const struct config_list *admins = &config->security_admins;
    bool is_auto = admins->count == 1 && strcmp(admins->items[0], "auto") == 0;
    ret->admins = is_auto ? everybody : (const char *const *)admins->items;
    ret->admin_count = is_auto ? (roostd_is_local(config) ? 1 : 0) : admins->count;
}

static void describe_gateway(const struct roostd_config *config, struct actors *ret)
{
    struct zmq_gateway_options *zmq = &ret->zmq_gateway;
    *zmq = (struct zmq_gateway_options){
        .listen = (const char *const *)config->zmq_listen.items,
        .listen_count = config->zmq_listen.count,
        .bound = &ret->bound,
        .limits = limits_of(config),
        .lease_ms = (uint32_t)(config->delivery_lease_s * MS_PER_S),
        .heartbeat_ms = (uint32_t)config->zmq_heartbeat_ms,
        .seen_ms = seen_ms_of(config),
        .sessions_max = (uint32_t)config->zmq_sessions_max,
        .send_frames_max = (uint32_t)config->zmq_send_frames_max,
        .publish_window = (uint32_t)config->zmq_publish_window,
        .unread_bytes_max = (uint64_t)config->zmq_unread_max_bytes,
        .curve_domain = KEYRING_DOMAIN,
        .sessions_per_address = (uint32_t)config->quota_connections_per_address,
        .software = roostd_version,
    };
    zmq->publish_bytes =
        (uint32_t)at_least(config->zmq_publish_max_bytes, zmq->limits.frame_bytes_max);
    zmq->publish_bytes_total = at_least(config->zmq_publish_total_max_bytes, zmq->publish_bytes);
    describe_admins(config, zmq);
    randombytes_buf(zmq->boot_id, sizeof(zmq->boot_id));
}

static void describe_tcp_gateway(const struct roostd_config *config, struct actors *ret)
{
    ret->tcp_gateway = (struct tcp_gateway_options){
        .listen = (const char *const *)config->lair_listen.items,
        .listen_count = config->lair_listen.count,
        .limits = limits_of(config),
        .connections_max = (uint32_t)config->lair_connections_max,
        .handshake_ms = (uint32_t)(config->lair_handshake_s * MS_PER_S),
        .idle_ms = (uint32_t)(config->lair_idle_s * MS_PER_S),
        .tls_certificate = config->lair_tls_certificate,
        .tls_key = config->lair_tls_key,
        .connections_per_address = (uint32_t)config->quota_connections_per_address,
        .reloads = &ret->reloads,
    };
}

static bool read_stats(const void *context, uint8_t id, struct actor_stats *ret)
{
    const struct actors *actors = context;
    if (!actors->system)
        return false;
    *ret = system_stats(actors->system, id);
    return true;
}

static void describe_http(const struct roostd_config *config, const char *database,
                          struct actors *ret)
{
    ret->http_gateway = (struct http_gateway_options){
        .listen = (const char *const *)config->http_listen.items,
        .listen_count = config->http_listen.count,
        .bound = &ret->http_bound,
        .tls_certificate = config->http_tls_certificate,
        .tls_key = config->http_tls_key,
        .reloads = &ret->reloads,
        .hosts = (const char *const *)config->http_hosts.items,
        .host_count = config->http_hosts.count,
        .limits = limits_of(config),
        .admins = ret->zmq_gateway.admins,
        .admin_count = ret->zmq_gateway.admin_count,
        .is_open = roostd_is_local(config),
        .connections_max = (uint32_t)config->http_connections_max,
        .connections_per_address = (uint32_t)config->http_connections_per_address,
        .remote_connections_per_address = (uint32_t)config->quota_connections_per_address,
        .request_ms = (uint32_t)(config->http_request_s * MS_PER_S),
        .session_ms = (uint32_t)(config->http_session_s * MS_PER_S),
        .sessions_max = (uint32_t)config->http_sessions_max,
        .token_ms = config->security_token_s * MS_PER_S,
        .seen_ms = seen_ms_of(config),
        .software = roostd_version,
        .metrics = &ret->metrics,
        .metrics_count = ACTOR_COUNT,
        .read_stats = read_stats,
        .stats_context = ret,
        .is_metrics_open = config->http_metrics_open,
        .started_ms = clock_wall_now().ms,
        .ttl_ms = config->message_ttl_s * MS_PER_S,
        .data = database,
    };
    memcpy(ret->http_gateway.boot_id, ret->zmq_gateway.boot_id, sizeof(ret->http_gateway.boot_id));
}

static void describe_lan(const struct roostd_config *config, struct actors *ret)
{
    int64_t timeout_ms = config->presence_timeout_s * MS_PER_S;
    int64_t ask_ms = timeout_ms / ASKS_PER_TIMEOUT;
    ret->discovery = (struct discovery_options){
        .gateway = ACTOR_IPMSG_GATEWAY,
        .history = ACTOR_HISTORY,
        .ask_ms = ask_ms < LAN_ASK_MS_MAX ? ask_ms : LAN_ASK_MS_MAX,
    };
    ret->ipmsg_gateway = (struct ipmsg_gateway_options){
        .listen = (const char *const *)config->ipmsg_listen.items,
        .listen_count = config->ipmsg_listen.count,
        .seeds = (const char *const *)config->ipmsg_seeds.items,
        .seed_count = config->ipmsg_seeds.count,
        .is_broadcast = config->ipmsg_broadcast,
        .charset = (unsigned)config->ipmsg_charset,
        .user = config->ipmsg_user,
        .nickname = config->ipmsg_nickname,
        .group = config->ipmsg_group,
        .peers_max = (uint32_t)config->ipmsg_peers_max,
        .seen_ms = seen_ms_of(config),
        .absent_ms = timeout_ms,
        .limits = limits_of(config),
    };
}

/* -1: the value for a broker that others than this machine can ask. */
static uint64_t bound_of(const struct roostd_config *config, int64_t value, uint64_t remote)
{
    if (value >= 0)
        return (uint64_t)value;
    return roostd_is_local(config) ? 0 : remote;
}

static struct quota_limits quota_of(const struct roostd_config *config)
{
    uint32_t burst_ms = (uint32_t)config->quota_burst_ms;
    return (struct quota_limits){
        .messages = {bound_of(config, config->quota_messages_per_s, REMOTE_MESSAGES_PER_S),
                     burst_ms},
        .bytes = {bound_of(config, config->quota_bytes_per_s, REMOTE_BYTES_PER_S), burst_ms},
        .waiting_messages = bound_of(config, config->quota_waiting_messages, REMOTE_WAITING),
        .waiting_bytes = bound_of(config, config->quota_waiting_bytes, REMOTE_WAITING_BYTES),
        .share_messages = bound_of(config, config->quota_share_messages, REMOTE_SHARE),
        .share_bytes = bound_of(config, config->quota_share_bytes, REMOTE_SHARE_BYTES),
    };
}

static bool is_acl_open(const struct roostd_config *config)
{
    if (config->security_acl_default == ACL_DEFAULT_AUTO)
        return roostd_is_local(config);
    return config->security_acl_default == ACL_DEFAULT_ALLOW;
}

/* Who is named, one by one: that everybody may administrate exempts nobody from the rules. */
static void describe_acl(const struct roostd_config *config, struct actors *ret)
{
    const struct config_list *admins = &config->security_admins;
    const char *first = admins->count == 1 ? admins->items[0] : "";
    bool is_all = strcmp(first, "auto") == 0 || strcmp(first, "*") == 0;
    const char *const *names = is_all ? NULL : (const char *const *)admins->items;
    size_t count = is_all ? 0 : admins->count;
    bool is_open = is_acl_open(config);
    ret->persistence.is_acl_closed = !is_open;
    ret->persistence.admins = names;
    ret->persistence.admin_count = count;
    ret->history.has_acl = true;
    ret->history.is_acl_open = is_open;
    ret->history.admins = names;
    ret->history.admin_count = count;
    ret->sync_manager.has_acl = true;
    ret->sync_manager.is_acl_open = is_open;
    ret->sync_manager.admins = names;
    ret->sync_manager.admin_count = count;
}

static void describe_store(const struct roostd_config *config, const char *database,
                           struct actors *ret)
{
    ret->persistence = (struct persistence_options){
        .path = database,
        .is_autocreate = is_autocreate(config),
        .wal_bytes = WAL_BYTES,
        .reserve_bytes = (size_t)config->store_reserve_bytes,
        .limits = limits_of(config),
        .ttl_ms = config->message_ttl_s * MS_PER_S,
        .retention_ms = config->retention_history_s * MS_PER_S,
        .presence_retention_ms = config->retention_presence_s * MS_PER_S,
        .cleanup_interval_ms = config->cleanup_interval_s * MS_PER_S,
        .invitation_ttl_ms = config->invitation_ttl_s * MS_PER_S,
        .lan_max = config->peers_unverified_max,
        .token_ms = config->security_token_s * MS_PER_S,
        .key_code_ms = config->security_key_code_s * MS_PER_S,
        .login_failures_max = (uint32_t)config->security_login_failures_max,
        .login_window_ms = config->security_login_window_s * MS_PER_S,
        .lock_ms = config->security_lock_s * MS_PER_S,
        .quota = quota_of(config),
        .rooms_per_owner = (uint32_t)config->quota_rooms_per_owner,
        .software = roostd_version,
        .reloads = &ret->reloads,
    };
    ret->history = (struct history_options){
        .path = database,
        .limits = limits_of(config),
        .presence_timeout_ms = config->presence_timeout_s * MS_PER_S,
        .metrics = &ret->metrics,
        .metrics_count = ACTOR_COUNT,
    };
}

void actors_describe(const struct roostd_config *config, const char *database, struct actors *ret)
{
    memset(ret, 0, sizeof(*ret));
    describe_store(config, database, ret);
    describe_gateway(config, ret);
    describe_tcp_gateway(config, ret);
    describe_lan(config, ret);
    describe_http(config, database, ret);
    ret->keyring = (struct keyring_options){
        .is_needed = roostd_has_curve(config),
        .is_enrolment = config->security_enrolment,
        .history = ACTOR_HISTORY,
        .persistence = ACTOR_PERSISTENCE,
    };
    ret->accounts = (struct accounts_options){
        .is_registration_open = config->security_registration,
        .password_min = (uint32_t)config->security_password_min,
        .other_gateways = {ACTOR_TCP_GATEWAY, ACTOR_HTTP_GATEWAY, ACTOR_SYNC_MANAGER},
        .keyring = ACTOR_KEYRING,
    };
    ret->sync_manager = (struct sync_manager_options){
        .backoff = backoff_of(config),
        .lease_ms = (uint32_t)(config->delivery_lease_s * MS_PER_S),
        .room_gateway = ACTOR_TCP_GATEWAY,
        .write_interval_ms = WRITE_INTERVAL_MS,
    };
    ret->peer_registry = (struct peer_registry_options){
        .timeout_s = config->presence_timeout_s,
        .lan_max = config->peers_unverified_max,
        .watcher = config->http_listen.count > 0 ? ACTOR_HTTP_GATEWAY : 0,
        .sessions_per_account = (uint32_t)config->quota_sessions_per_account,
    };
    describe_acl(config, ret);
    ret->specs[ACTOR_SUPERVISOR] = (struct actor_spec){&supervisor_actor, NULL, STOP_DEADLINE_MS};
    ret->specs[ACTOR_PERSISTENCE] =
        (struct actor_spec){&persistence_actor, &ret->persistence, STOP_DEADLINE_MS};
    ret->specs[ACTOR_HISTORY] =
        (struct actor_spec){&history_actor, &ret->history, STOP_DEADLINE_MS};
    ret->specs[ACTOR_SYNC_MANAGER] =
        (struct actor_spec){&sync_manager_actor, &ret->sync_manager, STOP_DEADLINE_MS};
    ret->specs[ACTOR_PEER_REGISTRY] =
        (struct actor_spec){&peer_registry_actor, &ret->peer_registry, STOP_DEADLINE_MS};
    ret->specs[ACTOR_AUTH_1] = (struct actor_spec){&auth_worker_actor, NULL, STOP_DEADLINE_MS};
    ret->specs[ACTOR_AUTH_2] = (struct actor_spec){&auth_worker_actor, NULL, STOP_DEADLINE_MS};
    ret->specs[ACTOR_ACCOUNTS] =
        (struct actor_spec){&accounts_actor, &ret->accounts, STOP_DEADLINE_MS};
    ret->specs[ACTOR_ZMQ_GATEWAY] =
        (struct actor_spec){&zmq_gateway_actor, &ret->zmq_gateway, STOP_DEADLINE_MS};
    ret->specs[ACTOR_TCP_GATEWAY] =
        (struct actor_spec){&tcp_gateway_actor, &ret->tcp_gateway, STOP_DEADLINE_MS};
    ret->specs[ACTOR_DISCOVERY] =
        (struct actor_spec){&discovery_actor, &ret->discovery, STOP_DEADLINE_MS};
    ret->specs[ACTOR_IPMSG_GATEWAY] =
        (struct actor_spec){&ipmsg_gateway_actor, &ret->ipmsg_gateway, STOP_DEADLINE_MS};
    ret->specs[ACTOR_HTTP_GATEWAY] =
        (struct actor_spec){&http_gateway_actor, &ret->http_gateway, STOP_DEADLINE_MS};
    ret->specs[ACTOR_KEYRING] =
        (struct actor_spec){&keyring_actor, &ret->keyring, STOP_DEADLINE_MS};
}

void actors_take_key(struct actors *actors, const char *secret_key)
{
    actors->zmq_gateway.curve_secret = secret_key;
}
