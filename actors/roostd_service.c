/* SPDX-License-Identifier: MPL-2.0
 *
 * See roostd_service.h.
 */
#define _GNU_SOURCE /* pthread_setattr_default_np */
#include "roostd_service.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "actors.h"
#include "gateways/json_memory.h"
#include "roostd_cache.h"
#include "roostd_data.h"
#include "roostd_keys.h"
#include "roostd_sandbox.h"
#include "rt/check.h"
#include "rt/log.h"
#include "rt/system.h"

#define PROBLEM_BYTES_MAX  4096
#define ADDRESSES_SHOWN    512
#define GIVE_BACK_MS       60000
#define STACK_BYTES        ((size_t)1 << 20)
#define US_PER_MS          1000
#define WATCHDOG_PER_LIMIT 3 /* fed so often per limit */
#define RUN_FOREVER        (-1)

struct service {
    const struct roostd_command *command;
    struct config *config; /* in force; the actors' options point into it */
    struct config *latest; /* as read last, or NULL: to tell what changed */
    struct roostd_data data;
    struct roostd_cache cache;
    struct roostd_keys keys;
    struct actors actors;
    struct system *system;
    int signals;         /* signalfd */
    int64_t watchdog_ms; /* feed systemd so often; RUN_FOREVER: not at all */
    struct mono_time give_back_at;
};

enum roostd_exit roostd_exit_of(enum err err)
{
    if (err == ERR_OK)
        return ROOSTD_EXIT_OK;
    if (err == ERR_LOCKED)
        return ROOSTD_EXIT_CANNOT_CREATE;
    if (err == ERR_NEWER_SCHEMA || err == ERR_NOT_OUR_FILE || err == ERR_CORRUPT)
        return ROOSTD_EXIT_DATA;
    if (err == ERR_STORAGE || err == ERR_DISK_FULL)
        return ROOSTD_EXIT_STORAGE;
    if (err == ERR_CONFIG || err == ERR_UNSAFE_LISTENER)
        return ROOSTD_EXIT_CONFIG;
    return ROOSTD_EXIT_UNAVAILABLE;
}

/* --- Configuration */

/* NULL: it has said why. */
static struct config *load(const struct roostd_command *command)
{
    struct buf problem;
    buf_init(&problem, PROBLEM_BYTES_MAX);
    struct config *config = roostd_command_load(command, &problem);
    if (!config)
        (void)fprintf(stderr, "roostd: %s\n",
                      buf_text(&problem) ? buf_text(&problem) : "no memory");
    buf_fini(&problem);
    return config;
}

static void say_changed(const struct config_option *option, void *context)
{
    (void)context;
    if (option->is_reloadable)
        log_info("reloaded", LOG_STR("key", option->key));
    else
        log_warn("needs-restart", LOG_STR("key", option->key));
}

/* What is not reloadable stays as it is, also when asked for again. */
static void reload(struct service *service)
{
    (void)sd_notify(0, "RELOADING=1"); /* without systemd nothing happens */
    struct config *config = load(service->command);
    if (config) {
        const struct roostd_config *values = config_values(config);
        const struct config *before = service->latest ? service->latest : service->config;
        size_t waiting = config_compare(before, config, say_changed, NULL);
        log_set_level((enum log_level)values->log_level);
        log_info("configuration-read", LOG_U64("need_restart", waiting));
        atomic_fetch_add_explicit(&service->actors.reloads, 1, memory_order_release);
        config_destroy(&service->latest);
        service->latest = config;
    } else {
        log_error("configuration-wrong", LOG_STR("text", "it stays as it was"));
    }
    (void)sd_notify(0, "READY=1");
}

/* --- Process */

/* Each session needs a descriptor. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("descriptors", LOG_ERRNO(errno));
}

/* A limit of memory (LimitDATA) counts a stack by what it may become: 8 MiB each, and there are 17 threads. */
static void bound_stacks(void)
{
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    if (pthread_attr_setstacksize(&attributes, STACK_BYTES) != 0 ||
        pthread_setattr_default_np(&attributes) != 0)
        log_warn("stacks", LOG_U64("bytes", STACK_BYTES)); /* then they are larger */
    (void)pthread_attr_destroy(&attributes);
}

/* Threads started later inherit the mask: only this thread hears signals, and only here. */
static int take_signals(void)
{
    sigset_t set;
    CHECK(sigemptyset(&set) == 0);
    CHECK(sigaddset(&set, SIGTERM) == 0);
    CHECK(sigaddset(&set, SIGINT) == 0);
    CHECK(sigaddset(&set, SIGHUP) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* 0: none is waiting. */
static uint32_t next_signal(int signals)
{
    struct signalfd_siginfo info;
    return read(signals, &info, sizeof(info)) == sizeof(info) ? info.ssi_signo : 0;
}

static int64_t watchdog_period_ms(void)
{
    uint64_t limit_us;
    if (sd_watchdog_enabled(0, &limit_us) <= 0)
        return RUN_FOREVER;
    int64_t period_ms = (int64_t)(limit_us / US_PER_MS / WATCHDOG_PER_LIMIT);
    return period_ms > 0 ? period_ms : 1;
}

/* --- The system */

/* Convenient on one's own machine, and not what everybody expects where several people have one. */
static void say_administrators(const struct roostd_config *config)
{
    const struct config_list *admins = &config->security_admins;
    if (admins->count == 1 && strcmp(admins->items[0], "auto") == 0 && roostd_is_local(config))
        log_info("everybody-is-administrator",
                 LOG_STR("because", "security.admins=auto, and every listener is on this machine"),
                 LOG_STR("otherwise", "set security.admins to the names of those who may"));
}

/* What was recovered, persistence and sync-manager have said themselves: store-open, loaded. */
static void say_ready(const struct service *service)
{
    const struct zmq_gateway_bound *bound = &service->actors.bound;
    char addresses[ADDRESSES_SHOWN] = "";
    size_t used = 0;
    size_t bound_count = atomic_load_explicit(&bound->count, memory_order_acquire);
    for (size_t i = 0; i < bound_count && used < sizeof(addresses); i++) {
        int size = snprintf(addresses + used, sizeof(addresses) - used, "%s%s", i ? "," : "",
                            bound->addresses[i]);
        used += size > 0 ? (size_t)size : 0;
    }
    log_info("ready", LOG_STR("version", roostd_version), LOG_STR("zmq", addresses),
             LOG_STR("data", service->data.database), LOG_I64("pid", getpid()));
    say_administrators(config_values(service->config));
    (void)sd_notifyf(0, "READY=1\nSTATUS=listening on %s", addresses);
}

/* Until the watchdog, the peer cache or give_memory_back wants something. */
static int64_t pause_ms(const struct service *service)
{
    const int64_t waits_ms[] = {service->watchdog_ms, roostd_cache_wait_ms(&service->cache)};
    int64_t pause_ms = GIVE_BACK_MS;
    for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
        if (waits_ms[i] >= 0 && waits_ms[i] < pause_ms) /* below 0: nothing is wanted */
            pause_ms = waits_ms[i];
    }
    return pause_ms;
}

/* What was needed for a while (a backlog, a slow disk) and lies between what is still in use goes back to the
 * system. An actor that allocates meanwhile waits for the part of the heap that is looked at. */
static void give_memory_back(struct service *service)
{
    struct mono_time now = clock_mono_now();
    if (!mono_reached(service->give_back_at, now))
        return;
    (void)malloc_trim(0);
    service->give_back_at = mono_add_ms(now, GIVE_BACK_MS);
    log_debug("memory-given-back", LOG_I64("us", (clock_mono_now().ns - now.ns) / 1000));
}

/* Until something ends it; ERR_OK: a signal. */
static enum err attend(struct service *service)
{
    for (;;) {
        enum err err = system_run(service->system, service->signals, pause_ms(service));
        if (err)
            return err;
        roostd_cache_save_if_due(&service->cache);
        give_memory_back(service);
        if (service->watchdog_ms != RUN_FOREVER && !system_is_stalled(service->system))
            (void)sd_notify(0, "WATCHDOG=1");
        uint32_t number = next_signal(service->signals);
        if (number == SIGHUP)
            reload(service);
        else if (number != 0) {
            log_info("stopping", LOG_STR("signal", number == SIGINT ? "SIGINT" : "SIGTERM"));
            return ERR_OK;
        }
    }
}

/* The option that says where this gateway listens. */
static const char *listen_option_of(const char *actor)
{
    static const char *const options[][2] = {{"tcp-gateway", "lair.listen"},
                                             {"ipmsg-gateway", "ipmsg.listen"},
                                             {"http-gateway", "http.listen"}};
    for (size_t i = 0; actor && i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(actor, options[i][0]) == 0)
            return options[i][1];
    }
    return "zmq.listen";
}

/* The log has the details; this is the one line for a person. */
static void explain_start(const struct service *service, enum err err)
{
    const char *actor = system_failed_actor(service->system);
    (void)fprintf(stderr, "roostd: %s cannot start: %s (%s)\n", actor ? actor : "the system",
                  err_sentence(err),
                  err == ERR_ADDRESS ? listen_option_of(actor) : service->data.directory);
}

static enum roostd_exit run_system(struct service *service)
{
    enum err err = system_start(service->system);
    if (err) {
        explain_start(service, err);
        return roostd_exit_of(err);
    }
    if (((const struct roostd_config *)config_values(service->config))->security_seccomp)
        err = roostd_sandbox_close();
    if (!err) {
        say_ready(service);
        err = attend(service);
    }
    (void)sd_notify(0, "STOPPING=1");
    enum err stop_err = system_stop(service->system);
    if (err)
        log_error("lost", LOG_STR("actor", system_failed_actor(service->system)), LOG_ERROR(err));
    if (stop_err == ERR_TIMEOUT) { /* a thread still runs: nothing may be freed under it */
        log_error("stop-forced");
        _exit(ROOSTD_EXIT_UNAVAILABLE);
    }
    if (!err)
        err = stop_err;
    if (!err)
        roostd_cache_save(&service->cache);
    log_info("stopped", LOG_ERROR(err));
    return roostd_exit_of(err);
}

static enum roostd_exit run_service(struct service *service)
{
    const struct roostd_config *values = config_values(service->config);
    log_init(&(struct log_options){.format = (enum log_format)values->log_format,
                                   .level = (enum log_level)values->log_level,
                                   .fd = STDERR_FILENO});
    roostd_sandbox_begin();
    raise_descriptors();
    bound_stacks();
    if (roostd_data_open(service->command->data_path, &service->data) != ERR_OK)
        return ROOSTD_EXIT_CANNOT_CREATE;
    if (roostd_keys_open(values, service->data.directory, &service->keys) != ERR_OK)
        return ROOSTD_EXIT_CONFIG;
    actors_describe(values, service->data.database, &service->actors);
    if (service->keys.is_loaded)
        actors_take_key(&service->actors, service->keys.server.secret_text);
    service->signals = take_signals();
    if (service->signals < 0) {
        log_error("signals", LOG_ERRNO(errno));
        return ROOSTD_EXIT_ERROR;
    }
    service->watchdog_ms = watchdog_period_ms();
    service->system = system_new(service->actors.specs, ACTOR_COUNT, message_types, MSG_COUNT,
                                 &(struct system_options){0});
    if (!service->system) {
        log_error("no-system", LOG_ERRNO(errno));
        return ROOSTD_EXIT_UNAVAILABLE;
    }
    service->actors.metrics = system_metrics(service->system);
    roostd_cache_open(&service->cache, values->peers_cache_file, service->data.directory,
                      service->data.database, values->peers_cache_interval_s);
    service->actors.system = service->system;
    enum roostd_exit code = run_system(service);
    system_destroy(&service->system);
    (void)close(service->signals);
    return code;
}

enum roostd_exit roostd_service_run(const struct roostd_command *command)
{
    static struct service service; /* too large for a stack, and there is one */
    service.command = command;
    json_memory_init();
    if (sodium_init() < 0) {
        (void)fprintf(stderr, "roostd: no source of randomness\n");
        return ROOSTD_EXIT_UNAVAILABLE;
    }
    service.config = load(command);
    if (!service.config)
        return ROOSTD_EXIT_CONFIG;
    enum roostd_exit code = run_service(&service);
    roostd_keys_close(&service.keys);
    config_destroy(&service.latest);
    config_destroy(&service.config);
    return code;
}
