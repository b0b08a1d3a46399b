/* libcurl's easy interface on the exporter's own thread: one batch at a time, one connection that is kept. Redirects are not followed, and the receiver's
 * answer is thrown away but for its beginning, which is said when it refuses. */
#include "orchestrator/edges/export_webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"
#include "orchestrator/edges/stream_worker.h"

#define BATCH_BYTES (256u << 10)
#define CONNECT_MS 5000
#define ANSWER_SAID 60             /* bytes of the answer that are said */

struct webhook {
    CURL *curl;
    char *url, *secret, *ca_file, *instance;   /* owned */
    int64_t timeout_ms;
    struct buffer body;
    char answer[ANSWER_SAID];
    size_t answered;
    char error[CURL_ERROR_SIZE];
    struct stream_worker *worker;              /* of the present try */
};

bool webhook_sign(const char *secret, const char *timestamp, const char *body, size_t length, char *ret)
{
    unsigned char digest[32];
    struct buffer signed_bytes;
    unsigned written = 0;
    bool made;

    buffer_init(&signed_bytes, 0);
    buffer_add_text(&signed_bytes, timestamp);
    buffer_add_text(&signed_bytes, ".");
    buffer_add(&signed_bytes, body, length);
    made = !signed_bytes.failed && HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)signed_bytes.bytes, signed_bytes.length, digest, &written) &&
           written == sizeof digest;
    buffer_done(&signed_bytes);
    if (!made)
        return false;
    memcpy(ret, "v1=", 3);
    text_hex(ret + 3, digest, sizeof digest);
    return true;
}

/* --- what is sent --- */

static void body_write(struct webhook *webhook, const char *delivery, const struct export_event *events, size_t count)
{
    struct json_writer writer;

    buffer_clear(&webhook->body);
    json_begin(&writer, &webhook->body);
    json_put_i64(&writer, "schema", 1);
    json_put_text(&writer, "delivery", delivery);
    json_put_text(&writer, "instance", webhook->instance);
    buffer_add_text(&webhook->body, ",\"events\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(&webhook->body, i ? "," : "");
        buffer_add(&webhook->body, events[i].json, events[i].json_length);
    }
    buffer_add_text(&webhook->body, "]");
    json_end(&writer);
}

static bool header_add(struct curl_slist **headers, const char *name, const char *value)
{
    char line[256];
    struct curl_slist *more;

    (void)snprintf(line, sizeof line, "%s: %s", name, value);
    more = curl_slist_append(*headers, line);
    *headers = more ? more : *headers;
    return more != NULL;
}

static bool headers_make(struct webhook *webhook, const char *delivery, struct curl_slist **headers)
{
    char timestamp[24], signature[WEBHOOK_SIGNATURE_SIZE];
    bool made;

    (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, clock_unix_ms() / 1000);
    made = header_add(headers, "Content-Type", "application/json") && header_add(headers, "Expect", "") && header_add(headers, "X-Drover-Delivery", delivery) &&
           header_add(headers, "X-Drover-Timestamp", timestamp);
    if (made && webhook->secret[0])
        made = webhook_sign(webhook->secret, timestamp, webhook->body.bytes, webhook->body.length, signature) && header_add(headers, "X-Drover-Signature", signature);
    return made;
}

/* --- what comes back --- */

static size_t answer_take(char *bytes, size_t size, size_t count, void *arg)
{
    struct webhook *webhook = arg;
    size_t length = size * count, room = sizeof webhook->answer - webhook->answered;

    memcpy(webhook->answer + webhook->answered, bytes, length < room ? length : room);
    webhook->answered += length < room ? length : room;
    return length;
}

static int stop_look(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct webhook *webhook = arg;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return stream_worker_is_stopping(webhook->worker);
}

/* What may go better another time: the receiver is away, overloaded, or in trouble of its own. */
static bool is_passing(long status)
{
    return status >= 500 || status == 408 || status == 425 || status == 429;
}

static enum export_verdict status_judge(struct webhook *webhook, long status, struct export_answer *answer)
{
    char said[ANSWER_SAID];
    curl_off_t retry_after_s = 0;

    if (status >= 200 && status < 300)
        return EXPORT_DELIVERED;
    (void)text_excerpt(said, sizeof said, webhook->answer, webhook->answered);
    (void)snprintf(answer->why, sizeof answer->why, "HTTP %ld%s%s", status, said[0] ? ": " : "", said);
    (void)curl_easy_getinfo(webhook->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    answer->retry_after_ms = retry_after_s > 0 && retry_after_s < 86400 ? (int64_t)retry_after_s * 1000 : 0;
    return is_passing(status) ? EXPORT_LATER : EXPORT_REFUSED;
}

/* --- one try --- */

static enum export_verdict later(struct export_answer *answer, const char *why)
{
    (void)text_excerpt(answer->why, sizeof answer->why, why, strlen(why));
    return EXPORT_LATER;
}

static enum export_verdict deliver(void *arg, struct stream_worker *worker, const struct export_event *events, size_t count, struct export_answer *answer)
{
    struct webhook *webhook = arg;
    char delivery[2 * sizeof events->event.id + 2];
    struct curl_slist *headers = NULL;
    long status = 0;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    (void)snprintf(delivery, sizeof delivery, "%s_%s", events[0].event.id, events[count - 1].event.id);
    body_write(webhook, delivery, events, count);
    webhook->worker = worker;
    webhook->answered = 0;
    webhook->error[0] = '\0';
    if (!webhook->body.failed && headers_make(webhook, delivery, &headers)) {
        (void)curl_easy_setopt(webhook->curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDS, webhook->body.bytes);
        (void)curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)webhook->body.length);
        code = curl_easy_perform(webhook->curl);
        (void)curl_easy_setopt(webhook->curl, CURLOPT_HTTPHEADER, NULL);
    }
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return later(answer, webhook->error[0] ? webhook->error : curl_easy_strerror(code));
    (void)curl_easy_getinfo(webhook->curl, CURLINFO_RESPONSE_CODE, &status);
    return status_judge(webhook, status, answer);
}

/* --- life --- */

static void webhook_done(void *arg)
{
    struct webhook *webhook = arg;

    if (!webhook)
        return;
    if (webhook->curl)
        curl_easy_cleanup(webhook->curl);
    if (webhook->secret)
        explicit_bzero(webhook->secret, strlen(webhook->secret));
    buffer_done(&webhook->body);
    free(webhook->url);
    free(webhook->secret);
    free(webhook->ca_file);
    free(webhook->instance);
    free(webhook);
}

static bool curl_prepare(struct webhook *webhook)
{
    CURL *curl = webhook->curl;
    bool good = curl_easy_setopt(curl, CURLOPT_URL, webhook->url) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)webhook->timeout_ms) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(webhook->timeout_ms < CONNECT_MS ? webhook->timeout_ms : CONNECT_MS)) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_USERAGENT, "drover/" DROVER_VERSION) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, webhook->error) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_take) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_WRITEDATA, webhook) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_look) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_XFERINFODATA, webhook) == CURLE_OK && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;

    return good && (!webhook->ca_file[0] || curl_easy_setopt(curl, CURLOPT_CAINFO, webhook->ca_file) == CURLE_OK);
}

enum drover_error webhook_new(const struct webhook_config *config, struct export_channel *ret_channel, struct problem *ret_problem)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);

    if (webhook) {
        buffer_init(&webhook->body, 0);
        webhook->url = strdup(config->url);
        webhook->secret = strdup(config->secret);
        webhook->ca_file = strdup(config->ca_file);
        webhook->instance = strdup(config->instance);
        webhook->timeout_ms = config->timeout_ms;
        webhook->curl = curl_easy_init();
    }
    if (!webhook || !webhook->url || !webhook->secret || !webhook->ca_file || !webhook->instance || !webhook->curl || !curl_prepare(webhook)) {
        webhook_done(webhook);
        return problem_set(ret_problem, DROVER_MEMORY, "webhook.url", "libcurl cannot be prepared for it");
    }
    *ret_channel = (struct export_channel){.name = "webhook", .batch_max = config->batch_max, .batch_bytes = BATCH_BYTES, .deliver = deliver, .done = webhook_done, .arg = webhook};
    return DROVER_OK;
}
