# Three devices of a site failed, one after the other. All of them get another turn, but no more than two at a time: the site has places for two.
rollout r1 esp32 1.1.0 plan={"limits":{"per_site":2},"confirmations":1,"retry":{"max_attempts":1}}
[      0] device > d1 heartbeat 1.0.0 boot=b1 managed tags=site-a
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device > d1 report failed error=E_NO_SPACE
[    507] store   > d1 dispatched -> failed         give_up: no space left on the device; no attempts left of 1 [E_NO_SPACE]
[   1000] device > d2 heartbeat 1.0.0 boot=b1 managed tags=site-a
[   1007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   1015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   1500] device > d2 report failed error=E_NO_SPACE
[   1507] store   > d2 dispatched -> failed         give_up: no space left on the device; no attempts left of 1 [E_NO_SPACE]
[   2000] device > d3 heartbeat 1.0.0 boot=b1 managed tags=site-a
[   2007] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[   2012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   2015] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[   2500] device > d3 report failed error=E_NO_SPACE
[   2507] store   > d3 dispatched -> failed         give_up: no space left on the device; no attempts left of 1 [E_NO_SPACE]
[   5000] operator > retries r1
[   5000] rollout > r1 running -> running stage 1  reopen: operator
[   5012] store   > d1 failed -> pending            retry_asked: another turn
[   5012] store   > d2 failed -> pending            retry_asked: another turn
[   5012] store   > d3 retry_asked: not now
[   5017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   5017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   5020] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[   5020] broker  < update/esp32/d2              update 1.1.0, attempt 2, full
[   8012] store   > d3 retry_asked: not now
[   9000] device > d1 report failed error=E_NO_SPACE
[   9007] store   > d1 dispatched -> failed         give_up: no space left on the device; no attempts left of 1 [E_NO_SPACE]
[  11012] store   > d3 failed -> pending            retry_asked: another turn
[  11017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  11020] broker  < update/esp32/d3              update 1.1.0, attempt 2, full
[  16000] clock  > later
