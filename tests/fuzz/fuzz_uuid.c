/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as the text of a message id: what is read prints to a text that reads the same.
 */
#include <stdint.h>
#include <string.h>

#include "proto/uuid.h"
#include "rt/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t id[UUID_BYTES];
    uint8_t again[UUID_BYTES];
    char text[UUID_TEXT_LENGTH + 1];

    if (uuid_parse((const char *)data, size, id))
        return 0;
    uuid_format(id, text);
    CHECK(strlen(text) == UUID_TEXT_LENGTH);
    CHECK(uuid_parse(text, UUID_TEXT_LENGTH, again) == ERR_OK);
    CHECK(memcmp(id, again, UUID_BYTES) == 0);
    return 0;
}
