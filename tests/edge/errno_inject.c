/* A library to preload: calls on one file fail with one errno, as on a failing disk.
 *
 * INJECT_PATH   part of the file's path
 * INJECT_CALL   open, read or fstat; a read is any of read, pread and readv
 * INJECT_ERRNO  number of the errno
 * INJECT_FROM   the first call on the file that fails, from 0 on
 * INJECT_TIMES  how many calls fail
 *
 * They are read at each call. inject_reset() begins a new count of calls and gives the
 * number of those that failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int count, failed;

int inject_reset(void)
{
    int result = failed;
    count = failed = 0;
    return result;
}

static int fails(const char *call, const char *path)
{
    const char *wanted = getenv("INJECT_PATH"), *which = getenv("INJECT_CALL");
    int from, times;
    if (!wanted || !which || !path || strcmp(call, which) || !strstr(path, wanted))
        return 0;
    from = atoi(getenv("INJECT_FROM"));
    times = atoi(getenv("INJECT_TIMES"));
    if (count++ < from || count > from + times)
        return 0;
    failed++;
    errno = atoi(getenv("INJECT_ERRNO"));
    return 1;
}

static int fails_at(const char *call, int fd)
{
    char link[32], path[4096];
    ssize_t length;
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MODE(flags, mode)                                                      \
    mode_t mode = 0;                                                           \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                     \
        va_list rest;                                                          \
        va_start(rest, flags);                                                 \
        mode = va_arg(rest, mode_t);                                           \
        va_end(rest);                                                          \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return fails("open", path) ? -1 : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return fails("open", path) ? -1 : REAL(open64)(path, flags, mode);
}

ssize_t read(int fd, void *into, size_t size)
{
    return fails_at("read", fd) ? -1 : REAL(read)(fd, into, size);
}

ssize_t pread(int fd, void *into, size_t size, off_t at)
{
    return fails_at("read", fd) ? -1 : REAL(pread)(fd, into, size, at);
}

ssize_t pread64(int fd, void *into, size_t size, off64_t at)
{
    return fails_at("read", fd) ? -1 : REAL(pread64)(fd, into, size, at);
}

ssize_t readv(int fd, const struct iovec *into, int parts)
{
    return fails_at("read", fd) ? -1 : REAL(readv)(fd, into, parts);
}

int fstat(int fd, struct stat *into)
{
    return fails_at("fstat", fd) ? -1 : REAL(fstat)(fd, into);
}

int fstat64(int fd, struct stat64 *into)
{
    return fails_at("fstat", fd) ? -1 : REAL(fstat64)(fd, into);
}

/* What a program built against glibc before 2.33 calls. */
int __fxstat(int version, int fd, struct stat *into)
{
    static int (*real)(int, int, struct stat *);
    if (!real)
        real = dlsym(RTLD_NEXT, "__fxstat");
    return fails_at("fstat", fd) ? -1 : real(version, fd, into);
}

int __fxstat64(int version, int fd, struct stat64 *into)
{
    static int (*real)(int, int, struct stat64 *);
    if (!real)
        real = dlsym(RTLD_NEXT, "__fxstat64");
    return fails_at("fstat", fd) ? -1 : real(version, fd, into);
}
