"""02.4 with two mistakes at once: an unstable logarithm is the usual companion of every other one."""

from __future__ import annotations

from itertools import product

import numpy as np

from .cross_entropy import _of_truth, _softmax, _unstable_softmax, entropy

LOG_P = {
    "log_of_softmax": lambda x: np.log(_softmax(x)),
    "no_max_in_softmax": lambda x: np.log(_unstable_softmax(x)),
    "no_max": lambda x: x - np.log(np.exp(x).sum(axis=1, keepdims=True)),
}
LOSS = {
    "added_up": lambda log_p, targets: -_of_truth(log_p, targets).sum(),
    "minus_forgotten": lambda log_p, targets: _of_truth(log_p, targets).mean(),
    "one_loss_for_each": lambda log_p, targets: -_of_truth(log_p, targets),
    "log_to_base_2": lambda log_p, targets: -_of_truth(log_p, targets).mean() / np.log(2),
    "every_target_in_every_row": lambda log_p, targets: -log_p[:, targets].mean(),
    "divided_by_classes_too": lambda log_p, targets: -_of_truth(log_p, targets).mean() / log_p.shape[1],
}


def _joined(log_p, loss):
    return lambda logits, targets: loss(log_p(logits), targets)


for (_first, _log_p), (_second, _loss) in product(LOG_P.items(), LOSS.items()):
    entropy.two(_first, _second)(_joined(_log_p, _loss))


@entropy.two("one_hot_times_log_of_softmax", "divided_by_classes_too")
def _(logits, targets):
    return -(np.eye(logits.shape[1])[targets] * np.log(_softmax(logits))).mean()


@entropy.two("one_hot_times_log_of_softmax", "no_max_in_softmax")
def _(logits, targets):
    return -(np.eye(logits.shape[1])[targets] * np.log(_unstable_softmax(logits))).sum() / len(targets)


@entropy.two("max_over_all", "log_of_softmax")
def _(logits, targets):
    return -np.log(_of_truth(_unstable_softmax(logits - logits.max()), targets)).mean()


@entropy.two("softmax_over_the_batch", "no_max_in_softmax")
def _(logits, targets):
    return -np.log(_of_truth(_unstable_softmax(logits.T).T, targets)).mean()


@entropy.two("softmax_over_everything", "no_max_in_softmax")
def _(logits, targets):
    e = np.exp(logits)
    return -np.log(_of_truth(e / e.sum(), targets)).mean()
