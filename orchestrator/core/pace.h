/* How many devices may be told to download: as many as the depot can carry. Values in, values out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What the edge sees of the depot. */
struct depot_load {
    int64_t places;        /* devices that may download at a time; 0: not known, or no limit */
    int64_t used;          /* devices that do now, whoever told them */
    int64_t ahead_ms;      /* those for whom there is no place are told to come again within so long; 0: there is one */
};

struct pace {
    struct depot_load depot;
    int64_t announced;     /* upgrades whose device was told and has not begun to download */
    int64_t downloading;   /* upgrades whose device says that it downloads */
    int64_t deciding;      /* decisions to tell another one that are not saved yet */
};

/* May one more be told? A device that was told will come; one that downloads is seen by the depot and by its upgrade, so the larger number counts. */
bool pace_has_room(const struct pace *pace);
/* Places that are taken or promised. */
int64_t pace_taken(const struct pace *pace);
/* Why one more may not be told. */
extern const char pace_refusal[];

/* Over how long a notice shall spread those who hear it: as planned, but no shorter than the depot's queue is. In steps, each twice the last one, and
 * narrower only when the queue has become far shorter than `told_s` (what was said last, 0: nothing), so that a notice is not said again all the time. */
int64_t pace_spread_s(const struct depot_load *depot, int64_t planned_s, int64_t told_s);
