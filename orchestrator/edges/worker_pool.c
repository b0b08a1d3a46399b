/* Starting, watching and ending workers. A job is in one list until it is answered; its process, pipe and timer come and go. */
#include "orchestrator/edges/worker_pool.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

#define AGAIN_MS 200            /* before a job whose worker ended without an answer is tried again */

extern char **environ;

struct job {
    struct job *next;
    struct worker_pool *pool;
    struct worker_task task;
    worker_answered *answered;
    void *arg;
    unsigned tries;
    char trust_sha256[SHA256_HEX_SIZE];   /* what its present worker was given */
    pid_t pid;                            /* 0: it does not run */
    int pipe_fd;                          /* -1: it does not run, or its end came */
    struct event *readable, *timer;       /* owned */
    struct buffer line;
    bool late;                            /* killed because its time was over */
};

struct worker_pool {
    struct worker_pool_config config;
    struct job *jobs;                     /* oldest first, running and waiting */
    char *trust;                          /* owned; NULL: none */
    size_t trust_length;
    char trust_sha256[SHA256_HEX_SIZE];
    struct event *child_ended;            /* SIGCHLD */
    bool stopped;
    struct worker_counters counters;
};

static void jobs_begin(struct worker_pool *pool);                            /* 1 a place is free      */
static void answer_came(evutil_socket_t fd, short what, void *job);          /* 2 its line, or the end */
static void time_over(evutil_socket_t fd, short what, void *job);            /* 2 or not in time       */
static void children_ended(evutil_socket_t fd, short what, void *pool);      /* 3 it is no more        */

/* --- life --- */

struct worker_pool *worker_pool_new(const struct worker_pool_config *config)
{
    struct worker_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return NULL;
    pool->config = *config;
    pool->child_ended = evsignal_new(config->base, SIGCHLD, children_ended, pool);
    if (!pool->child_ended || event_add(pool->child_ended, NULL) != 0) {
        worker_pool_free(pool);
        return NULL;
    }
    return pool;
}

static void job_close(struct job *job)
{
    if (job->readable)
        event_free(job->readable);
    if (job->pipe_fd >= 0)
        close(job->pipe_fd);
    job->readable = NULL;
    job->pipe_fd = -1;
}

static void job_free(struct job *job)
{
    job_close(job);
    if (job->timer)
        event_free(job->timer);
    buffer_done(&job->line);
    free(job);
}

void worker_pool_stop(struct worker_pool *pool)
{
    struct job *next;

    if (!pool)
        return;
    pool->stopped = true;
    for (struct job *job = pool->jobs; job; job = next) {
        next = job->next;
        if (job->pid > 0) {
            (void)kill(job->pid, SIGKILL);
            while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        }
        job_free(job);
    }
    pool->jobs = NULL;
}

void worker_pool_free(struct worker_pool *pool)
{
    if (!pool)
        return;
    worker_pool_stop(pool);
    if (pool->child_ended)
        event_free(pool->child_ended);
    free(pool->trust);
    free(pool);
}

void worker_pool_set_limits(struct worker_pool *pool, int64_t derivations, int64_t timeout_ms, int64_t memory_bytes)
{
    pool->config.derivations = derivations;
    pool->config.timeout_ms = timeout_ms;
    pool->config.memory_bytes = memory_bytes;
}

bool worker_pool_set_trust(struct worker_pool *pool, const char *text, size_t length, const char *trust_sha256)
{
    char *copy = length ? malloc(length) : NULL;

    if (length && !copy)
        return false;
    if (length)
        memcpy(copy, text, length);
    free(pool->trust);
    pool->trust = copy;
    pool->trust_length = length;
    (void)text_copy(pool->trust_sha256, sizeof pool->trust_sha256, trust_sha256);
    jobs_begin(pool);
    return true;
}

static size_t jobs_count(const struct worker_pool *pool, enum worker_job kind, bool running)
{
    size_t count = 0;

    for (const struct job *job = pool->jobs; job; job = job->next)
        count += job->task.job == kind && (job->pid > 0) == running;
    return count;
}

struct worker_counters worker_pool_counters(const struct worker_pool *pool)
{
    struct worker_counters counters = pool->counters;

    for (int kind = 0; kind < WORKER_JOB_COUNT; kind++) {
        counters.running += jobs_count(pool, (enum worker_job)kind, true);
        counters.waiting += jobs_count(pool, (enum worker_job)kind, false);
    }
    return counters;
}

/* --- 1 asked, and begun as soon as there is a place --- */

bool worker_pool_ask(struct worker_pool *pool, const struct worker_task *task, worker_answered *answered, void *arg)
{
    const struct timeval now = {0};
    struct job **at = &pool->jobs, *job;

    if (pool->stopped || !pool->trust || jobs_count(pool, task->job, false) >= WORKER_QUEUE_MAX)
        return false;
    job = calloc(1, sizeof *job);
    if (!job)
        return false;
    *job = (struct job){.pool = pool, .task = *task, .answered = answered, .arg = arg, .pipe_fd = -1};
    buffer_init(&job->line, WORKER_TEXT_MAX);
    job->timer = evtimer_new(pool->config.base, time_over, job);
    if (!job->timer || evtimer_add(job->timer, &now) != 0) { /* begins from the loop, so that no answer comes from here */
        job_free(job);
        return false;
    }
    while (*at)
        at = &(*at)->next;
    *at = job;
    return true;
}

static bool place_is_free(const struct worker_pool *pool, enum worker_job kind)
{
    return jobs_count(pool, kind, true) < (size_t)(kind == WORKER_DERIVE ? pool->config.derivations : 1);
}

/* A file without a name that holds the trust store: the worker reads what we hold, whatever lies under its path by now. */
static int trust_fd(const struct worker_pool *pool)
{
    int fd = memfd_create("drover-trust", MFD_CLOEXEC);

    if (fd >= 0 && pwrite(fd, pool->trust, pool->trust_length, 0) != (ssize_t)pool->trust_length) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* stdin: the trust store; stdout: the pipe; stderr: ours, for what a sanitizer has to say. Nothing else is inherited. */
static bool process_start(struct job *job, char *text, int trust, int answer)
{
    static char name[] = "droverd", option[] = "--worker";
    char *const argv[] = {name, option, text, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    bool ready, started;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    sigemptyset(&none);
    sigfillset(&all);
    ready = posix_spawn_file_actions_adddup2(&actions, trust, STDIN_FILENO) == 0 &&
            posix_spawn_file_actions_adddup2(&actions, answer, STDOUT_FILENO) == 0 &&
            posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1) == 0 &&
            posix_spawnattr_setsigmask(&attributes, &none) == 0 && posix_spawnattr_setsigdefault(&attributes, &all) == 0 &&
            posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0;
    started = ready && posix_spawn(&job->pid, "/proc/self/exe", &actions, &attributes, argv, environ) == 0;
    if (!started)
        job->pid = 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return started;
}

static bool job_spawn(struct job *job)
{
    int trust = trust_fd(job->pool), fds[2] = {-1, -1};
    struct buffer text;
    bool started = false;

    buffer_init(&text, WORKER_TEXT_MAX);
    job->task.parent_pid = getpid();
    job->task.now_ms = clock_unix_ms();
    job->task.memory_bytes = job->pool->config.memory_bytes;
    worker_task_write(&job->task, &text);
    if (trust >= 0 && !text.failed && pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0) {
        int flags = fcntl(fds[1], F_GETFL);

        (void)fcntl(fds[1], F_SETFL, flags & ~O_NONBLOCK); /* the worker's end may wait */
        started = process_start(job, text.bytes, trust, fds[1]);
        close(fds[1]);
    }
    if (trust >= 0)
        close(trust);
    if (started)
        job->pipe_fd = fds[0];
    else if (fds[0] >= 0)
        close(fds[0]);
    buffer_done(&text);
    return started;
}

static void timer_set(struct job *job, int64_t wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};

    (void)evtimer_add(job->timer, &wait);
}

static void job_begin(struct job *job)
{
    struct worker_pool *pool = job->pool;

    job->tries++;
    job->late = false;
    buffer_clear(&job->line);
    (void)text_copy(job->trust_sha256, sizeof job->trust_sha256, pool->trust_sha256);
    if (job_spawn(job)) {
        job->readable = event_new(pool->config.base, job->pipe_fd, EV_READ | EV_PERSIST, answer_came, job);
        if (job->readable)
            (void)event_add(job->readable, NULL);
        pool->counters.begun[job->task.job]++;
        timer_set(job, pool->config.timeout_ms);
        return;
    }
    pool->counters.not_started++;
    log_event(LOG_ERROR, "worker_not_started", LOG_TEXT("job", worker_job_name(job->task.job)), LOG_TEXT("why", strerror(errno)));
    job->tries--; /* the machine is short of something: later */
    timer_set(job, 10 * AGAIN_MS);
}

/* Oldest first, verifications before derivations; a job whose timer is set waits for it. */
static void jobs_begin(struct worker_pool *pool)
{
    for (int kind = 0; kind < WORKER_JOB_COUNT; kind++)
        for (struct job *job = pool->jobs; job && !pool->stopped && pool->trust; job = job->next)
            if (job->task.job == (enum worker_job)kind && job->pid == 0 && !evtimer_pending(job->timer, NULL) && place_is_free(pool, job->task.job))
                job_begin(job);
}

/* --- 2 it speaks, or its time is over --- */

/* False: nothing more to be read now. */
static bool answer_read(struct job *job)
{
    char bytes[4096];
    ssize_t length = read(job->pipe_fd, bytes, sizeof bytes);

    if (length > 0)
        buffer_add(&job->line, bytes, (size_t)length);
    else if (length == 0)
        job_close(job);
    return length > 0 && !job->line.failed;
}

static void answer_came(evutil_socket_t fd, short what, void *arg)
{
    struct job *job = arg;

    (void)fd;
    (void)what;
    (void)answer_read(job);
    if (job->line.failed && job->pid > 0)
        (void)kill(job->pid, SIGKILL); /* nobody has so much to say */
}

static void time_over(evutil_socket_t fd, short what, void *arg)
{
    struct job *job = arg;

    (void)fd;
    (void)what;
    if (job->pid > 0) {
        job->late = true;
        (void)kill(job->pid, SIGKILL);
    } else {
        jobs_begin(job->pool); /* it may begin (again) now */
    }
}

/* --- 3 it is no more --- */

static void job_answer(struct job *job, const struct worker_answer *answer)
{
    struct worker_pool *pool = job->pool;
    struct job **at = &pool->jobs;

    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    job->answered(job->arg, answer);
    job_free(job);
}

/* How a process ended, for people. */
static void end_write(const struct job *job, int status, char *ret, size_t size)
{
    if (job->late)
        (void)snprintf(ret, size, "took longer than %lld s", (long long)(job->pool->config.timeout_ms / 1000));
    else if (WIFSIGNALED(status))
        (void)snprintf(ret, size, "ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        (void)snprintf(ret, size, "ended with %d and no answer", WEXITSTATUS(status));
}

/* Another try, unless there were enough; what takes too long once takes too long again. */
static void job_broke(struct job *job, int status)
{
    struct worker_answer answer = {.code = E_INTERNAL, .broken = true, .where = "worker"};
    char how[96];

    end_write(job, status, how, sizeof how);
    job->pool->counters.crashed += !job->late;
    job->pool->counters.timed_out += job->late;
    log_event(LOG_ERROR, "worker_broke", LOG_TEXT("job", worker_job_name(job->task.job)), LOG_TEXT("package", job->task.sha256),
              LOG_TEXT("how", how), LOG_NUMBER("try", job->tries));
    if (!job->late && job->tries < WORKER_TRIES_MAX) {
        timer_set(job, AGAIN_MS);
        return;
    }
    (void)snprintf(answer.what, sizeof answer.what, "%.80s, try %u", how, job->tries);
    memcpy(answer.trust_sha256, job->trust_sha256, sizeof answer.trust_sha256);
    job_answer(job, &answer);
}

static void job_ended(struct job *job, int status)
{
    struct worker_answer answer;
    struct problem problem;

    while (job->pipe_fd >= 0 && answer_read(job)) /* what stands in the pipe still */
        ;
    job_close(job);
    job->pid = 0;
    (void)evtimer_del(job->timer);
    if (job->late || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || job->line.failed || !job->line.length ||
        worker_answer_read(job->line.bytes, job->line.length - 1, &answer, &problem)) {
        job_broke(job, status);
        return;
    }
    job->pool->counters.answered[job->task.job]++;
    memcpy(answer.trust_sha256, job->trust_sha256, sizeof answer.trust_sha256);
    job_answer(job, &answer);
}

static void children_ended(evutil_socket_t fd, short what, void *arg)
{
    struct worker_pool *pool = arg;
    struct job *next;
    int status;

    (void)fd;
    (void)what;
    for (struct job *job = pool->jobs; job; job = next) {
        next = job->next;
        if (job->pid > 0 && waitpid(job->pid, &status, WNOHANG) == job->pid)
            job_ended(job, status);
    }
    jobs_begin(pool);
}
