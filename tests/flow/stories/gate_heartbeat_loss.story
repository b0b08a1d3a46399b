# All succeed, then many fall silent while the others of their model go on: the comparison pauses the rollout during its soak time.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"canary","count":8,"soak_s":3600,"gates":[{"measure":"heartbeat_loss","max_pct":10,"min_sample":8}]},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d8 keeps sending 1.0.0 obeys=10000
[   1000] rollout = r1 stage 1: 0 of 8 devices settled
[   5000] fleet > d9..d28 keeps sending 1.0.0 obeys=10000
[  11000] rollout = r1 stage 1: soaks for 3600 s more
[ 100000] operator > reads r1
[ 100000] answer  < gate 1: heartbeat_loss 0.0 % of 8 (-16.1 .. 32.4 %), limit 10.0 %: held
[ 100000] fleet > d1..d5 falls silent
[ 161000] rollout > r1 running -> paused stage 1  pause: broken: heartbeat_loss 62.5 %, limit 10.0 %
[ 162000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[ 300000] operator > reads r1
[ 300000] answer  < gate 1: heartbeat_loss 62.5 % of 8 (26.7 .. 86.3 %), limit 10.0 %: broken
[ 300000] operator > counts r1
[ 300000] answer  < r1: 8 of 28 devices run 1.1.0
[ 300000] answer  < stage 1: taken 8, succeeded 8, failed 0, lost 0
[ 300000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
