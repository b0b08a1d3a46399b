# A reboot before anything was installed is no fallback.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report downloading progress=10
[   5007] store   > d1 dispatched -> downloading    download: it downloads
[  20000] device > d1 heartbeat 1.0.0 boot=b2
[  20007] store   > d1 downloading                  progress: rebooted on the old version before it installed
[  25000] device > d1 report downloading progress=20
[  25007] store   > d1 downloading                  progress: 20 % done
[  30000] device > d1 report verifying
[  30007] store   > d1 downloading -> verifying     reboot: its word: rebooted; now heartbeats must prove it
# Still the boot it installed in:
[  31000] device > d1 heartbeat 1.0.0 boot=b2
[  60000] device > d1 heartbeat 1.1.0 boot=b3
[  60007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  90000] device > d1 heartbeat 1.1.0 boot=b3
[  90007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
