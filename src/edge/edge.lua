-- What nginx does for the domains of gRPC OS: picks targets, lets requests wait for one, counts. It is the same for all
-- installations; what varies is data, in shared memory. nginx -t does not look at it: tests/edge does.
--
-- An upstream is called DOMAIN_N: the id of a domain and the number of a route. Its value in the dict `endpoints`:
--   up HOST:PORT:WEIGHT …     targets; HOST is numeric, IPv6 in brackets; WEIGHT 1 to 1000
--   away [HOST:PORT:WEIGHT …] none is there now, one is expected, perhaps at one of these: requests wait
--   off                       none will come: 503 at once
-- A name without a value is as `away`. Each set has a version of its own, in the flags of the dict.
--
-- The private socket speaks lines of words, too:
--   POST /endpoints   lines NAME VALUE, or NAME - to drop one; a first line `all`: what is not named is dropped.
--                     200 `applied N`; 400: nothing was applied, and why; 507: shared memory is full, and the names that were applied.
--   GET /endpoints    lines NAME VALUE
--   GET /status       worker PID GENERATION accepting|draining
--                     waiting REQUESTS BYTES           in all
--                     waiting DOMAIN REQUESTS BYTES
--   GET /traffic      domain DOMAIN REQUESTS STREAMS 4XX 5XX B0 … B20
--                       counted since nginx started, up to a second ago; Bn: requests that took at most 10^(n/4) ms, and more than the one before; B20: longer
--                     target NAME HOST:PORT REQUESTS STREAMS    in flight now
--   GET /inflight?NAME=HOST:PORT    `REQUESTS STREAMS` of one target, exact: once a target is taken out and this is 0, it gets nothing more
-- A stream is a websocket, or was asked for with `Accept: text/event-stream`.
-- The file `endpoints`, of the same lines, is read when nginx starts, not at a HUP. Who writes it writes it before the POST.

local ffi = require "ffi"
local balancer = require "ngx.balancer"
local get_request = require("resty.core.base").get_request

local endpoints, inflight = ngx.shared.endpoints, ngx.shared.inflight
local traffic, waiting = ngx.shared.traffic, ngx.shared.waiting
local workers = ngx.shared.workers  -- by pid: GENERATION STATE, and when it began
local edge = ngx.shared.edge        -- `version` and `seen`; `found NAME`: what answered, see probe(); the list `gone`, see drop_counts()
local ceil, log10, min = math.ceil, math.log10, math.min
local cast, now = ffi.cast, ngx.now

local M = {}

local STEP = 0.02            -- seconds between two looks of a request that waits
-- A process has room for few connections that it has not taken yet: of an upstream, so many requests go on in one step, in one
-- worker, less those that did and are not answered, each for as many seconds.
local GO_ON, UNANSWERED = 16, 1
local PROBE_EVERY = 0.2      -- seconds between two attempts to connect to the targets of an upstream, in one worker
local PROBE_AFTER = 0.1      -- seconds from a failure on: a process that is ending still takes connections
local PROBE_TIMEOUT_MS = 200
local MOST_SENT = 3          -- times that a request is sent to processes: it may be what ends them
local GONE_SECONDS = 60      -- so long after its last endpoint went, a domain's counts go
local FOUND_SECONDS = 300    -- so long, what answered is known
local STREAM_TIMEOUT = 3600  -- seconds that a stream may be silent
local BEFORE_END = 2         -- seconds from an answer to what waits to the end of a worker that drains
local JUMPS = 8              -- of a request into the waiting location; nginx allows ten
local WAIT_SOCKET = "unix:run/wait.sock"
local BUSY = -3              -- NGX_BUSY: this try ends, as "no live upstreams", without a connection

local config                 -- of init(); silent_ms: so long without a request on the private socket, and nobody keeps the endpoints
local pid                    -- of this worker
local draining               -- since when its listeners are closed
local lists = {}             -- by upstream: its value, parsed; see current()
local keys = {}              -- of the dict `inflight` that are this worker's
local forgotten              -- the version of all endpoints of which forget_keys() knows
local full = {}              -- what was logged of shared memory that is full
local counters = {}          -- by domain: what is not in the dict `traffic` yet
local probed = {}            -- by upstream: when this worker last tried to connect
local queues = {}            -- by upstream: the requests that wait, the first first
local released = {}          -- by upstream: when some of them went on,
local going = {}             --   and those that are not answered, with when they did
local tickets = 0            -- of requests that waited

-- What goes on for a request, by its address in memory: ngx.ctx does not survive the jump to a named location, and variables
-- cost more. log() runs at the end of every request of a domain, and takes it out again.
local requests = {}

local function request_key()
  local key = tonumber(cast("uintptr_t", get_request()))  -- no tail call: the compiler of LuaJIT takes those for loops
  return key
end

-- ---------------------------------------------------------------- endpoints

local function parse_targets(text)
  local targets = {}
  for word in text:gmatch("%S+") do
    local host, port, weight = word:match("^(.+):(%d+):(%d+)$")
    port, weight = tonumber(port), tonumber(weight)
    if not host or not (host:match("^%d+%.%d+%.%d+%.%d+$") or host:match("^%[[%x:.]+%]$")) then return nil end
    if port < 1 or port > 65535 or weight < 1 or weight > 1000 then return nil end
    targets[#targets + 1] = { host = host, port = port, address = host .. ":" .. port, weight = weight, current = 0 }
  end
  return targets
end

-- Nil if `value` is none.
local function parse(value)
  local state, rest = value:match("^(%l+)(.*)$")
  if state == "off" and rest == "" then return { state = state } end
  if (state ~= "up" and state ~= "away") or not rest:match("^$") and not rest:match("^ ") then return nil end
  local targets = parse_targets(rest)
  if not targets or state == "up" and #targets == 0 then return nil end
  local total = 0
  for _, target in ipairs(targets) do total = total + target.weight end
  return { state = state, targets = targets, total = total }
end

local function next_version() return edge:incr("version", 1, 0) % 2 ^ 31 end

-- Logs once what is the same for all requests.
local function log_full(what, err)
  if full[what] then return end
  full[what] = true
  ngx.log(ngx.CRIT, what, ": ", err)
end

-- That a domain has no endpoints: see drop_counts().
local function note_gone(domain)
  local ok, err = edge:rpush("gone", now() .. " " .. domain)
  if not ok then log_full("counts of domains that are gone stay", err) end
end

local function drop(name)
  endpoints:delete(name)
  next_version()
  local domain = name:match("^(.*)_0$")
  if domain then note_gone(domain) end
end

-- Changes the endpoints by the lines of `text`. The HTTP status, and what to say.
local function apply(text)
  local changes, named, all = {}, {}, false
  local number = 0
  for line in text:gmatch("[^\n]+") do
    number = number + 1
    local name, value = line:match("^([%w_]+) (.+)$")
    if number == 1 and line == "all" then
      all = true
    elseif not name or value ~= "-" and not parse(value) then
      return 400, "line " .. number .. " is not NAME up|away HOST:PORT:WEIGHT…, NAME off or NAME -: nothing was applied\n"
    else
      changes[#changes + 1] = { name, value }
      named[name] = true
    end
  end
  if all then  -- first, so that there is room
    for _, name in ipairs(endpoints:get_keys(0)) do
      if not named[name] then drop(name) end
    end
  end
  for index, change in ipairs(changes) do
    local name, value = change[1], change[2]
    if value == "-" then
      drop(name)
    elseif endpoints:get(name) ~= value then
      local ok, err = endpoints:safe_set(name, value, 0, next_version())
      if not ok then
        local applied = {}
        for i = 1, index - 1 do applied[i] = changes[i][1] .. "\n" end
        return 507, err .. " at " .. name .. "; applied:\n" .. table.concat(applied)
      end
    end
  end
  return 200, "applied " .. #changes .. "\n"
end

-- What is known of an upstream now: parsed once for each version, in each worker.
local function current(name)
  local value, version = endpoints:get(name)
  local list = lists[name]
  if not value then value, version = "away", 0 end
  if list and list.version == version then return list end
  list = parse(value)
  list.version = version
  for _, target in ipairs(list.targets or {}) do
    local key = pid .. " " .. name .. " " .. target.address
    target.request_key, target.stream_key = key .. " requests", key .. " streams"
  end
  lists[name] = list
  return list
end

local function version_of(name) return select(2, endpoints:get(name)) or 0 end

-- The targets to pick from: those that are up, or those that answered when nobody kept the endpoints.
local function targets_of(name, list)
  if list.state == "up" then return list end
  if list.state == "off" then return nil end
  local found, version = edge:get("found " .. name)
  if not found or version ~= list.version then return nil end
  if list.found_text ~= found then
    local text = found:match("^%S+ (.*)$")
    list.found_text, list.found = found, { version = version, targets = {}, total = 0 }
    for _, target in ipairs(list.targets) do
      if (" " .. text .. " "):find(" " .. target.address .. " ", 1, true) then
        table.insert(list.found.targets, target)
        list.found.total = list.found.total + target.weight
      end
    end
  end
  return list.found
end

-- ---------------------------------------------------------------- picking

local function count(request, target)
  local key = request.stream and target.stream_key or target.request_key
  request.target = target
  if not inflight:incr(key, 1) then
    local ok, err = inflight:safe_add(key, 1)
    if not ok then return log_full("requests in flight are not counted", err) end
    keys[key] = true
  end
  request.key = key
end

local function uncount(request)
  if request.key then inflight:incr(request.key, -1) end
  request.key, request.target = nil, nil
end

-- Smooth weighted round robin, as nginx's own, over the targets that were not tried.
local function choose(list, tried)
  local targets, best, total = list.targets, nil, list.total
  if #targets == 1 and not tried then return targets[1] end
  for i = 1, #targets do
    local target = targets[i]
    if tried and tried[target.address] then
      total = total - target.weight
    else
      target.current = target.current + target.weight
      if not best or target.current > best.current then best = target end
    end
  end
  if best then best.current = best.current - total end
  return best
end

-- How often bytes of this request were sent to a target, and whether they were in the last try.
local function times_sent()
  local n, last = 0, false
  for bytes in (ngx.var.upstream_bytes_sent or ""):gmatch("%d+") do
    last = bytes ~= "0"
    if last then n = n + 1 end
  end
  return n, last
end

-- Takes a target of the upstream for this request, if there is one.
local function take(name, request)
  local list = lists[name]  -- it is looked below whether it is the newest: once a request is enough
  if not list or list.state ~= "up" then list = current(name) end
  request.version = list.version
  local up = targets_of(name, list)
  local target = up and choose(up, request.tried)
  if not target then return nil end
  count(request, target)
  -- Counted first, then looked again: who takes a target out and then reads 0 has had the last request.
  if version_of(name) == list.version then return target, #up.targets end
  uncount(request)
  current(name)
  return take(name, request)
end

-- balancer_by_lua of the upstream `name`: for the first try of a request, and each one after it. With `wait`, requests that
-- find no target go on at the wait socket, in a server where they wait: what is asked of gRPC cannot jump to another location,
-- because its body is not read beforehand.
function M.pick(name, wait)
  local id = request_key()
  local request = requests[id]
  if not request then
    request = { stream = ngx.var.edge_stream ~= "" }
    requests[id] = request
  end
  local failed, taken = request.target, request.taken
  request.taken = nil
  if failed and not taken then
    uncount(request)
    request.tried = request.tried or {}
    request.tried[failed.address] = true
    local sent, last = times_sent()
    local _, status = balancer.get_last_failure()
    request.timed_out = status == 504 and last  -- what takes too long here takes too long elsewhere
    if request.timed_out or sent >= MOST_SENT then return ngx.exit(BUSY) end
  end
  local may_wait = wait and not request.waited
  local target, targets
  if taken then target, targets = failed, taken; failed = nil else target, targets = take(name, request) end
  if target then
    if not failed and (targets > 1 or may_wait) then balancer.set_more_tries(targets - (may_wait and 0 or 1)) end
    if request.stream then balancer.set_timeouts(nil, STREAM_TIMEOUT, STREAM_TIMEOUT) end
    assert(balancer.set_current_peer(target.host, target.port))
  elseif may_wait then
    assert(balancer.set_current_peer(WAIT_SOCKET))
  else
    ngx.exit(BUSY)
  end
end

-- ---------------------------------------------------------------- answers of our own

local REASONS = {
  [404] = "There is nothing here.",
  [413] = "The request is larger than this domain takes.",
  [429] = "There are too many calls at a time, of your address or of all.",
  [500] = "The edge failed. Its error log says why.",
  [502] = "The process that had this request ended or broke off. The request may have been carried out.",
  [503] = "No process serves this right now.",
  [504] = "The process did not answer in time.",
}
local GRPC_STATUS = { [404] = 12, [413] = 8, [429] = 8, [500] = 13, [504] = 4 }  -- all others: 14, UNAVAILABLE

local function answer(status, reason, retry_after)
  local header = ngx.header
  if ngx.req.http_version() == 2 then  -- gRPC: nothing else is served by it
    ngx.status = 200
    header["Content-Type"] = "application/grpc"
    header["grpc-status"] = GRPC_STATUS[status] or 14
    header["grpc-message"] = reason
    header["Content-Length"] = 0  -- so that the headers end the stream, as gRPC wants it
    ngx.send_headers()
    return ngx.exit(200)
  end
  local accept = ngx.var.http_accept or ""
  ngx.status = status
  if retry_after then header["Retry-After"] = retry_after end
  header["Cache-Control"] = "no-store"
  local text
  if accept:find("json", 1, true) then
    header["Content-Type"] = "application/json"
    text = string.format('{"status":%d,"error":"%s"}\n', status, reason)
  elseif accept:find("text/html", 1, true) then
    header["Content-Type"] = "text/html; charset=utf-8"
    text = string.format("<!doctype html><title>%d</title><h1>%d</h1><p>%s</p>\n", status, status, reason)
  else
    header["Content-Type"] = "text/plain; charset=utf-8"
    text = string.format("%d: %s\n", status, reason)
  end
  header["Content-Length"] = #text
  ngx.print(text)
  return ngx.exit(200)
end

-- Where nginx's own errors jump to.
function M.failed()
  local status = ngx.status
  return answer(status, REASONS[status] or "The request failed.")
end

function M.unknown() return answer(404, "No domain of this name is served here.") end
function M.no_route() return answer(404, REASONS[404]) end

-- ---------------------------------------------------------------- waiting

-- Adds to what waits: of all, and of the domain. Each worker has keys of its own, so that those of one that died can be dropped.
local function add_waiting(domain, n, bytes)
  waiting:incr("requests " .. pid .. " " .. domain, n, 0)
  waiting:incr("bytes " .. pid .. " " .. domain, bytes, 0)
  waiting:incr("requests " .. pid, n, 0)
  waiting:incr("bytes " .. pid, bytes, 0)
end

local function waiting_of(pids, suffix)
  local n, bytes = 0, 0
  for _, p in ipairs(pids) do
    n = n + (waiting:get("requests " .. p .. suffix) or 0)
    bytes = bytes + (waiting:get("bytes " .. p .. suffix) or 0)
  end
  return n, bytes
end

local function end_waiting(request)
  local wait = request.wait
  if not wait or not wait.counted then return end
  add_waiting(wait.domain, -1, -wait.bytes)
  wait.counted, wait.go = false, false
  local queue = queues[wait.name]
  for i = 1, #queue do
    if queue[i] == request then table.remove(queue, i) break end
  end
  if #queue == 0 then queues[wait.name], released[wait.name], going[wait.name] = nil, nil, nil end
end

-- False if there is no place for one more. Who waits again has the place that it had.
local function begin_waiting(request)
  local wait = request.wait
  local domain, queue = wait.domain, queues[wait.name] or {}
  queues[wait.name], going[wait.name] = queue, going[wait.name] or {}
  going[wait.name][request] = nil
  local place = #queue + 1
  while place > 1 and queue[place - 1].wait.ticket > wait.ticket do place = place - 1 end
  table.insert(queue, place, request)
  wait.counted = true
  add_waiting(domain, 1, wait.bytes)
  local pids = workers:get_keys(0)
  local n, bytes = waiting_of(pids, "")
  local of_domain, bytes_of_domain = waiting_of(pids, " " .. domain)
  if n <= config.waiting and bytes <= config.waiting_bytes and of_domain <= config.waiting_of_domain
    and bytes_of_domain <= config.waiting_bytes_of_domain then return true end
  end_waiting(request)
  return false
end

-- Connects to each target, at most every PROBE_EVERY: those that answer are noted for all workers.
local function probe(name, list)
  if now() - (probed[name] or 0) < PROBE_EVERY then return end
  probed[name] = now()
  local answered = {}
  for _, target in ipairs(list.targets) do
    local socket = ngx.socket.tcp()
    socket:settimeout(PROBE_TIMEOUT_MS)
    if socket:connect(target.host, target.port) then
      answered[#answered + 1] = target.address
      socket:close()
    end
  end
  if #answered > 0 then
    edge:set("found " .. name, now() .. " " .. table.concat(answered, " "), FOUND_SECONDS, list.version)
  end
end

-- Whether there is a reason to try once more: another list, or a target that answered since. Where a try cannot be repeated,
-- only the latter is one: a process may be listed before it listens.
local function may_go_on(name, list, request)
  if list.state == "up" and list.version ~= request.version and not request.waited then return true end
  local found, version = edge:get("found " .. name)
  return found ~= nil and version == list.version and tonumber(found:match("^%S+")) >= request.failed_at
end

-- Whether it is this one's turn, of those that have a reason to try once more. It is at the end of its time.
local function its_turn(name, list, request)
  if not may_go_on(name, list, request) then return false end
  local time = now()
  if not request.wait.go and time - (released[name] or 0) >= STEP then
    released[name] = time
    local left = GO_ON
    for other, since in pairs(going[name]) do
      if time - since > UNANSWERED then going[name][other] = nil else left = left - 1 end
    end
    for _, other in ipairs(queues[name]) do
      if left <= 0 then break end
      if not other.wait.go and may_go_on(name, list, other) then
        other.wait.go, going[name][other], left = true, time, left - 1
      end
    end
  end
  return request.wait.go or time >= request.wait.until_time
end

-- access_by_lua where requests wait, up to `hold_ms`: returns once there is a target to try, else answers. What failed
-- otherwise is answered here, too: each location costs nginx 20 KB. A request that pick() has not had came by the wait socket.
-- A client that closes its sending half while it waits counts as one that left, and gets nothing: nginx cannot tell one from the other.
function M.wait(name, domain, hold_ms)
  if REASONS[ngx.status] then return M.failed() end
  local id = request_key()
  local request = requests[id]
  if request then
    request.failed_at = now()
  else
    request = { waited = true, failed_at = now() - PROBE_AFTER }
    requests[id] = request
  end
  uncount(request)
  local sent, last = times_sent()
  -- What could not be connected in time was not sent: it waits as if it had been refused.
  if request.timed_out or last and ngx.var.upstream_status:match("%d+$") == "504" then return answer(504, REASONS[504]) end
  request.tried = nil
  request.jumps = (request.jumps or 0) + 1
  local method = ngx.req.get_method()
  if sent >= MOST_SENT or sent > 0 and (method == "POST" or method == "PATCH" or method == "LOCK") then
    return answer(502, REASONS[502])
  end
  local list = current(name)
  if hold_ms == 0 or request.jumps > JUMPS then
    return answer(list.state == "up" and 502 or 503, REASONS[503], 5)
  end
  local wait = request.wait
  if not wait then
    tickets = tickets + 1
    wait = { name = name, domain = domain, ticket = tickets, bytes = tonumber(ngx.var.request_length),
             until_time = now() + hold_ms / 1000 }
    request.wait = wait
  end
  if not begin_waiting(request) then
    return answer(503, "Too many requests wait for this process.", 5)
  end
  while true do
    list = current(name)
    if list.state == "off" then break end
    if its_turn(name, list, request) then
      if not request.waited then return end_waiting(request) end
      -- A call cannot come back here: it has its target before it goes on, so that whoever takes that out waits for it.
      local target, targets = take(name, request)
      if target then
        request.taken = targets
        return end_waiting(request)
      end
    end
    if now() >= wait.until_time then break end
    if draining and now() >= draining + config.shutdown_timeout_ms / 1000 - BEFORE_END then break end
    local listed = list.state == "up" or now() - (edge:get("seen") or 0) > config.silent_ms / 1000
    if listed and list.targets[1] and now() - request.failed_at > PROBE_AFTER then probe(name, list) end
    ngx.sleep(min(STEP, wait.until_time - now() + 0.001))
  end
  end_waiting(request)
  return answer(503, REASONS[503], 5)
end

-- ---------------------------------------------------------------- counting

local BUCKETS = 21
local NAMES = { "requests", "streams", "4xx", "5xx" }
for i = 0, BUCKETS - 1 do NAMES[#NAMES + 1] = "b" .. i end

local function flush()
  for domain, c in pairs(counters) do
    for i = 1, #NAMES do
      local n = c[i]
      if n > 0 then
        local key = domain .. " " .. NAMES[i]
        if not traffic:incr(key, n) then
          local ok, err = traffic:safe_add(key, n)
          if not ok then log_full("requests of domains are not counted", err) end
          if i == 1 and not endpoints:get(domain .. "_0") then note_gone(domain) end  -- a last one, of a draining worker
        end
      end
    end
    counters[domain] = nil
  end
end

-- Drops the counts of domains that have had no endpoints for a while.
local function drop_counts()
  while true do
    local entry = edge:lpop("gone")
    if not entry then return end
    local since, domain = entry:match("^(%S+) (%S+)$")
    if now() - since < GONE_SECONDS then
      edge:lpush("gone", entry)
      return
    end
    if not endpoints:get(domain .. "_0") then
      for i = 1, #NAMES do traffic:delete(domain .. " " .. NAMES[i]) end
    end
  end
end

local function bucket(ms)
  if ms <= 1 then return 0 end
  local n = ceil(log10(ms) * 4 - 1e-9)
  return n < BUCKETS and n or BUCKETS - 1
end

local function end_request()
  local id = request_key()
  local request = requests[id]
  if not request then return nil end
  requests[id] = nil
  uncount(request)
  end_waiting(request)
  local others = request.wait and going[request.wait.name]
  if others then others[request] = nil end
  return request
end

-- log_by_lua of a domain.
function M.log(domain)
  local request = end_request()
  local c = counters[domain]
  if not c then
    c = {}
    for i = 1, #NAMES do c[i] = 0 end
    counters[domain] = c
  end
  local status = ngx.status
  c[1] = c[1] + 1
  if status >= 500 then c[4] = c[4] + 1 elseif status >= 400 then c[3] = c[3] + 1 end
  if request and request.stream then
    c[2] = c[2] + 1
  else
    local b = 5 + bucket((now() - ngx.req.start_time()) * 1000)
    c[b] = c[b] + 1
  end
  if draining then flush() end
end

-- log_by_lua of the server behind the wait socket: what goes there is counted before it.
function M.log_waited() end_request() end

-- ---------------------------------------------------------------- workers

-- When a process began, in the kernel's ticks: a pid alone may be another one's by now. Nil if there is none.
local function start_of(process)
  local file = io.open("/proc/" .. process .. "/stat")
  local text = file and file:read("*a")
  if file then file:close() end
  -- The name, in parentheses, may have any characters.
  return text and text:match("^.*%)" .. (" %S+"):rep(19) .. " (%d+)")
end

local function enter_worker(state)
  workers:set(pid, config.generation .. " " .. state .. " " .. start_of(pid))
end

local function drop_worker(process)
  for _, key in ipairs(inflight:get_keys(0)) do
    if key:match("^%d+") == process then inflight:delete(key) end
  end
  for _, key in ipairs(waiting:get_keys(0)) do
    if key:match("^%l+ (%d+)") == process then waiting:delete(key) end
  end
  workers:delete(process)
end

local function drop_dead()
  for _, process in ipairs(workers:get_keys(0)) do
    if start_of(process) ~= (workers:get(process) or ""):match("%d+$") then drop_worker(process) end
  end
end

-- Forgets counts of targets that are gone, once they are 0.
local function forget_keys()
  local version = edge:get("version")
  if forgotten == version then return end
  forgotten = version
  for key in pairs(keys) do
    local name, address = key:match("^%d+ (%S+) (%S+)")
    local there = false
    for _, target in ipairs(current(name).targets or {}) do there = there or target.address == address end
    if not there and inflight:get(key) == 0 then
      inflight:delete(key)
      keys[key] = nil
    elseif not there then
      forgotten = nil  -- look again
    end
  end
  for name in pairs(lists) do
    if not endpoints:get(name) then lists[name] = nil end
  end
end

local function tick(premature)
  if premature then  -- nginx has closed this worker's listeners
    draining = now()
    enter_worker("draining")
  else
    drop_dead()
    forget_keys()
    if ngx.worker.id() == 0 then drop_counts() end
  end
  flush()
end

-- init_by_lua, in the master: when nginx starts, and at every HUP.
function M.init(c)
  config = c
  if edge:get("version") then return end  -- a HUP: shared memory is newer than the file
  edge:set("version", 0)
  local file = io.open("endpoints")
  if not file then return end
  local status, said = apply(file:read("*a"))
  file:close()
  if status ~= 200 then ngx.log(ngx.ERR, "the file endpoints: ", said) end
end

-- init_worker_by_lua.
function M.start()
  pid = tostring(ngx.worker.pid())
  drop_worker(pid)  -- of one that had its number before
  enter_worker("accepting")
  assert(ngx.timer.every(1, tick))
end

-- ---------------------------------------------------------------- the private socket

local function say(status, text)
  ngx.status = status
  ngx.header["Content-Type"] = "text/plain"
  ngx.header["Content-Length"] = #text
  ngx.print(text)
end

local function seen() edge:set("seen", now()) end

function M.endpoints()
  seen()
  if ngx.req.get_method() == "POST" then
    ngx.req.read_body()
    local body = ngx.req.get_body_data()
    if not body then return say(400, "no body\n") end
    return say(apply(body))
  end
  local out = {}
  for _, name in ipairs(endpoints:get_keys(0)) do out[#out + 1] = name .. " " .. (endpoints:get(name) or "-") .. "\n" end
  table.sort(out)
  return say(200, table.concat(out))
end

function M.status()
  seen()
  drop_dead()
  local out, pids, domains = {}, workers:get_keys(0), {}
  for _, process in ipairs(pids) do
    local state = (workers:get(process) or ""):match("^%S+ %S+")
    if state then out[#out + 1] = "worker " .. process .. " " .. state .. "\n" end
  end
  out[#out + 1] = string.format("waiting %d %d\n", waiting_of(pids, ""))
  for _, key in ipairs(waiting:get_keys(0)) do
    local domain = key:match("^requests %d+ (%S+)$")
    if domain then domains[domain] = true end
  end
  for domain in pairs(domains) do out[#out + 1] = string.format("waiting %s %d %d\n", domain, waiting_of(pids, " " .. domain)) end
  return say(200, table.concat(out))
end

function M.traffic()
  seen()
  drop_dead()
  local domains, targets, out = {}, {}, {}
  for _, key in ipairs(traffic:get_keys(0)) do domains[key:match("^%S+")] = true end
  for domain in pairs(domains) do
    local words = { "domain", domain }
    for i = 1, #NAMES do words[#words + 1] = string.format("%d", traffic:get(domain .. " " .. NAMES[i]) or 0) end
    out[#out + 1] = table.concat(words, " ") .. "\n"
  end
  for _, key in ipairs(inflight:get_keys(0)) do
    local target, what = key:match("^%d+ (%S+ %S+) (%l+)$")
    targets[target] = targets[target] or { requests = 0, streams = 0 }
    targets[target][what] = targets[target][what] + (inflight:get(key) or 0)
  end
  for target, n in pairs(targets) do out[#out + 1] = string.format("target %s %d %d\n", target, n.requests, n.streams) end
  return say(200, table.concat(out))
end

function M.inflight()
  seen()
  drop_dead()
  local name, address = (ngx.var.args or ""):match("^([%w_]+)=(%S+)$")
  if not name then return say(400, "ask for /inflight?NAME=HOST:PORT\n") end
  local requests_there, streams = 0, 0
  for _, process in ipairs(workers:get_keys(0)) do
    local key = process .. " " .. name .. " " .. address
    requests_there = requests_there + (inflight:get(key .. " requests") or 0)
    streams = streams + (inflight:get(key .. " streams") or 0)
  end
  return say(200, string.format("%d %d\n", requests_there, streams))
end

return M
