/* How much heap the reader takes at its peak: under 1 MiB and one chunk, for 64 MiB of images through a pipe, with as much metadata as
 * the format allows: 2000 chunks in both documents, 16 signatures on each, a newer trust store, 256 recipients. Everything malloc gives
 * out is counted, OpenSSL's part too. Skipped under sanitizers, which have a heap of their own. */
#include "package_fixture.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "firmware/package_encrypt.h"
#include "firmware/package_file.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#define BAR_BYTES (1 << 20)
#define SMALL_CHUNK_BYTES 16384
#define IMAGE_BYTES (31 << 20)
#define RECIPIENTS 256
#define SKIPPED 77

#ifdef SANITIZED
static const bool counted = false;
static int64_t heap_now, heap_peak;
#else
static const bool counted = true;
static int64_t heap_now, heap_peak;
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);
static pthread_mutex_t heap_lock = PTHREAD_MUTEX_INITIALIZER;

static void heap_add(int64_t bytes)
{
    (void)pthread_mutex_lock(&heap_lock);
    heap_now += bytes;
    heap_peak = heap_now > heap_peak ? heap_now : heap_peak;
    (void)pthread_mutex_unlock(&heap_lock);
}

static int64_t size_of(void *block)
{
    return block ? (int64_t)malloc_usable_size(block) : 0;
}

void *malloc(size_t size)
{
    void *block = __libc_malloc(size);

    heap_add(size_of(block));
    return block;
}

void *calloc(size_t count, size_t size)
{
    void *block = __libc_calloc(count, size);

    heap_add(size_of(block));
    return block;
}

/* Both blocks count at once, as they may exist at once. */
void *realloc(void *old, size_t size)
{
    int64_t old_size = size_of(old);
    void *block = __libc_realloc(old, size);

    heap_add(size_of(block));
    heap_add(-old_size);
    return block;
}

void free(void *old)
{
    heap_add(-size_of(old));
    __libc_free(old);
}
#endif

/* The description of a "delta" that stores every component in full. */
static struct delta_doc delta_of(const struct package_file *file)
{
    const struct manifest *manifest = &file->head.manifest;
    struct delta_doc doc = {.base_version = "1.0.0", .chunk_bytes = manifest->chunk_bytes, .component_count = manifest->component_count,
                            .chunk_count = manifest->chunk_count, .chunks = manifest->chunks};

    memcpy(doc.manifest_sha256, file->head.manifest_sha256, SHA256_BYTES);
    for (unsigned i = 0; i < doc.component_count; i++) {
        const struct component *component = &manifest->components[i];

        doc.components[i] = (struct delta_component){.algorithm = DELTA_FULL, .stored_bytes = component->stored_bytes, .first_chunk = component->first_chunk,
                                                     .chunk_count = component->chunk_count};
        (void)text_copy(doc.components[i].name, ID_SIZE, component->name);
    }
    return doc;
}

/* The newer trust store: 60 more keys, signed by the root key of both. */
static struct buffer trust_newer(struct trust *trust, const struct private_key *root)
{
    struct trust_key entry = {.roles = 1u << TRUST_ROOT | 1u << TRUST_PACKAGE};
    struct problem problem;
    struct buffer jws;

    entry.key = private_key_public(root);
    (void)text_copy(entry.name, sizeof entry.name, "root");
    assert_int_equal(trust_add(trust, &entry, &problem), DROVER_OK);
    public_key_free(entry.key);
    for (unsigned i = 0; i < 60; i++) {
        struct private_key *key;

        assert_int_equal(private_key_generate(KEY_EC_P256, &key, &problem), DROVER_OK);
        entry = (struct trust_key){.key = private_key_public(key), .roles = 1u << TRUST_PACKAGE};
        (void)snprintf(entry.name, sizeof entry.name, "key %u", i);
        assert_int_equal(trust_add(trust, &entry, &problem), DROVER_OK);
        public_key_free(entry.key);
        private_key_free(key);
    }
    trust->version = 2;
    buffer_init(&jws, 0);
    if (trust_sign(trust, &root, 1, &jws, &problem))
        fail_msg("%s: %s", problem.where, problem.what);
    return jws;
}

static void signatures_put(struct package_writer *writer, enum section_type type, const struct private_key *key, const void *bytes, size_t length)
{
    struct signature signature;
    struct problem problem;

    for (unsigned i = 0; i < PACKAGE_SIGNATURES_MAX; i++) {
        assert_int_equal(signature_make(key, 0, bytes, length, &signature, &problem), DROVER_OK);
        package_writer_signature(writer, type, &signature);
    }
}

/* Everything that can be in a package, plain. */
static void package_make(const struct fixture *fixture, const char *path, const struct buffer *trust)
{
    struct package_plan plan = fixture_plan(fixture, "full.dfw");
    struct package_writer *writer;
    struct package_file file;
    struct problem problem;
    struct delta_doc doc;
    struct buffer text;

    fixture_image(fixture, "app.img", IMAGE_BYTES + (2 << 20), 1, true);
    fixture_image(fixture, "data.img", IMAGE_BYTES, 2, false);
    plan.manifest.chunk_bytes = SMALL_CHUNK_BYTES;
    CHECK_CODE(package_create(&plan, NULL, &problem), E_NONE, problem, "create");
    manifest_done(&plan.manifest);
    CHECK_CODE(package_file_open(plan.path, &file, &problem), E_NONE, problem, "open");
    assert_true(file.head.manifest.chunk_count > 1980);
    doc = delta_of(&file);
    buffer_init(&text, 0);
    delta_doc_write(&doc, &text);
    writer = package_writer_new(path, PACKAGE_DELTA);
    package_writer_copy_metadata(writer, &file, 0);
    signatures_put(writer, SECTION_SIGNATURE, fixture->key, file.head.manifest_bytes, file.head.manifest_length);
    package_writer_section(writer, SECTION_DELTA, text.bytes, text.length);
    signatures_put(writer, SECTION_DELTA_SIGNATURE, fixture->key, text.bytes, text.length);
    package_writer_section(writer, SECTION_TRUST, trust->bytes, trust->length);
    package_writer_copy_payloads(writer, &file);
    CHECK_CODE(package_writer_finish(writer, &problem), E_NONE, problem, "finish");
    package_writer_free(writer);
    package_file_close(&file);
    buffer_done(&text);
}

static void package_encrypt_for_many(const char *from, const char *to, uint8_t (*keys)[CONTENT_KEY_BYTES])
{
    struct package_encryption encryption = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])keys, .model_key_count = RECIPIENTS};
    struct package_file file;
    struct problem problem;

    for (unsigned i = 0; i < RECIPIENTS; i++)
        memset(keys[i], (int)i + 1, CONTENT_KEY_BYTES);
    CHECK_CODE(package_file_open(from, &file, &problem), E_NONE, problem, "open");
    CHECK_CODE(package_encrypt(&file, &encryption, NULL, to, NULL, &problem), E_NONE, problem, "encrypt");
    package_file_close(&file);
}

/* The file through a pipe, by a process of its own. */
static int pipe_of(const char *path, pid_t *ret_pid)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    *ret_pid = fork();
    assert_true(*ret_pid >= 0);
    if (*ret_pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp("cat", "cat", path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

struct count {
    int64_t bytes;
    size_t metadata_bytes;
};

static enum error_code count_proved(void *arg, const struct package_head *head, struct problem *problem)
{
    (void)problem;
    assert_int_equal(head->recipient_count, RECIPIENTS);
    assert_int_equal(head->signature_count, PACKAGE_SIGNATURES_MAX);
    ((struct count *)arg)->metadata_bytes = head->header.metadata_bytes;
    return E_NONE;
}

static enum error_code count_data(void *arg, unsigned component, const void *bytes, size_t length, struct problem *problem)
{
    (void)component;
    (void)bytes;
    (void)problem;
    ((struct count *)arg)->bytes += (int64_t)length;
    return E_NONE;
}

static void sixty_four_mib_through_a_pipe(void **state)
{
    static uint8_t keys[RECIPIENTS][CONTENT_KEY_BYTES];
    struct fixture *fixture = *state;
    struct trust newer;
    struct package_policy policy = fixture_policy(fixture);
    struct recipient_keys ours = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])&keys[RECIPIENTS - 1], .model_key_count = 1};
    struct count count = {0};
    struct package_sink sink = {.proved = count_proved, .data = count_data, .arg = &count};
    struct trust_key root = {.roles = 1u << TRUST_ROOT, .name = "root"};
    struct buffer jws, plain;
    struct problem problem;
    int64_t before;
    pid_t pid;
    int fd;

    buffer_init(&plain, 0);
    trust_write(&fixture->trust, &plain);
    assert_int_equal(trust_read(plain.bytes, plain.length, &newer, &problem), DROVER_OK);
    buffer_done(&plain);
    root.key = private_key_public(fixture->stranger);
    assert_int_equal(trust_add(&fixture->trust, &root, &problem), DROVER_OK);
    public_key_free(root.key);
    jws = trust_newer(&newer, fixture->stranger);
    package_make(fixture, fixture_path(fixture, "plain.dfw"), &jws);
    package_encrypt_for_many(fixture_path(fixture, "plain.dfw"), fixture_path(fixture, "sealed.dfw"), keys);
    fd = pipe_of(fixture_path(fixture, "sealed.dfw"), &pid);
    before = heap_peak = heap_now;
    CHECK_CODE(package_verify(fd, &policy, &ours, &sink, NULL, &problem), E_NONE, problem, "pipe");
    print_message("%zu bytes of metadata, %lld bytes of images, %lld bytes of heap at most\n", count.metadata_bytes, (long long)count.bytes,
                  (long long)(heap_peak - before));
    assert_int_equal(count.bytes, 64 << 20);
    assert_true(heap_peak > before);
    assert_true(heap_peak - before < BAR_BYTES + SMALL_CHUNK_BYTES);
    assert_true(heap_now - before < 4096); /* nothing is left behind but what libraries keep */
    close(fd);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    buffer_done(&jws);
    trust_done(&newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sixty_four_mib_through_a_pipe)};

    if (!counted)
        return SKIPPED;
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
