/* SPDX-License-Identifier: MPL-2.0
 *
 * Look-ups in the table of errors (err.def). Owns nothing, cannot fail: what is not in the table
 * reads as ERR_INTERNAL.
 */
#include "rt/err.h"

struct err_row {
    const char *name;
    const char *sentence;
    uint32_t code;
    uint32_t http_status;
    bool is_retryable;
};

#define ADVICE_RETRY true
#define ADVICE_FINAL false

static const struct err_row rows[ERR_COUNT] = {
    [ERR_OK] = {"OK", "it worked", 0, 200, false},
#define ERR(name, code, advice, status, sentence)                                                  \
    [ERR_##name] = {#name, sentence, code, status, ADVICE_##advice},
#include "rt/err.def"
#undef ERR
};

static const struct err_row *row_of(enum err err)
{
    return (unsigned)err < ERR_COUNT ? &rows[err] : &rows[ERR_INTERNAL];
}

const char *err_name(enum err err)
{
    return row_of(err)->name;
}

uint32_t err_code(enum err err)
{
    return row_of(err)->code;
}

enum err err_from_code(uint32_t code)
{
    for (unsigned i = 0; i < ERR_COUNT; i++) {
        if (rows[i].code == code)
            return (enum err)i;
    }
    return ERR_INTERNAL;
}

uint32_t err_http_status(enum err err)
{
    return row_of(err)->http_status;
}

bool err_is_retryable(enum err err)
{
    return row_of(err)->is_retryable;
}

const char *err_sentence(enum err err)
{
    return row_of(err)->sentence;
}
