"""The corpus: seeded conversations of every kind, and a held-out set that shares no question with them."""
import random

from corpus.conversation import Conversation, written  # noqa: F401
from corpus.copying import repeat
from corpus.extraction import extraction
from corpus.labels import label
from corpus.memory import memory, small_talk
from corpus.questions import about_inference, in_one_sentence, out_of_scope
from corpus.sums import sum_of
from corpus.tool_use import tool_use

# How often each kind comes, by tokens rather than by need: calls are long and sums are short.
MIX = [(about_inference, 0.25), (in_one_sentence, 0.05), (out_of_scope, 0.1), (sum_of, 0.16), (extraction, 0.12), (label, 0.06),
       (memory, 0.08), (small_talk, 0.02), (tool_use, 0.13), (repeat, 0.03)]
MAKERS, SHARES = zip(*MIX)


def conversations(seed, count):
    r = random.Random(seed)
    return [r.choices(MAKERS, SHARES)[0](r) for _ in range(count)]


def held_out_conversations(seed, per_task):
    """The same number of each task, none of them twice."""
    r, found, seen = random.Random(f'held out {seed}'), {}, set()
    while True:
        for make in MAKERS:
            conversation = make(r, held=True)
            rows = found.setdefault(conversation.task, [])
            key = str(conversation.turns)
            if len(rows) < per_task and key not in seen:
                rows.append(conversation)
                seen.add(key)
        if all(len(rows) == per_task for task, rows in found.items() if task not in ('talk', 'sums-1')) and len(found) > 12:
            return [row for rows in found.values() for row in rows]
