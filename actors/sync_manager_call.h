/* SPDX-License-Identifier: MPL-2.0
 *
 * What the questions people ask of the sync-manager share: sync_manager_call.c,
 * sync_manager_inspect.c and sync_manager_list.c.
 */
#ifndef ACTORS_SYNC_MANAGER_CALL_H
#define ACTORS_SYNC_MANAGER_CALL_H

#include "sync_manager_state.h"

/* ERR_NO_SUCH_CONSUMER; a name that is not given is the asker's own. */
MUST_USE enum err sync_find_consumer(struct sync_manager *sync, const struct access_who *who,
                                     uint32_t scope_kind, ProtobufCBinaryData scope_name,
                                     ProtobufCBinaryData consumer_name, struct consumer **ret);
/* ERR_NOT_ALLOWED. */
MUST_USE enum err sync_may_manage(struct sync_manager *sync, const struct access_who *who,
                                  const struct consumer *consumer);
/* When history cannot be asked. */
void sync_answer_fin(struct sync_manager *sync, const struct msg *msg, uint64_t request_id,
                     enum err err);
/* QUERY DELIVERIES (sync_manager_list.c). */
void sync_query_deliveries(struct sync_manager *sync, const struct msg *msg,
                           const Roost__V1__Query *query);

#endif
