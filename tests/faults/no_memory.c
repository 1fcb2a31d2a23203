/* SPDX-License-Identifier: MPL-2.0
 *
 * Memory that runs out at the n-th allocation: preloaded, it counts what a process asks for (malloc,
 * calloc, realloc, aligned_alloc, posix_memalign; of whatever library, in all threads) and answers
 * the n-th with NULL, that one only or also all after it.
 *
 * The file ROOST_NO_MEMORY_FILE holds the figures (struct control), so that the test that wrote it can
 * look at the count and move the point while the process runs. The first refusal is announced on
 * stderr, with the library and place that asked.
 *
 * Leaves to others: what takes no memory of the heap (stacks of threads, mmap).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct control { /* no_memory.py writes the same */
    _Atomic uint64_t count;
    _Atomic uint64_t nth; /* 1 is the first; 0: none */
    _Atomic uint64_t is_for_ever;
    _Atomic uint64_t refused;
};

/* glibc's own, under the names that stay when ours take the others. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct control *control;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("ROOST_NO_MEMORY_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = map == MAP_FAILED ? NULL : map;
    (void)close(fd);
}

/* Without memory: neither stdio nor what it would do with it. */
static void announce(uint64_t nth, size_t size, const void *asker)
{
    char line[300];
    Dl_info info = {0};
    (void)dladdr(asker, &info);
    const char *file = info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
    int length =
        snprintf(line, sizeof(line), "no-memory: allocation %llu, of %zu bytes, by %s+0x%zx %s\n",
                 (unsigned long long)nth, size, file ? file + 1 : "?",
                 (size_t)((const char *)asker - (const char *)info.dli_fbase),
                 info.dli_sname ? info.dli_sname : "");
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* nobody listens */
}

static bool is_refused(size_t size, const void *asker)
{
    if (!control)
        return false;
    uint64_t number = atomic_fetch_add(&control->count, 1) + 1, nth = atomic_load(&control->nth);
    if (nth == 0 || number < nth || (number > nth && !atomic_load(&control->is_for_ever)))
        return false;
    if (atomic_fetch_add(&control->refused, 1) == 0)
        announce(number, size, asker);
    errno = ENOMEM;
    return true;
}

#define REFUSED(size) is_refused((size), __builtin_return_address(0))

void *malloc(size_t size)
{
    return REFUSED(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return REFUSED(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return size > 0 && REFUSED(size) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return REFUSED(size) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    void *memory = REFUSED(size) ? NULL : __libc_memalign(alignment, size);
    if (!memory)
        return ENOMEM;
    *ret = memory;
    return 0;
}
