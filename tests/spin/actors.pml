/* SPDX-License-Identifier: MPL-2.0
 *
 * Can the actors come to a stop? The life of a message among zmq-gateway, persistence, sync-manager and
 * history, with the rules of the runtime and nothing else: nobody waits in a send; a link takes
 * events and questions up to ROOM, answers up to ANSWERS above that; an actor has at most ASKS questions
 * open; what found no room is kept by who wanted to say it, and tried again; history may die with a
 * question in hand, which then ends at its deadline.
 *
 * Checked over all orders (tests/spin/check): an answer always finds room, and when nothing moves any more,
 * every message was stored, delivered, settled and its sender told. Compiled with -DBLOCKING the
 * actors wait in their sends instead, and the check must find that they stop.
 */
#ifndef MESSAGES
#define MESSAGES 4
#endif
#define ROOM     1
#define ASKS     1
#define ANSWERS  2
#define DEATHS   1

mtype = { STORE, STORE_DONE, APPENDED, FETCH, FETCHED, UNDELIVERED, DELIVER, SETTLE, WRITE, WRITTEN, SETTLED };

chan g2p = [ROOM + ANSWERS] of { mtype };
chan p2g = [ROOM + ANSWERS] of { mtype };
chan p2s = [ROOM + ANSWERS] of { mtype };
chan s2p = [ROOM + ANSWERS] of { mtype };
chan s2h = [ROOM + ANSWERS] of { mtype };
chan h2s = [ROOM + ANSWERS] of { mtype };
chan h2g = [ROOM + ANSWERS] of { mtype };
chan g2s = [ROOM + ANSWERS] of { mtype };
chan s2g = [ROOM + ANSWERS] of { mtype };

byte settled = 0;
byte given_up = 0; /* questions to history that died with it */

#ifdef BLOCKING
#define HAS_ROOM(link) true
#define SAY(link, what) (len(link) < ROOM) -> link!what
#else
#define HAS_ROOM(link) (len(link) < ROOM)
#define SAY(link, what) link!what
#endif
#define ANSWER(link, what) assert(nfull(link)); link!what

active proctype gateway()
{
    byte sent = 0, asked = 0, to_settle = 0;
    do
    :: sent < MESSAGES && asked < ASKS && HAS_ROOM(g2p) -> sent++; asked++; SAY(g2p, STORE)
    :: p2g?STORE_DONE -> asked--
    :: h2g?DELIVER -> to_settle++
    :: to_settle > 0 && HAS_ROOM(g2s) -> to_settle--; SAY(g2s, SETTLE)
    :: s2g?SETTLED -> settled++
    od
}

active proctype persistence()
{
    byte outbox = 0;
    do
    :: g2p?STORE -> outbox++; ANSWER(p2g, STORE_DONE)
    :: s2p?WRITE -> ANSWER(p2s, WRITTEN)
    :: outbox > 0 && HAS_ROOM(p2s) -> outbox--; SAY(p2s, APPENDED)
    od
}

active proctype sync_manager()
{
    byte ready = 0, asked_history = 0, asked_persistence = 0, to_write = 0, to_tell = 0;
    do
    :: p2s?APPENDED -> ready++
    :: p2s?WRITTEN -> asked_persistence--; to_tell++
    :: ready > 0 && asked_history < ASKS && HAS_ROOM(s2h) -> ready--; asked_history++; SAY(s2h, FETCH)
    :: h2s?FETCHED -> asked_history--
    :: h2s?UNDELIVERED -> asked_history--; ready++
    :: given_up > 0 -> given_up--; asked_history--; ready++ /* its deadline */
    :: g2s?SETTLE -> to_write++
    :: to_write > 0 && asked_persistence < ASKS && HAS_ROOM(s2p) ->
        to_write--; asked_persistence++; SAY(s2p, WRITE)
    :: to_tell > 0 && HAS_ROOM(s2g) -> to_tell--; SAY(s2g, SETTLED)
    od
}

active proctype history()
{
    byte deaths = 0;
    do
    :: s2h?FETCH ->
        if
        :: deaths < DEATHS -> deaths++; given_up++
        :: HAS_ROOM(h2g) -> SAY(h2g, DELIVER); ANSWER(h2s, FETCHED)
        :: !HAS_ROOM(h2g) -> ANSWER(h2s, UNDELIVERED) /* offered in vain: it stays due */
        fi
    od
}

active proctype judge()
{
    timeout -> assert(settled == MESSAGES)
}
