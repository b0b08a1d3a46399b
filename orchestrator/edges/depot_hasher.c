/* See depot_hasher.h. */
#include "orchestrator/edges/depot_hasher.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "orchestrator/edges/depot_resume.h"
#include "orchestrator/edges/depot_store.h"
#include "orchestrator/edges/http_call.h"
#include "orchestrator/edges/http_metrics.h"

#define NICE 10

struct depot_hasher {
    const struct depot *depot;
    struct http_metrics *metrics;
    struct http_queue calls;
    pthread_t id;
    bool running;
    atomic_bool stopping;
    uint8_t *block;
    int64_t deadline_ms;               /* of the call that is being served */
    uint64_t clock;
    struct hashed {
        char sha256[SHA256_HEX_SIZE];  /* "": this place is free */
        uint64_t used;                 /* larger: used later */
        struct depot_digests digests;
    } packages[DEPOT_HASHED_MAX];
};

static struct depot_digests *digests_find(struct depot_hasher *hasher, const char *sha256, int64_t size_bytes)
{
    struct hashed *place = &hasher->packages[0];
    for (size_t i = 0; i < DEPOT_HASHED_MAX && strcmp(place->sha256, sha256) != 0; i++) {
        struct hashed *package = &hasher->packages[i];
        if (strcmp(package->sha256, sha256) == 0 || package->used < place->used)
            place = package;
    }
    if (strcmp(place->sha256, sha256) != 0) {
        depot_digests_done(&place->digests);
        depot_digests_init(&place->digests, size_bytes);
        (void)text_copy(place->sha256, sizeof place->sha256, sha256);
    }
    place->used = ++hasher->clock;
    return &place->digests;
}

/* Whoever waited for the answer has it, or is told to come again: what was hashed until then is kept for him. */
static bool may_go_on(void *arg)
{
    struct depot_hasher *hasher = arg;
    return !atomic_load(&hasher->stopping) && clock_mono_ms() < hasher->deadline_ms;
}

/* What of what the device has is right? */
static enum drover_error judge(struct depot_digests *digests, struct depot_hashing *hashing, const struct resume_question *question,
                               struct resume_verdict *verdict)
{
    uint8_t digest[SHA256_BYTES];
    enum drover_error error = DROVER_OK;
    if (question->has_beginning)
        error = depot_digests_beginning(digests, hashing, question->offset, digest);
    if (error == DROVER_OK && question->has_beginning && memcmp(digest, question->beginning, sizeof digest) == 0)
        verdict->right_bytes = question->offset;
    for (unsigned i = 0; i < question->chunk_count && error == DROVER_OK; i++) {
        if (!question->has_chunk[i] || verdict->right_bytes >= (i + 1) * digests->chunk_bytes)
            continue;
        error = depot_digests_chunk(digests, hashing, i, digest);
        verdict->right[i] = error == DROVER_OK && memcmp(digest, question->chunks[i], sizeof digest) == 0;
    }
    return error;
}

static enum drover_error call_judge(struct depot_hasher *hasher, struct http_call *call, struct resume_verdict *verdict)
{
    const struct resume_question *question = call->prepared;
    struct depot_hashing hashing = {.block = hasher->block, .may_go_on = may_go_on, .arg = hasher};
    int64_t size_bytes = 0;
    enum drover_error error = depot_artifact_open(hasher->depot, call->params[0], &hashing.fd, &size_bytes);
    if (error != DROVER_OK)
        return error;
    hasher->deadline_ms = call->deadline_ms;
    error = judge(digests_find(hasher, call->params[0], size_bytes), &hashing, question, verdict);
    atomic_fetch_add_explicit(&hasher->metrics->hashed_bytes, (uint_fast64_t)hashing.hashed_bytes, memory_order_relaxed);
    close(hashing.fd);
    return error;
}

static void call_serve(struct depot_hasher *hasher, struct http_call *call)
{
    struct resume_verdict verdict = {0};
    enum drover_error error = call_judge(hasher, call, &verdict);
    if (error == DROVER_OK) {
        resume_answer_write(((const struct resume_question *)call->prepared)->size_bytes, &verdict, &call->answer);
        http_call_send(call, 200);
    } else if (error == DROVER_NOT_FOUND) {
        http_call_problem(call, 404, NULL, "no such package");
    } else {
        call->retry_after_s = 1;
        http_call_problem(call, 503, NULL, error == DROVER_TIMEOUT ? "the package is still being hashed" : "the package cannot be hashed now");
    }
}

static void *hasher_main(void *arg)
{
    struct depot_hasher *hasher = arg;
    struct pollfd due = {.fd = hasher->calls.event_fd, .events = POLLIN};
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);   /* on Linux of this thread alone */
    while (!atomic_load(&hasher->stopping)) {
        struct http_call *next;
        (void)poll(&due, 1, -1);
        for (struct http_call *call = http_queue_take(&hasher->calls); call != NULL; call = next) {
            next = call->next;
            call_serve(hasher, call);
        }
    }
    return NULL;
}

enum drover_error depot_hasher_new(const struct depot *depot, struct http_metrics *metrics, struct depot_hasher **ret_hasher)
{
    struct depot_hasher *hasher = calloc(1, sizeof *hasher);
    if (hasher == NULL)
        return DROVER_MEMORY;
    hasher->depot = depot;
    hasher->metrics = metrics;
    hasher->block = malloc(DEPOT_BLOCK_BYTES);
    enum drover_error error = hasher->block != NULL ? http_queue_init(&hasher->calls, DEPOT_HASHER_CALLS) : DROVER_MEMORY;
    if (error != DROVER_OK) {
        free(hasher->block);
        free(hasher);
        return error;
    }
    *ret_hasher = hasher;
    return DROVER_OK;
}

enum drover_error depot_hasher_run(struct depot_hasher *hasher)
{
    sigset_t all, before;
    sigfillset(&all);   /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    hasher->running = pthread_create(&hasher->id, NULL, hasher_main, hasher) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return hasher->running ? DROVER_OK : DROVER_UNAVAILABLE;
}

bool depot_hasher_push(struct depot_hasher *hasher, struct http_call *call)
{
    return http_queue_push(&hasher->calls, call);
}

void depot_hasher_free(struct depot_hasher *hasher)
{
    if (hasher == NULL)
        return;
    atomic_store(&hasher->stopping, true);
    http_queue_wake(&hasher->calls);
    if (hasher->running)
        pthread_join(hasher->id, NULL);
    http_queue_done(&hasher->calls);
    for (size_t i = 0; i < DEPOT_HASHED_MAX; i++)
        depot_digests_done(&hasher->packages[i].digests);
    free(hasher->block);
    free(hasher);
}
