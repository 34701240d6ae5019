/* A disk that fails at a chosen place: runs a program, numbers what it writes below one directory, disturbs one of these
 * operations, and keeps what had been made durable.
 *
 *     disk ROOT STORE KIND NUMBER PROGRAM ARGUMENT...
 *
 * Why C: it is the tracer of its child (ptrace with a seccomp filter), which is raw system calls, structures and registers
 * from end to end; in Rust all of it would be unsafe code. Why a tracer and not a library before libc: rustix, and with it
 * tempfile, calls the kernel directly, so that renames and removals would be missed. Here the kernel itself reports each
 * call, whoever makes it. For Linux on x86-64.
 *
 * KIND  none        only counts
 *       full        ENOSPC at NUMBER, and from there for whatever needs room
 *       read-only   EROFS from NUMBER on
 *       short       the first write at or after NUMBER writes half and says so
 *       short-full  the same, and the disk is full from there
 *       kill        SIGKILL before NUMBER
 *       panic       EBADF for the first wait for events after NUMBER, at which the event loop of the program panics
 * STORE/trace       a line an operation: NUMBER CALL PATH [!], with ! where it was disturbed; and what was said on stdout
 * STORE/file-INODE  a file as of its last fsync, or as it was before
 * STORE/dir-INODE   likewise a directory: INODE TYPE MODE NAME a line
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the tests of a failing disk need Linux on x86-64"
#endif

enum { PATHS = 4096, HELD = 65536, SAID = 200 };
typedef unsigned long long word;

static const char *root, *store, *kind;
static long number, counted;
static int disturbed;
static FILE *trace;
static char last[64];

static void fail(const char *what) {
    fprintf(stderr, "disk: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* ---- what was durable ---- */

static char *in_store(const char *prefix, ino_t inode) {
    static char path[PATHS];
    snprintf(path, sizeof path, "%s/%s-%llu", store, prefix, (word)inode);
    return path;
}

/* A held inode is not given to another file, so that its number is its name. */
static void hold_open(int fd, ino_t inode) {
    static ino_t held[HELD];
    static int count;
    for (int i = 0; i < count; i++)
        if (held[i] == inode) { close(fd); return; }
    if (count == HELD || fd < 0) fail("hold");
    held[count++] = inode;
}

static void hold(int directory, const char *name, ino_t inode) {
    hold_open(openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), inode);
}

static void keep_file(const char *path, ino_t inode) {
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = open(in_store("file", inode), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static char buffer[1 << 16];
    ssize_t some;
    if (from < 0 || to < 0) fail("keep a file");
    while ((some = read(from, buffer, sizeof buffer)) > 0)
        if (write(to, buffer, (size_t)some) != some) fail("keep a file");
    close(from);
    close(to);
}

static void keep_directory(const char *path, ino_t inode, int whole) {
    DIR *directory = opendir(path);
    FILE *list = fopen(in_store("dir", inode), "we");
    if (!directory || !list) fail("keep a directory");
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct stat found;
        char below[PATHS];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW)) fail("look");
        hold(dirfd(directory), entry->d_name, found.st_ino);
        fprintf(list, "%llu %c %o %s\n", (word)found.st_ino, S_ISDIR(found.st_mode) ? 'd' : 'f',
                found.st_mode & 07777, entry->d_name);
        snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        if (whole && S_ISDIR(found.st_mode)) keep_directory(below, found.st_ino, 1);
        if (whole && S_ISREG(found.st_mode)) keep_file(below, found.st_ino);
    }
    fclose(list);
    closedir(directory);
}

static void synced(pid_t process, int fd) {
    char path[64];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", process, fd);
    if (stat(path, &found)) fail("what was synced");
    hold_open(open(path, O_RDONLY | O_CLOEXEC), found.st_ino);
    if (S_ISDIR(found.st_mode)) keep_directory(path, found.st_ino, 0);
    else keep_file(path, found.st_ino);
}

/* ---- what is called ---- */

struct call { const char *name; char what; int fd, path; };
/* w: writes to fd; s: syncs fd; o: opens; n: needs room for a name; r: needs none. Arguments: fd or directory, path. */
static const struct { long number; struct call call; } CALLS[] = {
    {SYS_write, {"write", 'w', 0, -1}}, {SYS_writev, {"writev", 'v', 0, -1}},
    {SYS_pwrite64, {"pwrite", 'w', 0, -1}}, {SYS_pwritev, {"pwritev", 'v', 0, -1}},
    {SYS_pwritev2, {"pwritev", 'v', 0, -1}}, {SYS_sendfile, {"sendfile", 'v', 0, -1}},
    {SYS_copy_file_range, {"copy", 'v', 2, -1}},
    {SYS_ftruncate, {"truncate", 'v', 0, -1}}, {SYS_fallocate, {"allocate", 'v', 0, -1}},
    {SYS_fchmod, {"chmod", 'r', 0, -1}}, {SYS_fsync, {"fsync", 's', 0, -1}},
    {SYS_fdatasync, {"fsync", 's', 0, -1}}, {SYS_open, {"open", 'o', -1, 0}},
    {SYS_openat, {"open", 'o', 0, 1}}, {SYS_creat, {"open", 'n', -1, 0}},
    {SYS_mkdir, {"mkdir", 'n', -1, 0}}, {SYS_mkdirat, {"mkdir", 'n', 0, 1}},
    {SYS_link, {"link", 'n', -1, 1}}, {SYS_linkat, {"link", 'n', 2, 3}},
    {SYS_symlink, {"symlink", 'n', -1, 1}}, {SYS_symlinkat, {"symlink", 'n', 1, 2}},
    {SYS_rename, {"rename", 'r', -1, 1}}, {SYS_renameat, {"rename", 'r', 2, 3}},
    {SYS_renameat2, {"rename", 'r', 2, 3}}, {SYS_unlink, {"unlink", 'r', -1, 0}},
    {SYS_unlinkat, {"unlink", 'r', 0, 1}}, {SYS_rmdir, {"rmdir", 'r', -1, 0}},
    {SYS_chmod, {"chmod", 'r', -1, 0}}, {SYS_fchmodat, {"chmod", 'r', 0, 1}},
    {SYS_truncate, {"truncate", 'r', -1, 0}},
};
/* What waits for events. */
static const long WAITS[] = {SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2};
enum { CALLS_COUNT = sizeof CALLS / sizeof *CALLS };

static int is(const char *one) { return !strcmp(kind, one); }

static int waits(long number) {
    for (size_t i = 0; i < sizeof WAITS / sizeof *WAITS; i++)
        if (WAITS[i] == number) return 1;
    return 0;
}

static void watch_calls(void) {
    struct sock_filter filter[2 * CALLS_COUNT + 10];
    int n = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i <= CALLS_COUNT; i++) {
        unsigned wanted = i < CALLS_COUNT ? (unsigned)CALLS[i].number : SYS_prctl;
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wanted, 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    for (size_t i = 0; is("panic") && i < sizeof WAITS / sizeof *WAITS; i++) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)WAITS[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) fail("seccomp");
}

static word argument(const struct user_regs_struct *regs, int place) {
    const word all[] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
    return all[place];
}

/* Text of the child, at most `size` bytes; aligned words never reach into a page that is not there. */
static void text(pid_t process, word at, char *into, size_t size, int to_zero) {
    for (size_t have = 0; have + 1 < size;) {
        word from = (at + have) & ~7ull;
        errno = 0;
        long piece = ptrace(PTRACE_PEEKDATA, process, from, 0);
        if (errno) { into[have] = 0; return; }
        for (size_t i = (size_t)(at + have - from); i < 8 && have + 1 < size; i++, have++) {
            into[have] = ((char *)&piece)[i];
            if (to_zero && !into[have]) return;
        }
        into[have] = 0;
    }
}

static void link_of(pid_t process, const char *what, char *into) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", process, what);
    ssize_t length = readlink(name, into, PATHS - 1);
    into[length > 0 ? length : 0] = 0;
}

/* The path that a call is about. */
static void path_of(pid_t process, const struct call *call, const struct user_regs_struct *regs, char *into) {
    char given[PATHS / 2] = "", base[PATHS], name[32] = "cwd";
    int fd = call->fd < 0 ? AT_FDCWD : (int)argument(regs, call->fd);
    if (fd != AT_FDCWD) snprintf(name, sizeof name, "fd/%d", fd);
    link_of(process, name, base);
    if (call->path >= 0) text(process, argument(regs, call->path), given, sizeof given, 1);
    if (given[0] == '/') snprintf(into, PATHS, "%s", given);
    else if (call->path >= 0) snprintf(into, PATHS, "%.2000s/%s", base, strncmp(given, "./", 2) ? given : given + 2);
    else snprintf(into, PATHS, "%s", base);
}

/* Whether a call needs room that the disk has not given yet. */
static int needs_room(pid_t process, const struct call *call, const struct user_regs_struct *regs) {
    if (call->what == 'n') return 1;
    if (call->what == 'o') {
        char path[PATHS];
        path_of(process, call, regs, path);
        return argument(regs, call->path + 1) & O_CREAT && access(path, F_OK);
    }
    if (call->what != 'w' && call->what != 'v') return 0;
    char name[64], line[128];
    struct stat found;
    word end = argument(regs, 3);
    snprintf(name, sizeof name, "/proc/%d/fd/%d", process, (int)argument(regs, call->fd));
    if (stat(name, &found)) return 1;
    if (strcmp(call->name, "pwrite")) {
        snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", process, (int)argument(regs, call->fd));
        FILE *info = fopen(name, "re");
        end = 0;
        while (info && fgets(line, sizeof line, info))
            if (sscanf(line, "pos: %llu", &end) == 1) break;
        if (info) fclose(info);
    }
    return end + argument(regs, 2) > (word)found.st_size;
}

/* ---- the fault ---- */

/* What becomes of a call: 0 it passes, -1 half of it, else the error. */
static int judge(pid_t process, const struct call *call, struct user_regs_struct *regs) {
    int later = disturbed, here = !disturbed && counted >= number;
    int full = is("full") || is("short-full");
    if (is("none") || is("panic")) return 0;
    if (later) return is("read-only") ? EROFS : full && needs_room(process, call, regs) ? ENOSPC : 0;
    if (!here) return 0;
    if (is("short") || is("short-full")) {
        if (call->what != 'w' || argument(regs, 2) < 2) return 0;
        disturbed = 1;
        return -1;
    }
    disturbed = 1;
    return is("read-only") ? EROFS : is("full") ? ENOSPC : SIGKILL << 16;
}

static void end_all(pid_t child) {
    fclose(trace);
    kill(child, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR) {}
    signal(SIGKILL, SIG_DFL);
    raise(SIGKILL);
}

/* Before a call; whether its end is of interest. */
static int before(pid_t child, pid_t thread, struct user_regs_struct *regs) {
    const struct call *call = NULL;
    char path[PATHS];
    for (int i = 0; i < CALLS_COUNT; i++)
        if (CALLS[i].number == (long)regs->orig_rax) call = &CALLS[i].call;
    if (waits((long)regs->orig_rax)) {
        if (disturbed || counted < number) return 0;
        disturbed = 1;
        fprintf(trace, "%ld wait after-%s !\n", counted, last);
        regs->orig_rax = (word)-1, regs->rax = (word)-EBADF;
        ptrace(PTRACE_SETREGS, thread, 0, regs);
        return 0;
    }
    if (!call) {
        /* The program hides its memory from other processes; this one has to read paths there. */
        if (regs->rdi != PR_SET_DUMPABLE) return 0;
        regs->orig_rax = (word)-1, regs->rax = 0;
        ptrace(PTRACE_SETREGS, thread, 0, regs);
        return 0;
    }
    if (call->what == 'w' && argument(regs, 0) == 1) {
        char said[SAID];
        word length = argument(regs, 2) + 1;
        text(thread, argument(regs, 1), said, length < SAID ? length : SAID, 0);
        fprintf(trace, "0 say %.*s\n", (int)strcspn(said, "\n"), said);
    }
    if (call->what == 'o' && !(argument(regs, call->path + 1) & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR))) return 0;
    path_of(thread, call, regs, path);
    size_t length = strlen(root);
    if (strncmp(path, root, length) || (path[length] && path[length] != '/')) return 0;
    counted++;
    int fault = judge(thread, call, regs);
    struct stat found;
    int directory = call->what == 's' && !stat(path, &found) && S_ISDIR(found.st_mode);
    fprintf(trace, "%ld %s%s %s%s\n", counted, call->name, directory ? "-directory" : "",
            path[length] ? path + length + 1 : ".", fault ? " !" : "");
    fflush(trace);
    snprintf(last, sizeof last, "%s", call->name);
    if (fault == SIGKILL << 16) end_all(child);
    if (fault == -1) regs->rdx /= 2;
    if (fault > 0) regs->orig_rax = (word)-1, regs->rax = (word)-fault;
    if (fault) ptrace(PTRACE_SETREGS, thread, 0, regs);
    return call->what == 's' && !fault;
}

static int follow(pid_t child) {
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACESYSGOOD;
    int status;
    if (waitpid(child, &status, 0) != child || ptrace(PTRACE_SETOPTIONS, child, 0, options)) fail("ptrace");
    ptrace(PTRACE_CONT, child, 0, 0);
    for (;;) {
        struct user_regs_struct regs;
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0 && errno == EINTR) continue;
        if (thread < 0) return 125;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (thread == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16, wants_end = 0;
        if (event == PTRACE_EVENT_SECCOMP && !ptrace(PTRACE_GETREGS, thread, 0, &regs))
            wants_end = before(child, thread, &regs);
        if (signal == (SIGTRAP | 0x80) && !ptrace(PTRACE_GETREGS, thread, 0, &regs) && regs.rax == 0)
            synced(thread, (int)regs.rdi);
        /* A new thread begins with a stop; traps are ours. */
        if (event || (signal & 0x7f) == SIGTRAP || signal == SIGSTOP) signal = 0;
        ptrace(wants_end ? PTRACE_SYSCALL : PTRACE_CONT, thread, 0, signal);
    }
}

int main(int count, char **words) {
    struct rlimit files;
    char path[PATHS];
    struct stat found;
    if (count < 6) { fprintf(stderr, "disk ROOT STORE KIND NUMBER PROGRAM...\n"); return 125; }
    root = words[1], store = words[2], kind = words[3], number = atol(words[4]);
    if (getrlimit(RLIMIT_NOFILE, &files)) fail("limits");
    struct rlimit more = {files.rlim_max, files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &more);
    snprintf(path, sizeof path, "%s/trace", store);
    if (!(trace = fopen(path, "we")) || stat(root, &found)) fail(path);
    keep_directory(root, found.st_ino, 1);
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        setrlimit(RLIMIT_NOFILE, &files);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0)) fail("ptrace");
        raise(SIGSTOP);
        watch_calls();
        execvp(words[5], words + 5);
        fail(words[5]);
    }
    return follow(child);
}
