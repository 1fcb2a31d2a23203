/* SPDX-License-Identifier: MPL-2.0
 *
 * See gigi_map.h.
 */
#include "clients/import/gigi_map.h"

#include <stdlib.h>
#include <string.h>

#include "broker.pb-c.h"
#include "clients/import/writer.h"
#include "proto/limits.h"
#include "proto/uuid.h"

#define COLUMN(name)  FOREIGN_gigi_##name
#define WORD_BYTES    64u
#define ID_BYTES      255u
#define CONTENT_BYTES (2u * WIRE_BODY_BYTES_DEFAULT) /* JSON takes more room than its text */

/* ---------------------------------------------------------------- words and ids */

static struct text unquoted(struct text text)
{
    bool is_quoted = text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"';
    return is_quoted ? (struct text){text.data + 1, text.size - 2} : text;
}

/* One of the words, bare or quoted. */
static bool read_word(const struct foreign_row *row, enum foreign_column column,
                      const char *const *words, int *ret_index, struct verdict *verdict)
{
    struct text text;
    if (!read_text(row, column, NEEDED, WORD_BYTES, &text, verdict))
        return false;
    *ret_index = text_index(unquoted(text), words);
    return *ret_index >= 0 || verdict_skip(verdict, "its %s is unknown: %.*s",
                                           foreign_column_name(column), (int)text.size, text.data);
}

/* A UUID is the message id; of any other text one is made, always the same. */
static bool read_id(const struct foreign_row *row, enum foreign_column column, uint8_t ret[16],
                    struct verdict *verdict)
{
    struct text text;
    if (!read_text(row, column, NEEDED, ID_BYTES, &text, verdict))
        return false;
    text = unquoted(text);
    if (uuid_parse(text.data, text.size, ret) != ERR_OK)
        writer_derive_id("roost import: gigi", text.data, text.size, 0, ret);
    return true;
}

/* ---------------------------------------------------------------- content */

static bool take_strings(json_t *from, const char *const *keys, json_t *to)
{
    for (size_t i = 0; keys[i]; i++) {
        json_t *value = json_object_get(from, keys[i]);
        if (!json_is_string(value) || json_object_set(to, keys[i], value) != 0)
            return false;
    }
    return true;
}

static bool take_file(json_t *from, json_t *to)
{
    static const char *const before[] = {"share_code", "filename", NULL};
    static const char *const after[] = {"file_type", NULL};
    json_t *size = json_object_get(from, "file_size");
    json_t *thumbnail = json_object_get(from, "thumbnail_path");
    bool is_fine = take_strings(from, before, to) && json_is_integer(size) &&
                   json_integer_value(size) >= 0 && json_object_set(to, "file_size", size) == 0 &&
                   take_strings(from, after, to);
    if (is_fine && thumbnail)
        is_fine = (json_is_string(thumbnail) || json_is_null(thumbnail)) &&
                  json_object_set(to, "thumbnail_path", thumbnail) == 0;
    return is_fine;
}

/* As JSON with the fields of docs/PROTOCOL.md, in their order. */
static bool make_body(struct gigi_message *message, json_t *content, bool is_group,
                      struct verdict *verdict)
{
    static const char *const group[] = {"group_id", "group_name", "inviter_nickname", NULL};
    json_t *body = json_object();
    bool is_fine = is_group ? take_strings(content, group, body) : take_file(content, body);
    if (is_fine)
        message->dump = json_dumps(body, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(body);
    if (!message->dump)
        return verdict_skip(verdict, "its content lacks a field, or has one of a wrong type");
    message->body = (struct text){message->dump, strlen(message->dump)};
    message->content_type = "application/json";
    return true;
}

static bool take_content(struct gigi_message *message, struct text type, json_t *content,
                         struct verdict *verdict)
{
    static const char *const words[] = {"Text", "FileShare", "FileShareWithThumbnail", "ShareGroup",
                                        NULL};
    int index = text_index(type, words);
    json_t *text = json_object_get(content, "text");
    if (index < 0)
        return verdict_skip(verdict, "its kind of content is unknown: %.*s", (int)type.size,
                            type.data);
    if (index > 0) {
        message->kind = index == 3 ? ROOST__V1__KIND__SHARE_GROUP : ROOST__V1__KIND__FILE_SHARE;
        return make_body(message, content, index == 3, verdict);
    }
    if (!json_is_string(text))
        return verdict_skip(verdict, "its content has no text");
    message->kind = ROOST__V1__KIND__TEXT;
    message->content_type = "";
    message->body = (struct text){json_string_value(text), json_string_length(text)};
    return true;
}

bool gigi_map_content(struct text json, struct text type, struct gigi_message *ret,
                      struct verdict *verdict)
{
    json_error_t error;
    ret->content = json_loadb(json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(ret->content))
        return verdict_skip(verdict, "its content is not a JSON object");
    json_t *content = ret->content;
    json_t *tag = json_object_get(content, "type");
    if (json_is_string(tag)) {
        type = (struct text){json_string_value(tag), json_string_length(tag)};
    } else if (json_object_size(content) == 1 &&
               json_is_object(json_object_iter_value(json_object_iter(content)))) {
        void *only = json_object_iter(content);
        const char *key = json_object_iter_key(only);
        type = (struct text){key, strlen(key)};
        content = json_object_iter_value(only);
    }
    if (!take_content(ret, type, content, verdict))
        return false;
    return ret->body.size <= WIRE_BODY_BYTES_DEFAULT ||
           verdict_skip(verdict, "its body has more than %u bytes", WIRE_BODY_BYTES_DEFAULT);
}

/* ---------------------------------------------------------------- messages */

static bool read_address(const struct foreign_row *row, struct gigi_message *ret,
                         struct verdict *verdict)
{
    static const char *const types[] = {"Direct", "Group", NULL};
    static const char *const directions[] = {"Sent", "Received", NULL};
    int type, direction;
    if (!read_word(row, COLUMN(messages_msg_type), types, &type, verdict) ||
        !read_word(row, COLUMN(messages_direction), directions, &direction, verdict))
        return false;
    ret->is_group = type == 1;
    ret->is_sent = direction == 0;
    enum want sender = ret->is_sent ? WANTED : NEEDED, group = ret->is_group ? NEEDED : WANTED;
    return read_text(row, COLUMN(messages_sender_nickname), sender, WIRE_NAME_BYTES_MAX,
                     &ret->sender, verdict) &&
           read_text(row, COLUMN(messages_recipient_nickname), WANTED, WIRE_NAME_BYTES_MAX,
                     &ret->recipient, verdict) &&
           read_text(row, COLUMN(messages_group_name), group, WIRE_NAME_BYTES_MAX, &ret->group,
                     verdict);
}

bool gigi_map_message(const struct foreign_row *row, struct gigi_message *ret,
                      struct verdict *verdict)
{
    struct text content, type;
    *ret = (struct gigi_message){.content_type = ""};
    if (!read_id(row, COLUMN(messages_id), ret->id, verdict) || !read_address(row, ret, verdict) ||
        !read_ms(row, COLUMN(messages_timestamp), NEEDED, &ret->created_ms, verdict) ||
        !read_ms(row, COLUMN(messages_read_at), WANTED, &ret->read_ms, verdict) ||
        !read_text(row, COLUMN(messages_content_type), WANTED, WORD_BYTES, &type, verdict) ||
        !read_text(row, COLUMN(messages_content_json), NEEDED, CONTENT_BYTES, &content, verdict))
        return false;
    ret->is_read = read_flag(row, COLUMN(messages_read), false, verdict);
    return gigi_map_content(content, unquoted(type), ret, verdict);
}

void gigi_message_fini(struct gigi_message *message)
{
    free(message->dump);
    json_decref(message->content);
    message->dump = NULL;
    message->content = NULL;
}

/* ---------------------------------------------------------------- queue and acknowledgments */

bool gigi_map_queued(const struct foreign_row *row, int64_t now_ms, struct gigi_queued *ret,
                     struct verdict *verdict)
{
    static const char *const words[] = {"Pending", "InProgress", "Delivered",
                                        "Sent",    "Expired",    NULL};
    static const enum gigi_status meanings[] = {GIGI_WAITING, GIGI_WAITING, GIGI_DONE, GIGI_DONE,
                                                GIGI_EXPIRED};
    int index;
    if (!read_id(row, COLUMN(queue_message_id), ret->message_id, verdict) ||
        !read_text(row, COLUMN(queue_target_nickname), NEEDED, WIRE_NAME_BYTES_MAX, &ret->target,
                   verdict) ||
        !read_ms(row, COLUMN(queue_expires_at), WANTED, &ret->expires_ms, verdict) ||
        !read_word(row, COLUMN(queue_status), words, &index, verdict))
        return false;
    ret->status = meanings[index];
    if (ret->status == GIGI_WAITING && ret->expires_ms && ret->expires_ms <= now_ms)
        ret->status = GIGI_EXPIRED;
    return true;
}

bool gigi_map_acknowledgment(const struct foreign_row *row, struct gigi_acknowledgment *ret,
                             struct verdict *verdict)
{
    static const char *const words[] = {"Delivered", "Read", NULL};
    int index;
    if (!read_id(row, COLUMN(acknowledgments_message_id), ret->message_id, verdict) ||
        !read_text(row, COLUMN(acknowledgments_acknowledged_by_nickname), NEEDED,
                   WIRE_NAME_BYTES_MAX, &ret->peer, verdict) ||
        !read_ms(row, COLUMN(acknowledgments_acknowledged_at), WANTED, &ret->at_ms, verdict) ||
        !read_word(row, COLUMN(acknowledgments_ack_type), words, &index, verdict))
        return false;
    ret->is_read = index == 1;
    return true;
}
