# One place in flight: between two devices of the canary all that were taken have settled, and still the stage is not passed.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"max_in_flight":1},"stages":[{"name":"canary","percent":30},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d9 keeps sending 1.0.0 obeys=15000
[   1000] rollout = r1 stage 1: 0 of 1 devices settled
[  16000] rollout = r1 stage 1: 2 more wait for a place
[  17000] rollout = r1 stage 1: 1 of 2 devices settled
[  32000] rollout = r1 stage 1: 1 more wait for a place
[  33000] rollout = r1 stage 1: 2 of 3 devices settled
[  48000] rollout = r1 stage 1: waits 90 s more for others to come
[ 138000] rollout > r1 running -> running stage 2  promote: stage canary is passed
[ 139000] rollout = r1 stage 2: waits 89 s more for others to come
[ 151000] rollout = r1 stage 2: 0 of 1 devices settled
[ 166000] rollout = r1 stage 2: 5 more wait for a place
[ 167000] rollout = r1 stage 2: 1 of 2 devices settled
[ 182000] rollout = r1 stage 2: 4 more wait for a place
[ 183000] rollout = r1 stage 2: 2 of 3 devices settled
[ 198000] rollout = r1 stage 2: 3 more wait for a place
[ 199000] rollout = r1 stage 2: 3 of 4 devices settled
[ 214000] rollout = r1 stage 2: 2 more wait for a place
[ 215000] rollout = r1 stage 2: 4 of 5 devices settled
[ 230000] rollout = r1 stage 2: 1 more wait for a place
[ 231000] rollout = r1 stage 2: 5 of 6 devices settled
[ 246000] rollout = r1 stage 2: waits 90 s more for others to come
[ 250000] operator > counts r1
[ 250000] answer  < r1: 9 of 9 devices run 1.1.0
[ 250000] answer  < stage 1: taken 3, succeeded 3, failed 0, lost 0
[ 250000] answer  < stage 2: taken 6, succeeded 6, failed 0, lost 0
