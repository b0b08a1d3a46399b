# The delta does not fit: the next attempt comes at once, with the full package.
rollout r1 esp32 1.1.0 delta=1.0.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, by delta
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, delta from 1.0.0
[   2000] device > d1 report downloading
[   2007] store   > d1 dispatched -> downloading    download: it downloads
[   3000] device > d1 report failed error=E_DELTA_BASE
[   3007] store   > d1 downloading -> retry_wait    retry: the delta does not fit what the device runs; attempt 2 of 3 follows [E_DELTA_BASE]
[   4007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_DELTA_BASE]
[   4010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[   4500] operator > explains d1
[   4500] answer  < now: dispatched since 0 s: attempt 2 of 3, full package
[   4500] answer  < next: without a reaction it is told again (left: 2)
[   4500] answer  < by: 34005
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it [E_DELTA_BASE]
[  30000] device > d1 heartbeat 1.1.0 boot=b2
[  30007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  60000] device > d1 heartbeat 1.1.0 boot=b2
[  60007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
