/* SPDX-License-Identifier: MPL-2.0
 *
 * See process.h.
 */
#include "clients/cli/process.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN  0x0A
#define STATE_UDP     0x07
#define SOCKETS_MAX   4096
#define SOCKET_PREFIX "socket:["

static const struct {
    const char *path;
    bool is_udp, is_v6;
} tables[] = {
    {"/proc/net/tcp", false, false},
    {"/proc/net/tcp6", false, true},
    {"/proc/net/udp", true, false},
    {"/proc/net/udp6", true, true},
};

bool process_name(int pid, char ret[PROCESS_NAME_BYTES])
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    FILE *file = fopen(path, "re");
    bool is_told = file && fgets(ret, PROCESS_NAME_BYTES, file);
    if (file)
        (void)fclose(file); /* only read */
    if (is_told)
        ret[strcspn(ret, "\n")] = '\0';
    return is_told;
}

bool process_files_max(int pid, uint64_t *ret)
{
    char path[64], line[256];
    bool is_told = false;
    (void)snprintf(path, sizeof(path), "/proc/%d/limits", pid);
    FILE *file = fopen(path, "re");
    while (file && !is_told && fgets(line, sizeof(line), file))
        is_told = sscanf(line, "Max open files %" SCNu64, ret) == 1;
    if (file)
        (void)fclose(file); /* only read */
    return is_told;
}

/* --- Sockets. */

struct inodes {
    uint64_t values[SOCKETS_MAX];
    size_t count;
};

static void inodes_of(int pid, struct inodes *ret)
{
    char path[300], target[64];
    ret->count = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", pid, entry->d_name);
        ssize_t size = readlink(path, target, sizeof(target) - 1);
        if (size <= 0 || ret->count == SOCKETS_MAX)
            continue;
        target[size] = '\0';
        if (strncmp(target, SOCKET_PREFIX, strlen(SOCKET_PREFIX)) == 0)
            ret->values[ret->count++] = strtoull(target + strlen(SOCKET_PREFIX), NULL, 10);
    }
    if (directory)
        (void)closedir(directory);
}

static bool has_inode(const struct inodes *inodes, uint64_t inode)
{
    for (size_t i = 0; i < inodes->count; i++) {
        if (inodes->values[i] == inode)
            return true;
    }
    return false;
}

struct socket_row {
    uint8_t address[16];
    bool is_v6;
    uint16_t port;
    uint64_t inode;
};

/* "  0: 0100007F:1DF3 00000000:0000 0A 0:0 0:0 0 0 0 12345 ...": words of 32 bits as they lie. */
static bool read_row(const char *line, size_t table, struct socket_row *ret)
{
    char address[33];
    unsigned port, state;
    uint32_t words[4] = {0};
    if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f:] %x %*s %*s %*s %*s %*s %" SCNu64,
               address, &port, &state, &ret->inode) != 4)
        return false;
    if (state != (tables[table].is_udp ? STATE_UDP : STATE_LISTEN))
        return false;
    size_t count = tables[table].is_v6 ? 4 : 1;
    for (size_t i = 0; i < count; i++) {
        char word[9];
        (void)snprintf(word, sizeof(word), "%.8s", address + 8 * i);
        words[i] = (uint32_t)strtoul(word, NULL, 16);
    }
    memcpy(ret->address, words, sizeof(words));
    ret->is_v6 = tables[table].is_v6;
    ret->port = (uint16_t)port;
    return true;
}

typedef bool row_visit(void *context, size_t table, const struct socket_row *row);

/* Until `visit` answers false. */
static void each_row(row_visit *visit, void *context)
{
    char line[512];
    bool goes_on = true;
    for (size_t table = 0; goes_on && table < sizeof(tables) / sizeof(tables[0]); table++) {
        FILE *file = fopen(tables[table].path, "re");
        while (file && goes_on && fgets(line, sizeof(line), file)) {
            struct socket_row row;
            if (read_row(line, table, &row))
                goes_on = visit(context, table, &row);
        }
        if (file)
            (void)fclose(file); /* only read */
    }
}

/* --- Where a process listens. */

struct gathering {
    struct inodes inodes;
    struct process_listener *listeners;
    size_t count, max;
};

static bool is_loopback(const struct socket_row *row)
{
    static const uint8_t v6[16] = {[15] = 1};
    static const uint8_t mapped[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    if (!row->is_v6)
        return row->address[0] == 127;
    return memcmp(row->address, v6, sizeof(v6)) == 0 ||
           memcmp(row->address, mapped, sizeof(mapped)) == 0;
}

static bool gather(void *context, size_t table, const struct socket_row *row)
{
    char address[INET6_ADDRSTRLEN] = "?";
    struct gathering *gathering = context;
    if (!has_inode(&gathering->inodes, row->inode) || row->port == 0)
        return true;
    struct process_listener *listener = &gathering->listeners[gathering->count++];
    (void)inet_ntop(row->is_v6 ? AF_INET6 : AF_INET, row->address, address, sizeof(address));
    (void)snprintf(listener->address, sizeof(listener->address), row->is_v6 ? "[%s]:%u" : "%s:%u",
                   address, row->port);
    listener->is_local = is_loopback(row);
    listener->is_udp = tables[table].is_udp;
    return gathering->count < gathering->max;
}

size_t process_listeners(int pid, struct process_listener *ret, size_t max)
{
    static struct gathering gathering; /* large */
    gathering = (struct gathering){.listeners = ret, .max = max};
    inodes_of(pid, &gathering.inodes);
    if (max > 0)
        each_row(gather, &gathering);
    return gathering.count;
}

/* --- Who listens on a port. */

struct search {
    uint16_t port;
    uint64_t inode; /* 0: not found */
};

static bool find_port(void *context, size_t table, const struct socket_row *row)
{
    struct search *search = context;
    if (tables[table].is_udp || row->port != search->port)
        return true;
    search->inode = row->inode;
    return false;
}

int process_of_port(uint16_t port, bool *ret_is_used)
{
    static struct inodes inodes; /* large */
    struct search search = {.port = port};
    int found = 0;
    each_row(find_port, &search);
    *ret_is_used = search.inode != 0;
    DIR *directory = search.inode ? opendir("/proc") : NULL;
    for (struct dirent *entry; directory && !found && (entry = readdir(directory)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        int pid = (int)strtol(entry->d_name, NULL, 10);
        inodes_of(pid, &inodes);
        if (has_inode(&inodes, search.inode))
            found = pid;
    }
    if (directory)
        (void)closedir(directory);
    return found;
}
