/* Proves a head, in the documented order: signatures, announced digest, model and hardware, version, expiry. Nothing is remembered
 * between two packages: what was refused a minute ago is judged afresh. */
#include <string.h>

#include "firmware/package_head.h"
#include "firmware/permit.h"

/* The clock of a device may stand at 1970; it is not believed below what the device has reason to know. 0: times are not checked. */
static int64_t time_of(const struct package_policy *policy)
{
    return policy->now_ms > policy->floor_ms ? policy->now_ms : policy->floor_ms;
}

static enum error_code signatures_check(const struct package_head *head, const struct trust *trust, int64_t now_ms, struct problem *ret_problem)
{
    enum error_code code = trust_check(trust, TRUST_PACKAGE, head->manifest_bytes, head->manifest_length, head->signatures, head->signature_count, now_ms, ret_problem);

    if (!code && head->has_delta)
        code = trust_check(trust, TRUST_DELTA, head->delta_bytes, head->delta_length, head->delta_signatures, head->delta_signature_count, now_ms, ret_problem);
    return code;
}

static bool hw_rev_fits(const struct manifest *manifest, const char *hw_rev)
{
    for (unsigned i = 0; i < manifest->hw_rev_count; i++)
        if (strcmp(manifest->hw_revs[i], hw_rev) == 0)
            return true;
    return manifest->hw_rev_count == 0;
}

static enum error_code target_check(const struct package_head *head, const struct package_policy *policy, struct problem *ret_problem)
{
    const struct manifest *manifest = &head->manifest;

    if (policy->manifest_sha256 && memcmp(policy->manifest_sha256, head->manifest_sha256, SHA256_BYTES) != 0)
        return package_refuse(ret_problem, E_SHA256, "manifest", "it is not the announced one");
    if (policy->model && strcmp(policy->model, manifest->model) != 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "device_model", "for '%s'; this is '%s'", manifest->model, policy->model);
    if (policy->hw_rev && !hw_rev_fits(manifest, policy->hw_rev))
        return package_refuse(ret_problem, E_INCOMPATIBLE, "hw_revs", "hardware revision '%s' is not among them", policy->hw_rev);
    return E_NONE;
}

/* What the permit says, or why it does not help; whatever is wrong with it, going back stays E_DOWNGRADE. */
static enum error_code permit_check(const struct manifest *manifest, const struct package_policy *policy, const struct trust *trust, int64_t now_ms,
                                    struct problem *ret_problem)
{
    struct permit_use use = {manifest->model, policy->current_version, manifest->version, policy->device_id, policy->rollout};
    struct problem problem;
    struct permit permit;
    enum error_code code;

    if (now_ms == 0)
        return package_refuse(ret_problem, E_DOWNGRADE, "permit", "it expires, and what time it is was not said");
    code = permit_read(policy->permit, policy->permit_length, trust, now_ms, &permit, &problem);
    if (!code)
        code = permit_allows(&permit, &use, &problem);
    if (!code)
        return E_NONE;
    return package_refuse(ret_problem, code == E_INTERNAL ? code : E_DOWNGRADE, "permit", "%s: %s", problem.where, problem.what);
}

static enum error_code version_check(const struct package_head *head, const struct package_policy *policy, const struct trust *trust, int64_t now_ms,
                                     struct problem *ret_problem)
{
    const struct manifest *manifest = &head->manifest;
    bool is_older = policy->current_version && semver_compare(manifest->version, policy->current_version) < 0;

    if (policy->current_version && manifest->min_version[0] && semver_compare(policy->current_version, manifest->min_version) < 0)
        return package_refuse(ret_problem, E_INCOMPATIBLE, "min_version", "needs %s; %s runs", manifest->min_version, policy->current_version);
    if (!is_older && manifest->release_counter >= policy->release_counter_min)
        return E_NONE;
    if (policy->permit && trust)
        return permit_check(manifest, policy, trust, now_ms, ret_problem);
    if (is_older)
        return package_refuse(ret_problem, E_DOWNGRADE, "version", "%s is older than %s, and there is no permit", manifest->version, policy->current_version);
    return package_refuse(ret_problem, E_DOWNGRADE, "release_counter", "%lld is below %lld, and there is no permit", (long long)manifest->release_counter,
                          (long long)policy->release_counter_min);
}

/* A delta for another version than what runs is refused before it is downloaded; that the images fit is proved by their digests. */
static enum error_code base_check(const struct package_head *head, const struct package_policy *policy, struct problem *ret_problem)
{
    if (!head->has_delta || !policy->current_version || semver_compare(head->delta.base_version, policy->current_version) == 0)
        return E_NONE;
    return package_refuse(ret_problem, E_DELTA_BASE, "base_version", "made from %s; %s runs", head->delta.base_version, policy->current_version);
}

static enum error_code head_check(const struct package_head *head, const struct package_policy *policy, const struct trust *trust, struct problem *ret_problem)
{
    int64_t now_ms = time_of(policy);
    enum error_code code = trust ? signatures_check(head, trust, now_ms, ret_problem) : E_NONE;

    if (!code)
        code = target_check(head, policy, ret_problem);
    if (!code)
        code = version_check(head, policy, trust, now_ms, ret_problem);
    if (!code && now_ms && head->manifest.expires_ms && now_ms >= head->manifest.expires_ms)
        code = package_refuse(ret_problem, E_EXPIRED, "expires_at", "it has passed");
    return code ? code : base_check(head, policy, ret_problem);
}

enum error_code package_head_check(const struct package_head *head, const struct package_policy *policy, struct trust *ret_trust, bool *ret_trust_new,
                                   struct problem *ret_problem)
{
    const struct trust *trust = policy->trust;
    struct trust newer;
    enum error_code code = E_NONE;
    bool is_new = false;

    if (trust && ret_trust && head->trust_bytes) {
        code = trust_update(trust, head->trust_bytes, head->trust_length, time_of(policy), &newer, ret_problem);
        is_new = code == E_NONE;
        if (code != E_NONE && code != E_EXPIRED) /* E_EXPIRED: we have that one, or a newer one */
            return code;
    }
    code = head_check(head, policy, is_new ? &newer : trust, ret_problem);
    if (is_new && code)
        trust_done(&newer);
    else if (is_new)
        *ret_trust = newer;
    if (ret_trust_new)
        *ret_trust_new = is_new && !code;
    return code;
}
