/* A small table by rollout and versions; the one that was used longest ago makes room. */
#include "orchestrator/edges/permits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

#define PERMITS_MAX 64
#define FAILED_MS 60000   /* then the key is tried again */

struct entry {
    char rollout[ID_SIZE];             /* "": free */
    char from_version[VERSION_SIZE];
    char to_version[VERSION_SIZE];
    char text[WORKER_PERMIT_SIZE];     /* "": none */
    int64_t expires_ms;                /* of the text */
    int64_t asked_expires_ms;          /* of the one that is being made */
    int64_t failed_mono_ms;            /* when making one last failed; 0: it did not */
    bool asked;                        /* one is being made; the entry keeps its place, it is the argument */
    uint64_t used;
    struct permits *permits;
};

struct permits {
    struct worker_pool *pool;
    struct proofs *proofs;
    const struct daemon_settings *settings;
    struct permit_counters counters;
    uint64_t clock;
    struct entry entries[PERMITS_MAX];
};

static void answered(void *arg, const struct worker_answer *answer);

struct permits *permits_new(struct worker_pool *pool, struct proofs *proofs, const struct daemon_settings *settings)
{
    struct permits *permits = calloc(1, sizeof *permits);

    if (!permits)
        return NULL;
    permits->pool = pool;
    permits->proofs = proofs;
    permits->settings = settings;
    for (unsigned i = 0; i < PERMITS_MAX; i++)
        permits->entries[i].permits = permits;
    return permits;
}

void permits_free(struct permits *permits)
{
    free(permits);
}

struct permit_counters permits_counters(const struct permits *permits)
{
    return permits->counters;
}

void permits_forget(struct permits *permits)
{
    for (unsigned i = 0; i < PERMITS_MAX; i++) {
        permits->entries[i].text[0] = '\0';
        permits->entries[i].failed_mono_ms = 0;
    }
}

/* NULL: all are being made. */
static struct entry *entry_of(struct permits *permits, const char *rollout_id, const char *from_version, const char *to_version)
{
    struct entry *oldest = NULL;

    for (unsigned i = 0; i < PERMITS_MAX; i++) {
        struct entry *entry = &permits->entries[i];

        if (strcmp(entry->rollout, rollout_id) == 0 && strcmp(entry->from_version, from_version) == 0 && strcmp(entry->to_version, to_version) == 0)
            return entry;
        if (!entry->asked && (!oldest || entry->used < oldest->used))
            oldest = entry;
    }
    if (oldest) {
        *oldest = (struct entry){.permits = permits};
        (void)text_copy(oldest->rollout, sizeof oldest->rollout, rollout_id);
        (void)text_copy(oldest->from_version, sizeof oldest->from_version, from_version);
        (void)text_copy(oldest->to_version, sizeof oldest->to_version, to_version);
    }
    return oldest;
}

static void ask(struct entry *entry, const struct rollout *rollout, int64_t now_ms)
{
    struct permits *permits = entry->permits;
    struct worker_task task = {.job = WORKER_PERMIT_MAKE, .expires_ms = now_ms + permits->settings->release_permit_s * 1000};

    (void)snprintf(task.permit_id, sizeof task.permit_id, "p-%016llx", (unsigned long long)clock_random());
    (void)text_copy(task.permit_key, sizeof task.permit_key, permits->settings->release_permit_key);
    (void)text_copy(task.data_dir, sizeof task.data_dir, permits->settings->data_dir);
    memcpy(task.rollout, rollout->id, sizeof task.rollout);
    memcpy(task.model, rollout->model, sizeof task.model);
    memcpy(task.version, entry->from_version, sizeof task.version);
    memcpy(task.to_version, entry->to_version, sizeof task.to_version);
    entry->asked_expires_ms = task.expires_ms;
    entry->asked = worker_pool_ask(permits->pool, &task, answered, entry);
}

static void answered(void *arg, const struct worker_answer *answer)
{
    struct entry *entry = arg;

    entry->asked = false;
    if (answer->code) {
        entry->permits->counters.failed++;
        entry->failed_mono_ms = clock_mono_ms();
        log_event(LOG_ERROR, "permit_not_made", LOG_TEXT("rollout", entry->rollout), LOG_TEXT("to", entry->to_version),
                  LOG_TEXT("error", error_code_name(answer->code)), LOG_TEXT("where", answer->where), LOG_TEXT("why", answer->what));
        return;
    }
    entry->permits->counters.made++;
    entry->failed_mono_ms = 0;
    entry->expires_ms = entry->asked_expires_ms;
    memcpy(entry->text, answer->permit, sizeof entry->text);
    log_event(LOG_INFO, "permit_made", LOG_TEXT("rollout", entry->rollout), LOG_TEXT("to", entry->to_version), LOG_NUMBER("expires_ms", entry->expires_ms));
}

const char *permits_get(void *arg, const struct rollout *rollout, const char *from_version, const char *to_version)
{
    struct permits *permits = arg;
    int64_t now_ms = clock_unix_ms(), half_ms = permits->settings->release_permit_s * 500;

    if (!permits->settings->release_permit_key[0] || !proofs_have_trust(permits->proofs))
        return "";
    struct entry *entry = entry_of(permits, rollout->id, from_version, to_version);
    if (!entry)
        return NULL;
    entry->used = ++permits->clock;
    bool good = entry->text[0] && now_ms < entry->expires_ms;
    bool failed = entry->failed_mono_ms && clock_mono_ms() - entry->failed_mono_ms < FAILED_MS;
    if (!entry->asked && !failed && (!good || entry->expires_ms - now_ms < half_ms))
        ask(entry, rollout, now_ms);
    if (good)
        return entry->text;
    return failed ? "" : NULL;
}
