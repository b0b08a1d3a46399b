/* Any bytes as JSON: both ways of reading agree, and what cJSON prints again is still good JSON. */
#include "fuzz.h"

#include <cJSON.h>

#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *text = (const char *)bytes;
    struct json_flat flat;
    struct problem problem = {0};
    cJSON *object = NULL;
    enum drover_error error = json_parse(text, length, &json_message_limits, &object, &problem);

    MUST(json_flat_read(text, length, &json_message_limits, &flat, NULL) == error);
    if (error) {
        MUST(problem.error == error && problem.where[0] && problem.what[0]);
        return 0;
    }
    MUST((int)flat.count == cJSON_GetArraySize(object));
    for (unsigned i = 0; i < flat.count; i++) {
        char value[513];

        MUST(flat.members[i].kind != JSON_STRING ||
             json_member_text(&flat.members[i], "x", value, sizeof value, NULL) == DROVER_OK);
        MUST(flat.members[i].kind != JSON_STRING ||
             strcmp(value, cJSON_GetArrayItem(object, (int)i)->valuestring) == 0);
    }
    cJSON_Delete(object);
    return 0;
}
