/* SPDX-License-Identifier: MPL-2.0
 *
 * See figures.h.
 */
#include "store/figures.h"

#include "store/store_internal.h"

static enum err count(struct store *store, enum statement id, int parameters, const int64_t *values,
                      uint64_t *ret_count)
{
    int64_t value = 0;
    enum err err = statement_query_ints(store, id, parameters, values, &value, NULL);
    if (!err)
        *ret_count = (uint64_t)value;
    return err;
}

enum err figures_people(struct store *store, int64_t now_ms, struct figures_people *ret)
{
    struct figures_people people = {0};
    enum err err = count(store, STATEMENT_figures_rooms, 0, NULL, &people.rooms);
    if (!err)
        err = count(store, STATEMENT_figures_users, 0, NULL, &people.users);
    if (!err)
        err = count(store, STATEMENT_figures_invitations, INTS(now_ms), &people.invitations);
    if (!err)
        *ret = people;
    return err;
}

enum err figures_peers(struct store *store, uint64_t *ret_count)
{
    return count(store, STATEMENT_peer_count, 0, NULL, ret_count);
}

enum err figures_dead(struct store *store, uint64_t *ret_count)
{
    return count(store, STATEMENT_figures_dead, 0, NULL, ret_count);
}

enum err figures_pages(struct store *store, struct figures_pages *ret)
{
    struct figures_pages pages = {0};
    enum err err = count(store, STATEMENT_store_page_count, 0, NULL, &pages.pages);
    if (!err)
        err = count(store, STATEMENT_store_free_pages, 0, NULL, &pages.free_pages);
    pages.bytes = pages.pages * STORE_PAGE_BYTES;
    if (!err)
        *ret = pages;
    return err;
}
