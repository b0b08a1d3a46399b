# Paused: nobody new is told; who was told goes on. Resumed: the waiting ones go on within seconds.
rollout r1 esp32 1.1.0
policy retry_base_ms=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d2 heartbeat 1.0.0 boot=c1
[   1007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   1015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   2000] operator > pauses r1
[   3000] device > d1 report failed error=E_CRC
[   3007] store   > d1 dispatched -> retry_wait     retry: the package's checksum is wrong; attempt 2 of 3 follows [E_CRC]
[   4000] device > d2 report verifying
[   4007] store   > d2 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   4007] store   > d1 retry_wait                   postpone: the rollout is paused
[   5000] device > d3 heartbeat 1.0.0 boot=e1
[   6000] operator > explains d1
[   6000] answer  < now: waits before attempt 2 of 3: the package's checksum is wrong
[   6000] answer  < next: waits on: the rollout is paused
[   6000] answer  < by: 33857
[   7000] operator > explains d3
[   7000] answer  < now: runs 1.0.0, has no upgrade
[   7000] answer  < next: nothing is planned: the rollout is paused
[  30000] device > d2 heartbeat 1.1.0 boot=c2
[  30007] store   > d2 verifying                    progress: 1 of 2 healthy heartbeats
[  34007] store   > d1 retry_wait                   postpone: the rollout is paused
[  35000] device > d3 heartbeat 1.0.0 boot=e1
[  50000] operator > resumes r1
[  52007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_CRC]
[  52010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  60000] device > d2 heartbeat 1.1.0 boot=c2
[  60007] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats
[  65000] device > d3 heartbeat 1.0.0 boot=e1
[  65007] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[  65012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  65015] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[  83007] store   > d1 dispatched                   expired: no reaction: tell it again
[  83010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  90000] clock > later
