/* SPDX-License-Identifier: MPL-2.0
 *
 * See json_memory.h.
 */
#include "gateways/json_memory.h"

#include <jansson.h>
#include <stdlib.h>

#include "rt/check.h"

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    /* Its size is that of a body that was received, so bounded: never the sender's doing. */
    CHECK(memory != NULL);
    return memory;
}

void json_memory_init(void)
{
    json_set_alloc_funcs(allocate, free);
}
