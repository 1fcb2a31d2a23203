/* SPDX-License-Identifier: MPL-2.0
 *
 * roost invite list, send, accept, decline, revoke.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/commands.h"
#include "clients/cli/people.h"
#include "clients/cli/text.h"

/* ----------------------------------------------------------------------------------- list */

static size_t count_invitations(const struct roost_page *page)
{
    return page->invitation_count;
}

static void invitation_json(struct json *json, const struct roost_page *page, size_t index)
{
    const struct roost_invitation *invitation = &page->invitations[index];
    char id[ROOST_ID_TEXT_LENGTH + 1];
    roost_id_format(invitation->invitation_id, id);
    json_text(json, "id", id);
    json_text(json, "room", invitation->scope);
    json_text(json, "inviter", invitation->inviter);
    json_text(json, "invitee", invitation->invitee);
    json_text(json, "status", word_of(invitation_words, (int)invitation->status));
    json_text(json, "text", invitation->text);
    json_number(json, "created_ms", invitation->created_ms);
    json_number(json, "expires_ms", invitation->expires_ms);
    if (invitation->responded_ms)
        json_number(json, "responded_ms", invitation->responded_ms);
}

static void invitation_row(struct table *table, const struct roost_page *page, size_t index)
{
    const struct roost_invitation *invitation = &page->invitations[index];
    char id[ROOST_ID_TEXT_LENGTH + 1];
    roost_id_format(invitation->invitation_id, id);
    table_text(table, id);
    table_text(table, invitation->scope);
    table_text(table, invitation->inviter);
    table_text(table, invitation->invitee);
    table_text(table, word_of(invitation_words, (int)invitation->status));
    table_time(table, invitation->expires_ms);
    table_text(table, invitation->text);
}

static enum exit_code run_list(struct cli *cli)
{
    static const struct table_column columns[] = {
        {"ID", false, false},  {"ROOM", false, true},    {"FROM", false, true},
        {"TO", false, true},   {"STATUS", false, false}, {"EXPIRES", false, false},
        {"TEXT", false, true}, {NULL, false, false},
    };
    static const struct row_view view = {.what = "invite list",
                                         .empty = "no invitations",
                                         .columns = columns,
                                         .count = count_invitations,
                                         .json = invitation_json,
                                         .row = invitation_row,
                                         .is_by_seq = true};
    struct roost_session_info info;
    struct roost_query query = {.kind = ROOST_QUERY_INVITATIONS};
    if (option_is_given(cli, "sent")) {
        roost_session_info(cli->roost, &info);
        query.peer = info.peer;
    }
    return show_rows(cli, &query, &view, 0);
}

static const struct option_row list_options[] = {
    {"sent", 's', NULL, "those you sent, instead of those you got"},
    {NULL, 0, NULL, NULL},
};

static const char *const list_examples[] = {"roost invite list", "roost invite list --sent", NULL};

const struct command invite_list_command = {
    .name = "invite list",
    .summary = "invitations that wait for your answer",
    .usage = "",
    .options = list_options,
    .examples = list_examples,
    .needs_session = true,
    .run = run_list,
};

/* ----------------------------------------------------------------------------------- send */

static enum exit_code run_send(struct cli *cli)
{
    char room[300];
    char id[ROOST_ID_TEXT_LENGTH + 1] = "";
    struct roost_reply *reply;
    struct roost_call call = {.method = ROOST_METHOD_INVITE,
                              .scope = room_of(cli->positional[0], room),
                              .peer = cli->positional[1],
                              .text = cli->positional_count > 2 ? cli->positional[2] : NULL};
    enum roost_error error = roost_call_reply(cli->roost, &call, cli->timeout_ms, &reply);
    if (error)
        return fail_with(cli, cli->positional[1], error);
    if (reply->invitation_id)
        roost_id_format(reply->invitation_id, id);
    roost_reply_destroy(&reply);
    if (cli->is_json) {
        struct json json;
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_text(&json, "id", id);
        json_object_end(&json);
        json_end_line(&json);
    } else if (!cli->is_quiet) {
        (void)printf("invited, %s\n", id);
    }
    return EXIT_OK;
}

static const char *const send_examples[] = {"roost invite send kitchen bob 'come and eat'", NULL};

const struct command invite_send_command = {
    .name = "invite send",
    .summary = "ask a peer into a room",
    .usage = "ROOM PEER [TEXT]",
    .details = "The peer also finds it in his mailbox, now or when he comes back.",
    .positional_min = 2,
    .positional_max = 3,
    .examples = send_examples,
    .needs_session = true,
    .run = run_send,
};

/* ------------------------------------------------------------------------ accept, decline */

static bool take_id(struct cli *cli, struct roost_call *call, uint8_t id[ROOST_ID_BYTES])
{
    const char *text = option_text(cli, "id", NULL);
    if (!text)
        return true;
    if (!roost_id_parse(text, id)) {
        complain(cli, "'%s' is no invitation's id", text);
        return false;
    }
    call->invitation_id = id;
    return true;
}

static void show_answer(const struct cli *cli, const struct roost_reply *reply, const char *done)
{
    struct json json;
    char escaped[600];
    if (cli->is_json) {
        json_begin(&json, stdout);
        json_object(&json, NULL);
        json_array(&json, done);
        for (size_t i = 0; i < reply->scope_count; i++)
            json_text(&json, NULL, reply->scopes[i]);
        json_array_end(&json);
        json_number(&json, "count", reply->count);
        json_number(&json, "failed", reply->failed);
        json_object_end(&json);
        json_end_line(&json);
        return;
    }
    for (size_t i = 0; i < reply->scope_count; i++)
        (void)printf(
            "%s %s\n", done,
            text_escape(reply->scopes[i], strlen(reply->scopes[i]), escaped, sizeof(escaped)));
    if (reply->scope_count == 0 && !cli->is_quiet)
        (void)printf("%" PRIu64 " %s\n", reply->count, done);
    if (reply->failed)
        (void)printf("%u could not be accepted\n", reply->failed);
}

static enum exit_code answer(struct cli *cli, enum roost_method method, const char *done)
{
    char room[300];
    uint8_t id[ROOST_ID_BYTES];
    struct roost_reply *reply;
    struct roost_call call = {.method = method, .all = option_is_given(cli, "all")};
    if (cli->positional_count > 0)
        call.scope = room_of(cli->positional[0], room);
    if (!take_id(cli, &call, id))
        return EXIT_USAGE;
    if ((call.scope != NULL) + (call.invitation_id != NULL) + call.all > 1) {
        complain(cli, "name a room, or give --id, or --all");
        return EXIT_USAGE;
    }
    enum roost_error error = roost_call_reply(cli->roost, &call, cli->timeout_ms, &reply);
    if (error)
        return fail_with(cli, "invitation", error);
    show_answer(cli, reply, done);
    roost_reply_destroy(&reply);
    return EXIT_OK;
}

static enum exit_code run_accept(struct cli *cli)
{
    return answer(cli, ROOST_METHOD_INVITE_ACCEPT, "joined");
}

static enum exit_code run_decline(struct cli *cli)
{
    return answer(cli, ROOST_METHOD_INVITE_DECLINE, "declined");
}

static const struct option_row answer_options[] = {
    {"id", 0, "ID", "the one of this id (roost invite list)"},
    {"all", 0, NULL, "all of them"},
    {NULL, 0, NULL, NULL},
};

static const char *const accept_examples[] = {"roost invite accept            # the newest",
                                              "roost invite accept kitchen",
                                              "roost invite accept --all", NULL};

const struct command invite_accept_command = {
    .name = "invite accept",
    .summary = "say yes: you are a member then",
    .usage = "[ROOM]",
    .positional_max = 1,
    .options = answer_options,
    .examples = accept_examples,
    .needs_session = true,
    .run = run_accept,
};

const struct command invite_decline_command = {
    .name = "invite decline",
    .summary = "say no",
    .usage = "[ROOM]",
    .positional_max = 1,
    .options = answer_options,
    .needs_session = true,
    .run = run_decline,
};

/* --------------------------------------------------------------------------------- revoke */

static enum exit_code run_revoke(struct cli *cli)
{
    char room[300];
    uint8_t id[ROOST_ID_BYTES];
    struct roost_call call = {.method = ROOST_METHOD_INVITE_REVOKE};
    if (!take_id(cli, &call, id))
        return EXIT_USAGE;
    if ((cli->positional_count == 2) == (call.invitation_id != NULL)) {
        complain(cli, "name a room and a peer, or give --id");
        return EXIT_USAGE;
    }
    if (!call.invitation_id) {
        call.scope = room_of(cli->positional[0], room);
        call.peer = cli->positional[1];
    }
    return call_and_say(cli, &call, "revoked", call.peer ? call.peer : option_text(cli, "id", ""));
}

static const struct option_row revoke_options[] = {
    {"id", 0, "ID", "the one of this id (roost invite list --sent)"},
    {NULL, 0, NULL, NULL},
};

static const char *const revoke_examples[] = {"roost invite revoke kitchen bob", NULL};

const struct command invite_revoke_command = {
    .name = "invite revoke",
    .summary = "take an invitation back",
    .usage = "[ROOM PEER]",
    .positional_max = 2,
    .options = revoke_options,
    .examples = revoke_examples,
    .needs_session = true,
    .run = run_revoke,
};
