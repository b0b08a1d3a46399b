# A download that stands still for five minutes has failed; one that moves has not.
rollout r1 esp32 1.1.0
policy retry_base_ms=1

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report downloading progress=10
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[ 200000] device > d1 report downloading progress=20
[ 200007] store   > d1 downloading                  progress: 20 % done
# Alive, but no further: that earns no more time.
[ 400000] device > d1 report downloading progress=20
[ 400007] store   > d1 downloading                  progress: 20 % done
[ 450000] operator > explains d1
[ 450000] answer  < now: downloading since 448 s: 20 %
[ 450000] answer  < next: must get further; otherwise the next attempt follows
[ 450000] answer  < by: 500005
[ 501007] store   > d1 downloading -> retry_wait    retry: the download stalled; attempt 2 of 3 follows [E_DOWNLOAD_TIMEOUT]
[ 502007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_DOWNLOAD_TIMEOUT]
[ 502010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 510000] clock > later
