# A stone that is no good on a device: it goes back to what it ran before, and that is a failure of the rollout, as any other. It is kept from the target for a while.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1,"stages":[{"name":"canary","count":1},{"name":"rest"}],"gates":[{"measure":"failure_rate","max_pct":10,"then":"pause","min_sample":1}]}
policy quarantine_ms=86400000
engine

[      0] operator > permits p1
[    100] device > d1 heartbeat 1.0.0 boot=b1 managed
[    107] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[    112] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[    115] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[   1000] device > d1 heartbeat 2.0.0 boot=b2 managed status=unhealthy
[   1000] rollout = r1 stage 1: 0 of 1 devices settled
[   1007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[   2000] device > d1 heartbeat 2.0.0 boot=b2 managed status=unhealthy
[   2007] store   > d1 verifying                    progress: unhealthy for 2 of 3 heartbeats
[   3000] device > d1 heartbeat 2.0.0 boot=b2 managed status=unhealthy
[   3007] store   > d1 verifying -> rolling_back    unhealthy: unhealthy on the new version [E_HEALTHCHECK]
[   3010] broker  < update/esp32/d1              rollback to 1.0.0, permit p1
[   4000] device > d1 heartbeat 1.0.0 boot=b3 managed
[   4007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: unhealthy on the new version [E_HEALTHCHECK]
[   4007] store   > d1 is in quarantine for 3.0.0
[   5000] rollout > r1 running -> paused stage 1  pause: broken: failure_rate 100.0 %, limit 10.0 %
[   6000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[  10000] operator > counts r1
[  10000] answer  < r1: 0 of 1 devices run 3.0.0
[  10000] answer  < stage 1: taken 1, succeeded 0, failed 1, lost 0
[  10000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[  10100] operator > reads r1
[  10100] answer  < gate 1: failure_rate 100.0 % of 1 (20.7 .. 100.0 %), limit 10.0 %: broken
