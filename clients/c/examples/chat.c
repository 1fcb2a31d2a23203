/* SPDX-License-Identifier: MPL-2.0
 *
 * A chat in a room: one thread, one poll() over the keyboard and the session. What is said while
 * you are away is shown when you come back. To add a command, add a row to `commands`. Run a broker
 * first (roostd), then: roost_chat ROOM NAME [tcp://HOST:PORT]
 *
 *     cc chat.c $(pkg-config --cflags --libs roost) -o chat
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <roost.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS        10000
#define LINE_BYTES_MAX 4096

struct chat {
    struct roost *roost;
    struct roost_consumer *consumer;
    const char *name;
    char scope[300]; /* "room:NAME" */
};

static void complain(const char *what, enum roost_error error)
{
    printf("* %s: %s (%s)\n", what, roost_error_text(error), roost_error_name(error));
}

/* What others wrote must not move the cursor about: control characters become '?'. */
static void print_text(const void *text, size_t size)
{
    const unsigned char *bytes = text;
    for (size_t i = 0; i < size; i++)
        putchar(iscntrl(bytes[i]) ? '?' : bytes[i]);
}

/* ------------------------------------------------------------------------------ showing */

static void show(const struct roost_message *message)
{
    const char *verb = ":";
    if (message->kind == ROOST_KIND_EDIT)
        verb = " means:";
    else if (message->kind == ROOST_KIND_DELETE)
        verb = " takes a message back";
    else if (message->kind == ROOST_KIND_REACTION)
        verb = " reacts:";
    print_text(message->sender, strlen(message->sender));
    printf("%s ", verb);
    print_text(message->body, message->body_size);
    putchar('\n');
}

/* Everything that has come. Not ROOST_OK: nothing will come any more. */
static enum roost_error show_news(struct chat *chat)
{
    const struct roost_message *message;
    struct roost_event *event;
    enum roost_error error;
    while ((error = roost_receive(chat->consumer, 0, &message)) == ROOST_OK) {
        if (strcmp(message->sender, chat->name) != 0)
            show(message);
        roost_ack(message); /* shown: it does not come again */
        roost_message_destroy(&message);
    }
    while (roost_next_event(chat->roost, 0, &event) == ROOST_OK) {
        if (event->kind == ROOST_EVENT_DISCONNECTED)
            printf("* the broker is away: %s\n", event->text);
        roost_event_destroy(&event);
    }
    return error == ROOST_EMPTY ? ROOST_OK : error;
}

/* ----------------------------------------------------------------------------- commands */

static bool do_help(struct chat *chat, const char *rest);

static bool do_who(struct chat *chat, const char *rest)
{
    struct roost_query query = {.kind = ROOST_QUERY_MEMBERS, .scope = chat->scope};
    struct roost_page *page;
    enum roost_error error = roost_query(chat->roost, &query, WAIT_MS, &page);
    (void)rest;
    if (error) {
        complain("who", error);
        return true;
    }
    for (size_t i = 0; i < page->member_count; i++)
        printf("* %s, %s\n", page->members[i].peer, page->members[i].is_online ? "here" : "away");
    roost_page_destroy(&page);
    return true;
}

static bool do_topic(struct chat *chat, const char *rest)
{
    struct roost_call call = {
        .method = ROOST_METHOD_ROOM_UPDATE, .scope = chat->scope, .topic = rest};
    enum roost_error error = roost_call(chat->roost, &call, WAIT_MS, NULL);
    if (error)
        complain("topic", error);
    return true;
}

static bool do_quit(struct chat *chat, const char *rest)
{
    (void)chat;
    (void)rest;
    return false;
}

static const struct command {
    const char *name;
    const char *help;
    bool (*run)(struct chat *chat, const char *rest); /* false ends the chat */
} commands[] = {
    {"help", "this list", do_help},
    {"who", "who is in the room", do_who},
    {"topic", "TEXT: what the room talks about", do_topic},
    {"quit", "goes; what is said meanwhile waits for you", do_quit},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static bool do_help(struct chat *chat, const char *rest)
{
    (void)chat;
    (void)rest;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("* /%-6s %s\n", commands[i].name, commands[i].help);
    return true;
}

/* One line of the keyboard; false ends the chat. */
static bool typed(struct chat *chat, const char *line)
{
    struct roost_outgoing message = {.scope = chat->scope, .body = line, .body_size = strlen(line)};
    if (line[0] == '\0')
        return true;
    if (line[0] != '/') {
        enum roost_error error = roost_send_wait(chat->roost, &message, WAIT_MS, NULL);
        if (error)
            complain("send", error);
        return true;
    }
    size_t size = strcspn(line + 1, " ");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strlen(commands[i].name) == size && strncmp(commands[i].name, line + 1, size) == 0)
            return commands[i].run(chat, line + 1 + size + strspn(line + 1 + size, " "));
    }
    printf("* there is no such command; /help lists what there is\n");
    return true;
}

/* --------------------------------------------------------------------------------- chat */

/* Joins the room, or makes it when there is none yet. */
static enum roost_error enter(struct chat *chat)
{
    struct roost_call call = {.method = ROOST_METHOD_ROOM_JOIN, .scope = chat->scope};
    /* A consumer of this name stays in the broker while we are away, and so does what it is due. */
    struct roost_attach_options options = {.scope = chat->scope, .consumer = "chat"};
    struct roost_consumer_state state;
    enum roost_error error = roost_connect_wait(chat->roost, WAIT_MS);
    if (error)
        return error;
    error = roost_call(chat->roost, &call, WAIT_MS, NULL);
    if (error == ROOST_NO_SUCH_SCOPE) {
        call.method = ROOST_METHOD_ROOM_CREATE;
        error = roost_call(chat->roost, &call, WAIT_MS, NULL);
    }
    if (!error)
        error = roost_attach(chat->roost, &options, WAIT_MS, &chat->consumer);
    if (error)
        return error;
    roost_consumer_state(chat->consumer, &state);
    printf("* you are in %s; %llu messages came meanwhile\n", chat->scope,
           (unsigned long long)state.waiting);
    return ROOST_OK;
}

static enum roost_error talk(struct chat *chat)
{
    char line[LINE_BYTES_MAX];
    struct pollfd fds[2] = {{.fd = 0, .events = POLLIN},
                            {.fd = roost_fd(chat->roost), .events = POLLIN}};
    setvbuf(stdin, NULL, _IONBF, 0); /* what is not read yet stays where poll() sees it */
    for (;;) {
        enum roost_error error = show_news(chat);
        if (error)
            return error;
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return ROOST_OK;
        }
        if (!fds[0].revents)
            continue;
        if (!fgets(line, sizeof(line), stdin))
            return ROOST_OK;
        line[strcspn(line, "\n")] = '\0';
        if (!typed(chat, line))
            return ROOST_OK;
    }
}

int main(int argc, char **argv)
{
    struct chat chat = {.name = argc > 2 ? argv[2] : NULL};
    struct roost_options options = {.url = argc > 3 ? argv[3] : NULL, .peer = chat.name};
    if (argc < 3) {
        fprintf(stderr, "usage: roost_chat ROOM NAME [tcp://HOST:PORT]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(chat.scope, sizeof(chat.scope), "room:%s", argv[1]);
    enum roost_error error = roost_open(&options, &chat.roost);
    if (!error)
        error = enter(&chat);
    if (!error)
        error = talk(&chat);
    roost_close(&chat.roost, WAIT_MS);
    if (error)
        complain(argv[1], error);
    return error != ROOST_OK;
}
