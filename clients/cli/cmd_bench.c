/* SPDX-License-Identifier: MPL-2.0
 *
 * roost bench: options and report; the measuring is in bench_run.c.
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

static uint64_t quantile_ns(const struct bench *bench, size_t which)
{
    return quantiles[which] < 1 ? histogram_quantile(&bench->latency_ns, quantiles[which])
                                : bench->latency_ns.max;
}

static void report_json(const struct bench *bench, const char *scenario)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "scenario", scenario);
    json_bool(&json, "durable", true);
    json_number(&json, "messages", bench->done);
    json_number(&json, "refused", bench->refused);
    json_number(&json, "size_bytes", bench->size_bytes);
    json_number(&json, "producers", bench->producers);
    json_number(&json, "window", bench->window);
    json_number(&json, "rate_per_s", bench->rate_per_s);
    json_real(&json, "seconds", bench->seconds);
    json_real(&json, "messages_per_s", (double)bench->done / bench->seconds);
    if (bench->latency_ns.count) {
        json_object(&json, "latency_us");
        for (size_t i = 0; i < QUANTILES; i++)
            json_real(&json, quantile_names[i], (double)quantile_ns(bench, i) / 1000);
        json_object_end(&json);
    }
    json_object_end(&json);
    json_end_line(&json);
}

static void report(const struct bench *bench, const char *scenario)
{
    char done[TEXT_SIZE_BYTES];
    char rate[TEXT_SIZE_BYTES];
    char speed[TEXT_SIZE_BYTES];
    double per_s = bench->seconds > 0 ? (double)bench->done / bench->seconds : 0;
    (void)printf("%s: %s messages of %" PRIu32 " bytes in %.2f s = %s messages/s (%s/s), every one "
                 "on disk\n",
                 scenario, text_count(bench->done, done), bench->size_bytes, bench->seconds,
                 text_count((uint64_t)per_s, rate),
                 text_size((uint64_t)(per_s * bench->size_bytes), speed));
    if (bench->refused)
        (void)printf("refused: %" PRIu64 "\n", bench->refused);
    if (bench->latency_ns.count == 0)
        return;
    (void)printf("latency:");
    for (size_t i = 0; i < QUANTILES; i++)
        (void)printf("  %s %.0f us", quantile_names[i], (double)quantile_ns(bench, i) / 1000);
    (void)putchar('\n');
}

static bool take_options(struct cli *cli, struct bench *bench)
{
    uint64_t producers;
    uint64_t window;
    uint64_t size;
    if (!option_number(cli, "producers", 1, 256, 1, &producers) ||
        !option_number(cli, "window", 1, 50000, 1000, &window) ||
        !option_number(cli, "size", 0, 1 << 20, 256, &size) ||
        !option_number(cli, "count", 1, UINT32_MAX, 0, &bench->count) ||
        !option_number(cli, "rate", 1, 10000000, 0, &bench->rate_per_s) ||
        !option_seconds(cli, "duration", 3000, &bench->duration_ms))
        return false;
    bench->producers = (uint32_t)producers;
    bench->window = (uint32_t)window;
    bench->size_bytes = (uint32_t)size;
    return true;
}

static enum exit_code run_bench(struct cli *cli)
{
    static struct bench bench;
    struct progress progress;
    char scope[300];
    const char *scenario = cli->positional_count ? cli->positional[0] : "publish";
    enum roost_error (*run)(struct bench *) = NULL;
    if (!take_options(cli, &bench))
        return EXIT_USAGE;
    if (strcmp(scenario, "publish") == 0)
        run = bench_publish;
    else if (strcmp(scenario, "drain") == 0)
        run = bench_drain;
    else if (strcmp(scenario, "echo") == 0)
        run = bench_echo;
    else if (strcmp(scenario, "latency") == 0) {
        run = bench_publish;
        bench.rate_per_s = bench.rate_per_s ? bench.rate_per_s : 1000;
    }
    if (!run) {
        complain(cli, "bench runs publish, drain, echo or latency, not '%s'", scenario);
        return EXIT_USAGE;
    }
    bench.url = cli->url;
    bench.peer = cli->peer;
    bench.scope = scope_of(option_text(cli, "scope", "queue:roost-bench"), scope);
    bench.timeout_ms = cli->timeout_ms;
    bench.progress = &progress;
    uint64_t total = bench.count || run == bench_drain ? bench.count : bench.duration_ms;
    progress_begin(&progress, scenario, total, cli->is_quiet || cli->is_json);
    enum roost_error error = run(&bench);
    progress_end(&progress);
    if (error)
        return fail_with(cli, scenario, error);
    if (cli->is_json)
        report_json(&bench, scenario);
    else
        report(&bench, scenario);
    return bench.refused ? EXIT_REFUSED : EXIT_OK;
}

static const struct option_row bench_options[] = {
    {"count", 'n', "N", "how many messages; else by time (drain: until nothing waits)"},
    {"duration", 'd', "SECONDS", "how long (3)"},
    {"size", 's', "BYTES", "of a body (256)"},
    {"producers", 'p', "N", "sessions that send (1)"},
    {"window", 'w', "N", "messages in flight per session (1000)"},
    {"rate", 'r', "N", "messages per second in all; as fast as possible without"},
    {"scope", 0, "SCOPE", "where to send (queue:roost-bench)"},
    {NULL, 0, NULL, NULL},
};

static const char *const bench_examples[] = {
    "roost bench publish --producers 4",
    "roost bench drain",
    "roost bench latency --rate 1000 --json",
    "roost bench echo -n 10000",
    NULL,
};

const struct command bench_command = {
    .name = "bench",
    .summary = "measure a broker: publish, drain, echo, latency",
    .usage = "[publish|drain|echo|latency]",
    .details = "publish  send and wait until it is on disk, with a window in flight\n"
               "drain    receive and settle all that waits (publish first)\n"
               "echo     send to yourself and receive it, one at a time\n"
               "latency  publish at a rate (1000 per second)",
    .positional_max = 1,
    .options = bench_options,
    .examples = bench_examples,
    .run = run_bench,
};
