-- What tests/bench/depot.py reads of a run of wrk: one line of JSON.
done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format('{"bytes":%d,"requests":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"errors":%d}\n', summary.bytes, summary.requests,
        summary.duration / 1e6, latency:percentile(50), latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
