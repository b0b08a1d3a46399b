# Another turn: what failed, was refused or came back begins anew, with its attempts counted anew and the numbers of attempts rising. What came
# back by itself is kept from the release for a day, which another turn given by an operator lifts.
rollout r1 esp32 1.1.0 confirmations=1 max_attempts=1
policy quarantine_ms=86400000
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report failed error=E_NO_SPACE
[    507] store   > d1 dispatched -> failed         give_up: no space left on the device; no attempts left of 1 [E_NO_SPACE]
[   1000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[   1007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   1015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   1500] device  > d2 report rejected
[   1507] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   2000] device  > d3 heartbeat 1.0.0 boot=b1 managed
[   2007] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[   2012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   2015] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[   2500] device  > d3 report verifying
[   2507] store   > d3 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   3000] device  > d3 heartbeat 1.0.0 boot=b2 managed
[   3007] store   > d3 verifying -> rolled_back     old_seen: it came back on the old version [E_ROLLED_BACK]
[   3007] store   > d3 is in quarantine for 1.1.0
[   4000] device  > d4 heartbeat 1.0.0 boot=b1 managed
[   4007] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0
[   4012] store   > d4 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   4015] broker  < update/esp32/d4              update 1.1.0, attempt 1, full
[   4500] device  > d4 report verifying
[   4507] store   > d4 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   5000] device  > d4 heartbeat 1.1.0 boot=b2 managed
[   5007] store   > d4 verifying -> succeeded       confirmed: proved by its heartbeats
[  10000] operator > retries r1
[  10000] rollout > r1 running -> running  reopen: operator
[  10012] store   > d1 failed -> pending            retry_asked: another turn
[  10012] store   > d2 rejected -> pending          retry_asked: another turn
[  10012] store   > d3 rolled_back -> pending       retry_asked: another turn
[  10012] store   > d3 is out of quarantine
[  10017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  10017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  10017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  10020] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  10020] broker  < update/esp32/d2              update 1.1.0, attempt 2, full
[  10020] broker  < update/esp32/d3              update 1.1.0, attempt 2, full
[  12000] device  > d1 report verifying
[  12007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  13000] device  > d1 heartbeat 1.1.0 boot=b3 managed
[  13007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  14000] device  > d2 report failed error=E_NO_SPACE
[  14007] store   > d2 dispatched -> failed         give_up: no space left on the device; no attempts left of 1 [E_NO_SPACE]
[  15000] device  > d3 report verifying
[  15007] store   > d3 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  16000] device  > d3 heartbeat 1.1.0 boot=b4 managed
[  16007] store   > d3 verifying -> succeeded       confirmed: proved by its heartbeats
[  20000] operator > explains d2
[  20000] answer  < now: failed since 5 s: no space left on the device
[  20000] answer  < next: nothing is planned: it had its turn in this rollout
