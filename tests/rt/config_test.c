/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/config: sources and their order, types and ranges, errors that help, documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rt/config.h"

struct values {
    const char *path;
    struct config_list listen;
    int64_t size_max_bytes;
    int64_t first_s;
    int preset;
    bool is_broadcast;
    const char *secret;
};

static const struct config_option options[] = {
    {.key = "store.path",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct values, path),
     .default_text = "roost.db",
     .help = "Where the data is."},
    {.key = "store.secret",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct values, secret),
     .default_text = "",
     .is_secret = true,
     .help = "A secret."},
    {.key = "zmq.listen",
     .type = CONFIG_LIST,
     .offset = offsetof(struct values, listen),
     .default_text = "tcp://127.0.0.1:7667",
     .help = "Where to listen."},
    {.key = "message.size_max_bytes",
     .type = CONFIG_INT,
     .offset = offsetof(struct values, size_max_bytes),
     .default_text = "1M",
     .min = 1,
     .max = 64 << 20,
     .unit = "bytes",
     .is_reloadable = true,
     .help = "Largest body."},
    {.key = "retry.preset",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct values, preset),
     .default_text = "patient",
     .choices = "patient|brisk",
     .is_reloadable = true,
     .help = "How patiently to retry."},
    {.key = "retry.first_s",
     .type = CONFIG_INT,
     .offset = offsetof(struct values, first_s),
     .default_text = "300",
     .min = 1,
     .max = 86400,
     .unit = "seconds",
     .is_reloadable = true,
     .help = "Delay of the first retry."},
    {.key = "ipmsg.broadcast",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct values, is_broadcast),
     .default_text = "on",
     .help = "Announce on the LAN."},
};

static const struct config_schema schema = {
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .struct_size = sizeof(struct values),
    .environment = "ROOST_",
};

static enum err load(struct config *config, const char *text)
{
    return config_load_text(config, "roost.conf", text, strlen(text));
}

static void defaults(void **state)
{
    (void)state;
    struct config *config = config_new(&schema);
    const struct values *values = config_values(config);
    assert_string_equal(values->path, "roost.db");
    assert_int_equal(values->listen.count, 1);
    assert_string_equal(values->listen.items[0], "tcp://127.0.0.1:7667");
    assert_int_equal(values->size_max_bytes, 1 << 20);
    assert_int_equal(values->preset, 0);
    assert_true(values->is_broadcast);
    assert_string_equal(config_origin(config, "store.path"), "default");
    assert_null(config_origin(config, "no.such"));
    assert_string_equal(config_error(config), "");
    config_destroy(&config);
    assert_null(config);
    config_destroy(&config);
}

static void a_file_is_read(void **state)
{
    (void)state;
    struct config *config = config_new(&schema);
    const struct values *values = config_values(config);
    assert_int_equal(load(config, "# a comment\r\n\n"
                                  "[store]\r\npath = /var/lib/roost/roost.db  \n"
                                  "[ zmq ]\nlisten = tcp://*:1\nlisten=tcp://*:2, ipc:///tmp/x\n"
                                  "[retry]\n  preset=brisk\nfirst_s = 5\n"
                                  "[ipmsg]\nbroadcast = off\n"
                                  "[message]\nsize_max_bytes = 64k"),
                     ERR_OK);
    assert_string_equal(values->path, "/var/lib/roost/roost.db");
    assert_int_equal(values->listen.count, 3);
    assert_string_equal(values->listen.items[2], "ipc:///tmp/x");
    assert_int_equal(values->preset, 1);
    assert_int_equal(values->first_s, 5);
    assert_false(values->is_broadcast);
    assert_int_equal(values->size_max_bytes, 65536);
    assert_string_equal(config_origin(config, "retry.first_s"), "roost.conf:10");
    config_destroy(&config);
}

static void stronger_sources_win_in_any_order(void **state)
{
    char path[] = "PATH=/bin", first[] = "ROOST_RETRY_FIRST_S=20";
    char store[] = "ROOST_STORE_PATH=env.db", other[] = "ROOST_TEST=unrelated";
    char *const environment[] = {path, first, store, other, NULL};
    (void)state;
    struct config *config = config_new(&schema);
    const struct values *values = config_values(config);
    assert_int_equal(config_set(config, "retry.first_s=30"), ERR_OK);
    assert_int_equal(config_set(config, "zmq.listen="), ERR_OK); /* none at all */
    assert_int_equal(config_load_environment(config, environment), ERR_OK);
    assert_int_equal(load(config, "[retry]\nfirst_s = 10\n[store]\npath = file.db\n"
                                  "[zmq]\nlisten = tcp://*:9\n"),
                     ERR_OK);
    assert_int_equal(values->first_s, 30);
    assert_string_equal(values->path, "env.db");
    assert_int_equal(values->listen.count, 0);
    assert_string_equal(config_origin(config, "retry.first_s"), "command line");
    assert_string_equal(config_origin(config, "store.path"), "environment");
    config_destroy(&config);
}

static void errors_name_place_and_remedy(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"[retry]\n\nfrist_s = 5", "roost.conf:3: unknown key 'retry.frist_s'; did you mean "
                                   "'retry.first_s'?"},
        {"[store]\nfirst_s = 5", "roost.conf:2: unknown key 'store.first_s'; did you mean "
                                 "'retry.first_s'?"},
        {"[store]\nelephant = 5", "roost.conf:2: unknown key 'store.elephant'"},
        {"[retyr]\n", "roost.conf:1: unknown section [retyr]; did you mean [retry]?"},
        {"[retr]\n", "roost.conf:1: unknown section [retr]; did you mean [retry]?"},
        {"[quantum]\n", "roost.conf:1: unknown section [quantum]"},
        {"[retry\n", "roost.conf:1: a section is written [name]"},
        {"hello\n", "roost.conf:1: expected 'key = value' or '[section]'"},
        {"[retry]\nfirst_s = 0", "roost.conf:2: retry.first_s: 0 is not within 1 to 86400 seconds"},
        {"[retry]\nfirst_s = 5x", "roost.conf:2: retry.first_s: '5x' is not a whole number"},
        {"[retry]\nfirst_s =", "roost.conf:2: retry.first_s: '' is not a whole number"},
        {"[retry]\nfirst_s = 99999999999999999999",
         "roost.conf:2: retry.first_s: '99999999999999999999' is not a whole number"},
        {"[retry]\nfirst_s = 9999999999G",
         "roost.conf:2: retry.first_s: '9999999999G' is not a whole number"},
        {"[retry]\npreset = fast", "roost.conf:2: retry.preset: 'fast' is not one of "
                                   "patient|brisk"},
        {"[ipmsg]\nbroadcast = maybe", "roost.conf:2: ipmsg.broadcast: 'maybe' is not one of "
                                       "on|off"},
        {"[store]\npath = x # where", "roost.conf:2: comments stand on lines of their own; if the "
                                      "value has a '#', put it in double quotes"},
        {"[store]\npath = a\x01z", "roost.conf:2: store.path: control characters are not allowed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = config_new(&schema);
        assert_int_equal(load(config, cases[i].text), ERR_CONFIG);
        assert_string_equal(config_error(config), cases[i].error);
        config_destroy(&config);
    }
}

static void errors_outside_files(void **state)
{
    char variable[] = "ROOST_RETRY_FIRSTS=20";
    char *const typo[] = {variable, NULL};
    (void)state;
    struct config *config = config_new(&schema);
    assert_int_equal(config_load_environment(config, typo), ERR_CONFIG);
    assert_string_equal(config_error(config), "environment: unknown key 'retry.firsts'; did you "
                                              "mean 'retry.first_s'?");
    assert_int_equal(config_set(config, "retry.first_s"), ERR_CONFIG);
    assert_string_equal(config_error(config), "command line: expected section.key=value");
    assert_int_equal(config_set(config, "first_s=1"), ERR_CONFIG);
    assert_string_equal(config_error(config), "command line: unknown key 'first_s'; did you mean "
                                              "'retry.first_s'?");
    assert_int_equal(config_load_file(config, "/nonexistent/roost.conf"), ERR_CONFIG);
    assert_string_equal(config_error(config), "/nonexistent/roost.conf: No such file or directory");
    config_destroy(&config);
}

static void an_error_is_one_short_line(void **state)
{
    char path[2000];
    char *environment[] = {(char[]){"ROOST_RETRY_FIRST_S=1\n2\x1b[31m"}, NULL};
    (void)state;
    struct config *config = config_new(&schema);
    assert_int_equal(config_load_environment(config, environment), ERR_CONFIG);
    assert_string_equal(config_error(config),
                        "environment: retry.first_s: '1?2?[31m' is not a whole number");
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(config_load_file(config, path), ERR_CONFIG);
    assert_in_range(strlen(config_error(config)), 10, 511);
    config_destroy(&config);
}

static void a_section_ends_where_its_name_does(void **state)
{
    static const char text[] = "[retry.preset\0and more behind it]\n";
    (void)state;
    struct config *config = config_new(&schema);
    assert_int_equal(config_load_text(config, "roost.conf", text, sizeof(text) - 1), ERR_CONFIG);
    config_destroy(&config);
}

static void a_refused_list_changes_nothing(void **state)
{
    (void)state;
    struct config *config = config_new(&schema);
    const struct values *values = config_values(config);
    assert_int_equal(config_set(config, "zmq.listen=one, tw\no, three"), ERR_CONFIG);
    assert_int_equal(values->listen.count, 1);
    assert_string_equal(values->listen.items[0], "tcp://127.0.0.1:7667");
    assert_string_equal(config_origin(config, "zmq.listen"), "default");
    config_destroy(&config);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void include_dir_is_read_in_order(void **state)
{
    char directory[] = "roost-config-XXXXXX";
    char path[100];
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/conf.d", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/conf.d/10.conf", directory);
    write_file(path, "[retry]\nfirst_s = 10\n");
    (void)snprintf(path, sizeof(path), "%s/conf.d/20.conf", directory);
    write_file(path, "[retry]\nfirst_s = 20\n");
    (void)snprintf(path, sizeof(path), "%s/conf.d/30.disabled", directory);
    write_file(path, "nonsense");
    (void)snprintf(path, sizeof(path), "%s/roost.conf", directory);
    write_file(path, "include_dir = conf.d\n[store]\npath = \" x # y \"\n");

    struct config *config = config_new(&schema);
    const struct values *values = config_values(config);
    assert_int_equal(config_load_file(config, path), ERR_OK);
    assert_int_equal(values->first_s, 20);
    assert_string_equal(values->path, " x # y ");
    write_file(path, "include_dir = nowhere\n");
    assert_int_equal(config_load_file(config, path), ERR_CONFIG);
    assert_non_null(strstr(config_error(config), "roost.conf:1: include_dir "));
    config_destroy(&config);

    const char *const names[] = {"conf.d/10.conf", "conf.d/20.conf", "conf.d/30.disabled",
                                 "roost.conf"};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    (void)snprintf(path, sizeof(path), "%s/conf.d", directory);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

/* The error of one file with this content; "" when it is taken. */
static const char *error_of_file(const char *path, const char *text, char ret[600])
{
    struct config *config = config_new(&schema);
    write_file(path, text);
    enum err err = config_load_file(config, path);
    assert_true((err == ERR_OK) == (config_error(config)[0] == '\0'));
    (void)snprintf(ret, 600, "%s", config_error(config)); /* cut is fine */
    config_destroy(&config);
    return ret;
}

static void wrong_includes_are_named(void **state)
{
    char directory[] = "roost-config-XXXXXX", path[100], inner[100], text[5000], error[600];
    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/roost.conf", directory);
    (void)snprintf(inner, sizeof(inner), "%s/inner.conf", directory);
    write_file(inner, "[retry]\nfirst_s = 10\n");
    assert_non_null(strstr(error_of_file(path, "include_dir =\n", error), "needs a path"));
    (void)snprintf(text, sizeof(text), "include_dir = %04090d\n", 1);
    assert_non_null(strstr(error_of_file(path, text, error), ":1: include_dir: the path is too"));
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/main", directory); /* not one of the included */
    assert_string_equal(error_of_file(path, "include_dir = .\n", error), "");
    write_file(inner, "include_dir = .\n");
    assert_non_null(strstr(error_of_file(path, "include_dir = .\n", error),
                           "inner.conf:1: include_dir is not allowed in included files"));
    assert_int_equal(unlink(inner), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void what_is_too_large_is_refused(void **state)
{
    char path[] = "roost-config-XXXXXX", error[600];
    char *text = malloc(CONFIG_FILE_MAX + 100);
    int fd = mkstemp(path);
    (void)state;
    assert_non_null(text);
    assert_true(fd >= 0 && close(fd) == 0);

    int at = sprintf(text, "[store]\npath = ");
    memset(text + at, 'p', CONFIG_TEXT_MAX);
    text[at + CONFIG_TEXT_MAX] = '\0';
    assert_string_equal(error_of_file(path, text, error), "");
    text[at + CONFIG_TEXT_MAX] = 'p';
    text[at + CONFIG_TEXT_MAX + 1] = '\0';
    assert_non_null(strstr(error_of_file(path, text, error), "store.path: longer than 4096 bytes"));

    at = sprintf(text, "[zmq]\n");
    for (int i = 0; i < CONFIG_LIST_MAX; i++)
        at += sprintf(text + at, "listen = tcp://127.0.0.1:%d\n", i);
    assert_string_equal(error_of_file(path, text, error), "");
    (void)sprintf(text + at, "listen = one too many\n");
    assert_non_null(strstr(error_of_file(path, text, error), "zmq.listen: more than 256 values"));

    memset(text, '\n', CONFIG_FILE_MAX + 50);
    text[CONFIG_FILE_MAX + 50] = '\0';
    assert_non_null(strstr(error_of_file(path, text, error), "larger than 1048576 bytes"));
    free(text);
    assert_int_equal(unlink(path), 0);
}

static void one_value_is_shown(void **state)
{
    struct buf out;
    (void)state;
    struct config *config = config_new(&schema);
    buf_init(&out, 1000);
    assert_int_equal(config_set(config, "retry.preset=brisk"), ERR_OK);
    assert_int_equal(config_write_value(config, "retry.preset", &out), ERR_OK);
    assert_string_equal(buf_text(&out), "brisk");
    assert_int_equal(config_write_value(config, "no.such", &out), ERR_CONFIG);
    buf_fini(&out);
    config_destroy(&config);
}

static void the_written_file_reads_back(void **state)
{
    struct buf out;
    (void)state;
    struct config *first = config_new(&schema);
    assert_int_equal(config_set(first, "zmq.listen=\"tcp://*:1,#2\""), ERR_OK);
    assert_int_equal(config_set(first, "store.path= a #b"), ERR_OK);
    assert_int_equal(config_set(first, "store.secret=hunter2"), ERR_OK);
    assert_int_equal(config_set(first, "retry.preset=brisk"), ERR_OK);
    assert_int_equal(config_set(first, "ipmsg.broadcast=no"), ERR_OK);
    buf_init(&out, 100000);
    assert_int_equal(config_write_file(first, &out), ERR_OK);
    const char *text = buf_text(&out);
    assert_null(strstr(text, "hunter2"));
    assert_non_null(strstr(text, "# Delay of the first retry. (1 to 86400 seconds; from: default)\n"
                                 "# first_s = 300\n"));
    assert_non_null(strstr(text, "(patient or brisk; from: command line)\npreset = brisk\n"));

    struct config *second = config_new(&schema);
    assert_int_equal(load(second, text), ERR_OK);
    const struct values *values = config_values(second);
    assert_int_equal(values->listen.count, 2);
    assert_string_equal(values->listen.items[0], "\"tcp://*:1");
    assert_string_equal(values->listen.items[1], "#2\"");
    assert_string_equal(values->path, "a #b");
    assert_int_equal(values->preset, 1);
    assert_false(values->is_broadcast);
    config_destroy(&first);
    config_destroy(&second);
    buf_fini(&out);
}

static void note_change(const struct config_option *option, void *context)
{
    char *text = context;
    (void)strcat(text, option->key);
    (void)strcat(text, " ");
}

static void reload_compares(void **state)
{
    char changes[200] = "";
    (void)state;
    struct config *before = config_new(&schema);
    struct config *after = config_new(&schema);
    assert_int_equal(config_compare(before, after, note_change, changes), 0);
    assert_string_equal(changes, "");
    assert_int_equal(load(after, "[store]\npath = b\n[retry]\nfirst_s = 7\n[zmq]\nlisten = x\n"),
                     ERR_OK);
    assert_int_equal(config_compare(before, after, note_change, changes), 2);
    assert_string_equal(changes, "store.path zmq.listen retry.first_s ");
    config_destroy(&before);
    config_destroy(&after);
}

static void documents(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 100000);
    assert_int_equal(config_write_markdown(&schema, &out), ERR_OK);
    assert_non_null(strstr(buf_text(&out), "### retry\n"));
    assert_non_null(strstr(buf_text(&out), "| `retry.first_s` | 1 to 86400 seconds | `300` | "
                                           "reload | Delay of the first retry. |\n"));
    assert_non_null(strstr(buf_text(&out), "| `store.secret` | text | - | restart |"));
    buf_clear(&out);
    assert_int_equal(config_write_help(&schema, &out), ERR_OK);
    assert_non_null(strstr(buf_text(&out), "ipmsg.broadcast = on\n    Announce on the LAN. "));
    buf_fini(&out);
}

/* Read as it is, the example changes nothing; with its options uncommented neither. */
static void the_example_is_the_defaults(void **state)
{
    struct buf out;
    char changes[200] = "";
    (void)state;
    buf_init(&out, 100000);
    assert_int_equal(config_write_example(&schema, &out), ERR_OK);
    char *text = strdup(buf_text(&out));
    assert_non_null(text);
    assert_non_null(strstr(text, "# Delay of the first retry. (1 to 86400 seconds; "
                                 "changed by reload)\n#first_s = 300\n"));
    struct config *defaults = config_new(&schema);
    struct config *example = config_new(&schema);
    assert_int_equal(load(example, text), ERR_OK);
    assert_int_equal(config_compare(defaults, example, note_change, changes), 0);
    for (char *at = text; (at = strstr(at, "\n#")); at++)
        if (at[2] != ' ')
            at[1] = ' ';
    assert_int_equal(load(example, text), ERR_OK);
    assert_int_equal(config_compare(defaults, example, note_change, changes), 0);
    assert_string_equal(changes, "");
    for (const char *line = text; line; line = strchr(line + 1, '\n'))
        assert_true(strcspn(line + 1, "\n") <= 100);
    config_destroy(&defaults);
    config_destroy(&example);
    buf_fini(&out);
    free(text);
}

static void the_manual_has_every_option(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 100000);
    assert_int_equal(config_write_manual(&schema, &out), ERR_OK);
    for (size_t i = 0; i < schema.option_count; i++) {
        char item[100];
        (void)snprintf(item, sizeof(item), ".It Cm %s", schema.options[i].key);
        assert_non_null(strstr(buf_text(&out), item));
    }
    buf_clear(&out);
    assert_int_equal(config_write_mdoc(".a `b\\c` d. End 0. x", &out), ERR_OK);
    assert_string_equal(buf_text(&out), "\\&.a \\(oqb\\ec\\(cq d.\nEnd 0. x");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(stronger_sources_win_in_any_order),
        cmocka_unit_test(errors_name_place_and_remedy),
        cmocka_unit_test(errors_outside_files),
        cmocka_unit_test(an_error_is_one_short_line),
        cmocka_unit_test(a_section_ends_where_its_name_does),
        cmocka_unit_test(a_refused_list_changes_nothing),
        cmocka_unit_test(include_dir_is_read_in_order),
        cmocka_unit_test(wrong_includes_are_named),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(one_value_is_shown),
        cmocka_unit_test(the_written_file_reads_back),
        cmocka_unit_test(reload_compares),
        cmocka_unit_test(documents),
        cmocka_unit_test(the_example_is_the_defaults),
        cmocka_unit_test(the_manual_has_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
