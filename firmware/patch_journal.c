/* 84 bytes: magic 8, digest of the target 32, mark 8, digest of the bytes up to it 32, CRC32 of all that 4, little-endian. Written beside itself,
 * synced, renamed, and the folder synced: a power cut leaves the old one or the new one. */
#include "firmware/patch_journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "firmware/file_io.h"

#define MAGIC "DROVJRN\x01"
#define TARGET_AT 8
#define MARK_AT 40
#define PREFIX_AT 48
#define CRC_AT 80
#define JOURNAL_BYTES 84

static bool target_digest(const struct patch_journal_target *target, uint8_t *ret_digest)
{
    static const uint8_t unknown[SHA256_BYTES];
    uint64_t numbers[3] = {htole64((uint64_t)target->base_bytes), htole64((uint64_t)target->out_bytes), htole64((uint64_t)target->out_offset)};
    uint8_t all[2 * SHA256_BYTES + sizeof numbers];

    memcpy(all, target->base_sha256 ? target->base_sha256 : unknown, SHA256_BYTES);
    memcpy(all + SHA256_BYTES, target->out_sha256, SHA256_BYTES);
    memcpy(all + 2 * SHA256_BYTES, numbers, sizeof numbers);
    return sha256_of(all, sizeof all, ret_digest);
}

static bool load(const char *path, uint8_t *ret_bytes, const char **ret_why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t bytes[JOURNAL_BYTES + 1];
    size_t got = 0;
    bool good;

    if (fd < 0) {
        *ret_why = errno == ENOENT ? "there is no journal" : "the journal cannot be opened";
        return false;
    }
    good = file_read_at(fd, bytes, sizeof bytes, 0, &got) && got == JOURNAL_BYTES;
    close(fd);
    memcpy(ret_bytes, bytes, good ? JOURNAL_BYTES : 0);
    if (!good)
        *ret_why = "the journal is damaged";
    return good;
}

bool patch_journal_read(const char *path, const struct patch_journal_target *target, struct patch_journal *ret_journal, const char **ret_why)
{
    uint8_t bytes[JOURNAL_BYTES], wanted[SHA256_BYTES];
    uint32_t crc;
    uint64_t mark;

    if (!load(path, bytes, ret_why))
        return false;
    memcpy(&crc, bytes + CRC_AT, sizeof crc);
    memcpy(&mark, bytes + MARK_AT, sizeof mark);
    *ret_why = "the journal is damaged";
    if (memcmp(bytes, MAGIC, TARGET_AT) != 0 || le32toh(crc) != (uint32_t)crc32(0, bytes, CRC_AT))
        return false;
    *ret_why = "the journal is of another target";
    if (!target_digest(target, wanted) || memcmp(wanted, bytes + TARGET_AT, sizeof wanted) != 0 || le64toh(mark) > (uint64_t)target->out_bytes)
        return false;
    ret_journal->mark = (int64_t)le64toh(mark);
    memcpy(ret_journal->prefix_sha256, bytes + PREFIX_AT, SHA256_BYTES);
    *ret_why = NULL;
    return true;
}

static bool save(const char *path, const uint8_t *bytes)
{
    char temporary[4096];
    int fd, kept;

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    if (file_write(fd, bytes, JOURNAL_BYTES) && fsync(fd) == 0 && rename(temporary, path) == 0) {
        close(fd);
        return file_sync_folder(path);
    }
    kept = errno;
    close(fd);
    (void)unlink(temporary);
    errno = kept;
    return false;
}

enum error_code patch_journal_write(const char *path, const struct patch_journal_target *target, const struct patch_journal *journal, struct problem *ret_problem)
{
    uint8_t bytes[JOURNAL_BYTES] = MAGIC;
    uint64_t mark = htole64((uint64_t)journal->mark);
    uint32_t crc;

    if (!target_digest(target, bytes + TARGET_AT))
        return package_refuse(ret_problem, E_INTERNAL, "journal", "out of memory");
    memcpy(bytes + MARK_AT, &mark, sizeof mark);
    memcpy(bytes + PREFIX_AT, journal->prefix_sha256, SHA256_BYTES);
    crc = htole32((uint32_t)crc32(0, bytes, CRC_AT));
    memcpy(bytes + CRC_AT, &crc, sizeof crc);
    if (save(path, bytes))
        return E_NONE;
    return package_refuse(ret_problem, errno == ENOSPC ? E_NO_SPACE : E_INSTALL, "journal", "cannot be written: %s", strerror(errno));
}

void patch_journal_remove(const char *path)
{
    if (unlink(path) == 0)
        (void)file_sync_folder(path);
}
