# A canary stage that counts is full and has failed. Another turn is in that same stage: it is not passed while failed devices wait for their turn, and
# the gate counts a device that fails again, though what was so when the operator resumed is left out.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"retry":{"max_attempts":1},"gates":[{"measure":"failure_rate","max_pct":20,"min_sample":5}],"stages":[{"name":"canary","count":6},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d6 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[   1000] rollout = r1 stage 1: 0 of 6 devices settled
[  11000] rollout > r1 running -> paused stage 1  pause: broken: failure_rate 100.0 %, limit 20.0 %
[  12000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[  60000] operator > counts r1
[  60000] answer  < r1: 0 of 6 devices run 1.1.0
[  60000] answer  < stage 1: taken 6, succeeded 0, failed 6, lost 0
[  60000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[  60000] operator > retries r1
[  60000] rollout > r1 paused -> paused stage 1  reopen: operator
[  60000] operator > resumes r1
[  60000] rollout > r1 paused -> running stage 1  resume: operator
[  60000] rollout = r1 stage 1: devices that failed get another turn
[  61000] operator > explains d1
[  61000] answer  < now: dispatched since 0 s: attempt 1 of 1, full package
[  61000] answer  < next: without a reaction it is told again (left: 2)
[  61000] answer  < by: 90015
[  61000] rollout = r1 stage 1: 0 of 6 devices settled
[  71000] rollout > r1 running -> paused stage 1  pause: broken: failure_rate 100.0 %, limit 20.0 %
[  72000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[ 100000] operator > reads r1
[ 100000] answer  < gate 1: failure_rate 100.0 % of 6 (61.0 .. 100.0 %), limit 20.0 %: broken
[ 300000] operator > counts r1
[ 300000] answer  < r1: 0 of 6 devices run 1.1.0
[ 300000] answer  < stage 1: taken 6, succeeded 0, failed 6, lost 0
[ 300000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
