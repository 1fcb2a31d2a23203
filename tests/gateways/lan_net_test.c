/* SPDX-License-Identifier: MPL-2.0
 *
 * Real sockets: on loopback aliases for everybody, on interfaces of an own network namespace where
 * the kernel gives us one.
 */
#define _GNU_SOURCE
#include <setjmp.h> /* cmocka wants these first */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateways/ipmsg/lan_net.h"

#define LOOPBACK(last) (0x7f000000u + (last))
#define HEARD_MAX      512

struct heard {
    struct lan_path paths[HEARD_MAX];
    char texts[HEARD_MAX][64];
    size_t sizes[HEARD_MAX];
    size_t count;
};

static void hear(void *context, const struct lan_path *path, const void *bytes, size_t size)
{
    struct heard *heard = context;
    assert_true(heard->count < HEARD_MAX);
    heard->paths[heard->count] = *path;
    heard->sizes[heard->count] = size;
    memcpy(heard->texts[heard->count], bytes, size < 63 ? size : 63);
    heard->texts[heard->count++][size < 63 ? size : 63] = '\0';
}

static void wait_for(struct lan_net *net, struct heard *heard, size_t count)
{
    for (int i = 0; i < 200 && heard->count < count; i++) {
        struct pollfd poller = {.fd = lan_net_fd(net), .events = POLLIN};
        (void)poll(&poller, 1, 50);
        lan_net_receive(net, hear, heard);
    }
    assert_int_equal(heard->count, count);
}

static struct lan_net *open_at(const char *const *listen, size_t count)
{
    struct lan_net_options options = {
        .listen = listen, .listen_count = count, .is_broadcast = true};
    struct lan_net *net = NULL;
    assert_int_equal(lan_net_open(&options, &net), ERR_OK);
    assert_true(lan_net_is_listening(net));
    return net;
}

static struct sockaddr_in in_of(struct lan_address address)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(address.ip),
                                .sin_port = htons(address.port)};
}

/* Somebody on the network; *address gets the port. */
static int stranger(struct lan_address *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    struct sockaddr_in in = in_of(*address);
    socklen_t size = sizeof(in);
    (void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
    assert_int_equal(bind(fd, (struct sockaddr *)&in, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    address->port = ntohs(in.sin_port);
    return fd;
}

static void tell(int fd, struct lan_address to, const char *text)
{
    struct sockaddr_in in = in_of(to);
    assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&in, sizeof(in)),
                     (ssize_t)strlen(text));
}

static struct lan_address listen_to(int fd, const char *text)
{
    char bytes[256] = "";
    struct sockaddr_in in;
    socklen_t size = sizeof(in);
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 5000), 1);
    assert_true(recvfrom(fd, bytes, sizeof(bytes) - 1, 0, (struct sockaddr *)&in, &size) >= 0);
    assert_string_equal(bytes, text);
    return (struct lan_address){ntohl(in.sin_addr.s_addr), ntohs(in.sin_port)};
}

/* --- Text. */

static void test_addresses(void **state)
{
    struct lan_address address;
    char text[LAN_ADDRESS_TEXT_MAX];
    (void)state;
    assert_int_equal(lan_address_parse("192.168.1.20", &address), ERR_OK);
    assert_int_equal(address.ip, 0xc0a80114u);
    assert_int_equal(address.port, LAN_PORT);
    assert_int_equal(lan_address_parse("255.255.255.255:65535", &address), ERR_OK);
    lan_address_format(address, text);
    assert_string_equal(text, "255.255.255.255:65535");
    assert_int_equal(lan_address_parse("127.0.0.1:*", &address), ERR_OK);
    assert_int_equal(address.port, 0);
    static const char *const wrong[] = {"",
                                        ":2425",
                                        "1.2.3",
                                        "1.2.3.4:",
                                        "1.2.3.4:0",
                                        "1.2.3.4:65536",
                                        "1.2.3.4:24x",
                                        "[::1]:2425",
                                        "somewhere:1",
                                        "1.2.3.4: 5",
                                        "1.2.3.4:-1",
                                        "1.2.3.4.5"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(lan_address_parse(wrong[i], &address), ERR_ADDRESS);
}

static void test_names_to_go_by(void **state)
{
    (void)state;
    assert_true(lan_name_is_fit("roost") && lan_name_is_fit("a-0123456789abcde"));
    assert_true(lan_name_is_fit("-0123456789abcde") && lan_name_is_fit("0123456789abcdef0"));
    assert_false(lan_name_is_fit("") || lan_name_is_fit("a:b") || lan_name_is_fit("a@b"));
    assert_false(lan_name_is_fit("a b") || lan_name_is_fit("\xc3\xa4"));
    assert_false(lan_name_is_fit("roost-0123456789ABCDEF"));
    assert_false(lan_name_is_fit("12345678901234567890123456789012345678901"));
}

static void test_what_cannot_be_listened_to(void **state)
{
    const char *no_address[] = {"somewhere"};
    struct lan_net_options options = {.listen = no_address, .listen_count = 1};
    struct lan_net *net = NULL;
    struct lan_address taken = {.ip = LOOPBACK(9)};
    char text[LAN_ADDRESS_TEXT_MAX];
    const char *in_use[] = {text};
    (void)state;
    assert_int_equal(lan_net_open(&options, &net), ERR_ADDRESS);
    assert_null(net);
    int fd = stranger(&taken);
    lan_address_format(taken, text);
    options.listen = in_use;
    assert_int_equal(lan_net_open(&options, &net), ERR_ADDRESS); /* never shared */
    assert_null(net);
    close(fd);
}

/* --- Loopback aliases. */

static void test_answers_leave_from_where_it_was_asked(void **state)
{
    const char *listen[] = {"127.0.0.2:*", "127.0.0.3:*"};
    struct lan_net *net = open_at(listen, 2);
    struct lan_address me = {.ip = LOOPBACK(7)};
    struct heard heard = {0};
    struct lan_path path;
    int fd = stranger(&me);
    (void)state;
    for (uint32_t last = 2; last <= 3; last++) {
        char text[32];
        bool is_found = false;
        assert_true(lan_net_path_to(net, me, &path));
        (void)snprintf(text, sizeof(text), "to %u", (unsigned)last);
        /* The port is known from the one that answers. */
        struct lan_path first = {.remote = me};
        for (uint32_t port = 1024; port < 65536 && !is_found; port++) {
            first.local = (struct lan_address){LOOPBACK(last), (uint16_t)port};
            is_found = lan_net_is_own(net, first.local);
        }
        assert_true(is_found);
        tell(fd, first.local, text);
        wait_for(net, &heard, last - 1);
        assert_string_equal(heard.texts[last - 2], text);
        path = heard.paths[last - 2];
        assert_int_equal(path.local.ip, LOOPBACK(last));
        assert_int_equal(path.remote.ip, me.ip);
        assert_int_equal(path.remote.port, me.port);
        assert_int_equal(lan_net_send(net, &path, "yes", 3), ERR_OK);
        struct lan_address from = listen_to(fd, "yes");
        assert_int_equal(from.ip, LOOPBACK(last));
        assert_int_equal(from.port, first.local.port);
    }
    close(fd);
    lan_net_close(&net);
}

static void test_what_is_near(void **state)
{
    static const char *const near[] = {"127.0.0.9",      "10.1.2.3",    "172.16.0.1",
                                       "172.31.255.255", "192.168.1.1", "169.254.3.4"};
    static const char *const far[] = {"8.8.8.8",     "172.15.0.1",   "172.32.0.1",
                                      "192.169.0.1", "198.51.100.1", "0.0.0.0"};
    const char *listen[] = {"127.0.0.2:*"};
    struct lan_net *net = open_at(listen, 1);
    struct lan_address address;
    (void)state;
    for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
        assert_int_equal(lan_address_parse(near[i], &address), ERR_OK);
        assert_true(lan_net_is_near(net, address));
    }
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        assert_int_equal(lan_address_parse(far[i], &address), ERR_OK);
        assert_false(lan_net_is_near(net, address));
    }
    lan_net_close(&net);
}

/* A socket for all addresses knows to which a datagram came. */
static void test_all_addresses(void **state)
{
    const char *listen[] = {"0.0.0.0:*"};
    struct lan_net *net = open_at(listen, 1);
    struct lan_address me = {.ip = LOOPBACK(1)};
    struct heard heard = {0};
    struct lan_path path;
    int fd = stranger(&me);
    (void)state;
    assert_true(lan_net_path_to(net, me, &path));
    for (uint32_t last = 11; last < 14; last++) {
        tell(fd, (struct lan_address){LOOPBACK(last), path.local.port}, "here");
        wait_for(net, &heard, last - 10);
        assert_int_equal(heard.paths[last - 11].local.ip, LOOPBACK(last));
        assert_int_equal(lan_net_send(net, &heard.paths[last - 11], "there", 5), ERR_OK);
        assert_int_equal(listen_to(fd, "there").ip, LOOPBACK(last));
    }
    close(fd);
    lan_net_close(&net);
}

static void test_many_and_large(void **state)
{
    const char *listen[] = {"127.0.0.2:*"};
    struct lan_net *net = open_at(listen, 1);
    struct lan_address me = {.ip = LOOPBACK(7)};
    struct heard *heard = calloc(1, sizeof(*heard));
    struct lan_path path;
    char *large = malloc(LAN_DATAGRAM_BYTES_MAX);
    int fd = stranger(&me);
    (void)state;
    assert_true(heard && large && lan_net_path_to(net, me, &path));
    for (int i = 0; i < 300; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%d", i);
        tell(fd, path.local, text);
    }
    lan_net_receive(net, hear, heard);
    assert_true(heard->count > 0 && heard->count < 300); /* bounded */
    wait_for(net, heard, 300);
    for (int i = 0; i < 300; i++)
        assert_int_equal(strtol(heard->texts[i], NULL, 10), i);
    memset(large, 'x', LAN_DATAGRAM_BYTES_MAX);
    struct sockaddr_in in = in_of(path.local);
    assert_int_equal(
        sendto(fd, large, LAN_DATAGRAM_BYTES_MAX, 0, (struct sockaddr *)&in, sizeof(in)),
        LAN_DATAGRAM_BYTES_MAX);
    wait_for(net, heard, 301);
    assert_int_equal(heard->sizes[300], LAN_DATAGRAM_BYTES_MAX);
    tell(fd, path.local, ""); /* an empty one is one, too */
    wait_for(net, heard, 302);
    assert_int_equal(heard->sizes[301], 0);
    free(heard);
    free(large);
    close(fd);
    lan_net_close(&net);
}

/* --- In a network of our own. The child's exit code is the result. */

#define NO_NAMESPACE 77
#define RUN(command)                                                                               \
    do {                                                                                           \
        if (system(command " 2>/dev/null") != 0)                                                   \
            return __LINE__ % 64 + 1;                                                              \
    } while (0)
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__ % 64 + 1;                                                              \
    } while (0)

static int in_namespace(int (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool is_root = geteuid() == 0;
        int rc = unshare(is_root ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET);
        _exit(rc != 0 || system("ip link set lo up 2>/dev/null") != 0 ? NO_NAMESPACE : body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool look(struct lan_net *net, struct heard *heard)
{
    struct pollfd poller = {.fd = lan_net_fd(net), .events = POLLIN};
    bool is_readable = poll(&poller, 1, 5000) == 1;
    lan_net_receive(net, hear, heard);
    return is_readable;
}

static int interfaces_come_and_go(void)
{
    const char *listen[] = {"10.77.0.1:2425"};
    struct lan_net_options options = {.listen = listen, .listen_count = 1};
    struct lan_net *net = NULL;
    static struct heard heard;
    MUST(lan_net_open(&options, &net) == ERR_OK);
    MUST(!lan_net_is_listening(net)); /* waits for its address */
    for (int round = 0; round < 2; round++) {
        RUN("ip addr add 10.77.0.1/24 dev lo");
        for (int i = 0; i < 50 && !lan_net_is_listening(net); i++)
            MUST(look(net, &heard));
        MUST(lan_net_is_listening(net) && lan_net_take_news(net) && !lan_net_take_news(net));
        struct lan_address me = {.ip = LOOPBACK(1)};
        int fd = stranger(&me);
        tell(fd, (struct lan_address){0x0a4d0001u, 2425}, "hello");
        MUST(look(net, &heard) && strcmp(heard.texts[heard.count - 1], "hello") == 0);
        close(fd);
        RUN("ip addr del 10.77.0.1/24 dev lo");
        for (int i = 0; i < 50 && lan_net_is_listening(net); i++)
            MUST(look(net, &heard));
        MUST(!lan_net_is_listening(net) && !lan_net_take_news(net));
    }
    lan_net_close(&net);
    return 0;
}

static int broadcasts(void)
{
    static struct heard heard;
    RUN("ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up");
    RUN("ip addr add 10.78.0.1/24 broadcast 10.78.0.255 dev v0");
    for (int is_all = 0; is_all < 2; is_all++) {
        const char *listen[] = {is_all ? "0.0.0.0:2425" : "10.78.0.1:2425"};
        struct lan_address me = {.ip = 0x0a4e0001u}, everybody = {.ip = 0x0a4e00ffu, .port = 2425};
        struct lan_net *net = open_at(listen, 1);
        int fd = stranger(&me); /* another port of the same machine hears broadcasts, too */
        tell(fd, everybody, "anybody there?");
        size_t before = heard.count;
        MUST(look(net, &heard) && heard.count == before + 1);
        MUST(heard.paths[before].local.ip == 0x0a4e0001u);
        MUST(lan_net_send(net, &heard.paths[before], "yes", 3) == ERR_OK);
        MUST(listen_to(fd, "yes").ip == 0x0a4e0001u);
        MUST(lan_net_announce(net, "I am here", 9) == 1);
        close(fd);
        lan_net_close(&net);
    }
    return 0;
}

static void expect_in_namespace(int (*body)(void))
{
    int code = in_namespace(body);
    if (code == NO_NAMESPACE) {
        print_message("no network namespace to be had: left out\n");
        skip();
    }
    assert_int_equal(code, 0);
}

static void test_interfaces_come_and_go(void **state)
{
    (void)state;
    expect_in_namespace(interfaces_come_and_go);
}

static void test_broadcasts(void **state)
{
    (void)state;
    expect_in_namespace(broadcasts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_names_to_go_by),
        cmocka_unit_test(test_what_cannot_be_listened_to),
        cmocka_unit_test(test_answers_leave_from_where_it_was_asked),
        cmocka_unit_test(test_what_is_near),
        cmocka_unit_test(test_all_addresses),
        cmocka_unit_test(test_many_and_large),
        cmocka_unit_test(test_interfaces_come_and_go),
        cmocka_unit_test(test_broadcasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
