# Told by day, installed by night: the package waits on the device, without a place, until the device's own second of its window; then a new attempt tells it to install.
# It is neither a download that stalled nor one that takes too long.
begins 2026-06-10T10:00:00Z
rollout r1 esp32 1.1.0 plan={"windows":{"weekly":[{"use":"install","from":"22:00","to":"04:00"}]}}

[      0] device > d1 keeps sending 1.0.0 boot=b1 tz=Europe/Berlin managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from 2026-06-18T02:00:00Z to 2026-06-18T02:00:00Z
[   1000] device > d1 report downloading
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[  60000] device > d1 report downloading progress=100
[  60007] store   > d1 downloading -> held          hold: has the package; waits for its window
[3661007] store   > d1 held                         postpone: its maintenance window is not open
[7262007] store   > d1 held                         postpone: its maintenance window is not open
[10863007] store   > d1 held                         postpone: its maintenance window is not open
[14464007] store   > d1 held                         postpone: its maintenance window is not open
[18065007] store   > d1 held                         postpone: its maintenance window is not open
[21666007] store   > d1 held                         postpone: its maintenance window is not open
[25267007] store   > d1 held                         postpone: its maintenance window is not open
[28868007] store   > d1 held                         postpone: its maintenance window is not open
[30000000] operator > explains d1
[30000000] answer  < now: has the package, holds no place since 29939 s: has the package; waits for its window
[30000000] answer  < next: its turn comes later: its maintenance window is not open, Wednesday 20:20 where it is (Europe/Berlin)
[30000000] answer  < by: 37635000
[32469007] store   > d1 held                         postpone: its maintenance window is not open
[36070007] store   > d1 held                         postpone: its maintenance window is not open
[37635007] store   > d1 held -> dispatched           dispatch: attempt 1 of 3, full package
[37635010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full, installs from now to 2026-06-11T02:00:00Z
[37640000] device > d1 report downloading progress=100
[37640007] store   > d1 dispatched -> downloading    download: it downloads
[37640500] device > d1 report installing
[37640507] store   > d1 downloading -> installing    install: it installs
[37700000] device > d1 keeps sending 1.1.0 boot=b2 tz=Europe/Berlin managed
[37700007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version
[37730007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[37800000] clock   >
