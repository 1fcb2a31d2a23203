/* SPDX-License-Identifier: MPL-2.0
 *
 * Floods: peers that send as they like, mailboxes that are read or not, answers about what waits
 * that come late or never (rt/bucket.h, actors/quota.h), beside plain sums:
 *   - nobody gets more than his rate and one burst, however he divides it, over any time
 *   - whoever is told to wait may send when he did, and was not told so for nothing
 *   - what waits for a recipient never exceeds its bound, whatever is answered when
 *   - no recipient is asked about twice at a time, and one that has room again is not refused for long
 */
#include <stdint.h>

#include "bytes.h"
#include "quota.h"

#define STEPS_MAX 2000
#define PEERS     3
#define PLACES    4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct place {
    uint64_t waiting; /* in truth */
    uint64_t asked;   /* of these, when it was asked about */
    bool is_asked;
};

struct play {
    struct quota quota;
    struct quota_limits limits;
    struct mono_time begin, now;
    uint64_t messages[PEERS], bytes[PEERS]; /* sent since `begin` */
    struct place places[PLACES];
};

/* --- Rates. */

/* So much may have been sent by now: a burst, what came since, and what was larger than a bucket. */
static void check_sum(const struct play *play, const struct bucket_rate *rate, uint64_t sum,
                      uint64_t largest)
{
    double since_s = (double)(play->now.ns - play->begin.ns) / 1e9;
    double most = (double)rate->per_s * (since_s + (double)rate->burst_ms / 1000) + (double)largest;
    CHECK(rate->per_s == 0 || (double)sum <= most + 2);
}

static void send(struct play *play, struct bytes *input)
{
    uint8_t who = bytes_u8(input) % PEERS;
    uint64_t messages = bytes_u8(input), size = bytes_u8(input) * (uint64_t)64;
    struct quota_limits *limits = &play->limits;
    uint32_t wait_ms = quota_take(&play->quota, who + 1, messages, size, play->now);
    if (wait_ms) {
        CHECK(limits->messages.per_s || limits->bytes.per_s);
        uint64_t worst_ms =
            24 * 3600 * UINT64_C(1000) + limits->messages.burst_ms + limits->bytes.burst_ms;
        CHECK(wait_ms <= 2 * worst_ms);
        return;
    }
    play->messages[who] += messages;
    play->bytes[who] += size;
    check_sum(play, &limits->messages, play->messages[who], 255);
    check_sum(play, &limits->bytes, play->bytes[who], 255 * 64);
}

/* One bucket alone: waiting helps exactly when it was said to. */
static void drive_bucket(struct bytes *input, struct mono_time now)
{
    struct bucket bucket = {0};
    struct bucket_rate rate = {.per_s = 1 + bytes_u8(input), .burst_ms = 1 + bytes_u8(input) * 50u};
    for (int i = 0; i < 20 && input->left > 0; i++) {
        uint64_t amount = bytes_u8(input);
        struct bucket before = bucket, early = bucket;
        uint32_t wait_ms = bucket_take(&bucket, &rate, amount, now);
        if (wait_ms == 0) {
            now = mono_add_ms(now, bytes_u8(input));
            continue;
        }
        CHECK(memcmp(&bucket, &before, sizeof(bucket)) == 0);
        CHECK(!bucket_is_full(&bucket, now));
        if (wait_ms > 1)
            CHECK(bucket_take(&early, &rate, amount, mono_add_ms(now, wait_ms - 1)) > 0);
        now = mono_add_ms(now, wait_ms);
        CHECK(bucket_take(&bucket, &rate, amount, now) == 0);
    }
}

/* --- What waits. */

static void place(struct play *play, struct bytes *input)
{
    uint8_t to = bytes_u8(input) % PLACES, from = bytes_u8(input) % PEERS;
    uint64_t limit = play->limits.waiting_messages;
    struct place *at = &play->places[to];
    enum err err = quota_place(&play->quota, to + 1, from + 1, bytes_u8(input), play->now);
    CHECK(err == ERR_OK || err == ERR_MAILBOX_FULL || err == ERR_SHARE_FULL);
    if (err == ERR_MAILBOX_FULL)
        CHECK(limit || play->limits.waiting_bytes);
    if (err == ERR_SHARE_FULL)
        CHECK(play->limits.share_messages || play->limits.share_bytes);
    at->waiting += err == ERR_OK;
    CHECK(limit == 0 || at->waiting <= limit);
}

static void ask(struct play *play)
{
    int64_t scope = quota_next_question(&play->quota);
    if (scope == 0)
        return;
    CHECK(scope >= 1 && scope <= PLACES);
    struct place *at = &play->places[scope - 1];
    CHECK(!at->is_asked);
    at->is_asked = true;
    at->asked = at->waiting;
}

static void answer(struct play *play, uint8_t how)
{
    struct place *at = &play->places[how % PLACES];
    bool is_known = how & 0x80;
    uint64_t waiting = how & 0x40 ? at->asked : at->waiting; /* looked at early or late */
    quota_answer(&play->quota, how % PLACES + 1, waiting, is_known, play->now);
    at->is_asked = false;
}

static void step(struct play *play, struct bytes *input)
{
    uint8_t choice = bytes_u8(input);
    switch (choice % 8) {
    case 0:
        play->now = mono_add_ms(play->now, bytes_u8(input) * 10);
        break;
    case 1:
        ask(play);
        break;
    case 2:
        answer(play, bytes_u8(input));
        break;
    case 3:
        if (play->places[choice / 8 % PLACES].waiting)
            play->places[choice / 8 % PLACES].waiting -= 1; /* somebody reads */
        break;
    case 4:
    case 5:
        send(play, input);
        break;
    default:
        place(play, input);
    }
}

/* A recipient that is refused is read, and asked about: then there is room again. */
static void check_recovery(struct play *play)
{
    for (int i = 0; i < PLACES; i++) {
        play->places[i].waiting = 0;
        for (int round = 0; round < 3; round++) {
            play->now = mono_add_ms(play->now, QUOTA_ASK_MS);
            enum err err = quota_place(&play->quota, i + 1, 1, 0, play->now);
            play->places[i].waiting += err == ERR_OK;
            while (quota_next_question(&play->quota))
                continue;
            for (int j = 0; j < PLACES; j++)
                quota_answer(&play->quota, j + 1, play->places[j].waiting, true, play->now);
        }
        play->now = mono_add_ms(play->now, QUOTA_ASK_MS);
        uint64_t limit = play->limits.waiting_messages;
        if (limit == 0 || limit > 3)
            CHECK(quota_place(&play->quota, i + 1, 1, 0, play->now) != ERR_MAILBOX_FULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play play;
    struct bytes input = {data, size};
    memset(&play, 0, sizeof(play));
    play.now.ns = play.begin.ns = (int64_t)bytes_u8(&input) << 40;
    play.limits = (struct quota_limits){
        .messages = {bytes_u8(&input), 1 + bytes_u8(&input) * 20u},
        .bytes = {bytes_u8(&input) * (uint64_t)16, 1 + bytes_u8(&input) * 20u},
        .waiting_messages = bytes_u8(&input) % 40,
        .waiting_bytes = bytes_u8(&input) * (uint64_t)8,
        .share_messages = bytes_u8(&input) % 20,
        .share_bytes = bytes_u8(&input) * (uint64_t)4,
    };
    quota_init(&play.quota, &play.limits);
    struct bytes bucket = bytes_take(&input, bytes_u8(&input) % 32u);
    drive_bucket(&bucket, play.now);
    for (size_t i = 0; i < STEPS_MAX && input.left > 0; i++)
        step(&play, &input);
    check_recovery(&play);
    quota_fini(&play.quota);
    return 0;
}
