"""What a run needs to go on where it was, in a folder of its own."""
import json
import os
from pathlib import Path

import torch

import corpus
from models import SEED
from tokenizer import Tokenizer


def shared_tokenizer(folder, size):
    """All models read the same tokens; the first run finds them."""
    path = Path(folder) / f'tokenizer-{size}.json'
    if path.exists():
        return Tokenizer(json.loads(path.read_text()))
    print('making the tokenizer', flush=True)
    texts = (''.join(text for text, _ in corpus.written(each)) for each in corpus.conversations(f'{SEED}/tokenizer', 40_000))
    tokenizer = Tokenizer.trained_on(texts, size)
    path.write_text(json.dumps(tokenizer.merges))
    return tokenizer


def save(path, model, optimiser, at):
    """Written beside and renamed, so that a cut leaves the last one whole."""
    beside = f'{path}.new'
    torch.save({'model': model.state_dict(), 'optimiser': optimiser.state(), 'at': at}, beside)
    os.replace(beside, path)


def load(path, model, optimiser=None):
    state = torch.load(path, weights_only=False)
    model.load_state_dict(state['model'])
    if optimiser:
        optimiser.restore(state['optimiser'])
    return state['at']
