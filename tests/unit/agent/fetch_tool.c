/* The agent's fetch for Python tests, which play the depot.
 *   fetch_tool make DIR NAME=VALUE...    key.pem, trust.json, model.key (once) and package.dfw in DIR; prints its SHA-256 and size
 *       app=BYTES data=BYTES chunk=BYTES seed=N model=TEXT signer=DIR/FILE.pem encrypted=1
 *   fetch_tool fetch NAME=VALUE...       one fetch to its end; options below. Exit code 0 when it ends in E_NONE.
 * fetch prints a line for each event: "progress DONE TOTAL", "head VERSION", "memory BEFORE PEAK" (KiB), "done CODE RETRY_AFTER_MS WHERE: WHAT". */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/fetch.h"
#include "common/clock.h"
#include "common/hash.h"
#include "common/text.h"
#include "firmware/package_create.h"
#include "firmware/package_encrypt.h"
#include "firmware/package_sign.h"

#define MODEL "esp32"

static struct problem problem;

static const char *option(char **options, const char *name, const char *otherwise)
{
    size_t length = strlen(name);

    for (; *options; options++)
        if (strncmp(*options, name, length) == 0 && (*options)[length] == '=')
            return *options + length + 1;
    return otherwise;
}

static int64_t number(char **options, const char *name, int64_t otherwise)
{
    const char *text = option(options, name, NULL);

    return text ? strtoll(text, NULL, 10) : otherwise;
}

static int failed(const char *what)
{
    fprintf(stderr, "fetch_tool: %s: %s: %s\n", what, problem.where, problem.what);
    return 2;
}

/* Packages. */

static bool image_write(const char *path, int64_t length, uint64_t seed)
{
    FILE *file = fopen(path, "wb");
    bool good = file != NULL;

    for (int64_t at = 0; good && at < length; at += 8) {
        uint64_t word = hash_mix(seed * 1000003 + (uint64_t)at);

        good = fwrite(&word, length - at < 8 ? (size_t)(length - at) : 8, 1, file) == 1;
    }
    return file && fclose(file) == 0 && good;
}

static bool file_write(const char *path, const char *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(bytes, length, 1, file) == 1;

    return file && fclose(file) == 0 && good;
}

static bool trust_write_file(const char *path, const struct private_key *key)
{
    struct trust_key entry = {.key = private_key_public(key), .name = "release", .roles = 1u << TRUST_PACKAGE | 1u << TRUST_DELTA};
    struct trust trust;
    struct buffer text;
    bool good;

    trust_init(&trust);
    buffer_init(&text, 0);
    good = trust_add(&trust, &entry, &problem) == DROVER_OK;
    trust_write(&trust, &text);
    good = good && !text.failed && file_write(path, text.bytes, text.length);
    buffer_done(&text);
    public_key_free(entry.key);
    trust_done(&trust);
    return good;
}

/* The key in path, made with its trust store when it is not there yet. */
static struct private_key *signer_open(const char *path, const char *trust_path)
{
    struct private_key *key = NULL;
    struct buffer pem;

    if (private_key_open(path, NULL, &key, &problem) == DROVER_OK)
        return key;
    buffer_init(&pem, 0);
    if (private_key_generate(KEY_ED25519, &key, &problem) == DROVER_OK && private_key_write_pem(key, NULL, &pem, &problem) == DROVER_OK &&
        file_write(path, pem.bytes, pem.length) && trust_write_file(trust_path, key)) {
        buffer_done(&pem);
        return key;
    }
    buffer_done(&pem);
    private_key_free(key);
    return NULL;
}

static enum error_code package_make(char **options, const char *dir, const char *path)
{
    char app[512], data[512];
    struct package_plan plan = {.images = {app, data}, .path = path, .zstd_level = 1};
    struct manifest *manifest = &plan.manifest;
    uint64_t seed = (uint64_t)number(options, "seed", 1);
    enum error_code code;

    (void)snprintf(app, sizeof app, "%s/app.img", dir);
    (void)snprintf(data, sizeof data, "%s/data.img", dir);
    if (!image_write(app, number(options, "app", 1 << 20), seed) || !image_write(data, number(options, "data", 5000), seed + 1))
        return package_refuse(&problem, E_INSTALL, "image", "%s", strerror(errno));
    (void)text_copy(manifest->version, sizeof manifest->version, "1.1.0");
    (void)text_copy(manifest->model, sizeof manifest->model, option(options, "model", MODEL));
    manifest->build_time_ms = 1750000000000;
    manifest->release_counter = 7;
    manifest->chunk_bytes = number(options, "chunk", 65536);
    manifest->component_count = 2;
    manifest->components[0] = (struct component){.name = "app", .part = "app"};
    manifest->components[1] = (struct component){.name = "data", .part = "storage"};
    code = package_create(&plan, NULL, &problem);
    if (!code)
        manifest_done(&plan.manifest);
    return code;
}

static enum error_code package_finish(const char *path, const struct private_key *key, bool encrypted, const char *model_key_path)
{
    struct package_signing signing = {.keys = &key, .count = 1};
    uint8_t model_key[1][CONTENT_KEY_BYTES] = {{7}};
    struct package_encryption encryption = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])model_key, .model_key_count = 1};
    char hex[2 * CONTENT_KEY_BYTES + 2];
    struct package_file file;
    enum error_code code = package_file_open(path, &file, &problem);

    if (code)
        return code;
    code = package_sign(&file, &signing, path, &problem);
    package_file_close(&file);
    if (code || !encrypted)
        return code;
    text_hex(hex, model_key, CONTENT_KEY_BYTES);
    hex[sizeof hex - 2] = '\n';
    if (!file_write(model_key_path, hex, sizeof hex - 1))
        return package_refuse(&problem, E_INSTALL, "model key", "%s", strerror(errno));
    code = package_file_open(path, &file, &problem);
    if (code)
        return code;
    code = package_encrypt(&file, &encryption, NULL, path, NULL, &problem);
    package_file_close(&file);
    return code;
}

static int make(const char *dir, char **options)
{
    char path[512], key_path[512], trust_path[512], model_key_path[512], hex[SHA256_HEX_SIZE];
    struct private_key *key;
    enum error_code code;
    long long bytes;

    (void)snprintf(path, sizeof path, "%s/package.dfw", dir);
    (void)snprintf(key_path, sizeof key_path, "%s/%s.pem", dir, option(options, "signer", "key"));
    (void)snprintf(trust_path, sizeof trust_path, "%s/%s.trust.json", dir, option(options, "signer", "key"));
    (void)snprintf(model_key_path, sizeof model_key_path, "%s/model.key", dir);
    key = signer_open(key_path, trust_path);
    if (!key)
        return failed("key");
    code = package_make(options, dir, path);
    if (!code)
        code = package_finish(path, key, number(options, "encrypted", 0), model_key_path);
    private_key_free(key);
    if (code || sha256_file(path, hex, &bytes) != DROVER_OK)
        return failed("package");
    printf("%s %lld\n", hex, bytes);
    return 0;
}

/* Fetching. */

struct run {
    char **options;
    bool is_over;
    enum error_code code;
    unsigned tokens_asked;
    struct fetch *fetch;
};

static void progress(void *arg, int64_t done_bytes, int64_t total_bytes)
{
    (void)arg;
    printf("progress %lld %lld\n", (long long)done_bytes, (long long)total_bytes);
    fflush(stdout);
}

static void done(void *arg, enum error_code code, int64_t retry_after_ms, const struct problem *why)
{
    struct run *run = arg;

    run->is_over = true;
    run->code = code;
    if (number(run->options, "free_in_done", 0)) {
        fetch_free(run->fetch);
        run->fetch = NULL;
    }
    printf("done %s %lld %s: %s\n", code ? error_code_name(code) : "E_NONE", (long long)retry_after_ms, why->where, why->what);
}

/* "token" the first time, "token2" later. */
static const char *token(void *arg)
{
    struct run *run = arg;

    return option(run->options, run->tokens_asked++ > 0 ? "token2" : "token", NULL);
}

static long status_kib(const char *name)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;

    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtol(line + strlen(name), NULL, 10);
    if (status)
        fclose(status);
    return kib;
}

static void loop(struct run *run, CURLM *multi)
{
    int64_t wake_ms = 0, cancel_ms = number(run->options, "cancel_ms", 0), start_ms = clock_mono_ms();
    int left;

    while (!run->is_over) {
        int64_t now_ms = clock_mono_ms(), wait_ms = wake_ms > now_ms ? wake_ms - now_ms : 0;

        if (cancel_ms > 0 && now_ms - start_ms >= cancel_ms)
            return;
        if (cancel_ms > 0 && wait_ms > cancel_ms)
            wait_ms = cancel_ms;
        (void)curl_multi_poll(multi, NULL, 0, wait_ms < 60000 ? (int)wait_ms : 60000, NULL);
        (void)curl_multi_perform(multi, &left);
        fetch_step(run->fetch, clock_mono_ms(), &wake_ms);
    }
}

static int fetch_run(char **options)
{
    const char *headers[] = {option(options, "header", "X-Test: 1"), NULL};
    struct run run = {.options = options};
    struct fetch_config config = {.ca_file = option(options, "ca", ""), .certificate_file = option(options, "cert", ""), .key_file = option(options, "key", ""),
                                  .headers = headers, .token = option(options, "token", NULL) ? token : NULL, .token_arg = &run,
                                  .bandwidth_bytes_s = number(options, "bandwidth", 0), .stall_ms = number(options, "stall_ms", 5000),
                                  .total_ms = number(options, "total_ms", 30000), .min_bytes_s = number(options, "min", 0),
                                  .window_max = (unsigned)number(options, "window", 8), .failures_max = (unsigned)number(options, "failures", 4)};
    uint8_t model_key[1][CONTENT_KEY_BYTES];
    struct recipient_keys keys = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])model_key, .model_key_count = 1};
    struct trust trust;
    struct package_policy policy = {.trust = &trust, .model = MODEL, .hw_rev = "", .current_version = "1.0.0", .release_counter_min = 5};
    struct fetch_job job = {.url = option(options, "url", ""), .sha256 = option(options, "sha256", ""), .size_bytes = number(options, "size", 0),
                            .staging_path = option(options, "staging", ""), .policy = &policy};
    struct fetch_events events = {progress, done, &run};
    const char *model_key_path = option(options, "model_key", NULL);
    int64_t stop_ms;
    long before_kib;
    CURLM *multi;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || trust_read_file(option(options, "trust", ""), &trust, &problem) != DROVER_OK)
        return failed("trust");
    if (model_key_path) {
        if (model_key_read_file(model_key_path, model_key[0], &problem) != DROVER_OK)
            return failed("model key");
        job.keys = &keys;
    }
    multi = curl_multi_init();
    before_kib = status_kib("VmRSS:");
    run.fetch = fetch_start(multi, &config, &job, &events, clock_mono_ms());
    if (!multi || !run.fetch)
        return failed("memory");
    loop(&run, multi);
    if (run.fetch && fetch_head(run.fetch))
        printf("head %s\n", fetch_head(run.fetch)->manifest.version);
    printf("memory %ld %ld\n", before_kib, status_kib("VmHWM:"));
    stop_ms = clock_mono_ms();
    fetch_free(run.fetch);
    if (!run.is_over)
        printf("cancelled %lld\n", (long long)(clock_mono_ms() - stop_ms));
    curl_multi_cleanup(multi);
    trust_done(&trust);
    curl_global_cleanup();
    return run.is_over && run.code == E_NONE ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argv + 3);
    if (argc > 2 && strcmp(argv[1], "fetch") == 0)
        return fetch_run(argv + 2);
    fprintf(stderr, "see the head of fetch_tool.c\n");
    return 2;
}
