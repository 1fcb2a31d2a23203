/* SPDX-License-Identifier: MPL-2.0
 *
 * Rows of other programs' databases with anything in any column (clients/import/lair_map.h, gigi_map.h,
 * feiqiu_map.h). Holds what becomes of them to what the writer behind it may be given:
 *   - a row that is not taken over says why; one that is was not skipped
 *   - texts are UTF-8 without NUL, within their bounds; names are names, hashes are hashes, times are
 *     times, words of enumerations are among those there are
 *   - the same row becomes the same a second time
 *
 * The first byte is the table; then for each column a byte for what it is, and its value.
 */
#include <stdint.h>

#include "bytes.h"
#include "clients/import/feiqiu_map.h"
#include "clients/import/gigi_map.h"
#include "clients/import/lair_map.h"
#include "phc.h"
#include "plain.h"
#include "proto/name.h"
#include "store/reactions.h"

#define NOW_MS 1800000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- Rows. */

struct made {
    struct foreign_value values[FOREIGN_COLUMNS_MAX];
    struct foreign_row row;
};

/* Values that get somewhere, so that few bytes do. */
static const char *const known[] = {
    "018f6f2e-7d3a-4c31-9b1e-0123456789ab",
    "ana",
    "direct_message",
    "private",
    "owner",
    "encrypted",
    "pending",
    "room_invitation",
    "ban",
    "mute",
    "\"Group\"",
    "Received",
    "\"Sent\"",
    "InProgress",
    "{\"type\":\"Text\",\"text\":\"a\\u0000b\"}",
    "{\"FileShare\":{\"share_code\":\"c\",\"filename\":\"f\",\"file_size\":1,\"file_type\":\"t\"}}",
    "{\"group_id\":\"g\",\"group_name\":\"n\",\"inviter_nickname\":\"i\"}",
    "ShareGroup",
    "192.0.2.1",
    "2026-01-31 12:34:56.789",
    "[\"a\"]",
    "{\"display_name\":\"Ana\"}",
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng",
    "Direct",
};

static struct foreign_value take_value(struct bytes *input, char **ret_copy)
{
    uint8_t how = bytes_u8(input);
    struct foreign_value value = {.type = FOREIGN_NULL};
    if (how < sizeof(known) / sizeof(known[0]))
        return (struct foreign_value){
            .type = FOREIGN_TEXT, .text = known[how], .size = strlen(known[how])};
    switch (how % 8) {
    case 0:
        return (struct foreign_value){.type = FOREIGN_INTEGER, .number = bytes_u8(input) % 4};
    case 1:
        return (struct foreign_value){.type = FOREIGN_INTEGER, .number = 1700000000};
    case 2:
        return (struct foreign_value){.type = FOREIGN_INTEGER, .number = (int64_t)bytes_u64(input)};
    case 3:
        return (struct foreign_value){.type = FOREIGN_REAL};
    case 4:
    case 5:
    case 6: {
        struct bytes text = bytes_take(input, bytes_u8(input) * (size_t)(how & 0x80 ? 9 : 1));
        *ret_copy = bytes_copy(text, false);
        value = (struct foreign_value){.type = how % 8 == 6 ? FOREIGN_BLOB : FOREIGN_TEXT,
                                       .text = *ret_copy,
                                       .size = text.left};
        return value;
    }
    default:
        return value;
    }
}

/* --- What may come of them. */

static void check_text(struct text text, size_t most)
{
    uint32_t code;
    CHECK(text.data && text.size <= most);
    for (size_t i = 0, step; i < text.size; i += step) {
        step = plain_char((const uint8_t *)text.data + i, text.size - i, &code);
        CHECK(step > 0 && code != 0);
    }
}

/* For people to read. */
static void check_shown(const char *text, size_t room)
{
    size_t size = strnlen(text, room);
    CHECK(size < room && name_check_text(text, size, NULL) == ERR_OK);
}

static void check_ms(int64_t ms)
{
    CHECK(ms >= 0 && ms <= (int64_t)WIRE_TIME_MS_MAX);
}

static void check_user(const struct lair_user *user)
{
    struct phc_cost cost;
    CHECK(name_check_user(user->name.data, user->name.size, NULL) == ERR_OK);
    CHECK(user->role >= ACCOUNT_GUEST && user->role <= ACCOUNT_ADMIN);
    check_text(user->email, WIRE_TEXT_BYTES_MAX);
    check_text(user->profile, 65536);
    check_shown(user->display_name, sizeof(user->display_name));
    CHECK(!user->password_hash[0] ||
          phc_check(user->password_hash, strlen(user->password_hash), &cost) == ERR_OK);
    check_ms(user->created_ms);
    check_ms(user->last_seen_ms);
}

static void check_room(const struct lair_room *room)
{
    check_text(room->name, 65536);
    CHECK(room->name.size > 0);
    if (room->is_direct)
        return;
    CHECK(room->name.size <= WIRE_NAME_BYTES_MAX);
    CHECK(room->is_closed == (room->privacy != ROOM_PUBLIC));
    check_shown(room->display_name, sizeof(room->display_name));
    check_shown(room->topic, sizeof(room->topic));
    check_shown(room->description, sizeof(room->description));
    check_ms(room->created_ms);
}

static void check_message(const struct lair_message *message)
{
    check_text(message->body, WIRE_BODY_BYTES_DEFAULT);
    check_text(message->metadata, WIRE_HEADER_VALUE_BYTES_MAX);
    CHECK(!message->is_deleted || message->body.size == 0);
    CHECK(!message->is_deleted || message->deleted_ms >= 0);
    CHECK(strlen(message->content_type) <= WIRE_CONTENT_TYPE_BYTES_MAX);
    check_ms(message->created_ms);
    check_ms(message->edited_ms);
    check_ms(message->deleted_ms);
}

static void check_invitation(const struct lair_invitation *invitation)
{
    CHECK(invitation->status >= INVITATION_PENDING && invitation->status <= INVITATION_EXPIRED);
    bool is_over = invitation->expires_ms && invitation->expires_ms <= NOW_MS;
    CHECK(!is_over || invitation->status != INVITATION_PENDING);
    check_shown(invitation->text, sizeof(invitation->text));
    check_ms(invitation->created_ms);
    check_ms(invitation->responded_ms);
}

static void check_restriction(const struct lair_restriction *restriction)
{
    bool is_ban = restriction->role == MEMBER_BANNED;
    CHECK(is_ban || (restriction->role == MEMBER_READER && restriction->has_room));
    CHECK(restriction->until_ms > NOW_MS);
    check_ms(restriction->until_ms);
    check_shown(restriction->reason, sizeof(restriction->reason));
}

static void check_audit(const struct lair_audit *audit)
{
    check_text((struct text){audit->action, strlen(audit->action)}, sizeof(audit->action) - 1);
    check_text((struct text){audit->target_type, strlen(audit->target_type)},
               sizeof(audit->target_type) - 1);
    check_text((struct text){audit->detail, strlen(audit->detail)}, sizeof(audit->detail) - 1);
    CHECK(strncmp(audit->detail, LAIR_AUDIT_MARK, strlen(LAIR_AUDIT_MARK)) == 0);
    check_ms(audit->at_ms);
}

static void check_gigi(const struct gigi_message *message)
{
    uint32_t code;
    check_text(message->sender, WIRE_NAME_BYTES_MAX);
    check_text(message->recipient, WIRE_NAME_BYTES_MAX);
    check_text(message->group, WIRE_NAME_BYTES_MAX);
    CHECK(message->is_sent || message->sender.size > 0);
    CHECK(!message->is_group || message->group.size > 0);
    CHECK(message->body.size <= WIRE_BODY_BYTES_DEFAULT);
    for (size_t i = 0, step; i < message->body.size; i += step) {
        step = plain_char((const uint8_t *)message->body.data + i, message->body.size - i, &code);
        CHECK(step > 0);
    }
    if (message->content_type[0])
        CHECK(plain_is_json(message->body.data, message->body.size));
    check_ms(message->created_ms);
    check_ms(message->read_ms);
}

static void check_peer(const struct feiqiu_peer *peer)
{
    char ip[ADDRESS_IP_BYTES];
    CHECK(name_check(peer->name, strlen(peer->name), NULL) == ERR_OK);
    CHECK(name_is_reserved(peer->name, strlen(peer->name)));
    check_shown(peer->host_name, sizeof(peer->host_name));
    check_shown(peer->nickname, sizeof(peer->nickname));
    check_text(peer->avatar, 65536);
    check_text(peer->groups, 65536);
    CHECK(peer->groups.size == 0 || plain_is_json(peer->groups.data, peer->groups.size));
    CHECK(!peer->ip[0] || (address_plain_ip(peer->ip, ip) && strcmp(ip, peer->ip) == 0));
    CHECK(peer->port <= UINT16_MAX && peer->last_seen_ms >= 0 && peer->last_seen_ms <= NOW_MS);
}

/* --- One of each table. */

typedef bool map_row(const struct foreign_row *row, struct verdict *verdict);

#define LAIR(table, check, ...)                                                                    \
    static bool map_##table(const struct foreign_row *row, struct verdict *verdict)                \
    {                                                                                              \
        struct lair_##check ret;                                                                   \
        bool is_taken = lair_map_##table(row, __VA_ARGS__ & ret, verdict);                         \
        if (is_taken)                                                                              \
            check_##check(&ret);                                                                   \
        return is_taken;                                                                           \
    }

#define WITH_NOW NOW_MS,

LAIR(user, user)
LAIR(room, room)
LAIR(message, message)
LAIR(invitation, invitation, WITH_NOW)
LAIR(room_invite, invitation, WITH_NOW)
LAIR(restriction, restriction, WITH_NOW)
LAIR(audit, audit)

static bool map_member(const struct foreign_row *row, struct verdict *verdict)
{
    struct lair_member member;
    bool is_taken = lair_map_member(row, &member, verdict);
    if (is_taken)
        CHECK(member.role == MEMBER_OWNER || member.role == MEMBER_MODERATOR ||
              member.role == MEMBER_MEMBER || member.role == MEMBER_READER);
    return is_taken;
}

static bool map_reaction(const struct foreign_row *row, struct verdict *verdict)
{
    struct lair_mark mark;
    bool is_taken = lair_map_reaction(row, &mark, verdict);
    if (is_taken)
        CHECK(mark.emoji.size > 0 && mark.emoji.size <= REACTION_BYTES_MAX &&
              name_check_text(mark.emoji.data, mark.emoji.size, NULL) == ERR_OK);
    return is_taken;
}

static bool map_receipt(const struct foreign_row *row, struct verdict *verdict)
{
    struct lair_mark mark;
    bool is_taken = lair_map_receipt(row, &mark, verdict);
    if (is_taken)
        check_ms(mark.at_ms);
    return is_taken;
}

static bool map_gigi(const struct foreign_row *row, struct verdict *verdict)
{
    struct gigi_message message;
    bool is_taken = gigi_map_message(row, &message, verdict);
    if (is_taken)
        check_gigi(&message);
    gigi_message_fini(&message);
    return is_taken;
}

static bool map_queued(const struct foreign_row *row, struct verdict *verdict)
{
    struct gigi_queued queued;
    bool is_taken = gigi_map_queued(row, NOW_MS, &queued, verdict);
    if (is_taken) {
        check_text(queued.target, WIRE_NAME_BYTES_MAX);
        bool is_over = queued.expires_ms && queued.expires_ms <= NOW_MS;
        CHECK(!is_over || queued.status != GIGI_WAITING);
    }
    return is_taken;
}

static bool map_acknowledgment(const struct foreign_row *row, struct verdict *verdict)
{
    struct gigi_acknowledgment acknowledgment;
    bool is_taken = gigi_map_acknowledgment(row, &acknowledgment, verdict);
    if (is_taken)
        check_text(acknowledgment.peer, WIRE_NAME_BYTES_MAX);
    return is_taken;
}

static bool map_feiqiu(const struct foreign_row *row, struct verdict *verdict)
{
    struct feiqiu_peer peer;
    bool is_taken = feiqiu_map_peer(row, NOW_MS, &peer, verdict);
    if (is_taken)
        check_peer(&peer);
    return is_taken;
}

static const struct {
    enum foreign_table table;
    enum foreign_column begin;
    map_row *map;
} tables[] = {
    {FOREIGN_lair_users, FOREIGN_lair_users_begin, map_user},
    {FOREIGN_lair_rooms, FOREIGN_lair_rooms_begin, map_room},
    {FOREIGN_lair_members, FOREIGN_lair_members_begin, map_member},
    {FOREIGN_lair_messages, FOREIGN_lair_messages_begin, map_message},
    {FOREIGN_lair_reactions, FOREIGN_lair_reactions_begin, map_reaction},
    {FOREIGN_lair_receipts, FOREIGN_lair_receipts_begin, map_receipt},
    {FOREIGN_lair_invitations, FOREIGN_lair_invitations_begin, map_invitation},
    {FOREIGN_lair_room_invites, FOREIGN_lair_room_invites_begin, map_room_invite},
    {FOREIGN_lair_moderation, FOREIGN_lair_moderation_begin, map_restriction},
    {FOREIGN_lair_audit_log, FOREIGN_lair_audit_log_begin, map_audit},
    {FOREIGN_lair_audit_logs, FOREIGN_lair_audit_logs_begin, map_audit},
    {FOREIGN_gigi_messages, FOREIGN_gigi_messages_begin, map_gigi},
    {FOREIGN_gigi_queue, FOREIGN_gigi_queue_begin, map_queued},
    {FOREIGN_gigi_acknowledgments, FOREIGN_gigi_acknowledgments_begin, map_acknowledgment},
    {FOREIGN_feiqiu_peers, FOREIGN_feiqiu_peers_begin, map_feiqiu},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct made made;
    char *copies[FOREIGN_COLUMNS_MAX] = {NULL};
    size_t table = bytes_u8(&input) % (sizeof(tables) / sizeof(tables[0]));
    for (size_t i = 0; i < FOREIGN_COLUMNS_MAX; i++)
        made.values[i] = take_value(&input, &copies[i]);
    made.row = (struct foreign_row){.table = tables[table].table,
                                    .rowid = 7,
                                    .values = made.values,
                                    .begin = tables[table].begin};
    struct verdict verdict = {.outcome = ROW_ADDED}, again = {.outcome = ROW_ADDED};
    bool is_taken = tables[table].map(&made.row, &verdict);
    CHECK(is_taken == (verdict.outcome == ROW_ADDED));
    CHECK(is_taken || verdict.text[0]);
    CHECK(memchr(verdict.text, '\0', sizeof(verdict.text)));
    CHECK(tables[table].map(&made.row, &again) == is_taken);
    CHECK(strcmp(verdict.text, again.text) == 0);
    for (size_t i = 0; i < FOREIGN_COLUMNS_MAX; i++)
        free(copies[i]);
    return 0;
}
