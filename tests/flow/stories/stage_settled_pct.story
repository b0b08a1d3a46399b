# Four of five must settle: one that never finishes does not hold up the others. Silent for three minutes it is lost, and that settles it, too.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"canary","count":5,"settled_pct":80},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d4 keeps sending 1.0.0 obeys=10000
[      0] fleet > d5 keeps sending 1.0.0 obeys=5000 dies_of=1.1.0
[   1000] rollout = r1 stage 1: 0 of 4 devices settled
[  11000] rollout > r1 running -> running stage 2  promote: stage canary is passed
[  12000] rollout = r1 stage 2: waits 89 s more for others to come
[  30000] operator > counts r1
[  30000] answer  < r1: 4 of 5 devices run 1.1.0
[  30000] answer  < stage 1: taken 5, succeeded 4, failed 0, lost 0
[  30000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 101000] rollout > r1 running -> completed stage 2  complete: the last stage is passed
[ 102000] rollout = r1 stage 2: every stage is passed; devices that come late are still taken
[1000000] operator > counts r1
[1000000] answer  < r1: 4 of 5 devices run 1.1.0
[1000000] answer  < stage 1: taken 5, succeeded 4, failed 0, lost 1
[1000000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
