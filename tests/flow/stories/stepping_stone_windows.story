# Windows hold on each leg: when the first ends after the window, the device gives its place back and goes on with the next window. So does a pause.
begins 2026-03-30T01:00:00Z
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1,"windows":{"weekly":[{"use":"both","from":"01:00","to":"02:00"},{"use":"both","from":"02:30","to":"04:00"}]}}

[      0] clock > begins
[ 900000] device > d1 heartbeat 1.0.0 boot=b1 managed
[ 900007] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[ 900012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[ 900015] broker  < update/esp32/d1              update 2.0.0, attempt 1, full, installs from now to 2026-03-30T02:00:00Z
[ 900100] device > d2 heartbeat 1.0.0 boot=b1 managed
[ 900107] store   > d2 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[ 900112] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[ 900115] broker  < update/esp32/d2              update 2.0.0, attempt 1, full, installs from now to 2026-03-30T02:00:00Z
[ 901000] device > d2 report installing
[ 901007] store   > d2 dispatched -> installing     install: it installs
[ 910000] operator > pauses r1
[ 920000] device > d1 heartbeat 2.0.0 boot=b2 managed
[ 920007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[ 920012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[ 921000] operator > explains d1
[ 921000] answer  < now: pending since 0 s: on 2.0.0 (1 of 1 stones), next 3.0.0
[ 921000] answer  < next: waits: the rollout is paused
[ 921000] answer  < by: 925010
[ 924000] operator > resumes r1
[ 926007] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[ 926010] broker  < update/esp32/d1              update 3.0.0, attempt 2, full, installs from now to 2026-03-30T02:00:00Z
[ 930000] device > d1 heartbeat 3.0.0 boot=b3 managed
[ 930007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows the target version
[ 930012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[1700000] device > d2 report verifying
[1700007] store   > d2 installing -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[2001007] store   > d2 verifying -> lost            silent: no sign of life for 301 s in verifying [E_LOST]
[3601000] device > d2 heartbeat 2.0.0 boot=b2 managed
[3601007] store   > d2 lost -> verifying            target_seen: a heartbeat shows 2.0.0, its stepping stone [E_LOST]
[3601012] store   > d2 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[3602000] operator > measures r1
[3602000] answer  < r1: 1 at work, at most 2 at a time; 0 held
[3607007] store   > d2 pending -> held              hold: its maintenance window is not open
[5730007] store   > d2 held -> lost                 silent: no sign of life for 2129 s in held [E_LOST]
[9800000] device > d2 heartbeat 2.0.0 boot=b2 managed
[9800007] store   > d2 lost -> held                 hold: it returned, and waits for its window, or a place [E_LOST]
[9800012] store   > d2 held -> dispatched           dispatch: attempt 1 of 3, full package [E_LOST]
[9800015] broker  < update/esp32/d2              update 3.0.0, attempt 2, full, installs from now to 2026-03-30T04:00:00Z
[9810000] device > d2 heartbeat 3.0.0 boot=b3 managed
[9810007] store   > d2 dispatched -> verifying      target_seen: a heartbeat shows the target version [E_LOST]
[9810012] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats
