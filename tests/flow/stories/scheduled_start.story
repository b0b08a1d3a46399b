# It begins at its time, and not while another one holds the model's place; a completed one gives way.
begins 2026-03-01T00:00:00Z
rollout r0 esp32 1.1.0 plan={"confirmations":1,"stages":[{"name":"all","soak_s":300}]}
rollout r1 esp32 1.2.0 plan={"confirmations":1,"start":"2026-03-01T00:02:00Z","stages":[{"name":"all"}]}
engine
hush

[      0] rollout = r0 stage 1: no device of this stage has come yet
[      0] rollout = r1 stage 1: begins in 120 s
[      0] fleet > d1..d2 keeps sending 1.0.0 obeys=10000
[   1000] rollout = r0 stage 1: 0 of 2 devices settled
[  11000] rollout = r0 stage 1: soaks for 300 s more
[ 200000] operator > counts r0
[ 200000] answer  < r0: 2 of 2 devices run 1.1.0
[ 200000] answer  < stage 1: taken 2, succeeded 2, failed 0, lost 0
[ 311000] rollout > r0 running -> completed stage 1  complete: the last stage is passed
[ 311000] rollout > r0 completed -> superseded stage 1  supersede: overtaken by a newer rollout
[ 311000] rollout > r1 scheduled -> running stage 1  start: its time has come
[ 312000] rollout = r1 stage 1: no device of this stage has come yet
[ 341000] rollout = r1 stage 1: 0 of 2 devices settled
[ 351000] rollout = r1 stage 1: waits 90 s more for others to come
[ 441000] rollout > r1 running -> completed stage 1  complete: the last stage is passed
[ 442000] rollout = r1 stage 1: every stage is passed; devices that come late are still taken
[ 600000] operator > counts r1
[ 600000] answer  < r1: 2 of 2 devices run 1.2.0
[ 600000] answer  < stage 1: taken 2, succeeded 2, failed 0, lost 0
