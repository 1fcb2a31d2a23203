/* SPDX-License-Identifier: MPL-2.0
 *
 * Every text the gateway says, byte for byte as section 6 of the protocol has it, as formats for
 * lair_say() and lair_tell_all(). %T is a struct lair_text. Texts of our own (marked) keep out of
 * the shapes the client drops: they begin with SYSTEM_MESSAGE: or a documented prefix.
 */
#ifndef GATEWAYS_LAIR_LAIR_TEXT_H
#define GATEWAYS_LAIR_LAIR_TEXT_H

#define TEXT_WELCOME      "Welcome to The Lair! Please login or register."
#define TEXT_AUTH_INVALID "Invalid authentication request"
#define TEXT_AUTH_OK      "Authentication successful! Welcome to The Lair!"
#define TEXT_AUTH_UNKNOWN "Authentication failed: User not found"
#define TEXT_AUTH_WRONG   "Authentication failed: Invalid credentials"
#define TEXT_AUTH_TAKEN   "Authentication failed: Username already taken"
#define TEXT_AUTH_LIMIT   "Authentication failed: Rate limit exceeded"
#define TEXT_AUTH_BAD_NAME                                                                         \
    "Authentication failed: A user name must not be empty nor contain commas, colons, blanks or "  \
    "control characters"
#define TEXT_AUTH_PASSWORD "Authentication failed: A password must have 1 to 1024 bytes"
#define TEXT_AUTH_BANNED   "Authentication failed: This account is banned"
#define TEXT_AUTH_INACTIVE "Authentication failed: This account is deactivated"
#define TEXT_AUTH_CLOSED   "Authentication failed: Only an administrator makes accounts here"
#define TEXT_AUTH_STORAGE  "Authentication failed: Storage error: the disk is full"
#define TEXT_AUTH_INTERNAL "Authentication failed: Internal server error: please try again"

#define TEXT_USER_LIST     "USER_LIST:"
#define TEXT_ROOM_STATUS   "ROOM_STATUS:%T,%T"
#define TEXT_ROOM_CREATED  "ROOM_CREATED:%T"
#define TEXT_ROOM_JOINED   "ROOM_JOINED:%T"
#define TEXT_ROOM_LEFT     "ROOM_LEFT:%T"
#define TEXT_CURRENT_ROOM  "CURRENT_ROOM:%T"
#define TEXT_ROOM_LIST     "ROOM_LIST:Lobby"
#define TEXT_ROOM_EMPTY    "ROOM_ERROR:Room name cannot be empty"
#define TEXT_ROOM_RESERVED "ROOM_ERROR:Cannot create a room named 'Lobby' (reserved)"
#define TEXT_ROOM_EXISTS   "ROOM_ERROR:Room '%T' already exists"
#define TEXT_ROOM_UNKNOWN  "ROOM_ERROR:Room '%T' does not exist"
#define TEXT_JOIN_FAILED   "ROOM_ERROR:Failed to join room '%T'"
#define TEXT_CREATE_FAILED "ROOM_ERROR:Failed to create room: %s"
#define TEXT_LEAVE_FAILED  "ROOM_ERROR:Failed to leave room: %s"
#define TEXT_LIST_FAILED   "ROOM_ERROR:Failed to get room list: %s"

#define TEXT_CHAT        "%T: %T"
#define TEXT_PRIVATE     "PRIVATE_MESSAGE:%T:%T"
#define TEXT_DM_SENT     "SYSTEM_MESSAGE:DM sent to %T: %T"
#define TEXT_DM_KEPT     "SYSTEM_MESSAGE:DM to %T is kept and delivered at the next login" /* ours */
#define TEXT_DM_UNKNOWN  "SYSTEM_MESSAGE:ERROR: User %T is not online or not found"
#define TEXT_DM_FAILED   "SYSTEM_MESSAGE:ERROR: The message was not stored: %s" /* ours */
#define TEXT_CHAT_FAILED "SYSTEM_MESSAGE:ERROR: The message was not stored: %s" /* ours */

#define TEXT_INVITED        "SYSTEM_MESSAGE:%T invited you to join room '%T'"
#define TEXT_INVITE_SENT    "SYSTEM_MESSAGE:You invited %T to join room '%T'"
#define TEXT_INVITE_OFFLINE "SYSTEM_MESSAGE:ERROR: User %T is not online"
#define TEXT_INVITE_NO_ROOM "SYSTEM_MESSAGE:ERROR: Room '%T' does not exist"
#define TEXT_INVITE_OUTSIDE "SYSTEM_MESSAGE:ERROR: You must be in room '%T' to invite others"
#define TEXT_INVITE_NO_USER "SYSTEM_MESSAGE:ERROR: User '%T' does not exist"
#define TEXT_INVITE_MEMBER  "SYSTEM_MESSAGE:ERROR: User '%T' is already a member of room '%T'"
#define TEXT_INVITE_PENDING                                                                        \
    "SYSTEM_MESSAGE:ERROR: User '%T' already has a pending invitation to room '%T'"
#define TEXT_YOU_JOINED     "SYSTEM_MESSAGE:You joined room '%T'"
#define TEXT_NONE_FOUND     "SYSTEM_MESSAGE:ERROR: No pending invitations found"
#define TEXT_NONE_FOR_ROOM  "SYSTEM_MESSAGE:ERROR: No pending invitation found for room '%T'"
#define TEXT_ROOM_GONE      "SYSTEM_MESSAGE:ERROR: Room no longer exists"
#define TEXT_DECLINED       "SYSTEM_MESSAGE:You declined the invitation to room '%T'"
#define TEXT_NO_INVITATIONS "SYSTEM_MESSAGE:No pending invitations"
#define TEXT_INVITATIONS    "SYSTEM_MESSAGE:Pending invitations:"
#define TEXT_INVITATION     "\n\xe2\x80\xa2 Room: '%T' from %T (ID: %s)"
#define TEXT_NONE_TO_ACCEPT "SYSTEM_MESSAGE:No pending invitations to accept"
#define TEXT_ACCEPTED_ALL   "SYSTEM_MESSAGE:Accepted %u invitations. Joined rooms: "
#define TEXT_ACCEPTED_SOME  "SYSTEM_MESSAGE:Accepted %u invitations, %u failed. Joined rooms: "
#define TEXT_FAILED         "SYSTEM_MESSAGE:ERROR: %s" /* ours */

#define TEXT_EDITED     "MESSAGE_EDITED:%T:%T"
#define TEXT_EDITED_BY  "MESSAGE_EDITED:%T:%s:%T"
#define TEXT_DELETED    "MESSAGE_DELETED:%T"
#define TEXT_REACTED    "REACTION_ADDED:%T:%T"
#define TEXT_UNREACTED  "REACTION_REMOVED:%T:%T"
#define TEXT_SEARCH     "SEARCH_RESULTS:"
#define TEXT_HISTORY    "HISTORY:%T:%T"
#define TEXT_REPLIED    "REPLY_CREATED:%T:%s"
#define TEXT_REPLY      "REPLY:%T:%s:%T"
#define TEXT_READ       "MESSAGES_READ:%T"
#define TEXT_NO_MESSAGE "MESSAGE_ERROR:Failed to %s: Record not found: Message with id %T"
#define TEXT_NOT_AUTHOR                                                                            \
    "MESSAGE_ERROR:Failed to %s: Validation error: user_id - Permission denied: only message "     \
    "author can %s"
#define TEXT_CHANGE_FAILED "MESSAGE_ERROR:Failed to %s: %s"
#define TEXT_INCOMPLETE                                                                            \
    "MESSAGE_ERROR:The command needs a message id, a colon and a text" /* ours */

#define TEXT_TOO_LONG "SYSTEM_MESSAGE:ERROR: The line is longer than 65536 bytes" /* ours */
#define TEXT_HAS_NUL  "SYSTEM_MESSAGE:ERROR: A message must not contain NUL"      /* ours */
#define TEXT_TOO_FAST "SYSTEM_MESSAGE:ERROR: Too many lines at once; wait a moment and send again"
#define TEXT_HELP                                                                                  \
    "SYSTEM_MESSAGE:Available commands:\n"                                                         \
    "CREATE_ROOM:<name>, JOIN_ROOM:<name>, LEAVE_ROOM, LIST_ROOMS\n"                               \
    "DM:<user>:<text>, REQUEST_USER_LIST\n"                                                        \
    "INVITE_USER:<user>:<room>, LIST_INVITATIONS, ACCEPT_INVITATION:<room> or LATEST, "            \
    "DECLINE_INVITATION:<room> or LATEST, ACCEPT_ALL_INVITATIONS\n"                                \
    "GET_HISTORY:<n>, SEARCH_MESSAGES:<words>, MARK_READ:<id>\n"                                   \
    "REPLY_MESSAGE:<id>:<text>, EDIT_MESSAGE:<id>:<text>, DELETE_MESSAGE:<id>\n"                   \
    "REACT_MESSAGE:<id>:<emoji>, UNREACT_MESSAGE:<id>:<emoji>"

#endif
