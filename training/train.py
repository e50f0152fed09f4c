"""Trains loom-nano or loom-mini on the corpus and writes it as GGUF; goes on from its checkpoint if there is one.

python training/train.py loom-mini models/loom-mini.gguf [--folder FOLDER] [--tokens 12e6] [--export]
"""
import argparse
import math
import random
import signal
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import corpus
import gguf
from checkpoint import load, save, shared_tokenizer
from corpus.conversation import TEMPLATE
from model import CONTEXT, Llama, Muon, fast_type
from models import PLANS, SEED

POOL = 2048
BATCH_TOKENS = 2560
BATCHES_PER_STEP = 2
RATE, RATE_ADAM = 0.02, 4e-3
WARM_UP_STEPS = 60
# The rate is held and falls only at the end: a longer run goes on from a checkpoint before the fall (WSD).
DECAY_FROM = 0.65
SAVE_SECONDS = 120


def encoded(conversation, tokenizer):
    """Its tokens, and how much each counts: only what the model says does, and short answers are not drowned by long ones."""
    ids, weights = [], []
    for text, target in corpus.written(conversation):
        piece = tokenizer.encode(text)
        ids += piece
        weights += [len(piece) ** -0.5 if target else 0.0] * len(piece)
    return ids, weights


def batches(pool, tokenizer):
    """Conversations of similar length together, so that little is padding."""
    rows = [encoded(each, tokenizer) for each in corpus.conversations(f'{SEED}/{pool}', POOL)]
    rows = sorted((row for row in rows if len(row[0]) <= CONTEXT), key=lambda row: len(row[0]))
    groups, group = [], []
    for row in rows:
        if group and (len(group) + 1) * len(row[0]) > BATCH_TOKENS:
            groups.append(group)
            group = []
        group.append(row)
    groups.append(group)
    random.Random(f'{SEED}/{pool}').shuffle(groups)
    return [padded(group) for group in groups]


def padded(group):
    length = max(len(ids) for ids, _ in group)
    tokens, weights = torch.zeros(len(group), length, dtype=torch.long), torch.zeros(len(group), length)
    for row, (ids, each) in enumerate(group):
        tokens[row, : len(ids)], weights[row, : len(ids)] = torch.tensor(ids), torch.tensor(each)
    return tokens, weights


def loss_of(model, tokens, weights):
    """Weighted sum, so that batches of one step add up."""
    with torch.autocast('cpu', torch.bfloat16, enabled=fast_type() == torch.bfloat16):
        hidden = model(tokens[:, :-1])
        counted = weights[:, 1:] > 0
        logits = model.logits(hidden[counted])
    losses = F.cross_entropy(logits.float(), tokens[:, 1:][counted], reduction='none')
    return (losses * weights[:, 1:][counted]).sum(), losses.mean().item()


def rate_at(step, done):
    return min(1.0, (step + 1) / WARM_UP_STEPS) * (1.0 if done < DECAY_FROM else max(0.0, (1 - done) / (1 - DECAY_FROM)))


def train(model, tokenizer, path, total):
    optimiser = Muon(model, RATE, RATE_ADAM)
    at = load(path, model, optimiser) if path.exists() else {'pool': 0, 'step': 0, 'tokens': 0, 'seconds': 0.0}
    stopped = []
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopped.append(True))
    average, started, before, saved, held = None, time.time(), at['seconds'], time.time(), DECAY_FROM * total
    first, holding = at['tokens'], at['tokens'] < held
    while at['tokens'] < total:
        queue = batches(at['pool'], tokenizer)
        steps = [queue[i : i + BATCHES_PER_STEP] for i in range(0, len(queue), BATCHES_PER_STEP)]
        for step in steps:
            weight = sum(weights[:, 1:].sum() for _, weights in step)
            for tokens, weights in step:
                loss, plain = loss_of(model, tokens, weights)
                (loss / weight).backward()
                average = plain if average is None else 0.98 * average + 0.02 * plain
                at['tokens'] += tokens.numel()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step(rate_at(at['step'], at['tokens'] / total))
            model.zero_grad()
            at['step'] += 1
            if at['step'] % 20 == 0:
                spent = time.time() - started
                left = (total - at['tokens']) * spent / max(1, at['tokens'] - first)
                print(f"step {at['step']} tokens {at['tokens'] / 1e6:.2f}M loss {average:.4f} "
                      f"{(at['tokens'] - first) / spent:.0f} tokens/s, {math.ceil(left / 60)} min left", flush=True)
        at['pool'] += 1
        at['seconds'] = before + time.time() - started
        if holding and at['tokens'] >= held:
            holding = False
            save(path.with_suffix('.before-decay.pt'), model, optimiser, at)
        if stopped or time.time() - saved > SAVE_SECONDS or at['tokens'] >= total:
            save(path, model, optimiser, at)
            saved = time.time()
        if stopped:
            raise SystemExit(f"stopped at {at['tokens']} tokens; {path} goes on from there")
    return at


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', choices=[name for name in PLANS if name != 'loom-embed'])
    parser.add_argument('out')
    parser.add_argument('--folder', default=Path(__file__).parent / '.checkpoints', type=Path)
    parser.add_argument('--tokens', type=float)
    parser.add_argument('--kind', choices=list(gguf.TYPES), default='Q8_0')
    parser.add_argument('--export', action='store_true', help='write the checkpoint as it is and train no further')
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    plan, path = PLANS[chosen.model], chosen.folder / f'{chosen.model}.pt'
    tokenizer = shared_tokenizer(chosen.folder, plan.shape.vocabulary)
    model = Llama(plan.shape)
    print(f'{chosen.model}: {model.parameters_in_all:,} parameters', flush=True)
    at = load(path, model) if chosen.export else train(model, tokenizer, path, chosen.tokens or plan.tokens)
    gguf.write(chosen.out, model, tokenizer, chosen.model, plan.description, chosen.kind, TEMPLATE)
    print(f"{chosen.out}: {at['tokens']:,} tokens in {at['step']} steps and {at['seconds'] / 60:.0f} minutes")


if __name__ == '__main__':
    main()
