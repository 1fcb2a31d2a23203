/* SPDX-License-Identifier: MPL-2.0
 *
 * See messages.h: the table, made from messages.def.
 */
#include "proto/messages.h"

const struct msg_type message_types[] = {
    [MSG_NONE] = {"NONE", NULL},
#define MESSAGE(NAME, Type, type, receivers)                                                       \
    [MSG_##NAME] = {#NAME, &roost__internal__##type##__descriptor},
#include "proto/messages.def"
#undef MESSAGE
};

const char *message_name(unsigned kind)
{
    return kind < MSG_COUNT ? message_types[kind].name : "?";
}
