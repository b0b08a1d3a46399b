/* SIGHUP: reads file and environment again; takes over what may change while running, says what waits for a restart.
 * A mistake anywhere changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "orchestrator/edges/daemon_inside.h"
#include "orchestrator/edges/secret.h"

struct reload {
    struct daemon_settings *next;
    struct daemon_settings *now;
    unsigned changed, waiting;
};

/* The value as --print-config writes it. */
static void value_text(const struct setting *row, const struct daemon_settings *settings, char *ret, size_t size)
{
    const struct settings_table one = {row, 1, ""};
    char printed[2 * SETTING_PATH_SIZE] = "";
    const char *equals;
    FILE *out = fmemopen(printed, sizeof printed, "w");

    ret[0] = '\0';
    if (!out)
        return;
    settings_print(&one, settings, out);
    fclose(out);
    equals = strstr(printed, " = ");
    if (equals)
        (void)text_copy_n(ret, size, equals + 3, strcspn(equals + 3, "\n"));
}

static void setting_changed(const struct setting *row, void *arg)
{
    struct reload *reload = arg;
    char from[SETTING_PATH_SIZE], to[SETTING_PATH_SIZE];

    value_text(row, reload->now, from, sizeof from);
    value_text(row, reload->next, to, sizeof to);
    if (row->reloadable) {
        log_event(LOG_INFO, "setting_changed", LOG_TEXT("name", row->name), LOG_TEXT("from", from), LOG_TEXT("to", to));
        memcpy((char *)reload->now + row->offset, (const char *)reload->next + row->offset, row->size);
        reload->changed++;
    } else {
        log_event(LOG_WARN, "setting_waits_for_restart", LOG_TEXT("name", row->name), LOG_TEXT("from", from), LOG_TEXT("to", to));
        reload->waiting++;
    }
}

static void reload_fail(const struct problem *problem)
{
    log_event(LOG_ERROR, "reload_failed", LOG_TEXT("where", problem->where), LOG_TEXT("what", problem->what));
}

/* The file may have another content under the same name. */
static enum drover_error token_read(const struct daemon_settings *settings, char *ret_token, struct problem *ret_problem)
{
    ret_token[0] = '\0';
    return settings->api_token_file[0] ? secret_read(settings->api_token_file, ret_token, DAEMON_SECRET_SIZE, ret_problem) : DROVER_OK;
}

/* Takes over what was read. Everything that was released is verified against it before it is offered again. */
static void trust_take(struct daemon *daemon, struct daemon_trust *next)
{
    struct daemon_trust before = daemon->trust;
    bool changed = strcmp(before.sha256, next->sha256) != 0;

    daemon->trust = *next;
    if (!daemon_trust_apply(daemon)) {
        daemon->trust = before;
        daemon_trust_done(next);
        log_event(LOG_ERROR, "reload_failed", LOG_TEXT("where", "release.trust"), LOG_TEXT("what", "out of memory"));
        return;
    }
    if (changed)
        log_event(LOG_INFO, "trust_changed", LOG_TEXT("file", daemon->settings.release_trust), LOG_NUMBER("from", before.version),
                  LOG_NUMBER("to", daemon->trust.version));
    if (changed && daemon->trust.text && before.text && daemon->trust.version <= before.version)
        log_event(LOG_WARN, "trust_version_not_higher", LOG_NUMBER("version", daemon->trust.version),
                  LOG_TEXT("why", "other instances may go by the old document"));
    daemon_trust_done(&before);
    chores_settings_changed(daemon->chores);
}

/* Certificates and keys of who may ask, under the same names. False: nothing has changed. */
static bool doors_reload(struct daemon *daemon, struct problem *ret_problem)
{
    struct http_tls_fresh fresh;

    if (http_server_tls_read(daemon->http, &fresh, ret_problem) != DROVER_OK)
        return false;
    if (daemon->keys && auth_ring_reload(daemon->keys, ret_problem) != DROVER_OK) {
        http_server_tls_drop(&fresh);
        return false;
    }
    http_server_tls_take(daemon->http, &fresh);
    return true;
}

void daemon_reload(struct daemon *daemon)
{
    struct daemon_trust trust;
    struct daemon_settings next;
    struct reload reload = {.next = &next, .now = &daemon->settings};
    char token[DAEMON_SECRET_SIZE];
    struct problem problem;

    if (daemon_options_settings(daemon->options, daemon->environment, &next, &problem) != DROVER_OK ||
        token_read(&next, token, &problem) != DROVER_OK ||
        daemon_trust_read(next.release_trust, &trust, &problem) != DROVER_OK) {
        reload_fail(&problem);
        return;
    }
    if (!doors_reload(daemon, &problem)) { /* the last of the checks: it takes effect at once */
        daemon_trust_done(&trust);
        reload_fail(&problem);
        return;
    }
    settings_compare(&daemon_settings_table, &daemon->settings, &next, setting_changed, &reload);
    trust_take(daemon, &trust);
    flow_set_policy(daemon->flow, &daemon->settings.flow);
    log_configure((enum log_level)daemon->settings.log_level, (enum log_format)daemon->settings.log_format, daemon->settings.instance);
    if (strcmp(token, daemon->api_token) != 0) {
        if (http_server_set_token(daemon->http, token))
            memcpy(daemon->api_token, token, sizeof token);
        log_event(LOG_INFO, "token_changed", LOG_TEXT("file", daemon->settings.api_token_file));
    }
    explicit_bzero(token, sizeof token);
    log_event(LOG_INFO, "reloaded", LOG_NUMBER("changed", reload.changed), LOG_NUMBER("waiting", reload.waiting));
}
