/* One verdict a package. It is fetched without the query that would count as a device's download. */
#include "sim/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "firmware/package_reader.h"

/* A device that waits for the verdict; owns copies. */
struct waiter {
    struct waiter *next;
    struct command order;
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    judged *done;
    void *arg;
};

struct verdict {
    struct verdict *next;
    struct judge *judge;
    char sha256[SHA256_HEX_SIZE];
    struct download *download;       /* while it is fetched */
    struct package_reader *reader;   /* likewise */
    bool known;
    enum error_code code;            /* E_NONE: it verifies */
    struct problem problem;
    char model[ID_SIZE];
    char version[VERSION_SIZE];
    char min_version[VERSION_SIZE];
    char manifest_sha256[SHA256_HEX_SIZE];
    bool delta;
    char base_version[VERSION_SIZE];
    struct waiter *waiters;
};

struct judge {
    struct http *http;
    struct event_base *base;
    struct trust trust;
    struct verdict *verdicts;
    struct download_totals totals;
};

struct judge *judge_new(struct http *http, struct event_base *base, const char *path, struct problem *ret_problem)
{
    struct judge *judge = calloc(1, sizeof *judge);

    if (!judge) {
        (void)problem_set(ret_problem, DROVER_MEMORY, "trust", "out of memory");
        return NULL;
    }
    judge->http = http;
    judge->base = base;
    if (trust_read_file(path, &judge->trust, ret_problem)) {
        free(judge);
        return NULL;
    }
    return judge;
}

static void verdict_free(struct verdict *verdict)
{
    struct waiter *next;

    (void)download_cancel(verdict->download);
    package_reader_free(verdict->reader);
    for (struct waiter *waiter = verdict->waiters; waiter; waiter = next) {
        next = waiter->next;
        free(waiter);
    }
    free(verdict);
}

void judge_free(struct judge *judge)
{
    struct verdict *next;

    if (!judge)
        return;
    for (struct verdict *verdict = judge->verdicts; verdict; verdict = next) {
        next = verdict->next;
        verdict_free(verdict);
    }
    trust_done(&judge->trust);
    free(judge);
}

/* --- what a package is --- */

static enum error_code facts_take(void *arg, const struct package_head *head, struct problem *ret_problem)
{
    struct verdict *verdict = arg;

    (void)ret_problem;
    (void)text_copy(verdict->model, sizeof verdict->model, head->manifest.model);
    (void)text_copy(verdict->version, sizeof verdict->version, head->manifest.version);
    (void)text_copy(verdict->min_version, sizeof verdict->min_version, head->manifest.min_version);
    text_hex(verdict->manifest_sha256, head->manifest_sha256, SHA256_BYTES);
    verdict->delta = head->has_delta;
    if (head->has_delta)
        (void)text_copy(verdict->base_version, sizeof verdict->base_version, head->delta.base_version);
    return E_NONE;
}

static enum error_code bytes_pass(void *arg, unsigned component, const void *bytes, size_t length, struct problem *ret_problem)
{
    (void)arg, (void)component, (void)bytes, (void)length, (void)ret_problem;
    return E_NONE;
}

static struct package_reader *reader_new(struct verdict *verdict)
{
    const struct package_policy policy = {.trust = &verdict->judge->trust, .now_ms = clock_unix_ms()};
    const struct package_sink sink = {.proved = facts_take, .data = bytes_pass, .arg = verdict};

    return package_reader_new(&policy, NULL, &sink);
}

static enum error_code refuse(struct problem *ret_problem, enum error_code code, const char *where, const char *what)
{
    return package_refuse(ret_problem, code, where, "%s", what);
}

/* What a device checks of a package that verifies: is it the one it was told of, is it for it? In the order of the format's document. */
static enum error_code order_check(const struct verdict *verdict, const struct waiter *device, struct problem *ret_problem)
{
    const struct command *order = &device->order;

    if (order->manifest_sha256[0] && strcmp(order->manifest_sha256, verdict->manifest_sha256) != 0)
        return refuse(ret_problem, E_SHA256, "manifest", "it is not the announced one");
    if (strcmp(verdict->model, device->model) != 0)
        return refuse(ret_problem, E_INCOMPATIBLE, "device_model", "the package is for another model");
    if (strcmp(verdict->version, order->version) != 0)
        return refuse(ret_problem, E_INCOMPATIBLE, "version", "the package holds another version than announced");
    if (verdict->min_version[0] && semver_compare(device->version, verdict->min_version) < 0)
        return refuse(ret_problem, E_INCOMPATIBLE, "min_version", "what runs is too old");
    if (order->delta != verdict->delta)
        return refuse(ret_problem, E_INCOMPATIBLE, "delta", "announced was the other kind of package");
    if (verdict->delta && strcmp(verdict->base_version, device->version) != 0)
        return refuse(ret_problem, E_DELTA_BASE, "base_version", "the delta was made from another version");
    return E_NONE;
}

/* --- fetching --- */

static void verdict_tell(const struct verdict *verdict, const struct waiter *waiter)
{
    struct problem problem = verdict->problem;
    enum error_code code = verdict->code ? verdict->code : order_check(verdict, waiter, &problem);
    char text[REPORT_TEXT_SIZE] = "";

    if (code)
        (void)snprintf(text, sizeof text, "%.*s: %.*s", (int)sizeof problem.where, problem.where, (int)(sizeof text - sizeof problem.where) - 3, problem.what);
    waiter->done(waiter->arg, code, text);
}

/* Whoever is told may ask anew. */
static void verdict_reach(struct verdict *verdict, enum error_code code)
{
    struct waiter *waiters = verdict->waiters, *next;

    verdict->code = code;
    verdict->known = code != E_DOWNLOAD_HTTP; /* what could not be fetched is fetched for the next one */
    verdict->waiters = NULL;
    package_reader_free(verdict->reader);
    verdict->reader = NULL;
    for (; waiters; waiters = next) {
        next = waiters->next;
        verdict_tell(verdict, waiters);
        free(waiters);
    }
}

static void package_bytes(void *arg, int64_t offset, const void *bytes, size_t length)
{
    struct verdict *verdict = arg;

    if (offset == 0) {
        package_reader_free(verdict->reader);
        verdict->reader = reader_new(verdict);
        verdict->code = E_NONE;
    }
    if (verdict->reader && !verdict->code)
        verdict->code = package_reader_feed(verdict->reader, bytes, length, &verdict->problem);
}

static void package_progress(void *arg, unsigned percent)
{
    (void)arg, (void)percent;
}

static void package_done(void *arg, enum download_result result, int64_t bytes)
{
    struct verdict *verdict = arg;
    enum error_code code = verdict->code;

    (void)bytes;
    verdict->download = NULL;
    if (result != DOWNLOAD_OK || !verdict->reader)
        code = refuse(&verdict->problem, E_DOWNLOAD_HTTP, "package", "it could not be fetched to be verified");
    else if (!code)
        code = package_reader_end(verdict->reader, &verdict->problem);
    verdict_reach(verdict, code);
}

static void verdict_fetch(struct verdict *verdict, const struct command *order, const char *device)
{
    static const struct download_handler handler = {.progress = package_progress, .done = package_done, .bytes = package_bytes};
    char url[URL_SIZE];
    const struct download_request request = {.url = url, .device = device, .size_bytes = order->size_bytes, .sha256 = order->sha256};

    (void)text_copy_n(url, sizeof url, order->url, strcspn(order->url, "?"));
    verdict->download = download_start(verdict->judge->http, verdict->judge->base, &request, &handler, verdict, &verdict->judge->totals);
}

static struct verdict *verdict_find(struct judge *judge, const char *sha256)
{
    struct verdict *verdict = judge->verdicts;

    while (verdict && strcmp(verdict->sha256, sha256) != 0)
        verdict = verdict->next;
    return verdict;
}

static struct verdict *verdict_of(struct judge *judge, const struct command *order, const char *device)
{
    struct verdict *verdict = verdict_find(judge, order->sha256);

    if (!verdict && (verdict = calloc(1, sizeof *verdict))) {
        verdict->judge = judge;
        memcpy(verdict->sha256, order->sha256, sizeof verdict->sha256);
        verdict->next = judge->verdicts;
        judge->verdicts = verdict;
    }
    if (verdict && !verdict->known && !verdict->download)
        verdict_fetch(verdict, order, device);
    return verdict;
}

void judge_prepare(struct judge *judge, const struct command *order, const char *device)
{
    (void)verdict_of(judge, order, device);
}

void judge_ask(struct judge *judge, const struct command *order, const struct judge_device *device, judged *done, void *arg)
{
    struct verdict *verdict = verdict_of(judge, order, device->id);
    struct waiter *waiter = verdict && (verdict->known || verdict->download) ? calloc(1, sizeof *waiter) : NULL;

    if (!waiter) {
        done(arg, E_INTERNAL, "no memory to verify the package");
        return;
    }
    *waiter = (struct waiter){.next = verdict->waiters, .order = *order, .done = done, .arg = arg};
    (void)text_copy(waiter->model, sizeof waiter->model, device->model);
    (void)text_copy(waiter->version, sizeof waiter->version, device->version);
    if (!verdict->known) {
        verdict->waiters = waiter;
        return;
    }
    verdict_tell(verdict, waiter);
    free(waiter);
}

void judge_forget(struct judge *judge, void *arg)
{
    for (struct verdict *verdict = judge->verdicts; verdict; verdict = verdict->next) {
        struct waiter **at = &verdict->waiters;

        while (*at) {
            struct waiter *waiter = *at;

            if (waiter->arg != arg) {
                at = &waiter->next;
                continue;
            }
            *at = waiter->next;
            free(waiter);
        }
    }
}
