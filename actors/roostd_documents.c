/* SPDX-License-Identifier: MPL-2.0
 *
 * docs/CONFIG.md, docs/ERRORS.md, docs/METRICS.md and the example configuration, printed from the
 * tables of the program. A test compares the files with what is printed here, so they cannot be out
 * of date.
 */
#include <string.h>

#include "roostd_config.h"
#include "roostd_exit.h"
#include "rt/metrics.h"

static const char config_head[] =
    "# Configuration\n"
    "\n"
    "<!-- Made by `roostd --print-config-table`. Change actors/roostd_config.def instead. -->\n"
    "\n"
    "roostd needs no configuration: without any it listens on `tcp://127.0.0.1:7667` and keeps its "
    "data in\n"
    "`~/.local/share/roost`. What you do set can come from four places, the later ones winning:\n"
    "\n"
    "1. the defaults below\n"
    "2. the file named by `--config FILE`\n"
    "3. the environment: `ROOST_RETRY_FIRST_S=10` is `retry.first_s`\n"
    "4. the command line: `--set retry.first_s=10`, as often as you like\n"
    "\n"
    "```\n"
    "# roost.conf\n"
    "[zmq]\n"
    "listen = tcp://127.0.0.1:7667\n"
    "listen = ipc:///run/roost/zmq\n"
    "\n"
    "[retry]\n"
    "preset = brisk\n"
    "```\n"
    "\n"
    "A list is one value per line, or several with commas between them; the strongest source gives "
    "the whole list.\n"
    "Numbers may end in K, M or G (times 1,024, its square, its cube). `#` begins a comment on a "
    "line of its own. An\n"
    "unknown key or a value out of range is an error, with file, line and the key that was "
    "probably meant: nothing is\n"
    "ignored. `include_dir = PATH`, before any section, reads every `.conf` file of a folder in "
    "order of name.\n"
    "\n"
    "* `roostd --check-config` says whether all of it is right, and starts nothing.\n"
    "* `roostd --print-config` shows every value and where it came from; its output is a file "
    "again.\n"
    "* `SIGHUP` reads file and environment again. What is marked *reload* changes at once; the log "
    "names what needs a\n"
    "  restart.\n"
    "\n"
    "Not in the file, because they decide which file and which data: `--config FILE`, `--data DIR` "
    "(default: the first of\n"
    "`$STATE_DIRECTORY`, `$XDG_DATA_HOME/roost`, `~/.local/share/roost`), and `--insecure`.\n"
    "\n"
    "## Keys\n"
    "\n";

static const char config_exits[] = "\n"
                                   "## Exit codes of roostd\n"
                                   "\n"
                                   "| code | meaning |\n"
                                   "|---|---|\n";

static const char example_head[] =
    "# roost.conf: the configuration of roostd, see roost.conf(5).\n"
    "#\n"
    "# Every key stands below with its default; take the # away in front of what is to differ.\n"
    "#     roostd --config FILE --check-config     is it right?\n"
    "#     roostd --config FILE --print-config     what is in force, and where does it come from?\n"
    "#     systemctl reload roostd                 take over what is \"changed by reload\"\n"
    "#     systemctl restart roostd                take over the rest\n"
    "#\n"
    "# Files of a folder can be read as well; that line stands here, before the first section:\n"
    "#include_dir = /etc/roost/conf.d\n"
    "\n";

static const char errors_head[] =
    "# Errors\n"
    "\n"
    "<!-- Made by `roostd --print-errors-table`. Change actors/rt/err.def instead. -->\n"
    "\n"
    "Every refusal of the broker has a code. Codes are part of the protocol and never change their "
    "meaning; the words beside\n"
    "them are for people and may. A client that meets a code it does not know goes by the first "
    "digit.\n"
    "\n"
    "*Retryable*: the same request may succeed later, so wait `retry_after_ms` and try again. "
    "Anything else will\n"
    "fail again, however often it is tried. *HTTP*: the status when it answers a request of "
    "REST.\n";

static const char metrics_head[] =
    "# Metrics\n"
    "\n"
    "<!-- Made by `roostd --print-metrics-table`. Change actors/rt/metrics.def instead. -->\n"
    "\n"
    "`GET /metrics` on the HTTP listener shows all of them in the text format of Prometheus "
    "(0.0.4). Reading them never\n"
    "touches the database and asks no actor: each actor keeps its own in memory. They count since "
    "the start of the daemon.\n"
    "Anybody on this machine may read them; elsewhere an administrator's token is needed, or "
    "`http.metrics_open = on`.\n"
    "\n"
    "```\n"
    "scrape_configs:\n"
    "  - job_name: roost\n"
    "    static_configs:\n"
    "      - targets: ['127.0.0.1:7668']\n"
    "```\n"
    "\n"
    "Every series has the label `actor`; where several actors share a name, the second one has "
    "`instance=\"2\"`. Sum over\n"
    "`actor` to get the broker's number. `roost_errors_total` has `code` and `error` as well. A "
    "histogram has one bucket\n"
    "per power of two. Names, kinds and units are an interface: they do not change.\n"
    "\n";

static const struct group {
    uint32_t first;
    const char *title;
    const char *advice;
} groups[] = {
    {1000, "1xxx: protocol", "Usually a bug of the client, except 1008 NO_SESSION: say HELLO."},
    {2000, "2xxx: identity and rights", "Stop, and tell the user."},
    {3000, "3xxx: addresses", "Tell the user."},
    {4000, "4xxx: limits", "Send less, or smaller."},
    {5000, "5xxx: state of a message", "Often fine: 5002 DUPLICATE is a success."},
    {6000, "6xxx: the broker", "Wait and try again. From 6100 on: roostd could not start."},
};

#define GROUPS_COUNT (sizeof(groups) / sizeof(groups[0]))
#define GROUP_SPAN   1000u

static enum err write_group(const struct group *group, struct buf *out)
{
    enum err err =
        buf_append_format(out,
                          "\n## %s\n\n%s\n\n| code | name | retryable | HTTP | meaning |\n"
                          "|---|---|---|---|---|\n",
                          group->title, group->advice);
    for (int i = 1; !err && i < ERR_COUNT; i++) {
        enum err each = (enum err)i;
        if (err_code(each) / GROUP_SPAN != group->first / GROUP_SPAN)
            continue;
        err = buf_append_format(out, "| %u | %s | %s | %u | %s |\n", err_code(each), err_name(each),
                                err_is_retryable(each) ? "yes" : "no", err_http_status(each),
                                err_sentence(each));
    }
    return err;
}

enum err roostd_write_errors_document(struct buf *out)
{
    enum err err = buf_append_text(out, errors_head);
    for (size_t i = 0; !err && i < GROUPS_COUNT; i++)
        err = write_group(&groups[i], out);
    return err;
}

enum err roostd_write_metrics_document(struct buf *out)
{
    enum err err = buf_append_text(out, metrics_head);
    return err ? err : metrics_write_markdown(out);
}

enum err roostd_write_config_document(struct buf *out)
{
    enum err err = buf_append_text(out, config_head);
    if (!err)
        err = config_write_markdown(&roostd_schema, out);
    if (!err)
        err = buf_append_text(out, config_exits);
#define EXIT(NAME, code, meaning)                                                                  \
    if (!err)                                                                                      \
        err = buf_append_format(out, "| %d | %s |\n", code, meaning);
    ROOSTD_EXITS(EXIT)
#undef EXIT
    return err;
}

enum err roostd_write_config_example(struct buf *out)
{
    enum err err = buf_append_text(out, example_head);
    return err ? err : config_write_example(&roostd_schema, out);
}

enum err roostd_write_exits_manual(struct buf *out)
{
    enum err err = ERR_OK;
#define EXIT(NAME, code, meaning)                                                                  \
    if (!err)                                                                                      \
        err = buf_append_format(out, ".It %d\n%s\n", code, meaning);
    ROOSTD_EXITS(EXIT)
#undef EXIT
    return err;
}
