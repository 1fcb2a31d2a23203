/* SPDX-License-Identifier: MPL-2.0
 *
 * GET /metrics and /readyz, for machines. They answer anybody who asks from this machine; elsewhere an
 * administrator, or anybody with http.metrics_open.
 *
 * Ready means: each actor's loop has answered a ping a moment ago, and the store takes messages.
 */
#include "gateways/http/http_caller.h"
#include "gateways/http/http_live.h"

/* --- Who may. */

static void run_if_admin(struct http_request *request, http_handler *handler)
{
    if (http_caller_is_admin(request->caller))
        handler(request);
    else
        http_answer_error(request, ERR_NOT_ALLOWED,
                          "only administrators may see that from another machine");
}

static bool is_open(const struct http_request *request)
{
    return request->connection->door.is_loopback || request->gateway->options->is_metrics_open;
}

/* --- GET /metrics. */

static void answer_metrics(struct http_request *request)
{
    struct http_gateway *gateway = request->gateway;
    if (!http_live_look(gateway->live)) { /* it sets the depths of the mailboxes, too */
        http_answer_error(request, ERR_BUSY, "the broker is being started");
        return;
    }
    http_answer_text(request, "text/plain; version=0.0.4; charset=utf-8");
    enum err err = metrics_write_text(http_live_blocks(gateway), gateway->options->metrics_count,
                                      &request->answer);
    if (err)
        http_answer_error(request, err, NULL);
    else
        http_answer(request, MHD_HTTP_OK);
}

static void metrics_if_admin(struct http_request *request)
{
    run_if_admin(request, answer_metrics);
}

void http_get_metrics(struct http_request *request)
{
    if (is_open(request))
        answer_metrics(request);
    else
        http_caller_admit(request, metrics_if_admin);
}

/* --- GET /readyz. */

static bool write_missing(struct http_json *json, const struct http_live *live)
{
    bool is_ready = true;
    http_json_array(json, "actors_missing");
    for (size_t i = 0; i < live->actor_count; i++) {
        if (actor_stats_is_answering(&live->stats[i], HTTP_LIVE_READY_MS))
            continue;
        http_json_text(json, NULL, live->names[i]);
        is_ready = false;
    }
    http_json_array_end(json);
    return is_ready;
}

static void answer_ready(struct http_request *request)
{
    struct http_live *live = request->gateway->live;
    struct http_json json;
    bool is_known = http_live_look(live);
    http_answer_object(request, &json);
    bool is_ready = is_known && write_missing(&json, live);
    bool is_writable = is_known && !live->vitals.is_disk_full;
    if (!is_known) {
        http_json_array(&json, "actors_missing");
        http_json_array_end(&json);
    }
    http_json_bool(&json, "store_writable", is_writable);
    http_json_bool(&json, "is_ready", is_ready && is_writable);
    http_json_text(&json, "text",
                   !is_known   ? "the broker is being started"
                   : !is_ready ? "some actors do not answer"
                   : !is_writable
                       ? "the disk is full: free some space, nothing else needs to be done"
                       : "ready");
    http_answer_object_end(request, &json,
                           is_ready && is_writable ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE);
}

static void ready_if_admin(struct http_request *request)
{
    run_if_admin(request, answer_ready);
}

void http_get_readyz(struct http_request *request)
{
    if (is_open(request))
        answer_ready(request);
    else
        http_caller_admit(request, ready_if_admin);
}
