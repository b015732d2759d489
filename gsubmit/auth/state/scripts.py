"""What RedisState has the server do: a script for each question, so that it is one round trip and happens as a whole.

Times are milliseconds by the server's clock. Everything expires.
"""

from __future__ import annotations

NOW = "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000) "

# KEYS: known, failures -> level and age of the last failure
LEVEL = """
if redis.call('EXISTS', KEYS[1]) == 1 then return {0, 0} end
local found = redis.call('HMGET', KEYS[2], 'level', 'since')
return {tonumber(found[1] or 0), now - tonumber(found[2] or now)}
"""

# The rules are those of auth/penalty.py.
# KEYS: failures, their index, known, secret; ARGV: network, level, user, proof, whether it may be an old one, the
# secret by which it was made, length of all kept proofs, time to keep failures, time to keep the secret, time after
# which there is no level, and for each level its time -> nothing, or the secret by which it should have been made
FAILED = """
local secret = redis.call('GET', KEYS[4])
if secret and secret ~= ARGV[6] then return secret end
redis.call('SET', KEYS[4], ARGV[6], 'PX', ARGV[9])
local old = redis.call('HMGET', KEYS[1], 'level', 'since', 'user', 'proofs')
local proofs = old[4] or ''
if ARGV[5] == '1' and string.find(proofs, ARGV[4], 1, true) then return '' end
redis.call('DEL', KEYS[3])
local level, age = tonumber(old[1] or 0), now - tonumber(old[2] or now)
if age >= tonumber(ARGV[10]) then level = 0 end
while level > 0 and age >= tonumber(ARGV[11 + level]) do
  age = age - ARGV[11 + level]
  level = level - 1
end
level = math.max(level, tonumber(ARGV[2]))
local user = (level == 0 or old[3] == ARGV[3]) and ARGV[3] or ''
redis.call('HSET', KEYS[1], 'level', math.min(level + 1, #ARGV - 11), 'since', now, 'user', user,
  'proofs', string.sub(proofs .. ARGV[4] .. ' ', -ARGV[7]))
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[8])
redis.call('PEXPIRE', KEYS[2], ARGV[8])
return ''
"""

# KEYS: failures, their index, known; ARGV: network, user, time to keep the known
SUCCEEDED = """
if redis.call('HGET', KEYS[1], 'user') == ARGV[2] then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
redis.call('SET', KEYS[3], '1', 'PX', ARGV[3])
"""

# KEYS: index; ARGV: what the keys of failures begin with -> network, level, age and user of each
PENALTIES = """
local all = {}
for _, network in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local found = redis.call('HMGET', ARGV[1] .. network, 'level', 'since', 'user')
  if found[1] then all[#all + 1] = {network, tonumber(found[1]), now - found[2], found[3]} end
end
return all
"""

# KEYS: index; ARGV: what the keys of failures begin with, network or nothing
CLEAR = """
local networks = ARGV[2] == '' and redis.call('ZRANGE', KEYS[1], 0, -1) or {ARGV[2]}
for _, network in ipairs(networks) do
  redis.call('DEL', ARGV[1] .. network)
  redis.call('ZREM', KEYS[1], network)
end
"""

# KEYS: connections; ARGV: most, the new one, length of a lease -> whether it is in
ENTER = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local most = tonumber(ARGV[1])
if most > 0 and redis.call('ZCARD', KEYS[1]) >= most then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
"""

# KEYS: of each connection where it is; ARGV: length of a lease, the connections
RENEW = """
for number, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[1], ARGV[number + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
"""

# KEYS: the number that all refusals have to have, what those of the user begin with; ARGV: time to keep them
REFUSED = """
local key = KEYS[2] .. (redis.call('GET', KEYS[1]) or '0')
if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
"""

# the same keys -> how many
REFUSALS = "return tonumber(redis.call('GET', KEYS[2] .. (redis.call('GET', KEYS[1]) or '0')) or 0)"

# KEYS: the number; ARGV: time to keep it, which is longer than refusals are kept
FORGET_REFUSALS = """
redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
