# The window closes before the turn of some: they keep their packages, hold no place through the day, and have their turn in the next night.
begins 2026-06-10T21:40:00Z
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"max_in_flight":1},"windows":{"weekly":[{"use":"install","from":"22:00","to":"22:04"}]}}
hush

[      0] fleet > d1..d20 keeps sending 1.0.0 obeys=20000 managed
[1000000] operator > measures r1
[1000000] answer  < r1: 0 at work, at most 1 at a time; 20 held
[1440000] operator > counts r1
[1440000] answer  < r1: 11 of 20 devices run 1.1.0
[1440000] answer  < stage 1: taken 20, succeeded 11, failed 0, lost 0
[1500000] operator > counts r1
[1500000] answer  < r1: 12 of 20 devices run 1.1.0
[1500000] answer  < stage 1: taken 20, succeeded 12, failed 0, lost 0
[1500000] operator > measures r1
[1500000] answer  < r1: 0 at work, at most 1 at a time; 8 held
[1500000] operator > explains d1
[1500000] answer  < now: has the package, holds no place since 1479 s: has the package; waits for its window
[1500000] answer  < next: its turn comes later: its maintenance window is not open, Wednesday 22:05 where it is (UTC)
[1500000] answer  < by: 87627000
[80000000] operator > counts r1
[80000000] answer  < r1: 12 of 20 devices run 1.1.0
[80000000] answer  < stage 1: taken 20, succeeded 12, failed 0, lost 0
[90000000] operator > counts r1
[90000000] answer  < r1: 20 of 20 devices run 1.1.0
[90000000] answer  < stage 1: taken 20, succeeded 20, failed 0, lost 0
[90000000] operator > measures r1
[90000000] answer  < r1: 0 at work, at most 1 at a time; 0 held
[90100000] clock >
