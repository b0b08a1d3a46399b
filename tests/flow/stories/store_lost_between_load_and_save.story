# Redis goes away between load and save: nothing is spoken, the report comes again from the ring.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report downloading seq=1
[   1006] trouble ! store unreachable
[   1015] drover  = unavailable: not reachable now
[   2000] device > d1 heartbeat 1.0.0 boot=b1
[   2005] drover  = the heartbeat is not in the store: not reachable now
[   3000] trouble ! store back
[   3100] device > d1 report downloading seq=1
[   3107] store   > d1 dispatched -> downloading    download: it downloads
[   3200] clock > later
