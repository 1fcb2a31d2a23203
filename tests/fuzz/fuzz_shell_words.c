/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a line of the shell (clients/cli/shell_words.h), beside a reader that goes character
 * by character and writes somewhere else:
 *   - the words are the same, and the refusals
 *   - words point into the line, one behind the other
 *   - any words, quoted in any of three ways, are read back
 */
#include <stdint.h>

#include "bytes.h"
#include "clients/cli/shell_words.h"

#define LINE_MAX_BYTES 1000
#define WORDS_MAX      12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct plain {
    char words[WORDS_MAX + 1][LINE_MAX_BYTES + 1];
    size_t sizes[WORDS_MAX + 1];
    size_t count;
};

static bool is_blank(char c)
{
    return c && strchr(" \t\r\n", c);
}

static void put(struct plain *plain, char c)
{
    plain->words[plain->count - 1][plain->sizes[plain->count - 1]++] = c;
}

/* What `c` does to the quote that is open; false: it is a character like others. */
static bool is_quote(char c, char *quote)
{
    bool ends = *quote && c == *quote, begins = !*quote && (c == '\'' || c == '"');
    if (ends || begins)
        *quote = ends ? '\0' : c;
    return ends || begins;
}

/* False: refused. */
static bool read_plainly(const char *line, struct plain *plain)
{
    char quote = '\0';
    bool is_in = false;
    memset(plain, 0, sizeof(*plain));
    for (size_t i = 0; line[i]; i++) {
        if (!quote && is_blank(line[i])) {
            is_in = false;
            continue;
        }
        if (!is_in && line[i] == '#')
            return true;
        if (!is_in && plain->count == WORDS_MAX)
            return false;
        plain->count += is_in ? 0 : 1;
        is_in = true;
        bool is_escape = line[i] == '\\' && quote != '\'' && line[i + 1];
        if (is_escape)
            put(plain, line[++i]);
        else if (!is_quote(line[i], &quote))
            put(plain, line[i]);
    }
    return !quote;
}

static void check_line(struct bytes line, struct plain *plain)
{
    char *words[WORDS_MAX], *copy = bytes_copy(line, true), *before = copy;
    const char *problem = NULL;
    size_t count = 0, size = strlen(copy);
    bool is_fine = read_plainly(copy, plain);
    CHECK(shell_words(copy, words, WORDS_MAX, &count, &problem) == is_fine);
    CHECK(is_fine ? problem == NULL : problem && problem[0]);
    for (size_t i = 0; is_fine && i < count; i++) {
        CHECK(words[i] >= before && words[i] <= copy + size);
        CHECK(strcmp(words[i], plain->words[i]) == 0);
        before = words[i] + strlen(words[i]) + 1;
    }
    CHECK(!is_fine || count == plain->count);
    free(copy);
}

static size_t quote_with_backslashes(const char *word, char *ret)
{
    size_t size = 0;
    for (; *word; word++) {
        ret[size++] = '\\';
        ret[size++] = *word;
    }
    return size;
}

static size_t quote_double(const char *word, char *ret)
{
    size_t size = 0;
    ret[size++] = '"';
    for (; *word; word++) {
        if (*word == '"' || *word == '\\')
            ret[size++] = '\\';
        ret[size++] = *word;
    }
    ret[size++] = '"';
    return size;
}

static size_t quote_single(const char *word, char *ret)
{
    size_t size = 0;
    ret[size++] = '\'';
    for (; *word; word++) {
        if (*word == '\'') {
            memcpy(ret + size, "'\\'", 3);
            size += 3;
        }
        ret[size++] = *word;
    }
    ret[size++] = '\'';
    return size;
}

static void check_back(const struct plain *plain, uint8_t how)
{
    static char line[WORDS_MAX * 4 * (LINE_MAX_BYTES + 2)];
    char *words[WORDS_MAX];
    const char *problem = NULL;
    size_t size = 0, count = 0;
    for (size_t i = 0; i < plain->count; i++) {
        const char *word = plain->words[i];
        unsigned way = (how + (unsigned)i) % 3;
        size += way == 0   ? quote_single(word, line + size)
                : way == 1 ? quote_double(word, line + size)
                : *word    ? quote_with_backslashes(word, line + size)
                           : quote_double(word, line + size);
        line[size++] = " \t\n"[how / 3 % 3];
    }
    line[size] = '\0';
    CHECK(shell_words(line, words, WORDS_MAX, &count, &problem) && count == plain->count);
    for (size_t i = 0; i < count; i++)
        CHECK(strcmp(words[i], plain->words[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct plain plain;
    struct bytes input = {data, size < LINE_MAX_BYTES ? size : LINE_MAX_BYTES};
    uint8_t how = bytes_u8(&input);
    check_line(input, &plain);
    if (plain.count <= WORDS_MAX)
        check_back(&plain, how);
    return 0;
}
