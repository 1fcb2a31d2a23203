/* SPDX-License-Identifier: MPL-2.0
 *
 * Listeners with real sockets: addresses, the last descriptors that are left to others, and none at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateways/tcp_listeners.h"
#include "rt/log.h"

static struct tcp_listeners open_one(void)
{
    struct tcp_listeners listeners;
    struct tcp_listen listen = {"lair.listen", "127.0.0.1:*", "127.0.0.1:8080", 0};
    tcp_listeners_init(&listeners, epoll_create1(EPOLL_CLOEXEC));
    assert_true(listeners.poller >= 0);
    assert_int_equal(tcp_listeners_add(&listeners, &listen), ERR_OK);
    return listeners;
}

static void close_one(struct tcp_listeners *listeners)
{
    tcp_listeners_fini(listeners);
    assert_int_equal(close(listeners->poller), 0);
}

static uint16_t port_of(const struct tcp_listeners *listeners)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    assert_int_equal(getsockname(listeners->fds[0], (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static int dial(const struct tcp_listeners *listeners)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port_of(listeners))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int ready(const struct tcp_listeners *listeners, int wait_ms)
{
    struct epoll_event event;
    return epoll_wait(listeners->poller, &event, 1, wait_ms);
}

struct seen {
    int accepted, refused, paused;
};

static void on_accepted(void *context, size_t index, int fd, const struct sockaddr *from,
                        socklen_t size)
{
    struct seen *seen = context;
    assert_int_equal(index, 0);
    assert_int_equal(size, sizeof(struct sockaddr_in));
    assert_int_equal(from->sa_family, AF_INET);
    assert_int_equal(close(fd), 0);
    seen->accepted++;
}

static void on_refused(void *context)
{
    ((struct seen *)context)->refused++;
}

static void on_paused(void *context)
{
    ((struct seen *)context)->paused++;
}

static void expect(struct tcp_listeners *listeners, struct seen wanted)
{
    static const struct tcp_taker taker = {on_accepted, on_refused, on_paused};
    struct seen seen = {0, 0, 0};
    tcp_listeners_take(listeners, 0, &taker, &seen);
    assert_int_equal(seen.accepted, wanted.accepted);
    assert_int_equal(seen.refused, wanted.refused);
    assert_int_equal(seen.paused, wanted.paused);
}

static const struct seen NOTHING = {0, 0, 0}, PAUSED = {0, 0, 1};

static void test_addresses(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        ":",
                                        "8080",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        ":8080",
                                        "host.example:80",
                                        "127.0.0.1:x",
                                        "[::1]",
                                        "127.0.0.1:1234567890123456",
                                        "[]:80"};
    struct tcp_listeners listeners = open_one();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct tcp_listen listen = {"http.listen", wrong[i], "127.0.0.1:7668", 0};
        assert_int_equal(tcp_listeners_add(&listeners, &listen), ERR_ADDRESS);
    }
    struct tcp_listen taken = {"http.listen", "127.0.0.1:*", "127.0.0.1:7668", port_of(&listeners)};
    assert_int_equal(tcp_listeners_add(&listeners, &taken), ERR_ADDRESS);
    assert_int_equal(listeners.count, 1);
    close_one(&listeners);
    assert_int_equal(listeners.count, 0);
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    struct tcp_listeners listeners = open_one();
    expect(&listeners, NOTHING);
    int clients[2] = {dial(&listeners), dial(&listeners)};
    assert_int_equal(ready(&listeners, 5000), 1);
    expect(&listeners, (struct seen){.accepted = 2});
    expect(&listeners, NOTHING);
    for (int i = 0; i < 2; i++)
        assert_int_equal(close(clients[i]), 0);
    close_one(&listeners);
}

static void test_only_so_many_in_one_go(void **state)
{
    (void)state;
    int clients[65];
    struct tcp_listeners listeners = open_one();
    for (int i = 0; i < 65; i++)
        clients[i] = dial(&listeners);
    expect(&listeners, (struct seen){.accepted = 64});
    expect(&listeners, (struct seen){.accepted = 1});
    for (int i = 0; i < 65; i++)
        assert_int_equal(close(clients[i]), 0);
    close_one(&listeners);
}

/* With a limit that leaves `left` descriptors beyond those that are open. */
static void set_limit(const struct rlimit *before, int left)
{
    int next = dup(STDIN_FILENO);
    assert_true(next >= 0);
    assert_int_equal(close(next), 0);
    struct rlimit limit = {(rlim_t)(next + left), before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_the_last_descriptors_are_left(void **state)
{
    (void)state;
    struct rlimit before;
    int held[64], count = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct tcp_listeners listeners = open_one();
    int clients[3] = {dial(&listeners), -1, -1};
    for (; count < 64; count++) /* so that an eighth is several */
        held[count] = dup(STDIN_FILENO);
    set_limit(&before, 1); /* the next number is within the reserve */
    expect(&listeners, (struct seen){.refused = 1});
    char byte;
    assert_true(read(clients[0], &byte, 1) <= 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 1; i < 3; i++)
        clients[i] = dial(&listeners);
    set_limit(&before, 0);
    expect(&listeners, PAUSED);
    assert_int_equal(ready(&listeners, 0), 0); /* nobody is woken for it */
    expect(&listeners, PAUSED);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(tcp_listeners_go_on(&listeners));
    assert_int_equal(ready(&listeners, 5000), 1);
    expect(&listeners, (struct seen){.accepted = 2});
    for (int i = 0; i < count; i++)
        assert_int_equal(close(held[i]), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(close(clients[i]), 0);
    close_one(&listeners);
}

static void test_the_reserve(void **state)
{
    (void)state;
    assert_int_equal(tcp_listeners_reserve(1024), 128);
    assert_int_equal(tcp_listeners_reserve(524288), 65536);
}

static int quiet(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_only_so_many_in_one_go),
        cmocka_unit_test(test_the_last_descriptors_are_left),
        cmocka_unit_test(test_the_reserve),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
