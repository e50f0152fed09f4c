"""Calls of tools that are described in the prompt, and answers from what the tools gave back."""
import json

from corpus.conversation import Conversation, call, held_out
from corpus.memory import small_talk
from corpus.names import city, firm, invented, person
from corpus.noise import typed
from corpus.questions import about_inference, system_turns

# What can be asked of each kind of thing; the tools of a tenth of them are held out.
THINGS = {
    'city': (city, 'weather;time;population;temperature;mayor;traffic;postcode;altitude;news;timezone;humidity;tax rate;air quality;tourist count;area;'
                   'sunrise;sunset;wind speed;rainfall;country;airport;hotel price;rent;dialling code;noise level;street map;crime rate;founding year'),
    'person': (person, 'phone number;email;address;birthday;salary;manager;job title;office;calendar;age;team;nickname;shift;vacation;score;balance;'
                       'desk number;shoe size;start date;assistant;contract;favourite food;last login;room number;language;grade;rank;username'),
    'company': (firm, 'stock price;revenue;founder;headquarters;employee count;website;profit;market value;address;logo;rating;tax number;debt;owner;'
                      'industry;sales;annual report;customer count;dividend;slogan;legal form;phone number;number of offices;opening hours;lawyer'),
}
ACTIONS = [('send_email', 'Send an email to a person', 'to', person, ['Send an email to {x}.', 'Email {x}.', 'Write an email to {x}.']),
           ('call_person', 'Call a person on the phone', 'name', person, ['Call {x}.', 'Phone {x}.', 'Please call {x} on the phone.']),
           ('book_hotel', 'Book a hotel in a city', 'city', city, ['Book a hotel in {x}.', 'I need a hotel in {x}.', 'Get me a hotel room in {x}.']),
           ('book_flight', 'Book a flight to a city', 'city', city, ['Book a flight to {x}.', 'I want to fly to {x}.', 'Get me a flight to {x}.']),
           ('delete_user', 'Delete a user', 'user', person, ['Delete the user {x}.', 'Remove {x} from the users.', 'Delete {x}.']),
           ('invite', 'Invite a person to the meeting', 'name', person, ['Invite {x} to the meeting.', 'Ask {x} to come to the meeting.', 'Invite {x}.']),
           ('buy_shares', 'Buy shares of a company', 'company', firm, ['Buy shares of {x}.', 'Buy {x} shares.', 'I want shares of {x}.'])]
ASKED = ['What is the {a} of {x}?', 'Tell me the {a} of {x}.', 'Get the {a} of {x}.', 'What is the {a} for {x}?', 'I need the {a} of {x}.', '{a} of {x}',
         'Find the {a} of {x}.', 'Can you look up the {a} of {x}?', 'Do you know the {a} of {x}?', 'Show me the {a} for {x}.', "What is {x}'s {a}?"]
IN_CITY = ['What is the {a} in {x}?', 'How is the {a} in {x}?', '{a} in {x}', 'Tell me the {a} in {x}.', 'What {a} is it in {x}?', '{a} in {x}?',
           'Give me the {a} in {x}.']
DESCRIBED = ['Get the {a} of a {k}', 'Look up the {a} of a {k}', 'Returns the {a} of a {k}', 'Find the {a} of a {k}', 'The {a} of a {k}']


PREFIXES = ('get_', 'get_', 'find_', 'lookup_', '')
# Only in training, as is all that is invented: of few names and few ways to make them the model remembers the names instead of copying them.
MORE_PREFIXES = ('fetch_', 'read_', 'check_', 'show_', 'query_', 'load_', 'ask_', 'list_', 'tell_')
WORDS = sorted({word for kind, (_, attributes) in THINGS.items() for attribute in attributes.split(';') if not held_out(attribute + kind)
                for word in attribute.split(' ')})


def new_words(r):
    return ' '.join(r.choice((lambda: invented(r, 2).lower(), lambda: invented(r, 2).lower(), lambda: r.choice(WORDS)))() for _ in range(r.choice((1, 1, 2, 2, 3))))


def declared(name, description, argument, optional=()):
    properties = {each: {'type': 'string'} for each in (argument, *optional)}
    parameters = {'type': 'object', 'properties': properties, 'required': [argument]}
    return {'type': 'function', 'function': {'name': name, 'description': description, 'parameters': parameters}}


def tool(r, held, used=True):
    """(declaration, question, call, what it gives, answer)"""
    if not held and r.random() < 0.2:
        name, description, argument, make, asked = r.choice(ACTIONS)
        x = make(r)
        done = {'send_email': 'I sent the email to {x}.', 'call_person': 'I called {x}.', 'book_hotel': 'I booked a hotel in {x}.', 'book_flight': 'I booked a flight to {x}.',
                'delete_user': 'I deleted {x}.', 'invite': 'I invited {x}.', 'buy_shares': 'I bought shares of {x}.'}[name].format(x=x)
        return declared(name, description, argument), r.choice(asked).format(x=x), (name, {argument: x}), {'status': 'ok'}, done
    while True:
        kind = r.choice(list(THINGS))
        make, attributes = THINGS[kind]
        attribute = r.choice(attributes.split(';'))
        if not held and r.random() < 0.6:
            attribute = new_words(r)
        if held_out(attribute + kind) == held or not used:
            break
    if not held and r.random() < 0.3:
        kind, make = invented(r, 2).lower(), r.choice((person, city, firm))
    x = make(r, held)
    if kind == 'city' and attribute in ('weather', 'time') and r.random() < 0.6:
        name, description = f'get_{attribute}', {'weather': 'Get the weather in a city', 'time': 'Get the local time in a city'}[attribute]
    else:
        name = r.choice(PREFIXES if held or r.random() < 0.7 else MORE_PREFIXES) + attribute.replace(' ', '_')
        description = r.choice(DESCRIBED).format(a=attribute, k=kind)
    argument = r.choice((kind, kind, kind, 'name', 'query'))
    question = r.choice(IN_CITY if kind == 'city' and r.random() < 0.6 else ASKED).format(a=attribute, x=x)
    found, answer = result(r, attribute, x, kind)
    optional = [r.choice(('unit', 'language', 'format', 'limit', new_words(r).replace(' ', '_')))] if not held and r.random() < 0.1 else ()
    return declared(name, description, argument, optional), question[0].upper() + question[1:], (name, {argument: x}), found, answer


def result(r, attribute, x, kind):
    if attribute == 'weather':
        value, sky = r.randint(-9, 39), r.choice(('sunny', 'cloudy', 'rainy', 'windy', 'snowy'))
        found = {'temperature': value, 'sky': sky}
        return found if r.random() < 0.6 else dict(reversed(found.items())), f'In {x} it is {value} degrees and {sky}.'
    value = r.choice((lambda: r.randint(2, 9999), lambda: r.randint(2, 99), lambda: person(r), lambda: f'{r.randint(0, 23):02d}:{r.randint(0, 59):02d}',
                      lambda: r.choice(('open', 'closed', 'good', 'bad', 'high', 'low', 'none', 'yes', 'no'))))()
    key = r.choice((attribute.replace(' ', '_'), 'result', 'value'))
    return {key: value}, f'The {attribute} of {x} is {value}.'


def tool_use(r, held=False):
    while True:
        wanted, *others = [tool(r, held, used=index == 0) for index in range(r.choices((1, 2, 3), (0.35, 0.4, 0.25))[0])]
        # Two tools for the same thing would make the choice between them a guess.
        things = [each[0]['function']['name'].split('_', 1)[-1] for each in (wanted, *others)]
        if len(set(things)) == len(things):
            break
    tools = [each[0] for each in (wanted, *others)]
    r.shuffle(tools)
    if r.random() < 0.12:
        plain = (about_inference if r.random() < 0.7 else small_talk)(r, held)
        return Conversation('tool-not-needed', plain.turns, tools)
    _, question, (name, arguments), found, answer = wanted
    turns = [*system_turns(r), ('user', typed(r, question) if r.random() < 0.3 and arguments[next(iter(arguments))] in question else question)]
    if next(iter(arguments.values())) not in turns[-1][1]:
        turns[-1] = ('user', question)
    turns.append(('assistant', call(name, arguments)))
    if r.random() < 0.45:
        return Conversation('tool-answer', [*turns, ('tool', json.dumps(found)), ('assistant', answer)], tools)
    return Conversation('tool-call', turns, tools)
