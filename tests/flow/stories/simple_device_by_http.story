# A simple device never reports and hears no commands: it asks, fetches, reboots, and its heartbeats tell the rest.
rollout r1 esp32 1.1.0 spread_s=60

[      0] device > d1 heartbeat 1.0.0 simple
# It is not taken by a heartbeat: it must ask.
[  10000] device > d1 asks 1.0.0
[  10007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[  10012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  10017] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[  10020] depot > d1 gave 1 %
[  10020] answer  < 200 update 1.1.0, attempt 1, full
[  10027] store   > d1 acknowledged -> downloading  download: fetches the package
[  11000] depot > d1 gave 60 %
[  11007] store   > d1 downloading                  progress: fetches the package
[  12000] depot > d1 gave 100 %
[  12007] store   > d1 downloading -> installing    install: has all bytes
# Still writing; it sends no boot id, so the old version proves nothing yet.
[  30000] device > d1 heartbeat 1.0.0
[  60000] device > d1 heartbeat 1.1.0
[  60007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version
[  90000] device > d1 heartbeat 1.1.0
[  90007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  95000] device > d1 asks 1.1.0
[  95005] answer  < 304 it had its turn in this rollout
