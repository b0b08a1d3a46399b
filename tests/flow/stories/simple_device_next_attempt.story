# A simple device paces itself: its question begins the next attempt, though the backoff is not over.
rollout r1 esp32 1.1.0 max_attempts=2
policy retry_base_ms=600000

[      0] device > d1 keeps sending 1.0.0 simple
[   1000] device > d1 asks 1.0.0
[   1007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 2, full package
[   1017] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[   1020] depot > d1 gave 30 %
[   1020] answer  < 200 update 1.1.0, attempt 1, full
[   1027] store   > d1 acknowledged -> downloading  download: fetches the package
[ 302007] store   > d1 downloading -> retry_wait    retry: the download stalled; attempt 2 of 2 follows [E_DOWNLOAD_TIMEOUT]
# The download stalls for five minutes.
[ 310000] device > d1 asks 1.0.0
[ 310007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 2, full package [E_DOWNLOAD_TIMEOUT]
[ 310012] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release [E_DOWNLOAD_TIMEOUT]
[ 310015] answer  < 200 update 1.1.0, attempt 2, full
[ 311000] depot > d1 gave 100 %
[ 311007] store   > d1 acknowledged -> installing   install: has all bytes [E_DOWNLOAD_TIMEOUT]
[ 330000] device > d1 keeps sending 1.1.0
[ 330007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version [E_DOWNLOAD_TIMEOUT]
[ 360007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[ 400000] clock > later
