"""OpenVINO's processor plugin, in float32: left alone it takes bfloat16 where the processor has it (variant bf16)."""

from peers import base


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        import openvino
        cls.openvino, cls.core = openvino, openvino.Core()

    def load(self):
        model = self.core.read_model(self.job.converted("onnx"))
        self.compiled = self.core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self.job.threads, "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "bf16" if self.job.variant == "bf16" else "f32"})
        self.request = self.compiled.create_infer_request()
        self.x = self.openvino.Tensor(self.job.array("x"))
        self.request.set_input_tensor(self.x)

    def call(self):
        self.request.infer()

    def result(self):
        self.call()
        return self.request.get_output_tensor().data.copy()

    def version(self):
        return f"OpenVINO {self.openvino.__version__.split('-')[0]}"
