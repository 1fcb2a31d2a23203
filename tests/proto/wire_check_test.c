/* SPDX-License-Identifier: MPL-2.0
 *
 * Every field of every message to a broker: what is refused, and by which name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/wire.h"
#include "proto/wire_check.h"
#include "samples.h"

static uint8_t letters[16384];

static ProtobufCBinaryData bytes(size_t size)
{
    memset(letters, 'x', sizeof(letters));
    return (ProtobufCBinaryData){size, letters};
}

/* A C string of `length` letters, good until the next call. */
static char *words(size_t length)
{
    static char buffer[2000];

    memset(buffer, 'x', length);
    buffer[length] = '\0';
    return buffer;
}

static ProtobufCBinaryData text(const char *string)
{
    return (ProtobufCBinaryData){strlen(string), (uint8_t *)string};
}

static void expect(const struct wire_message *message, enum wire_direction direction,
                   enum err wanted, const char *field, int line)
{
    struct wire_fault fault = {0};
    enum err err = wire_check_message(message, direction, &wire_limits_default, &fault);

    if (err != wanted)
        fail_msg("line %d: %s (%s)", line, err_name(err), fault.field ? fault.field : "");
    if (err && strcmp(fault.field, field) != 0)
        fail_msg("line %d: \"%s\" instead of \"%s\"", line, fault.field, field);
}

/* The sample of a message with `member` set to `value`: the answer of a broker. */
#define EXPECT(NAME, name, member, value, wanted, field)                                           \
    do {                                                                                           \
        struct wire_message message = {.type = ROOST__V1__TYPE__##NAME};                           \
        message.base = sample_message(&roost__v1__##name##__descriptor);                           \
        message.name->member = (value);                                                            \
        expect(&message, WIRE_TO_BROKER, wanted, field, __LINE__);                                 \
    } while (0)

static void session(void **state)
{
    (void)state;
    EXPECT(HELLO, hello, version_min, 0, ERR_MISSING_FIELD, "hello.version_min");
    EXPECT(HELLO, hello, version_max, 0, ERR_MISSING_FIELD, "hello.version_max");
    EXPECT(HELLO, hello, version_max, 9, ERR_OK, NULL);
    EXPECT(HELLO, hello, version_min, 2, ERR_BAD_FIELD, "hello.version_min");
    EXPECT(HELLO, hello, peer, bytes(0), ERR_OK, NULL);
    EXPECT(HELLO, hello, peer, bytes(256), ERR_BAD_NAME, "hello.peer");
    EXPECT(HELLO, hello, peer, text("a\nb"), ERR_BAD_NAME, "hello.peer");
    EXPECT(HELLO, hello, peer, text("lan:ana@host"), ERR_BAD_NAME, "hello.peer");
    EXPECT(HELLO, hello, peer, text("$x"), ERR_BAD_NAME, "hello.peer");
    EXPECT(HELLO, hello, credentials, bytes(1024), ERR_OK, NULL);
    EXPECT(HELLO, hello, credentials, bytes(1025), ERR_BAD_FIELD, "hello.credentials");
    EXPECT(HELLO, hello, resume_token, bytes(0), ERR_OK, NULL);
    EXPECT(HELLO, hello, resume_token, bytes(15), ERR_BAD_FIELD, "hello.resume_token");
    EXPECT(HELLO, hello, resume_token, bytes(17), ERR_BAD_FIELD, "hello.resume_token");
    EXPECT(HELLO, hello, display_name, text("a\nb"), ERR_BAD_FIELD, "hello.display_name");
    EXPECT(HELLO, hello, display_name, bytes(256), ERR_BAD_FIELD, "hello.display_name");
    EXPECT(HELLO, hello, software, words(WIRE_SOFTWARE_BYTES_MAX), ERR_OK, NULL);
    EXPECT(HELLO, hello, software, words(WIRE_SOFTWARE_BYTES_MAX + 1), ERR_BAD_FIELD,
           "hello.software");
    EXPECT(GOODBYE, goodbye, text, words(WIRE_TEXT_BYTES_MAX + 1), ERR_BAD_FIELD, "goodbye.text");
    EXPECT(PING, ping, echo, bytes(64), ERR_OK, NULL);
    EXPECT(PING, ping, echo, bytes(65), ERR_BAD_FIELD, "ping.echo");
    EXPECT(PONG, pong, echo, bytes(65), ERR_BAD_FIELD, "pong.echo");
}

static void hello_of_another_version(void **state)
{
    struct wire_message message = {.type = ROOST__V1__TYPE__HELLO};

    (void)state;
    message.base = sample_message(&roost__v1__hello__descriptor);
    message.hello->version_min = 2;
    message.hello->version_max = 3;
    expect(&message, WIRE_TO_BROKER, ERR_BAD_VERSION, "hello.version_max", __LINE__);
}

static void consuming(void **state)
{
    (void)state;
    EXPECT(ATTACH, attach, handle, 0, ERR_MISSING_FIELD, "attach.handle");
    EXPECT(ATTACH, attach, scope, bytes(0), ERR_MISSING_FIELD, "attach.scope");
    EXPECT(ATTACH, attach, scope, text("alice"), ERR_BAD_SCOPE, "attach.scope");
    EXPECT(ATTACH, attach, scope, text("topic:a.>"), ERR_OK, NULL);
    EXPECT(ATTACH, attach, consumer, bytes(0), ERR_OK, NULL);
    EXPECT(ATTACH, attach, consumer, text(" main"), ERR_BAD_NAME, "attach.consumer");
    EXPECT(ATTACH, attach, start, (Roost__V1__Start)5, ERR_BAD_FIELD, "attach.start");
    EXPECT(ATTACH, attach, start, (Roost__V1__Start)-1, ERR_BAD_FIELD, "attach.start");
    EXPECT(ATTACH, attach, start_value, UINT64_MAX, ERR_BAD_FIELD, "attach.start_value");
    EXPECT(ATTACH, attach, lease_ms, 0, ERR_OK, NULL);
    EXPECT(ATTACH, attach, lease_ms, 99, ERR_BAD_FIELD, "attach.lease_ms");
    EXPECT(ATTACH, attach, lease_ms, 86400001, ERR_BAD_FIELD, "attach.lease_ms");
    EXPECT(ATTACH, attach, credit_messages, UINT64_MAX, ERR_BAD_FIELD, "attach.credit_messages");
    EXPECT(DETACH, detach, handle, 0, ERR_MISSING_FIELD, "detach.handle");
    EXPECT(CREDIT, credit, handle, 0, ERR_MISSING_FIELD, "credit.handle");
    EXPECT(CREDIT, credit, messages_total, 0, ERR_OK, NULL);
    EXPECT(CREDIT, credit, bytes_total, UINT64_MAX, ERR_BAD_FIELD, "credit.bytes_total");
}

static void settling(void **state)
{
    (void)state;
    EXPECT(SETTLE, settle, handle, 0, ERR_MISSING_FIELD, "settle.handle");
    EXPECT(SETTLE, settle, n_ranges, 0, ERR_MISSING_FIELD, "settle.ranges");
    EXPECT(SETTLE, settle, confirm_id, UINT64_MAX, ERR_BAD_FIELD, "settle.confirm_id");
    EXPECT(SETTLE, settle, ranges[1]->outcome, 0, ERR_MISSING_FIELD, "settle.ranges.outcome");
    EXPECT(SETTLE, settle, ranges[1]->outcome, 6, ERR_BAD_FIELD, "settle.ranges.outcome");
    EXPECT(SETTLE, settle, ranges[0]->first_delivery_no, 0, ERR_MISSING_FIELD,
           "settle.ranges.first_delivery_no");
    EXPECT(SETTLE, settle, ranges[0]->last_delivery_no, 0, ERR_OK, NULL);
    EXPECT(SETTLE, settle, ranges[0]->last_delivery_no, 40, ERR_BAD_FIELD,
           "settle.ranges.last_delivery_no");
    EXPECT(SETTLE, settle, ranges[0]->delay_ms, UINT32_MAX, ERR_BAD_FIELD,
           "settle.ranges.delay_ms");
    EXPECT(SETTLE, settle, ranges[0]->reason, words(WIRE_REASON_BYTES_MAX + 1), ERR_BAD_FIELD,
           "settle.ranges.reason");
}

static void asking(void **state)
{
    (void)state;
    EXPECT(QUERY, query, request_id, 0, ERR_MISSING_FIELD, "query.request_id");
    EXPECT(QUERY, query, kind, 0, ERR_UNKNOWN_CALL, "query.kind");
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__WARM_START, ERR_OK, NULL);
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__DELIVERIES, ERR_OK, NULL);
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__TABLES, ERR_OK, NULL);
    EXPECT(QUERY, query, kind, 15, ERR_UNKNOWN_CALL, "query.kind");
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__KEYS, ERR_OK, NULL);
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__ACL, ERR_OK, NULL);
    EXPECT(QUERY, query, kind, 26, ERR_UNKNOWN_CALL, "query.kind");
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__TRACE, ERR_MISSING_FIELD,
           "query.message_ids"); /* the sample has two */
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__BY_ID, ERR_OK, NULL);
    EXPECT(QUERY, query, message_ids, bytes(0), ERR_OK, NULL);
    EXPECT(QUERY, query, message_ids, bytes(17), ERR_BAD_FIELD, "query.message_ids");
    EXPECT(QUERY, query, message_ids, bytes(8000), ERR_OK, NULL);
    EXPECT(QUERY, query, message_ids, bytes(8016), ERR_BAD_FIELD, "query.message_ids");
    EXPECT(QUERY, query, peer, text("e\xcc\x81"), ERR_BAD_NAME, "query.peer");
    EXPECT(QUERY, query, scope, text("x"), ERR_BAD_SCOPE, "query.scope");
    EXPECT(QUERY, query, consumer, text("x "), ERR_BAD_NAME, "query.consumer");
    EXPECT(QUERY, query, after_name, bytes(256), ERR_BAD_NAME, "query.after_name");
    EXPECT(QUERY, query, limit, 500, ERR_OK, NULL);
    EXPECT(QUERY, query, limit, 501, ERR_BAD_FIELD, "query.limit");
    EXPECT(QUERY, query, offset, WIRE_OFFSET_MAX + 1, ERR_BAD_FIELD, "query.offset");
    EXPECT(QUERY, query, after_seq, UINT64_MAX, ERR_BAD_FIELD, "query.after_seq");
    EXPECT(QUERY, query, before_seq, UINT64_MAX, ERR_BAD_FIELD, "query.before_seq");
    EXPECT(QUERY, query, from_ms, UINT64_MAX, ERR_BAD_FIELD, "query.from_ms");
    EXPECT(QUERY, query, to_ms, 1, ERR_BAD_FIELD, "query.to_ms");
    EXPECT(SYNC, sync, request_id, 0, ERR_MISSING_FIELD, "sync.request_id");
    EXPECT(SYNC, sync, limit, 501, ERR_BAD_FIELD, "sync.limit");
    EXPECT(PRESENCE, presence, request_id, 0, ERR_MISSING_FIELD, "presence.request_id");
    EXPECT(CALL, call, request_id, 0, ERR_MISSING_FIELD, "call.request_id");
    EXPECT(CALL, call, method, 0, ERR_UNKNOWN_CALL, "call.method");
    EXPECT(CALL, call, method, 11, ERR_UNKNOWN_CALL, "call.method");
    EXPECT(CALL, call, text, text("a\x1b[2J"), ERR_BAD_FIELD, "call.text");
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__AUDIT, ERR_OK, NULL);
    EXPECT(QUERY, query, text, bytes(WIRE_TEXT_BYTES_MAX), ERR_OK, NULL);
    EXPECT(QUERY, query, text, bytes(WIRE_TEXT_BYTES_MAX + 1), ERR_BAD_FIELD, "query.text");
    EXPECT(QUERY, query, text, text("a\x1b[2J"), ERR_BAD_FIELD, "query.text");
}

/* The fields of calls about rooms, messages and accounts. */
static void changing(void **state)
{
    (void)state;
    EXPECT(CALL, call, actions, 15, ERR_OK, NULL);
    EXPECT(CALL, call, actions, 16, ERR_BAD_FIELD, "call.actions");
    EXPECT(QUERY, query, kind, ROOST__V1__QUERY_KIND__ACL, ERR_OK, NULL);
    EXPECT(CALL, call, body, bytes(0), ERR_OK, NULL);
    EXPECT(CALL, call, password, bytes(1024), ERR_OK, NULL);
    EXPECT(CALL, call, password, bytes(1025), ERR_BAD_FIELD, "call.password");
    EXPECT(CALL, call, invitation_id, bytes(0), ERR_OK, NULL);
    EXPECT(CALL, call, invitation_id, bytes(15), ERR_BAD_FIELD, "call.invitation_id");
    EXPECT(CALL, call, invitation_id, bytes(17), ERR_BAD_FIELD, "call.invitation_id");
    EXPECT(CALL, call, room_role, ROOST__V1__ROOM_ROLE__BANNED, ERR_OK, NULL);
    EXPECT(CALL, call, room_role, (Roost__V1__RoomRole)6, ERR_BAD_FIELD, "call.room_role");
    EXPECT(CALL, call, room_role, (Roost__V1__RoomRole)-1, ERR_BAD_FIELD, "call.room_role");
    EXPECT(CALL, call, role, (Roost__V1__Role)5, ERR_BAD_FIELD, "call.role");
    EXPECT(CALL, call, until_ms, WIRE_TIME_MS_MAX, ERR_OK, NULL);
    EXPECT(CALL, call, until_ms, WIRE_TIME_MS_MAX + 1, ERR_BAD_FIELD, "call.until_ms");
    EXPECT(CALL, call, display_name, bytes(256), ERR_BAD_FIELD, "call.display_name");
    EXPECT(CALL, call, topic, bytes(WIRE_TEXT_BYTES_MAX + 1), ERR_BAD_FIELD, "call.topic");
    EXPECT(CALL, call, topic, text("a\nb"), ERR_BAD_FIELD, "call.topic");
    EXPECT(CALL, call, description, bytes(WIRE_TEXT_BYTES_MAX + 1), ERR_BAD_FIELD,
           "call.description");
    EXPECT(CALL, call, privacy, (Roost__V1__Privacy)5, ERR_BAD_FIELD, "call.privacy");
    EXPECT(CALL, call, retention_ms, WIRE_TTL_MS_MAX, ERR_OK, NULL);
    EXPECT(CALL, call, retention_ms, WIRE_TTL_MS_MAX + 1, ERR_BAD_FIELD, "call.retention_ms");
    EXPECT(CALL, call, clear, WIRE_CLEAR_MASK, ERR_OK, NULL);
    EXPECT(CALL, call, clear, WIRE_CLEAR_MASK + 1, ERR_BAD_FIELD, "call.clear");
}

/* The sample has every field, so that every method of the schema has what it needs. */
static void calls_with_their_fields(void **state)
{
    const ProtobufCEnumDescriptor *methods = &roost__v1__method__descriptor;

    (void)state;
    for (unsigned i = 0; i < methods->n_values; i++) {
        struct wire_message message = {.type = ROOST__V1__TYPE__CALL};
        message.base = sample_message(&roost__v1__call__descriptor);
        message.call->method = (Roost__V1__Method)methods->values[i].value;
        message.call->message_ids.len = WIRE_ID_BYTES;
        if (message.call->method != ROOST__V1__METHOD__METHOD_NONE)
            expect(&message, WIRE_TO_BROKER, ERR_OK, NULL, (int)message.call->method);
    }
}

/* BY_ID without ids, and one range too many. */
static void lists_have_their_sizes(void **state)
{
    Roost__V1__Query query = ROOST__V1__QUERY__INIT;
    Roost__V1__Settle settle = ROOST__V1__SETTLE__INIT;
    struct wire_message message = {.type = ROOST__V1__TYPE__QUERY, .query = &query};

    (void)state;
    query.request_id = 1;
    query.kind = ROOST__V1__QUERY_KIND__BY_ID;
    expect(&message, WIRE_TO_BROKER, ERR_MISSING_FIELD, "query.message_ids", __LINE__);
    query.kind = ROOST__V1__QUERY_KIND__HISTORY;
    expect(&message, WIRE_TO_BROKER, ERR_MISSING_FIELD, "query.peer", __LINE__);
    settle.handle = 1;
    settle.n_ranges = WIRE_RANGES_MAX + 1;
    message = (struct wire_message){.type = ROOST__V1__TYPE__SETTLE, .settle = &settle};
    expect(&message, WIRE_TO_BROKER, ERR_TOO_MANY, "settle.ranges", __LINE__);
}

/* What each method asks for first. */
static const struct {
    Roost__V1__Method method;
    const char *field;
} bare_calls[] = {
    {ROOST__V1__METHOD__MARK_READ, "call.peer"},
    {ROOST__V1__METHOD__CANCEL, "call.message_ids"},
    {ROOST__V1__METHOD__DEAD_REDRIVE, "call.scope"},
    {ROOST__V1__METHOD__DEAD_PURGE, "call.scope"},
    {ROOST__V1__METHOD__PEER_REMOVE, "call.peer"},
    {ROOST__V1__METHOD__PEER_NICKNAME, "call.peer"},
    {ROOST__V1__METHOD__CONSUMER_REMOVE, "call.scope"},
    {ROOST__V1__METHOD__SCOPE_CREATE, "call.scope"},
    {ROOST__V1__METHOD__FLUSH_INDEX, NULL},
    {ROOST__V1__METHOD__WARM_START_AGAIN, NULL},
    {ROOST__V1__METHOD__ROOM_CREATE, "call.scope"},
    {ROOST__V1__METHOD__ROOM_JOIN, "call.scope"},
    {ROOST__V1__METHOD__ROOM_LEAVE, "call.scope"},
    {ROOST__V1__METHOD__ROOM_UPDATE, "call.scope"},
    {ROOST__V1__METHOD__ROOM_ARCHIVE, "call.scope"},
    {ROOST__V1__METHOD__MEMBER_ROLE, "call.scope"},
    {ROOST__V1__METHOD__INVITE, "call.scope"},
    {ROOST__V1__METHOD__INVITE_ACCEPT, NULL},
    {ROOST__V1__METHOD__INVITE_DECLINE, NULL},
    {ROOST__V1__METHOD__INVITE_REVOKE, NULL},
    {ROOST__V1__METHOD__MESSAGE_EDIT, "call.message_ids"},
    {ROOST__V1__METHOD__MESSAGE_DELETE, "call.message_ids"},
    {ROOST__V1__METHOD__REACT, "call.text"},
    {ROOST__V1__METHOD__UNREACT, "call.text"},
    {ROOST__V1__METHOD__USER_REGISTER, "call.peer"},
    {ROOST__V1__METHOD__USER_PASSWORD, "call.password"},
    {ROOST__V1__METHOD__USER_ROLE, "call.peer"},
    {ROOST__V1__METHOD__USER_BAN, "call.peer"},
    {ROOST__V1__METHOD__USER_UNBAN, "call.peer"},
    {ROOST__V1__METHOD__USER_ACTIVE, "call.peer"},
    {ROOST__V1__METHOD__TOKEN_CREATE, NULL},
    {ROOST__V1__METHOD__SESSION_END, NULL},
    {ROOST__V1__METHOD__USER_UNLOCK, "call.peer"},
    {ROOST__V1__METHOD__KEY_ENROL, "call.peer"},
    {ROOST__V1__METHOD__KEY_REVOKE, NULL},
    {ROOST__V1__METHOD__KEY_CODE, "call.peer"},
    {ROOST__V1__METHOD__ACL_ALLOW, "call.peer"},
    {ROOST__V1__METHOD__ACL_DENY, "call.peer"},
    {ROOST__V1__METHOD__ACL_REMOVE, NULL},
    {ROOST__V1__METHOD__ACL_TEST, "call.peer"},
};

/* A CALL with nothing but its method. */
static void calls_need_their_fields(void **state)
{
    (void)state;
    assert_int_equal(sizeof(bare_calls) / sizeof(bare_calls[0]) + 1,
                     roost__v1__method__descriptor.n_values);
    for (size_t i = 0; i < sizeof(bare_calls) / sizeof(bare_calls[0]); i++) {
        Roost__V1__Call call = ROOST__V1__CALL__INIT;
        call.request_id = 1;
        call.method = bare_calls[i].method;
        struct wire_message message = {.type = ROOST__V1__TYPE__CALL, .call = &call};
        expect(&message, WIRE_TO_BROKER, bare_calls[i].field ? ERR_MISSING_FIELD : ERR_OK,
               bare_calls[i].field, (int)i);
    }
}

/* What they need besides. */
static void calls_need_more(void **state)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    struct wire_message message = {.type = ROOST__V1__TYPE__CALL, .call = &call};

    (void)state;
    call.request_id = 1;
    call.method = ROOST__V1__METHOD__DEAD_PURGE;
    call.scope = text("queue:a");
    expect(&message, WIRE_TO_BROKER, ERR_MISSING_FIELD, "call.message_ids", __LINE__);
    call.all = 1;
    expect(&message, WIRE_TO_BROKER, ERR_OK, NULL, __LINE__);
    call.method = ROOST__V1__METHOD__INVITE;
    expect(&message, WIRE_TO_BROKER, ERR_MISSING_FIELD, "call.peer", __LINE__);
    call.peer = text("bob");
    expect(&message, WIRE_TO_BROKER, ERR_OK, NULL, __LINE__);
    call.method = ROOST__V1__METHOD__USER_ROLE;
    expect(&message, WIRE_TO_BROKER, ERR_MISSING_FIELD, "call.role", __LINE__);
    call.method = ROOST__V1__METHOD__USER_REGISTER;
    expect(&message, WIRE_TO_BROKER, ERR_MISSING_FIELD, "call.password", __LINE__);
    call.method = ROOST__V1__METHOD__MESSAGE_EDIT;
    call.message_ids = bytes(2 * (size_t)WIRE_ID_BYTES);
    expect(&message, WIRE_TO_BROKER, ERR_MISSING_FIELD, "call.message_ids", __LINE__);
}

#define EXPECT_CLIENT(NAME, name, member, value, wanted, field)                                    \
    do {                                                                                           \
        struct wire_message message = {.type = ROOST__V1__TYPE__##NAME};                           \
        message.base = sample_message(&roost__v1__##name##__descriptor);                           \
        message.name->member = (value);                                                            \
        expect(&message, WIRE_TO_CLIENT, wanted, field, __LINE__);                                 \
    } while (0)

static void answers(void **state)
{
    (void)state;
    EXPECT_CLIENT(WELCOME, welcome, boot_id, bytes(0), ERR_MISSING_FIELD, "welcome.boot_id");
    EXPECT_CLIENT(WELCOME, welcome, resume_token, bytes(3), ERR_BAD_FIELD, "welcome.resume_token");
    EXPECT_CLIENT(WELCOME, welcome, version, 0, ERR_MISSING_FIELD, "welcome.version");
    EXPECT_CLIENT(ATTACHED, attached, handle, 0, ERR_MISSING_FIELD, "attached.handle");
    EXPECT_CLIENT(DELIVER, deliver, handle, 0, ERR_MISSING_FIELD, "deliver.handle");
    EXPECT_CLIENT(DELIVER, deliver, first_delivery_no, 0, ERR_MISSING_FIELD,
                  "deliver.first_delivery_no");
    EXPECT_CLIENT(DELIVER, deliver, entries[1]->message_id, bytes(4), ERR_BAD_FIELD,
                  "delivery.message_id");
    EXPECT_CLIENT(DELIVER, deliver, entries[1]->kind, (Roost__V1__Kind)99, ERR_OK, NULL);
    EXPECT_CLIENT(RECEIPT, receipt, entries[0]->message_ids, bytes(20), ERR_BAD_FIELD,
                  "receipt.entries.message_ids");
    EXPECT_CLIENT(RESULT, result, dead[0]->message, NULL, ERR_MISSING_FIELD, "result.dead.message");
    EXPECT_CLIENT(RESULT, result, messages[0]->parent_id, bytes(1), ERR_BAD_FIELD,
                  "delivery.parent_id");
    EXPECT_CLIENT(FIN, fin, request_id, 0, ERR_MISSING_FIELD, "fin.request_id");
    EXPECT_CLIENT(REPLY, reply, request_id, 0, ERR_MISSING_FIELD, "reply.request_id");
    EXPECT_CLIENT(REPLY, reply, message_id, bytes(0), ERR_OK, NULL);
    EXPECT_CLIENT(REPLY, reply, message_id, bytes(15), ERR_BAD_FIELD, "reply.message_id");
    EXPECT_CLIENT(REPLY, reply, invitation_id, bytes(0), ERR_OK, NULL);
    EXPECT_CLIENT(REPLY, reply, invitation_id, bytes(17), ERR_BAD_FIELD, "reply.invitation_id");
    EXPECT_CLIENT(RESULT, result, invitations[1]->invitation_id, bytes(0), ERR_MISSING_FIELD,
                  "result.invitations.invitation_id");
    EXPECT_CLIENT(RESULT, result, invitations[0]->invitation_id, bytes(4), ERR_BAD_FIELD,
                  "result.invitations.invitation_id");
    EXPECT_CLIENT(RESULT, result, rooms[0]->privacy, (Roost__V1__Privacy)99, ERR_OK, NULL);
    EXPECT_CLIENT(RESULT, result, members[0]->role, (Roost__V1__RoomRole)99, ERR_OK, NULL);
    EXPECT_CLIENT(RESULT, result, audit[1]->hash, bytes(31), ERR_BAD_FIELD, "result.audit.hash");
    EXPECT_CLIENT(SETTLED, settled, handle, 0, ERR_MISSING_FIELD, "settled.handle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session),
        cmocka_unit_test(hello_of_another_version),
        cmocka_unit_test(consuming),
        cmocka_unit_test(settling),
        cmocka_unit_test(asking),
        cmocka_unit_test(changing),
        cmocka_unit_test(calls_need_their_fields),
        cmocka_unit_test(calls_need_more),
        cmocka_unit_test(calls_with_their_fields),
        cmocka_unit_test(lists_have_their_sizes),
        cmocka_unit_test(answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
