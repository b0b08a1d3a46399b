# Two devices with one identity: their boot ids take turns. No upgrade until it was quiet for a while. (Old news of one boot
# that comes late, all at once, is no second device.)
rollout r1 esp32 1.1.0
policy clash_ms=600000

[      0] operator > pauses r1
[    100] device > d1 heartbeat 1.0.0 boot=b1
[  10000] device > d1 heartbeat 1.0.0 boot=x1
[  12000] device > d1 heartbeat 1.0.0 boot=b1
[  12002] store   > d1 heartbeat of an older boot is dropped
[  13000] device > d1 heartbeat 1.0.0 boot=b1
[  13002] store   > d1 heartbeat of an older boot is dropped
[  14000] device > d1 heartbeat 1.0.0 boot=b1
[  14002] store   > d1 heartbeat of an older boot is dropped
[  15000] device > d1 heartbeat 1.0.0 boot=x1
[  20000] device > d1 heartbeat 1.0.0 boot=b1
[  20002] store   > d1 heartbeat of an older boot is dropped
[  30000] device > d1 heartbeat 1.0.0 boot=x1
[  40000] device > d1 heartbeat 1.0.0 boot=b1
[  40002] store   > d1 CLASH: two devices with one identity
[  45000] operator > resumes r1
[  50000] device > d1 heartbeat 1.0.0 boot=x1
[  51000] operator > explains d1
[  51000] answer  < now: runs 1.0.0, has no upgrade
[  51000] answer  < next: its turn comes later: two devices with this identity were seen
[  51000] answer  < by: 640000
[ 700000] device > d1 heartbeat 1.0.0 boot=x1
[ 700007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[ 700012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[ 700015] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
