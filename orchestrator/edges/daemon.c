/* From the command line to the exit status. */
#include "orchestrator/edges/daemon.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "orchestrator/core/upgrade_fsm.h"
#include "orchestrator/edges/daemon_inside.h"
#include "orchestrator/edges/rebuild_run.h"
#include "orchestrator/edges/sd_notify.h"
#include "orchestrator/edges/secret.h"
#include "orchestrator/edges/worker.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static int complain(const struct problem *problem, int status)
{
    fprintf(stderr, "droverd: %s: %s\n", problem->where, problem->what);
    return status;
}

/* --- events of the loop --- */

static void tick_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    daemon_tick(arg);
}

static void mqtt_woke(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    daemon_mqtt_changed(arg);
}

static void signal_came(evutil_socket_t number, short what, void *arg)
{
    struct daemon *daemon = arg;

    (void)what;
    if (number == SIGHUP) {
        daemon_reload(daemon);
    } else if (daemon->phase < DAEMON_DRAINING) {
        daemon_drain(daemon, number == SIGTERM ? "SIGTERM" : "SIGINT");
    } else {
        log_event(LOG_WARN, "ended_at_once", LOG_TEXT("why", "a second signal"));
        _exit(EXIT_FAILED);
    }
}

static bool events_make(struct daemon *daemon)
{
    static const int numbers[DAEMON_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    const struct timeval interval = {.tv_usec = HEALTH_TICK_MS * 1000};
    bool made;

    daemon->tick = event_new(daemon->base, -1, EV_PERSIST, tick_fired, daemon);
    daemon->mqtt_changed = event_new(daemon->base, mqtt_link_fd(daemon->mqtt), EV_READ | EV_PERSIST, mqtt_woke, daemon);
    made = daemon->tick && daemon->mqtt_changed && event_add(daemon->tick, &interval) == 0 && event_add(daemon->mqtt_changed, NULL) == 0;
    for (unsigned i = 0; i < DAEMON_SIGNALS && made; i++) {
        daemon->signals[i] = evsignal_new(daemon->base, numbers[i], signal_came, daemon);
        made = daemon->signals[i] && event_add(daemon->signals[i], NULL) == 0;
    }
    return made;
}

static void events_free(struct daemon *daemon)
{
    struct event *events[] = {daemon->tick, daemon->mqtt_changed, daemon->signals[0], daemon->signals[1], daemon->signals[2]};

    for (unsigned i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
}

/* --- start, run, end --- */

static void public_url_make(struct daemon *daemon)
{
    const struct daemon_settings *settings = &daemon->settings;
    char host[SETTING_PATH_SIZE];
    uint16_t port;

    if (settings->http_public_url[0]) {
        size_t length = strlen(settings->http_public_url);

        while (length && settings->http_public_url[length - 1] == '/')
            length--;
        (void)text_copy_n(daemon->public_url, sizeof daemon->public_url, settings->http_public_url, length);
        return;
    }
    (void)snprintf(daemon->public_url, sizeof daemon->public_url, "%s://%s", settings->http_tls.certificate[0] ? "https" : "http", settings->http_listen);
    if (daemon_settings_listen(settings->http_listen, host, sizeof host, &port) && (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0))
        log_event(LOG_WARN, "public_url_unknown", LOG_TEXT("url", daemon->public_url),
                  LOG_TEXT("why", "http.listen names no address that devices can reach: set http.public_url"));
}

static void variable_unknown(const char *variable, void *arg)
{
    char name[64];

    (void)arg;
    (void)text_copy_n(name, sizeof name, variable, strcspn(variable, "=") < sizeof name ? strcspn(variable, "=") : sizeof name - 1);
    log_event(LOG_WARN, "variable_ignored", LOG_TEXT("name", name), LOG_TEXT("why", "no such setting"));
}

/* Drained: frees in order. Not drained in time: says goodbye to the broker and leaves the rest to the kernel; what was under
 * way is read again from the rings at the next start, or repeated by its deadline. */
static int daemon_end(struct daemon *daemon)
{
    if (!daemon->drained) {
        log_event(LOG_WARN, "drain_incomplete", LOG_NUMBER("work", flow_work_count(daemon->flow)),
                  LOG_NUMBER("ingest", ingest_outstanding(daemon->ingest)), LOG_NUMBER("redis", redis_link_outstanding(daemon->redis)));
        http_server_stop(daemon->http);
        (void)mqtt_link_free(daemon->mqtt, 1000);
        _exit(EXIT_DONE);
    }
    events_free(daemon);
    daemon_parts_free(daemon);
    event_base_free(daemon->base);
    explicit_bzero(daemon->api_token, sizeof daemon->api_token);
    log_event(LOG_INFO, "ended", LOG_NUMBER("after_s", (clock_mono_ms() - daemon->started_mono_ms) / 1000));
    return EXIT_DONE;
}

static int parts_failed(struct daemon *daemon, const struct problem *problem)
{
    log_event(LOG_ERROR, "start_failed", LOG_TEXT("where", problem->where), LOG_TEXT("what", problem->what));
    daemon_parts_free(daemon);
    event_base_free(daemon->base);
    return EXIT_FAILED;
}

/* Threads inherit the mask: signals come to this thread alone. */
static enum drover_error parts_make_masked(struct daemon *daemon, struct problem *ret_problem)
{
    enum drover_error error;
    sigset_t all, before;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = daemon_parts_make(daemon, ret_problem);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int daemon_run(struct daemon *daemon)
{
    struct problem problem = {.error = DROVER_OK};

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error like a full disk */
    log_configure((enum log_level)daemon->settings.log_level, (enum log_format)daemon->settings.log_format, daemon->settings.instance);
    log_event(LOG_INFO, "starting", LOG_TEXT("version", DROVER_VERSION), LOG_TEXT("config", daemon->options->file));
    daemon_settings_unknown(daemon->environment, variable_unknown, NULL);
    public_url_make(daemon);
    daemon->started_mono_ms = clock_mono_ms();
    daemon->waiting_said_mono_ms = daemon->started_mono_ms;
    daemon->watchdog_interval_ms = sd_watchdog_interval_ms();
    daemon->base = event_base_new();
    if (!daemon->base)
        return EXIT_FAILED;
    if (parts_make_masked(daemon, &problem) != DROVER_OK)
        return parts_failed(daemon, &problem);
    if (!events_make(daemon)) {
        log_event(LOG_ERROR, "start_failed", LOG_TEXT("what", "out of memory"));
        _exit(EXIT_FAILED);
    }
    (void)event_base_dispatch(daemon->base);
    return daemon_end(daemon);
}

static int run(const struct daemon_options *options, char *const *environment, const struct daemon_settings *settings)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);
    struct problem problem;
    int status = EXIT_FAILED;

    if (!daemon)
        return EXIT_FAILED;
    daemon->options = options;
    daemon->environment = environment;
    daemon->settings = *settings;
    if (settings->api_token_file[0] && secret_read(settings->api_token_file, daemon->api_token, sizeof daemon->api_token, &problem) != DROVER_OK)
        status = complain(&problem, EXIT_USAGE);
    else if (daemon_trust_read(settings->release_trust, &daemon->trust, &problem) != DROVER_OK)
        status = complain(&problem, EXIT_USAGE);
    else
        status = daemon_run(daemon);
    free(daemon);
    return status;
}

static int print_docs(const char *part)
{
    if (strcmp(part, "settings") == 0)
        settings_print_docs(&daemon_settings_table, stdout);
    else if (strcmp(part, "states") == 0)
        fsm_print_docs(stdout);
    else
        return fprintf(stderr, "droverd: --print-docs=%.32s: there are settings and states\n", part), EXIT_USAGE;
    return EXIT_DONE;
}

/* Redis may be away, and what differs has been told: both are failures for a script. */
static int rebuild(const struct daemon_options *options, const struct daemon_settings *settings)
{
    char password[DAEMON_SECRET_SIZE] = "";
    struct problem problem = {.error = DROVER_OK};
    const struct rebuild_job job = {
        .live = {.url = settings->redis_url, .username = settings->redis_username, .password = password, .timeout_ms = settings->redis_timeout_ms},
        .from = options->rebuild_from,
        .into = options->rebuild_into,
        .compare = options->rebuild_compare,
        .out = stdout,
    };
    enum drover_error error = DROVER_OK;

    (void)signal(SIGPIPE, SIG_IGN);
    if (!job.into && !job.compare)
        error = problem_set(&problem, DROVER_MISSING, "--rebuild-from", "needs --rebuild-into or --rebuild-compare");
    if (!error && settings->redis_password_file[0])
        error = secret_read(settings->redis_password_file, password, sizeof password, &problem);
    if (error)
        return complain(&problem, EXIT_USAGE);
    error = rebuild_run(&job, &problem);
    explicit_bzero(password, sizeof password);
    return error ? complain(&problem, EXIT_FAILED) : EXIT_DONE;
}

int daemon_main(int argc, char *const *argv, char *const *environment)
{
    struct daemon_options options;
    struct daemon_settings settings;
    struct problem problem;

    if (argc == 3 && strcmp(argv[1], "--worker") == 0) /* we started ourselves */
        return worker_main(argv[2]);
    if (daemon_options_read(argc, argv, &options, &problem) != DROVER_OK)
        return complain(&problem, EXIT_USAGE);
    if (options.task == TASK_HELP)
        return daemon_options_help(stdout), EXIT_DONE;
    if (options.task == TASK_VERSION)
        return puts("droverd " DROVER_VERSION) < 0 ? EXIT_FAILED : EXIT_DONE;
    if (options.task == TASK_PRINT_DOCS)
        return print_docs(options.docs);
    if (daemon_options_settings(&options, environment, &settings, &problem) != DROVER_OK)
        return complain(&problem, EXIT_USAGE);
    if (options.task == TASK_CHECK_CONFIG)
        return EXIT_DONE;
    if (options.task == TASK_PRINT_CONFIG)
        return settings_print(&daemon_settings_table, &settings, stdout), EXIT_DONE;
    if (options.task == TASK_REBUILD)
        return rebuild(&options, &settings);
    return run(&options, environment, &settings);
}
