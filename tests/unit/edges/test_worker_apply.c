/* A delta that verifies and does not lead where it says is found out before it is offered: by applying it. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../firmware/package_fixture.h"
#include "firmware/package_delta.h"
#include "orchestrator/edges/worker_inside.h"

#define APP_BYTES 60000

/* A full package, unsigned, of an image with one run of bytes changed; its path is kept by the caller. */
static void full_make(const struct fixture *fixture, const char *name, const char *part, long change_at, char path[128])
{
    struct package_plan plan = fixture_plan(fixture, name);
    struct bytes made;

    fixture_image(fixture, "app.img", APP_BYTES, 1, false);
    fixture_image(fixture, "data.img", 300, 2, false);
    if (change_at) {
        int fd = open(fixture_path(fixture, "app.img"), O_WRONLY);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, "changed!", 8, change_at), 8);
        close(fd);
    }
    (void)snprintf(plan.manifest.components[0].name, sizeof plan.manifest.components[0].name, "%s", part);
    plan.manifest.components[0].compression = COMPRESSION_NONE;
    plan.manifest.chunk_bytes = CHUNK_BYTES_MIN;
    if (!change_at)
        (void)snprintf(plan.manifest.version, sizeof plan.manifest.version, "1.0.0");
    made = fixture_create(&plan);
    bytes_done(&made);
    (void)snprintf(path, 128, "%s", fixture_path(fixture, name));
}

static struct bytes file_take(const char *path)
{
    struct bytes bytes = {NULL, 0};
    struct stat status;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    bytes.length = (size_t)status.st_size;
    bytes.bytes = malloc(bytes.length);
    assert_int_equal(read(fd, bytes.bytes, bytes.length), bytes.length);
    close(fd);
    return bytes;
}

static void file_give(const char *path, const struct bytes *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes->bytes, bytes->length), bytes->length);
    close(fd);
}

static struct bytes delta_make(const struct fixture *fixture, const char *old, const char *new)
{
    const struct package_delta_options options = {.min_saving_pct = -1};
    struct package_delta_result result;
    struct package_file from, to;
    struct problem problem;
    const char *path = fixture_path(fixture, "made.dfw");

    CHECK_CODE(package_file_open(old, &from, &problem), E_NONE, problem, old);
    CHECK_CODE(package_file_open(new, &to, &problem), E_NONE, problem, new);
    CHECK_CODE(package_delta(&from, &to, &options, path, &result, &problem), E_NONE, problem, "delta");
    assert_true(result.kept && result.delta_bytes < APP_BYTES / 4);
    package_file_close(&from);
    package_file_close(&to);
    return file_take(path);
}

/* Puts the manifest of one full package into a delta made for another: patch and description stay, and claim to lead there. */
static void manifest_exchange(struct bytes *delta, const char *for_path, const char *instead_path)
{
    struct package_file was, becomes;
    struct problem problem;
    struct bytes package = file_take(instead_path);
    char was_hex[SHA256_HEX_SIZE], becomes_hex[SHA256_HEX_SIZE], *text, *other, *named;
    size_t length, other_length;

    CHECK_CODE(package_file_open(for_path, &was, &problem), E_NONE, problem, for_path);
    CHECK_CODE(package_file_open(instead_path, &becomes, &problem), E_NONE, problem, instead_path);
    text_hex(was_hex, was.head.manifest_sha256, SHA256_BYTES);
    text_hex(becomes_hex, becomes.head.manifest_sha256, SHA256_BYTES);
    text = fixture_manifest(delta, &length);
    other = fixture_manifest(&package, &other_length);
    assert_int_equal(length, other_length);
    memcpy(text, other, length);
    named = memmem(delta->bytes, delta->length, was_hex, SHA256_HEX_SIZE - 1);
    assert_non_null(named);
    memcpy(named, becomes_hex, SHA256_HEX_SIZE - 1);
    fixture_mend_crcs(delta);
    package_file_close(&was);
    package_file_close(&becomes);
    bytes_done(&package);
}

static unsigned folder_count(const char *path)
{
    DIR *folder = opendir(path);
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void a_delta_is_applied_before_it_is_offered(void **state)
{
    struct fixture *fixture = *state;
    char old[128], new[128], other[128], renamed[128], signed_path[128];
    enum { RIGHT, EXCHANGED };
    const struct {
        const char *row, *base;
        int delta;
        enum error_code code;
    } rows[] = {
        {"the base it was made from", old, RIGHT, E_NONE},
        {"another base", other, RIGHT, E_DELTA_BASE},
        {"a base without the component", renamed, RIGHT, E_DELTA_BASE},
        {"the patch of another release, well described", old, EXCHANGED, E_SHA256},
    };
    struct bytes deltas[2];
    struct worker_task task = {.now_ms = FIXTURE_NOW_MS};
    struct worker_answer answer = {.code = E_NONE};
    struct worker worker = {.task = &task, .answer = &answer};

    full_make(fixture, "old.dfw", "app", 0, old);
    full_make(fixture, "new.dfw", "app", 1000, new);
    full_make(fixture, "other.dfw", "app", 2000, other);
    full_make(fixture, "renamed.dfw", "program", 0, renamed);
    deltas[RIGHT] = delta_make(fixture, old, new);
    deltas[EXCHANGED] = delta_make(fixture, old, other);
    manifest_exchange(&deltas[EXCHANGED], other, new);
    fixture->trust.thresholds[TRUST_DELTA] = 0;
    worker.trust = fixture->trust;
    (void)text_copy(task.folder, sizeof task.folder, fixture->folder);
    (void)snprintf(signed_path, sizeof signed_path, "%s", fixture_path(fixture, "signed.dfw"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes delta = fixture_signed(&deltas[rows[i].delta], fixture->key, NULL, 0);
        struct package_file from;
        struct problem problem = {.what = ""};
        unsigned files;

        file_give(signed_path, &delta);
        bytes_done(&delta);
        files = folder_count(fixture->folder);
        CHECK_CODE(worker_prove(&worker, signed_path), E_NONE, problem, rows[i].row);
        CHECK_CODE(package_file_open(rows[i].base, &from, &problem), E_NONE, problem, rows[i].row);
        CHECK_CODE(worker_apply(&worker, &from, signed_path, &problem), rows[i].code, problem, rows[i].row);
        package_file_close(&from);
        CHECK_ROW(folder_count(fixture->folder) == files, rows[i].row);
    }
    bytes_done(&deltas[RIGHT]);
    bytes_done(&deltas[EXCHANGED]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_delta_is_applied_before_it_is_offered)};

    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
