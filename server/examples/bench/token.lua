-- What wrk asks of a token endpoint (wrk.rs): the form of the first argument, with the refresh tokens of the
-- others at its end, each for one request; the answer brings the next one. Without any, the form as it is.

local oldest, newest, tokens, form = 1, 0, {}, nil
bad = 0

local function keep(token)
    newest = newest + 1
    tokens[newest] = token
end

function init(args)
    form = args[1]
    for i = 2, #args do keep(args[i]) end
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end

function request()
    if newest == 0 then return wrk.format(nil, nil, nil, form) end
    local token = tokens[oldest]
    tokens[oldest] = nil
    oldest = oldest + 1
    -- Nothing that is left means that answers were bad: the run is no good, and says so.
    return wrk.format(nil, nil, nil, form .. (token or "none-left"))
end

local function is_jwt(body, name)
    return body:find('"' .. name .. '":"[%w_-]+%.[%w_-]+%.[%w_-]+"') ~= nil
end

function response(status, _, body)
    local good = status == 200 and is_jwt(body, "access_token")
    if newest > 0 then
        local token = body:match('"refresh_token":"([^"]+)"')
        good = good and token ~= nil and is_jwt(body, "id_token")
        if good then keep(token) end
    end
    if not good then bad = bad + 1 end
end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

function done()
    local sum = 0
    for _, thread in ipairs(threads) do sum = sum + thread:get("bad") end
    io.write(sum, " bad answers\n")
end
