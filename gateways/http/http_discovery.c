/* SPDX-License-Identifier: MPL-2.0
 *
 * GET /api/v1/discovery: the local network as the ipmsg-gateway knows it. What is said there proves
 * nothing about anybody.
 */
#include <string.h>

#include "gateways/http/http_live.h"

#define LIMIT       500u
#define DEADLINE_MS 5000

void http_get_discovery(struct http_request *request)
{
    struct http_gateway *gateway = request->gateway;
    INTERNAL(LanShow) show = ROOST__INTERNAL__LAN_SHOW__INIT;
    show.limit = LIMIT;
    enum err err = actor_ask(gateway->actor, ACTOR_IPMSG_GATEWAY, MSG_LAN_SHOW, &show.base, NULL,
                             DEADLINE_MS, request->ticket);
    if (err)
        http_answer_error(request, err, NULL);
}

static void write_interfaces(struct http_json *json, const INTERNAL(LanShown) * shown)
{
    http_json_array(json, "interfaces");
    for (size_t i = 0; i < shown->n_interfaces; i++) {
        http_json_object(json, NULL);
        http_json_text(json, "address", shown->interfaces[i]->address);
        http_json_text(json, "broadcast", shown->interfaces[i]->broadcast);
        http_json_object_end(json);
    }
    http_json_array_end(json);
}

static void write_peer(struct http_json *json, const INTERNAL(LanSeen) * seen)
{
    http_json_object(json, NULL);
    http_json_bytes(json, "peer", seen->peer.data, seen->peer.len);
    http_json_bytes(json, "nickname", seen->nickname.data, seen->nickname.len);
    http_json_bytes(json, "group", seen->group.data, seen->group.len);
    http_json_text(json, "address", seen->address);
    http_json_text(json, "interface", seen->interface);
    http_json_bool(json, "is_online", seen->is_present);
    http_json_number(json, "heard_ms", seen->heard_ms);
    http_json_bytes(json, "version", seen->version.data, seen->version.len);
    http_json_object_end(json);
}

enum err http_on_lan_shown(struct actor *actor, void *state, const struct msg *msg)
{
    const INTERNAL(LanShown) *shown = MSG_BODY(msg, INTERNAL(LanShown));
    uint64_t ticket;
    struct http_request *request =
        actor_context(actor, msg, &ticket) ? http_request_of(state, ticket) : NULL;
    if (!request)
        return ERR_OK;
    struct http_json json;
    http_answer_object(request, &json);
    http_json_bool(&json, "is_on", shown->n_interfaces > 0);
    http_json_bytes(&json, "own_name", shown->own_name.data, shown->own_name.len);
    write_interfaces(&json, shown);
    http_json_array(&json, "seeds");
    for (size_t i = 0; i < shown->n_seeds; i++)
        http_json_text(&json, NULL, shown->seeds[i]);
    http_json_array_end(&json);
    http_json_array(&json, "announced");
    for (size_t i = 0; i < shown->n_peers; i++)
        write_peer(&json, shown->peers[i]);
    http_json_array_end(&json);
    http_json_number(&json, "announced_total", shown->peer_count);
    http_answer_object_end(request, &json, MHD_HTTP_OK);
    return ERR_OK;
}
