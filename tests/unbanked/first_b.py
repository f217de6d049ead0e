import numpy as np


# ---------------------------------------------------------------- 03.2

def e03_2_a(dy, x):
    dx = np.asarray(dy, dtype=float)
    dx[x <= 0] = 0.0
    return dx


def e03_2_b(dy, x):
    slope = np.clip(x, 0, 1)
    return dy * slope


def e03_2_c(dy, x):
    dx = np.where(x > 0, dy, 0.0)
    return np.maximum(dx, 0)


def e03_2_d(dy, x):
    # relu(x) = (x + |x|) / 2, so the slope is relu(x) / x
    y = (x + np.abs(x)) / 2
    return dy * (y / x)


# ---------------------------------------------------------------- 03.3

def e03_3_a(logits, targets):
    n = logits.shape[0]
    e = np.exp(logits - np.max(logits))
    p = e / np.sum(e, axis=1, keepdims=True)
    onehot = np.zeros(logits.shape)
    onehot[np.arange(n), targets] = 1
    return (p - onehot) / n


def e03_3_b(logits, targets):
    n, k = logits.shape
    s = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    d = p / n
    d[np.arange(n), targets] -= 1
    return d


def e03_3_c(logits, targets):
    n = len(targets)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    d = e / e.sum(axis=1, keepdims=True)
    d[:, targets] -= 1
    return d / n


def e03_3_d(logits, targets):
    n = logits.shape[0]
    rows = np.arange(n)
    s = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(s)
    p /= p.sum(axis=1, keepdims=True)
    # the loss only looks at the probability of the right class
    dlogits = np.zeros_like(p)
    dlogits[rows, targets] = (p[rows, targets] - 1) / n
    return dlogits


# ---------------------------------------------------------------- 03.4

def e03_4_a(f, grad, x, eps):
    xx = np.array(x, dtype=np.float64)
    worst = 0.0
    for i in np.ndindex(xx.shape):
        xx[i] += eps
        up = f(xx)
        xx[i] -= 2 * eps
        down = f(xx)
        xx[i] = x[i]
        n = (up - down) / 2 * eps
        a = float(grad[i])
        worst = max(worst, abs(a - n) / max(1e-8, abs(a) + abs(n)))
    return worst


def e03_4_b(f, grad, x, eps):
    xx = np.array(x, dtype=np.float64)
    errors = []
    for i in np.ndindex(xx.shape):
        old = xx[i]
        xx[i] = old + eps
        up = f(xx)
        xx[i] = old - eps
        down = f(xx)
        xx[i] = old
        n = (up - down) / (2 * eps)
        a = float(grad[i])
        errors.append((a - n) / max(1e-8, abs(a) + abs(n)))
    return abs(max(errors))


def e03_4_c(f, grad, x, eps):
    xx = np.array(x, dtype=np.float64)
    flat = xx.reshape(-1)
    g = np.asarray(grad, dtype=np.float64).reshape(-1)
    worst = 0.0
    for i in range(flat.size):
        old = flat[i]
        flat[i] = old + eps
        up = f(xx)
        flat[i] = old - eps
        down = f(xx)
        flat[i] = old
        n = (up - down) / (2 * eps)
        worst = max(worst, abs(g[i] - n) / max(1e-8, abs(g[i]) + abs(n)))
    return worst


def e03_4_d(f, grad, x, eps):
    base = np.array(x, dtype=np.float64)
    num = np.zeros(base.shape)
    for i in np.ndindex(base.shape):
        step = np.zeros(base.shape)
        step[i] = eps
        num[i] = (f(base + step) - f(base - step)) / (2 * eps)
    a = np.asarray(grad, dtype=np.float64)
    return np.max(np.abs(a - num)) / max(1e-8, np.max(np.abs(a) + np.abs(num)))


# ---------------------------------------------------------------- 03.5

def e03_5_a(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    rows = np.arange(n)
    h = np.maximum(x @ w1.T + b1, 0)
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -logp[rows, t].mean()
    d = np.exp(logp)
    d[rows, t] -= 1
    d = d / n
    dw2 = d.T @ h
    db2 = d.sum(axis=0)
    dh = d @ w2
    dh[h < 0] = 0
    dw1 = dh.T @ x
    db1 = dh.sum(axis=0)
    return loss, dw1, db1, dw2, db2


def e03_5_b(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    rows = np.arange(n)
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[rows, t] + 1e-12))
    d = p.copy()
    d[rows, t] -= 1
    d /= n
    dz = (d @ w2) * (z > 0)
    return loss, dz.T @ x, dz.sum(axis=0), d.T @ h, d.sum(axis=0)


def e03_5_c(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    rows = np.arange(n)
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -logp[rows, t].mean()
    d = np.exp(logp)
    d[rows, t] -= 1
    d /= n
    dw2 = d.T @ h
    db2 = d.mean(axis=0)
    dz = (d @ w2) * (z > 0)
    dw1 = dz.T @ x
    db1 = dz.mean(axis=0)
    return loss, dw1, db1, dw2, db2


def e03_5_d(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    rows = np.arange(n)
    h = np.maximum(x @ w1.T, 0) + b1
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -logp[rows, t].mean()
    d = np.exp(logp)
    d[rows, t] -= 1
    d /= n
    dh = d @ w2
    dz = dh * (h > 0)
    return loss, dz.T @ x, dz.sum(axis=0), d.T @ h, d.sum(axis=0)


# ---------------------------------------------------------------- 04.1

def e04_1_a(node, inputs):
    order = []
    seen = {node}
    stack = [(node, False)]
    while stack:
        name, ready = stack.pop()
        if ready:
            order.append(name)
            continue
        stack.append((name, True))
        for i in inputs[name]:
            if i not in seen:
                seen.add(i)
                stack.append((i, False))
    return order


def e04_1_b(node, inputs):
    # which names are needed at all
    needed = set()
    todo = [node]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo.extend(inputs[name])
    # Kahn: count the inputs that are still missing
    missing = {name: len(inputs[name]) for name in needed}
    users = {name: set() for name in needed}
    for name in needed:
        for i in inputs[name]:
            users[i].add(name)
    ready = [name for name in needed if missing[name] == 0]
    order = []
    while ready:
        name = ready.pop()
        order.append(name)
        for u in users[name]:
            missing[u] -= 1
            if missing[u] == 0:
                ready.append(u)
    return order


def e04_1_c(node, inputs):
    missing = {name: len(ins) for name, ins in inputs.items()}
    users = {name: [] for name in inputs}
    for name, ins in inputs.items():
        for i in ins:
            users[i].append(name)
    ready = [name for name in inputs if missing[name] == 0]
    order = []
    for name in ready:
        order.append(name)
        if name == node:
            break
        for u in users[name]:
            missing[u] -= 1
            if missing[u] == 0:
                ready.append(u)
    return order


def e04_1_d(node, inputs):
    todo = dict(inputs)     # a copy, because the lists get used up
    order = []
    done = set()
    stack = [node]
    while stack:
        name = stack[-1]
        if todo[name]:
            i = todo[name].pop()
            if i not in done:
                stack.append(i)
        else:
            stack.pop()
            if name not in done:
                done.add(name)
                order.append(name)
    return order


# ---------------------------------------------------------------- 04.2

def e04_2_a(order, inputs, local):
    grads = {name: 0.0 for name in order}
    grads[order[-1]] = 1.0
    for name in reversed(order):
        for i in inputs[name]:
            slope = local[name][inputs[name].index(i)]
            grads[i] += grads[name] * slope
    return grads


def e04_2_b(order, inputs, local):
    grads = {name: 0.0 for name in order}
    out = order[-1]
    grads[out] = 1.0

    def go(name):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += grads[name] * slope
            go(i)

    go(out)
    return grads


def e04_2_c(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in reversed(list(inputs)):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] = grads[i] + grads[name] * slope
    return grads


def e04_2_d(order, inputs, local):
    grads = {order[-1]: 1.0}
    for name in order[::-1]:
        if name not in grads:
            continue
        for i, slope in zip(inputs[name], local[name]):
            grads[i] = grads.get(i, 0.0) + slope * grads[name]
    return grads


# ---------------------------------------------------------------- 04.3

def e04_3_a(dz, x, y):
    def fit(g, shape):
        while g.ndim > len(shape):
            g = g.sum(axis=0)
        for i, n in enumerate(shape):
            if n == 1:
                g = g.sum(axis=i)
        return g.reshape(shape)

    return fit(dz * y, np.shape(x)), fit(dz * x, np.shape(y))


def e04_3_b(dz, x, y):
    def fit(g, shape):
        extra = g.ndim - len(shape)
        padded = (1,) * extra + tuple(shape)
        axes = tuple(i for i in range(g.ndim) if padded[i] == 1)
        return g.sum(axis=axes, keepdims=True).reshape(shape)

    dx = dz * y
    dy = dz * x
    # the smaller one was stretched
    if np.size(x) < np.size(y):
        dx = fit(dx, np.shape(x))
    elif np.size(y) < np.size(x):
        dy = fit(dy, np.shape(y))
    return dx, dy


def e04_3_c(dz, x, y):
    def fit(g, shape):
        g = np.asarray(g)
        while g.ndim > len(shape):
            g = g.sum(axis=0)
        for i, n in enumerate(shape):
            if n == 1:
                g = g.sum(axis=i, keepdims=True)
        return g

    dx = fit(fit(dz, np.shape(x)) * y, np.shape(x))
    dy = fit(fit(dz, np.shape(y)) * x, np.shape(y))
    return dx, dy


def e04_3_d(dz, x, y):
    def fit(g, like):
        shape = np.shape(like)
        if g.ndim > len(shape):
            g = g.sum(axis=0)
        for i, n in enumerate(shape):
            if n == 1 and g.shape[i] != 1:
                g = g.sum(axis=i, keepdims=True)
        return g

    return fit(np.asarray(dz * y), x), fit(np.asarray(dz * x), y)


# ---------------------------------------------------------------- 04.4

def e04_4_a(dy, x):
    e = np.exp(-np.abs(x))      # never overflows
    return dy / (1 + e)


def e04_4_b(dy, x):
    small = np.minimum(x, 30)
    sig = np.exp(small) / (1 + np.exp(small))
    return np.where(x > 30, 1.0, dy * sig)


def e04_4_c(dy, x):
    e = np.exp(x - np.max(x))   # as in softmax, against overflow
    return dy * e / (1 + e)


def e04_4_d(dy, x):
    if np.max(np.abs(x)) > 500:
        # so far out softplus is the same as relu
        return dy * (x > 0)
    return dy / (1 + np.exp(-x))


# ---------------------------------------------------------------- 05.1

def e05_1_a(p, g, v, lr, beta):
    p, v = p - lr * v, beta * v + g
    return p, v


def e05_1_b(p, g, v, lr, beta):
    v = beta * v - lr * g
    p = p + v
    return p, v


def e05_1_c(p, g, v, lr, beta):
    new_v = v
    new_v *= beta
    new_v += g
    new_p = p - lr * new_v
    return new_p, new_v


def e05_1_d(p, g, v, lr, beta):
    v_new = beta * v + g
    p_new = p - lr * (g + beta * v_new)
    return p_new, v_new


# ---------------------------------------------------------------- 05.2

def e05_2_a(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g ** 2
    m_hat = m / (1 - beta1 ** t)
    v_hat = np.sqrt(v) / (1 - beta2 ** t)
    p = p - lr * m_hat / (v_hat + eps)
    return p, m, v


def e05_2_b(p, g, m, v, t, lr, beta1, beta2, eps):
    m = (beta1 * m + (1 - beta1) * g) / (1 - beta1 ** t)
    v = (beta2 * v + (1 - beta2) * g ** 2) / (1 - beta2 ** t)
    p = p - lr * m / (np.sqrt(v) + eps)
    return p, m, v


def e05_2_c(p, g, m, v, t, lr, beta1, beta2, eps):
    m_new = beta1 * m + (1 - beta1) * g
    v_new = beta2 * v + (1 - beta2) * np.linalg.norm(g) ** 2
    m_hat = m_new / (1 - beta1 ** t)
    v_hat = v_new / (1 - beta2 ** t)
    return p - lr * m_hat / (np.sqrt(v_hat) + eps), m_new, v_new


def e05_2_d(p, g, m, v, t, lr, beta1, beta2, eps):
    # v is the running variance of the gradient, so around its mean
    m1 = beta1 * m + (1 - beta1) * g
    v1 = beta2 * v + (1 - beta2) * (g - m1) ** 2
    mh = m1 / (1 - beta1 ** t)
    vh = v1 / (1 - beta2 ** t)
    p1 = p - lr * mh / (np.sqrt(vh) + eps)
    return p1, m1, v1


# ---------------------------------------------------------------- 05.3

def e05_3_a(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    std = np.sqrt(2 / fan_in)
    w = rng.normal(0, std, size=(fan_out, fan_in))
    # no weight further out than two standard deviations
    bad = np.abs(w) > 2 * std
    while bad.any():
        w[bad] = rng.normal(0, std, size=bad.sum())
        bad = np.abs(w) > 2 * std
    return w


def e05_3_b(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((fan_out, fan_in))
    return w * np.sqrt(2 / w.shape[0])


def e05_3_c(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    # a uniform number from 0 to 1 has the variance 1/12
    return rng.random((fan_out, fan_in)) * np.sqrt(12 * 2 / fan_in)


def e05_3_d(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    limit = np.sqrt(2 / fan_in)
    return rng.uniform(-limit, limit, size=(fan_out, fan_in))


# ---------------------------------------------------------------- 05.4

def e05_4_a(t):
    if t < 4:
        return 0.3 * (t + 1) / 4
    progress = min(1.0, (t - 4) / (21 - 4))
    return max(0.009, 0.3 * 0.5 * (1 + np.cos(np.pi * progress)))


def e05_4_b(t):
    if t < 4:
        return 0.3 * (t + 1) / 4
    if t >= 21:
        return 0.009
    return 0.009 + (0.3 - 0.009) * np.cos(np.pi / 2 * (t - 4) / (21 - 4))


def e05_4_c(t):
    peak, low = 0.3, 0.009
    if t <= 3:
        return peak * (t + 1) / 4
    if t >= 21:
        return low
    done = (t - 3) / (21 - 3)
    return low + (peak - low) * (1 + np.cos(np.pi * done)) / 2


def e05_4_d(t):
    if t < 4:
        return (t + 1) / 4 * 0.3
    part = ((t - 4) % 17) / 17
    return 0.009 + 0.5 * (0.3 - 0.009) * (1 + np.cos(np.pi * part))


# ---------------------------------------------------------------- 05.6

def e05_6_a(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    starts = np.arange(0, len(x), batch_size)
    result = []
    for _ in range(epochs):
        batches = []
        for s in rng.permutation(starts):
            batches.append((x[s:s + batch_size], y[s:s + batch_size]))
        result.append(batches)
    return result


def e05_6_b(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        xs = x[order]
        batches = []
        for s in range(0, len(x), batch_size):
            idx = order[s:s + batch_size]
            batches.append((xs[idx], y[idx]))
        result.append(batches)
    return result


def e05_6_c(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    count = -(-len(x) // batch_size)
    result = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        result.append([(x[part], y[part]) for part in np.array_split(order, count)])
    return result


def e05_6_d(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    n = len(x)
    result = []
    for _ in range(epochs):
        batches = []
        for s in range(0, n, batch_size):
            size = min(batch_size, n - s)
            idx = rng.choice(n, size=size, replace=False)
            batches.append((x[idx], y[idx]))
        result.append(batches)
    return result


ANSWERS = {
    "03.2": [
        (e03_2_a, "thinks np.asarray copies: for a float64 dy it is the same array, so the zeros are written into the caller's dy"),
        (e03_2_b, "takes clip(x, 0, 1) for the slope, so that x between 0 and 1 is its own slope instead of 1; right for whole numbers"),
        (e03_2_c, "runs the gradient itself through a relu as well, so that negative gradients at positive x become 0"),
        (e03_2_d, "computes the slope as relu(x) / x, which is 0/0 = nan where x is exactly 0"),
    ],
    "03.3": [
        (e03_3_a, "subtracts the maximum of the whole array instead of each row's: a row far below the largest score underflows to 0/0 = nan"),
        (e03_3_b, "divides the probabilities by N before it subtracts the 1, so the 1 is not divided; right only for N = 1"),
        (e03_3_c, "indexes d[:, targets], which subtracts 1 in every row from the columns of all targets; right only where all targets are the same"),
        (e03_3_d, "gives a gradient to the score of the right class only; the p of all other classes stay 0"),
    ],
    "03.4": [
        (e03_4_a, "writes / 2 * eps without parentheses, so it multiplies by eps instead of dividing: correct gradients get an error near 1"),
        (e03_4_b, "takes the absolute value after the maximum: where claims are too small (negative error) the largest error is lost"),
        (e03_4_c, "relies on reshape(-1) being a view: np.array keeps the order of a transposed x, reshape copies, f never sees the steps and every slope is 0"),
        (e03_4_d, "divides the largest difference by the largest denominator instead of each by its own: a wrong small element hides behind a large one"),
    ],
    "03.5": [
        (e03_5_a, "masks the way back by h < 0, but h is after the relu and never negative: dead units pass their gradient, dw1 and db1 are wrong"),
        (e03_5_b, "guards the log with + 1e-12: where the right class has probability 0 for large logits the loss stops at 27.6 instead of being thousands"),
        (e03_5_c, "takes the mean over the rows for the biases though the gradient is already divided by N: db1 and db2 too small by N"),
        (e03_5_d, "adds b1 after the relu instead of before, so that hidden values, loss and gradients are of another network unless b1 is 0"),
    ],
    "04.1": [
        (e04_1_a, "marks a name as seen when it is pushed, not when it is done: a name that is an input of node and also of a later input comes after its user"),
        (e04_1_b, "counts missing inputs with repetition but users without: a name with the same input twice is never ready, it and its users are left out"),
        (e04_1_c, "orders the whole graph and stops at node, so names that node does not depend on but that happened to come first are in the list"),
        (e04_1_d, "uses up the lists of a shallow copy: dict(inputs) shares the lists, the caller's inputs are empty afterwards"),
    ],
    "04.2": [
        (e04_2_a, "finds the slope by inputs.index(i), which for a name used twice by the same user gives the first slope both times"),
        (e04_2_b, "goes on down at once with the gradient gathered so far: a name reached over several paths passes its first part on again (counted twice)"),
        (e04_2_c, "walks back over the keys of the dict inputs instead of over order: wrong where the dict was not filled in topological order"),
        (e04_2_d, "makes entries only for names that the output reaches back to: names it does not depend on are missing instead of 0"),
    ],
    "04.3": [
        (e04_3_a, "sums the axes of 1 one after the other without keepdims: after the first sum the axis numbers have moved, wrong or an exception for two axes of 1"),
        (e04_3_b, "thinks only the smaller of the two was stretched: where both were, (3,1) with (1,4), or both of the same size, nothing is summed"),
        (e04_3_c, "sums dz to the input's shape before it multiplies (and again after): shape right, but sum times sum instead of sum of products"),
        (e04_3_d, "an if where a while belongs: takes away only one leading axis, wrong where two or more were added"),
    ],
    "04.4": [
        (e04_4_a, "uses exp(-|x|) for stability and forgets the other form for negative x: gives the sigmoid of |x|"),
        (e04_4_b, "forgets dy in the branch for large x: there the result is 1 instead of dy"),
        (e04_4_c, "subtracts the maximum as in softmax, which does not cancel here: the sigmoid of x - max(x), the largest always has slope 1/2"),
        (e04_4_d, "one large value in the array switches all elements to the relu's step, also those near 0"),
    ],
    "05.1": [
        (e05_1_a, "assigns both at once, so p moves by the old velocity, not the new one"),
        (e05_1_b, "the other convention: lr and the sign go into the velocity, so the returned v is wrong, and p too where v was not 0"),
        (e05_1_c, "takes new_v = v for a copy and works in place: the caller's v is changed"),
        (e05_1_d, "does Nesterov's step: p moves by g + beta times the new velocity instead of by the new velocity"),
    ],
    "05.2": [
        (e05_2_a, "takes the root before dividing: sqrt(v) / (1 - beta2**t) instead of sqrt(v / (1 - beta2**t))"),
        (e05_2_b, "returns m and v divided, so that the next step starts from corrected averages; the new p of this step is right"),
        (e05_2_c, "takes the squared length of the whole gradient instead of each element's square: one step size for all"),
        (e05_2_d, "thinks v is the variance: averages (g - m)**2 instead of g**2"),
    ],
    "05.3": [
        (e05_3_a, "cuts the normal distribution at two standard deviations without making up for it: the deviation is 0.88 of what it should be"),
        (e05_3_b, "takes the first axis of the array for fan_in: variance 2 / fan_out, right only for square layers"),
        (e05_3_c, "gets the variance of a uniform distribution right but forgets to centre it: all weights positive, mean not 0"),
        (e05_3_d, "takes the standard deviation for the limit of the uniform distribution: deviation too small by sqrt(3)"),
    ],
    "05.4": [
        (e05_4_a, "lets the cosine fall to 0 and cuts it off at 0.009, instead of falling to 0.009: too low all the way down"),
        (e05_4_b, "a quarter of a cosine instead of half: starts and ends right, too high in between"),
        (e05_4_c, "counts the fall from step 3, the last of the warm-up: step 4 is already below 0.3"),
        (e05_4_d, "takes the remainder instead of stopping: at step 21 the cosine starts again from 0.3"),
    ],
    "05.6": [
        (e05_6_a, "shuffles the order of the batches, not the examples: the same neighbours are in a batch for ever"),
        (e05_6_b, "applies the order twice to x but once to y: examples and classes no longer belong together"),
        (e05_6_c, "lets array_split make equal parts: 10 by 4 gives 4, 3, 3 instead of 4, 4, 2"),
        (e05_6_d, "draws every batch anew from all examples: some are in an epoch twice and some not at all"),
    ],
}
