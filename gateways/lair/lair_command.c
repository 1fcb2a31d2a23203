/* SPDX-License-Identifier: MPL-2.0
 *
 * See lair_command.h. The order of the table is the protocol's; a longer word comes before one it
 * begins with only where both could match.
 */
#include "gateways/lair/lair_command.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_DEFAULT 20
#define HISTORY_MAX     500

enum shape {
    EXACT,   /* the word is all */
    TRIMMED, /* the rest without white space around it */
    REST,    /* the rest as it is */
    LATEST,  /* trimmed; "LATEST" stands for none */
    PAIR,    /* first:second, the second may hold colons; ignored without a colon */
    CHANGE,  /* the same, but answered without one */
    NUMBER,
};

static const struct {
    const char *word;
    enum lair_command_kind kind;
    enum shape shape;
} commands[] = {
    {"CREATE_ROOM:", LAIR_CREATE_ROOM, TRIMMED},
    {"JOIN_ROOM:", LAIR_JOIN_ROOM, TRIMMED},
    {"LEAVE_ROOM", LAIR_LEAVE_ROOM, EXACT},
    {"LIST_ROOMS", LAIR_LIST_ROOMS, EXACT},
    {"DM:", LAIR_DM, PAIR},
    {"INVITE_USER:", LAIR_INVITE, PAIR},
    {"ACCEPT_INVITATION:", LAIR_ACCEPT, LATEST},
    {"DECLINE_INVITATION:", LAIR_DECLINE, LATEST},
    {"LIST_INVITATIONS", LAIR_LIST_INVITATIONS, EXACT},
    {"ACCEPT_ALL_INVITATIONS", LAIR_ACCEPT_ALL, EXACT},
    {"SHOW_HELP", LAIR_HELP, EXACT},
    {"REQUEST_USER_LIST", LAIR_USER_LIST, EXACT},
    {"EDIT_MESSAGE:", LAIR_EDIT, CHANGE},
    {"DELETE_MESSAGE:", LAIR_DELETE, TRIMMED},
    {"REACT_MESSAGE:", LAIR_REACT, CHANGE},
    {"UNREACT_MESSAGE:", LAIR_UNREACT, CHANGE},
    {"SEARCH_MESSAGES:", LAIR_SEARCH, REST},
    {"GET_HISTORY:", LAIR_HISTORY, NUMBER},
    {"REPLY_MESSAGE:", LAIR_REPLY, CHANGE},
    {"MARK_READ:", LAIR_MARK_READ, TRIMMED},
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct lair_text trim(struct lair_text text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static bool is_word(struct lair_text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* False: no colon. */
static bool split(struct lair_text text, struct lair_command *command)
{
    const char *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
    command->first = text;
    command->second = (struct lair_text){NULL, 0};
    if (!colon)
        return false;
    command->first.size = (size_t)(colon - text.data);
    command->second = (struct lair_text){colon + 1, text.size - command->first.size - 1};
    return true;
}

/* What cannot be read as a number is the default. */
static uint32_t parse_number(struct lair_text text)
{
    uint64_t number = 0;
    if (text.size == 0)
        return HISTORY_DEFAULT;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return HISTORY_DEFAULT;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
        if (number > HISTORY_MAX)
            number = HISTORY_MAX;
    }
    return (uint32_t)number;
}

static void read_arguments(struct lair_command *command, enum shape shape, struct lair_text rest)
{
    switch (shape) {
    case EXACT:
        break;
    case TRIMMED:
        command->first = trim(rest);
        break;
    case REST:
        command->first = rest;
        break;
    case LATEST:
        command->first = trim(rest);
        if (is_word(command->first, "LATEST"))
            command->first.size = 0;
        break;
    case PAIR:
        if (!split(rest, command))
            command->kind = LAIR_IGNORED;
        break;
    case CHANGE:
        (void)split(rest, command); /* incomplete: second.data stays NULL */
        break;
    case NUMBER:
        command->number = parse_number(trim(rest));
        break;
    }
}

struct lair_command lair_command_parse(const char *text, size_t size)
{
    struct lair_text whole = {text, size};
    struct lair_command command = {.kind = LAIR_CHAT, .first = whole};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t length = strlen(commands[i].word);
        bool is_this = commands[i].shape == EXACT
                           ? is_word(whole, commands[i].word)
                           : size >= length && memcmp(text, commands[i].word, length) == 0;
        if (!is_this)
            continue;
        command = (struct lair_command){.kind = commands[i].kind};
        read_arguments(&command, commands[i].shape,
                       (struct lair_text){text + length, size - length});
        return command;
    }
    return command;
}

bool lair_command_is_incomplete(const struct lair_command *command)
{
    bool has_two = command->kind == LAIR_EDIT || command->kind == LAIR_REACT ||
                   command->kind == LAIR_UNREACT || command->kind == LAIR_REPLY;
    return has_two && command->second.data == NULL;
}

/* --- Authentication. */

/* A copy, or NULL. A NUL inside is no valid name nor password. */
static char *copy_string(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return NULL;
    return strdup(json_string_value(value));
}

static bool read_type(const json_t *object, bool *ret_is_register)
{
    const char *type = json_string_value(json_object_get(object, "type")); /* NULL: no string */
    if (!type || (strcmp(type, "login") != 0 && strcmp(type, "register") != 0))
        return false;
    *ret_is_register = type[0] == 'r';
    return true;
}

enum err lair_auth_parse(const char *text, size_t size, struct lair_auth *ret)
{
    struct lair_auth auth = {.is_register = false};
    json_t *object = json_loadb(text, size, 0, NULL);
    const json_t *fingerprint = json_object_get(object, "fingerprint"); /* NULL of NULL */
    bool is_valid = json_is_object(object) && read_type(object, &auth.is_register) &&
                    (!fingerprint || json_is_string(fingerprint));
    if (is_valid) {
        auth.username = copy_string(object, "username");
        auth.password = copy_string(object, "password");
        is_valid = auth.username && auth.password;
    }
    json_decref(object);
    if (!is_valid) {
        lair_auth_fini(&auth);
        return ERR_PROTOCOL;
    }
    *ret = auth;
    return ERR_OK;
}

void lair_auth_fini(struct lair_auth *auth)
{
    if (auth->password)
        sodium_memzero(auth->password, strlen(auth->password));
    free(auth->username);
    free(auth->password);
    *auth = (struct lair_auth){0};
}
