/* SPDX-License-Identifier: MPL-2.0
 *
 * What the system tells of processes and their sockets (/proc). Everything may be unknown: other
 * people's processes are not shown to everybody.
 */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESS_NAME_BYTES 32

struct process_listener {
    char address[64]; /* "127.0.0.1:7667", "[::]:80" */
    bool is_local;    /* only this machine reaches it */
    bool is_udp;
};

/* False: it cannot be told. */
bool process_name(int pid, char ret[PROCESS_NAME_BYTES]);
bool process_files_max(int pid, uint64_t *ret);

/* Where the process listens; how many of them were found. */
size_t process_listeners(int pid, struct process_listener *ret, size_t max);

/* Who listens on this TCP port; 0: nobody, or it cannot be told. *ret_is_used: somebody does. */
int process_of_port(uint16_t port, bool *ret_is_used);

#endif
