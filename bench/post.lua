-- wrk: POSTs the body in the file that BODY_FILE names, as CONTENT_TYPE, with the key in KEY.
wrk.method = "POST"
local file = assert(io.open(os.getenv("BODY_FILE"), "rb"))
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = os.getenv("CONTENT_TYPE")
wrk.headers["Authorization"] = "Bearer " .. os.getenv("KEY")

-- The numbers a script reads: requests a second, answers that were not 2xx, latencies in us.
done = function(summary, latency)
  io.write(string.format("RESULT %.0f %d %d %d\n", summary.requests / summary.duration * 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
