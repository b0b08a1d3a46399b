# Each leg has all attempts. What fails on the second one leaves the device on the stone; another turn goes on from there.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1,"retry":{"max_attempts":2}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 2, full package of 2.0.0
[     15] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[   1000] device > d1 report failed error=E_DOWNLOAD_HTTP
[   1007] store   > d1 dispatched -> retry_wait     retry: the depot answered with an error; attempt 2 of 2 follows [E_DOWNLOAD_HTTP]
[   3007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 2, full package of 2.0.0 [E_DOWNLOAD_HTTP]
[   3010] broker  < update/esp32/d1              update 2.0.0, attempt 2, full
[  34007] store   > d1 dispatched                   expired: no reaction: tell it again
[  34010] broker  < update/esp32/d1              update 2.0.0, attempt 2, full
[  60000] device > d1 heartbeat 1.0.0 boot=b1 managed
[  61000] device > d1 heartbeat 2.0.0 boot=b2 managed
[  61007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone [E_DOWNLOAD_HTTP]
[  61012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[  61017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 2, full package
[  61020] broker  < update/esp32/d1              update 3.0.0, attempt 3, full
[  62000] device > d1 report failed error=E_DOWNLOAD_HTTP
[  62007] store   > d1 dispatched -> retry_wait     retry: the depot answered with an error; attempt 2 of 2 follows [E_DOWNLOAD_HTTP]
[  72007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 2, full package [E_DOWNLOAD_HTTP]
[  72010] broker  < update/esp32/d1              update 3.0.0, attempt 4, full
[ 103007] store   > d1 dispatched                   expired: no reaction: tell it again
[ 103010] broker  < update/esp32/d1              update 3.0.0, attempt 4, full
[ 120000] device > d1 heartbeat 2.0.0 boot=b2 managed
[ 121000] device > d1 report failed error=E_DOWNLOAD_HTTP
[ 121007] store   > d1 dispatched -> failed         give_up: the depot answered with an error; no attempts left of 2 [E_DOWNLOAD_HTTP]
[ 122000] operator > explains d1
[ 122000] answer  < now: failed since 0 s: the depot answered with an error
[ 122000] answer  < next: nothing is planned: it had its turn in this rollout
[ 130000] operator > retries r1
[ 130000] rollout > r1 running -> running stage 1  reopen: operator
[ 130012] store   > d1 failed -> pending            retry_asked: another turn
[ 130017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 2, full package
[ 130020] broker  < update/esp32/d1              update 3.0.0, attempt 5, full
[ 140000] device > d1 report verifying
[ 140007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[ 141000] device > d1 heartbeat 3.0.0 boot=b3 managed
[ 141007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
