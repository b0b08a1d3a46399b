/* The pure parts of the chores: which rollouts are over their budget, which notices to say, when the watchdog may be fed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "orchestrator/edges/chores_budget.h"
#include "orchestrator/edges/chores_notice.h"
#include "orchestrator/edges/daemon_health.h"
#include "orchestrator/edges/sd_notify.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static struct rollout rollout_of(const char *id, const char *model, enum rollout_state state)
{
    struct rollout rollout = {.state = state, .revision = 1, .epoch = 100, .share_pct = 50, .spread_s = 60, .error_budget_pct = 10};

    strcpy(rollout.id, id);
    strcpy(rollout.model, model);
    strcpy(rollout.version, "1.1.0");
    rollout.release.size_bytes = 1000;
    return rollout;
}

/* --- budget --- */

static void budget_rule(void **state)
{
    static const struct {
        const char *row;
        int64_t succeeded, failed, rolled_back, rejected, lost, pct;
        bool over;
    } rows[] = {
        {"nothing settled", 0, 0, 0, 0, 0, 10, false},
        {"all nine failed: too few to tell", 0, 9, 0, 0, 0, 10, false},
        {"all ten failed", 0, 10, 0, 0, 0, 10, true},
        {"exactly at the budget", 9, 1, 0, 0, 0, 10, false},
        {"just over", 18, 1, 1, 0, 1, 14, true},
        {"lost ones count", 8, 0, 0, 0, 2, 10, true},
        {"rejected ones settle but do not spend", 0, 1, 0, 9, 0, 10, false},
        {"100: never", 0, 500, 0, 0, 0, 100, false},
        {"0: the first one", 9, 1, 0, 0, 0, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rollout rollout = rollout_of("r1", "m", ROLLOUT_RUNNING);
        struct budget_book book = {.count = 0};
        char why[64];

        rollout.counts.states[STATE_SUCCEEDED] = rows[i].succeeded;
        rollout.counts.states[STATE_FAILED] = rows[i].failed;
        rollout.counts.states[STATE_ROLLED_BACK] = rows[i].rolled_back;
        rollout.counts.states[STATE_REJECTED] = rows[i].rejected;
        rollout.counts.states[STATE_LOST] = rows[i].lost;
        rollout.error_budget_pct = rows[i].pct;
        budget_observe(&book, &rollout, 1);
        if (budget_is_over(&book, &rollout, why, sizeof why) != rows[i].over)
            fail_msg("%s", rows[i].row);
        rollout.state = ROLLOUT_PAUSED;
        assert_false(budget_is_over(&book, &rollout, why, sizeof why));
    }
}

static void a_reason_fits_and_says_the_numbers(void **state)
{
    struct rollout rollout = rollout_of("r1", "m", ROLLOUT_RUNNING);
    struct budget_book book = {.count = 0};
    char why[64];

    (void)state;
    rollout.counts.states[STATE_SUCCEEDED] = 34;
    rollout.counts.states[STATE_FAILED] = 6;
    budget_observe(&book, &rollout, 1);
    assert_true(budget_is_over(&book, &rollout, why, sizeof why));
    assert_string_equal(why, "error budget spent: 6 of 40 ended badly, over 10 %");
    rollout.counts.states[STATE_FAILED] = 1000000;
    assert_true(budget_is_over(&book, &rollout, why, sizeof why));
    assert_non_null(strstr(why, "over 10 %"));
}

/* An operator's resume is not undone by the devices he knew of. */
static void a_resumed_rollout_counts_anew(void **state)
{
    struct rollout rollout = rollout_of("r1", "m", ROLLOUT_RUNNING);
    static struct budget_book book;
    char why[64];

    (void)state;
    rollout.counts.states[STATE_SUCCEEDED] = 10;
    rollout.counts.states[STATE_FAILED] = 10;
    budget_observe(&book, &rollout, 1);
    assert_true(budget_is_over(&book, &rollout, why, sizeof why));
    rollout.state = ROLLOUT_PAUSED;
    rollout.revision = 2;
    budget_observe(&book, &rollout, 1);
    rollout.state = ROLLOUT_RUNNING;
    rollout.revision = 3;
    budget_observe(&book, &rollout, 1);
    assert_false(budget_is_over(&book, &rollout, why, sizeof why));
    budget_observe(&book, &rollout, 1);
    assert_false(budget_is_over(&book, &rollout, why, sizeof why));
    rollout.counts.states[STATE_FAILED] = 20;
    budget_observe(&book, &rollout, 1);
    assert_true(budget_is_over(&book, &rollout, why, sizeof why));
    assert_string_equal(why, "error budget spent: 10 of 10 ended badly, over 10 %");
}

static void ended_rollouts_are_forgotten(void **state)
{
    struct rollout rollouts[] = {rollout_of("r1", "m", ROLLOUT_RUNNING), rollout_of("r2", "n", ROLLOUT_PAUSED)};
    static struct budget_book book;

    (void)state;
    budget_observe(&book, rollouts, 2);
    assert_int_equal(book.count, 2);
    rollouts[0].state = ROLLOUT_CANCELLED;
    budget_observe(&book, rollouts, 2);
    assert_int_equal(book.count, 1);
    assert_string_equal(book.budgets[0].rollout, "r2");
}

/* --- notices --- */

struct heard {
    char text[512];   /* "m=r1 n= " */
    bool deaf;
    int64_t ahead_ms, spread_s;
};

static bool notice_heard(void *arg, const char *model, const struct notice *notice)
{
    struct heard *heard = arg;
    size_t length = strlen(heard->text);

    if (heard->deaf)
        return false;
    heard->spread_s = notice ? notice->spread_s : 0;
    (void)snprintf(heard->text + length, sizeof heard->text - length, "%s=%s ", model, notice ? notice->rollout : "");
    return true;
}

static const char *update(struct notice_book *book, const struct rollout *rollouts, size_t count, struct heard *heard)
{
    const struct notice_place place = {"http://h:1", {.ahead_ms = heard->ahead_ms}};

    heard->text[0] = '\0';
    notice_update(book, rollouts, count, &place, notice_heard, heard);
    return heard->text;
}

static void notices_follow_the_rollouts(void **state)
{
    struct rollout rollouts[] = {rollout_of("r1", "m", ROLLOUT_RUNNING), rollout_of("r2", "n", ROLLOUT_PAUSED)};
    static struct notice_book book;
    struct heard heard = {.deaf = false};

    (void)state;
    assert_string_equal(update(&book, rollouts, 2, &heard), "m=r1 n= ");
    assert_string_equal(update(&book, rollouts, 2, &heard), "");
    rollouts[0].epoch++;
    assert_string_equal(update(&book, rollouts, 2, &heard), "m=r1 ");
    rollouts[0].state = ROLLOUT_PAUSED;
    rollouts[1].state = ROLLOUT_RUNNING;
    assert_string_equal(update(&book, rollouts, 2, &heard), "m= n=r2 ");
    assert_string_equal(update(&book, rollouts, 1, &heard), "n= ");
    assert_string_equal(update(&book, NULL, 0, &heard), "");
    notice_forget(&book);
    rollouts[1].state = ROLLOUT_CANCELLED;
    assert_string_equal(update(&book, rollouts, 2, &heard), "m= n= ");
}

static void a_successor_is_said_once_and_never_cleared_between(void **state)
{
    struct rollout rollouts[] = {rollout_of("old", "m", ROLLOUT_RUNNING), rollout_of("new", "m", ROLLOUT_RUNNING)};
    static struct notice_book book;
    struct heard heard = {.deaf = false};

    (void)state;
    assert_string_equal(update(&book, rollouts, 1, &heard), "m=old ");
    rollouts[0].state = ROLLOUT_SUPERSEDED;
    assert_string_equal(update(&book, rollouts, 2, &heard), "m=new ");
}

static void what_could_not_be_said_comes_again(void **state)
{
    struct rollout rollout = rollout_of("r1", "m", ROLLOUT_RUNNING);
    static struct notice_book book;
    struct heard heard = {.deaf = true};

    (void)state;
    assert_string_equal(update(&book, &rollout, 1, &heard), "");
    heard.deaf = false;
    assert_string_equal(update(&book, &rollout, 1, &heard), "m=r1 ");
}

static void its_spread_follows_the_queue_of_the_depot(void **state)
{
    struct rollout rollout = rollout_of("r1", "m", ROLLOUT_RUNNING);
    static struct notice_book book;
    struct heard heard = {.deaf = false};

    (void)state;
    assert_string_equal(update(&book, &rollout, 1, &heard), "m=r1 ");
    assert_int_equal(heard.spread_s, 60);
    heard.ahead_ms = 60000;
    assert_string_equal(update(&book, &rollout, 1, &heard), "");   /* as planned is wide enough */
    heard.ahead_ms = 100000;
    assert_string_equal(update(&book, &rollout, 1, &heard), "m=r1 ");
    assert_int_equal(heard.spread_s, 120);
    heard.ahead_ms = 31000;
    assert_string_equal(update(&book, &rollout, 1, &heard), "");   /* not narrower for every little change */
    heard.ahead_ms = 29000;
    assert_string_equal(update(&book, &rollout, 1, &heard), "m=r1 ");
    assert_int_equal(heard.spread_s, 60);
    heard.ahead_ms = 100000;
    rollout.epoch++;
    assert_string_equal(update(&book, &rollout, 1, &heard), "m=r1 ");
    assert_int_equal(heard.spread_s, 120);
}

static void a_notice_says_what_the_rollout_offers(void **state)
{
    struct rollout rollout = rollout_of("r1", "m", ROLLOUT_RUNNING);
    struct notice notice;

    (void)state;
    notice_make(&rollout, "http://h:1", 60, &notice);
    assert_string_equal(notice.url, "http://h:1/firmware/latest");
    assert_string_equal(notice.version, "1.1.0");
    assert_int_equal(notice.size_bytes, 1000);
    assert_int_equal(notice.share_pct, 50);
    assert_int_equal(notice.spread_s, 60);
    assert_int_equal(notice.epoch, 100);
}

/* --- health --- */

static void lag_is_measured_against_the_plan(void **state)
{
    static struct daemon_health health;

    (void)state;
    health_tick(&health, 1000000);
    assert_int_equal(health.lag_us.count, 0);
    health_tick(&health, 1100000);
    health_tick(&health, 1250000); /* 50 ms late */
    assert_int_equal(health.lag_us.count, 2);
    assert_int_equal(health.lag_us.max, 50000);
    assert_int_equal(health_take_recent(&health), 50);
    assert_int_equal(health_take_recent(&health), 0);
}

static void the_watchdog_starves_when_a_link_is_stuck(void **state)
{
    static struct daemon_health health;
    int64_t now = 1000;

    (void)state;
    health_link(&health.redis, true, false, 0, 0, now);
    health_link(&health.mqtt, false, false, 0, 0, now);
    assert_true(health_is_alive(&health, now));
    now += HEALTH_STUCK_MS;
    health_link(&health.redis, true, true, 5, 0, now);   /* busy, and answered */
    health_link(&health.mqtt, false, false, 0, 1, now);  /* away, and tried again */
    assert_true(health_is_alive(&health, now));
    now += HEALTH_STUCK_MS;
    health_link(&health.redis, true, true, 5, 0, now);   /* busy, no answer */
    health_link(&health.mqtt, false, false, 0, 2, now);
    assert_false(health_is_alive(&health, now));
    health_link(&health.redis, true, false, 5, 0, now);  /* nothing to do is no failure */
    assert_true(health_is_alive(&health, now));
    now += HEALTH_STUCK_MS;
    health_link(&health.redis, true, false, 5, 0, now);
    health_link(&health.mqtt, false, false, 0, 2, now);  /* away, and gave up trying */
    assert_false(health_is_alive(&health, now));
}

/* --- sd_notify --- */

static void notify_and_check(const struct sockaddr_un *address, socklen_t length, const char *variable)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    char got[64] = "";

    assert_int_equal(bind(fd, (const struct sockaddr *)address, length), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", variable, 1), 0);
    assert_true(sd_notify("READY=1"));
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
}

static void notify_reaches_paths_and_abstract_sockets(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/drover-notify-XXXXXX";
    char name[64];

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/s", folder);
    notify_and_check(&address, sizeof address, address.sun_path);
    unlink(address.sun_path);
    rmdir(folder);
    (void)snprintf(name, sizeof name, "@drover-test-%d", (int)getpid());
    memset(&address.sun_path, 0, sizeof address.sun_path);
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    notify_and_check(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)), name);
    unsetenv("NOTIFY_SOCKET");
    assert_false(sd_notify("READY=1"));
}

static void watchdog_interval_is_half_of_what_is_asked(void **state)
{
    char pid[16];

    (void)state;
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(sd_watchdog_interval_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(sd_watchdog_interval_ms(), 15000);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(sd_watchdog_interval_ms(), 0);
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(sd_watchdog_interval_ms(), 15000);
    setenv("WATCHDOG_USEC", "nonsense", 1);
    assert_int_equal(sd_watchdog_interval_ms(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_rule),
        cmocka_unit_test(a_reason_fits_and_says_the_numbers),
        cmocka_unit_test(a_resumed_rollout_counts_anew),
        cmocka_unit_test(ended_rollouts_are_forgotten),
        cmocka_unit_test(notices_follow_the_rollouts),
        cmocka_unit_test(a_successor_is_said_once_and_never_cleared_between),
        cmocka_unit_test(what_could_not_be_said_comes_again),
        cmocka_unit_test(its_spread_follows_the_queue_of_the_depot),
        cmocka_unit_test(a_notice_says_what_the_rollout_offers),
        cmocka_unit_test(lag_is_measured_against_the_plan),
        cmocka_unit_test(the_watchdog_starves_when_a_link_is_stuck),
        cmocka_unit_test(notify_reaches_paths_and_abstract_sockets),
        cmocka_unit_test(watchdog_interval_is_half_of_what_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
