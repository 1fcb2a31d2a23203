/* SPDX-License-Identifier: MPL-2.0
 *
 * Where log lines go, from whom, and how many of them. Formatting is in log_format.c.
 *
 * State: options set once before threads (the level is atomic and may change later), and per thread
 * the actor's name and the budget of each event. The budgets are a small table found by the address
 * of the event's name; when it is full, the event that was quiet longest makes place.
 */
#include "rt/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "rt/check.h"
#include "rt/log_ring.h"

#define SITES          64
#define WINDOW_NS      1000000000
#define JOURNAL_FIELDS 5

struct site {
    const char *event;
    struct mono_time window;
    unsigned written; /* in this window */
    uint64_t suppressed;
};

struct budget {
    struct site sites[SITES];
    unsigned suppressed_sites; /* with something to report */
};

static enum log_format format = LOG_FORMAT_TEXT;
static int output = STDERR_FILENO;
static _Atomic int level_now = LOG_LEVEL_INFO;

static _Thread_local struct budget budget;
static _Thread_local const char *actor_name;
static _Thread_local const struct wall_time *virtual_clock;

void log_init(const struct log_options *options)
{
    format = options->format;
    output = options->fd;
    log_set_level(options->level);
    log_ring_reserve();
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&level_now, memory_order_relaxed);
}

void log_set_actor(const char *name)
{
    actor_name = name;
}

void log_set_clock(const struct wall_time *clock)
{
    virtual_clock = clock;
}

static void send_to_journal(enum log_level level, const char *actor, const char *event,
                            const char *line, size_t size)
{
    static const char *const priorities[] = {"PRIORITY=7", "PRIORITY=6", "PRIORITY=4", "PRIORITY=3",
                                             "PRIORITY=3"};
    char message[LOG_LINE_MAX + 8], actor_field[64], event_field[128];
    int message_size = snprintf(message, sizeof(message), "MESSAGE=%.*s", (int)size - 1, line);
    int actor_size = snprintf(actor_field, sizeof(actor_field), "ROOST_ACTOR=%.40s", actor);
    int event_size = snprintf(event_field, sizeof(event_field), "ROOST_EVENT=%.100s", event);
    struct iovec fields[JOURNAL_FIELDS] = {
        {message, (size_t)message_size},
        {(void *)(uintptr_t)priorities[level], strlen(priorities[level])},
        {(void *)(uintptr_t) "SYSLOG_IDENTIFIER=roostd", strlen("SYSLOG_IDENTIFIER=roostd")},
        {actor_field, (size_t)actor_size},
        {event_field, (size_t)event_size},
    };
    (void)sd_journal_sendv(fields, JOURNAL_FIELDS); /* a lost line stops nothing */
}

static void write_line(enum log_level level, const char *event, const struct log_field *fields)
{
    char line[LOG_LINE_MAX];
    const char *actor = actor_name ? actor_name : "main";
    struct wall_time now = virtual_clock ? *virtual_clock : clock_wall_now();
    /* The ring keeps time, level and actor apart from the rest, as the journal does. */
    size_t size = log_format_line(LOG_FORMAT_JOURNAL, level, now, actor, event, fields, line);
    log_ring_put(now, level, actor, line, size);
    if (format != LOG_FORMAT_JOURNAL)
        size = log_format_line(format, level, now, actor, event, fields, line);
    if (format == LOG_FORMAT_JOURNAL) {
        send_to_journal(level, actor, event, line, size);
        return;
    }
    ssize_t written = write(output, line, size);
    if (written < 0 && errno == EINTR)
        written = write(output, line, size);
    (void)written; /* a lost line stops nothing */
}

/* --- Budget */

static void report_suppressed(struct site *site)
{
    if (!site->suppressed)
        return;
    const struct log_field fields[] = {LOG_STR("suppressed_event", site->event),
                                       LOG_U64("count", site->suppressed), LOG_NONE_};
    site->suppressed = 0;
    budget.suppressed_sites--;
    write_line(LOG_LEVEL_WARN, "suppressed", fields);
}

static struct site *site_of(const char *event, struct mono_time now)
{
    struct site *quietest = &budget.sites[0];
    size_t start = ((uintptr_t)event >> 3) % SITES;
    for (size_t i = 0; i < SITES; i++) {
        struct site *site = &budget.sites[(start + i) % SITES];
        if (site->event == event)
            return site;
        if (!site->event) {
            *site = (struct site){.event = event, .window = now};
            return site;
        }
        if (site->window.ns < quietest->window.ns)
            quietest = site;
    }
    report_suppressed(quietest);
    *quietest = (struct site){.event = event, .window = now};
    return quietest;
}

static bool may_write(const char *event)
{
    struct mono_time now = clock_mono_now();
    struct site *site = site_of(event, now);
    if (now.ns - site->window.ns >= WINDOW_NS) {
        report_suppressed(site);
        site->window = now;
        site->written = 0;
    }
    if (site->written < LOG_BURST) {
        site->written++;
        return true;
    }
    if (site->suppressed++ == 0)
        budget.suppressed_sites++;
    return false;
}

static void report_windows(int64_t age_ns)
{
    if (!budget.suppressed_sites)
        return;
    struct mono_time now = clock_mono_now();
    for (size_t i = 0; i < SITES; i++) {
        if (now.ns - budget.sites[i].window.ns >= age_ns)
            report_suppressed(&budget.sites[i]);
    }
}

void log_flush(void)
{
    report_windows(WINDOW_NS);
}

void log_finish(void)
{
    report_windows(0);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    CHECK(level < LOG_LEVEL_OFF);
    int error = errno; /* callers may still want it */
    if (log_is_on(level) && (level == LOG_LEVEL_DEBUG || may_write(event)))
        write_line(level, event, fields);
    errno = error;
}
