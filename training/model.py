"""The llama architecture, as llama.cpp computes it, in as few and as large matrix products as it takes."""
import functools
import math
import time
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

CONTEXT = 1024
EPSILON = 1e-5
ROPE_BASE = 10000.0


@dataclass(frozen=True)
class Shape:
    width: int
    layers: int
    heads: int
    heads_kv: int
    feed_forward: int
    vocabulary: int = 2048

    @property
    def head(self):
        return self.width // self.heads


@functools.cache
def fast_type():
    """The type in which this machine multiplies fastest: without instructions for bfloat16 it is ten times as slow."""

    def seconds(kind):
        a, b = torch.ones(512, 256, dtype=kind), torch.ones(256, 512, dtype=kind)
        a @ b
        started = time.perf_counter()
        for _ in range(5):
            a @ b
        return time.perf_counter() - started

    return min((torch.bfloat16, torch.float32), key=seconds)


def turns(shape):
    frequencies = ROPE_BASE ** (-torch.arange(0, shape.head, 2).float() / shape.head)
    angles = torch.outer(torch.arange(CONTEXT).float(), frequencies)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    # Neighbouring values are a pair (ggml's normal RoPE), not the two halves of a head (NEOX).
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2).to(x.dtype)


def attention(q, k, v, mask):
    # On a CPU, the backward pass of PyTorch's fused attention takes three times as long as this one for short texts.
    scores = q @ k.mT * q.shape[-1] ** -0.5 + mask
    return scores.softmax(-1).to(v.dtype) @ v


def weight(rows, columns, deviation):
    return nn.Parameter(torch.randn(rows, columns) * deviation)


class Block(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        width, key = shape.width, shape.heads_kv * shape.head
        inward, outward = width**-0.5, 0.5 * width**-0.5 / math.sqrt(2 * shape.layers)
        self.attn_norm, self.ffn_norm = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))
        self.attn_q, self.attn_k = weight(width, width, inward), weight(key, width, inward)
        self.attn_v, self.attn_output = weight(key, width, inward), weight(width, width, outward)
        self.ffn_gate = weight(shape.feed_forward, width, inward)
        self.ffn_up = weight(shape.feed_forward, width, inward)
        self.ffn_down = weight(width, shape.feed_forward, outward)

    def forward(self, x, cos, sin, mask):
        batch, length, width = x.shape
        heads, kv, size = self.shape.heads, self.shape.heads_kv, self.shape.head
        h = F.rms_norm(x, (width,), self.attn_norm, EPSILON)
        qkv = F.linear(h, torch.cat((self.attn_q, self.attn_k, self.attn_v)))
        q, k, v = qkv.view(batch, length, heads + 2 * kv, size).transpose(1, 2).split((heads, kv, kv), 1)
        k, v = (each.repeat_interleave(heads // kv, 1) for each in (rotate(k, cos, sin), v))
        a = attention(rotate(q, cos, sin), k, v, mask)
        x = x + F.linear(a.transpose(1, 2).reshape(batch, length, width), self.attn_output)
        h = F.rms_norm(x, (width,), self.ffn_norm, EPSILON)
        gate, up = F.linear(h, torch.cat((self.ffn_gate, self.ffn_up))).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.ffn_down)


class Llama(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = weight(shape.vocabulary, shape.width, 0.02)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.Parameter(torch.ones(shape.width))
        cos, sin = turns(shape)
        self.register_buffer('cos', cos, persistent=False)
        self.register_buffer('sin', sin, persistent=False)

    def forward(self, tokens):
        """The last hidden state of each token."""
        x = F.embedding(tokens, self.token_embd)
        length = tokens.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        mask = torch.full((length, length), float('-inf')).triu(1)
        for block in self.blk:
            x = block(x, cos, sin, mask)
        return F.rms_norm(x, (self.shape.width,), self.output_norm, EPSILON)

    def logits(self, hidden):
        return F.linear(hidden, self.token_embd)

    @property
    def parameters_in_all(self):
        return sum(each.numel() for each in self.parameters())


class Muon:
    """Momentum whose step is made orthogonal, for the matrices inside the blocks; Adam takes the rest.

    Keller Jordan et al., https://kellerjordan.github.io/posts/muon/
    """

    def __init__(self, model, rate, rate_adam, momentum=0.95, decay=0.01):
        matrices = [each for each in model.blk.parameters() if each.dim() == 2]
        self.stacks = {}
        for each in matrices:
            self.stacks.setdefault(tuple(each.shape), []).append(each)
        self.velocity = {size: torch.zeros(len(all_), *size) for size, all_ in self.stacks.items()}
        inside = {id(each) for each in matrices}
        rest = [each for each in model.parameters() if id(each) not in inside]
        self.adam = torch.optim.AdamW(rest, lr=rate_adam, betas=(0.9, 0.95), weight_decay=0.0)
        self.rate, self.rate_adam, self.momentum, self.decay = rate, rate_adam, momentum, decay

    @torch.no_grad()
    def step(self, part):
        """`part` of the full learning rate."""
        for group in self.adam.param_groups:
            group['lr'] = self.rate_adam * part
        self.adam.step()
        for size, weights in self.stacks.items():
            gradient = torch.stack([each.grad for each in weights])
            velocity = self.velocity[size].mul_(self.momentum).add_(gradient)
            update = orthogonal(gradient + self.momentum * velocity)
            scale = self.rate * part * max(1, size[0] / size[1]) ** 0.5
            for each, change in zip(weights, update):
                each.mul_(1 - self.rate * part * self.decay).add_(change, alpha=-scale)

    def state(self):
        return {'velocity': self.velocity, 'adam': self.adam.state_dict()}

    def restore(self, state):
        self.velocity = state['velocity']
        self.adam.load_state_dict(state['adam'])


def orthogonal(x, steps=5):
    """Newton-Schulz iterations towards the nearest orthogonal matrix, of a stack of matrices at once."""
    tall = x.shape[1] > x.shape[2]
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(fast_type())
    x = x.mT.contiguous() if tall else x
    for _ in range(steps):
        a = x @ x.mT
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    return (x.mT if tall else x).float()
