/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as what the command-line tool is told and shows: the words of a command line
 * (clients/cli/command.c), untrusted text for a terminal (text.c) and for JSON (json.c).
 *   - a command line is understood, or refused with one harmless line (strict JSON with --json)
 *   - options and positional arguments are words of the line, numbers are within their range
 *   - escaped text is harmless and reads back to the bytes; cut, it stays within its room
 *   - JSON is strict, its strings are the bytes with U+FFFD for what is no UTF-8, base64 is base64
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "clients/cli/command.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"
#include "plain.h"

#define TEXT_MAX  4096
#define WORDS_MAX 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- A tool with three commands. */

static const struct option_row play_options[] = {
    {"number", 'n', "N", "a number"},
    {"seconds", 's', "SECONDS", "a time"},
    {"flag", 'f', NULL, "a flag"},
    {"name", 0, "NAME", "may be repeated"},
    {NULL, 0, NULL, NULL},
};
static const struct command play_send = {
    .name = "send", .positional_min = 1, .positional_max = -1, .options = play_options};
static const struct command play_list = {
    .name = "dead list", .positional_max = 2, .options = play_options};
static const struct command play_version = {.name = "version"};
const struct command *const commands[] = {&play_send, &play_list, &play_version, NULL};

/* Everything written to `out` since the last look. */
struct sink {
    FILE *out;
    char *text;
    size_t size;
};

static void sink_open(struct sink *sink)
{
    sink->out = open_memstream(&sink->text, &sink->size);
    CHECK(sink->out);
}

static void sink_close(struct sink *sink)
{
    CHECK(fclose(sink->out) == 0);
}

/* --- The words of a command line. */

static bool is_word(const char *at, int count, char **words)
{
    for (int i = 0; i < count; i++)
        if (at >= words[i] && at <= words[i] + strlen(words[i]))
            return true;
    return *at == '\0'; /* of a flag */
}

static void check_numbers(const struct cli *cli)
{
    uint64_t number = 0, seconds_ms = 0;
    if (option_number(cli, "number", 3, 70000, 5, &number))
        CHECK(number >= 3 && number <= 70000);
    if (option_seconds(cli, "seconds", 9, &seconds_ms))
        CHECK(seconds_ms <= UINT64_C(1000000000000));
}

static void check_parsed(struct cli *cli, enum exit_code code, int count, char **words)
{
    size_t position = 0, found = 0;
    CHECK(code == EXIT_OK || code == EXIT_USAGE);
    CHECK(cli->option_count <= OPTIONS_MAX && cli->positional_count <= count);
    for (size_t i = 0; i < cli->option_count; i++)
        CHECK(cli->options[i].option && is_word(cli->options[i].value, count, words));
    for (int i = 0; i < cli->positional_count; i++)
        CHECK(is_word(cli->positional[i], count, words));
    while (option_each(cli, "name", &position))
        found++;
    CHECK((found > 0) == option_is_given(cli, "name"));
    if (code == EXIT_OK && !option_is_given(cli, "help") && cli->command == &play_send)
        CHECK(cli->positional_count >= 1);
    if (code == EXIT_OK)
        check_numbers(cli);
}

/* Complaints go to standard error: each is one line that a terminal can show. */
static void check_complaints(const struct sink *sink, bool is_json)
{
    for (size_t at = 0; at < sink->size;) {
        const char *line = sink->text + at, *end = memchr(line, '\n', sink->size - at);
        CHECK(end);
        size_t length = (size_t)(end - line);
        if (is_json)
            CHECK(plain_is_json(line, length));
        else
            CHECK(plain_is_harmless(line, length));
        at += length + 1;
    }
}

static void check_line(int count, char **words)
{
    static struct cli cli;
    struct sink sink;
    FILE *before = stderr;
    int used = 0;
    int leading = command_leading_options(count, words);
    CHECK(leading >= 0 && leading <= count);
    const struct command *command = command_find(count - leading, words + leading, &used);
    CHECK(!command || (used >= 1 && used <= count - leading));
    memset(&cli, 0, sizeof(cli));
    cli.command = command ? command : &play_send;
    sink_open(&sink);
    stderr = sink.out;
    enum exit_code code = command_parse(&cli, count - leading - used, words + leading + used);
    check_parsed(&cli, code, count, words);
    stderr = before;
    sink_close(&sink);
    CHECK(code == EXIT_OK || sink.size > 0);
    check_complaints(&sink, cli.is_json);
    free(sink.text);
    if (count > 0) {
        (void)command_suggest(words[0]);
        (void)option_suggest(&play_list, words[0]);
    }
}

static void check_command_line(struct bytes text)
{
    char *words[WORDS_MAX], *copy = bytes_copy(text, true);
    int count = 0;
    for (char *at = copy; at && count < WORDS_MAX;) {
        char *end = strchr(at, '\n');
        if (end)
            *end++ = '\0';
        words[count++] = at;
        at = end;
    }
    check_line(count, words);
    free(copy);
}

/* --- Text. */

static void check_text(struct bytes text, size_t room)
{
    static char cut[TEXT_MAX], whole[12 * TEXT_MAX];
    static uint8_t back[12 * TEXT_MAX];
    struct sink sink;
    (void)text_escape(text.at, text.left, whole, sizeof(whole));
    size_t size = strlen(whole);
    CHECK(plain_is_harmless(whole, size));
    bool has_backslash = text.left && memchr(text.at, '\\', text.left);
    if (!has_backslash) /* a backslash stays one: it is for people, not to be read back */
        CHECK(plain_unescape(whole, size, back) == text.left &&
              (text.left == 0 || memcmp(back, text.at, text.left) == 0));
    memset(cut, '#', sizeof(cut));
    (void)text_escape(text.at, text.left, cut, room);
    CHECK(memchr(cut, '\0', room) && cut[room] == '#' && plain_is_harmless(cut, strlen(cut)));
    sink_open(&sink);
    text_escape_to(sink.out, text.at, text.left, 0);
    sink_close(&sink);
    CHECK(sink.size == size && memcmp(sink.text, whole, size) == 0);
    free(sink.text);
}

static void check_figures(uint64_t number)
{
    char time[TEXT_TIME_BYTES], size[TEXT_SIZE_BYTES], count[TEXT_SIZE_BYTES];
    CHECK(strlen(text_time(number, time)) < TEXT_TIME_BYTES);
    CHECK(strlen(text_size(number, size)) < TEXT_SIZE_BYTES);
    const char *at = text_count(number, count);
    uint64_t back = 0;
    for (; *at; at++)
        back = *at == ',' ? back : back * 10 + (uint64_t)(*at - '0');
    CHECK(back == number);
}

/* --- JSON. */

static void check_json(struct bytes text, uint64_t number)
{
    static uint8_t back[4 * TEXT_MAX], wanted[3 * TEXT_MAX];
    struct sink sink;
    struct json json;
    double real;
    memcpy(&real, &number, sizeof(real));
    sink_open(&sink);
    json_begin(&json, sink.out);
    json_object(&json, NULL);
    json_text_bytes(&json, "t", text.at, text.left);
    json_base64(&json, "b", text.at, text.left);
    json_number(&json, "n", number);
    json_real(&json, "r", real);
    json_array(&json, "a");
    json_bool(&json, NULL, number & 1);
    json_array_end(&json);
    json_object_end(&json);
    json_end_line(&json);
    sink_close(&sink);
    CHECK(sink.size > 0 && sink.text[sink.size - 1] == '\n');
    CHECK(plain_is_json(sink.text, sink.size - 1) && !memchr(sink.text, '\n', sink.size - 1));
    size_t at = strlen("{\"t\":"), size = plain_replaced(text.at, text.left, wanted);
    CHECK(plain_json_string(sink.text, sink.size, &at, back) == size);
    CHECK(memcmp(back, wanted, size) == 0);
    at += strlen(",\"b\":");
    CHECK(plain_json_string(sink.text, sink.size, &at, back) == (text.left + 2) / 3 * 4);
    free(sink.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size < TEXT_MAX ? size : TEXT_MAX};
    if (bytes_u8(&input) & 1) {
        check_command_line(input);
        return 0;
    }
    size_t room = 4 + bytes_u8(&input);
    uint64_t number = bytes_u64(&input);
    check_text(input, room);
    check_json(input, number);
    check_figures(number);
    return 0;
}
