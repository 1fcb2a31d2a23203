/* SPDX-License-Identifier: MPL-2.0
 *
 * What a Lair Chat client may send: the stream is cut into lines at other places than it came in,
 * each line is opened with a key that never made it, and taken as a text: what comes out lies
 * within what went in, and the lines are those of a reader that sees all at once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "gateways/lair/lair_command.h"
#include "gateways/lair/lair_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(struct lair_text part, const char *text, size_t size)
{
    return part.size == 0 ||
           (part.data >= text && part.size <= size && part.data <= text + size - part.size);
}

static void read_text(const char *text, size_t size)
{
    struct lair_command command = lair_command_parse(text, size);
    CHECK(is_within(command.first, text, size) && is_within(command.second, text, size));
    CHECK(command.kind <= LAIR_IGNORED && command.number <= 500);
    if (command.kind == LAIR_CHAT)
        CHECK(command.first.size == size);
    (void)lair_command_is_incomplete(&command);
    struct lair_auth auth;
    if (lair_auth_parse(text, size, &auth) == ERR_OK) {
        CHECK(auth.username && auth.password);
        lair_auth_fini(&auth);
    }
}

/* Sealed and opened, a text is the same; a line nobody sealed does not open. */
static void read_line(const uint8_t *line, size_t size)
{
    static const struct lair_key key = {{7}};
    uint8_t *copy = (uint8_t *)bytes_copy((struct bytes){line, size}, false);
    uint8_t *text = NULL;
    size_t text_size = 0;
    char *sealed = malloc(LAIR_LINE_BYTES(size) + 1);
    struct lair_key agreed;
    struct lair_cipher cipher;
    CHECK(sealed && lair_cipher_init(&cipher) == ERR_OK);
    enum err err = lair_agree(&key, line, size, &agreed); /* any bytes */
    CHECK(err == ERR_OK || err == ERR_PROTOCOL);
    CHECK(lair_open(&cipher, &key, copy, size, &text, &text_size) == ERR_PROTOCOL);
    CHECK(lair_seal(&cipher, &key, NULL, line, size, sealed) == ERR_OK);
    CHECK(lair_open(&cipher, &key, (uint8_t *)sealed, LAIR_LINE_BYTES(size), &text, &text_size) ==
          ERR_OK);
    CHECK(text_size == size && memcmp(text, line, size) == 0);
    read_text((const char *)text, text_size);
    lair_cipher_fini(&cipher);
    free(sealed);
    free(copy);
}

/* The plain rule: up to LF, one CR before it dropped. */
static void check_line(struct bytes *rest, const uint8_t *line, size_t size)
{
    struct bytes plain = bytes_until(rest, '\n');
    if (plain.left > 0 && plain.at[plain.left - 1] == '\r')
        plain.left--;
    CHECK(plain.left == size && (size == 0 || memcmp(plain.at, line, size) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, size};
    size_t step = bytes_u8(&in) + (size_t)1;
    struct bytes stream = in, rest = in;
    size_t begin = 0, seen = 0;
    for (size_t end = 0; end < stream.left;) {
        end = end + step < stream.left ? end + step : stream.left;
        size_t line_size = 0, consumed = 0;
        enum lair_scan scan;
        while ((scan = lair_line_next(stream.at + begin, end - begin, &seen, &line_size,
                                      &consumed)) == LAIR_SCAN_LINE) {
            CHECK(line_size < consumed && consumed <= end - begin && seen == 0);
            check_line(&rest, stream.at + begin, line_size);
            read_line(stream.at + begin, line_size);
            begin += consumed;
        }
        if (scan == LAIR_SCAN_TOO_LONG) {
            CHECK(end - begin > LAIR_LINE_BYTES_MAX);
            return 0;
        }
        CHECK(seen == end - begin);
    }
    read_text((const char *)stream.at + begin, stream.left - begin);
    return 0;
}
