/* A delta between two releases of the depot: made, signed with the key that may sign nothing else, proved like any other package, and
 * put into the depot. Nothing of it is seen there before it is whole. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/package_delta.h"
#include "firmware/package_sign.h"
#include "orchestrator/edges/worker_inside.h"

#define DELTA_MEMORY_PCT 70   /* of the limit: the rest is for reading and for the allocator */

static void skip(struct worker *worker, const char *why)
{
    worker->answer->skipped = true;
    (void)text_copy(worker->answer->what, sizeof worker->answer->what, why);
}

static bool image_is_over(const struct package_file *file, int64_t bytes_max)
{
    for (unsigned i = 0; i < file->head.manifest.component_count; i++)
        if (file->head.manifest.components[i].size_bytes > bytes_max)
            return true;
    return false;
}

/* NULL: a delta can be made of the two. */
static const char *skip_reason(const struct worker *worker, const struct package_file *from, const struct package_file *to)
{
    if ((from->head.header.flags | to->head.header.flags) & PACKAGE_ENCRYPTED)
        return "encrypted packages cannot be compared here";
    if (image_is_over(from, worker->task->image_bytes_max) || image_is_over(to, worker->task->image_bytes_max))
        return "an image is larger than release.delta_max_bytes";
    return NULL;
}

static enum error_code delta_make(struct worker *worker, const struct package_file *from, const struct package_file *to, const char *path,
                                  struct problem *ret_problem)
{
    const struct worker_task *task = worker->task;
    const struct package_delta_options options = {
        .min_saving_pct = task->min_saving_pct > 0 ? (int)task->min_saving_pct : -1,
        .memory_max_bytes = task->memory_bytes / 100 * DELTA_MEMORY_PCT,
    };
    struct package_delta_result result;
    enum error_code code = package_delta(from, to, &options, path, &result, ret_problem);

    if (code)
        return code;
    worker->answer->kept = result.kept;
    worker->answer->full_bytes = result.full_bytes;
    worker->answer->size_bytes = result.delta_bytes;
    return E_NONE;
}

/* Signs the description alone, with the key that may sign nothing else. */
static enum error_code delta_sign(const struct worker *worker, const char *path, struct problem *ret_problem)
{
    struct private_key *key = NULL;
    struct package_file file;
    enum error_code code;

    if (!worker->task->delta_key[0])
        return E_NONE;
    if (private_key_open(worker->task->delta_key, NULL, &key, ret_problem))
        return E_SIGNATURE;
    code = package_file_open(path, &file, ret_problem);
    if (!code) {
        const struct private_key *const keys[] = {key};
        const struct package_signing signing = {.keys = keys, .algorithms = (const enum signature_algorithm[]){0}, .count = 1, .delta_only = true};

        code = package_sign(&file, &signing, path, ret_problem);
        package_file_close(&file);
    }
    private_key_free(key);
    return code;
}

/* Into the depot under its digest. */
static enum error_code delta_keep(struct worker *worker, const char *path, struct problem *ret_problem)
{
    struct worker_answer *answer = worker->answer;
    char part[DEPOT_PATH_SIZE];
    long long bytes;

    if (sha256_file(path, answer->sha256, &bytes))
        return package_refuse(ret_problem, E_INTERNAL, "delta", "it cannot be read back");
    answer->size_bytes = bytes;
    depot_part_path(&worker->depot, answer->sha256, part);
    if (chmod(path, 0644) != 0 || rename(path, part) != 0 || depot_take_part(&worker->depot, answer->sha256))
        return package_refuse(ret_problem, E_NO_SPACE, "delta", "it cannot be put into the depot");
    return E_NONE;
}

static enum error_code delta_finish(struct worker *worker, const struct package_file *to, const char *path, struct problem *ret_problem)
{
    char manifest_sha256[SHA256_HEX_SIZE];
    enum error_code code = delta_sign(worker, path, ret_problem);

    if (code)
        return code;
    if ((code = worker_prove(worker, path))) { /* what was made here is believed no more than what came from elsewhere */
        (void)text_copy(ret_problem->where, sizeof ret_problem->where, worker->answer->where);
        (void)text_copy(ret_problem->what, sizeof ret_problem->what, worker->answer->what);
        return code;
    }
    text_hex(manifest_sha256, to->head.manifest_sha256, SHA256_BYTES);
    if (strcmp(manifest_sha256, worker->answer->manifest_sha256) != 0)
        return package_refuse(ret_problem, E_SHA256, "delta", "it has another manifest than its release");
    return delta_keep(worker, path, ret_problem);
}

static enum error_code delta_of_files(struct worker *worker, const struct package_file *from, const struct package_file *to, struct problem *ret_problem)
{
    const char *reason = skip_reason(worker, from, to);
    char path[WORKER_PATH_SIZE + 160];
    enum error_code code;

    if (reason) {
        skip(worker, reason);
        return E_NONE;
    }
    (void)snprintf(path, sizeof path, "%s/%.64s-%.16s.dfw", worker->task->folder, worker->task->sha256, worker->task->base_sha256);
    code = delta_make(worker, from, to, path, ret_problem);
    if (!code && worker->answer->kept)
        code = delta_finish(worker, to, path, ret_problem);
    (void)unlink(path);
    return code;
}

void worker_derive(struct worker *worker)
{
    char path[DEPOT_PATH_SIZE];
    struct package_file from, to;
    struct problem problem = {.where = "delta", .what = "failed"};
    enum error_code code;

    depot_artifact_path(&worker->depot, worker->task->base_sha256, path);
    code = package_file_open(path, &from, &problem);
    if (!code) {
        depot_artifact_path(&worker->depot, worker->task->sha256, path);
        code = package_file_open(path, &to, &problem);
        if (!code) {
            code = delta_of_files(worker, &from, &to, &problem);
            package_file_close(&to);
        }
        package_file_close(&from);
    }
    if (code) {
        worker->answer->kept = false;
        (void)worker_refuse(worker, code, &problem);
    }
}
