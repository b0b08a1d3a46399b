/* The worker process: limits itself, proves a package, derives a delta, or makes or checks a permit, says what came of it in one line, ends. */
#include "orchestrator/edges/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/package_file.h"
#include "firmware/package_reader.h"
#include "orchestrator/edges/worker_inside.h"

#define NICE 10
#define OOM_SCORE "800"               /* of 1000 */
#define TRUST_TEXT_MAX (4 * TRUST_BYTES_MAX)   /* as a signed document */

enum { WORKER_DONE, WORKER_FAILED };

enum error_code worker_refuse(struct worker *worker, enum error_code code, const struct problem *problem)
{
    worker->answer->code = code;
    (void)text_copy(worker->answer->where, sizeof worker->answer->where, problem->where);
    (void)text_copy(worker->answer->what, sizeof worker->answer->what, problem->what);
    return code;
}

/* --- limits --- */

/* A sanitizer maps terabytes of shadow memory: its builds go without the limit. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMITS_MEMORY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define LIMITS_MEMORY false
#endif
#endif
#ifndef LIMITS_MEMORY
#define LIMITS_MEMORY true
#endif

/* When the machine runs out of memory a worker is to be killed, which is begun again, and not the process that holds the fleet. */
static void victim_be(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)!write(fd, OOM_SCORE, sizeof OOM_SCORE - 1); /* a wish */
    close(fd);
}

/* The parent may have gone before PR_SET_PDEATHSIG: then there is another one now. */
static bool limits_take(const struct worker_task *task)
{
    const struct rlimit memory = {(rlim_t)task->memory_bytes, (rlim_t)task->memory_bytes}, none = {0, 0};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != (pid_t)task->parent_pid)
        return false;
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* a wish */
    victim_be();
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return false;
    return !LIMITS_MEMORY || task->memory_bytes == 0 || setrlimit(RLIMIT_AS, &memory) == 0;
}

/* --- what a package is --- */

static void hw_revs_join(const struct manifest *manifest, char *ret, size_t size)
{
    size_t length = 0;

    for (unsigned i = 0; i < manifest->hw_rev_count; i++)
        length += (size_t)snprintf(ret + length, size - length, "%s%s", i ? "," : "", manifest->hw_revs[i]);
}

static enum error_code facts_take(void *arg, const struct package_head *head, struct problem *ret_problem)
{
    struct worker_answer *answer = arg;

    (void)ret_problem;
    (void)text_copy(answer->model, sizeof answer->model, head->manifest.model);
    (void)text_copy(answer->version, sizeof answer->version, head->manifest.version);
    (void)text_copy(answer->min_version, sizeof answer->min_version, head->manifest.min_version);
    text_hex(answer->manifest_sha256, head->manifest_sha256, SHA256_BYTES);
    hw_revs_join(&head->manifest, answer->hw_revs, sizeof answer->hw_revs);
    answer->release_counter = head->manifest.release_counter;
    answer->expires_ms = head->manifest.expires_ms;
    answer->encrypted = head->header.flags & PACKAGE_ENCRYPTED;
    answer->size_bytes = (int64_t)head->header.package_bytes;
    answer->delta = head->has_delta;
    if (head->has_delta)
        (void)text_copy(answer->base_version, sizeof answer->base_version, head->delta.base_version);
    return E_NONE;
}

static enum error_code bytes_pass(void *arg, unsigned component, const void *bytes, size_t length, struct problem *ret_problem)
{
    (void)arg, (void)component, (void)bytes, (void)length, (void)ret_problem;
    return E_NONE;
}

/* An encrypted package stays closed here: its head was proved, and its CRC; its chunks are proved where they are decrypted. */
static enum error_code sealed_take(struct worker *worker, const char *path, struct problem *ret_problem)
{
    struct package_file file;
    enum error_code code = package_file_open(path, &file, ret_problem);

    if (!code)
        code = facts_take(worker->answer, &file.head, ret_problem);
    if (!code)
        package_file_close(&file);
    return code;
}

/* Structure, signatures, times, and every chunk against its digest. */
enum error_code worker_prove(struct worker *worker, const char *path)
{
    const struct package_policy policy = {.trust = &worker->trust, .now_ms = worker->task->now_ms};
    const struct package_sink sink = {.proved = facts_take, .data = bytes_pass, .arg = worker->answer};
    struct problem problem = {.where = "package", .what = "cannot be read"};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum error_code code = fd < 0 ? E_INTERNAL : package_verify(fd, &policy, NULL, &sink, NULL, &problem);

    if (fd >= 0)
        close(fd);
    if (code == E_DECRYPT) /* without keys this comes last of all checks of the head */
        code = sealed_take(worker, path, &problem);
    return code ? worker_refuse(worker, code, &problem) : E_NONE;
}

/* The disk may have changed what lies under a digest's name. */
static enum error_code name_check(struct worker *worker, const char *path)
{
    struct problem problem = {.where = "package"};
    char sha256[SHA256_HEX_SIZE];
    long long bytes;

    if (access(path, F_OK) != 0 && errno == ENOENT)
        return worker_refuse(worker, package_refuse(&problem, E_SHA256, "package", "is not in the depot"), &problem);
    if (sha256_file(path, sha256, &bytes) != DROVER_OK)
        return worker_refuse(worker, package_refuse(&problem, E_INTERNAL, "package", "cannot be read: %s", strerror(errno)), &problem);
    if (strcmp(sha256, worker->task->sha256) != 0)
        return worker_refuse(worker, package_refuse(&problem, E_SHA256, "package", "its bytes in the depot are not what its name says"), &problem);
    return E_NONE;
}

void worker_verify(struct worker *worker)
{
    char path[DEPOT_PATH_SIZE];

    depot_artifact_path(&worker->depot, worker->task->sha256, path);
    if (name_check(worker, path) == E_NONE)
        (void)worker_prove(worker, path);
}

/* --- the process --- */

static enum drover_error trust_take(struct trust *ret_trust, struct problem *ret_problem)
{
    char *text = malloc(TRUST_TEXT_MAX);
    enum drover_error error = DROVER_MEMORY;
    ssize_t length = text ? pread(STDIN_FILENO, text, TRUST_TEXT_MAX, 0) : -1;

    if (length >= 0)
        error = trust_read(text, (size_t)length, ret_trust, ret_problem);
    free(text);
    return error;
}

static bool answer_say(const struct worker_answer *answer)
{
    struct buffer line;
    size_t said = 0;
    ssize_t part = 1;

    buffer_init(&line, WORKER_TEXT_MAX);
    worker_answer_write(answer, &line);
    buffer_add_text(&line, "\n");
    while (!line.failed && part > 0 && said < line.length) {
        part = write(STDOUT_FILENO, line.bytes + said, line.length - said);
        said += part > 0 ? (size_t)part : 0;
    }
    bool whole = !line.failed && said == line.length;
    buffer_done(&line);
    return whole;
}

static bool work(struct worker *worker)
{
    static void (*const jobs[WORKER_JOB_COUNT])(struct worker *worker) = {
        [WORKER_PERMIT_CHECK] = worker_permit_check,
        [WORKER_PERMIT_MAKE] = worker_permit_make,
        [WORKER_VERIFY] = worker_verify,
        [WORKER_DERIVE] = worker_derive,
    };
    struct problem problem;

    if (!text_copy(worker->depot.folder, sizeof worker->depot.folder, worker->task->data_dir))
        return false;
    trust_init(&worker->trust);
    if (trust_take(&worker->trust, &problem))
        (void)worker_refuse(worker, E_SIGNATURE, &problem);
    else
        jobs[worker->task->job](worker);
    trust_done(&worker->trust);
    return answer_say(worker->answer);
}

int worker_main(const char *text)
{
    struct worker_answer answer = {.code = E_NONE};
    struct worker_task task;
    struct worker worker = {.task = &task, .answer = &answer};
    struct problem problem;

    if (worker_task_read(text, strlen(text), &task, &problem)) {
        fprintf(stderr, "droverd: --worker: %s: %s\n", problem.where, problem.what);
        return WORKER_FAILED;
    }
    if (!limits_take(&task)) {
        fprintf(stderr, "droverd: --worker: its limits cannot be set\n");
        return WORKER_FAILED;
    }
    return work(&worker) ? WORKER_DONE : WORKER_FAILED;
}
