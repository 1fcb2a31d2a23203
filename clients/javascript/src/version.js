// SPDX-License-Identifier: MPL-2.0
/** Also the version of the package; a test compares it with the broker's. */
export const VERSION = '0.1.0';
