/* SPDX-License-Identifier: MPL-2.0
 *
 * roost bench: options, what each measurement writes to, and the report; the measuring is in bench_run.c
 * and bench_flow.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/bench_run.h"
#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"

static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 1};
static const char *const quantile_names[] = {"p50", "p90", "p99", "p99.9", "max"};
#define QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

static enum roost_error run_latency(struct bench *bench)
{
    return bench_flow(bench, false);
}

static enum roost_error run_fan_out(struct bench *bench)
{
    return bench_flow(bench, true);
}

static const struct scenario {
    const char *name;
    enum roost_error (*run)(struct bench *bench);
    const char *scope;
    uint64_t rate_per_s; /* where none was asked for */
    bool has_takers;     /* what is published is taken meanwhile */
    bool is_drained;     /* published before; by count, or until nothing waits */
} scenarios[] = {
    {"publish", bench_publish, "queue:roost-bench", 0, false, false},
    {"drain", bench_drain, "queue:roost-bench", 0, false, true},
    {"echo", bench_echo, "queue:roost-bench-echo", 0, false, false},
    {"latency", run_latency, "queue:roost-bench-latency", 1000, true, false},
    {"fan-out", run_fan_out, "topic:roost-bench.fan-out", 0, true, false},
    {"clean", bench_drain, NULL, 0, false, true},
};

static const char *const queues[] = {"queue:roost-bench", "queue:roost-bench-echo",
                                     "queue:roost-bench-latency", NULL};

static uint64_t quantile_ns(const struct histogram *histogram, size_t which)
{
    return quantiles[which] < 1 ? histogram_quantile(histogram, quantiles[which]) : histogram->max;
}

static void put_quantiles(struct json *json, const char *name, const struct histogram *histogram)
{
    if (histogram->count == 0)
        return;
    json_object(json, name);
    for (size_t i = 0; i < QUANTILES; i++)
        json_real(json, quantile_names[i], (double)quantile_ns(histogram, i) / 1000);
    json_object_end(json);
}

static double per_second(const struct bench *bench, uint64_t count)
{
    return bench->seconds > 0 ? (double)count / bench->seconds : 0;
}

static void report_json(const struct bench *bench, const struct scenario *scenario)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "scenario", scenario->name);
    json_text(&json, "scope", bench->scope);
    json_bool(&json, "durable", true);
    json_text(&json, "acknowledged", "on disk: commit with full sync");
    json_number(&json, "messages", bench->done);
    json_number(&json, "refused", bench->refused);
    json_number(&json, "size_bytes", bench->size_bytes);
    json_number(&json, "producers", bench->producers);
    json_number(&json, "window", bench->window);
    json_number(&json, "rate_per_s", bench->rate_per_s);
    json_real(&json, "seconds", bench->seconds);
    json_real(&json, "messages_per_s", per_second(bench, bench->done));
    if (scenario->has_takers) {
        json_number(&json, "subscribers", bench->subscribers);
        json_number(&json, "delivered", bench->delivered);
        json_real(&json, "deliveries_per_s", per_second(bench, bench->delivered));
    }
    put_quantiles(&json, "latency_us", &bench->latency_ns);
    put_quantiles(&json, "end_to_end_us", &bench->end_to_end_ns);
    json_object_end(&json);
    json_end_line(&json);
}

static void print_quantiles(const char *name, const struct histogram *histogram)
{
    if (histogram->count == 0)
        return;
    (void)printf("%s:", name);
    for (size_t i = 0; i < QUANTILES; i++)
        (void)printf("  %s %.0f us", quantile_names[i], (double)quantile_ns(histogram, i) / 1000);
    (void)putchar('\n');
}

/* What is still there, and how to be rid of it. */
static void print_rest(const struct bench *bench, const struct scenario *scenario)
{
    if (scenario->run != bench_publish || bench->done == bench->refused)
        return;
    (void)printf(
        "They wait in %s: 'roost bench drain' takes them%s; what is left expires in %" PRIu64
        " s.\n",
        bench->scope, strcmp(bench->scope, scenario->scope) == 0 ? "" : " with --scope",
        bench->ttl_ms / 1000);
}

static void report(const struct bench *bench, const struct scenario *scenario)
{
    char done[TEXT_SIZE_BYTES];
    char rate[TEXT_SIZE_BYTES];
    char speed[TEXT_SIZE_BYTES];
    double per_s = per_second(bench, bench->done);
    (void)printf("%s: %s messages of %" PRIu32 " bytes in %.2f s = %s messages/s (%s/s), every one "
                 "on disk\n",
                 scenario->name, text_count(bench->done, done), bench->size_bytes, bench->seconds,
                 text_count((uint64_t)per_s, rate),
                 text_size((uint64_t)(per_s * bench->size_bytes), speed));
    if (scenario->has_takers)
        (void)printf("delivered: %s to %" PRIu32 " = %s deliveries/s\n",
                     text_count(bench->delivered, done), bench->subscribers,
                     text_count((uint64_t)per_second(bench, bench->delivered), rate));
    if (bench->refused)
        (void)printf("refused: %" PRIu64 "\n", bench->refused);
    print_quantiles(scenario->has_takers ? "until confirmed" : "latency", &bench->latency_ns);
    print_quantiles("end to end", &bench->end_to_end_ns);
    print_rest(bench, scenario);
}

static bool take_options(struct cli *cli, const struct scenario *scenario, struct bench *bench)
{
    uint64_t producers;
    uint64_t window;
    uint64_t size;
    uint64_t subscribers;
    uint64_t size_min = scenario->has_takers ? BENCH_STAMP_BYTES : 0;
    if (!option_number(cli, "producers", 1, 256, 1, &producers) ||
        !option_number(cli, "subscribers", 1, 256, 10, &subscribers) ||
        !option_number(cli, "window", 1, 50000, 1000, &window) ||
        !option_number(cli, "size", size_min, 1 << 20, 256, &size) ||
        !option_number(cli, "count", 1, UINT32_MAX, 0, &bench->count) ||
        !option_number(cli, "rate", 1, 10000000, scenario->rate_per_s, &bench->rate_per_s) ||
        !option_seconds(cli, "duration", 3000, &bench->duration_ms) ||
        !option_seconds(cli, "ttl", 3600000, &bench->ttl_ms))
        return false;
    bench->producers = (uint32_t)producers;
    bench->window = (uint32_t)window;
    bench->size_bytes = (uint32_t)size;
    bench->subscribers = scenario->run == run_fan_out ? (uint32_t)subscribers : 1;
    return true;
}

static const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    return NULL;
}

/* Takes whatever waits in the queues of bench and measures nothing. */
static enum exit_code clean(struct cli *cli, struct bench *bench)
{
    for (size_t i = 0; queues[i]; i++) {
        bench->scope = queues[i];
        enum roost_error error = bench_drain(bench);
        if (error)
            return fail_with(cli, queues[i], error);
    }
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "scenario", "clean");
        json_number(&json, "removed", bench->done);
        json_object_end(&json);
        json_end_line(&json);
    } else {
        (void)printf("%" PRIu64 " messages of earlier measurements removed\n", bench->done);
    }
    return EXIT_OK;
}

static enum exit_code run_bench(struct cli *cli)
{
    static struct bench bench;
    struct progress progress;
    char scope[300];
    const char *name = cli->positional_count ? cli->positional[0] : "publish";
    const struct scenario *scenario = scenario_find(name);
    if (!scenario) {
        complain(cli, "bench runs publish, drain, echo, latency, fan-out or clean, not '%s'", name);
        return EXIT_USAGE;
    }
    if (!take_options(cli, scenario, &bench))
        return EXIT_USAGE;
    bench.url = cli->url;
    bench.peer = cli->peer;
    bench.timeout_ms = cli->timeout_ms;
    bench.progress = &progress;
    uint64_t total = bench.count || scenario->is_drained ? bench.count : bench.duration_ms;
    progress_begin(&progress, scenario->name, total, cli->is_quiet || cli->is_json);
    if (!scenario->scope) {
        enum exit_code code = clean(cli, &bench);
        progress_end(&progress);
        return code;
    }
    bench.scope = scope_of(option_text(cli, "scope", scenario->scope), scope);
    enum roost_error error = scenario->run(&bench);
    progress_end(&progress);
    if (error)
        return fail_with(cli, scenario->name, error);
    if (cli->is_json)
        report_json(&bench, scenario);
    else
        report(&bench, scenario);
    return bench.refused ? EXIT_REFUSED : EXIT_OK;
}

static const struct option_row bench_options[] = {
    {"count", 'n', "N", "how many messages; else by time (drain: until nothing waits)"},
    {"duration", 'd', "SECONDS", "how long (3)"},
    {"size", 's', "BYTES", "of a body (256; latency and fan-out: at least 16)"},
    {"producers", 'p', "N", "sessions that send (1)"},
    {"subscribers", 0, "N", "sessions that each get every message, of fan-out (10)"},
    {"window", 'w', "N", "messages in flight per session (1000)"},
    {"rate", 'r', "N", "messages per second in all; as fast as possible without (latency: 1000)"},
    {"scope", 0, "SCOPE", "where to send, if not to the scope of the measurement"},
    {"ttl", 0, "SECONDS", "how long what nobody takes is kept (3600)"},
    {NULL, 0, NULL, NULL},
};

static const char *const bench_examples[] = {
    "roost bench publish --producers 4",
    "roost bench drain",
    "roost bench latency --rate 1000 --json",
    "roost bench echo -n 10000",
    "roost bench fan-out --subscribers 100 --rate 1000",
    NULL,
};

const struct command bench_command = {
    .name = "bench",
    .summary = "measure a broker: publish, drain, echo, latency, fan-out",
    .usage = "[publish|drain|echo|latency|fan-out|clean]",
    .details =
        "publish  send and wait until it is on disk, with a window in flight\n"
        "drain    receive and settle all that waits (publish first)\n"
        "echo     send to a queue and receive it there, one at a time\n"
        "latency  publish at a rate while one consumer takes: until confirmed, and end to end\n"
        "fan-out  publish to a topic while many subscribers take every message\n"
        "clean    take what earlier measurements left and measure nothing\n"
        "\n"
        "Confirmed means on disk, here as always: a commit with a full sync holds the message. So "
        "a\n"
        "measurement writes to the disk of the broker, and whoever else uses it waits with it.\n"
        "Everything goes to scopes of its own (queue:roost-bench..., topic:roost-bench...) and\n"
        "expires after an hour (--ttl); the broker then removes it as it does any expired "
        "message.\n"
        "\n"
        "Compare runs of one machine and one hour only, and look at p99 before the mean: a window "
        "of\n"
        "1 shows the disk (a sync each), 1,000 shows how well syncs are shared. With --rate, "
        "times\n"
        "count from when a message was due, so a stall of the broker cannot hide.",
    .positional_max = 1,
    .options = bench_options,
    .examples = bench_examples,
    .run = run_bench,
};
