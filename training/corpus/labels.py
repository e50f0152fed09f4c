"""Labels for texts: sentiment, in the language that the system prompt asks for, and what a customer wants."""
from corpus.conversation import Conversation, held_out
from corpus.noise import typed
from corpus.questions import system_turns

GOOD = ['great', 'excellent', 'wonderful', 'fast and reliable', 'lovely', 'perfect', 'superb', 'a joy to use', 'fantastic', 'very good',
        'amazing', 'brilliant', 'beautiful', 'worth every cent', 'the best I ever had', 'really nice', 'awesome', 'outstanding', 'easy to use']
BAD = ['terrible', 'awful', 'broken', 'slow and buggy', 'horrible', 'useless', 'very bad', 'a waste of money', 'disappointing', 'poor',
       'ugly', 'the worst I ever had', 'not worth it', 'a mess', 'too slow', 'really bad', 'a disaster', 'badly made', 'hard to use']
PLAIN = ['okay', 'average', 'neither good nor bad', 'as expected', 'nothing special', 'so-so', 'made of metal', 'blue', 'from last year', 'average at best']
THINGS = ('phone laptop book film hotel meal service app camera chair coffee tool server keyboard headset jacket game room waiter '
          'teacher song battery screen pizza bike shop doctor website').split()
REVIEWS = ['The {t} is {w}.', 'The {t} was {w}.', 'I think this {t} is {w}.', 'My new {t} is {w}.', 'This {t} is {w}!', '{w}, this {t}.',
           'The {t} that I bought is {w}.', 'Honestly, the {t} was {w}.', 'Our {t} turned out to be {w}.', 'What a {t}: {w}.',
           # Only in the held-out set:
           'We found the {t} {w}.', 'For me the {t} is {w}.']
SENTIMENT = ['Is this review positive, negative or neutral? {x}', 'Classify the sentiment: {x}', 'Sentiment of: {x}', 'Label this review: {x}',
             'Is this positive or negative? {x}', '{x} Positive, negative or neutral?', 'What is the sentiment of this text? {x}', 'Sentiment: {x}',
             'Rate the sentiment of this: {x}']
LANGUAGES = {'English': ('positive', 'negative', 'neutral'), 'German': ('positiv', 'negativ', 'neutral'),
             'French': ('positif', 'négatif', 'neutre'), 'Spanish': ('positivo', 'negativo', 'neutro')}
IN_LANGUAGE = ['Answer with {l} labels.', 'Use labels in {l}.', 'Write labels in {l}.', 'Labels must be in {l}.', 'Your labels are in {l}.']

INTENTS = {
    'refund': ['I want my money back.', 'Please refund my order.', 'How do I get a refund?', 'Return the money for the {t}.', 'I would like a refund for the {t}.',
               'The {t} broke, give me my money back.', 'Can I have my money back for the {t}?', 'I demand a refund.'],
    'shipping': ['Where is my {t}?', 'When will my {t} arrive?', 'My {t} has not arrived yet.', 'Has the {t} been sent?', 'Track my order of a {t}.',
                 'How long does delivery of the {t} take?', 'The {t} is late, where is it?', 'Where is my parcel?'],
    'cancel': ['Cancel my order.', 'I want to cancel my subscription.', 'Please cancel the {t}.', 'Stop my subscription.', 'I no longer want the {t}, cancel it.',
               'How can I cancel the order of the {t}?', 'End my contract.', 'Cancel everything.'],
    'login': ['I cannot log in.', 'I forgot my password.', 'My password does not work.', 'How do I reset my password?', 'My account is locked.',
              'The site does not let me sign in.', 'Login fails every time.', 'I lost access to my account.'],
    'price': ['How much is the {t}?', 'What does the {t} cost?', 'Is there a discount on the {t}?', 'What is the price of the {t}?', 'How expensive is the {t}?',
              'Do you have a cheaper {t}?', 'Tell me the price of a {t}.', 'Are there any discounts?'],
    'thanks': ['Thank you for the {t}.', 'Thanks, you helped a lot.', 'Many thanks for your help with the {t}.', 'Great help, thank you.', 'Thanks for everything.',
               'I am grateful for your help.', 'Thanks a lot for the {t}.', 'Thank you so much.'],
}
OPENINGS = ['', '', 'Hello. ', 'Hi, ', 'Good morning. ', 'Dear team, ', 'Excuse me. ', 'Hey! ', 'Sorry to bother you. ', 'One question: ']
INTENT = ['What does the customer want: {o}? {x}', 'Classify the intent ({o}): {x}', 'Label this message as {o}: {x}', 'Intent ({o}): {x}',
          'Choose one of {o}. Message: {x}', '{x} Is this {o}?']


def sentiment(r, held):
    kind = r.choices((0, 1, 2), (0.4, 0.4, 0.2))[0]
    word = r.choice((GOOD, BAD, PLAIN)[kind])
    while True:
        review = r.choice(REVIEWS[-2:] if held and r.random() < 0.5 else REVIEWS[:-2]).format(t=r.choice(THINGS), w=word)
        if held or not held_out(review):
            break
    review = review[0].upper() + review[1:]
    language, turns = 'English', system_turns(r)
    if r.random() < 0.45:
        language = r.choice(list(LANGUAGES))
        turns = [('system', r.choice(IN_LANGUAGE).format(l=language))]
    return Conversation('labels', [*turns, ('user', typed(r, r.choice(SENTIMENT).format(x=review))), ('assistant', LANGUAGES[language][kind])])


def intent(r, held):
    name = r.choice(list(INTENTS))
    while True:
        text = r.choice(OPENINGS) + r.choice(INTENTS[name]).format(t=r.choice(THINGS))
        if held_out(text) == held:
            break
    options = [name, *r.sample([each for each in INTENTS if each != name], r.randint(2, 4))]
    r.shuffle(options)
    question = r.choice(INTENT).format(o=', '.join(options[:-1]) + ' or ' + options[-1], x=text)
    return Conversation('labels', [*system_turns(r), ('user', typed(r, question)), ('assistant', name)])


def label(r, held=False):
    return sentiment(r, held) if r.random() < 0.55 else intent(r, held)
