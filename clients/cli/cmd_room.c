/* SPDX-License-Identifier: MPL-2.0
 *
 * roost room list, create, set, join, leave, members, role, archive.
 */
#include <stdio.h>
#include <string.h>

#include "clients/cli/commands.h"
#include "clients/cli/people.h"
#include "clients/cli/secret.h"

#define ROOM_OPTIONS                                                                               \
    {"privacy", 'p', "WORD", "public, private (by invitation), protected (password), open"},       \
        {"room-password-file", 0, "FILE", "with the password of a protected one; - is the input"}, \
        {"title", 0, "TEXT", "the name that is shown"},                                            \
        {"topic", 0, "TEXT", "what is talked about now"},                                          \
        {"description", 0, "TEXT", "what the room is for"},                                        \
        {"retention", 0, "SECONDS", "how long its messages are kept"},

/* ----------------------------------------------------------------------------------- list */

static size_t count_rooms(const struct roost_page *page)
{
    return page->room_count;
}

static void room_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_room *room = &page->rooms[index];
    json_text(json, "name", room->name);
    if (room->display_name[0])
        json_text(json, "title", room->display_name);
    json_text(json, "topic", room->topic);
    json_text(json, "description", room->description);
    json_text(json, "privacy", word_of(privacy_words, (int)room->privacy));
    json_number(json, "members", room->members);
    json_text(json, "my_role", word_of(room_role_words, (int)room->my_role));
    json_text(json, "creator", room->creator);
    json_number(json, "created_ms", room->created_ms);
    if (room->retention_ms)
        json_number(json, "retention_ms", room->retention_ms);
    json_bool(json, "archived", room->is_archived);
    json_number(json, "last_seq", room->last_seq);
}

static void room_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_room *room = &page->rooms[index];
    table_text(table, room->name);
    table_text(table, room->is_archived ? "archived" : word_of(privacy_words, (int)room->privacy));
    table_number(table, room->members);
    table_text(table, room->my_role ? word_of(room_role_words, (int)room->my_role) : "");
    table_text(table, room->topic[0] ? room->topic : room->description);
}

static enum exit_code run_list(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"ROOM", false, true},     {"PRIVACY", false, false}, {"MEMBERS", true, false},
        {"YOU ARE", false, false}, {"TOPIC", false, true},    {NULL, false, false},
    };
    static const struct row_view view = {.what = "room list",
                                         .empty = "no rooms",
                                         .columns = columns,
                                         .count = count_rooms,
                                         .json = room_json,
                                         .row = room_row};
    struct roost_query query = {.kind = ROOST_QUERY_ROOMS,
                                .online_only = option_is_given(cli, "mine")};
    return show_rows(cli, &query, &view, 0);
}

static const struct option_row list_options[] = {
    {"mine", 'm', NULL, "only those you are a member of"},
    {NULL, 0, NULL, NULL},
};

static const char *const list_examples[] = {"roost room list", "roost room list --mine --json",
                                            NULL};

const struct command room_list_command = {
    .name = "room list",
    .summary = "rooms you may see",
    .usage = "",
    .details = "Private rooms are listed for their members and administrators only.",
    .options = list_options,
    .examples = list_examples,
    .needs_session = true,
    .run = run_list,
};

/* -------------------------------------------------------------------------- create and set */

/* The fields that the options name. False: one of them is wrong, and was complained about. */
static bool take_fields(struct cli *cli, struct roost_call *call, char *password)
{
    int privacy = ROOST_PRIVACY_NONE;
    const char *word = option_text(cli, "privacy", NULL);
    if (word && !word_parse(cli, privacy_words, "privacy", word, &privacy))
        return false;
    call->privacy = (enum roost_privacy)privacy;
    call->display_name = option_text(cli, "title", NULL);
    call->topic = option_text(cli, "topic", NULL);
    call->description = option_text(cli, "description", NULL);
    if (!option_seconds(cli, "retention", 0, &call->retention_ms))
        return false;
    if (option_is_given(cli, "retention") && call->retention_ms == 0) {
        complain(cli, "0 seconds would keep nothing; without a time of its own a room keeps its"
                      " messages like everything else: leave --retention out, or take it back with"
                      " 'roost room set ROOM --clear retention'");
        return false;
    }
    bool is_asked = privacy == ROOST_PRIVACY_PROTECTED;
    if (!is_asked && !option_is_given(cli, "room-password-file"))
        return true;
    call->password = password;
    return secret_take(cli, "room-password-file", "password of the room", true, password);
}

static enum exit_code change(struct cli *cli, struct roost_call *call, const char *done)
{
    char room[300];
    char password[SECRET_BYTES_MAX + 1] = "";
    call->scope = room_of(cli->positional[0], room);
    enum exit_code code = EXIT_USAGE;
    if (take_fields(cli, call, password))
        code = call_and_say(cli, call, done, room);
    secret_wipe(password);
    return code;
}

static enum exit_code run_create(struct cli *cli)
{
    struct roost_call call = {.method = ROOST_METHOD_ROOM_CREATE};
    return change(cli, &call, "created");
}

static const struct option_row create_options[] = {ROOM_OPTIONS{NULL, 0, NULL, NULL}};

static const char *const create_examples[] = {
    "roost room create kitchen --topic 'what is for dinner'",
    "roost room create board --privacy private",
    "roost room create club --privacy protected       # asks for the password", NULL};

const struct command room_create_command = {
    .name = "room create",
    .summary = "make a room; you become its owner",
    .usage = "ROOM",
    .details = "Then send to it and read it as room:ROOM, with the usual commands:\n"
               "  roost send room:kitchen 'soup is ready'\n"
               "  roost history room:kitchen",
    .positional_min = 1,
    .positional_max = 1,
    .options = create_options,
    .examples = create_examples,
    .needs_session = true,
    .run = run_create,
};

static const struct option_row set_options[] = {
    ROOM_OPTIONS{"clear", 0, "FIELD", "empty title, topic, description or retention"},
    {NULL, 0, NULL, NULL}};

static bool says_what(const struct cli *cli)
{
    for (const struct option_row *row = set_options; row->name; row++) {
        if (option_is_given(cli, row->name))
            return true;
    }
    complain(cli,
             "say what to change: --topic TEXT, --privacy WORD ...; see 'roost help room set'");
    return false;
}

static enum exit_code run_set(struct cli *cli)
{
    static const struct word fields[] = {{"title", ROOST_CLEAR_DISPLAY_NAME},
                                         {"topic", ROOST_CLEAR_TOPIC},
                                         {"description", ROOST_CLEAR_DESCRIPTION},
                                         {"retention", ROOST_CLEAR_RETENTION},
                                         {NULL, 0}};
    struct roost_call call = {.method = ROOST_METHOD_ROOM_UPDATE};
    size_t position = 0;
    if (!says_what(cli))
        return EXIT_USAGE;
    for (const char *name; (name = option_each(cli, "clear", &position)) != NULL;) {
        int bit;
        if (!word_parse(cli, fields, "field", name, &bit))
            return EXIT_USAGE;
        call.clear |= (uint32_t)bit;
    }
    return change(cli, &call, "changed");
}

static const char *const set_examples[] = {"roost room set kitchen --topic 'soup is ready'",
                                           "roost room set kitchen --clear topic", NULL};

const struct command room_set_command = {
    .name = "room set",
    .summary = "change topic, privacy ... of a room",
    .usage = "ROOM",
    .details = "Owners may change everything, moderators the topic. What is not named stays.",
    .positional_min = 1,
    .positional_max = 1,
    .options = set_options,
    .examples = set_examples,
    .needs_session = true,
    .run = run_set,
};

/* -------------------------------------------------------------------- join, leave, archive */

static enum exit_code run_join(struct cli *cli)
{
    char room[300];
    char password[SECRET_BYTES_MAX + 1] = "";
    struct roost_call call = {.method = ROOST_METHOD_ROOM_JOIN,
                              .scope = room_of(cli->positional[0], room)};
    if (option_is_given(cli, "room-password-file") || option_is_given(cli, "ask")) {
        if (!secret_take(cli, "room-password-file", "password of the room", false, password))
            return EXIT_USAGE;
        call.password = password;
    }
    enum exit_code code = call_and_say(cli, &call, "joined", room);
    secret_wipe(password);
    return code;
}

static const struct option_row join_options[] = {
    {"ask", 0, NULL, "ask for the password of the room"},
    {"room-password-file", 0, "FILE", "with the password of the room; - is the input"},
    {NULL, 0, NULL, NULL},
};

static const char *const join_examples[] = {"roost room join kitchen", "roost room join club --ask",
                                            NULL};

const struct command room_join_command = {
    .name = "room join",
    .summary = "become a member",
    .usage = "ROOM",
    .details = "Joining again is no error. A private room needs an invitation (roost invite).",
    .positional_min = 1,
    .positional_max = 1,
    .options = join_options,
    .examples = join_examples,
    .needs_session = true,
    .run = run_join,
};

static enum exit_code run_leave(struct cli *cli)
{
    char room[300];
    struct roost_call call = {.method = ROOST_METHOD_ROOM_LEAVE,
                              .scope = room_of(cli->positional[0], room)};
    return call_and_say(cli, &call, "left", room);
}

const struct command room_leave_command = {
    .name = "room leave",
    .summary = "be a member no longer",
    .usage = "ROOM",
    .details = "What waits for you in the room goes, too.",
    .positional_min = 1,
    .positional_max = 1,
    .needs_session = true,
    .run = run_leave,
};

static enum exit_code run_archive(struct cli *cli)
{
    char room[300];
    struct roost_call call = {.method = ROOST_METHOD_ROOM_ARCHIVE,
                              .scope = room_of(cli->positional[0], room)};
    return call_and_say(cli, &call, "archived", room);
}

const struct command room_archive_command = {
    .name = "room archive",
    .summary = "close a room for writing, for good",
    .usage = "ROOM",
    .details = "Its members can still read it.",
    .positional_min = 1,
    .positional_max = 1,
    .needs_session = true,
    .run = run_archive,
};

/* -------------------------------------------------------------------------------- members */

static size_t count_members(const struct roost_page *page)
{
    return page->member_count;
}

static void member_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_member *member = &page->members[index];
    json_text(json, "peer", member->peer);
    json_text(json, "role", word_of(room_role_words, (int)member->role));
    json_number(json, "joined_ms", member->joined_ms);
    json_bool(json, "online", member->is_online);
}

static void member_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_member *member = &page->members[index];
    table_text(table, member->peer);
    table_text(table, word_of(room_role_words, (int)member->role));
    table_text(table, member->is_online ? "online" : "offline");
    table_time(table, member->joined_ms);
}

static enum exit_code run_members(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"PEER", false, true},    {"ROLE", false, false}, {"STATE", false, false},
        {"JOINED", false, false}, {NULL, false, false},
    };
    static const struct row_view view = {.what = "room members",
                                         .empty = "nobody is a member",
                                         .columns = columns,
                                         .count = count_members,
                                         .json = member_json,
                                         .row = member_row};
    char room[300];
    struct roost_query query = {.kind = ROOST_QUERY_MEMBERS,
                                .scope = room_of(cli->positional[0], room)};
    return show_rows(cli, &query, &view, 0);
}

const struct command room_members_command = {
    .name = "room members",
    .summary = "who is in a room",
    .usage = "ROOM",
    .positional_min = 1,
    .positional_max = 1,
    .needs_session = true,
    .run = run_members,
};

static enum exit_code run_role(struct cli *cli)
{
    char room[300];
    int role;
    if (!word_parse(cli, room_role_words, "role", cli->positional[2], &role))
        return EXIT_USAGE;
    struct roost_call call = {.method = ROOST_METHOD_MEMBER_ROLE,
                              .scope = room_of(cli->positional[0], room),
                              .peer = cli->positional[1],
                              .room_role = (enum roost_room_role)role};
    return call_and_say(cli, &call, role ? cli->positional[2] : "removed", cli->positional[1]);
}

static const char *const role_examples[] = {"roost room role kitchen bob moderator",
                                            "roost room role kitchen mallory banned",
                                            "roost room role kitchen carol none", NULL};

const struct command room_role_command = {
    .name = "room role",
    .summary = "what a member may do; remove or ban one",
    .usage = "ROOM PEER ROLE",
    .details = "  owner      everything\n"
               "  moderator  the topic; deletes messages, removes and bans members\n"
               "  member     reads, writes and invites\n"
               "  reader     reads\n"
               "  banned     is kept out\n"
               "  none       is no member; may join again",
    .positional_min = 3,
    .positional_max = 3,
    .examples = role_examples,
    .needs_session = true,
    .run = run_role,
};
