/* SPDX-License-Identifier: MPL-2.0
 *
 * CHECK(condition): an assertion that stays in release builds. For broken invariants of our own
 * only; nothing that comes from outside the process is ever checked with it.
 */
#ifndef RT_CHECK_H
#define RT_CHECK_H

/* Prints place, actor and message in hand to standard error and aborts. */
__attribute__((noreturn, cold)) void check_failed(const char *expression, const char *file,
                                                  int line);

/* What the calling thread is doing, for that print; both strings must live on. The runtime sets it
 * before each handler. NULL: nothing. */
void check_context_set(const char *actor, const char *message);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(#condition, __FILE__, __LINE__);                                          \
    } while (0)

#endif
