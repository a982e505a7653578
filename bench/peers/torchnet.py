"""A Keras model file as an ordinary PyTorch module: images channels_last, query, key and value packed, nn.LSTM and nn.GRU.

Four-dimensional tensors are NCHW to PyTorch (channels last in memory); all others keep Keras's order.
"""

import json
import zipfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS = {"linear": None, "relu": functional.relu, "gelu": functional.gelu,
               "softmax": lambda x: torch.softmax(x, -1)}


def parameter(array):
    return nn.Parameter(torch.from_numpy(np.array(array, dtype="float32", order="C")))


def activated(activation, x):
    return activation(x) if activation else x


class Convolution(nn.Module):
    def __init__(self, config, weights, depthwise=False):
        super().__init__()
        kernel = weights[0].transpose(2, 3, 0, 1) if depthwise else weights[0].transpose(3, 2, 0, 1)
        kernel = torch.from_numpy(np.ascontiguousarray(kernel))
        if kernel.shape[1] > 1:  # with one channel the memory format is ambiguous, and Inductor trips over it
            kernel = kernel.contiguous(memory_format=torch.channels_last)
        self.weight = nn.Parameter(kernel)
        self.bias = parameter(weights[1]) if config["use_bias"] else None
        self.groups = kernel.shape[0] if depthwise else 1
        self.stride, self.same = tuple(config["strides"]), config["padding"] == "same"
        self.activation = ACTIVATIONS[config["activation"]]

    def padding(self, x, axis):
        """Before and after, as Keras pads."""
        size, kernel, stride = x.shape[2 + axis], self.weight.shape[2 + axis], self.stride[axis]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2

    def forward(self, x):
        padding = (0, 0)
        if self.same:
            rows, columns = self.padding(x, 0), self.padding(x, 1)
            if rows[0] == rows[1] and columns[0] == columns[1]:
                padding = (rows[0], columns[0])
            else:
                x = functional.pad(x, (*columns, *rows))
        return activated(self.activation,
                         functional.conv2d(x, self.weight, self.bias, self.stride, padding, 1, self.groups))


class Dense(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        self.weight, self.bias = parameter(weights[0].T), parameter(weights[1])
        self.activation = ACTIVATIONS[config["activation"]]

    def forward(self, x):
        return activated(self.activation, functional.linear(x, self.weight, self.bias))


class BatchNormalization(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        weights = list(weights)
        self.weight = parameter(weights.pop(0)) if config["scale"] else None
        self.bias = parameter(weights.pop(0)) if config["center"] else None
        self.register_buffer("mean", torch.from_numpy(weights[0].copy()))
        self.register_buffer("variance", torch.from_numpy(weights[1].copy()))
        self.momentum, self.epsilon = 1 - config["momentum"], config["epsilon"]

    def forward(self, x):
        return functional.batch_norm(x, self.mean, self.variance, self.weight, self.bias, self.training, self.momentum,
                                     self.epsilon)


class LayerNormalization(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        self.weight, self.bias, self.epsilon = parameter(weights[0]), parameter(weights[1]), config["epsilon"]

    def forward(self, x):
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


class SelfAttention(nn.Module):
    def __init__(self, config, weights):
        super().__init__()
        width, self.heads, self.size = weights[0].shape
        self.weight = parameter(np.concatenate([weights[i].reshape(width, -1).T for i in (0, 2, 4)]))
        self.bias = parameter(np.concatenate([weights[i].reshape(-1) for i in (1, 3, 5)]))
        self.out_weight, self.out_bias = parameter(weights[6].reshape(-1, width).T), parameter(weights[7])

    def forward(self, x, _):
        batch, steps, width = x.shape
        packed = functional.linear(x, self.weight, self.bias).view(batch, steps, 3, self.heads, self.size)
        attended = functional.scaled_dot_product_attention(*packed.permute(2, 0, 3, 1, 4).unbind(0))
        return functional.linear(attended.transpose(1, 2).reshape(batch, steps, -1), self.out_weight, self.out_bias)


class Recurrent(nn.Module):
    def __init__(self, kind, weights):
        super().__init__()
        kernel, recurrent, bias = weights
        units, is_lstm = recurrent.shape[0], kind == "LSTM"
        self.layer = (nn.LSTM if is_lstm else nn.GRU)(kernel.shape[0], units, batch_first=True)
        gates = (0, 1, 2, 3) if is_lstm else (1, 0, 2)  # GRU: Keras's z r h are PyTorch's r z n
        bias = (bias, np.zeros_like(bias)) if is_lstm else bias
        values = kernel, recurrent, *bias
        names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
        with torch.no_grad():
            for name, value in zip(names, values):
                value = np.concatenate([value[..., gate * units:(gate + 1) * units] for gate in gates], -1)
                getattr(self.layer, name).copy_(torch.from_numpy(np.ascontiguousarray(value.T)))

    def forward(self, x):
        last = self.layer(x)[1]
        return (last if torch.is_tensor(last) else last[0])[0]


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


def pool(config):
    assert config["padding"] == "valid"
    return lambda x: functional.max_pool2d(x, tuple(config["pool_size"]), tuple(config["strides"]))


def pad(config):
    (top, bottom), (left, right) = config["padding"]
    return lambda x: functional.pad(x, (left, right, top, bottom))


def flatten(x):
    return (x.permute(0, 2, 3, 1) if x.dim() == 4 else x).reshape(x.shape[0], -1)


WITH_WEIGHTS = {
    "Dense": Dense, "Conv2D": Convolution, "DepthwiseConv2D": lambda config, weights: Convolution(config, weights, True),
    "BatchNormalization": BatchNormalization, "LayerNormalization": LayerNormalization, "MultiHeadAttention": SelfAttention,
    "LSTM": lambda config, weights: Recurrent("LSTM", weights), "GRU": lambda config, weights: Recurrent("GRU", weights),
}
WITHOUT = {
    "ReLU": lambda config: functional.relu6 if config.get("max_value") == 6 else functional.relu,
    "Activation": lambda config: ACTIVATIONS[config["activation"]],
    "Add": lambda config: torch.add,
    "ZeroPadding2D": pad,
    "MaxPooling2D": pool,
    "GlobalAveragePooling2D": lambda config: lambda x: x.mean((2, 3)),
    "Flatten": lambda config: flatten,
    "Dropout": lambda config: lambda x: x,  # of rate 0 in MobileNetV2 at inference
}


def layer_of(kind, config, weights):
    return WITH_WEIGHTS[kind](config, weights) if kind in WITH_WEIGHTS else Function(WITHOUT[kind](config))


def sources_of(arguments):
    """The layers that the tensors in a call's arguments come from."""
    if isinstance(arguments, dict):
        return [arguments["config"]["keras_history"][0]] if arguments.get("class_name") == "__keras_tensor__" else []
    return [source for each in arguments for source in sources_of(each)] if isinstance(arguments, list) else []


class Net(nn.Module):
    def __init__(self, keras_file, weights):
        super().__init__()
        with zipfile.ZipFile(keras_file) as archive:
            config = json.loads(archive.read("config.json"))["config"]
        self.parts, self.calls, last = nn.ModuleDict(), [], None
        for layer in config["layers"]:
            name, kind = layer["config"]["name"], layer["class_name"]
            sources = [source for node in layer.get("inbound_nodes", []) for source in sources_of(node["args"])] or [last]
            self.calls.append((name, sources if kind != "InputLayer" else None))
            if kind != "InputLayer":
                own = [weights[f"{name}|{i}"] for i in range(16) if f"{name}|{i}" in weights]
                self.parts[name] = layer_of(kind, layer["config"], own)
            last = name
        self.last = last

    def forward(self, x):
        if x.dim() == 4:
            x = x.permute(0, 3, 1, 2)
        values = {}
        for name, sources in self.calls:
            values[name] = x if sources is None else self.parts[name](*[values[source] for source in sources])
        return values[self.last]
