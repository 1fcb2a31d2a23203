/* SPDX-License-Identifier: MPL-2.0
 *
 * See zmq_arrivals.h.
 */
#include "gateways/zmq/zmq_arrivals.h"

#include <fcntl.h>
#include <stdlib.h>
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
    bool is_waiting;      /* in the list */
    struct mono_time due; /* waiting: zero, one too many */
    struct address_key address;
};

void zmq_arrivals_init(struct zmq_arrivals *arrivals, uint32_t per_address,
                       uint64_t descriptors_max)
{
    *arrivals = (struct zmq_arrivals){.descriptors_max = descriptors_max};
    u64map_init(&arrivals->by_descriptor, ARRIVALS_MAX);
    address_book_init(&arrivals->addresses, per_address, ARRIVALS_MAX);
}

void zmq_arrivals_fini(struct zmq_arrivals *arrivals)
{
    struct u64map_cursor cursor = {0};
    while (u64map_next(&arrivals->by_descriptor, &cursor))
        free((struct zmq_arrival *)(uintptr_t)cursor.value);
    u64map_fini(&arrivals->by_descriptor);
    address_book_fini(&arrivals->addresses);
}

/* --- The list. */

static void unlink_one(struct zmq_arrivals *arrivals, struct zmq_arrival *arrival)
{
    if (!arrival->is_waiting)
        return;
    if (arrival->prev)
        arrival->prev->next = arrival->next;
    else
        arrivals->head = arrival->next;
    if (arrival->next)
        arrival->next->prev = arrival->prev;
    else
        arrivals->tail = arrival->prev;
    arrival->is_waiting = false;
}

static void link_front(struct zmq_arrivals *arrivals, struct zmq_arrival *arrival)
{
    arrival->is_waiting = true;
    arrival->prev = NULL;
    arrival->next = arrivals->head;
    if (arrival->next)
        arrival->next->prev = arrival;
    else
        arrivals->tail = arrival;
    arrivals->head = arrival;
}

static void link_back(struct zmq_arrivals *arrivals, struct zmq_arrival *arrival)
{
    arrival->is_waiting = true;
    arrival->next = NULL;
    arrival->prev = arrivals->tail;
    if (arrival->prev)
        arrival->prev->next = arrival;
    else
        arrivals->head = arrival;
    arrivals->tail = arrival;
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
    bool is_counted = address_book_add(&arrivals->addresses, &arrival->address);
    if (!is_counted)
        arrival->address = (struct address_key){0};
    bool is_allowed = is_counted && (arrivals->descriptors_max == 0 ||
                                     (uint64_t)descriptor < arrivals->descriptors_max);
    if (is_allowed) {
        arrival->due = mono_add_ms(now, ZMQ_ARRIVALS_PATIENCE_MS);
        link_back(arrivals, arrival);
    } else {
        link_front(arrivals, arrival);
    }
    return is_allowed;
}

void zmq_arrivals_remove(struct zmq_arrivals *arrivals, int descriptor)
{
    struct zmq_arrival *arrival = find(arrivals, descriptor);
    if (!arrival)
        return;
    (void)u64map_remove_pointer(&arrivals->by_descriptor, (uint64_t)descriptor);
    unlink_one(arrivals, arrival);
    address_book_remove(&arrivals->addresses, &arrival->address);
    free(arrival);
}

uint64_t zmq_arrivals_hold(struct zmq_arrivals *arrivals, int descriptor)
{
    struct zmq_arrival *arrival = find(arrivals, descriptor);
    if (!arrival)
        return 0;
    arrival->sessions++;
    unlink_one(arrivals, arrival);
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
    link_back(arrivals, arrival);
}

/* --- Cutting. */

/* False: there was no descriptor to hold it with. */
static bool cut(const struct zmq_arrival *arrival)
{
    struct stat status;
    int held = fcntl(arrival->descriptor, F_DUPFD_CLOEXEC, 0);
    if (held < 0)
        return false;
    if (fstat(held, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_ino == arrival->inode)
        (void)shutdown(held, SHUT_RDWR); /* it may have ended by itself */
    (void)close(held);
    return true;
}

struct mono_time zmq_arrivals_next_due(const struct zmq_arrivals *arrivals)
{
    return arrivals->head ? arrivals->head->due : MONO_NEVER;
}

/* What is cut stays known until its end is told. */
size_t zmq_arrivals_cut_due(struct zmq_arrivals *arrivals, struct mono_time now)
{
    size_t count = 0;
    while (arrivals->head && mono_reached(arrivals->head->due, now) && cut(arrivals->head)) {
        unlink_one(arrivals, arrivals->head);
        count++;
    }
    return count;
}

size_t zmq_arrivals_cut(struct zmq_arrivals *arrivals)
{
    return zmq_arrivals_cut_due(arrivals, (struct mono_time){0});
}
