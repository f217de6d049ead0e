"""What introductions to this field show runs here as it was meant: a student brings it along and it works."""

import numpy as np
import pytest

import tinynn
from tinynn import functional as F
from tinynn import nn, no_grad, optim
from tinynn.data import (
    Batches,
    SequenceBatches,
    Standardise,
    Vocabulary,
    grammar_sentiment,
    mnist,
    pad_sequence,
)
from tinynn.models import DigitCNN, TextClassifier
from tinynn.random import get_state, set_state
from tinynn.train import evaluate, fit


@pytest.fixture(autouse=True)
def a_seed_of_its_own():
    before = get_state()
    tinynn.manual_seed(0)
    yield
    set_state(before)


def test_a_sentence_classifier_of_embedding_lstm_and_sigmoid():
    """Elsewhere: Embedding, LSTM, Dense(1, sigmoid), binary cross-entropy, Adam; p > 0.5, no argmax."""
    texts, y = grammar_sentiment(2500)
    vocabulary = Vocabulary.train(texts[:2000])
    tokens = [vocabulary.encode(t) for t in texts]
    model = TextClassifier(len(vocabulary), embedding=16, hidden=32, padding_idx=vocabulary.PAD)
    optimizer, loss_fn = optim.Adam(model.parameters(), lr=1e-2), nn.BCEWithLogitsLoss()
    model.train()
    for _ in range(6):
        for xb, lengths, yb in SequenceBatches(tokens[:2000], y[:2000].astype(np.float32), batch_size=32):
            loss = loss_fn(model(xb, lengths=lengths), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.eval()
    x, lengths = pad_sequence(tokens[2000:])
    with no_grad():
        p = F.sigmoid(model(x, lengths=lengths)).data  # (N,)
    assert np.mean((p > 0.5) == y[2000:]) > 0.9

    # Words it never saw, sentences of different lengths, and filling that changes nothing.
    new = [vocabulary.encode(t) for t in ("the zeppelin was not good", "i liked the zeppelin", "good")]
    assert (new[0] == vocabulary.UNKNOWN).sum() == 1
    x, lengths = pad_sequence(new, value=vocabulary.PAD, length=20)
    with no_grad():
        together = model(x, lengths=lengths).data
        alone = [model(t[None]).data[0] for t in new]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
    assert together[0] < 0 < together[1]


def test_a_regression_of_two_layers_for_a_hundred_epochs():
    """Elsewhere: Linear(10, 5), ReLU, Linear(5, 1), mean squared error, Adam; evaluation without tape."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 10)).astype(np.float32)
    y = np.maximum(x[:, :1], 0) - x[:, 1:2] + 0.05 * rng.standard_normal((200, 1)).astype(np.float32)
    x = Standardise().fit(x[:150])(x)
    model = nn.Sequential(nn.Linear(10, 5), nn.ReLU(), nn.Linear(5, 1))
    criterion, optimizer = nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = criterion(model(x[:150]), y[:150])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with no_grad():
        predicted = model(x[150:])
    assert not predicted.requires_grad and predicted.shape == (50, 1)
    assert losses[-1] < 0.5 * losses[0] and criterion(predicted, y[150:]).item() < 0.7 * y[150:].var()


def test_the_digit_cnn_with_channels_last_and_sparse_categorical_cross_entropy():
    """Elsewhere: Conv2D(32), pool, Conv2D(64), pool, Conv2D(64), Dense(64), Dense(10) on images (N, H, W, C).

    Labels are class numbers, which is what "sparse" means: `F.cross_entropy` takes them, and logits.
    """
    x, y = mnist()
    channels_last = x[:1200].transpose(0, 2, 3, 1)  # (N, 28, 28, 1), as it comes from elsewhere
    images = np.ascontiguousarray(channels_last.transpose(0, 3, 1, 2))  # (N, 1, 28, 28), as it is used here
    model = DigitCNN()
    batches = Batches(images[:1000], y[:1000], batch_size=50)
    fit(model, batches, F.cross_entropy, optim.Adam(model.parameters(), 2e-3), epochs=6, progress=False)
    assert evaluate(model, (images[1000:], y[1000:1200]), F.cross_entropy).accuracy > 0.85


class EncoderBlock(nn.Module):
    """Attention, add and norm; feed-forward, add and norm."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def forward(self, x):  # (N, T, D)
        x = self.norm1(x + self.attention(x, x, x)[0])
        return self.norm2(x + self.feed_forward(x))


def test_multi_head_attention_with_positions_feed_forward_and_norms():
    """Elsewhere: the encoder of "Attention is all you need". It learns to reverse, which needs positions."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 8, (1100, 6))
    y = x[:, ::-1].copy()
    embedding, positions = nn.Embedding(8, 32), nn.SinusoidalPositions(6, 32)
    model = nn.Sequential(
        embedding, positions, EncoderBlock(32, 4, 64), EncoderBlock(32, 4, 64), nn.Linear(32, 8)
    )
    loss_fn = lambda logits, target: F.cross_entropy(logits.reshape(-1, 8), target.reshape(-1))
    optimizer = optim.Adam(model.parameters(), 3e-3)
    fit(model, Batches(x[:1000], y[:1000], batch_size=50), loss_fn, optimizer, epochs=12, progress=False)
    assert evaluate(model, (x[1000:], y[1000:]), loss_fn).accuracy > 0.95


def test_attention_without_positions_cannot_tell_one_order_from_another():
    model = nn.Sequential(nn.Embedding(8, 32), EncoderBlock(32, 4, 64))
    model.eval()
    with no_grad():
        forward, backward = model(np.array([[1, 2, 3]])).data, model(np.array([[3, 2, 1]])).data
    np.testing.assert_allclose(forward, backward[:, ::-1], rtol=1e-4, atol=1e-5)
