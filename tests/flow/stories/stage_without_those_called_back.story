# A device of the stage is called back, another is found on a version that nobody asked for: neither ever settles, and the stage does not wait for them. One of
# which all were called back has tried nothing, and is not passed.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"canary","count":3},{"name":"second","count":1},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d1 keeps sending 1.0.0 obeys=10000
[      0] device > d2 heartbeat 1.0.0 boot=b1
[    100] device > d3 heartbeat 1.0.0 boot=b1
[   1000] rollout = r1 stage 1: 0 of 3 devices settled
[   5000] operator > excludes r1 d2 by=ann
[   5010] answer  < 200 ann excluded it
[   6000] device > d3 heartbeat 1.0.7 boot=b2
[  11000] rollout > r1 running -> running stage 2  promote: stage canary is passed
[  12000] rollout = r1 stage 2: no device of this stage has come yet
[  30000] operator > counts r1
[  30000] answer  < r1: 1 of 3 devices run 1.1.0
[  30000] answer  < stage 1: taken 3, succeeded 1, failed 0, lost 0
[  30000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[  30000] answer  < stage 3: taken 0, succeeded 0, failed 0, lost 0
[  30000] device > d4 heartbeat 1.0.0 boot=b1
[  31000] operator > excludes r1 d4 by=ann
[  31000] rollout = r1 stage 2: 0 of 1 devices settled
[  31010] answer  < 200 ann excluded it
[  32000] rollout = r1 stage 2: every device of this stage was called back
[ 200000] operator > counts r1
[ 200000] answer  < r1: 1 of 4 devices run 1.1.0
[ 200000] answer  < stage 1: taken 3, succeeded 1, failed 0, lost 0
[ 200000] answer  < stage 2: taken 1, succeeded 0, failed 0, lost 0
[ 200000] answer  < stage 3: taken 0, succeeded 0, failed 0, lost 0
