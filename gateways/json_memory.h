/* SPDX-License-Identifier: MPL-2.0
 *
 * Memory of the JSON library.
 *
 * jansson (2.14) does not look whether there was room for the next byte of a text: the byte is left out,
 * and what comes of it is another text, with which nothing seems wrong. So a process that reads JSON
 * of others ends when it gets no memory for that, as it does in libzmq and in CZMQ: nothing that is
 * not on disk was acknowledged, and starting again is recovery.
 */
#ifndef GATEWAYS_JSON_MEMORY_H
#define GATEWAYS_JSON_MEMORY_H

/* Once, before the first thread. */
void json_memory_init(void);

#endif
