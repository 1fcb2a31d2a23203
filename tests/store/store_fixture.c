/* SPDX-License-Identifier: MPL-2.0
 *
 * See store_fixture.h.
 */
#include "store_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/check.h"
#include "store/consumers.h"
#include "store/conversation.h"
#include "store/peers.h"

void fixture_assert_err(enum err err, enum err wanted, const char *file, int line)
{
    if (err != wanted)
        print_error("%s:%d: %s, wanted %s\n", file, line, err_name(err), err_name(wanted));
    _assert_int_equal((uintmax_t)err, (uintmax_t)wanted, file, line);
}

int fixture_setup_directory(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    CHECK(fixture);
    const char *base = getenv("TMPDIR");
    (void)snprintf(fixture->directory, sizeof fixture->directory, "%s/roost-store-XXXXXX",
                   base ? base : "/tmp");
    CHECK(mkdtemp(fixture->directory));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/test.db", fixture->directory);
    *state = fixture;
    return 0;
}

enum err fixture_open(const struct fixture *fixture, struct store **ret_store)
{
    char text[512] = "";
    struct store_options options = {
        .path = fixture->path, .error_text = text, .error_text_size_bytes = sizeof text};
    enum err err = store_open(&options, ret_store);
    if (err != ERR_OK)
        print_message("%s\n", text);
    return err;
}

enum err fixture_open_reader(const struct fixture *fixture, struct store **ret_store)
{
    struct store_options options = {.path = fixture->path, .read_only = true};
    return store_open(&options, ret_store);
}

int fixture_setup(void **state)
{
    (void)fixture_setup_directory(state); /* always 0 */
    struct fixture *fixture = *state;
    assert_ok(fixture_open(fixture, &fixture->store));
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    DIR *directory = opendir(fixture->directory);
    CHECK(directory);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(directory), entry->d_name, 0); /* rmdir tells what is left */
    }
    (void)closedir(directory);
    CHECK(rmdir(fixture->directory) == 0);
    free(fixture);
    return 0;
}

void fixture_fill(struct fixture *fixture)
{
    static const char *const names[] = {"alice", "bob", "carol"};
    assert_ok(store_begin(fixture->store));
    for (int i = 0; i < 3; i++)
        assert_ok(peer_create(fixture->store, names[i], names[i], 1, &fixture->peer_ids[i]));
    assert_ok(scope_create(fixture->store, SCOPE_PEER, "alice", "alice", fixture->peer_ids[0], 1,
                           &fixture->scope_id));
    assert_ok(store_commit(fixture->store));
}

struct message_row fixture_message(const struct fixture *fixture, uint64_t n, size_t body_size)
{
    static uint8_t body[FIXTURE_BODY_MAX];
    CHECK(body_size <= sizeof body);
    uint64_t seed = n;
    for (size_t i = 0; i < body_size; i += 8) {
        uint64_t value = fixture_random(&seed);
        memcpy(body + i, &value, body_size - i < 8 ? body_size - i : 8);
    }
    int64_t sender = fixture->peer_ids[1 + n % 2];
    struct message_row row = {
        .scope_id = fixture->scope_id,
        .sender_id = sender,
        .stored_ms = 1000000 + (int64_t)n * 10,
        .expires_ms = 2000000 + (int64_t)n * 10,
        .not_before_ms = n % 5 ? 0 : 1000500,
        .created_ms = 999990 + (int64_t)n * 10,
        .conversation = conversation_of_peers(sender, fixture->peer_ids[0]),
        .flags = (uint32_t)(n % 16),
        .kind = (uint32_t)(n % 7),
        .priority = (uint32_t)(n % 3),
        .content_type = {(const uint8_t *)"text/plain", 10},
        .body = {body, body_size},
    };
    if (n % 4 == 0)
        row.key = (struct bytes_view){(const uint8_t *)"k\0ey", 4};
    if (n % 6 == 0)
        row.headers = (struct bytes_view){(const uint8_t *)"some headers of this message", 28};
    uint64_t id[2] = {n, fixture_random(&seed)};
    memcpy(row.message_id, id, sizeof id);
    return row;
}

uint64_t fixture_append(struct fixture *fixture, uint64_t n, size_t body_size)
{
    struct message_row row = fixture_message(fixture, n, body_size);
    assert_ok(store_begin(fixture->store));
    assert_ok(message_append(fixture->store, &row));
    assert_ok(store_commit(fixture->store));
    return row.seq;
}

enum err fixture_collect(void *context, const struct message_row *message)
{
    struct fixture_rows *rows = context;
    rows->damaged += message->is_damaged;
    CHECK(rows->count < FIXTURE_ROWS_MAX);
    rows->seqs[rows->count++] = message->seq;
    return ERR_OK;
}

uint64_t fixture_random(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15u;
    uint64_t value = *seed;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}
