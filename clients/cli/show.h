/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages as people and programs see them: a line, or a JSON object.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "clients/c/roost.h"
#include "clients/cli/command.h"
#include "clients/cli/json.h"

/* "text", "action" ...; a number for a kind this version does not know, in `ret`. */
const char *kind_name(enum roost_kind kind, char ret[16]);
bool kind_parse(const char *text, enum roost_kind *ret);
const char *receipt_level_name(enum roost_receipt_level level);

/* Members of an object: everything of the message; a body that is no text as base64. */
void show_message_json(struct json *json, const struct roost_message *message);

/* One line: time, sender, kind, size, body; or one JSON object. */
void show_message(const struct cli *cli, const struct roost_message *message);

/* All of it, header by header, for `dead peek`. */
void show_message_fully(const struct cli *cli, const struct roost_message *message);

#endif
