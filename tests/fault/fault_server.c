/* Starts one program again and again at the price of a fork: the loaded and linked program stops before main(), and each request lets a copy of it go on with
 * words and environment of its own. What a copy runs is all of the program; only what the dynamic linker does is done once. README.md here says how to use it. */
#include "tests/fault/fault_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_BYTES 65536
#define REFUSED 125                  /* exit code of a copy that could not become what was asked for */

static char request[REQUEST_BYTES];  /* argv points into it */

/* The next text of the request; NULL: there is none. */
static char *text_next(const char *end, char **at)
{
    char *text = *at;

    if (text >= end)
        return NULL;
    *at += strlen(text) + 1;
    return text;
}

static void output_to(int fd, const char *path)
{
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;

    if (file < 0 || dup2(file, fd) < 0)
        _exit(REFUSED);
    close(file);
}

/* The request: file for standard output, file for standard error, as many words as argv has, then NAME=VALUE for the environment. */
static void become(const char *end, int argc, char **argv)
{
    char *at = request, *text;

    output_to(STDOUT_FILENO, text_next(end, &at));
    output_to(STDERR_FILENO, text_next(end, &at));
    for (int i = 0; i < argc; i++)
        if (!(argv[i] = text_next(end, &at)))
            _exit(REFUSED);
    while ((text = text_next(end, &at)))
        if (putenv(text) != 0)
            _exit(REFUSED);
}

static void answer(int fd, int number)
{
    if (send(fd, &number, sizeof number, MSG_NOSIGNAL) != (ssize_t)sizeof number)
        _exit(0); /* nobody is there any more */
}

void fault_serve(int argc, char **argv)
{
    const char *socket_fd = getenv("DROVER_FAULT_SERVE");
    int fd = socket_fd ? atoi(socket_fd) : -1;

    if (!socket_fd)
        return;
    (void)unsetenv("DROVER_FAULT_SERVE");
    (void)unsetenv("LD_PRELOAD"); /* commands that a copy starts have nothing of this */
    for (;;) {
        ssize_t length = recv(fd, request, sizeof request - 1, 0);
        siginfo_t end;
        pid_t copy;

        (void)waitpid(-1, NULL, WNOHANG); /* only now: until then its number is nobody else's, and it may be killed by it */
        if (length <= 0)
            _exit(0);
        copy = fork();
        if (copy == 0) {
            close(fd);
            become(request + length, argc, argv);
            return;
        }
        answer(fd, copy);
        if (copy < 0 || waitid(P_PID, (id_t)copy, &end, WEXITED | WNOWAIT) != 0)
            _exit(REFUSED);
        answer(fd, end.si_code == CLD_EXITED ? end.si_status : -end.si_status);
    }
}
