# Every stage is passed, within the gate's limit. Those that failed get another turn and fail again: the gate counts them, although those of a completed
# rollout left out all that had happened before.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"retry":{"max_attempts":1},"gates":[{"measure":"failure_rate","max_pct":60,"min_sample":3}]}
engine
hush

[      0] fleet > d1..d6 keeps sending 1.0.0 obeys=10000
[      0] fleet > d7..d12 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[   1000] rollout = r1 stage 1: 0 of 12 devices settled
[  11000] rollout = r1 stage 1: waits 90 s more for others to come
[ 101000] rollout > r1 running -> completed stage 1  complete: the last stage is passed
[ 102000] rollout = r1 stage 1: every stage is passed; devices that come late are still taken
[ 200000] operator > reads r1
[ 200000] answer  < gate 1: failure_rate 0.0 % of 0 (0.0 .. 100.0 %), limit 60.0 %: open
[ 200000] operator > retries r1
[ 200000] rollout > r1 completed -> running stage 1  reopen: operator
[ 200000] rollout = r1 stage 1: devices that failed get another turn
[ 201000] rollout = r1 stage 1: 6 of 12 devices settled
[ 204000] operator > reads r1
[ 204000] answer  < gate 1: failure_rate 0.0 % of 0 and 6 under way (0.0 .. 100.0 %), limit 60.0 %: open
[ 211000] rollout > r1 running -> paused stage 1  pause: broken: failure_rate 100.0 %, limit 60.0 %
[ 212000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[ 300000] operator > reads r1
[ 300000] answer  < gate 1: failure_rate 100.0 % of 6 (61.0 .. 100.0 %), limit 60.0 %: broken
[ 300000] operator > counts r1
[ 300000] answer  < r1: 6 of 12 devices run 1.1.0
[ 300000] answer  < stage 1: taken 12, succeeded 6, failed 6, lost 0
