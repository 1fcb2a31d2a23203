/* SPDX-License-Identifier: MPL-2.0
 *
 * See ipmsg_files.h.
 */
#include "gateways/ipmsg/ipmsg_files.h"

#include <inttypes.h>

#define BEL            0x07
#define MORE_BYTES     24u                                /* ,{"more":4294967295}] */
#define JSON_BYTES_MAX (2 * IPMSG_FILE_NAME_BYTES + 256u) /* of one file */
#define HEX_DIGITS_MAX 16u
#define KIND_MASK      0xffu
#define DECODED_BYTES  (3 * IPMSG_FILE_RAW_BYTES_MAX)

/* --- Reading. */

void ipmsg_files_begin(struct ipmsg_files *files, const uint8_t *extension, size_t size)
{
    *files = (struct ipmsg_files){.rest = {extension, size}};
}

/* A colon that is doubled belongs to the name: the first single one ends it. */
static bool take_name(struct ipmsg_bytes *rest, struct ipmsg_bytes *ret)
{
    for (size_t i = 0; i < rest->size; i++) {
        if (rest->data[i] != ':')
            continue;
        if (i + 1 < rest->size && rest->data[i + 1] == ':') {
            i++;
            continue;
        }
        *ret = (struct ipmsg_bytes){rest->data, i};
        rest->data += i + 1;
        rest->size -= i + 1;
        return true;
    }
    return false;
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool read_hex(struct ipmsg_bytes text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > HEX_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int digit = hex_value(text.data[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *ret = value;
    return value <= max;
}

static bool is_id(struct ipmsg_bytes id)
{
    for (size_t i = 0; i < id.size; i++) {
        uint8_t letter = id.data[i] | 0x20;
        bool is_digit = id.data[i] >= '0' && id.data[i] <= '9';
        if (!is_digit && (letter < 'a' || letter > 'z'))
            return false;
    }
    return id.size > 0 && id.size <= IPMSG_FILE_ID_BYTES_MAX;
}

/* The last number need not be ended by anything. */
static bool read_file(struct ipmsg_bytes entry, struct ipmsg_file *ret)
{
    struct ipmsg_bytes id, name, size, mtime, attributes;
    uint64_t bits = 0;
    if (!ipmsg_bytes_until(&entry, ':', &id) || !take_name(&entry, &name) ||
        !ipmsg_bytes_until(&entry, ':', &size) || !ipmsg_bytes_until(&entry, ':', &mtime))
        return false;
    if (!ipmsg_bytes_until(&entry, ':', &attributes))
        attributes = entry;
    *ret = (struct ipmsg_file){.id = id, .name = name};
    bool is_fine = is_id(id) && name.size > 0 && name.size <= IPMSG_FILE_RAW_BYTES_MAX &&
                   read_hex(size, INT64_MAX, &ret->size) &&
                   read_hex(mtime, INT64_MAX, &ret->mtime_s) &&
                   read_hex(attributes, UINT32_MAX, &bits);
    ret->attributes = (uint32_t)bits;
    return is_fine;
}

/* Blank entries (a line end behind the last BEL) are no files and nothing odd. */
static bool is_blank(struct ipmsg_bytes entry)
{
    for (size_t i = 0; i < entry.size; i++) {
        if (entry.data[i] != ' ' && entry.data[i] != '\n' && entry.data[i] != '\r' &&
            entry.data[i] != '\0')
            return false;
    }
    return true;
}

bool ipmsg_files_next(struct ipmsg_files *files, struct ipmsg_file *ret)
{
    while (files->rest.size > 0) {
        struct ipmsg_bytes entry;
        struct ipmsg_file file;
        if (!ipmsg_bytes_until(&files->rest, BEL, &entry)) {
            entry = files->rest;
            files->rest.size = 0;
        }
        if (is_blank(entry))
            continue;
        if (files->count >= IPMSG_FILES_MAX || !read_file(entry, &file)) {
            files->odd++;
            continue;
        }
        files->count++;
        *ret = file;
        return true;
    }
    return false;
}

/* --- Showing. */

const char *ipmsg_file_kind(const struct ipmsg_file *file)
{
    switch (file->attributes & KIND_MASK) {
    case 1:
        return "file";
    case 2:
        return "directory";
    case 4:
        return "link";
    default:
        return "other";
    }
}

size_t ipmsg_file_name(const struct ipmsg_file *file, enum ipmsg_charset charset,
                       char ret_name[IPMSG_FILE_NAME_BYTES])
{
    uint8_t raw[IPMSG_FILE_RAW_BYTES_MAX];
    size_t size = 0;
    struct buf decoded;
    for (size_t i = 0; i < file->name.size && size < sizeof(raw); i++) {
        raw[size++] = file->name.data[i];
        bool is_doubled =
            file->name.data[i] == ':' && i + 1 < file->name.size && file->name.data[i + 1] == ':';
        i += is_doubled ? 1 : 0;
    }
    buf_init(&decoded, DECODED_BYTES);
    enum err err = ipmsg_decode_text(charset, raw, size, &decoded, NULL);
    size = ipmsg_clean_name(buf_data(&decoded), err ? 0 : buf_size(&decoded), ret_name,
                            IPMSG_FILE_NAME_BYTES);
    buf_fini(&decoded);
    return size;
}

/* A cleaned name has no control characters. */
static enum err append_quoted(struct buf *buf, const char *text)
{
    enum err err = buf_append_byte(buf, '"');
    for (; *text && !err; text++) {
        if (*text == '"' || *text == '\\')
            err = buf_append_byte(buf, '\\');
        if (!err)
            err = buf_append_byte(buf, (uint8_t)*text);
    }
    return err ? err : buf_append_byte(buf, '"');
}

static enum err append_file(struct buf *buf, const struct ipmsg_file *file,
                            enum ipmsg_charset charset)
{
    char name[IPMSG_FILE_NAME_BYTES];
    (void)ipmsg_file_name(file, charset, name); /* may be empty */
    enum err err = buf_append_format(buf, "{\"id\":\"%.*s\",\"name\":", (int)file->id.size,
                                     (const char *)file->id.data);
    if (!err)
        err = append_quoted(buf, name);
    return err ? err
               : buf_append_format(buf,
                                   ",\"kind\":\"%s\",\"size\":%" PRIu64 ",\"mtime\":%" PRIu64 "}",
                                   ipmsg_file_kind(file), file->size, file->mtime_s);
}

/* Each file is made apart, so that one without room leaves no trace. */
enum err ipmsg_files_json(const uint8_t *extension, size_t size, enum ipmsg_charset charset,
                          size_t bytes_max, struct buf *buf, uint32_t *ret_count)
{
    size_t begin = buf_size(buf);
    uint32_t more = 0, shown = 0;
    struct ipmsg_files files;
    struct ipmsg_file file;
    struct buf one;
    enum err err = buf_append_byte(buf, '[');

    buf_init(&one, JSON_BYTES_MAX);
    ipmsg_files_begin(&files, extension, size);
    while (!err && ipmsg_files_next(&files, &file)) {
        buf_clear(&one);
        err = append_file(&one, &file, charset);
        size_t used = buf_size(buf) - begin + buf_size(&one) + MORE_BYTES + 1;
        if (err || more > 0 || used > bytes_max) {
            more++;
            continue;
        }
        if (shown++ > 0)
            err = buf_append_byte(buf, ',');
        if (!err)
            err = buf_append(buf, buf_data(&one), buf_size(&one));
    }
    buf_fini(&one);
    if (!err && more > 0 && bytes_max >= MORE_BYTES)
        err = buf_append_format(buf, "%s{\"more\":%u}", shown > 0 ? "," : "", more);
    if (ret_count)
        *ret_count = files.count;
    return err ? err : buf_append_byte(buf, ']');
}
