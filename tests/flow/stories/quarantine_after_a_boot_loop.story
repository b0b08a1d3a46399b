# A device on which the new version booted again and again is kept from that version for a while, in other rollouts too; not from the next one.
rollout r1 esp32 1.1.0
policy quarantine_ms=600000 boot_loop_max=3
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report verifying
[    507] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   1000] device  > d1 heartbeat 1.1.0 boot=b2 managed status=starting
[   1007] store   > d1 verifying                    progress: on the new version, not ready yet
[   2000] device  > d1 heartbeat 1.1.0 boot=b3 managed status=starting
[   2007] store   > d1 verifying                    progress: on the new version, not ready yet
[   3000] device  > d1 heartbeat 1.1.0 boot=b4 managed status=starting
[   3007] store   > d1 verifying -> rolling_back    boot_loop: the new version boots again and again [E_BOOT]
[   3010] broker  < update/esp32/d1              rollback to 1.0.0
[   9000] device  > d1 heartbeat 1.0.0 boot=b5 managed
[   9007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: the new version boots again and again [E_BOOT]
[   9007] store   > d1 is in quarantine for 1.1.0
[  10000] operator > supersedes r1 r2 esp32 1.1.0
[  20000] device  > d1 heartbeat 1.0.0 boot=b5 managed
[  20100] operator > explains d1
[  20100] answer  < now: rolled_back since 11 s: back on 1.0.0: the new version boots again and again
[  20100] answer  < next: its turn comes later: it is in quarantine for this release, kept from 1.1.0 for a time
[  20100] answer  < by: 609005
[ 610000] device  > d1 heartbeat 1.0.0 boot=b5 managed
[ 610007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[ 610012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[ 610015] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[ 620000] clock   > later
