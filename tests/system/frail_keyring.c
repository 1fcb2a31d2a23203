/* SPDX-License-Identifier: MPL-2.0
 *
 * Linked into another roostd whose keyring can be made to die, and to stay dead for a while: as long as
 * the file that ROOST_TEST_KEYRING_DOWN names exists, it ends with an error when somebody wants to
 * connect, and its next life does not begin. Works by --wrap=actors_describe; the daemon itself has no
 * such option.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "actors.h"

void __real_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret);
void __wrap_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret);

static bool is_down(void)
{
    const char *path = getenv("ROOST_TEST_KEYRING_DOWN");
    return path && access(path, F_OK) == 0;
}

static enum err init(struct actor *actor, void *state, const void *args)
{
    while (is_down())
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return keyring_actor.init(actor, state, args);
}

static enum err on_readable(struct actor *actor, void *state, unsigned watch)
{
    return is_down() ? ERR_INTERNAL : keyring_actor.on_readable(actor, state, watch);
}

void __wrap_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret)
{
    static struct actor_class frail;
    __real_actors_describe(config, database, ret);
    frail = keyring_actor;
    frail.init = init;
    frail.on_readable = on_readable;
    ret->specs[ACTOR_KEYRING].class = &frail;
}
