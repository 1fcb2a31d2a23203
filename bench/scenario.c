/* SPDX-License-Identifier: MPL-2.0
 *
 * See scenario.h. The main thread only starts the others, sleeps, and reads counters at the two
 * ends of the measured time; processor times are read at the same two moments.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "producer.h"

#define PRELOAD_PRODUCERS 4
#define PATIENCE_NS       30000000000LL
#define SETTLE_POLL_NS    1000000LL
#define CONSUME_STEP_NS   50000000LL

struct crew {
    struct producer *producers;
    unsigned count;
    pthread_barrier_t start;
    atomic_bool is_measuring;
    atomic_bool is_stopping;
};

struct moment {
    int64_t now_ns;
    double server_cpu_s;
    double client_cpu_s;
    uint64_t acked;
};

struct receiver {
    struct delivery_sink sink; /* first: the sink is cast back to the receiver */
    const struct scenario *scenario;
    atomic_bool *is_measuring;
    atomic_bool *is_stopping;
    uint64_t settled;
    struct histogram latency;
    void *session;
    pthread_t thread;
};

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static struct moment moment_now(const struct scenario *scenario, const struct crew *crew)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail with these arguments */
    struct moment moment = {
        .now_ns = bench_now_ns(),
        .server_cpu_s = scenario->server_pid > 0 ? bench_process_cpu_s(scenario->server_pid) : -1,
        .client_cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
    };
    for (unsigned i = 0; i < crew->count; i++) {
        moment.acked += atomic_load_explicit(&crew->producers[i].acked, memory_order_relaxed);
    }
    return moment;
}

/* Starts `count` producers; they are connected and begin when this returns. */
static void crew_start(struct crew *crew, const struct scenario *scenario, unsigned count,
                       unsigned rate_per_s, uint64_t messages_each)
{
    crew->count = count;
    crew->producers = calloc(count, sizeof *crew->producers);
    if (crew->producers == NULL || pthread_barrier_init(&crew->start, NULL, count + 1) != 0) {
        bench_fail("out of memory");
    }
    for (unsigned i = 0; i < count; i++) {
        struct producer *producer = &crew->producers[i];
        producer->scenario = scenario;
        producer->start = &crew->start;
        producer->is_measuring = &crew->is_measuring;
        producer->is_stopping = &crew->is_stopping;
        producer->index = i;
        producer->messages_max = messages_each;
        producer->rate_per_s = rate_per_s;
        producer_start(producer);
    }
    (void)pthread_barrier_wait(&crew->start);
}

/* Waits for all producers; returns how many messages were sent and confirmed in their life. */
static uint64_t crew_join(struct crew *crew)
{
    uint64_t acked = 0;
    for (unsigned i = 0; i < crew->count; i++) {
        producer_join(&crew->producers[i]);
        acked += crew->producers[i].acked;
    }
    (void)pthread_barrier_destroy(&crew->start);
    return acked;
}

static void measure_between(const struct scenario *scenario, struct crew *crew,
                            struct moment *ret_begin, struct moment *ret_end)
{
    bench_sleep_until(bench_now_ns() + (int64_t)scenario->warmup_ms * 1000000);
    atomic_store(&crew->is_measuring, true);
    *ret_begin = moment_now(scenario, crew);
    bench_sleep_until(ret_begin->now_ns + (int64_t)scenario->duration_ms * 1000000);
    *ret_end = moment_now(scenario, crew);
    atomic_store(&crew->is_measuring, false);
    atomic_store(&crew->is_stopping, true);
}

static void check_stored(const struct scenario *scenario, uint64_t confirmed)
{
    int64_t stored = scenario->driver->stored(&scenario->target);
    if (stored < 0 || (uint64_t)stored != confirmed) {
        bench_fail("%s confirmed %" PRIu64 " messages but holds %" PRId64, scenario->driver->name,
                   confirmed, stored);
    }
}

static void print_head(const struct scenario *scenario, const char *name, unsigned producers,
                       FILE *out)
{
    (void)fprintf(out,
                  "{\"driver\":\"%s\",\"variant\":\"%s\",\"scenario\":\"%s\",\"producers\":%u,"
                  "\"window\":%u,\"body_bytes\":%zu",
                  scenario->driver->name, scenario->target.variant, name, producers,
                  scenario->target.window, scenario->target.body_size_bytes);
}

static void print_rates(const struct moment *begin, const struct moment *end, uint64_t messages,
                        FILE *out)
{
    double elapsed_s = (double)(end->now_ns - begin->now_ns) / 1e9;
    double divisor = messages > 0 ? (double)messages : 1;
    (void)fprintf(out, ",\"messages\":%" PRIu64 ",\"elapsed_s\":%.4f,\"per_s\":%.1f", messages,
                  elapsed_s, (double)messages / elapsed_s);
    (void)fprintf(out, ",\"client_cpu_us\":%.3f",
                  (end->client_cpu_s - begin->client_cpu_s) * 1e6 / divisor);
    if (begin->server_cpu_s >= 0 && end->server_cpu_s >= 0) {
        (void)fprintf(out, ",\"server_cpu_us\":%.3f",
                      (end->server_cpu_s - begin->server_cpu_s) * 1e6 / divisor);
    }
}

static struct histogram *crew_confirm(const struct crew *crew)
{
    struct histogram *sum = calloc(1, sizeof *sum);
    if (sum == NULL) {
        bench_fail("out of memory");
    }
    for (unsigned i = 0; i < crew->count; i++) {
        histogram_add(sum, &crew->producers[i].confirm);
    }
    return sum;
}

void scenario_publish(const struct scenario *scenario, FILE *out)
{
    struct crew crew = {.count = 0};
    struct moment begin;
    struct moment end;
    scenario->driver->prepare(&scenario->target);
    crew_start(&crew, scenario, scenario->producers, 0, 0);
    measure_between(scenario, &crew, &begin, &end);
    uint64_t confirmed = crew_join(&crew);
    check_stored(scenario, confirmed);
    struct histogram *confirm = crew_confirm(&crew);
    print_head(scenario, "publish", scenario->producers, out);
    print_rates(&begin, &end, end.acked - begin.acked, out);
    (void)fputs(",\"confirm_us\":", out);
    histogram_print_json(confirm, out);
    (void)fprintf(out, ",\"stored_checked\":%" PRIu64 "}\n", confirmed);
    free(confirm);
    free(crew.producers);
}

static void receiver_take(struct delivery_sink *sink, const void *body, size_t size_bytes)
{
    struct receiver *receiver = (struct receiver *)sink;
    if (size_bytes != receiver->scenario->target.body_size_bytes) {
        bench_fail("%s delivered a body of %zu bytes", receiver->scenario->driver->name,
                   size_bytes);
    }
    if (atomic_load_explicit(receiver->is_measuring, memory_order_relaxed)) {
        histogram_record(&receiver->latency, bench_now_ns() - producer_body_sent_ns(body));
    }
}

static uint64_t preload(const struct scenario *scenario)
{
    struct crew crew = {.count = 0};
    struct scenario filling = *scenario;
    filling.target.window = 1000;
    crew_start(&crew, &filling, PRELOAD_PRODUCERS, 0,
               (scenario->drain_count + PRELOAD_PRODUCERS - 1) / PRELOAD_PRODUCERS);
    uint64_t stored = crew_join(&crew);
    free(crew.producers);
    check_stored(scenario, stored);
    return stored;
}

/* Settles `count` messages, then waits until the server agrees that none is left. */
static void receiver_drain(struct receiver *receiver, uint64_t count)
{
    const struct driver *driver = receiver->scenario->driver;
    int64_t last_ns = bench_now_ns();
    while (receiver->settled < count) {
        unsigned settled = driver->consume(receiver->session, CONSUME_STEP_NS, &receiver->sink);
        receiver->settled += settled;
        int64_t now_ns = bench_now_ns();
        last_ns = settled > 0 ? now_ns : last_ns;
        if (now_ns - last_ns > PATIENCE_NS) {
            bench_fail("%s: no delivery for 30 s, %" PRIu64 " of %" PRIu64 " settled", driver->name,
                       receiver->settled, count);
        }
    }
    while (driver->unsettled(&receiver->scenario->target) != 0) {
        bench_sleep_until(bench_now_ns() + SETTLE_POLL_NS);
        if (bench_now_ns() - last_ns > PATIENCE_NS) {
            bench_fail("%s: some messages stay unsettled", driver->name);
        }
    }
}

void scenario_drain(const struct scenario *scenario, FILE *out)
{
    struct crew nobody = {.count = 0};
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (receiver == NULL) {
        bench_fail("out of memory");
    }
    scenario->driver->prepare(&scenario->target);
    uint64_t stored = preload(scenario);
    receiver->sink.take = receiver_take;
    receiver->scenario = scenario;
    receiver->is_measuring = &nobody.is_measuring;
    receiver->session = scenario->driver->consumer_open(&scenario->target);
    struct moment begin = moment_now(scenario, &nobody);
    receiver_drain(receiver, stored);
    struct moment end = moment_now(scenario, &nobody);
    scenario->driver->consumer_close(receiver->session);
    print_head(scenario, "drain", 0, out);
    print_rates(&begin, &end, stored, out);
    (void)fprintf(out, ",\"stored_checked\":%" PRIu64 "}\n", stored);
    free(receiver);
}

static void *receiver_run(void *argument)
{
    struct receiver *receiver = argument;
    while (!atomic_load(receiver->is_stopping)) {
        receiver->settled += receiver->scenario->driver->consume(receiver->session, CONSUME_STEP_NS,
                                                                 &receiver->sink);
    }
    return NULL;
}

void scenario_latency(const struct scenario *scenario, FILE *out)
{
    struct crew crew = {.count = 0};
    struct moment begin;
    struct moment end;
    atomic_bool is_receiver_stopping = false;
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (receiver == NULL) {
        bench_fail("out of memory");
    }
    scenario->driver->prepare(&scenario->target);
    receiver->sink.take = receiver_take;
    receiver->scenario = scenario;
    receiver->is_measuring = &crew.is_measuring;
    receiver->is_stopping = &is_receiver_stopping;
    receiver->session = scenario->driver->consumer_open(&scenario->target);
    if (pthread_create(&receiver->thread, NULL, receiver_run, receiver) != 0) {
        bench_fail("cannot start the consumer thread");
    }
    crew_start(&crew, scenario, 1, scenario->rate_per_s, 0);
    measure_between(scenario, &crew, &begin, &end);
    uint64_t confirmed = crew_join(&crew);
    check_stored(scenario, confirmed);
    atomic_store(&is_receiver_stopping, true);
    (void)pthread_join(receiver->thread, NULL); /* it is there */
    receiver_drain(receiver, confirmed);
    scenario->driver->consumer_close(receiver->session);
    print_head(scenario, "latency", 1, out);
    print_rates(&begin, &end, end.acked - begin.acked, out);
    (void)fprintf(out, ",\"late_sends\":%" PRIu64 ",\"confirm_us\":", crew.producers[0].late_sends);
    histogram_print_json(&crew.producers[0].confirm, out);
    (void)fputs(",\"end_to_end_us\":", out);
    histogram_print_json(&receiver->latency, out);
    (void)fprintf(out, ",\"stored_checked\":%" PRIu64 "}\n", confirmed);
    free(crew.producers);
    free(receiver);
}
