#!/usr/bin/env python3
"""ONNX by way of PyTorch, over what prepare.py wrote: bench/export_torch.py FOLDER W8, in the environment "torch".

tf2onnx breaks LayerNormalization and attention into small pieces, PyTorch's exporter gives the operators that runtimes know:
W8 is 10 to 20 % faster so for ONNX Runtime and OpenVINO.
"""

import pathlib
import sys

import numpy as np
import torch

from cells import BATCHES
from peers import torchnet

for work in sys.argv[2:]:
    folder = pathlib.Path(sys.argv[1]) / work
    net = torchnet.Net(folder / "model.keras", np.load(folder / "weights.npz")).eval()
    for batch in BATCHES[work]:
        x = torch.from_numpy(np.load(folder / f"x_b{batch}.npy"))
        with torch.no_grad():
            program = torch.onnx.export(net, (x,), dynamo=True, opset_version=20, input_names=["x"], output_names=["y"])
            program.optimize()
            program.save(folder / f"model_b{batch}.onnx", external_data=False)
