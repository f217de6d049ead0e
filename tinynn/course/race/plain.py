"""The ops in plain Python: lists and loops, one number at a time.

This is what the machine has to do, without anybody's library. Matrices are lists of rows.
"""

from __future__ import annotations

import math

Vector = list[float]
Matrix = list[list[float]]


def add(x: Vector, y: Vector) -> Vector:
    """z_i = x_i + y_i."""
    return [a + b for a, b in zip(x, y)]


def mul(x: Vector, y: Vector) -> Vector:
    """z_i = x_i y_i."""
    return [a * b for a, b in zip(x, y)]


def relu(x: Vector) -> Vector:
    """y_i = x_i where it is above 0, else 0."""
    return [a if a > 0 else 0.0 for a in x]


def gelu(x: Vector) -> Vector:
    """y_i = x_i P(Z <= x_i) for a standard normal Z, through the error function."""
    return [0.5 * a * (1 + math.erf(a / math.sqrt(2))) for a in x]


def sum(x: Vector) -> float:
    """y = x_1 + x_2 + ..."""
    total = 0.0
    for a in x:
        total += a
    return total


def matmul(x: Matrix, y: Matrix) -> Matrix:
    """z_ij = sum_k x_ik y_kj: row i of x with column j of y."""
    rows, inner, columns = len(x), len(y), len(y[0])
    z = [[0.0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            for k in range(inner):
                z[i][j] += x[i][k] * y[k][j]
    return z


def linear(x: Matrix, weight: Matrix, bias: Vector) -> Matrix:
    """y_ij = sum_k x_ik w_jk + b_j: each row of the weight belongs to one output."""
    y = []
    for row in x:
        out = []
        for w, b in zip(weight, bias):
            total = b
            for a, c in zip(row, w):
                total += a * c
            out.append(total)
        y.append(out)
    return y


def softmax(x: Matrix) -> Matrix:
    """p_j = exp(x_j) / sum_k exp(x_k) in each row, the row's largest taken away first."""
    p = []
    for row in x:
        largest = max(row)
        e = [math.exp(a - largest) for a in row]
        total = sum(e)
        p.append([a / total for a in e])
    return p


def log_softmax(x: Matrix) -> Matrix:
    """y_j = x_j - log sum_k exp(x_k) in each row, the row's largest taken away first."""
    y = []
    for row in x:
        largest = max(row)
        total = 0.0
        for a in row:
            total += math.exp(a - largest)
        y.append([a - largest - math.log(total) for a in row])
    return y


def cross_entropy(x: Matrix, targets: list[int]) -> float:
    """The mean over the rows of -log p at the target."""
    total = 0.0
    for log_p, target in zip(log_softmax(x), targets):
        total -= log_p[target]
    return total / len(targets)


def layer_norm(x: Matrix, weight: Vector, bias: Vector) -> Matrix:
    """y_j = w_j (x_j - mean) / sqrt(variance + 0.00001) + b_j in each row."""
    y = []
    for row in x:
        mean = sum(row) / len(row)
        variance = sum([(a - mean) ** 2 for a in row]) / len(row)
        scale = 1 / math.sqrt(variance + 1e-5)
        y.append([w * (a - mean) * scale + b for a, w, b in zip(row, weight, bias)])
    return y
