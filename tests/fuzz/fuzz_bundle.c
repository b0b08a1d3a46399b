/* Any bytes as a file that a command is given: a ZIP with a package, or something else. What is opened is never larger than allowed. */
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware/bundle.h"

#define PACKAGE_MAX 200000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct problem problem = {0};
    struct stat status;
    char path[32];
    int file = memfd_create("bundle", MFD_CLOEXEC), fd = -1;
    enum error_code code;

    MUST(file >= 0 && write(file, bytes, length) == (ssize_t)length);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    code = bundle_open(path, PACKAGE_MAX, &fd, &problem);
    MUST(code == E_NONE || (fd == -1 && problem.where[0] && problem.what[0]));
    if (!code) {
        MUST(fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= PACKAGE_MAX && lseek(fd, 0, SEEK_CUR) == 0);
        close(fd);
    }
    close(file);
    return 0;
}
