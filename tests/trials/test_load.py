"""The load measurement runs, and counts what it says it counts. How fast it is, is for the command to tell."""

from optical_memory.trials.load import measure
from tests.memory.fake import conversation


def test_a_small_load_is_measured() -> None:
    found = measure([conversation(24), conversation(30)], streams=3, rounds=1)
    assert (found.streams, found.requests, found.histories) == (3, 3, 2)
    assert found.pages > 0 and found.body_bytes > 20_000
    assert found.added_median == found.proxied_median - found.direct_median
    assert found.added_interval[0] <= found.added_median <= found.added_interval[1]
    assert set(found.lags) >= {"histories never seen", "3 streams, histories seen", "30,000,000 bytes of pictures"}
    assert all(lag.wakings > 0 and lag.worst >= lag.p99 >= lag.median for lag in found.lags.values())
