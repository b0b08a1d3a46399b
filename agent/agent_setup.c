/* The agent's parts, made in order and freed in the other. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent_inside.h"
#include "agent/device_facts.h"
#include "agent/durable.h"
#include "common/log.h"

#define TRUST_NAME "trust.json"
#define PERMIT_BYTES 65536
#define GOODBYE_MS 2000
#define STARTS_MAX 20
#define REBOOTS_MAX 5
#define LATER_MAX 50

/* --- what is believed --- */

static enum drover_error state_folder(const struct agent *agent, int *ret_fd, struct problem *ret_problem)
{
    return durable_folder(AT_FDCWD, agent->settings->state_dir, ret_fd, ret_problem);
}

/* The store of the image, or the one that came with a package, whichever is newer: an image may bring a newer one, too. */
static enum drover_error trust_load(struct agent *agent, struct problem *ret_problem)
{
    char path[AGENT_PATH_SIZE];
    struct problem problem;
    struct trust kept;
    enum drover_error error = trust_read_file(agent->settings->trust_file, &agent->trust, ret_problem);

    (void)snprintf(path, sizeof path, "%s/%s", agent->settings->state_dir, TRUST_NAME);
    if (access(path, F_OK) != 0)
        return error;
    if (trust_read_file(path, &kept, &problem) != DROVER_OK) {
        log_event(LOG_ERROR, "trust_damaged", LOG_TEXT("path", path), LOG_TEXT("why", problem.what));
        return error;
    }
    if (!error && kept.version <= agent->trust.version) {
        trust_done(&kept);
        return DROVER_OK;
    }
    if (!error)
        trust_done(&agent->trust);
    agent->trust = kept;
    return DROVER_OK;
}

enum drover_error agent_trust_keep(struct agent *agent, const char *bytes, size_t length, struct problem *ret_problem)
{
    struct trust newer;
    int folder_fd;
    enum drover_error error = state_folder(agent, &folder_fd, ret_problem);

    if (error)
        return error;
    error = trust_read(bytes, length, &newer, ret_problem);
    if (!error) {
        error = durable_replace(folder_fd, TRUST_NAME, bytes, length, ret_problem);
        if (error) {
            trust_done(&newer);
        } else {
            trust_done(&agent->trust);
            agent->trust = newer;
            log_event(LOG_INFO, "trust_renewed", LOG_NUMBER("version", newer.version), LOG_NUMBER("keys", newer.key_count));
        }
    }
    close(folder_fd);
    return error;
}

static enum drover_error keys_load(struct agent *agent, struct problem *ret_problem)
{
    const struct agent_settings *settings = agent->settings;
    const struct key_secret secret = {.ask = NULL};
    enum drover_error error = DROVER_OK;

    if (settings->model_key_file[0]) {
        error = model_key_read_file(settings->model_key_file, agent->model_key[0], ret_problem);
        agent->keys.model_keys = (const uint8_t (*)[CONTENT_KEY_BYTES])agent->model_key;
        agent->keys.model_key_count = 1;
    }
    if (!error && settings->device_key_file[0]) {
        error = private_key_open(settings->device_key_file, &secret, &agent->device_key, ret_problem);
        agent->keys.private_keys = (const struct private_key *const *)&agent->device_key;
        agent->keys.private_key_count = 1;
    }
    return error;
}

const struct recipient_keys *agent_keys(const struct agent *agent)
{
    return agent->keys.model_key_count + agent->keys.private_key_count > 0 ? &agent->keys : NULL;
}

/* Read for each package: an operator may bring it while the agent runs. NULL: there is none. */
static char *permit_load(const char *path, size_t *ret_length)
{
    int fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char *bytes = fd >= 0 ? malloc(PERMIT_BYTES) : NULL;
    ssize_t got = bytes ? read(fd, bytes, PERMIT_BYTES) : -1;

    if (fd >= 0)
        close(fd);
    while (got > 0 && (bytes[got - 1] == '\n' || bytes[got - 1] == ' '))
        got--;
    if (got > 0) {
        *ret_length = (size_t)got;
        return bytes;
    }
    free(bytes);
    return NULL;
}

void agent_package_policy(struct agent *agent)
{
    const struct command *command = &agent->record.command;
    size_t permit_length = 0;

    free(agent->permit);
    agent->permit = permit_load(agent->settings->permit_file, &permit_length);
    (void)text_copy(agent->package_from, sizeof agent->package_from, agent->version);
    (void)text_copy(agent->package_version, sizeof agent->package_version, command->version);
    (void)text_copy(agent->package_rollout, sizeof agent->package_rollout, command->rollout);
    agent->package_policy = (struct package_policy){
        .trust = &agent->trust,
        .model = agent->settings->device_model,
        .hw_rev = agent->settings->device_hw_rev,
        .current_version = agent->package_from,
        .release_counter_min = agent->memory.release_counter,
        .manifest_sha256 = text_unhex(agent->manifest_sha256, SHA256_BYTES, command->manifest_sha256) ? agent->manifest_sha256 : NULL,
        .device_id = agent->settings->device_id,
        .rollout = agent->package_rollout[0] ? agent->package_rollout : NULL,
        .permit = agent->permit,
        .permit_length = permit_length,
        .now_ms = agent->unix_ms,
        .floor_ms = agent->memory.floor_ms,
    };
}

/* --- what runs --- */

enum drover_error agent_facts(struct agent *agent, struct problem *ret_problem)
{
    slots_facts(agent->slots, &agent->facts);
    return device_version(agent->settings, &agent->facts, agent->version, ret_problem);
}

static enum drover_error slots_load(struct agent *agent, struct problem *ret_problem)
{
    struct slots_config config;
    enum drover_error error = agent_settings_slots(agent->settings, &config, ret_problem);

    if (!error)
        error = slots_open(&config, &agent->slots, ret_problem);
    if (!error)
        error = agent_facts(agent, ret_problem);
    return error ? error : device_boot_id(agent->settings, agent->boot_id, ret_problem);
}

/* --- the outside --- */

static enum drover_error link_load(struct agent *agent, struct problem *ret_problem)
{
    const struct agent_settings *settings = agent->settings;
    char password[AGENT_TEXT_SIZE] = "";
    struct link_config config = {
        .url = settings->mqtt_url, .device_id = settings->device_id, .model = settings->device_model, .username = settings->mqtt_username, .password = password,
        .ca_file = settings->tls_ca_file, .certificate_file = settings->tls_certificate_file, .key_file = settings->tls_key_file,
        .keepalive_s = settings->mqtt_keepalive_s, .session_expiry_s = settings->mqtt_session_expiry_s, .retry_max_ms = settings->mqtt_retry_max_s * 1000};
    enum drover_error error = DROVER_OK;

    if (settings->mqtt_password_file[0])
        error = device_line_read(settings->mqtt_password_file, password, sizeof password, ret_problem);
    if (!error)
        error = link_new(&config, &agent->link, ret_problem);
    explicit_bzero(password, sizeof password);
    return error;
}

static enum drover_error signals_take(struct agent *agent, struct problem *ret_problem)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        agent->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return agent->signal_fd >= 0 ? DROVER_OK : problem_set(ret_problem, DROVER_IO, "signals", "no signalfd: %s", strerror(errno));
}

static void policy_make(struct agent *agent)
{
    const struct agent_settings *settings = agent->settings;

    agent->policy = (struct core_policy){
        .spread_ms = settings->update_spread_s * 1000,
        .check_ms = settings->health_total_s * 1000,
        .reboot_ms = settings->reboot_retry_s * 1000,
        .passes = (unsigned)settings->health_passes,
        .needs_link = settings->health_needs_link,
        .reboots_max = REBOOTS_MAX,
        .starts_max = STARTS_MAX,
        .later_max = LATER_MAX,
    };
}

enum drover_error agent_setup(struct agent *agent, const struct agent_settings *settings, struct problem *ret_problem)
{
    enum drover_error error;

    *agent = (struct agent){.settings = settings, .signal_fd = -1, .wake_mono_ms = NEVER, .check_mono_ms = NEVER, .reboot_mono_ms = NEVER,
                            .start_again_mono_ms = NEVER, .fetch_mono_ms = NEVER, .run_mono_ms = NEVER, .heartbeat_mono_ms = NEVER};
    (void)snprintf(agent->staging_path, sizeof agent->staging_path, "%s/package.dfw", settings->staging_dir);
    policy_make(agent);
    trust_init(&agent->trust);
    buffer_init(&agent->json, MESSAGE_SIZE);
    error = signals_take(agent, ret_problem);
    if (!error)
        error = upgrade_log_open(settings->state_dir, &agent->log, &agent->record, &agent->memory, ret_problem);
    if (!error)
        error = trust_load(agent, ret_problem);
    if (!error)
        error = keys_load(agent, ret_problem);
    if (!error)
        error = slots_load(agent, ret_problem);
    if (!error && (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(agent->multi = curl_multi_init()) || !(agent->pull = pull_new())))
        error = problem_set(ret_problem, DROVER_MEMORY, "agent", "out of memory");
    if (!error)
        error = link_load(agent, ret_problem);
    return error;
}

bool agent_teardown(struct agent *agent)
{
    agent_stop_work(agent);
    slots_task_free(agent->task);
    if (!link_free(agent->link, GOODBYE_MS))
        return false;
    pull_free(agent->pull);
    if (agent->multi)
        curl_multi_cleanup(agent->multi);
    curl_global_cleanup();
    slots_close(agent->slots);
    upgrade_log_close(agent->log);
    private_key_free(agent->device_key);
    explicit_bzero(agent->model_key, sizeof agent->model_key);
    explicit_bzero(agent->token, sizeof agent->token);
    trust_done(&agent->trust);
    free(agent->permit);
    buffer_done(&agent->json);
    if (agent->signal_fd >= 0)
        close(agent->signal_fd);
    return true;
}
