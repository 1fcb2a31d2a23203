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
#include <stdlib.h>
#include <string.h>

#define WAIT_MS        10000
#define LINE_BYTES_MAX 4096

struct chat {
    struct roost *roost;
    struct roost_consumer *consumer;
    const char *name;
    const char *room;
    char scope[300];                 /* "room:NAME" */
    uint8_t last_id[ROOST_ID_BYTES]; /* of the last message that was typed here ... */
    bool has_last;                   /* ... if there was one */
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

/* Asks; NULL: the answer was no, and that was said. */
static struct roost_page *ask(struct chat *chat, const struct roost_query *query)
{
    struct roost_page *page = NULL;
    enum roost_error error = roost_query(chat->roost, query, WAIT_MS, &page);
    if (error)
        complain("asking", error);
    return page;
}

/* Calls; false: the answer was no, and that was said. */
static bool call(struct chat *chat, const struct roost_call *what)
{
    enum roost_error error = roost_call(chat->roost, what, WAIT_MS, NULL);
    if (error)
        complain("asking", error);
    return error == ROOST_OK;
}

static bool do_who(struct chat *chat, const char *rest)
{
    static const char *const roles[] = {"none", "owner", "moderator", "member", "reader", "banned"};
    struct roost_page *page =
        ask(chat, &(struct roost_query){.kind = ROOST_QUERY_MEMBERS, .scope = chat->scope});
    (void)rest;
    for (size_t i = 0; page && i < page->member_count; i++) {
        const struct roost_member *member = &page->members[i];
        size_t role = (size_t)member->role < sizeof(roles) / sizeof(*roles) ? member->role : 0;
        printf("* %s, %s, %s\n", member->peer, roles[role], member->is_online ? "here" : "away");
    }
    roost_page_destroy(&page);
    return true;
}

static bool do_topic(struct chat *chat, const char *rest)
{
    struct roost_call update = {
        .method = ROOST_METHOD_ROOM_UPDATE, .scope = chat->scope, .topic = rest};
    if (*rest && !call(chat, &update))
        return true;
    struct roost_page *page =
        ask(chat, &(struct roost_query){.kind = ROOST_QUERY_ROOMS, .online_only = true});
    for (size_t i = 0; page && i < page->room_count; i++) {
        const struct roost_room *room = &page->rooms[i];
        const char *topic = *room->topic ? room->topic : "(none)";
        if (strcmp(room->name, chat->room) != 0)
            continue;
        printf("* topic: ");
        print_text(topic, strlen(topic));
        putchar('\n');
    }
    roost_page_destroy(&page);
    return true;
}

static bool do_invite(struct chat *chat, const char *rest)
{
    char name[256];
    struct roost_call invite = {.method = ROOST_METHOD_INVITE, .scope = chat->scope, .peer = name};
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, " "), rest);
    invite.text = rest + strlen(name) + strspn(rest + strlen(name), " ");
    if (call(chat, &invite))
        printf("* %s was asked, and may accept with: roost --as %s invite accept\n", name, name);
    return true;
}

static bool do_last(struct chat *chat, const char *rest)
{
    unsigned long count = strtoul(rest, NULL, 10);
    struct roost_page *page =
        ask(chat, &(struct roost_query){.kind = ROOST_QUERY_HISTORY,
                                        .scope = chat->scope,
                                        .newest_first = true,
                                        .limit = count > 0 && count <= 500 ? (uint32_t)count : 10});
    for (size_t i = page ? page->message_count : 0; i > 0; i--)
        show(page->messages[i - 1]);
    roost_page_destroy(&page);
    return true;
}

static bool do_find(struct chat *chat, const char *rest)
{
    struct roost_page *page =
        ask(chat,
            &(struct roost_query){.kind = ROOST_QUERY_SEARCH, .scope = chat->scope, .text = rest});
    for (size_t i = 0; page && i < page->message_count; i++)
        show(page->messages[i]);
    roost_page_destroy(&page);
    return true;
}

static bool do_fix(struct chat *chat, const char *rest)
{
    struct roost_call edit = {.method = ROOST_METHOD_MESSAGE_EDIT,
                              .message_ids = chat->last_id,
                              .message_id_count = 1,
                              .body = rest,
                              .body_size = strlen(rest)};
    if (!chat->has_last)
        printf("* you have not written anything yet\n");
    else
        call(chat, &edit);
    return true;
}

static bool do_leave(struct chat *chat, const char *rest)
{
    (void)rest;
    return !call(chat,
                 &(struct roost_call){.method = ROOST_METHOD_ROOM_LEAVE, .scope = chat->scope});
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
    {"find", "WORDS: messages of the room with all of them", do_find},
    {"fix", "TEXT: your last message shall say this instead", do_fix},
    {"help", "this list", do_help},
    {"invite", "NAME TEXT: asks somebody into the room", do_invite},
    {"last", "COUNT: the last 10 messages, or so many", do_last},
    {"leave", "leaves the room for good: nothing waits for you any more", do_leave},
    {"quit", "goes; what is said meanwhile waits for you", do_quit},
    {"topic", "what the room talks about; with a text: that from now on", do_topic},
    {"who", "who is in the room", do_who},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static bool do_help(struct chat *chat, const char *rest)
{
    (void)chat;
    (void)rest;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("* /%-8s %s\n", commands[i].name, commands[i].help);
    return true;
}

/* One line of the keyboard; false ends the chat. */
static bool typed(struct chat *chat, const char *line)
{
    struct roost_outgoing message = {.scope = chat->scope, .body = line, .body_size = strlen(line)};
    if (line[0] == '\0')
        return true;
    if (line[0] != '/') {
        struct roost_sent sent;
        enum roost_error error = roost_send_wait(chat->roost, &message, WAIT_MS, &sent);
        if (error) {
            complain("sending", error);
            return true;
        }
        memcpy(chat->last_id, sent.message_id, sizeof(chat->last_id));
        chat->has_last = true;
        return true;
    }
    size_t size = strcspn(line + 1, " ");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strlen(commands[i].name) == size && strncmp(commands[i].name, line + 1, size) == 0)
            return commands[i].run(chat, line + 1 + size + strspn(line + 1 + size, " "));
    }
    printf("* there is no /%.*s; /help lists what there is\n", (int)size, line + 1);
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
    struct chat chat = {.name = argc > 2 ? argv[2] : NULL, .room = argc > 1 ? argv[1] : NULL};
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
