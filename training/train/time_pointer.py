"""The time pointer: which moment of the video a token of the answer describes.

`TimeAlignedAttention` is attention from text tokens to the segments of a video, gated by how near their times are. A small
head proposes the time of a token whose time nobody knows, and the attention refines it (`TimePointer`). The same numbers
come out of `crates/qwen3-vl/src/time_pointer`; `golden_time_pointer.py` writes the files that hold the two together.

Units: times are int64 microseconds. Features of a time are taken of *seconds*: 32 angular frequencies from 1e-4 to 1e4
rad/s are periods from 17.5 hours to 0.63 ms, so that milliseconds and hours are both resolved. Angles are computed in
float64 (7,200 s at 1e4 rad/s is an angle of 7.2e7, of which float32 keeps nothing), everything after them in float32.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

FREQUENCIES = 32
TIME_FEATURES = 2 * FREQUENCIES
SIMILARITY_US = 1_000_000  # the similarity of two times is exp(-|dt| / 1000 ms)
CANDIDATES = 8  # proposals that are refined
LEAST = 0.02  # ... of those that are at least so likely, in parts of the likeliest


def time_features(at_us: torch.Tensor) -> torch.Tensor:
    """phi: [...] int64 us to [..., 64] float32, the sines and then the cosines of 32 frequencies."""
    power = torch.arange(FREQUENCIES, dtype=torch.float64) * (8 / (FREQUENCIES - 1)) - 4
    angles = (at_us.double() / 1e6)[..., None] * 10.0**power
    return torch.cat((angles.sin(), angles.cos()), -1).float()


class TimeAlignedAttention(nn.Module):
    """Attention from text tokens to frames, gated by time.

    logits = W_q text . W_k [frame ; phi(frame time)] / sqrt(D) + log g + log s, where
    g = sigmoid(W_g [phi(text time) ; phi(frame time)]) and s = exp(-|dt| / 1000 ms).

    A gate has to suppress distant frames. A logit times 0 before a softmax still has its share, so the gate is applied as
    its logarithm: a frame whose gate or similarity vanishes has a weight that vanishes, and with both at 1 everywhere this
    is plain attention. s depends on differences of times only, so it shifts with the video; phi (in the keys and in g) is
    of absolute times, and does not.
    """

    def __init__(self, width: int, inner: int | None = None):
        super().__init__()
        inner = inner or width
        self.query = nn.Linear(width, inner, bias=False)
        self.key = nn.Linear(width + TIME_FEATURES, inner, bias=False)
        self.gate = nn.Linear(2 * TIME_FEATURES, 1)

    def keys(self, frames: torch.Tensor, frame_us: torch.Tensor) -> torch.Tensor:
        """[B, T, D] and [B, T] to [B, T, inner]."""
        return self.key(torch.cat((frames, time_features(frame_us)), -1))

    def log_gate(self, text_us: torch.Tensor, frame_us: torch.Tensor) -> torch.Tensor:
        """log g + log s: [B, L] and [B, T] to [B, L, T]."""
        of_text, of_frame = self.gate.weight[0].split(TIME_FEATURES)
        logit = (time_features(text_us) @ of_text)[:, :, None] + (time_features(frame_us) @ of_frame)[:, None]
        away = (text_us[:, :, None] - frame_us[:, None]).abs()
        return F.logsigmoid(logit + self.gate.bias) - (away.double() / SIMILARITY_US).float()

    def forward(self, text, frames, text_us, frame_us, mask=None):
        """text [B, L, D], frames [B, T, D], times [B, L] and [B, T] int64 us, mask [B, T] (false: no frame there).

        Returns the aggregated frames [B, L, D] and the distribution over frames [B, L, T].
        """
        query = self.query(text)
        logits = query @ self.keys(frames, frame_us).transpose(1, 2) / math.sqrt(query.shape[-1])
        logits = logits + self.log_gate(text_us, frame_us)
        if mask is not None:
            logits = logits.masked_fill(~mask[:, None], torch.finfo(logits.dtype).min)
        weights = logits.softmax(-1)
        return weights @ frames, weights


def moment(weights: torch.Tensor, frame_us: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of distributions over times, in seconds: [..., T] and [T] to [...] twice, float64.

    The mean is a token's pin and may fall between two stamps; the deviation is its uncertainty.
    """
    seconds, weights = frame_us.double() / 1e6, weights.double()
    mean = (weights * seconds).sum(-1)
    return mean, (weights * (seconds - mean[..., None]) ** 2).sum(-1).clamp(min=0).sqrt()


def level(states: torch.Tensor) -> torch.Tensor:
    """The same size for every row: hidden states and features of different checkpoints differ a hundredfold."""
    return states * (states.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt()


class TimePointer(nn.Module):
    """A head beside a frozen checkpoint: a token's hidden state and the video's segments to a distribution over segments.

    A segment's feature is the mean of its merged vision outputs. Where something begins or ends shows only beside its
    neighbours, so every segment learns of the one before and the one after it first. Then a small head on the token's
    hidden state proposes times: a distribution over the same segments, without any gate. The likeliest few proposals are
    refined by the attention, each as the token's time, and what they say is mixed in proportion.
    """

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.near = nn.Linear(3 * width, inner)
        self.back = nn.Linear(inner, width)
        self.hidden = nn.Linear(width, inner)
        self.proposal_query = nn.Linear(inner, inner)
        self.proposal_key = nn.Linear(width, inner, bias=False)
        self.attention = TimeAlignedAttention(width, inner)

    def frames(self, features: torch.Tensor) -> torch.Tensor:
        """Mean merged vision outputs [T, D] to what both stages look at, [T, D]."""
        own = level(features)
        before = torch.cat((torch.zeros_like(own[:1]), own[:-1]))
        after = torch.cat((own[1:], torch.zeros_like(own[:1])))
        return own + self.back(F.gelu(self.near(torch.cat((before, own, after), -1))))

    def propose(self, hidden: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """Logits of each segment's time being a token's: [L, D] and [T, D] to [L, T]."""
        query = self.proposal_query(F.gelu(self.hidden(level(hidden))))
        return query @ self.proposal_key(frames).T / math.sqrt(query.shape[-1])

    def refine(self, hidden: torch.Tensor, frames: torch.Tensor, text_us: torch.Tensor, frame_us: torch.Tensor):
        """What the attention makes of times [L, K] of every token: distributions [L, K, T]."""
        count = text_us.shape[1]
        text = level(hidden)[:, None].expand(-1, count, -1).flatten(0, 1)
        _, weights = self.attention(text[None], frames[None], text_us.reshape(1, -1), frame_us[None])
        return weights[0].reshape(len(hidden), count, -1)

    def forward(self, hidden: torch.Tensor, features: torch.Tensor, frame_us: torch.Tensor):
        """hidden [L, D] before the final norm, features [T, D], times [T] int64 us.

        Returns the proposed distribution and the refined one, [L, T] each.
        """
        frames = self.frames(features)
        proposed = self.propose(hidden, frames).softmax(-1)
        likely, index = proposed.topk(min(CANDIDATES, proposed.shape[-1]), dim=-1)
        likely = likely * (likely >= LEAST * likely[:, :1])
        refined = self.refine(hidden, frames, frame_us[index], frame_us)
        return proposed, torch.einsum("lk,lkt->lt", likely / likely.sum(-1, keepdim=True), refined)
