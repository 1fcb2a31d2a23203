/* SPDX-License-Identifier: MPL-2.0
 *
 * See http_target.h.
 */
#include "gateways/http/http_target.h"

#include <string.h>

#include "proto/unicode.h"

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* In place; false: a broken escape. */
static bool decode(char *text, size_t *size, bool is_form)
{
    size_t out = 0;
    for (size_t i = 0; i < *size; i++) {
        char c = text[i];
        if (c == '+' && is_form)
            c = ' ';
        if (c == '%') {
            int high = i + 2 < *size ? digit_of(text[i + 1]) : -1;
            int low = i + 2 < *size ? digit_of(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        text[out++] = c;
    }
    *size = out;
    return true;
}

bool http_percent_decode(char *text, size_t *size)
{
    return decode(text, size, false);
}

static const char *take_text(char *text, size_t size, bool is_form, struct http_text *ret)
{
    if (!decode(text, &size, is_form))
        return "a percent sign in the target must be followed by two hexadecimal digits";
    if (!unicode_is_valid(text, size))
        return "the target must be UTF-8 without NUL";
    *ret = http_text_of(text, size);
    return NULL;
}

static const char *take_path(char *path, size_t size, struct http_target *ret)
{
    if (size == 0 || path[0] != '/')
        return "the target must be a path that begins with a slash";
    size_t at = 1;
    while (at < size || (at == size && size > 1)) { /* "/a/" ends with an empty segment */
        const char *slash = memchr(path + at, '/', size - at);
        size_t end = slash ? (size_t)(slash - path) : size;
        if (ret->segment_count == HTTP_SEGMENTS_MAX)
            return "the path has more parts than any path of this broker";
        const char *problem =
            take_text(path + at, end - at, false, &ret->segments[ret->segment_count]);
        if (problem)
            return problem;
        ret->segment_count++;
        at = end + 1;
        if (!slash)
            break;
    }
    return NULL;
}

static const char *take_parameter(char *text, size_t size, struct http_target *ret)
{
    char *equal = memchr(text, '=', size);
    size_t name_size = equal ? (size_t)(equal - text) : size;
    struct http_parameter parameter = {.value = http_text_of("", 0)};
    if (ret->parameter_count == HTTP_PARAMETERS_MAX)
        return "the target has too many parameters";
    const char *problem = take_text(text, name_size, true, &parameter.name);
    if (!problem && equal)
        problem = take_text(equal + 1, size - name_size - 1, true, &parameter.value);
    if (problem)
        return problem;
    for (size_t i = 0; i < ret->parameter_count; i++) {
        const struct http_text *other = &ret->parameters[i].name;
        if (other->size == parameter.name.size &&
            memcmp(other->data, parameter.name.data, other->size) == 0)
            return "a parameter is given twice";
    }
    ret->parameters[ret->parameter_count++] = parameter;
    return NULL;
}

static const char *take_query(char *query, size_t size, struct http_target *ret)
{
    size_t at = 0;
    while (at < size) {
        const char *ampersand = memchr(query + at, '&', size - at);
        size_t end = ampersand ? (size_t)(ampersand - query) : size;
        const char *problem = end > at ? take_parameter(query + at, end - at, ret) : NULL;
        if (problem)
            return problem;
        at = end + 1;
    }
    return NULL;
}

enum err http_target_parse(char *text, size_t size, struct http_target *ret,
                           const char **ret_problem)
{
    char *mark = memchr(text, '?', size);
    size_t path_size = mark ? (size_t)(mark - text) : size;
    *ret = (struct http_target){0};
    const char *problem = size > HTTP_TARGET_BYTES_MAX ? "the target is too long" : NULL;
    if (!problem)
        problem = take_path(text, path_size, ret);
    if (!problem && mark)
        problem = take_query(mark + 1, size - path_size - 1, ret);
    *ret_problem = problem;
    return problem ? ERR_BAD_HTTP : ERR_OK;
}

const struct http_text *http_target_parameter(const struct http_target *target, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < target->parameter_count; i++) {
        const struct http_parameter *parameter = &target->parameters[i];
        if (parameter->name.size == size && memcmp(parameter->name.data, name, size) == 0)
            return &parameter->value;
    }
    return NULL;
}

enum err http_text_number(struct http_text text, uint64_t max, uint64_t *ret)
{
    uint64_t number = 0;
    if (text.size == 0 || text.size > 20)
        return ERR_BAD_FIELD;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return ERR_BAD_FIELD;
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return ERR_BAD_FIELD;
        number = number * 10 + digit;
    }
    if (number > max)
        return ERR_BAD_FIELD;
    *ret = number;
    return ERR_OK;
}
