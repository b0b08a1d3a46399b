/* See image_folder.h. */
#include "cli/image_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

enum cli_exit image_folder_init(struct image_folder *folder, struct cli *cli, const char *path, bool kept)
{
    struct stat facts;

    *folder = (struct image_folder){.cli = cli, .path = path, .kept = kept};
    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++)
        folder->files[i].fd = -1;
    folder->is_made = mkdir(path, 0777) == 0;
    if (folder->is_made)
        return CLI_OK;
    if (errno != EEXIST)
        return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    if (stat(path, &facts) != 0 || !S_ISDIR(facts.st_mode))
        return cli_fail(cli, CLI_FAILED, "%s: exists and is no folder", path);
    return CLI_OK;
}

enum cli_exit image_begin(struct image_folder *folder, unsigned component, const char *name, const char *suffix)
{
    if (!text_is_id(name, strlen(name))) /* the reader of manifests says the same; this is where it would hurt */
        return folder->code = cli_fail(folder->cli, CLI_REFUSED, "E_INCOMPATIBLE: a component's name is no id");
    folder->paths[component] = out_join(folder->path, "", name, suffix);
    if (!folder->paths[component])
        return folder->code = cli_fail(folder->cli, CLI_FAILED, "out of memory");
    folder->code = out_open(folder->cli, folder->paths[component], OUT_MODE, folder->kept, &folder->files[component]);
    return folder->code;
}

enum cli_exit images_commit(struct image_folder *folder)
{
    enum cli_exit code = CLI_OK;

    for (unsigned i = 0; !code && i < PACKAGE_COMPONENTS_MAX; i++)
        if (folder->files[i].fd >= 0)
            code = out_commit(folder->cli, &folder->files[i]);
    return code;
}

void image_folder_done(struct image_folder *folder)
{
    for (unsigned i = 0; i < PACKAGE_COMPONENTS_MAX; i++) {
        out_done(&folder->files[i]);
        free(folder->paths[i]);
    }
    if (folder->is_made)
        (void)rmdir(folder->path); /* stays when there is something in it */
}

char *image_journal_path(const struct image_folder *folder, const char *name)
{
    return out_join(folder->path, ".", name, ".journal");
}

enum cli_exit image_document_write(struct image_folder *folder, const char *name, const void *bytes, size_t length)
{
    char *path = out_join(folder->path, "", name, "");
    enum cli_exit code = path ? out_write(folder->cli, path, OUT_MODE, bytes, length) : cli_fail(folder->cli, CLI_FAILED, "out of memory");

    free(path);
    return code;
}

bool image_is_wanted(const struct cli *cli, const char *name)
{
    const char *wanted;

    for (unsigned i = 0; (wanted = cli_text_at(cli, OPT_ONLY, i)); i++)
        if (strcmp(wanted, name) == 0)
            return true;
    return !cli_given(cli, OPT_ONLY);
}

enum cli_exit image_names_check(struct cli *cli, const struct manifest *manifest)
{
    const char *wanted;

    for (unsigned i = 0; (wanted = cli_text_at(cli, OPT_ONLY, i)); i++)
        if (!manifest_component(manifest, wanted))
            return cli_fail(cli, CLI_USAGE, "--only: the package has no component %s", wanted);
    return CLI_OK;
}
