/* What keeps a release from being offered, each with its words. */
#include "orchestrator/core/release.h"

#include <string.h>

#include "orchestrator/core/policy.h"

static const char *const delta_state_names[RELEASE_DELTA_STATE_COUNT] = {
    [RELEASE_DELTA_GIVEN] = "given",         [RELEASE_DELTA_DERIVED] = "derived", [RELEASE_DELTA_QUEUED] = "queued",
    [RELEASE_DELTA_RUNNING] = "running",     [RELEASE_DELTA_NOT_WORTH] = "not_worth", [RELEASE_DELTA_SKIPPED] = "skipped",
    [RELEASE_DELTA_FAILED] = "failed",
};

const char *release_delta_state_name(enum release_delta_state state)
{
    return (unsigned)state < RELEASE_DELTA_STATE_COUNT ? delta_state_names[state] : "unknown";
}

bool release_delta_state_read(const char *name, enum release_delta_state *ret_state)
{
    for (int i = 0; i < RELEASE_DELTA_STATE_COUNT; i++) {
        if (!strcmp(name, delta_state_names[i])) {
            *ret_state = (enum release_delta_state)i;
            return true;
        }
    }
    return false;
}

const char *release_flaw(const struct release *release)
{
    if (!release->manifest_sha256[0])
        return "its release was made before packages were verified";
    if (release->refused[0])
        return "its release does not verify any more";
    return NULL;
}

bool release_is_proved(const struct release *release, int64_t trust_version, const char *trust_sha256)
{
    return release->trust_version > trust_version ||
           (release->trust_version == trust_version && !strcmp(release->trust_sha256, trust_sha256));
}

const char *release_refusal(const struct policy *policy, const struct release *release, int64_t now_ms)
{
    const char *flaw = release_flaw(release);
    if (flaw)
        return flaw;
    if (policy->trust_version == TRUST_VERSION_NONE)
        return "no trust store is configured: release.trust";
    if (!release_is_proved(release, policy->trust_version, policy->trust_sha256))
        return "its release is being verified against another trust store";
    if (release->expires_ms && now_ms >= release->expires_ms)
        return "its release has expired";
    return NULL;
}

static bool list_has(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == length && !strncmp(at, word, length))
            return true;
    return false;
}

const char *release_device_refusal(const struct release *release, const char *hw_rev, const char *version)
{
    if (release->hw_revs[0] && !hw_rev[0])
        return "the release is for certain hardware, and it does not say its own";
    if (release->hw_revs[0] && !list_has(release->hw_revs, hw_rev))
        return "the release is not for its hardware";
    if (release->min_version[0] && semver_compare(version, release->min_version) < 0)
        return "it runs a version from which the release cannot be reached";
    return NULL;
}

bool release_delta_is_open(const struct release_delta *delta)
{
    return delta->state == RELEASE_DELTA_QUEUED || delta->state == RELEASE_DELTA_RUNNING;
}

bool release_delta_is_kept(const struct release_delta *delta)
{
    return delta->state == RELEASE_DELTA_GIVEN || delta->state == RELEASE_DELTA_DERIVED;
}

const struct release_delta *release_delta(const struct release *release, const char *base_version)
{
    for (unsigned i = 0; i < release->delta_count && i < RELEASE_DELTAS_MAX; i++)
        if (!strcmp(release->deltas[i].base_version, base_version))
            return &release->deltas[i];
    return NULL;
}
