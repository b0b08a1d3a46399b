# A power cut in mid-download: the bytes came whole only after that boot, so it proves nothing about the new image.
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
[  25000] depot > d1 gave 100 %
[  25007] store   > d1 downloading -> installing    install: has all bytes
[  30000] device > d1 heartbeat 1.0.0 boot=b2
[  60000] device > d1 heartbeat 1.1.0 boot=b3
[  60007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version
[  90000] device > d1 heartbeat 1.1.0 boot=b3
[  90007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
