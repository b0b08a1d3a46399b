# Three unhealthy heartbeats in a row on the new version: it is told to go back.
rollout r1 esp32 1.1.0 soak_ms=600000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  30000] device > d1 heartbeat 1.1.0 boot=b2
[  30007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  60000] device > d1 heartbeat 1.1.0 boot=b2 status=unhealthy
[  60007] store   > d1 verifying                    progress: unhealthy for 1 of 3 heartbeats
# A healthy one in between: the count starts again, and so does the proof.
[  90000] device > d1 heartbeat 1.1.0 boot=b2
[  90007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[ 120000] device > d1 heartbeat 1.1.0 boot=b2 status=unhealthy
[ 120007] store   > d1 verifying                    progress: unhealthy for 1 of 3 heartbeats
[ 150000] device > d1 heartbeat 1.1.0 boot=b2 status=unhealthy
[ 150007] store   > d1 verifying                    progress: unhealthy for 2 of 3 heartbeats
[ 151000] operator > explains d1
[ 151000] answer  < now: verifying since 145 s: unhealthy for 2 of 3 heartbeats on 1.1.0
[ 151000] answer  < next: succeeds after 2 more healthy heartbeats and 600 s of soak; otherwise it goes back
[ 151000] answer  < by: 450005
[ 180000] device > d1 heartbeat 1.1.0 boot=b2 status=unhealthy
[ 180007] store   > d1 verifying -> rolling_back    unhealthy: unhealthy on the new version [E_HEALTHCHECK]
[ 180010] broker  < update/esp32/d1              rollback to 1.0.0
[ 181000] operator > explains d1
[ 181000] answer  < now: rolling_back since 0 s: unhealthy on the new version
[ 181000] answer  < next: a heartbeat on 1.0.0 ends it; otherwise it is told again (left: 2)
[ 181000] answer  < by: 240005
[ 182000] device > d1 report rolled_back
[ 182007] store   > d1 rolling_back                 says_rolled_back: noted; a heartbeat must prove it
[ 210000] device > d1 heartbeat 1.0.0 boot=b3
[ 210007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: unhealthy on the new version [E_HEALTHCHECK]
