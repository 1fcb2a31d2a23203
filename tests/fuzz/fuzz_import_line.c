/* SPDX-License-Identifier: MPL-2.0
 *
 * Any bytes as a line of an export (clients/cli/import_line.h): the first one and all others. Holds it
 * to what the store behind it is given:
 *   - a line is refused with a sentence, or has exactly the parameters that store/transfer.def says
 *   - no text has a NUL that the store would cut it at, folded names are folded, ids have 16 bytes
 *   - headers are what the protocol unpacks, with what was written
 *   - what is refused stays refused, whatever stands behind it
 */
#include <jansson.h>
#include <stdint.h>

#include "actors/phc.h"
#include "broker.pb-c.h"
#include "bytes.h"
#include "clients/cli/import_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct transfer_value *check_value(const struct transfer_value *value, bool is_text)
{
    CHECK(value->is <= TRANSFER_IS_BYTES);
    if (value->is == TRANSFER_IS_TEXT || value->is == TRANSFER_IS_BYTES)
        CHECK(value->data || value->size == 0);
    if (is_text)
        CHECK(value->is == TRANSFER_IS_TEXT &&
              !(value->size && memchr(value->data, 0, value->size)));
    return value + 1;
}

static const struct transfer_value *check_folded(const struct transfer_value *value)
{
    struct name_folded again;
    const struct transfer_value *next = check_value(value, true);
    CHECK(value->size > 0);
    CHECK(name_fold(value->data, value->size, &again) == ERR_OK);
    CHECK(again.size == value->size && memcmp(again.text, value->data, again.size) == 0);
    return next;
}

static const struct transfer_value *check_scope(const struct transfer_value *value, bool is_new)
{
    if (value->is == TRANSFER_IS_NULL && !is_new) {
        CHECK(value[1].is == TRANSFER_IS_NULL);
        return value + 2;
    }
    CHECK(value->is == TRANSFER_IS_INT && value->number >= PREFIX_PEER &&
          value->number <= PREFIX_TOPIC);
    value++;
    if (is_new)
        value = check_value(value, true);
    return check_folded(value);
}

static const struct transfer_value *check_field(const struct transfer_field *field,
                                                const struct transfer_value *value)
{
    switch (field->type) {
    case TRANSFER_INT:
    case TRANSFER_BOOL:
        CHECK(value->is == TRANSFER_IS_INT || value->is == TRANSFER_IS_NULL);
        break;
    case TRANSFER_REAL:
        CHECK(value->is == TRANSFER_IS_REAL);
        break;
    case TRANSFER_TEXT:
        return check_value(value, true);
    case TRANSFER_BYTES:
        CHECK(value->is == TRANSFER_IS_BYTES || value->is == TRANSFER_IS_NULL);
        CHECK(value->size <= WIRE_BODY_BYTES_CAP);
        break;
    case TRANSFER_UUID:
        CHECK(value->is == TRANSFER_IS_NULL ||
              (value->is == TRANSFER_IS_BYTES && value->size == WIRE_ID_BYTES));
        break;
    case TRANSFER_PEER:
        CHECK(value->is == TRANSFER_IS_NULL || value->is == TRANSFER_IS_TEXT ||
              (value->is == TRANSFER_IS_INT && value->number >= 0));
        break;
    case TRANSFER_SCOPE:
    case TRANSFER_NEW_SCOPE:
        return check_scope(value, field->type == TRANSFER_NEW_SCOPE);
    case TRANSFER_NEW_PEER:
        return check_folded(check_value(value, true));
    }
    return check_value(value, false);
}

static void check_headers(const struct import_line *line, const struct transfer_value *value)
{
    const json_t *array = json_object_get(line->object, "headers");
    if (!json_is_array(array))
        return;
    CHECK(value->is == TRANSFER_IS_BYTES);
    Roost__V1__HeaderList *list =
        roost__v1__header_list__unpack(NULL, value->size, (const uint8_t *)value->data);
    CHECK(list && list->n_headers == json_array_size(array));
    CHECK(list->n_headers <= WIRE_HEADERS_MAX);
    for (size_t i = 0; i < list->n_headers; i++) {
        const json_t *name = json_object_get(json_array_get(array, i), "name");
        const Roost__V1__Header *header = list->headers[i];
        CHECK(header->name.len <= WIRE_HEADER_NAME_BYTES_MAX &&
              header->value.len <= WIRE_HEADER_VALUE_BYTES_MAX);
        if (json_is_string(name))
            CHECK(header->name.len == json_string_length(name) &&
                  (header->name.len == 0 ||
                   memcmp(header->name.data, json_string_value(name), header->name.len) == 0));
    }
    roost__v1__header_list__free_unpacked(list, NULL);
}

static void check_parameters(const struct import_line *line)
{
    size_t count;
    struct phc_cost cost;
    const struct transfer_value *value = line->parameters;
    const struct transfer_field *fields = transfer_fields(line->record, &count);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == TRANSFER_BYTES && strcmp(fields[i].name, "headers") == 0)
            check_headers(line, value);
        if (fields[i].type == TRANSFER_TEXT && strcmp(fields[i].name, "password_hash") == 0)
            CHECK(value->size == 0 || phc_check(value->data, value->size, &cost) == ERR_OK);
        value = check_field(&fields[i], value);
    }
    CHECK(value == line->parameters + line->parameter_count);
    CHECK(line->parameter_count <= TRANSFER_FIELDS_MAX);
}

static bool read_line(struct bytes input)
{
    struct import_line line;
    char *text = bytes_copy(input, false);
    import_line_init(&line);
    import_line_parse(&line, text, input.left);
    free(text); /* nothing looks at it any more */
    bool is_fine = line.problem[0] == '\0';
    CHECK(memchr(line.problem, '\0', sizeof(line.problem)));
    CHECK(line.folded_count <= IMPORT_NAMES_MAX && line.decoded_count <= IMPORT_DECODED_MAX);
    CHECK(line.uuid_count <= sizeof(line.uuids) / sizeof(line.uuids[0]));
    if (is_fine && !line.is_end) {
        CHECK(strcmp(line.record_name, transfer_record_name(line.record)) == 0);
        check_parameters(&line);
    }
    import_line_fini(&line);
    return is_fine;
}

static void read_head(struct bytes input)
{
    struct import_head head;
    char problem[IMPORT_FILE_TEXT_BYTES] = "";
    char *text = bytes_copy(input, false);
    if (import_head_parse(&head, text, input.left, problem)) {
        CHECK(head.export_id[0] && memchr(head.export_id, '\0', sizeof(head.export_id)));
        CHECK(head.size.last_seq <= INT64_MAX && head.size.last_peer_id <= INT64_MAX);
        CHECK(problem[0] == '\0');
    } else {
        CHECK(problem[0] && memchr(problem, '\0', sizeof(problem)));
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    read_head(input);
    bool is_fine = read_line(input);
    if (is_fine && input.left > 0) /* cut anywhere, it is no object any more */
        CHECK(!read_line((struct bytes){data, size - 1}) || data[size - 1] != '}');
    return 0;
}
