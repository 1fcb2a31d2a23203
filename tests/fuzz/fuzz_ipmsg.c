/* SPDX-License-Identifier: MPL-2.0
 *
 * What anybody on the local network may send. The input is a byte that chooses charset and limits,
 * then one datagram: it is read whole and cut off at every length, and each time
 *     views lie within the datagram, texts are UTF-8 whatever the bytes were, names are clean;
 *     what was read and is written again reads the same;
 *     text cut into parts and put together again is the same text.
 * Then its bytes drive the limits of addresses.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "gateways/ipmsg/ipmsg_entry.h"
#include "gateways/ipmsg/ipmsg_files.h"
#include "gateways/ipmsg/ipmsg_limits.h"
#include "gateways/ipmsg/ipmsg_list.h"
#include "gateways/ipmsg/ipmsg_name.h"
#include "gateways/ipmsg/ipmsg_packet.h"
#include "proto/name.h"

#define TEXT_BYTES_MAX (1u << 20)
#define CUTS_MAX       1024 /* datagrams longer than that are cut at the first of their bytes only */
#define STEPS_MAX      200
#define SOURCES_MAX    4
#define JSON_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct whole {
    const uint8_t *at;
    size_t size;
};

static void check_within(struct whole whole, const uint8_t *part, size_t size)
{
    CHECK(size == 0 ||
          (part >= whole.at && size <= whole.size && part <= whole.at + whole.size - size));
}

/* --- Texts. */

static void check_text(enum ipmsg_charset charset, const uint8_t *bytes, size_t size, size_t limit)
{
    struct buf text, parts, back;
    size_t odd = 0, odd_again = 0;
    buf_init(&text, TEXT_BYTES_MAX);
    buf_init(&parts, TEXT_BYTES_MAX);
    buf_init(&back, TEXT_BYTES_MAX);
    CHECK(ipmsg_decode_text(charset, bytes, size, &text, &odd) == ERR_OK && odd <= size);
    CHECK(ipmsg_is_utf8(buf_data(&text), buf_size(&text)));
    CHECK(ipmsg_encode_text(charset, buf_data(&text), buf_size(&text), &parts, &odd_again) ==
          ERR_OK);
    for (size_t at = 0; at < buf_size(&parts);) {
        const uint8_t *rest = buf_data(&parts) + at;
        size_t left = buf_size(&parts) - at;
        size_t part = ipmsg_cut_text(charset, rest, left, limit);
        CHECK(part > 0 && part <= left && (part <= limit || part <= 4));
        CHECK(ipmsg_decode_text(charset, rest, part, &back, &odd) == ERR_OK);
        at += part;
    }
    if (odd_again == 0) { /* nothing was replaced on the way out: the parts are the text */
        struct buf again;
        buf_init(&again, TEXT_BYTES_MAX);
        CHECK(ipmsg_decode_text(charset, buf_data(&parts), buf_size(&parts), &again, NULL) ==
              ERR_OK);
        CHECK(buf_size(&again) == buf_size(&back));
        CHECK(buf_size(&again) == 0 ||
              memcmp(buf_data(&again), buf_data(&back), buf_size(&again)) == 0);
        buf_fini(&again);
    }
    buf_fini(&back);
    buf_fini(&parts);
    buf_fini(&text);
}

static void check_name(const char *name)
{
    const char *problem;
    size_t size = strlen(name);
    CHECK(size <= IPMSG_NAME_BYTES_MAX);
    CHECK(name_check_text(name, size, &problem) == ERR_OK);
}

static void check_entry(const struct ipmsg_packet *packet, enum ipmsg_charset charset)
{
    struct ipmsg_identity identity;
    char peer[WIRE_NAME_BYTES_MAX + 1];
    size_t peer_size = 0;
    if (ipmsg_name_of(packet, charset, peer, &peer_size) == ERR_OK) {
        const char *problem;
        CHECK(name_check(peer, peer_size, &problem) == ERR_OK && name_is_reserved(peer, peer_size));
        CHECK(strlen(peer) == peer_size);
    }
    if (ipmsg_entry_read(packet, charset, &identity) != ERR_OK)
        return;
    check_name(identity.user);
    check_name(identity.host);
    check_name(identity.nickname);
    check_name(identity.group);
    check_name(identity.version);
    CHECK(identity.user[0] || identity.host[0]);
    size_t letters = strlen(identity.fingerprint);
    CHECK(letters == 0 || letters == IPMSG_FINGERPRINT_CHARS);
    CHECK(identity.charset < IPMSG_CHARSET_COUNT);

    const struct ipmsg_own own = {identity.user, identity.host, identity.nickname, identity.group};
    struct buf body;
    buf_init(&body, TEXT_BYTES_MAX);
    CHECK(ipmsg_entry_write(&own, charset, &body) == ERR_OK);
    buf_fini(&body);
}

/* --- Packets. */

static void copy_name(char ret_name[IPMSG_FIELD_BYTES_MAX + 1], const uint8_t *bytes, size_t size)
{
    size = size < IPMSG_FIELD_BYTES_MAX ? size : IPMSG_FIELD_BYTES_MAX;
    memcpy(ret_name, bytes, size);
    ret_name[size] = '\0';
}

static bool is_same(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static void check_again(const struct ipmsg_packet *packet)
{
    char user[IPMSG_FIELD_BYTES_MAX + 1], host[IPMSG_FIELD_BYTES_MAX + 1];
    struct ipmsg_packet again, third;
    struct buf first, second;
    size_t body_size = packet->extension_size
                           ? (size_t)(packet->extension + packet->extension_size - packet->body)
                           : packet->body_size;
    copy_name(user, packet->user, packet->user_size);
    copy_name(host, packet->host, packet->host_size);
    struct ipmsg_said said = {packet->number, packet->command, user, host, packet->body, body_size};
    buf_init(&first, TEXT_BYTES_MAX);
    buf_init(&second, TEXT_BYTES_MAX);
    CHECK(ipmsg_packet_format(&said, &first) == ERR_OK);
    CHECK(buf_data(&first)[buf_size(&first) - 1] == 0);
    if (buf_size(&first) <= IPMSG_PACKET_BYTES_MAX) {
        CHECK(ipmsg_packet_parse(buf_data(&first), buf_size(&first), &again) == ERR_OK);
        CHECK(again.number == packet->number && again.command == packet->command);
        CHECK(again.user_size == strlen(user) && again.host_size == strlen(host));
        CHECK(is_same(again.body, again.body_size, packet->body, packet->body_size));
        CHECK(is_same(again.extension, again.extension_size, packet->extension,
                      packet->extension_size));
        copy_name(user, again.user, again.user_size);
        copy_name(host, again.host, again.host_size);
        CHECK(ipmsg_packet_format(&said, &second) == ERR_OK);
        CHECK(is_same(buf_data(&first), buf_size(&first), buf_data(&second), buf_size(&second)));
        CHECK(ipmsg_packet_parse(buf_data(&second), buf_size(&second), &third) == ERR_OK);
    }
    buf_fini(&second);
    buf_fini(&first);
}

static void check_packet(struct whole whole, const struct ipmsg_packet *packet)
{
    CHECK(packet->version_size > 0);
    CHECK(packet->version_size <= IPMSG_FIELD_BYTES_MAX);
    CHECK(packet->is_number_large == (packet->number == UINT32_MAX));
    check_within(whole, packet->version, packet->version_size);
    check_within(whole, packet->user, packet->user_size);
    check_within(whole, packet->host, packet->host_size);
    check_within(whole, packet->body, packet->body_size);
    check_within(whole, packet->extension, packet->extension_size);
    CHECK(packet->body_size == 0 || !memchr(packet->body, 0, packet->body_size));
    CHECK(packet->extension_size == 0 || packet->extension[packet->extension_size - 1] != 0);
}

/* --- Lists. */

static void check_files(const uint8_t *extension, size_t size, enum ipmsg_charset charset)
{
    char name[IPMSG_FILE_NAME_BYTES];
    struct whole whole = {extension, size};
    struct ipmsg_files files;
    struct ipmsg_file file;
    struct buf buf;
    uint32_t count;
    ipmsg_files_begin(&files, extension, size);
    while (ipmsg_files_next(&files, &file)) {
        check_within(whole, file.name.data, file.name.size);
        CHECK(ipmsg_file_name(&file, charset, name) < sizeof(name));
        CHECK(file.size <= INT64_MAX && file.mtime_s <= INT64_MAX);
    }
    CHECK(files.count <= IPMSG_FILES_MAX);
    buf_init(&buf, TEXT_BYTES_MAX);
    CHECK(ipmsg_files_json(extension, size, charset, JSON_BYTES_MAX, &buf, &count) == ERR_OK);
    CHECK(count == files.count && buf_size(&buf) <= JSON_BYTES_MAX);
    json_t *json = json_loadb((const char *)buf_data(&buf), buf_size(&buf), 0, NULL);
    CHECK(json_is_array(json) && json_array_size(json) <= (size_t)count);
    json_decref(json);
    (void)ipmsg_list_read_start(extension, size, &count); /* any bytes will do */
    buf_fini(&buf);
}

/* A copy of exactly that size, so that a sanitizer sees any look beyond it. */
static void read_datagram(const uint8_t *bytes, size_t size, enum ipmsg_charset charset,
                          bool is_whole)
{
    uint8_t *copy = (uint8_t *)bytes_copy((struct bytes){bytes, size}, false);
    struct whole whole = {copy, size};
    struct ipmsg_packet packet;
    enum err err = ipmsg_packet_parse(copy, size, &packet);
    CHECK(err == ERR_OK || err == ERR_PROTOCOL);
    if (!err) {
        check_packet(whole, &packet);
        check_entry(&packet, charset);
        check_files(packet.extension, packet.extension_size, charset);
        if (is_whole)
            check_again(&packet);
    }
    free(copy);
}

/* --- State. */

/* However many strangers there are, the first host gets what it is due. */
static void drive_limits(struct bytes in)
{
    struct ipmsg_limits limits;
    int64_t now_ms = 0;
    ipmsg_limits_init(&limits, SOURCES_MAX, 10, 5);
    CHECK(ipmsg_limits_take(&limits, "known", 5, now_ms));
    for (size_t step = 0; step < STEPS_MAX && in.left > 0; step++) {
        struct bytes address = bytes_take(&in, 1 + (size_t)bytes_below(&in, 4));
        (void)ipmsg_limits_take(&limits, address.at, address.left, now_ms);
        CHECK(hash_count(&limits.buckets) <= SOURCES_MAX);
        if (step < 4)
            CHECK(ipmsg_limits_take(&limits, "known", 5, now_ms));
    }
    ipmsg_limits_fini(&limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, size};
    uint8_t choice = bytes_u8(&in);
    enum ipmsg_charset charset = (enum ipmsg_charset)(choice % IPMSG_CHARSET_COUNT);
    size_t limit = 4 + choice / 8u;
    for (size_t cut = 0; cut < in.left && cut < CUTS_MAX; cut++)
        read_datagram(in.at, cut, charset, false);
    read_datagram(in.at, in.left, charset, true);
    if (in.left > 0) {
        check_text(charset, in.at, in.left, limit);
    }
    drive_limits(in);
    return 0;
}
