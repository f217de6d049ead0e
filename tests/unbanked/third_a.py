import numpy as np


# ---------------------------------------------------------------- 01.1
def e01_1_a(x, w, b):
    # one column per example
    y = w @ x.T + b[:, None]
    return y


def e01_1_b(x, w, b):
    N, I = x.shape
    O = w.shape[0]
    y = np.zeros((N, O))
    for n in range(N):
        for o in range(O):
            for i in range(I):
                y[n, o] += x[n, i] * w[o, i] + b[o]
    return y


def e01_1_c(x, w, b):
    # bring w into the right orientation for the product
    if x.shape[1] != w.shape[0]:
        w = w.T
    return np.dot(x, w) + b


def e01_1_d(x, w, b):
    rows = []
    for example in x:
        out = b                       # start from the bias
        for o in range(len(w)):
            out[o] = out[o] + np.sum(example * w[o])
        rows.append(out)
    return np.array(rows)


# ---------------------------------------------------------------- 01.2
def e01_2_a(dy, shape):
    dx = dy
    while dx.ndim > len(shape):
        dx = dx.sum(axis=0)
    return dx


def e01_2_b(dy, shape):
    extra = dy.ndim - len(shape)
    dx = dy.mean(axis=tuple(range(extra)))
    for i, n in enumerate(shape):
        if n == 1:
            dx = dx.mean(axis=i, keepdims=True)
    return dx


def e01_2_c(dy, shape):
    dx = np.array(dy)
    for _ in range(dy.ndim - len(shape)):
        dx = dx.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            dx = dx.sum(axis=axis)
    return dx.reshape(shape)


def e01_2_d(dy, shape):
    # axes of dy that are also in the small array stay, all others are summed
    keep = [s for s in shape if s != 1]
    summed = []
    for axis, size in enumerate(dy.shape):
        if keep and size == keep[0]:
            keep.pop(0)
        else:
            summed.append(axis)
    return dy.sum(axis=tuple(summed)).reshape(shape)


# ---------------------------------------------------------------- 01.3
def e01_3_a(x):
    z = np.exp(-np.abs(x))
    y = np.where(x >= 0, 1 / (1 + z), z / (1 + z))
    slope = x * (1 - x)
    return y, slope


def e01_3_b(x):
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(-x)
        y = 1 / (1 + e)
        slope = e / (1 + e) ** 2
    return y, slope


def e01_3_c(x):
    with np.errstate(all="ignore"):
        ex = np.exp(x)
        y = np.nan_to_num(ex / (ex + 1))     # no NaN for large x
    slope = y * (1 - y)
    return y, slope


def e01_3_d(x):
    y = np.zeros(x.shape)
    pos = x >= 0
    y[pos] = 1 / (1 + np.exp(-x[pos]))
    ez = np.exp(x[~pos])
    y[~pos] = ez / (1 + ez)
    return y, y * (1 - y)


# ---------------------------------------------------------------- 01.4
def e01_4_a(x, a):
    y = np.where(x >= 0, x, a * x).astype(x.dtype)
    slope = np.where(x >= 0, 1, a).astype(x.dtype)
    return y, slope


def e01_4_b(x, a):
    slope = np.ones_like(x)
    slope[x <= 0] = a
    y = x
    y *= slope
    return y, slope


def e01_4_c(x, a):
    y = np.maximum(x, a * x)
    slope = np.full_like(x, a)
    slope[x > 0] = 1
    return y, slope


def e01_4_d(x, a):
    y = np.where(x > 0, x, a * x).astype(x.dtype)
    slope = np.where(y > 0, 1, a).astype(x.dtype)
    return y, slope


# ---------------------------------------------------------------- 01.5
def e01_5_a(sizes):
    total = 0
    for i in range(len(sizes) - 1):
        total += sizes[i] * sizes[i + 1]
    return total


def e01_5_b(sizes):
    weights = sum(i * o for i, o in zip(sizes[:-1], sizes[1:]))
    biases = sum(sizes)
    return weights + biases


def e01_5_c(sizes):
    count = 0
    for n_in in sizes[:-1]:
        n_out = sizes[sizes.index(n_in) + 1]
        count += n_in * n_out + n_out
    return count


def e01_5_d(sizes):
    if len(sizes) < 2:
        return 0
    n_in, hidden, n_out = sizes[0], sizes[1], sizes[-1]
    first = (n_in + 1) * hidden
    between = (len(sizes) - 3) * (hidden + 1) * hidden
    last = (hidden + 1) * n_out
    return first + between + last


# ---------------------------------------------------------------- 01.6
def e01_6_a(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def e01_6_b(x):
    x -= x.mean(axis=1, keepdims=True)
    x /= x.std(axis=1, keepdims=True)
    return x


def e01_6_c(x):
    m = x.mean(axis=1)[:, None]
    s = x.std(axis=1)[:, None]
    return (x - m) / (s + 1e-8)


def e01_6_d(x):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / centred.std()


# ---------------------------------------------------------------- 02.1
def e02_1_a(y, t):
    n = y.size
    return 2 / n * (t - y)


def e02_1_b(y, t):
    diff = y - t
    return np.full_like(y, (2 * diff).mean())


def e02_1_c(y, t):
    dy = y
    dy -= t
    dy *= 2 / y.size
    return dy


def e02_1_d(y, t):
    n = y.shape[0]
    o = 1 if y.ndim == 1 else y.shape[1]
    return 2 * (y - t) / (n * o)


# ---------------------------------------------------------------- 02.2
def e02_2_a(f, x, eps):
    dx = np.zeros(x.shape)
    for idx in np.ndindex(*x.shape):
        old = x[idx]
        x[idx] = old + eps
        up = f(x)
        x[idx] = old - eps
        down = f(x)
        x[idx] = old
        dx[idx] = (up - down) / eps
    return dx


def e02_2_b(f, x, eps):
    z = x.copy()                  # x itself is not touched
    dx = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        z[i] = x[i] + eps
        f_plus = f(z)
        z[i] = x[i] - eps
        f_minus = f(z)
        dx[i] = (f_plus - f_minus) / (2 * eps)
    return dx


def e02_2_c(f, x, eps):
    dx = np.empty_like(x)
    it = np.nditer(x, flags=["multi_index"])
    for _ in it:
        i = it.multi_index
        x[i] += eps
        hi = f(x)
        x[i] -= 2 * eps
        lo = f(x)
        x[i] += eps
        dx[i] = (hi - lo) / (2 * eps)
    return dx


def e02_2_d(f, x, eps):
    flat = x.reshape(-1)
    grad = np.zeros(flat.size)
    for k in range(flat.size):
        keep = flat[k]
        flat[k] = keep + eps
        a = f(x)
        flat[k] = keep - eps
        b = f(x)
        flat[k] = keep
        grad[k] = (a - b) / (2 * eps)
    return grad.reshape(x.shape)


# ---------------------------------------------------------------- 02.3
def e02_3_a(x):
    x -= x.max(axis=-1, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def e02_3_b(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / np.sum(e)


def e02_3_c(x):
    # exp overflows above about 709 (88 in float32)
    limit = 80 if x.dtype == np.float32 else 700
    e = np.exp(np.clip(x, -limit, limit))
    return e / e.sum(axis=-1, keepdims=True)


def e02_3_d(x):
    axis = 0 if x.ndim == 1 else 1
    z = x - x.max(axis=axis, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


# ---------------------------------------------------------------- 02.4
def e02_4_a(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = logits.dtype.type(0)
    for n in range(len(targets)):
        loss -= logp[n, targets[n]]
    return loss


def e02_4_b(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -logp[:, targets].mean()


def e02_4_c(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    right = p[np.arange(len(targets)), targets]
    return -np.log(right + 1e-12).mean()


def e02_4_d(logits, targets):
    m = logits.max()
    with np.errstate(divide="ignore"):
        lse = np.log(np.exp(logits - m).sum(axis=1)) + m
    picked = logits[np.arange(logits.shape[0]), targets]
    return np.mean(lse - picked)


# ---------------------------------------------------------------- 02.5
def e02_5_a(gradient, x, lr, steps):
    pos = x
    for _ in range(steps):
        pos -= lr * gradient(pos)
    return pos


def e02_5_b(gradient, x, lr, steps):
    g = gradient(x)
    out = x.copy()
    for _ in range(steps):
        out = out - lr * g
    return out


def e02_5_c(gradient, x, lr, steps):
    x = x.copy()
    for _ in range(steps):
        new = x - lr * gradient(x)
        if np.allclose(new, x):
            return new            # converged, no need to go on
        x = new
    return x


def e02_5_d(gradient, x, lr, steps):
    for _ in range(steps):
        step = gradient(x)
        step *= lr
        x = x - step
    return x


# ---------------------------------------------------------------- 02.7
def e02_7_a(logits, targets):
    s = 0.3
    K, N = logits.shape
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    q = np.full((K, N), s / K, dtype=logits.dtype)
    q[targets, np.arange(N)] += 1 - s
    return -(q * logp).sum(axis=0).mean()


def e02_7_b(logits, targets):
    s = 0.3
    k, n = logits.shape
    z = logits - logits.max(axis=0)
    logp = z - np.log(np.exp(z).sum(axis=0))
    q = np.full_like(logits, s / (k - 1))
    q[targets, np.arange(n)] = 1 - s
    return -(q * logp).sum(axis=0).mean()


def e02_7_c(logits, targets):
    s = 0.3
    e = np.exp(logits - logits.max(axis=0))
    p = e / e.sum(axis=0)
    with np.errstate(divide="ignore"):
        logp = np.log(p)
    logp[np.isinf(logp)] = 0      # keep it finite
    true = logp[targets, np.arange(logits.shape[1])]
    loss = -((1 - s) * true + s * logp.mean(axis=0))
    return loss.mean()


def e02_7_d(logits, targets):
    s = 0.3
    K = logits.shape[0]
    one_hot = np.eye(K, dtype=logits.dtype)[targets]
    if one_hot.shape != logits.shape:
        one_hot = one_hot.T
    q = (1 - s) * one_hot + s / K
    m = logits.max(axis=0)
    lse = m + np.log(np.exp(logits - m).sum(axis=0))
    return (q * (lse - logits)).sum(axis=0).mean()


# ---------------------------------------------------------------- 03.1
def e03_1_a(dy, x, w):
    N = x.shape[0]
    dx = dy @ w
    dw = dy.T @ x / N
    db = dy.mean(axis=0)
    return dx, dw, db


def e03_1_b(dy, x, w):
    dx = np.dot(dy, w)
    dw = np.dot(dy.T, x)
    db = np.sum(dy, axis=0, keepdims=True)
    return dx, dw, db


def e03_1_c(dy, x, w):
    dx = dy @ w
    dw = x.T @ dy
    if dw.shape != w.shape:
        dw = dw.T
    return dx, dw, dy.sum(axis=0)


def e03_1_d(dy, x, w):
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    db = np.zeros_like(w[:, 0])
    for n in range(len(x)):
        for o in range(len(w)):
            dx[n] += dy[n, o] * w[o]
            dw[o] = dy[n, o] * x[n]
            db[o] += dy[n, o]
    return dx, dw, db


# ---------------------------------------------------------------- 03.2
def e03_2_a(dy, x):
    return np.maximum(dy, 0)


def e03_2_b(dy, x):
    dx = dy
    dx[x <= 0] = 0
    return dx


def e03_2_c(dy, x):
    step = (np.sign(x) + 1) / 2       # 0 on the left, 1 on the right
    return dy * step


def e03_2_d(dy, x):
    mask = (x > 0).astype(float)
    return dy * mask


ANSWERS = {
    "01.1": [(e01_1_a, "result is (O, N), not transposed back to (N, O)"),
             (e01_1_b, "bias added inside the sum over i, so I times"),
             (e01_1_c, "guesses by shape whether to transpose w; with I == O it multiplies by w instead of w.T"),
             (e01_1_d, "accumulates into b itself: rows add up over examples and b is changed; right (apart from b) for N == 1")],
    "01.2": [(e01_2_a, "sums only the new axes in front, leaves stretched axes of size 1"),
             (e01_2_b, "mean in place of sum"),
             (e01_2_c, "sums axes of size 1 without keepdims, so later axis numbers shift; right with one stretched axis, wrong with an earlier stretched one"),
             (e01_2_d, "matches axes by size from the left instead of from the right; wrong where sizes repeat, e.g. (3,) from (3, 3)")],
    "01.3": [(e01_3_a, "slope is x * (1 - x) instead of y * (1 - y)"),
             (e01_3_b, "slope exp(-x)/(1+exp(-x))**2 is inf/inf = NaN for very negative x"),
             (e01_3_c, "exp(x)/(1+exp(x)) with NaN patched to 0: y(800) is 0 in place of 1"),
             (e01_3_d, "float32 in, float64 out (np.zeros without dtype)")],
    "01.4": [(e01_4_a, "slope at exactly 0 is 1 (>= in place of >)"),
             (e01_4_b, "multiplies in place: x is changed"),
             (e01_4_c, "np.maximum(x, a * x): wrong for a above 1"),
             (e01_4_d, "slope decided by y > 0, wrong for negative a (y is positive where x is negative)")],
    "01.5": [(e01_5_a, "biases forgotten"),
             (e01_5_b, "biases for the input layer too"),
             (e01_5_c, "sizes.index finds the first of equal widths: wrong when a width repeats"),
             (e01_5_d, "takes all hidden layers to be as wide as the first one")],
    "01.6": [(e01_6_a, "standardises the columns (axis 0)"),
             (e01_6_b, "works in place: x is changed"),
             (e01_6_c, "adds 1e-8 to the deviation: wrong for rows with a tiny deviation"),
             (e01_6_d, "divides by one deviation of the whole centred array: right only if all rows have the same deviation")],
    "02.1": [(e02_1_a, "sign turned round (t - y)"),
             (e02_1_b, "takes the mean of 2 (y - t) and gives every element the same number; right for one element"),
             (e02_1_c, "right gradient, but y is changed in place"),
             (e02_1_d, "divides by shape[0] * shape[1]: right for 1 and 2 axes, wrong for 3")],
    "02.2": [(e02_2_a, "divides by eps and not 2 eps"),
             (e02_2_b, "working copy keeps earlier elements lowered; shows where f mixes elements"),
             (e02_2_c, "restores x by += eps, so x is off in the last digits"),
             (e02_2_d, "reshape(-1) copies a non-contiguous x: f never sees the change, gradient 0")],
    "02.3": [(e02_3_a, "subtracts the maximum in place: x is changed"),
             (e02_3_b, "divides by the sum of the whole array, not of each row; right for (K,)"),
             (e02_3_c, "clips scores at +-700 (80 in float32): 1000 and 2000 get the same share"),
             (e02_3_d, "axis 1 for everything but 1-D: wrong axis for (N, T, K)")],
    "02.4": [(e02_4_a, "sum over the examples, not the mean"),
             (e02_4_b, "logp[:, targets] is (N, N): mean over all pairs; right for N == 1 or all targets equal"),
             (e02_4_c, "log(p + 1e-12): loss stops at 27.6"),
             (e02_4_d, "one maximum for the whole array: a row far below it gives log 0 = -inf")],
    "02.5": [(e02_5_a, "x changed in place"),
             (e02_5_b, "gradient taken once at the start"),
             (e02_5_c, "stops early when np.allclose says that a step is small"),
             (e02_5_d, "scales the gradient's own array in place; if gradient returns x itself (loss x**2/2), x changes")],
    "02.7": [(e02_7_a, "softmax along axis 1 and not axis 0"),
             (e02_7_b, "share s spread over the K - 1 wrong classes, true class 1 - s without s/K"),
             (e02_7_c, "log 0 = -inf is set to 0: finite, but far scores cost nothing"),
             (e02_7_d, "transposes the one-hot only if the shape differs: wrong for N == K")],
    "03.1": [(e03_1_a, "dw and db divided by N"),
             (e03_1_b, "db has shape (1, O) and not (O,)"),
             (e03_1_c, "dw = x.T @ dy, transposed only if the shape differs: transposed for I == O"),
             (e03_1_d, "dw overwritten by each example, not summed; right for N == 1")],
    "03.2": [(e03_2_a, "cuts by dy > 0 and ignores x"),
             (e03_2_b, "dy changed in place"),
             (e03_2_c, "slope from np.sign: 0.5 at exactly 0"),
             (e03_2_d, "float64 mask: float32 in, float64 out")],
}

WITNESS = {
    "e01_1_a": "(np.array([[1., 2.], [3., 4.], [5., 7.]]), np.array([[1., 2.], [0., 1.]]), np.array([1., -1.]))",
    "e01_1_b": "(np.array([[1., 2.]]), np.array([[1., 1.]]), np.array([1.]))",
    "e01_1_c": "(np.array([[1., 2.]]), np.array([[1., 2.], [3., 4.]]), np.array([0., 0.]))",
    "e01_1_d": "(np.array([[1., 2.], [3., 4.]]), np.array([[1., 1.]]), np.array([0.5]))",
    "e01_2_a": "(np.ones((2, 3)), (2, 1))",
    "e01_2_b": "(np.ones((2, 3)), (3,))",
    "e01_2_c": "(np.arange(18.).reshape(2, 3, 3), (1, 1, 3))",
    "e01_2_d": "(np.arange(9.).reshape(3, 3), (3,))",
    "e01_3_a": "(np.array([0.5, 2.0]),)",
    "e01_3_b": "(np.array([-1000.0]),)",
    "e01_3_c": "(np.array([800.0]),)",
    "e01_3_d": "(np.array([0.5, -0.5], dtype=np.float32),)",
    "e01_4_a": "(np.array([0.0, 1.0]), 0.01)",
    "e01_4_b": "(np.array([-1.0, 1.0]), 0.5)",
    "e01_4_c": "(np.array([-1.0, 3.0]), 2.0)",
    "e01_4_d": "(np.array([-1.0, 3.0]), -0.5)",
    "e01_5_a": "([64, 32, 10],)",
    "e01_5_b": "([64, 32, 10],)",
    "e01_5_c": "([4, 8, 8, 3],)",
    "e01_5_d": "([4, 8, 6, 3],)",
    "e01_6_a": "(np.array([[1., 2., 4.], [3., 5., 1.]]),)",
    "e01_6_b": "(np.array([[1., 2., 4.], [3., 5., 1.]]),)",
    "e01_6_c": "(np.array([[0., 1e-7, 2e-7]]),)",
    "e01_6_d": "(np.array([[1., 2., 3.], [10., 20., 30.]]),)",
    "e02_1_a": "(np.array([[1., 2.]]), np.array([[0., 0.]]))",
    "e02_1_b": "(np.array([[1., 2.]]), np.array([[0., 0.]]))",
    "e02_1_c": "(np.array([[1., 2.]]), np.array([[0.5, 0.]]))",
    "e02_1_d": "(np.arange(24.).reshape(2, 3, 4), np.zeros((2, 3, 4)))",
    "e02_2_a": "(lambda x: (x ** 2).sum(), np.array([1., 2.]), 1e-4)",
    "e02_2_b": "(lambda x: x.prod(), np.array([2., 3., 4.]), 0.1)",
    "e02_2_c": "(lambda x: (x ** 2).sum(), np.array([0.1, 0.7, 1.3]), 1e-5)",
    "e02_2_d": "(lambda x: (x ** 2).sum(), np.arange(6.).reshape(2, 3).T, 1e-4)",
    "e02_3_a": "(np.array([[1., 2.]]),)",
    "e02_3_b": "(np.array([[1., 2.], [3., 5.]]),)",
    "e02_3_c": "(np.array([1000., 2000.]),)",
    "e02_3_d": "(np.arange(12.).reshape(2, 3, 2) ** 2 / 50,)",
    "e02_4_a": "(np.array([[1., 2.], [3., 5.]]), np.array([0, 1]))",
    "e02_4_b": "(np.array([[1., 2., 0.], [3., 5., 1.]]), np.array([0, 1]))",
    "e02_4_c": "(np.array([[0., 100.]]), np.array([0]))",
    "e02_4_d": "(np.array([[2000., 1999.], [-1000., -999.]]), np.array([0, 1]))",
    "e02_5_a": "(lambda x: 2 * x, np.array([1., 2.]), 0.1, 3)",
    "e02_5_b": "(lambda x: 2 * x, np.array([1., 2.]), 0.1, 3)",
    "e02_5_c": "(lambda x: np.ones_like(x), np.array([1000.]), 0.001, 1000)",
    "e02_5_d": "(lambda x: x, np.array([1., 2.]), 0.1, 1)",
    "e02_7_a": "(np.array([[1., 2., 0.], [3., 5., 1.]]), np.array([0, 1, 1]))",
    "e02_7_b": "(np.array([[1., 2.], [3., 5.], [0., 1.]]), np.array([0, 1]))",
    "e02_7_c": "(np.array([[-1000.], [2000.]]), np.array([0]))",
    "e02_7_d": "(np.array([[1., 2., 4.], [0., 1., 0.], [3., 0., 1.]]), np.array([1, 1, 0]))",
    "e03_1_a": "(np.array([[1., 2.], [3., 4.]]), np.array([[1., 0., 2.], [0., 1., 1.]]), np.ones((2, 3)))",
    "e03_1_b": "(np.array([[1., 2.], [3., 4.]]), np.array([[1., 0., 2.], [0., 1., 1.]]), np.ones((2, 3)))",
    "e03_1_c": "(np.array([[1., 2.]]), np.array([[1., 3.]]), np.ones((2, 2)))",
    "e03_1_d": "(np.array([[1., 2.], [3., 4.]]), np.array([[1., 0., 2.], [0., 1., 1.]]), np.ones((2, 3)))",
    "e03_2_a": "(np.array([1., -2., 3.]), np.array([-1., 2., 3.]))",
    "e03_2_b": "(np.array([1., -2., 3.]), np.array([-1., 2., 3.]))",
    "e03_2_c": "(np.array([1., -2., 3.]), np.array([-1., 0., 3.]))",
    "e03_2_d": "(np.array([1., -2.], dtype=np.float32), np.array([-1., 2.], dtype=np.float32))",
}
