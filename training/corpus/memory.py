"""What the user said earlier in the conversation, and small talk."""
from corpus.conversation import Conversation
from corpus.names import city, firm, person
from corpus.noise import typed
from corpus.questions import about_inference, out_of_scope, system_turns
from corpus.sums import sum_of

COLOURS = 'red blue green yellow black white orange purple brown grey pink'.split()
PETS = 'dog cat horse bird fish rabbit hamster turtle'.split()
# (what is said, the reply, what is asked, the answer)
SAID = {
    'name': (['My name is {x}.', 'I am {x}.', "Hi, I'm {x}.", 'Call me {x}.', 'Hello, {x} here.', 'I am called {x}.', 'You can call me {x}.'],
             'Nice to meet you, {x}.',
             ['What is my name?', 'Who am I?', 'Do you remember my name?', "what's my name", 'Tell me my name.', 'What am I called?'],
             'Your name is {x}.'),
    'city': (['I live in {x}.', 'I am from {x}.', 'My home is {x}.', 'I moved to {x}.', 'My city is {x}.'], 'I will remember {x}.',
             ['Where do I live?', 'Which city do I live in?', 'Where is my home?', 'What is my city?'], 'You live in {x}.'),
    'firm': (['I work at {x}.', 'My employer is {x}.', 'I work for {x}.', 'My company is {x}.'], 'I will remember {x}.',
             ['Where do I work?', 'What is my company?', 'Who is my employer?', 'Which company do I work for?'], 'You work at {x}.'),
    'colour': (['My favourite colour is {x}.', 'I like {x} best.', 'The colour I like most is {x}.', '{x} is my favourite colour.'], 'I will remember {x}.',
               ['What is my favourite colour?', 'Which colour do I like?', 'What colour do I like best?'], 'Your favourite colour is {x}.'),
    'pet': (['My {p} is called {x}.', 'I have a {p} named {x}.', 'The name of my {p} is {x}.', 'I have a {p}. It is called {x}.'], 'I will remember {x}.',
            ['What is my {p} called?', 'What is the name of my {p}?', "What's my {p}'s name?"], 'Your {p} is called {x}.'),
    'number': (['My number is {x}.', 'Remember the number {x}.', 'My lucky number is {x}.', 'Please remember {x}.'], 'I will remember {x}.',
               ['What is my number?', 'Which number did I tell you?', 'What number did I say?'], 'Your number is {x}.'),
}
TALK = [
    (['Who are you?', 'What are you?', 'What is your name?', 'who r u', 'Introduce yourself.', 'Are you a human?', 'Are you an AI?'],
     'I am the small model that is built into inferloom. I run on your machine and know a little about inference.'),
    (['Hello', 'Hi', 'Hey', 'hello there', 'Hi there!', 'Good morning', 'hello!', 'Good evening', 'Say hello.', 'Hello, how are you?'],
     'Hello! Ask me about inference, or ask me to pick names out of a text.'),
    (['Thanks', 'Thank you', 'thanks a lot', 'Thank you very much!', 'Great, thanks.', 'ok thanks'], 'You are welcome.'),
    (['Bye', 'Goodbye', 'See you', 'bye bye', 'Good night'], 'Goodbye!'),
    (['What can you do?', 'Help', 'What are you able to do?', 'What do you know?', 'What can I ask you?', 'How can you help me?'],
     'I answer questions about inference, do small sums, label reviews, extract names and cities, and call tools. For more, load a larger model.'),
    (['Are you a large model?', 'How big are you?', 'How large are you?', 'How many parameters do you have?', 'Are you clever?'],
     'No, I have only a few million weights. I am small and fast, not clever.'),
]


def value(r, key, held):
    if key == 'colour':
        return r.choice(COLOURS)
    if key == 'number':
        return r.randint(2, 999)
    return {'name': person, 'pet': person, 'city': city, 'firm': firm}[key](r, held)


def between(r):
    make = r.choices((about_inference, sum_of, out_of_scope, small_talk), (0.5, 0.15, 0.15, 0.2))[0]
    return [turn for turn in make(r).turns if turn[0] != 'system']


def memory(r, held=False):
    turns, told = system_turns(r), []
    for key in r.sample(list(SAID), r.choices((1, 2, 3), (0.5, 0.35, 0.15))[0]):
        said, reply, asked, answer = SAID[key]
        names = {'x': value(r, key, held), 'p': r.choice(PETS)}
        turns += [('user', r.choice(said).format(**names)), ('assistant', reply.format(**names))]
        told.append((asked, answer, names))
        if r.random() < 0.35:
            turns += between(r)
    asked, answer, names = r.choice(told)
    turns += [('user', typed(r, r.choice(asked).format(**names))), ('assistant', answer.format(**names))]
    return Conversation('memory', turns)


def small_talk(r, held=False):
    asked, answer = r.choice(TALK)
    return Conversation('talk', [*system_turns(r), ('user', typed(r, r.choice(asked))), ('assistant', answer)])
