# Its second attempt comes to nothing when its window has closed: it waits for the next one without a place, and is told then.
begins 2026-06-10T22:19:00Z
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"max_in_flight":1},"windows":{"weekly":[{"from":"22:00","to":"22:20"},{"days":["wed"],"from":"22:30","to":"22:50"}]}}

[      0] device > d1 keeps sending 1.0.0 boot=b1 managed each=20000
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from now to 2026-06-10T22:20:00Z
[  20000] device > d1 report downloading
[  20007] store   > d1 dispatched -> downloading    download: it downloads
[  60000] device > d1 report failed error=E_BUSY
[  60007] store   > d1 downloading -> retry_wait    busy: the device has no time now [E_BUSY]
[ 134007] store   > d1 retry_wait -> held           hold: its maintenance window is not open [E_BUSY]
[ 140000] operator > explains d1
[ 140000] answer  < now: held since 5 s: its maintenance window is not open
[ 140000] answer  < next: its turn comes later: its maintenance window is not open, Wednesday 22:21 where it is (UTC)
[ 140000] answer  < by: 796000
[ 150000] operator > measures r1
[ 150000] answer  < r1: 0 at work, at most 1 at a time; 1 held
[ 796007] store   > d1 held -> dispatched           dispatch: attempt 1 of 3, full package [E_BUSY]
[ 796010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full, installs from now to 2026-06-10T22:50:00Z
[ 800000] device > d1 report installing
[ 800007] store   > d1 dispatched -> installing     install: it installs [E_BUSY]
[ 830000] device > d1 keeps sending 1.1.0 boot=b2 managed
[ 830007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version [E_BUSY]
[ 830012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[ 900000] clock >
