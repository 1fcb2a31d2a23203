/* SPDX-License-Identifier: MPL-2.0
 *
 * See wire_check.h. A rule says of one field what it may hold; a message is checked by walking the
 * rules of its type. What ties several fields together is code below the tables.
 *
 * A client checks what its broker says by fewer rules (lengths of ids, what must not be zero): a
 * newer broker may use values an older client does not know, and the client shows them as they are.
 */
#include "proto/wire_check.h"

#include <string.h>

#include "proto/name.h"

enum rule_kind {
    RULE_END,
    RULE_U32,
    RULE_U64,
    RULE_ENUM,
    RULE_BYTES, /* min..max are sizes, here and below */
    RULE_ID,    /* 16 bytes, or nothing when min is 0 */
    RULE_IDS,   /* a multiple of 16 bytes */
    RULE_HASH,  /* 32 bytes */
    RULE_NAME,
    RULE_SCOPE,  /* possibly with wildcards: the actor in question decides */
    RULE_TEXT,   /* bytes for people */
    RULE_STRING, /* a protobuf string; the scan looked at its UTF-8 */
};

struct rule {
    enum rule_kind kind;
    uint32_t offset;
    const char *field; /* "attach.scope" */
    uint64_t min;
    uint64_t max;
};

#define RULE(KIND, Type, name, member, min, max)                                                   \
    {                                                                                              \
        RULE_##KIND, (uint32_t)offsetof(Roost__V1__##Type, member), name "." #member, min, max     \
    }
#define END                                                                                        \
    {                                                                                              \
        RULE_END, 0, NULL, 0, 0                                                                    \
    }

#define REQUEST_ID(Type, name) RULE(U64, Type, name, request_id, 1, WIRE_NUMBER_MAX)
#define HANDLE(Type, name)     RULE(U32, Type, name, handle, 1, UINT32_MAX)
#define NAMED(Type, name, f)   RULE(NAME, Type, name, f, 0, WIRE_NAME_BYTES_MAX)
#define SEQ(Type, name, f)     RULE(U64, Type, name, f, 0, WIRE_NUMBER_MAX)
#define TIME(Type, name, f)    RULE(U64, Type, name, f, 0, WIRE_TIME_MS_MAX)
#define IDS(Type, name)        RULE(IDS, Type, name, message_ids, 0, WIRE_IDS_MAX *WIRE_ID_BYTES)
#define ECHO(Type, name)       RULE(BYTES, Type, name, echo, 0, WIRE_PING_ECHO_BYTES_MAX)

/* --- client -> broker, and both ways */

static const struct rule hello_rules[] = {
    RULE(U32, Hello, "hello", version_min, 1, UINT32_MAX),
    RULE(U32, Hello, "hello", version_max, 1, UINT32_MAX),
    NAMED(Hello, "hello", peer),
    RULE(BYTES, Hello, "hello", credentials, 0, WIRE_CREDENTIALS_BYTES_MAX),
    RULE(ID, Hello, "hello", resume_token, 0, WIRE_TOKEN_BYTES),
    RULE(STRING, Hello, "hello", software, 0, WIRE_SOFTWARE_BYTES_MAX),
    RULE(TEXT, Hello, "hello", display_name, 0, WIRE_DISPLAY_NAME_BYTES_MAX),
    END,
};

static const struct rule ping_rules[] = {ECHO(Ping, "ping"), END};
static const struct rule pong_rules[] = {ECHO(Pong, "pong"), END};
static const struct rule goodbye_rules[] = {
    RULE(STRING, Goodbye, "goodbye", text, 0, WIRE_TEXT_BYTES_MAX), END};

static const struct rule attach_rules[] = {
    HANDLE(Attach, "attach"),
    RULE(SCOPE, Attach, "attach", scope, 1, WIRE_SCOPE_BYTES_MAX),
    NAMED(Attach, "attach", consumer),
    RULE(ENUM, Attach, "attach", start, 0, ROOST__V1__START__START_TIME),
    SEQ(Attach, "attach", start_value),
    RULE(U32, Attach, "attach", lease_ms, 0, WIRE_LEASE_MS_MAX),
    SEQ(Attach, "attach", credit_messages),
    SEQ(Attach, "attach", credit_bytes),
    END,
};

static const struct rule detach_rules[] = {HANDLE(Detach, "detach"), END};

static const struct rule credit_rules[] = {
    HANDLE(Credit, "credit"),
    SEQ(Credit, "credit", messages_total),
    SEQ(Credit, "credit", bytes_total),
    END,
};

static const struct rule settle_rules[] = {HANDLE(Settle, "settle"),
                                           SEQ(Settle, "settle", confirm_id), END};

static const struct rule range_rules[] = {
    RULE(U64, SettleRange, "settle.ranges", first_delivery_no, 1, WIRE_NUMBER_MAX),
    SEQ(SettleRange, "settle.ranges", last_delivery_no),
    RULE(ENUM, SettleRange, "settle.ranges", outcome, 1, ROOST__V1__OUTCOME__EXTEND),
    RULE(U32, SettleRange, "settle.ranges", delay_ms, 0, WIRE_DELAY_MS_MAX),
    RULE(STRING, SettleRange, "settle.ranges", reason, 0, WIRE_REASON_BYTES_MAX),
    END,
};

static const struct rule query_rules[] = {
    REQUEST_ID(Query, "query"),
    NAMED(Query, "query", peer),
    RULE(SCOPE, Query, "query", scope, 0, WIRE_SCOPE_BYTES_MAX),
    NAMED(Query, "query", consumer),
    SEQ(Query, "query", after_seq),
    SEQ(Query, "query", before_seq),
    RULE(U32, Query, "query", limit, 0, WIRE_PAGE_MAX),
    RULE(U32, Query, "query", offset, 0, WIRE_OFFSET_MAX),
    TIME(Query, "query", from_ms),
    TIME(Query, "query", to_ms),
    IDS(Query, "query"),
    NAMED(Query, "query", after_name),
    RULE(TEXT, Query, "query", text, 0, WIRE_TEXT_BYTES_MAX),
    RULE(TEXT, Query, "query", address, 0, WIRE_NAME_BYTES_MAX),
    END,
};

static const struct rule sync_rules[] = {
    REQUEST_ID(Sync, "sync"),
    SEQ(Sync, "sync", after_seq),
    RULE(U32, Sync, "sync", limit, 0, WIRE_PAGE_MAX),
    END,
};

static const struct rule presence_rules[] = {REQUEST_ID(Presence, "presence"), END};

static const struct rule call_rules[] = {
    REQUEST_ID(Call, "call"),
    NAMED(Call, "call", peer),
    RULE(SCOPE, Call, "call", scope, 0, WIRE_SCOPE_BYTES_MAX),
    NAMED(Call, "call", consumer),
    SEQ(Call, "call", seq),
    IDS(Call, "call"),
    RULE(TEXT, Call, "call", text, 0, WIRE_TEXT_BYTES_MAX),
    RULE(BYTES, Call, "call", body, 0, WIRE_BODY_BYTES_CAP),
    RULE(BYTES, Call, "call", password, 0, WIRE_CREDENTIALS_BYTES_MAX),
    RULE(ID, Call, "call", invitation_id, 0, WIRE_ID_BYTES),
    RULE(ENUM, Call, "call", room_role, 0, ROOST__V1__ROOM_ROLE__BANNED),
    RULE(ENUM, Call, "call", role, 0, ROOST__V1__ROLE__ADMIN),
    TIME(Call, "call", until_ms),
    RULE(TEXT, Call, "call", display_name, 0, WIRE_DISPLAY_NAME_BYTES_MAX),
    RULE(TEXT, Call, "call", topic, 0, WIRE_TEXT_BYTES_MAX),
    RULE(TEXT, Call, "call", description, 0, WIRE_TEXT_BYTES_MAX),
    RULE(ENUM, Call, "call", privacy, 0, ROOST__V1__PRIVACY__OPEN),
    RULE(U64, Call, "call", retention_ms, 0, WIRE_TTL_MS_MAX),
    RULE(U32, Call, "call", clear, 0, WIRE_CLEAR_MASK),
    RULE(BYTES, Call, "call", key, 0, WIRE_DEVICE_KEY_TEXT),
    RULE(U32, Call, "call", actions, 0, WIRE_ACTIONS_MASK),
    END,
};

/* --- broker -> client */

static const struct rule welcome_rules[] = {
    RULE(U32, Welcome, "welcome", version, 1, UINT32_MAX),
    RULE(ID, Welcome, "welcome", boot_id, 1, WIRE_ID_BYTES),
    RULE(ID, Welcome, "welcome", resume_token, 1, WIRE_TOKEN_BYTES),
    END,
};

static const struct rule attached_rules[] = {HANDLE(Attached, "attached"), END};

static const struct rule deliver_rules[] = {
    HANDLE(Deliver, "deliver"),
    RULE(U64, Deliver, "deliver", first_delivery_no, 1, WIRE_NUMBER_MAX),
    END,
};

static const struct rule delivery_rules[] = {
    RULE(ID, Delivery, "delivery", message_id, 0, WIRE_ID_BYTES),
    RULE(ID, Delivery, "delivery", parent_id, 0, WIRE_ID_BYTES),
    END,
};

static const struct rule receipt_rules[] = {
    HANDLE(Receipt, "receipt"),
    RULE(U64, Receipt, "receipt", delivery_no, 1, WIRE_NUMBER_MAX),
    END,
};

static const struct rule receipt_entry_rules[] = {
    RULE(IDS, ReceiptEntry, "receipt.entries", message_ids, 0, WIRE_RECEIPT_IDS_MAX *WIRE_ID_BYTES),
    END,
};

static const struct rule settled_rules[] = {HANDLE(Settled, "settled"), END};
static const struct rule result_rules[] = {REQUEST_ID(Result, "result"), END};
static const struct rule fin_rules[] = {REQUEST_ID(Fin, "fin"), END};

static const struct rule reply_rules[] = {
    REQUEST_ID(Reply, "reply"),
    RULE(ID, Reply, "reply", message_id, 0, WIRE_ID_BYTES),
    RULE(ID, Reply, "reply", invitation_id, 0, WIRE_ID_BYTES),
    END,
};

static const struct rule invitation_rules[] = {
    RULE(ID, Invitation, "result.invitations", invitation_id, 1, WIRE_ID_BYTES), END};

static const struct rule audit_rules[] = {
    RULE(HASH, AuditEntry, "result.audit", hash, 1, WIRE_HASH_BYTES), END};

static const struct rule *const rules_to_broker[] = {
    [ROOST__V1__TYPE__HELLO] = hello_rules,       [ROOST__V1__TYPE__PING] = ping_rules,
    [ROOST__V1__TYPE__PONG] = pong_rules,         [ROOST__V1__TYPE__GOODBYE] = goodbye_rules,
    [ROOST__V1__TYPE__ATTACH] = attach_rules,     [ROOST__V1__TYPE__DETACH] = detach_rules,
    [ROOST__V1__TYPE__CREDIT] = credit_rules,     [ROOST__V1__TYPE__SETTLE] = settle_rules,
    [ROOST__V1__TYPE__QUERY] = query_rules,       [ROOST__V1__TYPE__SYNC] = sync_rules,
    [ROOST__V1__TYPE__PRESENCE] = presence_rules, [ROOST__V1__TYPE__CALL] = call_rules,
};

static const struct rule *const rules_to_client[] = {
    [ROOST__V1__TYPE__WELCOME] = welcome_rules, [ROOST__V1__TYPE__PING] = ping_rules,
    [ROOST__V1__TYPE__PONG] = pong_rules,       [ROOST__V1__TYPE__ATTACHED] = attached_rules,
    [ROOST__V1__TYPE__DETACH] = detach_rules,   [ROOST__V1__TYPE__DELIVER] = deliver_rules,
    [ROOST__V1__TYPE__RECEIPT] = receipt_rules, [ROOST__V1__TYPE__SETTLED] = settled_rules,
    [ROOST__V1__TYPE__RESULT] = result_rules,   [ROOST__V1__TYPE__FIN] = fin_rules,
    [ROOST__V1__TYPE__REPLY] = reply_rules,
};

/* --- applying a rule */

static enum err check_number(const struct rule *rule, uint64_t value, const char **ret_detail)
{
    if (value >= rule->min && value <= rule->max)
        return ERR_OK;
    *ret_detail = value == 0 ? "must not be 0" : "outside its range";
    return value == 0 ? ERR_MISSING_FIELD : ERR_BAD_FIELD;
}

/* Ids are absent or whole; lists of ids hold whole ones. */
static enum err check_ids(const struct rule *rule, size_t size, const char **ret_detail)
{
    if (rule->kind == RULE_HASH) {
        *ret_detail = "must be 32 bytes";
        return size == WIRE_HASH_BYTES ? ERR_OK : ERR_BAD_FIELD;
    }
    bool is_right = rule->kind == RULE_ID ? size == WIRE_ID_BYTES : size % WIRE_ID_BYTES == 0;

    if (is_right)
        return ERR_OK;
    *ret_detail = rule->kind == RULE_ID ? "must be 16 bytes" : "must be 16 bytes each";
    return ERR_BAD_FIELD;
}

static enum err check_bytes(const struct rule *rule, const ProtobufCBinaryData *data,
                            const char **ret_detail)
{
    struct scope_name scope;

    if (data->len == 0) {
        *ret_detail = "must not be empty";
        return rule->min == 0 ? ERR_OK : ERR_MISSING_FIELD;
    }
    if (rule->kind == RULE_NAME)
        return name_check(data->data, data->len, ret_detail);
    if (rule->kind == RULE_SCOPE)
        return scope_parse_pattern(data->data, data->len, &scope, ret_detail);
    if (data->len > rule->max) {
        *ret_detail = "too long";
        return ERR_BAD_FIELD;
    }
    if (rule->kind == RULE_ID || rule->kind == RULE_IDS || rule->kind == RULE_HASH)
        return check_ids(rule, data->len, ret_detail);
    if (rule->kind == RULE_TEXT)
        return name_check_text(data->data, data->len, ret_detail);
    return ERR_OK;
}

static enum err check_rule(const struct rule *rule, const void *field, const char **ret_detail)
{
    switch (rule->kind) {
    case RULE_U32:
        return check_number(rule, *(const uint32_t *)field, ret_detail);
    case RULE_U64:
        return check_number(rule, *(const uint64_t *)field, ret_detail);
    case RULE_ENUM: /* a negative one becomes a large number */
        return check_number(rule, (uint64_t)(int64_t) * (const int *)field, ret_detail);
    case RULE_STRING:
        *ret_detail = "too long";
        return strlen(*(const char *const *)field) <= rule->max ? ERR_OK : ERR_BAD_FIELD;
    case RULE_BYTES:
    case RULE_ID:
    case RULE_IDS:
    case RULE_HASH:
    case RULE_NAME:
    case RULE_SCOPE:
    case RULE_TEXT:
        return check_bytes(rule, field, ret_detail);
    case RULE_END:
        break;
    }
    return ERR_OK;
}

static enum err check_rules(const struct rule *rule, const void *message, struct wire_fault *fault)
{
    for (; rule->kind != RULE_END; rule++) {
        const void *field = (const char *)message + rule->offset;
        enum err err = check_rule(rule, field, &fault->detail);
        if (err) {
            fault->field = rule->field;
            return err;
        }
    }
    return ERR_OK;
}

/* --- what ties fields together */

static enum err refuse(struct wire_fault *fault, enum err err, const char *field,
                       const char *detail)
{
    *fault = (struct wire_fault){field, detail};
    return err;
}

static enum err check_hello(const Roost__V1__Hello *hello, struct wire_fault *fault)
{
    if (hello->version_min > hello->version_max)
        return refuse(fault, ERR_BAD_FIELD, "hello.version_min", "above version_max");
    if (hello->version_min > WIRE_VERSION || hello->version_max < WIRE_VERSION)
        return refuse(fault, ERR_BAD_VERSION, "hello.version_max", "this broker speaks version 1");
    if (hello->peer.len > 0 && name_is_reserved(hello->peer.data, hello->peer.len))
        return refuse(fault, ERR_BAD_NAME, "hello.peer", "names with lan: or $ are reserved");
    return ERR_OK;
}

static enum err check_attach(const Roost__V1__Attach *attach, struct wire_fault *fault)
{
    if (attach->lease_ms > 0 && attach->lease_ms < WIRE_LEASE_MS_MIN)
        return refuse(fault, ERR_BAD_FIELD, "attach.lease_ms", "too short");
    return ERR_OK;
}

static enum err check_settle(const Roost__V1__Settle *settle, struct wire_fault *fault)
{
    if (settle->n_ranges == 0)
        return refuse(fault, ERR_MISSING_FIELD, "settle.ranges", "must not be empty");
    if (settle->n_ranges > WIRE_RANGES_MAX)
        return refuse(fault, ERR_TOO_MANY, "settle.ranges", "at most 1000");
    for (size_t i = 0; i < settle->n_ranges; i++) {
        const Roost__V1__SettleRange *range = settle->ranges[i];
        enum err err = check_rules(range_rules, range, fault);
        if (err)
            return err;
        if (range->last_delivery_no > 0 && range->last_delivery_no < range->first_delivery_no)
            return refuse(fault, ERR_BAD_FIELD, "settle.ranges.last_delivery_no", "before first");
    }
    return ERR_OK;
}

static bool is_query_kind(Roost__V1__QueryKind kind)
{
    return (kind >= ROOST__V1__QUERY_KIND__HISTORY && kind <= ROOST__V1__QUERY_KIND__TABLES) ||
           (kind >= ROOST__V1__QUERY_KIND__ROOMS && kind <= ROOST__V1__QUERY_KIND__ACL);
}

static enum err check_query(const Roost__V1__Query *query, struct wire_fault *fault)
{
    size_t ids = query->message_ids.len / WIRE_ID_BYTES;

    if (!is_query_kind(query->kind))
        return refuse(fault, ERR_UNKNOWN_CALL, "query.kind", NULL);
    if (query->kind == ROOST__V1__QUERY_KIND__BY_ID && ids == 0)
        return refuse(fault, ERR_MISSING_FIELD, "query.message_ids", "BY_ID needs them");
    if (query->kind == ROOST__V1__QUERY_KIND__TRACE && ids != 1)
        return refuse(fault, ERR_MISSING_FIELD, "query.message_ids", "TRACE needs exactly one");
    if (query->kind == ROOST__V1__QUERY_KIND__HISTORY && query->peer.len == 0 &&
        query->scope.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "query.peer", "HISTORY needs a peer or a scope");
    if (query->kind == ROOST__V1__QUERY_KIND__DELIVERIES && query->scope.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "query.scope", "DELIVERIES needs a scope");
    if (query->to_ms > 0 && query->to_ms < query->from_ms)
        return refuse(fault, ERR_BAD_FIELD, "query.to_ms", "before from_ms");
    return ERR_OK;
}

/* What a method cannot do without. */
enum need {
    NEED_PEER = 1,
    NEED_SCOPE = 2,
    NEED_PEER_OR_SCOPE = 4,
    NEED_IDS = 8,
    NEED_IDS_OR_ALL = 16,
    NEED_ONE_ID = 32,
    NEED_TEXT = 64,
    NEED_PASSWORD = 128,
    NEED_ROLE = 256,
    NEED_ACTIONS = 512,
    NEED_KNOWN = 1 << 15, /* every method has it */
};

static const uint16_t call_needs[] = {
    [ROOST__V1__METHOD__MARK_READ] = NEED_KNOWN | NEED_PEER_OR_SCOPE,
    [ROOST__V1__METHOD__CANCEL] = NEED_KNOWN | NEED_IDS,
    [ROOST__V1__METHOD__DEAD_REDRIVE] = NEED_KNOWN | NEED_SCOPE | NEED_IDS_OR_ALL,
    [ROOST__V1__METHOD__DEAD_PURGE] = NEED_KNOWN | NEED_SCOPE | NEED_IDS_OR_ALL,
    [ROOST__V1__METHOD__PEER_REMOVE] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__PEER_NICKNAME] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__CONSUMER_REMOVE] = NEED_KNOWN | NEED_SCOPE,
    [ROOST__V1__METHOD__SCOPE_CREATE] = NEED_KNOWN | NEED_SCOPE,
    [ROOST__V1__METHOD__FLUSH_INDEX] = NEED_KNOWN,
    [ROOST__V1__METHOD__WARM_START_AGAIN] = NEED_KNOWN,
    [ROOST__V1__METHOD__ROOM_CREATE] = NEED_KNOWN | NEED_SCOPE,
    [ROOST__V1__METHOD__ROOM_JOIN] = NEED_KNOWN | NEED_SCOPE,
    [ROOST__V1__METHOD__ROOM_LEAVE] = NEED_KNOWN | NEED_SCOPE,
    [ROOST__V1__METHOD__ROOM_UPDATE] = NEED_KNOWN | NEED_SCOPE,
    [ROOST__V1__METHOD__ROOM_ARCHIVE] = NEED_KNOWN | NEED_SCOPE,
    [ROOST__V1__METHOD__MEMBER_ROLE] = NEED_KNOWN | NEED_SCOPE | NEED_PEER,
    [ROOST__V1__METHOD__INVITE] = NEED_KNOWN | NEED_SCOPE | NEED_PEER,
    [ROOST__V1__METHOD__INVITE_ACCEPT] = NEED_KNOWN,
    [ROOST__V1__METHOD__INVITE_DECLINE] = NEED_KNOWN,
    [ROOST__V1__METHOD__INVITE_REVOKE] = NEED_KNOWN,
    [ROOST__V1__METHOD__MESSAGE_EDIT] = NEED_KNOWN | NEED_ONE_ID,
    [ROOST__V1__METHOD__MESSAGE_DELETE] = NEED_KNOWN | NEED_ONE_ID,
    [ROOST__V1__METHOD__REACT] = NEED_KNOWN | NEED_ONE_ID | NEED_TEXT,
    [ROOST__V1__METHOD__UNREACT] = NEED_KNOWN | NEED_ONE_ID | NEED_TEXT,
    [ROOST__V1__METHOD__USER_REGISTER] = NEED_KNOWN | NEED_PEER | NEED_PASSWORD,
    [ROOST__V1__METHOD__USER_PASSWORD] = NEED_KNOWN | NEED_PASSWORD,
    [ROOST__V1__METHOD__USER_ROLE] = NEED_KNOWN | NEED_PEER | NEED_ROLE,
    [ROOST__V1__METHOD__USER_BAN] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__USER_UNBAN] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__USER_ACTIVE] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__TOKEN_CREATE] = NEED_KNOWN,
    [ROOST__V1__METHOD__SESSION_END] = NEED_KNOWN,
    [ROOST__V1__METHOD__USER_UNLOCK] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__KEY_ENROL] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__KEY_REVOKE] = NEED_KNOWN,
    [ROOST__V1__METHOD__KEY_CODE] = NEED_KNOWN | NEED_PEER,
    [ROOST__V1__METHOD__ACL_ALLOW] = NEED_KNOWN | NEED_PEER | NEED_TEXT | NEED_ACTIONS,
    [ROOST__V1__METHOD__ACL_DENY] = NEED_KNOWN | NEED_PEER | NEED_TEXT | NEED_ACTIONS,
    [ROOST__V1__METHOD__ACL_REMOVE] = NEED_KNOWN,
    [ROOST__V1__METHOD__ACL_TEST] = NEED_KNOWN | NEED_PEER | NEED_TEXT | NEED_ACTIONS,
};

static enum err check_call_ids(const Roost__V1__Call *call, uint16_t needs,
                               struct wire_fault *fault)
{
    if ((needs & NEED_IDS) && call->message_ids.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "call.message_ids", "the method needs them");
    if ((needs & NEED_IDS_OR_ALL) && call->message_ids.len == 0 && !call->all)
        return refuse(fault, ERR_MISSING_FIELD, "call.message_ids", "name some, or set all");
    if ((needs & NEED_ONE_ID) && call->message_ids.len != WIRE_ID_BYTES)
        return refuse(fault, ERR_MISSING_FIELD, "call.message_ids", "name exactly one");
    return ERR_OK;
}

static enum err check_call(const Roost__V1__Call *call, struct wire_fault *fault)
{
    size_t count = sizeof(call_needs) / sizeof(call_needs[0]);
    uint16_t needs = (size_t)call->method < count ? call_needs[call->method] : 0;
    if (!needs)
        return refuse(fault, ERR_UNKNOWN_CALL, "call.method", NULL);
    if ((needs & NEED_SCOPE) && call->scope.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "call.scope", NULL);
    if ((needs & NEED_PEER) && call->peer.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "call.peer", NULL);
    if ((needs & NEED_PEER_OR_SCOPE) && call->peer.len == 0 && call->scope.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "call.peer", "MARK_READ needs peer or scope");
    if ((needs & NEED_TEXT) && call->text.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "call.text", NULL);
    if ((needs & NEED_PASSWORD) && call->password.len == 0)
        return refuse(fault, ERR_MISSING_FIELD, "call.password", NULL);
    if ((needs & NEED_ROLE) && call->role == ROOST__V1__ROLE__ROLE_NONE)
        return refuse(fault, ERR_MISSING_FIELD, "call.role", NULL);
    if ((needs & NEED_ACTIONS) && call->actions == 0)
        return refuse(fault, ERR_MISSING_FIELD, "call.actions", NULL);
    return check_call_ids(call, needs, fault);
}

static enum err check_deliveries(Roost__V1__Delivery *const *deliveries, size_t count,
                                 struct wire_fault *fault)
{
    enum err err = ERR_OK;

    for (size_t i = 0; i < count && !err; i++)
        err = check_rules(delivery_rules, deliveries[i], fault);
    return err;
}

static enum err check_result(const Roost__V1__Result *result, struct wire_fault *fault)
{
    enum err err = check_deliveries(result->messages, result->n_messages, fault);

    for (size_t i = 0; i < result->n_dead && !err; i++) {
        if (!result->dead[i]->message)
            return refuse(fault, ERR_MISSING_FIELD, "result.dead.message", NULL);
        err = check_rules(delivery_rules, result->dead[i]->message, fault);
    }
    for (size_t i = 0; i < result->n_invitations && !err; i++)
        err = check_rules(invitation_rules, result->invitations[i], fault);
    for (size_t i = 0; i < result->n_audit && !err; i++)
        err = check_rules(audit_rules, result->audit[i], fault);
    return err;
}

static enum err check_receipt(const Roost__V1__Receipt *receipt, struct wire_fault *fault)
{
    enum err err = ERR_OK;

    for (size_t i = 0; i < receipt->n_entries && !err; i++)
        err = check_rules(receipt_entry_rules, receipt->entries[i], fault);
    return err;
}

enum err wire_check_numbers(uint64_t first_no, size_t entries, const struct wire_limits *limits,
                            struct wire_fault *ret_fault)
{
    if (first_no == 0)
        return refuse(ret_fault, ERR_MISSING_FIELD, "send.first_no", "numbers start at 1");
    if (entries == 0)
        return refuse(ret_fault, ERR_MISSING_FIELD, "send.entries", "must not be empty");
    if (entries > limits->entries_max)
        return refuse(ret_fault, ERR_TOO_MANY_ENTRIES, "send.entries", "more than entries_max");
    if (first_no > WIRE_NUMBER_MAX - entries)
        return refuse(ret_fault, ERR_BAD_FIELD, "send.first_no", "outside its range");
    return ERR_OK;
}

static enum err check_for_broker(const struct wire_message *message,
                                 const struct wire_limits *limits, struct wire_fault *fault)
{
    if (message->type == ROOST__V1__TYPE__HELLO)
        return check_hello(message->hello, fault);
    if (message->type == ROOST__V1__TYPE__SEND)
        return wire_check_numbers(message->send->first_no, message->send->n_entries, limits, fault);
    if (message->type == ROOST__V1__TYPE__ATTACH)
        return check_attach(message->attach, fault);
    if (message->type == ROOST__V1__TYPE__SETTLE)
        return check_settle(message->settle, fault);
    if (message->type == ROOST__V1__TYPE__QUERY)
        return check_query(message->query, fault);
    if (message->type == ROOST__V1__TYPE__CALL)
        return check_call(message->call, fault);
    return ERR_OK;
}

static enum err check_for_client(const struct wire_message *message, struct wire_fault *fault)
{
    if (message->type == ROOST__V1__TYPE__DELIVER)
        return check_deliveries(message->deliver->entries, message->deliver->n_entries, fault);
    if (message->type == ROOST__V1__TYPE__RESULT)
        return check_result(message->result, fault);
    if (message->type == ROOST__V1__TYPE__RECEIPT)
        return check_receipt(message->receipt, fault);
    return ERR_OK;
}

enum err wire_check_message(const struct wire_message *message, enum wire_direction direction,
                            const struct wire_limits *limits, struct wire_fault *ret_fault)
{
    bool is_to_broker = direction == WIRE_TO_BROKER;
    const struct rule *const *table = is_to_broker ? rules_to_broker : rules_to_client;
    size_t rows = is_to_broker ? sizeof(rules_to_broker) / sizeof(rules_to_broker[0])
                               : sizeof(rules_to_client) / sizeof(rules_to_client[0]);
    const struct rule *rules = (size_t)message->type < rows ? table[message->type] : NULL;

    if (rules) {
        enum err err = check_rules(rules, message->base, ret_fault);
        if (err)
            return err;
    }
    return is_to_broker ? check_for_broker(message, limits, ret_fault)
                        : check_for_client(message, ret_fault);
}
