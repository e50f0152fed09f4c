"""Texts to say again: every token of the answer is copied, which is what calls, extraction and memory rest on."""
from corpus.conversation import Conversation, held_out
from corpus.names import city, firm, invented, person

ASKED = ['Repeat: {x}', 'Repeat after me: {x}', 'Say {x}', 'Write {x}', 'Copy this text: {x}', 'Say this again: {x}', 'Echo {x}', 'Print {x}',
         'Please repeat the following: {x}',
         # Only in the held-out set:
         'Say exactly this: {x}']


def piece(r, held):
    return r.choice((lambda: person(r, held), lambda: city(r, held), lambda: firm(r, held), lambda: str(r.randint(0, 9999)), lambda: invented(r).lower(),
                     lambda: '_'.join(invented(r, 2).lower() for _ in range(r.randint(2, 3)))))()


def repeat(r, held=False):
    while True:
        text = ' '.join(piece(r, held) for _ in range(r.randint(1, 7)))
        if held_out(text) == held:
            break
    request = r.choice(ASKED if held else ASKED[:-1])
    return Conversation('repeat', [('user', request.format(x=text)), ('assistant', text)])
