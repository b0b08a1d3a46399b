# Devices that fall silent with the new version are lost, and that is failure.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"gates":[{"measure":"failure_rate","max_pct":20,"min_sample":5}],"stages":[{"name":"canary","count":10},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d4 keeps sending 1.0.0 obeys=10000
[      0] fleet > d5..d10 keeps sending 1.0.0 obeys=10000 dies_of=1.1.0
[   1000] rollout = r1 stage 1: 0 of 10 devices settled
[ 183000] rollout > r1 running -> paused stage 1  pause: broken: failure_rate 60.0 %, limit 20.0 %
[ 184000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[ 400000] operator > reads r1
[ 400000] answer  < gate 1: failure_rate 60.0 % of 10 (31.3 .. 83.2 %), limit 20.0 %: broken
[ 400000] operator > counts r1
[ 400000] answer  < r1: 4 of 10 devices run 1.1.0
[ 400000] answer  < stage 1: taken 10, succeeded 4, failed 0, lost 6
[ 400000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
