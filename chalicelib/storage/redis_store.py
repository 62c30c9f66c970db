"""The quick store in Redis: a hash a dictionary. What must happen in one step is a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from chalicelib.storage.quick_store import Counter
from chalicelib.storage.redis_client import cart_store, read_store, redis_client

_PUT_FIELD = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""

# All counters are read before any is raised.
_TAKE = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then
    return math.max(redis.call('TTL', key), 1)
  end
end
for i, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[2 * i]) end
end
return 0
"""

_GIVE_BACK = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
end
return 0
"""


class RedisStore:
    """See `QuickStore`. Windows of counters begin with their first attempt."""

    def prepare(self) -> None:
        """Make the client."""
        redis_client()

    def put_field(self, key: str, name: str, text: str, most: int, seconds: int) -> bool:
        """In one step: two requests at once cannot both take the last place."""
        with cart_store() as redis:
            return bool(redis.eval(_PUT_FIELD, 1, key, name, text, str(most), str(seconds)))

    def fields(self, key: str) -> dict[str, str]:
        """All fields."""
        return cast(dict[str, str], read_store(lambda redis: redis.hgetall(key)))

    def count_fields(self, key: str) -> int:
        """How many fields."""
        return read_store(lambda redis: redis.hlen(key))

    def field(self, key: str, name: str) -> str | None:
        """One field, or None."""
        return cast(str | None, read_store(lambda redis: redis.hget(key, name)))

    def drop_fields(self, key: str, names: Sequence[str]) -> int:
        """Remove fields -> how many were there."""
        with cart_store() as redis:
            return redis.hdel(key, *names)

    def put(self, key: str, text: str, seconds: int) -> None:
        """Keep a text."""
        with cart_store() as redis:
            redis.set(key, text, ex=seconds)

    def get(self, key: str) -> str | None:
        """A text, or None."""
        return cast(str | None, read_store(lambda redis: redis.get(key)))

    def drop(self, key: str) -> None:
        """Forget a text."""
        with cart_store() as redis:
            redis.delete(key)

    def drop_all(self, fields_of: str, names: Sequence[str], key: str) -> None:
        """Remove fields, and forget a text."""
        with cart_store() as redis:
            pipeline = redis.pipeline(transaction=False)
            pipeline.hdel(fields_of, *names)
            pipeline.delete(key)
            pipeline.execute()

    def take(self, counters: Sequence[Counter]) -> int:
        """Count in all of them -> 0, or in none -> seconds to wait."""
        keys = [counter.key for counter in counters]
        limits = [str(number) for counter in counters for number in (counter.most, counter.seconds)]
        with cart_store() as redis:
            return cast(int, redis.eval(_TAKE, len(keys), *keys, *limits))

    def give_back(self, counters: Sequence[Counter]) -> None:
        """Take one back from each."""
        keys = [counter.key for counter in counters]
        with cart_store() as redis:
            redis.eval(_GIVE_BACK, len(keys), *keys)
