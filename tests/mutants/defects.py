# SPDX-License-Identifier: MPL-2.0
"""The deliberate defects, and for each the suites that must catch it.

`before` stands exactly once in `file`; `after` takes its place. `suites` are commands below the build
directory: at least one must fail (all of them are run, and each that fails is named). Add one for
each new suite; a defect that no suite catches is a hole in the tests, not in the list.
"""
import collections

Defect = collections.namedtuple("Defect", "name area what file before after suites")

STORE_CRASH = "tests/store/store_crash_test 1000"
PERSISTENCE_CRASH = "tests/actors/persistence_crash_test 300"
DELIVERY_MODEL = "tests/actors/delivery_model_test"
BROKER_SIM = "tests/sim/broker_sim_test"

DEFECTS = [
    # --- store
    Defect("sync-normal", "store", "a commit does not sync", "store/statements.def",
           "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL",
           [STORE_CRASH, PERSISTENCE_CRASH]),
    Defect("checksum-unread", "store", "a damaged message is taken for whole", "store/message_rows.c",
           "row->is_damaged = is_damaged || checksum_of_message(row) != row->checksum;",
           "row->is_damaged = is_damaged;", ["tests/store/store_damage_test"]),
    Defect("sync-without-flush", "store", "what was gathered is not written before the sync",
           "store/gather_vfs.c",
           "    struct gather_file *file = file_of(base);\n    int rc = flush(file);\n"
           "    return rc == SQLITE_OK ? file->parent->pMethods->xSync(file->parent, flags) : rc;",
           "    struct gather_file *file = file_of(base);\n"
           "    return file->parent->pMethods->xSync(file->parent, flags);",
           ["tests/store/store_gather_vfs_test"]),
    Defect("audit-unchained", "store", "an audit row does not depend on the one before",
           "store/audit.c", "(void)crypto_hash_sha256_update(&state, before, AUDIT_HASH_BYTES);",
           "(void)before;", ["tests/store/store_audit_test"]),
    Defect("lookup-ahead", "store", "a look-up sees what a slice of the index is not done with",
           "store/statements.def",
           "m.sender_id = ?2 AND i.seq <= ?3 ORDER BY", "m.sender_id = ?2 AND ?3 ORDER BY",
           ["tests/store/store_model_test"]),
    Defect("retention-ahead", "store", "retention takes what a slice of the index will name",
           "store/upkeep.c",
           "uint64_t end = store->indexed_seq < store->last_seq ? store->indexed_seq + 1 : store->last_seq;",
           "uint64_t end = store->last_seq;", ["tests/store/store_indexing_test"]),
    # --- runtime
    Defect("flood-first", "runtime", "a mailbox that is never empty does not hear of other senders",
           "actors/rt/runner.c",
           "        (void)has_input(mailbox_socket(runner->mailboxes, actor->id)); /* hears of others */",
           "        (void)runner; /* hears of others */", ["tests/rt/rt_system_test"]),
    Defect("endless-turn", "persistence", "a transaction has no bound", "actors/persistence_store.c",
           "        actor_end_turn(p->actor);", "        (void)p;",
           ["tests/actors/persistence_upkeep_test"]),
    # --- persistence
    Defect("early-answer", "persistence", "STORED leaves before the commit", "actors/persistence.c",
           "if (p->options.answers_before_commit && p->turn_messages > 0) {",
           "if (p->turn_messages > 0) {", [PERSISTENCE_CRASH]),
    Defect("failed-commit-answered", "persistence", "what could not be committed is answered as stored",
           "actors/persistence_transaction.c",
           "    err = persistence_fail(p, err);\n    if (err || !p->is_in_transaction)\n        return err;\n",
           "    return ERR_OK;\n",
           ["tests/actors/persistence_full_test", PERSISTENCE_CRASH]),
    Defect("gap-stored", "persistence", "what follows a refused message is stored",
           "actors/persistence_store.c", "return is_next ? persistence_check_rate(p, question) : ERR_SEQUENCE_GAP;",
           "return is_next || question->first_no ? ERR_OK : ERR_SEQUENCE_GAP;",
           ["tests/actors/persistence_store_test", "tests/actors/persistence_full_test"]),
    Defect("duplicates-stored", "persistence", "a message sent again is stored again",
           "actors/dedupe.c", "            *ret_seq = dedupe->base_seq + entry->seq_offset;\n",
           "", ["tests/actors/dedupe_test", "tests/actors/persistence_store_test"]),
    Defect("delivery-field", "history", "a field of a delivery is left out", "proto/wire_delivery.c",
           "FIELD_BYTES(12, (d)->parent_id)", "", ["tests/proto/proto_wire_delivery_test"]),
    # --- gateway
    Defect("router-drops", "gateway", "the socket drops silently what has no room",
           "gateways/zmq/zmq_router.c", "set_int(socket, ZMQ_ROUTER_MANDATORY, 1);",
           "set_int(socket, ZMQ_ROUTER_MANDATORY, 0);", ["tests/gateways/zmq_router_test"]),
    Defect("answered-unsent", "gateway", "numbers are answered that were never sent",
           "gateways/zmq/zmq_book.c", "        upto_no = book->next_no - 1;\n",
           "        upto_no = upto_no + 0;\n", ["tests/gateways/zmq_book_test"]),
    Defect("token-of-anybody", "gateway", "a resume token is good under another name",
           "gateways/zmq/zmq_session.c",
           "return session && is_same_name(session, name, name_size) ? session : NULL;",
           "return session && (name_size || is_same_name(session, name, name_size)) ? session : NULL;",
           ["tests/gateways/zmq_session_test", "tests/gateways/zmq_hello_test"]),
    Defect("waits-for-ever", "gateway", "who waits for WELCOME in vain hears nothing",
           "gateways/zmq/zmq_hello.c",
           "zmq_refuse_hello(actor, gateway, session, err_code(ERR_TIMEOUT), NULL, 0);", ";",
           ["tests/gateways/zmq_hello_test"]),
    # --- delivery
    Defect("one-too-many", "delivery", "one message beyond the credit", "actors/delivery_fetch.c",
           "uint64_t credit = attachment->messages_total - attachment->messages_taken;",
           "uint64_t credit = attachment->messages_total - attachment->messages_taken + 1;",
           [DELIVERY_MODEL, "tests/actors/delivery_test"]),
    Defect("attempts-uncounted", "delivery", "a failure counts no attempt", "actors/delivery_settle.c",
           "    aside->attempts++;\n    if (aside->attempts > backoff->retries_max) {",
           "    if (aside->attempts > backoff->retries_max) {",
           [DELIVERY_MODEL, "tests/actors/delivery_test"]),
    Defect("floor-unwritten", "delivery", "a floor that moved is not written", "actors/delivery_window.c",
           "        if (!consumer_is_ephemeral(consumer))\n"
           "            consumer_dirty(delivery, consumer);\n", "        (void)delivery;\n",
           [DELIVERY_MODEL, BROKER_SIM]),
    Defect("expires-early", "delivery", "expired by one of the two clocks alone",
           "actors/delivery_state.h",
           "return expires_ms <= clock->wall_ms && expires_ms <= clock->steady_ms;",
           "return expires_ms <= clock->wall_ms || expires_ms <= clock->steady_ms;",
           [DELIVERY_MODEL, "tests/actors/delivery_time_test", BROKER_SIM]),
    # --- client
    Defect("unsent-again", "client", "after a new session nothing is sent again", "clients/c/publish.c",
           "    publish->sent = 0;\n    publish->sent_bytes = 0;", "    publish->sent_bytes = 0;",
           ["tests/clients/client_publish_test"]),
    Defect("shown-twice", "client", "what was settled is shown again", "clients/c/book.c",
           "    if (slot->state != SLOT_HELD)\n        return deliver_old(book, number, ret);\n", "",
           ["tests/clients/client_book_test"]),
    Defect("retry-forgotten", "client", "what was refused for now is not sent again",
           "clients/c/publish.c",
           "    if (answer->retry_code && answer->upto_no + 1 == publish->base_no) {",
           "    if (answer->retry_code && !answer->retry_code) {", ["tests/clients/client_publish_test"]),
    # --- who may what
    Defect("deny-passed-over", "access", "a rule that denies counts only where none allows", "actors/acl.c",
           "        bool is_news = verdict == ACL_NO_RULE || !rule->is_allow;",
           "        bool is_news = verdict == ACL_NO_RULE;", ["tests/actors/acl_test"]),
    Defect("pattern-wider", "access", "a rule allows a pattern of which it covers a part", "actors/acl.c",
           "return rule->is_allow ? acl_covers(pattern, name) : acl_overlaps(pattern, name);",
           "return acl_overlaps(pattern, name);", ["tests/actors/acl_test"]),
    Defect("key-comes-back", "access", "a key that is revoked while a page is on its way is good again",
           "actors/keyring.c", "    if (is_known && value == keyring->load << 1)\n        return;\n", "",
           ["tests/actors/keyring_test"]),
    Defect("rate-half-taken", "access", "who is refused for his bytes pays with messages", "actors/quota.c",
           "        peer->messages = before; /* all or nothing */\n", "        (void)before;\n",
           ["tests/actors/quota_test"]),
    Defect("receipts-for-all", "access", "anybody sees who has read what", "actors/history_receipts.c",
           "bool is_shown = query->is_admin || row->sender_id == query->peer_id;",
           "bool is_shown = query->is_admin || row->sender_id != 0;",
           ["tests/actors/history_receipts_test"]),
    Defect("any-origin", "http", "a page of anybody may ask in the reader's name", "gateways/http/http_head.c",
           "    if (head->origin && !is_same_origin(door, head->origin, head->host))\n"
           "        return ERR_WRONG_ORIGIN;\n",
           "    (void)is_same_origin;\n", ["tests/gateways/http_head_test"]),
    Defect("refusals-uncounted", "access", "a flood of refused keys is a row each", "actors/refusals.c",
           "    if (!is_first)\n        return NULL;\n", "", ["tests/actors/refusals_test"]),
    Defect("foreign-wal", "import", "an import makes files beside the one it reads", "store/foreign.c",
           "*ret_is_wal = header[HEADER_WRITER] == 2 || header[HEADER_READER] == 2;",
           "*ret_is_wal = header[HEADER_WRITER] == 2;", ["tests/store/store_foreign_test"]),
    Defect("schema-unproven", "store", "a file without a column is opened", "store/store_open.c",
           "        err = statement_prepare_writes(store);\n", "        err = ERR_OK;\n",
           ["tests/store/store_statements_test"]),
    Defect("search-passes-over", "store", "an edit changes nothing in the text index",
           "store/statements.def", "AND m.kind IN (0, 3, 7, 8) ORDER BY m.seq LIMIT ?3",
           "AND m.kind IN (0, 3, 8) ORDER BY m.seq LIMIT ?3",
           ["tests/store/store_search_test", "tests/actors/history_search_model_test"]),
]
