/* SPDX-License-Identifier: MPL-2.0
 *
 * The keyring on the simulator, with its real ZAP socket: the test is libzmq, history and accounts.
 * Who gets in while keys are loaded, change, are looked up anew; and that nobody does when it is gone.
 */
#include "keyring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/key.h"
#include "proto/messages.h"
#include "rt/check.h"
#include "rt/metrics.h"
#include "rt/sim.h"
#include "zap.h"

enum { KEYRING, HISTORY, ACCOUNTS, PERSISTENCE };

#define NOW_MS 1700000000000

struct stage {
    void *context, *asker;
    struct keyring_options options;
    struct actor_spec spec;
    struct sim *sim;
};

static void stage_start(struct stage *stage)
{
    enum err err = ERR_OK;
    struct sim_options options = {.pseudo_actors = 3, .wall_start_ms = NOW_MS};
    stage->spec = (struct actor_spec){&keyring_actor, &stage->options, 0};
    stage->sim = sim_new(1, &stage->spec, 1, message_types, MSG_COUNT, &options, &err);
    assert_int_equal(err, ERR_OK);
    stage->asker = zmq_socket(stage->context, ZMQ_REQ);
    int yes = 1, none = 0;
    assert_int_equal(zmq_setsockopt(stage->asker, ZMQ_REQ_RELAXED, &yes, sizeof(yes)), 0);
    assert_int_equal(zmq_setsockopt(stage->asker, ZMQ_LINGER, &none, sizeof(none)), 0);
    assert_int_equal(zmq_connect(stage->asker, ZAP_ENDPOINT), 0);
}

static int setup(void **state)
{
    static struct stage stage;
    stage = (struct stage){.context = zmq_ctx_new()};
    stage.options = (struct keyring_options){.is_needed = true,
                                             .is_enrolment = true,
                                             .history = HISTORY,
                                             .persistence = PERSISTENCE,
                                             .zmq_context = stage.context};
    stage_start(&stage);
    *state = &stage;
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;
    sim_destroy(&stage->sim);
    assert_int_equal(zmq_close(stage->asker), 0);
    assert_int_equal(zmq_ctx_term(stage->context), 0);
    return 0;
}

/* --- As libzmq. */

static void key_of(uint8_t number, uint8_t ret_key[KEY_BYTES], char ret_text[KEY_TEXT_SIZE])
{
    memset(ret_key, number, KEY_BYTES);
    key_to_text(ret_key, ret_text);
}

/* It is read, and not answered yet. */
static void ask(struct stage *stage, uint8_t number, const char *domain)
{
    uint8_t key[KEY_BYTES];
    char text[KEY_TEXT_SIZE];
    const char *parts[] = {"1.0", "7", domain, "192.0.2.7", "", "CURVE"};
    key_of(number, key, text);
    for (size_t i = 0; i < 6; i++)
        assert_true(zmq_send(stage->asker, parts[i], strlen(parts[i]), ZMQ_SNDMORE) >= 0);
    assert_int_equal(zmq_send(stage->asker, key, sizeof(key), 0), KEY_BYTES);
    sim_readable(stage->sim, KEYRING, 0);
}

static void say(struct stage *stage, uint8_t number, const char *domain)
{
    ask(stage, number, domain);
    sim_advance(stage->sim, 2);
}

/* "200"; "" when there is no answer. */
static const char *hear(struct stage *stage, char ret_user[KEY_TEXT_SIZE])
{
    static char code[8];
    char text[64];
    memset(code, 0, sizeof(code));
    for (int part = 0; part < 6; part++) {
        int size = zmq_recv(stage->asker, text, sizeof(text) - 1, ZMQ_DONTWAIT);
        if (size < 0)
            return "";
        text[size] = '\0';
        if (part == 2)
            memcpy(code, text, 4);
        if (part == 4)
            memcpy(ret_user, text, (size_t)size + 1);
    }
    return code;
}

static void assert_door(struct stage *stage, uint8_t number, const char *wanted)
{
    uint8_t key[KEY_BYTES];
    char text[KEY_TEXT_SIZE], user[64] = "";
    key_of(number, key, text);
    say(stage, number, KEYRING_DOMAIN);
    assert_string_equal(hear(stage, user), wanted);
    assert_string_equal(user, strcmp(wanted, "200") == 0 ? text : "");
}

/* --- As history and accounts. */

static const struct msg *asked(struct stage *stage, int64_t after_id)
{
    sim_settle(stage->sim);
    const struct msg *msg = sim_take(stage->sim, HISTORY);
    assert_non_null(msg);
    assert_int_equal(msg->kind, MSG_LOAD_KEYS);
    assert_int_equal(MSG_BODY(msg, INTERNAL(LoadKeys))->after_id, after_id);
    return msg;
}

struct page {
    uint8_t first, count;
    int64_t last_id, codes_until_ms;
    bool is_end;
};

static void answer(struct stage *stage, const struct msg *msg, const struct page *page)
{
    INTERNAL(KeysLoaded) loaded = ROOST__INTERNAL__KEYS_LOADED__INIT;
    char texts[16][KEY_TEXT_SIZE];
    ProtobufCBinaryData keys[16];
    for (uint8_t i = 0; i < page->count; i++) {
        uint8_t key[KEY_BYTES];
        key_of((uint8_t)(page->first + i), key, texts[i]);
        keys[i] = (ProtobufCBinaryData){.len = KEY_TEXT, .data = (uint8_t *)texts[i]};
    }
    loaded.keys = keys;
    loaded.n_keys = page->count;
    loaded.last_id = page->last_id;
    loaded.is_end = page->is_end;
    loaded.codes_until_ms = page->codes_until_ms;
    sim_reply(stage->sim, msg, HISTORY, MSG_KEYS_LOADED, &loaded.base, NULL);
    sim_settle(stage->sim);
}

static void load(struct stage *stage, uint8_t first, uint8_t count, int64_t codes_until_ms)
{
    struct page page = {first, count, 9, codes_until_ms, true};
    answer(stage, asked(stage, 0), &page);
}

static void tell(struct stage *stage, int enrolled, int revoked, bool is_unsure)
{
    INTERNAL(KeysChanged) changed = ROOST__INTERNAL__KEYS_CHANGED__INIT;
    char texts[2][KEY_TEXT_SIZE];
    uint8_t key[KEY_BYTES];
    if (enrolled >= 0) {
        key_of((uint8_t)enrolled, key, texts[0]);
        changed.enrolled = (ProtobufCBinaryData){KEY_TEXT, (uint8_t *)texts[0]};
    }
    if (revoked >= 0) {
        key_of((uint8_t)revoked, key, texts[1]);
        changed.revoked = (ProtobufCBinaryData){KEY_TEXT, (uint8_t *)texts[1]};
    }
    changed.is_unsure = is_unsure;
    assert_int_equal(
        sim_post(stage->sim, ACCOUNTS, KEYRING, MSG_KEYS_CHANGED, &changed.base, NULL, 0, false),
        ERR_OK);
    sim_settle(stage->sim);
}

/* --- Tests. */

static void test_keys_that_are_loaded_get_in(void **state)
{
    struct stage *stage = *state;
    assert_door(stage, 1, "300"); /* not loaded yet */
    struct page first = {1, 2, 5, 0, false}, second = {3, 2, 9, 0, true};
    answer(stage, asked(stage, 0), &first);
    assert_door(stage, 1, "200");
    assert_door(stage, 3, "300");
    answer(stage, asked(stage, 5), &second);
    for (uint8_t number = 1; number <= 4; number++)
        assert_door(stage, number, "200");
    assert_door(stage, 5, "400");
    assert_int_equal(metrics_get(sim_metrics(stage->sim, KEYRING), METRIC_HANDSHAKES), 5);
    assert_int_equal(metrics_get(sim_metrics(stage->sim, KEYRING), METRIC_HANDSHAKES_REFUSED), 3);
}

static void test_another_domain_does_not(void **state)
{
    struct stage *stage = *state;
    char user[64] = "";
    load(stage, 1, 2, 0);
    say(stage, 1, "");
    assert_string_equal(hear(stage, user), "400");
    say(stage, 1, "other");
    assert_string_equal(hear(stage, user), "400");
    assert_string_equal(user, "");
}

static void test_changes_count_at_once(void **state)
{
    struct stage *stage = *state;
    load(stage, 1, 2, 0);
    tell(stage, 7, -1, false);
    assert_door(stage, 7, "200");
    tell(stage, -1, 1, false);
    assert_door(stage, 1, "400");
    assert_door(stage, 2, "200");
}

/* Who was told that his key is enrolled knocks at once: his request may be read before the news is. */
static void test_news_on_its_way_counts(void **state)
{
    struct stage *stage = *state;
    char user[64] = "";
    load(stage, 1, 2, 0);
    ask(stage, 7, KEYRING_DOMAIN);
    assert_string_equal(hear(stage, user), "");
    tell(stage, 7, -1, false);
    sim_advance(stage->sim, 2);
    assert_string_equal(hear(stage, user), "200");
}

/* The page was read before the key was revoked, and comes after. */
static void test_a_late_page_brings_no_revoked_key_back(void **state)
{
    struct stage *stage = *state;
    struct page page = {1, 3, 9, 0, true};
    const struct msg *question = asked(stage, 0);
    struct msg kept = *question; /* its body is not looked at any more */
    tell(stage, -1, 2, false);
    tell(stage, 8, -1, false);
    answer(stage, &kept, &page);
    struct page no_codes = {0, 0, 0, 0, true};
    for (int i = 0; i < 2; i++) /* asked behind the page */
        answer(stage, asked(stage, INT64_MAX), &no_codes);
    assert_door(stage, 1, "200");
    assert_door(stage, 2, "400");
    assert_door(stage, 3, "200");
    assert_door(stage, 8, "200");
}

static void test_looked_up_anew(void **state)
{
    struct stage *stage = *state;
    load(stage, 1, 3, 0);
    tell(stage, -1, -1, true);
    assert_door(stage, 1, "200"); /* until it knows better */
    load(stage, 3, 2, 0);
    assert_door(stage, 1, "400");
    assert_door(stage, 3, "200");
    assert_door(stage, 4, "200");
}

static void test_codes_open_the_door_for_a_while(void **state)
{
    struct stage *stage = *state;
    load(stage, 1, 1, NOW_MS + 60000);
    assert_door(stage, 9, "200");
    sim_advance(stage->sim, 61000);
    assert_door(stage, 9, "400");
    tell(stage, -1, -1, false);   /* a code was made: it looks */
    assert_door(stage, 9, "300"); /* and may well have it */
    struct page codes = {0, 0, 0, NOW_MS + 120000, true};
    answer(stage, asked(stage, INT64_MAX), &codes);
    assert_door(stage, 9, "200");
    tell(stage, 9, -1, false); /* it was used */
    codes.codes_until_ms = 0;
    answer(stage, asked(stage, INT64_MAX), &codes);
    assert_door(stage, 9, "200");
    assert_door(stage, 10, "400");
}

static void test_switched_off_they_do_not(void **state)
{
    struct stage *stage = *state;
    sim_destroy(&stage->sim);
    assert_int_equal(zmq_close(stage->asker), 0);
    stage->options.is_enrolment = false;
    stage_start(stage);
    load(stage, 1, 1, NOW_MS + 60000);
    assert_door(stage, 9, "400");
    assert_door(stage, 1, "200");
}

static void test_a_silent_history_is_asked_again(void **state)
{
    struct stage *stage = *state;
    (void)asked(stage, 0);
    sim_advance(stage->sim, 6000);
    assert_door(stage, 1, "300");
    load(stage, 1, 1, 0);
    assert_door(stage, 1, "200");
}

static void test_a_new_life_begins_with_nothing(void **state)
{
    struct stage *stage = *state;
    load(stage, 1, 1, 0);
    assert_int_equal(sim_crash(stage->sim, KEYRING), ERR_OK);
    assert_int_equal(zmq_close(stage->asker), 0);
    stage->asker = zmq_socket(stage->context, ZMQ_REQ);
    assert_int_equal(zmq_connect(stage->asker, ZAP_ENDPOINT), 0);
    assert_door(stage, 1, "300");
    load(stage, 1, 1, 0);
    assert_door(stage, 1, "200");
}

static void test_nonsense_is_not_answered(void **state)
{
    struct stage *stage = *state;
    char user[64];
    load(stage, 1, 1, 0);
    for (int count = 1; count < 14; count++) {
        for (int i = 1; i < count; i++)
            assert_int_equal(zmq_send(stage->asker, "x", 1, ZMQ_SNDMORE), 1);
        assert_int_equal(zmq_send(stage->asker, "x", 1, 0), 1);
        sim_readable(stage->sim, KEYRING, 0);
        sim_advance(stage->sim, 2);
        assert_string_equal(hear(stage, user), "");
    }
    assert_door(stage, 1, "200");
}

/* What persistence is told to note; "" nothing. */
static const char *noted(struct stage *stage)
{
    static char text[256];
    sim_settle(stage->sim);
    const struct msg *msg = sim_take(stage->sim, PERSISTENCE);
    if (!msg)
        return "";
    assert_int_equal(msg->kind, MSG_AUDIT);
    const INTERNAL(Audit) *audit = MSG_BODY(msg, INTERNAL(Audit));
    (void)snprintf(text, sizeof(text), "%.*s|%.*s|%.*s|%.*s", (int)audit->actor.len,
                   (const char *)audit->actor.data, (int)audit->action.len,
                   (const char *)audit->action.data, (int)audit->target.len,
                   (const char *)audit->target.data, (int)audit->detail.len,
                   (const char *)audit->detail.data);
    return text;
}

static void test_refusals_are_noted_once_a_minute(void **state)
{
    struct stage *stage = *state;
    char wanted[256], text[KEY_TEXT_SIZE];
    uint8_t key[KEY_BYTES];
    assert_door(stage, 5, "300"); /* he comes again, and gets in */
    assert_string_equal(noted(stage), "");
    load(stage, 1, 1, 0);
    assert_door(stage, 1, "200");
    assert_string_equal(noted(stage), "");
    assert_door(stage, 5, "400");
    key_of(5, key, text);
    (void)snprintf(wanted, sizeof(wanted),
                   "|key-refused|192.0.2.7|1 handshake, the last with %s: it is not enrolled",
                   text);
    assert_string_equal(noted(stage), wanted);
    for (uint8_t number = 2; number < 9; number++)
        assert_door(stage, number, "400");
    assert_string_equal(noted(stage), "");
    sim_advance(stage->sim, 60000);
    key_of(8, key, text);
    (void)snprintf(wanted, sizeof(wanted),
                   "|key-refused|192.0.2.7|7 handshakes, the last with %s: it is not enrolled",
                   text);
    assert_string_equal(noted(stage), wanted);
    sim_advance(stage->sim, 600000);
    assert_string_equal(noted(stage), "");
}

/* CURVE between two sockets, with the options of the router and nobody to ask. */
static void test_without_it_nobody_gets_in(void **state)
{
    struct stage *stage = *state;
    char public_text[41], secret_text[41], endpoint[64];
    size_t size = sizeof(endpoint);
    int yes = 1, none = 0, wait_ms = 500;
    sim_destroy(&stage->sim);
    assert_int_equal(zmq_curve_keypair(public_text, secret_text), 0);
    void *router = zmq_socket(stage->context, ZMQ_ROUTER);
    void *dealer = zmq_socket(stage->context, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(router, ZMQ_CURVE_SERVER, &yes, sizeof(yes)), 0);
    assert_int_equal(zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, secret_text, 41), 0);
    assert_int_equal(zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, "roost", 5), 0);
    assert_int_equal(zmq_setsockopt(router, 93, &yes, sizeof(yes)), 0);
    assert_int_equal(zmq_setsockopt(router, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms)), 0);
    assert_int_equal(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, public_text, 41), 0);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, public_text, 41), 0);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, secret_text, 41), 0);
    assert_int_equal(zmq_connect(dealer, endpoint), 0);
    assert_int_equal(zmq_send(dealer, "in?", 3, 0), 3);
    char text[8];
    assert_int_equal(zmq_recv(router, text, sizeof(text), 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(zmq_setsockopt(dealer, ZMQ_LINGER, &none, sizeof(none)), 0);
    assert_int_equal(zmq_close(dealer), 0);
    assert_int_equal(zmq_close(router), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_keys_that_are_loaded_get_in),
        TEST(test_another_domain_does_not),
        TEST(test_changes_count_at_once),
        TEST(test_news_on_its_way_counts),
        TEST(test_a_late_page_brings_no_revoked_key_back),
        TEST(test_looked_up_anew),
        TEST(test_codes_open_the_door_for_a_while),
        TEST(test_switched_off_they_do_not),
        TEST(test_a_silent_history_is_asked_again),
        TEST(test_a_new_life_begins_with_nothing),
        TEST(test_nonsense_is_not_answered),
        TEST(test_refusals_are_noted_once_a_minute),
        TEST(test_without_it_nobody_gets_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
