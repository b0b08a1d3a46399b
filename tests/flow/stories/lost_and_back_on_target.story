# Silent after the reboot: lost. It returns with the new version and must still prove it.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[ 306007] store   > d1 verifying -> lost            silent: no sign of life for 301 s in verifying [E_LOST]
[ 400000] operator > explains d1
[ 400000] answer  < now: lost since 93 s, from verifying: no sign of life for 301 s in verifying
[ 400000] answer  < next: its next heartbeat says where it stands; without one it has failed
[ 400000] answer  < by: 605106005
[ 900000] device > d1 heartbeat 1.1.0 boot=b2
[ 900007] store   > d1 lost -> verifying            target_seen: it returned with the target version [E_LOST]
[ 930000] device > d1 heartbeat 1.1.0 boot=b2
[ 930007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
