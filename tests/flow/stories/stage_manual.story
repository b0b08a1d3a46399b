# A stage that an operator must promote; he may do so before it is passed, too.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"canary","count":1,"promote":"manual"},{"name":"half","count":3,"promote":"manual"},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d6 keeps sending 1.0.0 obeys=10000
[   1000] rollout = r1 stage 1: 0 of 1 devices settled
[  11000] rollout = r1 stage 1: stage passed; waits for an operator to promote it
[ 300000] operator > counts r1
[ 300000] answer  < r1: 1 of 6 devices run 1.1.0
[ 300000] answer  < stage 1: taken 1, succeeded 1, failed 0, lost 0
[ 300000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 300000] answer  < stage 3: taken 0, succeeded 0, failed 0, lost 0
[ 300000] operator > promotes r1
[ 300000] rollout > r1 running -> running stage 2  promote: operator
[ 300000] rollout = r1 stage 2: no device of this stage has come yet
[ 301000] rollout = r1 stage 2: 0 of 3 devices settled
[ 302000] operator > promotes r1
[ 302000] rollout > r1 running -> running stage 3  promote: operator
[ 302000] rollout = r1 stage 3: waits 90 s more for others to come
[ 320000] operator > counts r1
[ 320000] answer  < r1: 4 of 6 devices run 1.1.0
[ 320000] answer  < stage 1: taken 1, succeeded 1, failed 0, lost 0
[ 320000] answer  < stage 2: taken 3, succeeded 3, failed 0, lost 0
[ 320000] answer  < stage 3: taken 0, succeeded 0, failed 0, lost 0
[ 331000] rollout = r1 stage 3: 0 of 2 devices settled
[ 341000] rollout = r1 stage 3: waits 90 s more for others to come
[ 431000] rollout > r1 running -> completed stage 3  complete: the last stage is passed
[ 432000] rollout = r1 stage 3: every stage is passed; devices that come late are still taken
[ 500000] operator > counts r1
[ 500000] answer  < r1: 6 of 6 devices run 1.1.0
[ 500000] answer  < stage 1: taken 1, succeeded 1, failed 0, lost 0
[ 500000] answer  < stage 2: taken 3, succeeded 3, failed 0, lost 0
[ 500000] answer  < stage 3: taken 2, succeeded 2, failed 0, lost 0
