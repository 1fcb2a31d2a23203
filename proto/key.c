/* SPDX-License-Identifier: MPL-2.0
 *
 * See key.h.
 */
#include "proto/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "rt/check.h"

_Static_assert(KEY_TEXT == KEY_BYTES * 5 / 4, "Z85 writes four bytes as five characters");

/* --- Text. */

void key_to_text(const uint8_t key[KEY_BYTES], char ret_text[KEY_TEXT_SIZE])
{
    CHECK(zmq_z85_encode(ret_text, key, KEY_BYTES));
}

/* zmq_z85_decode lets numbers pass that do not fit into 32 bits: encoding shows it. */
bool key_text_is_fit(const void *text, size_t size)
{
    char copy[KEY_TEXT_SIZE], again[KEY_TEXT_SIZE];
    uint8_t bytes[KEY_BYTES];
    const char *letters = text;
    if (size != KEY_TEXT)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (letters[i] <= ' ' || letters[i] > '~' || strchr("\"',;\\_`|~", letters[i]))
            return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    bool is_fit = zmq_z85_decode(bytes, copy) != NULL;
    if (is_fit)
        key_to_text(bytes, again);
    is_fit = is_fit && sodium_memcmp(copy, again, KEY_TEXT) == 0;
    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(copy, sizeof(copy));
    sodium_memzero(again, sizeof(again));
    return is_fit;
}

/* --- Pairs. */

bool key_pair_make(enum key_kind kind, struct key_pair *ret)
{
    *ret = (struct key_pair){.kind = kind};
    return zmq_curve_keypair(ret->public_text, ret->secret_text) == 0;
}

void key_pair_wipe(struct key_pair *pair)
{
    sodium_memzero(pair, sizeof(*pair));
}

/* --- Files. */

static const char *const kinds[] = {[KEY_OF_DEVICE] = "device", [KEY_OF_SERVER] = "server"};

struct line {
    const char *name, *value;
    size_t name_size, value_size;
};

static bool is_space(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r';
}

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && is_space(**text)) {
        (*text)++;
        (*size)--;
    }
    while (*size > 0 && is_space((*text)[*size - 1]))
        (*size)--;
}

/* "name = value". False: there is no "=". */
static bool divide(const char *text, size_t size, struct line *ret)
{
    const char *sign = memchr(text, '=', size);
    if (!sign)
        return false;
    ret->name = text;
    ret->name_size = (size_t)(sign - text);
    ret->value = sign + 1;
    ret->value_size = size - ret->name_size - 1;
    trim(&ret->name, &ret->name_size);
    trim(&ret->value, &ret->value_size);
    return true;
}

static bool is_named(const struct line *line, const char *name)
{
    return line->name_size == strlen(name) && memcmp(line->name, name, line->name_size) == 0;
}

static bool take_kind(const struct line *line, enum key_kind *ret)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (line->value_size == strlen(kinds[i]) &&
            memcmp(line->value, kinds[i], line->value_size) == 0) {
            *ret = (enum key_kind)i;
            return true;
        }
    }
    return false;
}

static bool take_key(const struct line *line, char ret[KEY_TEXT_SIZE])
{
    if (ret[0] || !key_text_is_fit(line->value, line->value_size))
        return false;
    memcpy(ret, line->value, KEY_TEXT);
    ret[KEY_TEXT] = '\0';
    return true;
}

/* NULL: it is fine. */
static const char *take_line(const char *text, size_t size, bool *has_kind, struct key_pair *ret)
{
    struct line line;
    trim(&text, &size);
    if (size == 0 || text[0] == '#')
        return NULL;
    if (!divide(text, size, &line))
        return "a line is not of the form 'name = value'";
    if (is_named(&line, "kind")) {
        bool is_fine = !*has_kind && take_kind(&line, &ret->kind);
        *has_kind = true;
        return is_fine ? NULL : "'kind' must be there once, and be device or server";
    }
    if (is_named(&line, "public"))
        return take_key(&line, ret->public_text)
                   ? NULL
                   : "'public' must be there once, and be 40 characters of Z85";
    if (is_named(&line, "secret"))
        return take_key(&line, ret->secret_text)
                   ? NULL
                   : "'secret' must be there once, and be 40 characters of Z85";
    return "it has a line that no key file has; they are kind, public and secret";
}

static const char *check_whole(const struct key_pair *pair, bool has_kind)
{
    char public_text[KEY_TEXT_SIZE];
    if (!has_kind || !pair->public_text[0] || !pair->secret_text[0])
        return "it must have the lines kind, public and secret";
    if (zmq_curve_public(public_text, pair->secret_text) != 0)
        return "this libzmq has no CURVE";
    if (strcmp(public_text, pair->public_text) != 0)
        return "its public key does not belong to its secret key";
    return NULL;
}

enum err key_file_parse(const char *text, size_t size, struct key_pair *ret,
                        const char **ret_problem)
{
    bool has_kind = false;
    const char *problem = NULL;
    *ret = (struct key_pair){.kind = KEY_OF_DEVICE};
    while (size > 0 && !problem) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        problem = take_line(text, length, &has_kind, ret);
        text += length;
        size -= length;
        if (end) {
            text++;
            size--;
        }
    }
    if (!problem)
        problem = check_whole(ret, has_kind);
    if (!problem)
        return ERR_OK;
    key_pair_wipe(ret);
    *ret_problem = problem;
    return ERR_BAD_KEY;
}

static const char *check_file(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return "it is no plain file";
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        return "others than its owner may use it; run 'chmod 600' on it, and make a new one if "
               "they did";
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return "it belongs to somebody else";
    return NULL;
}

/* Up to `size` bytes; less than 0: errno. */
static ssize_t read_whole(int fd, char *text, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, text + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return got;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

enum err key_file_read(const char *path, struct key_pair *ret, const char **ret_problem)
{
    char text[KEY_FILE_BYTES_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ERR_STORAGE;
    *ret_problem = check_file(fd);
    ssize_t size = *ret_problem ? 0 : read_whole(fd, text, sizeof(text));
    int error = errno;
    (void)close(fd); /* nothing was written */
    errno = error;
    if (*ret_problem)
        return ERR_BAD_KEY;
    if (size < 0)
        return ERR_STORAGE;
    enum err err = ERR_BAD_KEY;
    if ((size_t)size > KEY_FILE_BYTES_MAX)
        *ret_problem = "it is too long for a key file";
    else
        err = key_file_parse(text, (size_t)size, ret, ret_problem);
    sodium_memzero(text, sizeof(text));
    return err;
}

static bool write_whole(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, text, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        text += put;
        size -= (size_t)put;
    }
    return true;
}

/* The name in its folder, too. */
static bool sync_folder(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t size = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    if (size >= sizeof(folder))
        return true; /* open(2) would have refused it */
    memcpy(folder, slash ? path : ".", slash ? size : 1);
    folder[slash ? size : 1] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    return is_done;
}

enum err key_file_write(const char *path, const struct key_pair *pair)
{
    char text[512];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ERR_STORAGE;
    int size = snprintf(text, sizeof(text),
                        "# roost key, version 1: keep it secret\nkind = %s\npublic = %s\n"
                        "secret = %s\n",
                        kinds[pair->kind], pair->public_text, pair->secret_text);
    CHECK(size > 0 && (size_t)size < sizeof(text));
    bool is_done = write_whole(fd, text, (size_t)size) && fsync(fd) == 0;
    sodium_memzero(text, sizeof(text));
    is_done = close(fd) == 0 && is_done && sync_folder(path);
    int error = errno;
    if (!is_done)
        (void)unlink(path); /* half a key is worse than none */
    errno = error;
    return is_done ? ERR_OK : ERR_STORAGE;
}

/* --- Codes. The alphabet is that of Crockford: no letter is taken for a digit. */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#define GROUP 5u

void key_code_make(const uint8_t random[KEY_CODE_CHARACTERS], char ret_code[KEY_CODE_TEXT + 1])
{
    size_t at = 0;
    for (size_t i = 0; i < KEY_CODE_CHARACTERS; i++) {
        if (i > 0 && i % GROUP == 0)
            ret_code[at++] = '-';
        ret_code[at++] = alphabet[random[i] & 31];
    }
    ret_code[at] = '\0';
    CHECK(at == KEY_CODE_TEXT);
}

static char as_meant(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        letter = (char)(letter - 'a' + 'A');
    if (letter == 'O')
        return '0';
    return letter == 'I' || letter == 'L' ? '1' : letter;
}

bool key_code_normalise(const void *typed, size_t size, char ret[KEY_CODE_CHARACTERS + 1])
{
    const char *letters = typed;
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char letter = as_meant(letters[i]);
        if (letter == '-' || letter == ' ')
            continue;
        if (letter == '\0' || !strchr(alphabet, letter) || used == KEY_CODE_CHARACTERS)
            return false;
        ret[used++] = letter;
    }
    ret[used] = '\0';
    return used == KEY_CODE_CHARACTERS;
}
