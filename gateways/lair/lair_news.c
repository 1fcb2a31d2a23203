/* SPDX-License-Identifier: MPL-2.0
 *
 * What everybody who is logged in is told: who came, who went, who is in which room.
 *
 * With a thousand connections one such line costs milliseconds, in which nobody would be answered. So
 * it is remembered and numbered, and connections are brought up to date a few per turn, the one that
 * is furthest behind first; whoever is told something else is brought up to date before it, so the
 * lines of a connection keep their order. Several pieces of news for one connection are one send,
 * and a send costs much more than a line: so what comes while a crowd is told waits for a while,
 * longer the larger the crowd. Whoever caused it is told at once.
 *
 * The list of users is not remembered but made when it is told, so of several changes only the
 * last list goes out. It grows with the users it goes to: what a list to everybody had to write is
 * time that passes before the next.
 */
#include "gateways/lair/lair_internal.h"

#define TOLD_PER_TURN    64
#define PAUSE_NS         50000 /* for each connection, from telling a crowd to the next time */
#define LIST_NS_PER_BYTE 50    /* 20 MB/s of lists: a few percent of a core */
#define LIST_BURST_NS    20000000
#define LIST_WAIT_MAX_NS 5000000000

/* --- Connections in the order in which they are behind. */

void lair_news_join(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    connection->news_no = gateway->news_next;
    connection->news_previous = gateway->news_last;
    connection->news_following = NULL;
    if (gateway->news_last)
        gateway->news_last->news_following = connection;
    else
        gateway->news_first = connection;
    gateway->news_last = connection;
    gateway->news_listeners++;
}

void lair_news_leave(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    struct lair_connection *previous = connection->news_previous;
    struct lair_connection *following = connection->news_following;
    if (previous)
        previous->news_following = following;
    else
        gateway->news_first = following;
    if (following)
        following->news_previous = previous;
    else
        gateway->news_last = previous;
    gateway->news_listeners--;
}

/* --- The list of users. */

static void make_list(struct tcp_gateway *gateway)
{
    struct hash_cursor cursor = {0};
    struct buf *list = &gateway->user_list;
    bool is_first = true;
    if (gateway->user_list_no == gateway->users_no && buf_size(list) > 0)
        return;
    buf_clear(list);
    lair_put(list, TEXT_USER_LIST);
    while (hash_next(&gateway->users, &cursor)) {
        const struct lair_user *user = (const struct lair_user *)(uintptr_t)cursor.value;
        lair_put(list, is_first ? "%T" : ",%T", lair_text_of(user->name, user->name_size));
        is_first = false;
    }
    gateway->user_list_no = gateway->users_no;
}

struct lair_text lair_user_list(struct tcp_gateway *gateway)
{
    make_list(gateway);
    return lair_text_of(buf_data(&gateway->user_list), buf_size(&gateway->user_list));
}

/* Moves the time of the next list to everybody. */
static void count_list(struct tcp_gateway *gateway, size_t size)
{
    int64_t now_ns = actor_mono(gateway->actor).ns;
    int64_t *due_ns = &gateway->list_due.ns;
    if (*due_ns < now_ns)
        *due_ns = now_ns;
    if (*due_ns < now_ns + LIST_WAIT_MAX_NS)
        *due_ns += (int64_t)size * LIST_NS_PER_BYTE;
}

static void tell_list(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    if (connection->users_no == gateway->users_no)
        return;
    struct lair_text list = lair_user_list(gateway);
    connection->users_no = gateway->users_no;
    count_list(gateway, list.size);
    lair_line_put(connection, list);
}

/* --- Remembering. */

static struct lair_news *news_of(struct tcp_gateway *gateway, uint64_t no)
{
    return &gateway->news[no % LAIR_NEWS_MAX];
}

static void forget_told(struct tcp_gateway *gateway)
{
    uint64_t needed = gateway->news_first ? gateway->news_first->news_no : gateway->news_next;
    for (; gateway->news_oldest < needed; gateway->news_oldest++) {
        size_t size = news_of(gateway, gateway->news_oldest)->size;
        buf_consume(&gateway->news_text, size);
        gateway->news_text_at += size;
    }
}

void lair_news_tell(struct lair_connection *connection)
{
    lair_line_begin(connection);
    lair_line_end(connection);
}

/* Is the one that is furthest behind up to date? */
static bool is_all_told(const struct tcp_gateway *gateway)
{
    return !gateway->news_first || gateway->news_first->news_no == gateway->news_next;
}

static void remember(struct tcp_gateway *gateway, const struct lair_connection *except,
                     struct lair_text text, bool is_list)
{
    if (gateway->news_next - gateway->news_oldest == LAIR_NEWS_MAX ||
        buf_room(&gateway->news_text) < text.size) {
        while (!is_all_told(gateway))
            lair_news_tell(gateway->news_first);
        forget_told(gateway);
    }
    uint64_t at = gateway->news_text_at + buf_size(&gateway->news_text);
    if (buf_append(&gateway->news_text, text.data, text.size) != ERR_OK)
        return; /* no memory: the next list and the next room say it again */
    *news_of(gateway, gateway->news_next++) =
        (struct lair_news){.except_session = except ? except->session : 0,
                           .at = at,
                           .size = text.size,
                           .is_list = is_list};
}

void lair_say_all(struct tcp_gateway *gateway, const struct lair_connection *except,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct lair_text text = lair_format(gateway, format, arguments);
    va_end(arguments);
    remember(gateway, except, text, false);
}

void lair_users_due(struct tcp_gateway *gateway)
{
    remember(gateway, NULL, lair_text_of("", 0), true);
}

void lair_users_changed(struct tcp_gateway *gateway, struct lair_connection *who)
{
    gateway->users_no++;
    if (who)
        who->users_no = gateway->users_no;
    if (gateway->list_due.ns <= actor_mono(gateway->actor).ns + LIST_BURST_NS)
        lair_users_due(gateway);
    else if (!actor_timer_is_set(gateway->actor, TCP_TIMER_USERS))
        actor_timer_set(gateway->actor, TCP_TIMER_USERS, gateway->list_due);
}

/* --- Telling. */

void lair_news_put(struct lair_connection *connection)
{
    struct tcp_gateway *gateway = connection->gateway;
    if (connection->news_no == gateway->news_next)
        return;
    uint64_t no = connection->news_no;
    lair_news_leave(connection);
    lair_news_join(connection);
    for (; no < gateway->news_next && connection->state == LAIR_OPEN; no++) {
        const struct lair_news *news = news_of(gateway, no);
        const uint8_t *text = buf_data(&gateway->news_text) + (news->at - gateway->news_text_at);
        if (news->is_list)
            tell_list(connection);
        else if (news->except_session != connection->session)
            lair_line_put(connection, lair_text_of(text, news->size));
    }
}

/* Has everybody been told what there was when the last round began? */
static bool is_round_over(const struct tcp_gateway *gateway)
{
    return !gateway->news_first || gateway->news_first->news_no >= gateway->round_end;
}

/* False: it is too early. */
static bool begin_round(struct tcp_gateway *gateway)
{
    struct mono_time now = actor_mono(gateway->actor);
    size_t count = gateway->news_listeners;
    if (now.ns < gateway->round_due.ns)
        return false;
    gateway->round_end = gateway->news_next;
    gateway->round_due.ns = now.ns + (count > TOLD_PER_TURN ? (int64_t)count * PAUSE_NS : 0);
    return true;
}

void lair_news_go_on(struct tcp_gateway *gateway)
{
    struct mono_time next = actor_mono(gateway->actor);
    if (!is_all_told(gateway) && (!is_round_over(gateway) || begin_round(gateway))) {
        for (int i = 0; i < TOLD_PER_TURN && !is_round_over(gateway); i++)
            lair_news_tell(gateway->news_first);
    }
    forget_told(gateway);
    if (is_round_over(gateway))
        next = gateway->round_due;
    if (!is_all_told(gateway))
        actor_timer_set(gateway->actor, TCP_TIMER_NEWS, next);
}

void lair_news_init(struct tcp_gateway *gateway)
{
    buf_init(&gateway->news_text, LAIR_OUT_BYTES_MAX);
    buf_init(&gateway->user_list, LAIR_OUT_BYTES_MAX);
}

void lair_news_fini(struct tcp_gateway *gateway)
{
    buf_fini(&gateway->news_text);
    buf_fini(&gateway->user_list);
}
