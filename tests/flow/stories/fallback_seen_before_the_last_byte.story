# A simple device had all bytes and fell back; its heartbeat overtook what the depot says (another orchestrator, or a kill -9).
rollout r1 esp32 1.1.0 spread_s=60

[      0] device > d1 heartbeat 1.0.0 boot=b1 simple
[  10000] device > d1 asks 1.0.0
[  10007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[  10012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  10017] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[  10020] answer  < 200 update 1.1.0, attempt 1, full
[  12000] depot > d1 gave 50 %
[  12007] store   > d1 acknowledged -> downloading  download: fetches the package
[  20000] device > d1 heartbeat 1.0.0 boot=b2
[  20007] store   > d1 downloading                  progress: rebooted on the old version before it installed
[  25000] depot > d1 gave 100 % at=13000
[  25007] store   > d1 downloading -> installing    install: has all bytes
[  50000] device > d1 heartbeat 1.0.0 boot=b2
[  50007] store   > d1 installing -> rolled_back    old_seen: it rebooted into the old version [E_ROLLED_BACK]
