# Two of seven failed: more than the limit allows, but perhaps by chance. The stage is not passed by itself, and nobody else is touched; an operator decides.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"gates":[{"measure":"failure_rate","max_pct":20,"min_sample":5}],"stages":[{"name":"canary","count":7},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d5 keeps sending 1.0.0 obeys=10000
[      0] fleet > d6..d7 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[   1000] rollout = r1 stage 1: 0 of 7 devices settled
[  11000] rollout = r1 stage 1: in doubt: failure_rate 28.6 %, limit 20.0 %
[  20000] fleet > d8..d9 keeps sending 1.0.0 obeys=10000
[ 300000] operator > reads r1
[ 300000] answer  < gate 1: failure_rate 28.6 % of 7 (8.2 .. 64.1 %), limit 20.0 %: open
[ 300000] operator > counts r1
[ 300000] answer  < r1: 5 of 9 devices run 1.1.0
[ 300000] answer  < stage 1: taken 7, succeeded 5, failed 2, lost 0
[ 300000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 300000] operator > promotes r1
[ 300000] rollout > r1 running -> running stage 2  promote: operator
[ 300000] rollout = r1 stage 2: waits 90 s more for others to come
[ 321000] rollout = r1 stage 2: 0 of 2 devices settled
[ 331000] rollout = r1 stage 2: waits 90 s more for others to come
[ 421000] rollout > r1 running -> completed stage 2  complete: the last stage is passed
[ 422000] rollout = r1 stage 2: every stage is passed; devices that come late are still taken
[ 500000] operator > counts r1
[ 500000] answer  < r1: 7 of 9 devices run 1.1.0
[ 500000] answer  < stage 1: taken 7, succeeded 5, failed 2, lost 0
[ 500000] answer  < stage 2: taken 2, succeeded 2, failed 0, lost 0
