/* SPDX-License-Identifier: MPL-2.0
 *
 * The file layer over that disk.
 */
#include "../store/crash_vfs.c"
