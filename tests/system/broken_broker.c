/* SPDX-License-Identifier: MPL-2.0
 *
 * Linked into a second roostd that breaks its first promise on purpose: it answers STORED before
 * the commit. kill_rounds.py must find it out (--expect-broken); a test that cannot fail proves
 * nothing. Works by --wrap=actors_describe; the daemon itself has no such option.
 */
#include "actors.h"

void __real_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret);
void __wrap_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret);

void __wrap_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret)
{
    __real_actors_describe(config, database, ret);
    ret->persistence.answers_before_commit = true;
}
