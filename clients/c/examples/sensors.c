/* SPDX-License-Identifier: MPL-2.0
 *
 * A sensor feed: readings on a topic, and subscribers that miss none.
 *
 *     roost_sensors [--url URL] send TOPIC NAME            each line of standard input is a reading
 *     roost_sensors [--url URL] watch TOPIC NAME [COUNT]   shows COUNT readings, or all that come
 *
 * A subscriber that is away gets what was measured meanwhile when it is back: the consumer "watch"
 * of its name stays in the broker. Readings are forgotten after a day. For example
 *
 *     while sleep 1; do cut -d' ' -f1 /proc/loadavg; done | roost_sensors send machine.load probe
 *     roost_sensors watch machine.load desk
 *
 * To do something with a reading, add it to feed_take. A broker must run (roostd).
 *
 *     cc sensors.c $(pkg-config --cflags --libs roost) -o sensors
 */
#include <math.h>
#include <roost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS         10000
#define DAY_MS          86400000
#define LINE_BYTES_MAX  256
#define SCOPE_BYTES_MAX 300

/* What is known of one topic. */
struct feed {
    unsigned long count;
    double total, low, high;
};

static void feed_take(struct feed *feed, double value)
{
    feed->low = feed->count == 0 || value < feed->low ? value : feed->low;
    feed->high = feed->count == 0 || value > feed->high ? value : feed->high;
    feed->count++;
    feed->total += value;
}

/* A reading; false: it is none. */
static bool number_in(const char *text, double *ret)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || end[strspn(end, " \t\r\n")] != '\0' || !isfinite(value))
        return false;
    *ret = value;
    return true;
}

static enum roost_error send_readings(struct roost *roost, const char *name, const char *scope)
{
    char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof(line), stdin)) {
        struct roost_outgoing message = {
            .scope = scope, .body = line, .content_type = "text/plain", .ttl_ms = DAY_MS};
        double value;
        line[strcspn(line, "\n")] = '\0';
        message.body_size = strlen(line);
        if (!number_in(line, &value)) {
            printf("no reading: %s\n", line);
            continue;
        }
        enum roost_error error = roost_send_wait(roost, &message, WAIT_MS, NULL);
        if (error)
            return error;
        printf("%s sends %.2f\n", name, value);
    }
    return ROOST_OK;
}

static void take(struct feed *feed, const struct roost_message *message)
{
    char text[LINE_BYTES_MAX];
    double value;
    (void)snprintf(text, sizeof(text), "%.*s", (int)message->body_size,
                   (const char *)message->body);
    if (!number_in(text, &value)) {
        roost_reject(message, "no reading");
        return;
    }
    feed_take(feed, value);
    printf("%s: %.2f (%lu readings, %.2f to %.2f, mean %.2f)\n", message->sender, value,
           feed->count, feed->low, feed->high, feed->total / (double)feed->count);
    roost_ack(message);
}

static enum roost_error watch(struct roost *roost, const char *scope, const char *count)
{
    struct roost_attach_options options = {.scope = scope, .consumer = "watch"};
    struct roost_consumer *consumer;
    struct roost_consumer_state state;
    struct feed feed = {0};
    unsigned long wanted = count ? strtoul(count, NULL, 10) : ~0ul;
    enum roost_error error = roost_attach(roost, &options, WAIT_MS, &consumer);
    if (error)
        return error;
    roost_consumer_state(consumer, &state);
    printf("* %llu readings came meanwhile\n", (unsigned long long)state.waiting);
    while (feed.count < wanted) {
        const struct roost_message *message;
        error = roost_receive(consumer, ROOST_FOREVER, &message);
        if (error)
            return error;
        take(&feed, message);
        roost_message_destroy(&message);
    }
    return roost_confirm(consumer, WAIT_MS, NULL);
}

static int run(const char *url, char **words)
{
    struct roost *roost = NULL;
    struct roost_options options = {.url = url, .peer = words[2]};
    char scope[SCOPE_BYTES_MAX];
    bool is_send = strcmp(words[0], "send") == 0;
    if (!is_send && strcmp(words[0], "watch") != 0) {
        fprintf(stderr, "there is no command %s\n", words[0]);
        return 2;
    }
    (void)snprintf(scope, sizeof(scope), "topic:%s", words[1]);
    enum roost_error error = roost_open(&options, &roost);
    if (!error)
        error = roost_connect_wait(roost, WAIT_MS);
    if (!error)
        error = is_send ? send_readings(roost, words[2], scope) : watch(roost, scope, words[3]);
    roost_close(&roost, WAIT_MS);
    if (error)
        fprintf(stderr, "sensors: %s (%s)\n", roost_error_text(error), roost_error_name(error));
    return error != ROOST_OK;
}

int main(int argc, char **argv)
{
    const char *url = NULL;
    int first = 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2 && strcmp(argv[1], "--url") == 0) {
        url = argv[2];
        first = 3;
    }
    if (argc - first < 3) {
        fprintf(stderr, "usage: roost_sensors [--url URL] send|watch TOPIC NAME [COUNT]\n");
        return 2;
    }
    return run(url, argv + first);
}
