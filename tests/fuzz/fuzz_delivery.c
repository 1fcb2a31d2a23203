/* SPDX-License-Identifier: MPL-2.0
 *
 * Bytes as days in the life of actors/delivery.c, beside the naive twin of its model test
 * (tests/actors/delivery_model.h): what is handed out is what the twin predicts, the invariants
 * hold after each step (delivery_check), nothing is lost in a crash and nothing confirmed comes
 * back. Where the model test draws from a seed, this takes the next byte.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../actors/delivery_play.h"

#define STEPS_MAX 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    play_begin(1, data, size);
    for (world->step = 0; world->step < STEPS_MAX && world->bytes_left > 0; world->step++) {
        play_step();
        delivery_check(world->delivery);
    }
    play_end();
    free(world);
    world = NULL;
    return 0;
}
