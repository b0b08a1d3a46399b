# A simple device cannot say that the delta was no good; but it asks again after it had all of it, and gets the full package.
rollout r1 esp32 1.1.0 delta=1.0.0

[      0] device > d1 keeps sending 1.0.0 simple
[   1000] device > d1 asks 1.0.0
[   1007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, by delta
[   1017] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[   1020] answer  < 200 update 1.1.0, attempt 1, delta from 1.0.0
[   2000] depot > d1 gave 100 %
[   2007] store   > d1 acknowledged -> installing   install: has all bytes
[   5000] device > d1 asks 1.0.0
[   5007] store   > d1 installing                   progress: asked again after the delta: the full package
[   5010] answer  < 200 update 1.1.0, attempt 1, full
[   6000] device > d1 asks 1.0.0
[   6005] answer  < 200 update 1.1.0, attempt 1, full
[   7000] depot > d1 gave 100 %
[  30000] device > d1 keeps sending 1.1.0
[  30007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version
[  60007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  90000] clock > later
