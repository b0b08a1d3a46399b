# The only orchestrator dies while devices are held, and is not there when their windows open. What they wait for is in the store: nobody is told twice, and not two at a time.
begins 2026-06-10T21:50:00Z
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"max_in_flight":1},"windows":{"weekly":[{"use":"install","from":"22:00","to":"23:00"}]}}
hush

[      0] fleet > d1..d4 keeps sending 1.0.0 obeys=20000 managed
[ 200000] operator > measures r1
[ 200000] answer  < r1: 0 at work, at most 1 at a time; 4 held
[ 200000] trouble ! A dies
[2400000] trouble ! A starts
[2500000] operator > measures r1
[2500000] answer  < r1: 0 at work, at most 1 at a time; 0 held
[3000000] operator > measures r1
[3000000] answer  < r1: 0 at work, at most 1 at a time; 0 held
[3000000] operator > counts r1
[3000000] answer  < r1: 4 of 4 devices run 1.1.0
[3000000] answer  < stage 1: taken 4, succeeded 4, failed 0, lost 0
[3100000] clock >
