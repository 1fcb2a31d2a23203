/* SPDX-License-Identifier: MPL-2.0
 *
 * gigi: what one peer kept of its conversations and groups, and what it had still to send.
 *
 * The queue and the acknowledgments say what became of a message, so they are read before the
 * messages, and once more after them to be counted. What has been acknowledged is not sent again,
 * whatever the queue says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.pb-c.h"
#include "clients/import/gigi_map.h"
#include "clients/import/import_state.h"
#include "proto/limits.h"
#include "store/conversation.h"

#define QUEUE_MAX (1u << 22)

static const struct import_left_out reasons[] = {
    {"conversations", "roost makes its list of conversations of the messages"},
    {"contacts", "peers are known by the messages from and to them"},
    {"settings", "of the old program"},
    {"shared_files", "roost keeps messages, not files"},
    {"thumbnails", "roost keeps messages, not files"},
    {"app_data", "of the old program"},
    {"seaql_migrations", "bookkeeping of the old program"},
    {NULL, NULL},
};

struct queued {
    enum gigi_status status;
    int64_t expires_ms;
    char *target;
    bool is_new; /* its message was added in this run */
};

struct gigi {
    struct import import;
    struct text owner;
    int64_t owner_id;
    struct hash queued;       /* message id -> struct queued */
    struct hash acknowledged; /* message id -> 1 */
};

/* ---------------------------------------------------------------- before the messages */

static enum err load_queued(void *context, const struct foreign_row *row)
{
    struct gigi *gigi = context;
    struct gigi_queued from;
    struct verdict verdict = {.outcome = ROW_ADDED}; /* told when they are counted */
    if (!gigi_map_queued(row, gigi->import.options->now_ms, &from, &verdict) ||
        from.status == GIGI_DONE || hash_get(&gigi->queued, from.message_id, 16, NULL))
        return ERR_OK;
    struct queued *queued = calloc(1, sizeof(*queued));
    if (!queued)
        return ERR_BUSY;
    queued->status = from.status;
    queued->expires_ms = from.expires_ms;
    queued->target = strndup(from.target.data, from.target.size);
    enum err err =
        queued->target ? hash_put_pointer(&gigi->queued, from.message_id, 16, queued) : ERR_BUSY;
    if (err) {
        free(queued->target);
        free(queued);
    }
    return err;
}

static enum err load_acknowledged(void *context, const struct foreign_row *row)
{
    struct gigi *gigi = context;
    struct gigi_acknowledgment from;
    struct verdict verdict = {.outcome = ROW_ADDED};
    if (!gigi_map_acknowledgment(row, &from, &verdict))
        return ERR_OK;
    return hash_put(&gigi->acknowledged, from.message_id, 16, 1);
}

static enum err ignore_lost(void *context, const struct foreign_loss *loss)
{
    (void)context;
    (void)loss; /* told when they are counted */
    return ERR_OK;
}

static enum err load(struct gigi *gigi)
{
    struct foreign *foreign = gigi->import.foreign;
    enum err err = ERR_OK;
    if (foreign_has(foreign, FOREIGN_gigi_queue))
        err = foreign_walk(foreign, FOREIGN_gigi_queue, load_queued, ignore_lost, gigi);
    if (!err && foreign_has(foreign, FOREIGN_gigi_acknowledgments))
        err = foreign_walk(foreign, FOREIGN_gigi_acknowledgments, load_acknowledged, ignore_lost,
                           gigi);
    return err;
}

/* ---------------------------------------------------------------- messages */

/* The peer of this name, and its mailbox if `ret_scope_id` is not NULL. */
static enum err find_peer(struct gigi *gigi, struct text name, int64_t at_ms, int64_t *ret_id,
                          int64_t *ret_scope_id)
{
    bool is_new;
    enum err err = writer_peer(&gigi->import.writer, name, at_ms, ret_id, &is_new);
    if (!err && ret_scope_id)
        err = writer_mailbox(&gigi->import.writer, *ret_id, name, ret_scope_id);
    return err;
}

static enum err join(struct gigi *gigi, int64_t scope_id, int64_t peer_id, bool is_owner,
                     int64_t at_ms)
{
    enum outcome outcome;
    struct member_row member = {
        .scope_id = scope_id,
        .peer_id = peer_id,
        .role = is_owner ? MEMBER_OWNER : MEMBER_MEMBER,
        .joined_ms = at_ms,
    };
    return writer_member(&gigi->import.writer, &member, &outcome);
}

/* A group is a room that its members may join; the file's owner owns it here. */
static enum err find_room(struct gigi *gigi, const struct gigi_message *from, int64_t sender_id,
                          struct message_row *message, struct verdict *verdict)
{
    bool is_member = false;
    const char *problem = NULL;
    struct writer_room_found found;
    struct writer_room room = {
        .name = from->group,
        .display_name = "",
        .topic = "",
        .description = "",
        .password_hash = "",
        .privacy = ROOM_PUBLIC,
        .creator_id = gigi->owner_id,
        .created_ms = from->created_ms,
    };
    enum err err = writer_room(&gigi->import.writer, &room, &found, &problem);
    if (err)
        return err;
    message->scope_id = found.scope_id;
    message->conversation = conversation_of_scope(found.scope_id);
    if (found.is_new)
        err = join(gigi, found.scope_id, gigi->owner_id, true, from->created_ms);
    else
        err = writer_is_member(&gigi->import.writer, found.scope_id, gigi->owner_id, &is_member);
    if (err || found.privacy == ROOM_OPEN)
        return err;
    if (!found.is_new && !is_member) {
        (void)verdict_skip(verdict, "a room of its group's name is here, and %.*s is no member",
                           (int)gigi->owner.size, gigi->owner.data);
        return ERR_OK;
    }
    return join(gigi, found.scope_id, sender_id, false, from->created_ms);
}

/* Sender, scope and conversation. */
static enum err address(struct gigi *gigi, const struct gigi_message *from,
                        const struct queued *queued, struct message_row *message,
                        struct verdict *verdict)
{
    struct text recipient = from->is_sent ? from->recipient : gigi->owner;
    int64_t other_id;
    message->sender_id = gigi->owner_id;
    enum err err = ERR_OK;
    if (!from->is_sent)
        err = find_peer(gigi, from->sender, from->created_ms, &message->sender_id, NULL);
    else if (from->sender.size && (from->sender.size != gigi->owner.size ||
                                   memcmp(from->sender.data, gigi->owner.data, from->sender.size)))
        verdict_remark(verdict, "it was sent as %.*s", (int)from->sender.size, from->sender.data);
    if (err || from->is_group)
        return err ? err : find_room(gigi, from, message->sender_id, message, verdict);
    if (from->is_sent && queued)
        recipient = (struct text){queued->target, strlen(queued->target)};
    if (recipient.size == 0) {
        (void)verdict_skip(verdict, "it has no recipient");
        return ERR_OK;
    }
    err = find_peer(gigi, recipient, from->created_ms, &other_id, &message->scope_id);
    if (!err)
        message->conversation = conversation_of_peers(message->sender_id, other_id);
    return err;
}

static enum standing standing_of(const struct gigi *gigi, const struct gigi_message *from,
                                 const struct queued *queued)
{
    if (!queued || !from->is_sent || from->is_group ||
        hash_get(&gigi->acknowledged, from->id, sizeof(from->id), NULL))
        return STANDING_DELIVERED;
    return queued->status == GIGI_EXPIRED ? STANDING_EXPIRED : STANDING_WAITING;
}

static void fill(struct gigi *gigi, const struct gigi_message *from, struct message_row *message)
{
    int64_t now_ms = gigi->import.options->now_ms;
    memcpy(message->message_id, from->id, sizeof(message->message_id));
    message->created_ms = from->created_ms;
    message->stored_ms = from->created_ms < now_ms ? from->created_ms : now_ms;
    message->kind = from->kind;
    message->flags = MESSAGE_FLAG_SENDER_UNVERIFIED;
    if (from->content_type[0])
        message->content_type =
            (struct bytes_view){(const uint8_t *)from->content_type, strlen(from->content_type)};
    message->body = (struct bytes_view){(const uint8_t *)from->body.data, from->body.size};
}

static enum err write_message(struct gigi *gigi, const struct gigi_message *from,
                              struct message_row *message, struct verdict *verdict)
{
    struct queued *queued = hash_get_pointer(&gigi->queued, from->id, sizeof(from->id));
    enum err err = address(gigi, from, queued, message, verdict);
    if (err || verdict->outcome == ROW_SKIPPED)
        return err;
    fill(gigi, from, message);
    enum standing standing = standing_of(gigi, from, queued);
    if (standing != STANDING_DELIVERED) {
        message->expires_ms = queued->expires_ms;
        message->flags |=
            MESSAGE_FLAG_RECEIPT_DELIVERED | MESSAGE_FLAG_RECEIPT_READ | MESSAGE_FLAG_RECEIPT_FATE;
    }
    err = writer_message(&gigi->import.writer, message, standing, &verdict->outcome);
    if (err || !from->is_read || from->is_sent) {
        if (queued)
            queued->is_new = !err && verdict->outcome == ROW_ADDED;
        return err;
    }
    struct message_place place = {.seq = message->seq, .conversation = message->conversation};
    enum outcome ignored;
    return writer_read_marker(&gigi->import.writer, &place, gigi->owner_id,
                              from->read_ms ? from->read_ms : from->created_ms, &ignored);
}

static enum err on_message(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct gigi *gigi = state;
    struct gigi_message from;
    struct message_row message = {.seq = 0};
    enum err err = ERR_OK;
    if (gigi_map_message(row, &from, verdict))
        err = import_fail_row(write_message(gigi, &from, &message, verdict), verdict, "message");
    gigi_message_fini(&from);
    return err;
}

/* ---------------------------------------------------------------- after the messages */

static enum err on_queued(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct gigi *gigi = state;
    struct gigi_queued from;
    struct message_place place;
    if (!gigi_map_queued(row, gigi->import.options->now_ms, &from, verdict))
        return ERR_OK;
    const struct queued *queued = hash_get_pointer(&gigi->queued, from.message_id, 16);
    verdict->outcome = queued && queued->is_new ? ROW_ADDED : ROW_PRESENT;
    enum err err = writer_find(&gigi->import.writer, from.message_id, &place);
    if (!err && place.seq == 0)
        (void)verdict_skip(verdict, "its message is not in the file, or could not be taken over");
    return err;
}

static enum err on_acknowledgment(void *state, const struct foreign_row *row,
                                  struct verdict *verdict)
{
    struct gigi *gigi = state;
    struct gigi_acknowledgment from;
    struct message_place place;
    int64_t peer_id;
    if (!gigi_map_acknowledgment(row, &from, verdict))
        return ERR_OK;
    enum err err = writer_find(&gigi->import.writer, from.message_id, &place);
    if (err)
        return err;
    if (place.seq == 0) {
        (void)verdict_skip(verdict, "its message is not in the file, or could not be taken over");
        return ERR_OK;
    }
    verdict->outcome = ROW_PRESENT; /* delivered: that the message is settled says it */
    if (from.is_read)
        err = find_peer(gigi, from.peer, from.at_ms, &peer_id, NULL);
    if (!err && from.is_read)
        err = writer_read_marker(&gigi->import.writer, &place, peer_id, from.at_ms,
                                 &verdict->outcome);
    return import_fail_row(err, verdict, "acknowledgment");
}

/* ---------------------------------------------------------------- all of it */

static enum err find_owner(struct gigi *gigi, char ret_problem[IMPORT_TEXT_BYTES])
{
    int64_t mailbox_id;
    const char *problem = NULL;
    enum err err = name_check(gigi->owner.data, gigi->owner.size, &problem);
    if (err) {
        (void)snprintf(ret_problem, IMPORT_TEXT_BYTES, "--as: %s", problem);
        return err;
    }
    err = writer_begin_row(&gigi->import.writer);
    if (!err)
        err = find_peer(gigi, gigi->owner, gigi->import.options->now_ms, &gigi->owner_id,
                        &mailbox_id);
    return err;
}

static enum err walk(struct gigi *gigi, char ret_problem[IMPORT_TEXT_BYTES])
{
    struct import *import = &gigi->import;
    if (!foreign_has(import->foreign, FOREIGN_gigi_messages)) {
        (void)snprintf(ret_problem, IMPORT_TEXT_BYTES,
                       "%.900s: it has no table messages of gigi-store", import->options->source);
        return ERR_NOT_OUR_FILE;
    }
    enum err err = find_owner(gigi, ret_problem);
    if (!err)
        err = load(gigi);
    if (!err)
        err = import_table(import, FOREIGN_gigi_messages, on_message, gigi);
    if (!err)
        err = import_table(import, FOREIGN_gigi_queue, on_queued, gigi);
    if (!err)
        err = import_table(import, FOREIGN_gigi_acknowledgments, on_acknowledgment, gigi);
    return err ? err : import_leave_out(import, reasons);
}

static void fini(struct gigi *gigi)
{
    struct hash_cursor cursor = {0};
    while (hash_next(&gigi->queued, &cursor)) {
        struct queued *queued = hash_get_pointer(&gigi->queued, cursor.key, cursor.key_size);
        free(queued->target);
        free(queued);
    }
    hash_fini(&gigi->queued);
    hash_fini(&gigi->acknowledged);
    free(gigi);
}

enum err import_gigi(const struct import_options *options, struct import_report *ret,
                     char ret_problem[IMPORT_TEXT_BYTES])
{
    struct gigi *gigi = calloc(1, sizeof(*gigi));
    if (!gigi)
        return ERR_BUSY;
    gigi->owner = (struct text){options->owner, strlen(options->owner)};
    hash_init(&gigi->queued, QUEUE_MAX);
    hash_init(&gigi->acknowledged, QUEUE_MAX);
    enum err err = import_open(&gigi->import, options, ret, ret_problem);
    if (!err)
        err = import_close(&gigi->import, walk(gigi, ret_problem), ret_problem);
    fini(gigi);
    return err;
}
