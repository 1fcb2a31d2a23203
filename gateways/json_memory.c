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
    CHECK(memory !=
          NULL); /* of the length of a body that was received, so never the sender's doing */
    return memory;
}

void json_memory_init(void)
{
    json_set_alloc_funcs(allocate, free);
}
