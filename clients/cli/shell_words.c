/* SPDX-License-Identifier: MPL-2.0
 *
 * See shell_words.h.
 */
#include "clients/cli/shell_words.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word from *inout_from on, written to *inout_to, which is never ahead of it. False: a quote is
 * not closed. */
static bool take_word(char **inout_from, char **inout_to)
{
    char *from = *inout_from, *to = *inout_to;
    char quote = '\0';
    for (; *from && (quote || !is_blank(*from)); from++) {
        if (*from == '\\' && quote != '\'' && from[1])
            *to++ = *++from;
        else if (quote && *from == quote)
            quote = '\0';
        else if (!quote && (*from == '\'' || *from == '"'))
            quote = *from;
        else
            *to++ = *from;
    }
    *inout_from = from;
    *inout_to = to;
    return !quote;
}

bool shell_words(char *line, char **ret_words, size_t max, size_t *ret_count,
                 const char **ret_problem)
{
    char *from = line, *to = line;
    *ret_count = 0;
    for (;;) {
        while (is_blank(*from))
            from++;
        if (!*from || *from == '#')
            return true;
        if (*ret_count == max) {
            *ret_problem = "there are too many words";
            return false;
        }
        ret_words[(*ret_count)++] = to;
        if (!take_word(&from, &to)) {
            *ret_problem = "a quote is not closed";
            return false;
        }
        bool is_end = *from == '\0';
        *to++ = '\0'; /* on the blank that ended it, or before */
        if (is_end)
            return true;
        from++;
    }
}
