/* SPDX-License-Identifier: MPL-2.0
 *
 * The methods about accounts, as persistence does them: who may (tests/actors/account_rights_test.c
 * has the table), what is written to the audit log with it, and what a caller's session from before
 * is still worth. Then what history answers of it.
 */
#include "persistence_world.h"

#include <stdio.h>
#include <string.h>

#define PHC                                                                                        \
    "$argon2id$v=19$m=8,t=1,p=1$IXrSlW8gGRFYx5I0T4ANHQ$VWqsOTn6i0yPlqx2x467ieFYkyu/H/"             \
    "k8xhEbBnQZcv0"

struct caller {
    const char *name;
    int64_t id;
    bool is_verified, is_admin;
};

static const struct caller rule = {.name = "operator", .is_admin = true};

static uint32_t call(struct world *world, const struct caller *caller, uint32_t method,
                     const char *peer, INTERNAL(Call) body)
{
    body.session = 1;
    body.request_id = 9;
    body.peer_id = caller->id;
    body.peer_name = world_bytes(caller->name);
    body.is_verified = caller->is_verified;
    body.is_admin = caller->is_admin;
    body.method = method;
    body.peer = world_bytes(peer);
    uint64_t asked = world_ask(world, ACTOR_PERSISTENCE, MSG_CALL, &body.base, NULL, 0);
    world_settle(world);
    const INTERNAL(CallDone) *done = world_answer(world, asked);
    assert_non_null(done);
    return done->code;
}

static INTERNAL(Call) nothing(void)
{
    return (INTERNAL(Call))ROOST__INTERNAL__CALL__INIT;
}

static struct caller add(struct world *world, const char *name, uint32_t role)
{
    INTERNAL(Call) body = nothing();
    body.password = world_bytes(PHC);
    assert_int_equal(call(world, &rule, ROOST__V1__METHOD__USER_REGISTER, name, body), 0);
    body = nothing();
    body.role = role;
    assert_int_equal(call(world, &rule, ROOST__V1__METHOD__USER_ROLE, name, body), 0);
    return (struct caller){.name = name, .id = world_peer(world, name), .is_verified = true};
}

/* One frame of a query, read. */
struct page {
    struct arena arena;
    struct wire_message parts, fin;
    bool has_parts;
};

static void query(struct world *world, const struct caller *caller, Roost__V1__Query *asked,
                  struct page *page)
{
    INTERNAL(Query) ask = ROOST__INTERNAL__QUERY__INIT;
    zmq_msg_t frame;
    asked->request_id = 5;
    ask.session = 1;
    ask.peer_id = caller->id;
    ask.peer_name = world_bytes(caller->name);
    ask.is_admin = caller->is_admin;
    ask.is_verified = caller->is_verified;
    assert_int_equal(wire_pack(ROOST__V1__TYPE__QUERY, &asked->base, &frame), ERR_OK);
    world_forget(world);
    (void)world_ask(world, ACTOR_HISTORY, MSG_QUERY, &ask.base, zmq_msg_data(&frame),
                    zmq_msg_size(&frame));
    (void)zmq_msg_close(&frame);
    world_settle(world);
    arena_init(&page->arena, 1 << 20);
    struct wire_reader reader = {
        .direction = WIRE_TO_CLIENT, .limits = &wire_limits_default, .arena = &page->arena};
    const struct world_message *part = world_nth(world, MSG_QUERY_PART, 0);
    page->has_parts = part != NULL;
    if (part)
        assert_int_equal(wire_parse(&reader, part->payload, part->payload_size, &page->parts),
                         ERR_OK);
    const struct world_message *done = world_nth(world, MSG_QUERY_DONE, 0);
    assert_non_null(done);
    assert_int_equal(wire_parse(&reader, done->payload, done->payload_size, &page->fin), ERR_OK);
}

static void assert_audit(struct world *world, const char *wanted)
{
    char text[2048] = "";
    struct page page;
    Roost__V1__Query asked = ROOST__V1__QUERY__INIT;
    asked.kind = ROOST__V1__QUERY_KIND__AUDIT;
    asked.limit = 500;
    query(world, &rule, &asked, &page);
    for (size_t i = 0; page.has_parts && i < page.parts.result->n_audit; i++) {
        const Roost__V1__AuditEntry *entry = page.parts.result->audit[i];
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%.*s %.*s %.*s; ", (int)entry->actor.len,
                       (char *)entry->actor.data, (int)entry->action.len,
                       (char *)entry->action.data, (int)entry->target.len,
                       (char *)entry->target.data);
        assert_int_equal(entry->hash.len, 32);
    }
    assert_string_equal(text, wanted);
    arena_fini(&page.arena);
}

static void test_every_change_is_in_the_audit_log(void **state)
{
    struct world *world = *state;
    uint8_t token[32] = "hash";
    struct caller root = add(world, "root", ROOST__V1__ROLE__ADMIN);
    struct caller ana = add(world, "ana", ROOST__V1__ROLE__USER);
    INTERNAL(Call) body = nothing();
    body.text = world_bytes("spam");
    assert_int_equal(call(world, &root, ROOST__V1__METHOD__USER_BAN, "ana", body), 0);
    assert_int_equal(call(world, &root, ROOST__V1__METHOD__USER_UNBAN, "ana", nothing()), 0);
    assert_int_equal(call(world, &root, ROOST__V1__METHOD__USER_UNBAN, "ana", nothing()), 0);
    assert_int_equal(call(world, &root, ROOST__V1__METHOD__USER_ACTIVE, "ana", nothing()), 0);
    body = nothing();
    body.all = true;
    assert_int_equal(call(world, &root, ROOST__V1__METHOD__USER_ACTIVE, "ana", body), 0);
    body = nothing();
    body.body = (ProtobufCBinaryData){sizeof(token), token};
    assert_int_equal(call(world, &ana, ROOST__V1__METHOD__TOKEN_CREATE, "", body), 0);
    body = nothing();
    body.all = true;
    assert_int_equal(call(world, &ana, ROOST__V1__METHOD__SESSION_END, "", body), 0);
    body = nothing();
    body.password = world_bytes(PHC);
    assert_int_equal(call(world, &ana, ROOST__V1__METHOD__USER_PASSWORD, "", body),
                     err_code(ERR_BAD_CREDENTIALS)); /* the old one was not checked */
    body.is_password_checked = true;
    assert_int_equal(call(world, &ana, ROOST__V1__METHOD__USER_PASSWORD, "", body), 0);
    assert_audit(world, "operator register root; operator role root; operator register ana; "
                        "operator role ana; root ban ana; root unban ana; root deactivate ana; "
                        "root activate ana; ana token ana; ana session-end ana; "
                        "ana password ana; ");
}

/* What is refused leaves no trace. */
static void test_refusals(void **state)
{
    struct world *world = *state;
    struct caller ana = add(world, "ana", ROOST__V1__ROLE__USER);
    struct caller mod = add(world, "mod", ROOST__V1__ROLE__MODERATOR);
    struct caller stranger = {.name = "stranger", .id = world_peer(world, "stranger")};
    const struct caller *const callers[] = {&ana, &mod, &stranger};
    static const uint32_t methods[] = {
        ROOST__V1__METHOD__USER_ROLE,     ROOST__V1__METHOD__USER_ACTIVE,
        ROOST__V1__METHOD__USER_PASSWORD, ROOST__V1__METHOD__SESSION_END,
        ROOST__V1__METHOD__USER_BAN,      ROOST__V1__METHOD__USER_UNLOCK,
    };
    static const char *const peers[] = {"ana", "mod", "nobody"};
    for (size_t i = 0; i < 3 * 6 * 3; i++) {
        const struct caller *caller = callers[i % 3];
        const char *peer = peers[i / 3 % 3];
        uint32_t method = methods[i / 9];
        INTERNAL(Call) body = nothing();
        body.role = ROOST__V1__ROLE__ADMIN;
        body.all = true;
        body.password = world_bytes(PHC);
        uint32_t code = call(world, caller, method, peer, body);
        bool is_own = caller == callers[i / 3 % 3] && caller != &stranger;
        bool may_moderate = caller == &mod && i / 9 >= 4 && i / 3 % 3 != 1;
        if (may_moderate && i / 9 == 4 && i / 3 % 3 == 2)
            assert_int_equal(code, err_code(ERR_NO_SUCH_USER));
        else if (may_moderate || (is_own && i / 9 == 3))
            assert_int_equal(code, 0);
        else if (is_own && i / 9 == 2)
            assert_int_equal(code, err_code(ERR_BAD_CREDENTIALS));
        else
            assert_int_equal(code, err_code(ERR_NOT_ALLOWED));
    }
    assert_audit(world, "operator register ana; operator role ana; operator register mod; "
                        "operator role mod; mod ban ana; ");
}

/* The store knows better than a session that is open since yesterday. */
static void test_an_old_session_is_worth_what_the_account_is_now(void **state)
{
    struct world *world = *state;
    struct caller mod = add(world, "mod", ROOST__V1__ROLE__MODERATOR);
    (void)add(world, "ana", ROOST__V1__ROLE__USER);
    assert_int_equal(call(world, &mod, ROOST__V1__METHOD__USER_BAN, "ana", nothing()), 0);
    INTERNAL(Call) body = nothing();
    body.role = ROOST__V1__ROLE__USER;
    assert_int_equal(call(world, &rule, ROOST__V1__METHOD__USER_ROLE, "mod", body), 0);
    assert_int_equal(call(world, &mod, ROOST__V1__METHOD__USER_UNBAN, "ana", nothing()),
                     err_code(ERR_NOT_ALLOWED));
    body.role = ROOST__V1__ROLE__ADMIN;
    assert_int_equal(call(world, &rule, ROOST__V1__METHOD__USER_ROLE, "mod", body), 0);
    mod.is_verified = false; /* said HELLO before the account was made */
    assert_int_equal(call(world, &mod, ROOST__V1__METHOD__USER_UNBAN, "ana", nothing()),
                     err_code(ERR_NOT_ALLOWED));
    mod.is_verified = true;
    assert_int_equal(call(world, &mod, ROOST__V1__METHOD__USER_UNBAN, "ana", nothing()), 0);
    assert_int_equal(call(world, &rule, ROOST__V1__METHOD__USER_ACTIVE, "mod", nothing()), 0);
    assert_int_equal(call(world, &mod, ROOST__V1__METHOD__USER_BAN, "ana", nothing()),
                     err_code(ERR_NOT_ALLOWED));
}

/* The mailbox may be there already, with a reader of another name, and mail. */
static void test_a_name_in_use_gets_its_account(void **state)
{
    struct world *world = *state;
    int64_t ana = world_peer(world, "ana"), bob = world_peer(world, "bob");
    assert_int_equal(world_open(world, ana, 1, "ana", "phone", 0, 0)->code, 0);
    uint64_t seq = world_store(world, 1, bob, 1, "peer:ana", "hello");
    (void)add(world, "ANA", ROOST__V1__ROLE__USER);
    const INTERNAL(ConsumerOpened) *opened = world_open(world, ana, 1, "ana", "main", 0, 0);
    assert_true(opened->code == 0 && !opened->is_new && opened->row->floor_seq < seq);
    assert_int_equal(world_peer(world, "ana"), ana);
}

static void test_pages_of_users(void **state)
{
    struct world *world = *state;
    struct caller ana = add(world, "ana", ROOST__V1__ROLE__USER);
    (void)add(world, "Bob", ROOST__V1__ROLE__GUEST);
    (void)add(world, "carol", ROOST__V1__ROLE__ADMIN);
    struct page page;
    Roost__V1__Query asked = ROOST__V1__QUERY__INIT;
    asked.kind = ROOST__V1__QUERY_KIND__USERS;
    asked.limit = 2;
    query(world, &rule, &asked, &page);
    assert_int_equal(page.parts.result->n_users, 2);
    assert_true(page.fin.fin->has_more);
    assert_bytes(page.fin.fin->next_name, "Bob");
    arena_fini(&page.arena);
    asked.after_name = world_bytes("BOB");
    query(world, &rule, &asked, &page);
    assert_int_equal(page.parts.result->n_users, 1);
    assert_bytes(page.parts.result->users[0]->name, "carol");
    assert_int_equal(page.parts.result->users[0]->role, ROOST__V1__ROLE__ADMIN);
    assert_false(page.fin.fin->has_more);
    arena_fini(&page.arena);
    static const Roost__V1__QueryKind kinds[] = {ROOST__V1__QUERY_KIND__USERS,
                                                 ROOST__V1__QUERY_KIND__AUDIT};
    for (size_t i = 0; i < 2; i++) {
        asked.kind = kinds[i];
        query(world, &ana, &asked, &page);
        assert_true(!page.has_parts && page.fin.fin->code == err_code(ERR_NOT_ALLOWED));
        arena_fini(&page.arena);
    }
}

static void test_sessions_are_ones_own(void **state)
{
    struct world *world = *state;
    uint8_t token[32] = "hash";
    struct caller ana = add(world, "ana", ROOST__V1__ROLE__USER);
    struct caller bob = add(world, "bob", ROOST__V1__ROLE__USER);
    INTERNAL(Call) body = nothing();
    body.body = (ProtobufCBinaryData){sizeof(token), token};
    body.text = world_bytes("laptop");
    assert_int_equal(call(world, &ana, ROOST__V1__METHOD__TOKEN_CREATE, "", body), 0);
    struct page page;
    Roost__V1__Query asked = ROOST__V1__QUERY__INIT;
    asked.kind = ROOST__V1__QUERY_KIND__SESSIONS;
    query(world, &ana, &asked, &page);
    assert_int_equal(page.parts.result->n_sessions, 1);
    assert_bytes(page.parts.result->sessions[0]->label, "laptop");
    uint64_t id = page.parts.result->sessions[0]->id;
    arena_fini(&page.arena);
    asked.peer = world_bytes("ana");
    query(world, &bob, &asked, &page);
    assert_true(!page.has_parts && page.fin.fin->code == err_code(ERR_NOT_ALLOWED));
    arena_fini(&page.arena);
    query(world, &rule, &asked, &page);
    assert_int_equal(page.parts.result->n_sessions, 1);
    arena_fini(&page.arena);
    body = nothing();
    body.seq = id;
    assert_int_equal(call(world, &bob, ROOST__V1__METHOD__SESSION_END, "", body), 0);
    asked.peer = world_bytes("");
    query(world, &ana, &asked, &page);
    assert_int_equal(page.parts.result->n_sessions, 1); /* not bob's to end */
    arena_fini(&page.arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_change_is_in_the_audit_log),
        TEST(test_refusals),
        TEST(test_an_old_session_is_worth_what_the_account_is_now),
        TEST(test_a_name_in_use_gets_its_account),
        TEST(test_pages_of_users),
        TEST(test_sessions_are_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
