/* A simple device: listens for notices, waits a random while, asks /firmware/latest, and does what the answer says. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "common/backoff.h"
#include "common/json.h"
#include "sim/device.h"

#define TRIES_MAX 8
#define RETRY_CAP_MS 60000
#define RETRY_AFTER_MAX_S 300

/* Is there something to ask for? Not when it runs the version, went back from it, or the offer has ended. */
static bool offer_stands(const struct device *device)
{
    const struct notice *notice = device->notice;
    int64_t now_ms = device->plan->world.unix_ms(device->plan->world.arg);

    return notice && strcmp(notice->version, device_version(device)) != 0 && strcmp(notice->version, device->shunned) != 0 &&
           (notice->expires_ms == 0 || notice->expires_ms > now_ms);
}

static int64_t within(struct device *device, int64_t wait_ms)
{
    return 1 + (int64_t)(device_random(device) % (uint64_t)(wait_ms + 1));
}

void device_look_at_notice(struct device *device)
{
    bool free_for_it = device->phase == PHASE_IDLE || device->phase == PHASE_WAITING;

    if (free_for_it && offer_stands(device))
        device_enter(device, PHASE_WAITING, within(device, device->notice->spread_s * 1000));
    else if (device->phase == PHASE_WAITING)
        device_enter(device, PHASE_IDLE, -1);
}

static void clear_notice(struct device *device)
{
    free(device->notice);
    device->notice = NULL;
    device_look_at_notice(device);
}

/* Old notices come again (they are retained, and sessions repeat them); one for another model is none of its business. */
void device_notice(struct device *device, const char *bytes, size_t length)
{
    struct notice *notice;
    struct problem problem;

    device->notices++;
    if (length == 0) {
        clear_notice(device);
        return;
    }
    notice = malloc(sizeof *notice);
    if (!notice || notice_read(bytes, length, notice, &problem) != DROVER_OK || strcmp(notice->model, device->model) != 0) {
        device->commands_bad++;
        free(notice);
        return;
    }
    if (device->notice && strcmp(device->notice->rollout, notice->rollout) == 0 && notice->epoch <= device->notice->epoch) {
        free(notice);
        return;
    }
    free(device->notice);
    device->notice = notice;
    device->tries = 0;
    device_look_at_notice(device);
}

/* Later, while the offer stands: its turn may not have come yet. */
static void ask_later(struct device *device)
{
    device->tries = 0;
    if (offer_stands(device))
        device_enter(device, PHASE_WAITING, device_jitter_ms(device, device->plan->poll_ms));
    else
        device_enter(device, PHASE_IDLE, -1);
}

void device_ask_again(struct device *device, int64_t retry_after_s)
{
    int64_t least_ms = (retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S) * 1000;
    int64_t base_ms = device->plan->step_ms + 1;

    if (device->tries >= TRIES_MAX || !offer_stands(device)) {
        ask_later(device);
        return;
    }
    device_enter(device, PHASE_WAITING,
                 least_ms + backoff_full_jitter_ms(base_ms, RETRY_CAP_MS, device->tries, device_random(device)));
    device->tries++;
}

static enum drover_error offer_read(const char *body, size_t length, struct command *ret_order, struct problem *ret_problem)
{
    struct command order = {.kind = COMMAND_UPDATE, .attempt = 1};
    char version[VERSION_SIZE];
    struct cJSON *object = NULL;
    enum drover_error error = json_parse(body, length, &json_message_limits, &object, ret_problem);

    if (error)
        return error;
    if ((error = json_get_text(object, "version", true, version, sizeof version, ret_problem)) == DROVER_OK &&
        (error = semver_read(version, strlen(version), order.version, ret_problem)) == DROVER_OK &&
        (error = json_get_text(object, "url", true, order.url, sizeof order.url, ret_problem)) == DROVER_OK &&
        (error = json_get_text(object, "sha256", true, order.sha256, sizeof order.sha256, ret_problem)) == DROVER_OK &&
        (error = json_get_i64(object, "size", true, 1, INT64_C(1) << 40, &order.size_bytes, ret_problem)) == DROVER_OK &&
        (error = json_get_i64(object, "attempt", false, 0, 1000, &order.attempt, ret_problem)) == DROVER_OK &&
        (error = json_get_text(object, "upgrade_id", false, order.upgrade_id, sizeof order.upgrade_id, ret_problem)) == DROVER_OK)
        *ret_order = order;
    cJSON_Delete(object);
    return error;
}

static void take_offer(struct device *device, const char *body, size_t length)
{
    struct problem problem;

    if (offer_read(body, length, &device->order, &problem) != DROVER_OK) {
        device->commands_bad++;
        device_ask_again(device, 0);
        return;
    }
    if (strcmp(device->order.version, device_version(device)) == 0 || strcmp(device->order.version, device->shunned) == 0) {
        ask_later(device);
        return;
    }
    device_behave(device);
    device->settled = false;
    device->attempts++;
    if (device->order.attempt > device->attempt_max)
        device->attempt_max = device->order.attempt;
    device_begin(device);
}

void device_answered(struct device *device, int status, const char *body, size_t length, int64_t retry_after_s)
{
    if (device->phase != PHASE_ASKING)
        return;
    if (status == 200)
        take_offer(device, body, length);
    else if (status == 0 || status == 429 || status >= 500)
        device_ask_again(device, retry_after_s);
    else
        ask_later(device);
}
