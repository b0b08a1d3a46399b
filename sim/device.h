/* One simulated device: what it runs, what it was told, and how its behaviour makes it act. Its code has no socket, clock or
 * timer of its own: it asks its world for them (struct device_world), which in tests is a list of what it asked for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/semver.h"
#include "common/text.h"
#include "proto/command.h"
#include "proto/heartbeat.h"
#include "proto/notice.h"
#include "proto/report.h"
#include "proto/topics.h"
#include "sim/behaviour.h"

struct device;

enum device_timer {
    TIMER_HEARTBEAT,
    TIMER_STEP,      /* the end of the phase it is in */
    TIMER_HELD,      /* a message held back to be swapped must go now */
    TIMER_COUNT
};

/* What a device needs of the world around it. */
struct device_world {
    void *arg;
    /* QoS 1 messages wait for the connection; QoS 0 ones are lost without it. */
    void (*publish)(void *arg, struct device *device, enum topic_kind kind, const void *bytes, size_t length, unsigned qos, bool retain);
    void (*timer)(void *arg, struct device *device, enum device_timer timer, int64_t wait_ms);   /* < 0: cancel */
    /* Downloads order.url and checks it against order.size_bytes and order.sha256, cut `cuts` times on the way. */
    void (*download)(void *arg, struct device *device, unsigned cuts);
    void (*download_cancel)(void *arg, struct device *device);   /* nothing is told of it afterwards; also ends an ask */
    void (*ask)(void *arg, struct device *device);               /* GET /firmware/latest at notice->url */
    void (*power)(void *arg, struct device *device, bool on);    /* on: connect; off: vanish from the network */
    void (*busy)(void *arg, struct device *device);              /* something happened that is not just a heartbeat */
    int64_t (*mono_ms)(void *arg);
    int64_t (*unix_ms)(void *arg);
};

/* What all devices of a fleet share. */
struct device_plan {
    struct device_world world;
    uint64_t seed;
    int64_t heartbeat_ms, step_ms, reboot_ms, poll_ms;
    unsigned heartbeat_qos;
    bool simple_says_kind;       /* simple devices send "managed":false */
    char time_zones[256];        /* names with commas between them, drawn for each device; "": it names none */
    char faulty_version[VERSION_SIZE];   /* behaviours count on the way to this one only; "": to every version */
};

enum phase {
    PHASE_OFF,          /* rebooting */
    PHASE_DEAD,         /* fell silent, for ever or for a while */
    PHASE_IDLE,
    PHASE_WAITING,      /* simple: will ask for the release */
    PHASE_ASKING,
    PHASE_ACCEPTED,     /* managed: has said acknowledged */
    PHASE_DOWNLOADING,
    PHASE_HOLDING,      /* has the package; its maintenance window is not open */
    PHASE_INSTALLING,
    PHASE_LEAVING,      /* will reboot in a moment */
    PHASE_STARTING,     /* booted, not ready yet */
    PHASE_COUNT
};
const char *phase_name(enum phase phase);

/* Why it boots: decides what it says once it is up. */
enum boot_purpose { BOOT_PLAIN, BOOT_UPDATE, BOOT_ROLLBACK };

#define DEVICE_VERSIONS_MAX 8

struct device {
    const struct device_plan *plan;
    uint32_t index;
    char id[ID_SIZE];
    const char *model;                 /* the fleet's */
    enum device_kind kind;
    struct behaviour given;            /* what it was drawn */
    struct behaviour behaviour;        /* as which it acts now: that, or honest while it goes to a version that is not the faulty one */
    uint64_t random;                   /* state of its own random numbers */

    /* what survives a reboot */
    char slots[2][VERSION_SIZE];       /* version in slot a and b, "" for empty */
    unsigned slot;                     /* the one it runs from */
    char shunned[VERSION_SIZE];        /* simple: a version it went back from and does not ask for again */
    struct command order;              /* the newest update it was given; upgrade_id "" before the first */
    int64_t report_seq;
    struct report said;                /* its last report on this order */
    bool settled;                      /* it has told the end of this attempt, or has given up */

    /* what it is doing */
    enum phase phase;
    enum boot_purpose purpose;
    bool connected;
    bool unhealthy;
    bool ready_timer_on;               /* the health check after the boot has begun */
    int64_t booted_ms;                 /* mono */
    int64_t heartbeat_seq;
    int64_t beats_unhealthy;
    unsigned progress_said;
    unsigned tries;                    /* simple: asks or attempts in a row that failed */
    struct notice *notice;             /* simple: the standing offer; owned; NULL: none */
    struct command *mail;              /* came while it was off; owned */
    struct held {                      /* a message it holds back to swap it with the next; owned */
        char *bytes;
        size_t length;
        enum topic_kind kind;
        unsigned qos;
    } held;

    /* what it lived through, for the truth */
    int64_t boots, deaths, failures, busy_answers, loops;
    int64_t commands, commands_stale, commands_bad, notices, asks;
    int64_t attempts, attempt_max;     /* attempts begun; highest number seen */
    int64_t rollbacks;                 /* times it went back to the old slot */
    int64_t downloads, download_bytes, download_cuts;
    int64_t reports;
    unsigned version_count;
    struct installed {
        char version[VERSION_SIZE];
        int64_t times;
    } installed[DEVICE_VERSIONS_MAX];  /* what was written into a slot, and how often */
};

enum download_result { DOWNLOAD_OK, DOWNLOAD_HTTP, DOWNLOAD_TIMEOUT, DOWNLOAD_SHA256, DOWNLOAD_SIZE };

/* id, model, kind, behaviour and version must be filled in afterwards by the fleet; everything else starts here. */
void device_init(struct device *device, const struct device_plan *plan, uint32_t index);
void device_done(struct device *device);
/* As which it acts from now on, by the version of its order. */
void device_behave(struct device *device);

/* What happens to it. */
void device_start(struct device *device);                        /* first boot */
void device_connected(struct device *device);
void device_disconnected(struct device *device);
void device_timer_fired(struct device *device, enum device_timer timer);
void device_command(struct device *device, const char *bytes, size_t length);
void device_notice(struct device *device, const char *bytes, size_t length);
void device_progress(struct device *device, unsigned progress);  /* of its download, in percent */
void device_downloaded(struct device *device, enum download_result result);
void device_refused(struct device *device, enum error_code error, const char *text);   /* what it downloaded does not verify */
/* The answer to its ask: status 0 when there was none; retry_after_s 0 when it does not say. */
void device_answered(struct device *device, int status, const char *body, size_t length, int64_t retry_after_s);

const char *device_version(const struct device *device);         /* what it really runs */
const char *device_status(const struct device *device);          /* the word in its heartbeats */
void device_boot_id(const struct device *device, char ret[BOOT_ID_SIZE]);
bool device_is_quiet(const struct device *device);               /* nothing will happen unless it is told to */

/* Between the files of the device. */
uint64_t device_random(struct device *device);
int64_t device_jitter_ms(struct device *device, int64_t wait_ms);                  /* 50 to 150 percent of it */
void device_enter(struct device *device, enum phase phase, int64_t wait_ms);       /* wait_ms < 0: no end of its own */
void device_reboot(struct device *device, unsigned slot, enum boot_purpose purpose);
void device_die(struct device *device);
void device_say_online(struct device *device, bool online);
void device_say_heartbeat(struct device *device);
void device_say_report(struct device *device, enum report_state state, int64_t progress, enum error_code error, const char *text);
void device_say_again(struct device *device);                                      /* its last report, with a new seq */
void device_release_held(struct device *device);
bool device_takes_fault(struct device *device, enum step step);                    /* true: it failed or died at this step */
void device_fail(struct device *device, enum error_code error, const char *text);  /* this attempt is over */
void device_begin(struct device *device);                                          /* carry out `order` from the download on */
void device_stop(struct device *device);                                           /* drop what is under way */
void device_step_over(struct device *device);                                      /* the phase's time is over, upgrade phases */
void device_became_ready(struct device *device);
void device_take_order(struct device *device, struct command *command);            /* frees it; NULL is fine */
void device_look_at_notice(struct device *device);
void device_ask_again(struct device *device, int64_t retry_after_s);
