/* SPDX-License-Identifier: MPL-2.0
 *
 * See keys.h.
 */
#include "clients/cli/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

const char *keys_own_path(const struct cli *cli)
{
    return option_text(cli, "key-file", from_environment("ROOST_KEY_FILE"));
}

/* "public = KEY", or KEY. */
static bool take_line(char *line, char ret[KEY_TEXT_SIZE])
{
    static const char name[] = "public = ";
    const char *text = strncmp(line, name, strlen(name)) == 0 ? line + strlen(name) : line;
    size_t size = strcspn(text, "\r\n");
    if (!key_text_is_fit(text, size))
        return false;
    memcpy(ret, text, KEY_TEXT);
    ret[KEY_TEXT] = '\0';
    return true;
}

bool keys_read_public(const struct cli *cli, const char *text, char ret[KEY_TEXT_SIZE])
{
    char line[256];
    if (key_text_is_fit(text, strlen(text))) {
        memcpy(ret, text, KEY_TEXT_SIZE);
        return true;
    }
    FILE *file = fopen(text, "re");
    if (!file) {
        complain(cli, "'%s' is neither a public key (40 characters, in 'quotes') nor a file: %s",
                 text, strerror(errno));
        return false;
    }
    bool is_found = false;
    while (!is_found && fgets(line, sizeof(line), file))
        is_found = strncmp(line, "secret", 6) != 0 && take_line(line, ret);
    (void)fclose(file); /* only read */
    explicit_bzero(line, sizeof(line));
    if (!is_found)
        complain(cli, "there is no public key in %s", text);
    return is_found;
}

static bool read_own(const struct cli *cli, const char *path, struct key_pair *ret)
{
    const char *problem = "";
    enum err err = key_file_read(path, ret, &problem);
    if (err)
        complain(cli, "%s: %s%s", path, err == ERR_STORAGE ? strerror(errno) : problem,
                 err == ERR_STORAGE && errno == ENOENT ? "; 'roost key make' makes one" : "");
    return !err;
}

bool keys_take(const struct cli *cli, struct cli_keys *ret)
{
    const char *path = keys_own_path(cli);
    const char *server = option_text(cli, "server-key", from_environment("ROOST_SERVER_KEY"));
    *ret = (struct cli_keys){.is_given = path && server};
    if (!path && !server)
        return true;
    if (!ret->is_given) {
        complain(cli, "%s is missing: your key and that of the broker belong together",
                 path ? "--server-key KEY (of the broker)" : "--key-file FILE (your own)");
        return false;
    }
    return read_own(cli, path, &ret->own) && keys_read_public(cli, server, ret->server);
}

void keys_fill(const struct cli_keys *keys, struct roost_options *ret)
{
    if (!keys->is_given)
        return;
    ret->curve_server_key = keys->server;
    ret->curve_public_key = keys->own.public_text;
    ret->curve_secret_key = keys->own.secret_text;
}

void keys_wipe(struct cli_keys *keys)
{
    key_pair_wipe(&keys->own);
}
