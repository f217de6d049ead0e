"""13.5: what a cache takes where eight heads of keys and values serve thirty-two of queries."""

from __future__ import annotations

from ...engine.kinds import PredictExplain
from ...gpt import cache_bytes

LAYERS, WIDTH, HEADS, KV_HEADS, TOKENS, EACH = 32, 4096, 32, 8, 131_072, 2


def gigabytes(kv_heads: int = KV_HEADS) -> float:
    """10^9 bytes for the keys and values of one text."""
    return cache_bytes(LAYERS, WIDTH, HEADS, kv_heads, TOKENS, EACH) / 1e9


grouped = PredictExplain(
    "13.5",
    outcome=gigabytes,
    unit="GB",
    close=2,
    options=("queries_too", "scores_kept", "keys_and_values_only", "last_layer_only"),
    truth="keys_and_values_only",
    level=2,
    minutes=4,
)
