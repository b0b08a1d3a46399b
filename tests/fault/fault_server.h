/* The part of the preloaded library that starts copies of its program (fault_server.c). */
#pragma once

/* Before main(). Returns at once without DROVER_FAULT_SERVE; with it (a SOCK_SEQPACKET socket's number) only in the copies. */
void fault_serve(int argc, char **argv);
