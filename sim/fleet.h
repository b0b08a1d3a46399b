/* Who is in the fleet: ids, models, kinds and behaviours, all computed from the options and the seed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "sim/device.h"
#include "sim/options.h"

#define FLEET_MODELS_MAX 16
#define FLEET_ID_DIGITS 7

struct fleet_models {
    unsigned count;
    int64_t weights;
    struct fleet_model {
        char name[ID_SIZE];
        char version[VERSION_SIZE];
        int64_t weight;
    } items[FLEET_MODELS_MAX];
};

/* "esp32=1.0.0:3,gateway": names, start versions, weights. */
MUST_USE enum drover_error fleet_models_read(const char *text, const char *version, struct fleet_models *ret_models, struct problem *ret_problem);
/* The id of a device: prefix and its index in seven digits. */
void fleet_id(const char *prefix, uint32_t index, char ret[ID_SIZE]);
/* The index in an id; false when the id is not one of this prefix. */
bool fleet_index(const char *prefix, const char *id, uint32_t *ret_index);
const struct fleet_model *fleet_model_of(const struct fleet_models *models, uint64_t seed, uint32_t index);
/* Makes device `index` of the fleet: the first options->devices are managed, the rest simple. models must outlive it. */
void fleet_device(const struct options *options, const struct fleet_models *models, const struct device_plan *plan, uint32_t index,
                  struct device *ret_device);
