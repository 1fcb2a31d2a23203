/* SPDX-License-Identifier: MPL-2.0
 *
 * What the tests of the store share: a directory of their own, a store in it, messages.
 */
#ifndef TESTS_STORE_STORE_FIXTURE_H
#define TESTS_STORE_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>

#include "store/messages.h"
#include "store/store.h"

struct fixture {
    char directory[256];
    char path[300]; /* of the database */
    struct store *store;
    int64_t scope_id, peer_ids[3]; /* made by fixture_fill */
};

/* cmocka set-up and tear-down: *state becomes a struct fixture with an open, empty store. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Just the directory, no store. */
int fixture_setup_directory(void **state);

enum err fixture_open(const struct fixture *fixture, struct store **ret_store);
enum err fixture_open_reader(const struct fixture *fixture, struct store **ret_store);

/* Three peers and one mailbox, committed. */
void fixture_fill(struct fixture *fixture);

/* Must not fail: says where it did. */
#define assert_ok(expression) fixture_assert_err((expression), ERR_OK, __FILE__, __LINE__)
#define assert_err(expression, wanted)                                                             \
    fixture_assert_err((expression), (wanted), __FILE__, __LINE__)
void fixture_assert_err(enum err err, enum err wanted, const char *file, int line);

/* A message whose every field follows from n; body_size bytes of body. */
#define FIXTURE_BODY_MAX 20000
struct message_row fixture_message(const struct fixture *fixture, uint64_t n, size_t body_size);
/* In a transaction of its own. */
uint64_t fixture_append(struct fixture *fixture, uint64_t n, size_t body_size);

/* Collects what a visitor was shown. */
#define FIXTURE_ROWS_MAX 4096
struct fixture_rows {
    size_t count, damaged;
    uint64_t seqs[FIXTURE_ROWS_MAX];
};
enum err fixture_collect(void *context, const struct message_row *message);

uint64_t fixture_random(uint64_t *seed);

#endif
