/* Putting and taking records. The head is stored after the record, so that a process killed in between leaves no half record;
 * the two flags (wake_at, waiting) are each checked after the other side's mark was stored, both sequentially consistent:
 * either the one side sees the mark, or the other sees the flag. No wake-up is lost, and none costs a syscall in vain. */
#include "orchestrator/edges/ring.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "orchestrator/edges/ring_file.h"

static bool sync_start(struct ring *ring);

enum drover_error ring_open(const struct ring_config *config, struct ring **ret_ring, struct ring_found *ret_found,
                            struct problem *ret_problem)
{
    struct ring *ring = calloc(1, sizeof *ring);
    struct ring_found found = {.created = false};
    pthread_condattr_t monotonic;
    enum drover_error error;

    if (!ring)
        return problem_set(ret_problem, DROVER_MEMORY, "ring", "no memory");
    ring->fd = -1;
    ring->sync_ms = config->sync_ms;
    ring->shared = config->shared;
    pthread_mutex_init(&ring->lock, NULL);
    pthread_mutex_init(&ring->put_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ring->room, &monotonic);
    pthread_cond_init(&ring->sync_end, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ring->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    error = ring_file_open(ring, config, &found, ret_problem);
    if (!error && ring->wake_fd < 0)
        error = problem_set(ret_problem, DROVER_IO, "ring", "no eventfd: %s", strerror(errno));
    if (!error) {
        atomic_store(&ring->header->wake_at, UINT64_MAX);
        atomic_store(&ring->header->waiting, 0);
        ring_rewind(ring);
        if (!sync_start(ring))
            error = problem_set(ret_problem, DROVER_MEMORY, "ring", "no thread for syncing");
    }
    if (error) {
        ring_close(ring);
        return error;
    }
    *ret_ring = ring;
    if (ret_found)
        *ret_found = found;
    return DROVER_OK;
}

void ring_close(struct ring *ring)
{
    if (!ring)
        return;
    if (ring->sync_runs) {
        pthread_mutex_lock(&ring->lock);
        ring->sync_runs = false;
        pthread_cond_signal(&ring->sync_end);
        pthread_mutex_unlock(&ring->lock);
        pthread_join(ring->syncer, NULL);
    }
    ring_file_close(ring, true);
    if (ring->wake_fd >= 0)
        close(ring->wake_fd);
    pthread_cond_destroy(&ring->room);
    pthread_cond_destroy(&ring->sync_end);
    pthread_mutex_destroy(&ring->put_lock);
    pthread_mutex_destroy(&ring->lock);
    free(ring);
}

/* --- producer --- */

static bool has_room(struct ring *ring, uint64_t head, size_t bytes)
{
    if (head + bytes <= ring->room_until)
        return true;
    ring->room_until = atomic_load(&ring->header->committed) + ring->size;
    return head + bytes <= ring->room_until;
}

static void wake_consumer(struct ring *ring, uint64_t head)
{
    _Atomic uint64_t *wake_at = &ring->header->wake_at;
    uint64_t one = 1;

    if (head >= atomic_load(wake_at) && atomic_exchange(wake_at, UINT64_MAX) != UINT64_MAX)
        while (write(ring->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
}

static bool put(struct ring *ring, const struct ring_record *record)
{
    uint64_t head = atomic_load_explicit(&ring->header->head, memory_order_relaxed);
    struct ring_frame *frame = (struct ring_frame *)(ring->data + (head & ring->mask));
    struct ring_frame fresh = {.position = head, .arrived_ms = record->arrived_ms, .payload_length = (uint32_t)record->payload_length,
                               .topic_length = (uint16_t)record->topic_length, .flags = record->oversized ? FRAME_OVERSIZED : 0};
    size_t bytes = ring_frame_bytes(&fresh);

    if (record->topic_length > UINT16_MAX || record->payload_length > ring->size || !has_room(ring, head, bytes))
        return false;
    *frame = fresh;
    if (record->topic_length)
        memcpy((char *)(frame + 1), record->topic, record->topic_length);
    if (record->payload_length)
        memcpy((char *)(frame + 1) + record->topic_length, record->payload, record->payload_length);
    frame->checksum = ring_frame_checksum(ring, frame);
    atomic_store(&ring->header->head, head + bytes);
    wake_consumer(ring, head + bytes);
    return true;
}

bool ring_put(struct ring *ring, const struct ring_record *record)
{
    bool done;

    if (!ring->shared)
        return put(ring, record);
    pthread_mutex_lock(&ring->put_lock);
    done = put(ring, record);
    pthread_mutex_unlock(&ring->put_lock);
    return done;
}

bool ring_put_wait(struct ring *ring, const struct ring_record *record)
{
    bool done = ring_put(ring, record);

    if (done)
        return true;
    atomic_fetch_add(&ring->waits, 1);
    pthread_mutex_lock(&ring->lock);
    atomic_store(&ring->header->waiting, 1);
    while (!(done = ring_put(ring, record)) && !atomic_load(&ring->released))
        pthread_cond_wait(&ring->room, &ring->lock);
    atomic_store(&ring->header->waiting, 0);
    pthread_mutex_unlock(&ring->lock);
    return done;
}

void ring_release(struct ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    atomic_store(&ring->released, true);
    pthread_cond_broadcast(&ring->room);
    pthread_mutex_unlock(&ring->lock);
}

bool ring_is_waited_for(const struct ring *ring)
{
    return atomic_load(&ring->header->waiting) != 0;
}

/* --- consumer --- */

static void read_to(struct ring *ring, uint64_t position)
{
    ring->read = position;
    atomic_store_explicit(&ring->header->read, position, memory_order_relaxed);
}

bool ring_next(struct ring *ring, struct ring_record *ret_record)
{
    uint64_t head = atomic_load_explicit(&ring->header->head, memory_order_acquire);

    while (ring->read < head) {
        const struct ring_frame *frame = (const struct ring_frame *)(ring->data + (ring->read & ring->mask));
        const char *topic = (const char *)(frame + 1);

        ring->read_before = ring->read;
        read_to(ring, ring->read + ring_frame_bytes(frame));
        if (frame->flags & FRAME_FILLER)
            continue;
        *ret_record = (struct ring_record){.topic = topic, .topic_length = frame->topic_length, .payload = topic + frame->topic_length,
                                           .payload_length = frame->payload_length, .arrived_ms = frame->arrived_ms,
                                           .oversized = frame->flags & FRAME_OVERSIZED, .end = ring->read};
        return true;
    }
    return false;
}

int64_t ring_next_arrived_ms(struct ring *ring)
{
    struct ring_record record;

    if (!ring_next(ring, &record))
        return 0;
    ring_unread(ring);
    return record.arrived_ms;
}

void ring_unread(struct ring *ring)
{
    read_to(ring, ring->read_before);
}

void ring_commit(struct ring *ring, uint64_t end)
{
    if (end > ring->read)
        end = ring->read;
    if (end <= atomic_load_explicit(&ring->header->committed, memory_order_relaxed))
        return;
    atomic_store(&ring->header->committed, end);
    if (atomic_load(&ring->header->waiting)) {
        pthread_mutex_lock(&ring->lock);
        pthread_cond_signal(&ring->room);
        pthread_mutex_unlock(&ring->lock);
    }
}

void ring_rewind(struct ring *ring)
{
    ring->read_before = atomic_load_explicit(&ring->header->committed, memory_order_relaxed);
    read_to(ring, ring->read_before);
}

int ring_fd(const struct ring *ring)
{
    return ring->wake_fd;
}

bool ring_wake_at(struct ring *ring, size_t bytes)
{
    _Atomic uint64_t *wake_at = &ring->header->wake_at;
    uint64_t position = ring->read + bytes;

    if (bytes == RING_WAKE_NEVER) {
        atomic_store(wake_at, UINT64_MAX);
        return true;
    }
    atomic_store(wake_at, position);
    if (atomic_load(&ring->header->head) < position)
        return true;
    return atomic_exchange(wake_at, UINT64_MAX) == UINT64_MAX; /* the producer was faster: its wake-up is on the way */
}

void ring_woken(struct ring *ring)
{
    uint64_t count;

    while (read(ring->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

struct ring_state ring_state(const struct ring *ring)
{
    uint64_t head = atomic_load(&ring->header->head), committed = atomic_load(&ring->header->committed);
    struct ring_state state = {.size_bytes = ring->size, .used_bytes = head - committed, .unread_bytes = head - ring->read,
                               .waits = atomic_load(&ring->waits)};

    if (committed < head)
        state.oldest_ms = ((const struct ring_frame *)(ring->data + (committed & ring->mask)))->arrived_ms;
    return state;
}

/* --- syncing --- */

static struct timespec after_ms(int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;

    return (struct timespec){.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
}

/* Only new records are worth a sync: a `committed` that is a little old on disk costs repeated work, not a message. */
static void *sync_run(void *arg)
{
    struct ring *ring = arg;
    uint64_t synced = atomic_load(&ring->header->head);

    pthread_mutex_lock(&ring->lock);
    while (ring->sync_runs) {
        uint64_t head = atomic_load(&ring->header->head);
        struct timespec until;

        if (head != synced) {
            pthread_mutex_unlock(&ring->lock);
            if (fdatasync(ring->fd) == 0)
                synced = head;
            pthread_mutex_lock(&ring->lock);
        }
        until = after_ms(ring->sync_ms);
        if (ring->sync_runs)
            pthread_cond_timedwait(&ring->sync_end, &ring->lock, &until);
    }
    pthread_mutex_unlock(&ring->lock);
    return NULL;
}

static bool sync_start(struct ring *ring)
{
    sigset_t all, before;

    if (ring->sync_ms <= 0)
        return true;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* signals are the main thread's */
    ring->sync_runs = true;
    if (pthread_create(&ring->syncer, NULL, sync_run, ring) != 0)
        ring->sync_runs = false;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ring->sync_runs;
}
