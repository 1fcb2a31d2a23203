/* SPDX-License-Identifier: MPL-2.0
 *
 * See roostd_command.h.
 */
#include "roostd_command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ; /* POSIX wants it declared by the program */

#define DOCUMENT_BYTES_MAX (1u << 20)

const char roostd_version[] = "roost " ROOST_VERSION; /* of project() in CMakeLists.txt */

static const char help[] =
    "roostd - a durable message broker for ZeroMQ\n"
    "\n"
    "usage: roostd [--config FILE] [--data DIR] [--set KEY=VALUE ...] [--insecure]\n"
    "       roostd --check-config | --print-config | --version | --help\n"
    "\n"
    "Runs in the foreground until SIGTERM or Ctrl-C, then finishes what is in hand and stops.\n"
    "Without any option it listens on tcp://127.0.0.1:7667 and keeps its data in\n"
    "~/.local/share/roost. It is ready when it logs 'ready'.\n"
    "\n"
    "  --config FILE         read FILE: [section] and key = value lines\n"
    "  --data DIR            keep the data there (one file, roost.db; made if it is missing)\n"
    "  --set KEY=VALUE       set one key; stronger than file and environment; may be repeated\n"
    "  --insecure            listen beyond this machine although nobody has to prove who he is\n"
    "  --check-config        say whether the configuration is right; start nothing\n"
    "  --print-config        show every key, its value, and where that came from\n"
    "  --print-config-example  print a file with every key, its default and its meaning\n"
    "  --print-config-manual print the keys for roost.conf(5)\n"
    "  --print-exits-manual  print the exit codes for roostd(8)\n"
    "  --print-config-table  print docs/CONFIG.md\n"
    "  --print-errors-table  print docs/ERRORS.md\n"
    "  --print-metrics-table print docs/METRICS.md\n"
    "  --version             print the version\n"
    "  --help                print this\n"
    "\n"
    "Examples\n"
    "  roostd\n"
    "      a broker on loopback; try it with: roost --as bob send alice hello\n"
    "  roostd --data /tmp/try --set zmq.listen=tcp://127.0.0.1:*\n"
    "      one to play with, on a free port that the log names\n"
    "  roostd --config /etc/roost/roost.conf --print-config\n"
    "      what would really be in force\n"
    "  kill -HUP PID\n"
    "      read the configuration again\n"
    "\n"
    "All keys: roost.conf(5), docs/CONFIG.md. Environment: ROOST_SECTION_KEY, for example "
    "ROOST_LOG_LEVEL=debug.\n"
    "Exit codes: 0 stopped in order, 2 usage, 65 data file not usable, 69 unavailable, 73 data\n"
    "directory not usable or in use, 74 disk failed, 78 configuration wrong or unsafe, 1 other.\n";

enum option_id {
    OPTION_CONFIG = 1000,
    OPTION_DATA,
    OPTION_SET,
    OPTION_INSECURE,
    OPTION_ACTION, /* + enum roostd_action */
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"data", required_argument, NULL, OPTION_DATA},
    {"set", required_argument, NULL, OPTION_SET},
    {"insecure", no_argument, NULL, OPTION_INSECURE},
    {"check-config", no_argument, NULL, OPTION_ACTION + ACTION_CHECK_CONFIG},
    {"print-config", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_CONFIG},
    {"print-config-example", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_CONFIG_EXAMPLE},
    {"print-config-manual", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_CONFIG_MANUAL},
    {"print-exits-manual", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_EXITS_MANUAL},
    {"print-config-table", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_CONFIG_TABLE},
    {"print-errors-table", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_ERRORS_TABLE},
    {"print-metrics-table", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_METRICS_TABLE},
    {"version", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_VERSION},
    {"help", no_argument, NULL, OPTION_ACTION + ACTION_PRINT_HELP},
    {NULL, 0, NULL, 0},
};

/* --- Parsing */

static bool complain(const char *text, const char *what)
{
    (void)fprintf(stderr, "roostd: %s%s; try 'roostd --help'\n", text, what);
    return false;
}

static bool take_set(struct roostd_command *command, const char *assignment)
{
    if (command->set_count == ROOSTD_SETS_MAX)
        return complain("too many --set; use a file", "");
    command->sets[command->set_count++] = assignment;
    return true;
}

static bool take_option(struct roostd_command *command, int option, const char *argument)
{
    switch (option) {
    case OPTION_CONFIG:
        command->config_path = argument;
        return true;
    case OPTION_DATA:
        if (!argument[0])
            return complain("--data wants a directory", "");
        command->data_path = argument;
        return true;
    case OPTION_SET:
        return take_set(command, argument);
    case OPTION_INSECURE:
        command->is_insecure = true;
        return true;
    default:
        break;
    }
    if (option < OPTION_ACTION)
        return complain("wrong option", "");
    command->action = (enum roostd_action)(option - OPTION_ACTION);
    return true;
}

bool roostd_command_parse(int argc, char **argv, struct roostd_command *ret)
{
    *ret = (struct roostd_command){.action = ACTION_RUN};
    opterr = 0;
    optind = 1;
    for (;;) {
        int at = optind;
        int option = getopt_long(argc, argv, ":", long_options, NULL);
        if (option == -1)
            break;
        if (option == ':')
            return complain("this option wants a value: ", argv[at]);
        if (option == '?')
            return complain("unknown option ", argv[at]);
        if (!take_option(ret, option, optarg))
            return false;
    }
    if (optind < argc)
        return complain("unexpected argument ", argv[optind]);
    return true;
}

/* --- Loading */

static enum err load_sources(const struct roostd_command *command, struct config *config)
{
    enum err err = ERR_OK;
    if (command->config_path)
        err = config_load_file(config, command->config_path);
    if (!err)
        err = config_load_environment(config, environ);
    return err;
}

static enum err load_sets(const struct roostd_command *command, struct config *config,
                          struct buf *problem)
{
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < command->set_count; i++) {
        err = config_set(config, command->sets[i]);
        if (err && buf_append_format(problem, "--set %.256s: ", command->sets[i]))
            return ERR_INTERNAL; /* no memory for the words */
    }
    return err;
}

struct config *roostd_command_load(const struct roostd_command *command, struct buf *problem)
{
    struct config *config = config_new(&roostd_schema);
    enum err err = load_sources(command, config);
    if (!err)
        err = load_sets(command, config, problem);
    if (err)
        err = buf_append_text(problem, config_error(config)) ? ERR_INTERNAL : err;
    else
        err = roostd_config_check(config_values(config), command->is_insecure, problem);
    if (err)
        config_destroy(&config);
    return config;
}

/* --- Printing */

static enum roostd_exit print_buf(struct buf *buf, enum err err)
{
    size_t size = buf_size(buf);
    bool is_written = !err && fwrite(buf_data(buf), 1, size, stdout) == size && fflush(stdout) == 0;
    return is_written ? ROOSTD_EXIT_OK : ROOSTD_EXIT_ERROR;
}

static enum roostd_exit print_config(const struct roostd_command *command, struct buf *buf)
{
    struct config *config = roostd_command_load(command, buf);
    if (!config) {
        (void)fprintf(stderr, "roostd: %s\n", buf_text(buf) ? buf_text(buf) : "no memory");
        return ROOSTD_EXIT_CONFIG;
    }
    enum err err = command->action == ACTION_PRINT_CONFIG
                       ? config_write_file(config, buf)
                       : buf_append_text(buf, "the configuration is right\n");
    config_destroy(&config);
    return print_buf(buf, err);
}

enum roostd_exit roostd_command_print(const struct roostd_command *command)
{
    struct buf buf;
    enum roostd_exit code = ROOSTD_EXIT_ERROR;
    buf_init(&buf, DOCUMENT_BYTES_MAX);
    switch (command->action) {
    case ACTION_CHECK_CONFIG:
    case ACTION_PRINT_CONFIG:
        code = print_config(command, &buf);
        break;
    case ACTION_PRINT_CONFIG_EXAMPLE:
        code = print_buf(&buf, roostd_write_config_example(&buf));
        break;
    case ACTION_PRINT_CONFIG_MANUAL:
        code = print_buf(&buf, config_write_manual(&roostd_schema, &buf));
        break;
    case ACTION_PRINT_EXITS_MANUAL:
        code = print_buf(&buf, roostd_write_exits_manual(&buf));
        break;
    case ACTION_PRINT_CONFIG_TABLE:
        code = print_buf(&buf, roostd_write_config_document(&buf));
        break;
    case ACTION_PRINT_ERRORS_TABLE:
        code = print_buf(&buf, roostd_write_errors_document(&buf));
        break;
    case ACTION_PRINT_METRICS_TABLE:
        code = print_buf(&buf, roostd_write_metrics_document(&buf));
        break;
    case ACTION_PRINT_VERSION:
        code = print_buf(&buf, buf_append_format(&buf, "%s\n", roostd_version));
        break;
    case ACTION_PRINT_HELP:
        code = print_buf(&buf, buf_append_text(&buf, help));
        break;
    case ACTION_RUN:
        break;
    }
    buf_fini(&buf);
    return code;
}
