/* SPDX-License-Identifier: MPL-2.0
 *
 * The gauges that show how much of what there is: rooms, users, invitations, peers, dead letters,
 * size of the database. Kept here, by the only one that changes them, so that whoever reads them asks
 * nobody.
 *
 * They are counted anew after a commit that may have changed them, FIGURES_MS later, so that many
 * changes in a row are counted once; and so seldom that it costs at most a hundredth of the time.
 * What was only rolled back is counted for nothing, never wrongly.
 */
#include "persistence_state.h"
#include "rt/log.h"
#include "store/figures.h"

#define FIGURES_MS       200
#define FIGURES_SHARE_NS 10000 /* ns of work per ms of pause: a hundredth */

static void set(struct persistence *p, enum metric gauge, uint64_t value)
{
    metrics_set(actor_metrics(p->actor), gauge, (int64_t)value);
}

static enum err count_people(struct persistence *p)
{
    struct figures_people people;
    enum err err = figures_people(p->store, persistence_now_ms(p), &people);
    if (err)
        return err;
    set(p, METRIC_ROOMS, people.rooms);
    set(p, METRIC_USERS, people.users);
    set(p, METRIC_INVITATIONS, people.invitations);
    return ERR_OK;
}

static enum err count_peers(struct persistence *p)
{
    uint64_t peers;
    enum err err = figures_peers(p->store, &peers);
    if (!err)
        set(p, METRIC_PEERS, peers);
    return err;
}

static enum err count_dead(struct persistence *p)
{
    uint64_t dead;
    enum err err = figures_dead(p->store, &dead);
    if (!err)
        set(p, METRIC_DEAD_LETTERS, dead);
    return err;
}

static enum err measure_pages(struct persistence *p)
{
    struct figures_pages pages;
    enum err err = figures_pages(p->store, &pages);
    if (err)
        return err;
    set(p, METRIC_DATABASE_BYTES, pages.bytes);
    set(p, METRIC_DATABASE_FREE, pages.pages ? pages.bytes / pages.pages * pages.free_pages : 0);
    return ERR_OK;
}

void persistence_figures_changed(struct persistence *p, unsigned which)
{
    p->figures_due |= which;
    if (!actor_timer_is_set(p->actor, TIMER_FIGURES))
        actor_timer_set(p->actor, TIMER_FIGURES,
                        mono_add_ms(actor_mono(p->actor), p->figures_pause_ms));
}

/* What a question of this kind may change. */
void persistence_figures_asked(struct persistence *p, uint8_t kind)
{
    switch (kind) {
    case MSG_CALL:
    case MSG_LOGIN_WRITE:
        persistence_figures_changed(p, FIGURES_PEOPLE | FIGURES_PEERS | FIGURES_PAGES);
        break;
    case MSG_PEER_SAVE:
    case MSG_CONSUMER_OPEN:
        persistence_figures_changed(p, FIGURES_PEERS | FIGURES_PAGES);
        break;
    case MSG_CONSUMER_WRITE:
    case MSG_DEAD_CHANGE:
        persistence_figures_changed(p, FIGURES_DEAD | FIGURES_PAGES);
        break;
    default:
        persistence_figures_changed(p, FIGURES_PAGES);
    }
}

void persistence_figures_count(struct persistence *p)
{
    unsigned due = p->figures_due;
    struct mono_time begin = actor_mono_now(p->actor);
    enum err err = due & FIGURES_PEOPLE ? count_people(p) : ERR_OK;
    if (!err && (due & FIGURES_PEERS))
        err = count_peers(p);
    if (!err && (due & FIGURES_DEAD))
        err = count_dead(p);
    if (!err && (due & FIGURES_PAGES))
        err = measure_pages(p);
    p->figures_due = 0;
    int64_t pause_ms = (actor_mono_now(p->actor).ns - begin.ns) / FIGURES_SHARE_NS;
    p->figures_pause_ms = pause_ms > FIGURES_MS ? pause_ms : FIGURES_MS;
    if (!err)
        return;
    /* They are only shown: nothing ends because of them. */
    log_warn("figures-not-counted", LOG_ERROR(err), LOG_STR("problem", store_error_text(p->store)));
    persistence_figures_changed(p, due);
}

void persistence_figures_init(struct persistence *p)
{
    p->figures_due = FIGURES_ALL;
    p->figures_pause_ms = FIGURES_MS;
    metrics_set(actor_metrics(p->actor), METRIC_DISK_FULL, 0);
    persistence_figures_count(p);
}
