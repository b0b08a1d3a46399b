/* A small printer of its own: cJSON's leaves DEL and C1 controls as they are. */
#include "cli/json_print.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "common/json.h"

static void line(struct buffer *out, int indent)
{
    if (indent >= 0)
        buffer_add_format(out, "\n%*s", 2 * indent, "");
}

static void number(struct buffer *out, double value)
{
    if (value == floor(value) && fabs(value) < 9007199254740993.0)
        buffer_add_format(out, "%.0f", value);
    else if (isfinite(value))
        buffer_add_format(out, "%.17g", value);
    else
        buffer_add_text(out, "null");
}

static void members(struct buffer *out, const struct cJSON *value, int indent, const char *brackets)
{
    const struct cJSON *child;
    int inner = indent < 0 ? indent : indent + 1;

    buffer_add(out, &brackets[0], 1);
    cJSON_ArrayForEach(child, value) {
        if (child != value->child)
            buffer_add_text(out, ",");
        line(out, inner);
        if (cJSON_IsObject(value)) {
            json_add_quoted(out, child->string);
            buffer_add_text(out, indent < 0 ? ":" : ": ");
        }
        json_print(out, child, inner);
    }
    if (value->child)
        line(out, indent);
    buffer_add(out, &brackets[1], 1);
}

void json_print(struct buffer *out, const struct cJSON *value, int indent)
{
    if (cJSON_IsObject(value))
        members(out, value, indent, "{}");
    else if (cJSON_IsArray(value))
        members(out, value, indent, "[]");
    else if (cJSON_IsString(value))
        json_add_quoted(out, value->valuestring);
    else if (cJSON_IsNumber(value))
        number(out, value->valuedouble);
    else
        buffer_add_text(out, cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "null");
}
