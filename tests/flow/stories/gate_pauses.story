# The canary fails: its gate is broken as soon as that is no chance any more, and the rollout pauses. Nobody else is touched. Resumed, the gate
# judges only what comes from then on; it breaks again by the next five.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"gates":[{"measure":"failure_rate","max_pct":20,"min_sample":5}],"stages":[{"name":"canary","count":12},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d6 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[   1000] rollout = r1 stage 1: 6 of 12 devices taken
[  10050] operator > reads r1
[  10050] answer  < gate 1: failure_rate 100.0 % of 1 and 5 under way (20.7 .. 100.0 %), limit 20.0 %: open
[  11000] rollout > r1 running -> paused stage 1  pause: broken: failure_rate 100.0 %, limit 20.0 %
[  12000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[  60000] operator > counts r1
[  60000] answer  < r1: 0 of 6 devices run 1.1.0
[  60000] answer  < stage 1: taken 6, succeeded 0, failed 6, lost 0
[  60000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[  60000] operator > resumes r1
[  60000] rollout > r1 paused -> running stage 1  resume: operator
[  60000] rollout = r1 stage 1: 6 of 12 devices taken
[  61500] operator > reads r1
[  61500] answer  < gate 1: failure_rate 0.0 % of 0 (0.0 .. 100.0 %), limit 20.0 %: open
[  62000] fleet > d7..d11 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[  73000] rollout > r1 running -> paused stage 1  pause: broken: failure_rate 100.0 %, limit 20.0 %
[  74000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[ 120000] operator > reads r1
[ 120000] answer  < gate 1: failure_rate 100.0 % of 5 (56.6 .. 100.0 %), limit 20.0 %: broken
[ 120000] operator > counts r1
[ 120000] answer  < r1: 0 of 11 devices run 1.1.0
[ 120000] answer  < stage 1: taken 11, succeeded 0, failed 11, lost 0
[ 120000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 150000] fleet > d12..d20 keeps sending 1.0.0 obeys=10000
[ 300000] operator > counts r1
[ 300000] answer  < r1: 0 of 20 devices run 1.1.0
[ 300000] answer  < stage 1: taken 11, succeeded 0, failed 11, lost 0
[ 300000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
