/* An order for a rollout that waits for another person's approval, for people. */
#pragma once

#include "cli/cli.h"

struct cJSON;

/* What stands in a rollout's member "proposal", with what an edit would change; nothing when there is none, and in no other format than the table. */
void proposal_print(struct cli *cli, const struct cJSON *rollout);
/* After an order: says that it was not carried out but waits, when the answer says so. */
void proposal_note(struct cli *cli, const struct api_answer *answer);
