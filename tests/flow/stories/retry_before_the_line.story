# Many wait for the one place. A device that failed is given another turn: it came before all of them, and need not wait until the line is empty; until its
# turn comes it is told so.
rollout r1 esp32 1.1.0 plan={"limits":{"max_in_flight":1},"confirmations":1,"retry":{"max_attempts":1}}
hush
[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[    500] device > d1 report failed error=E_NO_SPACE
[   1000] fleet > d2..d40 keeps sending 1.0.0 obeys=10000
[   4000] operator > explains d1
[   4000] answer  < now: failed since 3 s: no space left on the device
[   4000] answer  < next: nothing is planned: it had its turn in this rollout
[   5000] operator > retries r1
[   5000] rollout > r1 running -> running stage 1  reopen: operator
[   6000] operator > explains d1
[   6000] answer  < now: failed since 5 s: no space left on the device
[   6000] answer  < next: waits for its turn: as many upgrades as allowed are under way (1 of 1 under way)
[  30000] operator > explains d1
[  30000] answer  < now: dispatched since 17 s: attempt 1 of 1, full package
[  30000] answer  < next: without a reaction it is told again (left: 2)
[  30000] answer  < by: 42015
