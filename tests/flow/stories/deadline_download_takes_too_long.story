# Always a little progress, but not within the time a download may take in all.
rollout r1 esp32 1.1.0 max_attempts=1
policy download_total_ms=600000

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report downloading progress=1
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[ 200000] device > d1 report downloading progress=2
[ 200007] store   > d1 downloading                  progress: 2 % done
[ 400000] device > d1 report downloading progress=3
[ 400007] store   > d1 downloading                  progress: 3 % done
[ 590000] device > d1 report downloading progress=4
[ 590007] store   > d1 downloading                  progress: 4 % done
[ 602007] store   > d1 downloading -> failed        give_up: the whole download took too long; no attempts left of 1 [E_DOWNLOAD_TIMEOUT]
[ 610000] clock > later
