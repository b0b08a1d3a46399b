/* What is said over MQTT: heartbeats, and reports one at a time. A report is made from the record when it can be sent, so that the newest state wins and
 * nothing piles up while the broker is away; the outcome is due until the broker has acknowledged it. */
#include <string.h>

#include "agent/agent_inside.h"
#include "agent/device_facts.h"
#include "common/clock.h"
#include "common/log.h"

#define OUTCOME_FIRST_MS 2000     /* after connecting, a heartbeat waits this long for the outcome to be said first */
#define JITTER_PART 10

void agent_report(struct agent *agent)
{
    agent->report_due = true;
}

/* --- reports --- */

static bool has_to_say(const struct upgrade_record *record)
{
    return record->state != AGENT_IDLE || record->outcome_due;
}

static void report_send(struct agent *agent)
{
    const struct upgrade_record *record = &agent->record;
    bool downloading = record->state == AGENT_DOWNLOADING;
    struct report report;

    agent->report_due = false;
    if (!core_report(record, agent->settings->device_id, agent->version, downloading ? agent->progress_pct : ABSENT, &report))
        return;
    report.seq = ++agent->record.report_seq; /* on disk it leaps at each start, so that it rises whatever happens */
    buffer_clear(&agent->json);
    report_write(&report, &agent->json);
    if (agent->json.failed || !link_say(agent->link, TOPIC_REPORT, agent->json.bytes, agent->json.length, 1, agent->ticket_last + 1)) {
        agent->report_due = true;
        return;
    }
    agent->ticket_waits = ++agent->ticket_last;
    agent->ticket_is_end = record->state == AGENT_IDLE && record->outcome_due;
}

/* The broker has it. An outcome that was overtaken by a new command is nobody's any more. */
static void report_said(struct agent *agent, uint64_t ticket)
{
    struct problem problem;

    if (ticket != agent->ticket_waits)
        return;
    agent->ticket_waits = 0;
    if (agent->report_due)
        return;
    if (agent->ticket_is_end && agent->record.state == AGENT_IDLE && agent->record.outcome_due) {
        agent->record.outcome_due = false;
        if (upgrade_log_write(agent->log, &agent->record, &agent->memory, &problem) != DROVER_OK)
            log_event(LOG_WARN, "record_not_written", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
    }
    if (agent->heartbeat_mono_ms > agent->mono_ms && agent->ticket_is_end)
        agent->heartbeat_mono_ms = agent->mono_ms;
    if (agent->reboot_mono_ms != NEVER) /* it waited for this */
        agent->reboot_mono_ms = agent->mono_ms;
}

/* --- heartbeats --- */

static const char *status_of(const struct agent *agent)
{
    static const char *const words[AGENT_STATE_COUNT] = {
        [AGENT_IDLE] = "idle", [AGENT_WAITING] = "updating", [AGENT_DOWNLOADING] = "updating", [AGENT_HOLDING] = "updating", [AGENT_INSTALLING] = "updating",
        [AGENT_SWITCHED] = "updating", [AGENT_CHECKING] = "starting", [AGENT_GOING_BACK] = "unhealthy",
    };

    if (agent->stumbles > 0)
        return "error";
    return agent->record.state == AGENT_IDLE && agent->facts.trying ? "unhealthy" : words[agent->record.state];
}

static void heartbeat_send(struct agent *agent)
{
    int64_t every_ms = agent->settings->heartbeat_s * 1000, jitter_ms = every_ms / JITTER_PART;
    const char *status = status_of(agent);
    struct heartbeat heartbeat;

    device_heartbeat(agent->settings, &heartbeat);
    heartbeat.slot = slot_name(agent->facts.running)[0];
    heartbeat.seq = agent->heartbeat_seq++;
    (void)text_copy(heartbeat.version, sizeof heartbeat.version, agent->version);
    (void)text_copy(heartbeat.status, sizeof heartbeat.status, status);
    (void)text_copy(heartbeat.boot_id, sizeof heartbeat.boot_id, agent->boot_id);
    buffer_clear(&agent->json);
    heartbeat_write(&heartbeat, &agent->json);
    if (!agent->json.failed && link_say(agent->link, TOPIC_HEARTBEAT, agent->json.bytes, agent->json.length, (int)agent->settings->heartbeat_qos, 0))
        agent->status_said = status;
    agent->heartbeat_mono_ms = agent->mono_ms + every_ms - jitter_ms + (int64_t)(clock_random() % (uint64_t)(2 * jitter_ms + 1));
}

void agent_say_step(struct agent *agent)
{
    if (!agent->link_up)
        return;
    if (agent->report_due && agent->ticket_waits == 0)
        report_send(agent);
    if (agent->status_said && agent->status_said != status_of(agent) && !agent->report_due && agent->ticket_waits == 0)
        agent->heartbeat_mono_ms = agent->mono_ms; /* another status is news, after the report that explains it */
    if (agent->heartbeat_mono_ms <= agent->mono_ms)
        heartbeat_send(agent);
}

int64_t agent_say_wake(const struct agent *agent)
{
    return agent->link_up ? agent->heartbeat_mono_ms : NEVER;
}

/* --- what comes --- */

static void command_came(struct agent *agent, const struct link_news *news)
{
    struct situation s = agent_situation(agent);
    struct decision decision;
    struct problem problem = {.what = "too long"};
    struct command command;

    if (news->length > sizeof news->bytes || command_read(news->bytes, news->length, &command, &problem) != DROVER_OK) {
        log_event(LOG_WARN, "command_bad", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
        return;
    }
    char permit[COMMAND_PERMIT_SIZE], why[WHAT_SIZE];
    command_read_permit(news->bytes, news->length, permit);
    s.permit = agent_permit_check(agent, &command, permit, why, sizeof why);
    s.permit_why = why;
    core_command(&s, &command, &decision);
    (void)agent_take(agent, &decision);
}

static void notice_came(struct agent *agent, const struct link_news *news)
{
    struct problem problem = {.what = "too long"};
    struct notice notice;

    if (news->length == 0) /* the offer is over */
        return;
    if (news->length > sizeof news->bytes || notice_read(news->bytes, news->length, &notice, &problem) != DROVER_OK)
        log_event(LOG_WARN, "notice_bad", LOG_TEXT("where", problem.where), LOG_TEXT("why", problem.what));
    else
        agent_notice(agent, &notice);
}

static void link_changed(struct agent *agent, bool up)
{
    char why[128];

    link_error(agent->link, why, sizeof why);
    agent->link_up = up;
    agent->ticket_waits = 0; /* what was not acknowledged is said again */
    agent->report_due = has_to_say(&agent->record);
    agent->heartbeat_mono_ms = agent->mono_ms + (agent->record.state == AGENT_IDLE && agent->record.outcome_due ? OUTCOME_FIRST_MS : 0);
    if (up)
        log_event(LOG_INFO, "broker_reached", LOG_TEXT("url", agent->settings->mqtt_url));
    else
        log_event(LOG_WARN, "broker_lost", LOG_TEXT("why", why));
    if (!up && agent->reboot_mono_ms != NEVER) /* nobody to wait for */
        agent->reboot_mono_ms = agent->mono_ms;
}

static void link_failed(struct agent *agent)
{
    char why[128];

    link_error(agent->link, why, sizeof why);
    log_event(LOG_WARN, "broker_unreachable", LOG_TEXT("url", agent->settings->mqtt_url), LOG_TEXT("why", why));
}

void agent_link_step(struct agent *agent)
{
    struct link_news *news = &agent->news;

    for (link_take(agent->link, news); news->kind != LINK_NOTHING; link_take(agent->link, news)) {
        if (news->kind == LINK_UP || news->kind == LINK_DOWN)
            link_changed(agent, news->kind == LINK_UP);
        else if (news->kind == LINK_FAILED)
            link_failed(agent);
        else if (news->kind == LINK_SAID)
            report_said(agent, news->ticket);
        else if (news->kind == LINK_COMMAND)
            command_came(agent, news);
        else
            notice_came(agent, news);
    }
}
