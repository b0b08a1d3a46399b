/* For time_zone_all.py: of each zone named on stdin, one line a moment named on the command line: name, moment, offset in seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/time_zone.h"

int main(int argc, char **argv)
{
    struct time_zones *zones = time_zones_new("/usr/share/zoneinfo");
    const struct time_zone *zone;
    char name[256];

    while (zones && fgets(name, sizeof name, stdin)) {
        name[strcspn(name, "\n")] = '\0';
        if (!time_zones_find(zones, name, &zone)) {
            printf("%s unknown\n", name);
            continue;
        }
        for (int i = 1; i < argc; i++)
            printf("%s %s %lld\n", name, argv[i], (long long)time_zone_offset_s(zone, strtoll(argv[i], NULL, 10)));
    }
    time_zones_free(zones);
    return zones ? 0 : 1;
}
