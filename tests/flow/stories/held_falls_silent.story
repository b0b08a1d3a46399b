# Switched off while it is held: nobody misses it until its window opens; then it is lost. When it comes back it waits for a place like all others.
begins 2026-06-10T21:50:00Z
rollout r1 esp32 1.1.0 plan={"confirmations":1,"limits":{"max_in_flight":1},"windows":{"weekly":[{"use":"install","from":"22:00","to":"23:00"}]}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from 2026-06-17T23:00:00Z to 2026-06-17T23:00:00Z
[  20000] device > d1 report downloading progress=100
[  20007] store   > d1 dispatched -> held           hold: has the package; waits for its window
[ 100000] operator > sweeps_offline d1
[1008007] store   > d1 held -> lost                 silent: no sign of life for 988 s in held [E_LOST]
[2000000] device > d1 heartbeat 1.0.0 boot=b2 managed
[2000007] store   > d1 lost -> held                 hold: it returned, and waits for its window, or a place [E_LOST]
[2000012] store   > d1 held -> dispatched           dispatch: attempt 1 of 3, full package [E_LOST]
[2000015] broker  < update/esp32/d1              update 1.1.0, attempt 2, full, installs from now to 2026-06-10T23:00:00Z
[2010000] device > d1 report installing
[2010007] store   > d1 dispatched -> installing     install: it installs [E_LOST]
[2020000] clock >
