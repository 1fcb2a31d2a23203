/* SPDX-License-Identifier: MPL-2.0
 *
 * The tables of roostd: options, addresses, documents, command line, data directory, and what the
 * actors are given.
 */
#include "play.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors.h"
#include "backoff.h"
#include "roostd_command.h"
#include "roostd_config.h"
#include "roostd_data.h"

static void test_defaults_are_those_of_the_design(void **state)
{
    (void)state;
    struct config *config = config_new(&roostd_schema);
    const struct roostd_config *values = config_values(config);
    assert_int_equal(values->zmq_listen.count, 1);
    assert_string_equal(values->zmq_listen.items[0], "tcp://127.0.0.1:7667");
    assert_int_equal(values->message_ttl_s, 604800);
    assert_int_equal(values->message_size_max_bytes, 1 << 20);
    assert_int_equal(values->presence_timeout_s, 180);
    assert_int_equal(values->cleanup_interval_s, 3600);
    assert_int_equal(values->retry_preset, RETRY_PATIENT);
    assert_int_equal(values->mailbox_autocreate, AUTOCREATE_AUTO);
    assert_true(roostd_is_local(values));
    config_destroy(&config);
}

static void test_the_table_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < roostd_schema.option_count; i++) {
        const struct config_option *option = &roostd_schema.options[i];
        assert_non_null(strchr(option->key, '.'));
        assert_true(strlen(option->help) > 20);
        assert_int_equal(option->help[strlen(option->help) - 1], '.');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(option->key, roostd_schema.options[j].key);
        if (option->type == CONFIG_INT)
            assert_non_null(option->unit);
    }
}

static void test_addresses(void **state)
{
    static const struct {
        const char *address;
        enum roostd_address kind;
    } cases[] = {
        {"tcp://127.0.0.1:7667", ADDRESS_LOCAL},
        {"tcp://127.0.0.1:*", ADDRESS_LOCAL},
        {"tcp://127.255.255.254:1", ADDRESS_LOCAL},
        {"tcp://localhost:7667", ADDRESS_LOCAL},
        {"tcp://lo:7667", ADDRESS_LOCAL},
        {"tcp://[::1]:7667", ADDRESS_LOCAL},
        {"ipc:///run/roost/zmq", ADDRESS_LOCAL},
        {"ipc://relative", ADDRESS_LOCAL},
        {"tcp://0.0.0.0:7667", ADDRESS_REMOTE},
        {"tcp://*:7667", ADDRESS_REMOTE},
        {"tcp://[::]:7667", ADDRESS_REMOTE},
        {"tcp://eth0:7667", ADDRESS_REMOTE},
        {"tcp://10.0.0.1:7667", ADDRESS_REMOTE},
        {"tcp://127.0.0.1.example.com:7667", ADDRESS_REMOTE},
        {"tcp://127.evil.com:7667", ADDRESS_REMOTE},
        {"tcp://127.0.0.256:7667", ADDRESS_REMOTE},
        {"tcp://127.0.0.1.:7667", ADDRESS_REMOTE},
        {"tcp://127.0.0:7667", ADDRESS_REMOTE},
        {"tcp://localhost.example.com:7667", ADDRESS_REMOTE},
        {"tcp://127.0.0.1", ADDRESS_WRONG},
        {"tcp://127.0.0.1:", ADDRESS_WRONG},
        {"tcp://127.0.0.1:65536", ADDRESS_WRONG},
        {"tcp://127.0.0.1:http", ADDRESS_WRONG},
        {"tcp://:7667", ADDRESS_WRONG},
        {"tcp://eth0;10.0.0.1:7667", ADDRESS_WRONG},
        {"tcp://", ADDRESS_WRONG},
        {"ipc://", ADDRESS_WRONG},
        {"udp://127.0.0.1:7667", ADDRESS_WRONG},
        {"inproc://x", ADDRESS_WRONG},
        {"127.0.0.1:7667", ADDRESS_WRONG},
        {"", ADDRESS_WRONG},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (roostd_address_kind(cases[i].address) != cases[i].kind)
            fail_msg("%s is %d", cases[i].address, (int)roostd_address_kind(cases[i].address));
}

static enum err check(const char *assignment, bool is_insecure, char ret_text[512])
{
    struct buf buf;
    buf_init(&buf, 4096);
    struct config *config = config_new(&roostd_schema);
    enum err err = config_set(config, assignment);
    if (!err)
        err = roostd_config_check(config_values(config), is_insecure, &buf);
    (void)snprintf(ret_text, 512, "%s%s", config_error(config), buf_text(&buf));
    config_destroy(&config);
    buf_fini(&buf);
    return err;
}

static void test_checks(void **state)
{
    char text[512];
    (void)state;
    assert_int_equal(check("zmq.listen=tcp://0.0.0.0:7667", false, text), ERR_UNSAFE_LISTENER);
    assert_non_null(strstr(text, "--insecure"));
    assert_null(strchr(text, '\n'));
    assert_int_equal(check("zmq.listen=tcp://0.0.0.0:7667", true, text), ERR_OK);
    assert_int_equal(check("zmq.listen=nonsense", true, text), ERR_CONFIG);
    assert_non_null(strstr(text, "nonsense"));
    assert_int_equal(check("zmq.listen=", false, text), ERR_CONFIG);
    assert_int_equal(check("zmq.lisen=tcp://127.0.0.1:1", false, text), ERR_CONFIG);
    assert_non_null(strstr(text, "zmq.listen"));
    assert_int_equal(check("message.size_max_bytes=9M", false, text), ERR_CONFIG);
    assert_int_equal(check("smtp.listen=127.0.0.1:25", false, text), ERR_CONFIG);
    assert_int_equal(check("retry.preset=hasty", false, text), ERR_CONFIG);
    assert_int_equal(check("retry.preset=brisk", false, text), ERR_OK);
}

static void test_checks_of_http(void **state)
{
    char text[512];
    (void)state;
    assert_int_equal(check("http.listen=", false, text), ERR_OK);
    assert_int_equal(check("http.listen=127.0.0.1:*,[::1]:7668", false, text), ERR_OK);
    assert_int_equal(check("http.listen=7668", false, text), ERR_CONFIG);
    assert_non_null(strstr(text, "http.listen"));
    assert_int_equal(check("http.listen=0.0.0.0:7668", false, text), ERR_UNSAFE_LISTENER);
    assert_non_null(strstr(text, "http.tls_certificate"));
    assert_int_equal(check("http.listen=0.0.0.0:7668", true, text), ERR_OK);
    assert_int_equal(check("http.tls_certificate=/a.pem", false, text), ERR_CONFIG);
    assert_non_null(strstr(text, "http.tls_key"));
    assert_int_equal(check("http.tls_key=/a.pem", false, text), ERR_CONFIG);
    assert_int_equal(
        check("http.listen=127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4,127.0.0.1:5,"
              "127.0.0.1:6,127.0.0.1:7,127.0.0.1:8,127.0.0.1:9",
              false, text),
        ERR_CONFIG);
}

static void test_checks_of_lair(void **state)
{
    char text[512];
    (void)state;
    assert_int_equal(check("lair.listen=127.0.0.1:8080", false, text), ERR_OK);
    assert_int_equal(check("lair.listen=8080", false, text), ERR_CONFIG);
    assert_non_null(strstr(text, "lair.listen"));
    assert_int_equal(check("lair.listen=0.0.0.0:8080", false, text), ERR_UNSAFE_LISTENER);
    assert_non_null(strstr(text, "lair.tls_certificate"));
    assert_int_equal(check("lair.listen=0.0.0.0:8080", true, text), ERR_OK);
    assert_int_equal(check("lair.tls_certificate=/a.pem", false, text), ERR_CONFIG);
    assert_non_null(strstr(text, "lair.tls_key"));
}

/* `count` items of a list, the last one with a number of its own. */
static enum err check_many(const char *key, const char *item, unsigned count, char ret_text[512])
{
    char assignment[2000];
    int at = snprintf(assignment, sizeof(assignment), "%s=", key);
    for (unsigned i = 0; i < count; i++)
        at += snprintf(assignment + at, sizeof(assignment) - (size_t)at, "%s%u,", item, 1000 + i);
    return check(assignment, false, ret_text);
}

static void test_checks_of_numbers(void **state)
{
    char text[512];
    (void)state;
    assert_int_equal(check_many("zmq.listen", "tcp://127.0.0.1:", 16, text), ERR_OK);
    assert_int_equal(check_many("zmq.listen", "tcp://127.0.0.1:", 17, text), ERR_CONFIG);
    assert_non_null(strstr(text, "at most 16"));
    assert_int_equal(check_many("ipmsg.listen", "127.0.0.1:", 17, text), ERR_CONFIG);
    assert_non_null(strstr(text, "at most 16"));
    assert_int_equal(check_many("http.hosts", "host", 16, text), ERR_OK);
    assert_int_equal(check_many("http.hosts", "host", 17, text), ERR_CONFIG);
    assert_int_equal(check("zmq.listen=curve://0.0.0.0:7667", false, text), ERR_OK);
}

/* Peers of the local network never get an identity, so nobody has to say --insecure for them. */
static void test_checks_of_the_local_network(void **state)
{
    char text[512];
    (void)state;
    assert_int_equal(check("ipmsg.listen=0.0.0.0:2425", false, text), ERR_OK);
    assert_int_equal(check("ipmsg.listen=192.168.1.9,127.0.0.2:*", false, text), ERR_OK);
    assert_int_equal(check("ipmsg.listen=tcp://0.0.0.0:2425", false, text), ERR_CONFIG);
    assert_non_null(strstr(text, "ipmsg.listen"));
    assert_int_equal(check("ipmsg.seeds=10.0.0.1,10.0.0.2:2426", false, text), ERR_OK);
    assert_int_equal(check("ipmsg.seeds=somewhere", false, text), ERR_CONFIG);
    assert_int_equal(check("ipmsg.seeds=10.0.0.1:*", false, text), ERR_CONFIG);
    assert_int_equal(check("ipmsg.user=a:b", false, text), ERR_CONFIG);
    assert_int_equal(check("ipmsg.user=roost-0123456789abcdef", false, text), ERR_CONFIG);
    assert_int_equal(check("ipmsg.nickname=a\nb", false, text), ERR_CONFIG);
    assert_int_equal(check("ipmsg.charset=latin1", false, text), ERR_CONFIG);
}

static void test_documents(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 1 << 20);
    assert_int_equal(roostd_write_config_document(&buf), ERR_OK);
    const char *text = buf_text(&buf);
    for (size_t i = 0; i < roostd_schema.option_count; i++)
        assert_non_null(strstr(text, roostd_schema.options[i].key));
    assert_non_null(strstr(text, "| 78 |"));
    buf_clear(&buf);
    assert_int_equal(roostd_write_errors_document(&buf), ERR_OK);
    text = buf_text(&buf);
    for (int i = 1; i < ERR_COUNT; i++) {
        char row[64];
        (void)snprintf(row, sizeof(row), "| %u | %s |", err_code((enum err)i),
                       err_name((enum err)i));
        if (!strstr(text, row))
            fail_msg("%s is missing", row);
    }
    buf_fini(&buf);
}

static bool parse(struct roostd_command *command, int argc, const char **argv)
{
    int out = dup(STDERR_FILENO);
    int silence = open("/dev/null", O_WRONLY);
    assert_true(out >= 0 && silence >= 0 && dup2(silence, STDERR_FILENO) >= 0);
    bool is_right = roostd_command_parse(argc, (char **)(uintptr_t)argv, command);
    assert_true(dup2(out, STDERR_FILENO) >= 0);
    (void)close(out);
    (void)close(silence);
    return is_right;
}

static void test_command_line(void **state)
{
    struct roostd_command command;
    (void)state;
    assert_true(parse(&command, 1, (const char *[]){"roostd", NULL}));
    assert_int_equal(command.action, ACTION_RUN);
    assert_null(command.data_path);
    assert_true(parse(&command, 8,
                      (const char *[]){"roostd", "--data", "/d", "--set", "a.b=c", "--set=d.e=f",
                                       "--insecure", "--check-config", NULL}));
    assert_int_equal(command.action, ACTION_CHECK_CONFIG);
    assert_string_equal(command.data_path, "/d");
    assert_int_equal(command.set_count, 2);
    assert_string_equal(command.sets[1], "d.e=f");
    assert_true(command.is_insecure);
    assert_false(parse(&command, 2, (const char *[]){"roostd", "--datum", NULL}));
    assert_false(parse(&command, 2, (const char *[]){"roostd", "--data", NULL}));
    assert_false(parse(&command, 2, (const char *[]){"roostd", "run", NULL}));
    assert_false(parse(&command, 3, (const char *[]){"roostd", "--data", "", NULL}));
    assert_false(parse(&command, 2, (const char *[]){"roostd", "-x", NULL}));
}

static void test_sources_in_order(void **state)
{
    char path[] = "/tmp/roostd_config_test.XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    static const char file[] =
        "[zmq]\nheartbeat_ms = 1000\nsessions_max = 7\n[message]\nttl_s = 9\n";
    assert_int_equal(write(fd, file, sizeof(file) - 1), (int)sizeof(file) - 1);
    assert_int_equal(setenv("ROOST_ZMQ_SESSIONS_MAX", "8", 1), 0);
    assert_int_equal(setenv("ROOST_ZMQ_HEARTBEAT_MS", "2000", 1), 0);
    struct roostd_command command = {
        .config_path = path, .sets = {"zmq.heartbeat_ms=3000"}, .set_count = 1};
    struct buf problem;
    buf_init(&problem, 4096);
    struct config *config = roostd_command_load(&command, &problem);
    assert_non_null(config);
    const struct roostd_config *values = config_values(config);
    assert_int_equal(values->zmq_heartbeat_ms, 3000);
    assert_int_equal(values->zmq_sessions_max, 8);
    assert_int_equal(values->message_ttl_s, 9);
    config_destroy(&config);
    command.sets[0] = "zmq.heartbeat_ms=fast";
    assert_null(roostd_command_load(&command, &problem));
    assert_non_null(strstr(buf_text(&problem), "heartbeat_ms"));
    buf_fini(&problem);
    assert_int_equal(unsetenv("ROOST_ZMQ_SESSIONS_MAX"), 0);
    assert_int_equal(unsetenv("ROOST_ZMQ_HEARTBEAT_MS"), 0);
    (void)close(fd);
    (void)unlink(path);
}

static void test_data_directory(void **state)
{
    struct roostd_data data;
    struct stat status;
    char base[] = "/tmp/roostd_data_test.XXXXXX";
    char path[PATH_MAX];
    (void)state;
    assert_non_null(mkdtemp(base));
    (void)snprintf(path, sizeof(path), "%s/a/b/c", base);
    assert_int_equal(roostd_data_open(path, &data), ERR_OK);
    assert_int_equal(roostd_data_open(path, &data), ERR_OK); /* again */
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_string_equal(data.database + strlen(path), "/roost.db");

    assert_int_equal(setenv("XDG_DATA_HOME", base, 1), 0);
    assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
    assert_int_equal(roostd_data_open(NULL, &data), ERR_OK);
    assert_string_equal(data.directory + strlen(base), "/roost");
    assert_int_equal(setenv("STATE_DIRECTORY", path, 1), 0);
    assert_int_equal(roostd_data_open(NULL, &data), ERR_OK);
    assert_string_equal(data.directory, path);
    assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
    assert_int_equal(setenv("XDG_DATA_HOME", "relative", 1), 0); /* as the standard says: ignored */
    assert_int_equal(setenv("HOME", path, 1), 0);
    assert_int_equal(roostd_data_open(NULL, &data), ERR_OK);
    assert_string_equal(data.directory + strlen(path), "/.local/share/roost");

    (void)snprintf(path, sizeof(path), "%s/file", base);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(roostd_data_open(path, &data), ERR_STORAGE);
    (void)snprintf(path, sizeof(path), "rm -r '%s'", base);
    assert_int_equal(system(path), 0);
}

static struct actors *describe(struct config *config)
{
    static struct actors actors;
    actors_describe(config_values(config), "/d/roost.db", &actors);
    return &actors;
}

static struct config *configured(const char *assignment)
{
    struct config *config = config_new(&roostd_schema);
    assert_int_equal(config_set(config, assignment), ERR_OK);
    return config;
}

static void test_actors_get_what_was_configured(void **state)
{
    (void)state;
    struct config *config = config_new(&roostd_schema);
    struct actors *actors = describe(config);
    for (size_t i = 0; i < ACTOR_COUNT; i++)
        assert_non_null(actors->specs[i].class);
    assert_string_equal(actors->specs[ACTOR_SYNC_MANAGER].class->name, "sync-manager");
    assert_string_equal(actors->specs[ACTOR_ZMQ_GATEWAY].class->name, "zmq-gateway");
    assert_string_equal(actors->persistence.path, "/d/roost.db");
    assert_true(actors->persistence.is_autocreate);
    assert_int_equal(actors->persistence.ttl_ms, 604800000);
    assert_int_equal(actors->history.presence_timeout_ms, 180000);
    assert_int_equal(actors->sync_manager.backoff.first_ms, backoff_patient.first_ms);
    assert_int_equal(actors->zmq_gateway.limits.frame_bytes_max, WIRE_FRAME_BYTES_DEFAULT);
    assert_int_equal(actors->zmq_gateway.admin_count, 1);
    config_destroy(&config);
}

static void test_auto_is_strict_beyond_this_machine(void **state)
{
    (void)state;
    struct config *config = configured("zmq.listen=tcp://0.0.0.0:7667,tcp://127.0.0.1:7668");
    struct actors *actors = describe(config);
    assert_false(actors->persistence.is_autocreate);
    assert_int_equal(actors->zmq_gateway.admin_count, 0);
    assert_int_equal(config_set(config, "mailbox.autocreate=on"), ERR_OK);
    assert_int_equal(config_set(config, "security.admins=ana, bob"), ERR_OK);
    actors = describe(config);
    assert_true(actors->persistence.is_autocreate);
    assert_int_equal(actors->zmq_gateway.admin_count, 2);
    assert_string_equal(actors->zmq_gateway.admins[1], "bob");
    config_destroy(&config);
    config = configured("http.listen=0.0.0.0:7668");
    actors = describe(config);
    assert_int_equal(actors->zmq_gateway.admin_count, 0);
    assert_int_equal(actors->http_gateway.admin_count, 0);
    assert_false(actors->http_gateway.is_open); /* everybody needs a token */
    config_destroy(&config);
    config = configured("ipmsg.listen=0.0.0.0:2425"); /* strangers make no mailboxes ... */
    actors = describe(config);
    assert_false(actors->persistence.is_autocreate);
    assert_int_equal(actors->zmq_gateway.admin_count, 1); /* ... and are never administrators */
    config_destroy(&config);
    config = configured("ipmsg.listen=127.0.0.5:2425");
    assert_true(describe(config)->persistence.is_autocreate);
    config_destroy(&config);
}

static void test_sizes_follow_the_largest_message(void **state)
{
    (void)state;
    struct config *config = configured("message.size_max_bytes=8M");
    struct actors *actors = describe(config);
    const struct zmq_gateway_options *zmq = &actors->zmq_gateway;
    assert_true(zmq->limits.frame_bytes_max >= (8u << 20) + WIRE_ENTRY_OVERHEAD_BYTES_MAX);
    assert_true(zmq->limits.frame_bytes_max <= WIRE_FRAME_BYTES_CAP);
    assert_true(zmq->publish_bytes >= zmq->limits.frame_bytes_max);
    assert_true(zmq->publish_bytes_total >= zmq->publish_bytes);
    assert_memory_equal(&actors->persistence.limits, &zmq->limits, sizeof(zmq->limits));
    config_destroy(&config);
}

static void test_retry_preset_and_its_parts(void **state)
{
    (void)state;
    struct config *config = configured("retry.preset=brisk");
    assert_int_equal(config_set(config, "retry.attempts_max=3"), ERR_OK);
    struct backoff backoff = describe(config)->sync_manager.backoff;
    assert_int_equal(backoff.first_ms, backoff_brisk.first_ms);
    assert_int_equal(backoff.retries_max, 3);
    assert_int_equal(config_set(config, "retry.first_s=2"), ERR_OK);
    assert_int_equal(config_set(config, "retry.cap_s=9"), ERR_OK);
    backoff = describe(config)->sync_manager.backoff;
    assert_int_equal(backoff.first_ms, 2000);
    assert_int_equal(backoff.gap_max_ms, 9000);
    config_destroy(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_those_of_the_design),
        cmocka_unit_test(test_the_table_is_in_order),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_checks_of_http),
        cmocka_unit_test(test_checks_of_lair),
        cmocka_unit_test(test_checks_of_numbers),
        cmocka_unit_test(test_checks_of_the_local_network),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_sources_in_order),
        cmocka_unit_test(test_data_directory),
        cmocka_unit_test(test_actors_get_what_was_configured),
        cmocka_unit_test(test_auto_is_strict_beyond_this_machine),
        cmocka_unit_test(test_sizes_follow_the_largest_message),
        cmocka_unit_test(test_retry_preset_and_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
