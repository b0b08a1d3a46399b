/* See doorbell.h. Only events of the rollout itself are asked for, never those of its devices: there are few. */
#include "cli/doorbell.h"

#include <stdio.h>

#include "cli/cli.h"
#include "common/clock.h"

/* A gap rings too: what happened in it is looked up. */
static bool has_rung(void *arg, const char *type, const char *data, size_t length)
{
    (void)arg, (void)type, (void)data, (void)length;
    return false;
}

static bool bytes_came(void *arg, const char *bytes, size_t length)
{
    struct doorbell *bell = arg;

    return sse_feed(&bell->sse, bytes, length);
}

void doorbell_init(struct doorbell *bell)
{
    *bell = (struct doorbell){0};
    sse_init(&bell->sse, has_rung, NULL);
}

void doorbell_done(struct doorbell *bell)
{
    sse_done(&bell->sse);
}

static void path_write(const struct doorbell *bell, const char *rollout_id, int64_t since_ms, struct buffer *out)
{
    char since[32];

    (void)snprintf(since, sizeof since, "%lld-0", (long long)since_ms);
    buffer_add_text(out, "/api/v1/events/stream");
    http_query_add(out, "after", bell->sse.id[0] ? bell->sse.id : since);
    http_query_add(out, "rollout", rollout_id);
    http_query_add(out, "kind", "rollout");
}

/* True: it was rung, or nothing came for as long as it might take. */
static bool listen(struct doorbell *bell, struct cli *cli, const char *path, int64_t hold_ms)
{
    struct api brief = cli->api;
    struct api_answer answer;
    int64_t until_ms = clock_mono_ms() + hold_ms;
    bool broken, rung;

    if (!brief.deadline_mono_ms || until_ms < brief.deadline_mono_ms)
        brief.deadline_mono_ms = until_ms;
    sse_restart(&bell->sse);
    rung = api_stream(&brief, path, hold_ms, bytes_came, bell, &answer, &broken) == CLI_OK;
    bell->none = answer.status == 404 || answer.status == 405;
    api_answer_done(&answer);
    return rung || clock_mono_ms() >= until_ms;
}

bool doorbell_wait(struct doorbell *bell, struct cli *cli, const char *rollout_id, int64_t since_ms, int64_t hold_ms, int64_t sleep_ms)
{
    struct buffer path;
    bool enough;

    if (bell->none || hold_ms <= sleep_ms)
        return api_sleep(&cli->api, sleep_ms);
    buffer_init(&path, 0);
    path_write(bell, rollout_id, since_ms, &path);
    enough = !path.failed && listen(bell, cli, path.bytes, hold_ms);
    buffer_done(&path);
    return enough ? api_left_ms(&cli->api) > 0 : api_sleep(&cli->api, sleep_ms);
}
