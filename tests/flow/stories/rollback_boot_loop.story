# A new boot id each time: the fourth is a boot loop.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  20000] device > d1 heartbeat 1.1.0 boot=b2
[  20007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  30000] device > d1 heartbeat 1.1.0 boot=b3
[  30007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  40000] device > d1 heartbeat 1.1.0 boot=b4
[  40007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  50000] device > d1 heartbeat 1.1.0 boot=b5
[  50007] store   > d1 verifying -> rolling_back    boot_loop: the new version boots again and again [E_BOOT]
[  50010] broker  < update/esp32/d1              rollback to 1.0.0
[  80000] device > d1 heartbeat 1.0.0 boot=b6
[  80007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: the new version boots again and again [E_BOOT]
