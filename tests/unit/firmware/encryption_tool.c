/* The library's encryption and bundles for Python tests, which hold them against other programs.
 *   encryption_tool create OUT VERSION IMAGE          a package with one component
 *   encryption_tool encrypt|decrypt IN OUT KEY...     KEY: a PEM file, or model:FILE
 *   encryption_tool open PATH [MAX]                   what bundle_open gives: its length and SHA-256
 *   encryption_tool bundle PACKAGE NAME ZIP
 *   encryption_tool peak COMMAND...                   the same, then the most memory it held, in KiB
 * A refusal is printed as "E_CODE where: what"; exit code 1. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sha256.h"
#include "common/text.h"
#include "firmware/bundle.h"
#include "firmware/package_create.h"
#include "firmware/package_encrypt.h"

#define KEYS_MAX 8
#define LARGE_BYTES (1 << 20)   /* from here on the library chooses the chunk size */

static uint8_t model_keys[KEYS_MAX][CONTENT_KEY_BYTES];
static unsigned model_key_count;
static struct private_key *private_keys[KEYS_MAX];
static unsigned private_key_count;
static struct public_key *public_keys[KEYS_MAX];
static unsigned public_key_count;

static struct problem problem;

static bool public_key_open(const char *path)
{
    char text[8192];
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof text, file) : 0;

    if (file)
        fclose(file);
    return public_key_read_pem(text, length, &public_keys[public_key_count++], &problem) == DROVER_OK;
}

static bool keys_open(char **names, int count, bool private)
{
    bool good = count <= KEYS_MAX;

    for (int i = 0; good && i < count; i++) {
        if (strncmp(names[i], "model:", 6) == 0)
            good = model_key_read_file(names[i] + 6, model_keys[model_key_count++], &problem) == DROVER_OK;
        else if (private)
            good = private_key_open(names[i], NULL, &private_keys[private_key_count++], &problem) == DROVER_OK;
        else
            good = public_key_open(names[i]);
    }
    return good;
}

static void keys_free(void)
{
    for (unsigned i = 0; i < private_key_count; i++)
        private_key_free(private_keys[i]);
    for (unsigned i = 0; i < public_key_count; i++)
        public_key_free(public_keys[i]);
}

static enum error_code create(char **arguments, int count)
{
    struct package_plan plan = {.path = arguments[0], .images = {arguments[2]}, .zstd_level = 1};
    struct component *component = &plan.manifest.components[0];
    enum error_code code;
    struct stat image;

    if (count != 3 || !text_copy(plan.manifest.version, sizeof plan.manifest.version, arguments[1]))
        return E_INTERNAL;
    plan.manifest.component_count = 1;
    plan.manifest.release_counter = 1;
    plan.manifest.build_time_ms = 1750000000000;
    plan.manifest.chunk_bytes = stat(arguments[2], &image) == 0 && image.st_size < LARGE_BYTES ? CHUNK_BYTES_MIN : 0;
    (void)text_copy(plan.manifest.model, sizeof plan.manifest.model, "esp32");
    (void)text_copy(component->name, sizeof component->name, "app");
    (void)text_copy(component->part, sizeof component->part, "app");
    code = package_create(&plan, NULL, &problem);
    if (!code)
        manifest_done(&plan.manifest);
    return code;
}

static enum error_code crypt_with(char **arguments, int count, bool decrypt)
{
    struct package_encryption to = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])model_keys, .public_keys = (const struct public_key *const *)public_keys};
    struct recipient_keys keys = {.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])model_keys, .private_keys = (const struct private_key *const *)private_keys};
    struct package_file file;
    enum error_code code;

    if (count < 3 || !keys_open(arguments + 2, count - 2, decrypt))
        return E_INTERNAL;
    to.model_key_count = keys.model_key_count = model_key_count;
    to.public_key_count = public_key_count;
    keys.private_key_count = private_key_count;
    code = package_file_open(arguments[0], &file, &problem);
    if (code)
        return code;
    code = decrypt ? package_decrypt(&file, &keys, arguments[1], NULL, &problem) : package_encrypt(&file, &to, &keys, arguments[1], NULL, &problem);
    package_file_close(&file);
    return code;
}

static enum error_code encrypt_command(char **arguments, int count)
{
    return crypt_with(arguments, count, false);
}

static enum error_code decrypt_command(char **arguments, int count)
{
    return crypt_with(arguments, count, true);
}

static enum error_code open_command(char **arguments, int count)
{
    char path[64], digest[SHA256_HEX_SIZE];
    long long bytes;
    int fd = -1;
    enum error_code code = bundle_open(arguments[0], count > 1 ? strtoll(arguments[1], NULL, 10) : INT64_MAX, &fd, &problem);

    if (code)
        return code;
    if (lseek(fd, 0, SEEK_CUR) != 0)
        return E_INTERNAL;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (sha256_file(path, digest, &bytes))
        return E_INTERNAL;
    close(fd);
    printf("%lld %s\n", bytes, digest);
    return E_NONE;
}

static enum error_code bundle_command(char **arguments, int count)
{
    return count == 3 ? bundle_write(arguments[0], arguments[1], arguments[2], &problem) : E_INTERNAL;
}

static const struct {
    const char *name;
    enum error_code (*run)(char **arguments, int count);
} commands[] = {{"create", create}, {"encrypt", encrypt_command}, {"decrypt", decrypt_command}, {"open", open_command}, {"bundle", bundle_command}};

/* What getrusage says would count the parent's memory before exec too. */
static void peak_print(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long kib;

    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            printf("%ld\n", kib);
    if (status)
        fclose(status);
}

int main(int argc, char **argv)
{
    bool peak = argc > 2 && strcmp(argv[1], "peak") == 0;

    argc -= peak;
    argv += peak;
    for (size_t i = 0; argc > 2 && i < sizeof commands / sizeof commands[0]; i++) {
        enum error_code code;

        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        code = commands[i].run(argv + 2, argc - 2);
        keys_free();
        if (peak && !code)
            peak_print();
        if (code)
            printf("%s %s: %s\n", error_code_name(code), problem.where, problem.what);
        return code != E_NONE;
    }
    fprintf(stderr, "see the head of encryption_tool.c\n");
    return 2;
}
