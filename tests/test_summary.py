"""summary: shapes, counts and costs without computing anything, and without changing the model."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest

from tinynn import nn, no_grad
from tinynn.errors import ArgumentError, DtypeError, ShapeError
from tinynn.models import MLP
from tinynn.random import get_state
from tinynn.tensor import Tensor
from tinynn.wrappers import Meter, wrapped


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(3),
        nn.Flatten(),
        nn.Linear(12, 8),
        nn.Dropout(0.5),
        nn.Sequential(nn.GELU(), nn.Linear(8, 2)),
    )


def test_rows_tell_shapes_counts_and_costs():
    table = nn.summary(MLP(784, 128, 10), (32, 1, 28, 28))
    assert [row.output for row in table.rows] == [(32, 10), (32, 784), (32, 128), (32, 128), (32, 10)]
    assert [row.parameters for row in table.rows] == [0, 0, 784 * 128 + 128, 0, 1290]
    assert [row.bytes for row in table.rows] == [0, 0, 4 * 100480, 0, 4 * 1290]
    assert table.rows[2].flops == 32 * 128 * (2 * 784 + 1)
    assert (table.parameters, table.trainable, table.output) == (101770, 101770, (32, 10))


def test_totals_are_the_sums_of_the_rows_and_of_a_real_pass():
    net = small_net().eval()
    table = nn.summary(net, (4, 3, 2, 2))
    assert table.flops == sum(row.flops for row in table.rows)
    assert table.parameters == sum(row.parameters for row in table.rows)
    assert table.bytes == sum(row.bytes for row in table.rows)
    with no_grad(), wrapped(meter := Meter()):
        y = net(np.ones((4, 3, 2, 2), np.float32))
    assert table.flops == sum(meter.flops.values())
    assert table.output == y.shape


def test_the_model_stays_as_it_is():
    net = small_net()
    net[3].eval()
    before, random = net.state_dict(), get_state()
    nn.summary(net, (4, 3, 2, 2))
    assert all((net.state_dict()[key] == before[key]).all() for key in before)
    assert [m.training for m in net] == [True, True, True, False, True]
    assert get_state() == random
    assert all(not m._hooks and not m._pre_hooks for m in net.modules())
    assert net(np.ones((4, 3, 2, 2), np.float32)).requires_grad


def test_a_model_that_fails_is_left_as_it_was_too():
    net = small_net()
    with pytest.raises(ShapeError, match="nn.Linear"):
        nn.summary(net, (4, 3, 5, 5))
    assert all(m.training and not m._hooks and not m._pre_hooks for m in net.modules())
    assert net(np.ones((4, 3, 2, 2), np.float32)).data.any()


def test_nothing_is_computed():
    table = nn.summary(nn.Linear(1000, 1000), (10**9, 1000))  # the output alone would take 4 TB
    assert table.flops == 10**9 * 1000 * 2001


def test_indices_as_input_and_shared_weights_counted_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(50, 8)
            self.out = nn.Linear(8, 50, bias=False)
            self.out.weight = self.embed.weight

        def forward(self, x):
            return self.out(self.embed(x))

    table = nn.summary(Tied(), (2, 7), dtype=np.int64)
    assert table.parameters == sum(row.parameters for row in table.rows) == 400
    assert [row.output for row in table.rows] == [(2, 7, 50), (2, 7, 8), (2, 7, 50)]


def test_a_layer_used_twice_has_two_rows_and_is_counted_once():
    shared = nn.Linear(4, 4)
    table = nn.summary(nn.Sequential(shared, nn.ReLU(), shared), (1, 4))
    assert [row.parameters for row in table.rows] == [0, 20, 0, 0]
    assert table.rows[1].flops == table.rows[3].flops > 0
    assert table.parameters == 20


def test_frozen_parameters_are_told_apart():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    table = nn.summary(net, (1, 2))
    assert (table.parameters, table.trainable) == (12, 6)
    assert "(6 frozen)" in repr(table)


def test_several_outputs():
    class Two(nn.Module):
        def forward(self, x):
            return x.sum(), (x, None)

    assert nn.summary(Two(), (2, 3)).output == ((), ((2, 3), None))


def test_text_lines_up():
    text = repr(nn.summary(small_net(), (4, 3, 2, 2)))
    lines = text.splitlines()
    assert lines[0] == "Sequential, input (4, 3, 2, 2)"
    assert "    0 (GELU)" in text
    body = [line for line in lines[2:-2] if not line.startswith("-")]
    assert len({len(line) for line in body}) == 1


def test_html_is_a_table_with_heads_and_nothing_left_open():
    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.scopes = [], []

        def handle_starttag(self, tag, attrs):
            self.open.append(tag)
            self.scopes += [value for key, value in attrs if key == "scope"]

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    table, reader = nn.summary(small_net(), (4, 3, 2, 2)), Reader()
    reader.feed(table._repr_html_())
    assert reader.open == []
    assert (reader.scopes.count("col"), reader.scopes.count("row")) == (5, len(table.rows))


@pytest.mark.parametrize(
    ("call", "error", "hint"),
    [
        (lambda: nn.summary("net", (1, 2)), DtypeError, "nn.Linear"),
        (lambda: nn.summary(nn.ReLU(), 784), ShapeError, "(1, 784)"),
        (lambda: nn.summary(nn.ReLU(), (1, -2)), ArgumentError, "at least 0"),
        (lambda: nn.summary(nn.ReLU(), (1, 2.5)), DtypeError, "an integer"),
        (lambda: nn.summary(nn.Linear(3, 2), (1, 4)), ShapeError, "nn.Linear(4, 2)"),
        (lambda: nn.summary(nn.ReLU(), (1, 2), dtype="floaty"), DtypeError, "np.int64"),
        (lambda: nn.summary(nn.Embedding(3, 2), (1, 2)), DtypeError, "integers"),
    ],
)
def test_wrong_calls_give_the_template(call, error, hint):
    with pytest.raises(error, match="got .*expected") as raised:
        call()
    assert hint in str(raised.value)


def test_a_tensor_stays_what_the_layers_see():
    seen = []
    net = nn.Sequential(nn.ReLU())
    net[0].register_forward_hook(lambda m, args, out: seen.append(type(args[0])))
    nn.summary(net, (1, 2))
    assert seen == [Tensor]
