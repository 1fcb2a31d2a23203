/* SPDX-License-Identifier: MPL-2.0
 *
 * Random sends, edits, deletions and reactions through persistence and history, with restarts, and
 * everything that is asked of them held against arrays and loops.
 * Replay: history_search_model_test SEED ROUNDS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change_world.h"

static struct change_answer answer;

static uint32_t search(struct world *world, int64_t peer, const char *text)
{
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__SEARCH);
    query.text = world_bytes(text);
    query.limit = WIRE_PAGE_MAX;
    return change_ask(world, peer, &query, &answer);
}

static uint32_t edits_of(struct world *world, int64_t peer, const uint8_t id[UUID_BYTES])
{
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__EDITS);
    query.message_ids = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)(uintptr_t)id};
    return change_ask(world, peer, &query, &answer);
}

#define PEERS         3
#define CONVERSATIONS 4 /* ana-bob, bob-eve, ana-eve, the topic */
#define MESSAGES_MAX  300
#define TEXTS_MAX     20
#define EMOJI         3

static const char *const names[PEERS] = {"ana", "bob", "eve"};
static const char *const emoji[EMOJI] = {"👍", "🎉", "😀"};
static const char *const vocabulary[] = {"apple", "pear", "日本語", "東京都", "blue", "한국어"};
static const char *const questions[] = {"apple",     "pear",       "日本", "本語",    "京",
                                        "blue pear", "apple 東京", "한국", "語 blue", "nothing"};

struct twin_message {
    uint8_t id[UUID_BYTES];
    uint64_t seq;
    unsigned sender, conversation;
    char texts[TEXTS_MAX][64];
    unsigned text_count;
    bool is_deleted, reactions[EMOJI][PEERS];
};

struct twin {
    struct world *world;
    uint64_t seed;
    int64_t peers[PEERS];
    struct twin_message messages[MESSAGES_MAX];
    size_t count;
};

static uint64_t next_random(struct twin *twin, uint64_t below)
{
    twin->seed ^= twin->seed << 13;
    twin->seed ^= twin->seed >> 7;
    twin->seed ^= twin->seed << 17;
    return twin->seed % below;
}

static bool is_part(unsigned conversation, unsigned peer)
{
    return conversation == 3 || peer == conversation || peer == (conversation + 1) % PEERS;
}

static void random_text(struct twin *twin, char *text, size_t size)
{
    size_t at = 0;
    for (uint64_t words = next_random(twin, 4) + 1; words > 0; words--)
        at += (size_t)snprintf(text + at, size - at, "%s%s", at ? " " : "",
                               vocabulary[next_random(twin, 6)]);
}

static void twin_send(struct twin *twin)
{
    if (twin->count == MESSAGES_MAX)
        return;
    struct twin_message *message = &twin->messages[twin->count++];
    char scope[32] = "topic:t";
    *message = (struct twin_message){.conversation = (unsigned)next_random(twin, CONVERSATIONS)};
    do
        message->sender = (unsigned)next_random(twin, PEERS);
    while (!is_part(message->conversation, message->sender));
    if (message->conversation < 3) {
        unsigned one = message->conversation, other = (one + 1) % PEERS;
        (void)snprintf(scope, sizeof(scope), "peer:%s",
                       names[message->sender == one ? other : one]);
    }
    random_text(twin, message->texts[message->text_count++], sizeof(message->texts[0]));
    message->seq = change_send(twin->world, twin->peers[message->sender], scope, message->texts[0],
                               message->id);
}

/* The code the broker has to give to somebody who does something to this message. */
static enum err refusal(const struct twin_message *message, unsigned peer, bool is_for_sender)
{
    if (!is_part(message->conversation, peer))
        return ERR_NO_SUCH_MESSAGE;
    if (is_for_sender && peer != message->sender)
        return ERR_NOT_ALLOWED;
    return message->is_deleted ? ERR_DELETED : ERR_OK;
}

static void twin_edit(struct twin *twin, struct twin_message *message, unsigned peer)
{
    char text[64];
    random_text(twin, text, sizeof(text));
    enum err wanted = refusal(message, peer, true);
    const char *now = message->texts[message->text_count - 1];
    if (!wanted && message->text_count == TEXTS_MAX)
        return;
    const INTERNAL(CallDone) *done = change_edit(twin->world, twin->peers[peer], message->id, text);
    assert_code(done->code, wanted);
    bool is_new = !wanted && strcmp(text, now) != 0;
    assert_int_equal(done->count, is_new);
    if (is_new)
        memcpy(message->texts[message->text_count++], text, sizeof(text));
}

static void twin_delete(struct twin *twin, struct twin_message *message, unsigned peer)
{
    enum err wanted = refusal(message, peer, true);
    const INTERNAL(CallDone) *done = change_delete(twin->world, twin->peers[peer], message->id);
    assert_code(done->code, wanted == ERR_DELETED ? ERR_OK : wanted);
    assert_int_equal(done->count, wanted == ERR_OK);
    message->is_deleted |= wanted == ERR_OK;
}

static void twin_react(struct twin *twin, struct twin_message *message, unsigned peer)
{
    unsigned which = (unsigned)next_random(twin, EMOJI);
    bool is_given = next_random(twin, 3) > 0;
    enum err wanted = refusal(message, peer, false);
    const INTERNAL(CallDone) *done =
        is_given ? change_react(twin->world, twin->peers[peer], message->id, emoji[which])
                 : change_unreact(twin->world, twin->peers[peer], message->id, emoji[which]);
    assert_code(done->code, wanted);
    assert_int_equal(done->count, !wanted && message->reactions[which][peer] != is_given);
    if (!wanted)
        message->reactions[which][peer] = is_given;
}

static void check_reactions(const struct twin_message *message, unsigned peer,
                            const Roost__V1__Delivery *shown)
{
    size_t kinds = 0;
    for (unsigned e = 0; e < EMOJI; e++) {
        unsigned count = 0;
        for (unsigned p = 0; p < PEERS; p++)
            count += message->reactions[e][p];
        kinds += count > 0;
        bool is_found = count == 0;
        for (size_t i = 0; i < shown->n_reactions; i++) {
            const Roost__V1__Reaction *reaction = shown->reactions[i];
            if (strlen(emoji[e]) != reaction->emoji.len ||
                memcmp(emoji[e], reaction->emoji.data, reaction->emoji.len) != 0)
                continue;
            is_found = true;
            assert_int_equal(reaction->count, count);
            assert_int_equal(reaction->is_mine, message->reactions[e][peer]);
        }
        assert_true(is_found);
    }
    assert_int_equal(shown->n_reactions, message->is_deleted ? 0 : kinds);
}

static void check_message(const struct twin_message *message, unsigned peer,
                          const Roost__V1__Delivery *shown)
{
    assert_int_equal(shown->seq, message->seq);
    assert_memory_equal(shown->message_id.data, message->id, UUID_BYTES);
    assert_int_equal(shown->deleted_ms > 0, message->is_deleted);
    if (message->is_deleted) {
        assert_int_equal(shown->body.len, 0);
        assert_int_equal(shown->n_reactions, 0);
        return;
    }
    assert_bytes(shown->body, message->texts[message->text_count - 1]);
    assert_int_equal(shown->edited_ms > 0, message->text_count > 1);
    check_reactions(message, peer, shown);
}

static void check_history(struct twin *twin, unsigned peer, unsigned conversation)
{
    Roost__V1__Query query = change_query(ROOST__V1__QUERY_KIND__HISTORY);
    query.limit = WIRE_PAGE_MAX;
    query.newest_first = next_random(twin, 2) > 0;
    if (conversation == 3)
        query.scope = world_bytes("topic:t");
    else
        query.peer = world_bytes(names[peer == conversation ? (peer + 1) % PEERS : conversation]);
    assert_int_equal(change_ask(twin->world, twin->peers[peer], &query, &answer), 0);
    size_t at = 0;
    for (size_t i = 0; i < twin->count; i++) {
        size_t place = query.newest_first ? twin->count - 1 - i : i;
        if (twin->messages[place].conversation == conversation)
            check_message(&twin->messages[place], peer, change_message(&answer, at++));
    }
    assert_int_equal(answer.message_count, at);
}

/* All words of a question in the text; vocabulary is chosen so that a substring is a word. */
static bool has_words(const char *text, const char *question)
{
    char words[64];
    (void)snprintf(words, sizeof(words), "%s", question);
    for (char *rest = words, *word; (word = strsep(&rest, " ")) != NULL;) {
        if (!strstr(text, word))
            return false;
    }
    return true;
}

static void check_search(struct twin *twin, unsigned peer, const char *question)
{
    assert_int_equal(search(twin->world, twin->peers[peer], question), 0);
    assert_false(answer.fin->has_more);
    size_t wanted = 0;
    for (size_t i = 0; i < twin->count; i++) {
        const struct twin_message *message = &twin->messages[i];
        if (message->is_deleted || !is_part(message->conversation, peer) ||
            !has_words(message->texts[message->text_count - 1], question))
            continue;
        wanted++;
        size_t found = 0;
        for (size_t k = 0; k < answer.message_count; k++) {
            if (change_message(&answer, k)->seq != message->seq)
                continue;
            found++;
            check_message(message, peer, change_message(&answer, k));
        }
        assert_int_equal(found, 1);
    }
    assert_int_equal(answer.message_count, wanted);
}

static void check_edits(struct twin *twin, unsigned peer, const struct twin_message *message)
{
    uint32_t code = edits_of(twin->world, twin->peers[peer], message->id);
    assert_code(code, refusal(message, peer, false));
    if (code)
        return;
    assert_int_equal(answer.message_count, message->text_count - 1);
    for (size_t i = 0; i < answer.message_count; i++)
        assert_bytes(change_message(&answer, i)->body, message->texts[i]);
}

static void twin_step(struct twin *twin)
{
    uint64_t what = next_random(twin, 100);
    unsigned peer = (unsigned)next_random(twin, PEERS);
    struct twin_message *message =
        twin->count ? &twin->messages[next_random(twin, twin->count)] : NULL;
    if (what < 25 || !message)
        twin_send(twin);
    else if (what < 50)
        twin_edit(twin, message, next_random(twin, 4) ? message->sender : peer);
    else if (what < 56)
        twin_delete(twin, message, next_random(twin, 4) ? message->sender : peer);
    else if (what < 75)
        twin_react(twin, message, peer);
    else if (what < 80)
        world_advance(twin->world, (int64_t)next_random(twin, 1500));
    else if (what < 81)
        world_restart(twin->world);
    else if (what < 87)
        check_edits(twin, peer, message);
    else if (what < 94)
        check_search(twin, peer, questions[next_random(twin, 10)]);
    else if (is_part(message->conversation, peer))
        check_history(twin, peer, message->conversation);
    world_forget(twin->world);
}

static void play(uint64_t seed)
{
    static struct twin twin;
    twin = (struct twin){.world = world_new(), .seed = seed * 7919 + 1};
    print_message("history_search_model_test %llu 1\n", (unsigned long long)seed);
    twin.world->seed = seed;
    world_start(twin.world);
    for (unsigned i = 0; i < PEERS; i++)
        twin.peers[i] = world_peer(twin.world, names[i]);
    for (int i = 0; i < 600; i++)
        twin_step(&twin);
    for (unsigned peer = 0; peer < PEERS; peer++) {
        for (unsigned conversation = 0; conversation < CONVERSATIONS; conversation++) {
            if (is_part(conversation, peer))
                check_history(&twin, peer, conversation);
        }
        for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
            check_search(&twin, peer, questions[i]);
    }
    change_answer_clear(&answer);
    world_destroy(twin.world);
}

static uint64_t first_seed = 1, seeds = 6;

static void agrees_with_a_twin(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < seeds; i++)
        play(first_seed + i);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_a_twin)};
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        seeds = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
