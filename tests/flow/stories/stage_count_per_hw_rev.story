# Two canaries of each hardware revision, also where there is only one device of it: who has not come within 90 s is not there.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"canary","count":2,"per":"hw_rev"},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d4 keeps sending 1.0.0 obeys=10000 hw_rev=A
[      0] fleet > d5..d7 keeps sending 1.0.0 obeys=10000 hw_rev=B
[      0] fleet > d8 keeps sending 1.0.0 obeys=10000
[   1000] rollout = r1 stage 1: 0 of 5 devices settled
[  11000] rollout = r1 stage 1: waits 90 s more for others to come
[  60000] operator > counts r1
[  60000] answer  < r1: 5 of 8 devices run 1.1.0
[  60000] answer  < stage 1: taken 5, succeeded 5, failed 0, lost 0
[  60000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 101000] rollout > r1 running -> running stage 2  promote: stage canary is passed
[ 102000] rollout = r1 stage 2: waits 89 s more for others to come
[ 121000] rollout = r1 stage 2: 0 of 3 devices settled
[ 131000] rollout = r1 stage 2: waits 90 s more for others to come
[ 221000] rollout > r1 running -> completed stage 2  complete: the last stage is passed
[ 222000] rollout = r1 stage 2: every stage is passed; devices that come late are still taken
[ 400000] operator > counts r1
[ 400000] answer  < r1: 8 of 8 devices run 1.1.0
[ 400000] answer  < stage 1: taken 5, succeeded 5, failed 0, lost 0
[ 400000] answer  < stage 2: taken 3, succeeded 3, failed 0, lost 0
