/* How a device carries out an update: download -> check -> install -> reboot -> ready, and where its behaviour steps in.
 * Reports are said by managed devices only; for simple ones device_say_report() does nothing. */
#include <string.h>

#include "sim/device.h"

#define LEAVE_MS 100            /* between the last report and the reboot */
#define REPORT_EVERY_PCT 25
#define FAULT_AT_PCT 50         /* download faults happen in the middle */

/* What a behaviour that fails says at each step. */
static const enum error_code transient_codes[STEP_COUNT] = {
    [STEP_DOWNLOAD] = E_DOWNLOAD_TIMEOUT, [STEP_SHA] = E_SHA256, [STEP_INSTALL] = E_INSTALL,
};
static const enum error_code permanent_codes[STEP_COUNT] = {
    [STEP_ACKNOWLEDGE] = E_INCOMPATIBLE, [STEP_SHA] = E_SIGNATURE,
};

static void rest(struct device *device)
{
    device->settled = true;
    device_enter(device, PHASE_IDLE, -1);
}

/* A simple device says nothing; it asks again, unless it has tried too often. */
void device_fail(struct device *device, enum error_code error, const char *text)
{
    device_stop(device);
    device->failures++;
    device_say_report(device, REPORT_FAILED, ABSENT, error, text);
    rest(device);
    if (device->kind == KIND_SIMPLE)
        device_ask_again(device, 0);
}

static bool refuses(struct device *device, enum report_state state, enum error_code error, const char *text)
{
    device_say_report(device, state, ABSENT, error, text);
    rest(device);
    return true;
}

bool device_takes_fault(struct device *device, enum step step)
{
    const struct behaviour *behaviour = &device->behaviour;

    if (step == STEP_ACKNOWLEDGE && behaviour->kind == BEHAVE_REJECT)
        return refuses(device, REPORT_REJECTED, E_REJECTED, "the owner does not want it");
    if (step == STEP_ACKNOWLEDGE && behaviour->kind == BEHAVE_BUSY && device->busy_answers < behaviour->number) {
        device->busy_answers++;
        return refuses(device, REPORT_FAILED, E_BUSY, "in use");
    }
    if (step != behaviour->step)
        return false;
    if (behaviour->kind == BEHAVE_SILENT && device->deaths == 0) {
        device_die(device);
        return true;
    }
    if (behaviour->kind == BEHAVE_TRANSIENT && device->failures < behaviour->number) {
        device_fail(device, transient_codes[step], "injected");
        return true;
    }
    if (behaviour->kind == BEHAVE_PERMANENT) {
        device_fail(device, permanent_codes[step], "injected");
        return true;
    }
    return false;
}

void device_stop(struct device *device)
{
    if (device->phase == PHASE_DOWNLOADING || device->phase == PHASE_ASKING)
        device->plan->world.download_cancel(device->plan->world.arg, device);
}

void device_begin(struct device *device)
{
    bool flaky = device->behaviour.kind == BEHAVE_FLAKY;

    device->downloads++;
    device->progress_said = 0;
    device_say_report(device, REPORT_DOWNLOADING, 0, E_NONE, "");
    device_enter(device, PHASE_DOWNLOADING, -1);
    device->plan->world.download(device->plan->world.arg, device, flaky ? (unsigned)device->behaviour.number : 0);
}

void device_progress(struct device *device, unsigned progress)
{
    if (device->phase != PHASE_DOWNLOADING)
        return;
    if (progress >= FAULT_AT_PCT && device_takes_fault(device, STEP_DOWNLOAD))
        return;
    if (progress < device->progress_said + REPORT_EVERY_PCT && (progress < 100 || device->progress_said == 100))
        return;
    device->progress_said = progress;
    device_say_report(device, REPORT_DOWNLOADING, progress, E_NONE, "");
}

static const struct {
    enum error_code error;
    const char *text;
} download_failures[] = {
    [DOWNLOAD_HTTP] = {E_DOWNLOAD_HTTP, "the depot did not give the package"},
    [DOWNLOAD_TIMEOUT] = {E_DOWNLOAD_TIMEOUT, "the download stalled"},
    [DOWNLOAD_SHA256] = {E_SHA256, "the bytes are not the ones announced"},
    [DOWNLOAD_SIZE] = {E_SHA256, "the package is longer or shorter than announced"},
};

/* In its maintenance window, if it was given one. */
static void begin_install(struct device *device)
{
    const struct command *order = &device->order;
    int64_t now_ms = device->plan->world.unix_ms(device->plan->world.arg);

    if (now_ms < order->install_after_ms) {
        device_enter(device, PHASE_HOLDING, order->install_after_ms - now_ms);
    } else if (order->install_before_ms > 0 && now_ms >= order->install_before_ms) {
        (void)refuses(device, REPORT_FAILED, E_BUSY, "its maintenance window has closed");
    } else {
        device_say_report(device, REPORT_INSTALLING, 0, E_NONE, "");
        device_enter(device, PHASE_INSTALLING, device_jitter_ms(device, device->plan->step_ms));
    }
}

void device_downloaded(struct device *device, enum download_result result)
{
    if (device->phase != PHASE_DOWNLOADING)
        return;
    if (result != DOWNLOAD_OK) {
        device_fail(device, download_failures[result].error, download_failures[result].text);
        return;
    }
    if (device_takes_fault(device, STEP_SHA))
        return;
    begin_install(device);
}

void device_refused(struct device *device, enum error_code error, const char *text)
{
    if (device->phase == PHASE_DOWNLOADING)
        device_fail(device, error, text);
}

static void count_installed(struct device *device, const char *version)
{
    unsigned i = 0;

    while (i < device->version_count && strcmp(device->installed[i].version, version) != 0)
        i++;
    if (i == DEVICE_VERSIONS_MAX)
        return;
    if (i == device->version_count) {
        (void)text_copy(device->installed[i].version, sizeof device->installed[i].version, version);
        device->version_count++;
    }
    device->installed[i].times++;
}

static void install(struct device *device)
{
    if (device_takes_fault(device, STEP_INSTALL))
        return;
    if (device->behaviour.kind == BEHAVE_LIAR) {
        device_say_report(device, REPORT_VERIFYING, 0, E_NONE, "");
        device_say_report(device, REPORT_SUCCEEDED, 100, E_NONE, "");
        rest(device);
        return;
    }
    (void)text_copy(device->slots[device->slot ^ 1], VERSION_SIZE, device->order.version);
    count_installed(device, device->order.version);
    device_say_report(device, REPORT_VERIFYING, 0, E_NONE, "reboots");
    device_enter(device, PHASE_LEAVING, LEAVE_MS);
}

/* The fallback's boot loader gives up on the new slot before anybody sees it. */
static void leave(struct device *device)
{
    if (device->behaviour.kind != BEHAVE_FALLBACK) {
        device_reboot(device, device->slot ^ 1, BOOT_UPDATE);
        return;
    }
    device->rollbacks++;
    device->settled = true;
    (void)text_copy(device->shunned, sizeof device->shunned, device->order.version);
    device_reboot(device, device->slot, BOOT_PLAIN);
}

void device_step_over(struct device *device)
{
    if (device->phase == PHASE_ACCEPTED)
        device_begin(device);
    else if (device->phase == PHASE_HOLDING)
        begin_install(device);
    else if (device->phase == PHASE_INSTALLING)
        install(device);
    else if (device->phase == PHASE_LEAVING)
        leave(device);
}

/* Still on the new version, it boots again; after enough boots it falls back by itself. */
static void loop(struct device *device)
{
    if (++device->loops < device->behaviour.number) {
        device_reboot(device, device->slot, BOOT_UPDATE);
        return;
    }
    device->loops = 0;
    device->rollbacks++;
    device->settled = true;
    (void)text_copy(device->shunned, sizeof device->shunned, device_version(device));
    device_reboot(device, device->slot ^ 1, BOOT_PLAIN);
}

static void updated(struct device *device)
{
    if (device->behaviour.kind == BEHAVE_BOOT_LOOP) {
        loop(device);
        return;
    }
    if (device_takes_fault(device, STEP_VERIFY))
        return;
    device->tries = 0;
    device->unhealthy = device->behaviour.kind == BEHAVE_UNHEALTHY;
    rest(device);
    device_say_heartbeat(device);
    if (!device->unhealthy)
        device_say_report(device, REPORT_SUCCEEDED, 100, E_NONE, "");
}

/* The boot is over: what it says depends on why it booted. */
void device_became_ready(struct device *device)
{
    enum boot_purpose purpose = device->purpose;
    struct command *mail = device->mail;

    device->purpose = BOOT_PLAIN;
    if (purpose == BOOT_UPDATE) {
        updated(device);
    } else {
        device_enter(device, PHASE_IDLE, -1);
        device_say_heartbeat(device);
    }
    if (purpose == BOOT_ROLLBACK) {
        device->settled = true;
        device_say_report(device, REPORT_ROLLED_BACK, ABSENT, E_NONE, "");
    }
    if (device->phase != PHASE_IDLE)
        return;
    device->mail = NULL;
    device_take_order(device, mail);
    device_look_at_notice(device);
}
