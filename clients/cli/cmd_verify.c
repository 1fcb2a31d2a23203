/* SPDX-License-Identifier: MPL-2.0
 *
 * roost verify: holds a database against itself, without a broker (store/verify.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/progress.h"
#include "clients/cli/text.h"
#include "store/store.h"
#include "store/verify.h"

struct verification {
    struct cli *cli;
    struct progress progress;
    const char *check; /* in progress */
};

static void on_finding(void *context, const struct verify_finding *finding)
{
    struct verification *verification = context;
    if (verification->cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "check", finding->check);
        if (finding->seq)
            json_number(&json, "seq", finding->seq);
        json_text(&json, "text", finding->text);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    progress_end(&verification->progress);
    char text[1024];
    char check[32];
    (void)printf("%s: ", text_escape(finding->check, strnlen(finding->check, 30), check, 32));
    if (finding->seq)
        (void)printf("message %" PRIu64 ": ", finding->seq);
    (void)puts(text_escape(finding->text, strnlen(finding->text, 1000), text, sizeof(text)));
}

static bool on_progress(void *context, const char *check, uint64_t done, uint64_t total)
{
    struct verification *verification = context;
    if (verification->check != check) {
        bool is_quiet = verification->cli->is_quiet || verification->cli->is_json;
        progress_end(&verification->progress);
        progress_begin(&verification->progress, check, total, is_quiet);
        verification->check = check;
    }
    progress_show(&verification->progress, done);
    return true;
}

static enum exit_code conclude(struct cli *cli, enum err err, uint64_t findings)
{
    const char *path = cli->positional[0];
    if (err != ERR_OK) {
        complain(cli, "%s: %s (%s)", path, err_sentence(err), err_name(err));
        return EXIT_ERROR;
    }
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "file", path);
        json_number(&json, "findings", findings);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf(findings ? "%" PRIu64 " findings\n" : "sound\n", findings);
    }
    return findings ? EXIT_ERROR : EXIT_OK;
}

static enum exit_code run_verify(struct cli *cli)
{
    char text[256] = "";
    struct store *store;
    struct verification verification = {.cli = cli};
    struct store_options options = {
        .path = cli->positional[0],
        .read_only = true,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    if (access(cli->positional[0], F_OK) != 0) {
        complain(cli, "%s does not exist", cli->positional[0]);
        return EXIT_NOT_FOUND;
    }
    enum err err = store_open(&options, &store);
    if (err != ERR_OK) {
        complain(cli, "%s: %s%s%s", cli->positional[0], err_sentence(err), text[0] ? ": " : "",
                 text);
        return EXIT_ERROR;
    }
    uint64_t findings = 0;
    struct verify_options verify = {
        .on_finding = on_finding, .on_progress = on_progress, .context = &verification};
    err = verify_run(store, &verify, &findings);
    progress_end(&verification.progress);
    store_close(&store);
    return conclude(cli, err, findings);
}

static const char *const verify_examples[] = {"roost verify ~/.local/share/roost/roost.db", NULL};

const struct command verify_command = {
    .name = "verify",
    .summary = "check a data file completely",
    .usage = "FILE",
    .details =
        "Reads everything once and changes nothing; a running broker may use the file meanwhile.\n"
        "Exit code 1: something is wrong with it.",
    .positional_min = 1,
    .positional_max = 1,
    .examples = verify_examples,
    .run = run_verify,
};
