# A new device comes while the last stage runs: it belongs to the first one that takes it, and is taken at once. One that comes when all is done, too.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"lab","filter":{"tags_any":["lab"]}},{"name":"rest"}]}
engine
hush

[      0] fleet > d1 keeps sending 1.0.0 obeys=10000 tags=lab
[   1000] rollout = r1 stage 1: 0 of 1 devices settled
[  11000] rollout = r1 stage 1: waits 90 s more for others to come
[ 101000] rollout > r1 running -> running stage 2  promote: stage lab is passed
[ 102000] rollout = r1 stage 2: waits 89 s more for others to come
[ 110000] fleet > d2 keeps sending 1.0.0 obeys=50000
[ 111000] rollout = r1 stage 2: 0 of 1 devices settled
[ 130000] fleet > d3 keeps sending 1.0.0 obeys=10000 tags=lab
[ 150000] operator > counts r1
[ 150000] answer  < r1: 2 of 3 devices run 1.1.0
[ 150000] answer  < stage 1: taken 2, succeeded 2, failed 0, lost 0
[ 150000] answer  < stage 2: taken 1, succeeded 0, failed 0, lost 0
[ 161000] rollout = r1 stage 2: waits 90 s more for others to come
[ 251000] rollout > r1 running -> completed stage 2  complete: the last stage is passed
[ 252000] rollout = r1 stage 2: every stage is passed; devices that come late are still taken
[ 400000] fleet > d4 keeps sending 1.0.0 obeys=10000
[ 420000] operator > counts r1
[ 420000] answer  < r1: 4 of 4 devices run 1.1.0
[ 420000] answer  < stage 1: taken 2, succeeded 2, failed 0, lost 0
[ 420000] answer  < stage 2: taken 2, succeeded 2, failed 0, lost 0
