/* SPDX-License-Identifier: MPL-2.0
 *
 * From a public CALL to the question between actors: every method has an owner, every field arrives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateways/gateway_call.h"
#include "proto/actor_ids.h"

#define BYTES(text) ((ProtobufCBinaryData){sizeof(text) - 1, (uint8_t *)(uintptr_t)(text)})

static const struct gateway_who who = {
    .session = 7, .peer_id = 3, .name = "ana", .name_size = 3, .role = 2, .is_verified = true};

static void every_method_has_an_owner(void **state)
{
    (void)state;
    for (unsigned i = 0; i < roost__v1__method__descriptor.n_values; i++) {
        Roost__V1__Call call = ROOST__V1__CALL__INIT;
        INTERNAL(Call) body = ROOST__INTERNAL__CALL__INIT;
        uint8_t owner = 0;
        call.method = (Roost__V1__Method)roost__v1__method__descriptor.values[i].value;
        enum err err = gateway_call_fill(&call, &who, &body, &owner);
        assert_int_equal(err, call.method ? ERR_OK : ERR_UNKNOWN_CALL);
        assert_int_equal(owner != 0, call.method != 0);
    }
}

static void fields_arrive(void **state)
{
    Roost__V1__Call call = ROOST__V1__CALL__INIT;
    INTERNAL(Call) body = ROOST__INTERNAL__CALL__INIT;
    uint8_t owner;
    (void)state;
    call.request_id = 9;
    call.method = ROOST__V1__METHOD__CANCEL;
    call.scope = BYTES("room:tea");
    call.text = BYTES("text");
    call.seq = 5;
    call.all = true;
    assert_int_equal(gateway_call_fill(&call, &who, &body, &owner), ERR_OK);
    assert_int_equal(owner, ACTOR_SYNC_MANAGER);
    assert_int_equal(body.session, 7);
    assert_int_equal(body.request_id, 9);
    assert_int_equal(body.scope_name.len, 3);
    assert_memory_equal(body.scope_name.data, "tea", 3);
    assert_memory_equal(body.peer_name.data, "ana", 3);
    assert_true(body.is_verified && body.all && !body.is_admin);
    assert_int_equal(body.caller_role, 2);
    assert_int_equal(body.seq, 5);
    call.scope = BYTES("tea");
    assert_int_equal(gateway_call_fill(&call, &who, &body, &owner), ERR_BAD_SCOPE);
}

static void administrators(void **state)
{
    static const char *const some[] = {"root", "ana"}, *const everybody[] = {"*"};
    (void)state;
    assert_true(gateway_is_admin(NULL, 0, "bob", 3, ROOST__V1__ROLE__ADMIN));
    assert_false(gateway_is_admin(NULL, 0, "bob", 3, ROOST__V1__ROLE__MODERATOR));
    assert_true(gateway_is_admin(some, 2, "ana", 3, 0));
    assert_false(gateway_is_admin(some, 2, "anabel", 6, 0));
    assert_true(gateway_is_admin(everybody, 1, "bob", 3, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_method_has_an_owner),
                                       cmocka_unit_test(fields_arrive),
                                       cmocka_unit_test(administrators)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
