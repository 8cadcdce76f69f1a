"""Muon for weight matrices, AdamW for the rest.

Orthogonalised momentum reaches the same loss in roughly half the steps of AdamW on these
small matrices, which is what counts when every step is paid for in CPU seconds.
"""

import torch


def orthogonalise(g: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """The nearest semi-orthogonal matrix, by a quintic Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm() + 1e-7)
    flip = x.shape[0] > x.shape[1]
    x = x.T if flip else x
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if flip else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, scaled so that `lr` is comparable between shapes."""

    def __init__(self, params, lr: float, momentum: float = 0.95, weight_decay: float = 0.02):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        """One update."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "m" not in state:
                    state["m"] = torch.zeros_like(p)
                state["m"].lerp_(p.grad, 1 - group["momentum"])
                update = orthogonalise(p.grad.lerp(state["m"], group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)


class Both:
    """A Muon and an AdamW driven by one relative learning rate."""

    def __init__(self, named, muon_lr: float, adam_lr: float, largest: int = 640):
        named = list(named)
        is_matrix = lambda n, p: p.ndim == 2 and min(p.shape) > 8 and "embed" not in n and min(p.shape) < largest
        # Query and key norms set how sharp attention can be; with qk-norm nothing else does.
        is_sharp = lambda n: "q_norm" in n or "k_norm" in n
        rest = [(n, p) for n, p in named if not is_matrix(n, p)]
        self.base = (muon_lr, adam_lr, adam_lr * 4)
        self.parts = [
            Muon([p for n, p in named if is_matrix(n, p)], muon_lr),
            torch.optim.AdamW([p for n, p in rest if not is_sharp(n)], lr=adam_lr, betas=(0.9, 0.98),
                              weight_decay=0.01),
        ]
        if any(is_sharp(n) for n, _ in rest):
            self.parts.append(torch.optim.AdamW([p for n, p in rest if is_sharp(n)], lr=adam_lr, betas=(0.9, 0.98),
                                                weight_decay=0.0))
        self.params = [p for _, p in named]

    def step(self, scale: float, clip: float = 1.0) -> None:
        """Clip, set the rates, update, and clear the gradients."""
        torch.nn.utils.clip_grad_norm_(self.params, clip)
        for part, base in zip(self.parts, self.base):
            for group in part.param_groups:
                group["lr"] = float(base * scale)
            part.step()
            part.zero_grad()

    def state_dict(self):
        """Both states."""
        return [p.state_dict() for p in self.parts]

    def load_state_dict(self, states):
        """Both states."""
        for part, state in zip(self.parts, states):
            part.load_state_dict(state)
