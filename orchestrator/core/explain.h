/* Where a device stands, in words: what is, why, what comes next and when. */
#pragma once

#include "orchestrator/core/decide.h"
#include "orchestrator/core/flow.h"

void explain(const struct situation *s, struct explanation *ret);
