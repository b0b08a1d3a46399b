# Silent while downloading: lost. It returns with the old version and tries again.
rollout r1 esp32 1.1.0
policy retry_base_ms=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report downloading progress=10
[   5007] store   > d1 dispatched -> downloading    download: it downloads
[ 306007] store   > d1 downloading -> lost          silent: no sign of life for 301 s in downloading [E_LOST]
[ 900000] device > d1 heartbeat 1.0.0 boot=b1
[ 900007] store   > d1 lost -> retry_wait           back_old: it returned with the old version: try again [E_LOST]
[ 901007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_LOST]
[ 901010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 905000] clock > later
