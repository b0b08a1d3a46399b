# In mid-download it shows up with a version nobody asked for.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report downloading
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[  30000] device > d1 heartbeat 1.0.7 boot=b2
[  30007] store   > d1 downloading -> superseded    other_seen: it runs 1.0.7, neither 1.0.0 nor 1.1.0
