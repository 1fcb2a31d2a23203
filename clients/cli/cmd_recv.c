/* SPDX-License-Identifier: MPL-2.0
 *
 * roost recv (takes messages and settles them) and roost tail (shows what comes).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/show.h"

#define WAIT_MS       1000
#define WINDOW_MAX    65536
#define TAIL_CONSUMER "roost-tail"
#define TAIL_POLL_MS  200

static volatile sig_atomic_t is_interrupted;

static void interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

static void stop_on_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    is_interrupted = 0;                     /* in a shell this is not the first command */
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail for these signals */
    (void)sigaction(SIGTERM, &action, NULL);
}

struct taking {
    struct cli *cli;
    struct roost_consumer *consumer;
    enum { TAKE_ACK, TAKE_PEEK, TAKE_FAIL, TAKE_REJECT } how;
    const char *reason;
    uint64_t count_max; /* 0: all */
    uint64_t count;
    uint64_t last_seq; /* of those acked */
    int wait_ms;
    const struct roost_message **kept; /* peeked, given back at the end */
};

static const char *own_scope(struct cli *cli, char scope[300])
{
    if (cli->positional_count > 0)
        return scope_of(cli->positional[0], scope);
    (void)snprintf(scope, 300, "peer:%s", cli->peer);
    return scope;
}

/* A pattern of topics: which one a message is of is worth saying. */
static bool is_pattern(const char *scope)
{
    return strncmp(scope, "topic:", 6) == 0 && strpbrk(scope, "*>") != NULL;
}

static bool take_how(struct taking *taking)
{
    struct cli *cli = taking->cli;
    int given = 0;
    if (option_is_given(cli, "ack"))
        given++;
    if (option_is_given(cli, "peek")) {
        given++;
        taking->how = TAKE_PEEK;
    }
    if (option_is_given(cli, "fail")) {
        given++;
        taking->how = TAKE_FAIL;
    }
    if (option_is_given(cli, "reject")) {
        given++;
        taking->how = TAKE_REJECT;
    }
    taking->reason = option_text(cli, "reason", NULL);
    if (given > 1)
        complain(cli, "give only one of --ack, --peek, --fail and --reject");
    return given <= 1;
}

static void settle(struct taking *taking, const struct roost_message *message)
{
    switch (taking->how) {
    case TAKE_ACK:
        (void)roost_ack(message); /* confirmed at the end */
        taking->last_seq = message->seq > taking->last_seq ? message->seq : taking->last_seq;
        break;
    case TAKE_FAIL:
        (void)roost_fail(message, 0, taking->reason);
        break;
    case TAKE_REJECT:
        (void)roost_reject(message, taking->reason);
        break;
    case TAKE_PEEK: /* all at the end: given back now, it would come again now */
        taking->kept[taking->count] = message;
        return;
    }
    roost_message_destroy(&message);
}

static enum roost_error take_messages(struct taking *taking)
{
    enum roost_error error = ROOST_OK;
    while (!is_interrupted && (taking->count_max == 0 || taking->count < taking->count_max)) {
        const struct roost_message *message;
        int wait_ms = taking->wait_ms;
        if (wait_ms < 0 || wait_ms > TAIL_POLL_MS)
            wait_ms = TAIL_POLL_MS; /* so that a signal is noticed */
        error = roost_receive(taking->consumer, wait_ms, &message);
        for (int waited_ms = wait_ms; error == ROOST_TIMEOUT && !is_interrupted &&
                                      (taking->wait_ms < 0 || waited_ms < taking->wait_ms);
             waited_ms += wait_ms)
            error = roost_receive(taking->consumer, wait_ms, &message);
        if (error != ROOST_OK)
            break;
        show_message(taking->cli, message);
        settle(taking, message);
        taking->count++;
        if (taking->how == TAKE_PEEK && taking->count == WINDOW_MAX)
            break;
    }
    return error;
}

/* The connection was lost on the way; the floor of the consumer says what is settled all the same. */
static bool is_settled_after_all(struct taking *taking)
{
    struct roost_consumer_state state;
    struct roost_page *page;
    roost_consumer_state(taking->consumer, &state);
    struct roost_query query = {.kind = ROOST_QUERY_INSPECT, .scope = state.scope, .limit = 500};
    bool is_settled = false;
    if (taking->how != TAKE_ACK || roost_confirm(taking->consumer, taking->cli->timeout_ms, NULL) ||
        roost_query(taking->cli->roost, &query, taking->cli->timeout_ms, &page))
        return false;
    for (size_t i = 0; i < page->consumer_count; i++) {
        bool is_queue = page->consumer_count == 1; /* it has one, whatever it is called */
        if (is_queue || strcmp(page->consumers[i].consumer, state.consumer) == 0)
            is_settled = page->consumers[i].floor_seq >= taking->last_seq;
    }
    roost_page_destroy(&page);
    return is_settled;
}

static enum exit_code finish(struct taking *taking, enum roost_error error)
{
    size_t stale = 0;
    struct cli *cli = taking->cli;
    for (uint64_t i = 0; taking->kept && i < taking->count; i++)
        roost_message_destroy(&taking->kept[i]);
    free(taking->kept);
    enum roost_error confirmed = roost_confirm(taking->consumer, cli->timeout_ms, &stale);
    if (confirmed == ROOST_NO_SESSION && is_settled_after_all(taking))
        confirmed = ROOST_OK;
    roost_detach(&taking->consumer);
    if (error != ROOST_OK && error != ROOST_TIMEOUT)
        return fail_with(cli, "receiving", error);
    if (confirmed != ROOST_OK)
        return fail_with(cli, "the messages were shown, but whether they are settled is not known",
                         confirmed);
    if (stale)
        complain(cli, "%zu of the messages went elsewhere meanwhile", stale);
    if (taking->count == 0 && !is_interrupted) {
        if (!cli->is_quiet && !cli->is_json)
            complain(cli, "no messages");
        return EXIT_TIMEOUT;
    }
    return EXIT_OK;
}

static enum exit_code run_recv(struct cli *cli)
{
    struct taking taking = {.cli = cli};
    char scope[300];
    uint64_t wait_ms;
    if (!take_how(&taking) || !option_number(cli, "count", 1, UINT32_MAX, 1, &taking.count_max) ||
        !option_seconds(cli, "wait", WAIT_MS, &wait_ms))
        return EXIT_USAGE;
    if (option_is_given(cli, "all"))
        taking.count_max = 0;
    taking.wait_ms = wait_ms > INT32_MAX ? -1 : (int)wait_ms;
    bool is_peek = taking.how == TAKE_PEEK;
    uint64_t window = is_peek ? WINDOW_MAX : 1000;
    if (taking.count_max && taking.count_max < window)
        window = taking.count_max;
    struct roost_attach_options options = {
        .scope = own_scope(cli, scope),
        .consumer = option_text(cli, "consumer", NULL),
        .window_messages = (uint32_t)window,
        .messages_max = taking.count_max, /* so that none is leased that will not be shown */
        .window_bytes = is_peek ? 256u << 20 : 0,
    };
    if (is_peek) {
        taking.kept = calloc(window, sizeof(*taking.kept));
        if (!taking.kept)
            return fail_with(cli, "peek", ROOST_NO_MEMORY);
        if (taking.count_max == 0 || taking.count_max > window)
            taking.count_max = window;
    }
    cli->shows_scope = is_pattern(scope);
    stop_on_signals();
    enum roost_error error = roost_attach(cli->roost, &options, cli->timeout_ms, &taking.consumer);
    if (error != ROOST_OK) {
        free(taking.kept);
        return fail_with(cli, scope, error);
    }
    return finish(&taking, take_messages(&taking));
}

static const struct option_row recv_options[] = {
    {"count", 'n', "N", "how many messages at most (1)"},
    {"all", 0, NULL, "everything that waits"},
    {"wait", 'w', "SECONDS", "how long to wait for each (1)"},
    {"consumer", 'c', "NAME", "which consumer of the mailbox (main)"},
    {"ack", 0, NULL, "done with them (the default)"},
    {"peek", 0, NULL, "only look: they go back"},
    {"fail", 0, NULL, "they failed: the broker tries again by its schedule"},
    {"reject", 0, NULL, "never again: they become dead letters"},
    {"reason", 0, "TEXT", "with --fail and --reject"},
    {NULL, 0, NULL, NULL},
};

static const char *const recv_examples[] = {
    "roost recv",
    "roost recv --as bob --all",
    "roost recv queue:resize --count 10 --json",
    "roost recv --peek --all",
    NULL,
};

const struct command recv_command = {
    .name = "recv",
    .summary = "receive messages and settle them",
    .usage = "[SCOPE]",
    .details = "The scope is your own mailbox unless you name another. Exit code 3: nothing came.",
    .positional_max = 1,
    .options = recv_options,
    .examples = recv_examples,
    .needs_session = true,
    .run = run_recv,
};

/* ----------------------------------------------------------------------------------- tail */

static enum exit_code run_tail(struct cli *cli)
{
    struct taking taking = {.cli = cli, .wait_ms = -1};
    char scope[300];
    const char *consumer = option_text(cli, "consumer", NULL);
    struct roost_attach_options options = {
        .scope = own_scope(cli, scope),
        .consumer = consumer ? consumer : TAIL_CONSUMER,
        .start = option_is_given(cli, "from-first") ? ROOST_START_FIRST : ROOST_START_NEW,
    };
    if (!option_number(cli, "count", 1, UINT32_MAX, 0, &taking.count_max))
        return EXIT_USAGE;
    if (strncmp(scope, "queue:", 6) == 0) {
        complain(cli, "looking at a queue takes its messages from the workers; use 'roost recv'");
        return EXIT_USAGE;
    }
    cli->shows_scope = is_pattern(scope);
    stop_on_signals();
    enum roost_error error = roost_attach(cli->roost, &options, cli->timeout_ms, &taking.consumer);
    if (error != ROOST_OK)
        return fail_with(cli, scope, error);
    enum exit_code code = finish(&taking, take_messages(&taking));
    if (!consumer) { /* ours alone: leave nothing behind that gathers messages */
        struct roost_call call = {
            .method = ROOST_METHOD_CONSUMER_REMOVE, .scope = scope, .consumer = TAIL_CONSUMER};
        (void)roost_call(cli->roost, &call, cli->timeout_ms, NULL); /* an older broker cannot */
    }
    return code;
}

static const struct option_row tail_options[] = {
    {"consumer", 'c', "NAME", "keep the place under this name"},
    {"from-first", 0, NULL, "begin with the oldest message"},
    {"count", 'n', "N", "end after so many"},
    {NULL, 0, NULL, NULL},
};

static const char *const tail_examples[] = {"roost tail", "roost tail topic:sensors.temp --json",
                                            "roost tail 'topic:sensors.>'", NULL};

const struct command tail_command = {
    .name = "tail",
    .summary = "show messages as they come, until Ctrl-C",
    .usage = "[SCOPE]",
    .details = "Reads beside the other consumers and takes nothing from them. In the name of a "
               "topic * stands for one word and > at the end for one or more: quote them.",
    .positional_max = 1,
    .options = tail_options,
    .examples = tail_examples,
    .needs_session = true,
    .run = run_tail,
};
