/* SPDX-License-Identifier: MPL-2.0
 *
 * NUMBERS_RESERVE: a block of numbers that no run of this broker has used. See store/numbers.h.
 */
#include <string.h>

#include "persistence_state.h"
#include "store/numbers.h"

static enum err reserve(struct persistence *p, const INTERNAL(NumbersReserve) * asked,
                        INTERNAL(NumbersReserved) * reserved)
{
    struct numbers_block block;
    const char *problem;
    if (asked->count == 0 || asked->count > NUMBERS_BLOCK_MAX)
        return ERR_BAD_FIELD;
    enum err err = name_check(asked->name.data, asked->name.len, &problem);
    if (!err)
        err = numbers_reserve(p->store, persistence_text(p, asked->name), asked->count,
                              asked->at_least, &block);
    if (err)
        return err;
    reserved->first = block.first;
    reserved->count = block.count;
    reserved->is_wrapped = block.is_wrapped;
    return ERR_OK;
}

enum err persistence_numbers_reserve(struct persistence *p, const void *question, enum err refusal,
                                     ProtobufCMessage **ret_answer)
{
    INTERNAL(NumbersReserved) *reserved = batch_alloc(p->batch, sizeof(*reserved));
    roost__internal__numbers_reserved__init(reserved);
    *ret_answer = &reserved->base;
    enum err err = refusal ? refusal : reserve(p, question, reserved);
    if (!refusal && persistence_breaks(err))
        return err;
    reserved->code = err_code(err);
    return ERR_OK;
}
