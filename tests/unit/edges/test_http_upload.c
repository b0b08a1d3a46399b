/* Uploads on a real folder: parts, a new droverd in between, wrong bytes, and a disk that is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "orchestrator/edges/depot_upload.h"

struct world {
    char folder[64];
    struct depot depot;
    struct depot_uploads *uploads;
    char bytes[100000];
    char sha256[SHA256_HEX_SIZE];
};

static void depot_start(struct world *world)
{
    struct problem problem = {0};
    assert_int_equal(depot_open(&world->depot, world->folder, &problem), DROVER_OK);
    world->uploads = depot_uploads_new(&world->depot, 1 << 20);
    assert_non_null(world->uploads);
}

static int world_open(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct sha256 *digest = sha256_new();
    if (world == NULL || digest == NULL)
        return -1;
    strcpy(world->folder, "/tmp/drover-depot-XXXXXX");
    if (mkdtemp(world->folder) == NULL)
        return -1;
    for (size_t i = 0; i < sizeof world->bytes; i++)
        world->bytes[i] = (char)(i * 7 + i / 251);
    sha256_add(digest, world->bytes, sizeof world->bytes);
    sha256_hex(digest, world->sha256);
    sha256_free(digest);
    depot_start(world);
    *state = world;
    return 0;
}

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int world_close(void **state)
{
    struct world *world = *state;
    depot_uploads_free(world->uploads);
    int failed = nftw(world->folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(world);
    return failed;
}

static enum drover_error add(struct world *world, int64_t offset, int64_t length, struct depot_upload *ret)
{
    const struct iovec parts[2] = {{world->bytes + offset, (size_t)length / 2}, {world->bytes + offset + length / 2, (size_t)(length - length / 2)}};
    return depot_upload_add(world->uploads, world->sha256, sizeof world->bytes, offset, parts, 2, ret);
}

static unsigned files_in(const struct world *world, const char *name)
{
    char path[128];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/%s", world->folder, name);
    DIR *list = opendir(path);
    assert_non_null(list);
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list))
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

static void assert_state(struct depot_upload state, int64_t offset, bool complete)
{
    assert_int_equal(state.offset, offset);
    assert_int_equal(state.complete, complete);
}

static void parts_become_a_package(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    char path[DEPOT_PATH_SIZE], digest[SHA256_HEX_SIZE];
    long long bytes = 0;
    assert_int_equal(depot_upload_find(world->uploads, world->sha256, &upload), DROVER_NOT_FOUND);
    assert_int_equal(add(world, 10, 10, &upload), DROVER_CONFLICT);
    assert_state(upload, 0, false);
    assert_int_equal(files_in(world, "uploads"), 0);
    assert_int_equal(add(world, 0, 40000, &upload), DROVER_OK);
    assert_state(upload, 40000, false);
    assert_int_equal(add(world, 0, 40000, &upload), DROVER_CONFLICT);
    assert_state(upload, 40000, false);
    assert_int_equal(add(world, 30000, 20000, &upload), DROVER_CONFLICT);
    assert_int_equal(depot_upload_find(world->uploads, world->sha256, &upload), DROVER_OK);
    assert_int_equal(upload.size, sizeof world->bytes);
    assert_int_equal(add(world, 40000, 60000, &upload), DROVER_OK);
    assert_state(upload, 100000, true);
    assert_int_equal(files_in(world, "uploads"), 0);
    depot_artifact_path(&world->depot, world->sha256, path);
    assert_int_equal(sha256_file(path, digest, &bytes), DROVER_OK);
    assert_string_equal(digest, world->sha256);
    assert_int_equal(add(world, 0, 10, &upload), DROVER_OK);
    assert_state(upload, 100000, true);
}

static void the_next_droverd_goes_on(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    assert_int_equal(add(world, 0, 70001, &upload), DROVER_OK);
    depot_uploads_free(world->uploads);
    depot_start(world);
    assert_int_equal(depot_upload_find(world->uploads, world->sha256, &upload), DROVER_OK);
    assert_state(upload, 70001, false);
    assert_int_equal(upload.size, 0);
    assert_int_equal(add(world, 70001, 29999, &upload), DROVER_OK);
    assert_state(upload, 100000, true);
}

/* Killed after the last byte and before the move: all bytes lie in the part file, and nobody has any left to send. */
static void a_part_that_is_all_there_is_finished_by_an_empty_one(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    char path[DEPOT_PATH_SIZE];
    assert_int_equal(add(world, 100000, 0, &upload), DROVER_CONFLICT);
    assert_state(upload, 0, false);
    assert_int_equal(files_in(world, "uploads"), 0);
    assert_int_equal(add(world, 0, 70001, &upload), DROVER_OK);
    assert_int_equal(add(world, 70001, 0, &upload), DROVER_RANGE);
    assert_int_equal(add(world, 100000, 0, &upload), DROVER_CONFLICT);
    assert_state(upload, 70001, false);
    depot_uploads_free(world->uploads);
    depot_part_path(&world->depot, world->sha256, path);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, world->bytes + 70001, 29999), 29999);
    close(fd);
    depot_start(world);
    assert_int_equal(depot_upload_find(world->uploads, world->sha256, &upload), DROVER_OK);
    assert_state(upload, 100000, false);
    assert_int_equal(add(world, 100000, 0, &upload), DROVER_OK);
    assert_state(upload, 100000, true);
    assert_int_equal(files_in(world, "uploads"), 0);
    assert_int_equal(add(world, 100000, 0, &upload), DROVER_OK);
}

static void another_size_begins_anew(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    const struct iovec part = {world->bytes, 500};
    assert_int_equal(depot_upload_add(world->uploads, world->sha256, 1000, 0, &part, 1, &upload), DROVER_OK);
    assert_int_equal(add(world, 500, 500, &upload), DROVER_CONFLICT);
    assert_int_equal(add(world, 0, 100000, &upload), DROVER_OK);
    assert_state(upload, 100000, true);
}

static void wrong_bytes_are_removed(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    world->bytes[99999] ^= 1;
    assert_int_equal(add(world, 0, 50000, &upload), DROVER_OK);
    assert_int_equal(add(world, 50000, 50000, &upload), DROVER_MISMATCH);
    assert_int_equal(files_in(world, "uploads"), 0);
    assert_int_equal(files_in(world, "artifacts"), 0);
    assert_int_equal(depot_upload_find(world->uploads, world->sha256, &upload), DROVER_NOT_FOUND);
    world->bytes[99999] ^= 1;
    assert_int_equal(add(world, 0, 100000, &upload), DROVER_OK);
    assert_true(upload.complete);
}

static void sizes_are_checked(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    const struct iovec part = {world->bytes, 100}, none = {world->bytes, 0};
    assert_int_equal(depot_upload_add(world->uploads, world->sha256, 99, 0, &part, 1, &upload), DROVER_RANGE);
    assert_int_equal(depot_upload_add(world->uploads, world->sha256, 0, 0, &part, 1, &upload), DROVER_RANGE);
    assert_int_equal(depot_upload_add(world->uploads, world->sha256, (1 << 20) + 1, 0, &part, 1, &upload), DROVER_RANGE);
    assert_int_equal(depot_upload_add(world->uploads, world->sha256, 1000, -1, &part, 1, &upload), DROVER_RANGE);
    assert_int_equal(depot_upload_add(world->uploads, world->sha256, 1000, INT64_MAX, &part, 1, &upload), DROVER_RANGE);
    assert_int_equal(depot_upload_add(world->uploads, world->sha256, 1000, 0, &none, 1, &upload), DROVER_RANGE);
    assert_int_equal(files_in(world, "uploads"), 0);
}

/* No file may grow beyond the limit, as on a full disk. (A disk that is really full: test_http_server.py.) */
static void a_full_disk_leaves_nothing(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    struct rlimit before, small;
    assert_int_equal(add(world, 0, 60000, &upload), DROVER_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){80000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum drover_error written = add(world, 60000, 40000, &upload);
    unsigned left = files_in(world, "uploads");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(written, DROVER_NO_SPACE);
    assert_int_equal(left, 0);
    assert_int_equal(add(world, 0, 100000, &upload), DROVER_OK);
    assert_true(upload.complete);
}

static void forgotten_parts_are_removed_at_start(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    char part[DEPOT_PATH_SIZE], other[128];
    const struct timespec old[2] = {{time(NULL) - 25 * 3600, 0}, {time(NULL) - 25 * 3600, 0}};
    assert_int_equal(add(world, 0, 10, &upload), DROVER_OK);
    snprintf(other, sizeof other, "%s/uploads/notes.txt", world->folder);
    int fd = open(other, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    depot_part_path(&world->depot, world->sha256, part);
    depot_uploads_free(world->uploads);
    depot_start(world);
    assert_int_equal(files_in(world, "uploads"), 2);
    assert_int_equal(utimensat(AT_FDCWD, part, old, 0) | utimensat(AT_FDCWD, other, old, 0), 0);
    depot_uploads_free(world->uploads);
    depot_start(world);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(access(other, F_OK), 0);
}

static void only_a_sha256_makes_a_path(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"", "..", "../../../../etc/passwd", "ABCDEF", "0123456789abcdef"};
    char path[DEPOT_PATH_SIZE];
    int64_t bytes;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        depot_artifact_path(&world->depot, bad[i], path);
        assert_string_equal(path, "");
        depot_part_path(&world->depot, bad[i], path);
        assert_string_equal(path, "");
        assert_int_equal(depot_size(&world->depot, bad[i], &bytes), DROVER_NOT_FOUND);
    }
}

static void many_uploads_at_a_time_are_refused(void **state)
{
    struct world *world = *state;
    struct depot_upload upload;
    const struct iovec part = {world->bytes, 10};
    char sha256[SHA256_HEX_SIZE];
    enum drover_error error = DROVER_OK;
    int count = 0;
    for (; count < 100 && error == DROVER_OK; count++) {
        snprintf(sha256, sizeof sha256, "%064d", count);
        error = depot_upload_add(world->uploads, sha256, 1000, 0, &part, 1, &upload);
    }
    assert_int_equal(error, DROVER_FULL);
    assert_int_equal(files_in(world, "uploads"), count - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts_become_a_package), TEST(the_next_droverd_goes_on),  TEST(another_size_begins_anew),
        TEST(a_part_that_is_all_there_is_finished_by_an_empty_one),
        TEST(wrong_bytes_are_removed), TEST(sizes_are_checked),        TEST(a_full_disk_leaves_nothing),
        TEST(forgotten_parts_are_removed_at_start), TEST(only_a_sha256_makes_a_path), TEST(many_uploads_at_a_time_are_refused),
    };
    log_configure(LOG_ERROR, LOG_LOGFMT, "");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
