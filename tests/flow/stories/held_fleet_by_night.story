# Twelve devices and two places. By day all of them download within minutes, two at a time, and hold their packages; at night they install, two at a time, each not before its own second.
begins 2026-06-10T12:00:00Z
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"max_in_flight":2},"windows":{"weekly":[{"use":"install","from":"22:00","to":"04:00"}]}}
hush

[      0] fleet > d1..d12 keeps sending 1.0.0 obeys=20000 managed
[ 900000] operator > measures r1
[ 900000] answer  < r1: 0 at work, at most 2 at a time; 12 held
[36000000] operator > measures r1
[36000000] answer  < r1: 0 at work, at most 2 at a time; 12 held
[37200000] operator > measures r1
[37200000] answer  < r1: 0 at work, at most 2 at a time; 8 held
[41000000] operator > measures r1
[41000000] answer  < r1: 0 at work, at most 2 at a time; 0 held
[41000000] operator > counts r1
[41000000] answer  < r1: 12 of 12 devices run 1.1.0
[41000000] answer  < stage 1: taken 12, succeeded 12, failed 0, lost 0
[41100000] clock >
