/* SPDX-License-Identifier: MPL-2.0
 *
 * Writing JSON: texts of all kinds, numbers, messages by their descriptors, and no room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "broker.pb-c.h"
#include "gateways/http/http_error.h"
#include "gateways/http/http_json.h"

#define BYTES(text) ((ProtobufCBinaryData){sizeof(text) - 1, (uint8_t *)(uintptr_t)(text)})

static void says(struct buf *buf, const char *wanted)
{
    assert_string_equal(buf_text(buf), wanted);
    buf_clear(buf);
}

static void values(void **state)
{
    struct buf buf;
    struct http_json json;
    (void)state;
    buf_init(&buf, 1 << 16);
    http_json_begin(&json, &buf);
    http_json_object(&json, NULL);
    http_json_text(&json, "text", "a\"b\\c\n\t\x7f");
    http_json_number(&json, "most", UINT64_MAX);
    http_json_signed(&json, "least", INT64_MIN);
    http_json_real(&json, "half", 0.5);
    http_json_real(&json, "none", NAN);
    http_json_bool(&json, "yes", true);
    http_json_null(&json, "null");
    http_json_array(&json, "list");
    http_json_object(&json, NULL);
    http_json_object_end(&json);
    http_json_number(&json, NULL, 1);
    http_json_array_end(&json);
    http_json_raw(&json, "raw", "[2]", 3);
    http_json_hex(&json, "hex", "\x01\xff", 2);
    http_json_base64(&json, "base64", "abcd", 4);
    http_json_id(&json, "id", "0123456789abcdef", 16);
    http_json_id(&json, "no_id", NULL, 0);
    http_json_object_end(&json);
    assert_int_equal(json.err, ERR_OK);
    says(&buf,
         "{\"text\":\"a\\\"b\\\\c\\n\\u0009\\u007f\",\"most\":18446744073709551615,"
         "\"least\":-9223372036854775808,\"half\":0.5,\"none\":null,\"yes\":true,\"null\":null,"
         "\"list\":[{},1],\"raw\":[2],\"hex\":\"01ff\",\"base64\":\"YWJjZA==\","
         "\"id\":\"30313233-3435-3637-3839-616263646566\",\"no_id\":\"\"}");
    buf_fini(&buf);
}

static void text_is_always_utf8(void **state)
{
    static const char bytes[] = "a\xff\xe8\x8c\xb6\xe8\x8c\xed\xa0\x80z\0";
    struct buf buf;
    struct http_json json;
    (void)state;
    buf_init(&buf, 1 << 16);
    http_json_begin(&json, &buf);
    http_json_bytes(&json, NULL, bytes, sizeof(bytes) - 1);
    json_error_t error;
    json_t *read = json_loadb((const char *)buf_data(&buf), buf_size(&buf),
                              JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    assert_non_null(read);
    assert_non_null(strstr(json_string_value(read), "\xe8\x8c\xb6"));
    json_decref(read);
    buf_fini(&buf);
}

static void no_room(void **state)
{
    struct buf buf;
    struct http_json json;
    (void)state;
    buf_init(&buf, 10);
    http_json_begin(&json, &buf);
    http_json_text(&json, NULL, "0123456789");
    assert_int_equal(json.err, ERR_TOO_LARGE);
    http_json_text(&json, NULL, "x");
    assert_int_equal(json.err, ERR_TOO_LARGE);
    buf_fini(&buf);
    buf_init(&buf, 1000);
    http_json_begin(&json, &buf);
    for (int i = 0; i < 20; i++)
        http_json_array(&json, NULL);
    assert_int_equal(json.err, ERR_TOO_LARGE);
    buf_fini(&buf);
}

static void messages(void **state)
{
    Roost__V1__Delivery delivery = ROOST__V1__DELIVERY__INIT;
    Roost__V1__Header header = ROOST__V1__HEADER__INIT, *headers = &header;
    Roost__V1__DeadLetter dead = ROOST__V1__DEAD_LETTER__INIT;
    struct buf buf;
    struct http_json json;
    (void)state;
    buf_init(&buf, 1 << 16);
    header.name = BYTES("k");
    header.value = BYTES("\xff");
    delivery.message_id = BYTES("0123456789abcdef");
    delivery.body = BYTES("\xff\x00");
    delivery.kind = ROOST__V1__KIND__FILE_SHARE;
    delivery.headers = &headers;
    delivery.n_headers = 1;
    dead.message = &delivery;
    dead.reason = 5006;
    http_json_begin(&json, &buf);
    http_json_message(&json, NULL, &dead.base);
    says(&buf,
         "{\"message\":{\"seq\":0,\"message_id\":\"30313233-3435-3637-3839-616263646566\","
         "\"sender\":\"\","
         "\"body_base64\":\"/"
         "wA=\",\"kind\":\"file_share\",\"content_type\":\"\",\"headers\":[{\"name\":"
         "\"k\",\"value_base64\":\"/w==\"}],\"key\":\"\",\"priority\":0,\"reply_to\":\"\","
         "\"correlation_id\":\"\",\"parent_id\":\"\",\"created_ms\":0,\"stored_ms\":0,\"expires_"
         "ms\":0,"
         "\"attempt\":0,\"redelivered\":false,\"sender_unverified\":false,\"scope\":\"\","
         "\"edited_ms\":0,\"deleted_ms\":0,\"reactions\":[]},\"scope\":\"\",\"consumer\":\"\","
         "\"reason\":5006,\"text\":\"\",\"attempts\":0,\"died_ms\":0}");
    dead.message = NULL;
    http_json_begin(&json, &buf);
    http_json_message(&json, NULL, &dead.base);
    assert_non_null(strstr(buf_text(&buf), "\"message\":null"));
    buf_fini(&buf);
}

/* What bytes are is known by the name of the field. */
static void bytes_by_what_they_are(void **state)
{
    Roost__V1__ReceiptEntry receipt = ROOST__V1__RECEIPT_ENTRY__INIT;
    Roost__V1__Welcome welcome = ROOST__V1__WELCOME__INIT;
    Roost__V1__Delivery delivery = ROOST__V1__DELIVERY__INIT;
    struct buf buf;
    struct http_json json;
    (void)state;
    buf_init(&buf, 1 << 16);
    receipt.message_ids = BYTES("0123456789abcdef0123456789ABCDEFrest");
    http_json_begin(&json, &buf);
    http_json_message(&json, NULL, &receipt.base);
    assert_non_null(strstr(buf_text(&buf),
                           "\"message_ids\":[\"30313233-3435-3637-3839-616263646566\","
                           "\"30313233-3435-3637-3839-414243444546\"]"));
    buf_clear(&buf);
    welcome.boot_id = BYTES("\x01\xff");
    http_json_begin(&json, &buf);
    http_json_message(&json, NULL, &welcome.base);
    assert_non_null(strstr(buf_text(&buf), "\"boot_id\":\"01ff\""));
    assert_non_null(strstr(buf_text(&buf), "\"software\":\"\",\"is_verified\":false"));
    buf_clear(&buf);
    delivery.correlation_id = BYTES("0123456789abcde\xff"); /* a UUID, by its length */
    http_json_begin(&json, &buf);
    http_json_message(&json, NULL, &delivery.base);
    assert_non_null(
        strstr(buf_text(&buf), "\"correlation_id\":\"30313233-3435-3637-3839-6162636465ff\""));
    assert_int_equal(json.err, ERR_OK);
    buf_fini(&buf);
}

static void enums(void **state)
{
    char text[32];
    int value = -1;
    (void)state;
    http_enum_name(&roost__v1__room_role__descriptor, ROOST__V1__ROOM_ROLE__ROOM_MODERATOR, text,
                   sizeof(text));
    assert_string_equal(text, "room_moderator");
    http_enum_name(&roost__v1__room_role__descriptor, 77, text, sizeof(text));
    assert_string_equal(text, "77");
    assert_true(http_enum_value(&roost__v1__privacy__descriptor, "protected", 9, &value));
    assert_int_equal(value, ROOST__V1__PRIVACY__PROTECTED);
    assert_false(http_enum_value(&roost__v1__privacy__descriptor, "PROTECTED", 9, &value));
    assert_false(http_enum_value(&roost__v1__privacy__descriptor, "", 0, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),  cmocka_unit_test(text_is_always_utf8),
        cmocka_unit_test(no_room), cmocka_unit_test(messages),
        cmocka_unit_test(enums),   cmocka_unit_test(bytes_by_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
