"""ONNX Runtime on its processor provider, input and output bound."""

from peers import base


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        import onnxruntime
        cls.ort = onnxruntime

    def load(self):
        ort = self.ort
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.job.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        session = self.session = ort.InferenceSession(self.job.converted("onnx"), options,
                                                      providers=["CPUExecutionProvider"])
        self.binding = session.io_binding()
        self.binding.bind_ortvalue_input(session.get_inputs()[0].name,
                                         ort.OrtValue.ortvalue_from_numpy(self.job.array("x")))
        self.binding.bind_output(session.get_outputs()[0].name, "cpu")

    def call(self):
        self.session.run_with_iobinding(self.binding)

    def result(self):
        self.call()
        return self.binding.get_outputs()[0].numpy()

    def version(self):
        return f"ONNX Runtime {self.ort.__version__}"
