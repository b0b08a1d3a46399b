/* Compares rollouts with what the broker was told. */
#include "orchestrator/edges/chores_notice.h"

#include <stdio.h>
#include <string.h>

void notice_forget(struct notice_book *book)
{
    book->count = 0;
}

void notice_make(const struct rollout *rollout, const char *public_url, int64_t spread_s, struct notice *ret)
{
    memset(ret, 0, sizeof *ret);
    memcpy(ret->rollout, rollout->id, sizeof ret->rollout);
    memcpy(ret->model, rollout->model, sizeof ret->model);
    memcpy(ret->version, rollout->version, sizeof ret->version);
    memcpy(ret->sha256, rollout->release.sha256, sizeof ret->sha256);
    (void)snprintf(ret->url, sizeof ret->url, "%s/firmware/latest", public_url);
    ret->size_bytes = rollout->release.size_bytes;
    ret->share_pct = rollout->share_pct;
    ret->spread_s = spread_s;
    ret->epoch = rollout->epoch;
}

static struct notice_told *told_find(struct notice_book *book, const char *model)
{
    for (unsigned i = 0; i < book->count; i++)
        if (strcmp(book->told[i].model, model) == 0)
            return &book->told[i];
    return NULL;
}

static const struct rollout *running_find(const struct rollout *rollouts, size_t count, const char *model)
{
    for (size_t i = 0; i < count; i++)
        if (rollout_state_takes(rollouts[i].state) && strcmp(rollouts[i].model, model) == 0)
            return &rollouts[i];
    return NULL;
}

static void told_remember(struct notice_book *book, const char *model, const struct rollout *running, int64_t spread_s)
{
    struct notice_told *told = told_find(book, model);

    if (!told && book->count < NOTICES_MAX)
        told = &book->told[book->count++];
    if (!told)
        return; /* said again each time instead of once: more models than the book holds */
    memset(told, 0, sizeof *told);
    (void)text_copy(told->model, sizeof told->model, model);
    (void)text_copy(told->rollout, sizeof told->rollout, running ? running->id : "");
    told->epoch = running ? running->epoch : 0;
    told->spread_s = spread_s;
}

static bool told_is_of(const struct notice_told *told, const struct rollout *running)
{
    if (!told)
        return false;
    return running ? strcmp(told->rollout, running->id) == 0 && told->epoch == running->epoch : told->rollout[0] == '\0';
}

static int64_t spread_now(const struct notice_told *told, const struct rollout *running, const struct depot_load *depot)
{
    return running ? pace_spread_s(depot, running->spread_s, told_is_of(told, running) ? told->spread_s : 0) : 0;
}

/* Says what the model's devices have to know, if it is not what they were told. */
static void model_update(struct notice_book *book, const char *model, const struct rollout *running, const struct notice_place *place,
                         notice_say *say, void *arg)
{
    const struct notice_told *told = told_find(book, model);
    int64_t spread_s = spread_now(told, running, &place->depot);
    struct notice notice;

    if (told_is_of(told, running) && told->spread_s == spread_s)
        return;
    if (running)
        notice_make(running, place->public_url, spread_s, &notice);
    if (say(arg, model, running ? &notice : NULL))
        told_remember(book, model, running, spread_s);
}

void notice_update(struct notice_book *book, const struct rollout *rollouts, size_t count, const struct notice_place *place,
                   notice_say *say, void *arg)
{
    char model[ID_SIZE];

    for (unsigned i = 0; i < book->count; i++) { /* told something, of which no rollout is left */
        memcpy(model, book->told[i].model, sizeof model);
        if (!running_find(rollouts, count, model))
            model_update(book, model, NULL, place, say, arg);
    }
    for (size_t i = 0; i < count; i++)
        model_update(book, rollouts[i].model, running_find(rollouts, count, rollouts[i].model), place, say, arg);
}
