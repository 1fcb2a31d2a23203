/* SPDX-License-Identifier: MPL-2.0
 *
 * See roostd_sandbox.h.
 */
#define _GNU_SOURCE /* CLONE_THREAD */
#include "roostd_sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "rt/log.h"

static const int denied[] = {
    /* Programs and processes. */
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    /* Looking into others. */
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    /* File systems and name spaces. */
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(quotactl),
    SCMP_SYS(mknod),
    SCMP_SYS(mknodat),
    /* The kernel and the machine. */
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(syslog),
    SCMP_SYS(acct),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(clock_adjtime),
    /* Who we are. */
    SCMP_SYS(setuid),
    SCMP_SYS(setgid),
    SCMP_SYS(setreuid),
    SCMP_SYS(setregid),
    SCMP_SYS(setresuid),
    SCMP_SYS(setresgid),
    SCMP_SYS(setgroups),
    SCMP_SYS(setfsuid),
    SCMP_SYS(setfsgid),
    SCMP_SYS(capset),
    /* Keys, and what a person types. */
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(personality),
};

/* The leak checker of a sanitized build looks into its own process from a second one. */
#ifdef __SANITIZE_ADDRESS__
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

void roostd_sandbox_begin(void)
{
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        log_warn("sandbox", LOG_STR("what", "RLIMIT_CORE"), LOG_ERRNO(errno));
    if (!is_sanitized && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        log_warn("sandbox", LOG_STR("what", "PR_SET_DUMPABLE"), LOG_ERRNO(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        log_warn("sandbox", LOG_STR("what", "PR_SET_NO_NEW_PRIVS"), LOG_ERRNO(errno));
}

/* A new thread is no new process. glibc asks by clone3 first, whose flags no filter can see: it is told
 * that there is none, and asks by clone. */
static int deny_processes(scmp_filter_ctx filter)
{
    int code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (code == 0)
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    return code;
}

static int fill(scmp_filter_ctx filter)
{
    int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* every thread */
    for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]) && code == 0; i++)
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
    return code ? code : deny_processes(filter);
}

enum err roostd_sandbox_close(void)
{
    if (is_sanitized)
        return ERR_OK;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int code = filter ? fill(filter) : -ENOMEM;
    if (code == 0)
        code = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    if (code == 0) {
        log_info("sandboxed", LOG_U64("denied", sizeof(denied) / sizeof(denied[0]) + 2));
        return ERR_OK;
    }
    log_error("sandbox", LOG_ERRNO(-code),
              LOG_STR("text", "the kernel takes no filter of system calls; security.seccomp=off "
                              "does without"));
    return ERR_INTERNAL;
}
