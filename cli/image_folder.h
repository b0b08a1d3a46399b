/* A folder of images, NAME.img for each component: written whole or not at all, no name taken from a package unchecked. */
#pragma once

#include "cli/out_file.h"
#include "firmware/package_head.h"

struct image_folder {
    struct cli *cli;
    const char *path;
    bool is_made;                                         /* the folder was not there: it goes again when nothing came of it */
    bool kept;                                            /* partial images stay for the next time (--journal) */
    enum cli_exit code;                                   /* of the last failure, reported */
    struct out_file files[PACKAGE_COMPONENTS_MAX];        /* fd -1: not begun */
    char *paths[PACKAGE_COMPONENTS_MAX];                  /* owned */
};

/* Makes the folder when it is not there. */
enum cli_exit image_folder_init(struct image_folder *folder, struct cli *cli, const char *path, bool kept);
/* Opens "NAME<suffix>" for a component under a temporary name; files[component].fd is its descriptor. */
enum cli_exit image_begin(struct image_folder *folder, unsigned component, const char *name, const char *suffix);
/* All images under their names. */
enum cli_exit images_commit(struct image_folder *folder);
/* Frees; removes what was not committed (unless kept). */
void image_folder_done(struct image_folder *folder);
/* "folder/.NAME.journal" malloc'ed; NULL: out of memory. */
char *image_journal_path(const struct image_folder *folder, const char *name);
/* One document beside the images. */
enum cli_exit image_document_write(struct image_folder *folder, const char *name, const void *bytes, size_t length);

/* Whether --only wants the component (no --only: all); an unknown name in --only is reported. */
bool image_is_wanted(const struct cli *cli, const char *name);
enum cli_exit image_names_check(struct cli *cli, const struct manifest *manifest);
