# The gate says cancel: whoever was told and has not begun is told to forget it, and nobody new is taken.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"gates":[{"measure":"success_rate","min_pct":80,"min_sample":5,"then":"cancel"}],"stages":[{"name":"canary","count":7},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d5 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[      0] fleet > d6..d7 keeps sending 1.0.0 obeys=60000
[   1000] rollout = r1 stage 1: 0 of 7 devices settled
[   5000] fleet > d8..d9 keeps sending 1.0.0 obeys=10000
[  11000] rollout > r1 running -> cancelled stage 1  cancel: broken: success_rate 0.0 %, limit 80.0 %
[  12000] operator > reads r1
[  12000] answer  < gate 1: success_rate 0.0 % of 5 (0.0 .. 43.4 %), limit 80.0 %: broken
[ 200000] operator > counts r1
[ 200000] answer  < r1: 0 of 9 devices run 1.1.0
[ 200000] answer  < stage 1: taken 7, succeeded 0, failed 5, lost 0
[ 200000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
