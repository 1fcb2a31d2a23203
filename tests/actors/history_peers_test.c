/* SPDX-License-Identifier: MPL-2.0
 *
 * What clients are told about peers, from what a gateway said of them to the registry.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <string.h>

static Roost__V1__Result *result; /* of the last query; NULL: no row */
static Roost__V1__Fin *fin;

static void forget_answer(void)
{
    if (result)
        roost__v1__result__free_unpacked(result, NULL);
    if (fin)
        roost__v1__fin__free_unpacked(fin, NULL);
    result = NULL;
    fin = NULL;
}

/* Answers how many peers, events or counters came. */
static size_t ask(struct world *world, const Roost__V1__Query *asked)
{
    Roost__V1__Query query = *asked;
    INTERNAL(Query) question = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    query.request_id = 1;
    forget_answer();
    world_forget(world);
    assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &query.base, &frame), ERR_OK);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &question.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    const struct world_message *part = world_nth(world, MSG_QUERY_PART, 0);
    const struct world_message *done = world_nth(world, MSG_QUERY_DONE, 0);
    assert_non_null(done);
    if (part)
        result = roost__v1__result__unpack(NULL, part->payload_size - WIRE_HEAD_BYTES,
                                           part->payload + WIRE_HEAD_BYTES);
    fin = roost__v1__fin__unpack(NULL, done->payload_size - WIRE_HEAD_BYTES,
                                 done->payload + WIRE_HEAD_BYTES);
    assert_non_null(fin);
    return result ? result->n_peers + result->n_events + result->n_counters : 0;
}

static const Roost__V1__Peer *peer(struct world *world, const char *name)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.peer = world_bytes(name);
    assert_int_equal(ask(world, &query), 1);
    return result->peers[0];
}

static size_t by_ip(struct world *world, const char *address, uint32_t limit, uint32_t offset)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.address = world_bytes(address);
    query.limit = limit;
    query.offset = offset;
    return ask(world, &query);
}

static void open_session(struct world *world, const INTERNAL(SessionOpen) * open)
{
    uint64_t correlation =
        world_ask(world, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &open->base, NULL, 0);
    world_settle(world);
    const INTERNAL(SessionOpened) *opened = world_answer(world, correlation);
    assert_non_null(opened);
    assert_int_equal(opened->code, 0);
}

static INTERNAL(SessionOpen) lan(uint64_t session, const char *name, const char *address)
{
    INTERNAL(SessionOpen) open = ROOST__INTERNAL__SESSION_OPEN__INIT;
    open.session = session;
    open.peer_name = world_bytes(name);
    open.kind = world_bytes("ipmsg");
    open.address = world_bytes(address);
    return open;
}

static void come(struct world *world, uint64_t session, const char *name, const char *address)
{
    INTERNAL(SessionOpen) open = lan(session, name, address);
    open_session(world, &open);
}

static void leave(struct world *world, uint64_t session)
{
    INTERNAL(SessionClosed) closed = ROOST__INTERNAL__SESSION_CLOSED__INIT;
    closed.session = session;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_SESSION_CLOSED, &closed.base);
    world_settle(world);
}

static void what_a_peer_says_of_itself(void **state)
{
    struct world *world = *state;
    INTERNAL(SessionOpen) open = lan(1, "lan:ana-0123456789abcdef@PC-17", "192.0.2.7");
    open.display_name = world_bytes("Ana B.");
    open.host_name = world_bytes("PC-17");
    open.group = world_bytes("Sales");
    open.port = 2425;
    open.version_token = world_bytes("1_iptux 0.8.3");
    open.capabilities = 0x01000000;
    open.charset = world_bytes("utf-8");
    open.fingerprint = world_bytes("0123456789abcdef");
    open_session(world, &open);
    for (int i = 0; i < 2; i++) {
        const Roost__V1__Peer *ana = peer(world, "lan:ANA-0123456789abcdef@pc-17");
        assert_bytes(ana->display_name, "Ana B.");
        assert_bytes(ana->label, "Ana B.");
        assert_bytes(ana->host_name, "PC-17");
        assert_bytes(ana->group, "Sales");
        assert_int_equal(ana->port, 2425);
        assert_bytes(ana->version_token, "1_iptux 0.8.3");
        assert_int_equal(ana->capabilities, 0x01000000);
        assert_bytes(ana->charset, "utf-8");
        assert_bytes(ana->fingerprint, "0123456789abcdef");
        assert_bytes(ana->kind, "ipmsg");
        assert_int_equal(ana->reliability_ppm, 500000);
        assert_true(ana->is_online);
        assert_false(ana->is_verified);
        come(world, 1, "lan:ana-0123456789abcdef@pc-17", "192.0.2.7"); /* says nothing now */
    }
    assert_int_equal(peer(world, "lan:ana-0123456789abcdef@pc-17")->connections, 1);
    leave(world, 1);
    assert_false(peer(world, "lan:ana-0123456789abcdef@pc-17")->is_online);
}

static void its_name_is_the_first_there_is(void **state)
{
    struct world *world = *state;
    INTERNAL(Call) call = ROOST__INTERNAL__CALL__INIT;
    INTERNAL(SessionOpen) named = lan(1, "lan:ana@pc", "192.0.2.7");
    come(world, 1, "lan:ana@pc", "192.0.2.7");
    come(world, 2, "lan:@pc", "192.0.2.7");
    come(world, 3, "lan:@", "192.0.2.7");
    come(world, 4, "bob", "192.0.2.7");
    assert_bytes(peer(world, "lan:ana@pc")->label, "ana");
    assert_bytes(peer(world, "lan:@pc")->label, "pc");
    assert_bytes(peer(world, "lan:@")->label, "192.0.2.7");
    assert_bytes(peer(world, "bob")->label, "bob");
    named.display_name = world_bytes("Ana");
    open_session(world, &named);
    assert_bytes(peer(world, "lan:ana@pc")->label, "Ana");
    call.method = ROOST__V1__METHOD__PEER_NICKNAME;
    call.peer = world_bytes("lan:ana@pc");
    call.text = world_bytes("Anita");
    call.is_admin = true;
    (void)world_ask(world, ACTOR_PEER_REGISTRY, MSG_CALL, &call.base, NULL, 0);
    world_settle(world);
    open_session(world, &named); /* discovery does not overwrite it */
    assert_bytes(peer(world, "lan:ana@pc")->label, "Anita");
    assert_bytes(peer(world, "lan:ana@pc")->nickname, "Anita");
    assert_bytes(peer(world, "lan:ana@pc")->display_name, "Ana");
}

static void one_peer_at_changing_addresses(void **state)
{
    struct world *world = *state;
    char address[32];
    for (unsigned i = 1; i <= 40; i++) {
        (void)snprintf(address, sizeof(address), "192.0.2.%u", i);
        world_advance(world, 1000);
        come(world, 1, "lan:ana@pc", address);
    }
    const Roost__V1__Peer *ana = peer(world, "lan:ana@pc");
    assert_int_equal(ana->n_addresses, 16);
    assert_bytes(ana->addresses[0]->address, "192.0.2.40");
    assert_bytes(ana->addresses[0]->source, "ipmsg");
    assert_bytes(ana->addresses[15]->address, "192.0.2.25");
    assert_int_equal(by_ip(world, "192.0.2.25", 0, 0), 1);
    assert_int_equal(by_ip(world, "192.0.2.24", 0, 0), 0);
    assert_int_equal(fin->code, 0);
    world_advance(world, 1000);
    come(world, 2, "lan:eve@laptop", "192.0.2.40"); /* another one gets the address */
    assert_int_equal(by_ip(world, "192.0.2.40", 0, 0), 2);
    assert_bytes(result->peers[0]->name, "lan:eve@laptop"); /* was there last */
    assert_bytes(result->peers[1]->name, "lan:ana@pc");
}

static void by_ip_in_all_its_forms(void **state)
{
    struct world *world = *state;
    static const char *const wrong[] = {"pc", "192.0.2.7:2425", "192.0.2.300", "[::1]",
                                        "/ip4/1.2.3.4"};
    come(world, 1, "ana", "192.0.2.7:2425");
    world_advance(world, 10);
    come(world, 1, "ana", "192.0.2.7");
    come(world, 2, "bob", "::ffff:192.0.2.7");
    come(world, 3, "eve", "2001:db8::7");
    assert_int_equal(by_ip(world, "192.0.2.7", 0, 0), 2); /* each once */
    assert_int_equal(by_ip(world, "::ffff:192.0.2.7", 0, 0), 2);
    assert_int_equal(by_ip(world, "2001:DB8:0::7", 0, 0), 1);
    assert_int_equal(by_ip(world, "192.0.2.7", 1, 0), 1);
    assert_true(fin->has_more);
    assert_int_equal(by_ip(world, "192.0.2.7", 1, 1), 1);
    assert_false(fin->has_more);
    assert_int_equal(by_ip(world, "192.0.2.8", 0, 0), 0);
    assert_int_equal(fin->code, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(by_ip(world, wrong[i], 0, 0), 0);
        assert_int_equal(fin->code, err_code(ERR_BAD_FIELD));
        assert_string_equal(fin->text, "query.address: not an IP address");
    }
    leave(world, 2);
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.address = world_bytes("192.0.2.7");
    query.online_only = true;
    assert_int_equal(ask(world, &query), 1);
    assert_bytes(result->peers[0]->name, "ana");
}

static uint64_t counter(const char *name)
{
    for (size_t i = 0; i < result->n_counters; i++) {
        const Roost__V1__Counter *one = result->counters[i];
        if (one->name.len == strlen(name) && memcmp(one->name.data, name, one->name.len) == 0)
            return one->value;
    }
    fail_msg("no counter %s", name);
    return 0;
}

static size_t list(struct world *world, bool online_only, uint32_t limit)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    query.kind = ROOST__V1__QUERY_KIND__PEERS;
    query.online_only = online_only;
    query.limit = limit;
    return ask(world, &query);
}

static void numbers_and_lists_agree(void **state)
{
    struct world *world = *state;
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    char name[32];
    for (uint64_t i = 1; i <= 50; i++) {
        (void)snprintf(name, sizeof(name), i % 2 ? "lan:u%02u@pc" : "u%02u", (unsigned)i);
        come(world, i, name, "192.0.2.7");
    }
    for (uint64_t i = 1; i <= 20; i++)
        leave(world, i);
    query.kind = ROOST__V1__QUERY_KIND__PEER_STATS;
    assert_int_equal(ask(world, &query), 6);
    assert_int_equal(counter("total"), 50);
    assert_int_equal(counter("online"), 30);
    assert_int_equal(counter("offline"), 20);
    assert_int_equal(counter("verified"), 0);
    assert_int_equal(counter("unverified"), 50);
    assert_int_equal(counter("lan"), 25);
    assert_int_equal(list(world, false, 500), 50);
    assert_int_equal(list(world, true, 500), 30);
    world_advance(world, 181000);
    assert_int_equal(ask(world, &query), 6);
    assert_int_equal(counter("online"), 0);
    assert_int_equal(counter("offline"), 50);
    assert_int_equal(list(world, true, 500), 0);
}

/* Few and many are found in different ways, in the same order. */
static void pages_of_those_online(void **state)
{
    struct world *world = *state;
    char name[32], after[32] = "";
    for (uint64_t i = 1; i <= 1100; i++) {
        (void)snprintf(name, sizeof(name), "u%04u", (unsigned)i);
        INTERNAL(SessionOpen) open = lan(i, name, "192.0.2.7");
        (void)world_ask(world, ACTOR_PEER_REGISTRY, MSG_SESSION_OPEN, &open.base, NULL, 0);
        if (i % 100 == 0)
            world_settle(world);
    }
    for (int round = 0; round < 2; round++) { /* 1,100, then 100 of them */
        size_t count = 0;
        Roost__V1__Query query = ROOST__V1__QUERY__INIT;
        query.kind = ROOST__V1__QUERY_KIND__PEERS;
        query.online_only = true;
        query.limit = 30;
        after[0] = '\0';
        do {
            query.after_name = world_bytes(after);
            size_t rows = ask(world, &query);
            assert_true(rows > 0 && rows <= 30);
            for (size_t i = 0; i < rows; i++, count++) {
                (void)snprintf(name, sizeof(name), "u%04u", (unsigned)count + (round ? 1001 : 1));
                assert_bytes(result->peers[i]->name, name);
            }
            memcpy(after, fin->next_name.data, fin->next_name.len);
            after[fin->next_name.len] = '\0';
        } while (fin->has_more);
        assert_int_equal(count, round == 0 ? 1100 : 100);
        for (uint64_t i = 1; round == 0 && i <= 1000; i++)
            leave(world, i);
    }
}

static void what_gateways_measured(void **state)
{
    struct world *world = *state;
    INTERNAL(PeerMeasured) measured = ROOST__INTERNAL__PEER_MEASURED__INIT;
    come(world, 1, "lan:ana@pc", "192.0.2.7");
    measured.session = 1;
    measured.ok = 6;
    measured.bytes = 100;
    measured.latency_total_ms = 270;
    measured.latency_count = 6;
    for (int i = 0; i < 2; i++)
        world_tell(world, ACTOR_PEER_REGISTRY, MSG_PEER_MEASURED, &measured.base);
    measured = (INTERNAL(PeerMeasured))ROOST__INTERNAL__PEER_MEASURED__INIT;
    measured.session = 1;
    measured.failed = 3;
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_PEER_MEASURED, &measured.base);
    measured.session = 999; /* of nobody */
    world_tell(world, ACTOR_PEER_REGISTRY, MSG_PEER_MEASURED, &measured.base);
    leave(world, 1);
    come(world, 2, "lan:ana@pc", "192.0.2.7"); /* they outlive the connection */
    world_restart(world);
    const Roost__V1__Peer *ana = peer(world, "lan:ana@pc");
    assert_int_equal(ana->transfers_ok, 12);
    assert_int_equal(ana->transfers_failed, 3);
    assert_int_equal(ana->transfer_bytes, 200);
    assert_int_equal(ana->latency_ms, 45);
    assert_int_equal(ana->connections, 2);
    assert_int_equal(ana->reliability_ppm, 756500); /* while uptime is not known */
    world_advance(world, 60000);
    uint32_t later_ppm =
        peer(world, "lan:ana@pc")->reliability_ppm; /* online nearly all the time */
    assert_true(later_ppm > 906400 && later_ppm <= 906500);
}

static void trust_is_shown(void **state)
{
    struct world *world = *state;
    INTERNAL(LoginWrite) login = ROOST__INTERNAL__LOGIN_WRITE__INIT;
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    login.name = world_bytes("ana");
    login.outcome = 3;
    login.password_hash = world_bytes("$argon2id$none");
    (void)world_ask(world, ACTOR_PERSISTENCE, MSG_LOGIN_WRITE, &login.base, NULL, 0);
    world_settle(world);
    come(world, 1, "ana", "192.0.2.7");
    come(world, 2, "lan:ana@pc", "192.0.2.7"); /* another one */
    const struct world_message *event = world_nth(world, MSG_PRESENCE_CHANGED, 0);
    assert_true(((const INTERNAL(PresenceChanged) *)(const void *)event->body)->is_verified);
    event = world_nth(world, MSG_PRESENCE_CHANGED, 1);
    assert_false(((const INTERNAL(PresenceChanged) *)(const void *)event->body)->is_verified);
    assert_true(peer(world, "ana")->is_verified);
    assert_false(peer(world, "lan:ana@pc")->is_verified);
    query.kind = ROOST__V1__QUERY_KIND__PRESENCE_EVENTS;
    assert_int_equal(ask(world, &query), 2);
    assert_false(result->events[0]->is_verified);
    assert_true(result->events[1]->is_verified);
    query.kind = ROOST__V1__QUERY_KIND__PEER_STATS;
    (void)ask(world, &query);
    assert_int_equal(counter("verified"), 1);
    assert_int_equal(counter("unverified"), 1);
}

static int teardown(void **state)
{
    forget_answer();
    return world_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup_with_registry, teardown)
        T(what_a_peer_says_of_itself),     T(its_name_is_the_first_there_is),
        T(one_peer_at_changing_addresses), T(by_ip_in_all_its_forms),
        T(numbers_and_lists_agree),        T(pages_of_those_online),
        T(what_gateways_measured),         T(trust_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
