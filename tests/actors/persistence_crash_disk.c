/* SPDX-License-Identifier: MPL-2.0
 *
 * The disk in memory of the store's tests, for the tests of this folder.
 */
#include "../store/crash_disk.c"
