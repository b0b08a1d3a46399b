# Days later the bootloader goes back.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  20000] device > d1 heartbeat 1.1.0 boot=b2
[  20007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows the target version
[  50000] device > d1 heartbeat 1.1.0 boot=b2
[  50007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[200000000] device > d1 heartbeat 1.0.0 boot=b3
[200000007] store   > d1 succeeded -> rolled_back     old_seen: it fell back after it had succeeded [E_ROLLED_BACK]
