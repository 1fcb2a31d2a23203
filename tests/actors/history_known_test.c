/* SPDX-License-Identifier: MPL-2.0
 *
 * Who was on the local network lately, for the warm start.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <string.h>

#include "proto/name.h"

#define PER_PAGE 2

struct known {
    INTERNAL(KnownAddress) rows[64];
    size_t count, pages;
};

static void come(struct world *world, uint64_t session, const char *name, const char *kind,
                 const char *address)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    open.session = session;
    open.peer_name = world_bytes(name);
    open.kind = world_bytes(kind);
    open.address = world_bytes(address);
    (void)world_ask(world, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &open.base, NULL, 0);
    world_settle(world);
}

/* All pages. */
static void load(struct world *world, struct known *ret)
{
    char after[NAME_FOLDED_BYTES_MAX + 1] = "";
    bool is_end = false;
    *ret = (struct known){.count = 0};
    while (!is_end) {
        INTERNAL(LoadKnown) question = ROOST__INTERNAL__LOAD_KNOWN__INIT;
        question.after_folded = world_bytes(after);
        question.limit = PER_PAGE;
        uint64_t correlation =
            world_ask(world, ACTOR_HISTORY, MSG_LOAD_KNOWN, &question.base, NULL, 0);
        world_settle(world);
        const INTERNAL(KnownLoaded) *loaded = world_answer(world, correlation);
        assert_non_null(loaded);
        assert_int_equal(loaded->code, 0);
        for (size_t i = 0; i < loaded->n_addresses; i++)
            ret->rows[ret->count++] = *loaded->addresses[i];
        ret->pages++;
        is_end = loaded->is_end;
        assert_true(loaded->next_folded.len < sizeof(after));
        if (loaded->next_folded.len)
            memcpy(after, loaded->next_folded.data, loaded->next_folded.len);
        after[loaded->next_folded.len] = '\0';
    }
}

static bool has(const struct known *known, uint32_t ip, uint32_t port)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->rows[i].ip == ip && known->rows[i].port == port) {
            assert_false(known->rows[i].is_imported || known->rows[i].is_relay);
            assert_true(known->rows[i].reliability_ppm >= 500000); /* it was there all the time */
            return true;
        }
    }
    return false;
}

static void those_of_the_local_network(void **state)
{
    struct world *world = *state;
    struct known known;
    come(world, 1, "lan:ana@pc", "ipmsg", "192.0.2.1:2425");
    come(world, 2, "lan:ben@pc", "ipmsg", "192.0.2.2:4000");
    come(world, 3, "carl", "zmq", "tcp://192.0.2.3:7667"); /* datagrams would not find him */
    come(world, 4, "dora", "tcp", "192.0.2.4:5000");
    come(world, 5, "lan:eve@pc", "ipmsg", "192.0.2.5:2425");
    come(world, 6, "lan:eve@pc", "ipmsg", "192.0.2.55:2425"); /* moved */
    load(world, &known);
    assert_int_equal(known.count, 4);
    assert_true(known.pages >= 3);
    assert_true(has(&known, 0xc0000201u, 2425) && has(&known, 0xc0000202u, 4000));
    assert_true(has(&known, 0xc0000205u, 2425) && has(&known, 0xc0000237u, 2425));
}

static void only_the_newest_addresses(void **state)
{
    struct world *world = *state;
    struct known known;
    for (uint64_t i = 1; i <= 8; i++) {
        char address[32];
        (void)snprintf(address, sizeof(address), "192.0.2.%u:2425", (unsigned)i);
        come(world, i, "lan:ana@pc", "ipmsg", address);
        world_advance(world, 31000);
    }
    load(world, &known);
    assert_int_equal(known.count, 4);
    assert_true(has(&known, 0xc0000208u, 2425) && !has(&known, 0xc0000204u, 2425));
}

static void not_those_of_long_ago(void **state)
{
    struct world *world = *state;
    struct known known;
    come(world, 1, "lan:ana@pc", "ipmsg", "192.0.2.1:2425");
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = 1;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
    world_settle(world);
    world_advance(world, 6 * INT64_C(86400000));
    load(world, &known);
    assert_int_equal(known.count, 1);
    world_advance(world, 2 * INT64_C(86400000));
    load(world, &known);
    assert_int_equal(known.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup_with_registry, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(those_of_the_local_network),
        TEST(only_the_newest_addresses),
        TEST(not_those_of_long_ago),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
