"""Trains loom-embed: of a batch of paraphrases, each has to find its own partner. Goes on from its checkpoint if there is one.

python training/train_embed.py models/loom-embed.gguf [--folder FOLDER] [--tokens 5e6]
"""
import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import gguf
from checkpoint import load, save, shared_tokenizer
from corpus.paraphrases import pairs
from model import Llama, Muon, fast_type
from models import PLANS, SEED
from train import rate_at

NAME = 'loom-embed'
PAIRS = 256
SHARPNESS = 20.0
SAVE_STEPS = 100
MEAN_POOLING = 1


def embedded(model, tokenizer, texts):
    """The mean of the last layer over the tokens of each text, of length 1, as the server computes it."""
    rows = [tokenizer.encode(text) for text in texts]
    length = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    present = torch.tensor([[1.0] * len(row) + [0.0] * (length - len(row)) for row in rows])[..., None]
    with torch.autocast('cpu', torch.bfloat16, enabled=fast_type() == torch.bfloat16):
        hidden = model(tokens)
    return F.normalize((hidden.float() * present).sum(1) / present.sum(1), dim=-1), tokens.numel()


def found(model, tokenizer, count=1000):
    """The share of held-out questions whose nearest among all partners is their own."""
    questions, partners = zip(*pairs(SEED, count, held=True))
    with torch.no_grad():
        scores = embedded(model, tokenizer, questions)[0] @ embedded(model, tokenizer, partners)[0].T
    return (scores.argmax(1) == torch.arange(count)).float().mean().item()


def train(model, tokenizer, path, total):
    optimiser = Muon(model, 0.01, 2e-3)
    at = load(path, model, optimiser) if path.exists() else {'step': 0, 'tokens': 0, 'seconds': 0.0}
    started, before, first = time.time(), at['seconds'], at['tokens']
    while at['tokens'] < total:
        questions, partners = zip(*pairs(f"{SEED}/{at['step']}", PAIRS))
        both, tokens = embedded(model, tokenizer, questions + partners)
        scores = both[:PAIRS] @ both[PAIRS:].T * SHARPNESS
        own = torch.arange(PAIRS)
        loss = (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        at['tokens'] += tokens
        optimiser.step(rate_at(at['step'], at['tokens'] / total))
        model.zero_grad()
        at['step'] += 1
        at['seconds'] = before + time.time() - started
        if at['step'] % 20 == 0:
            speed = (at['tokens'] - first) / (time.time() - started)
            print(f"step {at['step']} tokens {at['tokens'] / 1e6:.2f}M loss {loss.item():.4f} {speed:.0f} tokens/s, "
                  f"{(total - at['tokens']) / speed / 60:.0f} min left", flush=True)
        if at['step'] % SAVE_STEPS == 0:
            save(path, model, optimiser, at)
            print(f'held out: {found(model, tokenizer):.1%} found among 1,000', flush=True)
    save(path, model, optimiser, at)
    return at


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('--folder', default=Path(__file__).parent / '.checkpoints', type=Path)
    parser.add_argument('--tokens', type=float)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    plan = PLANS[NAME]
    tokenizer = shared_tokenizer(chosen.folder, plan.shape.vocabulary)
    model = Llama(plan.shape)
    print(f'{NAME}: {model.parameters_in_all:,} parameters', flush=True)
    at = train(model, tokenizer, chosen.folder / f'{NAME}.pt', chosen.tokens or plan.tokens)
    gguf.write(chosen.out, model, tokenizer, NAME, plan.description, pooling=MEAN_POOLING)
    print(f"{chosen.out}: {at['tokens']:,} tokens, {found(model, tokenizer):.1%} found among 1,000")


if __name__ == '__main__':
    main()
