/* SPDX-License-Identifier: MPL-2.0
 *
 * roost top: a broker live, by its own counters over ZeroMQ (QUERY STATS), so that it works wherever
 * a session works. What is computed: top_sample.h; the terminal: screen.h.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/screen.h"
#include "clients/cli/text.h"
#include "clients/cli/top_sample.h"
#include "rt/clock.h"

#define INTERVAL_MS  1000
#define INTERVAL_MIN 100
#define HISTORY      60
#define WARN_WAL     (256u << 20)

struct top {
    struct cli *cli;
    struct top_sample samples[2]; /* taken in turn */
    int newest;
    struct top_view view;
    double stored[HISTORY]; /* rates, oldest first */
    size_t stored_count;
    enum roost_error error; /* of the last question */
    int64_t answered_ns;
};

/* A view needs two moments; *ret_is_ready: there are two. */
static enum roost_error take(struct top *top, bool *ret_is_ready)
{
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_STATS};
    *ret_is_ready = false;
    top->error = roost_query(top->cli->roost, &query, top->cli->timeout_ms, &page);
    if (top->error)
        return top->error;
    const struct top_sample *before = &top->samples[top->newest];
    top->newest = 1 - top->newest;
    top->answered_ns = clock_mono_now().ns;
    top_sample_take(&top->samples[top->newest], page, top->answered_ns);
    roost_page_destroy(&page);
    if (before->at_ns == 0)
        return ROOST_OK;
    top_view_make(&top->view, before, &top->samples[top->newest]);
    if (top->stored_count == HISTORY)
        memmove(top->stored, top->stored + 1, (HISTORY - 1) * sizeof(top->stored[0]));
    else
        top->stored_count++;
    top->stored[top->stored_count - 1] = top->view.stored;
    *ret_is_ready = true;
    return ROOST_OK;
}

/* ---------------------------------------------------------------------------------- text */

static const char *milliseconds(double us, char ret[TEXT_SIZE_BYTES])
{
    if (us < 0)
        (void)snprintf(ret, TEXT_SIZE_BYTES, "-");
    else
        (void)snprintf(ret, TEXT_SIZE_BYTES, "%.*f ms", us < 10000 ? 2 : 0, us / 1000);
    return ret;
}

static const char *per_second(double number, char ret[TEXT_SIZE_BYTES])
{
    char count[TEXT_SIZE_BYTES];
    (void)snprintf(ret, TEXT_SIZE_BYTES, "%.20s/s", text_count((uint64_t)(number + 0.5), count));
    return ret;
}

/* The last minute as a row of blocks, as high as its highest. */
static const char *picture(const struct top *top, char ret[HISTORY * 3 + 1])
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double highest = 1;
    size_t size = 0;
    for (size_t i = 0; i < top->stored_count; i++)
        highest = top->stored[i] > highest ? top->stored[i] : highest;
    for (size_t i = 0; i < top->stored_count; i++) {
        size_t height = (size_t)(top->stored[i] / highest * 7.0 + 0.5);
        memcpy(ret + size, blocks[height], 3);
        size += 3;
    }
    ret[size] = '\0';
    return ret;
}

typedef void put_line(void *context, const char *line);

__attribute__((format(printf, 3, 4))) static void put(put_line *line_out, void *context,
                                                      const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    line_out(context, line);
}

static void put_levels(const struct top *top, put_line *out, void *context)
{
    char cells[4][TEXT_SIZE_BYTES];
    const struct top_sample *now = &top->samples[top->newest];
    put(out, context, "backlog    %12s waiting    %12s in hand", text_count(now->waiting, cells[0]),
        text_count(now->leased, cells[1]));
    put(out, context, "peers      %12s online     %12s sessions",
        text_count(now->peers_online, cells[0]), text_count(now->sessions, cells[1]));
    put(out, context, "disk       %12s database   %12s write-ahead log%s",
        text_size(now->file_bytes, cells[0]), text_size(now->wal_bytes, cells[1]),
        now->wal_bytes > WARN_WAL ? "  (a long reader holds it back)" : "");
    if (now->disk_full)
        put(out, context, "THE DISK IS FULL: sends are refused until there is room");
    if (now->damaged)
        put(out, context, "%s DAMAGED ROWS were met: 'roost doctor' says what to do",
            text_count(now->damaged, cells[0]));
}

static void put_rates(const struct top *top, put_line *out, void *context)
{
    char cells[4][TEXT_SIZE_BYTES];
    const struct top_view *view = &top->view;
    put(out, context, "stored     %14s   delivered %14s", per_second(view->stored, cells[0]),
        per_second(view->delivered, cells[1]));
    put(out, context, "settled    %14s   again     %14s", per_second(view->settled, cells[0]),
        per_second(view->redelivered, cells[1]));
    (void)text_size((uint64_t)view->bytes_in, cells[0]);
    (void)text_size((uint64_t)view->bytes_out, cells[1]);
    put(out, context, "in         %12s/s   out       %12s/s", cells[0], cells[1]);
    put(out, context, "commit     %14s   p50 %s   p99 %s", per_second(view->commits, cells[0]),
        milliseconds(view->commit_p50_us, cells[1]), milliseconds(view->commit_p99_us, cells[2]));
}

static void put_actors(const struct top *top, put_line *out, void *context)
{
    char cells[3][TEXT_SIZE_BYTES];
    put(out, context, "%-18s %10s %8s %14s %9s", "ACTOR", "MAILBOX", "BUSY", "MESSAGES",
        "RESTARTS");
    for (size_t i = 0; i < top->view.actor_count; i++) {
        const struct top_actor_view *actor = &top->view.actors[i];
        put(out, context, "%-18s %10s %6.1f %% %14s %9s", actor->name,
            text_count(actor->mailbox, cells[0]), actor->busy_share * 100,
            per_second(actor->messages_per_s, cells[1]), text_count(actor->restarts, cells[2]));
    }
}

static void put_all(const struct top *top, put_line *out, void *context)
{
    char blocks[HISTORY * 3 + 1], when[TEXT_TIME_BYTES];
    put(out, context, "roost top   %s   %s   (q quits)", top->cli->url,
        text_time((uint64_t)clock_wall_now().ms, when));
    if (top->error)
        put(out, context, "no answer for %.0f s: %s",
            (double)(clock_mono_now().ns - top->answered_ns) / 1e9, roost_error_text(top->error));
    else
        put(out, context, "stored     %s", picture(top, blocks));
    put_rates(top, out, context);
    put_levels(top, out, context);
    put(out, context, "%s", "");
    put_actors(top, out, context);
}

/* ---------------------------------------------------------------------------------- json */

static void show_json(const struct top *top)
{
    struct json json;
    const struct top_view *view = &top->view;
    const struct top_sample *now = &top->samples[top->newest];
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_number(&json, "at_ms", (uint64_t)clock_wall_now().ms);
    json_real(&json, "stored", view->stored);
    json_real(&json, "delivered", view->delivered);
    json_real(&json, "settled", view->settled);
    json_real(&json, "redelivered", view->redelivered);
    json_real(&json, "dead", view->dead);
    json_real(&json, "bytes_in", view->bytes_in);
    json_real(&json, "bytes_out", view->bytes_out);
    json_real(&json, "commits", view->commits);
    json_real(&json, "commit_p50_us", view->commit_p50_us < 0 ? 0 : view->commit_p50_us);
    json_real(&json, "commit_p99_us", view->commit_p99_us < 0 ? 0 : view->commit_p99_us);
    json_number(&json, "waiting", now->waiting);
    json_number(&json, "leased", now->leased);
    json_number(&json, "sessions", now->sessions);
    json_number(&json, "peers_online", now->peers_online);
    json_number(&json, "database_bytes", now->file_bytes);
    json_number(&json, "wal_bytes", now->wal_bytes);
    json_array(&json, "actors");
    for (size_t i = 0; i < view->actor_count; i++) {
        json_object(&json, NULL);
        json_text(&json, "name", view->actors[i].name);
        json_number(&json, "mailbox", view->actors[i].mailbox);
        json_real(&json, "busy_share", view->actors[i].busy_share);
        json_real(&json, "messages_per_s", view->actors[i].messages_per_s);
        json_number(&json, "restarts", view->actors[i].restarts);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    json_end_line(&json);
    (void)fflush(stdout); /* whoever reads it wants it now */
}

/* ----------------------------------------------------------------------------- the loops */

static void sleep_ms(uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL); /* a signal ends the program */
}

static void to_stdout(void *context, const char *line)
{
    (void)context;
    (void)puts(line);
}

/* `count` views one after the other (0: for ever), without a terminal. */
static enum exit_code run_plain(struct top *top, uint64_t interval_ms, uint64_t count)
{
    bool is_ready;
    if (take(top, &is_ready))
        return fail_with(top->cli, "top", top->error);
    for (uint64_t shown = 0; (count == 0 || shown < count) && !ferror(stdout); shown++) {
        sleep_ms(interval_ms);
        if (take(top, &is_ready))
            return fail_with(top->cli, "top", top->error);
        if (top->cli->is_json)
            show_json(top);
        else
            put_all(top, to_stdout, NULL);
    }
    return EXIT_OK;
}

static void to_screen(void *context, const char *line)
{
    screen_line(context, "%s", line);
}

static void draw(const struct top *top)
{
    static struct screen screen;
    screen_begin(&screen);
    put_all(top, to_screen, &screen);
    screen_show(&screen);
}

static enum exit_code run_live(struct top *top, uint64_t interval_ms)
{
    bool is_ready;
    if (take(top, &is_ready))
        return fail_with(top->cli, "top", top->error);
    if (!screen_open())
        return run_plain(top, interval_ms, 0);
    top->cli->timeout_ms = INTERVAL_MS; /* an answer that is late is told of */
    draw(top);
    int64_t next_ns = clock_mono_now().ns + (int64_t)interval_ms * 1000000;
    for (enum screen_key key = SCREEN_NONE; key != SCREEN_QUIT;) {
        int64_t left_ms = (next_ns - clock_mono_now().ns + 999999) / 1000000;
        key = screen_wait(left_ms > 0 ? (int)left_ms : 0);
        bool is_time = clock_mono_now().ns >= next_ns;
        if (is_time) {
            (void)take(top, &is_ready); /* without an answer the picture says so */
            next_ns = clock_mono_now().ns + (int64_t)interval_ms * 1000000;
        }
        if (is_time || key == SCREEN_RESIZE)
            draw(top);
    }
    screen_close();
    return EXIT_OK;
}

static enum exit_code run_top(struct cli *cli)
{
    static struct top top; /* large */
    uint64_t interval_ms, count;
    top = (struct top){.cli = cli};
    if (!option_seconds(cli, "interval", INTERVAL_MS, &interval_ms) ||
        !option_number(cli, "count", 1, UINT32_MAX, 0, &count))
        return EXIT_USAGE;
    if (interval_ms < INTERVAL_MIN)
        interval_ms = INTERVAL_MIN;
    if (option_is_given(cli, "once"))
        count = 1;
    bool is_plain = count > 0 || cli->is_json || !isatty(STDOUT_FILENO);
    return is_plain ? run_plain(&top, interval_ms, count) : run_live(&top, interval_ms);
}

static const struct option_row top_options[] = {
    {"once", '1', NULL, "show it once and end"},
    {"count", 'n', "N", "so many times, without taking over the terminal"},
    {"interval", 'i', "SECONDS", "between two pictures (1)"},
    {NULL, 0, NULL, NULL},
};

static const char *const top_examples[] = {
    "roost top", "roost top --once", "roost top --json | jq -c '[.stored, .commit_p99_us]'", NULL};

const struct command top_command = {
    .name = "top",
    .summary = "the broker live: rates, commit time, backlog, actors",
    .usage = "",
    .details =
        "q quits. Rates and times are of the last second. MAILBOX: messages that wait for\n"
        "the actor; BUSY: the share of the time it worked. With --json one line per second.\n"
        "Administrators may (see security.admins).",
    .options = top_options,
    .examples = top_examples,
    .needs_session = true,
    .run = run_top,
};
