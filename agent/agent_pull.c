/* Notices, and mode pull: after a notice and a random wait the device asks the depot what there is for it, and takes the answer for its command. A passing
 * failure is asked about again with backoff; a permanent one not before the next notice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_inside.h"
#include "agent/device_facts.h"
#include "common/backoff.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"

#define ASK_TIMEOUT_MS 30000L
#define AGAIN_BASE_MS 30000
#define AGAIN_CAP_MS 3600000
#define AGAIN_MAX 10
#define QUERY_SIZE (URL_SIZE + 3 * (ID_SIZE + VERSION_SIZE + ID_SIZE))

struct pull {
    bool has_notice;                 /* one came in this run */
    char url[URL_SIZE];              /* of /firmware/latest */
    int64_t due_mono_ms;             /* NEVER: nothing is to be asked */
    unsigned tries;
    CURL *easy;                      /* the question under way; NULL: none */
    struct curl_slist *headers;
    struct buffer body;
};

struct pull *pull_new(void)
{
    struct pull *pull = calloc(1, sizeof *pull);

    if (pull) {
        pull->due_mono_ms = NEVER;
        buffer_init(&pull->body, MESSAGE_SIZE);
    }
    return pull;
}

void pull_free(struct pull *pull)
{
    if (!pull)
        return;
    buffer_done(&pull->body);
    free(pull);
}

void agent_pull_drop(struct agent *agent)
{
    struct pull *pull = agent->pull;

    if (!pull->easy)
        return;
    curl_multi_remove_handle(agent->multi, pull->easy);
    curl_easy_cleanup(pull->easy);
    curl_slist_free_all(pull->headers);
    pull->easy = NULL;
    pull->headers = NULL;
}

/* --- notices --- */

/* False, and said why: not for this device, over, or old news. The newest epoch is remembered for ever. */
static bool notice_counts(struct agent *agent, const struct notice *notice)
{
    const char *why = NULL;
    bool repeated = notice->epoch == agent->memory.notice_epoch && !agent->pull->has_notice;

    if (strcmp(notice->model, agent->settings->device_model) != 0)
        why = "for another model";
    else if (notice->epoch <= agent->memory.notice_epoch && !repeated)
        why = "its epoch is not newer";
    else if (notice->expires_ms > 0 && notice->expires_ms < (agent->unix_ms > agent->memory.floor_ms ? agent->unix_ms : agent->memory.floor_ms))
        why = "it has expired";
    if (why)
        log_event(LOG_INFO, "notice_ignored", LOG_TEXT("why", why), LOG_TEXT("rollout", notice->rollout), LOG_NUMBER("epoch", notice->epoch));
    return !why;
}

void agent_notice(struct agent *agent, const struct notice *notice)
{
    struct device_memory memory = agent->memory;
    struct pull *pull = agent->pull;
    struct problem problem;

    if (!notice_counts(agent, notice))
        return;
    enum log_level level = notice->epoch > memory.notice_epoch ? LOG_INFO : LOG_DEBUG; /* the broker keeps it: it comes with every connection */
    memory.notice_epoch = notice->epoch;
    if (upgrade_log_write(agent->log, &agent->record, &memory, &problem) != DROVER_OK) {
        log_event(LOG_WARN, "notice_not_remembered", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
        return;
    }
    agent->memory = memory;
    pull->has_notice = true;
    log_event(level, "notice", LOG_TEXT("rollout", notice->rollout), LOG_TEXT("version", notice->version), LOG_NUMBER("epoch", notice->epoch));
    if (agent->settings->mode != MODE_PULL)
        return;
    (void)text_copy(pull->url, sizeof pull->url, notice->url);
    pull->tries = 0;
    pull->due_mono_ms = agent->mono_ms + (notice->spread_s > 0 ? (int64_t)(clock_random() % (uint64_t)(notice->spread_s * 1000)) : 0);
}

/* --- the question --- */

static void ask_again(struct agent *agent)
{
    struct pull *pull = agent->pull;

    pull->due_mono_ms = pull->tries >= AGAIN_MAX ? NEVER : agent->mono_ms + backoff_full_jitter_ms(AGAIN_BASE_MS, AGAIN_CAP_MS, pull->tries, clock_random());
    pull->tries++;
}

static size_t body_came(char *bytes, size_t size, size_t count, void *arg)
{
    struct buffer *body = arg;

    buffer_add(body, bytes, size * count);
    return body->failed ? 0 : size * count;
}

static bool url_make(const struct agent *agent, CURL *easy, char ret[QUERY_SIZE])
{
    const struct agent_settings *settings = agent->settings;
    char *version = curl_easy_escape(easy, agent->version, 0);
    int length = snprintf(ret, QUERY_SIZE, "%s%cdevice_model=%s&current_version=%s&device_id=%s", agent->pull->url,
                          strchr(agent->pull->url, '?') ? '&' : '?', settings->device_model, version ? version : "", settings->device_id);
    bool made = version && length > 0 && length < QUERY_SIZE;

    curl_free(version);
    return made;
}

static void token_add(struct agent *agent, struct pull *pull)
{
    char header[sizeof agent->token + 32];
    struct problem problem;

    if (!agent->settings->depot_token_file[0])
        return;
    if (device_line_read(agent->settings->depot_token_file, agent->token, sizeof agent->token, &problem) != DROVER_OK) {
        log_event(LOG_WARN, "token_unreadable", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
        return;
    }
    (void)snprintf(header, sizeof header, "Authorization: Bearer %s", agent->token);
    pull->headers = curl_slist_append(NULL, header);
    explicit_bzero(header, sizeof header);
    curl_easy_setopt(pull->easy, CURLOPT_HTTPHEADER, pull->headers);
}

static void tls_set(const struct agent_settings *settings, CURL *easy)
{
    if (settings->tls_ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->tls_ca_file);
    if (settings->tls_certificate_file[0]) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, settings->tls_certificate_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, settings->tls_key_file);
    }
}

static void ask(struct agent *agent)
{
    struct pull *pull = agent->pull;
    char url[QUERY_SIZE];

    pull->due_mono_ms = NEVER;
    pull->easy = curl_easy_init();
    if (!pull->easy || !url_make(agent, pull->easy, url)) {
        curl_easy_cleanup(pull->easy);
        pull->easy = NULL;
        ask_again(agent);
        return;
    }
    buffer_clear(&pull->body);
    curl_easy_setopt(pull->easy, CURLOPT_URL, url);
    curl_easy_setopt(pull->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(pull->easy, CURLOPT_TIMEOUT_MS, ASK_TIMEOUT_MS);
    curl_easy_setopt(pull->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(pull->easy, CURLOPT_WRITEFUNCTION, body_came);
    curl_easy_setopt(pull->easy, CURLOPT_WRITEDATA, &pull->body);
    tls_set(agent->settings, pull->easy);
    token_add(agent, pull);
    curl_multi_add_handle(agent->multi, pull->easy);
}

/* --- the answer --- */

static enum drover_error member_text(struct json_flat *flat, const char *name, char *ret, size_t size, struct problem *ret_problem)
{
    const struct json_member *member = json_flat_find(flat, name);

    return member ? json_member_text(member, name, ret, size, ret_problem) : problem_set(ret_problem, DROVER_MISSING, name, "is missing");
}

/* The offer becomes a command, which its own reader then checks like any other. */
static enum drover_error offer_read(const struct buffer *body, struct command *ret_command, struct problem *ret_problem)
{
    struct command offer = {.kind = COMMAND_UPDATE, .attempt = 1, .upgrade_id = CORE_PULL_ID};
    const struct json_member *size, *delta;
    struct json_flat flat;
    struct buffer text;
    enum drover_error error = json_flat_read(body->bytes, body->length, &json_message_limits, &flat, ret_problem);

    if (error)
        return error;
    error = member_text(&flat, "version", offer.version, sizeof offer.version, ret_problem);
    error = error ? error : member_text(&flat, "url", offer.url, sizeof offer.url, ret_problem);
    error = error ? error : member_text(&flat, "sha256", offer.sha256, sizeof offer.sha256, ret_problem);
    if (!error && (size = json_flat_find(&flat, "size")))
        error = json_member_i64(size, "size", 1, (int64_t)1 << 53, &offer.size_bytes, ret_problem);
    if (!error && (delta = json_flat_find(&flat, "delta")))
        error = json_member_bool(delta, "delta", &offer.delta, ret_problem);
    if (!error && offer.delta)
        error = member_text(&flat, "base_version", offer.base_version, sizeof offer.base_version, ret_problem);
    if (error)
        return error;
    if (json_flat_find(&flat, "rollout"))
        (void)member_text(&flat, "rollout", offer.rollout, sizeof offer.rollout, NULL);
    buffer_init(&text, MESSAGE_SIZE);
    command_write(&offer, &text);
    error = text.failed ? problem_set(ret_problem, DROVER_TOO_LONG, "offer", "does not fit into a command") : command_read(text.bytes, text.length, ret_command, ret_problem);
    buffer_done(&text);
    return error;
}

/* What was refused for good is not fetched again, and what ran and did not stay is not tried again, however it travels; but another rollout is another word. */
static bool was_refused(const struct agent *agent, const struct command *offer)
{
    const struct upgrade_record *record = &agent->record;

    if (strcmp(record->command.rollout, offer->rollout) != 0)
        return false;
    return core_is_rolled_back(record) ? strcmp(record->command.version, offer->version) == 0
                                       : strcmp(record->command.sha256, offer->sha256) == 0 && error_code_class(record->error) == CLASS_PERMANENT;
}

static void offer_take(struct agent *agent)
{
    struct situation s = agent_situation(agent);
    struct decision decision;
    struct problem problem = {.what = ""};
    struct command offer;

    if (offer_read(&agent->pull->body, &offer, &problem) != DROVER_OK) {
        log_event(LOG_WARN, "offer_bad", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
        ask_again(agent);
    } else if (was_refused(agent, &offer)) {
        log_event(LOG_INFO, "offer_refused_before", LOG_TEXT("version", offer.version), LOG_TEXT("error", error_code_name(agent->record.error)));
    } else {
        core_command(&s, &offer, &decision);
        (void)agent_take(agent, &decision);
        ask_again(agent); /* looked at again when the device is idle: after a passing failure there is another try */
    }
}

static void answered(struct agent *agent, CURLcode code)
{
    struct pull *pull = agent->pull;
    long status = 0;

    curl_easy_getinfo(pull->easy, CURLINFO_RESPONSE_CODE, &status);
    agent_pull_drop(agent);
    if (code == CURLE_OK && status == 200) {
        offer_take(agent);
    } else if (code == CURLE_OK && status == 304) {
        log_event(LOG_INFO, "nothing_on_offer", LOG_TEXT("version", agent->version));
    } else {
        log_event(LOG_WARN, "depot_failed", LOG_NUMBER("status", status), LOG_TEXT("why", code == CURLE_OK ? "" : curl_easy_strerror(code)));
        ask_again(agent);
    }
}

void agent_pull_step(struct agent *agent)
{
    struct pull *pull = agent->pull;
    CURLMsg *message;
    int left;

    while (pull->easy && (message = curl_multi_info_read(agent->multi, &left)))
        if (message->msg == CURLMSG_DONE && message->easy_handle == pull->easy)
            answered(agent, message->data.result);
    if (!pull->easy && agent->record.state == AGENT_IDLE && pull->due_mono_ms <= agent->mono_ms)
        ask(agent);
}

int64_t agent_pull_wake(const struct agent *agent)
{
    return agent->record.state == AGENT_IDLE ? agent->pull->due_mono_ms : NEVER;
}
