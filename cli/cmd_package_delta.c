/* drover package delta: a delta package between two packages, or a bare patch between two plain files. */
#include "cli/cmd.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/key_options.h"
#include "cli/out_file.h"
#include "cli/values.h"
#include "cli/work.h"
#include "common/clock.h"
#include "firmware/package_delta.h"
#include "firmware/package_sign.h"

static void delta_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "package"));
}

static void part_name(const struct cJSON *object, struct buffer *out)
{
    buffer_add_text(out, value_text(object, "name"));
}

static const struct field delta_facts[] = {
    {"delta", "package", FIELD_TEXT},      {"from", "base_version", FIELD_TEXT}, {"to", "version", FIELD_TEXT},
    {"full package", "full_bytes", FIELD_BYTES}, {"delta package", "delta_bytes", FIELD_BYTES},
    {"saves", "saving_pct", FIELD_PERCENT}, {"kept", "kept", FIELD_YES}, {"took", "took_ms", FIELD_DURATION},
};
static const struct view delta_view = {delta_name, delta_facts, sizeof delta_facts / sizeof delta_facts[0]};

static const struct field part_list[] = {
    {"COMPONENT", "name", FIELD_TEXT},          {"IMAGE", "size", FIELD_BYTES},            {"BSDIFF", "bsdiff_bytes", FIELD_BYTES},
    {"TOOK", "bsdiff_ms", FIELD_DURATION},      {"ZSTD", "zstd_bytes", FIELD_BYTES},       {"TOOK", "zstd_ms", FIELD_DURATION},
    {"KEPT", "as", FIELD_TEXT},
};
static const struct view part_view = {part_name, part_list, sizeof part_list / sizeof part_list[0]};

/* What was not made is left out, so that it is shown as absent. */
static void add_made(struct cJSON *item, const char *bytes_name, int64_t bytes, const char *ms_name, int64_t ms)
{
    if (bytes < 0)
        return;
    cJSON_AddNumberToObject(item, bytes_name, (double)bytes);
    cJSON_AddNumberToObject(item, ms_name, (double)ms);
}

static struct cJSON *result_describe(const char *path, const struct package_file *from, const struct package_file *to, const struct package_delta_result *result, int64_t took_ms)
{
    struct cJSON *object = cJSON_CreateObject(), *parts;

    cJSON_AddStringToObject(object, "package", path);
    cJSON_AddStringToObject(object, "base_version", from->head.manifest.version);
    cJSON_AddStringToObject(object, "version", to->head.manifest.version);
    cJSON_AddNumberToObject(object, "full_bytes", (double)result->full_bytes);
    cJSON_AddNumberToObject(object, "delta_bytes", (double)result->delta_bytes);
    cJSON_AddNumberToObject(object, "saving_pct", result->full_bytes ? (double)((result->full_bytes - result->delta_bytes) * 100 / result->full_bytes) : 0);
    cJSON_AddBoolToObject(object, "kept", result->kept);
    cJSON_AddNumberToObject(object, "took_ms", (double)took_ms);
    parts = cJSON_AddArrayToObject(object, "components");
    for (unsigned i = 0; i < to->head.manifest.component_count; i++) {
        const struct package_delta_part *part = &result->parts[i];
        struct cJSON *item = cJSON_CreateObject();

        cJSON_AddItemToArray(parts, item);
        cJSON_AddStringToObject(item, "name", to->head.manifest.components[i].name);
        cJSON_AddNumberToObject(item, "size", (double)to->head.manifest.components[i].size_bytes);
        cJSON_AddStringToObject(item, "as", delta_algorithm_name(part->algorithm));
        add_made(item, "bsdiff_bytes", part->bsdiff_bytes, "bsdiff_ms", part->bsdiff_ms);
        add_made(item, "zstd_bytes", part->zstd_bytes, "zstd_ms", part->zstd_ms);
    }
    return object;
}

static void result_print(struct cli *cli, const struct cJSON *result)
{
    const struct cJSON *part, *parts = value_find(result, "components");

    output_object(&cli->output, &delta_view, result, 0);
    if (cli->output.format != OUTPUT_TABLE)
        return;
    fputc('\n', cli->output.stream);
    output_begin(&cli->output, &part_view);
    cJSON_ArrayForEach(part, parts)
        output_item(&cli->output, part, 0);
    output_end(&cli->output);
}

/* The description gets its signatures from a copy under a temporary name, so that OUT is whole when it appears. */
static enum cli_exit description_sign(struct cli *cli, const char *unsigned_path, const struct signers *signers, const char *out)
{
    enum signature_algorithm algorithms[KEYS_MAX];
    const struct package_signing signing = {
        .keys = (const struct private_key *const *)signers->keys, .algorithms = algorithms, .count = signers->count, .delta_only = true};
    struct problem problem = {0};
    struct package_file file;
    enum cli_exit code = work_refused(cli, NULL, package_file_open(unsigned_path, &file, &problem), &problem);

    if (code)
        return code;
    for (unsigned i = 0; i < KEYS_MAX; i++)
        algorithms[i] = signing_algorithm(cli);
    code = work_refused(cli, NULL, package_sign(&file, &signing, out, &problem), &problem);
    package_file_close(&file);
    return code;
}

static enum cli_exit delta_make(struct cli *cli, const struct package_file *from, const struct package_file *to, const struct recipient_keys *keys, const char *path,
                                struct package_delta_result *ret_result)
{
    int min_saving = (int)cli_number(cli, OPT_MIN_SAVING, 20);
    struct problem problem = {0};
    struct work work;
    const struct package_delta_options options = {
        .keys = keys, .threads = (unsigned)cli_number(cli, OPT_THREADS, 0), .min_saving_pct = min_saving ? min_saving : -1,
        .memory_max_bytes = cli_number(cli, OPT_MEMORY_MAX, 0), .progress = &work.progress,
    };
    int64_t begun_ms = clock_mono_ms();
    struct cJSON *description;
    enum cli_exit code;

    work_begin(&work, cli, "comparing");
    code = work_refused(cli, NULL, package_delta(from, to, &options, path, ret_result, &problem), &problem);
    if (code)
        return code;
    progress_clear(&cli->progress);
    description = result_describe(cli_argument(cli, 2), from, to, ret_result, clock_mono_ms() - begun_ms);
    result_print(cli, description);
    if (!ret_result->kept)
        code = cli_fail(cli, CLI_NO_DELTA, "the delta saves %lld %%, less than %d %%: nothing was written", (long long)value_number(description, "saving_pct", 0), min_saving);
    cJSON_Delete(description);
    return code;
}

static enum cli_exit delta_between(struct cli *cli, const struct package_file *from, const struct package_file *to, const char *out)
{
    struct package_delta_result result = {0};
    struct signers signers;
    struct decrypt_keys keys;
    enum cli_exit code = signers_open(cli, OPT_KEY, &signers);
    char *unsigned_path = !code && signers.count ? out_temporary(cli, out) : NULL;

    if (!code && signers.count && !unsigned_path)
        code = CLI_FAILED;
    if (!code) {
        code = decrypt_keys_open(cli, &keys);
        if (!code)
            code = delta_make(cli, from, to, decrypt_keys_use(&keys), unsigned_path ? unsigned_path : out, &result);
        decrypt_keys_close(&keys);
    }
    if (!code && unsigned_path)
        code = description_sign(cli, unsigned_path, &signers, out);
    if (unsigned_path)
        unlink(unsigned_path);
    free(unsigned_path);
    signers_close(&signers);
    return code;
}

static enum cli_exit packages_delta(struct cli *cli)
{
    const char *old = cli_argument(cli, 0), *new = cli_argument(cli, 1);
    struct problem problem = {0};
    struct package_file from, to;
    struct work work;
    enum cli_exit code = work_refused(cli, old, package_file_open(old, &from, &problem), &problem);

    if (code)
        return code;
    code = work_refused(cli, new, package_file_open(new, &to, &problem), &problem);
    if (!code) {
        work_begin(&work, cli, "comparing");
        code = delta_between(cli, &from, &to, cli_argument(cli, 2));
        package_file_close(&to);
    }
    package_file_close(&from);
    return code;
}

struct mapping {
    void *bytes;      /* NULL: empty */
    size_t length;
};

static enum cli_exit file_map(struct cli *cli, const char *path, struct mapping *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    enum cli_exit code = CLI_OK;

    *ret = (struct mapping){0};
    if (fd < 0 || fstat(fd, &facts) != 0)
        code = cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(facts.st_mode))
        code = cli_fail(cli, CLI_FAILED, "%s: is no file", path);
    if (!code && facts.st_size > 0) {
        ret->length = (size_t)facts.st_size;
        ret->bytes = mmap(NULL, ret->length, PROT_READ, MAP_PRIVATE, fd, 0);
        if (ret->bytes == MAP_FAILED) {
            ret->bytes = NULL;
            code = cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
        }
    }
    if (fd >= 0)
        close(fd);
    return code;
}

static void file_unmap(struct mapping *mapping)
{
    if (mapping->bytes)
        munmap(mapping->bytes, mapping->length);
}

static enum cli_exit patch_write(struct cli *cli, const struct mapping *old, const struct mapping *new, const char *out)
{
    struct work work;
    const struct patch_make_options options = {
        .format = (enum patch_format)cli_number(cli, OPT_FORMAT, PATCH_BSDIFF40), .threads = (unsigned)cli_number(cli, OPT_THREADS, 0), .progress = &work.progress};
    struct problem problem = {0};
    struct out_file file;
    int64_t bytes = 0;
    enum cli_exit code;

    work_begin(&work, cli, "comparing");
    code = out_open(cli, out, OUT_MODE, false, &file);
    if (code)
        return code;
    code = work_refused(cli, NULL, patch_make(old->bytes ? old->bytes : "", old->length, new->bytes ? new->bytes : "", new->length, &options, file.fd, &bytes, &problem), &problem);
    if (!code)
        code = out_commit(cli, &file);
    out_done(&file);
    if (!code)
        cli_note(cli, "%s: %lld bytes for a file of %zu", out, (long long)bytes, new->length);
    return code;
}

static enum cli_exit files_delta(struct cli *cli)
{
    struct mapping old, new = {0};
    enum cli_exit code = file_map(cli, cli_argument(cli, 0), &old);

    if (!code)
        code = file_map(cli, cli_argument(cli, 1), &new);
    if (!code)
        code = patch_write(cli, &old, &new, cli_argument(cli, 2));
    file_unmap(&new);
    file_unmap(&old);
    return code;
}

enum cli_exit cmd_package_delta(struct cli *cli)
{
    enum cli_exit code = out_check(cli, cli_argument(cli, 2));

    if (code)
        return code;
    return cli_given(cli, OPT_FORMAT) ? files_delta(cli) : packages_delta(cli);
}
