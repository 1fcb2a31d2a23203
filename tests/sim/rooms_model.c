/* SPDX-License-Identifier: MPL-2.0
 *
 * See rooms_model.h.
 */
#include "rooms_model.h"

#include <string.h>

enum { NONE, OWNER, MODERATOR, MEMBER, READER, BANNED };

static bool is_in(const struct model *model, unsigned room, unsigned peer)
{
    return model->roles[room][peer] >= OWNER && model->roles[room][peer] <= READER;
}

static unsigned owners(const struct model *model, unsigned room)
{
    unsigned count = 0;
    for (unsigned peer = 0; peer < PEERS; peer++)
        count += model->roles[room][peer] == OWNER;
    return count;
}

static void add(struct model *model, unsigned room, unsigned peer)
{
    model->roles[room][peer] = owners(model, room) == 0 ? OWNER : MEMBER;
    model->joined[room][peer] = model->total;
    model->invited[room][peer] = 0;
}

static void remove_member(struct model *model, unsigned room, unsigned peer, bool is_ban)
{
    bool was_last = model->roles[room][peer] == OWNER && owners(model, room) == 1;
    model->roles[room][peer] = is_ban ? BANNED : NONE;
    if (is_ban)
        model->invited[room][peer] = 0;
    for (unsigned role = MODERATOR; was_last && role <= READER; role++) {
        unsigned heir = PEERS;
        for (unsigned other = 0; other < PEERS; other++) {
            if (model->roles[room][other] == role &&
                (heir == PEERS || model->joined[room][other] < model->joined[room][heir]))
                heir = other;
        }
        if (heir < PEERS) {
            model->roles[room][heir] = OWNER;
            return;
        }
    }
}

/* Needs at least this role. */
static enum err need(const struct model *model, const struct model_op *op, unsigned role)
{
    unsigned own = model->roles[op->room][op->peer];
    if (own == BANNED)
        return ERR_ROOM_BANNED;
    if (own == NONE)
        return ERR_NOT_MEMBER;
    return own > role ? ERR_NOT_ALLOWED : ERR_OK;
}

static enum err join(struct model *model, const struct model_op *op)
{
    unsigned own = model->roles[op->room][op->peer];
    if (own == BANNED)
        return ERR_ROOM_BANNED;
    if (own != NONE)
        return ERR_OK;
    if (op->room == 1 && !model->invited[op->room][op->peer])
        return ERR_NOT_ALLOWED;
    add(model, op->room, op->peer);
    return ERR_OK;
}

static enum err invite(struct model *model, const struct model_op *op)
{
    enum err err = need(model, op, MEMBER);
    if (err)
        return err;
    if (is_in(model, op->room, op->other))
        return ERR_ALREADY_MEMBER;
    if (model->roles[op->room][op->other] == BANNED)
        return ERR_ROOM_BANNED;
    if (model->invited[op->room][op->other])
        return ERR_ALREADY_INVITED;
    model->invited[op->room][op->other] = ++model->invitations;
    model->inviters[op->room][op->other] = (uint8_t)op->peer;
    model->total++; /* it is told by a message */
    return ERR_OK;
}

static enum err accept_newest(struct model *model, unsigned peer)
{
    unsigned newest = 0;
    for (unsigned room = 1; room < ROOMS; room++) {
        if (model->invited[room][peer] > model->invited[newest][peer])
            newest = room;
    }
    if (!model->invited[newest][peer])
        return ERR_NO_SUCH_INVITATION;
    add(model, newest, peer);
    return ERR_OK;
}

static enum err accept_all(struct model *model, unsigned peer, unsigned *ret_count)
{
    for (unsigned room = 0; room < ROOMS; room++) {
        if (model->invited[room][peer]) {
            add(model, room, peer);
            ++*ret_count;
        }
    }
    return *ret_count ? ERR_OK : ERR_NO_SUCH_INVITATION;
}

static enum err answer_one(struct model *model, const struct model_op *op)
{
    if (!model->invited[op->room][op->peer])
        return ERR_NO_SUCH_INVITATION;
    if (op->kind == OP_ACCEPT)
        add(model, op->room, op->peer);
    model->invited[op->room][op->peer] = 0;
    return ERR_OK;
}

static enum err revoke(struct model *model, const struct model_op *op)
{
    if (!model->invited[op->room][op->other])
        return ERR_NO_SUCH_INVITATION;
    bool is_own = model->inviters[op->room][op->other] == op->peer;
    enum err err = need(model, op, MODERATOR);
    if (err && !(is_own && err != ERR_ROOM_BANNED))
        return err;
    model->invited[op->room][op->other] = 0;
    return ERR_OK;
}

static enum err may_change_role(const struct model *model, const struct model_op *op)
{
    unsigned own = model->roles[op->room][op->peer], target = model->roles[op->room][op->other];
    bool is_self = op->peer == op->other, is_removal = op->role == NONE || op->role == BANNED;
    if (!is_removal)
        return need(model, op, OWNER);
    if (is_self && op->role == BANNED)
        return own == BANNED ? ERR_ROOM_BANNED : ERR_NOT_ALLOWED;
    if (is_self)
        return need(model, op, READER);
    enum err err = need(model, op, MODERATOR);
    bool is_equal = own == MODERATOR && (target == OWNER || target == MODERATOR);
    return !err && is_equal ? ERR_NOT_ALLOWED : err;
}

static enum err change_role(struct model *model, const struct model_op *op)
{
    unsigned target = model->roles[op->room][op->other];
    enum err err = may_change_role(model, op);
    if (err)
        return err;
    if (op->role == BANNED) {
        if (target != BANNED)
            remove_member(model, op->room, op->other, true);
        return ERR_OK;
    }
    if (target == BANNED && op->role != NONE)
        return ERR_ROOM_BANNED;
    if (target == NONE)
        return ERR_NOT_MEMBER;
    if (op->role == NONE) {
        remove_member(model, op->room, op->other, false);
        return ERR_OK;
    }
    if (target == OWNER && op->role != OWNER && owners(model, op->room) == 1)
        return ERR_LAST_OWNER;
    model->roles[op->room][op->other] = (uint8_t)op->role;
    return ERR_OK;
}

static enum err send_message(struct model *model, const struct model_op *op)
{
    enum err err = need(model, op, MEMBER);
    if (!err) {
        model->messages[op->room]++;
        model->total++;
    }
    return err;
}

static enum err leave(struct model *model, const struct model_op *op)
{
    enum err err = need(model, op, READER);
    if (!err)
        remove_member(model, op->room, op->peer, false);
    return err;
}

enum err model_apply(struct model *model, const struct model_op *op, unsigned *ret_count)
{
    *ret_count = 0;
    if (op->kind == OP_LOBBY) {
        model->total++;
        return ERR_OK;
    }
    if (op->kind == OP_ACCEPT_NEWEST)
        return accept_newest(model, op->peer);
    if (op->kind == OP_ACCEPT_ALL)
        return accept_all(model, op->peer, ret_count);
    if (op->kind == OP_CREATE) {
        if (model->exists[op->room])
            return ERR_EXISTS;
        model->exists[op->room] = true;
        add(model, op->room, op->peer);
        return ERR_OK;
    }
    if (!model->exists[op->room])
        return ERR_NO_SUCH_SCOPE;
    switch ((int)op->kind) {
    case OP_JOIN:
        return join(model, op);
    case OP_LEAVE:
        return leave(model, op);
    case OP_INVITE:
        return invite(model, op);
    case OP_REVOKE:
        return revoke(model, op);
    case OP_ROLE:
        return change_role(model, op);
    case OP_SEND:
        return send_message(model, op);
    default:
        return answer_one(model, op); /* ACCEPT, DECLINE */
    }
}

bool model_is_equal(const struct model *one, const struct model *other)
{
    bool is_equal = memcmp(one->exists, other->exists, sizeof(one->exists)) == 0 &&
                    memcmp(one->roles, other->roles, sizeof(one->roles)) == 0 &&
                    memcmp(one->invited, other->invited, sizeof(one->invited)) == 0 &&
                    memcmp(one->messages, other->messages, sizeof(one->messages)) == 0 &&
                    one->invitations == other->invitations && one->total == other->total;
    for (unsigned room = 0; room < ROOMS; room++) {
        for (unsigned peer = 0; peer < PEERS; peer++) {
            if (is_in(one, room, peer))
                is_equal &= one->joined[room][peer] == other->joined[room][peer];
        }
    }
    return is_equal;
}
