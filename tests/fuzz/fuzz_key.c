/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a key file, a key, a code, and a request of libzmq (parts, each behind its length). Holds
 * proto/key.c and actors/zap.c to: what is refused leaves nothing behind; a key that is accepted is
 * one; a code means the same however it is written again; nobody is let in without a key in the domain.
 */
#include <stdint.h>
#include <string.h>

#include "proto/key.h"
#include "rt/check.h"
#include "zap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(const uint8_t *data, size_t size)
{
    struct key_pair pair;
    const char *problem = NULL;
    enum err err = key_file_parse((const char *)data, size, &pair, &problem);
    if (err) {
        CHECK(problem && pair.public_text[0] == '\0' && pair.secret_text[0] == '\0');
        return;
    }
    CHECK(!problem);
    CHECK(key_text_is_fit(pair.public_text, strlen(pair.public_text)));
    CHECK(key_text_is_fit(pair.secret_text, strlen(pair.secret_text)));
}

static void check_code(const uint8_t *data, size_t size)
{
    char once[KEY_CODE_CHARACTERS + 1], twice[KEY_CODE_CHARACTERS + 1];
    if (!key_code_normalise(data, size, once))
        return;
    CHECK(strlen(once) == KEY_CODE_CHARACTERS);
    CHECK(key_code_normalise(once, strlen(once), twice));
    CHECK(strcmp(once, twice) == 0);
}

static void check_request(const uint8_t *data, size_t size)
{
    struct zap_part parts[ZAP_PARTS_MAX], answer[ZAP_ANSWER_PARTS];
    struct zap_request request;
    size_t count = 0;
    while (size > 0 && count < ZAP_PARTS_MAX) {
        size_t length = data[0] < size ? data[0] : size - 1;
        parts[count++] = (struct zap_part){data + 1, length};
        data += 1 + length;
        size -= 1 + length;
    }
    if (zap_request_read(parts, count, "roost", &request))
        return;
    CHECK(request.id_size <= ZAP_ID_BYTES_MAX && strlen(request.address) < ZAP_ADDRESS_BYTES);
    if (request.key[0]) {
        CHECK(count == 7 && parts[2].size == 5 && memcmp(parts[2].data, "roost", 5) == 0);
        CHECK(parts[6].size == KEY_BYTES && key_text_is_fit(request.key, strlen(request.key)));
    }
    zap_answer_fill(&request, ZAP_NOT_KNOWN, answer);
    CHECK(answer[4].size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_file(data, size);
    (void)key_text_is_fit(data, size);
    check_code(data, size);
    check_request(data, size);
    return 0;
}
