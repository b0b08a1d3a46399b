/* The power cut: a preloaded library that ends its process at the N-th call that changes the disk, and takes back what was not synced. README.md here
 * says how to use it. Each change below the root is entered into a journal with what it takes to undo it; fsync of a file or folder drops its entries. */
#undef _TIME_BITS        /* goes with the next */
#undef _FILE_OFFSET_BITS /* would turn open into open64 and so on; both are defined here */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fault/fault_server.h"

#define PUBLIC __attribute__((visibility("default")))
#define ENTRIES_MAX 4096

enum mode { BEFORE, TORN, DATA, ALL, SOME };
static const char *const mode_names[] = {"before", "torn", "data", "all", "some"};

/* DATA: bytes of a file. The others: a name in a folder. */
enum change { CHANGE_DATA, CHANGE_MADE, CHANGE_REMOVED, CHANGE_RENAMED };

struct entry {
    enum change change;
    dev_t dev;
    ino_t ino;                   /* of the file, or of the folder with the name */
    int fd;                      /* of the file, for writing; of the folder */
    off_t offset, old_size;
    size_t length;
    char *bytes;                 /* what stood there */
    char name[NAME_MAX + 1];     /* as it is now */
    int from_fd;                 /* renamed: folder and name it had */
    char from[NAME_MAX + 1];
    char kept[PATH_MAX + 48];    /* link to what the name meant before; "": nothing */
};

static struct {
    pthread_mutex_t mutex;
    bool on;
    char root[PATH_MAX];
    size_t root_length;
    enum mode mode;
    unsigned at, count, kept;
    int trace_fd;                /* -1: nobody wants to read it */
    struct entry entries[ENTRIES_MAX];
    unsigned entry_count;
} shim = {.mutex = PTHREAD_MUTEX_INITIALIZER, .trace_fd = -1};

#define REAL(name) ((__typeof__(&name))(uintptr_t)real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found)
        abort();
    return found;
}

static void settings_take(void)
{
    const char *root = getenv("DROVER_FAULT_ROOT"), *program = getenv("DROVER_FAULT_PROGRAM");
    const char *at = getenv("DROVER_FAULT_AT"), *mode = getenv("DROVER_FAULT_MODE"), *trace = getenv("DROVER_FAULT_TRACE");

    if (!root || !realpath(root, shim.root) || (program && strcmp(program, program_invocation_short_name) != 0))
        return;
    shim.root_length = strlen(shim.root);
    shim.at = at ? (unsigned)strtoul(at, NULL, 10) : 0;
    for (unsigned i = 0; mode && i < sizeof mode_names / sizeof mode_names[0]; i++)
        if (strcmp(mode, mode_names[i]) == 0)
            shim.mode = (enum mode)i;
    if (trace)
        shim.trace_fd = REAL(open)(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    shim.on = true;
}

/* glibc gives constructors what it gives to main(). */
__attribute__((constructor)) static void begin(int argc, char **argv)
{
    fault_serve(argc, argv);
    settings_take();
}

/* --- what is meant --- */

static bool is_below_root(int fd)
{
    char link[48], path[PATH_MAX];
    struct stat status;
    ssize_t length;

    if (!shim.on || fd < 0 || fstat(fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)))
        return false; /* most are sockets, and a look into /proc takes its time */
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)shim.root_length)
        return false;
    path[length] = '\0';
    return strncmp(path, shim.root, shim.root_length) == 0 && (path[shim.root_length] == '/' || path[shim.root_length] == '\0');
}

/* The folder that a name stands in, O_PATH, and the bare name; -1 when it is not below the root. */
static int folder_of(int at_fd, const char *path, char ret_name[NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    int fd;

    if (!shim.on)
        return -1;
    if (slash)
        (void)snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    (void)snprintf(ret_name, NAME_MAX + 1, "%s", slash ? slash + 1 : path);
    fd = REAL(openat)(at_fd, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && !is_below_root(fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* --- the journal --- */

static struct entry *entry_add(enum change change, int fd)
{
    struct entry *entry = &shim.entries[shim.entry_count];
    struct stat status;

    if (shim.entry_count == ENTRIES_MAX || fstat(fd, &status) != 0)
        abort(); /* a test that needs more raises ENTRIES_MAX */
    shim.entry_count++;
    *entry = (struct entry){.change = change, .dev = status.st_dev, .ino = status.st_ino, .fd = -1, .from_fd = -1};
    return entry;
}

static void entry_drop(struct entry *entry)
{
    if (entry->fd >= 0)
        close(entry->fd);
    if (entry->from_fd >= 0)
        close(entry->from_fd);
    if (entry->kept[0])
        (void)REAL(unlink)(entry->kept);
    free(entry->bytes);
}

__attribute__((destructor)) static void finish(void)
{
    const char *path = getenv("DROVER_FAULT_COUNT");
    FILE *out = shim.on && path ? fopen(path, "w") : NULL;

    for (unsigned i = 0; i < shim.entry_count; i++)
        entry_drop(&shim.entries[i]);
    shim.entry_count = 0;
    if (out) {
        fprintf(out, "%u\n", shim.count);
        fclose(out);
    }
}

/* What a range held before it is written; length SIZE_MAX: to the end. */
static void data_note(int fd, off_t offset, size_t length)
{
    char link[48];
    struct entry *entry = entry_add(CHANGE_DATA, fd);
    struct stat status;
    ssize_t got;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    entry->fd = REAL(open)(link, O_RDWR | O_CLOEXEC);
    if (entry->fd < 0 || fstat(entry->fd, &status) != 0)
        abort();
    entry->old_size = status.st_size;
    entry->offset = offset;
    if (S_ISREG(status.st_mode)) {
        size_t there = offset < status.st_size ? (size_t)(status.st_size - offset) : 0;

        length = length < there ? length : there;
    }
    entry->bytes = malloc(length ? length : 1);
    got = entry->bytes ? pread(entry->fd, entry->bytes, length, offset) : -1;
    if (got < 0)
        abort();
    entry->length = (size_t)got;
}

/* A second name for what `name` means now, beside the root, so that it survives being replaced. */
static void keep(struct entry *entry, int folder_fd, const char *name)
{
    (void)snprintf(entry->kept, sizeof entry->kept, "%s.kept-%d-%u", shim.root, (int)getpid(), shim.kept++);
    if (REAL(linkat)(folder_fd, name, AT_FDCWD, entry->kept, 0) != 0)
        entry->kept[0] = '\0'; /* nothing had that name */
}

static void name_note(enum change change, int folder_fd, const char *name)
{
    struct entry *entry = entry_add(change, folder_fd);

    entry->fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    if (change != CHANGE_MADE)
        keep(entry, folder_fd, name);
}

/* fsync: what was changed in this file, or which names in this folder, is on disk now. */
static void synced(int fd)
{
    struct stat status;
    unsigned left = 0;

    if (fstat(fd, &status) != 0)
        return;
    for (unsigned i = 0; i < shim.entry_count; i++) {
        if (shim.entries[i].dev == status.st_dev && shim.entries[i].ino == status.st_ino)
            entry_drop(&shim.entries[i]);
        else
            shim.entries[left++] = shim.entries[i];
    }
    shim.entry_count = left;
}

/* A folder whose name is lost takes with it whatever was made in it. */
static void name_remove(int folder_fd, const char *name)
{
    int fd = REAL(openat)(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);

    for (struct dirent *entry = list ? readdir(list) : NULL; entry; entry = readdir(list))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            name_remove(fd, entry->d_name);
    (void)REAL(unlinkat)(folder_fd, name, list ? AT_REMOVEDIR : 0);
    if (list)
        closedir(list);
}

static void entry_undo(const struct entry *entry)
{
    switch (entry->change) {
    case CHANGE_DATA:
        (void)REAL(ftruncate)(entry->fd, entry->old_size);
        (void)!REAL(pwrite)(entry->fd, entry->bytes, entry->length, entry->offset);
        return;
    case CHANGE_MADE:
        name_remove(entry->fd, entry->name);
        return;
    case CHANGE_RENAMED:
        (void)REAL(renameat)(entry->fd, entry->name, entry->from_fd, entry->from);
        break;
    case CHANGE_REMOVED:
        break;
    }
    if (entry->kept[0])
        (void)REAL(renameat)(AT_FDCWD, entry->kept, entry->fd, entry->name);
}

/* A number between 0 and 2^32 - 1 that the call and the entry decide. */
static uint32_t chance(unsigned i)
{
    uint64_t x = ((uint64_t)shim.at << 32 | i) + 0x9E3779B97F4A7C15u;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)(x >> 32);
}

/* In SOME, names are lost from the newest on, as a journaling file system loses them; bytes anyhow. */
static bool is_lost(const struct entry *entry, unsigned i, unsigned names_kept)
{
    bool data = entry->change == CHANGE_DATA;

    switch (shim.mode) {
    case DATA: return data;
    case ALL: return true;
    case SOME: return data ? chance(i) & 1 : i >= names_kept;
    default: return false;
    }
}

static void __attribute__((noreturn)) power_cut(void)
{
    unsigned names_kept = shim.entry_count ? chance(UINT_MAX) % (shim.entry_count + 1) : 0;

    for (unsigned i = shim.entry_count; i-- > 0;)
        if (is_lost(&shim.entries[i], i, names_kept))
            entry_undo(&shim.entries[i]);
    for (unsigned i = 0; i < shim.entry_count; i++)
        entry_drop(&shim.entries[i]);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

/* One line a call: "rename upgrade.log" (the name as it is below the root; of a change of names, the new or the lost one). */
static void trace(const char *call, int fd, const char *name)
{
    char link[48], path[PATH_MAX] = "", line[PATH_MAX + NAME_MAX + 64];
    ssize_t length;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    length = snprintf(line, sizeof line, "%s %s%s%s\n", call, strlen(path) > shim.root_length ? path + shim.root_length + 1 : ".", name ? "/" : "", name ? name : "");
    (void)!REAL(write)(shim.trace_fd, line, (size_t)length);
}

/* name: NULL, or what stands in the folder fd. */
static void counted(const char *call, int fd, const char *name)
{
    if (shim.trace_fd >= 0)
        trace(call, fd, name);
    if (++shim.count == shim.at)
        power_cut();
}

#define LOCKED for (int once_ = pthread_mutex_lock(&shim.mutex); once_ == 0; once_ = pthread_mutex_unlock(&shim.mutex) + 1)

/* --- the calls --- */

static void write_note(int fd, off_t offset, const void *bytes, size_t length, bool at_end)
{
    struct stat status;

    if (fstat(fd, &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)))
        return;
    if (offset < 0)
        offset = at_end ? status.st_size : lseek(fd, 0, SEEK_CUR);
    if (shim.count + 1 == shim.at && shim.mode == TORN && length > 1)
        (void)!REAL(pwrite)(fd, bytes, length / 2, offset);
    counted("write", fd, NULL);
    data_note(fd, offset, length);
}

PUBLIC ssize_t write(int fd, const void *bytes, size_t length)
{
    if (is_below_root(fd))
        LOCKED write_note(fd, -1, bytes, length, fcntl(fd, F_GETFL) & O_APPEND);
    return REAL(write)(fd, bytes, length);
}

PUBLIC ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    if (is_below_root(fd))
        LOCKED write_note(fd, offset, bytes, length, false);
    return REAL(pwrite)(fd, bytes, length, offset);
}

PUBLIC ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    return pwrite(fd, bytes, length, offset);
}

PUBLIC int ftruncate(int fd, off_t length)
{
    if (is_below_root(fd))
        LOCKED {
            counted("truncate", fd, NULL);
            data_note(fd, 0, SIZE_MAX);
        }
    return REAL(ftruncate)(fd, length);
}

PUBLIC int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

/* With FALLOC_FL_KEEP_SIZE nothing that can be read changes. */
PUBLIC int fallocate(int fd, int mode, off_t offset, off_t length)
{
    if (is_below_root(fd))
        LOCKED {
            counted("allocate", fd, NULL);
            if (!(mode & FALLOC_FL_KEEP_SIZE))
                data_note(fd, offset, (size_t)length);
        }
    return REAL(fallocate)(fd, mode, offset, length);
}

PUBLIC int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return fallocate(fd, mode, offset, length);
}

PUBLIC int posix_fallocate(int fd, off_t offset, off_t length)
{
    if (is_below_root(fd))
        LOCKED {
            counted("allocate", fd, NULL);
            data_note(fd, offset, (size_t)length);
        }
    return REAL(posix_fallocate)(fd, offset, length);
}

PUBLIC int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return posix_fallocate(fd, offset, length);
}

/* What is written through a mapping is seen as one write of all of it, when it is made. */
PUBLIC void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if ((flags & MAP_TYPE) == MAP_SHARED && protection & PROT_WRITE && is_below_root(fd))
        LOCKED {
            counted("map", fd, NULL);
            data_note(fd, offset, length);
        }
    return REAL(mmap)(address, length, protection, flags, fd, offset);
}

PUBLIC void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
    return mmap(address, length, protection, flags, fd, offset);
}

static int sync_call(int fd, int (*call)(int))
{
    int result;

    if (!is_below_root(fd))
        return call(fd);
    LOCKED counted("sync", fd, NULL);
    result = call(fd);
    if (result == 0)
        LOCKED synced(fd);
    return result;
}

PUBLIC int fsync(int fd)
{
    return sync_call(fd, REAL(fsync));
}

PUBLIC int fdatasync(int fd)
{
    return sync_call(fd, REAL(fdatasync));
}

PUBLIC int renameat(int old_fd, const char *old_path, int new_fd, const char *new_path)
{
    char old_name[NAME_MAX + 1], new_name[NAME_MAX + 1];
    int from_fd = folder_of(old_fd, old_path, old_name), to_fd = folder_of(new_fd, new_path, new_name);

    if (from_fd >= 0 && to_fd >= 0)
        LOCKED {
            counted("rename", to_fd, new_name);
            name_note(CHANGE_RENAMED, to_fd, new_name);
            shim.entries[shim.entry_count - 1].from_fd = from_fd;
            memcpy(shim.entries[shim.entry_count - 1].from, old_name, sizeof old_name);
        }
    else if (from_fd >= 0)
        close(from_fd);
    if (to_fd >= 0)
        close(to_fd);
    return REAL(renameat)(old_fd, old_path, new_fd, new_path);
}

PUBLIC int rename(const char *old_path, const char *new_path)
{
    return renameat(AT_FDCWD, old_path, AT_FDCWD, new_path);
}

/* Before a name is made or removed. */
static void name_change(enum change change, int at_fd, const char *path)
{
    char name[NAME_MAX + 1];
    int folder_fd = folder_of(at_fd, path, name);
    bool there;

    if (folder_fd < 0)
        return;
    there = faccessat(folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (there == (change == CHANGE_REMOVED))
        LOCKED {
            counted(change == CHANGE_MADE ? "make" : "remove", folder_fd, name);
            name_note(change, folder_fd, name);
        }
    close(folder_fd);
}

PUBLIC int unlinkat(int at_fd, const char *path, int flags)
{
    name_change(CHANGE_REMOVED, at_fd, path);
    return REAL(unlinkat)(at_fd, path, flags);
}

PUBLIC int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

PUBLIC int linkat(int old_fd, const char *old_path, int new_fd, const char *new_path, int flags)
{
    name_change(CHANGE_MADE, new_fd, new_path);
    return REAL(linkat)(old_fd, old_path, new_fd, new_path, flags);
}

PUBLIC int link(const char *old_path, const char *new_path)
{
    return linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

PUBLIC int mkdirat(int at_fd, const char *path, mode_t mode)
{
    name_change(CHANGE_MADE, at_fd, path);
    return REAL(mkdirat)(at_fd, path, mode);
}

PUBLIC int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* Emptying a file is a change of its own. */
static void open_note(int at_fd, const char *path, int flags)
{
    int fd;

    if (!shim.on || !(flags & (O_CREAT | O_TRUNC)))
        return;
    if (flags & O_CREAT)
        name_change(CHANGE_MADE, at_fd, path);
    if (!(flags & O_TRUNC))
        return;
    fd = REAL(openat)(at_fd, path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (is_below_root(fd))
        LOCKED {
            counted("empty", fd, NULL);
            data_note(fd, 0, SIZE_MAX);
        }
    if (fd >= 0)
        close(fd);
}

static mode_t mode_of(int flags, va_list list)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(list, int) : 0;
}

PUBLIC int openat(int at_fd, const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = mode_of(flags, list);
    va_end(list);
    open_note(at_fd, path, flags);
    return REAL(openat)(at_fd, path, flags, mode);
}

PUBLIC int openat64(int at_fd, const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = mode_of(flags, list);
    va_end(list);
    return openat(at_fd, path, flags, mode);
}

PUBLIC int open(const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = mode_of(flags, list);
    va_end(list);
    return openat(AT_FDCWD, path, flags, mode);
}

PUBLIC int open64(const char *path, int flags, ...)
{
    va_list list;
    mode_t mode;

    va_start(list, flags);
    mode = mode_of(flags, list);
    va_end(list);
    return openat(AT_FDCWD, path, flags, mode);
}
