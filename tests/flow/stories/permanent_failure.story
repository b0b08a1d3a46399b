# A wrong signature is not mended by trying again.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report downloading
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[   2000] device > d1 report failed error=E_SIGNATURE
[   2007] store   > d1 downloading -> failed        fail: the signature is missing or wrong [E_SIGNATURE]
[  30000] device > d1 heartbeat 1.0.0 boot=b1
