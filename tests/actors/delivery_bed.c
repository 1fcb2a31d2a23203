/* SPDX-License-Identifier: MPL-2.0
 *
 * See delivery_bed.h.
 */
#include "delivery_bed.h"

void bed_open(struct bed *bed, const struct delivery_options *options)
{
    *bed = (struct bed){.clock = {START_MS, START_MS}, .next_seq = 1};
    bed->delivery = delivery_new(options);
    assert_true(delivery_load_begin(bed->delivery));
    assert_true(delivery_load_page(bed->delivery, 0, 0, true, &bed->clock));
}

void bed_close(struct bed *bed)
{
    delivery_check(bed->delivery);
    delivery_destroy(&bed->delivery);
}

struct consumer *add_consumer(struct bed *bed, int64_t id, int64_t scope_id,
                              enum delivery_scope_kind kind)
{
    char key[16] = {(char)id, (char)scope_id};
    struct delivery_consumer_spec spec = {
        .consumer_id = id,
        .scope_id = scope_id,
        .owner_id = 7,
        .kind = kind,
        .scope_name = {"ana", 3},
        .name = {"main", 4},
        .key = {key, 2},
        .floor_seq = bed->next_seq - 1,
        .is_new = true,
    };
    struct consumer *consumer = delivery_consumer_add(bed->delivery, &spec);
    assert_true(delivery_consumer_is_ready(consumer));
    assert_ptr_equal(delivery_consumer_find(bed->delivery, spec.key), consumer);
    return consumer;
}

uint64_t append_with(struct bed *bed, struct delivery_run run)
{
    run.first_seq = bed->next_seq;
    run.stored_ms = bed->clock.wall_ms;
    if (run.expires_ms == 0)
        run.expires_ms = EXPIRY_MS;
    delivery_append(bed->delivery, &run, &bed->clock);
    bed->next_seq += run.count;
    delivery_appended_upto(bed->delivery, bed->next_seq - 1);
    return run.first_seq;
}

uint64_t append(struct bed *bed, int64_t scope_id, uint32_t count)
{
    return append_with(bed, (struct delivery_run){.scope_id = scope_id, .count = count});
}

struct delivery_address address_of(uint64_t session)
{
    return (struct delivery_address){.session = session, .gateway = 5, .handle = 1};
}

bool attach(struct bed *bed, struct consumer *consumer, uint64_t session, uint64_t credit)
{
    struct delivery_attach ask = {
        .address = address_of(session),
        .peer_id = 7,
        .peer_name = {"ana", 3},
        .lease_ms = 10000,
        .messages_total = credit,
    };
    uint32_t lease_ms;
    bool took_over;
    assert_int_equal(
        delivery_attach(bed->delivery, consumer, &ask, &bed->clock, &lease_ms, &took_over), ERR_OK);
    assert_int_equal(lease_ms, 10000);
    return took_over;
}

uint32_t take(struct bed *bed)
{
    if (!delivery_take_fetch(bed->delivery, &bed->clock, &bed->fetch))
        return 0;
    struct delivery_fetched fetched = {
        .slot = bed->fetch.slot, .taken = bed->fetch.count, .body_bytes = bed->fetch.count * 10};
    delivery_fetched(bed->delivery, &fetched, &bed->clock);
    delivery_check(bed->delivery);
    return bed->fetch.count;
}

void settle(struct bed *bed, uint64_t session, uint64_t first_no, uint64_t last_no,
            enum delivery_outcome outcome, uint64_t confirm_id)
{
    struct delivery_settle_range range = {
        .first_no = first_no, .last_no = last_no, .outcome = outcome, .reason = "because"};
    delivery_settle(bed->delivery, address_of(session), confirm_id, &range, 1, &bed->clock);
    delivery_check(bed->delivery);
}

void wait_ms(struct bed *bed, int64_t delay_ms)
{
    bed->clock.steady_ms += delay_ms;
    bed->clock.wall_ms += delay_ms;
    delivery_tick(bed->delivery, &bed->clock);
    delivery_check(bed->delivery);
}

bool commit(struct bed *bed, struct written *ret)
{
    struct delivery_write write;
    if (!delivery_take_write(bed->delivery, &bed->clock, &write))
        return false;
    *ret = (struct written){0};
    assert_int_equal(write.change_count, 1);
    ret->floor_seq = write.changes[0].floor_seq;
    ret->row_count = write.changes[0].row_count;
    ret->fate_count = write.fate_count;
    assert_true(ret->row_count <= 8 && ret->fate_count <= 4);
    for (size_t i = 0; i < ret->row_count; i++)
        ret->rows[i] = write.changes[0].rows[i];
    for (size_t i = 0; i < ret->fate_count; i++) {
        ret->fates[i] = write.fates[i];
        ret->fate_seqs[i] = write.fates[i].seqs[0];
    }
    delivery_written(bed->delivery, write.slot, true, &bed->clock);
    return true;
}
