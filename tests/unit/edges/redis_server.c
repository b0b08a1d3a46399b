/* Starts and torments redis-server. */
#include "tests/unit/edges/redis_server.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "common/clock.h"

#define START_MS 10000

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "redis_server: %s: %s\n", what, why);
    abort();
}

static redisContext *connect_to(const struct redis_server *server)
{
    struct timeval timeout = {.tv_sec = 10};
    return redisConnectUnixWithTimeout(server->url + strlen("unix://"), timeout);
}

static bool answers(const struct redis_server *server)
{
    redisContext *context = connect_to(server);
    redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
    bool yes = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    redisFree(context);
    return yes;
}

void redis_server_start_again(struct redis_server *server)
{
    int pid = fork();
    if (pid < 0)
        fail("fork", "failed");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen("/dev/null", "w", stdout))
            _exit(127);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server->url + strlen("unix://"), "--dir", server->folder,
               "--save", "", "--appendonly", "yes", "--appendfsync", "always", (char *)NULL);
        _exit(127);
    }
    server->pid = pid;
    for (int64_t end = clock_mono_ms() + START_MS; !answers(server); usleep(10000))
        if (clock_mono_ms() > end)
            fail("start", "does not answer");
}

void redis_server_start(struct redis_server *server)
{
    snprintf(server->folder, sizeof server->folder, "/tmp/drover-redis-XXXXXX");
    if (!mkdtemp(server->folder))
        fail("mkdtemp", server->folder);
    snprintf(server->url, sizeof server->url, "unix://%s/redis.sock", server->folder);
    redis_server_start_again(server);
}

void redis_server_kill(struct redis_server *server)
{
    if (!server->pid)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void redis_server_freeze(struct redis_server *server, bool frozen)
{
    kill(server->pid, frozen ? SIGSTOP : SIGCONT);
}

void redis_server_done(struct redis_server *server)
{
    char command[96];
    redis_server_kill(server);
    snprintf(command, sizeof command, "rm -r %s", server->folder);
    if (system(command))
        fail("cannot remove", server->folder);
}

long long redis_server_ask(struct redis_server *server, const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);

    const char *argv[64];
    int argc = 0;
    for (char *rest = command, *word; argc < 64 && (word = strtok_r(rest, " ", &rest));)
        argv[argc++] = word;
    redisContext *context = connect_to(server);
    if (!context || context->err)
        fail("connect", context ? context->errstr : "no memory");
    redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        fail(format, reply ? reply->str : context->errstr);
    long long result = reply->type == REDIS_REPLY_INTEGER ? reply->integer : reply->type == REDIS_REPLY_STRING ? atoll(reply->str) : 0;
    freeReplyObject(reply);
    redisFree(context);
    return result;
}

static void nothing(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

bool loop_until(struct event_base *base, const bool *done, int64_t deadline_ms)
{
    static const struct timeval step = {.tv_usec = 5000};
    struct event *wake = event_new(base, -1, EV_PERSIST, nothing, NULL);
    event_add(wake, &step);
    int64_t end = clock_mono_ms() + deadline_ms;
    while (!*done && clock_mono_ms() < end)
        event_base_loop(base, EVLOOP_ONCE);
    event_free(wake);
    return *done;
}
