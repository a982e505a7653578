"""The kernels that bench/kernels.py measures: a layer with bias and ReLU, by name, with the numbers of its rows or images.

    dense-K-N         rows of K numbers to rows of N
    conv-S-C-F-W-D    images of S x S x C to F features, windows of W x W at every D-th place, padded as in ResNet-50
"""

import numpy as np

MLP = ["dense-784-512", "dense-512-512", "dense-512-10", "dense-784-32", "dense-32-10"]
RESNET = ["conv-224-3-64-7-2", "conv-56-64-64-1-1", "conv-56-64-64-3-1", "conv-56-64-256-1-1", "conv-56-256-64-1-1",
          "conv-56-256-128-1-2", "conv-56-256-512-1-2", "conv-28-128-128-3-1", "conv-28-128-512-1-1", "conv-28-512-128-1-1",
          "conv-28-512-256-1-2", "conv-28-512-1024-1-2", "conv-14-256-256-3-1", "conv-14-256-1024-1-1", "conv-14-1024-256-1-1",
          "conv-14-1024-512-1-2", "conv-14-1024-2048-1-2", "conv-7-512-512-3-1", "conv-7-512-2048-1-1", "conv-7-2048-512-1-1"]
SOME = [problem for problem in RESNET if problem.endswith("-3-1") or problem.startswith(("conv-56-64-256", "conv-14", "conv-7"))]
PROBLEMS = [(problem, rows) for problem in MLP for rows in (1, 32, 128)]
PROBLEMS += [("dense-2048-1000", 1), ("dense-512-512", 512), ("dense-1024-1024", 1024)]
PROBLEMS += [(problem, 1) for problem in RESNET] + [(problem, 8) for problem in SOME]


def numbers_of(problem):
    return [int(number) for number in problem.split("-")[1:]]


def is_conv(problem):
    return problem.startswith("conv")


def output_size(size, window, stride):
    return (size - window + 2 * (window // 2)) // stride + 1


def shapes(problem, batch):
    """Of input, weights and output; images have their features last."""
    if not is_conv(problem):
        terms, columns = numbers_of(problem)
        return (batch, terms), (terms, columns), (batch, columns)
    size, features, outputs, window, stride = numbers_of(problem)
    end = output_size(size, window, stride)
    return (batch, size, size, features), (window, window, features, outputs), (batch, end, end, outputs)


def flops(problem, batch):
    """Two for a multiply-add; taps outside of the image are left out."""
    if not is_conv(problem):
        return 2 * batch * int(np.prod(numbers_of(problem)))
    size, features, outputs, window, stride = numbers_of(problem)
    places = np.arange(output_size(size, window, stride)) * stride - window // 2
    taps = sum(int(((0 <= places + tap) & (places + tap < size)).sum()) for tap in range(window))
    return 2 * batch * taps * taps * features * outputs


def expected(problem, x, weights, bias):
    if not is_conv(problem):
        return np.maximum(x @ weights + bias, 0)
    size, _, outputs, window, stride = numbers_of(problem)
    end, border = output_size(size, window, stride), window // 2
    padded = np.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
    y = np.zeros((len(x), end, end, outputs), "float32")
    for i in range(window):
        for j in range(window):
            y += padded[:, i : i + stride * end : stride, j : j + stride * end : stride][:, :end, :end] @ weights[i, j]
    return np.maximum(y + bias, 0)


def kir(problem, batch):
    """The layer as text of the graph IR."""
    of_x, of_weights, of_y = (",".join(map(str, shape)) for shape in shapes(problem, batch))
    product = "dot %x, @kernel {contract = [1]x[0]}"
    if is_conv(problem):
        *_, window, stride = numbers_of(problem)
        pad = window // 2
        product = (f'conv %x, @kernel {{dims = "b01f_01io->b01f", input_dilation = [1, 1], kernel_dilation = [1, 1], '
                   f"pad_high = [{pad}, {pad}], pad_low = [{pad}, {pad}], stride = [{stride}, {stride}]}}")
    columns, axis = of_y.split(",")[-1], of_y.count(",")
    return f"""module @kernels {{
  var @kernel : f32[{of_weights}]
  var @bias : f32[{columns}]
  func @predict(%x: f32[{of_x}]) -> (%y: f32[{of_y}]) {{
    %0 = {product} : f32[{of_y}]
    %1 = broadcast @bias {{dims = [{axis}]}} : f32[{of_y}]
    %2 = add %0, %1 : f32[{of_y}]
    %3 = max %2, 0.0 : f32[{of_y}]
    return %3
  }}
}}
"""
