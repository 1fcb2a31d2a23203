/* SPDX-License-Identifier: MPL-2.0
 *
 * See roostd_keys.h.
 */
#include "roostd_keys.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "rt/log.h"

static enum err complain(const char *path, const char *problem)
{
    (void)fprintf(stderr, "roostd: security.server_key_file: %s: %s\n", path, problem);
    return ERR_CONFIG;
}

static enum err make(const char *path, struct key_pair *ret)
{
    if (!key_pair_make(KEY_OF_SERVER, ret))
        return complain(path, "this libzmq has no CURVE");
    if (key_file_write(path, ret) != ERR_OK)
        return complain(path, strerror(errno));
    log_info("server-key-made", LOG_STR("file", path));
    return ERR_OK;
}

static enum err load(const char *path, struct key_pair *ret)
{
    const char *problem = "";
    enum err err = key_file_read(path, ret, &problem);
    if (err == ERR_STORAGE && errno == ENOENT)
        return make(path, ret);
    if (err)
        return complain(path, err == ERR_STORAGE ? strerror(errno) : problem);
    if (ret->kind != KEY_OF_SERVER)
        return complain(path, "it is the key of a device; make another with 'roost key server'");
    return ERR_OK;
}

enum err roostd_keys_open(const struct roostd_config *config, const char *directory,
                          struct roostd_keys *ret)
{
    char path[PATH_MAX];
    const char *file = config->security_server_key_file;
    if (!roostd_has_curve(config))
        return ERR_OK;
    int size = snprintf(path, sizeof(path), "%s%s%s", file[0] == '/' ? "" : directory,
                        file[0] == '/' ? "" : "/", file);
    if (size < 0 || (size_t)size >= sizeof(path))
        return complain(file, "the name is too long");
    (void)sodium_mlock(&ret->server, sizeof(ret->server)); /* where the limit allows it */
    enum err err = load(path, &ret->server);
    ret->is_loaded = !err;
    if (err)
        key_pair_wipe(&ret->server);
    else
        log_info("server-key", LOG_STR("public", ret->server.public_text), LOG_STR("file", path));
    return err;
}

void roostd_keys_close(struct roostd_keys *keys)
{
    (void)sodium_munlock(&keys->server, sizeof(keys->server)); /* it wipes, too */
    keys->is_loaded = false;
}
