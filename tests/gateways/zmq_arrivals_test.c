/* SPDX-License-Identifier: MPL-2.0
 *
 * Connections without a session, with real sockets: who is cut, when, and that nobody else is, whatever
 * became of a descriptor.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateways/zmq/zmq_arrivals.h"

#define PATIENCE_NS ((int64_t)ZMQ_ARRIVALS_PATIENCE_MS * 1000000)

struct pair {
    int ours, theirs;
};

static struct mono_time at(int64_t ns)
{
    return (struct mono_time){1000 + ns};
}

static struct pair make_pair(void)
{
    int both[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both), 0);
    return (struct pair){both[0], both[1]};
}

static void close_pair(const struct pair *pair)
{
    assert_int_equal(close(pair->ours), 0);
    assert_int_equal(close(pair->theirs), 0);
}

/* Whether the other side sees an end. */
static bool is_cut(const struct pair *pair)
{
    char byte;
    return read(pair->theirs, &byte, 1) == 0;
}

static void test_who_gets_no_session_is_cut(void **state)
{
    (void)state;
    struct zmq_arrivals arrivals;
    struct pair silent = make_pair(), greeted = make_pair(), late = make_pair();
    assert_int_equal(zmq_arrivals_init(&arrivals, 0, 0), ERR_OK);
    assert_true(zmq_arrivals_next_due(&arrivals).ns == MONO_NEVER.ns);
    assert_true(zmq_arrivals_add(&arrivals, silent.ours, at(0)));
    assert_true(zmq_arrivals_add(&arrivals, greeted.ours, at(0)));
    assert_true(zmq_arrivals_add(&arrivals, late.ours, at(5)));
    uint64_t serial = zmq_arrivals_hold(&arrivals, greeted.ours);
    assert_true(serial != 0);
    assert_true(zmq_arrivals_next_due(&arrivals).ns == at(PATIENCE_NS).ns);
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(PATIENCE_NS - 1)), 0);
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(PATIENCE_NS)), 1);
    assert_true(is_cut(&silent) && !is_cut(&greeted) && !is_cut(&late));
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(PATIENCE_NS + 5)), 1);
    assert_true(is_cut(&late) && !is_cut(&greeted));
    /* Its session ends, and there is no other one: its time runs. */
    uint64_t second = zmq_arrivals_hold(&arrivals, greeted.ours);
    assert_true(second == serial);
    zmq_arrivals_release(&arrivals, greeted.ours, serial, at(PATIENCE_NS));
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(9 * PATIENCE_NS)), 0);
    zmq_arrivals_release(&arrivals, greeted.ours, serial, at(9 * PATIENCE_NS));
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(10 * PATIENCE_NS - 1)), 0);
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(10 * PATIENCE_NS)), 1);
    assert_true(is_cut(&greeted));
    zmq_arrivals_fini(&arrivals);
    close_pair(&silent);
    close_pair(&greeted);
    close_pair(&late);
}

static void test_a_descriptor_that_is_anothers_now(void **state)
{
    (void)state;
    struct zmq_arrivals arrivals;
    struct pair first = make_pair(), other = make_pair();
    assert_int_equal(zmq_arrivals_init(&arrivals, 0, 0), ERR_OK);
    assert_true(zmq_arrivals_add(&arrivals, first.ours, at(0)));
    uint64_t serial = zmq_arrivals_hold(&arrivals, first.ours);
    zmq_arrivals_release(&arrivals, first.ours, serial, at(0));
    /* libzmq closed it, and its number is another connection's, before the event came. */
    assert_int_equal(dup2(other.ours, first.ours), first.ours);
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(PATIENCE_NS)), 1);
    assert_false(is_cut(&other));
    /* The end and the beginning are told: what the older one's session does is nothing to the newer one. */
    zmq_arrivals_remove(&arrivals, first.ours);
    assert_true(zmq_arrivals_add(&arrivals, first.ours, at(0)));
    assert_true(zmq_arrivals_hold(&arrivals, first.ours) != serial);
    zmq_arrivals_release(&arrivals, first.ours, serial, at(0));
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(9 * PATIENCE_NS)), 0);
    /* Added again though its end was never told: the newer one counts. */
    assert_true(zmq_arrivals_add(&arrivals, first.ours, at(0)));
    assert_int_equal(zmq_arrivals_cut_due(&arrivals, at(PATIENCE_NS)), 1);
    assert_true(is_cut(&other));
    /* What is no socket is nobody's. */
    assert_true(zmq_arrivals_add(&arrivals, STDIN_FILENO, at(0)) &&
                zmq_arrivals_add(&arrivals, -1, at(0)));
    assert_int_equal(zmq_arrivals_hold(&arrivals, -1), 0);
    zmq_arrivals_remove(&arrivals, 12345);
    zmq_arrivals_fini(&arrivals);
    close_pair(&first);
    close_pair(&other);
}

static void test_numbers_of_descriptors_have_a_bound(void **state)
{
    (void)state;
    struct zmq_arrivals arrivals;
    struct pair low = make_pair(), high = make_pair();
    assert_int_equal(zmq_arrivals_init(&arrivals, 0, (uint64_t)low.ours + 1), ERR_OK);
    assert_true(zmq_arrivals_add(&arrivals, low.ours, at(0)));
    assert_false(zmq_arrivals_add(&arrivals, high.ours, at(0)));
    assert_int_equal(zmq_arrivals_cut(&arrivals), 1);
    assert_true(is_cut(&high) && !is_cut(&low));
    assert_int_equal(zmq_arrivals_cut(&arrivals), 0);
    /* One too many whose end is told before the cut is left alone. */
    assert_false(zmq_arrivals_add(&arrivals, high.ours, at(0)));
    zmq_arrivals_remove(&arrivals, high.ours);
    assert_int_equal(zmq_arrivals_cut(&arrivals), 0);
    zmq_arrivals_fini(&arrivals);
    close_pair(&low);
    close_pair(&high);
}

/* From an address of this machine that is not loopback, if it has one. */
static int connect_to_self(struct sockaddr_in *address, int *ret_ours)
{
    socklen_t size = sizeof(*address);
    int listener = socket(AF_INET, SOCK_STREAM, 0), probe = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in outside = {.sin_family = AF_INET, .sin_port = htons(9)};
    outside.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1: nothing is sent to it */
    bool has_address = connect(probe, (struct sockaddr *)&outside, sizeof(outside)) == 0 &&
                       getsockname(probe, (struct sockaddr *)address, &size) == 0;
    assert_int_equal(close(probe), 0);
    address->sin_port = 0;
    has_address = has_address &&
                  bind(listener, (struct sockaddr *)address, sizeof(*address)) == 0 &&
                  listen(listener, 5) == 0;
    int theirs = -1;
    if (has_address) {
        assert_int_equal(getsockname(listener, (struct sockaddr *)address, &size), 0);
        theirs = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(theirs, (struct sockaddr *)address, sizeof(*address)), 0);
        *ret_ours = accept(listener, NULL, NULL);
        assert_true(*ret_ours >= 0);
    }
    assert_int_equal(close(listener), 0);
    return theirs;
}

static void test_one_address_has_a_bound(void **state)
{
    (void)state;
    struct zmq_arrivals arrivals;
    struct sockaddr_in address = {0};
    struct pair pairs[3];
    assert_int_equal(zmq_arrivals_init(&arrivals, 2, 0), ERR_OK);
    for (int i = 0; i < 3; i++) {
        pairs[i].theirs = connect_to_self(&address, &pairs[i].ours);
        if (pairs[i].theirs < 0) {
            print_message("no address beyond loopback here\n");
            zmq_arrivals_fini(&arrivals);
            skip();
        }
        assert_int_equal(zmq_arrivals_add(&arrivals, pairs[i].ours, at(0)), i < 2);
    }
    (void)zmq_arrivals_hold(&arrivals, pairs[0].ours); /* with a session it counts as well */
    assert_int_equal(zmq_arrivals_cut(&arrivals), 1);
    assert_true(is_cut(&pairs[2]));
    zmq_arrivals_remove(&arrivals, pairs[2].ours);
    zmq_arrivals_remove(&arrivals, pairs[0].ours);
    assert_true(zmq_arrivals_add(&arrivals, pairs[0].ours, at(0)));
    zmq_arrivals_fini(&arrivals);
    for (int i = 0; i < 3; i++)
        close_pair(&pairs[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_gets_no_session_is_cut),
        cmocka_unit_test(test_a_descriptor_that_is_anothers_now),
        cmocka_unit_test(test_numbers_of_descriptors_have_a_bound),
        cmocka_unit_test(test_one_address_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
