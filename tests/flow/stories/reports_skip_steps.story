# Reports may skip steps: what was lost on the way is not missed.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   3000] device > d1 report installing
[   3007] store   > d1 dispatched -> installing     install: it installs
[   4000] device > d1 report succeeded
[   4007] store   > d1 installing -> verifying      reboot: it says succeeded; its heartbeats must prove it
[  30000] device > d1 heartbeat 1.1.0 boot=b2
[  30007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  60000] device > d1 heartbeat 1.1.0 boot=b2
[  60007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
