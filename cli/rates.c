/* See rates.h. */
#include "cli/rates.h"

#include "cli/values.h"

/* How many moves a device has behind it at least when it stands in this state. */
static const struct {
    const char *state;
    int64_t steps;
} states[] = {
    {"states.pending", 1},    {"states.dispatched", 2},   {"states.acknowledged", 3}, {"states.downloading", 4}, {"states.installing", 5},
    {"states.verifying", 6},  {"states.succeeded", 7},    {"states.retry_wait", 3},   {"states.held", 4},         {"states.rolling_back", 7}, {"states.rolled_back", 8},
    {"states.failed", 3},     {"states.rejected", 3},     {"states.lost", 3},         {"states.cancelled", 3},   {"states.superseded", 3},
};

static int64_t steps_of(const struct cJSON *rollout)
{
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        sum += states[i].steps * value_number(rollout, states[i].state, 0);
    return sum;
}

static const struct rates_sample *sample_back(const struct rates *rates, unsigned back)
{
    return &rates->samples[(rates->next + RATES_SAMPLES - 1 - back) % RATES_SAMPLES];
}

/* A look sooner than a share of the span after the one before takes its place, so that the ring always covers the span. */
void rates_add(struct rates *rates, const struct standing *standing)
{
    const struct cJSON *rollout = standing->rollout;

    if (rates->count >= 2 && standing->at_mono_ms - sample_back(rates, 1)->mono_ms < RATES_SPAN_MS / (RATES_SAMPLES - 2)) {
        rates->next = (rates->next + RATES_SAMPLES - 1) % RATES_SAMPLES;
        rates->count--;
    }
    rates->samples[rates->next] = (struct rates_sample){
        .mono_ms = standing->at_mono_ms, .taken = value_number(rollout, "opened", 0), .ended = standing_ended(rollout),
        .steps = steps_of(rollout), .stage = standing->stage, .stage_ended = standing_ended(standing_stage(standing, standing->stage)),
    };
    rates->next = (rates->next + 1) % RATES_SAMPLES;
    if (rates->count < RATES_SAMPLES)
        rates->count++;
}

/* A rollback takes what had ended back: that is no negative rate. */
static double per_second(int64_t now, int64_t then, int64_t span_ms)
{
    return now > then ? (double)(now - then) * 1000 / (double)span_ms : 0;
}

bool rates_read(const struct rates *rates, struct rates_now *ret)
{
    const struct rates_sample *newest, *oldest;
    unsigned back = 0;
    int64_t span_ms;

    *ret = (struct rates_now){0};
    if (rates->count < 2)
        return false;
    newest = sample_back(rates, 0);
    while (back + 1 < rates->count && newest->mono_ms - sample_back(rates, back + 1)->mono_ms <= RATES_SPAN_MS)
        back++;
    oldest = sample_back(rates, back > 0 ? back : 1);
    span_ms = newest->mono_ms - oldest->mono_ms;
    if (span_ms <= 0)
        return false;
    ret->moves_per_s = per_second(newest->steps, oldest->steps, span_ms);
    ret->taken_per_min = 60 * per_second(newest->taken, oldest->taken, span_ms);
    ret->ended_per_min = 60 * per_second(newest->ended, oldest->ended, span_ms);
    if (newest->stage == oldest->stage)
        ret->stage_ended_per_s = per_second(newest->stage_ended, oldest->stage_ended, span_ms);
    return true;
}
