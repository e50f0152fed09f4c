"""Facts of a sentence as JSON, with the keys that were asked for."""
import json

from corpus.conversation import Conversation
from corpus.names import city, firm, person
from corpus.questions import system_turns

SENTENCES = ['{name} lives in {city}.', '{name} is from {city}.', 'My name is {name} and I live in {city}.', '{name} moved to {city}.',
             '{name} is {age} years old.', '{name} is {age} and lives in {city}.', '{name} works at {company}.', '{name}, {age}, from {city}.',
             '{name} works at {company} in {city}.', 'I am {name} from {company}.', 'In {city} I met {name}, who works at {company}.',
             '{name} ({age}) joined {company}.', '{company} is based in {city}.', '{company} in {city} hired {name}.',
             '{name} bought {count} {item}s.', '{name} ordered {count} {item}s for {price} dollars.', 'Please send {count} {item}s to {city}.',
             'A {item} for {price} dollars.', '{company} sold {count} {item}s to {name}.', 'The {item} costs {price} dollars in {city}.',
             # Only in the held-out set:
             'Yesterday {name} came to {city}.', 'Our customer {name} lives in {city} and is {age}.', '{name} left {company} in {city}.']
REQUESTS = ['Extract the {keys} as JSON: {text}', 'Extract {keys} as JSON: {text}', 'Return JSON with {keys}. {text}', 'JSON with {keys}: {text}',
            '{text} Give me {keys} as JSON.', 'Find the {keys} in this text and answer in JSON: {text}', 'Get {keys} as JSON from: {text}',
            '{text} Extract the {keys} as JSON.', 'Read the text and return {keys} as JSON. Text: {text}',
            # Only in the held-out set:
            'Please write the {keys} of this text as JSON: {text}']
ITEMS = 'book phone lamp chair table camera bottle ticket pen desk bag watch cup shirt'.split()


def listed(keys):
    return keys[0] if len(keys) == 1 else ', '.join(keys[:-1]) + ' and ' + keys[-1]


def extraction(r, held=False):
    sentence = r.choice(SENTENCES[-3:] if held and r.random() < 0.3 else SENTENCES[:-3])
    request = r.choice(REQUESTS[-1:] if held and r.random() < 0.2 else REQUESTS[:-1])
    values = {'name': person(r, held), 'city': city(r, held), 'company': firm(r, held), 'age': r.randint(1, 99),
              'count': r.randint(2, 60), 'price': r.randint(2, 900), 'item': r.choice(ITEMS)}
    keys = [key for key in values if '{' + key + '}' in sentence]
    if len(keys) > 1 and r.random() < 0.25:
        keys = r.sample(keys, len(keys) - 1)
    elif r.random() < 0.4:
        r.shuffle(keys)
    text = request.format(keys=listed(keys), text=sentence.format(**values))
    return Conversation('extraction', [*system_turns(r), ('user', text),
                                       ('assistant', json.dumps({key: values[key] for key in keys}))])
