// SPDX-License-Identifier: MPL-2.0
// CRC-32 as zlib has it, which Node 18 does not export.
const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++)
        value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value >>> 0;
});

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
    let value = 0xffffffff;
    for (const byte of bytes)
        value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
    return (value ^ 0xffffffff) >>> 0;
}
