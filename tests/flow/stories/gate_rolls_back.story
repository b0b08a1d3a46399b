# The canary fails, and those that succeeded go back to where they came from.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"gates":[{"measure":"failure_rate","max_pct":20,"min_sample":6,"then":"roll_back"}],"stages":[{"name":"canary","count":9},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d3 keeps sending 1.0.0 obeys=5000
[      0] fleet > d4..d9 keeps sending 1.0.0 obeys=20000 fails=1.1.0
[   1000] rollout = r1 stage 1: 0 of 9 devices settled
[  15000] operator > counts r1
[  15000] answer  < r1: 3 of 9 devices run 1.1.0
[  15000] answer  < stage 1: taken 9, succeeded 3, failed 0, lost 0
[  15000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[  21000] rollout > r1 running -> rolling_back stage 1  roll_back: broken: failure_rate 66.7 %, limit 20.0 %
[  22000] rollout = r1 stage 1: takes its devices back to their old version
[  28000] rollout > r1 rolling_back -> rolled_back stage 1  back: nobody is left to take back
[ 300000] operator > counts r1
[ 300000] answer  < r1: 0 of 9 devices run 1.1.0
[ 300000] answer  < stage 1: taken 9, succeeded 0, failed 9, lost 0
[ 300000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
