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
    uint8_t sent[ROOST_ID_BYTES]; /* the id of the message sent last */
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
    struct roost_sent sent;
    enum roost_error error = roost_send_wait(session->roost, &outgoing, WAIT_MS, &sent);

    if (!error || error == ROOST_DUPLICATE) {
        memcpy(session->sent, sent.message_id, ROOST_ID_BYTES);
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

static enum roost_error do_listen(struct session *session, char **words)
{
    struct roost_attach_options options = {.scope = words[1], .ephemeral = true};
    struct roost_consumer_state state;
    enum roost_error error = roost_attach(session->roost, &options, WAIT_MS, &session->consumer);

    if (!error) {
        roost_consumer_state(session->consumer, &state);
        printf("attached %" PRIu64 "\n", state.waiting);
    }
    return error;
}

static enum roost_error do_next(struct session *session, char **words)
{
    static const char *const kinds[] = {[ROOST_KIND_TEXT] = "TEXT",
                                        [ROOST_KIND_SYSTEM] = "SYSTEM",
                                        [ROOST_KIND_EDIT] = "EDIT",
                                        [ROOST_KIND_DELETE] = "DELETE",
                                        [ROOST_KIND_REACTION] = "REACTION"};
    const struct roost_message *message;

    (void)words;
    if (session->message)
        roost_message_destroy(&session->message);
    enum roost_error error = roost_receive(session->consumer, WAIT_MS, &session->message);
    if (error)
        return error;
    message = session->message;
    bool is_system = message->kind == ROOST_KIND_SYSTEM;
    size_t size = is_system ? strlen(message->content_type) : message->body_size;
    printf("next %s %s%s%.*s\n", kinds[message->kind], message->sender, size ? " " : "", (int)size,
           is_system ? message->content_type : (const char *)message->body);
    return ROOST_OK;
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

/* -------------------------------------------------------------------- rooms and changes */

static enum roost_error call_room(struct session *session, enum roost_method method,
                                  const char *room)
{
    struct roost_call call = {.method = method, .scope = room};
    enum roost_error error = roost_call(session->roost, &call, WAIT_MS, NULL);

    if (!error)
        puts("done");
    return error;
}

static enum roost_error do_join(struct session *session, char **words)
{
    return call_room(session, ROOST_METHOD_ROOM_JOIN, words[1]);
}

static enum roost_error do_leave(struct session *session, char **words)
{
    return call_room(session, ROOST_METHOD_ROOM_LEAVE, words[1]);
}

static enum roost_error do_accept(struct session *session, char **words)
{
    struct roost_call call = {.method = ROOST_METHOD_INVITE_ACCEPT, .scope = words[1]};
    struct roost_reply *reply;
    enum roost_error error = roost_call_reply(session->roost, &call, WAIT_MS, &reply);

    if (error)
        return error;
    printf("joined");
    for (size_t i = 0; i < reply->scope_count; i++)
        printf(" %s", reply->scopes[i]);
    puts("");
    roost_reply_destroy(&reply);
    return ROOST_OK;
}

static enum roost_error list(struct session *session, const struct roost_query *query,
                             const char *what)
{
    struct roost_page *page;
    enum roost_error error = roost_query(session->roost, query, WAIT_MS, &page);

    if (error)
        return error;
    printf("%s", what);
    for (size_t i = 0; i < page->invitation_count; i++)
        printf(" %s:%s:%s", page->invitations[i].scope, page->invitations[i].inviter,
               page->invitations[i].text);
    for (size_t i = 0; i < page->member_count; i++)
        printf(" %s:%d", page->members[i].peer, (int)page->members[i].role);
    for (size_t i = 0; i < page->room_count; i++)
        printf(" %s:%s:%d:%u:%d", page->rooms[i].name, page->rooms[i].topic,
               (int)page->rooms[i].privacy, page->rooms[i].members, (int)page->rooms[i].my_role);
    puts("");
    roost_page_destroy(&page);
    return ROOST_OK;
}

static enum roost_error do_invitations(struct session *session, char **words)
{
    struct roost_query query = {.kind = ROOST_QUERY_INVITATIONS};

    (void)words;
    return list(session, &query, "invitations");
}

static enum roost_error do_members(struct session *session, char **words)
{
    struct roost_query query = {.kind = ROOST_QUERY_MEMBERS, .scope = words[1]};

    return list(session, &query, "members");
}

static enum roost_error do_rooms(struct session *session, char **words)
{
    struct roost_query query = {.kind = ROOST_QUERY_ROOMS, .online_only = true};

    (void)words;
    return list(session, &query, "rooms");
}

/* Of the message sent last. */
static enum roost_error change(struct session *session, struct roost_call *call)
{
    call->message_ids = session->sent;
    call->message_id_count = 1;
    enum roost_error error = roost_call(session->roost, call, WAIT_MS, NULL);

    if (!error)
        puts("done");
    return error;
}

static enum roost_error do_edit(struct session *session, char **words)
{
    struct roost_call call = {
        .method = ROOST_METHOD_MESSAGE_EDIT, .body = words[1], .body_size = strlen(words[1])};

    return change(session, &call);
}

static enum roost_error do_delete(struct session *session, char **words)
{
    struct roost_call call = {.method = ROOST_METHOD_MESSAGE_DELETE};

    (void)words;
    return change(session, &call);
}

static enum roost_error do_react(struct session *session, char **words)
{
    struct roost_call call = {.method = ROOST_METHOD_REACT, .text = words[1]};

    return change(session, &call);
}

static enum roost_error do_unreact(struct session *session, char **words)
{
    struct roost_call call = {.method = ROOST_METHOD_UNREACT, .text = words[1]};

    return change(session, &call);
}

static enum roost_error do_edits(struct session *session, char **words)
{
    struct roost_query query = {
        .kind = ROOST_QUERY_EDITS, .message_ids = session->sent, .message_id_count = 1};
    struct roost_page *page;
    enum roost_error error = roost_query(session->roost, &query, WAIT_MS, &page);

    (void)words;
    if (!error)
        print_page(page);
    return error;
}

static void print_found(const struct roost_message *message)
{
    if (message->body_size)
        printf(" %.*s", (int)message->body_size, (const char *)message->body);
    printf("%s%s", message->edited_ms ? " edited" : "", message->deleted_ms ? " deleted" : "");
    for (size_t i = 0; i < message->reaction_count; i++)
        printf(" %s:%u:%s", message->reactions[i].emoji, message->reactions[i].count,
               message->reactions[i].is_mine ? "mine" : "");
}

static enum roost_error find(struct session *session, const struct roost_query *query)
{
    struct roost_page *page;
    enum roost_error error = roost_query(session->roost, query, WAIT_MS, &page);

    if (error)
        return error;
    printf("found");
    for (size_t i = 0; i < page->message_count; i++)
        print_found(page->messages[i]);
    puts("");
    roost_page_destroy(&page);
    return ROOST_OK;
}

static enum roost_error do_search(struct session *session, char **words)
{
    struct roost_query query = {.kind = ROOST_QUERY_SEARCH, .text = words[1], .scope = words[2]};

    return find(session, &query);
}

static enum roost_error do_log(struct session *session, char **words)
{
    struct roost_query query = {.kind = ROOST_QUERY_HISTORY, .scope = words[1]};

    return find(session, &query);
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
    {"welcome", 1, do_welcome}, {"send", 3, do_send},
    {"attach", 2, do_attach},   {"receive", 1, do_receive},
    {"ack", 1, do_ack},         {"fail", 2, do_fail},
    {"reject", 2, do_reject},   {"release", 1, do_release},
    {"extend", 1, do_extend},   {"confirm", 1, do_confirm},
    {"detach", 1, do_detach},   {"receipt", 1, do_receipt},
    {"history", 2, do_history}, {"sync", 2, do_sync},
    {"unread", 2, do_unread},   {"peers", 1, do_peers},
    {"read", 3, do_read},       {"watch", 1, do_watch},
    {"event", 1, do_event},     {"close", 1, do_close},
    {"listen", 2, do_listen},   {"next", 1, do_next},
    {"join", 2, do_join},       {"leave", 2, do_leave},
    {"accept", 1, do_accept},   {"invitations", 1, do_invitations},
    {"members", 2, do_members}, {"rooms", 1, do_rooms},
    {"edit", 2, do_edit},       {"delete", 1, do_delete},
    {"react", 2, do_react},     {"unreact", 2, do_unreact},
    {"edits", 1, do_edits},     {"search", 3, do_search},
    {"log", 2, do_log},
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
