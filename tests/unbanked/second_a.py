import numpy as np


# ---------------------------------------------------------------- 01.1
def e01_1_a(x, w, b):
    # make the inner sizes fit
    if x.shape[1] == w.shape[0]:
        y = x @ w
    else:
        y = x @ w.T
    return y + b


def e01_1_b(x, w, b):
    y = np.dot(x, w.T) + b
    return np.squeeze(y)


def e01_1_c(x, w, b):
    # bias trick: one extra input that is always 1
    ones = np.ones((x.shape[0], 1))
    x1 = np.hstack([ones, x])
    w1 = np.hstack([w, b.reshape(-1, 1)])
    return x1 @ w1.T


def e01_1_d(x, w, b):
    N = x.shape[0]
    O = w.shape[0]
    y = w @ x.T + b.reshape(O, 1)
    return y.reshape(N, O)


# ---------------------------------------------------------------- 01.2
def e01_2_a(dy, shape):
    dx = dy
    extra = dy.ndim - len(shape)
    for i in range(extra):
        dx = dx.sum(axis=i)
    for i, n in enumerate(shape):
        if n == 1:
            dx = dx.sum(axis=i, keepdims=True)
    return dx


def e01_2_b(dy, shape):
    # every axis whose size the small array does not have came from broadcasting
    axes = tuple(i for i, n in enumerate(dy.shape) if n not in shape)
    return dy.sum(axis=axes).reshape(shape)


def e01_2_c(dy, shape):
    extra = dy.ndim - len(shape)
    axes = list(range(extra))
    for i, n in enumerate(shape):
        if n == 1 and dy.shape[extra + i] > 1:
            axes.append(extra + i)
    dx = dy.sum(axis=tuple(axes) or None)
    return dx.reshape(shape)


def e01_2_d(dy, shape):
    dx = dy
    while dx.ndim > len(shape):
        dx = dx.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1 and dx.shape[i] != 1:
            # the same value was only copied along this axis
            dx = dx.mean(axis=i, keepdims=True)
    return dx


# ---------------------------------------------------------------- 01.3
def e01_3_a(x):
    y = np.zeros(x.shape)
    pos = x >= 0
    y[pos] = 1 / (1 + np.exp(-x[pos]))
    e = np.exp(x[~pos])
    y[~pos] = e / (1 + e)
    return y, y * (1 - y)


def e01_3_b(x):
    with np.errstate(all="ignore"):
        y = np.exp(x) / (1 + np.exp(x))
        slope = np.exp(-x) / (1 + np.exp(-x)) ** 2
    # inf / inf happens far out, there the sigmoid is 1
    y = np.nan_to_num(y, nan=1.0)
    slope = np.nan_to_num(slope, nan=1.0)
    return y, slope


def e01_3_c(x):
    z = np.exp(-np.abs(x))
    y = np.where(x >= 0, 1 / (1 + z), z / (1 + z))
    slope = np.sign(x) * z / (1 + z) ** 2
    return y, slope


def e01_3_d(x):
    with np.errstate(over="ignore"):
        y = 1 / (1 + np.exp(-x))
    slope = y
    slope *= 1 - y
    return y, slope


# ---------------------------------------------------------------- 01.4
def e01_4_a(x, a):
    y = np.where(x > 0, x, a * x).astype(x.dtype)
    slope = np.where(y > 0, 1, a).astype(x.dtype)
    return y, slope


def e01_4_b(x, a):
    y = np.where(x > 0, x, a * x)
    slope = np.where(x > 0, 1.0, a)
    return y, slope


def e01_4_c(x, a):
    y = np.where(x > 0, x, a * x).astype(x.dtype)
    slope = np.ones_like(x)
    np.divide(y, x, out=slope, where=(x != 0))
    return y, slope


def e01_4_d(x, a):
    y = x.ravel()
    slope = np.ones_like(y)
    for i in range(len(y)):
        if y[i] <= 0:
            y[i] = a * y[i]
            slope[i] = a
    return y.reshape(x.shape), slope.reshape(x.shape)


# ---------------------------------------------------------------- 01.5
def e01_5_a(sizes):
    count = 0
    for n in sizes[:-1]:
        m = sizes[sizes.index(n) + 1]
        count += n * m + m
    return count


def e01_5_b(sizes):
    s = np.array(sizes, dtype=np.int32)
    weights = s[:-1] * s[1:]
    biases = s[1:]
    return int(np.sum(weights + biases, dtype=np.int64))


def e01_5_c(sizes):
    count = 0
    for i, o in zip(sizes[::2], sizes[1::2]):
        count += o * i + o
    return count


def e01_5_d(sizes):
    # the output layer first, then the hidden ones
    count = sizes[-1] * sizes[-2] + sizes[-1]
    for i in range(len(sizes) - 2):
        count += (sizes[i] + 1) * sizes[i + 1]
    return count


# ---------------------------------------------------------------- 01.6
def e01_6_a(x):
    m = x.mean(axis=1)
    s = x.std(axis=1)
    if m.shape[0] != x.shape[1]:
        m = m[:, None]
        s = s[:, None]
    return (x - m) / s


def e01_6_b(x):
    m = x.mean(axis=1, keepdims=True)
    s = x.std(axis=1, keepdims=True)
    s[s < 1e-8] = 1.0
    return (x - m) / s


def e01_6_c(x):
    y = x[:]
    for i in range(len(y)):
        m, s = y[i].mean(), y[i].std()
        y[i] = (y[i] - m) / s
    return y


def e01_6_d(x):
    m = x.mean(axis=1, keepdims=True)
    var = (x ** 2).mean(axis=1, keepdims=True) - m ** 2
    return (x - m) / np.sqrt(var)


# ---------------------------------------------------------------- 02.1
def e02_1_a(y, t):
    return 2 * (y - t) / np.prod(y.shape[:2])


def e02_1_b(y, t):
    y -= t
    dy = 2 * y / y.size
    y += t          # put y back
    return dy


def e02_1_c(y, t):
    d = y - t
    n = max(np.count_nonzero(d), 1)
    return 2 * d / n


def e02_1_d(y, t):
    per_example = 2 * (y - t).mean(axis=-1, keepdims=True)
    return np.ones_like(y) * per_example / (y.size // y.shape[-1])


# ---------------------------------------------------------------- 02.2
def e02_2_a(f, x, eps):
    dx = np.zeros_like(x)
    flat = dx.ravel()
    for k, idx in enumerate(np.ndindex(x.shape)):
        old = x[idx]
        x[idx] = old + eps
        up = f(x)
        x[idx] = old - eps
        down = f(x)
        x[idx] = old
        flat[k] = (up - down) / (2 * eps)
    return dx


def e02_2_b(f, x, eps):
    dx = np.zeros(x.shape)
    for idx in np.ndindex(x.shape):
        x[idx] += eps
        up = f(x)
        x[idx] -= 2 * eps
        down = f(x)
        x[idx] += eps
        dx[idx] = (up - down) / (2 * eps)
    return dx


def e02_2_c(f, x, eps):
    dx = np.zeros(x.shape)
    for idx in np.ndindex(x.shape):
        h = eps * max(1.0, abs(x[idx]))     # step in proportion to the value
        xp = x.copy()
        xm = x.copy()
        xp[idx] += h
        xm[idx] -= h
        dx[idx] = (f(xp) - f(xm)) / (2 * h)
    return dx


def e02_2_d(f, x, eps):
    v = x.flatten()
    dv = np.zeros(v.size)
    for i in range(v.size):
        old = v[i]
        v[i] = old + eps
        up = f(v)
        v[i] = old - eps
        down = f(v)
        v[i] = old
        dv[i] = (up - down) / (2 * eps)
    return dv.reshape(x.shape)


# ---------------------------------------------------------------- 02.3
def e02_3_a(x):
    z = x - x.mean(axis=-1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def e02_3_b(x):
    axis = 0 if x.ndim == 1 else 1
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def e02_3_c(x):
    with np.errstate(all="ignore"):
        e = np.exp(x)
        p = e / e.sum(axis=-1, keepdims=True)
    return np.nan_to_num(p)


def e02_3_d(x):
    rows = x.reshape(-1, x.shape[-1])
    rows -= rows.max(axis=1, keepdims=True)
    e = np.exp(rows)
    e /= e.sum(axis=1, keepdims=True)
    return e.reshape(x.shape)


# ---------------------------------------------------------------- 02.4
def e02_4_a(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    q = p[np.arange(len(targets)), targets]
    q = np.maximum(q, np.finfo(logits.dtype).tiny)   # never log(0)
    return -np.log(q).mean()


def e02_4_b(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    onehot = np.eye(targets.max() + 1, dtype=logits.dtype)[targets]
    return -(onehot * logp).sum(axis=1).mean()


def e02_4_c(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    onehot = np.zeros_like(logits)
    onehot[np.arange(len(targets)), targets] = 1
    picked = onehot * logp
    return -picked[picked != 0].mean()


def e02_4_d(logits, targets):
    z = logits - logits.max()
    with np.errstate(divide="ignore"):
        logsum = np.log(np.exp(z).sum(axis=1))
    true = z[np.arange(len(targets)), targets]
    return (logsum - true).mean()


# ---------------------------------------------------------------- 02.5
def e02_5_a(gradient, x, lr, steps):
    for _ in range(steps):
        step = gradient(x)
        step *= lr
        x = x - step
    return x


def e02_5_b(gradient, x, lr, steps):
    x = x.copy()
    for _ in range(steps):
        for i in np.ndindex(x.shape):
            x[i] = x[i] - lr * gradient(x)[i]
    return x


def e02_5_c(gradient, x, lr, steps):
    if steps == 0:
        return x.copy()
    return e02_5_c(gradient, x - lr * gradient(x), lr, steps - 1)


def e02_5_d(gradient, x, lr, steps):
    x = x.copy()
    for _ in range(steps):
        new = x - lr * gradient(x)
        if np.allclose(new, x):     # has converged
            break
        x = new
    return x


# ---------------------------------------------------------------- 02.7
def e02_7_a(logits, targets):
    s = 0.3
    # turn it so that an example is a row
    rows = logits if logits.shape[0] == len(targets) else logits.T
    N, K = rows.shape
    z = rows - rows.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    t = np.full_like(logp, s / K)
    t[np.arange(N), targets] += 1 - s
    return -(t * logp).sum(axis=1).mean()


def e02_7_b(logits, targets):
    s = 0.3
    K = len(np.unique(targets))
    z = logits - logits.max(axis=0)
    logp = z - np.log(np.exp(z).sum(axis=0))
    t = np.full_like(logits, s / K)
    t[targets, np.arange(len(targets))] += 1 - s
    return -(t * logp).sum(axis=0).mean()


def e02_7_c(logits, targets):
    s = 0.3
    K, N = logits.shape
    e = np.exp(logits - logits.max(axis=0))
    p = e / e.sum(axis=0)
    p = (1 - s) * p + s / K
    return -np.log(p[targets, np.arange(N)]).mean()


def e02_7_d(logits, targets):
    s = 0.3
    K, N = logits.shape
    z = logits - logits.max(axis=0)
    logp = z - np.log(np.exp(z).sum(axis=0))
    logp = np.maximum(logp, -100)       # keep the loss finite
    true = logp[targets, np.arange(N)]
    return -((1 - s) * true + s * logp.mean(axis=0)).mean()


# ---------------------------------------------------------------- 03.1
def e03_1_a(dy, x, w):
    dx = dy @ w
    dw = x.T @ dy
    if dw.shape != w.shape:
        dw = dw.T
    db = dy.sum(axis=0)
    return dx, dw, db


def e03_1_b(dy, x, w):
    dx = dy @ w
    dw = dy.T @ x
    db = np.squeeze(dy.T @ np.ones((len(dy), 1)))
    return dx, dw, db


def e03_1_c(dy, x, w):
    dx = dy @ w
    dx[x <= 0] = 0
    dw = dy.T @ x
    db = dy.sum(axis=0)
    return dx, dw, db


def e03_1_d(dy, x, w):
    db = dy.sum(axis=0)
    dx = dy @ w
    dw = np.outer(db, x.mean(axis=0))
    return dx, dw, db


ANSWERS = {
    "01.1": [
        (e01_1_a, "chooses w or w.T by which one fits: with I == O both fit and it takes w untransposed"),
        (e01_1_b, "squeezes the result: for N == 1 or O == 1 the shape is no longer (N, O)"),
        (e01_1_c, "bias trick with the ones in front and the bias column at the back: bias multiplies the last input and the weights are shifted by one"),
        (e01_1_d, "computes (O, N) and reshapes to (N, O) instead of transposing: scrambled unless N or O is 1"),
    ],
    "01.2": [
        (e01_2_a, "sums new front axes at 0, 1, ... while the axes move up: wrong from two new axes on"),
        (e01_2_b, "recognises broadcast axes by their size not occurring in shape: wrong where a size occurs twice, e.g. dy (3, 3) to (3,)"),
        (e01_2_c, "tuple(axes) or None: with nothing to sum (shapes equal) it sums over everything and the reshape fails"),
        (e01_2_d, "takes the mean instead of the sum along stretched axes of size 1; new axes in front are right"),
    ],
    "01.3": [
        (e01_3_a, "y is allocated with np.zeros(x.shape), so float32 input comes back as float64"),
        (e01_3_b, "patches every NaN with 1: the slope at about x < -710 (inf/inf) becomes 1 instead of 0"),
        (e01_3_c, "differentiates through abs and keeps sign(x): slope negative for x < 0 and 0 at x = 0"),
        (e01_3_d, "slope = y is only a second name, so *= overwrites y as well: returned y is the slope"),
    ],
    "01.4": [
        (e01_4_a, "takes the slope from the sign of y instead of x: for a < 0 negative x have y > 0 and get slope 1"),
        (e01_4_b, "slope by np.where of two Python numbers is float64, also for float32 x"),
        (e01_4_c, "slope as y / x with 1 where x is 0: at 0 it is 1 instead of a"),
        (e01_4_d, "believes ravel copies: for a contiguous array x itself is changed"),
    ],
    "01.5": [
        (e01_5_a, "looks up the next width with sizes.index: a width that occurs twice always finds its first neighbour"),
        (e01_5_b, "products in int32: overflow for layers of more than 2**31 weights, e.g. [50000, 50000]"),
        (e01_5_c, "pairs the widths off without overlap, (0,1), (2,3): every second layer is missing"),
        (e01_5_d, "takes the output layer separately with sizes[-2]: IndexError for one width"),
    ],
    "01.6": [
        (e01_6_a, "adds the axis only where broadcasting would fail: for N == D the row means are subtracted from columns"),
        (e01_6_b, "deviations below 1e-8 are taken for zero and replaced by 1: rows of tiny spread are not scaled"),
        (e01_6_c, "x[:] taken for a copy, as with lists: x is changed"),
        (e01_6_d, "variance as mean of squares minus square of mean: cancellation (NaN, inf or a wrong scale) for rows with a large mean and small spread"),
    ],
    "02.1": [
        (e02_1_a, "divides by the first two axes only: wrong for three axes and more"),
        (e02_1_b, "subtracts in y and adds t back: rounding leaves y changed (and lost, if t is large)"),
        (e02_1_c, "divides by the number of elements that differ instead of all: wrong as soon as one output hits its target exactly"),
        (e02_1_d, "takes the mean error of each row for all of its elements: right only for O == 1 or equal errors in the row"),
    ],
    "02.2": [
        (e02_2_a, "writes through ravel of zeros_like(x): for Fortran-ordered x that is a copy and the gradient stays 0"),
        (e02_2_b, "restores by adding and subtracting: x differs in the last digits afterwards"),
        (e02_2_c, "makes the step proportional to |x| above 1: not the asked difference for functions that are not quadratic"),
        (e02_2_d, "hands f the flattened array: an f that uses axes or shape gets something else"),
    ],
    "02.3": [
        (e02_3_a, "subtracts the mean instead of the maximum: overflows to NaN where a row is spread wide, e.g. [-1000, 2000]"),
        (e02_3_b, "axis 1 for all arrays of more than one axis: normalises over T for (N, T, K)"),
        (e02_3_c, "no shift, NaN replaced by 0: large scores get share 0 and a row of very low scores sums to 0"),
        (e02_3_d, "in place on x.reshape(-1, K), which is a view: x is changed"),
    ],
    "02.4": [
        (e02_4_a, "floors the share at the smallest normal number: loss stops at 708 (float64) or 87 (float32)"),
        (e02_4_b, "one-hot with targets.max() + 1 columns: fails (or, for one column, multiplies all classes) where the last class is absent from the batch"),
        (e02_4_c, "averages only nonzero picked entries: examples with loss exactly 0 drop out of the mean (NaN if all do)"),
        (e02_4_d, "one maximum for the whole batch: a row far below another underflows, the loss is -inf"),
    ],
    "02.5": [
        (e02_5_a, "scales the array that gradient returned in place: with a gradient returning its argument (or a kept array) x or that array changes"),
        (e02_5_b, "updates one element at a time and asks for the gradient in between: wrong where the elements are coupled"),
        (e02_5_c, "recursion, one level a step: RecursionError from about 1000 steps on"),
        (e02_5_d, "stops when np.allclose says it does not move: ends early for small steps"),
    ],
    "02.7": [
        (e02_7_a, "guesses the class axis from len(targets): with K == N it takes axis 1"),
        (e02_7_b, "K is the number of different classes in targets: the share s / K is too large where a class is absent"),
        (e02_7_c, "smooths the predicted p instead of the target: -log((1-s) p + s/K)"),
        (e02_7_d, "clamps log p at -100 to keep it finite: wrong for classes further below"),
    ],
    "03.1": [
        (e03_1_a, "transposes x.T @ dy only if the shape does not fit: for I == O it stays transposed"),
        (e03_1_b, "db squeezed: shape () instead of (1,) for O == 1"),
        (e03_1_c, "masks dx where x <= 0 as if there were a relu: right only for positive x"),
        (e03_1_d, "dw as summed dy times mean x: product of sums for sum of products, right only for N == 1 or equal rows"),
    ],
}
