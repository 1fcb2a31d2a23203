/* SPDX-License-Identifier: MPL-2.0
 *
 * Messages of strangers with ids that they chose, in transactions that are kept or undone, beside a
 * list (actors/dedupe.h):
 *   - what was added is found with its seq, what was not, was undone or is indexed is not
 *   - "certainly new" is never said of an id that this sender has used, also not of an indexed one
 *   - the limit holds, and nothing but the limit refuses
 */
#include <stdint.h>

#include "bytes.h"
#include "dedupe.h"

#define LIMIT     200
#define STEPS_MAX 1500
#define ADDED_MAX STEPS_MAX
#define SENDERS   5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct added {
    uint8_t id[DEDUPE_ID_BYTES];
    uint32_t sender;
    uint64_t seq;
};

struct play {
    struct dedupe dedupe;
    struct added added[ADDED_MAX]; /* the undone ones are taken out, the indexed ones stay */
    size_t indexed, committed, count;
    uint64_t seq;
};

/* Ids in order of time, mostly; else few, so that they come again. */
static void take_id(struct bytes *input, struct play *play, uint8_t ret[DEDUPE_ID_BYTES])
{
    uint8_t how = bytes_u8(input);
    memset(ret, 0, DEDUPE_ID_BYTES);
    if (how & 0x80) {
        ret[1] = (uint8_t)(play->seq >> 8);
        ret[2] = (uint8_t)play->seq;
        ret[DEDUPE_ID_BYTES - 1] = how & 3;
    } else {
        ret[how % 2 ? 0 : 2] = how;
    }
}

static const struct added *find(const struct play *play, uint32_t sender, const uint8_t *id,
                                bool any_sender)
{
    for (size_t i = play->count; i > 0; i--) {
        const struct added *added = &play->added[i - 1];
        if ((any_sender || added->sender == sender) && memcmp(added->id, id, DEDUPE_ID_BYTES) == 0)
            return added;
    }
    return NULL;
}

static bool is_remembered(const struct play *play, const struct added *added)
{
    return added && added >= play->added + play->indexed;
}

static void check_any(const struct play *play, const uint8_t *id)
{
    uint64_t seqs[SENDERS + 1];
    size_t count = dedupe_find_any(&play->dedupe, id, seqs, SENDERS + 1), wanted = 0;
    for (size_t i = play->count; i > play->indexed; i--) {
        if (memcmp(play->added[i - 1].id, id, DEDUPE_ID_BYTES) == 0)
            CHECK(wanted < count && seqs[wanted++] == play->added[i - 1].seq);
    }
    CHECK(wanted == count);
}

static void ask_and_add(struct play *play, struct bytes *input, bool adds)
{
    uint8_t id[DEDUPE_ID_BYTES];
    uint32_t sender = bytes_u8(input) % SENDERS;
    uint64_t seq = 0;
    take_id(input, play, id);
    const struct added *known = find(play, sender, id, false);
    if (dedupe_is_new(&play->dedupe, sender, id)) {
        CHECK(!known);
    } else {
        CHECK(dedupe_find(&play->dedupe, sender, id, &seq) == ERR_OK);
        CHECK(seq == (is_remembered(play, known) ? known->seq : 0));
    }
    check_any(play, id);
    if (known || !adds)
        return;
    play->seq += 1 + bytes_u8(input) % 4u;
    size_t before = dedupe_count(&play->dedupe);
    enum err err = dedupe_add(&play->dedupe, sender, id, play->seq);
    CHECK(err == (before < LIMIT ? ERR_OK : ERR_TOO_MANY));
    if (err)
        return;
    play->added[play->count] = (struct added){.sender = sender, .seq = play->seq};
    memcpy(play->added[play->count++].id, id, DEDUPE_ID_BYTES);
}

/* Some of what is committed is in the index from now on. */
static void drop(struct play *play, uint8_t part)
{
    dedupe_commit(&play->dedupe);
    play->committed = play->count;
    size_t waiting = play->count - play->indexed;
    size_t taken = waiting * part / 255;
    if (taken == 0)
        return;
    play->indexed += taken;
    dedupe_drop(&play->dedupe, play->added[play->indexed - 1].seq);
}

static void step(struct play *play, struct bytes *input)
{
    uint8_t choice = bytes_u8(input);
    switch (choice % 8) {
    case 0:
        dedupe_commit(&play->dedupe);
        play->committed = play->count;
        break;
    case 1:
        dedupe_undo(&play->dedupe);
        play->count = play->committed;
        break;
    case 2:
        drop(play, bytes_u8(input));
        break;
    default:
        ask_and_add(play, input, choice % 8 > 3);
    }
    CHECK(dedupe_count(&play->dedupe) == play->count - play->indexed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct play play;
    struct bytes input = {data, size};
    memset(&play, 0, sizeof(play));
    uint8_t how = bytes_u8(&input);
    play.seq = how & 1 ? UINT32_MAX - (uint64_t)100 : 0;
    dedupe_init(&play.dedupe, LIMIT);
    if (how & 2) { /* an earlier life, in which no id was above this */
        const struct dedupe_id highest = {{0, 0, how}};
        dedupe_set_indexed(&play.dedupe, how & 4 ? &highest : NULL);
    }
    for (size_t i = 0; i < STEPS_MAX && input.left > 0; i++)
        step(&play, &input);
    dedupe_fini(&play.dedupe);
    return 0;
}
