/* SPDX-License-Identifier: MPL-2.0
 *
 * The queue to the auth workers.
 *
 * Each worker is given one question to work on and one to go on with, so that the queue stays here,
 * where it can be bounded and where a worker that died is noticed: what it does not answer in time
 * is given out once more.
 */
#include <string.h>

#include "accounts_state.h"
#include "rt/check.h"
#include "rt/log.h"

#define PUMP_AGAIN_MS 10
#define TRIES_MAX     2

static const uint8_t workers[ACCOUNTS_WORKERS] = {ACTOR_AUTH_1, ACTOR_AUTH_2};

/* The less busy one with room, in turn; ACCOUNTS_WORKERS: none. */
static unsigned choose_worker(const struct accounts *a)
{
    unsigned best = ACCOUNTS_WORKERS;
    for (unsigned i = 0; i < ACCOUNTS_WORKERS; i++) {
        unsigned worker = (a->next_worker + i) % ACCOUNTS_WORKERS;
        unsigned least = best == ACCOUNTS_WORKERS ? ACCOUNTS_PER_WORKER : a->in_flight[best];
        if (a->in_flight[worker] < least)
            best = worker;
    }
    return best;
}

static enum err ask(struct accounts *a, struct job *job, unsigned worker)
{
    INTERNAL(Hash) hash = ROOST__INTERNAL__HASH__INIT;
    hash.password = job->password;
    if (job->against)
        hash.phc = bytes_of(job->against, strlen(job->against));
    enum err err = actor_ask(a->actor, workers[worker], MSG_HASH, &hash.base, NULL,
                             ACCOUNTS_HASH_DEADLINE, job->number);
    if (err)
        return err;
    job->worker = worker;
    job->hash_tries++;
    a->in_flight[worker]++;
    a->next_worker = (worker + 1) % ACCOUNTS_WORKERS;
    return ERR_OK;
}

void accounts_pump(struct accounts *a)
{
    while (a->queue_head) {
        struct job *job = a->queue_head;
        unsigned worker = choose_worker(a);
        if (worker == ACCOUNTS_WORKERS)
            return;
        enum err err = ask(a, job, worker);
        if (err) {
            log_warn("hash-waits", LOG_ERROR(err));
            actor_timer_set(a->actor, ACCOUNTS_TIMER_PUMP,
                            mono_add_ms(actor_mono(a->actor), PUMP_AGAIN_MS));
            return;
        }
        a->queue_head = job->queue_next;
        if (!a->queue_head)
            a->queue_tail = NULL;
        job->queue_next = NULL;
        a->queue_count--;
    }
}

static void enqueue(struct accounts *a, struct job *job)
{
    if (a->queue_tail)
        a->queue_tail->queue_next = job;
    else
        a->queue_head = job;
    a->queue_tail = job;
    a->queue_count++;
}

static enum err begin(struct accounts *a, struct job *job, ProtobufCBinaryData password,
                      const char *against)
{
    if (a->queue_count >= ACCOUNTS_QUEUE_MAX)
        return ERR_BUSY;
    job->step = against ? JOB_VERIFYING : JOB_HASHING;
    job->password = password;
    job->against = against;
    job->hash_tries = 0;
    enqueue(a, job);
    accounts_pump(a);
    return ERR_OK;
}

enum err accounts_verify(struct accounts *a, struct job *job, ProtobufCBinaryData password,
                         const char *phc)
{
    return begin(a, job, password, phc);
}

enum err accounts_hash(struct accounts *a, struct job *job, ProtobufCBinaryData password)
{
    return begin(a, job, password, NULL);
}

void accounts_hash_over(struct accounts *a, struct job *job)
{
    CHECK(a->in_flight[job->worker] > 0);
    a->in_flight[job->worker]--;
}

bool accounts_hash_again(struct accounts *a, struct job *job)
{
    if (job->hash_tries >= TRIES_MAX)
        return false;
    a->next_worker = (job->worker + 1) % ACCOUNTS_WORKERS; /* rather the other one */
    enqueue(a, job);
    return true;
}
