/* The set of keys that counts now, shared between threads. See auth_keys.h. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "orchestrator/edges/auth_keys.h"

struct auth_ring {
    char *path;
    pthread_mutex_t lock;                /* for taking and exchanging, which is short; reading files happens outside */
    _Atomic(struct auth_keys *) keys;    /* looked at without the lock only to see whether it is another one */
};

enum drover_error auth_ring_new(const char *path, struct auth_ring **ret_ring, struct problem *ret_problem)
{
    struct auth_ring *ring = calloc(1, sizeof *ring);
    struct auth_keys *keys = NULL;
    if (ring == NULL || (ring->path = strdup(path)) == NULL) {
        free(ring);
        return problem_set(ret_problem, DROVER_MEMORY, path, "no memory to read it");
    }
    enum drover_error error = auth_keys_read(path, &keys, ret_problem);
    if (error != DROVER_OK) {
        free(ring->path);
        free(ring);
        return error;
    }
    pthread_mutex_init(&ring->lock, NULL);
    atomic_init(&ring->keys, keys);
    *ret_ring = ring;
    return DROVER_OK;
}

void auth_ring_free(struct auth_ring *ring)
{
    if (ring == NULL)
        return;
    auth_keys_free(atomic_load(&ring->keys));
    pthread_mutex_destroy(&ring->lock);
    free(ring->path);
    free(ring);
}

enum drover_error auth_ring_reload(struct auth_ring *ring, struct problem *ret_problem)
{
    struct auth_keys *keys = NULL;
    enum drover_error error = auth_keys_read(ring->path, &keys, ret_problem);
    if (error != DROVER_OK)
        return error;
    pthread_mutex_lock(&ring->lock);
    struct auth_keys *before = atomic_exchange(&ring->keys, keys);
    pthread_mutex_unlock(&ring->lock);
    auth_keys_free(before);
    return DROVER_OK;
}

/* Two sets cannot have the same address: the thread still holds the one it compares with. */
bool auth_ring_renew(struct auth_ring *ring, struct auth_keys **keys)
{
    if (*keys == atomic_load_explicit(&ring->keys, memory_order_acquire))
        return false;
    pthread_mutex_lock(&ring->lock);
    struct auth_keys *now = auth_keys_hold(atomic_load(&ring->keys));
    pthread_mutex_unlock(&ring->lock);
    auth_keys_free(*keys);
    *keys = now;
    return true;
}
