/* SPDX-License-Identifier: MPL-2.0
 *
 * Queries about peers, one after the other, through the C client library: how long each takes.
 *
 * usage: peers_client URL ROUNDS
 *
 * The broker has 10,000 peers p00000 ... p09999 at 10.0.X.Y (bench/peers makes them).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/roost.h"
#include "measure.h"

#define PEERS      10000
#define TIMEOUT_MS 10000

static char name[32], address[32];

static struct roost_query by_name(uint64_t n)
{
    (void)snprintf(name, sizeof(name), "p%05" PRIu64, n % PEERS);
    return (struct roost_query){.kind = ROOST_QUERY_PEERS, .peer = name};
}

static struct roost_query by_address(uint64_t n)
{
    n %= PEERS;
    (void)snprintf(address, sizeof(address), "10.0.%" PRIu64 ".%" PRIu64, n / 250, n % 250);
    return (struct roost_query){.kind = ROOST_QUERY_PEERS, .address = address};
}

static struct roost_query unknown_address(uint64_t n)
{
    (void)n;
    return (struct roost_query){.kind = ROOST_QUERY_PEERS, .address = "192.0.2.1"};
}

static struct roost_query page(uint64_t n)
{
    (void)snprintf(name, sizeof(name), "p%05" PRIu64, n % PEERS);
    return (struct roost_query){.kind = ROOST_QUERY_PEERS, .after_name = name};
}

static struct roost_query online_page(uint64_t n)
{
    struct roost_query query = page(n);
    query.online_only = true;
    return query;
}

static struct roost_query statistics(uint64_t n)
{
    (void)n;
    return (struct roost_query){.kind = ROOST_QUERY_PEER_STATS};
}

static struct roost_query presence(uint64_t n)
{
    struct roost_query query = by_name(n);
    query.kind = ROOST_QUERY_PRESENCE;
    query.newest_first = true;
    return query;
}

static int by_size(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

static void measure(struct roost *roost, const char *what, struct roost_query (*make)(uint64_t n),
                    size_t rounds)
{
    uint64_t *took_ns = calloc(rounds, sizeof(*took_ns));
    size_t rows = 0;
    for (size_t i = 0; took_ns && i < rounds; i++) {
        struct roost_query query = make(i * 7919); /* a prime: everywhere */
        struct roost_page *answer;
        uint64_t start_ns = (uint64_t)bench_now_ns();
        enum roost_error error = roost_query(roost, &query, TIMEOUT_MS, &answer);
        took_ns[i] = (uint64_t)bench_now_ns() - start_ns;
        if (error) {
            (void)fprintf(stderr, "%s: %s\n", what, roost_error_text(error));
            exit(1);
        }
        rows += answer->peer_count + answer->counter_count + answer->presence_count;
        roost_page_destroy(&answer);
    }
    if (!took_ns)
        exit(1);
    qsort(took_ns, rounds, sizeof(*took_ns), by_size);
    (void)printf("%-16s %8.1f rows  p50 %7.3f ms  p99 %7.3f ms  max %7.3f ms\n", what,
                 (double)rows / (double)rounds, (double)took_ns[rounds / 2] / 1e6,
                 (double)took_ns[rounds * 99 / 100] / 1e6, (double)took_ns[rounds - 1] / 1e6);
    free(took_ns);
}

int main(int argc, char **argv)
{
    struct roost *roost = NULL;
    size_t rounds = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (rounds == 0) {
        (void)fputs("usage: peers_client URL ROUNDS\n", stderr);
        return 2;
    }
    struct roost_options options = {.url = argv[1], .peer = "bench"};
    if (roost_open(&options, &roost) || roost_connect_wait(roost, TIMEOUT_MS)) {
        (void)fprintf(stderr, "no broker at %s\n", argv[1]);
        return 1;
    }
    measure(roost, "by name", by_name, rounds);
    measure(roost, "by address", by_address, rounds);
    measure(roost, "unknown address", unknown_address, rounds);
    measure(roost, "page of all", page, rounds);
    measure(roost, "page of online", online_page, rounds);
    measure(roost, "statistics", statistics, rounds);
    measure(roost, "presence of one", presence, rounds);
    (void)roost_close(&roost, 1000);
    return 0;
}
