"""LiteRT's interpreter with XNNPACK."""

import importlib.metadata

from peers import base


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        from ai_edge_litert.interpreter import Interpreter
        cls.Interpreter = Interpreter

    def load(self):
        interpreter = self.interpreter = self.Interpreter(str(self.job.converted("tflite")), num_threads=self.job.threads)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], self.job.array("x"))

    def call(self):
        self.interpreter.invoke()

    def result(self):
        self.call()
        return self.interpreter.get_tensor(self.interpreter.get_output_details()[0]["index"])

    def version(self):
        return f"LiteRT {importlib.metadata.version('ai-edge-litert')}"
