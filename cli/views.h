/* How releases, rollouts, devices and events are shown: columns of their lists and facts of one of them. */
#pragma once

#include "cli/output.h"

extern const struct view release_list_view, release_view, delta_list_view;
extern const struct view rollout_list_view, rollout_view, stage_list_view;
extern const struct view device_list_view, exclusion_list_view, device_view, upgrade_view;
extern const struct view event_list_view, model_list_view, verification_view;
