/* SPDX-License-Identifier: MPL-2.0
 *
 * See zap.h.
 */
#include "zap.h"

#include <string.h>

#define VERSION "1.0"

enum part {
    PART_VERSION,
    PART_ID,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_ROUTING,
    PART_MECHANISM,
    PART_KEY
};

static bool is_text(const struct zap_part *part, const char *text)
{
    size_t size = strlen(text);
    return part->size == size && memcmp(part->data, text, size) == 0;
}

static void take_address(const struct zap_part *part, char ret[ZAP_ADDRESS_BYTES])
{
    size_t size = part->size < ZAP_ADDRESS_BYTES ? part->size : ZAP_ADDRESS_BYTES - 1;
    if (size)
        memcpy(ret, part->data, size);
    ret[size] = '\0';
}

enum err zap_request_read(const struct zap_part *parts, size_t count, const char *domain,
                          struct zap_request *ret)
{
    *ret = (struct zap_request){.id_size = 0};
    if (count <= PART_MECHANISM || !is_text(&parts[PART_VERSION], VERSION) ||
        parts[PART_ID].size > ZAP_ID_BYTES_MAX)
        return ERR_BAD_FIELD;
    ret->id_size = parts[PART_ID].size;
    if (ret->id_size)
        memcpy(ret->id, parts[PART_ID].data, ret->id_size);
    take_address(&parts[PART_ADDRESS], ret->address);
    bool is_curve = count == PART_KEY + 1 && is_text(&parts[PART_MECHANISM], "CURVE") &&
                    is_text(&parts[PART_DOMAIN], domain) && parts[PART_KEY].size == KEY_BYTES;
    if (is_curve)
        key_to_text(parts[PART_KEY].data, ret->key);
    return ERR_OK;
}

void zap_answer_fill(const struct zap_request *request, enum zap_status status,
                     struct zap_part ret_parts[ZAP_ANSWER_PARTS])
{
    static const struct {
        const char *code, *text;
    } statuses[] = {
        [ZAP_WELCOME] = {"200", "OK"},
        [ZAP_NOT_NOW] = {"300", "not now"},
        [ZAP_NOT_KNOWN] = {"400", "not known"},
    };
    const char *code = statuses[status].code, *text = statuses[status].text;
    const char *user = status == ZAP_WELCOME ? request->key : "";
    ret_parts[0] = (struct zap_part){VERSION, strlen(VERSION)};
    ret_parts[1] = (struct zap_part){request->id, request->id_size};
    ret_parts[2] = (struct zap_part){code, strlen(code)};
    ret_parts[3] = (struct zap_part){text, strlen(text)};
    ret_parts[4] = (struct zap_part){user, strlen(user)};
    ret_parts[5] = (struct zap_part){"", 0};
}
