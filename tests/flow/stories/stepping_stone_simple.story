# A device that only asks over HTTP is offered the stone first, and the target when it asks from there.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1,"spread_s":0}

[      0] device > d1 heartbeat 1.0.0 boot=b1 simple
[   1000] device > d1 asks 1.0.0
[   1007] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[   1012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[   1017] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[   1020] answer  < 200 update 2.0.0, attempt 1, full
[   2000] depot > d1 gave 100 %
[   2007] store   > d1 acknowledged -> installing   install: has all bytes
[   9000] device > d1 heartbeat 2.0.0 boot=b2 simple
[   9007] store   > d1 installing -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[   9012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[   9017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  10000] device > d1 asks 2.0.0
[  10007] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[  10010] answer  < 200 update 3.0.0, attempt 2, full
[  11000] depot > d1 gave 100 %
[  11007] store   > d1 acknowledged -> installing   install: has all bytes
[  12000] device > d1 heartbeat 3.0.0 boot=b3 simple
[  12007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version
[  12012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  13000] device > d1 asks 3.0.0
[  13005] answer  < 304 it had its turn in this rollout
[  14000] device > somebody asks 1.0.0
[  14000] answer  < 304 this rollout asks for a device_id
