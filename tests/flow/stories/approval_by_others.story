# Two others must approve: not who made the plan, nobody twice, nobody without a name.
rollout r1 esp32 1.1.0 author=ann plan={"stages":[{"name":"all"}],"approvals":2}
engine
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[   1000] operator > approves r1 by=ann
[   1000] answer  < 403 who made the plan cannot approve it
[   1000] rollout = r1 stage 1: other operators must approve it
[   2000] operator > approves r1
[   2000] answer  < 403 an approval needs a name
[   3000] operator > approves r1 by=bob
[   3000] rollout > r1 awaiting_approval -> awaiting_approval stage 1  endorse: bob
[   4000] operator > approves r1 by=bob
[   4000] answer  < 403 who has approved it cannot do so again
[   5000] operator > approves r1 by=cleo
[   5000] rollout > r1 awaiting_approval -> scheduled stage 1  approve: cleo
[   5000] rollout > r1 scheduled -> running stage 1  start: its time has come
[   6000] rollout = r1 stage 1: no device of this stage has come yet
[  10000] device  > d1 heartbeat 1.0.0 boot=b1 managed
[  10007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[  10012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  10015] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  11000] clock   > later
[  11000] rollout = r1 stage 1: 0 of 1 devices settled
