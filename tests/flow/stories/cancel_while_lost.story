# Lost devices are cancelled, too: when they return, nobody sends them on.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report downloading progress=10
[   5007] store   > d1 dispatched -> downloading    download: it downloads
[ 306007] store   > d1 downloading -> lost          silent: no sign of life for 301 s in downloading [E_LOST]
[ 400000] operator > cancels r1
[ 400012] store   > d1 lost -> cancelled            cancel: cancelled while it was lost [E_CANCELLED]
[ 500000] device > d1 heartbeat 1.0.0 boot=b1
