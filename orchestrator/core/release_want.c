/* See release_want.h. Versions are compared as SemVer does; two builds of one version are one base. */
#include "orchestrator/core/release_want.h"

#include <string.h>

static bool is_base(const struct release *release, const struct release *other)
{
    return !strcmp(other->model, release->model) && semver_compare(other->version, release->version) < 0 && !release_flaw(other);
}

/* The newest base below `below`; "" is above all. NULL: there is none. */
static const struct release *base_below(const struct release *release, const struct release *others, size_t count, const char *below)
{
    const struct release *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (is_base(release, &others[i]) && (!below[0] || semver_compare(others[i].version, below) < 0) &&
            (!best || semver_compare(others[i].version, best->version) > 0))
            best = &others[i];
    return best;
}

static void want(struct release *release, const struct release *base)
{
    bool encrypted = release->encrypted || base->encrypted;
    struct release_delta *delta = &release->deltas[release->delta_count++];
    *delta = (struct release_delta){.state = encrypted ? RELEASE_DELTA_SKIPPED : RELEASE_DELTA_QUEUED};
    memcpy(delta->base_version, base->version, sizeof delta->base_version);
    if (encrypted)
        text_copy(delta->why, sizeof delta->why, release->encrypted ? "the package is encrypted" : "the base's package is encrypted");
}

void release_want_deltas(struct release *release, const struct release *others, size_t count, unsigned from)
{
    const char *below = "";
    for (unsigned i = 0; i < from && release->delta_count < RELEASE_DELTAS_MAX; i++) {
        const struct release *base = base_below(release, others, count, below);
        if (!base)
            return;
        below = base->version;
        if (!release_delta(release, base->version))
            want(release, base);
    }
}
