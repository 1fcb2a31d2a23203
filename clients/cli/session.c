/* SPDX-License-Identifier: MPL-2.0
 *
 * See session.h.
 */
#include "clients/cli/session.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clients/cli/keys.h"
#include "clients/cli/secret.h"

#define TIMEOUT_MS 10000

static const char *default_peer(void)
{
    const struct passwd *entry = getpwuid(getuid());
    const char *name = entry ? entry->pw_name : getenv("USER");
    return name && name[0] ? name : "nobody";
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && value[0] ? value : otherwise;
}

bool session_take_common(struct cli *cli)
{
    uint64_t timeout_ms;
    if (!option_seconds(cli, "timeout", TIMEOUT_MS, &timeout_ms))
        return false;
    cli->timeout_ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    cli->url = option_text(cli, "url", from_environment("ROOST_URL", ROOST_DEFAULT_URL));
    cli->peer = option_text(cli, "as", NULL);
    if (!cli->peer)
        cli->peer = from_environment("ROOST_PEER", default_peer());
    return true;
}

/* The reason of the last failed attempt is in the events. */
static void explain_no_broker(struct cli *cli)
{
    struct roost_event *event;
    char why[256] = "";
    while (roost_next_event(cli->roost, 0, &event) == ROOST_OK) {
        if (event->kind == ROOST_EVENT_DISCONNECTED)
            (void)snprintf(why, sizeof(why), ": %s", event->text);
        roost_event_destroy(&event);
    }
    complain(cli, "no broker at %s within %.3g s%s", cli->url, cli->timeout_ms / 1000.0, why);
}

static enum roost_error connect_as(struct cli *cli, const struct cli_keys *keys,
                                   const char *credentials)
{
    struct roost_options options = {
        .url = cli->url, .peer = cli->peer, .credentials = credentials, .software = "roost"};
    keys_fill(keys, &options);
    enum roost_error error = roost_open(&options, &cli->roost);
    return error ? error : roost_connect_wait(cli->roost, cli->timeout_ms);
}

static enum exit_code explain_refusal(struct cli *cli, enum roost_error error)
{
    if (error == ROOST_BAD_URL)
        return fail_with(cli, cli->url, error);
    if (error == ROOST_BAD_NAME)
        return fail_with(cli, cli->peer, error);
    if (error != ROOST_TIMEOUT)
        return fail_with(cli, "the broker refused this session", error);
    explain_no_broker(cli);
    return EXIT_TIMEOUT;
}

enum exit_code session_open_with(struct cli *cli, const char *credentials)
{
    struct cli_keys keys;
    enum exit_code code = EXIT_USAGE;
    if (keys_take(cli, &keys)) {
        enum roost_error error = connect_as(cli, &keys, credentials);
        code = error ? explain_refusal(cli, error) : EXIT_OK;
    }
    keys_wipe(&keys);
    return code;
}

/* Where the name has an account and nothing else was said, whoever sits at the terminal is asked. */
static enum exit_code open_with_keys(struct cli *cli, const struct cli_keys *keys)
{
    char secret[SECRET_BYTES_MAX + 1] = "";
    const char *path = secret_path(cli);
    if (path && !secret_from_file(cli, path, secret))
        return EXIT_USAGE;
    enum roost_error error = connect_as(cli, keys, path ? secret : NULL);
    if (error == ROOST_NO_CREDENTIALS && !path && isatty(STDIN_FILENO)) {
        (void)roost_close(&cli->roost, 0);
        if (!secret_from_terminal(cli, "password-file", "password", false, secret))
            return EXIT_USAGE;
        error = connect_as(cli, keys, secret);
    }
    secret_wipe(secret);
    return error ? explain_refusal(cli, error) : EXIT_OK;
}

enum exit_code session_open(struct cli *cli)
{
    struct cli_keys keys;
    enum exit_code code = EXIT_USAGE;
    if (keys_take(cli, &keys))
        code = open_with_keys(cli, &keys);
    keys_wipe(&keys);
    return code;
}
