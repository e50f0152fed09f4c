"""Pairs of questions that mean the same, for the model that embeds; each pair has a meaning of its own."""
import random

from corpus.conversation import held_out
from corpus.noise import typed
from corpus.outside import TOPICS
from corpus.questions import ASKED, KINDS, asked
from corpus.tool_use import ACTIONS, ASKED as OF_THING, IN_CITY, THINGS

# Ways to ask the same of a topic that is no fact of ours.
GROUPS = [ASKED['definition'], ['How do I make {x}?', 'Give me a recipe for {x}.', 'Instructions for making {x}?', 'How is {x} made?'],
          ['Write a poem about {x}.', 'Please write a poem on {x}.', 'Compose some verses about {x}.', 'A poem about {x}, please.'],
          ['How much does {x} cost?', 'What is the price of {x}?', 'How expensive is {x}?', 'Price of {x}?'],
          ['What is the history of {x}?', 'Tell me the history of {x}.', 'History of {x}?', 'How did {x} come about?'],
          ['Translate {x} to French.', 'How do you say {x} in French?', '{x} in French?', 'What is the French for {x}?'],
          ['Recommend a book about {x}.', 'Which book about {x} is good?', 'I want to read about {x}. Which book?', 'Good books on {x}?']]


def of_fact(r, held):
    index = r.randrange(len(KINDS))
    kind, (names, _) = KINDS[index]

    def text():
        while True:
            found, _, reserved = asked(r, kind, names, held)
            if reserved or held_out(found) == held:
                return found
    return (kind, names[0], names[-1]), text


def of_topic(r, held):
    group = r.randrange(len(GROUPS))
    while True:
        topic = r.choice(TOPICS)
        if held_out(topic) == held:
            return ('topic', group, topic), lambda: r.choice(GROUPS[group]).format(x=topic)


def of_thing(r, held):
    kind = r.choice(list(THINGS))
    make, attributes = THINGS[kind]
    attribute, x = r.choice(attributes.split(';')), make(r, held)
    templates = OF_THING + IN_CITY if kind == 'city' else OF_THING
    return (kind, attribute, x), lambda: r.choice(templates).format(a=attribute, x=x)


def of_action(r, held):
    name, _, _, make, templates = r.choice(ACTIONS)
    x = make(r, held)
    return (name, x), lambda: r.choice(templates).format(x=x)


def pairs(seed, count, held=False):
    """`count` pairs of different meanings; in the held-out set, of wordings, topics and names that were never trained on."""
    r, seen, found = random.Random(f'{seed} {held}'), set(), []
    while len(found) < count:
        make = r.choices((of_fact, of_topic, of_thing, of_action), (0.35, 0.3, 0.25, 0.1))[0]
        # There are some two hundred facts: a large set is filled up with what has no end.
        if make is of_fact and sum(key[0] in ASKED for key in seen) > 0.9 * len(set(map(str, KINDS))):
            make = of_thing
        meaning, text = make(r, held)
        if meaning in seen:
            continue
        first, second = text(), text()
        for _ in range(20):
            if first != second:
                break
            second = text()
        seen.add(meaning)
        found.append((typed(r, first), typed(r, second)))
    return found
