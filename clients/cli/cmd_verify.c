/* SPDX-License-Identifier: MPL-2.0
 *
 * roost verify: holds a database against itself, without a broker (verification.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "clients/cli/verification.h"

static enum exit_code conclude(struct cli *cli, uint64_t findings)
{
    const char *path = cli->positional[0];
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
    uint64_t findings = 0;
    struct verification_options options = {.path = cli->positional[0]};
    if (access(options.path, F_OK) != 0) {
        complain(cli, "%s does not exist", options.path);
        return EXIT_NOT_FOUND;
    }
    return verification_run(cli, &options, &findings) ? EXIT_ERROR : conclude(cli, findings);
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
