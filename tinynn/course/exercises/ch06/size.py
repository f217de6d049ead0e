"""06.5: a network with far more weights than examples."""

from __future__ import annotations

from functools import cache

from .... import functional as F
from .... import manual_seed, nn, optim
from ....backends import backend
from ....data import Batches, digits, train_val_test_split
from ....train import evaluate, fit
from ...engine.kinds import PredictExplain

EXAMPLES = 200


@cache
def known_by_heart(units: int, epochs: int = 60) -> tuple[float, float]:
    """Percent right of the 200 digits learned from, and of new ones, with so many hidden units."""
    data = digits().flat
    seen, _, new = train_val_test_split(data.x, data.y, val=0, test=1 - EXAMPLES / len(data), seed=0)
    with backend("numpy"):
        manual_seed(0)
        network = nn.Sequential(nn.Linear(64, units), nn.ReLU(), nn.Linear(units, 10))
        optimiser = optim.Adam(network.parameters(), lr=0.003)
        fit(network, Batches(*seen, batch_size=16, seed=0), F.cross_entropy, optimiser, epochs=epochs,
            progress=False)  # fmt: skip
        scores = [evaluate(network, part, F.cross_entropy).accuracy for part in (seen, new)]
    return 100 * float(scores[0] or 0), 100 * float(scores[1] or 0)


large = PredictExplain(
    "06.5",
    outcome=lambda: known_by_heart(256)[1],
    unit="percent",
    close=4,
    options=("stopped_in_time", "many_solutions", "asleep", "seen_before"),
    truth="many_solutions",
    level=2,
    minutes=4,
)
