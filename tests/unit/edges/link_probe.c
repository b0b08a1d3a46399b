/* The MQTT link with its rings and outbox, without a loop and a flow: test_mqtt_link.py drives it through stdin and reads stdout.
 *   link_probe URL FOLDER [SHARE_GROUP [INSTANCE]]
 * It prints "state connected=.. subscribed=.. error=..." at each change, "got TOPIC PAYLOAD" for each message (which is then
 * committed), and obeys lines on stdin: hold (take no more messages), go, say TOPIC COUNT (commands), notice TEXT, counters, quit. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "orchestrator/edges/mqtt_link.h"

struct probe {
    struct ring *heartbeats, *reports;
    struct outbox *outbox;
    struct mqtt_link *link;
    bool held;
};

static struct ring *ring_make(const char *folder, const char *name)
{
    char path[256];
    struct ring_config config = {.path = path, .size_bytes = 1, .sync_ms = 50};
    struct problem problem;
    struct ring *ring;

    snprintf(path, sizeof path, "%s/%s.ring", folder, name);
    if (ring_open(&config, &ring, NULL, &problem) != DROVER_OK) {
        fprintf(stderr, "%s: %s\n", problem.where, problem.what);
        exit(1);
    }
    return ring;
}

static void take(struct ring *ring)
{
    struct ring_record record;

    do {
        while (ring_next(ring, &record)) {
            printf("got %.*s %.*s%s\n", (int)record.topic_length, record.topic, (int)record.payload_length, record.payload,
                   record.oversized ? "(oversized)" : "");
            ring_commit(ring, record.end);
        }
    } while (!ring_wake_at(ring, 1));
}

static void print_state(struct probe *probe)
{
    struct mqtt_link_state state;

    mqtt_link_state(probe->link, &state);
    printf("state connected=%d subscribed=%d connects=%llu error=%s\n", state.connected, state.subscribed,
           (unsigned long long)state.connects, state.error);
}

static void print_counters(struct probe *probe)
{
    struct outbox_counters out = outbox_counters(probe->outbox);
    struct mqtt_link_state state;

    mqtt_link_state(probe->link, &state);
    printf("counters sent=%llu waiting=%zu unconfirmed=%zu failed=%llu heartbeats=%llu reports=%llu oversized=%llu waits=%llu sessions_lost=%llu\n",
           (unsigned long long)out.sent[LANE_COMMAND], out.waiting[LANE_COMMAND], out.unconfirmed, (unsigned long long)out.failed,
           (unsigned long long)state.received_heartbeats, (unsigned long long)state.received_reports, (unsigned long long)state.oversized,
           (unsigned long long)ring_state(probe->reports).waits, (unsigned long long)state.sessions_lost);
}

static void say(struct probe *probe, const char *topic, int count)
{
    char payload[32];
    struct outbox_message message = {.lane = LANE_COMMAND, .qos = 1, .topic = topic, .payload = payload,
                                     .expires_mono_ms = clock_mono_ms() + 60000};

    for (int i = 0; i < count; i++) {
        message.payload_length = (size_t)snprintf(payload, sizeof payload, "%d", i);
        if (outbox_put(probe->outbox, &message) != DROVER_OK)
            printf("not queued\n");
    }
}

static void say_notice(struct probe *probe, const char *text)
{
    const struct outbox_message message = {.lane = LANE_NOTICE, .qos = 1, .retain = true, .topic = "update/esp32", .payload = text,
                                           .payload_length = strlen(text)};

    (void)outbox_put(probe->outbox, &message);
}

/* False: quit. */
static bool obey(struct probe *probe, char *line)
{
    char topic[128];
    int count;

    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "quit") == 0)
        return false;
    if (strcmp(line, "hold") == 0 || strcmp(line, "go") == 0)
        probe->held = line[0] == 'h';
    else if (strcmp(line, "counters") == 0)
        print_counters(probe);
    else if (sscanf(line, "say %127s %d", topic, &count) == 2)
        say(probe, topic, count);
    else if (strncmp(line, "notice ", 7) == 0)
        say_notice(probe, line + 7);
    return true;
}

static void run(struct probe *probe)
{
    char line[256];

    for (;;) {
        struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {mqtt_link_fd(probe->link), POLLIN, 0},
                               {ring_fd(probe->heartbeats), POLLIN, 0}, {ring_fd(probe->reports), POLLIN, 0}};

        if (!probe->held) {
            take(probe->heartbeats);
            take(probe->reports);
        }
        fflush(stdout);
        if (poll(fds, probe->held ? 2 : 4, -1) < 0)
            continue;
        if (fds[1].revents) {
            mqtt_link_seen(probe->link);
            print_state(probe);
        }
        if (fds[2].revents)
            ring_woken(probe->heartbeats);
        if (fds[3].revents)
            ring_woken(probe->reports);
        if (fds[0].revents && (!fgets(line, sizeof line, stdin) || !obey(probe, line)))
            return;
    }
}

int main(int argc, char **argv)
{
    const struct outbox_config outbox = {.window = 20};
    struct mqtt_link_config config = {.url = argv[1], .instance = argc > 4 ? argv[4] : "probe", .keepalive_s = 5, .session_expiry_s = 60, .retry_base_ms = 50,
                                      .retry_cap_ms = 500, .share_group = argc > 3 ? argv[3] : ""};
    struct probe probe = {.held = false};
    struct problem problem;
    enum drover_error error;

    if (argc < 3)
        return 2;
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what is left */
    config.heartbeats = probe.heartbeats = ring_make(argv[2], "heartbeats");
    config.reports = probe.reports = ring_make(argv[2], "reports");
    config.outbox = probe.outbox = outbox_new(&outbox);
    if (mqtt_link_new(&config, &probe.link, &problem) != DROVER_OK) {
        fprintf(stderr, "%s: %s\n", problem.where, problem.what);
        outbox_free(probe.outbox);
        ring_close(probe.heartbeats);
        ring_close(probe.reports);
        return 1;
    }
    run(&probe);
    error = mqtt_link_free(probe.link, 1000);
    printf("ended %s\n", drover_error_name(error));
    fflush(stdout);
    if (error)
        _exit(0); /* a callback waits in a ring: nothing may be freed */
    outbox_free(probe.outbox);
    ring_close(probe.heartbeats);
    ring_close(probe.reports);
    return 0;
}
