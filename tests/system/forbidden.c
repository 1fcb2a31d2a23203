/* SPDX-License-Identifier: MPL-2.0
 *
 * For tests of the sandbox: LD_PRELOAD into a daemon. When the file named by FORBIDDEN_GO appears, a thread of
 * its own tries what the daemon should have given up, as code from outside would, and writes "name errno" of
 * each to FORBIDDEN_RESULT (0: it was done).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_PROCESS 0x7ffffffe

static FILE *results;

static void note(const char *name, long result)
{
    (void)fprintf(results, "%s %d\n", name, result < 0 ? errno : 0);
}

static void try_processes(void)
{
    char program[] = "/bin/true", *words[] = {program, NULL}, *nothing[] = {NULL};
    pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0)
        _exit(0);
    note("fork", child);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    note("clone", child);
    note("system", system("true") == 0 ? 0 : -1);
    int file = open("/bin/true", O_RDONLY | O_CLOEXEC);
    note("execveat", syscall(SYS_execveat, file, "", words, nothing, 0x1000));
    note("execve", syscall(SYS_execve, "/bin/true", words, nothing)); /* done: nothing is written */
}

static void try_kernel(void)
{
    char attributes[128] = {0};
    note("ptrace", ptrace(PTRACE_ATTACH, NO_PROCESS, NULL, NULL));
    note("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
    note("unshare", unshare(CLONE_NEWNS));
    note("bpf", syscall(SYS_bpf, 0, attributes, sizeof(attributes)));
    note("init_module", syscall(SYS_init_module, attributes, 0UL, ""));
    note("perf_event_open", syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0UL));
    note("io_uring_setup", syscall(SYS_io_uring_setup, 1, attributes));
    note("setuid", syscall(SYS_setuid, 0));
    note("chroot", chroot("/"));
    note("process_vm_readv", syscall(SYS_process_vm_readv, getpid(), NULL, 0UL, NULL, 0UL, 0UL));
    note("keyctl", syscall(SYS_keyctl, 0, -3, 0));
}

static void *nothing_of(void *unused)
{
    return unused;
}

static void try_allowed(void)
{
    pthread_t thread;
    struct rlimit core = {1, 1};
    int code = pthread_create(&thread, NULL, nothing_of, NULL);
    errno = code;
    note("thread", code ? -1 : 0);
    if (code == 0)
        (void)pthread_join(thread, NULL);
    (void)getrlimit(RLIMIT_CORE, &core);
    (void)fprintf(results, "core %lu\n", (unsigned long)core.rlim_cur);
}

static void *try_all(void *unused)
{
    const char *go = getenv("FORBIDDEN_GO"), *path = getenv("FORBIDDEN_RESULT");
    char finished[4096];
    while (access(go, F_OK) != 0)
        (void)usleep(10000);
    (void)snprintf(finished, sizeof(finished), "%s.part", path);
    results = fopen(finished, "we");
    if (!results)
        return unused;
    try_allowed();
    try_kernel();
    (void)fflush(results);
    try_processes();
    (void)fclose(results);
    (void)rename(finished, path);
    return unused;
}

__attribute__((constructor)) static void begin(void)
{
    pthread_t thread;
    if (getenv("FORBIDDEN_GO") && getenv("FORBIDDEN_RESULT"))
        (void)pthread_create(&thread, NULL, try_all, NULL);
}
