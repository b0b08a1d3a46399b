/* The truth is written beside its place and moved there, so that a reader never sees half of it. */
#include "sim/truth.h"

#include <stdio.h>
#include <unistd.h>

#include "common/json.h"

#define LINE_MAX_BYTES 4096

static void put_installs(const struct device *device, struct json_writer *writer)
{
    json_open_object(writer, "installs");
    for (unsigned i = 0; i < device->version_count; i++)
        json_put_i64(writer, device->installed[i].version, device->installed[i].times);
    json_close_object(writer);
}

/* The last thing it said of its upgrade; left out when it never said anything. */
static void put_said(const struct device *device, struct json_writer *writer)
{
    json_put_i64(writer, "reports", device->reports);
    if (device->order.upgrade_id[0])
        json_put_text(writer, "upgrade_id", device->order.upgrade_id);
    if (!device->said.upgrade_id[0])
        return;
    json_put_text(writer, "last_report", report_state_name(device->said.state));
    json_put_i64(writer, "report_seq", device->said.seq);
    if (device->said.error != E_NONE)
        json_put_text(writer, "last_error", error_code_name(device->said.error));
}

static void put_counts(const struct device *device, struct json_writer *writer)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {
        {"boots", device->boots},       {"deaths", device->deaths},         {"rollbacks", device->rollbacks},
        {"commands", device->commands}, {"commands_stale", device->commands_stale}, {"commands_bad", device->commands_bad},
        {"notices", device->notices},   {"asks", device->asks},             {"attempts", device->attempts},
        {"attempt_max", device->attempt_max}, {"failures", device->failures}, {"downloads", device->downloads},
        {"download_bytes", device->download_bytes}, {"download_cuts", device->download_cuts},
    };

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        json_put_i64(writer, counts[i].name, counts[i].value);
}

void truth_line(const struct device *device, struct buffer *buffer)
{
    const struct behaviour *behaviour = &device->given;
    char boot_id[BOOT_ID_SIZE];
    struct json_writer writer;

    device_boot_id(device, boot_id);
    json_begin(&writer, buffer);
    json_put_text(&writer, "id", device->id);
    json_put_text(&writer, "model", device->model);
    json_put_text(&writer, "kind", device->kind == KIND_SIMPLE ? "simple" : "managed");
    json_put_text(&writer, "behaviour", behaviour_name(behaviour->kind));
    json_put_text(&writer, "step", behaviour->step ? step_name(behaviour->step) : NULL);
    if (behaviour_number_name(behaviour->kind)[0])
        json_put_i64(&writer, behaviour_number_name(behaviour->kind), behaviour->number);
    json_put_text(&writer, "expect", behaviour_expect(behaviour, device->kind));
    json_put_text(&writer, "version", device_version(device));
    json_put_text(&writer, "slot", device->slot ? "b" : "a");
    json_put_text(&writer, "boot_id", boot_id);
    json_put_text(&writer, "phase", phase_name(device->phase));
    json_put_text(&writer, "status", device_status(device));
    put_counts(device, &writer);
    put_installs(device, &writer);
    put_said(device, &writer);
    json_end(&writer);
}

static bool write_lines(const struct sim *sim, FILE *file)
{
    struct buffer line;
    bool good = true;

    buffer_init(&line, LINE_MAX_BYTES);
    for (uint32_t i = 0; i < sim->count && good; i++) {
        buffer_clear(&line);
        truth_line(&sim->actors[i].device, &line);
        buffer_add(&line, "\n", 1);
        good = !line.failed && fwrite(line.bytes, 1, line.length, file) == line.length;
    }
    buffer_done(&line);
    return good;
}

enum drover_error truth_write(const struct sim *sim, const char *path)
{
    char beside[256];
    FILE *file;
    bool good;

    (void)snprintf(beside, sizeof beside, "%s.new", path);
    file = fopen(beside, "we");
    if (!file)
        return DROVER_IO;
    good = write_lines(sim, file);
    good = fclose(file) == 0 && good;
    if (!good || rename(beside, path) != 0) {
        (void)unlink(beside);
        return DROVER_IO;
    }
    return DROVER_OK;
}
