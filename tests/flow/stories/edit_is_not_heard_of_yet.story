# An edit while devices are being taken by the plan before it: the store takes none of them any more. They stand in line, and have their turn by the new plan: one is
# wanted by it, the other one not.
rollout r1 esp32 1.1.0 plan={}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed network=cellular
[      0] device > d2 heartbeat 1.0.0 boot=b1 managed network=wifi
[      6] operator > edits r1 plan={"conditions":{"networks":["wifi"]}}
[      7] store   > d1 no place in r1: the plan was edited
[      7] store   > d2 no place in r1: the plan was edited
[   1002] store   > d1 waits for a place in r1
[   1002] store   > d2 waits for a place in r1
[   2012] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   2017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   2020] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   3002] store   > d1 waits no longer
[   9000] operator > explains d1
[   9000] answer  < now: runs 1.0.0, has no upgrade
[   9000] answer  < next: nothing is planned: it is on another network than the plan asks for
