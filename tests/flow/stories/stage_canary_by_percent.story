# A canary of 30 percent, by each device's place; when it has settled and soaked, everybody else.
rollout r1 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"canary","percent":30,"soak_s":120},{"name":"rest"}]}
engine
hush

[      0] fleet > d1..d9 keeps sending 1.0.0 obeys=20000
[   1000] rollout = r1 stage 1: 0 of 3 devices settled
[  21000] rollout = r1 stage 1: soaks for 120 s more
[  30000] operator > counts r1
[  30000] answer  < r1: 3 of 9 devices run 1.1.0
[  30000] answer  < stage 1: taken 3, succeeded 3, failed 0, lost 0
[  30000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 100000] operator > counts r1
[ 100000] answer  < r1: 3 of 9 devices run 1.1.0
[ 100000] answer  < stage 1: taken 3, succeeded 3, failed 0, lost 0
[ 100000] answer  < stage 2: taken 0, succeeded 0, failed 0, lost 0
[ 141000] rollout > r1 running -> running stage 2  promote: stage canary is passed
[ 142000] rollout = r1 stage 2: waits 89 s more for others to come
[ 151000] rollout = r1 stage 2: 0 of 6 devices settled
[ 171000] rollout = r1 stage 2: waits 90 s more for others to come
[ 261000] rollout > r1 running -> completed stage 2  complete: the last stage is passed
[ 262000] rollout = r1 stage 2: every stage is passed; devices that come late are still taken
[ 600000] operator > counts r1
[ 600000] answer  < r1: 9 of 9 devices run 1.1.0
[ 600000] answer  < stage 1: taken 3, succeeded 3, failed 0, lost 0
[ 600000] answer  < stage 2: taken 6, succeeded 6, failed 0, lost 0
