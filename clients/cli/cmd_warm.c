/* SPDX-License-Identifier: MPL-2.0
 *
 * roost peers warm: the broker looks for the peers of the local network that it knows, and we watch.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/text.h"

#define LOOK_NS 100000000

struct warm {
    uint64_t run, running, known, asked, answered, waiting, hit_rate_ppm;
};

static void take_counter(struct warm *warm, const struct roost_counter *counter)
{
    const struct {
        const char *name;
        uint64_t *value;
    } fields[] = {
        {"run", &warm->run},
        {"running", &warm->running},
        {"known", &warm->known},
        {"asked", &warm->asked},
        {"answered", &warm->answered},
        {"waiting", &warm->waiting},
        {"hit_rate_ppm", &warm->hit_rate_ppm},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(counter->name, fields[i].name) == 0)
            *fields[i].value = counter->value;
    }
}

static enum roost_error look(struct cli *cli, struct warm *ret)
{
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_WARM_START};
    enum roost_error error = roost_query(cli->roost, &query, cli->timeout_ms, &page);
    if (error)
        return error;
    *ret = (struct warm){.run = 0};
    for (size_t i = 0; i < page->counter_count; i++)
        take_counter(ret, &page->counters[i]);
    roost_page_destroy(&page);
    return ROOST_OK;
}

/* Until that run, or a later one, is over. */
static enum roost_error watch(struct cli *cli, uint64_t run, struct warm *ret)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    struct progress progress;
    enum roost_error error = look(cli, ret);
    bool is_begun = false;
    while (!error && (ret->running || ret->run < run)) {
        if (!is_begun && ret->known > 0) {
            progress_begin(&progress, "asking", ret->known, cli->is_quiet || cli->is_json);
            is_begun = true;
        }
        if (is_begun)
            progress_show(&progress, ret->known - ret->waiting);
        (void)nanosleep(&pause, NULL); /* shorter does no harm */
        error = look(cli, ret);
    }
    if (is_begun)
        progress_end(&progress);
    return error;
}

static void show_json(const struct warm *warm)
{
    struct json json;
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_number(&json, "run", warm->run);
    json_bool(&json, "running", warm->running);
    json_number(&json, "known", warm->known);
    json_number(&json, "asked", warm->asked);
    json_number(&json, "answered", warm->answered);
    json_number(&json, "waiting", warm->waiting);
    json_real(&json, "hit_rate", (double)warm->hit_rate_ppm / 1e6);
    json_object_end(&json);
    json_end_line(&json);
}

static void show(const struct cli *cli, const struct warm *warm)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"known", warm->known},
                {"asked", warm->asked},
                {"answered", warm->answered},
                {"still waiting", warm->waiting}};
    char number[TEXT_SIZE_BYTES];
    if (cli->is_json) {
        show_json(warm);
        return;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        (void)printf("%-14s %10s\n", rows[i].name, text_count(rows[i].value, number));
    if (warm->asked)
        (void)printf("%-14s %8.1f %%\n", "hit rate", (double)warm->hit_rate_ppm / 1e4);
}

static enum exit_code run_warm(struct cli *cli)
{
    struct roost_call call = {.method = ROOST_METHOD_WARM_START_AGAIN};
    struct roost_reply *reply;
    struct warm warm;
    enum roost_error error;
    if (option_is_given(cli, "last")) {
        error = look(cli, &warm);
    } else {
        error = roost_call_reply(cli->roost, &call, cli->timeout_ms, &reply);
        if (error)
            return fail_with(cli, "peers warm", error);
        uint64_t run = reply->seq;
        roost_reply_destroy(&reply);
        error = watch(cli, run, &warm);
    }
    if (error)
        return fail_with(cli, "peers warm", error);
    show(cli, &warm);
    return EXIT_OK;
}

static const struct option_row warm_options[] = {
    {"last", 0, NULL, "only show the last search, or how the one under way goes on"},
    {NULL, 0, NULL, NULL},
};

static const char *const warm_examples[] = {"roost peers warm", "roost peers warm --last --json",
                                            NULL};

const struct command peers_warm_command = {
    .name = "peers warm",
    .summary = "look for the known peers of the local network now",
    .usage = "",
    .details = "The broker asks everybody it knew on the local network within 7 days, also from an "
               "imported peer cache, whether he is there: relays first, then by reliability, 5 "
               "seconds each. It does so by itself when it starts. One that is under way is "
               "joined. For administrators.",
    .options = warm_options,
    .examples = warm_examples,
    .needs_session = true,
    .run = run_warm,
};
