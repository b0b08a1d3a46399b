# Everything twice: nothing happens twice.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1 seq=1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    100] device > d1 heartbeat 1.0.0 boot=b1 seq=1
[    102] store   > d1 heartbeat is stale
[   1000] device > d1 report downloading seq=10
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[   1100] device > d1 report downloading seq=10
[   1105] drover  = stale: not newer than a report already taken
[   2000] device > d1 report verifying seq=11
[   2007] store   > d1 downloading -> verifying     reboot: its word: rebooted; now heartbeats must prove it
[   2100] device > d1 report verifying seq=11
[   2105] drover  = stale: not newer than a report already taken
[  20000] device > d1 heartbeat 1.1.0 boot=b2 seq=20
[  20007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  20100] device > d1 heartbeat 1.1.0 boot=b2 seq=20
[  20102] store   > d1 heartbeat is stale
[  20200] device > d1 heartbeat 1.1.0 boot=b2 seq=20
[  20202] store   > d1 heartbeat is stale
[  50000] device > d1 heartbeat 1.1.0 boot=b2 seq=21
[  50007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  50100] device > d1 report succeeded seq=12
[  50107] store   > d1 succeeded                    progress: it says so, too: noted
