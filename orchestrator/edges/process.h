/* What the kernel says of this process, for /metrics. */
#pragma once

#include <stdint.h>

struct process_facts {
    int64_t resident_bytes;
    double cpu_s;             /* user and system together */
    int64_t open_fds;
    int64_t max_fds;
    double start_unix_s;
};

/* What cannot be read is 0. */
struct process_facts process_facts(void);
