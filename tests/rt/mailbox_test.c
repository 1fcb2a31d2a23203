/* SPDX-License-Identifier: MPL-2.0
 *
 * rt/mailbox between two threads: order per sender, payloads, exact bounds, counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/resource.h>

#include "play.h"
#include "rt/check.h"
#include "rt/mailbox.h"

enum { RECEIVER, SENDER, SENDER_2, IDS };
enum { ROOM = 10, MANY = 20000 };

static _Alignas(64) struct link links[IDS * IDS];
static const uint32_t rooms[IDS] = {ROOM, ROOM, ROOM};
static const char *const names[IDS] = {"receiver", "sender", "sender-2"};
static struct actor_host host;
static struct mailboxes mailboxes;

static int set_up(void **state)
{
    (void)state;
    memset(links, 0, sizeof(links));
    host = (struct actor_host){
        .types = play_types,
        .type_count = PLAY_KINDS,
        .links = links,
        .rooms = rooms,
        .id_count = IDS,
        .zmq_context = zmq_ctx_new(),
    };
    return mailboxes_init(&mailboxes, &host, names, false) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mailboxes_fini(&mailboxes);
    mailboxes_fini(&mailboxes); /* twice does no harm */
    return zmq_ctx_term(host.zmq_context);
}

static enum err send_note(uint8_t from, uint64_t number, size_t payload_bytes, bool is_answer)
{
    struct link *link = link_between(&host, from, RECEIVER);
    if (!link_has_room(link, ROOM, is_answer))
        return ERR_BUSY;
    uint8_t filler[100] = {0};
    Play__Ping note = PLAY__PING__INIT; /* it begins as a note does */
    note.number = number;
    note.filler.data = filler;
    note.filler.len =
        number % 3 ? 0 : sizeof(filler); /* small frames lie in the zmq_msg_t itself */
    struct frame_header header = {
        .kind = PLAY_PING, .from = from, .flags = payload_bytes ? FRAME_PAYLOAD : 0};
    zmq_msg_t frame, payload;
    CHECK(frame_pack(&host, &header, &note.base, &frame) == ERR_OK);
    CHECK(zmq_msg_init_size(&payload, payload_bytes) == 0);
    memset(zmq_msg_data(&payload), (int)number, payload_bytes);
    mailbox_send(&mailboxes, from, RECEIVER, &frame, payload_bytes ? &payload : NULL);
    (void)zmq_msg_close(&payload);
    return ERR_OK;
}

/* Takes one; its number, or 0. */
static uint64_t take_note(uint8_t *ret_from, size_t *ret_payload_bytes)
{
    zmq_msg_t frame, payload;
    bool has_payload = false;
    if (!mailbox_receive(&mailboxes, RECEIVER, &frame, &payload, &has_payload))
        return 0;
    struct frame_header header = frame_header_of(&frame);
    const uint8_t *bytes = zmq_msg_data(&frame);
    Play__Note *note =
        play__note__unpack(NULL, zmq_msg_size(&frame) - sizeof(header), bytes + sizeof(header));
    CHECK(note != NULL);
    uint64_t number = note->number;
    *ret_from = header.from;
    *ret_payload_bytes = has_payload ? zmq_msg_size(&payload) : 0;
    if (has_payload)
        CHECK(*(const uint8_t *)zmq_msg_data(&payload) == (uint8_t)number);
    play__note__free_unpacked(note, NULL);
    (void)zmq_msg_close(&frame);
    (void)zmq_msg_close(&payload);
    return number;
}

static void bounds_are_exact(void **state)
{
    uint8_t from;
    size_t payload_bytes;
    (void)state;
    for (uint64_t i = 1; i <= ROOM; i++)
        assert_int_equal(send_note(SENDER, i, 0, false), ERR_OK);
    assert_int_equal(send_note(SENDER, 99, 0, false), ERR_BUSY);
    assert_int_equal(send_note(SENDER_2, 1, 0, false), ERR_OK); /* a link of its own */
    for (uint64_t i = ROOM + 1; i <= ROOM + ANSWER_ROOM; i++)
        assert_int_equal(send_note(SENDER, i, 0, true), ERR_OK);
    assert_int_equal(send_note(SENDER, 99, 0, true), ERR_BUSY);
    assert_int_equal(mailbox_depth(&mailboxes, RECEIVER), ROOM + ANSWER_ROOM + 1);
    uint64_t next = 1;
    for (unsigned i = 0; i < ROOM + ANSWER_ROOM + 1; i++) {
        uint64_t number = take_note(&from, &payload_bytes);
        if (from == SENDER)
            assert_int_equal(number, next++);
    }
    assert_int_equal(take_note(&from, &payload_bytes), 0);
    assert_int_equal(mailbox_depth(&mailboxes, RECEIVER), 0);
    assert_int_equal(send_note(SENDER, 1, 0, false), ERR_OK);
}

/* Fill and empty over and over: the credit that libzmq returns late must never matter. */
static void full_links_keep_working(void **state)
{
    uint8_t from;
    size_t payload_bytes;
    (void)state;
    uint64_t sent = 0, taken = 0;
    for (unsigned round = 0; round < 20; round++) {
        while (send_note(SENDER, sent + 1, sent % 3 * 10, true) == ERR_OK)
            sent++;
        for (unsigned i = 0; i < 1000 + round * 100; i++) {
            assert_int_equal(take_note(&from, &payload_bytes), ++taken);
            assert_int_equal(payload_bytes, (taken - 1) % 3 * 10);
        }
    }
    assert_true(sent > 20 * 1000);
}

static void *send_many(void *argument)
{
    uint8_t from = *(const uint8_t *)argument;
    for (uint64_t i = 1; i <= MANY;) {
        if (send_note(from, i, i % 10 ? 0 : 100, false) == ERR_OK)
            i++;
    }
    return NULL;
}

static void order_is_kept_per_sender(void **state)
{
    uint8_t ids[] = {SENDER, SENDER_2};
    uint64_t last[IDS] = {0};
    pthread_t threads[2];
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &ids[i]), 0);
    while (last[SENDER] < MANY || last[SENDER_2] < MANY) {
        uint8_t from;
        size_t payload_bytes;
        uint64_t number = take_note(&from, &payload_bytes);
        if (!number)
            continue;
        assert_int_equal(number, last[from] + 1);
        assert_int_equal(payload_bytes, number % 10 ? 0 : 100);
        last[from] = number;
    }
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* As when strangers' connections have taken every descriptor of the process. */
static void no_descriptor_is_needed_to_send(void **state)
{
    struct rlimit before, none;
    uint8_t from;
    size_t payload_bytes;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (uint8_t id = 0; id < IDS; id++)
        assert_int_equal(send_note(id, id + 1U, 0, false), ERR_OK);
    for (uint8_t id = 0; id < IDS; id++)
        assert_true(take_note(&from, &payload_bytes) > 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bounds_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_links_keep_working, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_descriptor_is_needed_to_send, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_is_kept_per_sender, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
