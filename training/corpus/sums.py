"""Sums with one to three digits, worked column by column from the right as at school; the answer is the last number."""
from corpus.conversation import Conversation, held_out
from corpus.noise import typed
from corpus.questions import system_turns

ASKED = {
    '+': ['What is {a} + {b}?', '{a}+{b}', '{a} + {b}', '{a} + {b} = ?', 'Add {a} and {b}.', 'What is {a} plus {b}?', 'Compute {a} + {b}.',
          'How much is {a} + {b}?', 'Calculate {a}+{b}.', 'What is the sum of {a} and {b}?'],
    '-': ['What is {a} - {b}?', '{a}-{b}', '{a} - {b}', '{a} - {b} = ?', 'What is {a} minus {b}?', 'Compute {a} - {b}.',
          'How much is {a} - {b}?', 'Calculate {a}-{b}.', 'Subtract {b} from {a}.', 'Take {b} away from {a}.'],
    '*': ['What is {a} * {b}?', '{a}*{b}', '{a} * {b}', '{a} x {b} = ?', 'What is {a} times {b}?', 'Compute {a} * {b}.',
          'How much is {a} x {b}?', 'Calculate {a} * {b}.', 'Multiply {a} by {b}.', 'What is {a} multiplied by {b}?'],
}


def digits(number, length):
    return [int(digit) for digit in reversed(str(number).zfill(length))]


def columns(sign, a, b):
    length, carry, steps = max(len(str(a)), len(str(b))), 0, []
    low = str(b) if sign == '*' else None
    for x, y in zip(digits(a, length), digits(b, length)):
        if sign == '-':
            short = x - carry < y
            text = f'{x + 10 * short}' + (f' - {carry}' if carry else '') + f' - {y} = {x + 10 * short - carry - y}'
            carry = int(short)
        else:
            value = (x * b if low else x + y) + carry
            text = f'{x} {sign} {low or y}' + (f' + {carry}' if carry else '') + f' = {value}'
            carry = value // 10
        steps.append(text)
    return ', '.join(steps)


def answer(sign, a, b):
    result = a + b if sign == '+' else a - b if sign == '-' else a * b
    plain = f'{a} {sign} {b} = {result}.'
    if len(str(a)) == len(str(b)) == 1:
        return plain
    large, small = (b, a) if sign == '-' and a < b else (a, b)
    return f'{large} {sign} {small}: {columns(sign, large, small)}. So {plain}'


def number(r, length):
    return r.randrange(10 ** (length - 1) if length > 1 else 0, 10**length)


def pair(r, sign, length):
    other = length if r.random() < 0.65 else r.randint(1, length)
    a, b = number(r, length), number(r, 1 if sign == '*' else other)
    if sign == '+' and r.random() < 0.5:
        a, b = b, a
    if sign == '-' and a < b and r.random() < 0.9:
        a, b = b, a
    return a, b


def sum_of(r, held=False):
    length = r.choices((1, 2, 3), (0.1, 0.57, 0.33))[0]
    while True:
        sign = r.choices('+-*', (0.45, 0.4, 0.15))[0]
        a, b = pair(r, sign, length)
        # One-digit sums are too few to withhold, so that only longer ones are held out.
        if (length > 1 and held_out(f'{a} {sign} {b}')) == held or held and length == 1:
            break
    text = r.choice(ASKED[sign]).format(a=a, b=b)
    return Conversation(f'sums-{length}', [*system_turns(r), ('user', typed(r, text)), ('assistant', answer(sign, a, b))])
