/* SPDX-License-Identifier: MPL-2.0
 *
 * roost version: the four numbers that say what goes with what (the release, the protocol, the
 * schema of the data file, the ABI of the C library), and the libraries this program runs with.
 */
#include <jansson.h>
#include <libsmartcols.h>
#include <protobuf-c/protobuf-c.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <zmq.h>

#include "clients/cli/command.h"
#include "clients/cli/commands.h"
#include "clients/cli/json.h"
#include "store/migrate.h"

#define PROTOCOL_VERSION 1 /* of proto/wire/broker.proto */

static const char *zmq_text(void)
{
    static char text[32];
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    (void)snprintf(text, sizeof(text), "%d.%d.%d", major, minor, patch);
    return text;
}

static const char *smartcols_text(void)
{
    const char *text = NULL;
    (void)scols_get_library_version(&text);
    return text ? text : "";
}

static enum exit_code run_version(struct cli *cli)
{
    struct json json;
    int schema = migrations[migrations_count - 1].version;
    if (!cli->is_json) {
        (void)printf("roost %s (protocol %d, schema %d, ABI %d, libzmq %s)\n", roost_version(),
                     PROTOCOL_VERSION, schema, ROOST_ABI_VERSION, zmq_text());
        return EXIT_OK;
    }
    json_begin(&json, stdout);
    json_object(&json, NULL);
    json_text(&json, "roost", roost_version());
    json_number(&json, "protocol", PROTOCOL_VERSION);
    json_number(&json, "schema", (uint64_t)schema);
    json_number(&json, "abi", ROOST_ABI_VERSION);
    json_text(&json, "libzmq", zmq_text());
    json_text(&json, "sqlite", sqlite3_libversion());
    json_text(&json, "libprotobuf_c", protobuf_c_version());
    json_text(&json, "libsodium", sodium_version_string());
    json_text(&json, "jansson", jansson_version_str());
    json_text(&json, "libsmartcols", smartcols_text());
    json_object_end(&json);
    json_end_line(&json);
    return EXIT_OK;
}

const struct command version_command = {
    .name = "version",
    .summary = "versions of the tool, the protocol, the data file, and the libraries",
    .usage = "",
    .run = run_version,
};
