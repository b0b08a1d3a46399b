/* Reads a one-line secret; the buffer that saw the file is wiped. */
#include "orchestrator/edges/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define SECRET_BYTES_MAX 512

enum drover_error secret_read(const char *path, char *ret, size_t size, struct problem *ret_problem)
{
    char line[SECRET_BYTES_MAX + 2];
    enum drover_error error = DROVER_OK;
    FILE *file = fopen(path, "re");
    bool read, failed;

    if (!file)
        return problem_set(ret_problem, DROVER_IO, path, "cannot be opened: %s", strerror(errno));
    read = fgets(line, sizeof line, file) != NULL;
    failed = !read && ferror(file);
    fclose(file);
    if (failed)
        return problem_set(ret_problem, DROVER_IO, path, "cannot be read");
    line[read ? strcspn(line, "\r\n") : 0] = '\0';
    if (line[0] == '\0')
        error = problem_set(ret_problem, DROVER_MISSING, path, "its first line is empty");
    else if (!text_is_plain(line, strlen(line)))
        error = problem_set(ret_problem, DROVER_SYNTAX, path, "has control characters or is not UTF-8");
    else if (!text_copy(ret, size, line))
        error = problem_set(ret_problem, DROVER_TOO_LONG, path, "its first line has over %zu bytes", size - 1);
    explicit_bzero(line, sizeof line);
    return error;
}
