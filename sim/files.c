/* A connection is an open file: 20,000 devices need more of them than a shell usually allows. */
#include "sim/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

bool files_allow(uint64_t needed, struct problem *ret_problem)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        limit.rlim_cur = limit.rlim_max = 0;
    if (limit.rlim_cur >= needed)
        return true;
    limit.rlim_cur = needed;
    if (limit.rlim_max < needed) /* only for root */
        limit.rlim_max = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return true;
    (void)problem_set(ret_problem, DROVER_RANGE, "open files", "%" PRIu64 " are needed, the system allows fewer (ulimit -n); use --connections", needed);
    return false;
}

bool files_read_line(const char *path, char *ret, size_t size)
{
    FILE *file = fopen(path, "re");
    bool good;

    if (!file)
        return false;
    good = fgets(ret, (int)size, file) != NULL;
    if (!good)
        errno = ferror(file) ? EIO : ENODATA;
    (void)fclose(file);
    if (good)
        ret[strcspn(ret, "\r\n")] = '\0';
    return good;
}
