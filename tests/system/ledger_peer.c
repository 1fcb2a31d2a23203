/* SPDX-License-Identifier: MPL-2.0
 *
 * One client process of the kill rounds, in C with libroost: sends or receives, and writes its
 * ledger. The same arguments, rules and lines as ledger_peer.py; see there and ledger.py.
 *
 *     ledger_peer send URL PEER LEDGER RATE SCOPE...
 *     ledger_peer recv URL PEER LEDGER SCOPE
 *
 * Differences: libroost does not show raw deliveries, so D is what it handed over; K is written
 * for what a successful roost_confirm covers.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clients/c/roost.h"

#define LINE_MAX_BYTES 400
#define WINDOW         100
#define UNANSWERED_MAX 512 /* a power of two */
#define CONFIRM_EVERY  64
#define BODY_MAX       4096
#define NUMBERS_MAX    1000000

static volatile sig_atomic_t is_over;
static int ledger = -1;

static void die(const char *what, enum roost_error error)
{
    fprintf(stderr, "ledger_peer: %s: %s\n", what, roost_error_name(error));
    exit(1);
}

static void stop(int number)
{
    (void)number;
    is_over = 1;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap_ms(uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL); /* a signal may end it early */
}

/* One line, one write: a kill does not tear it. */
__attribute__((format(printf, 1, 2))) static void write_line(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof line || write(ledger, line, (size_t)length) != length)
        abort();
}

static void open_ledger(const char *path)
{
    struct stat state;

    ledger = open(path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (ledger < 0 || fstat(ledger, &state) != 0)
        die("cannot open the ledger", ROOST_USAGE);
    if (state.st_size > 0)
        write_line("\n"); /* ends a line torn by a kill */
}

static const char *hex(const uint8_t id[ROOST_ID_BYTES], char text[2 * ROOST_ID_BYTES + 1])
{
    for (int i = 0; i < ROOST_ID_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    return text;
}

static uint32_t digest_of(const uint8_t *body, size_t size)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < size; i++) {
        crc ^= body[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

/* ------------------------------------------------------------------------------ sending */

struct sender {
    struct roost *roost;
    const char *peer;
    char **scopes;
    size_t scope_count;
    uint8_t *answered; /* one byte per number */
    uint64_t next_number;
};

struct made {
    uint8_t id[ROOST_ID_BYTES];
    const char *scope;
    uint8_t body[BODY_MAX];
    size_t size;
};

/* What message `number` of this peer is follows from the two alone: the id is made of two hashes
 * (FNV-1a with different bases), scope and size of the id. */
static void make_message(const struct sender *sender, uint64_t number, struct made *ret)
{
    char seed[300];
    int length = snprintf(seed, sizeof seed, "%s:%" PRIu64 ":", sender->peer, number);
    uint64_t hash[2] = {0xcbf29ce484222325u, 0x84222325cbf29ce4u};

    for (int h = 0; h < 2; h++)
        for (int i = 0; i < length; i++)
            hash[h] = (hash[h] ^ (uint8_t)seed[i]) * 0x100000001b3u;
    memcpy(ret->id, hash, sizeof hash);
    ret->scope = sender->scopes[(hash[0] >> 32) % sender->scope_count];
    memcpy(ret->body, seed, (size_t)length);
    ret->size = (size_t)length;
    for (unsigned i = 0; i < 1u << ((hash[1] >> 40) % 8); i++) {
        memcpy(ret->body + ret->size, ret->id, sizeof ret->id);
        ret->size += sizeof ret->id;
    }
}

static void on_sent(void *context, const struct roost_sent *sent)
{
    char id[2 * ROOST_ID_BYTES + 1];

    (void)context;
    if (sent->code == ROOST_OK || sent->code == ROOST_DUPLICATE)
        write_line("A %s\n", hex(sent->message_id, id));
    else if (sent->code < 7000 && !roost_error_is_retryable(sent->code))
        write_line("X %s %d\n", hex(sent->message_id, id), (int)sent->code);
}

/* Reads what earlier lives wrote: how many were sent, and which of them are answered. Ids are
 * found by making the messages again. */
static void read_ledger(struct sender *sender, const char *path)
{
    char line[LINE_MAX_BYTES], id[2 * ROOST_ID_BYTES + 1];
    FILE *file = fopen(path, "r");
    struct made made;
    uint64_t oldest = 0;

    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        if (!strchr(line, '\n'))
            break;
        if (line[0] == 'S')
            sender->next_number++;
        if (line[0] != 'A' && line[0] != 'X')
            continue;
        for (uint64_t number = oldest; number < sender->next_number; number++) {
            make_message(sender, number, &made);
            if (strncmp(line + 2, hex(made.id, id), 2 * ROOST_ID_BYTES) == 0) {
                sender->answered[number] = 1;
                break;
            }
        }
        while (oldest < sender->next_number && sender->answered[oldest])
            oldest++;
    }
    fclose(file);
}

static void hand_over(struct sender *sender, uint64_t number, bool is_new)
{
    struct made made;
    char id[2 * ROOST_ID_BYTES + 1];

    make_message(sender, number, &made);
    if (is_new)
        write_line("S %s %s %08" PRIx32 "\n", hex(made.id, id), made.scope,
                   digest_of(made.body, made.size));
    struct roost_outgoing outgoing = {
        .scope = made.scope, .body = made.body, .body_size = made.size, .message_id = made.id};
    enum roost_error error = roost_send(sender->roost, &outgoing, ROOST_FOREVER, NULL, NULL);
    if (error)
        die("roost_send", error);
}

static int send_messages(const char *url, const char *peer, const char *path, double rate,
                         char **scopes, size_t scope_count)
{
    struct sender sender = {.peer = peer, .scopes = scopes, .scope_count = scope_count};
    struct roost_options options = {
        .url = url, .peer = peer, .unanswered_messages_max = UNANSWERED_MAX, .on_sent = on_sent};

    sender.answered = calloc(NUMBERS_MAX, 1);
    if (!sender.answered)
        die("memory", ROOST_NO_MEMORY);
    read_ledger(&sender, path);
    open_ledger(path);
    enum roost_error error = roost_open(&options, &sender.roost);
    if (error)
        die("roost_open", error);
    uint64_t first = sender.next_number, began = now_ms();
    for (uint64_t number = 0; number < first; number++)
        if (!sender.answered[number])
            hand_over(&sender, number, false);
    for (uint64_t number = first; !is_over && number < NUMBERS_MAX; number++) {
        uint64_t due = (uint64_t)((double)(number - first) * 1000 / rate);
        uint64_t passed = now_ms() - began;
        if (passed < due)
            nap_ms(due - passed);
        else if (passed > due + 1000)
            began += passed - due; /* it was held up: no catching up */
        hand_over(&sender, number, true);
    }
    error = roost_flush(sender.roost, 0, 300000);
    if (error)
        die("roost_flush", error);
    error = roost_close(&sender.roost, 1000);
    free(sender.answered);
    return error ? 1 : 0;
}

/* ---------------------------------------------------------------------------- receiving */

static void confirm(struct roost_consumer *consumer, uint8_t (*acked)[ROOST_ID_BYTES],
                    size_t *count, const char *scope)
{
    char id[2 * ROOST_ID_BYTES + 1];
    size_t stale = 0;

    if (*count == 0)
        return;
    enum roost_error error = roost_confirm(consumer, 10000, &stale);
    for (size_t i = 0; error == ROOST_OK && stale == 0 && i < *count; i++)
        write_line("K %s %s\n", hex(acked[i], id), scope);
    *count = 0; /* otherwise unknown: no line */
}

static int receive_messages(const char *url, const char *peer, const char *path, const char *scope)
{
    static uint8_t acked[CONFIRM_EVERY][ROOST_ID_BYTES];
    struct roost_options options = {.url = url, .peer = peer};
    struct roost_attach_options attach = {.scope = scope, .window_messages = WINDOW};
    struct roost_consumer *consumer;
    struct roost *roost;
    char id[2 * ROOST_ID_BYTES + 1];
    size_t count = 0;

    open_ledger(path);
    write_line("B %s\n", scope);
    enum roost_error error = roost_open(&options, &roost);
    if (!error)
        error = roost_attach(roost, &attach, 120000, &consumer);
    if (error)
        die("roost_attach", error);
    while (!is_over) {
        const struct roost_message *message = NULL;
        error = roost_receive(consumer, 50, &message);
        if (error == ROOST_TIMEOUT || count == CONFIRM_EVERY)
            confirm(consumer, acked, &count, scope);
        if (error == ROOST_TIMEOUT)
            continue;
        if (error)
            die("roost_receive", error);
        hex(message->message_id, id);
        write_line("D %s %08" PRIx32 " %s\n", id, digest_of(message->body, message->body_size),
                   scope);
        write_line("P %s %s\n", id, scope);
        error = roost_ack(message);
        if (error)
            die("roost_ack", error);
        memcpy(acked[count++], message->message_id, ROOST_ID_BYTES);
        roost_message_destroy(&message);
    }
    confirm(consumer, acked, &count, scope);
    roost_detach(&consumer);
    return roost_close(&roost, 2000) ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop};

    sigaction(SIGTERM, &action, NULL);
    if (argc >= 7 && strcmp(argv[1], "send") == 0)
        return send_messages(argv[2], argv[3], argv[4], strtod(argv[5], NULL), argv + 6,
                             (size_t)(argc - 6));
    if (argc == 6 && strcmp(argv[1], "recv") == 0)
        return receive_messages(argv[2], argv[3], argv[4], argv[5]);
    fprintf(stderr, "usage: ledger_peer send URL PEER LEDGER RATE SCOPE...\n"
                    "       ledger_peer recv URL PEER LEDGER SCOPE\n");
    return 2;
}
