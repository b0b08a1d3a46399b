# Passed with few devices; those that come late fail, and the completed rollout pauses after all.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"gates":[{"measure":"failure_rate","max_pct":20,"min_sample":5}],"stages":[{"name":"all"}]}
engine
hush

[      0] fleet > d1..d2 keeps sending 1.0.0 obeys=10000
[   1000] rollout = r1 stage 1: 0 of 2 devices settled
[  11000] rollout = r1 stage 1: waits 90 s more for others to come
[ 101000] rollout > r1 running -> completed stage 1  complete: the last stage is passed
[ 102000] rollout = r1 stage 1: every stage is passed; devices that come late are still taken
[ 200000] fleet > d3..d9 keeps sending 1.0.0 obeys=10000 fails=1.1.0
[ 211000] rollout > r1 completed -> paused stage 1  pause: broken: failure_rate 100.0 %, limit 20.0 %
[ 212000] rollout = r1 stage 1: takes and tells nobody; what is under way goes on
[ 300000] operator > reads r1
[ 300000] answer  < gate 1: failure_rate 100.0 % of 7 (64.6 .. 100.0 %), limit 20.0 %: broken
[ 300000] operator > counts r1
[ 300000] answer  < r1: 2 of 9 devices run 1.1.0
[ 300000] answer  < stage 1: taken 9, succeeded 2, failed 7, lost 0
