# Two places in the depot: nobody is told to download while they are taken or promised, whoever asks and however.
rollout r1 esp32 1.1.0

[      0] depot   > all carries places=2
[    100] device > d1 heartbeat 1.0.0 boot=b1 managed
[    100] device > d2 heartbeat 1.0.0 boot=b1 managed
[    100] device > d3 heartbeat 1.0.0 boot=b1 managed
[    100] device > d4 heartbeat 1.0.0 boot=b1 simple
[    107] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[    107] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[    112] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[    112] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[    115] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    115] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[    200] operator > explains d3
[    200] answer  < now: runs 1.0.0, has no upgrade
[    200] answer  < next: its turn comes when there is room: the depot has no room for another download (2 of 2 places)
[    300] device > d4 asks 1.0.0
[    305] answer  < 503 the depot has no room for another download (later)
[    400] device > somebody asks 1.0.0
[    400] answer  < 503 the depot has no room for another download (later)
[   1000] device > d1 report downloading
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[   2000] device > d3 heartbeat 1.0.0 boot=b1 managed
[   3000] device > d1 report installing
[   3007] store   > d1 downloading -> installing    install: it installs
[   4000] depot   > all carries places=2 used=1
[   5000] device > d4 asks 1.0.0
[   5005] answer  < 503 the depot has no room for another download (later)
[   6000] operator > explains d3
[   6000] answer  < now: runs 1.0.0, has no upgrade
[   6000] answer  < next: its turn comes when there is room: the depot has no room for another download (2 of 2 places)
[   7000] device > d2 report downloading
[   7007] store   > d2 dispatched -> downloading    download: it downloads
[   8000] device > d2 report failed error=E_DOWNLOAD_TIMEOUT
[   8007] store   > d2 downloading -> retry_wait    retry: the download took too long; attempt 2 of 3 follows [E_DOWNLOAD_TIMEOUT]
[   9000] depot   > all carries places=2 used=2
[  18007] store   > d2 retry_wait                   postpone: the depot has no room for another download
[  26000] operator > explains d2
[  26000] answer  < now: waits before attempt 2 of 3: the download took too long
[  26000] answer  < next: waits on: the depot has no room for another download (2 of 2 places)
[  26000] answer  < by: 45110
[  30000] depot   > all carries places=2 used=1
[  30500] device > d4 asks 1.0.0
[  30507] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0
[  30512] store   > d4 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  30517] store   > d4 dispatched -> acknowledged   acknowledge: it asked for the release
[  30520] answer  < 200 update 1.1.0, attempt 1, full
[  30600] device > d3 heartbeat 1.0.0 boot=b1 managed
[  35000] depot   > d4 gave 100 %
[  35007] store   > d4 acknowledged -> installing   install: has all bytes
[  36000] depot   > all carries places=2 used=0
[  37000] device > d3 heartbeat 1.0.0 boot=b1 managed
[  37007] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[  37012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  37015] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[  46007] store   > d2 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_DOWNLOAD_TIMEOUT]
[  46010] broker  < update/esp32/d2              update 1.1.0, attempt 2, full
[  60000] clock   >
