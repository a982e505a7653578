"""What the runner asks of a peer; a column of the table is a class called Peer in a file of this folder."""

import pathlib

import numpy as np


def aligned(array):
    """A copy that begins at a cache line, as libraries' own arrays do; numpy's do not always."""
    line = 64
    room = np.empty(array.nbytes + line, "uint8")
    begin = -room.ctypes.data % line
    copy = room[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


class Job:
    """A work load at a batch size, on so many threads, for a peer's variant ("xla" of "tf:xla")."""

    def __init__(self, work, batch, threads, variant, artefacts):
        self.work, self.batch, self.threads, self.variant = work, batch, threads, variant
        self.is_training = work.startswith("T")
        self.folder = pathlib.Path(artefacts) / work

    @property
    def model(self):
        """A model of Keras, or a kernel as Keratin's text."""
        text = self.converted("kir")
        return text if text.exists() else self.folder / "model.keras"

    def converted(self, kind):
        """model_b1.onnx."""
        return self.folder / f"model_b{self.batch}.{kind}"

    def array(self, name):
        """x, y (what Keras computes), or t (labels)."""
        return aligned(np.load(self.folder / f"{name}_b{self.batch}.npy"))

    def weights(self):
        """"layer|i" -> array, i in the layer's own order."""
        return np.load(self.folder / "weights.npz")


class Peer:
    def __init__(self, job):
        self.job = job

    @classmethod
    def set_up(cls, job):
        """Imports the library and sets its threads: once in a process."""

    def load(self):
        """Reads the model and makes it ready."""
        raise NotImplementedError

    def call(self):
        """One inference, its input in the library's own array already; or one training step: forward, backward, Adam. Returns
        when the result is there."""
        raise NotImplementedError

    def result(self):
        """Of a call: the output, or the loss, as a number or a numpy array."""
        raise NotImplementedError

    def repeat(self, count):
        """Calls that are timed together."""
        call = self.call
        for _ in range(count):
            call()

    def version(self):
        raise NotImplementedError
