/* SPDX-License-Identifier: MPL-2.0
 *
 * Lair Chat: messages with their edits and deletions, reactions, read receipts.
 */
#include <string.h>

#include "broker.pb-c.h"
#include "clients/import/lair_state.h"
#include "rt/check.h"
#include "store/conversation.h"

#define HEADERS_BYTES (2u * WIRE_HEADER_VALUE_BYTES_MAX)

static ProtobufCBinaryData bytes_of(const char *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data}; /* only read */
}

/* What roost has no field for: the type, where the kind does not say it, and the metadata. */
static struct bytes_view pack_headers(const struct lair_message *message,
                                      uint8_t bytes[HEADERS_BYTES])
{
    Roost__V1__Header headers[2] = {ROOST__V1__HEADER__INIT, ROOST__V1__HEADER__INIT};
    Roost__V1__Header *pointers[2] = {NULL};
    Roost__V1__HeaderList list = ROOST__V1__HEADER_LIST__INIT;
    list.headers = pointers;
    if (message->kind != ROOST__V1__KIND__TEXT && message->type.size) {
        Roost__V1__Header *header = pointers[list.n_headers] = &headers[list.n_headers];
        header->name = bytes_of("lair-type", strlen("lair-type"));
        header->value = bytes_of(message->type.data, message->type.size);
        list.n_headers++;
    }
    if (message->metadata.size) {
        Roost__V1__Header *header = pointers[list.n_headers] = &headers[list.n_headers];
        header->name = bytes_of("lair-metadata", strlen("lair-metadata"));
        header->value = bytes_of(message->metadata.data, message->metadata.size);
        list.n_headers++;
    }
    if (list.n_headers == 0)
        return (struct bytes_view){NULL, 0};
    CHECK(roost__v1__header_list__get_packed_size(&list) <= HEADERS_BYTES);
    return (struct bytes_view){bytes, roost__v1__header_list__pack(&list, bytes)};
}

/* Where it goes: the room, or the mailbox of the other of the two. */
static bool address(const struct lair *lair, const struct lair_place *place,
                    const struct lair_person *author, struct message_row *message,
                    struct verdict *verdict)
{
    message->sender_id = author->peer_id;
    if (!place->is_direct) {
        message->scope_id = place->scope_id;
        message->conversation = conversation_of_scope(place->scope_id);
        return true;
    }
    if (place->member_count == 0 || place->member_count > 2)
        return verdict_skip(verdict, "its direct conversation has %u members, not 2",
                            place->member_count);
    const struct lair_person *one = &lair->people[place->members[0]];
    const struct lair_person *other = &lair->people[place->members[place->member_count - 1]];
    if (author != one && author != other)
        return verdict_skip(verdict, "its author is not one of the two of this conversation");
    const struct lair_person *recipient = author == one ? other : one;
    message->scope_id = recipient->mailbox_id;
    message->conversation = conversation_of_peers(author->peer_id, recipient->peer_id);
    return true;
}

static int64_t not_after(int64_t time_ms, int64_t now_ms)
{
    return time_ms < now_ms ? time_ms : now_ms;
}

static enum err write_message(struct lair *lair, const struct lair_message *from,
                              struct message_row *message, struct verdict *verdict)
{
    struct writer *writer = &lair->import.writer;
    uint8_t headers[HEADERS_BYTES];
    memcpy(message->message_id, from->id, sizeof(message->message_id));
    message->created_ms = from->created_ms;
    message->stored_ms = not_after(from->created_ms, writer->now_ms);
    message->kind = from->kind;
    if (from->content_type[0])
        message->content_type =
            (struct bytes_view){(const uint8_t *)from->content_type, strlen(from->content_type)};
    message->headers = pack_headers(from, headers);
    message->body = (struct bytes_view){(const uint8_t *)from->body.data, from->body.size};
    if (from->has_parent)
        message->parent_id = (struct bytes_view){from->parent_id, sizeof(from->parent_id)};
    enum err err = writer_message(writer, message, STANDING_DELIVERED, &verdict->outcome);
    if (!err && from->edited_ms && !from->is_deleted)
        err = writer_edit(writer, message, not_after(from->edited_ms, writer->now_ms));
    if (!err && from->is_deleted)
        err = writer_delete(writer, message, not_after(from->deleted_ms, writer->now_ms));
    return err;
}

enum err lair_on_message(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_message from;
    struct message_row message = {.seq = 0};
    if (!lair_map_message(row, &from, verdict))
        return ERR_OK;
    const struct lair_person *author = lair_person(lair, from.user_id, "author", verdict);
    const struct lair_place *place = author ? lair_place(lair, from.room_id, verdict) : NULL;
    if (!place || !address(lair, place, author, &message, verdict))
        return ERR_OK;
    return import_fail_row(write_message(lair, &from, &message, verdict), verdict, "message");
}

/* ---------------------------------------------------------------- marks */

/* Who and which; false: the row is skipped, or *ret_err. */
static bool find_mark(struct lair *lair, const struct lair_mark *mark,
                      const struct lair_person **ret_person, struct message_place *ret_place,
                      struct verdict *verdict, enum err *ret_err)
{
    *ret_err = ERR_OK;
    *ret_person = lair_person(lair, mark->user_id, "user", verdict);
    if (!*ret_person)
        return false;
    *ret_err = writer_find(&lair->import.writer, mark->message_id, ret_place);
    if (!*ret_err && ret_place->seq == 0)
        (void)verdict_skip(verdict, "its message is not here");
    return !*ret_err && ret_place->seq != 0;
}

enum err lair_on_reaction(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_mark mark;
    const struct lair_person *person;
    struct message_place place;
    enum err err;
    if (!lair_map_reaction(row, &mark, verdict) ||
        !find_mark(lair, &mark, &person, &place, verdict, &err))
        return verdict->outcome == ROW_SKIPPED ? ERR_OK : err;
    err = writer_reaction(&lair->import.writer, &place, person->peer_id, mark.emoji, mark.at_ms,
                          &verdict->outcome);
    if (err == ERR_TOO_MANY_ENTRIES) {
        (void)verdict_skip(verdict, "its message has 32 different reactions already");
        return ERR_OK;
    }
    return import_fail_row(err, verdict, "reaction");
}

enum err lair_on_receipt(void *state, const struct foreign_row *row, struct verdict *verdict)
{
    struct lair *lair = state;
    struct lair_mark mark;
    const struct lair_person *person;
    struct message_place place;
    enum err err;
    if (!lair_map_receipt(row, &mark, verdict) ||
        !find_mark(lair, &mark, &person, &place, verdict, &err))
        return verdict->outcome == ROW_SKIPPED ? ERR_OK : err;
    err = writer_read_marker(&lair->import.writer, &place, person->peer_id, mark.at_ms,
                             &verdict->outcome);
    return import_fail_row(err, verdict, "receipt");
}
