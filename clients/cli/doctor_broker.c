/* SPDX-License-Identifier: MPL-2.0
 *
 * roost doctor: the running broker. Whether it answers, who else has its port, where it listens, and
 * mail that nobody takes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/doctor.h"
#include "clients/cli/keys.h"
#include "clients/cli/process.h"
#include "clients/cli/secret.h"
#include "clients/cli/text.h"
#include "rt/clock.h"

#define CONNECT_MS    3000
#define LISTENERS_MAX 64
#define LIST_BYTES    900
#define FILES_WARN    4096
#define OLD_MS        (24 * 3600 * 1000LL)
#define SAMPLES       5 /* consumers whose oldest message is looked at */

/* ------------------------------------------------------------------------------ session */

/* The port of tcp://HOST:PORT on this machine; 0: another kind of address. */
static uint16_t local_port(const char *url)
{
    static const char *const hosts[] = {"tcp://127.", "tcp://localhost:", "tcp://[::1]:"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        const char *colon = strrchr(url, ':');
        unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
        if (strncmp(url, hosts[i], strlen(hosts[i])) == 0 && port > 0 && port < 65536)
            return (uint16_t)port;
    }
    return 0;
}

static void explain_silence(struct doctor *doctor)
{
    char name[PROCESS_NAME_BYTES] = "";
    const char *url = doctor->cli->url;
    bool is_used = false;
    uint16_t port = local_port(url);
    int pid = port ? process_of_port(port, &is_used) : 0;
    bool is_named = pid > 0 && process_name(pid, name);
    if (port && !is_used)
        doctor_say(doctor, DOCTOR_BAD, "broker",
                   doctor->is_held
                       ? "one runs on this data but listens elsewhere: its log names the address;"
                         " say it with --url"
                       : "start it: roostd, or systemctl start roost",
                   "nobody listens at %s", url);
    else if (is_named && strncmp(name, "roostd", 6) != 0)
        doctor_say(doctor, DOCTOR_BAD, "broker",
                   "let one of them listen elsewhere: zmq.listen, and --url here",
                   "%s belongs to another program: %s, process %d", url, name, pid);
    else if (is_used)
        doctor_say(doctor, DOCTOR_BAD, "broker", "look into its log; is it stuck?",
                   "somebody listens at %s%s%s, and does not answer as a broker", url,
                   is_named ? ": " : "", name);
    else
        doctor_say(doctor, DOCTOR_BAD, "broker", "is the address right, and the network there?",
                   "no answer from %s", url);
}

static void say_connected(struct doctor *doctor, struct roost *roost, double ms)
{
    char ours[64];
    struct roost_session_info info;
    roost_session_info(roost, &info);
    doctor_say(doctor, DOCTOR_OK, "broker", NULL, "%s answers at %s as '%s' in %.1f ms",
               info.broker, doctor->cli->url, info.peer, ms);
    (void)snprintf(ours, sizeof(ours), "roost %s", roost_version());
    bool is_same = strcmp(info.broker, ours) == 0;
    doctor_say(doctor, is_same ? DOCTOR_OK : DOCTOR_WARN, "versions",
               is_same ? NULL : "install the same version of both",
               is_same ? "the tool and the broker are %s" : "the tool is %s, the broker is not",
               ours);
}

/* NULL after having said why. */
static struct roost *open_session(struct doctor *doctor)
{
    struct cli *cli = doctor->cli;
    char secret[SECRET_BYTES_MAX + 1] = "";
    const char *path = secret_path(cli);
    struct roost *roost = NULL;
    struct cli_keys keys;
    if ((path && !secret_from_file(cli, path, secret)) || !keys_take(cli, &keys))
        return NULL;
    struct roost_options options = {.url = cli->url,
                                    .peer = cli->peer,
                                    .credentials = path ? secret : NULL,
                                    .software = "roost doctor"};
    keys_fill(&keys, &options);
    int64_t start_ns = clock_mono_now().ns;
    int wait_ms = cli->timeout_ms < CONNECT_MS ? cli->timeout_ms : CONNECT_MS;
    enum roost_error error = roost_open(&options, &roost);
    if (!error)
        error = roost_connect_wait(roost, wait_ms);
    secret_wipe(secret);
    keys_wipe(&keys);
    if (!error) {
        say_connected(doctor, roost, (double)(clock_mono_now().ns - start_ns) / 1e6);
        return roost;
    }
    if (error == ROOST_TIMEOUT)
        explain_silence(doctor);
    else
        doctor_say(
            doctor, DOCTOR_WARN, "broker",
            error == ROOST_NO_CREDENTIALS ? "use --password-file FILE, or --as SOMEBODY" : NULL,
            "it answers at %s, and refuses '%s': %s", cli->url, cli->peer, roost_error_text(error));
    (void)roost_close(&roost, 0);
    return NULL;
}

/* -------------------------------------------------------------------------------- mail */

struct mail {
    uint64_t waiting, dead, oldest_ms;
    char oldest_scope[300], dead_scope[300];
};

/* When the first message above the floor was stored; 0: it cannot be told. */
static uint64_t first_waiting_ms(struct doctor *doctor, struct roost *roost,
                                 const struct roost_consumer_info *info)
{
    struct roost_page *page;
    struct roost_query query = {.kind = ROOST_QUERY_HISTORY,
                                .scope = info->scope,
                                .after_seq = info->floor_seq,
                                .limit = 1};
    uint64_t stored_ms = 0;
    if (roost_query(roost, &query, doctor->cli->timeout_ms, &page))
        return 0;
    if (page->message_count > 0)
        stored_ms = page->messages[0]->stored_ms;
    roost_page_destroy(&page);
    return stored_ms;
}

static void add_consumer(struct doctor *doctor, struct roost *roost, struct mail *mail,
                         const struct roost_consumer_info *info, int *samples_left)
{
    mail->waiting += info->waiting;
    if (info->dead > 0 && mail->dead == 0)
        (void)snprintf(mail->dead_scope, sizeof(mail->dead_scope), "%s", info->scope);
    mail->dead += info->dead;
    if (info->waiting <= info->scheduled || *samples_left == 0)
        return;
    --*samples_left;
    uint64_t stored_ms = first_waiting_ms(doctor, roost, info);
    if (stored_ms == 0 || (mail->oldest_ms && stored_ms >= mail->oldest_ms))
        return;
    mail->oldest_ms = stored_ms;
    (void)snprintf(mail->oldest_scope, sizeof(mail->oldest_scope), "%s", info->scope);
}

static void say_mail(struct doctor *doctor, const struct mail *mail)
{
    char count[TEXT_SIZE_BYTES], advice[800];
    int64_t age_ms = mail->oldest_ms ? clock_wall_now().ms - (int64_t)mail->oldest_ms : 0;
    bool is_old = age_ms > OLD_MS;
    (void)snprintf(advice, sizeof(advice),
                   "%s was not emptied for long: does somebody receive there? 'roost inspect %s'",
                   mail->oldest_scope, mail->oldest_scope);
    doctor_say(doctor, is_old ? DOCTOR_WARN : DOCTOR_OK, "waiting mail", is_old ? advice : NULL,
               is_old ? "%s messages, the oldest for %.0f hours" : "%s messages",
               text_count(mail->waiting, count), (double)age_ms / 3600000);
    (void)snprintf(advice, sizeof(advice),
                   "look: 'roost dead list %s'; again: 'roost dead redrive'", mail->dead_scope);
    doctor_say(doctor, mail->dead ? DOCTOR_WARN : DOCTOR_OK, "dead letters",
               mail->dead ? advice : NULL, "%s", text_count(mail->dead, count));
}

static void look_at_mail(struct doctor *doctor, struct roost *roost)
{
    struct roost_page *page;
    struct mail mail = {.waiting = 0};
    int samples_left = SAMPLES;
    struct roost_query query = {.kind = ROOST_QUERY_INSPECT, .limit = 500};
    enum roost_error error = roost_query(roost, &query, doctor->cli->timeout_ms, &page);
    if (error) {
        doctor_say(doctor, DOCTOR_WARN, "waiting mail",
                   error == ROOST_NOT_ALLOWED
                       ? "an administrator may look (security.admins): --as SOMEBODY"
                       : NULL,
                   "cannot be looked at: %s", roost_error_text(error));
        return;
    }
    for (size_t i = 0; i < page->consumer_count; i++)
        add_consumer(doctor, roost, &mail, &page->consumers[i], &samples_left);
    roost_page_destroy(&page);
    say_mail(doctor, &mail);
}

static void look_at_counters(struct doctor *doctor, struct roost *roost)
{
    struct roost_page *page;
    uint64_t damaged = 0, disk_full = 0;
    struct roost_query query = {.kind = ROOST_QUERY_STATS};
    if (roost_query(roost, &query, doctor->cli->timeout_ms, &page))
        return; /* said with the mail */
    for (size_t i = 0; i < page->counter_count; i++) {
        if (strcmp(page->counters[i].name, "damaged_rows_total") == 0)
            damaged += page->counters[i].value;
        if (strcmp(page->counters[i].name, "disk_full") == 0)
            disk_full += page->counters[i].value;
    }
    roost_page_destroy(&page);
    if (disk_full)
        doctor_say(doctor, DOCTOR_BAD, "room on the disk", "make room; it goes on by itself then",
                   "the broker refuses sends: its disk is full");
    if (damaged)
        doctor_say(doctor, DOCTOR_BAD, "damage", "stop it, run 'roost verify', restore a backup",
                   "the broker met %" PRIu64 " damaged messages since its start", damaged);
}

/* --------------------------------------------------------------------------- listeners */

static void add_listener(char list[LIST_BYTES], const struct process_listener *listener)
{
    char one[80];
    size_t size = strlen(list);
    int length = snprintf(one, sizeof(one), "%s%s%s", size ? ", " : "", listener->address,
                          listener->is_udp ? " (UDP)" : "");
    if (length > 0 && size + (size_t)length < LIST_BYTES)
        memcpy(list + size, one, (size_t)length + 1);
}

static void look_at_listeners(struct doctor *doctor)
{
    struct process_listener listeners[LISTENERS_MAX];
    char all[LIST_BYTES] = "", open_ones[LIST_BYTES] = "";
    size_t count = process_listeners(doctor->holder, listeners, LISTENERS_MAX);
    for (size_t i = 0; i < count; i++) {
        add_listener(listeners[i].is_local ? all : open_ones, &listeners[i]);
    }
    if (open_ones[0])
        doctor_say(doctor, DOCTOR_WARN, "listeners",
                   "fine with CURVE or TLS; otherwise whoever reaches them may write and read as"
                   " anybody without an account: write curve:// in zmq.listen, or listen on"
                   " 127.0.0.1",
                   "open beyond this machine: %s", open_ones);
    else if (count > 0)
        doctor_say(doctor, DOCTOR_OK, "listeners", NULL, "on this machine only: %s", all);
}

static void look_at_files(struct doctor *doctor)
{
    uint64_t files_max;
    if (!process_files_max(doctor->holder, &files_max))
        return;
    bool is_low = files_max < FILES_WARN;
    doctor_say(doctor, is_low ? DOCTOR_WARN : DOCTOR_OK, "open files",
               is_low ? "raise it for many clients: LimitNOFILE= of the unit, or ulimit -n" : NULL,
               "the broker may have %" PRIu64, files_max);
}

void doctor_look_at_broker(struct doctor *doctor)
{
    struct roost *roost = open_session(doctor);
    if (roost) {
        look_at_mail(doctor, roost);
        look_at_counters(doctor, roost);
        (void)roost_close(&roost, 0); /* nothing is under way */
    }
    if (doctor->holder > 0) {
        look_at_listeners(doctor);
        look_at_files(doctor);
    }
}
