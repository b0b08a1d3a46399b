# A lost device gives its place to others at once, and has failed after lost_give_up_ms.
rollout r1 esp32 1.1.0 max_in_flight=1
policy lost_give_up_ms=3600000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d2 heartbeat 1.0.0 boot=c1
[   5000] device > d1 report downloading progress=10
[   5007] store   > d1 dispatched -> downloading    download: it downloads
[ 306007] store   > d1 downloading -> lost          silent: no sign of life for 301 s in downloading [E_LOST]
[ 310000] device > d2 heartbeat 1.0.0 boot=c1
[ 310007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[ 310012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[ 310015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[ 311000] device > d2 report verifying
[ 311007] store   > d2 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[ 330000] device > d2 heartbeat 1.1.0 boot=c2
[ 330007] store   > d2 verifying                    progress: 1 of 2 healthy heartbeats
[ 360000] device > d2 heartbeat 1.1.0 boot=c2
[ 360007] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats
[3907007] store   > d1 lost -> failed               give_up: lost for 1 h [E_LOST]
[4000000] clock > later
