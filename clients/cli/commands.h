/* SPDX-License-Identifier: MPL-2.0
 *
 * All commands of the tool; each is defined beside the code that runs it.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "clients/cli/command.h"

extern const struct command send_command, cancel_command;                     /* cmd_send.c */
extern const struct command recv_command, tail_command;                       /* cmd_recv.c */
extern const struct command history_command, unread_command, read_command;    /* cmd_history.c */
extern const struct command peers_command, presence_command;                  /* cmd_peers.c */
extern const struct command peers_show_command, peers_ip_command;             /* cmd_peers.c */
extern const struct command peers_stats_command, peers_nickname_command;      /* cmd_peers.c */
extern const struct command peers_remove_command;                             /* cmd_peers.c */
extern const struct command peers_warm_command;                               /* cmd_warm.c */
extern const struct command inspect_command, trace_command, stats_command;    /* cmd_inspect.c */
extern const struct command dead_list_command, dead_peek_command;             /* cmd_dead.c */
extern const struct command dead_redrive_command, dead_purge_command;         /* cmd_dead.c */
extern const struct command verify_command;                                   /* cmd_verify.c */
extern const struct command backup_command, restore_command;                  /* cmd_backup.c */
extern const struct command export_command, import_command;                   /* cmd_export.c */
extern const struct command bench_command;                                    /* cmd_bench.c */
extern const struct command import_feiqiu_command, import_peer_cache_command; /* cmd_import.c */
extern const struct command export_peer_cache_command;                        /* cmd_import.c */
extern const struct command import_lair_command, import_gigi_command;         /* cmd_import.c */

/* cmd_room.c */
extern const struct command room_list_command, room_create_command, room_set_command,
    room_join_command, room_leave_command, room_archive_command, room_members_command,
    room_role_command;
/* cmd_invite.c */
extern const struct command invite_list_command, invite_send_command, invite_accept_command,
    invite_decline_command, invite_revoke_command;
/* cmd_user.c */
extern const struct command user_add_command, user_list_command, user_role_command,
    user_ban_command, user_unban_command, user_unlock_command, user_activate_command,
    user_deactivate_command, user_password_command;
/* cmd_token.c */
extern const struct command token_list_command, token_create_command, token_end_command,
    user_sessions_command, user_token_command;
/* cmd_key.c */
extern const struct command key_make_command, key_server_command, key_show_command,
    key_enrol_command, key_invite_command, key_redeem_command, key_list_command, key_revoke_command;
/* cmd_queue.c */
extern const struct command queue_list_command, queue_create_command, queue_show_command,
    queue_purge_command;
extern const struct command config_check_command, config_show_command, config_defaults_command;
extern const struct command top_command;        /* cmd_top.c */
extern const struct command shell_command;      /* cmd_shell.c */
extern const struct command doctor_command;     /* cmd_doctor.c */
extern const struct command completion_command; /* cmd_completion.c */
extern const struct command migrate_command;    /* cmd_migrate.c */
/* cmd_audit.c */
extern const struct command audit_list_command, audit_verify_command;
/* cmd_acl.c */
extern const struct command acl_list_command, acl_allow_command, acl_deny_command,
    acl_remove_command, acl_test_command;
extern const struct command search_command;  /* cmd_search.c */
extern const struct command version_command; /* cmd_version.c */

#endif
