/* SPDX-License-Identifier: MPL-2.0
 *
 * gateways/http/http_alarms: each rule rises, stays, and ends where it should; changes are told once;
 * the sentence of health is that of the worst.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateways/http/http_alarms.h"

#define MIB ((uint64_t)1 << 20)
#define DAY ((int64_t)86400000)

static struct http_alarms alarms;
static struct http_vital_actor actors[2];
static struct http_vitals vitals;

static int setup(void **state)
{
    (void)state;
    memset(&alarms, 0, sizeof(alarms));
    for (size_t i = 0; i < 2; i++)
        actors[i] =
            (struct http_vital_actor){.is_running = true, .silent_ms = 300, .mailbox_max = 1000};
    actors[0].name = "persistence";
    actors[1].name = "history";
    vitals = (struct http_vitals){.now_ms = 1700000000000,
                                  .mono_ms = 1000,
                                  .ttl_ms = 7 * DAY,
                                  .commit_p99_us = -1,
                                  .peers_online = 3,
                                  .waiting = 1,
                                  .actors = actors,
                                  .actor_count = 2};
    return 0;
}

/* One more second. */
static void judge(void)
{
    vitals.now_ms += 1000;
    vitals.mono_ms += 1000;
    http_alarms_judge(&alarms, &vitals);
}

/* NULL: not raised. */
static const struct http_alarm *raised(const char *name)
{
    size_t place = 0;
    const struct http_alarm *alarm;
    while ((alarm = http_alarms_next(&alarms, &place)) != NULL) {
        if (strcmp(alarm->name, name) == 0)
            return alarm;
    }
    return NULL;
}

static enum http_level level(const char *name)
{
    const struct http_alarm *alarm = raised(name);
    return alarm ? alarm->level : HTTP_LEVEL_OK;
}

static void all_is_well(void **state)
{
    char sentence[HTTP_ALARM_TEXT_MAX];
    (void)state;
    judge();
    assert_null(http_alarms_take_change(&alarms));
    assert_int_equal(http_alarms_health(&alarms, &vitals, sentence), HTTP_LEVEL_OK);
    assert_string_equal(sentence, "All is well: 3 peers are online, 1 delivery waiting.");
    assert_string_equal(http_level_name(HTTP_LEVEL_OK), "ok");
}

static void a_full_disk_is_told_once_and_its_end_once(void **state)
{
    (void)state;
    judge();
    vitals.is_disk_full = true;
    judge();
    const struct http_alarm *alarm = http_alarms_take_change(&alarms);
    assert_non_null(alarm);
    assert_string_equal(alarm->name, "disk-full");
    assert_int_equal(alarm->level, HTTP_LEVEL_BAD);
    assert_int_equal(alarm->since_ms, vitals.now_ms);
    assert_non_null(strstr(alarm->text, "Free some space"));
    int64_t since_ms = vitals.now_ms;
    for (int i = 0; i < 10; i++)
        judge();
    assert_null(http_alarms_take_change(&alarms));
    assert_int_equal(raised("disk-full")->since_ms, since_ms);
    vitals.is_disk_full = false;
    judge();
    alarm = http_alarms_take_change(&alarms);
    assert_non_null(alarm);
    assert_int_equal(alarm->level, HTTP_LEVEL_OK);
    assert_null(http_alarms_take_change(&alarms));
    assert_null(raised("disk-full"));
}

static void the_log_does_not_flicker_at_its_bound(void **state)
{
    (void)state;
    vitals.wal_bytes = 127 * MIB;
    judge();
    assert_int_equal(level("wal-large"), HTTP_LEVEL_OK);
    vitals.wal_bytes = 128 * MIB;
    judge();
    assert_int_equal(level("wal-large"), HTTP_LEVEL_WARN);
    vitals.wal_bytes = 100 * MIB;
    judge();
    assert_int_equal(level("wal-large"), HTTP_LEVEL_WARN);
    vitals.wal_bytes = 2000 * MIB;
    judge();
    assert_int_equal(level("wal-large"), HTTP_LEVEL_BAD);
    assert_non_null(strstr(raised("wal-large")->text, "2000 MiB"));
    vitals.wal_bytes = 200 * MIB;
    judge();
    assert_int_equal(level("wal-large"), HTTP_LEVEL_BAD);
    vitals.wal_bytes = 63 * MIB;
    judge();
    assert_int_equal(level("wal-large"), HTTP_LEVEL_OK);
}

static void damage_stays(void **state)
{
    (void)state;
    vitals.damaged = 1;
    judge();
    assert_int_equal(level("damaged-rows"), HTTP_LEVEL_BAD);
    assert_non_null(strstr(raised("damaged-rows")->text, "1 stored message did not match its"));
    vitals.damaged = 2;
    judge();
    assert_non_null(strstr(raised("damaged-rows")->text, "2 stored messages did not match their"));
}

static void mail_is_old_when_it_will_soon_expire(void **state)
{
    (void)state;
    vitals.oldest_ms = 5 * DAY;
    judge();
    assert_int_equal(level("old-mail"), HTTP_LEVEL_OK);
    vitals.oldest_ms = 6 * DAY;
    judge();
    assert_int_equal(level("old-mail"), HTTP_LEVEL_WARN);
    assert_non_null(strstr(raised("old-mail")->text, "6 days"));
    vitals.oldest_ms = 5 * DAY;
    judge();
    assert_int_equal(level("old-mail"), HTTP_LEVEL_WARN);
    vitals.oldest_ms = 0;
    judge();
    assert_int_equal(level("old-mail"), HTTP_LEVEL_OK);
}

static void one_slow_commit_is_no_alarm(void **state)
{
    (void)state;
    vitals.commit_p99_us = 400000;
    judge();
    vitals.commit_p99_us = 3000;
    judge();
    for (int i = 0; i < 10; i++) {
        vitals.commit_p99_us = i % 2 ? 400000 : 3000;
        judge();
        assert_int_equal(level("commit-slow"), HTTP_LEVEL_OK);
    }
    vitals.commit_p99_us = 3000;
    judge();
    vitals.commit_p99_us = 400000;
    for (int i = 0; i < 5; i++) {
        judge();
        assert_int_equal(level("commit-slow"), HTTP_LEVEL_OK);
    }
    judge();
    assert_int_equal(level("commit-slow"), HTTP_LEVEL_WARN);
    assert_non_null(strstr(raised("commit-slow")->text, "400 ms"));
    vitals.commit_p99_us = -1; /* nothing is committed: nothing is known */
    judge();
    assert_int_equal(level("commit-slow"), HTTP_LEVEL_WARN);
    vitals.commit_p99_us = 50000;
    judge();
    assert_int_equal(level("commit-slow"), HTTP_LEVEL_OK);
}

static void a_silent_actor_is_named(void **state)
{
    (void)state;
    actors[1].silent_ms = -1; /* nobody has asked it */
    judge();
    assert_int_equal(level("actor-stuck:history"), HTTP_LEVEL_OK);
    actors[1].silent_ms = 2600;
    judge();
    assert_int_equal(level("actor-stuck:history"), HTTP_LEVEL_WARN);
    assert_int_equal(level("actor-stuck:persistence"), HTTP_LEVEL_OK);
    actors[1].silent_ms = 12000;
    judge();
    assert_int_equal(level("actor-stuck:history"), HTTP_LEVEL_BAD);
    assert_non_null(
        strstr(raised("actor-stuck:history")->text, "history has not answered for 12 s"));
    actors[1].silent_ms = 100;
    judge();
    assert_int_equal(level("actor-stuck:history"), HTTP_LEVEL_OK);
    actors[1].is_running = false;
    for (int i = 0; i < 2; i++) {
        judge();
        assert_int_equal(level("actor-stuck:history"), HTTP_LEVEL_OK); /* it may be restarted */
    }
    judge();
    assert_int_equal(level("actor-stuck:history"), HTTP_LEVEL_BAD);
    assert_non_null(strstr(raised("actor-stuck:history")->text, "is not running"));
}

static void a_mailbox_that_stays_full_is_named(void **state)
{
    (void)state;
    actors[0].mailbox_fullest = 800;
    judge();
    actors[0].mailbox_fullest = 10;
    judge();
    judge();
    assert_int_equal(level("mailbox-full:persistence"), HTTP_LEVEL_OK); /* a moment only */
    actors[0].mailbox_fullest = 800;
    for (int i = 0; i < 3; i++)
        judge();
    assert_int_equal(level("mailbox-full:persistence"), HTTP_LEVEL_WARN);
    actors[0].mailbox_fullest = 500;
    judge();
    assert_int_equal(level("mailbox-full:persistence"), HTTP_LEVEL_WARN);
    actors[0].mailbox_fullest = 100;
    judge();
    assert_int_equal(level("mailbox-full:persistence"), HTTP_LEVEL_OK);
}

static void a_restart_is_shown_for_ten_minutes(void **state)
{
    (void)state;
    judge();
    actors[1].restarts = 1;
    judge();
    assert_int_equal(level("actor-restarted:history"), HTTP_LEVEL_WARN);
    for (int i = 0; i < 599; i++)
        judge();
    assert_int_equal(level("actor-restarted:history"), HTTP_LEVEL_WARN);
    judge();
    assert_int_equal(level("actor-restarted:history"), HTTP_LEVEL_OK);
    actors[1].restarts = 2;
    judge();
    assert_int_equal(level("actor-restarted:history"), HTTP_LEVEL_WARN);
    assert_non_null(strstr(raised("actor-restarted:history")->text, "2 times"));
}

static void health_is_that_of_the_worst(void **state)
{
    char sentence[HTTP_ALARM_TEXT_MAX];
    (void)state;
    vitals.wal_bytes = 300 * MIB;
    judge();
    assert_int_equal(http_alarms_health(&alarms, &vitals, sentence), HTTP_LEVEL_WARN);
    assert_string_equal(sentence, raised("wal-large")->text);
    vitals.is_disk_full = true;
    actors[0].restarts = 1;
    judge();
    assert_int_equal(http_alarms_health(&alarms, &vitals, sentence), HTTP_LEVEL_BAD);
    assert_memory_equal(sentence, "The disk is full", 16);
    assert_non_null(strstr(sentence, "And 2 more."));
}

/* No sentence is cut, whatever the numbers. */
static void sentences_fit(void **state)
{
    char sentence[HTTP_ALARM_TEXT_MAX];
    (void)state;
    vitals = (struct http_vitals){.now_ms = INT64_MAX - 100000,
                                  .mono_ms = 1000,
                                  .is_disk_full = true,
                                  .wal_bytes = UINT64_MAX,
                                  .damaged = UINT64_MAX,
                                  .oldest_ms = INT64_MAX,
                                  .ttl_ms = 1000,
                                  .commit_p99_us = INT64_MAX,
                                  .actors = actors,
                                  .actor_count = 2};
    actors[0] = (struct http_vital_actor){.name = "an-actor-with-a-name-that-is-far-too-long",
                                          .is_running = true,
                                          .silent_ms = INT64_MAX,
                                          .mailbox_fullest = 1000,
                                          .mailbox_max = 1,
                                          .restarts = UINT64_MAX};
    for (int i = 0; i < 10; i++)
        judge();
    size_t place = 0, count = 0;
    const struct http_alarm *alarm;
    while ((alarm = http_alarms_next(&alarms, &place)) != NULL) {
        assert_int_equal(alarm->text[strlen(alarm->text) - 1], '.');
        count++;
    }
    assert_int_equal(count, 8);
    assert_int_equal(http_alarms_health(&alarms, &vitals, sentence), HTTP_LEVEL_BAD);
    assert_int_equal(sentence[strlen(sentence) - 1], '.');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_is_well, setup),
        cmocka_unit_test_setup(a_full_disk_is_told_once_and_its_end_once, setup),
        cmocka_unit_test_setup(the_log_does_not_flicker_at_its_bound, setup),
        cmocka_unit_test_setup(damage_stays, setup),
        cmocka_unit_test_setup(mail_is_old_when_it_will_soon_expire, setup),
        cmocka_unit_test_setup(one_slow_commit_is_no_alarm, setup),
        cmocka_unit_test_setup(a_silent_actor_is_named, setup),
        cmocka_unit_test_setup(a_mailbox_that_stays_full_is_named, setup),
        cmocka_unit_test_setup(a_restart_is_shown_for_ten_minutes, setup),
        cmocka_unit_test_setup(health_is_that_of_the_worst, setup),
        cmocka_unit_test_setup(sentences_fit, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
