/* SPDX-License-Identifier: MPL-2.0
 *
 * Linked into a roostd whose store does not sync at each commit (PRAGMA synchronous = NORMAL): it
 * survives every kill -9 and not every power cut. power_cuts.py must find that out. Works by
 * --wrap=store_open; the daemon itself has no such option.
 */
#include <sqlite3.h>

#include "rt/check.h"
#include "store/store_internal.h"

enum err __real_store_open(const struct store_options *options, struct store **ret);
enum err __wrap_store_open(const struct store_options *options, struct store **ret);

enum err __wrap_store_open(const struct store_options *options, struct store **ret)
{
    enum err err = __real_store_open(options, ret);
    if (err == ERR_OK && !options->read_only)
        CHECK(sqlite3_exec((*ret)->db, "PRAGMA synchronous = NORMAL", 0, 0, 0) == SQLITE_OK);
    return err;
}
