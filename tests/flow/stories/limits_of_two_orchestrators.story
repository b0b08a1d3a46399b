# Two orchestrators, which see each other's work only once a second: what the limits allow is counted in the store. Two upgrades at a time at a site, bytes for three downloads.
orchestrators 2
rollout r1 esp32 1.1.0 plan={"limits":{"per_site":2,"bytes_in_flight":3500000},"retry":{"max_attempts":1}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed tags=site-a via=A
[      0] device > d2 heartbeat 1.0.0 boot=b1 managed tags=site-a via=B
[      0] device > d3 heartbeat 1.0.0 boot=b1 managed tags=x,site-a via=A
[      0] device > d4 heartbeat 1.0.0 boot=b1 managed tags=site-b via=B
[      0] device > d5 heartbeat 1.0.0 boot=b1 managed tags=site-c via=A
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[      7] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0 (B)
[      7] store   > d3 no place in r1: no place free at its site (A)
[      7] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0 (B)
[      7] store   > d5 no place in r1: as many bytes as allowed are being downloaded (A)
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[     12] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package (B)
[     12] store   > d4 pending -> dispatched        dispatch: attempt 1 of 1, full package (B)
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[     15] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[     15] broker  < update/esp32/d4              update 1.1.0, attempt 1, full
[   1002] store   > d3 waits for a place in r1 (A)
[   1002] store   > d5 waits for a place in r1 (A)
[   1500] operator > explains d5
[   1500] answer  < now: runs 1.0.0, has no upgrade
[   1500] answer  < next: waits for its turn: as many bytes as allowed are being downloaded (3000000 of 3500000 bytes told)
[   2000] device > d4 report installing via=A
[   2007] store   > d4 dispatched -> installing     install: it installs (A)
[   3012] store   > d3 no place in r1: no place free at its site (A)
[   3012] store   > d5 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[   3017] store   > d5 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[   3020] broker  < update/esp32/d5              update 1.1.0, attempt 1, full
[   4000] device > d1 report rejected via=B
[   4007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED] (B)
[  12500] device > d2 report rejected
[  12507] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
[  13012] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[  13017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[  13020] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[  14500] device > d3 report rejected
[  14500] device > d5 report rejected
[  14507] store   > d3 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
[  14507] store   > d5 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
