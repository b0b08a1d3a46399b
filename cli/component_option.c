/* Settings stand behind the file name and are taken off from the end, so that a file name may have commas. */
#include "cli/component_option.h"

#include <stdlib.h>
#include <string.h>

#define PART "part="
#define COMPRESSION "compression="

/* Takes one ",name=value" off the end. False: the last comma is none of ours. */
static bool setting_take(char *text, struct component *component, bool *ret_bad)
{
    char *comma = strrchr(text, ',');
    const char *setting = comma ? comma + 1 : "";

    if (strncmp(setting, PART, strlen(PART)) == 0) {
        setting += strlen(PART);
        *ret_bad = !text_is_id(setting, strlen(setting)) || !text_copy(component->part, sizeof component->part, setting);
    } else if (strncmp(setting, COMPRESSION, strlen(COMPRESSION)) == 0) {
        *ret_bad = !compression_from_name(setting + strlen(COMPRESSION), &component->compression);
    } else {
        return false;
    }
    if (!*ret_bad)
        *comma = '\0';
    return !*ret_bad;
}

enum cli_exit component_option_read(struct cli *cli, const char *text, struct component *ret_component, char **ret_image)
{
    const char *equals = strchr(text, '=');
    size_t name_length = equals ? (size_t)(equals - text) : 0;
    bool is_bad = false;
    char *image;

    *ret_component = (struct component){.compression = COMPRESSION_ZSTD};
    if (!equals || !text_is_id(text, name_length) || !text_copy_n(ret_component->name, sizeof ret_component->name, text, name_length))
        return cli_fail(cli, CLI_USAGE, "--component: `%s` is not NAME=FILE[,part=PART][,compression=zstd|none]", text);
    image = strdup(equals + 1);
    if (!image)
        return cli_fail(cli, CLI_FAILED, "out of memory");
    while (setting_take(image, ret_component, &is_bad))
        ;
    if (is_bad || image[0] == '\0') {
        free(image);
        return cli_fail(cli, CLI_USAGE, "--component: `%s`: %s", text, is_bad ? "part= takes an id, compression= takes zstd or none" : "no file is named");
    }
    if (!ret_component->part[0])
        (void)text_copy(ret_component->part, sizeof ret_component->part, ret_component->name);
    *ret_image = image;
    return CLI_OK;
}
