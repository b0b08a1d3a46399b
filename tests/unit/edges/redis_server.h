/* A private redis-server for C tests: on a Unix socket in a folder of its own, to be killed, frozen and started again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event_base;

struct redis_server {
    char folder[64];
    char url[96];      /* unix://... */
    int pid;           /* 0: not running */
};

/* Both wait until it answers; they end the program when it does not. Data survives a kill (AOF, fsync always). */
void redis_server_start(struct redis_server *server);
void redis_server_start_again(struct redis_server *server);
void redis_server_kill(struct redis_server *server);        /* SIGKILL, waits for the end */
void redis_server_freeze(struct redis_server *server, bool frozen);
void redis_server_done(struct redis_server *server);        /* kills it and removes its folder */
/* Runs one command over a connection of its own; returns its integer, or for a string its number, 0 for others. Ends the program on errors. */
long long redis_server_ask(struct redis_server *server, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Turns the loop until *done or the deadline; false when the deadline passed. */
bool loop_until(struct event_base *base, const bool *done, int64_t deadline_ms);
