/* Delta packages made and unpacked: what is paired, copied, patched and stored in full; what is kept; then images on disk through power cuts, and
 * the attacks that only whole packages show. */
#include "package_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "firmware/package_delta.h"
#include "firmware/package_encrypt.h"
#include "firmware/package_sign.h"
#include "firmware/unpack.h"

#define APP_BYTES 300000
#define COMPONENTS 3

static const char *const old_names[COMPONENTS] = {"old-app.img", "old-data.img", "old-boot.img"};
static const char *const new_names[COMPONENTS] = {"new-app.img", "new-data.img", "new-boot.img"};
static const char *const component_names[COMPONENTS] = {"app", "data", "boot"};

/* The same image with a few places changed. */
static void image_change(const struct fixture *fixture, const char *name, size_t length, uint64_t seed)
{
    FILE *file = fopen(fixture_path(fixture, name), "r+b");

    assert_non_null(file);
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t word = hash_mix(seed + i);

        assert_int_equal(fseek(file, (long)(hash_mix(word) % (length - 8)), SEEK_SET), 0);
        assert_int_equal(fwrite(&word, sizeof word, 1, file), 1);
    }
    assert_int_equal(fclose(file), 0);
}

/* app: compressed and patched; data: the same; boot: another image altogether. */
static void package_make(const struct fixture *fixture, const char *const names[COMPONENTS], const char *version, const char *path)
{
    struct package_plan plan = fixture_plan(fixture, path);
    char images[COMPONENTS][256], target[256];
    struct problem problem;

    (void)snprintf(target, sizeof target, "%s", fixture_path(fixture, path));
    plan.path = target;
    for (unsigned i = 0; i < COMPONENTS; i++) {
        struct component *component = &plan.manifest.components[i];

        (void)snprintf(images[i], sizeof images[i], "%s", fixture_path(fixture, names[i]));
        plan.images[i] = images[i];
        (void)snprintf(component->name, sizeof component->name, "%s", component_names[i]);
        (void)snprintf(component->part, sizeof component->part, "%s", component_names[i]);
        component->compression = i == 0 ? COMPRESSION_ZSTD : COMPRESSION_NONE;
    }
    plan.manifest.component_count = COMPONENTS;
    plan.manifest.chunk_bytes = 16384;
    (void)snprintf(plan.manifest.version, sizeof plan.manifest.version, "%s", version);
    CHECK_CODE(package_create(&plan, NULL, &problem), E_NONE, problem, path);
    manifest_done(&plan.manifest);
}

static void package_signed(const struct fixture *fixture, const char *from, const char *to)
{
    const struct private_key *key = fixture->key;
    enum signature_algorithm usual = 0;
    struct package_signing signing = {.keys = &key, .algorithms = &usual, .count = 1};
    struct package_file file;
    struct problem problem;

    CHECK_CODE(package_file_open(fixture_path(fixture, from), &file, &problem), E_NONE, problem, from);
    CHECK_CODE(package_sign(&file, &signing, fixture_path(fixture, to), &problem), E_NONE, problem, to);
    package_file_close(&file);
}

static int begin(void **state)
{
    struct fixture *fixture;

    fixture_begin(state);
    fixture = *state;
    for (unsigned i = 0; i < 2; i++) {
        const char *const *names = i ? new_names : old_names;

        fixture_image(fixture, names[0], APP_BYTES, 5, false);
        fixture_image(fixture, names[1], 70000, 6, false);
        fixture_image(fixture, names[2], 9000, 70 + i, false);
    }
    image_change(fixture, new_names[0], APP_BYTES, 99);
    package_make(fixture, old_names, "1.0.0", "old-plain.dfw");
    package_make(fixture, new_names, "1.1.0", "new-plain.dfw");
    package_signed(fixture, "old-plain.dfw", "old.dfw");
    package_signed(fixture, "new-plain.dfw", "new.dfw");
    return 0;
}

static enum error_code delta_make(const struct fixture *fixture, const char *from, const char *to, const struct package_delta_options *options, const char *path,
                                  struct package_delta_result *ret_result, struct problem *ret_problem)
{
    struct package_file from_file, to_file;
    struct problem problem;
    enum error_code code;

    CHECK_CODE(package_file_open(fixture_path(fixture, from), &from_file, &problem), E_NONE, problem, from);
    CHECK_CODE(package_file_open(fixture_path(fixture, to), &to_file, &problem), E_NONE, problem, to);
    code = package_delta(&from_file, &to_file, options, fixture_path(fixture, path), ret_result, ret_problem);
    package_file_close(&from_file);
    package_file_close(&to_file);
    return code;
}

/* The signed delta from old.dfw to new.dfw. */
static void delta_ready(const struct fixture *fixture)
{
    struct package_delta_options options = {.threads = 2};
    struct package_delta_result result;
    struct problem problem;

    CHECK_CODE(delta_make(fixture, "old.dfw", "new.dfw", &options, "delta-plain.dfw", &result, &problem), E_NONE, problem, "delta");
    assert_true(result.kept);
    package_signed(fixture, "delta-plain.dfw", "delta.dfw");
}

struct slots {
    const struct fixture *fixture;
    const char *const *bases;    /* NULL: none */
    bool journals;
    unsigned asked;
    enum error_code fail;
};

static void slot_path(const struct slots *slots, unsigned component, const char *what, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s/slot-%s.%s", slots->fixture->folder, component_names[component], what);
}

static enum error_code slot_find(void *arg, const struct package_head *head, unsigned component, struct unpack_place *ret_place, struct problem *ret_problem)
{
    struct slots *slots = arg;
    char path[256];

    assert_string_equal(head->manifest.components[component].name, component_names[component]);
    slots->asked++;
    if (slots->fail)
        return package_refuse(ret_problem, slots->fail, "slot", "none");
    slot_path(slots, component, "img", path, sizeof path);
    ret_place->out_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (slots->bases)
        ret_place->base_fd = open(fixture_path(slots->fixture, slots->bases[component]), O_RDONLY | O_CLOEXEC);
    if (slots->journals)
        slot_path(slots, component, "journal", ret_place->journal_path, sizeof ret_place->journal_path);
    return E_NONE;
}

static struct bytes load(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct bytes bytes;
    struct stat status;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    bytes = (struct bytes){malloc((size_t)status.st_size + 1), (size_t)status.st_size};
    assert_int_equal(read(fd, bytes.bytes, bytes.length), (ssize_t)bytes.length);
    close(fd);
    return bytes;
}

static void slots_empty(const struct slots *slots)
{
    char path[256];

    for (unsigned i = 0; i < COMPONENTS; i++) {
        slot_path(slots, i, "img", path, sizeof path);
        (void)unlink(path);
        slot_path(slots, i, "journal", path, sizeof path);
        (void)unlink(path);
    }
}

static void slots_check(const struct slots *slots)
{
    for (unsigned i = 0; i < COMPONENTS; i++) {
        char path[256];
        struct bytes made, wanted = load(fixture_path(slots->fixture, new_names[i]));

        slot_path(slots, i, "img", path, sizeof path);
        made = load(path);
        CHECK_ROW(made.length == wanted.length && memcmp(made.bytes, wanted.bytes, made.length) == 0, component_names[i]);
        slot_path(slots, i, "journal", path, sizeof path);
        CHECK_ROW(access(path, F_OK) != 0, component_names[i]);
        bytes_done(&made);
        bytes_done(&wanted);
    }
}

/* Feeds at most `limit` bytes of the package in pieces; with all of them also the end. */
static enum error_code unpack_some(struct slots *slots, const char *package, size_t limit, size_t step, struct problem *ret_problem)
{
    struct package_policy policy = fixture_policy(slots->fixture);
    struct unpack_places places = {slot_find, slots};
    struct unpack *unpack = unpack_new(&policy, NULL, &places);
    struct bytes bytes = load(fixture_path(slots->fixture, package));
    size_t end = limit < bytes.length ? limit : bytes.length;
    enum error_code code = E_NONE;

    assert_non_null(unpack);
    for (size_t at = 0; at < end && !code; at += step)
        code = unpack_feed(unpack, bytes.bytes + at, end - at < step ? end - at : step, ret_problem);
    if (!code && end == bytes.length)
        code = unpack_end(unpack, ret_problem);
    unpack_free(unpack);
    bytes_done(&bytes);
    return code;
}

static void a_delta_is_made_of_what_fits_best(void **state)
{
    struct package_delta_options options = {.threads = 2};
    struct package_delta_result result;
    struct package_file delta, full;
    struct problem problem;

    CHECK_CODE(delta_make(*state, "old.dfw", "new.dfw", &options, "delta-plain.dfw", &result, &problem), E_NONE, problem, "delta");
    assert_true(result.kept);
    assert_int_equal(result.parts[1].algorithm, DELTA_COPY);
    assert_int_equal(result.parts[2].algorithm, DELTA_FULL); /* nothing in common */
    assert_true(result.parts[0].algorithm == DELTA_BSDIFF || result.parts[0].algorithm == DELTA_ZSTD);
    assert_true(result.parts[0].bsdiff_bytes > 0 && result.parts[0].bsdiff_bytes < APP_BYTES / 10);
    assert_true(result.parts[0].zstd_bytes > 0 && result.parts[0].zstd_bytes < APP_BYTES / 10);
    assert_int_equal(result.parts[1].bsdiff_bytes, -1);
    CHECK_CODE(package_file_open(fixture_path(*state, "delta-plain.dfw"), &delta, &problem), E_NONE, problem, "delta");
    CHECK_CODE(package_file_open(fixture_path(*state, "new.dfw"), &full, &problem), E_NONE, problem, "full");
    assert_int_equal(delta.size_bytes, result.delta_bytes);
    assert_int_equal(full.size_bytes, result.full_bytes);
    assert_true(delta.head.has_delta);
    assert_string_equal(delta.head.delta.base_version, "1.0.0");
    assert_memory_equal(delta.head.manifest_sha256, full.head.manifest_sha256, SHA256_BYTES);
    assert_int_equal(delta.head.signature_count, 1); /* the release's own */
    assert_memory_equal(&delta.head.signatures[0], &full.head.signatures[0], sizeof full.head.signatures[0]);
    assert_int_equal(delta.head.delta_signature_count, 0);
    package_file_close(&delta);
    package_file_close(&full);
}

static void a_delta_that_saves_too_little_is_not_kept(void **state)
{
    struct package_delta_options options = {.threads = 2, .min_saving_pct = 99};
    struct package_delta_result result;
    struct problem problem;

    (void)unlink(fixture_path(*state, "small.dfw"));
    CHECK_CODE(delta_make(*state, "old.dfw", "new.dfw", &options, "small.dfw", &result, &problem), E_NONE, problem, "99 %");
    assert_false(result.kept);
    assert_true(result.delta_bytes > 0 && result.delta_bytes < result.full_bytes);
    assert_int_not_equal(access(fixture_path(*state, "small.dfw"), F_OK), 0);
    options.min_saving_pct = -1;
    CHECK_CODE(delta_make(*state, "old.dfw", "new.dfw", &options, "small.dfw", &result, &problem), E_NONE, problem, "always");
    assert_true(result.kept);
}

static void memory_limits_what_is_made(void **state)
{
    struct package_delta_options options = {.threads = 2, .min_saving_pct = -1, .memory_max_bytes = 1024 * 1024};
    struct package_delta_result result;
    struct problem problem;

    CHECK_CODE(delta_make(*state, "old.dfw", "new.dfw", &options, "limited.dfw", &result, &problem), E_NONE, problem, "1 MiB");
    assert_int_equal(result.parts[0].algorithm, DELTA_FULL);
    assert_int_equal(result.parts[0].bsdiff_bytes, -1);
    assert_int_equal(result.parts[0].zstd_bytes, -1);
    options.memory_max_bytes = patch_make_memory_bytes(PATCH_BSDIFF, APP_BYTES, APP_BYTES);
    CHECK_CODE(delta_make(*state, "old.dfw", "new.dfw", &options, "limited.dfw", &result, &problem), E_NONE, problem, "bsdiff alone");
    assert_int_equal(result.parts[0].algorithm, DELTA_BSDIFF);
    assert_int_equal(result.parts[0].zstd_bytes, -1);
}

static void what_cannot_be_paired_is_refused(void **state)
{
    struct package_delta_options options = {.threads = 1};
    struct package_delta_result result;
    struct problem problem;

    delta_ready(*state);
    CHECK_CODE(delta_make(*state, "delta.dfw", "new.dfw", &options, "no.dfw", &result, &problem), E_INCOMPATIBLE, problem, "from a delta");
    CHECK_CODE(delta_make(*state, "old.dfw", "delta.dfw", &options, "no.dfw", &result, &problem), E_INCOMPATIBLE, problem, "to a delta");
    assert_int_not_equal(access(fixture_path(*state, "no.dfw"), F_OK), 0);
}

static void an_encrypted_pair_needs_its_keys(void **state)
{
    static const uint8_t model_keys[1][CONTENT_KEY_BYTES] = {{1, 2, 3}};
    struct recipient_keys keys = {.model_keys = model_keys, .model_key_count = 1};
    struct package_encryption to = {.model_keys = model_keys, .model_key_count = 1};
    struct package_delta_options options = {.threads = 2};
    struct package_delta_result result, plain;
    struct package_file file;
    struct problem problem;

    CHECK_CODE(package_file_open(fixture_path(*state, "new.dfw"), &file, &problem), E_NONE, problem, "new");
    CHECK_CODE(package_encrypt(&file, &to, NULL, fixture_path(*state, "new-sealed.dfw"), NULL, &problem), E_NONE, problem, "encrypt");
    package_file_close(&file);
    CHECK_CODE(delta_make(*state, "old.dfw", "new-sealed.dfw", &options, "sealed.dfw", &result, &problem), E_DECRYPT, problem, "no keys");
    options.keys = &keys;
    CHECK_CODE(delta_make(*state, "old.dfw", "new-sealed.dfw", &options, "sealed.dfw", &result, &problem), E_NONE, problem, "keys");
    CHECK_CODE(delta_make(*state, "old.dfw", "new.dfw", &options, "sealed.dfw", &plain, &problem), E_NONE, problem, "plain");
    assert_true(result.kept);
    assert_int_equal(result.delta_bytes, plain.delta_bytes);
    assert_int_equal(result.full_bytes, plain.full_bytes);
}

static bool stop(void *arg, int64_t done, int64_t total)
{
    (void)arg;
    assert_true(done <= total);
    return false;
}

static void making_can_be_stopped(void **state)
{
    struct package_progress progress = {stop, NULL};
    struct package_delta_options options = {.threads = 2, .progress = &progress};
    struct package_delta_result result;
    struct problem problem;

    CHECK_CODE(delta_make(*state, "old.dfw", "new.dfw", &options, "no.dfw", &result, &problem), E_CANCELLED, problem, "stopped");
    assert_int_not_equal(access(fixture_path(*state, "no.dfw"), F_OK), 0);
}

static void full_and_delta_give_the_same_images(void **state)
{
    static const size_t steps[] = {1000, 65536, 1 << 20};
    struct slots slots = {.fixture = *state, .bases = old_names};
    struct problem problem;

    delta_ready(*state);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        slots_empty(&slots);
        slots.bases = NULL; /* a full package needs none */
        CHECK_CODE(unpack_some(&slots, "new.dfw", SIZE_MAX, steps[i], &problem), E_NONE, problem, "full");
        slots_check(&slots);
        slots_empty(&slots);
        slots.bases = old_names;
        CHECK_CODE(unpack_some(&slots, "delta.dfw", SIZE_MAX, steps[i], &problem), E_NONE, problem, "delta");
        slots_check(&slots);
    }
}

static void a_whole_file_at_once(void **state)
{
    struct slots slots = {.fixture = *state, .bases = old_names, .journals = true};
    struct package_policy policy = fixture_policy(*state);
    struct unpack_places places = {slot_find, &slots};
    struct problem problem;
    int fd;

    delta_ready(*state);
    slots_empty(&slots);
    fd = open(fixture_path(*state, "delta.dfw"), O_RDONLY | O_CLOEXEC);
    CHECK_CODE(unpack_fd(fd, &policy, NULL, &places, NULL, &problem), E_NONE, problem, "delta");
    close(fd);
    slots_check(&slots);
}

static void attack_15_power_cut_while_unpacking(void **state)
{
    static const char *const packages[] = {"new.dfw", "delta.dfw"};
    struct slots slots = {.fixture = *state, .bases = old_names, .journals = true};
    struct problem problem;

    delta_ready(*state);
    for (size_t i = 0; i < COUNT_OF(packages); i++) {
        struct bytes bytes = load(fixture_path(*state, packages[i]));

        for (unsigned cut = 1; cut <= 24; cut++) { /* some of them cut what goes on already */
            if (cut % 3 == 1)
                slots_empty(&slots);
            CHECK_CODE(unpack_some(&slots, packages[i], bytes.length * cut / 25, 4096, &problem), E_NONE, problem, packages[i]);
            if (cut % 3 == 0) {
                CHECK_CODE(unpack_some(&slots, packages[i], SIZE_MAX, 4096, &problem), E_NONE, problem, packages[i]);
                slots_check(&slots);
            }
        }
        bytes_done(&bytes);
    }
}

/* What was finished before the cut is proved by its digest, not written again: the file keeps its time. */
static void finished_images_are_not_written_again(void **state)
{
    struct slots slots = {.fixture = *state, .bases = old_names, .journals = true};
    struct bytes bytes;
    struct stat before, after;
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct problem problem;
    char path[256];

    slots_empty(&slots);
    bytes = load(fixture_path(*state, "new.dfw"));
    CHECK_CODE(unpack_some(&slots, "new.dfw", bytes.length - 10, 4096, &problem), E_NONE, problem, "cut");
    slot_path(&slots, 0, "img", path, sizeof path);
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    assert_int_equal(stat(path, &before), 0);
    CHECK_CODE(unpack_some(&slots, "new.dfw", SIZE_MAX, 4096, &problem), E_NONE, problem, "go on");
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    slots_check(&slots);
    bytes_done(&bytes);
}

static void attack_04_package_on_the_wrong_base(void **state)
{
    static const char *const wrong[COMPONENTS] = {"old-boot.img", "old-data.img", "old-boot.img"};
    static const char *const wrong_copy[COMPONENTS] = {"old-app.img", "old-boot.img", "old-boot.img"};
    struct slots slots = {.fixture = *state, .bases = wrong};
    struct problem problem;
    struct stat status;
    char path[256];

    delta_ready(*state);
    slots_empty(&slots);
    CHECK_CODE(unpack_some(&slots, "delta.dfw", SIZE_MAX, 4096, &problem), E_DELTA_BASE, problem, "patched");
    slot_path(&slots, 0, "img", path, sizeof path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 0); /* not a byte */
    slots.bases = wrong_copy;
    CHECK_CODE(unpack_some(&slots, "delta.dfw", SIZE_MAX, 4096, &problem), E_DELTA_BASE, problem, "copied");
    slots.bases = NULL;
    CHECK_CODE(unpack_some(&slots, "delta.dfw", SIZE_MAX, 4096, &problem), E_DELTA_BASE, problem, "none");
    slots.bases = old_names;
    CHECK_CODE(unpack_some(&slots, "delta.dfw", SIZE_MAX, 4096, &problem), E_NONE, problem, "the next honest one");
    slots_check(&slots);
}

static void nothing_is_asked_for_before_it_is_proved(void **state)
{
    struct slots slots = {.fixture = *state, .bases = old_names};
    struct problem problem;

    delta_ready(*state);
    CHECK_CODE(unpack_some(&slots, "new-plain.dfw", SIZE_MAX, 4096, &problem), E_SIGNATURE, problem, "unsigned");
    CHECK_CODE(unpack_some(&slots, "delta-plain.dfw", SIZE_MAX, 4096, &problem), E_SIGNATURE, problem, "unsigned description");
    assert_int_equal(slots.asked, 0);
    slots.fail = E_NO_SPACE;
    CHECK_CODE(unpack_some(&slots, "new.dfw", SIZE_MAX, 4096, &problem), E_NO_SPACE, problem, "no place");
    assert_string_equal(problem.where, "slot");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delta_is_made_of_what_fits_best), cmocka_unit_test(a_delta_that_saves_too_little_is_not_kept),
        cmocka_unit_test(memory_limits_what_is_made), cmocka_unit_test(what_cannot_be_paired_is_refused), cmocka_unit_test(making_can_be_stopped),
        cmocka_unit_test(an_encrypted_pair_needs_its_keys),
        cmocka_unit_test(full_and_delta_give_the_same_images), cmocka_unit_test(a_whole_file_at_once),
        cmocka_unit_test(attack_15_power_cut_while_unpacking), cmocka_unit_test(finished_images_are_not_written_again),
        cmocka_unit_test(attack_04_package_on_the_wrong_base), cmocka_unit_test(nothing_is_asked_for_before_it_is_proved)};

    return cmocka_run_group_tests(tests, begin, fixture_end);
}
