# One place, two devices. By day they download one after the other: who has its package gives the place back. At night they install one after the other: who finds no place free stands in line.
begins 2026-06-10T21:30:00Z
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"max_in_flight":1},"windows":{"weekly":[{"use":"install","from":"22:00","to":"22:20"}]}}

[      0] device > d1 keeps sending 1.0.0 boot=b1 managed each=20000 until=2000000
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from 2026-06-17T22:20:00Z to 2026-06-17T22:20:00Z
[   1000] device > d2 keeps sending 1.0.0 boot=b1 managed each=20000 until=1870000
[   1002] store   > d2 waits for a place in r1
[  20000] device > d1 report downloading progress=100
[  20007] store   > d1 dispatched -> held           hold: has the package; waits for its window
[  21012] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[  21017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  21020] broker  < update/esp32/d2              update 1.1.0, attempt 1, full, installs from 2026-06-17T22:20:00Z to 2026-06-17T22:20:00Z
[  40000] device > d2 report downloading progress=100
[  40007] store   > d2 dispatched -> held           hold: has the package; waits for its window
[ 200000] operator > explains d2
[ 200000] answer  < now: has the package, holds no place since 159 s: has the package; waits for its window
[ 200000] answer  < next: its turn comes later: its maintenance window is not open, Wednesday 21:33 where it is (UTC)
[ 200000] answer  < by: 1873000
[1873007] store   > d2 held -> dispatched           dispatch: attempt 1 of 3, full package
[1873010] broker  < update/esp32/d2              update 1.1.0, attempt 2, full, installs from now to 2026-06-10T22:20:00Z
[1875000] device > d2 report installing
[1875007] store   > d2 dispatched -> installing     install: it installs
[1936007] store   > d1 held                         postpone: as many upgrades as allowed are under way
[1937002] store   > d1 waits for a place in r1
[1950000] operator > explains d1
[1950000] answer  < now: has the package, holds no place since 1929 s: has the package; waits for its window
[1950000] answer  < next: waits for its turn: as many upgrades as allowed are under way (1 of 1 under way)
[1950000] answer  < by: 2536005
[1960000] device > d2 heartbeat 1.1.0 boot=b2 managed
[1960007] store   > d2 installing -> verifying      target_seen: a heartbeat shows the target version
[1960012] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats
[1961012] store   > d1 held -> dispatched           dispatch: attempt 1 of 3, full package
[1961015] broker  < update/esp32/d1              update 1.1.0, attempt 2, full, installs from now to 2026-06-10T22:20:00Z
[1965000] device > d1 report installing
[1965007] store   > d1 dispatched -> installing     install: it installs
[2010000] device > d1 heartbeat 1.1.0 boot=b2 managed
[2010007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version
[2010012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[2020000] clock >
