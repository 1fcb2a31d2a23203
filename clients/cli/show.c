/* SPDX-License-Identifier: MPL-2.0
 *
 * See show.h.
 */
#include "clients/cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/text.h"

static const char *const kinds[] = {"text",   "file-share", "share-group", "action", "receipt",
                                    "custom", "system",     "edit",        "delete", "reaction"};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *kind_name(enum roost_kind kind, char ret[16])
{
    if ((size_t)kind < KIND_COUNT)
        return kinds[kind];
    (void)snprintf(ret, 16, "%d", (int)kind);
    return ret;
}

bool kind_parse(const char *text, enum roost_kind *ret)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        bool is_brokers = i == ROOST_KIND_RECEIPT || i >= ROOST_KIND_SYSTEM;
        if (strcmp(kinds[i], text) == 0 && !is_brokers) {
            *ret = (enum roost_kind)i;
            return true;
        }
    }
    return false;
}

const char *receipt_level_name(enum roost_receipt_level level)
{
    static const char *const names[] = {"none",    "delivered", "read",
                                        "expired", "dead",      "cancelled"};
    return (size_t)level < sizeof(names) / sizeof(names[0]) ? names[level] : "unknown";
}

/* ----------------------------------------------------------------------------------- JSON */

static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = utf8_length(bytes + i, size - i);
        if (length == 0 || bytes[i] == '\0')
            return false;
        i += length;
    }
    return true;
}

static void json_bytes(struct json *json, const char *name, const char *name_base64,
                       const void *bytes, size_t size)
{
    if (is_text(bytes, size))
        json_text_bytes(json, name, bytes, size);
    else
        json_base64(json, name_base64, bytes, size);
}

static void json_id(struct json *json, const char *name, const uint8_t *id)
{
    char text[ROOST_ID_TEXT_LENGTH + 1];
    roost_id_format(id, text);
    json_text(json, name, text);
}

static void json_time(struct json *json, const char *name, uint64_t unix_ms)
{
    if (unix_ms)
        json_number(json, name, unix_ms);
}

static void json_some_text(struct json *json, const char *name, const char *text)
{
    if (text[0])
        json_text(json, name, text);
}

static void show_receipts_json(struct json *json, const struct roost_message *message)
{
    json_array(json, "receipts");
    for (size_t i = 0; i < message->receipt_count; i++) {
        const struct roost_receipt *receipt = &message->receipts[i];
        json_object(json, NULL);
        json_text(json, "level", receipt_level_name(receipt->level));
        json_text(json, "scope", receipt->scope);
        json_some_text(json, "peer", receipt->peer);
        json_number(json, "first_seq", receipt->first_seq);
        json_number(json, "last_seq", receipt->last_seq);
        json_time(json, "time_ms", receipt->time_ms);
        if (receipt->reason)
            json_text(json, "reason", roost_error_name(receipt->reason));
        json_array(json, "ids");
        for (size_t j = 0; j < receipt->message_id_count; j++)
            json_id(json, NULL, receipt->message_ids + j * ROOST_ID_BYTES);
        json_array_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void show_headers_json(struct json *json, const struct roost_message *message)
{
    json_object(json, "headers");
    for (size_t i = 0; i < message->header_count; i++) {
        const struct roost_header *header = &message->headers[i];
        json_bytes(json, header->name, header->name, header->value, header->value_size);
    }
    json_object_end(json);
}

static void show_changes_json(struct json *json, const struct roost_message *message)
{
    json_time(json, "edited_ms", message->edited_ms);
    json_time(json, "deleted_ms", message->deleted_ms);
    if (message->reaction_count == 0)
        return;
    json_array(json, "reactions");
    for (size_t i = 0; i < message->reaction_count; i++) {
        json_object(json, NULL);
        json_text(json, "emoji", message->reactions[i].emoji);
        json_number(json, "count", message->reactions[i].count);
        json_bool(json, "mine", message->reactions[i].is_mine);
        json_object_end(json);
    }
    json_array_end(json);
}

/* What a broker's message says is not to be read by everybody who reads JSON: its fields. */
static void show_invitation_json(struct json *json, const struct roost_message *message)
{
    struct roost_page *page;
    char id[ROOST_ID_TEXT_LENGTH + 1];
    if (roost_message_invitation(message, &page) != ROOST_OK)
        return;
    const struct roost_invitation *invitation = &page->invitations[0];
    roost_id_format(invitation->invitation_id, id);
    json_object(json, "invitation");
    json_text(json, "id", id);
    json_text(json, "room", invitation->scope);
    json_text(json, "inviter", invitation->inviter);
    json_text(json, "text", invitation->text);
    json_time(json, "expires_ms", invitation->expires_ms);
    json_object_end(json);
    roost_page_destroy(&page);
}

void show_message_json(struct json *json, const struct roost_message *message)
{
    char number[16];
    json_number(json, "seq", message->seq);
    if (message->kind != ROOST_KIND_RECEIPT)
        json_id(json, "id", message->message_id);
    json_text(json, "scope", message->scope);
    json_some_text(json, "sender", message->sender);
    json_text(json, "kind", kind_name(message->kind, number));
    json_time(json, "stored_ms", message->stored_ms);
    json_time(json, "created_ms", message->created_ms);
    json_time(json, "expires_ms", message->expires_ms);
    if (message->attempt > 0)
        json_number(json, "attempt", message->attempt);
    if (message->redelivered)
        json_bool(json, "redelivered", true);
    if (message->sender_unverified)
        json_bool(json, "sender_unverified", true);
    json_some_text(json, "content_type", message->content_type);
    json_some_text(json, "reply_to", message->reply_to);
    if (message->key_size)
        json_bytes(json, "key", "key_base64", message->key, message->key_size);
    if (message->correlation_id_size)
        json_bytes(json, "correlation_id", "correlation_id_base64", message->correlation_id,
                   message->correlation_id_size);
    if (message->priority)
        json_number(json, "priority", message->priority);
    if (message->parent_id)
        json_id(json, "parent_id", message->parent_id);
    if (message->header_count)
        show_headers_json(json, message);
    if (message->kind == ROOST_KIND_RECEIPT)
        show_receipts_json(json, message);
    show_changes_json(json, message);
    show_invitation_json(json, message);
    json_number(json, "size_bytes", message->body_size);
    json_bytes(json, "body", "body_base64", message->body, message->body_size);
}

/* --------------------------------------------------------------------------------- people */

static void show_receipts(const struct roost_message *message)
{
    for (size_t i = 0; i < message->receipt_count; i++) {
        const struct roost_receipt *receipt = &message->receipts[i];
        char time_text[TEXT_TIME_BYTES];
        char scope[300];
        char peer[300];
        (void)printf("%s  receipt  %s %s %" PRIu64 "-%" PRIu64 "%s%s\n",
                     text_time(receipt->time_ms, time_text), receipt_level_name(receipt->level),
                     text_escape(receipt->scope, strlen(receipt->scope), scope, sizeof(scope)),
                     receipt->first_seq, receipt->last_seq, receipt->peer[0] ? " by " : "",
                     text_escape(receipt->peer, strlen(receipt->peer), peer, sizeof(peer)));
    }
}

/* What is shown of it: its text, or what it says in the broker's words. */
static void show_body(const struct roost_message *message)
{
    struct roost_page *page;
    if (message->deleted_ms) {
        (void)printf("(deleted)");
    } else if (roost_message_invitation(message, &page) == ROOST_OK) {
        const struct roost_invitation *invitation = &page->invitations[0];
        (void)printf("invites you to ");
        text_escape_to(stdout, invitation->scope, strlen(invitation->scope), false);
        (void)printf("%s", invitation->text[0] ? ": " : "");
        text_escape_to(stdout, invitation->text, strlen(invitation->text), false);
        roost_page_destroy(&page);
    } else {
        text_escape_to(stdout, message->body, message->body_size, false);
    }
    (void)printf("%s", message->edited_ms && !message->deleted_ms ? "  (edited)" : "");
    for (size_t i = 0; i < message->reaction_count; i++) {
        const struct roost_reaction *reaction = &message->reactions[i];
        (void)printf("  ");
        text_escape_to(stdout, reaction->emoji, strlen(reaction->emoji), false);
        (void)printf(" %u", reaction->count);
    }
}

static void show_line(const struct cli *cli, const struct roost_message *message)
{
    char time_text[TEXT_TIME_BYTES];
    char size_text[TEXT_SIZE_BYTES];
    char number[16];
    char sender[300];
    (void)printf("%s  ", text_time(message->stored_ms, time_text));
    if (cli->shows_scope) {
        text_escape_to(stdout, message->scope, strlen(message->scope), false);
        (void)printf("  ");
    }
    (void)printf("%s%s  %s  %s%s  ",
                 text_escape(message->sender, strlen(message->sender), sender, sizeof(sender)),
                 message->sender_unverified ? "?" : "", kind_name(message->kind, number),
                 text_size(message->body_size, size_text), message->redelivered ? "  again" : "");
    show_body(message);
    (void)putchar('\n');
}

void show_message(const struct cli *cli, const struct roost_message *message)
{
    struct json json;
    if (cli->is_json) {
        json_begin(&json, stdout);
        json_object(&json, NULL);
        show_message_json(&json, message);
        json_object_end(&json);
        json_end_line(&json);
    } else if (message->kind == ROOST_KIND_RECEIPT) {
        show_receipts(message);
    } else {
        show_line(cli, message);
    }
    (void)fflush(stdout); /* whoever reads the pipe sees it now */
}

static void show_field(const char *name, const void *text, size_t size)
{
    if (size == 0)
        return;
    (void)printf("%-16s ", name);
    text_escape_to(stdout, text, size, false);
    (void)putchar('\n');
}

void show_message_fully(const struct cli *cli, const struct roost_message *message)
{
    char id[ROOST_ID_TEXT_LENGTH + 1];
    char time_text[TEXT_TIME_BYTES];
    char size_text[TEXT_SIZE_BYTES];
    char number[16];
    if (cli->is_json) {
        show_message(cli, message);
        return;
    }
    roost_id_format(message->message_id, id);
    (void)printf("%-16s %s\n%-16s %" PRIu64 "\n%-16s %s\n%-16s %s\n%-16s %s\n", "id", id, "seq",
                 message->seq, "kind", kind_name(message->kind, number), "stored",
                 text_time(message->stored_ms, time_text), "size",
                 text_size(message->body_size, size_text));
    show_field("scope", message->scope, strlen(message->scope));
    show_field("sender", message->sender, strlen(message->sender));
    show_field("content type", message->content_type, strlen(message->content_type));
    show_field("reply to", message->reply_to, strlen(message->reply_to));
    show_field("key", message->key, message->key_size);
    show_field("correlation id", message->correlation_id, message->correlation_id_size);
    for (size_t i = 0; i < message->header_count; i++) {
        char name[64];
        (void)text_escape(message->headers[i].name, strlen(message->headers[i].name), name,
                          sizeof(name));
        show_field(name, message->headers[i].value, message->headers[i].value_size);
    }
    (void)putchar('\n');
    text_escape_to(stdout, message->body, message->body_size, true);
    (void)putchar('\n');
}
