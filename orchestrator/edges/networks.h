/* A list of networks, as an operator writes it: "10.0.0.0/8 192.0.2.7 2001:db8::/32". Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define NETWORKS_MAX 32
#define NETWORK_ADDRESS_BYTES 16   /* IPv6; an IPv4 address as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */

struct networks {
    struct {
        uint8_t address[NETWORK_ADDRESS_BYTES];
        unsigned bits;
    } list[NETWORKS_MAX];
    unsigned count;
};

/* Separated by spaces or commas; without /BITS it is one address. Bits of the address beyond the prefix must be 0: who writes 10.1.0.0/8 means something else. */
MUST_USE enum drover_error networks_read(const char *text, const char *where, struct networks *ret_networks, struct problem *ret_problem);
bool networks_have(const struct networks *networks, const uint8_t address[NETWORK_ADDRESS_BYTES]);

struct sockaddr;
/* The address of a peer. False: it is neither IPv4 nor IPv6. */
bool network_address(const struct sockaddr *peer, uint8_t ret_address[NETWORK_ADDRESS_BYTES]);
