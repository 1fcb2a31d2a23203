/* SPDX-License-Identifier: MPL-2.0
 *
 * See verification.h.
 */
#include "clients/cli/verification.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

enum err verification_run(struct cli *cli, const struct verification_options *options,
                          uint64_t *ret_findings)
{
    char text[256] = "";
    struct store *store;
    struct verification verification = {.cli = cli};
    struct store_options store_options = {
        .path = options->path,
        .read_only = true,
        .any_older = options->any_older,
        .is_at_rest = options->is_at_rest,
        .error_text = text,
        .error_text_size_bytes = sizeof(text),
    };
    enum err err = store_open(&store_options, &store);
    if (err != ERR_OK) {
        complain(cli, "%s: %s%s%s", options->path, err_sentence(err), text[0] ? ": " : "", text);
        return err;
    }
    struct verify_options verify = {
        .on_finding = on_finding, .on_progress = on_progress, .context = &verification};
    err = verify_run(store, &verify, ret_findings);
    progress_end(&verification.progress);
    store_close(&store);
    if (err != ERR_OK)
        complain(cli, "%s: %s (%s)", options->path, err_sentence(err), err_name(err));
    return err;
}
