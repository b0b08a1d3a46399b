# A stage of three devices takes three, though all speak at once, and is full then: no need to wait for others.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"canary","count":3},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d2 keeps sending 1.0.0 obeys=10000
[   1000] rollout = r1 stage 1: 2 of 3 devices taken
[ 200000] operator > counts r1
[ 200000] answer  < r1: 2 of 2 devices run 1.1.0
[ 200000] answer  < stage 1: taken 2, succeeded 2, failed 0, lost 0
[ 200000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 200000] fleet > d3..d9 keeps sending 1.0.0 obeys=10000
[ 201000] rollout = r1 stage 1: 2 of 3 devices settled
[ 205000] operator > counts r1
[ 205000] answer  < r1: 2 of 9 devices run 1.1.0
[ 205000] answer  < stage 1: taken 3, succeeded 2, failed 0, lost 0
[ 205000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 211000] rollout > r1 running -> running stage 2  promote: stage canary is passed
[ 212000] rollout = r1 stage 2: waits 89 s more for others to come
[ 230000] operator > counts r1
[ 230000] answer  < r1: 3 of 9 devices run 1.1.0
[ 230000] answer  < stage 1: taken 3, succeeded 3, failed 0, lost 0
[ 230000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 231000] rollout = r1 stage 2: 0 of 6 devices settled
[ 241000] rollout = r1 stage 2: waits 90 s more for others to come
[ 331000] rollout > r1 running -> completed stage 2  complete: the last stage is passed
[ 332000] rollout = r1 stage 2: every stage is passed; devices that come late are still taken
[ 400000] operator > counts r1
[ 400000] answer  < r1: 9 of 9 devices run 1.1.0
[ 400000] answer  < stage 1: taken 3, succeeded 3, failed 0, lost 0
[ 400000] answer  < stage 2: taken 6, succeeded 6, failed 0, lost 0
