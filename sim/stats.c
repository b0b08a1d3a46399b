/* Collects what is spread over devices, links and downloads; nothing is counted here. */
#include "sim/stats.h"

#include <inttypes.h>

#include "common/clock.h"

struct line {
    FILE *out;
    bool json, first;
};

static void put(struct line *line, const char *name, uint64_t value)
{
    if (line->json)
        (void)fprintf(line->out, "%s\"%s\":%" PRIu64, line->first ? "{" : ",", name, value);
    else
        (void)fprintf(line->out, "%s%s=%" PRIu64, line->first ? "" : " ", name, value);
    line->first = false;
}

static void put_phases(const struct sim *sim, struct line *line)
{
    uint64_t counts[PHASE_COUNT] = {0}, installed = 0, commands = 0, bad = 0;

    for (uint32_t i = 0; i < sim->count; i++) {
        const struct device *device = &sim->actors[i].device;

        counts[device->phase]++;
        commands += (uint64_t)device->commands;
        bad += (uint64_t)device->commands_bad;
        for (unsigned j = 0; j < device->version_count; j++)
            installed += (uint64_t)device->installed[j].times;
    }
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        put(line, phase_name(i), counts[i]);
    put(line, "commands", commands);
    put(line, "commands_bad", bad);
    put(line, "installed", installed);
}

void stats_print(const struct sim *sim, FILE *out)
{
    const struct mqtt_outbox_totals *outbox = &sim->link_totals.outbox;
    struct line line = {out, sim->options->json, true};

    put(&line, "seconds", (uint64_t)(clock_mono_ms() - sim->began_ms) / 1000);
    put(&line, "devices", sim->count);
    put(&line, "connected", sim->mqtt_totals.up);
    put_phases(sim, &line);
    put(&line, "sent", outbox->sent);
    put(&line, "acked", outbox->acked);
    put(&line, "resent", outbox->resent);
    put(&line, "dropped_full", outbox->dropped_full);
    put(&line, "dropped_down", outbox->dropped_down);
    put(&line, "dropped_long", outbox->dropped_long);
    put(&line, "refused", outbox->refused + sim->link_totals.subscribe_refused);
    put(&line, "received", sim->link_totals.received);
    put(&line, "connects", sim->mqtt_totals.connects);
    put(&line, "losses", sim->mqtt_totals.losses);
    put(&line, "connects_refused", sim->mqtt_totals.refusals);
    put(&line, "malformed", sim->mqtt_totals.malformed);
    put(&line, "download_bytes", sim->download_totals.bytes);
    put(&line, "download_requests", sim->download_totals.requests);
    put(&line, "download_retries", sim->download_totals.retries);
    put(&line, "download_cuts", sim->download_totals.cuts);
    (void)fprintf(out, "%s\n", line.json ? "}" : "");
    (void)fflush(out);
}
