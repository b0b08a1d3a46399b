# First the lab, by its tag; then hardware A; then all. A stage whose devices are all offline waits for one of them, or for an operator.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"lab","filter":{"tags_any":["lab"]}},{"name":"a","filter":{"hw_revs":["A"]}},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d2 keeps sending 1.0.0 obeys=10000 hw_rev=A tags=eu
[      0] fleet > d3..d4 keeps sending 1.0.0 obeys=10000 hw_rev=B tags=eu
[   1000] rollout = r1 stage 1: no device of this stage has come yet
[ 200000] operator > counts r1
[ 200000] answer  < r1: 0 of 4 devices run 1.1.0
[ 200000] answer  < stage 1: taken 0, succeeded 0, failed 0, lost 0
[ 200000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 200000] answer  < stage 3: taken 0, succeeded 0, failed 0, lost 0
[ 200000] fleet > d5 keeps sending 1.0.0 obeys=10000 hw_rev=B tags=eu,lab
[ 201000] rollout = r1 stage 1: 0 of 1 devices settled
[ 211000] rollout = r1 stage 1: waits 90 s more for others to come
[ 260000] operator > counts r1
[ 260000] answer  < r1: 1 of 5 devices run 1.1.0
[ 260000] answer  < stage 1: taken 1, succeeded 1, failed 0, lost 0
[ 260000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 260000] answer  < stage 3: taken 0, succeeded 0, failed 0, lost 0
[ 301000] rollout > r1 running -> running stage 2  promote: stage lab is passed
[ 302000] rollout = r1 stage 2: no device of this stage has come yet
[ 331000] rollout = r1 stage 2: 0 of 2 devices settled
[ 341000] rollout = r1 stage 2: waits 90 s more for others to come
[ 431000] rollout > r1 running -> running stage 3  promote: stage a is passed
[ 432000] rollout = r1 stage 3: waits 89 s more for others to come
[ 451000] rollout = r1 stage 3: 0 of 2 devices settled
[ 461000] rollout = r1 stage 3: waits 90 s more for others to come
[ 551000] rollout > r1 running -> completed stage 3  complete: the last stage is passed
[ 552000] rollout = r1 stage 3: every stage is passed; devices that come late are still taken
[ 700000] operator > counts r1
[ 700000] answer  < r1: 5 of 5 devices run 1.1.0
[ 700000] answer  < stage 1: taken 1, succeeded 1, failed 0, lost 0
[ 700000] answer  < stage 2: taken 2, succeeded 2, failed 0, lost 0
[ 700000] answer  < stage 3: taken 2, succeeded 2, failed 0, lost 0
