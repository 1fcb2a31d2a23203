/* SPDX-License-Identifier: MPL-2.0
 *
 * bench_client: runs one scenario against one broker that is already listening, and prints one
 * line of JSON. bench/run starts the brokers and calls this; by hand it is useful with perf.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "drivers.h"

static const char help_text[] =
    "Usage: bench_client --driver NAME --port N [options] publish|drain|latency\n"
    "Runs one scenario against a broker on loopback that is fresh (holds no messages).\n"
    "\n"
    "  --producers P    producers, one session and thread each (publish; default 1)\n"
    "  --window W       messages in flight per producer (publish; default 1)\n"
    "  --rate R         messages per second (latency; default 1000)\n"
    "  --count N        messages stored before they are drained (drain; default 200000)\n"
    "  --duration-ms T  measured time (publish, latency; default 3000)\n"
    "  --warmup-ms T    time before it (default 300)\n"
    "  --body-bytes N   size of a body (default 256)\n"
    "  --variant TEXT   option of the driver, see --list\n"
    "  --server-pid N   process whose processor time per message is reported\n"
    "  --host ADDRESS   numeric address (default 127.0.0.1)\n"
    "  --list           drivers in this build\n"
    "Example: bench_client --driver redis --port 6379 --producers 4 --window 1000 publish\n";

static const struct option options[] = {
    {"driver", required_argument, NULL, 'd'},
    {"port", required_argument, NULL, 'p'},
    {"producers", required_argument, NULL, 'P'},
    {"window", required_argument, NULL, 'W'},
    {"rate", required_argument, NULL, 'r'},
    {"count", required_argument, NULL, 'n'},
    {"duration-ms", required_argument, NULL, 't'},
    {"warmup-ms", required_argument, NULL, 'w'},
    {"body-bytes", required_argument, NULL, 'b'},
    {"variant", required_argument, NULL, 'v'},
    {"server-pid", required_argument, NULL, 's'},
    {"host", required_argument, NULL, 'H'},
    {"list", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_and_exit(int option)
{
    if (option == 'l') {
        driver_list(stdout);
    } else {
        (void)fputs(help_text, option == 'h' ? stdout : stderr);
    }
    exit(option == '?' ? 2 : 0);
}

static void take_option(struct scenario *scenario, int option)
{
    struct target *target = &scenario->target;
    switch (option) {
    case 'd':
        scenario->driver = driver_find(optarg);
        if (scenario->driver == NULL) {
            bench_fail("no driver '%s' in this build (see --list)", optarg);
        }
        break;
    case 'p':
        target->port = (uint16_t)bench_number("--port", optarg, 1, 65535);
        break;
    case 'H':
        target->host = optarg;
        break;
    case 'v':
        target->variant = optarg;
        break;
    case 'W':
        target->window = (unsigned)bench_number("--window", optarg, 1, 50000);
        break;
    case 'b':
        target->body_size_bytes =
            (size_t)bench_number("--body-bytes", optarg, SCENARIO_BODY_SIZE_MIN, 1 << 20);
        break;
    case 'P':
        scenario->producers = (unsigned)bench_number("--producers", optarg, 1, 1024);
        break;
    case 'r':
        scenario->rate_per_s = (unsigned)bench_number("--rate", optarg, 1, 1000000);
        break;
    case 'n':
        scenario->drain_count = (uint64_t)bench_number("--count", optarg, 1, 100000000);
        break;
    case 't':
        scenario->duration_ms = (unsigned)bench_number("--duration-ms", optarg, 1, 3600000);
        break;
    case 'w':
        scenario->warmup_ms = (unsigned)bench_number("--warmup-ms", optarg, 0, 60000);
        break;
    case 's':
        scenario->server_pid = (int)bench_number("--server-pid", optarg, 1, 1 << 30);
        break;
    default:
        print_and_exit(option);
    }
}

int main(int argc, char **argv)
{
    struct scenario scenario = {
        .target = {.host = "127.0.0.1", .variant = "", .window = 1, .body_size_bytes = 256},
        .producers = 1,
        .warmup_ms = 300,
        .duration_ms = 3000,
        .rate_per_s = 1000,
        .drain_count = 200000,
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        take_option(&scenario, option);
    }
    if (optind + 1 != argc || scenario.driver == NULL || scenario.target.port == 0) {
        print_and_exit('?');
    }
    if (strcmp(argv[optind], "publish") == 0) {
        scenario_publish(&scenario, stdout);
    } else if (strcmp(argv[optind], "drain") == 0) {
        scenario_drain(&scenario, stdout);
    } else if (strcmp(argv[optind], "latency") == 0) {
        scenario_latency(&scenario, stdout);
    } else {
        print_and_exit('?');
    }
    return 0;
}
