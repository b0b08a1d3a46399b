# A device that was away for long comes when the rollout is completed: it is taken all the way.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1,"stages":[{"name":"all"}]}
engine

[      0] fleet > a1..a3 keeps sending 2.0.0 managed obeys=5000 each=10000
[      7] store   > a1 none -> pending              open: runs 2.0.0, behind 3.0.0
[     12] store   > a1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/a1              update 3.0.0, attempt 1, full
[    107] store   > a2 none -> pending              open: runs 2.0.0, behind 3.0.0
[    112] store   > a2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[    115] broker  < update/esp32/a2              update 3.0.0, attempt 1, full
[    207] store   > a3 none -> pending              open: runs 2.0.0, behind 3.0.0
[    212] store   > a3 pending -> dispatched        dispatch: attempt 1 of 3, full package
[    215] broker  < update/esp32/a3              update 3.0.0, attempt 1, full
[   1000] rollout = r1 stage 1: 0 of 3 devices settled
[   5022] store   > a1 dispatched -> verifying      target_seen: a heartbeat shows the target version
[   5027] store   > a1 verifying -> succeeded       confirmed: proved by its heartbeats
[   5122] store   > a2 dispatched -> verifying      target_seen: a heartbeat shows the target version
[   5127] store   > a2 verifying -> succeeded       confirmed: proved by its heartbeats
[   5222] store   > a3 dispatched -> verifying      target_seen: a heartbeat shows the target version
[   5227] store   > a3 verifying -> succeeded       confirmed: proved by its heartbeats
[   6000] rollout = r1 stage 1: waits 90 s more for others to come
[  96000] rollout > r1 running -> completed stage 1  complete: the last stage is passed
[  97000] rollout = r1 stage 1: every stage is passed; devices that come late are still taken
[ 300000] device > d1 heartbeat 1.0.0 boot=b1 managed
[ 300007] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[ 300012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[ 300015] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[ 301000] device > d1 heartbeat 2.0.0 boot=b2 managed
[ 301007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[ 301012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[ 301017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[ 301020] broker  < update/esp32/d1              update 3.0.0, attempt 2, full
[ 302000] device > d1 heartbeat 3.0.0 boot=b3 managed
[ 302007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows the target version
[ 302012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[ 310000] operator > counts r1
[ 310000] answer  < r1: 4 of 4 devices run 3.0.0
[ 310000] answer  < stage 1: taken 4, succeeded 4, failed 0, lost 0
