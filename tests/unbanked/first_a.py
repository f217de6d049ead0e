import numpy as np


# ---------------------------------------------------------------- 01.1
def e01_1_a(x, w, b):
    # w has to be (I, O) for the product
    o, i = w.shape
    return x @ w.reshape(i, o) + b


def e01_1_b(x, w, b):
    if x.shape[1] == w.shape[0]:
        y = x @ w
    else:
        y = x @ w.T
    return y + b


def e01_1_c(x, w, b):
    return (w @ x.T + b).T


def e01_1_d(x, w, b):
    n_examples, n_inputs = x.shape
    n_out = w.shape[0]
    y = np.zeros((n_examples, n_out))
    for n in range(n_examples):
        for o in range(n_out):
            for i in range(n_inputs):
                y[n, o] += x[n, i] * w[o, i] + b[o]
    return y


# ---------------------------------------------------------------- 01.2
def e01_2_a(dy, shape):
    # everything that is too much goes in front and is summed away
    return dy.reshape((-1,) + tuple(shape)).sum(axis=0)


def e01_2_b(dy, shape):
    dx = dy
    while dx.ndim > len(shape):
        dx = dx.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            dx = dx.mean(axis=axis, keepdims=True)
    return dx


def e01_2_c(dy, shape):
    dx = dy
    for axis in range(len(shape)):
        if shape[axis] == 1 and dy.shape[axis] != 1:
            dx = dx.sum(axis=axis, keepdims=True)
    while dx.ndim > len(shape):
        dx = dx.sum(axis=-1)
    return dx


def e01_2_d(dy, shape):
    dx = dy.copy()
    while dx.ndim > len(shape):
        dx = dx.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            dx = dx.sum(axis=axis)
    return dx.reshape(shape)


# ---------------------------------------------------------------- 01.3
def e01_3_a(x):
    e = np.exp(x)
    y = e / (1 + e)
    return y, y * (1 - y)


def e01_3_b(x):
    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    y = sigmoid(x)
    slope = sigmoid(y) * (1 - sigmoid(y))
    return y, slope


def e01_3_c(x):
    z = np.clip(x, -10, 10)      # so that exp cannot overflow
    y = 1 / (1 + np.exp(-z))
    slope = y * (1 - y)
    return y, slope


def e01_3_d(x):
    # exp only of numbers that are not positive: stable
    z = np.exp(-np.abs(x))
    y = 1 / (1 + z)
    slope = y * (1 - y)
    return y, slope


# ---------------------------------------------------------------- 01.4
def e01_4_a(x, a):
    y = np.maximum(x, a * x)
    slope = np.ones_like(x)
    slope[x <= 0] = a
    return y, slope


def e01_4_b(x, a):
    y = x.copy()
    y[x <= 0] *= a
    slope = np.full_like(x, a)
    slope[y > 0] = 1
    return y, slope


def e01_4_c(x, a):
    mask = x <= 0
    y = x
    y[mask] = a * y[mask]
    slope = np.ones_like(x)
    slope[mask] = a
    return y, slope


def e01_4_d(x, a):
    y = np.where(x > 0, x, a * x)
    slope = np.where(x > 0, 1, a)
    return y, slope


# ---------------------------------------------------------------- 01.5
def e01_5_a(sizes):
    weights = 0
    for i in range(len(sizes) - 1):
        weights += sizes[i] * sizes[i + 1]
    return weights + sum(sizes)


def e01_5_b(sizes):
    count = 0
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        count += fan_in * (fan_out + 1)
    return count


def e01_5_c(sizes):
    count = 0
    for fan_in, fan_out in zip(sizes[::2], sizes[1::2]):
        count += fan_out * fan_in + fan_out
    return count


def e01_5_d(sizes):
    count = sizes[1] * sizes[0] + sizes[1]
    for k in range(2, len(sizes)):
        count += sizes[k] * sizes[k - 1] + sizes[k]
    return count


# ---------------------------------------------------------------- 01.6
def e01_6_a(x):
    mean = x.mean(axis=1, keepdims=True)
    return (x - mean) / np.std(x - mean)


def e01_6_b(x):
    mean = x.mean(axis=1, keepdims=True)
    std = x.std(axis=1, keepdims=True)
    return x / std - mean


def e01_6_c(x):
    mean = x.mean(axis=1, keepdims=True)
    var = (x ** 2).mean(axis=1, keepdims=True) - mean ** 2
    return (x - mean) / np.sqrt(var)


def e01_6_d(x):
    y = np.asarray(x)
    for row in y:
        row -= row.mean()
        row /= row.std()
    return y


# ---------------------------------------------------------------- 02.1
def e02_1_a(y, t):
    return 2 * (y - t) / len(y)


def e02_1_b(y, t):
    # derivative of the mean = mean of the derivatives
    return np.full_like(y, (2 * (y - t)).mean())


def e02_1_c(y, t):
    dy = y
    dy -= t
    dy *= 2 / dy.size
    return dy


def e02_1_d(y, t):
    return (y - t) / y.size


# ---------------------------------------------------------------- 02.2
def e02_2_a(f, x, eps):
    flat = x.reshape(-1)
    dx = np.zeros(flat.size)
    for i in range(flat.size):
        old = flat[i]
        flat[i] = old + eps
        up = f(x)
        flat[i] = old - eps
        down = f(x)
        flat[i] = old
        dx[i] = (up - down) / (2 * eps)
    return dx.reshape(x.shape)


def e02_2_b(f, x, eps):
    dx = np.zeros(x.shape)
    for i in np.ndindex(*x.shape):
        x[i] += eps
        up = f(x)
        x[i] -= 2 * eps
        down = f(x)
        x[i] += eps
        dx[i] = (up - down) / (2 * eps)
    return dx


def e02_2_c(f, x, eps):
    dx = np.zeros_like(x)
    for i in range(len(x)):
        up = x.copy()
        up[i] += eps
        down = x.copy()
        down[i] -= eps
        dx[i] = (f(up) - f(down)) / (2 * eps)
    return dx


def e02_2_d(f, x, eps):
    dx = np.zeros(x.shape)
    it = np.nditer(x, flags=["multi_index"])
    while not it.finished:
        i = it.multi_index
        old = x[i].copy()
        x[i] += eps
        up = f(x)
        x[i] -= eps
        down = f(x)
        x[i] = old
        dx[i] = (up - down) / (2 * eps)
        it.iternext()
    return dx


# ---------------------------------------------------------------- 02.3
def e02_3_a(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum()


def e02_3_b(x):
    axis = 0 if x.ndim == 1 else 1
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def e02_3_c(x):
    x -= x.max(axis=-1, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def e02_3_d(x):
    # shifting a row by a constant does not change the result
    z = x - x.mean(axis=-1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


# ---------------------------------------------------------------- 02.4
def e02_4_a(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    picked = p[np.arange(len(targets)), targets]
    return -np.log(picked + 1e-12).mean()


def e02_4_b(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -logp[:, targets].mean()


def e02_4_c(logits, targets):
    z = logits - logits.max(axis=1, keepdims=True)
    logsum = np.log(np.exp(z).sum(axis=1))
    true = logits[np.arange(len(targets)), targets]
    return (logsum - true).mean()


def e02_4_d(logits, targets):
    onehot = np.eye(targets.max() + 1, dtype=logits.dtype)[targets]
    z = logits - logits.max(axis=1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -(onehot * logp).sum(axis=1).mean()


# ---------------------------------------------------------------- 02.5
def e02_5_a(gradient, x, lr, steps):
    old = x.copy()
    for _ in range(steps):
        new = old - lr * gradient(old)
        old = new
    return new


def e02_5_b(gradient, x, lr, steps):
    x = x.copy()
    g = gradient(x)
    for _ in range(steps):
        x = x - lr * g
    return x


def e02_5_c(gradient, x, lr, steps):
    x = x.copy()
    for _ in range(steps):
        for i in np.ndindex(x.shape):
            x[i] = x[i] - lr * gradient(x)[i]
    return x


def e02_5_d(gradient, x, lr, steps):
    x = np.array(x)
    for _ in range(steps):
        step = lr * gradient(x)
        if np.abs(step).max() < 1e-4:      # converged
            break
        x = x - step
    return x


# ---------------------------------------------------------------- 02.7
def e02_7_a(logits, targets):
    s = 0.3
    k, n = logits.shape
    z = logits - logits.max(axis=0)
    logp = z - np.log(np.exp(z).sum(axis=0))
    q = np.full_like(logits, s / (k - 1))
    q[targets, np.arange(n)] = 1 - s
    return -(q * logp).sum(axis=0).mean()


def e02_7_b(logits, targets):
    s = 0.3
    k = logits.shape[0]
    z = logits - logits.max(axis=0)
    logp = z - np.log(np.exp(z).sum(axis=0))
    q = np.full_like(logits, s / k)
    q[targets] += 1 - s
    return -(q * logp).sum(axis=0).mean()


def e02_7_c(logits, targets):
    s = 0.3
    n = len(logits)
    k = logits.shape[0]
    z = logits - logits.max(axis=0, keepdims=True)
    logp = z - np.log(np.sum(np.exp(z), axis=0, keepdims=True))
    hard = -logp[targets, np.arange(len(targets))].sum()
    even = -logp.sum() / k
    return ((1 - s) * hard + s * even) / n


def e02_7_d(logits, targets):
    s = 0.3
    k, n = logits.shape
    e = np.exp(logits - logits.max(axis=0))
    p = e / e.sum(axis=0)
    smooth = (1 - s) * p + s / k
    return -np.log(smooth[targets, np.arange(n)]).mean()


# ---------------------------------------------------------------- 03.1
def e03_1_a(dy, x, w):
    # y = x w^T, so backwards dy has to be multiplied by the inverse
    dx = dy @ np.linalg.pinv(w).T
    dw = dy.T @ x
    db = dy.sum(axis=0)
    return dx, dw, db


def e03_1_b(dy, x, w):
    n = len(x)
    dx = dy @ w
    dw = dy.T @ x / n
    db = dy.mean(axis=0)
    return dx, dw, db


def e03_1_c(dy, x, w):
    dx = dy @ w
    dw = (x.T @ dy).T
    db = np.sum(dy, axis=0, keepdims=True)
    return dx, dw, db


def e03_1_d(dy, x, w):
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    db = np.zeros(w.shape[0])
    for n in range(x.shape[0]):
        dx[n] = w.T @ dy[n]
        dw = np.outer(dy[n], x[n])
        db += dy[n]
    return dx, dw, db


ANSWERS = {
    "01.1": [
        (e01_1_a, "takes reshape for a transpose: the shape is always right, but the weights are shuffled as soon as O and I are both above 1"),
        (e01_1_b, "guesses from the shapes whether to transpose w: when I equals O it multiplies by w untransposed"),
        (e01_1_c, "adds the bias while examples are still the columns: raises in general, wrong values silently when N equals O, wrong shape when N is 1"),
        (e01_1_d, "adds the bias inside the innermost loop, so it counts I times instead of once"),
    ],
    "01.2": [
        (e01_2_a, "folds all surplus into one leading axis by reshape and sums it: right for new axes in front, mixed-up elements when a trailing or middle axis was stretched, as (2, 1) from (2, 5)"),
        (e01_2_b, "takes the mean over the stretched axes of size 1 instead of the sum (front axes are summed rightly)"),
        (e01_2_c, "aligns the shapes from the left and sums the surplus axes at the end: wrong values for (3,) from (3, 3), wrong shape otherwise"),
        (e01_2_d, "sums size-1 axes without keepdims while counting axes of the original shape: after the first the index is one off, so two axes of size 1 go wrong"),
    ],
    "01.3": [
        (e01_3_a, "uses exp(x) / (1 + exp(x)), which is inf / inf = NaN for large positive x"),
        (e01_3_b, "puts y through the sigmoid again for the slope: sigma'(y) instead of sigma'(x)"),
        (e01_3_c, "clips x to -10..10 against overflow: outside it y stays at 4.5e-5 or 0.99995 and the slope never falls below 4.5e-5"),
        (e01_3_d, "stable form with exp(-|x|) but only the branch for positive x: for negative x y is sigmoid(|x|), while the slope happens to be right"),
    ],
    "01.4": [
        (e01_4_a, "takes max(x, a * x) for leaky relu, which picks the wrong branch when a is above 1"),
        (e01_4_b, "decides the slope by y above 0 instead of x above 0: for negative a, negative x get slope 1"),
        (e01_4_c, "y = x is no copy: the array handed in is changed"),
        (e01_4_d, "slope from np.where(x > 0, 1, a) does not take the dtype of x: float64 for float32 input, whole numbers when a is a whole number"),
    ],
    "01.5": [
        (e01_5_a, "adds a bias for every width, the inputs included, so a one-width list gives its width instead of 0"),
        (e01_5_b, "gives the bias to the inputs of each layer, I * (O + 1), instead of to its neurons, (I + 1) * O"),
        (e01_5_c, "takes disjoint pairs (0,1), (2,3) instead of all neighbours: right for two widths only"),
        (e01_5_d, "starts from the first layer without asking whether there is one: IndexError for a list of one width"),
    ],
    "01.6": [
        (e01_6_a, "one standard deviation for the whole centred array instead of one per row"),
        (e01_6_b, "wrong order: divides by the deviation first and then subtracts the undivided mean"),
        (e01_6_c, "variance as mean of squares minus square of mean: cancels to garbage, 0 or NaN when a row lies far from 0 and varies little"),
        (e01_6_d, "np.asarray does not copy and the rows are views: x is changed in place"),
    ],
    "02.1": [
        (e02_1_a, "divides by the number of rows instead of by all elements"),
        (e02_1_b, "takes 'derivative of the mean' as the mean of the derivatives: every element gets the same averaged number"),
        (e02_1_c, "works in place on an alias of y: the values are right but y is changed"),
        (e02_1_d, "drops the factor 2, as if the loss had a 1/2 in front"),
    ],
    "02.2": [
        (e02_2_a, "moves elements through x.reshape(-1), a copy for a non-contiguous x: f never sees the step and the gradient is 0"),
        (e02_2_b, "goes back with += eps instead of putting the saved value back: x differs in the last digits afterwards"),
        (e02_2_c, "moves x[i] for i in range(len(x)), whole rows when there is more than one axis: each element of a row gets the row's summed derivative; raises for no axis"),
        (e02_2_d, "lowers the raised element by one eps only, so compares with the unmoved x and still divides by 2 eps: about half the gradient"),
    ],
    "02.3": [
        (e02_3_a, "divides by the sum over the whole array instead of by each row's: right for one row only"),
        (e02_3_b, "takes axis 1 as the class axis whenever there is more than one axis: normalises over T for (N, T, K)"),
        (e02_3_c, "subtracts the maximum in place: the values are right but x is changed"),
        (e02_3_d, "subtracts the row's mean instead of its maximum: a row with one score far above the rest overflows to NaN"),
    ],
    "02.4": [
        (e02_4_a, "adds 1e-12 inside the log: finite, but the loss can never exceed about 27.6 where it should be in the hundreds or thousands"),
        (e02_4_b, "logp[:, targets] picks every target's column for every example (N by N) instead of one entry each"),
        (e02_4_c, "takes the log-sum from the shifted scores and the true score unshifted: off by each row's maximum"),
        (e02_4_d, "takes the number of classes from the largest target: raises (or broadcasts wrongly) when the last class does not occur among the targets"),
    ],
    "02.5": [
        (e02_5_a, "returns a name that only exists after the first step: UnboundLocalError for 0 steps"),
        (e02_5_b, "asks for the gradient once, before the loop, and takes every step with it"),
        (e02_5_c, "updates element by element with a fresh gradient each time, so later elements see the earlier ones already moved: wrong unless the elements are independent"),
        (e02_5_d, "stops early when a step is smaller than 1e-4: does not take the steps asked for with small lr, small gradients or many steps"),
    ],
    "02.7": [
        (e02_7_a, "spreads the 0.3 over the other K - 1 classes only and leaves the true one 0.7"),
        (e02_7_b, "q[targets] += raises whole rows: every example gets 0.7 on every class that occurs in the batch"),
        (e02_7_c, "takes len(logits), which is K here, for the number of examples: wrong unless N equals K"),
        (e02_7_d, "smooths the prediction instead of the target: -log of (0.7 p + 0.3 / K) of the true class"),
    ],
    "03.1": [
        (e03_1_a, "takes the backward pass as undoing the forward one: dx through the pseudo-inverse of w instead of w itself"),
        (e03_1_b, "averages dw and db over the batch though dy already holds whatever the loss divided by"),
        (e03_1_c, "db keeps its summed axis: (1, O) instead of the (O,) of b"),
        (e03_1_d, "dw is assigned instead of added up in the loop over examples: only the last example counts"),
    ],
}
