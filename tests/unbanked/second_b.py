import numpy as np


# ---------------------------------------------------------------- 03.2
def e03_2_a(dy, x):
    h = 1e-3
    slope = (np.maximum(x, 0) - np.maximum(x - h, 0)) / h
    return dy * slope


def e03_2_b(dy, x):
    y = np.maximum(x, 0)
    return np.maximum(dy, 0) * (y > 0)


def e03_2_c(dy, x):
    dx = np.copy(dy)
    dx.reshape(-1)[x.reshape(-1) <= 0] = 0
    return dx


def e03_2_d(dy, x):
    return np.where(x > 0, dy, np.zeros(x.shape))


# ---------------------------------------------------------------- 03.3
def e03_3_a(logits, targets):
    n = logits.shape[0]
    e = np.exp(np.clip(logits, -80, 80))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(n), targets] -= 1
    return p / n


def e03_3_b(logits, targets):
    n = logits.shape[0]
    z = logits - logits.max()
    e = np.exp(z)
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(n), targets] -= 1
    return p / n


def e03_3_c(logits, targets):
    n = len(logits)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    onehot = np.eye(np.max(targets) + 1, dtype=logits.dtype)[targets]
    return (p - onehot) / n


def e03_3_d(logits, targets):
    n = len(logits)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    dp = np.zeros_like(p)
    rows = np.arange(n)
    dp[rows, targets] = -1 / (p[rows, targets] + 1e-12) / n
    # jacobian of softmax: p_i (delta_ij - p_j)
    return p * (dp - (dp * p).sum(axis=1, keepdims=True))


# ---------------------------------------------------------------- 03.4
def e03_4_a(f, grad, x, eps):
    flat = x.astype(np.float64).ravel()
    a = grad.astype(np.float64).ravel()
    worst = 0.0
    for i in range(flat.size):
        plus = flat.copy()
        minus = flat.copy()
        plus[i] += eps
        minus[i] -= eps
        n = (f(plus) - f(minus)) / (2 * eps)
        worst = max(worst, abs(a[i] - n) / max(1e-8, abs(a[i]) + abs(n)))
    return worst


def e03_4_b(f, grad, x, eps):
    xd = x.astype(np.float64)
    n = np.zeros(x.shape)
    for idx in np.ndindex(*x.shape):
        old = xd[idx]
        xd[idx] = old + eps
        up = f(xd)
        xd[idx] = old - eps
        down = f(xd)
        xd[idx] = old
        n[idx] = (up - down) / (2 * eps)
    a = grad.astype(np.float64)
    return np.max(np.abs(a - n)) / max(1e-8, np.max(np.abs(a) + np.abs(n)))


def e03_4_c(f, grad, x, eps):
    xd = x.astype(np.float64)
    errors = []
    for idx in np.ndindex(*x.shape):
        old = xd[idx]
        xd[idx] = old + eps
        up = f(xd)
        xd[idx] = old - eps
        down = f(xd)
        xd[idx] = old
        n = np.float64((up - down) / (2 * eps))
        a = np.float64(grad[idx])
        with np.errstate(all="ignore"):
            errors.append(max(1e-8, abs(a - n) / (abs(a) + abs(n))))
    return max(errors)


def e03_4_d(f, grad, x, eps):
    worst = 0.0
    for idx in np.ndindex(*x.shape):
        e = np.zeros_like(x)
        e[idx] = eps
        n = (np.float64(f(x + e)) - np.float64(f(x - e))) / (2 * eps)
        a = np.float64(grad[idx])
        worst = max(worst, abs(a - n) / max(1e-8, abs(a) + abs(n)))
    return worst


# ---------------------------------------------------------------- 03.5
def e03_5_a(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(n), t] + 1e-12))
    d = p.copy()
    d[np.arange(n), t] -= 1
    d /= n
    dz = (d @ w2) * (z > 0)
    return loss, dz.T @ x, dz.sum(axis=0), d.T @ h, d.sum(axis=0)


def e03_5_b(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    h = np.maximum(x @ w1.T + b1, 0)
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(n), t].mean()
    d = np.exp(logp)
    d[np.arange(n), t] -= 1
    d /= n
    dh = d @ w2
    dz = np.where(x @ w1.T > 0, dh, 0)
    return loss, dz.T @ x, dz.sum(axis=0), d.T @ h, d.sum(axis=0)


def e03_5_c(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(n), t].mean()
    d = np.exp(logp)
    d[np.arange(n), t] -= 1
    d /= n
    dz = (d @ w2) * (z > 0)
    db1 = np.squeeze(dz.sum(axis=0, keepdims=True))
    db2 = np.squeeze(d.sum(axis=0, keepdims=True))
    return loss, dz.T @ x, db1, d.T @ h, db2


def e03_5_d(x, t, w1, b1, w2, b2):
    n = x.shape[0]
    z = x @ w1.T + b1
    h = np.maximum(z, 0)
    logits = h @ w2.T + b2
    s = logits - logits.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    loss = -logp[np.arange(n), t].mean()
    p = np.exp(logp)
    # db2: how often each class was predicted, less how often it was right
    count = np.zeros_like(b2)
    count[t] += 1
    db2 = (p.sum(axis=0) - count) / n
    p[np.arange(n), t] -= 1
    d = p / n
    dz = (d @ w2) * (z > 0)
    return loss, dz.T @ x, dz.sum(axis=0), d.T @ h, db2


# ---------------------------------------------------------------- 04.1
def e04_1_a(node, inputs):
    found = {node: None}            # a dict keeps the order of insertion
    queue = [node]
    for name in queue:
        for i in inputs[name]:
            if i in found:
                del found[i]        # it is needed later too: move it to the end
            else:
                queue.append(i)
            found[i] = None
    return list(found)[::-1]


def e04_1_b(node, inputs):
    import sys
    sys.setrecursionlimit(5000)     # the longest chain
    order = []
    done = set()

    def visit(name):
        if name in done:
            return
        done.add(name)
        for i in inputs[name]:
            visit(i)
        order.append(name)

    visit(node)
    return order


def e04_1_c(node, inputs):
    reach = {node}
    todo = [node]
    while todo:
        for i in inputs[todo.pop()]:
            if i not in reach:
                reach.add(i)
                todo.append(i)
    users = {name: set() for name in reach}
    missing = {}
    for name in reach:
        missing[name] = len(inputs[name])
        for i in inputs[name]:
            users[i].add(name)
    ready = [name for name in reach if missing[name] == 0]
    order = []
    while ready:
        name = ready.pop()
        order.append(name)
        for u in users[name]:
            missing[u] -= 1
            if missing[u] == 0:
                ready.append(u)
    return order


def e04_1_d(node, inputs):
    needed = inputs[node]
    seen = set(needed)
    for name in needed:             # grows while we walk along it
        for i in inputs[name]:
            if i not in seen:
                seen.add(i)
                needed.append(i)
    rest = list(dict.fromkeys(needed))[::-1]
    order = []
    placed = set()
    while rest:
        later = []
        for name in rest:
            if all(i in placed for i in inputs[name]):
                order.append(name)
                placed.add(name)
            else:
                later.append(name)
        rest = later
    order.append(node)
    return order


# ---------------------------------------------------------------- 04.2
def e04_2_a(order, inputs, local):
    grads = {name: 0 for name in order}
    grads[order[-1]] = 1
    for name in reversed(order):
        for i in inputs[name]:
            slope = local[name][inputs[name].index(i)]
            grads[i] += grads[name] * slope
    return grads


def e04_2_b(order, inputs, local):
    grads = dict.fromkeys(order, 0.0)
    grads[order[-1]] = 1.0
    for name in order[::-1]:
        if grads[name] == 0:
            break                   # the output does not depend on it
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += slope * grads[name]
    return grads


def e04_2_c(order, inputs, local):
    used = set()
    for name in order:
        used.update(inputs[name])
    # what nobody uses is an end of the graph: there the gradient begins with 1
    grads = {name: (0.0 if name in used else 1.0) for name in order}
    for name in reversed(order):
        for i, slope in zip(inputs[name], local[name]):
            grads[i] += grads[name] * slope
    return grads


def e04_2_d(order, inputs, local):
    grads = {name: 0.0 for name in order}
    grads[order[-1]] = 1.0
    for name in reversed(order):
        slopes = local[name]
        for k in range(len(slopes)):
            slopes[k] *= grads[name]
            grads[inputs[name][k]] += slopes[k]
    return grads


# ---------------------------------------------------------------- 04.3
def e04_3_a(dz, x, y):
    def back(g, shape):
        while g.ndim > len(shape):
            g = g.sum(axis=0)
        for axis in range(len(shape)):
            if shape[axis] == 1 and axis < g.ndim:
                g = g.sum(axis=axis)
        return g.reshape(shape)
    return back(dz * y, x.shape), back(dz * x, y.shape)


def e04_3_b(dz, x, y):
    def back(g, shape):
        own = [n for n in shape if n != 1]
        axes = []
        for axis, n in enumerate(g.shape):
            if own and n == own[0]:
                own.pop(0)          # this axis is one of ours
            else:
                axes.append(axis)   # this one was stretched
        return g.sum(axis=tuple(axes)).reshape(shape)
    return back(dz * y, x.shape), back(dz * x, y.shape)


def e04_3_c(dz, x, y):
    dx = (dz * y).reshape((-1,) + x.shape).sum(axis=0)
    dy = (dz * x).reshape((-1,) + y.shape).sum(axis=0)
    return dx, dy


def e04_3_d(dz, x, y):
    def back(g, shape):
        lead = g.ndim - len(shape)
        g = g.sum(axis=tuple(range(lead)))
        axes = tuple(k for k, n in enumerate(shape) if n == 1 and g.shape[k] != 1)
        return g.sum(axis=axes, keepdims=True) if axes else g
    xs = np.broadcast_to(x, dz.shape)
    ys = np.broadcast_to(y, dz.shape)
    dx = back(dz, x.shape) * back(ys, x.shape)
    dy = back(dz, y.shape) * back(xs, y.shape)
    return dx, dy


# ---------------------------------------------------------------- 04.4
def e04_4_a(dy, x):
    e = np.exp(-np.abs(x))          # never overflows
    return dy * e / (1 + e)


def e04_4_b(dy, x):
    if np.abs(x).max() > 80:
        # too large for exp: there softplus is the same as relu
        return dy * (x > 0)
    return dy / (1 + np.exp(-x))


def e04_4_c(dy, x):
    np.clip(x, -80, 80, out=x)
    return dy / (1 + np.exp(-x))


def e04_4_d(dy, x):
    def slope(v):
        if v > 40:
            return 1
        if v < -40:
            return 0
        return 1 / (1 + np.exp(-v))
    s = np.vectorize(slope)(x)
    return dy * s.astype(dy.dtype)


# ---------------------------------------------------------------- 05.1
def e05_1_a(p, g, v, lr, beta):
    if np.any(v):
        v = beta * v + g
    else:
        v = g                       # first step: no velocity yet
    return p - lr * v, v


def e05_1_b(p, g, v, lr, beta):
    size = np.sqrt((g * g).sum())
    if size > 5:                    # against steps that explode
        g = g * (5 / size).astype(g.dtype)
    v_new = beta * v + g
    return p - lr * v_new, v_new


def e05_1_c(p, g, v, lr, beta):
    new_v = np.array([beta * vi + gi for vi, gi in zip(v, g)])
    new_p = np.array([pi - lr * vi for pi, vi in zip(p, new_v)])
    return new_p, new_v


def e05_1_d(p, g, v, lr, beta):
    new_v = lr * (beta * v + g)
    return p - new_v, new_v


# ---------------------------------------------------------------- 05.2
def e05_2_a(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    rate = lr * (1 - beta2 ** t) ** 0.5 / (1 - beta1 ** t)
    return p - rate * m / (np.sqrt(v) + eps), m, v


def e05_2_b(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g ** 2
    if t < 100:
        m_hat = m / (1 - beta1 ** t)
        v_hat = v / (1 - beta2 ** t)
    else:                           # beta ** t is practically 0 by now
        m_hat, v_hat = m, v
    return p - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def e05_2_c(p, g, m, v, t, lr, beta1, beta2, eps):
    v = beta2 * v + (1 - beta2) * (g - m) ** 2
    m = beta1 * m + (1 - beta1) * g
    m_hat = m / (1 - beta1 ** t)
    v_hat = v / (1 - beta2 ** t)
    return p - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def e05_2_d(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * np.square(g)
    m_hat = m / (1 - np.power(beta1, t))
    v_hat = v / (1 - np.power(beta2, t))
    return p - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


# ---------------------------------------------------------------- 05.3
def e05_3_a(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    fan = (fan_in + fan_out) / 2
    return rng.normal(0, np.sqrt(2 / fan), size=(fan_out, fan_in))


def e05_3_b(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    std = np.sqrt(2 / fan_in)
    w = rng.normal(0, std, size=(fan_out, fan_in))
    far = np.abs(w) > 2 * std
    while far.any():                # no weight further out than two deviations
        w[far] = rng.normal(0, std, size=far.sum())
        far = np.abs(w) > 2 * std
    return w


def e05_3_c(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    return np.random.normal(0, np.sqrt(2 / fan_in), size=(fan_out, fan_in))


def e05_3_d(fan_in, fan_out, seed):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(fan_out, fan_in))
    # make every neuron's weights have exactly the wanted mean and deviation
    w = w - w.mean(axis=1, keepdims=True)
    w = w / w.std(axis=1, keepdims=True)
    return w * np.sqrt(2 / fan_in)


# ---------------------------------------------------------------- 05.4
def e05_4_a(t):
    if t < 4:
        return 0.3 * (t + 1) / 4
    q = min(1.0, (t - 4) / (21 - 4))
    return max(0.009, 0.3 * 0.5 * (1 + np.cos(np.pi * q)))


def e05_4_b(t):
    if t < 4:
        return 0.3 * (t + 1) / 4
    if t >= 21:
        return 0.009
    q = (t - 4) / (21 - 4)
    return 0.009 + (0.3 - 0.009) * np.cos(np.pi / 2 * q)


def e05_4_c(t):
    up = np.linspace(0.3 / 4, 0.3, 4)
    q = np.linspace(0, 1, 21 - 4 + 1)
    down = 0.009 + (0.3 - 0.009) * (1 + np.cos(np.pi * q)) / 2
    return float(np.concatenate([up, down])[t])


def e05_4_d(t):
    warm = 0.3 * (t + 1) / 4
    q = min((t - 4) / (21 - 4), 1)
    cosine = 0.009 + 0.5 * (0.3 - 0.009) * (1 + np.cos(np.pi * q))
    return min(warm, cosine)


# ---------------------------------------------------------------- 05.6
def e05_6_a(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    n = len(x)
    count = int(np.ceil(n / batch_size))
    result = []
    for _ in range(epochs):
        parts = np.array_split(rng.permutation(n), count)
        result.append([(x[part], y[part]) for part in parts])
    return result


def e05_6_b(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    xs, ys = x.copy(), y.copy()     # so that x and y stay as they are
    n = len(xs)
    result = []
    for _ in range(epochs):
        order = rng.permutation(n)
        xs[:] = xs[order]
        ys[:] = ys[order]
        batches = []
        for i in range(0, n, batch_size):
            batches.append((xs[i:i + batch_size], ys[i:i + batch_size]))
        result.append(batches)
    return result


def e05_6_c(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    n = len(x)
    result = []
    for _ in range(epochs):
        batches = []
        for i in range(0, n, batch_size):
            pick = rng.choice(n, size=min(batch_size, n - i), replace=False)
            batches.append((x[pick], y[pick]))
        result.append(batches)
    return result


def e05_6_d(x, y, batch_size, epochs, seed):
    rng = np.random.default_rng(seed)
    batches = [(x[i:i + batch_size], y[i:i + batch_size])
               for i in range(0, len(x), batch_size)]
    result = []
    for _ in range(epochs):
        order = rng.permutation(len(batches))
        result.append([batches[k] for k in order])
    return result


ANSWERS = {
    "03.2": [
        (e03_2_a, "slope by a backward difference of 1e-3: right at 0 and for ordinary x, a fraction for 0 < x < 0.001, and noise or 0 for large x (float32 1e6), where x - h rounds back to x"),
        (e03_2_b, "puts the incoming gradient through relu too (guided backpropagation): every negative dy is lost where x > 0"),
        (e03_2_c, "zeroes through np.copy(dy).reshape(-1), which is a copy, not a view, when dy is not C-contiguous (a transposed array): nothing is zeroed then"),
        (e03_2_d, "takes the zeros from np.zeros(x.shape), float64: float32 in, float64 out"),
    ],
    "03.3": [
        (e03_3_a, "clips the scores to +-80 instead of subtracting the maximum: finite but wrong as soon as two scores of a row lie beyond 80 (1000 and 2000 become equal)"),
        (e03_3_b, "subtracts the maximum of the whole matrix instead of the row's: a row thousands below the others gives 0/0"),
        (e03_3_c, "makes the one-hot rows as wide as the largest target seen, not K: raises when the last class is missing from the batch, and with all targets 0 broadcasts and takes 1 from every class"),
        (e03_3_d, "chains through -1/(p + 1e-12) and the softmax Jacobian: where the right class has a probability near 0 the gradient vanishes instead of being -1/N"),
    ],
    "03.4": [
        (e03_4_a, "calls f with the flattened array: wrong (or raises) for any f that looks at the shape of x"),
        (e03_4_b, "divides the largest difference by the largest size over the whole array, instead of taking each element's own relative error: a bad small element hides behind a large one"),
        (e03_4_c, "puts the 1e-8 as a floor under the quotient instead of under the denominator: tiny wrong elements count in full, and a perfect match is never 0"),
        (e03_4_d, "makes only the results of f float64; the step is added in the type of x, so for float32 x the slopes are rounding noise"),
    ],
    "03.5": [
        (e03_5_a, "loss from log(p + 1e-12): capped at 27.6, wrong when a confident logit in the thousands is wrong (gradients right)"),
        (e03_5_b, "the relu mask is made of x @ w1.T without b1: right only while the bias does not change the sign, e.g. freshly initialised with zeros"),
        (e03_5_c, "squeezes the bias gradients: with one hidden unit db1 has shape () instead of (1,)"),
        (e03_5_d, "counts the targets with count[t] += 1, which counts a class once however often it is in t: db2 wrong when a class is in the batch twice"),
    ],
    "04.1": [
        (e04_1_a, "breadth first, a name met again is moved to the end but its own inputs are not: with a short cut to a name that has inputs, the name comes before them"),
        (e04_1_b, "recursive with the recursion limit set to exactly 5000: a chain of 5000 raises RecursionError, since frames are used outside too"),
        (e04_1_c, "Kahn's algorithm that counts the inputs with repeats but the users without: a name with the same input twice never becomes ready and is left out with all that follows"),
        (e04_1_d, "extends inputs[node] itself while walking: the order is right, but the caller's graph is changed when node has indirect inputs"),
    ],
    "04.2": [
        (e04_2_a, "looks the slope up with inputs[name].index(i): the same input twice gets the first slope twice; right for x * x, wrong when the two slopes differ"),
        (e04_2_b, "break instead of continue at a name with gradient 0: everything before a dead name (or a slope of 0) in the order keeps an incomplete gradient"),
        (e04_2_c, "begins with 1 at every name that nobody uses, not only at the output: dead-end side branches get 1 and pass it on"),
        (e04_2_d, "multiplies the lists in local in place: the gradients are right the first time, but local is changed"),
    ],
    "04.3": [
        (e04_3_a, "sums the stretched axes one after the other without keepdims, so the axes behind move up: right for one stretched axis, wrong or an exception for more (or for an axis of 1 that was not stretched before another)"),
        (e04_3_b, "finds the kept axes by their sizes, greedily from the left, instead of aligning from the right: wrong when two axes have the same size, e.g. (3,) against (3, 3)"),
        (e04_3_c, "reshape(-1, *shape).sum(0): right when only leading axes were added, but for (3, 1) against (3, 4) it sums the wrong elements, with the right shape"),
        (e04_3_d, "sums dz and the other factor separately and multiplies the sums: product of sums for sum of products, wrong wherever something was stretched"),
    ],
    "04.4": [
        (e04_4_a, "uses exp(-|x|) for both signs: the slope for positive x is that of -x"),
        (e04_4_b, "one decision for the whole array: as soon as one element is beyond 80, all elements get the slope of relu (and raises for an empty array)"),
        (e04_4_c, "clips x in place: right result, but changes the caller's x where it is beyond +-80"),
        (e04_4_d, "np.vectorize takes its output type from the first element: if that is beyond 40 the slope is the int 1 or 0, and all other slopes are cut to integers"),
    ],
    "05.1": [
        (e05_1_a, "returns g itself as the new velocity when v is all zeros: not a new array, later changes of one change the other"),
        (e05_1_b, "clips the gradient's norm to 5, which nobody asked for: wrong for large gradients only"),
        (e05_1_c, "walks over the first axis with zip: raises for shape ()"),
        (e05_1_d, "keeps lr inside the returned velocity: p is right, v is lr times too much"),
    ],
    "05.2": [
        (e05_2_a, "moves the bias corrections into the rate but adds eps to the undivided sqrt(v): differs where eps is not small against sqrt(v)"),
        (e05_2_b, "drops the bias correction from t = 100 on as 'practically 0': with beta2 = 0.999, 0.999 ** 100 is 0.9"),
        (e05_2_c, "averages the square of g - m (a variance) instead of g squared: right in the first step, where m is 0, wrong later"),
        (e05_2_d, "np.power of Python floats gives a float64 scalar, which makes p float64 where float32 came in"),
    ],
    "05.3": [
        (e05_3_a, "divides by the mean of fan_in and fan_out (mixed with Glorot): right for square layers only"),
        (e05_3_b, "redraws what is beyond two deviations without making up for it: deviation 12 % too small"),
        (e05_3_c, "makes the generator but draws from the global np.random: the seed has no effect, two calls differ"),
        (e05_3_d, "standardises each row by its own mean and deviation: 0/0 = nan for fan_in = 1, and for fan_in = 2 every weight is exactly +-1"),
    ],
    "05.4": [
        (e05_4_a, "lets the cosine fall to 0 and cuts it off at 0.009: right at both ends, too low in between"),
        (e05_4_b, "a quarter of a cosine (cos from 0 to pi/2) instead of half: right at steps 4 and 21, too high between"),
        (e05_4_c, "a table of the 22 steps without an end: IndexError for t > 21"),
        (e05_4_d, "takes the smaller of warm-up and cosine, whose cosine is symmetric before step 4: step 3 gets 0.2975 instead of 0.3"),
    ],
    "05.6": [
        (e05_6_a, "np.array_split evens the batches out: 10 examples by 4 gives 4, 3, 3 instead of 4, 4, 2"),
        (e05_6_b, "permutes one working copy in place and hands out views of it: all epochs show the order of the last one"),
        (e05_6_c, "draws each batch afresh from all examples: without repeats in a batch, but across batches some come twice and some never"),
        (e05_6_d, "shuffles only the order of fixed batches: the same examples always together in the same order, the small batch anywhere; nothing is shuffled if one batch holds all"),
    ],
}
