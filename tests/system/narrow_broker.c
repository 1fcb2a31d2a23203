/* SPDX-License-Identifier: MPL-2.0
 *
 * Linked into a roostd whose actors have room for one message between any two of them, and who dawdle
 * at random: what could come to a stop for want of room does so here. kill_rounds.py plays with it.
 * Works by --wrap=actors_describe and --wrap=mailbox_receive; the daemon itself has no such option.
 */
#include <time.h>

#include "actors.h"
#include "rt/mailbox.h"

#define DAWDLE_ONE_IN 64
#define DAWDLE_MAX_MS 20

void __real_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret);
void __wrap_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret);
bool __real_mailbox_receive(struct mailboxes *mailboxes, uint8_t self, zmq_msg_t *ret_frame,
                            zmq_msg_t *ret_payload, bool *ret_has_payload);
bool __wrap_mailbox_receive(struct mailboxes *mailboxes, uint8_t self, zmq_msg_t *ret_frame,
                            zmq_msg_t *ret_payload, bool *ret_has_payload);

void __wrap_actors_describe(const struct roostd_config *config, const char *database,
                            struct actors *ret)
{
    static struct actor_class narrow[ACTOR_COUNT];
    __real_actors_describe(config, database, ret);
    for (int id = 0; id < ACTOR_COUNT; id++) {
        if (!ret->specs[id].class)
            continue;
        narrow[id] = *ret->specs[id].class;
        narrow[id].link_room = 1;
        ret->specs[id].class = &narrow[id];
    }
}

bool __wrap_mailbox_receive(struct mailboxes *mailboxes, uint8_t self, zmq_msg_t *ret_frame,
                            zmq_msg_t *ret_payload, bool *ret_has_payload)
{
    static _Thread_local uint64_t random;
    if (random == 0)
        random = 0x9E3779B97F4A7C15u * (self + 1u);
    bool is_there =
        __real_mailbox_receive(mailboxes, self, ret_frame, ret_payload, ret_has_payload);
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    if (is_there && random % DAWDLE_ONE_IN == 0) {
        struct timespec delay = {0, (long)(random / 64 % DAWDLE_MAX_MS) * 1000000};
        (void)nanosleep(&delay, NULL); /* shorter is as good */
    }
    return is_there;
}
