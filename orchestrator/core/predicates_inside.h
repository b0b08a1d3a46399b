/* Inside the predicates: the rows that stand in another file than the table. */
#pragma once

#include "orchestrator/core/predicates.h"

void finding_say(struct finding *ret, const char *format, ...) PRINTF_LIKE(2, 3);

const char *limit_places_refusal(const struct look *look);
void limit_places_describe(const struct look *look, struct finding *ret);
const char *limit_bytes_refusal(const struct look *look);
void limit_bytes_describe(const struct look *look, struct finding *ret);
const char *limit_minute_refusal(const struct look *look);
void limit_minute_describe(const struct look *look, struct finding *ret);
const char *limit_site_refusal(const struct look *look);
void limit_site_describe(const struct look *look, struct finding *ret);
const char *limit_depot_refusal(const struct look *look);
void limit_depot_describe(const struct look *look, struct finding *ret);
const char *limit_line_refusal(const struct look *look);
void limit_line_describe(const struct look *look, struct finding *ret);
