/* SPDX-License-Identifier: MPL-2.0
 *
 * See peer_cache.h. jansson reads; what is written is written here, as it has reals in their
 * shortest form.
 */
#include "clients/import/peer_cache.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    char *problem;
    size_t problem_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct reader *reader, const char *format,
                                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reader->problem, reader->problem_size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---------------------------------------------------------------- fields */

static bool read_number(struct reader *reader, const json_t *object, const char *name, uint64_t max,
                        uint64_t *ret)
{
    const json_t *value = json_object_get(object, name);
    if (!value)
        return refuse(reader, "%s is missing", name);
    if (!json_is_integer(value))
        return refuse(reader, "%s is no whole number", name);
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number > max)
        return refuse(reader, "%s is out of range", name);
    *ret = (uint64_t)number;
    return true;
}

static bool read_u32(struct reader *reader, const json_t *object, const char *name, uint32_t *ret)
{
    uint64_t number = 0;
    if (!read_number(reader, object, name, UINT32_MAX, &number))
        return false;
    *ret = (uint32_t)number;
    return true;
}

static bool read_bool(struct reader *reader, const json_t *object, const char *name, bool *ret)
{
    const json_t *value = json_object_get(object, name);
    if (!value)
        return refuse(reader, "%s is missing", name);
    if (!json_is_boolean(value))
        return refuse(reader, "%s is neither true nor false", name);
    *ret = json_is_true(value);
    return true;
}

static bool read_reliability(struct reader *reader, const json_t *object,
                             struct peer_cache_entry *entry)
{
    const json_t *value = json_object_get(object, "reliability_score");
    if (!value)
        return refuse(reader, "reliability_score is missing");
    if (!json_is_number(value))
        return refuse(reader, "reliability_score is no number");
    double score = json_number_value(value);
    entry->reliability = fmax(0, fmin(score, 1)) + 0.0; /* not -0 */
    entry->was_clamped = score < 0 || score > 1;
    return true;
}

static char *view(const json_t *string)
{
    return (char *)(uintptr_t)json_string_value(string); /* only read */
}

static bool has_address(const struct peer_cache_entry *entry, const char *address)
{
    for (size_t i = 0; i < entry->address_count; i++) {
        if (strcmp(entry->addresses[i], address) == 0)
            return true;
    }
    return false;
}

static bool add_address(struct reader *reader, struct peer_cache_entry *entry, char *address)
{
    if (has_address(entry, address))
        return true;
    char **addresses =
        realloc(entry->addresses, (entry->address_count + 1) * sizeof(*entry->addresses));
    if (!addresses)
        return refuse(reader, "there is no memory");
    entry->addresses = addresses;
    entry->addresses[entry->address_count++] = address;
    return true;
}

static bool read_addresses(struct reader *reader, const json_t *object,
                           struct peer_cache_entry *entry)
{
    const json_t *list = json_object_get(object, "addresses");
    if (!list)
        return refuse(reader, "addresses is missing");
    if (!json_is_array(list))
        return refuse(reader, "addresses is no list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *address = json_array_get(list, i);
        if (!json_is_string(address))
            return refuse(reader, "an address is no text");
        if (!add_address(reader, entry, view(address)))
            return false;
    }
    return true;
}

static bool read_entry(struct reader *reader, const json_t *object, struct peer_cache_entry *entry)
{
    const json_t *id = json_object_get(object, "peer_id");
    if (!json_is_object(object))
        return refuse(reader, "it is no object");
    if (!id)
        return refuse(reader, "peer_id is missing");
    if (!json_is_string(id))
        return refuse(reader, "peer_id is no text");
    entry->peer_id = view(id);
    return read_addresses(reader, object, entry) &&
           read_number(reader, object, "last_seen", INT64_MAX, &entry->last_seen_s) &&
           read_u32(reader, object, "connection_count", &entry->connections) &&
           read_u32(reader, object, "successful_transfers", &entry->transfers_ok) &&
           read_u32(reader, object, "failed_transfers", &entry->transfers_failed) &&
           read_number(reader, object, "total_bytes_transferred", INT64_MAX, &entry->bytes) &&
           read_u32(reader, object, "average_latency_ms", &entry->latency_ms) &&
           read_bool(reader, object, "is_bootstrap", &entry->is_bootstrap) &&
           read_bool(reader, object, "supports_relay", &entry->is_relay) &&
           read_reliability(reader, object, entry);
}

/* ---------------------------------------------------------------- the whole */

static int by_id(const void *a, const void *b)
{
    const struct peer_cache_entry *one = a, *other = b;
    return strcmp(one->peer_id, other->peer_id);
}

#define TAKE_LARGER(field)                                                                         \
    do {                                                                                           \
        if (from->field > into->field)                                                             \
            into->field = from->field;                                                             \
    } while (0)

static bool merge(struct reader *reader, struct peer_cache_entry *into,
                  struct peer_cache_entry *from)
{
    for (size_t i = 0; i < from->address_count; i++) {
        if (!add_address(reader, into, from->addresses[i]))
            return false;
    }
    if (from->last_seen_s > into->last_seen_s)
        into->reliability = from->reliability;
    TAKE_LARGER(last_seen_s);
    TAKE_LARGER(connections);
    TAKE_LARGER(transfers_ok);
    TAKE_LARGER(transfers_failed);
    TAKE_LARGER(latency_ms);
    TAKE_LARGER(bytes);
    into->is_bootstrap |= from->is_bootstrap;
    into->is_relay |= from->is_relay;
    into->was_clamped |= from->was_clamped;
    into->was_merged = true;
    free(from->addresses);
    from->addresses = NULL;
    return true;
}

static bool merge_all(struct reader *reader, struct peer_cache *cache)
{
    size_t kept = 0;
    if (cache->count == 0)
        return true;
    qsort(cache->entries, cache->count, sizeof(*cache->entries), by_id);
    for (size_t i = 1; i < cache->count; i++) {
        struct peer_cache_entry *last = &cache->entries[kept], *next = &cache->entries[i];
        if (strcmp(last->peer_id, next->peer_id) == 0) {
            if (!merge(reader, last, next))
                return false;
            continue;
        }
        struct peer_cache_entry moved = *next;
        next->addresses = NULL;
        cache->entries[++kept] = moved;
    }
    cache->count = kept + 1;
    return true;
}

static bool read_all(struct reader *reader, struct peer_cache *cache)
{
    const json_t *root = cache->json, *list = json_object_get(root, "peers");
    char inner[128];
    if (!json_is_object(root))
        return refuse(reader, "it is no object");
    if (!read_u32(reader, root, "version", &cache->version) ||
        !read_number(reader, root, "last_updated", INT64_MAX, &cache->last_updated_s))
        return false;
    if (!json_is_array(list))
        return refuse(reader, list ? "peers is no list" : "peers is missing");
    size_t count = json_array_size(list);
    cache->entries = calloc(count + 1, sizeof(*cache->entries));
    if (!cache->entries)
        return refuse(reader, "there is no memory");
    for (; cache->count < count; cache->count++) {
        struct reader of_entry = {inner, sizeof(inner)};
        struct peer_cache_entry *entry = &cache->entries[cache->count];
        if (!read_entry(&of_entry, json_array_get(list, cache->count), entry)) {
            free(entry->addresses);
            return refuse(reader, "peer %zu: %s", cache->count + 1, inner);
        }
    }
    return merge_all(reader, cache);
}

bool peer_cache_read(const char *text, size_t size, struct peer_cache *ret, char *ret_problem,
                     size_t problem_size)
{
    json_error_t error;
    struct reader reader = {ret_problem, problem_size};
    *ret = (struct peer_cache){.count = 0};
    if (size > PEER_CACHE_BYTES_MAX)
        return refuse(&reader, "it is larger than 64 MiB");
    ret->json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!ret->json)
        return refuse(&reader, "line %d: %s", error.line, error.text);
    if (read_all(&reader, ret))
        return true;
    peer_cache_fini(ret);
    return false;
}

void peer_cache_fini(struct peer_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++)
        free(cache->entries[i].addresses);
    free(cache->entries);
    json_decref(cache->json);
    *cache = (struct peer_cache){.count = 0};
}

bool peer_cache_is_stale(const struct peer_cache_entry *entry, uint64_t now_s)
{
    return now_s > entry->last_seen_s && now_s - entry->last_seen_s > PEER_CACHE_STALE_S;
}

/* ---------------------------------------------------------------- the best */

static int by_rank(const void *a, const void *b)
{
    const struct peer_cache_entry *one = a, *other = b;
    if (one->reliability != other->reliability)
        return one->reliability > other->reliability ? -1 : 1;
    if (one->connections != other->connections)
        return one->connections > other->connections ? -1 : 1;
    return strcmp(one->peer_id, other->peer_id);
}

size_t peer_cache_rank(struct peer_cache_entry *entries, size_t count, uint64_t now_s)
{
    size_t fresh = 0;
    for (size_t i = 0; i < count; i++) {
        if (peer_cache_is_stale(&entries[i], now_s))
            continue;
        struct peer_cache_entry moved = entries[i];
        entries[i] = entries[fresh];
        entries[fresh++] = moved;
    }
    if (fresh > 0)
        qsort(entries, fresh, sizeof(*entries), by_rank);
    return fresh < PEER_CACHE_BEST ? fresh : PEER_CACHE_BEST;
}

struct peer_cache_statistics peer_cache_count(const struct peer_cache_entry *entries, size_t count)
{
    struct peer_cache_statistics sum = {.total = count};
    for (size_t i = 0; i < count; i++) {
        sum.relays += entries[i].is_relay;
        sum.bootstraps += entries[i].is_bootstrap;
        sum.reliability += entries[i].reliability;
        sum.transfers += (uint64_t)entries[i].transfers_ok + entries[i].transfers_failed;
        sum.bytes += entries[i].bytes;
    }
    sum.reliability = count > 0 ? sum.reliability / (double)count : 0;
    return sum;
}

/* ---------------------------------------------------------------- writing */

/* A list of such texts, one to a line. */
static bool write_texts(FILE *out, char *const *texts, size_t count, const char *indent)
{
    bool is_written = true;
    (void)fputc('[', out);
    for (size_t i = 0; is_written && i < count; i++) {
        json_t *string = json_string(texts[i]);
        char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
        is_written = quoted != NULL;
        (void)fprintf(out, "%s\n%s  %s", i > 0 ? "," : "", indent, quoted ? quoted : "");
        free(quoted);
        json_decref(string);
    }
    (void)fprintf(out, count > 0 ? "\n%s]" : "]", indent);
    return is_written;
}

/* In the fewest digits that read back as the same number. */
static void write_real(FILE *out, double number)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, number);
        if (strtod(text, NULL) == number) /* exact: that is the question */
            break;
    }
    (void)fprintf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static bool write_entry(FILE *out, const struct peer_cache_entry *entry)
{
    json_t *id = json_string(entry->peer_id);
    char *quoted = id ? json_dumps(id, JSON_ENCODE_ANY) : NULL;
    (void)fprintf(out,
                  "    {\n      \"peer_id\": %s,\n      \"addresses\": ", quoted ? quoted : "");
    bool is_written = quoted && write_texts(out, entry->addresses, entry->address_count, "      ");
    (void)fprintf(
        out,
        ",\n      \"last_seen\": %" PRIu64 ",\n      \"connection_count\": %" PRIu32
        ",\n      \"successful_transfers\": %" PRIu32 ",\n      \"failed_transfers\": %" PRIu32
        ",\n      \"total_bytes_transferred\": %" PRIu64 ",\n      \"average_latency_ms\": %" PRIu32
        ",\n      \"is_bootstrap\": %s,\n      \"supports_relay\": %s"
        ",\n      \"reliability_score\": ",
        entry->last_seen_s, entry->connections, entry->transfers_ok, entry->transfers_failed,
        entry->bytes, entry->latency_ms, entry->is_bootstrap ? "true" : "false",
        entry->is_relay ? "true" : "false");
    write_real(out, entry->reliability);
    (void)fputs("\n    }", out);
    free(quoted);
    json_decref(id);
    return is_written;
}

char *peer_cache_write(const struct peer_cache_entry *entries, size_t count, uint64_t now_s)
{
    char *text = NULL;
    size_t size = 0;
    bool is_written = true;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    (void)fprintf(out, "{\n  \"version\": %d,\n  \"last_updated\": %" PRIu64 ",\n  \"peers\": [",
                  PEER_CACHE_VERSION, now_s);
    for (size_t i = 0; is_written && i < count; i++) {
        (void)fputs(i > 0 ? ",\n" : "\n", out);
        is_written = write_entry(out, &entries[i]);
    }
    (void)fputs(count > 0 ? "\n  ]\n}\n" : "]\n}\n", out);
    if (fclose(out) == 0 && is_written)
        return text;
    free(text);
    return NULL;
}
