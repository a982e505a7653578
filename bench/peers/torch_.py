"""PyTorch: variants eager, and inductor (torch.compile, weights frozen for inference)."""

import os
import tempfile

from peers import base


def own(source, **names):
    """A function with a code object of its own: Dynamo keeps its compilations, and their guards, by code object."""
    return eval(source, names)


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(prefix="inductor")
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = str(job.threads)
        import torch
        torch.set_num_threads(job.threads)
        torch.set_num_interop_threads(1)
        if job.variant == "inductor":
            import torch._inductor.config
            torch._inductor.config.freezing = not job.is_training
        from peers import torchnet
        cls.torch, cls.torchnet = torch, torchnet

    def load(self):
        job, torch = self.job, self.torch
        net = self.torchnet.Net(job.model, job.weights())
        self.x = torch.from_numpy(job.array("x"))
        compiled = (lambda f: torch.compile(f, dynamic=False)) if job.variant == "inductor" else (lambda f: f)
        if not job.is_training:
            self.net = compiled(own("lambda x: net(x)", net=net.eval()))
            return
        net.train()
        self.t = torch.from_numpy(job.array("t").astype("int64"))
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, fused=True)
        self.loss_of = compiled(own("lambda x, t: F.cross_entropy(net(x), t)", net=net, F=torch.nn.functional))

    def call(self):
        if self.job.is_training:
            return self.step()
        with self.torch.inference_mode() if self.job.variant == "eager" else self.torch.no_grad():
            return self.net(self.x)

    def step(self):
        loss = self.loss_of(self.x, self.t)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def result(self):
        return self.call().numpy()

    def version(self):
        return f"PyTorch {self.torch.__version__}"
