/* Reads /proc/self; the start time is computed once. */
#include "orchestrator/edges/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"

static int64_t resident_bytes(void)
{
    long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%*s %lld", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = 0;

    if (!folder)
        return 0;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1; /* the folder itself was open */
}

/* Field 22 of stat: ticks between the machine's start and ours. The second field may hold spaces, so count from the last ')'. */
static double start_unix_s(void)
{
    char line[1024] = "";
    unsigned long long ticks = 0;
    const char *at;
    FILE *file = fopen("/proc/self/stat", "re");

    if (!file)
        return 0;
    at = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks) != 1)
        return 0;
    return (double)(clock_unix_ms() - clock_mono_ms()) / 1000 + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

struct process_facts process_facts(void)
{
    static double started;
    struct process_facts facts = {.resident_bytes = resident_bytes(), .open_fds = open_fds()};
    struct rusage usage;
    struct rlimit limit;

    if (started <= 0)
        started = start_unix_s();
    facts.start_unix_s = started;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        facts.cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        facts.max_fds = (int64_t)limit.rlim_cur;
    return facts;
}
