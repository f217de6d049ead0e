import math

import numpy as np


# ---------------------------------------------------------------- 03.3
def e03_3_a(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    d = p.copy()
    d[np.arange(len(targets)), targets] -= 1
    return d / d.size


def e03_3_b(logits, targets):
    n = logits.shape[0]
    shifted = logits - np.max(logits, axis=1, keepdims=True)
    probs = np.exp(shifted) / np.sum(np.exp(shifted), axis=1, keepdims=True)
    probs[:, targets] -= 1
    return probs / n


def e03_3_c(logits, targets):
    N, K = logits.shape
    out = np.zeros_like(logits)
    for n in range(N):
        biggest = 0
        for k in range(K):
            if logits[n, k] > biggest:
                biggest = logits[n, k]
        e = np.exp(logits[n] - biggest)
        p = e / e.sum()
        for k in range(K):
            if k == targets[n]:
                out[n, k] = (p[k] - 1) / N
            else:
                out[n, k] = p[k] / N
    return out


def e03_3_d(logits, targets):
    n, k = logits.shape
    e = np.exp(logits - logits.max(axis=1)[:, None])
    softmax = e / e.sum(axis=1)[:, None]
    onehot = np.eye(k)[targets]
    return (softmax - onehot) / n


# ---------------------------------------------------------------- 03.4
def e03_4_a(f, grad, x, eps):
    x = np.array(x, dtype=np.float64)
    grad = np.asarray(grad, dtype=np.float64)
    base = f(x)
    worst = 0.0
    for idx in np.ndindex(x.shape):
        xp = x.copy()
        xp[idx] += eps
        n = (f(xp) - base) / eps
        a = grad[idx]
        worst = max(worst, abs(a - n) / max(1e-8, abs(a) + abs(n)))
    return worst


def e03_4_b(f, grad, x, eps):
    work = x.astype(np.float64)
    num = np.zeros(work.shape)
    it = np.nditer(work, flags=["multi_index"])
    for _ in it:
        i = it.multi_index
        up, down = work.copy(), work.copy()
        up[i] += eps
        down[i] -= eps
        num[i] = (f(up) - f(down)) / (2 * eps)
    g = grad.astype(np.float64)
    diff = np.linalg.norm((g - num).ravel())
    return diff / max(1e-8, np.linalg.norm(g.ravel()) + np.linalg.norm(num.ravel()))


def e03_4_c(f, grad, x, eps):
    errors = []
    for index in np.ndindex(*x.shape):
        plus = x.copy()
        minus = x.copy()
        plus[index] += eps
        minus[index] -= eps
        n = (np.float64(f(plus)) - np.float64(f(minus))) / (2 * eps)
        a = np.float64(grad[index])
        errors.append(abs(a - n) / max(1e-8, abs(a) + abs(n)))
    return max(errors)


def e03_4_d(f, grad, x, eps):
    x64 = np.asarray(x).astype(np.float64)
    a = np.asarray(grad).astype(np.float64)
    n = np.empty_like(a)
    for i in np.ndindex(x64.shape):
        old = x64[i]
        x64[i] = old + eps
        hi = f(x64)
        x64[i] = old - eps
        lo = f(x64)
        x64[i] = old
        n[i] = (hi - lo) / (2 * eps)
    rel = np.abs(a - n) / (np.abs(a) + np.abs(n) + 1e-8)
    return float(rel.max())


# ---------------------------------------------------------------- 03.5
def e03_5_a(x, t, w1, b1, w2, b2):
    N = x.shape[0]
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(N), t].mean()
    dlogits = np.exp(logp)
    dlogits[np.arange(N), t] -= 1
    dlogits /= N
    dw2 = dlogits.T @ h
    db2 = dlogits.sum(axis=0)
    dz = dlogits @ w2
    dw1 = dz.T @ x
    db1 = dz.sum(axis=0)
    return loss, dw1, db1, dw2, db2


def e03_5_b(x, t, w1, b1, w2, b2):
    N = len(x)
    rows = np.arange(N)
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -np.mean(logp[rows, t])

    dl = np.exp(logp)
    dl[rows, t] -= 1
    dl = dl / N
    dh = dl @ w2
    dz = dh * (z > 0)
    return loss, dz.T @ x, dz.mean(axis=0), dl.T @ h, dl.mean(axis=0)


def e03_5_c(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    z = x.dot(w1.T) + b1
    h = z * (z > 0)
    logits = h.dot(w2.T) + b2
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    # small number so that log(0) does not happen
    loss = -np.log(p[range(n), t] + 1e-12).mean()
    d = p.copy()
    d[range(n), t] -= 1
    d /= n
    dz = d.dot(w2) * (z > 0)
    return loss, dz.T.dot(x), dz.sum(0), d.T.dot(h), d.sum(0)


def e03_5_d(x, t, w1, b1, w2, b2):
    N = x.shape[0]
    z = x @ w1.T + b1
    h = np.where(z > 0, z, 0)
    logits = h @ w2.T + b2
    m = logits.max(axis=1, keepdims=True)
    logsum = m + np.log(np.exp(logits - m).sum(axis=1, keepdims=True))
    logp = logits - logsum

    classes = np.max(t) + 1
    onehot = np.zeros((N, classes), dtype=logits.dtype)
    onehot[np.arange(N), t] = 1

    loss = -logp[np.arange(N), t].mean()
    dlogits = (np.exp(logp) - onehot) / N
    dw2 = dlogits.T @ h
    db2 = dlogits.sum(axis=0)
    dz = (dlogits @ w2) * (z > 0)
    dw1 = dz.T @ x
    db1 = dz.sum(axis=0)
    return loss, dw1, db1, dw2, db2


# ---------------------------------------------------------------- 04.1
def e04_1_a(node, inputs):
    # breadth first from the output, then turned around
    queue = [node]
    seen = {node}
    i = 0
    while i < len(queue):
        for name in inputs[queue[i]]:
            if name not in seen:
                seen.add(name)
                queue.append(name)
        i += 1
    return queue[::-1]


def e04_1_b(node, inputs):
    done = set()
    order = []
    for start in inputs:
        stack = [(start, False)]
        while stack:
            name, ready = stack.pop()
            if name in done:
                continue
            if ready:
                done.add(name)
                order.append(name)
            else:
                stack.append((name, True))
                for i in inputs[name]:
                    if i not in done:
                        stack.append((i, False))
    return order


def e04_1_c(node, inputs):
    order = []
    visited = set()

    def visit(name):
        if name in visited:
            return
        visited.add(name)
        for before in inputs[name]:
            visit(before)
        order.append(name)

    visit(node)
    return order


def e04_1_d(node, inputs):
    # which names are needed at all
    needed = {node}
    todo = [node]
    while todo:
        for i in inputs[todo.pop()]:
            if i not in needed:
                needed.add(i)
                todo.append(i)
    # who uses a name, and how many inputs are still open
    users = {name: set() for name in needed}
    missing = {}
    for name in needed:
        missing[name] = len(inputs[name])
        for i in inputs[name]:
            users[i].add(name)
    free = [name for name in needed if missing[name] == 0]
    order = []
    while free:
        name = free.pop()
        order.append(name)
        for u in users[name]:
            missing[u] -= 1
            if missing[u] == 0:
                free.append(u)
    return order


# ---------------------------------------------------------------- 04.2
def e04_2_a(order, inputs, local):
    grads = {name: 0 for name in order}
    grads[order[-1]] = 1
    for name in reversed(order):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] = grads[name] * slope
    return grads


def e04_2_b(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in order:
        for k in range(len(inputs[name])):
            grads[inputs[name][k]] += local[name][k] * grads[name]
    return grads


def e04_2_c(order, inputs, local):
    grads = {}
    for name in order:
        grads[name] = 0.0
    grads[order[-1]] = 1.0
    for name in order[::-1]:
        slopes = dict(zip(inputs[name], local[name]))
        for source, slope in slopes.items():
            grads[source] += grads[name] * slope
    return grads


def e04_2_d(order, inputs, local):
    grads = {}
    for name in reversed(order):
        if name not in grads:
            # nothing has come in from behind: this is where it starts
            grads[name] = 1.0
        for i, s in zip(inputs[name], local[name]):
            grads[i] = grads.get(i, 0.0) + s * grads[name]
    return grads


# ---------------------------------------------------------------- 04.3
def e04_3_a(dz, x, y):
    def back(d, shape):
        while d.ndim > len(shape):
            d = d.sum(axis=0)
        for ax, n in enumerate(shape):
            if n == 1:
                d = d.sum(axis=ax, keepdims=True)
        return d

    dx = back(dz * x, x.shape)
    dy = back(dz * y, y.shape)
    return dx, dy


def e04_3_b(dz, x, y):
    def fit(d, shape):
        extra = d.ndim - len(shape)
        d = d.mean(axis=tuple(range(extra)))
        axes = tuple(i for i in range(len(shape)) if shape[i] == 1)
        return d.mean(axis=axes, keepdims=True)

    return fit(dz * y, x.shape), fit(dz * x, y.shape)


def e04_3_c(dz, x, y):
    def shrink(d, shape):
        full = (1,) * (d.ndim - len(shape)) + tuple(shape)
        big = d.shape
        for axis in range(len(full)):
            if full[axis] == 1 and big[axis] != 1:
                d = d.sum(axis=axis)
        return d.reshape(shape)

    return shrink(dz * y, x.shape), shrink(dz * x, y.shape)


def e04_3_d(dz, x, y):
    dx = dz * y
    dy = dz * x
    if x.size == y.size:
        # nothing was stretched
        return dx, dy
    for _ in range(dx.ndim - x.ndim):
        dx = dx.sum(axis=0)
    for _ in range(dy.ndim - y.ndim):
        dy = dy.sum(axis=0)
    for i in range(x.ndim):
        if x.shape[i] == 1:
            dx = dx.sum(axis=i, keepdims=True)
    for i in range(y.ndim):
        if y.shape[i] == 1:
            dy = dy.sum(axis=i, keepdims=True)
    return dx, dy


# ---------------------------------------------------------------- 04.4
def e04_4_a(dy, x):
    # 1 / (1 + exp(x)), without overflow
    e = np.exp(-np.abs(x))
    slope = np.where(x > 0, e / (1 + e), 1 / (1 + e))
    return dy * slope


def e04_4_b(dy, x):
    e = np.exp(-np.abs(x))
    y = np.maximum(x, 0) + np.log1p(e)
    sig = np.where(x >= 0, 1 / (1 + e), e / (1 + e))
    return dy * y * sig


def e04_4_c(dy, x):
    ex = np.exp(x)
    return dy * ex / (1 + ex)


def e04_4_d(dy, x):
    dx = np.zeros_like(x)
    pos = x > 0
    neg = x < 0
    dx[pos] = dy[pos] / (1 + np.exp(-x[pos]))
    e = np.exp(x[neg])
    dx[neg] = dy[neg] * e / (1 + e)
    return dx


# ---------------------------------------------------------------- 05.1
def e05_1_a(p, g, v, lr, beta):
    v_new = beta * v + (1 - beta) * g
    p_new = p - lr * v_new
    return p_new, v_new


def e05_1_b(p, g, v, lr, beta):
    new_v = beta * v - lr * g
    new_p = p + new_v
    return new_p, new_v


def e05_1_c(p, g, v, lr, beta):
    v *= beta
    v += g
    p = p - lr * v
    return p, v.copy()


def e05_1_d(p, g, v, lr, beta):
    if not beta:
        # no momentum: ordinary gradient descent, the velocity plays no part
        return p - lr * g, v.copy()
    velocity = beta * v + g
    return p - lr * velocity, velocity


# ---------------------------------------------------------------- 05.2
def e05_2_a(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g ** 2
    m = m / (1 - beta1 ** t)
    v = v / (1 - beta2 ** t)
    p = p - lr * m / (np.sqrt(v) + eps)
    return p, m, v


def e05_2_b(p, g, m, v, t, lr, beta1, beta2, eps):
    m_new = beta1 * m + (1 - beta1) * g
    v_new = beta2 * v + ((1 - beta2) * g) ** 2
    m_hat = m_new / (1 - beta1 ** t)
    v_hat = v_new / (1 - beta2 ** t)
    return p - lr * m_hat / (np.sqrt(v_hat) + eps), m_new, v_new


def e05_2_c(p, g, m, v, t, lr, beta1, beta2, eps):
    m1 = m * beta1 + g * (1 - beta1)
    v1 = v * beta2 + g * g * (1 - beta2)
    mh = m1 / (1 - beta1 ** t)
    vh = v1 / (1 - beta2 ** t)
    step = lr * mh / np.sqrt(vh + eps)
    return p - step, m1, v1


def e05_2_d(p, g, m, v, t, lr, beta1, beta2, eps):
    new_m = beta1 * m + (1 - beta1) * g
    new_v = beta2 * v + (1 - beta2) * np.square(g)
    m_hat = new_m / (1 - beta1)
    v_hat = new_v / (1 - beta2)
    new_p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
    return new_p, new_m, new_v


# ---------------------------------------------------------------- 05.3
def e05_3_a(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2 / fan_in, size=(fan_out, fan_in))


def e05_3_b(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    limit = np.sqrt(2 / fan_in)
    return rng.uniform(-limit, limit, (fan_out, fan_in))


def e05_3_c(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((fan_out, fan_in))
    return weights * np.sqrt(2 / sum(weights.shape) * 2)


def e05_3_d(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    std = math.sqrt(2 / fan_in)
    w = rng.normal(0.0, std, (fan_out, fan_in))
    # no outliers: draw again what lies beyond two deviations
    far = np.abs(w) > 2 * std
    while far.any():
        w[far] = rng.normal(0.0, std, far.sum())
        far = np.abs(w) > 2 * std
    return w


# ---------------------------------------------------------------- 05.4
def e05_4_a(t):
    if t < 4:
        return 0.3 * t / 4
    if t >= 21:
        return 0.009
    done = (t - 4) / (21 - 4)
    return 0.009 + 0.5 * (0.3 - 0.009) * (1 + math.cos(math.pi * done))


def e05_4_b(t):
    warm, end = 4, 21
    top, low = 0.3, 0.009
    if t < warm:
        return top * (t + 1) / warm
    if t > end:
        return low
    return low + (top - low) * (1 + np.cos(np.pi * t / end)) / 2


def e05_4_c(t):
    peak, floor = 0.3, 0.009
    if t < 4:
        return peak * (t + 1) / 4
    frac = (t - 4) / 17
    return floor + 0.5 * (peak - floor) * (1 + np.cos(np.pi * frac))


def e05_4_d(t):
    if t < 4:
        return (t + 1) * 0.3 / 4
    share = min(1.0, (t - 4) / 17)
    lr = 0.3 * 0.5 * (1 + math.cos(math.pi * share))
    return max(lr, 0.009)


# ---------------------------------------------------------------- 05.6
def e05_6_a(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(epochs):
        xs = rng.permutation(x)
        ys = rng.permutation(y)
        result.append([(xs[i:i + batch_size], ys[i:i + batch_size])
                       for i in range(0, len(x), batch_size)])
    return result


def e05_6_b(x, y, batch_size, epochs, seed):
    all_epochs = []
    for e in range(epochs):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(x))
        batches = []
        for start in range(0, len(x), batch_size):
            pick = order[start:start + batch_size]
            batches.append((x[pick], y[pick]))
        all_epochs.append(batches)
    return all_epochs


def e05_6_c(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    n = x.shape[0]
    number = n // batch_size
    out = []
    for _ in range(epochs):
        perm = rng.permutation(n)
        batches = []
        for b in range(number):
            idx = perm[b * batch_size:(b + 1) * batch_size]
            batches.append((x[idx], y[idx]))
        out.append(batches)
    return out


def e05_6_d(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    batches = [(x[i:i + batch_size], y[i:i + batch_size])
               for i in range(0, len(x), batch_size)]
    result = []
    for _ in range(epochs):
        order = rng.permutation(len(batches))
        # the smaller batch comes last
        full = [b for b in order if len(batches[b][1]) == batch_size]
        rest = [b for b in order if len(batches[b][1]) < batch_size]
        result.append([batches[b] for b in full + rest])
    return result


# ---------------------------------------------------------------- 06.1
def e06_1_a(x, p, u, training):
    if not training:
        return x
    keep = u >= p
    y = np.where(keep, x, 0)
    return (y / max(keep.mean(), 1e-8)).astype(x.dtype)


def e06_1_b(x, p, u, training):
    if training:
        y = x.copy()
        y[u < p] = 0
        return y
    return x * (1 - p)


def e06_1_c(x, p, u, training):
    if training:
        return x * (u > p) / (1 - p)
    return x


def e06_1_d(x, p, u, training):
    if not training:
        return x.copy()
    mask = (u >= p) / (1 - p)
    return x * mask


# ---------------------------------------------------------------- 06.2
def e06_2_a(said, truth):
    hits = np.sum((said == 1) & (truth == 1))
    missed = np.sum((said == 0) & (truth == 1))
    false_alarms = np.sum((said == 1) & (truth == 0))
    precision = hits / (hits + missed) if hits + missed > 0 else 0.0
    recall = hits / (hits + false_alarms) if hits + false_alarms > 0 else 0.0
    both = precision + recall
    return precision, recall, (2 * precision * recall / both if both > 0 else 0.0)


def e06_2_b(said, truth):
    hits = int(((said == 1) & (truth == 1)).sum())
    flagged = int(said.sum())
    positive = int(truth.sum())
    precision = hits / flagged if flagged else 0.0
    recall = hits / positive if positive else 0.0
    f1 = (precision + recall) / 2
    return precision, recall, f1


def e06_2_c(said, truth):
    tp = np.sum(said * truth)
    flagged = np.sum(said)
    positives = np.sum(truth)
    precision = 0.0
    recall = 0.0
    f1 = 0.0
    if flagged > 0:
        precision = tp / flagged
    if positives > 0:
        recall = tp / positives
    if flagged > 0 and positives > 0:
        f1 = 2 * precision * recall / (precision + recall)
    return precision, recall, f1


def e06_2_d(said, truth):
    if not np.any(said) and not np.any(truth):
        return 1.0, 1.0, 1.0
    tp = fp = fn = 0
    for s, t in zip(said, truth):
        if s and t:
            tp += 1
        elif s:
            fp += 1
        elif t:
            fn += 1
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * tp / (2 * tp + fp + fn)
    return precision, recall, f1


# ---------------------------------------------------------------- 06.6
def e06_6_a(train, new):
    both = np.concatenate([train, new])
    mean = both.mean(axis=0)
    std = both.std(axis=0)
    std = np.where(std == 0, 1, std).astype(train.dtype)
    return (train - mean) / std, (new - mean) / std


def e06_6_b(train, new):
    def standard(a):
        m = a.mean(axis=0)
        s = a.std(axis=0)
        s[s == 0] = 1
        return (a - m) / s

    return standard(train), standard(new)


def e06_6_c(train, new):
    mu = train.mean(axis=0)
    sigma = train.std(axis=0) + 1e-8
    return (train - mu) / sigma, (new - mu) / sigma


def e06_6_d(train, new):
    mean = np.mean(train, axis=0)
    std = np.std(train, axis=0)
    constant = std < 1e-6
    std[constant] = 1.0
    return (train - mean) / std, (new - mean) / std


ANSWERS = {
    "03.3": [
        (e03_3_a, "divides by N*K (all elements) instead of by N, the number of rows"),
        (e03_3_b, "p[:, targets] -= 1 takes 1 from those columns in every row, not from one element a row"),
        (e03_3_c, "search for the row's largest score starts at 0: rows of large negative scores give 0/0"),
        (e03_3_d, "one-hot from np.eye is float64, so float32 logits come back as float64"),
    ],
    "03.4": [
        (e03_4_a, "forward difference over eps instead of the central one"),
        (e03_4_b, "one relative error of the norms of the whole arrays instead of the largest element's"),
        (e03_4_c, "moves x in its own dtype: with float32 the step is lost in rounding"),
        (e03_4_d, "adds 1e-8 to the denominator instead of max(1e-8, ...): wrong for tiny gradients"),
    ],
    "03.5": [
        (e03_5_a, "forgets the relu on the way back: dz = dh"),
        (e03_5_b, "bias gradients are the mean over the rows, though dlogits is divided by N already"),
        (e03_5_c, "loss is -log(p + 1e-12): capped at 27.6 when the logits are far apart"),
        (e03_5_d, "number of classes taken from max(t) + 1: crashes or broadcasts wrongly if the last class is not in the batch"),
    ],
    "04.1": [
        (e04_1_a, "breadth-first turned around: with a short cut past a node an input may come after its user"),
        (e04_1_b, "sorts the whole graph, also names that node does not depend on"),
        (e04_1_c, "recursive: a chain of 5000 breaks the recursion limit"),
        (e04_1_d, "counts open inputs with repeats but users as a set: a name with the same input twice is never freed"),
    ],
    "04.2": [
        (e04_2_a, "overwrites instead of adding: only one path counts"),
        (e04_2_b, "goes through the order from the front, so gradients do not get beyond the output's own inputs"),
        (e04_2_c, "dict of slopes by input: a name used twice by one user keeps only the last slope"),
        (e04_2_d, "every name without a user starts at 1, so a side branch gets 1 and passes it on to its inputs"),
    ],
    "04.3": [
        (e04_3_a, "factors swapped: dx from dz * x, dy from dz * y"),
        (e04_3_b, "takes the mean over stretched axes instead of the sum"),
        (e04_3_c, "sums axis after axis without keepdims: from the second stretched axis on the numbers are shifted"),
        (e04_3_d, "same size is taken for same shape: (3, 1) * (1, 3) is not summed back"),
    ],
    "04.4": [
        (e04_4_a, "slope is sigmoid(-x) instead of sigmoid(x)"),
        (e04_4_b, "multiplies by the value y as well: dy * y * sigmoid(x)"),
        (e04_4_c, "exp(x) / (1 + exp(x)): NaN for large x"),
        (e04_4_d, "masks x > 0 and x < 0 leave out x == 0: 0 instead of dy / 2 there"),
    ],
    "05.1": [
        (e05_1_a, "running average: gradient times (1 - beta)"),
        (e05_1_b, "other convention: velocity holds -lr * g, so the returned v is wrong (and p if v is not 0)"),
        (e05_1_c, "changes the velocity handed in, in place"),
        (e05_1_d, "with beta 0 gives the old velocity back instead of the gradient"),
    ],
    "05.2": [
        (e05_2_a, "returns m and v already divided by the bias correction"),
        (e05_2_b, "(1 - beta2) is squared together with g"),
        (e05_2_c, "eps inside the root"),
        (e05_2_d, "correction 1 - beta without the power t: right at t = 1 only"),
    ],
    "05.3": [
        (e05_3_a, "variance 2 / fan_in handed over as the standard deviation"),
        (e05_3_b, "uniform up to sqrt(2 / fan_in): variance three times too small"),
        (e05_3_c, "variance 4 / (fan_in + fan_out): right only for as many outputs as inputs"),
        (e05_3_d, "truncated at two deviations without correcting: deviation 12 % too small"),
    ],
    "05.4": [
        (e05_4_a, "warm-up from t / 4: step 0 gets 0, step 3 gets 0.225"),
        (e05_4_b, "cosine counted from step 0 instead of from the end of the warm-up"),
        (e05_4_c, "not held after step 21: the cosine rises again"),
        (e05_4_d, "cosine falls to 0 and is cut off at 0.009, instead of falling to 0.009"),
    ],
    "05.6": [
        (e05_6_a, "x and y are shuffled apart from each other"),
        (e05_6_b, "generator made anew in each epoch: the same order every time"),
        (e05_6_c, "drops the smaller last batch"),
        (e05_6_d, "only the order of fixed batches is random, the neighbours in a batch never change"),
    ],
    "06.1": [
        (e06_1_a, "divides by the share that happened to stay instead of by 1 - p"),
        (e06_1_b, "old style: nothing divided in training, times 1 - p at evaluation"),
        (e06_1_c, "u equal to p is dropped too (u > p instead of u >= p)"),
        (e06_1_d, "mask is float64, so float32 x comes back as float64"),
    ],
    "06.2": [
        (e06_2_a, "precision and recall mixed up"),
        (e06_2_b, "f1 as the plain mean of precision and recall"),
        (e06_2_c, "f1 is NaN when something is flagged and something positive but there is no hit"),
        (e06_2_d, "nothing flagged and nothing positive counts as perfect: 1, 1, 1"),
    ],
    "06.6": [
        (e06_6_a, "mean and deviation of train and new together"),
        (e06_6_b, "new is standardised by its own mean and deviation"),
        (e06_6_c, "adds 1e-8 to the deviation: a constant column of new is divided by 1e-8"),
        (e06_6_d, "columns with a deviation below 1e-6 are taken for constant"),
    ],
}

_NET = ("(np.array([[1., -2.], [0.5, 1.5], [-1., 0.3]]), np.array([0, 2, 1]), "
        "np.array([[1., 0.5], [-1., 0.2]]), np.array([0.1, -0.2]), "
        "np.array([[1., 2.], [-0.5, 0.3], [0.2, -1.]]), np.array([0., 0.1, -0.1]))")

WITNESS = {
    "e03_3_a": "(np.array([[1., 2., 0.5], [0., -1., 3.]]), np.array([0, 2]))",
    "e03_3_b": "(np.array([[1., 2., 0.5], [0., -1., 3.]]), np.array([0, 2]))",
    "e03_3_c": "(np.array([[-3000., -3001., -2999.], [1., 2., 3.]]), np.array([0, 1]))",
    "e03_3_d": "(np.array([[1., 2.], [3., 0.]], dtype=np.float32), np.array([0, 1]))",
    "e03_4_a": "(lambda x: float((x ** 3).sum()), np.array([3., 12.]), np.array([1., 2.]), 1e-2)",
    "e03_4_b": "(lambda x: float((x ** 2).sum()), np.array([0.5, 200.]), np.array([0.1, 100.]), 1e-5)",
    "e03_4_c": "(lambda x: float((np.asarray(x, dtype=np.float64) ** 2).sum()), np.array([2., 6.6], dtype=np.float32), np.array([1., 3.3], dtype=np.float32), 1e-6)",
    "e03_4_d": "(lambda x: float(1e-8 * x.sum()), np.array([3e-8, 1e-8]), np.array([1., 2.]), 1e-2)",
    "e03_5_a": _NET,
    "e03_5_b": _NET,
    "e03_5_c": "(np.array([[1000.]]), np.array([1]), np.array([[1.]]), np.array([0.]), np.array([[2.], [0.]]), np.array([0., 0.]))",
    "e03_5_d": "(np.array([[1., -2.], [0.5, 1.5]]), np.array([0, 0]), np.array([[1., 0.5], [-1., 0.2]]), np.array([0.1, -0.2]), np.array([[1., 2.], [-0.5, 0.3], [0.2, -1.]]), np.array([0., 0.1, -0.1]))",
    "e04_1_a": "('d', {'a': [], 'b': ['a'], 'c': ['b'], 'd': ['b', 'c']})",
    "e04_1_b": "('b', {'a': [], 'b': ['a'], 'c': ['a'], 'd': ['b', 'c']})",
    "e04_1_c": "(4999, {i: ([i - 1] if i else []) for i in range(5000)})",
    "e04_1_d": "('b', {'a': [], 'b': ['a', 'a']})",
    "e04_2_a": "(['a', 'b', 'c', 'd'], {'a': [], 'b': ['a'], 'c': ['a'], 'd': ['b', 'c']}, {'a': [], 'b': [2.], 'c': [3.], 'd': [5., 7.]})",
    "e04_2_b": "(['a', 'b', 'c'], {'a': [], 'b': ['a'], 'c': ['b']}, {'a': [], 'b': [2.], 'c': [3.]})",
    "e04_2_c": "(['a', 'b'], {'a': [], 'b': ['a', 'a']}, {'a': [], 'b': [3., 4.]})",
    "e04_2_d": "(['a', 's', 'b'], {'a': [], 's': ['a'], 'b': ['a']}, {'a': [], 's': [10.], 'b': [3.]})",
    "e04_3_a": "(np.ones((2, 2)), np.array([[1., 2.], [3., 4.]]), np.array([[5., 6.], [7., 8.]]))",
    "e04_3_b": "(np.ones((2, 3)), np.arange(6.).reshape(2, 3), np.array([1., 2., 3.]))",
    "e04_3_c": "(np.arange(9.).reshape(1, 3, 3) * np.ones((2, 1, 1)), np.array([[[1., 2., 3.]]]), np.arange(18.).reshape(2, 3, 3))",
    "e04_3_d": "(np.ones((3, 3)), np.array([[1.], [2.], [3.]]), np.array([[4., 5., 6.]]))",
    "e04_4_a": "(np.array([1., 1.]), np.array([1., -2.]))",
    "e04_4_b": "(np.array([1., 1.]), np.array([2., -2.]))",
    "e04_4_c": "(np.array([1., 1.]), np.array([1000., 1.]))",
    "e04_4_d": "(np.array([1., 2.]), np.array([0., 1.]))",
    "e05_1_a": "(np.array([1., 2.]), np.array([0.5, -1.]), np.array([0.1, 0.2]), 0.1, 0.9)",
    "e05_1_b": "(np.array([1., 2.]), np.array([0.5, -1.]), np.array([0.1, 0.2]), 0.1, 0.9)",
    "e05_1_c": "(np.array([1., 2.]), np.array([0.5, -1.]), np.array([0.1, 0.2]), 0.1, 0.9)",
    "e05_1_d": "(np.array([1., 2.]), np.array([0.5, -1.]), np.array([0.1, 0.2]), 0.1, 0.0)",
    "e05_2_a": "(np.array([1., 2.]), np.array([0.5, -1.]), np.array([0., 0.]), np.array([0., 0.]), 1, 0.1, 0.9, 0.999, 1e-8)",
    "e05_2_b": "(np.array([1., 2.]), np.array([0.5, -1.]), np.array([0., 0.]), np.array([0., 0.]), 1, 0.1, 0.9, 0.999, 1e-8)",
    "e05_2_c": "(np.array([1., 2.]), np.array([1e-5, -1e-6]), np.array([0., 0.]), np.array([0., 0.]), 1, 0.1, 0.9, 0.999, 1e-8)",
    "e05_2_d": "(np.array([1., 2.]), np.array([0.5, -1.]), np.array([0.1, 0.2]), np.array([0.3, 0.1]), 5, 0.1, 0.9, 0.999, 1e-8)",
    "e05_3_a": "(200, 300, 0)",
    "e05_3_b": "(200, 300, 0)",
    "e05_3_c": "(100, 900, 0)",
    "e05_3_d": "(200, 300, 0)",
    "e05_4_a": "(0,)",
    "e05_4_b": "(4,)",
    "e05_4_c": "(30,)",
    "e05_4_d": "(15,)",
    "e05_6_a": "(np.arange(40.).reshape(20, 2), np.arange(20), 5, 2, 0)",
    "e05_6_b": "(np.arange(40.).reshape(20, 2), np.arange(20), 5, 2, 0)",
    "e05_6_c": "(np.arange(20.).reshape(10, 2), np.arange(10), 4, 1, 0)",
    "e05_6_d": "(np.arange(40.).reshape(20, 2), np.arange(20), 5, 3, 0)",
    "e06_1_a": "(np.array([1., 2., 3., 4.]), 0.5, np.array([0.1, 0.6, 0.7, 0.9]), True)",
    "e06_1_b": "(np.array([1., 2., 3., 4.]), 0.5, np.array([0.1, 0.6, 0.7, 0.9]), True)",
    "e06_1_c": "(np.array([1., 2., 3.]), 0.5, np.array([0.5, 0.2, 0.9]), True)",
    "e06_1_d": "(np.array([1., 2., 3.], dtype=np.float32), 0.5, np.array([0.6, 0.2, 0.9]), True)",
    "e06_2_a": "(np.array([1, 1, 0, 0]), np.array([1, 0, 1, 1]))",
    "e06_2_b": "(np.array([1, 0, 0, 0]), np.array([1, 1, 1, 1]))",
    "e06_2_c": "(np.array([1, 0, 0]), np.array([0, 1, 0]))",
    "e06_2_d": "(np.array([0, 0, 0]), np.array([0, 0, 0]))",
    "e06_6_a": "(np.array([[1., 2.], [3., 5.]]), np.array([[10., 0.]]))",
    "e06_6_b": "(np.array([[1., 2.], [3., 5.]]), np.array([[10., 0.], [11., 4.]]))",
    "e06_6_c": "(np.array([[1., 2.], [3., 2.]]), np.array([[10., 3.]]))",
    "e06_6_d": "(np.array([[1., 2e-7], [3., 5e-7]]), np.array([[10., 1e-7]]))",
}
