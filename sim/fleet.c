/* The same options and seed always give the same fleet: nothing here looks at a clock or keeps a state. */
#include "sim/fleet.h"

#include <stdio.h>
#include <string.h>

#include "common/hash.h"

#define SALT_MODEL UINT64_C(0x6d6f64656c)

/* name[=version][:weight] */
static enum drover_error model_read(const char *text, size_t length, const char *version, struct fleet_model *ret_model, struct problem *ret_problem)
{
    const char *end = text + length, *colon = memchr(text, ':', length);
    const char *version_end = colon ? colon : end;
    const char *equals = memchr(text, '=', (size_t)(version_end - text));
    size_t name_length = (size_t)((equals ? equals : version_end) - text);

    ret_model->weight = 1;
    if (!text_is_id(text, name_length) || !text_copy_n(ret_model->name, sizeof ret_model->name, text, name_length))
        return problem_set(ret_problem, DROVER_SYNTAX, "models", "'%.*s' is not name[=version][:weight]", (int)length, text);
    if (colon && !text_to_i64(colon + 1, (size_t)(end - colon - 1), 1, 1000, &ret_model->weight))
        return problem_set(ret_problem, DROVER_RANGE, "models", "'%.*s': the weight is not in 1 .. 1000", (int)length, text);
    if (equals)
        return semver_read(equals + 1, (size_t)(version_end - equals - 1), ret_model->version, ret_problem);
    return semver_read(version, strlen(version), ret_model->version, ret_problem);
}

enum drover_error fleet_models_read(const char *text, const char *version, struct fleet_models *ret_models, struct problem *ret_problem)
{
    struct fleet_models models = {.count = 0};

    for (;;) {
        size_t length = strcspn(text, ",");
        enum drover_error error;

        if (models.count == FLEET_MODELS_MAX)
            return problem_set(ret_problem, DROVER_FULL, "models", "more than %d", FLEET_MODELS_MAX);
        error = model_read(text, length, version, &models.items[models.count], ret_problem);
        if (error)
            return error;
        models.weights += models.items[models.count++].weight;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    *ret_models = models;
    return DROVER_OK;
}

void fleet_id(const char *prefix, uint32_t index, char ret[ID_SIZE])
{
    (void)snprintf(ret, ID_SIZE, "%.32s%0*u", prefix, FLEET_ID_DIGITS, (unsigned)index);
}

bool fleet_index(const char *prefix, const char *id, uint32_t *ret_index)
{
    size_t length = strlen(prefix);
    uint32_t index = 0;

    if (strncmp(id, prefix, length) != 0 || strlen(id + length) != FLEET_ID_DIGITS)
        return false;
    for (const char *digit = id + length; *digit; digit++) {
        if (*digit < '0' || *digit > '9')
            return false;
        index = index * 10 + (uint32_t)(*digit - '0');
    }
    *ret_index = index;
    return true;
}

const struct fleet_model *fleet_model_of(const struct fleet_models *models, uint64_t seed, uint32_t index)
{
    int64_t place = (int64_t)(hash_mix(hash_mix(seed ^ SALT_MODEL) + index) % (uint64_t)models->weights);
    unsigned i = 0;

    while (place >= models->items[i].weight)
        place -= models->items[i++].weight;
    return &models->items[i];
}

void fleet_device(const struct options *options, const struct fleet_models *models, const struct device_plan *plan, uint32_t index,
                  struct device *ret_device)
{
    const struct fleet_model *model = fleet_model_of(models, plan->seed, index);

    device_init(ret_device, plan, index);
    fleet_id(options->prefix, index, ret_device->id);
    ret_device->model = model->name;
    ret_device->kind = index < options->devices ? KIND_MANAGED : KIND_SIMPLE;
    ret_device->given = ret_device->behaviour = profile_draw(&options->profile, plan->seed, index, ret_device->kind);
    device_behave(ret_device);
    (void)text_copy(ret_device->slots[0], VERSION_SIZE, model->version);
}
