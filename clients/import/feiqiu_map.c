/* SPDX-License-Identifier: MPL-2.0
 *
 * See feiqiu_map.h.
 */
#include "clients/import/feiqiu_map.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/name.h"

#define COLUMN(name)    FOREIGN_feiqiu_peers_##name
#define LIST_BYTES_MAX  65536
#define MS_FROM         100000000000 /* whole numbers from here on are milliseconds */
#define TIME_MS_MAX     253402300799999
#define TIME_BYTES_MAX  40
#define DATE_TIME_BYTES 19

/* ---------------------------------------------------------------- times */

/* ".789", ".7891234" or nothing, behind the seconds. */
static bool read_fraction(const char *text, int64_t *ret_ms)
{
    int64_t ms = 0;
    int digits = 0;
    *ret_ms = 0;
    if (*text == '\0')
        return true;
    if (*text++ != '.' || *text == '\0')
        return false;
    for (; *text >= '0' && *text <= '9'; text++, digits++) {
        if (digits < 3)
            ms = ms * 10 + (*text - '0');
    }
    for (; digits < 3; digits++)
        ms *= 10;
    *ret_ms = ms;
    return *text == '\0';
}

static bool is_date_time(const char *text)
{
    static const char shape[] = "dddd-dd-dd dd:dd:dd";
    for (size_t i = 0; i < DATE_TIME_BYTES; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        bool is_blank = shape[i] == ' ' && text[i] == 'T';
        if (shape[i] == 'd' ? !is_digit : text[i] != shape[i] && !is_blank)
            return false;
    }
    return true;
}

bool feiqiu_read_time(struct text text, int64_t *ret_ms)
{
    char copy[TIME_BYTES_MAX];
    struct tm time = {.tm_isdst = 0};
    int64_t fraction_ms;
    if (text.size < DATE_TIME_BYTES || text.size >= sizeof(copy))
        return false;
    text_dup(text, copy, sizeof(copy));
    if (!is_date_time(copy) || !read_fraction(copy + DATE_TIME_BYTES, &fraction_ms))
        return false;
    char zone = copy[DATE_TIME_BYTES];
    copy[DATE_TIME_BYTES] = '\0';
    copy[10] = ' ';
    const char *end = strptime(copy, "%Y-%m-%d %H:%M:%S", &time);
    copy[DATE_TIME_BYTES] = zone;
    if (!end || end != copy + DATE_TIME_BYTES)
        return false;
    struct tm normal = time;
    int64_t seconds = (int64_t)timegm(&normal);
    if (normal.tm_mday != time.tm_mday || seconds < 0) /* February 30th */
        return false;
    *ret_ms = seconds * 1000 + fraction_ms;
    return true;
}

static int64_t read_seen(const struct foreign_row *row, int64_t now_ms, struct verdict *verdict)
{
    const struct foreign_value *value = foreign_get(row, COLUMN(last_seen));
    struct text text = {.data = value->text, .size = value->size};
    int64_t ms = 0;
    bool is_time = value->type == FOREIGN_NULL;
    if (value->type == FOREIGN_TEXT && value->size)
        is_time = feiqiu_read_time(text, &ms);
    if (value->type == FOREIGN_INTEGER) {
        ms = value->number;
        is_time = ms >= 0 && ms <= TIME_MS_MAX;
        if (is_time && ms < MS_FROM)
            ms *= 1000;
    }
    if (!is_time)
        verdict_remark(verdict, "last_seen is no time");
    if (is_time && ms > now_ms)
        verdict_remark(verdict, "it was seen in the future: taken as now");
    return !is_time ? 0 : ms > now_ms ? now_ms : ms;
}

/* ---------------------------------------------------------------- who */

/* "lan:USER@HOST"; without either of them the address stands for the host. */
static bool make_name(struct text user, const char *host, struct feiqiu_peer *ret,
                      struct verdict *verdict)
{
    const char *problem = NULL;
    const char *place = host[0] || user.size ? host : ret->ip;
    if (!place[0] && !user.size)
        return verdict_skip(verdict, "it has neither a user name nor a host nor an address");
    int size =
        snprintf(ret->name, sizeof(ret->name), "lan:%.*s@%s", (int)user.size, user.data, place);
    if (size < 0 || (size_t)size >= sizeof(ret->name))
        return verdict_skip(verdict, "its name and host are too long");
    if (name_check(ret->name, (size_t)size, &problem))
        return verdict_skip(verdict, "no peer can have its name: %s", problem);
    return true;
}

static void read_address(const struct foreign_row *row, struct feiqiu_peer *ret,
                         struct verdict *verdict)
{
    struct text text;
    char ip[ADDRESS_IP_BYTES * 2];
    const struct foreign_value *port = foreign_get(row, COLUMN(port));
    if (!read_text(row, COLUMN(ip), WANTED, sizeof(ip) - 1, &text, verdict))
        return;
    text_dup(text, ip, sizeof(ip));
    if (!address_plain_ip(ip, ret->ip) && text.size)
        verdict_remark(verdict, "ip is no address");
    if (port->type == FOREIGN_INTEGER && port->number > 0 && port->number <= UINT16_MAX)
        ret->port = (uint32_t)port->number;
}

static void check_groups(struct feiqiu_peer *peer, struct verdict *verdict)
{
    json_t *json =
        peer->groups.size ? json_loadb(peer->groups.data, peer->groups.size, 0, NULL) : NULL;
    if (peer->groups.size && !json_is_array(json)) {
        verdict_remark(verdict, "groups is no list");
        peer->groups = (struct text){.data = ""};
    }
    json_decref(json);
}

/* Text people see: without control characters. */
static void copy_shown(struct text text, const char *field, char *ret, size_t size,
                       struct verdict *verdict)
{
    ret[0] = '\0';
    if (name_check_text(text.data, text.size, NULL))
        verdict_remark(verdict, "%s has control characters and is left out", field);
    else
        text_dup(text, ret, size);
}

bool feiqiu_map_peer(const struct foreign_row *row, int64_t now_ms, struct feiqiu_peer *ret,
                     struct verdict *verdict)
{
    struct text user, host, nickname;
    *ret = (struct feiqiu_peer){.port = 0};
    if (!read_text(row, COLUMN(username), WANTED, WIRE_NAME_BYTES_MAX, &user, verdict) ||
        !read_text(row, COLUMN(hostname), WANTED, WIRE_NAME_BYTES_MAX, &host, verdict) ||
        !read_text(row, COLUMN(nickname), WANTED, WIRE_NAME_BYTES_MAX, &nickname, verdict) ||
        !read_text(row, COLUMN(avatar), WANTED, LIST_BYTES_MAX, &ret->avatar, verdict) ||
        !read_text(row, COLUMN(groups), WANTED, LIST_BYTES_MAX, &ret->groups, verdict))
        return false;
    read_address(row, ret, verdict);
    copy_shown(host, "hostname", ret->host_name, sizeof(ret->host_name), verdict);
    copy_shown(nickname, "nickname", ret->nickname, sizeof(ret->nickname), verdict);
    ret->last_seen_ms = read_seen(row, now_ms, verdict);
    check_groups(ret, verdict);
    return make_name(user, ret->host_name, ret, verdict);
}
