/* SPDX-License-Identifier: MPL-2.0
 *
 * Programs of the local network that come, go, are silent or shout, and time that passes
 * (actors/discovery_policy.h), beside what must be true of whoever asks and answers there:
 *   - an entry is answered once and at once, its repeat within two seconds is not; nothing else ever is
 *   - nobody is asked more often than every ask_ms, nor more than three times without being heard, nor
 *     while mail is on its way to it, nor anybody who never was there or has left
 *   - everybody is told only when we start and half a second after the last address that appeared
 *   - the next deadline is never behind when nothing more is due
 */
#include <stdint.h>

#include "bytes.h"
#include "discovery_policy.h"

#define STEPS_MAX 1500
#define PEERS     6

#define SAY(what)   ROOST__INTERNAL__LAN_SAYING__LAN_##what
#define HEARD(what) ROOST__INTERNAL__LAN_HEARING__LAN_##what

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct peer {
    bool is_there, has_mail, has_entry, was_asked;
    uint32_t entry_no;
    struct mono_time entry_at, asked_at;
    unsigned asks;
};

struct play {
    struct discovery_policy policy;
    int64_t ask_ms;
    struct mono_time now, announce_at, seeds_at;
    struct peer peers[PEERS]; /* their ids are 1 ... */
};

static void hear_entry(struct play *play, struct peer *peer, uint32_t number,
                       INTERNAL(LanSaying) says)
{
    bool is_repeat = peer->has_entry && peer->entry_no == number &&
                     mono_elapsed_ms(peer->entry_at, play->now) < DISCOVERY_REPEAT_MS;
    CHECK(says == (is_repeat ? SAY(NO_ANSWER) : SAY(ANSWER)));
    if (is_repeat)
        return;
    peer->has_entry = true;
    peer->entry_no = number;
    peer->entry_at = play->now;
}

static void hear(struct play *play, uint8_t choice, uint32_t number)
{
    static const INTERNAL(LanHearing)
        whats[] = {HEARD(ENTRY), HEARD(LIFE),        HEARD(STRANGER),  HEARD(KNOWN),
                   HEARD(LEFT),  HEARD(MAIL_BEGINS), HEARD(MAIL_ENDS), HEARD(ENTRY)};
    INTERNAL(LanHeard) heard = ROOST__INTERNAL__LAN_HEARD__INIT;
    size_t i = choice / 8 % PEERS;
    struct peer *peer = &play->peers[i];
    heard.peer = i + 1;
    heard.what = whats[choice % 8];
    heard.packet_no = number % 3;
    if (heard.what == HEARD(KNOWN) && peer->is_there)
        return; /* of peers remembered from the last run only */
    INTERNAL(LanSaying) says = discovery_policy_heard(&play->policy, &heard, play->now);
    switch ((int)heard.what) {
    case HEARD(ENTRY):
        hear_entry(play, peer, heard.packet_no, says);
        break;
    case HEARD(MAIL_BEGINS):
    case HEARD(MAIL_ENDS):
        peer->has_mail = heard.what == HEARD(MAIL_BEGINS);
        break;
    case HEARD(LEFT):
        *peer = (struct peer){.is_there = false};
        break;
    default:
        break;
    }
    if (heard.what != HEARD(ENTRY))
        CHECK(says == SAY(SAY_NOTHING));
    bool is_life =
        heard.what == HEARD(ENTRY) || heard.what == HEARD(LIFE) || heard.what == HEARD(STRANGER);
    if (is_life)
        peer->asks = 0;
    peer->is_there |= is_life || heard.what == HEARD(KNOWN);
}

static void change(struct play *play, uint8_t choice)
{
    INTERNAL(LanHeard) heard = ROOST__INTERNAL__LAN_HEARD__INIT;
    heard.what = choice % 8 == 0   ? HEARD(STARTED)
                 : choice % 8 == 1 ? HEARD(READY)
                 : choice % 8 == 2 ? HEARD(LIFE) /* of nobody */
                                   : HEARD(INTERFACE);
    INTERNAL(LanSaying) says = discovery_policy_heard(&play->policy, &heard, play->now);
    CHECK(says == (heard.what == HEARD(READY) ? SAY(ANNOUNCE) : SAY(SAY_NOTHING)));
    if (heard.what == HEARD(STARTED))
        memset(play->peers, 0, sizeof(play->peers));
    if (heard.what == HEARD(INTERFACE))
        play->announce_at = mono_add_ms(play->now, DISCOVERY_INTERFACE_MS);
    if (heard.what == HEARD(READY)) {
        play->announce_at = MONO_NEVER;
        play->seeds_at = mono_add_ms(play->now, play->ask_ms);
    }
}

static void check_asked(struct play *play, uint64_t id)
{
    CHECK(id >= 1 && id <= PEERS);
    struct peer *peer = &play->peers[id - 1];
    CHECK(peer->is_there && !peer->has_mail);
    CHECK(!peer->was_asked || mono_elapsed_ms(peer->asked_at, play->now) >= play->ask_ms);
    CHECK(++peer->asks <= DISCOVERY_ASKS_MAX);
    peer->was_asked = true;
    peer->asked_at = play->now;
}

/* Everything that is due: it comes to an end. */
static void run_due(struct play *play)
{
    INTERNAL(LanSaying) says;
    unsigned asked = 0;
    do {
        uint64_t peer = 77;
        says = discovery_policy_next(&play->policy, play->now, &peer);
        CHECK((peer != 0) == (says == SAY(ASK)));
        switch ((int)says) {
        case SAY(ANNOUNCE):
            CHECK(mono_reached(play->announce_at, play->now));
            play->announce_at = MONO_NEVER;
            break;
        case SAY(ASK_SEEDS):
            CHECK(mono_reached(play->seeds_at, play->now));
            play->seeds_at = mono_add_ms(play->now, play->ask_ms);
            break;
        case SAY(ASK):
            check_asked(play, peer);
            CHECK(++asked <= PEERS);
            break;
        default:
            CHECK(says == SAY(SAY_NOTHING));
        }
    } while (says != SAY(SAY_NOTHING));
    CHECK(!mono_reached(play->announce_at, play->now));
    CHECK(!mono_reached(play->seeds_at, play->now));
    CHECK(!mono_reached(discovery_policy_deadline(&play->policy), play->now));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play play;
    struct bytes input = {data, size};
    memset(&play, 0, sizeof(play));
    int64_t ask_ms = bytes_u8(&input) % 4 * INT64_C(700);
    play.now.ns = (int64_t)bytes_u8(&input) << 32;
    play.ask_ms = ask_ms ? ask_ms : DISCOVERY_ASK_MS;
    play.announce_at = MONO_NEVER;
    play.seeds_at = mono_add_ms(play.now, play.ask_ms);
    discovery_policy_init(&play.policy, ask_ms, play.now);
    for (size_t i = 0; i < STEPS_MAX && input.left > 0; i++) {
        uint8_t choice = bytes_u8(&input);
        if (choice < 0x40)
            play.now = mono_add_ms(play.now, (choice % 8 + 1) * play.ask_ms / 6);
        else if (choice < 0x60)
            change(&play, choice);
        else if (choice < 0xa0)
            run_due(&play);
        else
            hear(&play, choice, bytes_u8(&input));
    }
    run_due(&play);
    discovery_policy_fini(&play.policy);
    return 0;
}
