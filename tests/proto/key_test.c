/* SPDX-License-Identifier: MPL-2.0
 *
 * Keys as text, key files (what is in them, and who may use them), and codes however they are typed.
 */
#include "proto/key.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char public_text[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
static const char secret_text[] = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

static void test_text(void **state)
{
    uint8_t bytes[KEY_BYTES] = {0};
    char text[KEY_TEXT_SIZE];
    (void)state;
    key_to_text(bytes, text);
    assert_string_equal(text, "0000000000000000000000000000000000000000");
    assert_true(key_text_is_fit(public_text, KEY_TEXT));
    assert_false(key_text_is_fit(public_text, KEY_TEXT - 1));
    assert_false(key_text_is_fit("", 0));
    assert_false(key_text_is_fit("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf ", KEY_TEXT));
    assert_false(key_text_is_fit("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\x80", KEY_TEXT));
    assert_false(key_text_is_fit("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\0", KEY_TEXT));
    /* five characters whose number does not fit into four bytes */
    assert_false(key_text_is_fit("#####00000000000000000000000000000000000", KEY_TEXT));
}

static enum err parse(const char *text, struct key_pair *ret)
{
    const char *problem = NULL;
    enum err err = key_file_parse(text, strlen(text), ret, &problem);
    assert_true((err == ERR_OK) == (problem == NULL));
    return err;
}

static void test_parse(void **state)
{
    char text[512];
    struct key_pair pair;
    (void)state;
    (void)snprintf(text, sizeof(text), "kind = server\npublic = %s\nsecret = %s\n", public_text,
                   secret_text);
    assert_int_equal(parse(text, &pair), ERR_OK);
    assert_int_equal(pair.kind, KEY_OF_SERVER);
    assert_string_equal(pair.public_text, public_text);
    assert_string_equal(pair.secret_text, secret_text);
    (void)snprintf(text, sizeof(text), "# mine\r\n\n secret=%s \r\npublic=%s\n\tkind =device",
                   secret_text, public_text);
    assert_int_equal(parse(text, &pair), ERR_OK);
    assert_int_equal(pair.kind, KEY_OF_DEVICE);
}

/* P and S are the keys. */
static void expand(const char *format, char ret[512])
{
    size_t used = 0;
    for (; *format; format++) {
        const char *text = *format == 'P' ? public_text : *format == 'S' ? secret_text : NULL;
        size_t size = text ? KEY_TEXT : 1;
        memcpy(ret + used, text ? text : format, size);
        used += size;
    }
    ret[used] = '\0';
}

static void test_what_is_no_key_file(void **state)
{
    static const char *const formats[] = {
        "",
        "kind = server\npublic = P\n",
        "kind = server\nsecret = S\n",
        "public = P\nsecret = S\n",
        "kind = toaster\npublic = P\nsecret = S\n",
        "kind = server\nkind = server\npublic = P\nsecret = S\n",
        "kind = server\npublic = P\npublic = P\nsecret = S\n",
        "kind = server\npublic = S\nsecret = P\n", /* they do not belong together */
        "kind = server\npublic = Px\nsecret = S\n",
        "kind = server\npublic = P\nsecret = S\nnote = hello\n",
        "kind = server\npublic = P\nsecret = S\nhello\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char text[512];
        struct key_pair pair;
        expand(formats[i], text);
        if (parse(text, &pair) != ERR_BAD_KEY)
            fail_msg("accepted: %s", text);
        assert_string_equal(pair.secret_text, ""); /* nothing is left behind */
    }
}

static void test_files(void **state)
{
    char folder[] = "/tmp/roost-key-XXXXXX", path[64];
    struct key_pair pair, again;
    struct stat status;
    const char *problem = NULL;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/one.key", folder);
    assert_int_equal(key_file_read(path, &again, &problem), ERR_STORAGE);
    assert_int_equal(errno, ENOENT);
    assert_true(key_pair_make(KEY_OF_SERVER, &pair));
    assert_int_equal(key_file_write(path, &pair), ERR_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(key_file_read(path, &again, &problem), ERR_OK);
    assert_memory_equal(&again, &pair, sizeof(pair));
    assert_int_equal(key_file_write(path, &pair), ERR_STORAGE); /* it is never replaced */
    assert_int_equal(errno, EEXIST);
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(key_file_read(path, &again, &problem), ERR_BAD_KEY);
        assert_non_null(strstr(problem, "chmod 600"));
    }
    assert_int_equal(key_file_read(folder, &again, &problem), ERR_BAD_KEY);
    assert_int_equal(unlink(path), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i <= KEY_FILE_BYTES_MAX; i++)
        assert_int_equal(fputc('\n', file), '\n');
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(key_file_read(path, &again, &problem), ERR_BAD_KEY);
    assert_non_null(strstr(problem, "too long"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_codes(void **state)
{
    uint8_t random[KEY_CODE_CHARACTERS];
    char code[KEY_CODE_TEXT + 1], meant[KEY_CODE_CHARACTERS + 1];
    (void)state;
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = (uint8_t)(i * 11);
    key_code_make(random, code);
    assert_string_equal(code, "0BP1C-Q2DR3-ES4FT-5GV6H-W7JX8");
    assert_true(key_code_normalise(code, strlen(code), meant));
    assert_int_equal(strlen(meant), KEY_CODE_CHARACTERS);
    static const char typed[] = "oil00 ABCDE-abcde-00000--0000O";
    assert_true(key_code_normalise(typed, strlen(typed), meant));
    assert_string_equal(meant, "01100ABCDEABCDE0000000000");
    static const char *const wrong[] = {"",
                                        "0",
                                        "ABCDE-ABCDE-ABCDE-ABCDE-ABCD",
                                        "ABCDE-ABCDE-ABCDE-ABCDE-ABCDEF",
                                        "UBCDE-ABCDE-ABCDE-ABCDE-ABCDE",
                                        "secret"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(key_code_normalise(wrong[i], strlen(wrong[i]), meant));
    assert_false(key_code_normalise("ABCDE-ABCDE-ABCDE-ABCDE-ABCD\0", 29, meant));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_what_is_no_key_file),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
