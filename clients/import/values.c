/* SPDX-License-Identifier: MPL-2.0
 *
 * See values.h.
 */
#include "clients/import/values.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/unicode.h"
#include "proto/uuid.h"

#define MS_PER_SECOND 1000

bool verdict_skip(struct verdict *verdict, const char *format, ...)
{
    va_list arguments;
    if (verdict->outcome == ROW_SKIPPED)
        return false;
    verdict->outcome = ROW_SKIPPED;
    va_start(arguments, format);
    (void)vsnprintf(verdict->text, sizeof(verdict->text), format, arguments);
    va_end(arguments);
    return false;
}

void verdict_remark(struct verdict *verdict, const char *format, ...)
{
    va_list arguments;
    if (verdict->text[0])
        return;
    va_start(arguments, format);
    (void)vsnprintf(verdict->text, sizeof(verdict->text), format, arguments);
    va_end(arguments);
}

/* Answers whether the row can still be used. */
static bool does_not_fit(struct verdict *verdict, enum want want, enum foreign_column column,
                         const char *problem)
{
    const char *name = foreign_column_name(column);
    if (want == NEEDED)
        return verdict_skip(verdict, "%s %s", name, problem);
    verdict_remark(verdict, "%s %s and was left out", name, problem);
    return true;
}

/* *ret_is_there false: the answer is the reader's. */
static bool look(const struct foreign_value *value, enum want want, enum foreign_column column,
                 enum foreign_type type, bool *ret_is_there, struct verdict *verdict)
{
    *ret_is_there = value->type == type;
    if (*ret_is_there || (value->type == FOREIGN_NULL && want == WANTED))
        return true;
    const char *problem = value->type == FOREIGN_NULL ? "is missing"
                          : type == FOREIGN_TEXT      ? "is not a text"
                                                      : "is not a whole number";
    return does_not_fit(verdict, want, column, problem);
}

bool read_text(const struct foreign_row *row, enum foreign_column column, enum want want,
               size_t bytes_max, struct text *ret, struct verdict *verdict)
{
    const struct foreign_value *value = foreign_get(row, column);
    bool is_there;
    *ret = (struct text){.data = ""};
    bool answer = look(value, want, column, FOREIGN_TEXT, &is_there, verdict);
    if (!is_there)
        return answer;
    if (value->size > bytes_max) {
        char problem[64];
        (void)snprintf(problem, sizeof(problem), "has more than %zu bytes", bytes_max);
        return does_not_fit(verdict, want, column, problem);
    }
    if (!unicode_is_valid(value->text, value->size))
        return does_not_fit(verdict, want, column, "is not valid UTF-8");
    if (value->size == 0 && want == NEEDED)
        return does_not_fit(verdict, want, column, "is empty");
    *ret = (struct text){.data = value->text, .size = value->size};
    return true;
}

bool read_uuid(const struct foreign_row *row, enum foreign_column column, enum want want,
               uint8_t ret[16], bool *ret_has, struct verdict *verdict)
{
    struct text text;
    if (ret_has)
        *ret_has = false;
    if (!read_text(row, column, want, UUID_TEXT_LENGTH, &text, verdict))
        return false;
    if (text.size == 0)
        return true;
    if (uuid_parse(text.data, text.size, ret) != ERR_OK)
        return does_not_fit(verdict, want, column, "is not a UUID");
    if (ret_has)
        *ret_has = true;
    return true;
}

static bool read_time(const struct foreign_row *row, enum foreign_column column, enum want want,
                      int64_t factor, int64_t *ret_ms, struct verdict *verdict)
{
    const struct foreign_value *value = foreign_get(row, column);
    bool is_there;
    *ret_ms = 0;
    bool answer = look(value, want, column, FOREIGN_INTEGER, &is_there, verdict);
    if (!is_there)
        return answer;
    if (value->number < 0 || value->number > (int64_t)WIRE_TIME_MS_MAX / factor)
        return does_not_fit(verdict, want, column, "is not a time");
    *ret_ms = value->number * factor;
    return true;
}

bool read_seconds(const struct foreign_row *row, enum foreign_column column, enum want want,
                  int64_t *ret_ms, struct verdict *verdict)
{
    return read_time(row, column, want, MS_PER_SECOND, ret_ms, verdict);
}

bool read_ms(const struct foreign_row *row, enum foreign_column column, enum want want,
             int64_t *ret_ms, struct verdict *verdict)
{
    return read_time(row, column, want, 1, ret_ms, verdict);
}

bool read_flag(const struct foreign_row *row, enum foreign_column column, bool otherwise,
               struct verdict *verdict)
{
    const struct foreign_value *value = foreign_get(row, column);
    if (value->type == FOREIGN_NULL)
        return otherwise;
    if (value->type == FOREIGN_INTEGER && (value->number == 0 || value->number == 1))
        return value->number == 1;
    verdict_remark(verdict, "%s is neither 0 nor 1 and was taken for %d",
                   foreign_column_name(column), otherwise);
    return otherwise;
}

bool text_is(struct text text, const char *word)
{
    return strlen(word) == text.size && memcmp(text.data, word, text.size) == 0;
}

int text_index(struct text text, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (text_is(text, words[i]))
            return i;
    }
    return -1;
}

void text_dup(struct text text, char *ret, size_t size)
{
    size_t count = text.size < size ? text.size : size - 1;
    while (count < text.size && count > 0 && ((uint8_t)text.data[count] & 0xC0) == 0x80)
        count--; /* not in the middle of a character */
    memcpy(ret, text.data, count);
    ret[count] = '\0';
}
