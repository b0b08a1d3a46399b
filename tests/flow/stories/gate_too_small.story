# A canary of two can prove nothing to a gate that asks for twenty. When all goes well that holds up nobody; when all fails, it is not passed.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"gates":[{"measure":"failure_rate","max_pct":5}],"stages":[{"name":"first","count":2},{"name":"second","count":2},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d2 keeps sending 1.0.0 obeys=10000
[   1000] rollout = r1 stage 1: 0 of 2 devices settled
[  11000] rollout > r1 running -> running stage 2  promote: stage first is passed
[  12000] rollout = r1 stage 2: no device of this stage has come yet
[  60000] fleet > d3..d4 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[  61000] rollout = r1 stage 2: 0 of 2 devices settled
[  71000] rollout = r1 stage 2: in doubt: failure_rate 100.0 %, limit 5.0 %
[ 300000] fleet > d5..d9 keeps sending 1.0.0 obeys=10000
[ 600000] operator > reads r1
[ 600000] answer  < gate 1: failure_rate 100.0 % of 2 (34.2 .. 100.0 %), limit 5.0 %: open
[ 600000] operator > counts r1
[ 600000] answer  < r1: 2 of 9 devices run 1.1.0
[ 600000] answer  < stage 1: taken 2, succeeded 2, failed 0, lost 0
[ 600000] answer  < stage 2: taken 2, succeeded 0, failed 2, lost 0
[ 600000] answer  < stage 3: taken 0, succeeded 0, failed 0, lost 0
