/* The workers of this droverd, the folder in which they make things, and the trust store they are given. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/edges/daemon_inside.h"

/* What a killed droverd left in the making is of no use. */
static void folder_empty(const char *path)
{
    DIR *list = opendir(path);

    if (!list)
        return;
    for (const struct dirent *entry = readdir(list); entry; entry = readdir(list))
        if (entry->d_name[0] != '.' || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0))
            (void)unlinkat(dirfd(list), entry->d_name, 0);
    closedir(list);
}

static void limits_of(const struct daemon_settings *settings, struct worker_pool_config *ret)
{
    ret->derivations = settings->release_workers;
    ret->timeout_ms = settings->release_worker_timeout_s * 1000;
    ret->memory_bytes = settings->release_worker_memory_mib << 20;
}

bool daemon_trust_apply(struct daemon *daemon)
{
    const struct daemon_trust *trust = &daemon->trust;
    struct policy *policy = &daemon->settings.flow;
    struct worker_pool_config limits;

    limits_of(&daemon->settings, &limits);
    worker_pool_set_limits(daemon->workers, limits.derivations, limits.timeout_ms, limits.memory_bytes);
    if (!proofs_set_trust(daemon->proofs, trust))
        return false;
    permits_forget(daemon->permits);
    policy->trust_version = proofs_trust_version(daemon->proofs);
    memcpy(policy->trust_sha256, trust->sha256, sizeof policy->trust_sha256);
    if (!trust->text)
        log_event(LOG_WARN, "no_trust_store", LOG_TEXT("why", "release.trust is empty: nothing can be released or offered"));
    else if (trust->expires_ms && trust->expires_ms <= clock_unix_ms())
        log_event(LOG_WARN, "trust_store_expired", LOG_TEXT("file", daemon->settings.release_trust), LOG_NUMBER("version", trust->version));
    return true;
}

enum drover_error daemon_workers_make(struct daemon *daemon, struct problem *ret_problem)
{
    struct worker_pool_config config = {.base = daemon->base};
    enum drover_error error;

    (void)snprintf(daemon->work_folder, sizeof daemon->work_folder, "%s/%s/work", daemon->settings.data_dir, daemon->settings.instance);
    error = daemon_folder_make(daemon->work_folder, ret_problem);
    if (error)
        return error;
    folder_empty(daemon->work_folder);
    limits_of(&daemon->settings, &config);
    daemon->workers = worker_pool_new(&config);
    daemon->proofs = daemon->workers ? proofs_new(daemon->workers, daemon->settings.data_dir) : NULL;
    daemon->permits = daemon->proofs ? permits_new(daemon->workers, daemon->proofs, &daemon->settings) : NULL;
    return daemon->permits && daemon_trust_apply(daemon) ? DROVER_OK : DROVER_MEMORY;
}
