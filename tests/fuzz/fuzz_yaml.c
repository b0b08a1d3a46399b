/* Any bytes as a YAML file: refused with a place, or turned into JSON that is JSON, with places in it that rise. */
#include "fuzz.h"

#include "cli/yaml_json.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct json_limits limits = {1u << 20, 32, 1u << 19, 1u << 20};
    struct yaml_places places;
    struct problem problem = {0};
    struct json_flat flat;
    struct buffer json;

    buffer_init(&json, 1u << 20);
    if (yaml_to_json((const char *)bytes, length, &json, &places, &problem) != DROVER_OK) {
        MUST(problem.error != DROVER_OK && problem.where[0] && problem.what[0]);
    } else {
        /* refused for what it says (no object, a name twice, a text of no UTF-8), never for how it is spelled */
        enum drover_error error = json_document_read(json.bytes, json.length, &limits, &flat, &problem);
        MUST(json.length > 0 && (error != DROVER_SYNTAX || strstr(problem.what, "\\u0000") || strstr(problem.what, "UTF-8")));
        for (size_t i = 0; i < places.count; i++)
            MUST(places.items[i].line > 0 && places.items[i].offset < json.length && (i == 0 || places.items[i].offset > places.items[i - 1].offset));
    }
    yaml_places_done(&places);
    buffer_done(&json);
    return 0;
}
