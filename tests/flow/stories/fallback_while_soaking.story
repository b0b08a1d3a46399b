# It looked good once, then the watchdog took it back.
rollout r1 esp32 1.1.0 soak_ms=600000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  40000] device > d1 heartbeat 1.1.0 boot=b2
[  40007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  70000] device > d1 heartbeat 1.1.0 boot=b2
[  70007] store   > d1 verifying                    progress: 2 of 2 healthy heartbeats
[ 100000] operator > explains d1
[ 100000] answer  < now: verifying since 94 s: 2 of 2 healthy heartbeats on 1.1.0
[ 100000] answer  < next: succeeds with the first healthy heartbeat after 540 s of soak; otherwise it goes back
[ 100000] answer  < by: 940000
[ 130000] device > d1 heartbeat 1.0.0 boot=b3
[ 130007] store   > d1 verifying -> rolled_back     old_seen: it came back on the old version [E_ROLLED_BACK]
