# Two orchestrators hear the same device at the same time; the store lets one of them win each move.
orchestrators 2
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1 seq=1 via=A
[      0] device > d1 heartbeat 1.0.0 boot=b1 seq=2 via=B
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[      7] store   > d1 no place in r1 (B)
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package (A)
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report downloading seq=1 via=A
[   1000] device > d1 report verifying seq=2 via=B
[   1007] store   > d1 dispatched -> downloading    download: it downloads (A)
[   1007] store   > d1 conflict: changed by somebody else (B)
[   1017] store   > d1 downloading -> verifying     reboot: its word: rebooted; now heartbeats must prove it (B)
# In the wrong order: what was overtaken is stale.
[  20000] device > d1 heartbeat 1.1.0 boot=b2 seq=4 via=A
[  20001] device > d1 heartbeat 1.1.0 boot=b2 seq=3 via=B
[  20003] store   > d1 heartbeat is stale (B)
[  20007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats (A)
[  50000] device > d1 heartbeat 1.1.0 boot=b2 seq=5 via=A
[  50007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats (A)
