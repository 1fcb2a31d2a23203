/* SPDX-License-Identifier: MPL-2.0
 *
 * A program around libroost that does what a line of standard input says and prints one line for
 * what came of it: the client side of the conformance exchanges. The commands and results are
 * those of conformance_client.py.
 *
 *     conformance_client URL PEER
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/c/roost.h"

#define WAIT_MS        10000
#define LINE_MAX_BYTES 1000
#define WORDS_MAX      5

struct session {
    struct roost *roost;
    struct roost_consumer *consumer;
    const struct roost_message *message;
};

typedef enum roost_error command_function(struct session *session, char **words);

static const char *word(char **words, int index, const char *otherwise)
{
    return words[index] ? words[index] : otherwise;
}

static enum roost_error do_welcome(struct session *session, char **words)
{
    struct roost_session_info info;
    enum roost_error error = roost_connect_wait(session->roost, WAIT_MS);

    (void)words;
    if (!error) {
        roost_session_info(session->roost, &info);
        printf("welcome %s\n", info.peer);
    }
    return error;
}

static enum roost_error do_send(struct session *session, char **words)
{
    struct roost_outgoing outgoing = {.scope = words[1],
                                      .body = words[2],
                                      .body_size = strlen(words[2]),
                                      .receipts = (uint32_t)strtoul(word(words, 3, "0"), NULL, 10)};
    enum roost_error error = roost_send_wait(session->roost, &outgoing, WAIT_MS, NULL);

    if (!error || error == ROOST_DUPLICATE) {
        puts(error ? "duplicate" : "stored");
        return ROOST_OK;
    }
    return error;
}

static enum roost_error do_attach(struct session *session, char **words)
{
    struct roost_attach_options options = {
        .scope = words[1], .consumer = word(words, 2, "main"), .receipts = ROOST_RECEIPTS_EVENTS};
    struct roost_consumer_state state;
    enum roost_error error = roost_attach(session->roost, &options, WAIT_MS, &session->consumer);

    if (!error) {
        roost_consumer_state(session->consumer, &state);
        printf("attached %" PRIu64 "\n", state.waiting);
    }
    return error;
}

static enum roost_error do_receive(struct session *session, char **words)
{
    (void)words;
    if (session->message)
        roost_message_destroy(&session->message);
    enum roost_error error = roost_receive(session->consumer, WAIT_MS, &session->message);
    if (!error)
        printf("message %s %.*s\n", session->message->sender, (int)session->message->body_size,
               (const char *)session->message->body);
    return error;
}

static enum roost_error do_ack(struct session *session, char **words)
{
    (void)words;
    return roost_ack(session->message);
}

static enum roost_error do_fail(struct session *session, char **words)
{
    return roost_fail(session->message, 0, words[1]);
}

static enum roost_error do_reject(struct session *session, char **words)
{
    return roost_reject(session->message, words[1]);
}

static enum roost_error do_release(struct session *session, char **words)
{
    (void)words;
    return roost_release(session->message, 0);
}

static enum roost_error do_extend(struct session *session, char **words)
{
    (void)words;
    return roost_extend(session->message);
}

static enum roost_error do_confirm(struct session *session, char **words)
{
    enum roost_error error = roost_confirm(session->consumer, WAIT_MS, NULL);

    (void)words;
    if (!error)
        puts("confirmed");
    return error;
}

static enum roost_error do_detach(struct session *session, char **words)
{
    (void)words;
    roost_detach(&session->consumer);
    return ROOST_OK;
}

/* The next event of a kind; others are dropped. */
static enum roost_error next_event(struct session *session, enum roost_event_kind kind,
                                   struct roost_event **ret)
{
    for (;;) {
        enum roost_error error = roost_next_event(session->roost, WAIT_MS, ret);
        if (error || (*ret)->kind == kind)
            return error;
        roost_event_destroy(ret);
    }
}

static enum roost_error do_receipt(struct session *session, char **words)
{
    static const char *const names[] = {"", "DELIVERED", "READ", "EXPIRED", "DEAD", "CANCELLED"};
    struct roost_event *event;
    enum roost_error error = next_event(session, ROOST_EVENT_RECEIPT, &event);

    (void)words;
    if (error)
        return error;
    const struct roost_receipt *receipt = &event->message->receipts[0];
    printf("receipt %s %s %zu\n", names[receipt->level], receipt->scope, receipt->message_id_count);
    roost_event_destroy(&event);
    return ROOST_OK;
}

static void print_page(struct roost_page *page)
{
    printf("page");
    for (size_t i = 0; i < page->message_count; i++)
        printf(" %.*s", (int)page->messages[i]->body_size, (const char *)page->messages[i]->body);
    puts(page->has_more ? " and more" : "");
    roost_page_destroy(&page);
}

static enum roost_error do_history(struct session *session, char **words)
{
    struct roost_query query = {.kind = ROOST_QUERY_HISTORY, .peer = words[1]};
    struct roost_page *page;
    enum roost_error error = roost_query(session->roost, &query, WAIT_MS, &page);

    if (!error)
        print_page(page);
    return error;
}

static enum roost_error do_sync(struct session *session, char **words)
{
    struct roost_page *page;
    enum roost_error error =
        roost_sync(session->roost, strtoull(words[1], NULL, 10), 500, WAIT_MS, &page);

    if (!error)
        print_page(page);
    return error;
}

static enum roost_error do_unread(struct session *session, char **words)
{
    uint64_t count;
    enum roost_error error = roost_unread_count(session->roost, words[1], NULL, WAIT_MS, &count);

    if (!error)
        printf("unread %" PRIu64 "\n", count);
    return error;
}

static enum roost_error do_peers(struct session *session, char **words)
{
    struct roost_query query = {.kind = ROOST_QUERY_PEERS};
    struct roost_page *page;
    enum roost_error error = roost_query(session->roost, &query, WAIT_MS, &page);

    (void)words;
    if (error)
        return error;
    printf("peers");
    for (size_t i = 0; i < page->peer_count; i++)
        printf(" %s%c", page->peers[i].name, page->peers[i].is_online ? '+' : '-');
    puts("");
    roost_page_destroy(&page);
    return ROOST_OK;
}

static enum roost_error do_read(struct session *session, char **words)
{
    enum roost_error error =
        roost_mark_read(session->roost, words[1], NULL, strtoull(words[2], NULL, 10), WAIT_MS);

    if (!error)
        puts("done");
    return error;
}

static enum roost_error do_watch(struct session *session, char **words)
{
    enum roost_error error = roost_presence_subscribe(session->roost, true, WAIT_MS);

    (void)words;
    if (!error)
        puts("watching");
    return error;
}

static enum roost_error do_event(struct session *session, char **words)
{
    struct roost_event *event;
    enum roost_error error = next_event(session, ROOST_EVENT_PRESENCE, &event);

    (void)words;
    if (error)
        return error;
    printf("event %s %s\n", event->presence.peer, event->presence.is_online ? "online" : "offline");
    roost_event_destroy(&event);
    return ROOST_OK;
}

static enum roost_error do_close(struct session *session, char **words)
{
    (void)words;
    if (session->message)
        roost_message_destroy(&session->message);
    enum roost_error error = roost_close(&session->roost, WAIT_MS);
    if (!error)
        puts("closed");
    return error;
}

static const struct command {
    const char *name;
    int words; /* needed, with the name */
    command_function *function;
} commands[] = {
    {"welcome", 1, do_welcome}, {"send", 3, do_send},       {"attach", 2, do_attach},
    {"receive", 1, do_receive}, {"ack", 1, do_ack},         {"fail", 2, do_fail},
    {"reject", 2, do_reject},   {"release", 1, do_release}, {"extend", 1, do_extend},
    {"confirm", 1, do_confirm}, {"detach", 1, do_detach},   {"receipt", 1, do_receipt},
    {"history", 2, do_history}, {"sync", 2, do_sync},       {"unread", 2, do_unread},
    {"peers", 1, do_peers},     {"read", 3, do_read},       {"watch", 1, do_watch},
    {"event", 1, do_event},     {"close", 1, do_close},
};

static void obey(struct session *session, char *line)
{
    char *words[WORDS_MAX + 1] = {NULL}, *rest = NULL;
    int count = 0;

    for (char *at = strtok_r(line, " \n", &rest); at && count < WORDS_MAX;
         at = strtok_r(NULL, " \n", &rest))
        words[count++] = at;
    for (size_t i = 0; count > 0 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(words[0], commands[i].name) != 0 || count < commands[i].words)
            continue;
        enum roost_error error = commands[i].function(session, words);
        if (error)
            printf("refused %d\n", (int)error);
        fflush(stdout);
        return;
    }
    fprintf(stderr, "conformance_client: what is that?\n");
    exit(2);
}

int main(int argc, char **argv)
{
    struct session session = {0};
    char line[LINE_MAX_BYTES];

    if (argc != 3) {
        fprintf(stderr, "usage: conformance_client URL PEER\n");
        return 2;
    }
    struct roost_options options = {.url = argv[1], .peer = argv[2]};
    if (roost_open(&options, &session.roost) != ROOST_OK)
        return 1;
    while (session.roost && fgets(line, sizeof line, stdin))
        obey(&session, line);
    return roost_close(&session.roost, 1000) == ROOST_OK ? 0 : 1;
}
