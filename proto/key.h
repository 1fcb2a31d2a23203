/* SPDX-License-Identifier: MPL-2.0
 *
 * CURVE keys: as text (Z85), as files, as pairs; and the codes that enrol them.
 *
 *     # roost key, version 1: keep it secret
 *     kind = device                           or: server
 *     public = rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7
 *     secret = D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs
 *
 * One line each, in any order; lines that are empty or begin with # mean nothing; anything else is an
 * error. A key file is for its owner alone: one that others may read, write or run is refused.
 * Leaves to others: which keys are known (store/device_keys.h).
 */
#ifndef PROTO_KEY_H
#define PROTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/err.h"

#define KEY_BYTES          32u
#define KEY_TEXT           40u
#define KEY_TEXT_SIZE      41u   /* with its NUL */
#define KEY_FILE_BYTES_MAX 4096u /* of what is read */

#define KEY_CODE_CHARACTERS 25u /* of 5 bits each */
#define KEY_CODE_TEXT       29u /* in five groups, "7Q2KD-..." */

enum key_kind { KEY_OF_DEVICE, KEY_OF_SERVER };

struct key_pair {
    enum key_kind kind;
    char public_text[KEY_TEXT_SIZE];
    char secret_text[KEY_TEXT_SIZE];
};

void key_to_text(const uint8_t key[KEY_BYTES], char ret_text[KEY_TEXT_SIZE]);
/* Is it one public or secret key as text? */
bool key_text_is_fit(const void *text, size_t size);

/* A new one. False: this libzmq has no CURVE. */
MUST_USE bool key_pair_make(enum key_kind kind, struct key_pair *ret);
void key_pair_wipe(struct key_pair *pair);

/* The text of a key file. ERR_BAD_KEY, and *ret_problem is a sentence about it: also when the two do
 * not belong together. */
MUST_USE enum err key_file_parse(const char *text, size_t size, struct key_pair *ret,
                                 const char **ret_problem);
/* The same from a file. ERR_BAD_KEY; ERR_STORAGE: it cannot be read, errno says why. */
MUST_USE enum err key_file_read(const char *path, struct key_pair *ret, const char **ret_problem);
/* Makes the file, mode 0600, on disk before it returns; never replaces one. ERR_STORAGE, errno says
 * why. */
MUST_USE enum err key_file_write(const char *path, const struct key_pair *pair);

/* 125 random bits as a code for people. */
void key_code_make(const uint8_t random[KEY_CODE_CHARACTERS], char ret_code[KEY_CODE_TEXT + 1]);
/* As it was typed to how it is hashed: capitals, no dashes and spaces, 0 for O, 1 for I and L. False:
 * it is no code. */
bool key_code_normalise(const void *typed, size_t size, char ret[KEY_CODE_CHARACTERS + 1]);

#endif
