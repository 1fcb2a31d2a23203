/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmq_arrivals.h.
 */
#include "gateways/zmq/zmq_arrivals.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/check.h"

#define ARRIVALS_MAX (1u << 20)

struct zmq_arrival {
    struct zmq_arrival *prev, *next;
    int descriptor;
    uint64_t serial;
    uint64_t inode;
    uint32_t sessions;
    struct zmq_arrival_list *in; /* NULL: in none */
    struct mono_time due;        /* waiting */
    struct address_key address;
};

enum err zmq_arrivals_init(struct zmq_arrivals *arrivals, uint32_t per_address,
                           uint64_t descriptors_max)
{
    *arrivals = (struct zmq_arrivals){.descriptors_max = descriptors_max};
    arrivals->idle = eventfd(0, EFD_CLOEXEC);
    arrivals->held = eventfd(0, EFD_CLOEXEC);
    u64map_init(&arrivals->by_descriptor, ARRIVALS_MAX);
    address_book_init(&arrivals->addresses, per_address, ARRIVALS_MAX);
    return arrivals->idle >= 0 && arrivals->held >= 0 ? ERR_OK : ERR_BUSY;
}

static void close_if_open(int descriptor)
{
    if (descriptor >= 0)
        (void)close(descriptor); /* nothing was written */
}

void zmq_arrivals_fini(struct zmq_arrivals *arrivals)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&arrivals->by_descriptor, &cursor))
        free((struct zmq_arrival *)(uintptr_t)cursor.value);
    u64map_fini(&arrivals->by_descriptor);
    address_book_fini(&arrivals->addresses);
    close_if_open(arrivals->idle);
    close_if_open(arrivals->held);
}

/* --- Lists. */

static void take_out(struct zmq_arrival *arrival)
{
    struct zmq_arrival_list *list = arrival->in;
    if (!list)
        return;
    if (arrival->prev)
        arrival->prev->next = arrival->next;
    else
        list->head = arrival->next;
    if (arrival->next)
        arrival->next->prev = arrival->prev;
    else
        list->tail = arrival->prev;
    arrival->in = NULL;
}

/* At the end of a list; out of the one it is in. */
static void put_in(struct zmq_arrival_list *list, struct zmq_arrival *arrival)
{
    take_out(arrival);
    arrival->in = list;
    arrival->next = NULL;
    arrival->prev = list->tail;
    if (arrival->prev)
        arrival->prev->next = arrival;
    else
        list->head = arrival;
    list->tail = arrival;
}

/* --- Coming and going. */

/* False: it is no socket (any more). */
static bool read_socket(int descriptor, struct zmq_arrival *ret)
{
    struct stat status;
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof(from);
    if (fstat(descriptor, &status) != 0 || !S_ISSOCK(status.st_mode) ||
        getpeername(descriptor, (struct sockaddr *)&from, &size) != 0)
        return false;
    ret->inode = status.st_ino;
    ret->address = address_key_of((const struct sockaddr *)&from);
    return true;
}

static struct zmq_arrival *find(const struct zmq_arrivals *arrivals, int descriptor)
{
    return descriptor < 0 ? NULL
                          : u64map_get_pointer(&arrivals->by_descriptor, (uint64_t)descriptor);
}

static bool is_welcome(struct zmq_arrivals *arrivals, struct zmq_arrival *arrival)
{
    if (!address_book_add(&arrivals->addresses, &arrival->address)) {
        arrival->address = (struct address_key){0}; /* it is not counted */
        return false;
    }
    return arrivals->descriptors_max == 0 ||
           (uint64_t)arrival->descriptor < arrivals->descriptors_max;
}

bool zmq_arrivals_add(struct zmq_arrivals *arrivals, int descriptor, struct mono_time now)
{
    zmq_arrivals_remove(arrivals, descriptor); /* its end was not told */
    struct zmq_arrival *arrival = calloc(1, sizeof(*arrival));
    if (!arrival || descriptor < 0 || !read_socket(descriptor, arrival) ||
        u64map_put_pointer(&arrivals->by_descriptor, (uint64_t)descriptor, arrival) != ERR_OK) {
        free(arrival);
        return true; /* gone already; without memory, libzmq's own limits remain */
    }
    arrival->descriptor = descriptor;
    arrival->serial = ++arrivals->last_serial;
    arrival->due = mono_add_ms(now, ZMQ_ARRIVALS_PATIENCE_MS);
    bool is_kept = is_welcome(arrivals, arrival);
    put_in(is_kept ? &arrivals->waiting : &arrivals->doomed, arrival);
    return is_kept;
}

void zmq_arrivals_remove(struct zmq_arrivals *arrivals, int descriptor)
{
    struct zmq_arrival *arrival = find(arrivals, descriptor);
    if (!arrival)
        return;
    (void)u64map_remove_pointer(&arrivals->by_descriptor, (uint64_t)descriptor);
    take_out(arrival);
    address_book_remove(&arrivals->addresses, &arrival->address);
    free(arrival);
}

uint64_t zmq_arrivals_hold(struct zmq_arrivals *arrivals, int descriptor)
{
    struct zmq_arrival *arrival = find(arrivals, descriptor);
    if (!arrival)
        return 0;
    arrival->sessions++;
    take_out(arrival);
    return arrival->serial;
}

void zmq_arrivals_release(struct zmq_arrivals *arrivals, int descriptor, uint64_t serial,
                          struct mono_time now)
{
    struct zmq_arrival *arrival = find(arrivals, descriptor);
    if (!arrival || arrival->serial != serial)
        return;
    CHECK(arrival->sessions > 0);
    if (--arrival->sessions > 0)
        return;
    arrival->due = mono_add_ms(now, ZMQ_ARRIVALS_PATIENCE_MS);
    put_in(&arrivals->waiting, arrival);
}

/* --- Cutting. */

/* Held by a descriptor that we have, as there may be none to be had just now. */
static void cut(const struct zmq_arrivals *arrivals, const struct zmq_arrival *arrival)
{
    struct stat status;
    if (dup3(arrival->descriptor, arrivals->held, O_CLOEXEC) < 0)
        return; /* it has ended */
    if (fstat(arrivals->held, &status) == 0 && S_ISSOCK(status.st_mode) &&
        status.st_ino == arrival->inode)
        (void)shutdown(arrivals->held, SHUT_RDWR);               /* or it has ended by itself */
    CHECK(dup3(arrivals->idle, arrivals->held, O_CLOEXEC) >= 0); /* needs no new one */
}

struct mono_time zmq_arrivals_next_due(const struct zmq_arrivals *arrivals)
{
    return arrivals->waiting.head ? arrivals->waiting.head->due : MONO_NEVER;
}

/* What is cut stays known until its end is told. */
size_t zmq_arrivals_cut(struct zmq_arrivals *arrivals)
{
    size_t count = 0;
    for (; arrivals->doomed.head; count++) {
        cut(arrivals, arrivals->doomed.head);
        take_out(arrivals->doomed.head);
    }
    return count;
}

size_t zmq_arrivals_cut_due(struct zmq_arrivals *arrivals, struct mono_time now)
{
    size_t count = zmq_arrivals_cut(arrivals);
    struct zmq_arrival_list *waiting = &arrivals->waiting;
    for (; waiting->head && mono_reached(waiting->head->due, now); count++) {
        cut(arrivals, waiting->head);
        take_out(waiting->head);
    }
    return count;
}
