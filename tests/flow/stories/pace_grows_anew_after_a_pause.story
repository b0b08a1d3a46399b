# Two devices a minute at first, twice as many with each minute. After an hour's pause it begins with two again: it was not seen to go well meanwhile.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"per_minute":2,"growth_pct":100,"per_minute_max":600}}
hush
[      0] fleet > d1..d60 keeps sending 1.0.0 obeys=10000
[   1000] operator > holds r1
[   1000] rollout > r1 running -> paused stage 1  pause: operator
[3600000] operator > goes_on r1
[3600000] rollout > r1 paused -> running stage 1  resume: operator
[3605000] operator > counts r1
[3605000] answer  < r1: 1 of 60 devices run 1.1.0
[3605000] answer  < stage 1: taken 2, succeeded 1, failed 0, lost 0
[3655000] operator > counts r1
[3655000] answer  < r1: 3 of 60 devices run 1.1.0
[3655000] answer  < stage 1: taken 3, succeeded 3, failed 0, lost 0
[3720000] operator > counts r1
[3720000] answer  < r1: 6 of 60 devices run 1.1.0
[3720000] answer  < stage 1: taken 7, succeeded 6, failed 0, lost 0
