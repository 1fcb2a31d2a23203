/* SPDX-License-Identifier: MPL-2.0
 *
 * Names and texts of errors: the broker's table (rt/err.def), and the library's own codes. The unit
 * test holds enum roost_error against the table.
 */
#include "clients/c/roost.h"

struct row {
    int code;
    bool is_retryable;
    const char *name;
    const char *text;
};

#define RETRY true
#define FINAL false

static const struct row rows[] = {
    {0, false, "OK", "done"},
#define ERR(name, code, advice, status, sentence) {code, advice, #name, sentence},
#include "rt/err.def"
#undef ERR
    {ROOST_EMPTY, true, "EMPTY", "nothing is there now"},
    {ROOST_USAGE, false, "USAGE", "an argument is missing or outside its range"},
    {ROOST_NO_MEMORY, true, "NO_MEMORY", "no memory, descriptors or threads are left"},
    {ROOST_WRONG_THREAD, false, "WRONG_THREAD", "a callback must not call what waits"},
    {ROOST_CLOSING, false, "CLOSING", "the session or the consumer is closed"},
    {ROOST_SETTLED_ALREADY, false, "SETTLED_ALREADY", "the message is settled already"},
    {ROOST_BAD_URL, false, "BAD_URL", "the address is not written tcp://HOST:PORT or ipc://PATH"},
};

static const struct row *find_row(enum roost_error error)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == (int)error)
            return &rows[i];
    }
    return NULL;
}

const char *roost_error_name(enum roost_error error)
{
    const struct row *row = find_row(error);
    return row ? row->name : "UNKNOWN";
}

const char *roost_error_text(enum roost_error error)
{
    const struct row *row = find_row(error);
    return row ? row->text : "an error this version of the library does not know";
}

bool roost_error_is_retryable(enum roost_error error)
{
    const struct row *row = find_row(error);
    return row && row->is_retryable;
}
