# It says that it went back by itself. Its word moves it, its heartbeat proves it; no command is needed.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  20000] device > d1 report rolled_back error=E_HEALTHCHECK
[  20007] store   > d1 verifying -> rolling_back    says_rolled_back: it says that it went back by itself [E_HEALTHCHECK]
[  40000] device > d1 heartbeat 1.0.0 boot=b3
[  40007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: it says that it went back by itself [E_HEALTHCHECK]
